"""Equalizer APO configuration; the same text is AutoEq's ParametricEQ.txt.

    Preamp: -5.9 dB
    Filter 1: ON LSC Fc 105.0 Hz Gain 8.1 dB Q 0.7
    Filter 2: ON PK Fc 1604.0 Hz Gain -2.7 dB Q 1.23
    Filter 3: OFF HSC Fc 10000.0 Hz Gain -7.5 dB Q 0.7

Read as Equalizer APO reads it: lines in `_apo_config`, filters in `_apo_filter`, channels in `_apo_channels`, which device or condition is
meant in `_apo_choice`. Written: PK, LSC, HSC, HPQ, LPQ, NO, BP and AP with Q; GraphicEQ for a curve; Channel lines where channels differ.

Source: Equalizer APO (public source, mirror commit 0c1b4e4; later versions for shelves with Q), and the reader of PipeWire's param_eq
(spa/plugins/filter-graph, load_eq_bands). Facts in them that decide how we write:
- Equalizer APO takes a frequency with exactly three decimals for one with a thousands separator ("104.937" is 104937 Hz): never written.
- PipeWire takes the first line for the preamp whatever it is: a Preamp line is always written, first, and no comment before it.
- PipeWire reads at most 8 characters of a frequency and 6 of gain and Q, and skips the band where there are more: no number is longer.
Lines that hold no band of ours are kept and written back; an unchanged band keeps its own spelling, so read and write give equal bytes.
Unknown: how each of the many importers of this text treats OFF lines.
"""

from __future__ import annotations

import re

import numpy as np

from semeq_export.eq.biquad import audible_db
from semeq_export.eq.channels import POSITIONS, ChannelEqs, Equaliser
from semeq_export.eq.settings import BandKind, EqSettings
from semeq_presets.file_formats._apo_choice import configuration
from semeq_presets.file_formats._apo_write import Text, text_of_eq
from semeq_presets.file_formats._curves import fine_grid
from semeq_presets.file_formats._fields import any_text, head_text
from semeq_presets.file_formats._places import EQUALIZER_APO
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_REW = re.compile(r"^[ \t]*(Filter Settings file|Equali[sz]er:)", re.IGNORECASE | re.MULTILINE)
_FILTER = re.compile(r"^[ \t]*Filter[ \t]*\d*[ \t]*:[ \t]*(ON|OFF)\b", re.IGNORECASE | re.MULTILINE)
_PREAMP = re.compile(r"^[ \t]*Preamp[ \t]*:", re.IGNORECASE | re.MULTILINE)
_GRAPHIC = re.compile(r"^[ \t]*GraphicEQ[ \t]*:", re.IGNORECASE | re.MULTILINE)
_OF_APO = re.compile(r"^[ \t]*(Include|Channel|Copy|Convolution|If)[ \t]*:[ \t]*\S", re.MULTILINE)
_ALONE = re.compile(r"^[ \t]*(Include|Convolution)[ \t]*:[ \t]*\S+", re.MULTILINE)


def is_graphic(text: str) -> bool:
    """Whether a text is a graphic EQ and nothing that needs the format of all of Equalizer APO."""
    return bool(_GRAPHIC.search(text)) and not _FILTER.search(text) and not _OF_APO.search(text)


def is_of_rew(text: str) -> bool:
    """Whether a text is one of REW's and holds no line that REW does not know."""
    return bool(_REW.search(text)) and not any(pattern.search(text) for pattern in (_PREAMP, _GRAPHIC, _OF_APO))


class EqualizerApo:
    """Reads and writes configurations of Equalizer APO."""

    info = FormatInfo(
        id="eqapo",
        title="Equalizer APO / AutoEq parametric text",
        host="Equalizer APO, Peace, EasyEffects, PipeWire, SoundSource and other importers of AutoEq's ParametricEQ.txt",
        suffixes=(".txt",),
        how_to_import="Equalizer APO: copy it into C:\\Program Files\\EqualizerAPO\\config and include it in the Configuration Editor; "
        "others: import it as AutoEq or parametric EQ text",
        precision_db=0.05,
        limits=Limits(
            kinds=frozenset(BandKind) - {BandKind.TILT},
            freq_hz=(10.0, 96_000.0),
            gain_db=(-60.0, 60.0),
            q=(0.05, 100.0),
            preamp_db=(-99.0, 99.0),
            channels=tuple(POSITIONS),
            curve=True,
        ),
        protects=True,
        aliases=("equalizer-apo", "autoeq", "peace"),
        places=EQUALIZER_APO,
        remark="0.006 dB on words; a note where numbers of 6 characters cost more; reads includes from the folder of the file; a curve "
        "becomes a GraphicEQ line, which Equalizer APO alone reads",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether a line of the first bytes is a filter, a preamp or an include, and the file is neither a graphic EQ nor one of REW's."""
        text = head_text(head)
        ours = any(pattern.search(text) for pattern in (_FILTER, _PREAMP, _ALONE, _GRAPHIC))
        return ours and not is_graphic(text) and not is_of_rew(text)

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read from such a text keeps its other lines and the spelling of what did not change.

        A note says so where the shortness of numbers costs more than the format's precision: many bands at the ends of their ranges.
        """
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.txt": same})
        text = text_of_eq(preset.eq, preset.parts(Text))
        files = {"preset.txt": text.encode("utf-8")}
        return Written(files, self._notes(preset, self.read(files).eq))

    def _notes(self, preset: Preset, held: Equaliser) -> tuple[Note, ...]:
        """Return a note where the response that a text holds is further off than the format states, also around narrow bands."""
        errors_db = []
        for name, wanted in preset.eq if isinstance(preset.eq, ChannelEqs) else (("", preset.eq),):
            got = held[name] if isinstance(held, ChannelEqs) and name in held.names else held
            steps = np.geomspace(0.001, 2.0, 60)  # up to the centre, where the flanks of a notch are steepest
            around = [band.freq_hz * (1.0 + sign * step / band.q) for band in wanted.active_bands for step in steps for sign in (-1.0, 1.0)]
            grid = fine_grid(preset)
            freqs_hz = np.union1d(grid, [freq for freq in around if grid[0] <= freq <= grid[-1]])
            pair = (
                audible_db(eq, freqs_hz, preset.sample_rate_hz) for eq in (wanted, got if isinstance(got, EqSettings) else EqSettings())
            )
            errors_db.append(float(np.max(np.abs(np.subtract(*pair)))))
        if max(errors_db) <= self.info.precision_db:
            return ()
        return (Note("approximated", None, "response", "as asked for", "numbers of at most 6 characters", max(errors_db)),)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and field."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset of a device, with the files that it includes; raises PresetReadError that lists devices and conditions."""
        (data,) = files.values()
        text = any_text(data)
        outcome = configuration(text, choice)
        parts = Text(outcome.lines, text[:1] if text.startswith("\ufeff") else "", outcome.is_alone and outcome.is_plain, outcome.eq)
        source = Source(parts, data if outcome.is_alone else None, outcome.eq, name=None)
        return Preset(outcome.eq, source=source, notes=outcome.notes)


FORMAT: PresetFormat = EqualizerApo()
