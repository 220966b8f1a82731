"""SoX effect string: what stands behind the output file on the command line, or in an effects file. One line.

    gain -6.0 bass -4.5 105.0 0.71q equalizer 240.0 1.2q 3.5 treble 4.0 8000.0 0.71q

| effect | arguments | meaning |
| --- | --- | --- |
| equalizer | frequency width gain | peak; the width is a Q (q), octaves (o), Hz (h) or kHz (k): see `_widths` |
| bass, treble | gain [frequency [width]] | low and high shelf at their centre frequency; also a slope (s) |
| highpass, lowpass | [-1 or -2] frequency [width] | second order; -1 is one pole (`_widths`): read and kept, not written |
| bandreject, allpass | frequency width | notch, all-pass |
| bandpass | [-c] frequency width | 0 dB at the centre; with -c the gain there is Q |
| gain, vol | dB (vol: with the letters dB, or a linear factor) | the preamp |

Frequencies may end in k. A width without a letter is of the effect's usual unit. Other effects, and widths that no band can have, are
kept and said in a note. Not read: several effect chains (a new line or ":").
SoX computes with 32-bit integers between the effects, so what rises over full scale clips even if a later effect lowers it: the preamp
stands first.
Source: SoX 14.4.2 manual (the effects above; --effects-file), biquads.c (getopts: defaults and units).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from semeq_export.eq.settings import LAYOUT_KINDS, Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of, preamp_of
from semeq_presets.file_formats._widths import RATE_HZ, of_rate, one_pole, q_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written


@dataclass(frozen=True, slots=True)
class _Effect:
    """A filter of SoX: the names of its arguments, how many of them must stand there, and its units of width, the usual one first."""

    kind: BandKind
    arguments: tuple[str, ...]
    needed: int
    units: str


_EFFECTS = {
    "equalizer": _Effect(BandKind.PEAK, ("frequency", "width", "gain"), 3, "qohk"),
    "bass": _Effect(BandKind.LOW_SHELF, ("gain", "frequency", "width"), 1, "shkoq"),
    "treble": _Effect(BandKind.HIGH_SHELF, ("gain", "frequency", "width"), 1, "shkoq"),
    "highpass": _Effect(BandKind.HIGH_PASS, ("frequency", "width"), 1, "qohk"),
    "lowpass": _Effect(BandKind.LOW_PASS, ("frequency", "width"), 1, "qohk"),
    "bandpass": _Effect(BandKind.BAND_PASS, ("frequency", "width"), 2, "hkqo"),
    "bandreject": _Effect(BandKind.NOTCH, ("frequency", "width"), 2, "hkqo"),
    "allpass": _Effect(BandKind.ALL_PASS, ("frequency", "width"), 2, "hkqo"),
}
_DEFAULTS = {"bass": ("100", "0.5s"), "treble": ("3000", "0.5s")}
_PASS_WIDTH = "0.70710678118654752q"
_SWITCHES = {"highpass": ("-1", "-2"), "lowpass": ("-1", "-2"), "bandpass": ("-c",)}
_WRITTEN = {effect.kind: name for name, effect in _EFFECTS.items()}
_DIGITS = 15
_MAX_CHARS = 100_000
_MAX_EFFECTS = 500
_SNIFF = re.compile(
    r"\s*((gain|vol|bass|treble)[ \t]+[-+.\d][^=:;]*"
    r"|(equalizer|((high|low|band)pass|bandreject|allpass)([ \t]+-[12c])?)[ \t]+[\d.]+k?([ \t][^=:;]*|\s*$))"
)


class SoxEffects:
    """Reads and writes SoX effect strings."""

    info = FormatInfo(
        id="sox",
        title="SoX effect string",
        host="SoX 14.4 and later",
        suffixes=(".sox.txt", ".sox"),
        how_to_import="sox in.wav out.wav --effects-file FILE, or paste the text behind the output file",
        precision_db=1e-5,
        limits=Limits(
            kinds=frozenset({*LAYOUT_KINDS, *(effect.kind for effect in _EFFECTS.values())}),
            freq_hz=(1.0, 96_000.0),
            gain_db=(-60.0, 60.0),
            q=(0.01, 100.0),
            preamp_db=(-90.0, 90.0),
            holds_disabled=False,
        ),
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
        pieces = tuple(_piece(item, f"effect {count}", notes) for count, item in enumerate(effects, start=1))
        if all(piece.says is None for piece in pieces):
            raise PresetReadError("holds no equalizer, bass, treble, pass, gain or vol that can be read")
        bands = [piece.says for piece in pieces if isinstance(piece.says, Band)]
        eq = settings(bands, preamp_of(pieces))
        return Preset(eq, source=Source(Pieces(pieces), eq=eq, is_whole=True), notes=tuple(notes))


def _split(text: str) -> list[str]:
    """Return the effects, each a name and what follows it up to the next name; joined by spaces they are the text again."""
    effects: list[list[str]] = []
    for word in text.split(" "):
        if effects and not re.match(r"\s*(?!nan|inf)[a-z]{2}", word):
            effects[-1].append(word)
        else:
            effects.append([word])
    return [" ".join(words) for words in effects]


def _piece(item: str, where: str, notes: list[Note]) -> Piece:
    """Return an effect with its band or preamp, and with a note where it is neither."""
    words = item.split()
    name, arguments = (words[0], words[1:]) if words else ("", [])
    found: Piece | None = None
    if name in _EFFECTS:
        found = _band_piece(item, name, arguments, where, notes)
    elif name == "gain" and len(arguments) == 1 and not re.match(r"-[a-zA-Z]", arguments[0]):
        found = Piece(item, settings([], number(arguments[0], "gain", where), where).preamp_db)
    elif name == "vol" and len(arguments) == 1:
        found = Piece(item, settings([], _vol_db(arguments[0], where), where).preamp_db)
    if found is None:
        notes.append(Note("unknown", None, where, f"{' '.join(words)[:60]!r} is not read", None))
        return Piece(item)
    return found


def _band_piece(item: str, name: str, arguments: list[str], where: str, notes: list[Note]) -> Piece | None:
    """Return an effect with its band, None where SoX would refuse it or no band is like it."""
    effect = _EFFECTS[name]
    switch = arguments.pop(0) if arguments and arguments[0] in _SWITCHES.get(name, ()) else ""
    if not effect.needed <= len(arguments) <= len(effect.arguments):
        return None
    freq, width = _DEFAULTS.get(name, ("", _PASS_WIDTH))
    values = {"frequency": freq, "width": width, "gain": "0", **dict(zip(effect.arguments, arguments, strict=False))}
    freq_hz, gain_db = _hz(values["frequency"], where), number(values["gain"], "gain", where)
    letter = re.search(r"[a-z]$", values["width"])
    unit = letter.group() if letter else effect.units[0]
    size = number(values["width"].removesuffix(letter.group() if letter else ""), "width", where)

    def at(rate_hz: float) -> Band:
        if switch == "-1":
            return one_pole(effect.kind, freq_hz, rate_hz, where)
        q = q_of(unit, size, freq_hz, gain_db, rate_hz)
        return band(effect.kind, freq_hz, gain_db, 0.0 if q is None else q, where=where)

    if unit not in effect.units or (switch != "-1" and q_of(unit, size, freq_hz, gain_db) is None):
        return None
    if unit == "o" or switch == "-1":
        notes.append(of_rate(at, where, name))
    held = at(RATE_HZ)
    return Piece(item, held, amplitude_to_db(held.q) if switch == "-c" else 0.0)


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
    values = {"frequency": held.freq_hz, "width": held.q, "gain": held.gain_db}
    texts = {name: plain_decimal(value, _DIGITS) for name, value in values.items()}
    texts["width"] += "q"
    name = _WRITTEN[held.kind]
    return " ".join([name, *(texts[argument] for argument in _EFFECTS[name].arguments)])


def _preamp_text(preamp_db: float) -> str:
    return f"gain {plain_decimal(preamp_db, _DIGITS)}"


FORMAT: PresetFormat = SoxEffects()
