"""A real DAW: Ardour loads LV2 presets, written by hand and by us, on a track with a stem, and its export is measured."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_or_fail
from scipy.signal import welch
from strategies import T5

from semeq_export.cli import _shared, cli
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import BandKind, EqSettings
from semeq_export.errors import MissingHostError, PresetReadError
from semeq_export.units import db_to_amplitude, q_to_bandwidth_oct
from semeq_host.lab import ardour
from semeq_host.lab.lv2 import preset_of
from semeq_presets import read_file

pytestmark = [pytest.mark.slow, pytest.mark.daw]

FREQS_HZ = log_grid(1_000)
RATE_HZ = 48_000
LSP = "http://lsp-plug.in/plugins/lv2/para_equalizer_x16_stereo"
A_EQ = "urn:ardour:a-eq"
PREFIXES = """@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""


def write_bundle(folder: Path, plugin_uri: str, label: str, values: dict[str, float]) -> Path:
    folder.mkdir()
    about = f"a pset:Preset ; lv2:appliesTo <{plugin_uri}>"
    (folder / "manifest.ttl").write_text(f"{PREFIXES}<preset.ttl> {about} ; rdfs:seeAlso <preset.ttl> .\n", encoding="utf-8")
    ports = " , ".join(f'[ lv2:symbol "{symbol}" ; pset:value {value:.9f} ]' for symbol, value in values.items())
    (folder / "preset.ttl").write_text(f'{PREFIXES}<> {about} ; rdfs:label "{label}" ; lv2:port {ports} .\n', encoding="utf-8")
    return folder


def lsp_values(eq: EqSettings) -> dict[str, float]:
    values: dict[str, float] = {"enabled": 1, "mode": 0, "g_in": 1, "g_out": db_to_amplitude(eq.preamp_db)}
    values |= {f"ft_{index}": 0 for index in range(16)}
    kinds = {BandKind.PEAK: 1, BandKind.HIGH_SHELF: 3, BandKind.LOW_SHELF: 5}
    for index, band in enumerate(eq.bands):  # filter mode 6 "APO (DR)" is the only one of the cookbook
        values |= {f"ft_{index}": kinds[band.kind], f"fm_{index}": 6, f"s_{index}": 0, f"f_{index}": band.freq_hz}
        values |= {f"g_{index}": db_to_amplitude(band.gain_db), f"q_{index}": band.q, f"xs_{index}": 0, f"xm_{index}": 0}
    return values


def a_eq_values(eq: EqSettings) -> dict[str, float]:
    values: dict[str, float] = {"enable": 1, "master": eq.preamp_db} | {f"filtog{name}": 0 for name in "l1234h"}
    peaks = iter("1234")
    for band in eq.bands:
        name = next(peaks) if band.kind is BandKind.PEAK else "l" if band.kind is BandKind.LOW_SHELF else "h"
        values |= {f"filtog{name}": 1, f"g{name}": band.gain_db, f"freq{name}": band.freq_hz}
        if band.kind is BandKind.PEAK:
            values[f"bw{name}"] = q_to_bandwidth_oct(band.q)
        else:  # its shelves of Q 0.7071 have their half gain elsewhere than at the frequency
            warp = 10 ** (band.gain_db / (80.0 if name == "h" else -80.0))
            values[f"freq{name}"] = RATE_HZ / math.pi * math.atan(math.tan(math.pi * band.freq_hz / RATE_HZ) * warp)
    return values


def test_ardour_loads_an_lsp_preset_and_its_export_has_our_response(tmp_path: Path) -> None:
    eq = EqSettings(T5.bands, -3.0)
    label = "Wärm \\\"1\\\" 100% 'x'"
    bundle = write_bundle(tmp_path / "warm.lv2", LSP, label, lsp_values(eq))
    try:
        measurement = ardour.measure(bundle, LSP, "Wärm \"1\" 100% 'x'")
    except MissingHostError as error:
        skip_or_fail(str(error))
    errors_db = np.abs(measurement.response_db(FREQS_HZ) - response_db(eq, FREQS_HZ, RATE_HZ))
    assert errors_db.shape == (2, 1_000)
    assert errors_db.max() <= 0.05
    assert measurement.host.startswith("Ardour 7")


def test_ardour_loads_an_a_eq_preset_and_its_export_has_our_response(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "a.lv2", A_EQ, "T5", a_eq_values(T5))
    try:
        measurement = ardour.measure(bundle, A_EQ, "T5")
    except MissingHostError as error:
        skip_or_fail(str(error))
    assert np.abs(measurement.response_db(FREQS_HZ) - response_db(T5, FREQS_HZ, RATE_HZ)).max() <= 0.1


@pytest.mark.parametrize("format_id", ["lsp-x16-lv2", "aeq-lv2"])
def test_a_stem_comes_out_of_ardour_with_the_preset_of_a_word_as_from_our_filter(format_id: str, tmp_path: Path, data_dir: Path) -> None:
    """As a user does it: `semeq-export preset`, the preset loaded on a track with a recording, the session exported."""
    path = tmp_path / "warm.lv2"
    assert _shared.run(cli, ["preset", "-t", "warm", "-f", format_id, "-o", str(path), "-q"]) == 0
    played, rate_hz = soundfile.read(data_dir / "audio" / "sodium_stem_drums.flac", frames=6 * RATE_HZ, dtype="float64", always_2d=True)
    assert rate_hz == RATE_HZ
    stem = np.concatenate([np.zeros((2, RATE_HZ)), played.T], axis=1)  # the plug-in settles in the silence
    plugin_uri, label = preset_of(path)
    try:
        output = ardour.render(path, plugin_uri, label, stem)
    except MissingHostError as error:
        skip_or_fail(str(error))
    eq = read_file(path).eq
    assert eq is not None
    assert output.shape == stem.shape
    wanted = apply(eq, stem, RATE_HZ)
    residue = np.sqrt(np.mean((output - wanted)[:, RATE_HZ:] ** 2) / np.mean(wanted[:, RATE_HZ:] ** 2))
    assert 20.0 * np.log10(residue) < -50.0
    heard_db, wanted_db = (10.0 * np.log10(welch(samples[:, RATE_HZ:], RATE_HZ, nperseg=16_384)[1]) for samples in (output, wanted))
    centres_hz = np.fft.rfftfreq(16_384, 1.0 / RATE_HZ)
    audible = (centres_hz >= 30.0) & (centres_hz <= 16_000.0) & (wanted_db > wanted_db.max() - 80.0)
    assert audible.mean() > 0.3
    assert np.abs(heard_db - wanted_db)[audible].max() <= 0.1


def test_what_ardour_cannot_load_is_refused_in_one_line(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "a.lv2", A_EQ, "there", a_eq_values(T5))
    try:
        with pytest.raises(PresetReadError, match="no preset"):
            ardour.measure(bundle, A_EQ, "not there")
    except MissingHostError as error:
        skip_or_fail(str(error))
    with pytest.raises(MissingHostError, match="urn:semeq:none is not installed"):
        ardour.measure(bundle, "urn:semeq:none", "there")
    with pytest.raises(PresetReadError, match=r"manifest\.ttl"):
        ardour.measure(tmp_path, A_EQ, "there")
