"""PipeWire filter-chain configuration: a virtual output with the EQ in front of the real one.

    context.modules = [
      {
        name = libpipewire-module-filter-chain
        args = {
          node.description = "Warm"
          media.name = "Warm"
          filter.graph = {
            nodes = [
              { type = builtin name = eq_preamp label = bq_highshelf control = { "Freq" = 0.0 "Q" = 1.0 "Gain" = -6.0 } }
              { type = builtin name = eq_band_1 label = bq_lowshelf control = { "Freq" = 105.0 "Q" = 0.71 "Gain" = -4.5 } }
            ]
            links = [
              { output = "eq_preamp:Out" input = "eq_band_1:In" }
            ]
          }
          audio.channels = 2
          audio.position = [ FL FR ]
          capture.props = { node.name = "effect_input.warm" media.class = Audio/Sink }
          playback.props = { node.name = "effect_output.warm" node.passive = true }
        }
      }
    ]

| label | meaning |
| --- | --- |
| bq_lowshelf, bq_peaking, bq_highshelf | bands; controls Freq in Hz, Q of the Audio EQ Cookbook, Gain in dB |
| bq_highshelf with Freq 0 | plain gain: the preamp |

Without filters, one preamp of 0 dB is written, since a graph needs a node. PipeWire copies a graph for as many channels as there are.
Other nodes are kept and said in a note; so are links that are no simple series. The number of bands of such a graph cannot be changed.
Comments and the layout of the text are lost when an EQ that was read is written with changes.
Source: PipeWire, page "Filter-Chain" of the documentation and src/modules/module-filter-chain/biquad.c (RBJ formulas; frequency 0 of a
high shelf "is just a gain"; coefficients and state in float32). PipeWire reads the Q of shelves since 1.3.81, that is in 1.4; before
that all shelves have the slope 1, a Q of 0.7071, whatever the file says (measured in 0.3.65): a note says what that changes.
"""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from itertools import pairwise

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats import _spa_json
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._slugs import slug
from semeq_presets.file_formats._tree import Node, Quoted, mapping, sequence, text
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Place, Preset, PresetFormat, Source, Written
from semeq_presets.file_formats.limits import error_db

_KINDS = {"bq_lowshelf": BandKind.LOW_SHELF, "bq_peaking": BandKind.PEAK, "bq_highshelf": BandKind.HIGH_SHELF}
_WRITTEN = {kind: label for label, kind in _KINDS.items()}
_MODULE = "libpipewire-module-filter-chain"
_SHELVES = (BandKind.LOW_SHELF, BandKind.HIGH_SHELF)
_OLD_SHELF_Q = 0.5**0.5
_OLD_DB = 0.05  # less is not said: the usual 0.71 is 0.01 dB off
_DIGITS = 12
_MAX_NODES = 1_000


