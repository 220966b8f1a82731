"""Which EQ of a configuration is meant: that of the chosen device and conditions, of the only ones, or a refusal that lists them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._apo_config import Outcome, Run, Scenario
from semeq_presets.file_formats._apo_losses import difference_db
from semeq_presets.file_formats.base import Choice, Note

RATE_HZ = 48_000.0
_OTHER_RATE_HZ = 44_100.0
_RATE_MATTERS_DB = 0.05
_MAX_DEVICES = 32
_MAX_SCENARIOS = 64
_LISTED = 8
_ELSE = re.compile(r"\belse\b|do not hold")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a scenario comes to, or why it cannot be read."""

    scenario: Scenario
    outcome: Outcome | None
    refusal: PresetReadError | None = None


def configuration(text: str, choice: Choice) -> Outcome:
    """Return what the configuration of a text comes to for what was chosen, at 48 kHz.

    Raises PresetReadError that lists devices or conditions where several EQs may be meant, and for all that `Run` refuses.
    """
    candidate = _of_device(text, choice, choice.for_device) if choice.for_device is not None else _only(text, choice)
    if candidate.outcome is None:
        assert candidate.refusal is not None
        raise candidate.refusal
    outcome = candidate.outcome
    if not outcome.is_sounding and not outcome.notes:
        raise PresetReadError("has no 'Preamp:' and no 'Filter:' line that Equalizer APO follows")
    other = Run(choice, candidate.scenario, _OTHER_RATE_HZ).outcome(text)
    outcome.notes += _rate_note(outcome.eq, other.eq)
    return outcome


def _rate_note(at_48k: EqSettings | ChannelEqs, at_44k: EqSettings | ChannelEqs) -> tuple[Note, ...]:
    """Return a note where filters that depend on the sample rate sound different at 44.1 kHz."""
    if at_48k == at_44k:
        return ()
    pairs = list(zip(_eqs(at_48k), _eqs(at_44k), strict=False))
    error_db, at_hz = max(difference_db(one, other, _OTHER_RATE_HZ) for one, other in pairs)
    if error_db <= _RATE_MATTERS_DB:
        return ()
    return (Note("approximated", None, "sample rate", "filters that depend on it, at 44100 Hz", "those of 48000 Hz", error_db, at_hz),)


def _eqs(eq: EqSettings | ChannelEqs) -> list[EqSettings]:
    return [eq] if isinstance(eq, EqSettings) else [held for _, held in eq]


def _only(text: str, choice: Choice) -> _Candidate:
    """Return the one EQ that a text holds for all devices and conditions that sound; raises PresetReadError where there are several."""
    devices: list[str | None] = [None]
    found: list[_Candidate] = []
    for device in devices:  # grows
        for candidate in _scenarios(text, choice, Scenario(device)):
            found.append(candidate)
            patterns = candidate.outcome.patterns if candidate.outcome is not None else ()
            devices += [pattern for pattern in patterns if pattern not in devices]
        if len(devices) > _MAX_DEVICES or len(found) > _MAX_SCENARIOS:
            raise PresetReadError(f"holds EQs for more than {_MAX_DEVICES} devices or conditions; choose one with `for_device`")
    heard = [one for one in found if one.outcome is None or one.outcome.is_sounding or one.outcome.notes] or found[:1]
    eqs = [one.outcome.eq if one.outcome is not None else None for one in heard]
    if len(heard) == 1:
        return heard[0]
    if all(eq is not None and eq == eqs[0] for eq in eqs):
        return heard[0]
    raise PresetReadError(_listed(heard))


def _scenarios(text: str, choice: Choice, scenario: Scenario) -> Iterator[_Candidate]:
    """Yield what a text comes to for a device, with each condition that is not known holding and not."""
    pending = [scenario]
    for count in range(_MAX_SCENARIOS):
        if not pending:
            return
        current = pending.pop()
        try:
            outcome = Run(choice, current, RATE_HZ).outcome(text)
        except PresetReadError as refusal:
            yield _Candidate(current, None, refusal)
            continue
        if not outcome.open:
            yield _Candidate(current, outcome)
            continue
        condition = outcome.open[0]
        pending += [replace(current, conditions={**current.conditions, condition: holds}) for holds in (False, True)]
        if count == _MAX_SCENARIOS - 1:
            raise PresetReadError(f"holds more than {_MAX_SCENARIOS} conditions that only the computer can tell")


def _of_device(text: str, choice: Choice, chosen: str) -> _Candidate:
    """Return what a text comes to for what a person chose: a device's name or number, conditions that hold, or both."""
    wanted = " ".join(chosen.lower().split())
    patterns = _patterns(text, choice)
    device = patterns[int(wanted) - 1] if wanted.isdigit() and 1 <= int(wanted[:4]) <= len(patterns) else chosen
    scenario = Scenario(device)
    for _ in range(_MAX_SCENARIOS):
        try:
            outcome = Run(choice, scenario, RATE_HZ).outcome(text)
        except PresetReadError as refusal:
            return _Candidate(scenario, None, refusal)
        if not outcome.open:
            break
        known = {condition: condition.lower() in wanted for condition in outcome.open}
        scenario = replace(scenario, conditions={**scenario.conditions, **known})
    if not outcome.patterns and not scenario.conditions:
        raise PresetReadError("holds one EQ for all devices, no `for_device` to choose")
    if outcome.patterns and not outcome.is_matched and not outcome.is_sounding:
        raise PresetReadError(f"has nothing for the device {chosen[:60]!r}, only for {_names(list(outcome.patterns))}")
    if not outcome.is_sounding:
        raise PresetReadError(f"has no filter for {chosen[:60]!r}")
    if scenario.conditions and not any(scenario.conditions.values()) and not _ELSE.search(wanted):
        candidates = list(_scenarios(text, choice, Scenario(device)))
        if any(one.outcome is None or one.outcome.eq != outcome.eq for one in candidates):
            raise PresetReadError(_listed(candidates))
    return _Candidate(scenario, outcome)


def _patterns(text: str, choice: Choice) -> tuple[str, ...]:
    try:
        return Run(choice, Scenario(), RATE_HZ).outcome(text).patterns
    except PresetReadError:
        return ()


def _listed(candidates: list[_Candidate]) -> str:
    """Return what there is to choose from."""
    devices = list(dict.fromkeys(one.scenario.device for one in candidates))
    conditions = list(dict.fromkeys(name for one in candidates for name in one.scenario.conditions))
    parts = []
    if len(devices) > 1:
        names = [name for name in devices if name is not None]
        others = " and for others" if None in devices else ""
        parts.append(f"holds EQs for the devices {_names(names)}{others}; choose one with `for_device`")
    if conditions:
        parts.append(f"depends on what only the computer knows: {_names(conditions)}; name with `for_device` the one that holds, or 'else'")
    return "; ".join(parts)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(repr(name[:60]) for name in names[:_LISTED]) + more
