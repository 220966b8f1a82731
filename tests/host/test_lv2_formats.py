"""The LV2 formats in their plug-ins beyond the table of targets (test_verified_table): preamp, bands that are off, other sample rates."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import cases, skip_or_fail
from strategies import T5

import semeq_presets as presets
from semeq_export.eq.biquad import SILENT_DB, audible_db, response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import MissingHostError
from semeq_host.lab.lv2 import measured_responses_db, render_presets
from semeq_host.lab.response import measured_response_db
from semeq_presets import Preset

FREQS_HZ = log_grid(1_000)
RATE_HZ = 48_000.0


def measured(format_id: str, eqs: dict[str, EqSettings], folder: Path, rate: float = 48_000.0) -> dict[str, np.ndarray]:
    """The difference in dB at FREQS_HZ between what the plug-in does and what the file says, for each EQ; the file must say the EQ."""
    wanted, paths = [], []
    for name, eq in eqs.items():
        path = folder / f"{name}.lv2"
        written = presets.write_file(path, Preset(eq, sample_rate_hz=rate), format=format_id)
        paths.append(path)
        said = presets.read_file(path)
        assert said.eq is not None
        wanted.append(response_db(said.eq, FREQS_HZ, rate))
        stated_db = max((note.error_db or 0.0 for note in written.notes), default=presets.get(format_id).info.precision_db)
        assert np.max(np.abs(wanted[-1] - response_db(eq, FREQS_HZ, rate))) <= stated_db + 0.01
    try:
        heard = measured_responses_db(paths, FREQS_HZ, rate)
    except MissingHostError as error:
        skip_or_fail(str(error))
    return {name: np.abs(h - w) for name, h, w in zip(eqs, heard, wanted, strict=True)}


@pytest.mark.parametrize("format_id", ["lsp-x16-lv2", "lsp-x32-lv2", "calf-lv2", "fil4-lv2", "aeq-lv2"])
def test_a_preamp_and_a_band_that_is_off_sound_as_written(format_id: str, tmp_path: Path) -> None:
    eq = EqSettings((replace(T5.bands[0], enabled=False), *T5.bands[1:]), -6.0)
    (error_db,) = measured(format_id, {"preamp-and-off": eq}, tmp_path).values()
    assert error_db.max() <= 0.05


@pytest.mark.parametrize("format_id", ["fil4-lv2", "aeq-lv2"])
def test_presets_for_another_sample_rate_are_right_at_that_rate(format_id: str, tmp_path: Path) -> None:
    bands = (
        Band(BandKind.LOW_SHELF, 150.0, 4.0, 0.7071068),
        Band(BandKind.PEAK, 9_000.0, -6.0, 2.0),
        Band(BandKind.HIGH_SHELF, 12_000.0, 5.0, 0.7071068),
    )
    for rate in (44_100.0, 96_000.0):
        (error_db,) = measured(format_id, {f"at-{rate:.0f}": EqSettings(bands)}, tmp_path, rate).values()
        assert error_db.max() <= 0.05


def test_the_low_shelf_of_fil4_rounds_by_the_signal_so_that_no_preset_can_make_up_for_it(tmp_path: Path) -> None:
    """The plug-in keeps the shelves' coefficients and state in float32: the same preset is off by another amount for another impulse."""
    shelf = Band(BandKind.LOW_SHELF, 29.1, 4.45, 0.71)
    peak = Band(BandKind.PEAK, 29.1, 4.45, 0.71)
    wanted = response_db(EqSettings((shelf,)), FREQS_HZ, RATE_HZ)
    for name, band in (("shelf", shelf), ("peak", peak)):
        presets.write_file(tmp_path / f"{name}.lv2", EqSettings((band,)), format="fil4-lv2")
    heard = {}
    for amplitude in (0.25, 0.3, 0.45):
        samples = np.zeros((2, 65_536), dtype=np.float32)
        samples[:, 0] = amplitude
        try:
            outputs = render_presets([tmp_path / "shelf.lv2", tmp_path / "peak.lv2"], samples, RATE_HZ)
        except MissingHostError as error:
            skip_or_fail(str(error))
        heard[amplitude] = [measured_response_db(out[0], FREQS_HZ, RATE_HZ, amplitude=float(np.float32(amplitude))) for out in outputs]
    shelves, peaks = (np.array(found) for found in zip(*heard.values(), strict=True))
    assert np.ptp(shelves, axis=0).max() > 0.01
    assert 0.01 < np.abs(shelves - wanted).max() < 0.1
    assert np.ptp(peaks, axis=0).max() < 0.001  # the peaks are built as a lattice, which keeps its precision


