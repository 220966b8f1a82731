"""The one place that builds random objects for the suite."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping

import numpy as np
import pedalboard
from hypothesis import strategies as st

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import (
    LAYOUT_KINDS,
    MAX_FREQ_HZ,
    MAX_Q,
    MIN_FREQ_HZ,
    MIN_Q,
    SAFE_13,
    Band,
    BandKind,
    EqLayout,
    EqSettings,
    ParamSpec,
    orders,
)
from semeq_host.chains.chain_file import builtins, choices
from semeq_host.chains.plugin_limits import limits_of
from semeq_presets import Limits


def spec_values(spec: ParamSpec) -> st.SearchStrategy[float]:
    """Values inside a parameter's range."""
    return st.floats(spec.minimum, spec.maximum, allow_nan=False)


@st.composite
def layout_settings(draw: st.DrawFn, layout: EqLayout = SAFE_13) -> EqSettings:
    """Settings that fill every slot of a layout."""
    bands = []
    for slot in layout.slots:
        q = draw(spec_values(slot.q)) if isinstance(slot.q, ParamSpec) else slot.q
        bands.append(Band(slot.kind, draw(spec_values(slot.freq_hz)), draw(spec_values(slot.gain_db)), q))
    return EqSettings(tuple(bands))


bands = st.builds(
    Band,
    kind=st.sampled_from(LAYOUT_KINDS),
    freq_hz=st.floats(20.0, 20_000.0),
    gain_db=st.floats(-24.0, 24.0),
    q=st.floats(0.1, 20.0),
    enabled=st.booleans(),
)
"""One band of any kind within ordinary ranges."""

eq_settings = st.builds(EqSettings, bands=st.lists(bands, max_size=8).map(tuple), preamp_db=st.floats(-24.0, 24.0))
"""Settings of up to eight bands, disabled ones and a preamp included."""


def random_settings(count: int, seed: int, *, layout: EqLayout = SAFE_13, q_range: tuple[float, float] = (0.3, 4.0)) -> list[EqSettings]:
    """Settings as the issues define them: gains uniform in their range, frequencies log-uniform over the layout's, Q log-uniform 0.3..4."""
    rng = np.random.default_rng(seed)

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    result = []
    for _ in range(count):
        drawn = []
        for slot in layout.slots:
            q = log_uniform(*q_range) if isinstance(slot.q, ParamSpec) else slot.q
            gain_db = float(rng.uniform(slot.gain_db.minimum, slot.gain_db.maximum))
            drawn.append(Band(slot.kind, log_uniform(slot.freq_hz.minimum, slot.freq_hz.maximum), gain_db, q))
        result.append(EqSettings(tuple(drawn)))
    return result


def band_of(
    kind: BandKind, freq_hz: float, gain_db: float, q: float, enabled: bool, orders: Mapping[BandKind, frozenset[int]], choice: float
) -> Band:
    """A band of any kind: without gain where it has none, of one of the orders that a device holds (choice: 0..1, which)."""
    held = sorted(orders.get(kind, {2}))
    gain_db = gain_db if kind in (*LAYOUT_KINDS, BandKind.TILT) else 0.0
    return Band(kind, freq_hz, gain_db, q, enabled, held[int(choice * len(held))])


def random_channels_inside(count: int, seed: int, limits: Limits) -> list[ChannelEqs]:
    """An EQ for each of two channels that a device can treat apart."""
    names = ("left", "right") if limits.channels == "any" else limits.channels[:2]
    eqs = random_settings_inside(2 * count, seed, limits)
    return [ChannelEqs(tuple(zip(names, eqs[2 * index : 2 * index + 2], strict=True))) for index in range(count)]


