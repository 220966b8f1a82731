"""EasyEffects presets and LSP's LV2 presets as people have them: modes, channels, switches, and what is said of the rest."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, skip_or_fail

import semeq_presets as presets
from semeq_export.eq.biquad import response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset
from semeq_presets.file_formats._lv2_bundle import PortBundle, write_bundle

GOLDEN = ROOT / "tests" / "golden" / "easyeffects"
FREQS_HZ = log_grid(300)
RATE_HZ = 48_000.0


def golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / f"{name}.easyeffects.json").read_bytes())
    return document


def read(document: dict[str, Any]) -> Preset:
    return presets.read(json.dumps(document).encode(), "easyeffects")


def said(preset: Preset) -> list[str]:
    return [str(note) for note in preset.notes]


def test_a_preset_of_version_5_is_read_from_its_strings() -> None:
    preset = presets.read((GOLDEN / "version5.easyeffects.json").read_bytes())
    assert preset.format == "easyeffects"
    assert [(band.freq_hz, band.gain_db, band.enabled) for band in preset.single.bands] == [
        (40.0, 4.5, True),
        (160.0, 1.5, True),
        (640.0, -2.0, True),
        (2_560.0, 3.0, False),
        (10_240.0, 2.5, True),
    ]
    assert preset.single.preamp_db == -3.0
    assert said(preset)[0] == "other plug-ins limiter, reverb: not read (unknown)"


def test_channels_that_differ_are_an_eq_each_with_balance_and_shift() -> None:
    preset = read(golden("split"))
    assert isinstance(preset.eq, ChannelEqs)
    left, right = preset.eq["left"], preset.eq["right"]
    assert left.preamp_db - right.preamp_db == pytest.approx(20.0 * np.log10(0.8 / 1.2), abs=3.0)  # filters' own gains beside the balance
    assert next(band for band in right.bands if band.gain_db == -2.0).freq_hz == pytest.approx(450.0 * 2.0 ** (2.0 / 12.0))
    assert any(band.kind is BandKind.ALL_PASS for band in right.bands)
    assert not any(band.kind is BandKind.ALL_PASS for band in left.bands)
    assert "other plug-ins compressor: not read (unknown)" in said(preset)
    same = presets.write(preset, "easyeffects").files["preset.easyeffects.json"]
    assert same == json.dumps(golden("split")).encode()  # nothing was changed


def test_soloed_bands_silence_the_others_and_what_version_8_adds_is_stated() -> None:
    preset = read(golden("version8"))
    assert [band.enabled for band in preset.single.bands] == [True, True, False]
    notes = {str(note.wanted): note.error_db for note in preset.notes}
    assert notes["decramp x4, read as Off"] == pytest.approx(0.9, abs=0.9)
    assert (notes["what the mode FIR makes of low filters"] or 0.0) > 0.3
    document = golden("version8")
    document["output"]["equalizer#0"] |= {"decramp": "Off", "mode": "IIR"}
    assert not any("FIR" in line or "decramp" in line for line in said(read(document)))


def test_an_equalizer_that_is_not_run_is_flat_and_says_so() -> None:
    for key, value in (("bypass", True), ("state", "false")):
        document = golden("version7")
        document["output"]["equalizer#0"][key] = value
        del document["output"]["limiter#0"]
        preset = read(document)
        assert preset.single.active_bands == ()
        assert preset.single.preamp_db == 0.0
        assert len(preset.single.bands) == 3
        assert "EasyEffects does not run it" in " ".join(said(preset))
        louder = replace(preset, eq=EqSettings((Band(BandKind.PEAK, 100.0, 3.0),)))
        again = presets.read(presets.write(louder, "easyeffects").files, "easyeffects")
        assert again.eq == louder.eq


def test_changed_channels_are_written_apart_with_their_levels() -> None:
    left = EqSettings((Band(BandKind.PEAK, 100.0, 3.0, 1.0), Band(BandKind.HIGH_PASS, 30.0, 0.0, 0.6)), -2.0)
    right = EqSettings((Band(BandKind.NOTCH, 50.0, 0.0, 20.0), Band(BandKind.LOW_PASS, 15_000.0), Band(BandKind.ALL_PASS, 900.0)), -5.0)
    for of in (Preset(EqSettings()), read(golden("split")), read(golden("version7"))):
        written = presets.write(replace(of, eq=ChannelEqs((("left", left), ("right", right)))), "easyeffects")
        eq = presets.read(written.files, "easyeffects").eq
        assert isinstance(eq, ChannelEqs)
        assert (eq["left"].bands, eq["right"].bands) == (left.bands, right.bands)
        assert (eq["left"].preamp_db, eq["right"].preamp_db) == (pytest.approx(-2.0), pytest.approx(-5.0))
    one = presets.read(presets.write(replace(read(golden("split")), eq=left), "easyeffects").files, "easyeffects")
    assert one.eq == left
    assert not one.notes or "other plug-ins" in said(one)[0]


def test_two_equalizers_are_refused_with_what_to_do() -> None:
    document = golden("version7")
    document["output"]["equalizer#1"] = document["output"]["equalizer#0"]
    document["output"]["plugins_order"].append("equalizer#1")
    with pytest.raises(PresetReadError, match="has 2 equalizers, expected one; keep one in EasyEffects and save the preset again"):
        read(document)


def lsp(build: str, **ports: float) -> Preset:
    values = {symbol: f"{value:.9f}" for symbol, value in ports.items()}
    return presets.read(write_bundle(PortBundle(f"http://lsp-plug.in/plugins/lv2/para_equalizer_x16_{build}", "x", values)), "lsp-x16-lv2")


def test_ports_that_a_bundle_leaves_out_are_at_the_plug_ins_defaults() -> None:
    (band,) = lsp("stereo", ft_3=5, g_3=2.0).single.bands  # a low shelf of RLC (BT), q 0
    assert (band.kind, band.freq_hz, band.q) == (BandKind.LOW_SHELF, 63.0, 0.5)


def test_builds_with_two_channels_are_an_eq_each() -> None:
    preset = lsp("lr", ftl_0=1, fml_0=6, fl_0=1_000, gl_0=2.0, ql_0=1.0, ftr_0=6, fmr_0=6, fr_0=50, qr_0=9.0, bal=-50)
    assert isinstance(preset.eq, ChannelEqs)
    (bell,) = preset.eq["left"].bands
    assert (bell.kind, bell.freq_hz, bell.gain_db, bell.q) == (BandKind.PEAK, 1_000.0, pytest.approx(6.0206, abs=1e-4), 1.0)
    assert preset.eq["right"].bands == (Band(BandKind.NOTCH, 50.0, 0.0, 9.0),)
    assert [preset.eq[name].preamp_db for name in ("left", "right")] == pytest.approx([20.0 * np.log10(1.5), 20.0 * np.log10(0.5)])
    preset = lsp("ms", ftm_0=1, fmm_0=6, fm_0=1_000, gm_0=2.0, qm_0=1.0, gain_s=0.5, bal=10)
    assert isinstance(preset.eq, ChannelEqs)
    assert preset.eq.names == ("mid", "side")
    assert (preset.eq["side"].bands, preset.eq["side"].preamp_db) == ((), pytest.approx(20.0 * np.log10(0.5)))
    assert said(preset) == ["bal 10 of a mid-side equaliser is not read (unknown, 0.915 dB off)"]


@pytest.mark.parametrize("names", [("left", "right"), ("mid", "side")])
def test_an_eq_for_each_channel_makes_the_build_that_has_them(names: tuple[str, str]) -> None:
    one = EqSettings((Band(BandKind.PEAK, 100.0, 3.0, 1.0), Band(BandKind.HIGH_PASS, 30.0, 0.0, 0.6, False)), -2.0)
    eqs = ChannelEqs(((names[0], one), (names[1], EqSettings((), -5.0))))
    preset = presets.read(presets.write(eqs, "lsp-x16-lv2").files)
    assert isinstance(preset.eq, ChannelEqs)
    assert preset.eq.names == names
    for name in names:
        assert preset.eq[name].preamp_db == pytest.approx(eqs[name].preamp_db)
        assert np.allclose(response_db(preset.eq[name], FREQS_HZ, RATE_HZ), response_db(eqs[name], FREQS_HZ, RATE_HZ), atol=1e-6)
    back = presets.read(presets.write(replace(preset, eq=one), "lsp-x16-lv2").files)
    assert isinstance(back.eq, EqSettings)
    assert back.eq.bands[0].gain_db == pytest.approx(3.0)


def public_presets() -> list[Path]:
    """EasyEffects presets of public repositories: presets_public in SEMEQ_DATA, or in ../shared/data beside the checkout."""
    folder = Path(os.environ.get("SEMEQ_DATA", ROOT.parent / "shared" / "data")) / "presets_public"
    found = [path for path in sorted(folder.rglob("*.json")) if "asyeffects" in str(path).lower() and b'"equalizer' in path.read_bytes()]
    if not found:
        skip_or_fail(f"public EasyEffects presets not found in {folder}; set SEMEQ_DATA to the folder that holds presets_public")
    return found


def test_every_public_preset_is_recognised_and_has_all_its_bands() -> None:
    for path in public_presets():
        preset = presets.read_file(path)
        assert preset.format == "easyeffects", path
        document = json.loads(path.read_bytes())["output"]
        (equalizer,) = (value for key, value in document.items() if key.startswith("equalizer"))
        eqs = [preset.eq] if isinstance(preset.eq, EqSettings) else [eq for _, eq in preset.eq]
        for eq in eqs:
            assert len(eq.bands) >= int(equalizer["num-bands"]), path
        others = [name for name in document if not name.startswith(("equalizer", "blocklist", "plugins_order", "level_meter", "spectrum"))]
        assert bool(others) == any(note.field == "other plug-ins" for note in preset.notes), path
