"""LV2 presets in Turtle: the values of their ports in the plug-in itself (basis "host"), run by the LV2 host of this project.

A file that describes a plug-in, or only lists presets, holds no EQ. A preset whose plug-in is named by the manifest beside it takes it from
there. Read for `lv2:symbol` and `pset:value` in one pair of brackets, not as Turtle in full; written anew as a bundle of the values alone.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from host_maths.channels import NoEq, Truth
from host_maths.sections import Floats, Grid

from semeq_export.errors import MissingHostError, PresetReadError
from semeq_host.lab import lv2

_SYMBOL = re.compile(r'symbol>?\s+"(\w+)"')
_VALUE = re.compile(r'(?:pset:|presets#)value>?\s+"?([-+0-9.eE]+)')
_APPLIES = re.compile(r"appliesTo>?\s+<?([^\s>;]+)>?")
_SETTLE, _LENGTH, _PULSE = 48_000, 1 << 17, 0.125
_PREFIXES = (
    "@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n@prefix pset: <http://lv2plug.in/ns/ext/presets#> .\n"
    "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
)
_PREFIX = re.compile(r"@prefix\s+(\w*):\s+<([^>]+)>")


def evaluate(path: Path, grid: Grid) -> Truth:
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"\[([^\[\]]*)\]", text)
    values = {symbol[1]: float(value[1]) for block in blocks if (symbol := _SYMBOL.search(block)) and (value := _VALUE.search(block))}
    if not values:
        raise NoEq("no values of ports: a manifest, or the description of a plug-in")
    uri = _plugin_of(text, path)
    try:
        return Truth({str(index + 1): response for index, response in enumerate(_measured(uri, values, grid))}, basis="host")
    except (MissingHostError, PresetReadError) as error:
        raise NoEq(f"the plug-in {uri} does not run here") from error


def _measured(uri: str, values: Mapping[str, float], grid: Grid) -> list[Floats]:
    """Return the response (n,) in dB of each channel of a plug-in to a pulse, with values on its ports."""
    pulse = np.zeros((2, _SETTLE + _LENGTH), np.float32)
    pulse[:, _SETTLE] = _PULSE
    ports = " , ".join(f'[ lv2:symbol "{symbol}" ; pset:value {value:.9f} ]' for symbol, value in values.items())
    named = f"a pset:Preset ; lv2:appliesTo <{uri}> ;"
    with tempfile.TemporaryDirectory(prefix="host-maths-") as folder:
        bundle = Path(folder) / "values.lv2"
        bundle.mkdir()
        (bundle / "manifest.ttl").write_text(f"{_PREFIXES}<preset.ttl> {named} rdfs:seeAlso <preset.ttl> .\n", encoding="utf-8")
        (bundle / "preset.ttl").write_text(f'{_PREFIXES}<> {named} rdfs:label "Values" ; lv2:port {ports} .\n', encoding="utf-8")
        out = np.asarray(lv2.render_preset(bundle, pulse, grid.rate_hz), np.float64)
    spectra = np.fft.rfft(out[:, _SETTLE:], axis=-1) / _PULSE
    bins = np.fft.rfftfreq(_LENGTH, 1.0 / grid.rate_hz)
    return [np.interp(grid.freqs_hz, bins, 20.0 * np.log10(np.maximum(np.abs(channel), 1e-9))) for channel in spectra]


def _plugin_of(text: str, path: Path) -> str:
    manifest = path.with_name("manifest.ttl")
    for place in (text, manifest.read_text(encoding="utf-8") if manifest.is_file() else ""):
        if applies := _APPLIES.search(place):
            prefix, colon, name = applies[1].partition(":")
            named = dict(_PREFIX.findall(place))
            return named[prefix] + name if colon and prefix in named else applies[1]
    raise NoEq("no plug-in is named")
