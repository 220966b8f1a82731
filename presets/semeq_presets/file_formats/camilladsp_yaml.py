"""CamillaDSP filters and pipeline, YAML: what CamillaGUI imports and what is pasted into a configuration.

    title: "Warm"
    filters:
      eq_preamp:
        type: Gain
        parameters:
          gain: -6.0
      eq_band_1:
        type: Biquad
        parameters:
          type: Lowshelf          Lowshelf, Peaking, Highshelf
          freq: 105.0             Hz
          q: 0.71                 Q of the Audio EQ Cookbook
          gain: -4.5              dB
    pipeline:
      - type: Filter
        channels: [0, 1]          CamillaDSP 3; version 2 has "channel: 0", one step for each channel
        names:
          - eq_preamp
          - eq_band_1

A filter that no step of the pipeline names is a switched-off band. Read: whole configurations too; filters of other kinds, shelves with a
slope, peaks with a bandwidth and other steps are kept and said in a note, and so is a second channel that is filtered differently.
What stays as it was keeps its layout and comments when an EQ that was read is written with changes.
Source: CamillaDSP 3 README (filters, Biquad, Gain, pipeline), https://github.com/HEnquist/camilladsp.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats import _yaml
from semeq_presets.file_formats._fields import band, plain_decimal, settings
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._tree import Node, Quoted, mapping, sequence, text, value
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_KINDS = {"Lowshelf": BandKind.LOW_SHELF, "Peaking": BandKind.PEAK, "Highshelf": BandKind.HIGH_SHELF}
_WRITTEN = {kind: name for name, kind in _KINDS.items()}
_DIGITS = 12
_MAX_FILTERS = 2_000


@dataclass(frozen=True, slots=True)
class _Configuration:
    """A document, and the names of its filters that are bands and preamps."""

    root: dict[str, Node]
    names: tuple[str, ...] = ()
    preamps: tuple[str, ...] = ()


class CamillaDsp:
    """Reads and writes CamillaDSP's YAML."""

    info = FormatInfo(
        id="camilladsp",
        title="CamillaDSP filters and pipeline (YAML)",
        host="CamillaDSP 3, CamillaGUI",
        suffixes=(".yml", ".yaml"),
        how_to_import="CamillaGUI: Files, Import config, tick filters and pipeline; or paste both parts into the configuration",
        precision_db=1e-5,
        limits=Limits(freq_hz=(1.0, 96_000.0), gain_db=(-60.0, 60.0), q=(0.01, 100.0), preamp_db=(-120.0, 60.0)),
        protects=True,
        aliases=("camilla",),
        remark="of CamillaDSP 3; reads 2",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes have a line "filters:" or "pipeline:", or are a configuration's "devices:", in a YAML file."""
        lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
        return any(line.startswith(("filters:", "pipeline:", "devices:")) for line in lines)

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read keeps everything else of its configuration."""
        data = preset.unchanged()
        if data is None:
            data = _yaml.render(_document(preset)).encode("utf-8")
        return Written({"preset.yml": data})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming filter and parameter."""
        (data,) = files.values()
        root = mapping(_yaml.parse(data), "document")
        filters = mapping(root.get("filters"), "filters")
        if len(filters) > _MAX_FILTERS:
            raise PresetReadError(f"{len(filters)} filters are over the limit of {_MAX_FILTERS}", where="filters")
        notes: list[Note] = []
        chain = _chain(root, filters, notes)
        bands: list[Band] = []
        names: list[str] = []
        preamps: list[str] = []
        preamp_db = 0.0
        for name, node in filters.items():
            used = chain is None or name in chain
            says = _filter(mapping(node, f"filters {name[:40]}"), f"filters {name[:40]}", enabled=used)
            if isinstance(says, Band):
                names.append(name)
                bands.append(says)
            elif isinstance(says, float) and used:
                preamps.append(name)
                preamp_db += says
            elif says is None and used:
                notes.append(Note("unknown", None, f"filters {name[:40]}", "this kind of filter is not read", None))
        title = one_line(text(root["title"], "title")) if isinstance(root.get("title"), str) else ""
        eq = settings(bands, preamp_db)
        source = Source(_Configuration(root, tuple(names), tuple(preamps)), data, eq, name=title)
        return Preset(eq, name=title, source=source, notes=tuple(notes))


def _chain(root: Mapping[str, Node], filters: Mapping[str, Node], notes: list[Note]) -> tuple[str, ...] | None:
    """Return the names of the filters that the first channel goes through; None where the file has no pipeline."""
    if root.get("pipeline") is None:
        return None
    chains: dict[str, list[str]] = {}
    everywhere: list[str] = []
    for count, node in enumerate(sequence(root["pipeline"], "pipeline"), start=1):
        where = f"pipeline step {count}"
        step = mapping(node, where)
        kind = text(step.get("type"), f"{where} type")
        if _is_true(step.get("bypassed")):
            continue
        if kind != "Filter":
            notes.append(Note("unknown", None, where, f"type {kind[:40]!r} is not read", None))
            continue
        names = [text(name, f"{where} names") for name in sequence(step.get("names"), f"{where} names")]
        for name in names:
            if name not in filters:
                raise PresetReadError(f"names the filter {name[:40]!r}, which is not defined", where=where)
        channels = _channels(step, where)
        if channels is None:
            everywhere += names
            for chain in chains.values():
                chain += names
        for channel in channels or ():
            chains.setdefault(channel, list(everywhere)).extend(names)
    different = [chain for chain in chains.values() if chain != next(iter(chains.values()))]
    if different:
        notes.append(Note("unknown", None, "pipeline", "channels other than the first are filtered differently", None))
    found = next(iter(chains.values()), everywhere)
    for name in dict.fromkeys(name for name in found if found.count(name) > 1):
        notes.append(Note("unknown", None, "pipeline", f"filter {name[:40]!r} is used {found.count(name)} times, read once", None))
    return tuple(found)


def _channels(step: Mapping[str, Node], where: str) -> list[str] | None:
    """Return the channels of a step as they are written, None for all."""
    if isinstance(step.get("channel"), str):
        return [text(step["channel"], f"{where} channel")]
    node = step.get("channels")
    if node is None or (isinstance(node, str) and node in ("", "null", "~")):
        return None
    return [text(channel, f"{where} channels") for channel in sequence(node, f"{where} channels")]


def _is_true(node: Node | None) -> bool:
    return isinstance(node, str) and node.lower() == "true"


def _filter(node: Mapping[str, Node], where: str, *, enabled: bool) -> Band | float | None:
    """Return the band or the gain in dB of a filter, None for other kinds."""
    kind = text(node.get("type"), f"{where} type")
    if kind == "Gain":
        parameters = mapping(node.get("parameters"), f"{where} parameters")
        scale = parameters.get("scale")
        plain = scale is None or (isinstance(scale, str) and scale in ("dB", "", "null"))
        if not plain or _is_true(parameters.get("inverted")) or _is_true(parameters.get("mute")):
            return None
        return settings([], value(parameters, "gain", where), where).preamp_db
    if kind != "Biquad":
        return None
    parameters = mapping(node.get("parameters"), f"{where} parameters")
    shape = _KINDS.get(text(parameters.get("type"), f"{where} type"))
    if shape is None or "q" not in parameters:
        return None
    numbers = [value(parameters, key, where) for key in ("freq", "gain", "q")]
    return band(shape, *numbers, enabled=enabled, where=where)


def _document(preset: Preset) -> dict[str, Node]:
    """Return the configuration that says what the preset says, as much of the one that was read as possible."""
    before = preset.parts(_Configuration) or _Configuration({"filters": {}, "pipeline": []})
    root: dict[str, Node] = copy.deepcopy(before.root)
    name = one_line(preset.name)
    if name and not (isinstance(root.get("title"), str) and one_line(text(root["title"], "title")) == name):
        _yaml.put_first(root, "title", Quoted(name))
    filters = mapping(root["filters"], "filters")
    preamp_names = _put_preamp(filters, preset.single.preamp_db, before.preamps)
    names = [*before.names[: len(preset.single.bands)]]
    while len(names) < len(preset.single.bands):
        names.append(_free_name(filters, names, len(names) + 1))
    for gone in before.names[len(names) :]:
        del filters[gone]
    for band_name, held in zip(names, preset.single.bands, strict=True):
        _put_band(filters, band_name, held)
    on = [band_name for band_name, held in zip(names, preset.single.bands, strict=True) if held.enabled]
    _put_names(root, [*preamp_names, *on], {*before.names, *names, *before.preamps, *preamp_names})
    return root


def _put_preamp(filters: dict[str, Node], preamp_db: float, preamps: tuple[str, ...]) -> list[str]:
    """Set the first gain filter to the preamp and remove the others; return the names that are left."""
    held_db = [value(mapping(mapping(filters[name], name)["parameters"], name), "gain", name) for name in preamps]
    if sum(held_db, 0.0) == preamp_db and (preamps or preamp_db == 0.0):
        return list(preamps)
    for gone in preamps[1:]:
        del filters[gone]
    name = preamps[0] if preamps else "eq_preamp" if "eq_preamp" not in filters else _free_name(filters, [], 1, "eq_preamp")
    node = filters.setdefault(name, {"type": "Gain", "parameters": {}})
    mapping(mapping(node, name)["parameters"], name)["gain"] = plain_decimal(preamp_db, _DIGITS)
    return [name]


def _put_band(filters: dict[str, Node], name: str, held: Band) -> None:
    node = mapping(filters.setdefault(name, {"type": "Biquad", "parameters": {}}), name)
    parameters = mapping(node["parameters"], name)
    if not parameters or _filter(node, name, enabled=held.enabled) != held:
        parameters["type"] = _WRITTEN[held.kind]
        for key, number in (("freq", held.freq_hz), ("q", held.q), ("gain", held.gain_db)):
            parameters[key] = plain_decimal(number, _DIGITS)


def _put_names(root: dict[str, Node], wanted: list[str], ours: set[str]) -> None:
    """Let the pipeline name the wanted filters of ours and no others; new ones stand behind the last of ours, on all channels."""
    if root.get("pipeline") is None:
        return
    pipeline = sequence(root["pipeline"], "pipeline")
    steps = [node for node in pipeline if isinstance(node, dict) and isinstance(node.get("names"), list)]
    named = [text(name, "names") for step in steps for name in sequence(step["names"], "names")]
    anchor = next((name for name in reversed(named) if name in ours), None)
    new = [name for name in wanted if name not in named]
    if anchor is None and new:
        if not steps:
            steps = [{"type": "Filter", "channels": _yaml.in_line(["0", "1"]), "names": []}]
            pipeline.append(steps[0])
        sequence(steps[0]["names"], "names").extend(new)
    for step in steps:
        held = sequence(step["names"], "names")
        for place in reversed(range(len(held))):
            name = text(held[place], "names")
            if name == anchor:
                for number, added in enumerate(new, start=1):
                    held.insert(place + number, added)
            if name not in wanted and name in ours:
                del held[place]


def _free_name(filters: Mapping[str, Node], names: list[str], number: int, stem: str = "eq_band") -> str:
    while f"{stem}_{number}" in filters or f"{stem}_{number}" in names:
        number += 1
    return f"{stem}_{number}"


FORMAT: PresetFormat = CamillaDsp()
