"""EasyEffects under a virtual screen loads preset files, written by hand, and what it plays is measured against its engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import skip_or_fail
from host_targets import lsp_ports

from semeq_export.errors import MissingHostError, PresetReadError
from semeq_host.lab import easyeffects, lv2
from semeq_presets.file_formats._lv2_bundle import write_bundle

ROUNDING = 1e-6  # of samples in float32, that blocks of another size make
MODES = ("RLC (BT)", "RLC (MT)", "BWC (BT)", "BWC (MT)", "LRX (BT)", "LRX (MT)", "APO (DR)")

Json = dict[str, Any]


def band(kind: str, freq_hz: float, gain_db: float, q: float, mode: str = "APO (DR)", slope: str = "x1") -> Json:
    values = {"type": kind, "mode": mode, "slope": slope, "frequency": freq_hz, "gain": gain_db, "q": q}
    return values | {"mute": False, "solo": False, "width": 4.0}


def equalizer(left: list[Json], right: list[Json], *, split: bool) -> Json:
    sides = {name: {f"band{index}": one for index, one in enumerate(bands)} for name, bands in (("left", left), ("right", right))}
    idle: Json = {
        "balance": 0.0,
        "bypass": False,
        "input-gain": -3.0,
        "output-gain": 0.0,
        "mode": "IIR",
        "pitch-left": 0.0,
        "pitch-right": 0.0,
    }
    return idle | sides | {"num-bands": len(left), "split-channels": split}


LEFT = [band("Bell", 700.0, -6.0, 1.5), band("Hi-shelf", 6_000.0, 4.0, 0.7)]
RIGHT = [band("Hi-pass", 30.0, 0.0, 0.7, "RLC (BT)", "x1"), band("Bell", 2_000.0, 6.0, 3.0)]
OF_EACH_MODE = [band("Bell", 100.0 * 2.0**index, 5.0, 1.2, mode, f"x{1 + index % 2}") for index, mode in enumerate(MODES)]
OF_EACH_TYPE = [
    band("Lo-pass", 14_000.0, 0.0, 0.7, "LRX (BT)"),
    band("Notch", 1_000.0, 0.0, 2.0),
    band("Lo-shelf", 90.0, 5.0, 1.0, "BWC (BT)"),
]
OF_EACH_TYPE += [band("Resonance", 3_000.0, 6.0, 1.0, "RLC (BT)"), band("Allpass", 400.0, 0.0, 1.0, "RLC (BT)")]


@pytest.mark.daw
@pytest.mark.slow
def test_modes_types_and_split_channels_load_as_the_file_says_and_nothing_is_left_of_them(tmp_path: Path) -> None:
    """Against the engine's own ports. Without split-channels 7.0.0 still plays `right` where it is another one than `left`."""
    written = [equalizer(OF_EACH_MODE, OF_EACH_MODE, split=False), equalizer(LEFT, RIGHT, split=True)]
    written += [equalizer(OF_EACH_TYPE, OF_EACH_TYPE, split=False), equalizer(LEFT, RIGHT, split=False)]
    bundles = []
    for index, said in enumerate(written):
        bundles.append(tmp_path / f"{index}.lv2")
        bundles[-1].mkdir()
        for name, data in write_bundle(lsp_ports(said)).items():
            (bundles[-1] / name).write_bytes(data)
    texts = [json.dumps({"output": {"blocklist": [], "plugins_order": ["equalizer#0"], "equalizer#0": said}}) for said in written]
    before = set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
    try:
        played, wanted = easyeffects.measure(texts), lv2.measure(bundles)
    except MissingHostError as error:
        skip_or_fail(str(error))
    assert set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()) <= before
    for one, other in zip(played, wanted, strict=True):
        assert np.abs(one.samples - other.samples).max() <= ROUNDING
    assert np.abs(played[1].samples[0] - played[1].samples[1]).max() > 1_000 * ROUNDING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"input": {"plugins_order": ["equalizer#0"]}}',
        '{"output": {"plugins_order": []}}',
        '{"output": {"plugins_order": ["equalizer#0", "convolver#0"]}}',
    ],
)
def test_only_equalizers_are_given_to_easyeffects(text: str) -> None:
    with pytest.raises(PresetReadError, match=r"not an output preset|other plug-ins"):
        easyeffects.measure([text])
