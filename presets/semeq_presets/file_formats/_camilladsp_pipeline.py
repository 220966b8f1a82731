"""CamillaDSP's pipeline: which filters each output channel's sound goes through, and what the program refuses.

Source: CamillaDSP 3, README (pipeline, mixers), and the checks in src/config.rs and src/mixer.rs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from semeq_export.eq.channels import MAX_CHANNEL_EQS
from semeq_export.errors import AudioError, PresetReadError
from semeq_export.units import check_sample_rate_hz
from semeq_presets.file_formats._camilladsp_filters import Rate, gain_of, is_null, is_true
from semeq_presets.file_formats._tree import Node, mapping, sequence, text
from semeq_presets.file_formats.base import Note

_TOKEN = re.compile(r"\$(samplerate|channels|format|extrasamples|extra_samples)\$")
_DEFAULT_RATE_HZ = 48_000.0
_MAX_STEPS = 1_000
_MAX_PASSED = 100_000


@dataclass(frozen=True, slots=True)
class Chain:
    """What an output channel's sound comes from and goes through.

    source: the input channel, from 0. names: of the filters, in their order; off: those of steps that are bypassed. gain_db: what mixers
    add. why_not: what makes it no EQ of one input, "" where nothing does.
    """

    source: int
    names: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    gain_db: float = 0.0
    is_inverted: bool = False
    why_not: str = ""


def rate_of(root: Mapping[str, Node]) -> Rate:
    """Return the sample rate that a configuration is for, 48 kHz where it says none; raises PresetReadError for a template."""
    devices = root.get("devices")
    if not isinstance(devices, dict):
        return Rate(_DEFAULT_RATE_HZ, is_stated=False)
    for key, node in devices.items():
        _refuse_template(key, node)
        if isinstance(node, dict):
            for inner, child in node.items():
                _refuse_template(f"{key} {inner}", child)
    if is_null(devices.get("samplerate")):
        return Rate(_DEFAULT_RATE_HZ, is_stated=False)
    rate_hz = _whole(devices["samplerate"], "devices samplerate", 10_000_000)
    try:
        return Rate(check_sample_rate_hz(rate_hz))
    except AudioError as error:
        raise PresetReadError(str(error), where="devices samplerate") from error


def _refuse_template(name: str, node: Node) -> None:
    if isinstance(node, str) and _TOKEN.search(node):
        why = f"{str(node)[:40]!r} is filled in by another program: this is a template; give the configuration that is made of it"
        raise PresetReadError(why, where=f"devices {name[:40]}")


def chains_of(root: Mapping[str, Node], filters: Mapping[str, Node], notes: list[Note]) -> list[Chain]:
    """Return a chain for each output channel; raises PresetReadError for what the program refuses. notes gets what is no filter."""
    steps = [mapping(node, f"pipeline step {count}") for count, node in enumerate(sequence(root["pipeline"], "pipeline"), start=1)]
    if len(steps) > _MAX_STEPS:
        raise PresetReadError(f"{len(steps)} steps are over the limit of {_MAX_STEPS}", where="pipeline")
    mixers = {} if is_null(root.get("mixers")) else mapping(root["mixers"], "mixers")
    tokens = _tokens(root)
    chains = [Chain(index) for index in range(_inputs(root, steps, mixers, tokens))]
    for count, step in enumerate(steps, start=1):
        where = f"pipeline step {count}"
        kind = text(step.get("type"), f"{where} type")
        bypassed = is_true(step.get("bypassed"))
        if kind == "Filter":
            chains = _filtered(chains, step, filters, tokens, where, bypassed=bypassed)
        elif kind == "Mixer" and not bypassed:
            chains = _mixed(chains, *_mixer(step, mixers, tokens, where))
        elif kind == "Processor" and not bypassed:
            name = text(step.get("name"), f"{where} name")
            notes.append(Note("unknown", None, where, f"the processor {name[:40]!r} (compressor or gate) is no EQ", None))
        elif kind not in ("Mixer", "Processor"):
            raise PresetReadError(f"CamillaDSP has no step of type {kind[:40]!r}", where=where)
        if sum(len(chain.names) + len(chain.off) for chain in chains) > _MAX_PASSED:
            raise PresetReadError(f"passes over {_MAX_PASSED} filters", where="pipeline")
    _check_outputs(root, len(chains))
    return chains


def _tokens(root: Mapping[str, Node]) -> dict[str, str]:
    """Return what the tokens in names stand for, as far as the configuration says it."""
    devices = root.get("devices")
    held = devices if isinstance(devices, dict) else {}
    capture = held.get("capture")
    channels = capture.get("channels") if isinstance(capture, dict) else None
    pairs = (("$samplerate$", held.get("samplerate")), ("$channels$", channels))
    return {token: str(node) for token, node in pairs if isinstance(node, str)}


def _name(node: Node | None, where: str, tokens: Mapping[str, str]) -> str:
    name = text(node, where)
    for token, value in tokens.items():
        name = name.replace(token, value)
    if _TOKEN.search(name):
        raise PresetReadError(f"{name[:40]!r} is filled in by the program: this is a template", where=where)
    return name


def _inputs(root: Mapping[str, Node], steps: list[dict[str, Node]], mixers: Mapping[str, Node], tokens: Mapping[str, str]) -> int:
    """Return the number of channels that come in: of the capture device, else of the first mixer, else as many as steps name."""
    devices = root.get("devices")
    capture = devices.get("capture") if isinstance(devices, dict) else None
    if isinstance(capture, dict) and not is_null(capture.get("channels")):
        return _channel_count(capture["channels"], "devices capture channels")
    highest = 1
    for count, step in enumerate(steps, start=1):
        where = f"pipeline step {count}"
        if is_true(step.get("bypassed")):
            continue
        if step.get("type") == "Mixer":
            return _mixer(step, mixers, tokens, where)[1]
        if step.get("type") == "Filter":
            highest = max([highest, *(_channels(step, where) or [])])
    return highest + 1


def _channels(step: Mapping[str, Node], where: str) -> list[int] | None:
    """Return the channels of a filter step, from 0; None for all. Version 2 has one "channel", version 3 a list, or none."""
    if not is_null(step.get("channel")):
        return [_whole(step["channel"], f"{where} channel", MAX_CHANNEL_EQS - 1)]
    if is_null(step.get("channels")):
        return None
    return [_whole(node, f"{where} channels", MAX_CHANNEL_EQS - 1) for node in sequence(step["channels"], f"{where} channels")]


def _filtered(
    chains: list[Chain], step: Mapping[str, Node], filters: Mapping[str, Node], tokens: Mapping[str, str], where: str, *, bypassed: bool
) -> list[Chain]:
    names = tuple(_name(node, f"{where} names", tokens) for node in sequence(step.get("names"), f"{where} names"))
    for name in names:
        if name not in filters and not bypassed:
            raise PresetReadError(f"names the filter {name[:40]!r}, which is not defined", where=where)
    channels = _channels(step, where)
    if bypassed:
        off = tuple(name for name in names if name in filters)
        return [replace(chain, off=chain.off + off) if channels is None or at in channels else chain for at, chain in enumerate(chains)]
    for at, channel in enumerate(channels or ()):
        if channel >= len(chains):
            raise PresetReadError(f"filters channel {channel}, but there are {len(chains)}: CamillaDSP refuses that", where=where)
        if channel in (channels or ())[:at]:
            raise PresetReadError(f"names channel {channel} twice, which CamillaDSP refuses", where=where)
    return [replace(chain, names=chain.names + names) if channels is None or at in channels else chain for at, chain in enumerate(chains)]


Source = tuple[int, float, bool]
"""Channel from 0, gain in dB, whether inverted; muted ones are left out."""


def _mixer(
    step: Mapping[str, Node], mixers: Mapping[str, Node], tokens: Mapping[str, str], where: str
) -> tuple[str, int, int, dict[int, list[Source]]]:
    """Return a mixer's name, its inputs and outputs, and the sources of each output that has some."""
    name = _name(step.get("name"), f"{where} name", tokens)
    if name not in mixers:
        raise PresetReadError(f"names the mixer {name[:40]!r}, which is not defined", where=where)
    where = f"mixers {name[:40]}"
    mixer = mapping(mixers[name], where)
    counts = mapping(mixer.get("channels"), f"{where} channels")
    inputs, outputs = (_channel_count(counts.get(key), f"{where} {key}") for key in ("in", "out"))
    sources: dict[int, list[Source]] = {}
    for node in sequence(mixer.get("mapping"), f"{where} mapping"):
        entry = mapping(node, f"{where} mapping")
        dest = _whole(entry.get("dest"), f"{where} dest", outputs - 1)
        if dest in sources:
            raise PresetReadError(f"maps channel {dest} twice", where=where)
        sources[dest] = []
        for item in sequence(entry.get("sources"), f"{where} sources"):
            source = mapping(item, f"{where} sources")
            channel = _whole(source.get("channel"), f"{where} channel", inputs - 1)
            gain = gain_of(source, f"{where} source", missing_db=0.0)
            if not (gain.is_silent or is_true(entry.get("mute"))):
                sources[dest].append((channel, gain.gain_db, gain.is_inverted))
    return name, inputs, outputs, sources


