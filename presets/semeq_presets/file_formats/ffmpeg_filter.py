"""FFmpeg audio filter string: what stands behind -af, and what mpv takes.

    lowshelf=f=105.0:t=q:w=0.71:g=-4.5,equalizer=f=240.0:t=q:w=1.2:g=3.5,highshelf=f=8000.0:t=q:w=0.71:g=4.0,volume=-6.0dB:precision=double

| filter | option | meaning |
| --- | --- | --- |
| equalizer, lowshelf, highshelf | f, frequency | Hz |
| | t, width_type; w, width | "q" and the Q of the Audio EQ Cookbook; other width types are no band of ours |
| | g, gain | dB |
| volume | volume (or first) | "-6dB", or a linear factor: the preamp |

Not written, not read: bass and treble, which ignore the width (0.9 to 1.2 dB off, measured with 5.1.9), anequalizer (another kind of band).
A filter that is no band of ours, or has more options than these, is kept and said in a note; so are link labels and other chains (";").
Source: FFmpeg 5.1 filters documentation (equalizer, lowshelf, highshelf, volume; filtergraph syntax), libavfilter/af_biquads.c.
"""

from __future__ import annotations

import re

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of, preamp_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_KINDS = {"equalizer": BandKind.PEAK, "lowshelf": BandKind.LOW_SHELF, "highshelf": BandKind.HIGH_SHELF}
_WRITTEN = {kind: name for name, kind in _KINDS.items()}
_OPTIONS = {"frequency": "f", "width_type": "t", "width": "w", "gain": "g"}
_HARMLESS = {"precision", "p", "r"}  # how exactly it is computed, not what
_DIGITS = 12
_MAX_CHARS = 100_000
_MAX_FILTERS = 500
_FILTER = re.compile(r"(\[[^\]]*\]\s*)*[A-Za-z_]")
_SNIFF = re.compile(
    r"[ \t\r\n]*(\[[^\]]*\])?[ \t\r\n]*(equalizer|lowshelf|highshelf|volume)(@\w+)?=[^,]*(\b(f|frequency)=\d|dB\b|volume=[-+.\d]|[-+.\d])"
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
        limits=Limits(freq_hz=(1.0, 96_000.0), gain_db=(-60.0, 60.0), q=(0.01, 100.0), preamp_db=(-90.0, 90.0), holds_disabled=False),
        verified="FFmpeg 5.1.9",
        aliases=("mpv",),
        measured_in=(MeasuringHost("ffmpeg", "filter string"),),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first filter is one of ours with an option."""
        return _SNIFF.match(head.decode("utf-8", "replace")) is not None

    def write(self, preset: Preset) -> Written:
        """Return the text in one line; a preset that was read keeps its other filters and the spelling of what did not change."""
        pieces = pieces_of(preset)
        if pieces is not None:
            text = merged(pieces, preset.single, separator=",", band_text=_band_text, preamp_text=_preamp_text)
        else:
            filters = [_band_text(held) for held in preset.single.bands]
            text = ",".join([*filters, _preamp_text(preset.single.preamp_db)]) + "\n"
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
        pieces = tuple(Piece(item, _filter(item.strip(), f"filter {count}", notes)) for count, item in enumerate(filters, start=1))
        if all(piece.says is None for piece in pieces):
            raise PresetReadError("holds no equalizer, lowshelf, highshelf or volume that can be read")
        bands = [piece.says for piece in pieces if isinstance(piece.says, Band)]
        return Preset(settings(bands, preamp_of(pieces)), source=Source(Pieces(pieces)), notes=tuple(notes))


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


def _filter(text: str, where: str, notes: list[Note]) -> Band | float | None:
    """Return the band or the preamp of a filter, None with a note where it is neither."""
    name, _, arguments = text.partition("=")
    if not _FILTER.match(text):
        raise PresetReadError(f"{text[:40]!r} is not a filter; a decimal comma?", where=where)
    options, plain = _options(arguments)
    if name in _KINDS and not plain:
        if {"f", "t", "w", "g"} <= options.keys() <= {"f", "t", "w", "g"} | _HARMLESS and options["t"] == "q":
            freq_hz, gain_db = number(options["f"], "f", where), number(options["g"], "g", where)
            return band(_KINDS[name], freq_hz, gain_db, number(options["w"], "w", where), where=where)
    elif name == "volume" and options.keys() <= {"volume"} | _HARMLESS and len(plain) + ("volume" in options) == 1:
        return _volume((*plain, options.get("volume", ""))[0], where)
    notes.append(Note("unknown", None, where, f"{text[:60]!r} is not read", None))
    return None


def _options(arguments: str) -> tuple[dict[str, str], list[str]]:
    """Return the named options by their short names, and the unnamed ones."""
    named: dict[str, str] = {}
    plain: list[str] = []
    for item in arguments.split(":"):
        key, equals, value = item.strip().partition("=")
        if equals:
            named[_OPTIONS.get(key, key)] = value
        else:
            plain.append(key)
    return named, plain


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
    freq, q, gain = (plain_decimal(value, _DIGITS) for value in (held.freq_hz, held.q, held.gain_db))
    return f"{_WRITTEN[held.kind]}=f={freq}:t=q:w={q}:g={gain}"


def _preamp_text(preamp_db: float) -> str:
    return f"volume={plain_decimal(preamp_db, _DIGITS)}dB:precision=double"


FORMAT: PresetFormat = FfmpegFilter()
