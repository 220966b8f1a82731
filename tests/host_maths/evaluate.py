"""From a file to what its host does with it: which evaluator, and which EQs a file holds where it holds several."""

from __future__ import annotations

import configparser
import re
import struct
from collections.abc import Callable
from pathlib import Path

from host_maths import camilladsp, easyeffects, eqapo, fabfilter, logic, lv2_ttl, peace, pipewire, reaeq
from host_maths.channels import NoEq, Truth
from host_maths.sections import Grid
from ruamel.yaml.error import YAMLError

Answer = Truth | NoEq
_REAPER = (".rpp", ".ini", ".rfxchain")
_BY_SUFFIX: dict[str, Callable[[Path, Grid], Truth]] = {
    ".conf": pipewire.evaluate,
    ".ffp": fabfilter.evaluate,
    ".json": easyeffects.evaluate,
    ".peace": peace.evaluate,
    ".pst": logic.evaluate,
    ".ttl": lv2_ttl.evaluate,
    ".yaml": camilladsp.evaluate,
    ".yml": camilladsp.evaluate,
}


def is_known(path: Path) -> bool:
    """Whether a file is of a kind that has an evaluator here."""
    return path.suffix.lower() in (*_BY_SUFFIX, *_REAPER, ".txt")


def evaluate(path: Path, grid: Grid) -> dict[str, Answer]:
    """Return the truth of a file, or of each EQ that it holds by a label: "" where it holds one.

    A file that holds no EQ, or is refused by its host, has NoEq for an answer; so has one that is not built as its host builds it.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in _REAPER:
            truths = reaeq.evaluate_all(path, grid)
            return {"": next(iter(truths.values()))} if len(truths) == 1 else dict(truths)
        if suffix == ".txt":
            return _of_apo(path, grid)
        return {"": _BY_SUFFIX[suffix](path, grid)}
    except NoEq as refusal:
        return {"": refusal}
    except (KeyError, TypeError, ValueError, IndexError, struct.error, YAMLError, configparser.Error) as error:
        return {"": NoEq(f"not built as its host builds it ({type(error).__name__})")}


def _of_apo(path: Path, grid: Grid) -> dict[str, Answer]:
    """Return what a configuration does to each device that it names, and where its conditions hold and do not."""
    devices: list[str | None] = list(eqapo.devices_of(path))
    before = eqapo.text_of(path).partition("Device:")[0]
    if not devices or re.search(r"(?m)^\s*(Filter|Preamp|GraphicEQ|Include)[^:#]*:", before):
        devices.append(None)
    cases = [(device, holds) for device in devices for holds in ((True, False) if eqapo.has_conditions(path) else (True,))]
    answers: dict[str, Answer] = {}
    for device, holds in cases:
        label = " ".join(part for part in (device or "", "" if holds else "(conditions do not hold)") if part)
        try:
            answers[label] = eqapo.evaluate(path, grid, device=device, conditions=holds)
        except NoEq as refusal:
            answers[label] = refusal
    return answers
