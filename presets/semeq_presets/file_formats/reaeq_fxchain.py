"""REAPER's ReaEQ in an FX chain (.RfxChain): text around base64 blocks; read too: projects (.RPP) and vst-reaeq.ini.

    BYPASS 0 0 0
    <VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "NAME" 1919247729<56535472656571726561657100000000> ""
      base64 of the header
      base64 of the state, in one line or in lines of 96 bytes
      base64 of the program: NUL, its name, NUL, 10 00 00 00
    >
    FLOATPOS 0 0 0 0 / FXID {GUID} / WAK 0 0

REAPER 5 and older write one stream in lines of 40 bytes, and `<VST "VST: ReaEQ (Cockos)" "reaeq.dll"`. The bytes: `_reaeq_state.py`;
tracks and what is bypassed: `_reaper_text.py`; the file of presets: `_reaeq_ini.py`. All ReaEQs of a chain or of the chosen track play one
after the other and are one EQ; the bands of a bypassed one are switched off. What was read from a project is written as a chain.
Source: chunks that REAPER 5, 6 and 7 wrote, two public writers that agree with them. Unknown: the limits of the overall gain and of the
number of bands. Files of macOS and Linux differ in the name reaeq.dll only; REAPER goes by the number.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats._fields import settings, text_of
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._places import reaper
from semeq_presets.file_formats._reaeq_ini import presets_of
from semeq_presets.file_formats._reaeq_state import EMPTY, TYPES, Q, State, read_state
from semeq_presets.file_formats._reaper_text import PLUGIN_ID, TOKEN, Effect, Track, effects_of, unquoted
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_LINE_BYTES = 96
_MAX_NAME_CHARS = 200  # as writing allows
_NAME_TOKEN = 4  # <VST, plug-in, file, 0, NAME
_PROJECT = b"<REAPER_PROJECT"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_INI_STATE = b"=71656572"


@dataclass(frozen=True, slots=True)
class _Block:
    """The block of one ReaEQ. plugin: its first line; lines: of base64; width: bytes of the first of them."""

    plugin: str
    lines: tuple[str, ...]
    width: int
    state: State
    is_on: bool

    @property
    def bands(self) -> tuple[Band, ...]:
        """Its bands as they play."""
        return self.state.bands if self.is_on else tuple(replace(held, enabled=False) for held in self.state.bands)


@dataclass(frozen=True, slots=True)
class _Chain:
    """A chain: lines that are not ours, and blocks. name: that of the preset as it was read."""

    pieces: tuple[str | _Block, ...]
    name: str

    @property
    def blocks(self) -> tuple[_Block, ...]:
        """The ReaEQs in the order in which they play."""
        return tuple(piece for piece in self.pieces if isinstance(piece, _Block))

    @property
    def preamp_db(self) -> float:
        """The overall gains of all ReaEQs that play."""
        return sum((block.state.preamp_db for block in self.blocks if block.is_on), 0.0)

    def text(self) -> str:
        """Return the chain."""
        return "".join(piece if isinstance(piece, str) else "".join([piece.plugin, *piece.lines]) for piece in self.pieces)


class ReaEq:
    """Reads and writes ReaEQ in an FX chain; reads it in projects and files of presets."""

    info = FormatInfo(
        id="reaeq",
        title="REAPER ReaEQ, FX chain",
        host="REAPER",
        suffixes=(".RfxChain",),
        how_to_import="REAPER: drop the file onto a track, or copy it into the folder FXChains of REAPER's resource path; "
        "it is then in the FX browser under FX Chains",
        precision_db=1e-6,
        limits=Limits(kinds=frozenset(TYPES), freq_hz=(20.0, 24_000.0), gain_db=(-60.0, 24.0), q=Q, preamp_db=(-60.0, 24.0)),
        aliases=("reaper",),
        places=reaper("FXChains/semeq"),
        remark="read too: projects (.RPP, one track of them) and vst-reaeq.ini; effects of REAPER 5, 6 and 7",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the name is that of an FX chain, or the first bytes are of a project or hold a ReaEQ."""
        is_chain = b"<VST" in head and b"ReaEQ" in head
        is_ini = b"NbPresets=" in head and _INI_STATE in head
        return is_chain or is_ini or head.lstrip().startswith(_PROJECT) or filename.lower().endswith(".rfxchain")

    def write(self, preset: Preset) -> Written:
        """Return the chain; one that was read keeps its other effects, filters, pins and windows."""
        kept, chain = preset.unchanged(), preset.parts(_Chain)
        if kept is not None:
            return Written({"preset.RfxChain": kept})
        if chain is None:
            state = EMPTY.changed(preset.single.bands, preset.single.preamp_db)
            return Written({"preset.RfxChain": _new_chain(one_line(preset.name), state).text().encode("utf-8")})
        return Written({"preset.RfxChain": _changed(chain, preset.single, preset.name).text().encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the line or offset that is wrong."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset of the chain, of the chosen track of a project, or of the chosen preset of a file of presets."""
        (data,) = files.values()
        is_project, is_ini = data.lstrip().startswith(_PROJECT), data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"[")
        what, able = ("project", "track") if is_project else ("file of presets", "preset_name") if is_ini else ("chain", "")
        wrong = [name for name in choice.named if name != able]
        if wrong:
            raise PresetReadError(f"is a {what}, which has no {wrong[0].replace('_', ' ')} to choose")
        if is_ini:
            return _of_ini(text_of(data), choice.preset_name)
        lines = (_project_text(data) if is_project else text_of(data)).splitlines(keepends=True)
        effects = effects_of(lines)
        if not effects:
            raise PresetReadError("holds no ReaEQ (a line that starts with <VST and names ReaEQ)")
        if is_project:
            track = _chosen_track(effects, choice.track)
            return _preset(_of_track(lines, [each for each in effects if each.track == track], track), effects, track)
        blocks = [(each, _block(lines, each)) for each in effects]
        pieces: list[str | _Block] = []
        at = 0
        for each, block in blocks:
            pieces += [*lines[at : each.start], block]
            at = each.end
        return _preset(_Chain((*pieces, *lines[at:]), _name(blocks[0][1].plugin)), effects, None)


def _project_text(data: bytes) -> str:
    """Return the text of a project, which is never written: older ones are in the code page of their system, and notes hold anything."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return _CONTROL.sub("\ufffd", text)


def _preset(chain: _Chain, effects: Sequence[Effect], track: Track | None) -> Preset:
    chain = replace(chain, name=chain.name[:_MAX_NAME_CHARS])
    bands = [held for block in chain.blocks for held in block.bands]
    eq = settings(bands, chain.preamp_db)
    notes = [note for block in chain.blocks if block.is_on for note in block.state.notes()]
    for number, block in enumerate(chain.blocks, start=1):
        error_db, at_hz = (0.0, 0.0) if block.is_on else apart_db(block.state.bands, (), silent_db=-120.0)
        if error_db > 0.0:
            place = f"ReaEQ {number}" if len(chain.blocks) > 1 else "ReaEQ"
            notes.append(Note("dropped", None, place, "is bypassed", "its bands are switched off", error_db, at_hz))
    if any(each.is_parallel and each.track == track for each in effects):
        notes.append(Note("unknown", None, "ReaEQ", "plays beside other effects, not after them, which is not read", None))
    source = Source(chain, chain.text().encode("utf-8"), eq, chain.name or None, is_whole=True)
    return Preset(eq, name=chain.name, source=source, notes=tuple(notes))


def _chosen_track(effects: Sequence[Effect], wanted: str | None) -> Track:
    """Return the track of a project whose EQ is meant; raises PresetReadError with those that there are where that is not clear."""
    tracks = list(dict.fromkeys(each.track for each in effects if each.track is not None))
    listed = ", ".join(one_line(str(track))[:60] for track in tracks[:40])
    if wanted is None:
        if len(tracks) == 1:
            return tracks[0]
        raise PresetReadError(f"holds {len(tracks)} tracks with ReaEQ: {listed}; choose one with `track`")
    text = wanted.strip().casefold()
    fitting = [track for track in tracks if track.name.casefold() == text]
    if len(fitting) != 1:
        fitting = [track for track in tracks if text in (str(track.number), str(track).casefold())] or fitting
    if len(fitting) != 1:
        found = "no track" if not fitting else f"{len(fitting)} tracks"
        raise PresetReadError(f"has {found} {one_line(wanted)[:40]!r} with ReaEQ, only {listed}; `track` takes a name or a number")
    return fitting[0]


def _of_track(lines: Sequence[str], effects: Sequence[Effect], track: Track) -> _Chain:
    """Return the ReaEQs of a track as a chain of their own, without the indent of the project."""
    pieces: list[str | _Block] = []
    for each in effects:
        indent = lines[each.start][: len(lines[each.start]) - len(lines[each.start].lstrip())]
        own = [line.removeprefix(indent) for line in lines[each.before : each.after]]
        start, end = each.start - each.before, each.end - each.before
        block = _block(own, replace(each, start=start, end=end), each.start)
        pieces += [*own[:start], block, *own[end:]]
    return _Chain(tuple(pieces), track.name)


def _block(lines: Sequence[str], each: Effect, first: int | None = None) -> _Block:
    """Return a ReaEQ of a text. first: the line of its block in the file, where that is not the text."""
    number = (each.start if first is None else first) + 2
    parts = []
    for offset, line in enumerate(lines[each.start + 1 : each.end]):
        try:
            parts.append(base64.b64decode(line.strip(), validate=True))
        except (binascii.Error, ValueError) as error:
            raise PresetReadError("is not base64", where=f"line {number + offset}") from error
    state = read_state(b"".join(parts), f"line {number}")
    return _Block(lines[each.start], tuple(lines[each.start + 1 : each.end]), len(parts[0]), state, each.is_on)


def _of_ini(text: str, wanted: str | None) -> Preset:
    found = presets_of(text)
    if wanted is None:
        fitting = list(found)
    else:
        asked = wanted.strip().casefold()
        fitting = [each for each in found if each.name.casefold() == asked]
        if len(fitting) != 1:
            fitting = [each for each in found if str(each.number) == asked]
    if len(fitting) != 1:
        listed = ", ".join(f"{each.number} {one_line(each.name)[:60]}" for each in found[:40])
        missing = f"has no preset {one_line(wanted)[:40]!r}" if wanted is not None else f"holds {len(found)} presets"
        raise PresetReadError(f"{missing}: {listed}; choose one with `preset_name`, a name or a number")
    state = read_state(fitting[0].data(), f"[Preset{fitting[0].number - 1}]")
    return _preset(_new_chain(one_line(fitting[0].name), replace(state, program=state.program or EMPTY.program)), (), None)


def _new_chain(name: str, state: State) -> _Chain:
    digits = hashlib.sha256(state.parts()[1] + name.encode("utf-8")).hexdigest().upper()
    guid = "-".join(digits[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    plugin = f'<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 {_quoted(name)} {PLUGIN_ID}<56535472656571726561657100000000> ""\n'
    lines = _base64_lines(state, 0, "  ", "\n")
    block = _Block(plugin, lines, len(state.parts()[0]), state, is_on=True)
    return _Chain(("BYPASS 0 0 0\n", block, ">\n", "FLOATPOS 0 0 0 0\n", f"FXID {{{guid}}}\n", "WAK 0 0\n"), name)


def _changed(chain: _Chain, eq: EqSettings, name: str) -> _Chain:
    """Return a chain with another EQ: each ReaEQ keeps as many bands as it had, the last one that plays takes what is more."""
    on = [number for number, block in enumerate(chain.blocks) if block.is_on]
    last = on[-1] if on else len(chain.blocks) - 1
    left, more_db, blocks = list(eq.bands), eq.preamp_db - chain.preamp_db, []
    for number, block in enumerate(chain.blocks):
        kept = sum(len(later.bands) for later in chain.blocks[number + 1 :]) if number == last else 0
        count = max(len(left) - kept, 0) if number == last else len(block.bands)
        own, left = tuple(left[:count]), left[count:]
        gain_db = block.state.preamp_db + (more_db if on and number == on[0] else 0.0)
        blocks.append(_with(block, own, gain_db))
    if more_db != 0.0 and not on:
        raise PresetWriteError("reaeq: the chain's ReaEQ is bypassed, so there is no place for a preamp; switch it on in REAPER")
    new = iter(blocks)
    pieces = [next(new) if isinstance(piece, _Block) else piece for piece in chain.pieces]
    first = next(index for index, piece in enumerate(pieces) if isinstance(piece, _Block))
    if name != chain.name:
        pieces[first] = _renamed(pieces[first], one_line(name))
    return _Chain(tuple(pieces), name)


def _with(block: _Block, bands: tuple[Band, ...], preamp_db: float) -> _Block:
    """Return a block with other bands; raises PresetWriteError where one would have to play in a ReaEQ that is bypassed."""
    if not block.is_on:
        shown = dict(zip(block.bands, block.state.bands, strict=True))
        if any(held.enabled for held in bands):
            raise PresetWriteError("reaeq: a band that is on stands in a bypassed ReaEQ; switch that on in REAPER, or the band off")
        bands = tuple(shown.get(held, held) for held in bands)
    state = block.state.changed(bands, preamp_db)
    if state == block.state:
        return block
    model = block.lines[0]
    indent, ending = model[: len(model) - len(model.lstrip())], model[len(model.rstrip()) :]
    width = 0 if block.width == len(block.state.parts()[0]) else block.width
    return replace(block, state=state, lines=_base64_lines(state, width, indent, ending or "\n"))


def _base64_lines(state: State, width: int, indent: str, ending: str) -> tuple[str, ...]:
    """Return the lines of a block: header, state and program apart, or with a width one stream in lines of so many bytes."""
    header, body, program = state.parts()
    if width:
        stream = header + body + program
        parts = [stream[start : start + width] for start in range(0, len(stream), width)]
    else:
        parts = [header, *(body[start : start + _LINE_BYTES] for start in range(0, len(body), _LINE_BYTES)), program]
    return tuple(f"{indent}{base64.b64encode(part).decode('ascii')}{ending}" for part in parts if part)


def _name(plugin: str) -> str:
    """Return what the user calls the effect."""
    tokens = TOKEN.findall(plugin)
    text: str = tokens[_NAME_TOKEN] if len(tokens) > _NAME_TOKEN else ""
    return unquoted(text) if text[:1] in ('"', "'", "`") else ""


def _renamed(piece: str | _Block, name: str) -> str | _Block:
    assert isinstance(piece, _Block)
    tokens = list(TOKEN.finditer(piece.plugin))
    if len(tokens) <= _NAME_TOKEN:
        return piece
    place = tokens[_NAME_TOKEN]
    return replace(piece, plugin=piece.plugin[: place.start()] + _quoted(name) + piece.plugin[place.end() :])


def _quoted(text: str) -> str:
    """Return a text between the quotes that it does not hold, as REAPER does; backticks become apostrophes where it holds all three."""
    for mark in ('"', "'", "`"):
        if mark not in text:
            return f"{mark}{text}{mark}"
    return "`{}`".format(text.replace("`", "'"))


FORMAT: PresetFormat = ReaEq()
