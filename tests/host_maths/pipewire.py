"""PipeWire's filter-chain: the nodes of a graph as its published source runs them.

Builtin nodes bq_*, param_eq, mixer, copy, linear, invert, delay and clamp are followed from the graph's inputs to its outputs. Nodes of
other types (lv2, ladspa, sofa) and convolvers raise NoEq: their responses stand elsewhere.
Shelves take a Q, as since 1.4, 1 / sqrt(2) where none is given; a high shelf at 0 Hz is a gain.
Without `inputs` and `outputs` the graph begins at its first node and ends at its last, as the documents say.
Source: docs.pipewire.org, page of module-filter-chain.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from host_maths import sections
from host_maths.channels import Bus, NoEq, Truth
from host_maths.sections import BUTTERWORTH_Q, Complex, Floats, Grid

Signal = dict[str, Complex]
_TOKEN = re.compile(r'#[^\n]*|"((?:[^"\\]|\\.)*)"|([{}\[\]])|([^\s{}\[\]"=:,]+)|[=:,\s]+')


def evaluate(path: Path, grid: Grid) -> Truth:
    document = parsed(path.read_text(encoding="utf-8"))
    modules = document.get("context.modules", []) if isinstance(document, dict) else []
    graphs = [graph for module in modules if isinstance(graph := module.get("args", {}).get("filter.graph"), dict)]
    if len(graphs) != 1:
        raise NoEq(f"{len(graphs)} filter graphs")
    return Truth(_run(graphs[0], grid))


def parsed(text: str) -> Any:
    """Return the value of relaxed JSON: `key = value`, commas and quotes optional, comments from `#`, braces around the whole optional."""
    tokens = [found for found in _TOKEN.finditer(text) if found[1] is not None or found[2] or found[3]]
    words = [(found[2] or "", found[1] if found[1] is not None else found[3] or "") for found in tokens]
    if words[:1] != [("{", "")]:
        words = [("{", ""), *words, ("}", "")]
    value, end = _value(words, 0)
    if end != len(words):
        raise NoEq("more than one value")
    return value


def _value(words: list[tuple[str, str]], at: int) -> tuple[Any, int]:
    mark, word = words[at]
    at += 1
    if mark == "{":
        result: dict[str, Any] = {}
        while words[at][0] != "}":
            key = words[at][1]
            result[key], at = _value(words, at + 1)
        return result, at + 1
    if mark == "[":
        items = []
        while words[at][0] != "]":
            item, at = _value(words, at)
            items.append(item)
        return items, at + 1
    try:
        return float(word), at
    except ValueError:
        return word, at


def _run(graph: dict[str, Any], grid: Grid) -> dict[str, Floats]:
    nodes = {str(node.get("name", index)): node for index, node in enumerate(graph.get("nodes", []))}
    if not nodes:
        raise NoEq("a graph without nodes")
    links = {link["input"]: link["output"] for link in graph.get("links", [])}
    first, last = next(iter(nodes)), list(nodes)[-1]
    inputs = graph.get("inputs") or [_port(nodes[first], first, "In")]
    outputs = graph.get("outputs") or [_port(nodes[last], last, "Out")]
    given = {port: {f"{index + 1}": grid.constant(1.0)} for index, port in enumerate(inputs)}
    bus = Bus(grid, {f"{index + 1}": _output(port, nodes, links, given, grid, ()) for index, port in enumerate(outputs)})
    return bus.responses_db()


def _port(node: dict[str, Any], name: str, kind: str) -> str:
    return f"{name}:{kind} 1" if node.get("label") == "param_eq" else f"{name}:{kind}"


def _output(port: str, nodes: dict[str, Any], links: dict[str, str], given: dict[str, Signal], grid: Grid, seen: tuple[str, ...]) -> Signal:
    """Return the signal of an output port, from the ports that feed its node."""
    if port in seen:
        raise NoEq("a graph with a circle")
    name, _, out = port.partition(":")
    node = nodes[name]
    if node.get("type") != "builtin":
        raise NoEq(f"a node of type {node.get('type')}")

    def fed(input_port: str) -> Signal:
        if input_port in given:
            return given[input_port]
        return _output(links[input_port], nodes, links, given, grid, (*seen, port)) if input_port in links else {}

    label, control = str(node.get("label")), node.get("control", {})
    if label == "mixer":
        result: Signal = {}
        for number in range(1, 9):
            gain = control.get(f"Gain {number}", 1.0)
            for source, part in fed(f"{name}:In {number}").items():
                result[source] = result.get(source, grid.constant(0.0)) + gain * part
        return result
    response, input_port = _response(label, node, control, out, grid)
    return {source: part * response for source, part in fed(f"{name}:{input_port}").items()}


def _response(label: str, node: dict[str, Any], control: dict[str, Any], out: str, grid: Grid) -> tuple[Complex, str]:
    """Return the response from a node's input to its output, and the name of the input."""
    if label.startswith("bq_"):
        return biquad(label, control, grid), "In"
    if label == "param_eq":
        number = out.partition(" ")[2] or "1"
        config = node.get("config", {})
        response = grid.constant(1.0)
        for entry in config.get(f"filters{number}", config.get("filters", [])):
            values = {"Freq": entry.get("freq", 0.0), "Gain": entry.get("gain", 0.0), "Q": entry.get("q", 0.0)}
            response = response * biquad(str(entry["type"]), values, grid)
        return response, f"In {number}"
    if label == "linear":
        return grid.constant(control.get("Mult", 1.0)), "In"
    if label in ("copy", "delay", "clamp"):
        return grid.constant(1.0), "In"
    if label == "invert":
        return grid.constant(-1.0), "In"
    raise NoEq(f"a node with the label {label}")


def biquad(label: str, control: dict[str, Any], grid: Grid) -> Complex:
    freq_hz, gain_db, q = (float(control.get(key, 0.0)) for key in ("Freq", "Gain", "Q"))
    if label == "bq_raw":
        raise NoEq("raw coefficients, each for a sample rate")
    if freq_hz <= 0.0:  # nothing is below it
        return grid.constant(sections.amplitude(gain_db) if label == "bq_highshelf" else 0.0 if label == "bq_lowpass" else 1.0)
    if q <= 0.0:
        q = BUTTERWORTH_Q if "shelf" in label else 1.0
    alpha = sections.alpha_of_q(grid, freq_hz, q)
    if label in ("bq_lowshelf", "bq_highshelf"):
        return sections.shelf(grid, freq_hz, gain_db, alpha, low=label == "bq_lowshelf")
    if label == "bq_peaking":
        return sections.peak(grid, freq_hz, gain_db, alpha)
    plain = {
        "bq_lowpass": sections.low_pass,
        "bq_highpass": sections.high_pass,
        "bq_bandpass": sections.band_pass,
        "bq_notch": sections.notch,
        "bq_allpass": sections.all_pass,
    }
    if label not in plain:
        raise NoEq(f"a biquad called {label}")
    return plain[label](grid, freq_hz, alpha)
