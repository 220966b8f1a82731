"""Files that our writers did not make: read as what they say, and written back byte for byte (law 5). Provenance beside the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF


def files_of(place: Path) -> dict[str, bytes]:
    members = sorted(place.iterdir()) if place.is_dir() else [place]
    return {member.name: member.read_bytes() for member in members}


@pytest.mark.parametrize("name", ["semeq-json/three-bands.semeq.json", "eqapo/autoeq.txt", "eqapo/variants.txt", "lsp-x16-lv2/warm.lv2"])
def test_reading_and_writing_gives_the_same_bytes(name: str) -> None:
    files = files_of(GOLDEN / name)
    preset = presets.read(files, filename=name)
    assert preset.format == name.partition("/")[0]
    assert list(presets.write(preset, preset.format).files.values()) == list(files.values())


def test_semeq_json_is_read_exactly() -> None:
    preset = presets.read_file(GOLDEN / "semeq-json/three-bands.semeq.json")
    bands = (Band(LOW, 105.0, 8.1, 0.7), Band(PEAK, 1_604.0, -2.7, 1.23, enabled=False), Band(HIGH, 10_000.0, -7.5, 0.7))
    assert preset.eq == EqSettings(bands, -5.9)
    assert (preset.name, preset.sample_rate_hz) == ('Warm "one"', 44_100.0)


def test_autoeq_text_is_read_exactly() -> None:
    preset = presets.read_file(GOLDEN / "eqapo/autoeq.txt")
    bands = (Band(LOW, 105.0, 8.1, 0.7), Band(PEAK, 1_604.0, -2.7, 1.23), Band(HIGH, 10_000.0, -7.5, 0.7))
    assert preset.eq == EqSettings(bands, -5.9)
    assert preset.notes == ()
    assert preset.name == "autoeq"


def test_every_spelling_of_equalizer_apo_is_read() -> None:
    preset = presets.read_file(GOLDEN / "eqapo/variants.txt")
    assert preset.eq is not None
    expected = [
        (PEAK, 63.0, -4.5, 5.0, True),
        (PEAK, 41.2, -9.0, 12.5, True),
        (PEAK, 250.0, 2.0, 1.0, False),
        (LOW, 100.0, 6.0, 0.66881, True),
        (LOW, 200.0, 3.0, 0.49814, True),
        (HIGH, 7_130.0, -4.0, 0.70711, True),
        (BandKind.HIGH_PASS, 20.0, 0.0, 0.70711, True),
        (PEAK, 3_000.0, 1.0, 1.37669, True),
    ]
    assert [(b.kind, b.gain_db, b.enabled) for b in preset.eq.bands] == [(kind, gain, on) for kind, _, gain, _, on in expected]
    assert [b.freq_hz for b in preset.eq.bands] == pytest.approx([freq for _, freq, _, _, _ in expected], rel=1e-5)
    assert [b.q for b in preset.eq.bands] == pytest.approx([q for _, _, _, q, _ in expected], rel=1e-5)
    assert preset.eq.preamp_db == -4.5
    assert preset.notes == ()


def test_a_changed_band_leaves_the_other_lines_of_the_text_alone() -> None:
    preset = presets.read_file(GOLDEN / "eqapo/variants.txt")
    assert preset.eq is not None
    bands = list(preset.eq.bands)
    bands[1] = replace(bands[1], gain_db=-8.0)
    (text,) = presets.write(replace(preset, eq=EqSettings(tuple(bands), -6.0)), "eqapo").files.values()
    before = (GOLDEN / "eqapo/variants.txt").read_bytes().split(b"\r\n")
    after = text.split(b"\r\n")
    assert after[2] == b"Preamp: -6.0 dB"  # and the second preamp is gone
    assert after[5] == b"Filter 2: ON PK Fc 41.2 Hz Gain -8.0 dB Q 12.5"
    assert after[:2] + after[4:5] + after[6:] == before[:2] + before[5:6] + before[7:]


def test_the_lsp_bundle_of_the_documentation_is_read() -> None:
    preset = presets.read_file(GOLDEN / "lsp-x16-lv2/warm.lv2")
    assert preset.eq is not None
    bands = [(b.kind, b.freq_hz, b.q, b.enabled) for b in preset.eq.bands]
    assert bands == [(LOW, 105.0, 0.7, True), (PEAK, 1_604.0, 1.23, True), (HIGH, 10_000.0, 0.7, False)]
    assert [b.gain_db for b in preset.eq.bands] == pytest.approx([8.1, -2.7, -7.5], abs=1e-7)
    assert preset.eq.preamp_db == pytest.approx(-5.9, abs=1e-7)
    assert preset.name == 'Warm "one" \\ two'


def test_what_a_host_saved_is_read_and_its_unknown_ports_are_kept() -> None:
    preset = presets.read_file(GOLDEN / "lsp-x16-lv2/host-saved.lv2")
    assert preset.eq is not None
    assert preset.eq.bands[0].gain_db == pytest.approx(3.5, abs=1e-6)
    assert [(b.kind, b.freq_hz, b.q) for b in preset.eq.bands] == [(PEAK, 240.0, 1.2), (BandKind.HIGH_PASS, 400.0, 0.5)]
    assert preset.name == "My EQ"
    assert preset.notes == ()
    again = presets.write(preset, "lsp-x16-lv2").files["preset.ttl"].decode()
    for kept in ('"later" ; pset:value 0.25', '"ft_7" ; pset:value 2 ]', '"g_4" ; pset:value 1.4962357 ]', "para_equalizer_x16_mono>"):
        assert kept in again
    assert '"fftv_l"' not in again  # a port that the mono build does not have
    assert presets.read(presets.write(preset, "lsp-x16-lv2").files).eq == preset.eq
