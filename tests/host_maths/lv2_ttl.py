"""LV2 presets of Calf and fil4 in Turtle; a file that describes a plug-in, or only lists presets, holds no EQ."""

from __future__ import annotations

from pathlib import Path

from host_maths.channels import NoEq, Truth
from host_maths.sections import Grid


def evaluate(path: Path, grid: Grid) -> Truth:
    text = path.read_text(encoding="utf-8")
    if "lv2:port" in text and ("pset:value" in text or "presets#value" in text):
        raise NotImplementedError(f"{path.name}: a preset with values; run it in its plug-in")
    raise NoEq("no values of ports: a manifest, or the description of a plug-in")
