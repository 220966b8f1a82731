"""eqMac presets: both layouts, Apple's types, and which of several is meant."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset
from semeq_presets.file_formats.base import Choice

GOLDEN = Path(__file__).resolve().parent.parent / "golden/eqmac"
EXPERT, ADVANCED = GOLDEN / "expert.eqmac.json", GOLDEN / "advanced.eqmac.json"


def read(*entries: dict[str, Any], choice: Choice | None = None) -> Preset:
    return presets.read(json.dumps(list(entries)).encode(), choice=choice or Choice())


def expert(*bands: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"id": "1", "name": "A", "isDefault": False, "global": 0, "bands": list(bands), **others}


def test_an_expert_preset_is_read() -> None:
    preset = presets.read_file(EXPERT)
    assert (preset.format, preset.name) == ("eqmac", "Warm")
    assert isinstance(preset.eq, EqSettings)
    shelf, peak, steep, high = preset.eq.bands
    assert (shelf.kind, shelf.freq_hz, shelf.gain_db, round(shelf.q, 5)) == (BandKind.LOW_SHELF, 105.0, 8.1, 0.70709)
    assert (peak.kind, peak.freq_hz, peak.gain_db, round(peak.q, 5)) == (BandKind.PEAK, 1_604.0, -2.7, 1.41421)
    assert steep == Band("high_pass", 25.0)
    assert high == Band("high_shelf", 10_000.0, -7.5, enabled=False)
    assert preset.eq.preamp_db == -5.9
    assert [str(note) for note in preset.notes] == ["preset band 4 type 6, a band-stop, is not read (unknown)"]


def test_an_advanced_preset_stays_one_while_its_bands_do() -> None:
    preset = presets.read_file(ADVANCED)
    assert isinstance(preset.eq, EqSettings)
    assert list(presets.write(preset, "eqmac").files.values()) == [ADVANCED.read_bytes()]
    assert [(band.freq_hz, band.gain_db, round(band.q, 5)) for band in preset.eq.active_bands] == [
        (32.0, 5.1, 2.871),
        (8_000.0, -1.1, 2.871),
    ]
    louder = EqSettings((*preset.eq.bands[:9], replace(preset.eq.bands[9], gain_db=3.0)), -6.0)
    (data,) = presets.write(replace(preset, eq=louder), "eqmac").files.values()
    assert json.loads(data)[0]["gains"] == {"global": -6.0, "bands": [5.1, 0, 0, 0, 0, 0, 0, 0, -1.1, 3.0]}
    (data,) = presets.write(replace(preset, eq=EqSettings((Band("peak", 99.0, 1.0, 1.0),))), "eqmac").files.values()
    assert "gains" not in json.loads(data)[0]
    assert presets.read(data).eq == EqSettings((Band("peak", 99.0, 1.0, presets.read(data).single.bands[0].q),))


def test_a_change_keeps_the_bands_that_did_not_change() -> None:
    shelf = {"type": 9, "gain": 3, "bandwidth": 1.5, "bypass": True, "frequency": 100, "tag": "mine"}
    preset = read(expert(shelf, {"type": 0, "gain": 2, "bandwidth": 1, "bypass": False, "frequency": 300}))
    eq = EqSettings((preset.single.bands[0], Band("peak", 500.0, 1.0, 1.0)), -2.0)
    (data,) = presets.write(replace(preset, eq=eq, name="B"), "eqmac").files.values()
    (entry,) = json.loads(data)
    assert (entry["name"], entry["global"], entry["bands"][0]) == ("B", -2.0, shelf)
    assert (entry["bands"][1]["frequency"], entry["bands"][1]["type"], entry["bands"][1]["bypass"]) == (500.0, 0, False)


def test_of_several_presets_one_is_chosen() -> None:
    several = (expert(name="A"), expert({"type": 0, "gain": 2, "bandwidth": 1, "bypass": False, "frequency": 300}, name="B\nC"))
    with pytest.raises(PresetReadError, match=r"^holds 2 presets: A, B C; choose one with `preset_name`$"):
        read(*several)
    assert len(read(*several, choice=Choice(preset_name="2")).single.bands) == 1


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (expert({"type": 11, "gain": 0, "bandwidth": 1, "frequency": 9}), r"^preset band 1: type 11 is not 0\.\.10$"),
        (expert({"type": 0, "gain": 0, "bandwidth": 0, "frequency": 9}), r"^preset band 1: bandwidth 0 is outside 0\.001\.\.20 octaves$"),
        (expert({"type": 0, "gain": 0, "bandwidth": 1, "frequency": 9, "bypass": 1}), r"^preset band 1: bypass '1' is not true or false$"),
        (expert(gains={"global": 0, "bands": [1, 2]}), r"^preset: 2 bands, expected 10$"),
        (
            expert({"type": 5, "gain": 0, "frequency": 9}),
            r"^nothing of its sound can be read: preset band 1: type 5, a band-pass, is not read$",
        ),
    ],
)
def test_what_is_not_understood_is_refused(entry: dict[str, Any], why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        read(entry)