def test_a_muted_filter_of_another_kind_is_no_business_of_ours(tmp_path: Path) -> None:
    written = presets.write(T5, "calf-lv2").files
    files = {name: data.replace(b'"bypass" ; pset:value 0.0', b'"bypass" ; pset:value 1.0') for name, data in written.items()}
    assert [note.field for note in presets.read(files).notes] == ["bypass"]


def test_the_passes_of_calf_sound_as_written_in_one_two_and_three_sections(tmp_path: Path) -> None:
    rng = np.random.default_rng(23)
    eqs, paths = [], []
    for number in range(cases(8, 25, 50)):
        passes = [
            Band(
                kind, float(np.exp(rng.uniform(np.log(20.0), np.log(20_000.0)))), 0.0, float(np.exp(rng.uniform(np.log(0.3), np.log(4.0))))
            )
            for kind in (BandKind.HIGH_PASS, BandKind.LOW_PASS)
        ]
        sections = [held for held in passes for _ in range(int(rng.integers(0, 4)))]
        eqs.append(EqSettings((*T5.bands, *sections), -3.0))
        paths.append(tmp_path / f"{number}.lv2")
        presets.write_file(paths[-1], eqs[-1], format="calf-lv2", strict=True)
    try:
        heard = measured_responses_db(paths, FREQS_HZ, RATE_HZ)
    except MissingHostError as error:
        skip_or_fail(str(error))
    for got, eq in zip(heard, eqs, strict=True):
        wanted = audible_db(eq, FREQS_HZ, RATE_HZ)
        off = np.abs(np.maximum(got, SILENT_DB) - wanted)
        assert np.max(off[wanted > -30.0], initial=0.0) <= 0.02
        assert np.max(off) <= 0.3  # the plug-in's float32 samples hold no more so far down


@pytest.mark.parametrize(
    ("passes", "kind"),
    [
        ({"HighPass": 1.0, "HPfreq": 40.0, "HPQ": 1.2}, "high_pass"),
        ({"HighPass": 1.0, "HPfreq": 400.0, "HPQ": 0.3}, "high_pass"),
        ({"LowPass": 1.0, "LPfreq": 2_000.0, "LPQ": 0.7}, "low_pass"),
        ({"LowPass": 1.0, "LPfreq": 12_000.0, "LPQ": 1.4}, "low_pass"),
    ],
)
def test_how_far_a_pass_of_fil4_is_from_ours_is_said_as_it_is_measured(passes: dict[str, float], kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.lv2").mkdir()
    for name, data in presets.write(EqSettings(), "fil4-lv2").files.items():
        text = data.decode()
        for symbol, value in passes.items():
            text = re.sub(rf'("{symbol}" ; pset:value )[-\d.]+', rf"\g<1>{value}", text)
        (tmp_path / "x.lv2" / name).write_text(text)
    files = {path.name: path.read_bytes() for path in (tmp_path / "x.lv2").iterdir()}
    preset = presets.read(files)
    assert isinstance(preset.eq, EqSettings)
    assert [held.kind.value for held in preset.eq.bands] == [kind]
    assert presets.write(preset, "fil4-lv2").files == files
    try:
        (heard,) = measured_responses_db([tmp_path / "x.lv2"], FREQS_HZ, RATE_HZ)
    except MissingHostError as error:
        skip_or_fail(str(error))
    (note,) = preset.notes
    off_db = np.max(np.abs(np.maximum(heard, SILENT_DB) - audible_db(preset.eq, FREQS_HZ, RATE_HZ)))
    assert note.error_db == pytest.approx(off_db, abs=0.005)
