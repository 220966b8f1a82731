"""EasyEffects: the equalizer of a preset on the ports of its engine, LSP para_equalizer_x32_lr, which then runs.

The engine itself is the truth (basis "host"), in every mode, slope and type that it has. Gains in dB become linear; values outside a port's
range are moved into it, as hosts do. Without split channels the left values are those of both. Numbers and switches that version 5 wrote as
texts are taken for what they say. Other plug-ins of the preset are not run.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from host_maths.channels import NoEq, Truth
from host_maths.lv2_engine import Plugin, plugin
from host_maths.sections import Grid, amplitude

ENGINE = "http://lsp-plug.in/plugins/lv2/para_equalizer_x32_lr"
_MODES = ("RLC (BT)", "RLC (MT)", "BWC (BT)", "BWC (MT)", "LRX (BT)", "LRX (MT)", "APO (DR)")


def is_available() -> bool:
    return plugin(ENGINE) is not None


def evaluate(path: Path, grid: Grid) -> Truth:
    document = json.loads(path.read_bytes())
    section: dict[str, Any] = next((document[key] for key in ("output", "input") if isinstance(document.get(key), dict)), {})
    names = [key for key in section if re.fullmatch(r"equalizer(#\d+)?", key)]
    order = section.get("plugins_order", names)
    names = [name for name in names if name in order or name.partition("#")[0] in order]
    if len(names) != 1:
        raise NoEq(f"{len(names)} equalizers")
    others = [name for name in order if not name.startswith("equalizer")]
    left, right = engine().responses_db(values_of(section[names[0]]), grid)
    return Truth({"L": left, "R": right}, basis="host", others=tuple(others))


def engine() -> Plugin:
    found = plugin(ENGINE)
    assert found is not None, "install lilv-utils and lsp-plugins-lv2"
    return found


def values_of(equalizer: dict[str, Any]) -> dict[str, float]:
    """Return the value of every port that the keys of an equalizer set."""
    values = {"g_in": amplitude(_number(equalizer, "input-gain")), "g_out": amplitude(_number(equalizer, "output-gain"))}
    values["enabled"] = 0.0 if _is_on(equalizer.get("bypass")) else 1.0
    values["mode"] = engine().ports["mode"].names[str(equalizer.get("mode", "IIR"))]
    values["bal"] = _number(equalizer, "balance")
    split = _is_on(equalizer.get("split-channels"))
    for side, key in (("l", "left"), ("r", "right" if split else "left")):
        values[f"frqs_{side}"] = _number(equalizer, f"pitch-{key}")
        bands = equalizer.get(key, {})
        for index in range(int(_number(equalizer, "num-bands", 32.0))):
            if isinstance(band := bands.get(f"band{index}"), dict):
                values |= _band(band, f"{side}_{index}")
    return engine().held(values)


def _band(band: dict[str, Any], end: str) -> dict[str, float]:
    ports = engine().ports
    return {
        f"ft{end}": ports[f"ft{end}"].names[str(band.get("type", "Off"))],
        f"fm{end}": float(_MODES.index(str(band.get("mode", _MODES[0])))),
        f"s{end}": ports[f"s{end}"].names[str(band.get("slope", "x1"))],
        f"xs{end}": float(_is_on(band.get("solo"))),
        f"xm{end}": float(_is_on(band.get("mute"))),
        f"f{end}": _number(band, "frequency"),
        f"g{end}": amplitude(_number(band, "gain")),
        f"q{end}": _number(band, "q"),
    }


def _number(values: dict[str, Any], key: str, default: float = 0.0) -> float:
    return float(values.get(key, default))


def _is_on(value: object) -> bool:
    return value is True or value == "true"
