"""LV2 preset bundles: a folder `NAME.lv2` with a manifest and one file of port values, both Turtle. Shared by all LV2 formats.

    manifest.ttl   <preset.ttl> a pset:Preset ; lv2:appliesTo <PLUGIN> ; rdfs:seeAlso <preset.ttl> .
    preset.ttl     <> a pset:Preset ; lv2:appliesTo <PLUGIN> ; rdfs:label "NAME" ;
                      lv2:port [ lv2:symbol "g_in" ; pset:value 1.0 ] , [ ... ] .

Source: LV2 presets extension, http://lv2plug.in/ns/ext/presets. Statements other than these are not kept; control ports all are.
A manifest may name several presets, as that of a plug-in does that brings some, and plug-ins beside them; one is chosen by its label, its
number, or by being the only one for the plug-ins in question. What liblilv (Ardour, jalv) saves is such a bundle; a preset.ttl alone
will do.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._carla_xml import CARLA_SUFFIXES, read_carla
from semeq_presets.file_formats._fields import number, text_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._turtle import LV2, PSET, RDF, RDFS, Blank, Iri, Literal, Node, Triple, quoted, triples
from semeq_presets.file_formats.base import Choice, Files, MeasuringHost, Note

MANIFEST = "manifest.ttl"
HOW_TO_IMPORT = (
    "copy the folder into ~/.lv2 (Windows: %APPDATA%\\LV2, macOS: ~/Library/Audio/Plug-Ins/LV2) and restart the host; "
    "it is then among the plug-in's presets"
)
PRESET_SUFFIXES = (".ttl", *CARLA_SUFFIXES)
LV2_HOSTS = (MeasuringHost("liblilv", "LV2 preset"), MeasuringHost("ardour", "LV2 preset", is_default=False))
_PRESET = "preset.ttl"
_MAX_PORTS = 5_000
_MAX_PRESETS = 200
_PREFIXES = f"@prefix lv2: <{LV2}> .\n@prefix pset: <{PSET}> .\n@prefix rdfs: <{RDFS}> .\n"


@dataclass(frozen=True, slots=True)
class PortBundle:
    """What a bundle says: the plug-in's URI, the preset's label, and the port values as they are written, by symbol.

    notes: on what beside the ports was not read.
    """

    plugin: str
    label: str
    ports: Mapping[str, str]
    notes: tuple[Note, ...] = ()

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


def names_plugin(head: bytes, plugin: str) -> bool:
    """Whether the first bytes of a file hold a plug-in's URI, in full, as a prefixed name, or as Carla has it."""
    if f"<{plugin}>".encode() in head or f"<URI>{plugin}</URI>".encode() in head:
        return True
    at = max(plugin.rfind("#"), plugin.rfind("/")) + 1
    for prefix in re.findall(rb"prefix[ \t\r\n]+([\w.-]*):[ \t\r\n]*<" + re.escape(plugin[:at].encode()) + b">", head):
        if re.search(rb"(?<![\w.-])" + re.escape(prefix) + b":" + re.escape(plugin[at:].encode()) + rb"(?![\w:#/-])", head):
            return True
    return False


def read_bundle(files: Files, plugins: Container[str], choice: Choice) -> PortBundle:
    """Return what a preset for one of the plug-ins says: of a bundle, of a file of port values alone, or of Carla's own files.

    Raises PresetReadError naming file, line and port, and with the presets that there are where it is not clear which is meant.
    """
    first = MANIFEST if MANIFEST in files else next(iter(files))
    if first.lower().endswith(CARLA_SUFFIXES):
        kept = read_carla(files[first], plugins, choice)
        return PortBundle(kept.plugin, kept.name, kept.ports, kept.notes)
    if choice.track is not None or choice.for_device is not None:
        raise PresetReadError("is a bundle of LV2 presets, which has no track or device to choose")
    if first != MANIFEST and len(files) > 1:
        raise PresetReadError(f"has no {MANIFEST}")
    read = _Parsed(files, first)
    subject = _chosen(read, plugins, choice.preset_name)
    found = read.preset(subject)
    if found.plugin is None:
        raise PresetReadError("does not say to which plug-in it applies (lv2:appliesTo)", where=first)
    if not found.ports:
        raise PresetReadError("sets no ports", where=first)
    return PortBundle(found.plugin, found.label, found.ports)


