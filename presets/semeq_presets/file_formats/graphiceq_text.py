"""GraphicEQ text: a response as points, for Equalizer APO, Wavelet, JamesDSP and other importers of AutoEq's GraphicEQ.txt. One line.

    GraphicEQ: 20 -1.25; 21 -1.1; 22 -0.98; ... 19871 -4.5

Pairs of frequency in Hz and gain in dB, separated by ";". Between the points: straight lines over log frequency; outside: the gain of the
nearest point. Read as Equalizer APO reads it, Preamp lines and decimal commas included (`_graphic_eq`, `_apo_config`); a file with filters,
channels or includes beside the points is one of `eqapo`.
Written: AutoEq's 127 frequencies, which Wavelet expects: 20 * 1.0563^k Hz, cut to whole numbers, up to 19871; two decimals of a dB; the
preamp in the gains, since Wavelet reads no other line.
Curves that were read from such a text keep their own frequencies and spelling while they do not change, and comments of the file.
Source: AutoEq, autoeq/constants.py (DEFAULT_GRAPHIC_EQ_STEP) and frequency_response.py (eqapo_graphic_eq); Equalizer APO documentation.
Unknown: how many decimals Wavelet keeps (AutoEq writes one).
"""

from __future__ import annotations

import re

import numpy as np

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._apo_choice import configuration
from semeq_presets.file_formats._curves import Lines, difference_note, sampled_db
from semeq_presets.file_formats._fields import any_text, head_text
from semeq_presets.file_formats._graphic_eq import points_text
from semeq_presets.file_formats._places import EQUALIZER_APO
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Preset, PresetFormat, Source, Written
from semeq_presets.file_formats.eqapo_text import is_graphic

FREQS_HZ = np.array([float(int(20.0 * 1.0563**step)) for step in range(127)])
"""AutoEq's frequencies, (127,)."""

_LINE = re.compile(r"[ \t]*GraphicEQ[ \t]*:")
_ADDING = re.compile(r"[ \t]*(GraphicEQ|Preamp|Filter[^:]*)[ \t]*:")


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
        """Whether a line of the first bytes is a GraphicEQ line, and none a filter or another line of a whole configuration."""
        return is_graphic(head_text(head))

    def write(self, preset: Preset) -> Written:
        """Return the text, and a note where its 127 points are further off than the format's precision."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.graphiceq.txt": same})
        before = preset.parts(Lines) or Lines(("", ""), 0)
        gain_db = np.round(sampled_db(preset, FREQS_HZ), 2) + 0.0
        text = before.with_curve(f"GraphicEQ: {points_text(FREQS_HZ, gain_db)}")
        held = Curve(FREQS_HZ, gain_db)
        notes = difference_note(preset, held, self.info.precision_db, f"straight lines between {FREQS_HZ.size} points")
        return Written({"preset.graphiceq.txt": text.encode("utf-8")}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and point."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset of a device; raises PresetReadError that lists the devices where there are several."""
        (data,) = files.values()
        text = any_text(data)
        lines = tuple(text.removeprefix("\ufeff").split("\n"))
        if not any(_LINE.match(line) for line in lines):
            raise PresetReadError("has no 'GraphicEQ:' line")
        outcome = configuration(text, choice)
        if not isinstance(outcome.eq, EqSettings):
            raise PresetReadError(f"holds an EQ for each of {', '.join(outcome.eq.names)}; read it as eqapo")
        place = next(index for index, line in enumerate(lines) if _LINE.match(line))
        kept = [(index, line) for index, line in enumerate(lines) if index == place or not _ADDING.match(line)]
        parts = (
            Lines(tuple(line for _, line in kept), [index for index, _ in kept].index(place))
            if outcome.is_alone and outcome.is_plain
            else None
        )
        source = Source(parts, data if outcome.is_alone else None, outcome.eq, name=None)
        return Preset(outcome.eq, source=source, notes=outcome.notes)


FORMAT: PresetFormat = GraphicEq()
