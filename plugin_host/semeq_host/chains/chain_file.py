"""Chains as TOML: any Pedalboard built-in by its class name with its parameters, VST3 plug-ins, and the semantic EQ anywhere among them.

    [[plugin]]
    type = "SemanticEq"
    target = "warm"                       # or a phrase: "a bit warmer"
    intensity = 0.8

    [[plugin]]
    type = "Compressor"
    threshold_db = -18

    [[plugin]]
    type = "VST3"
    path = "/usr/lib/vst3/Some.vst3"      # relative paths start at the TOML file
    parameters = { mix = 40.0 }           # as the plug-in shows them
    raw_parameters = { drive = 0.25 }     # as it holds them, 0..1: exact, after the others

Containers (`Chain`, `Mix`) hold plug-ins of their own as `[[plugin.plugin]]`.
"""

from __future__ import annotations

import difflib
import itertools
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pedalboard
from pedalboard import Pedalboard, load_plugin  # type: ignore[attr-defined]  # re-exported without saying so

from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import AudioInfo
from semeq_export.errors import AudioError, ChainError, InvalidTargetError, printable
from semeq_export.files import strict_toml
from semeq_export.files.disk import read_regular
from semeq_export.words.target import SemanticTarget
from semeq_host.chains.board_stage import ChainStage
from semeq_host.chains.plugin_limits import NEGLIGIBLE_OVER_NYQUIST, check_limits, over_nyquist
from semeq_host.chains.semantic_eq import SemanticEq
from semeq_host.streams.source import EqSource

_CONTAINERS: dict[str, type[pedalboard.Chain | pedalboard.Mix]] = {"Chain": pedalboard.Chain, "Mix": pedalboard.Mix}
_OURS = {
    "SemanticEq": {"target": "str", "intensity": "float"},
    "VST3": {"path": "str", "parameters": "table", "raw_parameters": "shares", "plugin_name": "str"},
}
_REQUIRED = {"SemanticEq": {"target"}, "VST3": {"path"}, "Convolution": {"impulse_response_filename"}}
FILE_PARAMETERS = {"VST3": "path", "Convolution": "impulse_response_filename"}
"""Which parameter names a file that the sound depends on, by type."""


@dataclass(frozen=True, slots=True)
class PluginSpec:
    """One plug-in of a chain as the file states it. place: for messages, such as "plugin 2"."""

    type: str
    parameters: Mapping[str, object]
    plugins: tuple[PluginSpec, ...]
    place: str


@dataclass(frozen=True, slots=True)
class ChainWords:
    """What a semantic EQ of a chain is asked for, as the file says it: a target or a phrase, and how much of it."""

    text: str
    intensity: float

    def target(self, engine: EqSource) -> SemanticTarget:
        """Return what an engine understands; raises UnknownTermError and InvalidTargetError."""
        return engine.understand(self.text).target(self.intensity)

    def check(self) -> None:
        """Raise InvalidTargetError for what no engine understands."""
        SemanticTarget({"word": 1.0}, self.intensity)
        if ":" in self.text or not self.text.strip():  # no phrase has weights
            SemanticTarget.parse(self.text)