@dataclass(slots=True)
class _Found:
    """What the files say of a preset."""

    plugin: str | None = None
    label: str = ""
    ports: dict[str, str] = field(default_factory=dict)


class _Parsed:
    """The files of a bundle, each of them parsed once."""

    def __init__(self, files: Files, first: str) -> None:
        self._files, self.first = files, first
        self._parts = {first: triples(text_of(files[first], first), first)}

    @property
    def subjects(self) -> list[Iri | Blank]:
        """The presets that the first file names."""
        typed = (t.subject for t in self._parts[self.first] if t.predicate == RDF + "type" and t.value == Iri(PSET + "Preset"))
        return list(dict.fromkeys(typed))

    def preset(self, subject: Iri | Blank) -> _Found:
        """Return what there is of a preset; raises PresetReadError for what is wrong with it."""
        parts = [self.first]
        for triple in self._parts[self.first]:
            if self.first == MANIFEST and triple.subject == subject and triple.predicate == RDFS + "seeAlso":
                name = _file_name(triple, self._files)
                if name not in self._parts:
                    self._parts[name] = triples(text_of(self._files[name], name), name)
                parts.append(name)
        found = _Found()
        for name in dict.fromkeys(parts):
            self._read(found, name, {subject} if name == self.first else {subject, Iri(""), Iri(name)})
        return found

    def _read(self, found: _Found, name: str, own: set[Iri | Blank]) -> None:
        details = _by_subject(self._parts[name])
        for triple in self._parts[name]:
            if triple.subject not in own:
                continue
            if triple.predicate == LV2 + "appliesTo" and isinstance(triple.value, Iri):
                if found.plugin not in (None, triple.value.text):
                    raise PresetReadError("applies to two plug-ins", where=f"{name} line {triple.line}")
                found.plugin = triple.value.text
            elif triple.predicate == RDFS + "label" and isinstance(triple.value, Literal):
                found.label = triple.value.text
            elif triple.predicate == LV2 + "port":
                _read_port(triple, details, name, found.ports)

    def about(self, subject: Iri | Blank) -> _Found:
        """Return what the first file says of a preset, and its own file where that can be read."""
        try:
            return self.preset(subject)
        except PresetReadError:
            found = _Found()
            for triple in self._parts[self.first]:
                if triple.subject == subject and triple.predicate == LV2 + "appliesTo" and isinstance(triple.value, Iri):
                    found.plugin = triple.value.text
                elif triple.subject == subject and triple.predicate == RDFS + "label" and isinstance(triple.value, Literal):
                    found.label = triple.value.text
            return found


def _chosen(read: _Parsed, plugins: Container[str], wanted: str | None) -> Iri | Blank:
    """Return the preset that is meant: that of a label or number from 1, the only one for these plug-ins, or any where all are the same."""
    subjects = read.subjects
    if not subjects or len(subjects) > _MAX_PRESETS:
        hint = "" if read.first == MANIFEST else f"; give the folder with its {MANIFEST}"
        raise PresetReadError(f"names {len(subjects)} presets, expected one{hint}", where=read.first)
    if len(subjects) == 1 and wanted is None:
        return subjects[0]
    about = [(number, subject, read.about(subject)) for number, subject in enumerate(subjects, start=1)]
    fitting = [each for each in about if each[2].plugin is None or each[2].plugin in plugins]
    fitting = [each for each in fitting if each[2].ports] or fitting  # those whose files are not here are not meant
    if wanted is not None:
        asked = wanted.strip().casefold()
        labelled = [each for each in fitting if each[2].label.casefold() == asked]
        fitting = labelled or [each for each in fitting if str(each[0]) == asked]
    if fitting and all(each[2].ports and each[2].ports == fitting[0][2].ports for each in fitting):
        return fitting[0][1]
    if len(fitting) == 1:
        return fitting[0][1]
    listed = ", ".join(f"{number} {one_line(found.label)[:40]} (<{(found.plugin or '')[:80]}>)" for number, _, found in about[:40])
    missing = f"has no preset {one_line(wanted)[:40]!r} for this" if wanted is not None else f"names {len(subjects)} presets"
    raise PresetReadError(f"{missing}: {listed}; choose one with `preset_name`, a label or a number", where=read.first)


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