def random_settings_inside(count: int, seed: int, limits: Limits) -> list[EqSettings]:
    """Settings of up to eight bands anywhere inside a device's limits, below 22 kHz; slots are filled at most once."""
    rng = np.random.default_rng(seed)

    def log_uniform(bounds: tuple[float, float]) -> float:
        return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(min(bounds[1], 22_000.0)))))

    result = []
    for _ in range(count):
        if limits.slots is not None:
            drawn = [
                Band(
                    slot.kind,
                    log_uniform((slot.freq_hz.minimum, slot.freq_hz.maximum)),
                    float(rng.uniform(slot.gain_db.minimum, slot.gain_db.maximum)),
                    log_uniform((slot.q.minimum, slot.q.maximum)) if isinstance(slot.q, ParamSpec) else slot.q,
                )
                for slot in limits.slots
                if rng.random() < 0.7
            ]
        else:
            kinds = sorted(limits.kinds)
            drawn = []
            for _ in range(int(rng.integers(0, 1 + min(limits.max_bands or 8, 8)))):
                kind = kinds[int(rng.integers(len(kinds)))]
                fixed = limits.shelf_q is not None and kind in (BandKind.LOW_SHELF, BandKind.HIGH_SHELF)
                enabled = not limits.holds_disabled or bool(rng.random() < 0.8)
                q = float(limits.shelf_q) if fixed and limits.shelf_q is not None else log_uniform(limits.q)
                q = q if limits.pass_q is None or kind not in (BandKind.HIGH_PASS, BandKind.LOW_PASS) else float(limits.pass_q)
                gain_db, choice = float(rng.uniform(*limits.gain_db)), float(rng.random()) if limits.orders else 0.0
                if sum(band.kind is kind for band in drawn) < limits.most.get(kind, len(drawn) + 1):
                    drawn.append(band_of(kind, log_uniform(limits.freq_hz), gain_db, q, enabled, limits.orders, choice))
        preamp_db = float(rng.uniform(*limits.preamp_db)) if limits.preamp_db is not None else 0.0
        result.append(EqSettings(tuple(drawn), preamp_db))
    return result


def random_kinds(count: int, seed: int, limits: Limits) -> list[EqSettings]:
    """One to four bands each of the kinds and orders that a device holds beyond shelves and peaks of second order; 20 Hz to 20 kHz."""
    rng = np.random.default_rng(seed)

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    held = [(kind, order) for kind in sorted(limits.kinds) for order in sorted(limits.orders.get(kind, {2}))]
    held = [(kind, order) for kind, order in held if kind not in LAYOUT_KINDS or order != 2]
    result = []
    for _ in range(count):
        drawn: list[Band] = []
        for index in rng.integers(len(held), size=int(rng.integers(1, 5))):
            kind, order = held[index]
            gain_db = float(rng.uniform(-12.0, 12.0)) if kind in (*LAYOUT_KINDS, BandKind.TILT) else 0.0
            if sum(band.kind is kind for band in drawn) < limits.most.get(kind, 4):
                drawn.append(Band(kind, log_uniform(20.0, 20_000.0), gain_db, log_uniform(0.3, 4.0), order=order))
        result.append(EqSettings(tuple(drawn), float(rng.uniform(-12.0, 0.0))))
    return result


def _band(kind: str, freq_hz: float, gain_db: float, q: float) -> Band:
    kinds = {"LS": BandKind.LOW_SHELF, "PK": BandKind.PEAK, "HS": BandKind.HIGH_SHELF}
    return Band(kinds[kind], freq_hz, gain_db, q)


T5 = EqSettings(
    (
        _band("LS", 105.0, -4.5, 0.71),
        _band("PK", 240.0, 3.5, 1.2),
        _band("PK", 1_100.0, -6.0, 2.5),
        _band("PK", 3_800.0, 5.0, 0.8),
        _band("HS", 8_000.0, 4.0, 0.71),
    )
)
"""The usual test EQ of the formats: two shelves and three peaks."""

T5B = EqSettings(
    (
        _band("LS", 90.0, 6.0, 0.5),
        _band("PK", 60.0, -4.0, 4.0),
        _band("PK", 900.0, 8.0, 2.0),
        _band("PK", 6_000.0, -7.0, 0.5),
        _band("HS", 9_000.0, -5.0, 0.9),
    )
)
"""A harder one: Q from 0.5 to 4, shelves of Q 0.5 and 0.9, and a narrow band at a low frequency."""

