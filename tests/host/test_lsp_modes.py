"""EasyEffects presets in the plug-in that EasyEffects runs: what is read is what is heard, or a note says how far off it is.

EasyEffects' own gains are LSP's input and output gain here: both are plain factors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, cases, skip_or_fail
from host_targets import LSP_MODES, LSP_PHASES, LSP_TYPES, lsp_ports

import semeq_presets as presets
from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import MissingHostError
from semeq_host.lab import lv2
from semeq_presets import Preset
from semeq_presets.file_formats._lv2_bundle import write_bundle

RATE_HZ = 48_000.0
FREQS_HZ = log_grid(400)
BAR_DB = 0.15  # unstated rounding of the plug-in below some 40 Hz: 0.14 dB in 1 of 4,480 random filters, 0.04 in presets that people use
HEARD_DB = 50.0
COUNT = cases(2, 2, 20)  # of each mode, type and slope; `.ci/long` measures all 4,480

Json = dict[str, Any]  # Any: JSON holds what it holds


def heard_db(equalizers: Sequence[Json], folder: Path) -> list[np.ndarray]:
    """What the plug-in does with each equalizer, (2, n_freqs) in dB."""
    bundles = []
    for index, equalizer in enumerate(equalizers):
        bundle = folder / f"{index}.lv2"
        bundle.mkdir()
        for name, data in write_bundle(lsp_ports(equalizer)).items():
            (bundle / name).write_bytes(data)
        bundles.append(bundle)
    try:
        return [one.response_db(FREQS_HZ) for one in lv2.measure(bundles, RATE_HZ)]
    except MissingHostError as error:
        skip_or_fail(str(error))


def read(equalizer: Json) -> Preset:
    document = {"output": {"blocklist": [], "plugins_order": ["equalizer#0"], "equalizer#0": equalizer}}
    return presets.read(json.dumps(document).encode(), "easyeffects")


def missed(preset: Preset, heard: np.ndarray, at_least_db: float = BAR_DB) -> float:
    """How far what is heard is from what was read beyond what the notes say, in dB; what is 50 dB below the loudest counts as equal."""
    eqs = [eq for _, eq in preset.eq] if isinstance(preset.eq, ChannelEqs) else [preset.eq, preset.eq]
    names = preset.eq.names if isinstance(preset.eq, ChannelEqs) else ("", "")
    beyond = 0.0
    for name, eq, channel_db in zip(names, eqs, heard, strict=True):
        wanted = response_db(for_rate(eq, RATE_HZ).eq, FREQS_HZ, RATE_HZ)
        floor = wanted.max() - HEARD_DB
        error_db = float(np.max(np.abs(np.maximum(channel_db, floor) - np.maximum(wanted, floor))))
        stated_db = [note.error_db or 0.0 for note in preset.notes if note.field == f"{name} filters".strip()]
        beyond = max(beyond, error_db - max([at_least_db, sum(stated_db)]))
    return beyond


def band(kind: str, mode: str, slope: int, freq_hz: float, gain_db: float, q: float) -> Json:
    return {"type": kind, "mode": mode, "slope": f"x{slope}", "frequency": freq_hz, "gain": gain_db, "q": q, "solo": False, "mute": False}


def equalizer(left: Sequence[Json], right: Sequence[Json], **keys: object) -> Json:
    sides = {side: {f"band{i}": one for i, one in enumerate(bands)} for side, bands in (("left", left), ("right", right))}
    return {"input-gain": -3.0, "output-gain": 0.5, "num-bands": len(left), "split-channels": True, "mode": "IIR", **sides, **keys}


@pytest.mark.slow
@pytest.mark.parametrize("mode", LSP_MODES)
def test_every_type_and_slope_of_a_mode_is_heard_as_read(mode: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(LSP_MODES.index(mode))
    drawn = [
        band(kind, mode, slope, 10.0 ** rng.uniform(1.5, 4.3), rng.uniform(-20.0, 20.0), 10.0 ** rng.uniform(-1.0, 1.0))
        for kind in LSP_TYPES[1:]
        for slope in (1, 2, 3, 4)
        for _ in range(COUNT)
    ]
    pairs = [equalizer([left], [right]) for left, right in zip(drawn[::2], drawn[1::2], strict=True)]
    for one, heard in zip(pairs, heard_db(pairs, tmp_path), strict=True):
        assert missed(read(one), heard) <= 0.0, one


@pytest.mark.parametrize("phase", LSP_PHASES)
def test_whole_equalizers_with_switches_balance_and_shift_are_heard_as_read(phase: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(8):
        sides = []
        for _ in range(2):
            kinds = rng.choice(LSP_TYPES, 6)
            bands = [
                band(
                    str(kind),
                    str(rng.choice(LSP_MODES[:4])),
                    int(rng.integers(1, 3)),
                    10.0 ** rng.uniform(2.3, 4.1),
                    rng.uniform(-9, 9),
                    1.0,
                )
                for kind in kinds
            ]
            for one in bands:
                one["solo"], one["mute"] = bool(rng.random() < 0.1), bool(rng.random() < 0.2)
            sides.append(bands)
        pitches = {"pitch-left": float(rng.uniform(-6.0, 6.0)), "pitch-right": float(rng.uniform(-6.0, 6.0))}
        drawn.append(equalizer(*sides, mode=phase, balance=float(rng.uniform(-60.0, 60.0)), **pitches))
    for one, heard in zip(drawn, heard_db(drawn, tmp_path), strict=True):
        assert missed(read(one), heard) <= 0.0, one


def test_what_is_written_is_heard_for_every_kind_and_channel(tmp_path: Path) -> None:
    kinds = sorted(presets.get("easyeffects").info.limits.kinds)
    left = EqSettings(
        tuple(Band(kind, 150.0 * 2**i, 4.0 if Band(kind, 100.0).has_gain else 0.0, 1.4) for i, kind in enumerate(kinds)), -6.0
    )
    right = EqSettings((Band(BandKind.HIGH_PASS, 120.0, q=0.6), Band(BandKind.NOTCH, 3_000.0, q=5.0)), -2.0)
    written = presets.write(ChannelEqs((("left", left), ("right", right))), "easyeffects").files["preset.easyeffects.json"]
    (heard,) = heard_db([json.loads(written)["output"]["equalizer#0"]], tmp_path)
    for eq, channel_db in zip((left, right), heard, strict=True):
        wanted = response_db(eq, FREQS_HZ, RATE_HZ)
        audible = wanted > wanted.max() - HEARD_DB
        assert np.abs(channel_db - wanted)[audible].max() <= 0.05


@pytest.mark.parametrize(("format_id", "names"), [("lsp-x16-lv2", ("left", "right")), ("lsp-x32-lv2", ("left", "right"))])
def test_the_build_with_two_channels_plays_what_was_written(format_id: str, names: tuple[str, str], tmp_path: Path) -> None:
    eqs = (EqSettings((Band(BandKind.PEAK, 300.0, 5.0, 1.0),), -3.0), EqSettings((Band(BandKind.HIGH_PASS, 150.0, q=0.9),), -7.0))
    presets.write_file(tmp_path / "two.lv2", ChannelEqs(tuple(zip(names, eqs, strict=True))), format=format_id)
    try:
        (measured,) = lv2.measure([tmp_path / "two.lv2"], RATE_HZ)
    except MissingHostError as error:
        skip_or_fail(str(error))
    for eq, channel_db in zip(eqs, measured.response_db(FREQS_HZ), strict=True):
        assert np.abs(channel_db - response_db(eq, FREQS_HZ, RATE_HZ)).max() <= 0.05


def test_the_build_for_mid_and_side_plays_what_was_written(tmp_path: Path) -> None:
    mid, side = EqSettings((Band(BandKind.PEAK, 300.0, 5.0, 1.0),), -3.0), EqSettings((Band(BandKind.HIGH_SHELF, 4_000.0, 5.0),), -7.0)
    presets.write_file(tmp_path / "ms.lv2", ChannelEqs((("mid", mid), ("side", side))), format="lsp-x16-lv2")
    for eq, sign in ((mid, 1.0), (side, -1.0)):
        samples = np.zeros((2, 32_768), dtype=np.float32)
        samples[:, 0] = (0.25, 0.25 * sign)
        try:
            output = lv2.render_preset(tmp_path / "ms.lv2", samples, RATE_HZ)
        except MissingHostError as error:
            skip_or_fail(str(error))
        assert np.abs(lv2.response.measured_response_db(output[0], FREQS_HZ, RATE_HZ) - response_db(eq, FREQS_HZ, RATE_HZ)).max() <= 0.05


def test_public_presets_are_heard_as_read(tmp_path: Path) -> None:
    folder = Path(os.environ.get("SEMEQ_DATA", ROOT.parent / "shared" / "data")) / "presets_public"
    paths = [path for path in sorted(folder.rglob("*.json")) if "asyeffects" in str(path).lower() and b'"equalizer' in path.read_bytes()]
    if not paths:
        skip_or_fail(f"public EasyEffects presets not found in {folder}; set SEMEQ_DATA to the folder that holds presets_public")
    sections = [json.loads(path.read_bytes())["output"] for path in paths]
    found = [next(value for key, value in section.items() if key.startswith("equalizer")) for section in sections]
    for path, heard in zip(paths, heard_db(found, tmp_path), strict=True):
        assert missed(presets.read_file(path), heard) <= 0.0, path
