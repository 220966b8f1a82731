"""FFmpeg audio filter string: what stands behind -af, and what mpv takes.

    lowshelf=f=105.0:t=q:w=0.71:g=-4.5,equalizer=f=240.0:t=q:w=1.2:g=3.5,highshelf=f=8000.0:t=q:w=0.71:g=4.0,volume=-6.0dB:precision=double

| filter | option | meaning |
| --- | --- | --- |
| equalizer, lowshelf, highshelf, tiltshelf, highpass, lowpass, bandreject, bandpass, allpass | f, frequency (or first) | Hz, k for kHz |
| | t, width_type; w, width | "q" and the Q of the Audio EQ Cookbook; h, k, o, s: see `_widths` |
| equalizer, shelves, tiltshelf | g, gain | dB; a tilt lifts the lows and lowers the highs by as much |
| shelves, tiltshelf | p, poles | 1: first order, ours; 2 |
| passes | p, poles | 1: one pole, see `_widths`: read and kept, not written; 2 |
| allpass | o, order | 1 or 2 |
| bandpass | csg | 0: 0 dB at the centre; 1: the gain is Q |
| bass, treble | as the shelves | with p=2 the Q is 1.414 times what w says (measured with 5.1.9); read and kept, not written |
| all of these | c, channels | "all", or names of channels: FL, FL+FR; then the channels have EQs of their own |
| biquad | b0 alone | a linear factor: the preamp of channels that differ |
| volume | volume (or first) | "-6dB", or a linear factor: the preamp |

What is left out has FFmpeg's default. Not read: anequalizer and others, and filters with options that are none of these (mix,
normalize): kept, and said in a note; so are link labels and other chains (";").
Source: FFmpeg 5.1 filters documentation and `ffmpeg -h filter=NAME` (order of options, defaults), libavfilter/af_biquads.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of, preamp_of
from semeq_presets.file_formats._widths import RATE_HZ, of_rate, one_pole, q_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_KINDS = {
    "equalizer": BandKind.PEAK,
    "lowshelf": BandKind.LOW_SHELF,
    "highshelf": BandKind.HIGH_SHELF,
    "highpass": BandKind.HIGH_PASS,
    "lowpass": BandKind.LOW_PASS,
    "bandreject": BandKind.NOTCH,
    "bandpass": BandKind.BAND_PASS,
    "allpass": BandKind.ALL_PASS,
    "bass": BandKind.LOW_SHELF,
    "treble": BandKind.HIGH_SHELF,
    "tiltshelf": BandKind.TILT,
}
_WRITTEN = {kind: name for name, kind in reversed(_KINDS.items())}
_TONES, _TONE_Q = ("bass", "treble"), 2.0**0.5
_TILTED = -2.0  # a positive gain lifts the lows by as much as it lowers the highs
_SHELVES, _PASSES = (BandKind.LOW_SHELF, BandKind.HIGH_SHELF), (BandKind.HIGH_PASS, BandKind.LOW_PASS)
_ONE_OR_TWO = frozenset({1, 2})
_ORDERS = dict.fromkeys((*_SHELVES, BandKind.TILT, BandKind.ALL_PASS), _ONE_OR_TWO)
_NAMES = {
    "frequency": "f",
    "width_type": "t",
    "width": "w",
    "gain": "g",
    "poles": "p",
    "mix": "m",
    "channels": "c",
    "normalize": "n",
    "order": "o",
    "transform": "a",
    "precision": "r",
    "blocksize": "b",
}
_HARMLESS = frozenset("ar")  # how it is computed, not what
_WITHOUT_EFFECT = {"m": ("1", "1.0"), "n": ("0", "false"), "b": ("0",)}
_IN_ORDER = {BandKind.PEAK: "ftwgmcnarb", BandKind.BAND_PASS: ("f", "t", "w", "csg", *"mcnarb"), BandKind.NOTCH: "ftwmcnarb"}
_IN_ORDER |= {
    BandKind.ALL_PASS: "ftwmcnoar",
    **dict.fromkeys((*_SHELVES, BandKind.TILT), "ftwgpmcnarb"),
    **dict.fromkeys(_PASSES, "ftwpmcnarb"),
}
_FREQ_HZ = {"equalizer": "0", "lowshelf": "100", "bass": "100", "lowpass": "500"}  # 3000 for the others
_WIDTH = {"equalizer": "1", "highpass": "0.707", "lowpass": "0.707", "allpass": "0.707"}  # 0.5 for the others
_CHANNELS = {
    "FL": "left",
    "FR": "right",
    "FC": "center",
    "LFE": "lfe",
    "BL": "rear_left",
    "BR": "rear_right",
    "SL": "side_left",
    "SR": "side_right",
}
_CHANNEL_NAMES = {name: short for short, name in _CHANNELS.items()}
_LAYOUTS = {"stereo": "FL+FR", "mono": "FC"}
_DIGITS = 15
_MAX_CHARS = 100_000
_MAX_FILTERS = 500
_FILTER = re.compile(r"(\[[^\]]*\]\s*)*[A-Za-z_]")
_SNIFF = re.compile(
    r"[ \t\r\n]*(\[[^\]]*\])?[ \t\r\n]*(equalizer|(low|high)(shelf|pass)|tiltshelf|band(reject|pass)|allpass|bass|treble|volume)"
    r"(@\w+)?=[^,]*(\b(f|frequency)=\d|dB\b|volume=[-+.\d]|[-+.\d])"
)


class FfmpegFilter:
    """Reads and writes FFmpeg's audio filter strings."""

    info = FormatInfo(
        id="ffmpeg",
        title="FFmpeg audio filter string",
        host="FFmpeg, mpv and other programs that take its audio filters",
        suffixes=(".ffmpeg.txt", ".ffmpeg"),
        how_to_import='ffmpeg -i in.wav -af "$(cat FILE)" -c:a pcm_f32le out.wav; mpv --af=lavfi=[TEXT]',
        precision_db=1e-5,
        limits=Limits(
            kinds=frozenset(BandKind),
            orders=_ORDERS,
            freq_hz=(1.0, 96_000.0),
            gain_db=(-60.0, 60.0),
            q=(0.01, 100.0),
            preamp_db=(-90.0, 90.0),
            holds_disabled=False,
            channels=tuple(_CHANNEL_NAMES),
        ),
        verified="FFmpeg 5.1.9",
        aliases=("mpv",),
        measured_in=(MeasuringHost("ffmpeg", "filter string"),),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first filter is one of ours with an option."""
        return _SNIFF.match(head.decode("utf-8", "replace")) is not None

    def write(self, preset: Preset) -> Written:
        """Return the text in one line; a preset that was read keeps its other filters and the spelling of what did not change.

        Where channels differ, a changed preset keeps the filters that were not read, and the others are written anew.
        """
        pieces = pieces_of(preset)
        if pieces is not None and preset.source is not None and preset.source.eq == preset.eq:
            text = ",".join(piece.text for piece in pieces)
        elif isinstance(preset.eq, ChannelEqs):
            text = _rebuilt(pieces or (), [filters for name, eq in preset.eq for filters in _channel_texts(eq, name)])
        elif pieces is None or any(piece.channels for piece in pieces):
            filters = [_band_text(held) for held in preset.single.bands]
            text = _rebuilt(pieces or (), [*filters, _preamp_text(preset.single.preamp_db)])
        else:
            text = merged(pieces, preset.single, separator=",", band_text=_band_text, preamp_text=_preamp_text)
        return Written({"preset.ffmpeg.txt": text.encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming filter and option."""
        (data,) = files.values()
        text = text_of(data)
        if len(text) > _MAX_CHARS:
            raise PresetReadError(f"text of {len(text)} characters is over the limit of {_MAX_CHARS}")
        filters = _split(text)
        if len(filters) > _MAX_FILTERS:
            raise PresetReadError(f"{len(filters)} filters are over the limit of {_MAX_FILTERS}")
        notes: list[Note] = []
        pieces = tuple(_piece(item, f"filter {count}", notes) for count, item in enumerate(filters, start=1))
        if all(piece.says is None for piece in pieces):
            raise PresetReadError("holds no equalizer, shelf, pass or volume that can be read")
        eq = _eq(pieces)
        return Preset(eq, source=Source(Pieces(pieces), eq=eq, is_whole=True), notes=tuple(notes))


def _eq(pieces: tuple[Piece, ...]) -> EqSettings | ChannelEqs:
    """Return the EQ that the filters are; one for each channel where some are for channels of their own.

    What is for all channels is then in the EQ of every one: left and right, or all that have a name where others are named too.
    """
    named = {name for piece in pieces if piece.says is not None for name in piece.channels}
    if not named:
        return _sum(pieces)
    shared = any(piece.says is not None and not piece.channels for piece in pieces)
    names = [name for name in _CHANNELS.values() if name in named or name in ("left", "right")]
    if shared and not named <= {"left", "right"}:
        names = list(_CHANNELS.values())
    if not shared:
        names = [name for name in names if name in named]
    return ChannelEqs(tuple((name, _sum([piece for piece in pieces if not piece.channels or name in piece.channels])) for name in names))


def _sum(pieces: Sequence[Piece]) -> EqSettings:
    return settings([piece.says for piece in pieces if isinstance(piece.says, Band)], preamp_of(pieces))


def _split(text: str) -> list[str]:
    """Return the filters between commas, except commas that are quoted or escaped; joined by commas they are the text again."""
    items, start, quoted, escaped = [], 0, False, False
    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\" and not quoted:
            escaped = True
        elif character == "'":
            quoted = not quoted
        elif character == "," and not quoted:
            items.append(text[start:place])
            start = place + 1
    if quoted:
        raise PresetReadError("a quote (') is not closed")
    return [*items, text[start:]]


def _piece(item: str, where: str, notes: list[Note]) -> Piece:
    """Return a filter with its band or preamp, and with a note where it is neither."""
    text = item.strip()
    name, _, arguments = text.partition("=")
    name = name.partition("@")[0]
    if not _FILTER.match(text):
        raise PresetReadError(f"{text[:40]!r} is not a filter; a decimal comma?", where=where)
    found: Piece | None = None
    if name in _KINDS:
        options = _options(arguments, tuple(_IN_ORDER[_KINDS[name]]))
        found = None if options is None else _band_piece(item, name, options, where, notes)
    elif name == "volume":
        options = _options(arguments, ("volume", "r"))
        if options is not None and {"volume"} <= options.keys() <= {"volume", "r"}:
            found = Piece(item, _volume(options["volume"], where))
    elif name == "biquad":
        options = _options(arguments, ())
        if options is not None and {"b0"} <= options.keys() <= {"b0", "c", *_HARMLESS}:
            found = Piece(item, _volume(options["b0"], where), channels=_channels(options, where))
    if found is None:
        notes.append(Note("unknown", None, where, f"{text[:60]!r} is not read", None))
        return Piece(item)
    return found


def _band_piece(item: str, name: str, options: Mapping[str, str], where: str, notes: list[Note]) -> Piece | None:
    """Return a filter with its band, None where it has options that are no band of ours."""
    kind = _KINDS[name]
    without = {key for key, values in _WITHOUT_EFFECT.items() if options.get(key, values[0]) in values}
    own = {*_IN_ORDER[kind], *_HARMLESS} - {*"mnb"} | without
    poles = options.get("o" if kind is BandKind.ALL_PASS else "p", "2")
    csg = options.get("csg", "0")
    if not options.keys() <= own or poles not in ("1", "2") or csg not in ("0", "1"):
        return None
    freq = options.get("f", _FREQ_HZ.get(name, "3000"))
    freq_hz = number(freq[:-1], "f", where) * 1_000.0 if freq.endswith("k") else number(freq, "f", where)
    gain_db = number(options.get("g", "0"), "g", where) * (_TILTED if kind is BandKind.TILT else 1.0)
    width, unit = number(options.get("w", _WIDTH.get(name, "0.5")), "w", where), options.get("t", "q")

    def at(rate_hz: float) -> Band:
        if poles == "1" and kind in _PASSES:
            return one_pole(kind, freq_hz, rate_hz, where)
        q = q_of(unit, width, freq_hz, gain_db, rate_hz)
        q = 0.7071 if q is None else q  # a first order needs none
        return band(kind, freq_hz, gain_db, q * (_TONE_Q if name in _TONES and poles == "2" else 1.0), order=int(poles), where=where)

    if poles == "2" and q_of(unit, width, freq_hz, gain_db) is None:
        return None
    if (unit == "o" and poles == "2") or (poles == "1" and kind in _PASSES):
        notes.append(of_rate(at, where, name))
    held = at(RATE_HZ)
    return Piece(item, held, amplitude_to_db(held.q) if csg == "1" else 0.0, _channels(options, where))


def _options(arguments: str, in_order: tuple[str, ...]) -> dict[str, str] | None:
    """Return the options by their short names, unnamed ones in their order; None where an unnamed one has no meaning."""
    named: dict[str, str] = {}
    left = list(in_order)
    for item in arguments.split(":") if arguments else ():
        key, equals, value = item.strip().partition("=")
        if equals:
            named[_NAMES.get(key, key)] = value
            left.clear()
        elif left:
            named[left.pop(0)] = key
        else:
            return None
    return named


def _channels(options: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Return the channels that a filter is for, none for all; raises PresetReadError for those that have no name here."""
    text = options.get("c", "all").strip("'")
    if text == "all":
        return ()
    shorts = re.split(r"[+|]", _LAYOUTS.get(text, text))
    unknown = [short for short in shorts if short not in _CHANNELS]
    if unknown:
        raise PresetReadError(f"channel {unknown[0][:20]!r} is not one of {', '.join(_CHANNELS)}; take the filter out", where=where)
    return tuple(dict.fromkeys(_CHANNELS[short] for short in shorts))


def _volume(text: str, where: str) -> float:
    if text.endswith("dB"):
        preamp_db = number(text[:-2], "volume", where)
    else:
        factor = number(text, "volume", where)
        if factor <= 0.0:
            raise PresetReadError(f"volume {factor:g} is not above 0", where=where)
        preamp_db = amplitude_to_db(factor)
    return settings([], preamp_db, where).preamp_db


def _band_text(held: Band, _number: int = 0) -> str:
    gain_db = held.gain_db / _TILTED if held.kind is BandKind.TILT else held.gain_db
    freq, q, gain = (plain_decimal(value, _DIGITS) for value in (held.freq_hz, held.q, gain_db))
    gained = f":g={gain}" if held.has_gain else ""
    first = "" if held.order == 2 else ":o=1" if held.kind is BandKind.ALL_PASS else ":p=1"
    return f"{_WRITTEN[held.kind]}=f={freq}:t=q:w={q}{gained}{first}"


def _channel_texts(eq: EqSettings, name: str) -> list[str]:
    factor = plain_decimal(db_to_amplitude(eq.preamp_db), _DIGITS)
    preamp = [f"biquad=b0={factor}"] if eq.preamp_db else []
    return [f"{text}:c={_CHANNEL_NAMES[name]}" for text in (*map(_band_text, eq.bands), *preamp)]


def _rebuilt(pieces: Sequence[Piece], filters: list[str]) -> str:
    """Return a text of filters, with those of a file that were not read in their place before and behind them."""
    said = [index for index, piece in enumerate(pieces) if piece.says is not None]
    before, behind = (pieces[: said[0]], pieces[said[0] :]) if said else ((), pieces)
    kept = ([piece.text.strip() for piece in part if piece.says is None and piece.text.strip()] for part in (before, behind))
    first, last = kept
    return ",".join([*first, *(filters or [_preamp_text(0.0)]), *last]) + "\n"


def _preamp_text(preamp_db: float) -> str:
    return f"volume={plain_decimal(preamp_db, _DIGITS)}dB:precision=double"


FORMAT: PresetFormat = FfmpegFilter()