T10 = EqSettings(
    (
        _band("LS", 80.0, 4.0, 0.71),
        *(
            _band("PK", freq_hz, gain_db, q)
            for freq_hz, gain_db, q in (
                (60.0, -3.0, 1.4),
                (120.0, 2.5, 1.0),
                (250.0, -4.0, 1.4),
                (500.0, 3.0, 2.0),
                (1_000.0, -2.5, 1.0),
                (2_000.0, 4.0, 3.0),
                (4_000.0, -3.5, 1.4),
                (8_000.0, 3.0, 2.0),
            )
        ),
        _band("HS", 10_000.0, 3.0, 0.71),
    )
)
"""Ten biquads."""


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
plugin_numbers = st.floats(allow_nan=False, allow_infinity=False)


def _numbers(kind: str, name: str) -> st.SearchStrategy[float]:
    """Any numbers that a chain file may hold for a parameter."""
    limits = limits_of(kind, name)
    return plugin_numbers if limits is None else st.floats(*limits)


@st.composite
def chain_tables(draw: st.DrawFn, depth: int = 2) -> dict[str, object]:
    """A [[plugin]] table of a chain file: any type with any values of the right kind, containers inside containers."""
    kinds = sorted({*builtins(), "SemanticEq", "VST3", *(("Chain", "Mix") if depth else ())})
    kind = draw(st.sampled_from(kinds))
    if kind in ("Chain", "Mix"):
        return {"type": kind, "plugin": draw(st.lists(chain_tables(depth=depth - 1), min_size=1, max_size=3))}
    if kind == "SemanticEq":
        return {"type": kind, "target": "warm:0.7,bright:0.3", "intensity": draw(st.floats(-3.0, 3.0))}
    if kind == "VST3":
        shares = st.dictionaries(texts, st.floats(0.0, 1.0), max_size=3)
        values = st.dictionaries(texts, plugin_numbers | st.booleans() | texts | st.integers(-(2**53), 2**53), max_size=3)
        return {"type": kind, "path": draw(texts), "parameters": draw(values), "raw_parameters": draw(shares)}
    known = {"bool": st.booleans(), "str": texts}
    drawn = {
        name: draw(known[what] if what in known else _numbers(kind, name) if what == "float" else st.sampled_from(sorted(choices(what))))
        for name, what in builtins()[kind].items()
    }
    return {"type": kind, **drawn}


@st.composite
def live_plugins(draw: st.DrawFn, depth: int = 2) -> pedalboard.Plugin:
    """A Pedalboard built-in with every parameter at some value that it takes, or a container of such."""
    kinds = sorted({*builtins(), *(("Chain", "Mix") if depth else ())} - {"Convolution"})
    kind = draw(st.sampled_from(kinds))
    if kind in ("Chain", "Mix"):
        container: pedalboard.Plugin = getattr(pedalboard, kind)(draw(st.lists(live_plugins(depth=depth - 1), min_size=1, max_size=3)))
        return container
    plugin: pedalboard.Plugin = getattr(pedalboard, kind)()
    for name, what in builtins()[kind].items():
        value = draw(st.floats(0.0, 1.0) | st.floats(-60.0, 500.0) if what == "float" else st.booleans())
        if what in ("float", "bool"):
            least, most = limits_of(kind, name) or (-math.inf, math.inf)
            if least <= value <= most:
                with contextlib.suppress(ValueError, TypeError):  # out of its range: it keeps what it has
                    setattr(plugin, name, value)
        else:
            setattr(plugin, name, draw(st.sampled_from(sorted(choices(what).values(), key=str))))
    return plugin


@st.composite
def any_band(draw: st.DrawFn) -> Band:
    """Of any kind, anywhere in the model's ranges."""
    kind = draw(st.sampled_from(BandKind))
    freq_hz, q = draw(st.floats(MIN_FREQ_HZ, MAX_FREQ_HZ)), draw(st.floats(MIN_Q, MAX_Q))
    gain_db = draw(st.floats(-60.0, 60.0)) if Band(kind, 100.0).has_gain else 0.0
    return Band(kind, freq_hz, gain_db, q, draw(st.booleans()), draw(st.integers(*orders(kind))))


ANY_EQ = st.builds(
    EqSettings,
    st.lists(any_band(), max_size=40).map(tuple),
    st.floats(-120.0, 120.0),
    st.sampled_from([None, Curve(np.array([20.0, 2e4]), np.array([-1e300, 1e300]))]),
)
"""Whatever the model holds, with or without a curve of absurd size."""
