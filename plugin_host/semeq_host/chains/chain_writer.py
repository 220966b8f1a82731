"""Chains to TOML: what `read_chain` read, or a live Pedalboard, as a file that reads back as the same chain, every parameter to the bit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import tomlkit
from pedalboard import Pedalboard  # type: ignore[attr-defined]  # re-exported without saying so
from tomlkit.items import Table

from semeq_export.errors import ChainError, printable
from semeq_export.files.atomic import write_atomic
from semeq_host.chains.chain_file import FILE_PARAMETERS, ChainSpec, LoadedChain, PluginSpec, builtins, hint, parse_chain
from semeq_host.chains.semantic_eq import SemanticEq

_MAX_STEPS = 16

Files = Mapping[pedalboard.Plugin, str | os.PathLike[str]]


def write_chain(
    path: str | os.PathLike[str], chain: ChainSpec | Pedalboard, *, files: Files | None = None, overwrite: bool = False
) -> ChainSpec:
    """Write a chain as TOML, whole or not at all, and return what reading it gives.

    A live Pedalboard is written as it is set now. files: where plug-ins of it come from that Pedalboard does not know: VST3 plug-ins and
    Convolutions made from arrays; a chain from a file remembers its own. Of a VST3 plug-in all parameters are written, as it holds them;
    whatever else it remembers is not. Names of files stay as they are in the chain's own folder and become absolute elsewhere.
    Raises ChainError naming the plug-in that a chain file cannot hold, and OutputError and EnvironmentFailure as `write_atomic` does.
    """
    folder = Path(path).resolve().parent
    if isinstance(chain, ChainSpec):
        tables = [_table_of_spec(plugin, chain.path.resolve().parent, folder) for plugin in chain.plugins]
    else:
        known = {**(chain.files if isinstance(chain, LoadedChain) else {}), **(files or {})}
        tables = _tables(chain, known, "")
    text = tomlkit.dumps({"plugin": tables}) if tables else ""
    written = parse_chain(text.encode("utf-8"), path)
    write_atomic(path, text.encode("utf-8"), overwrite=overwrite)
    return written


def _table_of_spec(spec: PluginSpec, source: Path, folder: Path) -> Table:
    named = FILE_PARAMETERS.get(spec.type)
    values = {name: getattr(value, "name", value) for name, value in spec.parameters.items()}  # members of enumerations by name
    if named is not None and source != folder:
        values[named] = str(source / str(values[named]))
    return _table(spec.type, values, [_table_of_spec(plugin, source, folder) for plugin in spec.plugins])


def _tables(plugins: Iterable[pedalboard.Plugin], files: Files, place: str) -> list[Table]:
    return [_table_of_plugin(plugin, files, f"{place}plugin {index}") for index, plugin in enumerate(plugins, start=1)]


def _table_of_plugin(plugin: pedalboard.Plugin, files: Files, place: str) -> Table:
    kind = type(plugin).__name__
    if isinstance(plugin, SemanticEq):
        return _table("SemanticEq", _semantic(plugin, place))
    if isinstance(plugin, pedalboard.PluginContainer):
        kind = "Mix" if isinstance(plugin, pedalboard.Mix) else "Chain"
        return _table(kind, {}, _tables(plugin, files, f"{place}, "))
    named = FILE_PARAMETERS.get("VST3" if isinstance(plugin, pedalboard.ExternalPlugin) else kind)
    values: dict[str, object] = {}
    if named is not None:
        file = files.get(plugin) or getattr(plugin, named, None)
        if file is None:
            what = f"{kind} {getattr(plugin, 'name', '')}".strip()
            raise ChainError(f"{place}: Pedalboard does not know the file of {what}; name it in files")
        values[named] = str(Path(file).resolve())
    if isinstance(plugin, pedalboard.ExternalPlugin):
        return _table("VST3", values | {"plugin_name": str(getattr(plugin, "name", "")), "raw_parameters": _raw(plugin)})
    if kind not in builtins():
        raise ChainError(f"{place}: a chain file cannot hold {kind}{hint(kind, builtins())}")
    values |= {name: _value_that_sets(plugin, name, what) for name, what in builtins()[kind].items() if name != named}
    return _table(kind, {name: getattr(value, "name", value) for name, value in values.items()})


def _value_that_sets(plugin: pedalboard.Plugin, name: str, kind: str) -> object:
    """Return what makes a new plug-in show what this one shows: filters keep a gain as a factor, and show it some bits off what was set."""
    shown = getattr(plugin, name)
    if kind != "float" or isinstance(plugin, pedalboard.Convolution):
        return shown
    below = above = np.float32(shown)
    for _ in range(_MAX_STEPS):
        for value in (float(below), float(above)):
            if getattr(type(plugin)(**{name: value}), name) == shown:
                return value
        below, above = np.nextafter(below, np.float32(-np.inf)), np.nextafter(above, np.float32(np.inf))
    return shown


def _semantic(plugin: SemanticEq, place: str) -> dict[str, object]:
    if plugin.has_listened:
        raise ChainError(f"{place}: SemanticEq has listened to a sound, which a chain file cannot hold; forget() goes back to the word")
    weights = plugin.target.weights
    words = ",".join(word if len(weights) == 1 and weight == 1.0 else f"{word}:{float(weight)!r}" for word, weight in weights.items())
    return {"target": words, "intensity": float(plugin.intensity)}


def _raw(plugin: Any) -> Table:  # Any: the stubs of Pedalboard know no parameters
    """Return all parameters as the plug-in holds them, each with a comment that says what it shows."""
    table = tomlkit.table()
    for name, parameter in plugin.parameters.items():
        table.add(name, float(parameter.raw_value))
        table[name].comment(printable(f"{parameter.string_value} {parameter.label}".strip()))
    return table


def _table(kind: str, values: Mapping[str, object], plugins: Iterable[Table] = ()) -> Table:
    table = tomlkit.table()
    table.update({"type": kind, **values})
    if inner := list(plugins):
        table.add("plugin", inner)
    return table