class LoadedChain(Pedalboard):
    """A chain made from a file. Pedalboard alone would forget what is kept here.

    semantic_eqs: its semantic EQs in order, for live changes. files: of plug-ins that come from a file or hold one, where it is.
    warnings: one line for each filter that the sample rate cannot hold, those of the semantic EQs aside.
    """

    def __init__(
        self,
        plugins: list[pedalboard.Plugin],
        semantic_eqs: tuple[SemanticEq, ...],
        files: Mapping[pedalboard.Plugin, Path],
        warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(plugins)
        self.semantic_eqs, self.files, self.warnings = semantic_eqs, files, warnings


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """A checked chain file. Building makes new plug-ins each time, so that no state passes from file to file."""

    path: Path
    plugins: tuple[PluginSpec, ...]

    @property
    def needs_engine(self) -> bool:
        """Whether a semantic EQ is anywhere in the chain."""
        return any(_holds(plugin, "SemanticEq") for plugin in self.plugins)

    @property
    def words(self) -> tuple[ChainWords, ...]:
        """What its semantic EQs are asked for."""
        return tuple(words for plugin in self.plugins for words in _words_in(plugin))

    @property
    def files(self) -> tuple[Path, ...]:
        """The files and plug-in bundles that the sound depends on besides the chain file, in order."""
        return tuple(self.path.parent / name for plugin in self.plugins for name in _files(plugin))

    @property
    def has_plugin_files(self) -> bool:
        """Whether a plug-in comes from a file: code of others, which may crash or hang."""
        return any(_holds(plugin, "VST3") for plugin in self.plugins)

    def check_files(self) -> None:
        """Load once what comes from files, plug-ins and impulse responses; raises ChainError as `build` does."""
        assembly = _Assembly(None, 48_000.0)
        for plugin in itertools.chain.from_iterable(map(_flat, self.plugins)):
            if plugin.type in FILE_PARAMETERS:
                self._build(plugin, assembly)

    def build(self, engine: EqSource | None, sample_rate_hz: float) -> LoadedChain:
        """Return the chain for audio of a rate. engine: needed where the chain `needs_engine`.

        A filter over 0.95 of Nyquist is left out, a low shelf there becomes plain gain, and `warnings` name it. Raises ChainError where
        such a plug-in cannot be left out, where one refuses its values or a plug-in file does not load, and as `SemanticEq` does.
        """
        assembly = _Assembly(engine, sample_rate_hz)
        plugins = [self._build(plugin, assembly) for plugin in self.plugins]
        return LoadedChain(plugins, tuple(assembly.semantic_eqs), assembly.files, tuple(assembly.warnings))

    def stage(self, engine: EqSource | None) -> Callable[[AudioInfo], ChainStage]:
        """Return what `process_file` takes as `make_stage`: a fresh chain for each file, at that file's rate."""

        def make(info: AudioInfo) -> ChainStage:
            chain = self.build(engine, info.sample_rate_hz)
            warnings = tuple(warning for equaliser in chain.semantic_eqs for warning in equaliser.warnings)
            return ChainStage(chain, info.sample_rate_hz, info.channels, warnings=(*chain.warnings, *warnings))

        return make

    def _build(self, spec: PluginSpec, assembly: _Assembly) -> pedalboard.Plugin:
        values = dict(spec.parameters)
        if spec.type in _CONTAINERS:
            return _CONTAINERS[spec.type]([self._build(plugin, assembly) for plugin in spec.plugins])
        if spec.type == "SemanticEq":
            if assembly.engine is None:
                raise ChainError(f"{spec.place}: SemanticEq needs a model bundle", printable(self.path))
            target = _words(values).target(assembly.engine)
            assembly.semantic_eqs.append(SemanticEq(assembly.engine, target, sample_rate_hz=assembly.sample_rate_hz))
            return assembly.semantic_eqs[-1]
        if why := over_nyquist(spec.type, values, assembly.sample_rate_hz):
            if spec.type not in NEGLIGIBLE_OVER_NYQUIST:
                raise ChainError(f"{spec.place}: {why}", printable(self.path))
            is_shelf = spec.type == "LowShelfFilter"
            assembly.warnings.append(f"{spec.place}: {why}: {'applied as plain gain' if is_shelf else 'left out'}")
            return pedalboard.Gain(float(str(values.get("gain_db", 0.0))) if is_shelf else 0.0)
        make: Callable[..., pedalboard.Plugin] = getattr(pedalboard, spec.type, _load_external)
        named = FILE_PARAMETERS.get(spec.type)
        file = None if named is None else self.path.parent / str(values.pop(named))
        if spec.type == "VST3":
            values["path"] = file
        elif file is not None:
            try:
                response = read_audio(file)
            except AudioError as error:
                raise ChainError(f"{spec.place}: {spec.type}: {error}", printable(self.path)) from error
            values |= {"impulse_response_filename": response.samples.astype("float32"), "sample_rate": response.sample_rate_hz}
        try:
            plugin = make(**values)
            if file is not None:
                assembly.files[plugin] = file
            return plugin
        except (ValueError, RuntimeError, TypeError, ImportError, AttributeError) as error:
            raise ChainError(f"{spec.place}: {spec.type} refuses: {' '.join(str(error).split())[:200]}", printable(self.path)) from error


@dataclass(frozen=True, slots=True)
class _Assembly:
    """What a chain is built with and for, and what is noted of its plug-ins on the way."""

    engine: EqSource | None
    sample_rate_hz: float
    semantic_eqs: list[SemanticEq] = field(default_factory=list)
    files: dict[pedalboard.Plugin, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def _load_external(
    path: Path,
    parameters: Mapping[str, object] | None = None,
    raw_parameters: Mapping[str, float] | None = None,
    plugin_name: str | None = None,
) -> pedalboard.Plugin:
    plugin: Any = load_plugin(str(path), parameter_values=dict(parameters or {}), plugin_name=plugin_name)  # type: ignore[arg-type]  # it checks; Any: its stubs know no parameters
    for name, value in (raw_parameters or {}).items():
        if name not in plugin.parameters:
            raise ValueError(f"no parameter {name!r}{hint(name, plugin.parameters)}")
        plugin.parameters[name].raw_value = value
    loaded: pedalboard.Plugin = plugin
    return loaded


def load_chain(path: str | os.PathLike[str], engine: EqSource | None = None, *, sample_rate_hz: float = 44_100.0) -> LoadedChain:
    """Return the chain of a TOML file, ready to process; raises as `read_chain` and `ChainSpec.build` do."""
    return read_chain(path).build(engine, sample_rate_hz)


def read_chain(path: str | os.PathLike[str]) -> ChainSpec:
    """Return the checked content of a chain file; no plug-in is made yet.

    Raises ChainError naming the place for bad TOML, an unknown plug-in or parameter (with the closest names) and a value of a wrong type.
    """
    return parse_chain(read_regular(path, ChainError, max_bytes=strict_toml.MAX_BYTES), path)


def parse_chain(data: bytes, path: str | os.PathLike[str]) -> ChainSpec:
    """Return what `read_chain` does for a file of this content. path: for messages, and where relative names start."""
    name = printable(path)
    try:
        document = strict_toml.loads(data)
    except ValueError as error:
        raise ChainError(str(error), name) from error
    try:
        for key in document.keys() - {"plugin"}:
            raise ChainError(f"unknown table {key!r}; plug-ins are [[plugin]] tables")
        plugins = _plugins(document.get("plugin"), "chain")
        return ChainSpec(Path(path), plugins)
    except ChainError as error:
        raise ChainError(error.why, name) from error


def _plugins(tables: object, place: str) -> tuple[PluginSpec, ...]:
    if not isinstance(tables, list) or not tables:
        raise ChainError(f"{place}: no plug-in in it; plug-ins are [[plugin]] tables, inside a container [[plugin.plugin]]")
    return tuple(_plugin(table, f"{'' if place == 'chain' else place + ', '}plugin {index}") for index, table in enumerate(tables, start=1))


def _plugin(table: object, place: str) -> PluginSpec:
    if not isinstance(table, Mapping):
        raise ChainError(f"{place} is not a table")
    kind = table.get("type")
    known = {*builtins(), *_OURS, *_CONTAINERS}
    if not isinstance(kind, str) or kind not in known:
        raise ChainError(f"{place}: unknown type {kind!r}{hint(str(kind), known)}")
    if kind in _CONTAINERS:
        for name in table.keys() - {"type", "plugin"}:
            raise ChainError(f"{place}: {kind} has no parameter {name!r}")
        return PluginSpec(kind, {}, _plugins(table.get("plugin"), place), place)
    types = _OURS[kind] if kind in _OURS else builtins()[kind]
    for name in sorted(_REQUIRED.get(kind, set()) - table.keys()):
        raise ChainError(f"{place}: {kind} needs {name}")
    values: dict[str, object] = {}
    for name, value in table.items():
        if name == "type":
            continue
        if name not in types:
            raise ChainError(f"{place}: {kind} has no parameter {name!r}{hint(name, types)}")
        values[name] = _checked(value, types[name], f"{place}: {kind} {name}")
        check_limits(kind, name, values[name], place)
    if kind == "SemanticEq":
        try:
            _words(values).check()
        except InvalidTargetError as error:
            raise ChainError(f"{place}: {error}") from error
    return PluginSpec(kind, values, (), place)


@cache
def builtins() -> Mapping[str, Mapping[str, str]]:
    """Return Pedalboard's plug-ins with their parameters and types; pybind11 states them in the first line of a constructor's docstring."""
    result: dict[str, dict[str, str]] = {}
    for name, kind in vars(pedalboard).items():
        if not isinstance(kind, type) or not issubclass(kind, pedalboard.Plugin) or kind.__name__ != name:
            continue
        if issubclass(kind, pedalboard.PluginContainer | pedalboard.ExternalPlugin):
            continue
        signature = re.match(r"__init__\(self: [\w.]+(.*)\) -> None", (kind.__init__.__doc__ or "").splitlines()[0])
        if signature is not None and name not in ("Plugin", "IIRFilter"):
            result[name] = dict(re.findall(r", (\w+): ([\w.]+)", signature[1]))
    result["Convolution"] = {"impulse_response_filename": "str", "mix": "float"}  # the file's own rate goes with it
    return result


def _checked(value: object, kind: str, where: str) -> object:
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ChainError(f"{where} {value} is not a finite number")
        return float(value)
    if (kind == "bool" and isinstance(value, bool)) or (kind == "str" and isinstance(value, str)):
        return value
    if kind in ("table", "shares") and isinstance(value, Mapping):
        for name, number in value.items() if kind == "shares" else ():
            if not isinstance(number, float | int) or isinstance(number, bool) or not 0.0 <= number <= 1.0:
                raise ChainError(f"{where}: {name} {number!r} is not in 0..1, as plug-ins hold their parameters")
        return dict(value)
    members = choices(kind)
    if members and isinstance(value, str) and value in members:
        return members[value]
    words = {"float": "a number", "bool": "true or false", "str": "a text", "table": "a table", "shares": "a table"}
    expected = words.get(kind) or f"one of {', '.join(members)}"
    raise ChainError(f"{where} {value!r} is not {expected}")


def choices(kind: str) -> Mapping[str, object]:
    """Return the members of an enumeration inside Pedalboard, such as pedalboard_native.LadderFilter.Mode, by name."""
    place: Any = pedalboard  # Any: classes of a binary module
    for part in kind.split(".")[1:]:
        place = getattr(place, part)
    return dict(getattr(place, "__members__", {}))


def _flat(spec: PluginSpec) -> list[PluginSpec]:
    """Return a plug-in and those inside of it."""
    return [spec, *itertools.chain.from_iterable(map(_flat, spec.plugins))]


def _holds(spec: PluginSpec, kind: str) -> bool:
    return spec.type == kind or any(_holds(plugin, kind) for plugin in spec.plugins)


def _words_in(spec: PluginSpec) -> list[ChainWords]:
    own = [_words(spec.parameters)] if spec.type == "SemanticEq" else []
    return own + [words for plugin in spec.plugins for words in _words_in(plugin)]


def _files(spec: PluginSpec) -> list[str]:
    named = FILE_PARAMETERS.get(spec.type)
    own = [] if named is None else [str(spec.parameters[named])]
    return own + [name for plugin in spec.plugins for name in _files(plugin)]


def _words(values: Mapping[str, object]) -> ChainWords:
    return ChainWords(str(values["target"]), float(str(values.get("intensity", 1.0))))


def hint(wrong: str, known: Iterable[str]) -> str:
    """Return the end of a message: the closest names, or all."""
    lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wrong.lower(), lower, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(repr(lower[name]) for name in near)}?"
    return f"; known: {', '.join(sorted(known))}"