def _mixed(chains: list[Chain], name: str, inputs: int, outputs: int, sources: Mapping[int, list[Source]]) -> list[Chain]:
    if inputs != len(chains):
        why = f"mixes {inputs} channels, but there are {len(chains)}: CamillaDSP refuses that"
        raise PresetReadError(why, where=f"mixers {name[:40]}")
    return [_joined([(chains[channel], *rest) for channel, *rest in sources.get(dest, [])], dest) for dest in range(outputs)]  # type: ignore[misc]


def _joined(parts: list[tuple[Chain, float, bool]], dest: int) -> Chain:
    """Return what a mixer makes of its sources: one of them, or the sum of equal ones; anything else is no EQ."""
    moved = [
        replace(chain, gain_db=chain.gain_db + gain_db, is_inverted=chain.is_inverted is not inverted) for chain, gain_db, inverted in parts
    ]
    bad = next((chain.why_not for chain in moved if chain.why_not and chain.why_not != _SILENT), "")
    heard = [chain for chain in moved if chain.why_not != _SILENT]
    if bad or not heard:
        return Chain(dest, why_not=bad or _SILENT)
    first = heard[0]
    if any((chain.source, chain.names, chain.off) != (first.source, first.names, first.off) for chain in heard):
        inputs = sorted({chain.source + 1 for chain in heard})
        why = f"is a mix of inputs {' and '.join(map(str, inputs))}" if len(inputs) > 1 else "adds up differently filtered copies"
        return Chain(dest, why_not=why)
    if len(heard) == 1:
        return first
    level = sum((-1.0 if chain.is_inverted else 1.0) * 10.0 ** (min(chain.gain_db, 1_000.0) / 20.0) for chain in heard)
    if level == 0.0:
        return Chain(dest, why_not=_SILENT)
    return replace(first, gain_db=20.0 * math.log10(abs(level)), is_inverted=level < 0.0)


_SILENT = "is silent"


def _check_outputs(root: Mapping[str, Node], count: int) -> None:
    devices = root.get("devices")
    playback = devices.get("playback") if isinstance(devices, dict) else None
    if isinstance(playback, dict) and not is_null(playback.get("channels")):
        wanted = _channel_count(playback["channels"], "devices playback channels")
        if wanted != count:
            why = f"ends with {count} channels, but the playback device has {wanted}: CamillaDSP refuses that"
            raise PresetReadError(why, where="pipeline")


def _channel_count(node: Node | None, where: str) -> int:
    count = _whole(node, where, MAX_CHANNEL_EQS)
    if count < 1:
        raise PresetReadError("is no channel at all", where=where)
    return count


def _whole(node: Node | None, where: str, most: int) -> int:
    """Return a whole number of 0 up to most."""
    written = text(node, where)
    if not (written.isascii() and written.isdigit() and len(written) <= 8 and int(written) <= most):
        raise PresetReadError(f"{written[:20]!r} is no whole number of 0..{most}", where=where)
    return int(written)
