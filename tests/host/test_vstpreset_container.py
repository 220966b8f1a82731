"""The VST3 preset container in a real host: a file of ours with another plug-in's state, loaded by pedalboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import skip_or_fail

from semeq_host.lab import vst3
from semeq_presets.file_formats._vstpreset import Container, meta_info, pack

ZAM_EQ2 = Path("/usr/lib/vst3/ZamEQ2.vst3")
CLASS_ID = "2046504473616C633251455A00000000"


def test_a_host_loads_the_state_out_of_our_container(tmp_path: Path) -> None:
    if not ZAM_EQ2.exists():
        skip_or_fail(f"{ZAM_EQ2} is not installed (Debian: apt-get install zam-plugins)")
    values = {"boost1": 6.0, "bw1": 1.0, "f1": 1_000.0, "boost2": 0.0, "bw2": 1.0, "f2": 5_000.0, "boostl": 0.0, "fl": 250.0, "boosth": 0.0}
    values |= {"fh": 8_000.0, "master": 0.0, "peaks": 0.0}
    texts = ["__dpf_program__", "0", "__dpf_parameters_begin__", *(text for key, value in values.items() for text in (key, f"{value:f}"))]
    state = "\0".join([*texts, "__dpf_parameters_end__", ""]).encode() + b"\xfe\0"
    path = tmp_path / "peak.vstpreset"
    chunks = {b"Comp": state, b"Cont": b"", b"Info": meta_info("ZamEQ2", "Damien Zammit", "Fx|EQ", "Peak")}
    path.write_bytes(pack(Container(CLASS_ID, chunks)))
    # in a child process: the plug-in is built with -ffast-math and switches subnormal numbers off for the process that loads it
    at_peak_db, far_db = vst3.measure(path, ZAM_EQ2).response_db(np.array([1_000.0, 50.0]))[0]
    assert at_peak_db == pytest.approx(6.0, abs=0.05)
    assert abs(far_db) < 0.1
