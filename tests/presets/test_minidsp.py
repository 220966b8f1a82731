"""miniDSP biquads: filters of the cookbook come back from their coefficients, signs and rates are miniDSP's, and what is none is said."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import cases

import semeq_presets as presets
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings, orders
from semeq_export.errors import AmbiguousFormatError, PresetReadError, UnknownFormatError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FREQS_HZ = log_grid(200)
RATES = {"minidsp-48k": 48_000.0, "minidsp-96k": 96_000.0}


def played_db(text: str, rate_hz: float) -> np.ndarray:
    """The response of a file by miniDSP's own equation, y = b0 x + b1 x' + b2 x'' + a1 y' + a2 y''."""
    delay = np.exp(-2j * math.pi * FREQS_HZ / rate_hz)
    total = np.ones(FREQS_HZ.size, dtype=complex)
    for block in text.split("biquad")[1:]:
        value = dict(part.split("=") for part in block.replace("\n", "").split(",") if "=" in part)
        b0, b1, b2, a1, a2 = (float(value[name]) for name in ("b0", "b1", "b2", "a1", "a2"))
        total *= (b0 + b1 * delay + b2 * delay**2) / (1.0 - a1 * delay - a2 * delay**2)
    return 20.0 * np.log10(np.maximum(np.abs(total), 1e-12))


@pytest.mark.parametrize("format_id", RATES)
def test_the_golden_is_read_as_the_filters_that_it_was_made_of(format_id: str) -> None:
    (path,) = (GOLDEN / format_id).glob("*.txt")
    preset = presets.read_file(path)
    assert (preset.format, preset.sample_rate_hz, preset.notes) == (format_id, RATES[format_id], ())
    assert isinstance(preset.eq, EqSettings)
    wanted = (Band("low_shelf", 105.0, 8.1, 0.7), Band("peak", 1_604.0, -2.7, 1.23), Band("high_pass", 25.0, q=0.7))
    assert [band.kind for band in preset.eq.bands] == [band.kind for band in wanted]
    for got, band in zip(preset.eq.bands, wanted, strict=True):
        assert (got.freq_hz, got.gain_db, got.q) == pytest.approx((band.freq_hz, band.gain_db, band.q), rel=1e-6)
    assert preset.eq.preamp_db == pytest.approx(20.0 * math.log10(0.5), abs=1e-6)
    assert list(presets.write(preset, format_id).files.values()) == [path.read_bytes()]


@pytest.mark.parametrize("format_id", RATES)
@pytest.mark.parametrize("kind", BandKind)
def test_what_is_written_plays_and_reads_as_the_band(format_id: str, kind: BandKind) -> None:
    rng = np.random.default_rng(7)
    for _ in range(cases(6, 20, 60)):
        freq_hz, q = (float(np.exp(rng.uniform(math.log(low), math.log(high)))) for low, high in ((10.0, 20_000.0), (0.1, 50.0)))
        plain = kind in (BandKind.HIGH_PASS, BandKind.LOW_PASS, BandKind.NOTCH, BandKind.BAND_PASS, BandKind.ALL_PASS)
        order = int(rng.integers(orders(kind)[0], 3))
        eq = EqSettings(
            (Band(kind, freq_hz, 0.0 if plain else float(rng.uniform(-20.0, 20.0)), q, order=order),), float(rng.uniform(-12.0, 6.0))
        )
        (data,) = presets.write(eq, format_id).files.values()
        wanted_db = response_db(eq, FREQS_HZ, RATES[format_id])
        heard = wanted_db > -60.0
        assert np.max(np.abs(played_db(data.decode(), RATES[format_id]) - wanted_db)[heard]) < 1e-3
        back = presets.read(data, format_id)
        assert back.notes == ()
        assert np.max(np.abs(back.response_db(FREQS_HZ) - wanted_db)[heard]) < 1e-3


def test_a_file_whose_name_does_not_say_its_rate_has_to_be_named() -> None:
    data = next((GOLDEN / "minidsp-48k").glob("*.txt")).read_bytes()
    with pytest.raises(AmbiguousFormatError, match=r"^peq\.txt: looks like minidsp-48k and minidsp-96k; name the format$"):
        presets.read(data, filename="peq.txt")
    for name, format_id in (("sub 96kHz.txt", "minidsp-96k"), ("sub_48k.txt", "minidsp-48k"), ("REW 96000.txt", "minidsp-96k")):
        assert presets.read(data, filename=name).format == format_id
    with pytest.raises((AmbiguousFormatError, UnknownFormatError), match="'minidsp' may be minidsp-48k"):
        presets.get("minidsp")


def test_a_biquad_of_another_kind_is_read_by_its_response() -> None:
    data = b"biquad1,\nb0=1.0,\nb1=0.3,\nb2=0.1,\na1=0.5,\na2=-0.2"
    preset = presets.read(data, "minidsp-48k")
    assert [str(note) for note in preset.notes] == ["biquad 1 no filter of the Audio EQ Cookbook -> its response by points (approximated)"]
    assert np.max(np.abs(preset.response_db(FREQS_HZ) - played_db(data.decode(), 48_000.0))) < 0.01


def test_bands_that_the_rate_cannot_hold_are_said() -> None:
    written = presets.write(
        Preset(EqSettings((Band("peak", 1_000.0, 3.0, 1.0), Band("high_shelf", 30_000.0, 3.0))), sample_rate_hz=96_000.0), "minidsp-96k"
    )
    assert written.notes == ()
    assert len(presets.read(written.files, "minidsp-96k").single.bands) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("biquad1,\nb0=1,\nb1=0,\nb2=0,\na1=-1.98,\na2=1.01", r"^biquad 1: is not stable; are the signs of a1 and a2 those of miniDSP\?$"),
        ("biquad1,\nb0=1,\nb1=0,\nb2=0,\na1=0", r"^biquad 1: a2 is missing$"),
        ("biquad2,\nb0=1", r"^line 1: biquad 2, expected 1$"),
        ("biquad1,\nb0=1,\nb0=1", r"^line 3: b0 stands twice or is none of b0, b1, b2, a1, a2$"),
        ("biquad1,\nb0=1,5", r"^line 2: 'b0=1,5' is neither a biquad nor a coefficient$"),
        ("biquad1,\nb0=nan", r"^line 2: b0 'nan' is not a number$"),
        ("hello", r"^line 1: 'hello' is neither a biquad nor a coefficient$"),
        ("\n", r"^holds no biquad$"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        presets.read(text.encode(), "minidsp-48k")
