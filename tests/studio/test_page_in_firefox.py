"""The page in Firefox: it loads, plays, measures and saves what Python computes (semeq_export/web/tests/page_in_firefox.mjs)."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from studio.visits import MOST_RELATIVE_DB, need_browser, prepared, relative_db, saw

import semeq_presets
from semeq_export import read_audio
from semeq_export.eq.filter import apply


def test_firefox_plays_and_saves_what_python_computes(tmp_path: Path) -> None:
    need_browser("/usr/bin/firefox-esr")
    seen = saw("page_in_firefox.mjs", prepared(tmp_path), tmp_path)
    assert seen["errors"] == []
    assert " trim " in seen["loudness"]
    assert seen["loudness"].endswith(" LU")
    (tmp_path / "warm.semeq.json").write_text(seen["preset"], encoding="utf-8")
    (tmp_path / "warm.wav").write_bytes(base64.b64decode(seen["wave"]))
    preset, sound = semeq_presets.read_file(tmp_path / "warm.semeq.json"), read_audio(tmp_path / "sound.wav")
    assert preset.words is not None
    assert dict(preset.words.target.weights) == {"warm": 1.0}
    expected = apply(preset.eq, sound.samples.astype(np.float64), sound.sample_rate_hz)
    assert relative_db(read_audio(tmp_path / "warm.wav").samples, expected) <= MOST_RELATIVE_DB
