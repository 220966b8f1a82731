"""DAWproject (.dawproject): an open session file; one EQ on one track, or a whole folder of stems with an EQ on each.

    ZIP: metadata.xml, project.xml, semeq.json (words, see _dawproject_words), audio/...
    project.xml:
    <Project version="1.0">
      <Application/> <Transport/>
      <Structure>
        <Track contentType="audio" name="drums">
          <Channel role="regular" destination="master">
            <Devices>
              <Equalizer deviceRole="audioFX" deviceName="Equalizer" name="NAME">
                <Enabled value="true"/>
                <Band type="lowShelf"> <Freq unit="hertz"/> <Gain unit="decibel"/> <Q unit="linear"/> <Enabled/> </Band>
                <InputGain unit="decibel"/>         the preamp; OutputGain is added to it on reading
        <Track name="Master"> <Channel role="master" id="master"/>
      <Arrangement> <Lanes timeUnit="seconds"> <Lanes track=ID> <Clips> <Clip time="START"> <Audio> <File path="audio/..."/>

| type of a band | kind |
| --- | --- |
| lowShelf, bell, highShelf, highPass, lowPass, bandPass, notch | ours, Q of the cookbook as it is; order 1 for shelves, any for passes |
| another type, unit or order that is no number | kept in its place and said in a note with its size |

Element order is that of the schema. The first Equalizer of the project is read, or that of a track that is chosen by name or number, and a
note says how much the others do; everything else is kept. Orders from 3 on are read as Butterworth's, with a note on the other readings;
those of bells, and others that there are none of, as 2. Entries are written in a fixed order with fixed time stamps: equal sessions are
equal bytes. Source: github bitwig/dawproject at ee4dcdd (MIT), Project.xsd and MetaData.xsd, version 1.0; what we write is valid against
them. Unknown: what Bitwig Studio, Studio One, Cubase and n-Track make of Q, orders and shelves.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import Element, SubElement, indent

from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError, OutputError, PresetReadError, PresetWriteError, environment_failure, printable
from semeq_export.files.atomic import atomic_file
from semeq_export.files.disk import is_same_file, open_regular
from semeq_export.units import check_sample_rate_hz
from semeq_export.words.saved import SavedWords
from semeq_presets.file_formats._dawproject_equalizer import (
    DIGITS,
    FREQ_HZ,
    GAIN_DB,
    ORDERS,
    PREAMP_DB,
    PROJECT,
    TYPES,
    Q,
    add_equalizer,
    change_equalizer,
    read_equalizer,
)
from semeq_presets.file_formats._dawproject_words import MAX_WORDS_BYTES, WORDS, pack_words, unpack_words
from semeq_presets.file_formats._fields import plain_decimal
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._slugs import slug
from semeq_presets.file_formats._xml import MAX_BYTES, parse, render
from semeq_presets.file_formats._zip_entries import blocks_of, content_of, open_entries
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

METADATA, AUDIO_FOLDER = "metadata.xml", "audio"
MAX_STEMS = 999
_MAX_UNPACKED_BYTES = 64_000_000
_COPY_BYTES = 1 << 20
_STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP knows


@dataclass(frozen=True, slots=True)
class Stem:
    """One track of a session: its name, its audio as a file or as bytes, and its EQ (None: no equaliser).

    file_name: gives the audio its ending; that of the file when left out. duration_s: of the audio, above 0. words: those of the EQ.
    start_s: where the audio starts in the song, 0 or more.
    """

    name: str
    audio: Path | bytes
    eq: EqSettings | None
    sample_rate_hz: int
    channels: int
    duration_s: float
    file_name: str = ""
    words: SavedWords | None = None
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackEq:
    """An equaliser found in a session: the name of its track, what it does, and notes on what cannot be read."""

    track: str
    eq: EqSettings
    notes: tuple[Note, ...] = ()


def write_session(path: str | os.PathLike[str], stems: Sequence[Stem], *, title: str = "", overwrite: bool = False) -> None:
    """Write a session with one track for each stem: its audio embedded, its own EQ on it.

    Raises PresetWriteError for a stem that cannot be one, OutputError where the file exists and overwrite is off, or is one of the stems,
    EnvironmentFailure where the system fails; nothing is left then.
    """
    if not 0 < len(stems) <= MAX_STEMS:
        raise PresetWriteError(f"a session has 1..{MAX_STEMS} stems, not {len(stems)}")
    for stem in stems:
        _check(stem)
        if isinstance(stem.audio, Path) and is_same_file(path, stem.audio):
            raise OutputError(f"{printable(path)}: is the stem {printable(stem.audio)}; give another name")
    places = _places(stems)
    with atomic_file(path, overwrite=overwrite) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _put(archive, METADATA, _metadata(title))
        tracks = [_Track(stem.name, stem.eq, "", stem, place) for stem, place in zip(stems, places, strict=True)]
        _put(archive, PROJECT, render(_project(tracks)))
        _put_words(archive, [stem.words for stem in stems])
        for stem, place in zip(stems, places, strict=True):
            _put_audio(archive, place, stem)


def read_session(data: bytes) -> tuple[TrackEq, ...]:
    """Return the equalisers of a session in its order; raises PresetReadError naming the element that is wrong."""
    root = _parsed(data)
    found = []
    for track in root.iter("Track"):
        devices = track.findall("Channel/Devices/Equalizer")
        found += [TrackEq(track.get("name", ""), *read_equalizer(device)[1:]) for device in devices]
    return tuple(found)


class DawProject:
    """Reads and writes the first equaliser of a session."""

    info = FormatInfo(
        id="dawproject",
        title="DAWproject session with an equaliser on a track",
        host="Bitwig Studio, Studio One, Cubase and n-Track",
        suffixes=(".dawproject",),
        how_to_import="open the file in the DAW (Cubase: File > Import > DAWproject), then copy the equaliser from its track",
        precision_db=1e-6,
        limits=Limits(kinds=frozenset(TYPES), orders=ORDERS, freq_hz=FREQ_HZ, gain_db=GAIN_DB, q=Q, preamp_db=PREAMP_DB),
        is_text=False,
        aliases=("bitwig", "studio-one", "cubase", "n-track"),
        remark="`dawproject_zip.write_session` makes one of a folder of stems",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a ZIP that is named as a session, or starts with one of its members."""
        named = filename.lower().endswith(".dawproject") or head[30:].startswith((PROJECT.encode(), METADATA.encode()))
        return head.startswith(b"PK\x03\x04") and named

    def write(self, preset: Preset) -> Written:
        """Return the file; a session that was read keeps its tracks, audio and other devices, and while nothing changed its bytes."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.dawproject": same})
        source = preset.source
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            if source is not None and source.data is not None and source.eq is not None:
                root = _parsed(source.data)
                place = preset.parts(int) or 0
                change_equalizer(_devices(root)[place].device, preset.single, replace(preset, eq=source.eq).single, preset.name)
                try:
                    _copy_changed(source.data, archive, root, place, preset.words)
                except PresetReadError as error:  # a file that only a change makes us unpack
                    raise PresetWriteError(f"{self.info.id}: {error}") from error
            else:
                _put(archive, METADATA, _metadata(preset.name))
                _put(archive, PROJECT, render(_project([_Track(preset.name or "EQ", preset.single, preset.name)])))
                _put_words(archive, [preset.words if preset.words is not None and preset.words.is_played_by(preset.single) else None])
        return Written({"preset.dawproject": buffer.getvalue()})

    def read(self, files: Files) -> Preset:
        """Return the preset of the first equaliser; raises PresetReadError naming the element that is wrong."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset of the equaliser on a track, the first where none is chosen.

        Raises PresetReadError naming the element that is wrong, and the tracks that there are where none is the chosen one.
        """
        (data,) = files.values()
        if choice.for_device is not None or choice.preset_name is not None:
            raise PresetReadError("holds tracks with equalisers; choose with `track`")
        root = _parsed(data)
        devices = _devices(root)
        place = _chosen(devices, choice.track)
        device = devices[place].device
        _, eq, notes = read_equalizer(device)
        if choice.track is None and len(devices) > 1:
            notes = (*notes, _others_note(devices))
        name = device.get("name", "")
        words = _words_of(data, _index(root, device))
        if words is not None and not words.is_played_by(eq):
            notes = (*notes, Note("dropped", None, "words", f"{words.target}: the bands were changed since", None))
            words = None
        return Preset(eq, name=name, source=Source(place, data, eq, name=name, is_whole=True), notes=notes, words=words)


@dataclass(frozen=True, slots=True)
class _Device:
    """An equaliser of a session, and the name of its track."""

    track: str
    device: Element


def _devices(root: Element) -> list[_Device]:
    """Return the equalisers of a session in its order, those on no track last; raises PresetReadError where there are none."""
    found = [_Device(track.get("name", ""), device) for track in root.iter("Track") for device in _own(track)]
    known = {id(one.device) for one in found}
    found += [_Device("", device) for device in root.iter("Equalizer") if id(device) not in known]
    if not found:
        raise PresetReadError("holds no Equalizer", where=PROJECT)
    return found


def _own(track: Element) -> Iterator[Element]:
    """Yield the equalisers of a track without those of tracks inside it."""
    for child in track:
        if child.tag == "Equalizer":
            yield child
        elif child.tag != "Track":
            yield from _own(child)


def _chosen(devices: Sequence[_Device], track: str | None) -> int:
    """Return the place of the equaliser of a track, by its name or its number among the equalisers; the first for none."""
    if track is None:
        return 0
    found = [place for place, one in enumerate(devices) if one.track == track]
    if not found and track.isascii() and track.isdecimal() and 1 <= int(track[:4]) <= len(devices):
        found = [int(track[:4]) - 1]
    if len(found) != 1:
        shown = ", ".join(f"{number} ({one.track[:40]})" for number, one in enumerate(devices[:10], start=1))
        raise PresetReadError(f"holds {len(devices)} equalisers: {shown}; choose one with `track`", where=PROJECT)
    return found[0]


def _others_note(devices: Sequence[_Device]) -> Note:
    """Return the note on the equalisers behind the first, with the size of the one that does most."""
    sizes = [apart_db(read_equalizer(one.device)[1].bands, ()) for one in devices[1:]]
    shown = ", ".join(one.track[:40] for one in devices[1:4]) + (" ..." if len(devices) > 4 else "")
    return Note("unknown", None, "other equalisers of the session", f"{shown} not read; choose one with `track`", None, *max(sizes))


def _index(root: Element, device: Element) -> int:
    """Return which track of a project, in its order, holds a device."""
    return next(index for index, track in enumerate(root.iter("Track")) if any(held is device for held in track.iter("Equalizer")))


def _words_of(data: bytes, index: int) -> SavedWords | None:
    archive, entries = open_entries(data)
    found = next((entry for entry in entries if entry.filename == WORDS), None)
    tracks = [] if found is None else unpack_words(content_of(archive, found, MAX_WORDS_BYTES))
    return tracks[index] if index < len(tracks) else None


def _changed_words(root: Element, place: int, tracks: list[SavedWords | None], words: SavedWords | None) -> list[SavedWords | None]:
    """Return the words of tracks where those of one equaliser have changed."""
    index = _index(root, _devices(root)[place].device)
    return [words if at == index else held for at, held in enumerate(tracks)]


def _put_words(archive: zipfile.ZipFile, tracks: Sequence[SavedWords | None]) -> None:
    content = pack_words(tracks)
    if content is not None:
        _put(archive, WORDS, content)


def _parsed(data: bytes) -> Element:
    archive, entries = open_entries(data)
    found = next((entry for entry in entries if entry.filename == PROJECT), None)
    if found is None:
        raise PresetReadError(f"has no {PROJECT}")
    return parse(content_of(archive, found, MAX_BYTES), "Project", PROJECT)


def _copy_changed(data: bytes, target: zipfile.ZipFile, root: Element, place: int, words: SavedWords | None) -> None:
    """Put the entries of a session that was read into another archive, with a new project and the words of one of its equalisers.

    Everything else goes over block by block, packed as it was.
    """
    source, entries = open_entries(data)
    left = _MAX_UNPACKED_BYTES
    for entry in entries:
        if entry.filename == PROJECT:
            _put(target, PROJECT, render(root))
        elif entry.filename == WORDS:
            _put_words(target, _changed_words(root, place, unpack_words(content_of(source, entry, MAX_WORDS_BYTES)), words))
        else:
            with target.open(_entry(entry.filename, entry.compress_type), "w") as stream:
                for block in blocks_of(source, entry, left):
                    left -= stream.write(block)


@dataclass(frozen=True, slots=True)
class _Track:
    """What becomes a track: its name, its EQ and the name of that, and the audio with its place in the archive."""

    name: str
    eq: EqSettings | None
    eq_name: str
    stem: Stem | None = None
    place: str = ""


def _project(tracks: Sequence[_Track]) -> Element:
    root = Element("Project", version="1.0")
    SubElement(root, "Application", name="semeq", version="1.0")
    transport = SubElement(root, "Transport")
    SubElement(transport, "Tempo", unit="bpm", value="120.0", min="20.0", max="666.0")
    SubElement(transport, "TimeSignature", numerator="4", denominator="4")
    structure = SubElement(root, "Structure")
    for index, track in enumerate(tracks, start=1):
        channels = track.stem.channels if track.stem is not None else 2
        channel = _channel(structure, f"track{index}", track.name, "audio", f"channel{index}", "regular", channels)
        channel.set("destination", "master")
        if track.eq is not None:
            channel.insert(0, Element("Devices"))
            add_equalizer(channel[0], track.eq, track.eq_name, f"equalizer{index}")
    _channel(structure, "mastertrack", "Master", "audio notes", "master", "master", 2)
    arrangement = SubElement(root, "Arrangement", id="arrangement")
    lanes = SubElement(arrangement, "Lanes", id="lanes", timeUnit="seconds")
    for index, track in enumerate(tracks, start=1):
        if track.stem is not None:
            _add_clip(SubElement(lanes, "Lanes", id=f"lanes{index}", track=f"track{index}"), index, track.stem, track.place)
    indent(root)
    return root


def _channel(structure: Element, track_id: str, name: str, content: str, channel_id: str, role: str, channels: int) -> Element:
    track = SubElement(structure, "Track", id=track_id, name=name, contentType=content, loaded="true")
    channel = SubElement(track, "Channel", id=channel_id, role=role, audioChannels=str(channels), solo="false")
    SubElement(channel, "Mute", value="false")
    SubElement(channel, "Pan", unit="normalized", value="0.5", min="0.0", max="1.0")
    SubElement(channel, "Volume", unit="linear", value="1.0", min="0.0", max="2.0")
    return channel


def _add_clip(lanes: Element, index: int, stem: Stem, place: str) -> None:
    duration, start = plain_decimal(stem.duration_s, DIGITS), plain_decimal(stem.start_s, DIGITS) if stem.start_s else "0.0"
    clip = SubElement(
        SubElement(lanes, "Clips", id=f"clips{index}"), "Clip", time=start, duration=duration, playStart="0.0", name=stem.name
    )
    audio = SubElement(
        clip, "Audio", id=f"audio{index}", channels=str(stem.channels), sampleRate=str(stem.sample_rate_hz), duration=duration
    )
    SubElement(audio, "File", path=place)


def _metadata(title: str) -> bytes:
    root = Element("MetaData")
    if title:
        SubElement(root, "Title").text = title
    indent(root)
    return render(root)


def _check(stem: Stem) -> None:
    where = printable(stem.name)[:60]
    if stem.eq is not None:
        if stem.eq.curve is not None:
            raise PresetWriteError(f"stem {where}: a session holds no curve; convert it to bands first")
        for held in stem.eq.bands:
            if held.kind not in TYPES or held.order not in ORDERS.get(held.kind, (2,)):
                raise PresetWriteError(f"stem {where}: a session holds no {held}; convert it to dawproject first")
    try:
        check_sample_rate_hz(stem.sample_rate_hz)
    except AudioError as error:
        raise PresetWriteError(f"stem {where}: {error}") from error
    if stem.sample_rate_hz != int(stem.sample_rate_hz) or not 1 <= stem.channels <= 64:
        raise PresetWriteError(f"stem {where}: {stem.channels} channels at {stem.sample_rate_hz} Hz, expected 1..64 and a whole number")
    if not 0.0 < stem.duration_s < 1e7:  # false for NaN too
        raise PresetWriteError(f"stem {where}: duration_s {stem.duration_s} is outside 0..1e7")
    if not 0.0 <= stem.start_s < 1e7:
        raise PresetWriteError(f"stem {where}: start_s {stem.start_s} is outside 0..1e7")


def _places(stems: Sequence[Stem]) -> list[str]:
    """Return where the audio of each stem stands in the archive: numbered, so that equal names stay apart."""
    width = max(2, len(str(len(stems))))
    places = []
    for index, stem in enumerate(stems, start=1):
        name = stem.file_name or (stem.audio.name if isinstance(stem.audio, Path) else "")
        suffix = slug(Path(name).suffix.lstrip(".")) if Path(name).suffix else "wav"
        places.append(f"{AUDIO_FOLDER}/{index:0{width}d}-{slug(stem.name)}.{suffix}")
    return places


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _STAMP)
    entry.compress_type, entry.create_system, entry.external_attr = compression, 3, 0o644 << 16
    return entry


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_entry(name, zipfile.ZIP_DEFLATED if name.endswith(".xml") else zipfile.ZIP_STORED), content)


def _put_audio(archive: zipfile.ZipFile, place: str, stem: Stem) -> None:
    if isinstance(stem.audio, bytes):
        _put(archive, place, stem.audio)
        return
    with os.fdopen(open_regular(stem.audio, PresetWriteError), "rb") as source:
        size = os.fstat(source.fileno()).st_size
        with archive.open(_entry(place, zipfile.ZIP_STORED), "w", force_zip64=size >= 2**31) as target:
            for block in _blocks(source, stem.audio):
                target.write(block)


def _blocks(source: BinaryIO, path: Path) -> Iterator[bytes]:
    """Yield the blocks of a file; raises EnvironmentFailure naming it where it cannot be read."""
    while True:
        try:
            block = source.read(_COPY_BYTES)
        except OSError as error:
            raise environment_failure(path, error) from error
        if not block:
            return
        yield block


FORMAT: PresetFormat = DawProject()
