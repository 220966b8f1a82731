"""The record of semeq.hpp's speed bars: of the shipped weights, every bar met."""

from __future__ import annotations

import json

from conftest import ROOT

from semeq_export.bundle.loading import load_bundle

RECORD = ROOT / "tests" / "records" / "native.json"


def test_the_record_is_of_the_shipped_decoder_and_meets_every_bar() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert record["decoder_sha256"] == load_bundle().manifest.files["decoder.semeq"].sha256
    assert set(record["bars"]) >= {"decode", "memory", "block"}
    assert all(bar["met"] for bar in record["bars"].values())
