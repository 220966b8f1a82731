"""GraphicEQ text: a response as points, for Equalizer APO, Wavelet, JamesDSP and other importers of AutoEq's GraphicEQ.txt. One line.

    GraphicEQ: 20 -1.25; 21 -1.1; 22 -0.98; ... 19871 -4.5

Pairs of frequency in Hz, ascending, and gain in dB, separated by ";". Between the points: straight lines over log frequency; outside: the
gain of the nearest point.
Written: AutoEq's 127 frequencies, which Wavelet expects: 20 * 1.0563^k Hz, cut to whole numbers, up to 19871; two decimals of a dB.
Curves that were read from such a text keep their own frequencies and spelling while they do not change, and other lines of the file.
Source: AutoEq, autoeq/constants.py (DEFAULT_GRAPHIC_EQ_STEP) and frequency_response.py (eqapo_graphic_eq); Equalizer APO documentation.
Unknown: how many decimals Wavelet keeps (AutoEq writes one).
"""

from __future__ import annotations

import re

import numpy as np

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats._curves import Lines, difference_note, sampled_db
from semeq_presets.file_formats._fields import number, text_of
from semeq_presets.file_formats._places import EQUALIZER_APO
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

FREQS_HZ = np.array([float(int(20.0 * 1.0563**step)) for step in range(127)])
"""AutoEq's frequencies, (127,)."""

_MAX_POINTS = 10_000
_MAX_LINES = 1_000
_LINE = re.compile(r"\ufeff?[ \t]*GraphicEQ[ \t]*:(.*)", re.IGNORECASE)
_COMMAND = re.compile(r"\ufeff?[ \t]*([A-Za-z][A-Za-z0-9 ]{0,40})[ \t]*:")


class GraphicEq:
    """Reads and writes GraphicEQ lines."""

    info = FormatInfo(
        id="graphiceq",
        title="GraphicEQ text (Wavelet, Equalizer APO)",
        host="Wavelet, Equalizer APO, JamesDSP and other importers of AutoEq's GraphicEQ.txt",
        suffixes=(".graphiceq.txt",),
        how_to_import="Wavelet: AutoEq, menu, Import; Equalizer APO: Include of the file; JamesDSP: Arbitrary response equalizer, Import",
        precision_db=0.3,
        carries="curve",
        limits=Limits(max_bands=10, freq_hz=(20.0, 16_000.0), gain_db=(-12.0, 12.0), q=(0.1, 2.0), preamp_db=(-60.0, 60.0)),
        protects=True,
        aliases=("wavelet",),
        places=EQUALIZER_APO,
        remark="a curve of 127 points",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether a line of the first bytes is a GraphicEQ line."""
        return any(_LINE.match(line) for line in head.decode("utf-8", "replace").splitlines())

    def write(self, preset: Preset) -> Written:
        """Return the text, and a note where its 127 points are further off than the format's precision."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.graphiceq.txt": same})
        before = preset.parts(Lines) or Lines(("", ""), 0)
        gain_db = np.round(sampled_db(preset, FREQS_HZ), 2) + 0.0
        points = "; ".join(f"{int(freq_hz)} {_short(gain)}" for freq_hz, gain in zip(FREQS_HZ, gain_db, strict=True))
        text = before.with_curve(f"GraphicEQ: {points}")
        held = Curve(FREQS_HZ, gain_db)
        notes = difference_note(preset, held, self.info.precision_db, f"straight lines between {FREQS_HZ.size} points")
        return Written({"preset.graphiceq.txt": text.encode("utf-8")}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and point."""
        (data,) = files.values()
        lines = tuple(text_of(data).split("\n"))
        if len(lines) > _MAX_LINES:
            raise PresetReadError(f"more than {_MAX_LINES} lines")
        curve, at = None, 0
        notes = []
        for count, line in enumerate(lines, start=1):
            found, command = _LINE.match(line), _COMMAND.match(line)
            if found and curve is not None:
                raise PresetReadError("a second GraphicEQ line", where=f"line {count}")
            if found:
                curve, at = _curve(found[1], f"line {count}"), count - 1
            elif command:
                notes.append(Note("unknown", None, f"line {count}", f"command {command[1].strip().lower()!r} is not read", None))
        if curve is None:
            raise PresetReadError("has no 'GraphicEQ:' line")
        return Preset(
            EqSettings(curve=curve), source=Source(Lines(lines, at), data, EqSettings(curve=curve), name=None), notes=tuple(notes)
        )


def _curve(text: str, where: str) -> Curve:
    if text.count(";") > _MAX_POINTS:
        raise PresetReadError(f"more than {_MAX_POINTS} points", where=where)
    pairs = [pair.split() for pair in text.split(";")]
    if pairs and not pairs[-1]:
        pairs.pop()
    freqs_hz, gain_db = [], []
    for count, pair in enumerate(pairs, start=1):
        if len(pair) != 2:
            raise PresetReadError(f"point {count} {' '.join(pair)[:40]!r} is not a frequency and a gain", where=where)
        freqs_hz.append(number(pair[0], f"point {count} freq_hz", where))
        gain_db.append(number(pair[1], f"point {count} gain_db", where))
    if any(abs(gain) > 300.0 for gain in gain_db):
        raise PresetReadError("a gain_db is outside -300..300", where=where)
    try:
        return Curve(np.array(freqs_hz), np.array(gain_db))
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error


def _short(gain_db: float) -> str:
    """Return a gain with one or two decimals."""
    text = f"{gain_db:.2f}"
    return text.removesuffix("0")


FORMAT: PresetFormat = GraphicEq()
