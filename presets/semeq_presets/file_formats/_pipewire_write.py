"""What a filter-chain's configuration says once an EQ has changed: as little else as possible.

Three ways, the first that can: values are changed where they stand; in a series of biquads, nodes are added and taken out; else a graph
that holds nothing but an EQ is written anew.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from semeq_export.eq.channels import POSITIONS, position
from semeq_export.eq.settings import MAX_PREAMP_DB, Band, EqSettings
from semeq_export.errors import PresetWriteError
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._pipewire_nodes import GAIN_LABEL, KINDS, LABELS, PLAIN, Part, Ref, put_part, word
from semeq_presets.file_formats._slugs import slug
from semeq_presets.file_formats._tree import Node, Quoted, mapping, sequence
from semeq_presets.file_formats.base import Preset

_POSITIONS = ("FL", "FR", "FC", "LFE", "RL", "RR", "SL", "SR")


@dataclass(frozen=True, slots=True)
class Channel:
    """An output's number, and the parts that its sound goes through."""

    index: int
    parts: tuple[Part, ...]

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of the EQ."""
        return tuple(part.band for part in self.parts if part.band is not None)

    @property
    def preamp_db(self) -> float:
        """All gains together, in dB."""
        return sum((part.gain_db for part in self.parts), 0.0)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file, the number of the module in it, the outputs that have an EQ, and how many outputs graph and file have."""

    root: dict[str, Node]
    module: int
    channels: tuple[Channel, ...]
    graph_outputs: int
    outputs: int
    is_series: bool


def document(preset: Preset, module: str) -> dict[str, Node]:
    """Return the configuration that says what the preset says; raises PresetWriteError where its graph cannot."""
    if not isinstance(preset.eq, EqSettings) and preset.eq.is_mid_side:
        raise PresetWriteError("pipewire: outputs are left and right, not mid and side; choose one with `channel`")
    name = one_line(preset.name)
    before = preset.parts(Parsed)
    if before is None:
        return _new(preset, name or "semeq", module)
    held = replace(before, root=copy.deepcopy(before.root))
    arguments = mapping(mapping(sequence(held.root["context.modules"], "modules")[held.module], "module")["args"], "args")
    if name and one_line(word(arguments.get("node.description"))) != name:
        arguments["node.description"] = Quoted(name)
    graph = mapping(arguments["filter.graph"], "filter.graph")
    eqs = _eqs_of(preset, before)
    if not _put_values(graph, held, eqs):
        nodes = [mapping(node, "node") for node in sequence(graph["nodes"], "nodes")]
        if _is_simple(nodes, held) and isinstance(preset.eq, EqSettings):
            _put_series(graph, nodes, held.channels[0], preset.eq)
        elif all(word(node.get("type")) == "builtin" and word(node.get("label")) in PLAIN for node in nodes):
            single = isinstance(preset.eq, EqSettings)
            _put_new(graph, {0: eqs[0]} if single else eqs, is_single=single)
        else:
            raise PresetWriteError("pipewire: the graph holds other nodes, so its number of bands cannot change; write a new file")
    return held.root


def _eqs_of(preset: Preset, held: Parsed) -> dict[int, EqSettings]:
    """Return the EQ of each output; outputs without one are flat. Raises PresetWriteError for an output that is not there."""
    if isinstance(preset.eq, EqSettings):
        return dict.fromkeys(range(held.outputs), preset.eq)
    eqs = {position(name): eq for name, eq in preset.eq}
    if max(eqs) >= held.outputs:
        raise PresetWriteError(f"pipewire: the file has {held.outputs} outputs, none for channel {max(eqs) + 1}; write a new file")
    return {index: eqs.get(index, EqSettings()) for index in range(held.outputs)}


def _put_values(graph: dict[str, Node], held: Parsed, eqs: Mapping[int, EqSettings]) -> bool:
    """Change the values of nodes where that is all; return whether it was."""
    wanted: dict[Ref, Band | float] = {}
    if set(eqs) != {channel.index for channel in held.channels}:
        return False
    for channel in held.channels:
        eq = eqs[channel.index]
        if len(eq.bands) != len(channel.bands) or not _plan_gains(channel, eq.preamp_db, wanted):
            return False
        rest = iter(eq.bands)
        for part in channel.parts:
            if part.band is None:
                continue
            band = next(rest)
            if band != part.band and (part.ref is None or part.ref[1] == "raw"):
                return False
            if part.ref is not None and wanted.setdefault(part.ref, band) != band:
                return False
    said = {part.ref: part.gain_db if part.band is None else part.band for channel in held.channels for part in channel.parts}
    nodes = sequence(graph["nodes"], "nodes")
    for ref, value in wanted.items():
        if value != said[ref]:
            node = mapping(nodes[ref[0]], "node")
            entry = mapping(sequence(mapping(node["config"], "config")[ref[1]], ref[1])[ref[2]], ref[1]) if ref[1] else node
            _put(entry, ref, value)
    return True


def _plan_gains(channel: Channel, preamp_db: float, wanted: dict[Ref, Band | float]) -> bool:
    """Add the gains that give a channel its preamp; return whether there are some that do."""
    gains = [(part.ref, part.gain_db) for part in channel.parts if part.is_gain]
    if channel.preamp_db != preamp_db:
        if not gains:
            return False
        fixed_db = sum((part.gain_db for part in channel.parts if not part.is_gain), 0.0)
        first_db = preamp_db - fixed_db - sum((gain_db for _, gain_db in gains[1:]), 0.0)
        if abs(first_db) > MAX_PREAMP_DB or sum(ref == gains[0][0] for ref, _ in gains) > 1:
            return False
        gains[0] = (gains[0][0], first_db)
    return all(ref is not None and wanted.setdefault(ref, gain_db) == gain_db for ref, gain_db in gains)


