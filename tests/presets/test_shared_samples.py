"""Files that REAPER, Pro-Q 3 and a macOS user's converter wrote: read as documented, and written back byte for byte. Never committed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.units import bandwidth_oct_to_q

LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF


@pytest.fixture(scope="session")
def samples_dir() -> Path:
    """The samples of formats: ../shared/formats/samples beside the checkout, or beside SEMEQ_DATA."""
    data = Path(os.environ.get("SEMEQ_DATA", ROOT.parent / "shared" / "data"))
    folder = data.parent / "formats" / "samples"
    if not folder.is_dir():
        skip_or_fail(f"samples of formats not found in {folder}; set SEMEQ_DATA to the folder data beside the folder formats")
    return folder


def chains(samples: Path) -> list[bytes]:
    """The base64 blocks of the sample file, each in the FX chain around it that the documentation shows."""
    blocks: list[list[str]] = []
    for line in (samples / "reaeq_chunks.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            blocks.append([])
        elif line and not line.startswith("#"):
            blocks[-1].append(f"  {line}\n")
    plugin = '<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "" 1919247729<56535472656571726561657100000000> ""\n'
    return ["".join(["BYPASS 0 0 0\n", plugin, *block, ">\nFLOATPOS 0 0 0 0\nWAK 0 0\n"]).encode() for block in blocks]


def test_chunks_of_reaper_come_back_byte_for_byte(samples_dir: Path) -> None:
    found = chains(samples_dir)
    assert len(found) >= 2
    for data in found:
        preset = presets.read(data, filename="x.RfxChain")
        assert preset.format == "reaeq"
        assert presets.write(preset, "reaeq").files["preset.RfxChain"] == data


def test_the_first_chunk_of_reaper_says_what_was_decoded_from_it(samples_dir: Path) -> None:
    preset = presets.read(chains(samples_dir)[0])
    assert preset.eq is not None
    q = [bandwidth_oct_to_q(width) for width in (0.8, 2.0, 2.0, 0.8)]
    assert [(b.kind, b.freq_hz, b.enabled) for b in preset.eq.bands[:3]] == [(LOW, 100.0, True), (PEAK, 300.0, True), (PEAK, 1_000.0, True)]
    assert (preset.eq.bands[3].kind, preset.eq.bands[4].kind, len(preset.eq.bands)) == (HIGH, BandKind.HIGH_PASS, 5)
    assert preset.eq.bands[3].freq_hz == pytest.approx(5_065.45, abs=0.01)
    assert [b.gain_db for b in preset.eq.bands] == pytest.approx([0.0, 0.0, 0.0, -7.289, 0.0], abs=1e-3)
    assert [b.q for b in preset.eq.bands[:4]] == pytest.approx(q, rel=1e-9)
    assert preset.eq.preamp_db == pytest.approx(0.0, abs=1e-9)
    assert preset.notes == ()


def test_an_edit_of_a_chunk_of_reaper_keeps_everything_else(samples_dir: Path) -> None:
    data = chains(samples_dir)[0]
    preset = presets.read(data)
    assert preset.eq is not None
    edited = replace(preset, eq=EqSettings((*preset.eq.bands[:2], Band(PEAK, 2_000.0, 3.0, 1.0))))
    back = presets.read(presets.write(edited, "reaeq").files)
    assert back.eq is not None
    assert [(b.kind, b.freq_hz) for b in back.eq.bands] == [(LOW, 100.0), (PEAK, 300.0), (PEAK, 2_000.0)]
    assert back.notes == ()
    again = replace(back, eq=preset.eq)
    assert presets.write(again, "reaeq").files["preset.RfxChain"].count(b"\n") == data.count(b"\n")


def test_the_default_of_pro_q_3_comes_back_byte_for_byte(samples_dir: Path) -> None:
    data = (samples_dir / "proq3_default.ffp").read_bytes()
    preset = presets.read(data)
    assert preset.format == "proq3"
    assert preset.eq == EqSettings()
    assert presets.write(preset, "proq3").files["preset.ffp"] == data
    assert presets.write(EqSettings(), "proq3").files["preset.ffp"] == data  # and is what we write for no bands


@pytest.mark.parametrize("name", ["aunbandeq_Audeze_LCD-XC_ParametricEQ", "aunbandeq_eq"])
def test_presets_of_aunbandeq_come_back_byte_for_byte(samples_dir: Path, name: str) -> None:
    data = (samples_dir / f"{name}.aupreset").read_bytes()
    preset = presets.read(data)
    assert preset.format == "aunbandeq"
    assert preset.notes == ()
    assert presets.write(preset, "aunbandeq").files["preset.aupreset"] == data


def test_a_preset_of_aunbandeq_is_the_text_that_it_was_made_from(samples_dir: Path) -> None:
    preset = presets.read_file(samples_dir / "aunbandeq_Audeze_LCD-XC_ParametricEQ.aupreset")
    text = (samples_dir / "aunbandeq_Audeze_LCD-XC_ParametricEQ.source.txt").read_bytes()
    source = presets.read(text.replace(b" LS ", b" LSC ").replace(b" HS ", b" HSC "), "eqapo")  # AutoEq's names of centres until 2023
    assert preset.eq is not None
    assert source.eq is not None
    for got, wanted in zip(preset.eq.bands, source.eq.bands, strict=True):
        assert (got.kind, got.enabled, got.freq_hz) == (wanted.kind, wanted.enabled, wanted.freq_hz)
        assert got.gain_db == pytest.approx(wanted.gain_db, abs=1e-6)
        assert got.q == pytest.approx(wanted.q, abs=5e-3)  # the text has two decimals, or was rounded from more
    assert preset.eq.preamp_db == pytest.approx(source.eq.preamp_db, abs=0.01)
