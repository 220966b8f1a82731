"""PipeWire: a daemon of its own loads a filter-chain file as it loads a person's, and the test impulse is played through it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from semeq_export.errors import PresetReadError, printable
from semeq_host.lab._process import private_folder, program, run
from semeq_host.lab._sound_server import PACKAGE, STEP_S, SoundServer, at_last, sound_server
from semeq_host.lab.response import IMPULSE_RATE_HZ, Measurement

_MODULE = "libpipewire-module-filter-chain"
_LABELS = ("bq_", "copy", "mixer")
"""Nodes that only filter: others read files and load libraries, which a preset from somewhere must not make PipeWire do."""
_AT_ONCE = 10


def measure(configurations: Sequence[str], sample_rate_hz: int = IMPULSE_RATE_HZ) -> list[Measurement]:
    """Return the test impulse on both channels through the filter chain of each of several configuration files, given by their content.

    Each gets a PipeWire of its own, several at a time since sound takes its time. Raises PresetReadError for a file that is not one filter
    chain of plain filters or that PipeWire refuses, MissingHostError without PipeWire, EnvironmentFailure where it hangs.
    """
    program("spa-json-dump", PACKAGE)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda text: at_last(lambda: _measured(text, sample_rate_hz)), configurations))


def _measured(configuration: str, rate_hz: int) -> Measurement:
    _check(configuration)
    with private_folder() as folder, sound_server(folder, rate_hz, fragments={"preset.conf": configuration}) as server:
        into, out_of = server.until("the filter chain is there", lambda: _ends(server))
        server.give_ports(into, is_source=False)
        server.give_ports(out_of, is_source=True)
        return Measurement(server.play(into, out_of), rate_hz, f"PipeWire {server.version()}")


def _ends(server: SoundServer) -> tuple[int, int] | None:
    """Return the ids of the nodes at the start and at the end of the filter chain once both are there."""
    found: dict[bool, int] = {}
    for number, about in server.objects("Node"):
        if str(about["props"].get("node.link-group", "")).startswith("filter-chain"):
            found[about["max-output-ports"] == 0 or "Sink" in str(about["props"].get("media.class"))] = number
    return (found[True], found[False]) if len(found) == 2 else None


def _check(configuration: str) -> None:
    """Raise PresetReadError unless a configuration is one filter chain of plain filters and nothing else."""
    with private_folder() as folder:
        (folder / "preset.conf").write_text(configuration, encoding="utf-8")
        text = run(["spa-json-dump", "preset.conf"], folder=folder, timeout_s=STEP_S)
    try:
        root = json.loads(text, object_pairs_hook=_once)
        (module,) = root["context.modules"]
        nodes = module["args"]["filter.graph"]["nodes"]
        labels = [str(node["label"]) for node in nodes if node["type"] == "builtin"]
        is_plain = set(root) == {"context.modules"} and module["name"] == _MODULE and len(labels) == len(nodes)
    except (ValueError, KeyError, TypeError) as error:
        raise PresetReadError(f"is not one {_MODULE} and nothing else, which is all that PipeWire is given here") from error
    odd = next((label for label in labels if not label.startswith(_LABELS)), None)
    if odd is not None or not is_plain:
        raise PresetReadError(f"{'it' if odd is None else printable(odd)} is no plain filter, and nothing else is given to PipeWire here")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of which each key is said once: of two, PipeWire may take the other one."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)