def _put(entry: dict[str, Node], ref: Ref, value: Band | float) -> None:
    if isinstance(value, Band):
        put_part(entry, ref, LABELS[value.kind], value.freq_hz, value.q, value.gain_db)
    else:
        put_part(entry, ref, GAIN_LABEL, 0.0, 1.0, value)


def _is_simple(nodes: list[dict[str, Node]], held: Parsed) -> bool:
    """Whether a graph is a series of biquads, each of which is one band or a gain."""
    parts = held.channels[0].parts
    refs = [part.ref for part in parts]
    plain = all(word(node.get("label")) in KINDS and word(node.get("name")) for node in nodes)
    return held.is_series and plain and refs == [(index, "", 0) for index in range(len(nodes))]


def _put_series(graph: dict[str, Node], nodes: list[dict[str, Node]], channel: Channel, eq: EqSettings) -> None:
    """Let a series be an EQ: values change in place, what is over goes, what is new stands behind the last band."""
    rest = list(eq.bands)
    keep_preamp = any(part.is_gain for part in channel.parts) and channel.preamp_db == eq.preamp_db
    result: list[dict[str, Node]] = []
    preamp_written, last = False, 0
    for index, (node, part) in enumerate(zip(nodes, channel.parts, strict=True)):
        if part.band is not None:
            if not rest:
                continue
            band = rest.pop(0)
            if band != part.band:
                _put(node, (index, "", 0), band)
            last = len(result) + 1
        elif not keep_preamp:
            if preamp_written:
                continue
            _put(node, (index, "", 0), eq.preamp_db)
            preamp_written = True
        result.append(node)
    names = {word(node.get("name")) for node in result}
    first_new = len(channel.bands) + 1
    result[last or len(result) : last or len(result)] = [
        _node(names, f"eq_band_{count}", band) for count, band in enumerate(rest, first_new)
    ]
    if not (keep_preamp or preamp_written) and (eq.preamp_db != 0.0 or not result):
        result.insert(0, _node(names, "eq_preamp", eq.preamp_db))
    graph["nodes"] = [*result]
    links = _links([word(node.get("name")) for node in result])
    if graph.get("links") != links and (links or graph.get("links") is not None):
        graph["links"] = links
    for key, name, port in (("inputs", result[0], "In"), ("outputs", result[-1], "Out")):
        if graph.get(key):
            graph[key] = [Quoted(f"{word(name.get('name'))}:{port}")]


def _new(preset: Preset, name: str, module: str) -> dict[str, Node]:
    """Return a new file."""
    single = isinstance(preset.eq, EqSettings)
    eqs: dict[int, EqSettings] = {0: preset.eq} if isinstance(preset.eq, EqSettings) else {position(held): eq for held, eq in preset.eq}
    count = 2 if single else max(2, max(eqs) + 1)
    capture: dict[str, Node] = {"node.name": Quoted(f"effect_input.{slug(name)}"), "media.class": "Audio/Sink"}
    playback: dict[str, Node] = {"node.name": Quoted(f"effect_output.{slug(name)}"), "node.passive": "true"}
    graph: dict[str, Node] = {}
    _put_new(graph, eqs if single else {index: eqs.get(index, EqSettings()) for index in range(count)}, is_single=single)
    arguments: dict[str, Node] = {
        "node.description": Quoted(name),
        "media.name": Quoted(name),
        "filter.graph": graph,
        "audio.channels": str(count),
        "audio.position": [_POSITIONS[index] if index < len(_POSITIONS) else f"AUX{index}" for index in range(count)],
        "capture.props": capture,
        "playback.props": playback,
    }
    return {"context.modules": [{"name": module, "args": arguments}]}


def _put_new(graph: dict[str, Node], eqs: Mapping[int, EqSettings], *, is_single: bool) -> None:
    """Let a graph be a series of biquads for each EQ."""
    nodes: list[Node] = []
    links: list[Node] = []
    ends: list[tuple[str, str]] = []
    names: set[str] = set()
    for index, eq in eqs.items():
        stem = "eq" if is_single else tuple(POSITIONS)[index] if index < len(POSITIONS) else f"channel_{index + 1}"
        own = [_node(names, f"{stem}_preamp", eq.preamp_db)] if eq.preamp_db != 0.0 or not eq.bands else []
        own += [_node(names, f"{stem}_band_{count}", band) for count, band in enumerate(eq.bands, start=1)]
        nodes += own
        series = [word(node.get("name")) for node in own]
        links += _links(series)
        ends.append((series[0], series[-1]))
    graph.update({"nodes": nodes, "links": links})
    for key, place, port in (("inputs", 0, "In"), ("outputs", 1, "Out")):
        if not is_single:
            graph[key] = [Quoted(f"{end[place]}:{port}") for end in ends]
        else:
            graph.pop(key, None)


def _links(names: list[str]) -> list[Node]:
    return [{"output": Quoted(f"{first}:Out"), "input": Quoted(f"{second}:In")} for first, second in pairwise(names)]


def _node(names: set[str], name: str, value: Band | float) -> dict[str, Node]:
    """Return a new node with a name that is not taken."""
    free, count = name, 1
    while free in names:
        count += 1
        free = f"{name}_{count}"
    names.add(free)
    node: dict[str, Node] = {"type": "builtin", "name": free}
    _put(node, (0, "", 0), value)
    return node
