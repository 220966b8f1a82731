"""LV2 preset bundles: a folder `NAME.lv2` with a manifest and one file of port values, both Turtle. Shared by all LV2 formats.

    manifest.ttl   <preset.ttl> a pset:Preset ; lv2:appliesTo <PLUGIN> ; rdfs:seeAlso <preset.ttl> .
    preset.ttl     <> a pset:Preset ; lv2:appliesTo <PLUGIN> ; rdfs:label "NAME" ;
                      lv2:port [ lv2:symbol "g_in" ; pset:value 1.0 ] , [ ... ] .

Source: LV2 presets extension, http://lv2plug.in/ns/ext/presets. Statements other than these are not kept; control ports all are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import number, text_of
from semeq_presets.file_formats._turtle import LV2, PSET, RDF, RDFS, Blank, Iri, Literal, Node, Triple, quoted, triples
from semeq_presets.file_formats.base import Files, MeasuringHost

MANIFEST = "manifest.ttl"
HOW_TO_IMPORT = (
    "copy the folder into ~/.lv2 (Windows: %APPDATA%\\LV2, macOS: ~/Library/Audio/Plug-Ins/LV2) and restart the host; "
    "it is then among the plug-in's presets"
)
LV2_HOSTS = (MeasuringHost("liblilv", "LV2 preset"), MeasuringHost("ardour", "LV2 preset", is_default=False))
_PRESET = "preset.ttl"
_MAX_PORTS = 5_000
_PREFIXES = f"@prefix lv2: <{LV2}> .\n@prefix pset: <{PSET}> .\n@prefix rdfs: <{RDFS}> .\n"


@dataclass(frozen=True, slots=True)
class PortBundle:
    """What a bundle says: the plug-in's URI, the preset's label, and the port values as they are written, by symbol."""

    plugin: str
    label: str
    ports: Mapping[str, str]

    def value(self, symbol: str, default: float) -> float:
        """Return a port's value, or the default where the bundle does not set it."""
        return number(self.ports[symbol], symbol, _PRESET) if symbol in self.ports else default


def write_bundle(bundle: PortBundle) -> Files:
    """Return the two files of a bundle; ports keep their order."""
    about = f"\ta pset:Preset ;\n\tlv2:appliesTo <{bundle.plugin}> ;\n"
    ports = " ,\n".join(f'\t\t[ lv2:symbol "{symbol}" ; pset:value {value} ]' for symbol, value in bundle.ports.items())
    manifest = f"{_PREFIXES}\n<{_PRESET}>\n{about}\trdfs:seeAlso <{_PRESET}> .\n"
    preset = f"{_PREFIXES}\n<>\n{about}\trdfs:label {quoted(bundle.label)} ;\n\tlv2:port\n{ports} .\n"
    return {MANIFEST: manifest.encode("utf-8"), _PRESET: preset.encode("utf-8")}


def read_bundle(files: Files) -> PortBundle:
    """Return what a bundle with one preset says, or a file of port values alone; raises PresetReadError naming file, line and port."""
    first = MANIFEST if MANIFEST in files else next(iter(files))
    if first != MANIFEST and len(files) > 1:
        raise PresetReadError(f"has no {MANIFEST}")
    manifest = triples(text_of(files[first], first), first)
    subjects = dict.fromkeys(t.subject for t in manifest if t.predicate == RDF + "type" and t.value == Iri(PSET + "Preset"))
    if len(subjects) != 1:
        hint = "" if first == MANIFEST else f"; give the folder with its {MANIFEST}"
        raise PresetReadError(f"names {len(subjects)} presets, expected one{hint}", where=first)
    (subject,) = subjects
    parts = {first: manifest}
    for triple in manifest:
        if first == MANIFEST and triple.subject == subject and triple.predicate == RDFS + "seeAlso":
            name = _file_name(triple, files)
            parts[name] = triples(text_of(files[name], name), name)
    plugin = label = None
    ports: dict[str, str] = {}
    for name, part in parts.items():
        own = {subject} if name == first else {subject, Iri(""), Iri(name)}
        details = _by_subject(part)
        for triple in part:
            if triple.subject not in own:
                continue
            if triple.predicate == LV2 + "appliesTo" and isinstance(triple.value, Iri):
                if plugin not in (None, triple.value.text):
                    raise PresetReadError("applies to two plug-ins", where=f"{name} line {triple.line}")
                plugin = triple.value.text
            elif triple.predicate == RDFS + "label" and isinstance(triple.value, Literal):
                label = triple.value.text
            elif triple.predicate == LV2 + "port":
                _read_port(triple, details, name, ports)
    if plugin is None:
        raise PresetReadError("does not say to which plug-in it applies (lv2:appliesTo)", where=first)
    return PortBundle(plugin, label or "", ports)


def _file_name(triple: Triple, files: Files) -> str:
    target = unquote(triple.value.text) if isinstance(triple.value, Iri) else ""
    name = PurePosixPath(target).as_posix()
    if name not in files:
        hint = "given; give the folder" if len(files) == 1 else "in the folder"
        raise PresetReadError(f"names the file {target[:60]!r}, which is not {hint}", where=f"{MANIFEST} line {triple.line}")
    return name


def _by_subject(part: tuple[Triple, ...]) -> Mapping[Node, list[Triple]]:
    grouped: dict[Node, list[Triple]] = {}
    for triple in part:
        grouped.setdefault(triple.subject, []).append(triple)
    return grouped


def _read_port(triple: Triple, details: Mapping[Node, list[Triple]], name: str, ports: dict[str, str]) -> None:
    where = f"{name} line {triple.line}"
    if not isinstance(triple.value, Blank):
        raise PresetReadError("a port is not a node in brackets", where=where)
    symbol = value = None
    for detail in details.get(triple.value, []):
        if isinstance(detail.value, Literal):
            if detail.predicate == LV2 + "symbol":
                symbol = detail.value.text
            elif detail.predicate in (PSET + "value", LV2 + "default"):
                if value is not None:
                    raise PresetReadError("a port has two values; write a decimal point, not a comma", where=where)
                value = detail.value
    if symbol is None or not symbol.isascii() or not symbol.isidentifier():
        raise PresetReadError(f"port symbol {(symbol or '')[:40]!r} is missing or no symbol", where=where)
    if value is None or value.kind != "number":
        raise PresetReadError(f"{symbol} {value.text[:40]!r} is not a number" if value else f"{symbol} has no value", where=where)
    number(value.text, symbol, where)
    if symbol in ports:
        raise PresetReadError(f"port {symbol} is set twice", where=where)
    if len(ports) == _MAX_PORTS:
        raise PresetReadError(f"sets more than {_MAX_PORTS} ports", where=where)
    ports[symbol] = value.text
