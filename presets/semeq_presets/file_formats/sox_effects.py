"""SoX effect string: what stands behind the output file on the command line, or in an effects file. One line.

    gain -6.0 bass -4.5 105.0 0.71q equalizer 240.0 1.2q 3.5 treble 4.0 8000.0 0.71q

| effect | arguments | meaning |
| --- | --- | --- |
| equalizer | frequency width gain | peak; width with the letter q is the Q of the Audio EQ Cookbook |
| bass, treble | gain frequency width | low and high shelf at their centre frequency |
| gain, vol | dB (vol: with the letters dB, or a linear factor) | the preamp |

Frequencies may end in k. Widths of other units (h, k, o, s) and left-out arguments are no band of ours: kept, said in a note, like other
effects. Not read: several effect chains (a new line or ":").
SoX computes with 32-bit integers between the effects, so what rises over full scale clips even if a later effect lowers it: the preamp
stands first.
Source: SoX 14.4.2 manual (bass, equalizer, gain, treble, vol; --effects-file).
"""

from __future__ import annotations

import re

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of, preamp_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_SHELVES = {"bass": BandKind.LOW_SHELF, "treble": BandKind.HIGH_SHELF}
_WRITTEN = {BandKind.LOW_SHELF: "bass", BandKind.PEAK: "equalizer", BandKind.HIGH_SHELF: "treble"}
_DIGITS = 12
_MAX_CHARS = 100_000
_MAX_EFFECTS = 500
_SNIFF = re.compile(r"\s*((gain|vol|bass|treble)[ \t]+[-+.\d][^=:;]*|equalizer[ \t]+[\d.]+k?[ \t][^=:;]*)")


class SoxEffects:
    """Reads and writes SoX effect strings."""

    info = FormatInfo(
        id="sox",
        title="SoX effect string",
        host="SoX 14.4 and later",
        suffixes=(".sox.txt", ".sox"),
        how_to_import="sox in.wav out.wav --effects-file FILE, or paste the text behind the output file",
        precision_db=1e-5,
        limits=Limits(freq_hz=(1.0, 96_000.0), gain_db=(-60.0, 60.0), q=(0.01, 100.0), preamp_db=(-90.0, 90.0), holds_disabled=False),
        verified="SoX 14.4.2",
        protects=True,
        measured_in=(MeasuringHost("sox", "effect string"),),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first words are one of our effects and a number."""
        return _SNIFF.match(head.decode("utf-8", "replace")) is not None

    def write(self, preset: Preset) -> Written:
        """Return the text in one line; a preset that was read keeps its other effects and the spelling of what did not change."""
        pieces = pieces_of(preset)
        if pieces is not None:
            text = merged(pieces, preset.single, separator=" ", band_text=_band_text, preamp_text=_preamp_text)
        else:
            text = " ".join([_preamp_text(preset.single.preamp_db), *(_band_text(held) for held in preset.single.bands)]) + "\n"
        return Written({"preset.sox.txt": text.encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming effect and argument."""
        (data,) = files.values()
        text = text_of(data)
        if len(text) > _MAX_CHARS:
            raise PresetReadError(f"text of {len(text)} characters is over the limit of {_MAX_CHARS}")
        if "\n" in text.strip() or ":" in text.split():
            raise PresetReadError("holds several effect chains; only one can be read")
        effects = _split(text)
        if len(effects) > _MAX_EFFECTS:
            raise PresetReadError(f"{len(effects)} effects are over the limit of {_MAX_EFFECTS}")
        notes: list[Note] = []
        pieces = tuple(Piece(item, _effect(item.split(), f"effect {count}", notes)) for count, item in enumerate(effects, start=1))
        if all(piece.says is None for piece in pieces):
            raise PresetReadError("holds no equalizer, bass, treble, gain or vol that can be read")
        bands = [piece.says for piece in pieces if isinstance(piece.says, Band)]
        return Preset(settings(bands, preamp_of(pieces)), source=Source(Pieces(pieces)), notes=tuple(notes))


def _split(text: str) -> list[str]:
    """Return the effects, each a name and what follows it up to the next name; joined by spaces they are the text again."""
    effects: list[list[str]] = []
    for word in text.split(" "):
        if effects and not re.match(r"\s*(?!nan|inf)[a-z]{2}", word):
            effects[-1].append(word)
        else:
            effects.append([word])
    return [" ".join(words) for words in effects]


def _effect(words: list[str], where: str, notes: list[Note]) -> Band | float | None:
    """Return the band or the preamp of an effect, None with a note where it is neither."""
    name, arguments = (words[0], words[1:]) if words else ("", [])
    if name == "equalizer" and len(arguments) == 3 and arguments[1].endswith("q"):
        freq, width, gain = arguments
        return band(BandKind.PEAK, _hz(freq, where), number(gain, "gain", where), number(width[:-1], "width", where), where=where)
    if name in _SHELVES and len(arguments) == 3 and arguments[2].endswith("q"):
        gain, freq, width = arguments
        return band(_SHELVES[name], _hz(freq, where), number(gain, "gain", where), number(width[:-1], "width", where), where=where)
    if name == "gain" and len(arguments) == 1 and not re.match(r"-[a-zA-Z]", arguments[0]):
        return settings([], number(arguments[0], "gain", where), where).preamp_db
    if name == "vol" and len(arguments) == 1:
        return settings([], _vol_db(arguments[0], where), where).preamp_db
    notes.append(Note("unknown", None, where, f"{' '.join(words)[:60]!r} is not read", None))
    return None


def _hz(text: str, where: str) -> float:
    return number(text[:-1], "frequency", where) * 1_000.0 if text.endswith("k") else number(text, "frequency", where)


def _vol_db(text: str, where: str) -> float:
    if text.endswith("dB"):
        return number(text[:-2], "vol", where)
    factor = number(text, "vol", where)
    if factor <= 0.0:
        raise PresetReadError(f"vol {factor:g} is not above 0", where=where)
    return amplitude_to_db(factor)


def _band_text(held: Band, _number: int = 0) -> str:
    freq, q, gain = (plain_decimal(value, _DIGITS) for value in (held.freq_hz, held.q, held.gain_db))
    return f"equalizer {freq} {q}q {gain}" if held.kind is BandKind.PEAK else f"{_WRITTEN[held.kind]} {gain} {freq} {q}q"


def _preamp_text(preamp_db: float) -> str:
    return f"gain {plain_decimal(preamp_db, _DIGITS)}"


FORMAT: PresetFormat = SoxEffects()