class PipeWireConf:
    """Reads and writes filter-chain configurations."""

    info = FormatInfo(
        id="pipewire",
        title="PipeWire filter-chain configuration",
        host="PipeWire 1.4 and later; before that shelves have a Q of 0.7071",
        suffixes=(".conf",),
        how_to_import="copy it into ~/.config/pipewire/pipewire.conf.d and restart PipeWire (systemctl --user restart pipewire); "
        "then choose it as the output",
        precision_db=1e-5,
        limits=Limits(freq_hz=(1.0, 96_000.0), gain_db=(-60.0, 60.0), q=(0.01, 100.0), preamp_db=(-120.0, 60.0), holds_disabled=False),
        protects=True,
        verified="PipeWire 0.3.65",
        aliases=("filter-chain",),
        places={"linux": Place(("{config}/pipewire",), "pipewire.conf.d", is_flat=True, is_made=True)},
        measured_in=(MeasuringHost("pipewire", "filter chain"),),
        remark="before PipeWire 1.4 all shelves are of Q 0.7071, which a note states in dB",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes name the module, or start a list of modules in a .conf file."""
        return _MODULE.encode() in head or (filename.endswith(".conf") and re.search(rb"^context\.modules", head, re.MULTILINE) is not None)

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read keeps everything else of its file."""
        data = preset.unchanged()
        if data is None:
            tree: dict[str, Node] | None = preset.parts(dict)
            root = copy.deepcopy(tree) if tree is not None else _skeleton(one_line(preset.name) or "semeq")
            arguments = _arguments(root)
            name = one_line(preset.name)
            if name and one_line(_text_or_empty(arguments.get("node.description"))) != name:
                arguments["node.description"] = Quoted(name)
            _put(mapping(arguments["filter.graph"], "filter.graph"), preset)
            data = _spa_json.render(root).encode("utf-8")
        return Written({"preset.conf": data}, _notes(preset.single, preset.sample_rate_hz))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming node and control."""
        (data,) = files.values()
        root = _spa_json.parse(data)
        arguments = _arguments(root)
        graph = mapping(arguments.get("filter.graph"), "filter.graph")
        nodes = sequence(graph.get("nodes"), "nodes")
        if len(nodes) > _MAX_NODES:
            raise PresetReadError(f"{len(nodes)} nodes are over the limit of {_MAX_NODES}", where="nodes")
        notes: list[Note] = []
        bands: list[Band] = []
        preamp_db = 0.0
        for count, node in enumerate(nodes, start=1):
            says = _says(mapping(node, f"node {count}"), f"node {count}")
            if isinstance(says, Band):
                bands.append(says)
            elif isinstance(says, float):
                preamp_db += says
            else:
                label = _text_or_empty(mapping(node, "node").get("label"))
                notes.append(Note("unknown", None, f"node {count}", f"label {label[:40]!r} is not read", None))
        if _links(graph) != _series(nodes):
            notes.append(Note("unknown", None, "links", "the nodes are not linked in a simple series", None))
        name = one_line(_text_or_empty(arguments.get("node.description")))
        eq = settings(bands, preamp_db)
        return Preset(eq, name=name, source=Source(root, data, eq, name=name), notes=tuple(notes))


def _notes(eq: EqSettings, sample_rate_hz: float) -> tuple[Note, ...]:
    """Say what PipeWire before 1.4 makes of shelves; without error_db, since newer ones do what the file says."""
    bands = tuple(replace(one, q=_OLD_SHELF_Q) if one.kind in _SHELVES else one for one in eq.bands)
    off_db = error_db(eq, replace(eq, bands=bands), sample_rate_hz)
    if off_db <= _OLD_DB:
        return ()
    return (Note("approximated", None, "q of shelves", "as written from PipeWire 1.4 on", f"0.7071 before, {off_db:.2f} dB off"),)


def _skeleton(name: str) -> dict[str, Node]:
    capture: dict[str, Node] = {"node.name": Quoted(f"effect_input.{slug(name)}"), "media.class": "Audio/Sink"}
    playback: dict[str, Node] = {"node.name": Quoted(f"effect_output.{slug(name)}"), "node.passive": "true"}
    arguments: dict[str, Node] = {
        "node.description": Quoted(name),
        "media.name": Quoted(name),
        "filter.graph": {"nodes": [], "links": []},
        "audio.channels": "2",
        "audio.position": ["FL", "FR"],
        "capture.props": capture,
        "playback.props": playback,
    }
    return {"context.modules": [{"name": _MODULE, "args": arguments}]}


def _arguments(root: dict[str, Node]) -> dict[str, Node]:
    """Return the arguments of the one filter-chain module of a file."""
    found = []
    for node in sequence(root.get("context.modules"), "context.modules"):
        if isinstance(node, dict) and isinstance(node.get("name"), str) and text(node["name"], "name") == _MODULE:
            found.append(mapping(node.get("args"), "args"))
    if len(found) != 1:
        raise PresetReadError(f"has {len(found)} modules {_MODULE}, expected one", where="context.modules")
    return found[0]


def _text_or_empty(node: Node | None) -> str:
    return node if isinstance(node, str) else ""


def _says(node: dict[str, Node], where: str) -> Band | float | None:
    """Return the band or the preamp of a node, None where it is neither."""
    kind = _KINDS.get(_text_or_empty(node.get("label")))
    if kind is None or _text_or_empty(node.get("type")) != "builtin" or not _text_or_empty(node.get("name")):
        return None
    controls = mapping(node.get("control"), f"{where} control")
    numbers = {}
    for name, idle in (("Freq", 0.0), ("Gain", 0.0), ("Q", 0.0)):
        numbers[name] = number(text(controls[name], f"{where} {name}"), name, where) if name in controls else idle
    if numbers["Freq"] == 0.0 and kind is BandKind.HIGH_SHELF:
        return settings([], numbers["Gain"], where).preamp_db
    q = numbers["Q"] if numbers["Q"] > 0.0 or kind is BandKind.PEAK else 0.5**0.5  # as PipeWire takes a shelf without Q
    return band(kind, numbers["Freq"], numbers["Gain"], q, where=where)


def _links(graph: dict[str, Node]) -> list[tuple[str, str]]:
    links = []
    for node in sequence(graph["links"], "links") if graph.get("links") is not None else []:
        link = mapping(node, "links")
        links.append((text(link.get("output"), "links output"), text(link.get("input"), "links input")))
    return links


def _series(nodes: list[Node]) -> list[tuple[str, str]]:
    names = [_text_or_empty(node.get("name")) for node in nodes if isinstance(node, dict)]
    return [(f"{first}:Out", f"{second}:In") for first, second in pairwise(names)]


def _put(graph: dict[str, Node], preset: Preset) -> None:
    """Let the graph say what the EQ says."""
    nodes = [mapping(node, "node") for node in sequence(graph["nodes"], "nodes")]
    says = [_says(node, "node") for node in nodes]
    held = iter(preset.single.bands)
    old_db = [value for value in says if isinstance(value, float)]
    keep_preamp = bool(old_db) and sum(old_db) == preset.single.preamp_db
    result: list[dict[str, Node]] = []
    preamp_written = False
    for node, said in zip(nodes, says, strict=True):
        if isinstance(said, Band):
            wanted = next(held, None)
            if wanted is None:
                continue
            if wanted != said:
                node |= {"label": _WRITTEN[wanted.kind], "control": _control(node, wanted.freq_hz, wanted.q, wanted.gain_db)}
        elif isinstance(said, float) and not keep_preamp:
            if preamp_written:
                continue
            node["control"] = _control(node, 0.0, 1.0, preset.single.preamp_db)
            preamp_written = True
        result.append(node)
    names = {_text_or_empty(node.get("name")) for node in result}
    last = max((index for index, node in enumerate(result) if isinstance(_says(node, "node"), Band)), default=len(result) - 1)
    first_new = sum(isinstance(said, Band) for said in says) + 1
    new = [_node(names, f"eq_band_{count}", _WRITTEN[one.kind], one) for count, one in enumerate(held, start=first_new)]
    result[last + 1 : last + 1] = new
    if not old_db and (preset.single.preamp_db != 0.0 or not result):
        result.insert(0, _node(names, "eq_preamp", "bq_highshelf", None, preset.single.preamp_db))
    if nodes and len(result) != len(nodes) and (None in says or _links(graph) != _series([*nodes])):
        raise PresetWriteError("pipewire: the graph holds other nodes or links, so its number of bands cannot change; write a new file")
    graph["nodes"] = [*result]
    if len(result) != len(nodes):
        graph["links"] = [{"output": Quoted(a), "input": Quoted(b)} for a, b in _series([*result])]


def _node(names: set[str], name: str, label: str, held: Band | None, preamp_db: float = 0.0) -> dict[str, Node]:
    """Return a new node with a name that is not taken."""
    free = name
    count = 1
    while free in names:
        count += 1
        free = f"{name}_{count}"
    names.add(free)
    control = _control({}, held.freq_hz, held.q, held.gain_db) if held is not None else _control({}, 0.0, 1.0, preamp_db)
    return {"type": "builtin", "name": free, "label": label, "control": control}


def _control(node: dict[str, Node], freq_hz: float, q: float, gain_db: float) -> dict[str, Node]:
    kept = node.get("control")
    control: dict[str, Node] = dict(kept) if isinstance(kept, dict) else {}
    return control | {name: plain_decimal(value, _DIGITS) for name, value in (("Freq", freq_hz), ("Q", q), ("Gain", gain_db))}


FORMAT: PresetFormat = PipeWireConf()
