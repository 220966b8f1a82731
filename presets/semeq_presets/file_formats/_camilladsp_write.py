"""What CamillaDSP's configuration says once an EQ has changed: as little else as possible.

Three ways, the first that can: values are changed where they stand; where all outputs go through the same filters, bands are added and
taken out; else our filters and their names in the pipeline go, and new ones stand at its end, in a step for each output.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from semeq_export.eq.channels import ChannelEqs, position
from semeq_export.eq.settings import MAX_PREAMP_DB, Band, EqSettings
from semeq_export.errors import PresetWriteError
from semeq_presets.file_formats import _yaml
from semeq_presets.file_formats._camilladsp_filters import is_true, put_band, put_gain
from semeq_presets.file_formats._camilladsp_pipeline import chains_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._tree import Node, Quoted, mapping, sequence, text, value
from semeq_presets.file_formats.base import Preset

Entry = tuple[str, tuple[Band, ...], bool]
"""A filter's name, its bands, and whether it is in use."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The filters of an output: those that are bands, in the EQ's order, those that are gains, and the gain that is neither's in dB."""

    index: int
    entries: tuple[Entry, ...] = ()
    preamps: tuple[str, ...] = ()
    fixed_db: float = 0.0

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of the EQ."""
        return tuple(_switched(band, on=on) for _, bands, on in self.entries for band in bands)


@dataclass(frozen=True, slots=True)
class Configuration:
    """A document, the outputs that have an EQ, and how many outputs there are."""

    root: dict[str, Node]
    channels: tuple[Channel, ...] = (Channel(0), Channel(1))
    outputs: int = 2

    @property
    def is_alike(self) -> bool:
        """Whether all outputs go through the same filters, none of them twice."""
        first = self.channels[0]
        names = [*(name for name, *_ in first.entries), *first.preamps]
        same = all((one.entries, one.preamps, one.fixed_db) == (first.entries, first.preamps, first.fixed_db) for one in self.channels)
        return same and len(self.channels) == self.outputs and len(set(names)) == len(names)


def document(preset: Preset) -> dict[str, Node]:
    """Return the configuration that says what the preset says, as much of the one that was read as possible.

    Raises PresetWriteError for mid and side, and for an output that the configuration does not have.
    """
    before = preset.parts(Configuration)
    held = Configuration(copy.deepcopy(before.root), before.channels, before.outputs) if before is not None else _empty()
    name = one_line(preset.name)
    root = held.root
    if name and not (isinstance(root.get("title"), str) and one_line(text(root["title"], "title")) == name):
        _yaml.put_first(root, "title", Quoted(name))
    eqs = _eqs_of(preset, held, is_new=before is None)
    if _put_values(held, eqs):
        return root
    if held.is_alike and isinstance(preset.eq, EqSettings):
        changed = replace(held, root=copy.deepcopy(root))
        if _put_alike(changed, eqs[0]):
            return changed.root
    _put_new(held, eqs, preset.eq)
    return root


def _empty() -> Configuration:
    return Configuration({"filters": {}, "pipeline": []})


def _switched(band: Band, *, on: bool) -> Band:
    return Band(band.kind, band.freq_hz, band.gain_db, band.q, on, band.order)


def _eqs_of(preset: Preset, held: Configuration, *, is_new: bool) -> dict[int, EqSettings]:
    """Return the EQ of each output."""
    if isinstance(preset.eq, EqSettings):
        return dict.fromkeys(range(held.outputs), preset.eq)
    if preset.eq.is_mid_side:
        raise PresetWriteError("camilladsp: outputs are left and right, not mid and side; choose one with `channel`")
    beyond = [name for name, _ in preset.eq if position(name) >= held.outputs]
    if beyond and not is_new:
        raise PresetWriteError(f"camilladsp: the configuration has {held.outputs} outputs, none for {beyond[0]}; write a new file")
    return {position(name): eq for name, eq in preset.eq}


def _put_values(held: Configuration, eqs: Mapping[int, EqSettings]) -> bool:
    """Change the values of filters where that is all; return whether it was."""
    filters = mapping(held.root["filters"], "filters")
    bands: dict[str, Band] = {}
    gains: dict[str, float] = {}
    if set(eqs) != {channel.index for channel in held.channels}:
        return False
    for channel in held.channels:
        wanted = eqs[channel.index]
        if len(wanted.bands) != len(channel.bands):
            return False
        rest = iter(wanted.bands)
        for name, own, on in channel.entries:
            new = tuple(next(rest) for _ in own)
            if any(band.enabled is not on for band in new):
                return False
            if len(own) > 1 and tuple(_switched(band, on=own[0].enabled) for band in new) != own:
                return False
            if len(own) == 1 and bands.setdefault(name, new[0]) != new[0]:
                return False
        if not _plan_gains(filters, channel, wanted.preamp_db, gains):
            return False
    shared = {name: own[0] for channel in held.channels for name, own, _ in channel.entries}
    for name, band in bands.items():
        if band != _switched(shared[name], on=band.enabled):
            put_band(mapping(filters[name], name), band)
    for name, gain_db in gains.items():
        if _gain_db(filters, name) != gain_db:
            put_gain(mapping(filters[name], name), gain_db)
    return True


def _plan_gains(filters: dict[str, Node], channel: Channel, preamp_db: float, gains: dict[str, float]) -> bool:
    """Add the gains that give a channel its preamp; return whether there are some that do."""
    held_db = [_gain_db(filters, name) for name in channel.preamps]
    if sum(held_db, 0.0) + channel.fixed_db != preamp_db:
        if not channel.preamps or channel.preamps.count(channel.preamps[0]) > 1:
            return False
        held_db[0] = preamp_db - channel.fixed_db - sum(held_db[1:], 0.0)
        if abs(held_db[0]) > MAX_PREAMP_DB:
            return False
    return all(gains.setdefault(name, gain_db) == gain_db for name, gain_db in zip(channel.preamps, held_db, strict=True))


def _gain_db(filters: dict[str, Node], name: str) -> float:
    return value(mapping(mapping(filters[name], name)["parameters"], name), "gain", name)


def _put_alike(held: Configuration, eq: EqSettings) -> bool:
    """Let filters that all outputs share be an EQ: values change in place, what is over goes, what is new stands behind the last.

    Returns whether every output then goes through all of them, which steps before a mixer may not bring about.
    """
    channel = held.channels[0]
    filters = mapping(held.root["filters"], "filters")
    preamps = _put_preamp(filters, eq.preamp_db - channel.fixed_db, channel.preamps)
    rest = list(eq.bands)
    wanted: list[tuple[str, bool]] = []
    for name, own, _ in channel.entries:
        new, rest = rest[: len(own)], rest[len(own) :]
        if new and [_switched(band, on=True) for band in new] == [_switched(band, on=True) for band in own] and _is_even(new):
            wanted.append((name, new[0].enabled))
            continue
        if len(own) == 1 and new:
            put_band(mapping(filters[name], name), new[0])
            wanted.append((name, new[0].enabled))
            continue
        for band in new:
            free = _free_name(filters, len(wanted) + 1)
            _yaml.put_before(filters, name, free, {})
            put_band(mapping(filters[free], free), band)
            wanted.append((free, band.enabled))
        del filters[name]
    for band in rest:
        free = _free_name(filters, len(wanted) + 1)
        put_band(mapping(filters.setdefault(free, {}), free), band)
        wanted.append((free, band.enabled))
    ours = {*(name for name, *_ in channel.entries), *(name for name, _ in wanted), *channel.preamps, *preamps}
    used = [*preamps, *(name for name, on in wanted if on)]
    _put_names(held, used, ours, set(filters))
    chains = chains_of(held.root, filters, [])
    return all(sorted(name for name in chain.names if name in ours) == sorted(used) for chain in chains)


def _is_even(bands: Iterable[Band]) -> bool:
    return len({band.enabled for band in bands}) == 1


def _put_preamp(filters: dict[str, Node], preamp_db: float, preamps: tuple[str, ...]) -> list[str]:
    """Set the first gain filter to the preamp and remove the others; return the names that are left."""
    if sum((_gain_db(filters, name) for name in preamps), 0.0) == preamp_db and (preamps or preamp_db == 0.0):
        return list(preamps)
    for gone in preamps[1:]:
        del filters[gone]
    name = preamps[0] if preamps else "eq_preamp" if "eq_preamp" not in filters else _free_name(filters, 1, "eq_preamp")
    put_gain(mapping(filters.setdefault(name, {}), name), preamp_db)
    return [name]


def _put_names(held: Configuration, wanted: list[str], ours: set[str], defined: set[str]) -> None:
    """Let the pipeline name the wanted filters of ours and no others; new ones stand behind the last of ours, on all channels."""
    pipeline = sequence(held.root["pipeline"], "pipeline")
    steps = [step for step in _named_steps(pipeline) if not is_true(step.get("bypassed"))]
    named = [text(name, "names") for step in steps for name in sequence(step["names"], "names")]
    anchor = next((name for name in reversed(named) if name in ours), None)
    new = [name for name in wanted if name not in named]
    if anchor is None and new:
        steps.append(_step(range(held.outputs), new))
        pipeline.append(steps[-1])
    for step in _named_steps(pipeline):
        names = sequence(step["names"], "names")
        bypassed = is_true(step.get("bypassed"))
        for place in reversed(range(len(names))):
            name = text(names[place], "names")
            if name == anchor and not bypassed:
                for number, added in enumerate(new, start=1):
                    names.insert(place + number, added)
            if name in ours and (name not in defined if bypassed else name not in wanted):
                del names[place]


def _named_steps(pipeline: list[Node]) -> list[dict[str, Node]]:
    return [node for node in pipeline if isinstance(node, dict) and isinstance(node.get("names"), list)]


def _step(channels: Iterable[int], names: list[str], *, bypassed: bool = False) -> dict[str, Node]:
    off: dict[str, Node] = {"bypassed": "true"} if bypassed else {}
    return {"type": "Filter", "channels": _yaml.in_line([str(index) for index in channels]), **off, "names": [*names]}


def _put_new(held: Configuration, eqs: Mapping[int, EqSettings], asked: EqSettings | ChannelEqs) -> None:
    """Take our filters out, and put new ones at the end of the pipeline."""
    filters, pipeline = mapping(held.root["filters"], "filters"), sequence(held.root["pipeline"], "pipeline")
    ours = {name for channel in held.channels for name in (*(entry[0] for entry in channel.entries), *channel.preamps)}
    for name in ours:
        del filters[name]
    for step in _named_steps(pipeline):
        names = sequence(step["names"], "names")
        for place in reversed(range(len(names))):
            if text(names[place], "names") in ours:
                del names[place]
    for place in reversed(range(len(pipeline))):
        node = pipeline[place]
        if isinstance(node, dict) and node.get("names") == [] and ours:
            del pipeline[place]
    fixed_db = {channel.index: channel.fixed_db for channel in held.channels}
    levels = {index: eq.preamp_db - fixed_db.get(index, 0.0) for index, eq in eqs.items()}
    if isinstance(asked, EqSettings) and len(set(levels.values())) == 1:
        _add(filters, pipeline, range(held.outputs), "eq", eqs[0], levels[0], is_shared=True)
        return
    for index, eq in eqs.items():
        _add(filters, pipeline, [index], _prefix(index, held.outputs), eq, levels[index], is_shared=False)


def _prefix(index: int, outputs: int) -> str:
    return ("left", "right")[index] if index < outputs == 2 else f"channel_{index + 1}"


def _add(
    filters: dict[str, Node],
    pipeline: list[Node],
    channels: Iterable[int],
    prefix: str,
    eq: EqSettings,
    preamp_db: float,
    *,
    is_shared: bool,
) -> None:
    """Add filters and their steps; those that are switched off get a bypassed step where they are one channel's own."""
    on: list[str] = []
    off: list[str] = []
    if preamp_db != 0.0:
        on.append(f"{prefix}_preamp" if f"{prefix}_preamp" not in filters else _free_name(filters, 1, f"{prefix}_preamp"))
        put_gain(mapping(filters.setdefault(on[0], {}), on[0]), preamp_db)
    for count, band in enumerate(eq.bands, start=1):
        free = _free_name(filters, count, f"{prefix}_band")
        put_band(mapping(filters.setdefault(free, {}), free), band)
        (on if band.enabled else off).append(free)
    held = [*channels]
    if on:
        pipeline.append(_step(held, on))
    if off and not is_shared:
        pipeline.append(_step(held, off, bypassed=True))


def _free_name(filters: Mapping[str, Node], number: int, stem: str = "eq_band") -> str:
    while f"{stem}_{number}" in filters:
        number += 1
    return f"{stem}_{number}"
