"""The table of targets: each preset format, the host that measures it, and how exact it must be. Used by tests and by the record.

A target's error is the largest difference in dB, 20 Hz to 20 kHz at 1,000 points and 48 kHz, between what the host does with the file and
what the file should do: `warm`, `bright`, T5, T5b, T10, and 50 random settings cut to the target.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from eel2 import Jsfx
from strategies import T5, T5B, T10, random_settings

import semeq_export as se
import semeq_presets as presets
from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings, ParamSpec
from semeq_export.units import db_to_amplitude
from semeq_host.lab import faust, hosts, lv2
from semeq_host.lab.response import impulse, measured_response_db
from semeq_presets import FormatInfo, Preset
from semeq_presets.file_formats._lv2_bundle import PortBundle, write_bundle

RATE_HZ = 48_000
POINTS = 1_000
NAMED = ("warm", "bright", "t5", "t5b", "t10")
RANDOM_COUNT, RANDOM_SEED = 50, 7

LSP_TYPES = ("Off", "Bell", "Hi-pass", "Hi-shelf", "Lo-pass", "Lo-shelf", "Notch", "Resonance", "Allpass")
LSP_MODES = ("RLC (BT)", "RLC (MT)", "BWC (BT)", "BWC (MT)", "LRX (BT)", "LRX (MT)", "APO (DR)")
LSP_PHASES = ("IIR", "FIR", "FFT", "SPM")
"""The scale points of LSP's ports as version 1.2.5 declares them; EasyEffects has the same names."""

Measure = Callable[[str, Sequence[Path], Float64Array], tuple[list[Float64Array], str]]
"""(format id, files, frequencies) -> the response of each file, and the host's name and version."""


@dataclass(frozen=True, slots=True)
class Target:
    """One row. shortfall: where the bar is missed because of the plug-in's own arithmetic, (from which Hz up it is met, dB in all).

    settings: how many random settings, 0 for hosts that take ten seconds for one; then only T5 and warm are measured.
    shelf_q: what the measured version of the host plays every shelf with, whatever the file says; the settings' shelves get it first.
    """

    name: str
    format_id: str
    bar_db: float
    measure: Measure
    from_hz: float = 20.0
    shortfall: tuple[float, float] | None = None
    settings: int = RANDOM_COUNT
    nominal: str = ""
    shelf_q: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured. errors_db: by setting, "random" for the largest of the random ones. refit_db: what the format could not hold.

    upper_db: the largest error where a target with a shortfall meets its bar, upward of the frequency that it names.
    """

    target: str
    format_id: str
    host: str
    bar_db: float
    errors_db: Mapping[str, float]
    refit_db: Mapping[str, float]
    upper_db: float | None = None

    @property
    def met(self) -> bool:
        """Whether every setting is within the bar."""
        return max(self.errors_db.values()) <= self.bar_db

    def __str__(self) -> str:
        errors = "  ".join(f"{name} {error_db:.4f}" for name, error_db in self.errors_db.items())
        upper = "" if self.upper_db is None else f"  (above the lowest octaves {self.upper_db:.4f})"
        return f"{self.target:20} {self.host}: {errors}{upper}, at most {self.bar_db:g} dB{'' if self.met else '  MISSED'}"

    def to_dict(self) -> dict[str, object]:
        """Return plain data for the record."""
        rounded = {name: round(error_db, 6) for name, error_db in self.errors_db.items()}
        refit = {name: round(error_db, 4) for name, error_db in self.refit_db.items()}
        upper = None if self.upper_db is None else round(self.upper_db, 6)
        return {
            "format": self.format_id,
            "host": self.host,
            "bar_db": self.bar_db,
            "errors_db": rounded,
            "refit_db": refit,
            "upper_db": upper,
            "met": self.met,
        }


def measured_row(target: Target, folder: Path) -> Row:
    """Write every setting in the target's format, have its host play it, and return how far off it is.

    Bands: against what the file says, and what it could not hold of the setting stands beside it. Curves: against the setting.
    """
    info = presets.get(target.format_id).info
    freqs_hz = log_grid(POINTS, target.from_hz)
    wanted_db, paths, refit_db = [], [], {}
    eqs = settings_for(target, info)
    for name, drawn in eqs.items():
        eq = drawn if target.shelf_q is None else with_shelf_q(drawn, target.shelf_q)
        path = folder / f"{name}{info.suffixes[0]}"
        given, _ = presets.with_preamp(Preset(eq, name=name, sample_rate_hz=RATE_HZ), info, "auto")
        written = presets.write_file(path, given, format=info.id)
        said = given if info.carries == "curve" else presets.read_file(path, format=info.id)
        assert given.eq is not None
        assert said.eq is not None
        paths.append(path)
        wanted_db.append(response_db(said.eq, freqs_hz, RATE_HZ))
        missing_db = float(np.max(np.abs(wanted_db[-1] - response_db(given.eq, freqs_hz, RATE_HZ))))
        stated_db = max((note.error_db or 0.0 for note in written.notes), default=info.precision_db)
        assert missing_db <= stated_db + 0.01, f"{target.name}, {name}: {missing_db} dB, stated {stated_db}"
        if missing_db > info.precision_db:
            refit_db[name] = missing_db
    heard_db, host = target.measure(info.id, paths, freqs_hz)
    errors_db: dict[str, float] = {}
    upper_db = 0.0
    for name, heard, wanted in zip(eqs, heard_db, wanted_db, strict=True):
        error = np.abs(heard - wanted)
        row = "random" if name.startswith("random") else name
        if target.shortfall is not None:
            upper_db = max(upper_db, float(error[freqs_hz >= target.shortfall[0]].max()))
        errors_db[row] = max(errors_db.get(row, 0.0), float(error.max()))
    return Row(target.name, info.id, target.nominal or host, target.bar_db, errors_db, refit_db, upper_db if target.shortfall else None)


def settings_for(target: Target, info: FormatInfo) -> dict[str, EqSettings]:
    """Return the settings of a row by name."""
    engine = se.Engine(se.load_bundle())
    if not target.settings:
        return {"t5": T5, "warm": engine.eq_for("warm")}
    named = dict(zip(NAMED, (engine.eq_for("warm"), engine.eq_for("bright"), T5, T5B, T10), strict=True))
    drawn = random_settings(target.settings, RANDOM_SEED)
    return named | {f"random-{number}": cut_to(info, eq) for number, eq in enumerate(drawn)}


def with_shelf_q(eq: EqSettings, q: float) -> EqSettings:
    """Return settings whose shelves all have one Q."""
    return replace(
        eq, bands=tuple(replace(band, q=q) if band.kind in (se.BandKind.LOW_SHELF, se.BandKind.HIGH_SHELF) else band for band in eq.bands)
    )


def cut_to(info: FormatInfo, eq: EqSettings) -> EqSettings:
    """Return settings with their values moved into a format's slots, and bands that have no slot left out."""
    if info.limits.slots is None:
        return eq
    free, cut = list(info.limits.slots), []
    for band in eq.canonical().bands:
        slot = next((slot for slot in free if slot.kind is band.kind), None)
        if slot is None:
            continue
        free.remove(slot)
        freq_hz = float(np.clip(band.freq_hz, slot.freq_hz.minimum, slot.freq_hz.maximum))
        q = float(np.clip(band.q, slot.q.minimum, slot.q.maximum)) if isinstance(slot.q, ParamSpec) else slot.q
        cut.append(replace(band, freq_hz=freq_hz, q=q, gain_db=float(np.clip(band.gain_db, slot.gain_db.minimum, slot.gain_db.maximum))))
    return EqSettings(tuple(cut))


def in_host(host: str) -> Measure:
    """Return what measures files in a host of `semeq_host.lab.hosts`."""

    def measure(format_id: str, paths: Sequence[Path], freqs_hz: Float64Array) -> tuple[list[Float64Array], str]:
        measurements = hosts.measure(host, presets.get(format_id).info.measuring_host(host).loads, paths, RATE_HZ)
        return [one.response_db(freqs_hz)[0] for one in measurements], measurements[0].host

    return measure


def in_faust(_format_id: str, paths: Sequence[Path], freqs_hz: Float64Array) -> tuple[list[Float64Array], str]:
    """The first file as it is; of all, the series `eq` as one program with one output for each, since compiling takes seconds."""
    whole = faust.measure(paths[0].read_text(encoding="utf-8"))
    series = []
    for index, path in enumerate(paths):
        found = re.search(r"^eq = .*?^  ;$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        assert found is not None
        series.append(f"eq{index}{found[0].removeprefix('eq')}")
    names = ", ".join(f"eq{index}" for index in range(len(paths)))
    source = 'import("stdfaust.lib");\n' + "\n".join(series) + f"\nprocess = {names};\n"
    together = faust.measure(source, timeout_s=300.0)
    heard = list(together.response_db(freqs_hz))
    assert np.allclose(heard[0], whole.response_db(freqs_hz)[1], atol=1e-6)
    return heard, together.host


def by_its_samples(_format_id: str, paths: Sequence[Path], freqs_hz: Float64Array) -> tuple[list[Float64Array], str]:
    """An impulse response is what it does: the exact Fourier sum of the file as another reader (libsndfile) gives it."""
    heard = []
    for path in paths:
        samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
        assert rate_hz == RATE_HZ
        assert np.array_equal(samples[:, 0], samples[:, -1])
        heard.append(measured_response_db(samples[:, 0], freqs_hz, rate_hz, amplitude=1.0))
    return heard, f"libsndfile {soundfile.__libsndfile_version__}"


def by_its_text(_format_id: str, paths: Sequence[Path], freqs_hz: Float64Array) -> tuple[list[Float64Array], str]:
    """`eel2` runs the script; it knows EEL2 and nothing of our writer."""
    heard = []
    signal = np.stack([impulse(32_768), np.zeros(32_768)])
    for path in paths:
        output = Jsfx(path.read_text(encoding="utf-8")).process(signal, float(RATE_HZ))
        channel = int(np.argmax(np.abs(signal[:, 0])))
        assert not np.any(output[1 - channel])
        heard.append(measured_response_db(output[channel], freqs_hz, RATE_HZ))
        signal = signal[::-1]  # the right channel is a channel too
    return heard, "eel2"


def on_the_engine_of_easyeffects(_format_id: str, paths: Sequence[Path], freqs_hz: Float64Array) -> tuple[list[Float64Array], str]:
    """EasyEffects runs LSP para_equalizer_x32_lr and sets its ports from these keys; the application itself is not run."""
    bundles = []
    for path in paths:
        bundle = path.with_suffix(".lv2")
        bundle.mkdir()
        for name, data in write_bundle(lsp_ports(json.loads(path.read_bytes())["output"]["equalizer#0"])).items():
            (bundle / name).write_bytes(data)
        bundles.append(bundle)
    measurements = lv2.measure(bundles, RATE_HZ)
    return [one.response_db(freqs_hz)[0] for one in measurements], measurements[0].host


def lsp_ports(equalizer: dict[str, Any]) -> PortBundle:
    """Return the port values of EasyEffects' keys: enumerations by their place in the plug-in's own list of scale points.

    Numbers and switches may be strings, as in files of version 5.
    """

    def on(entry: dict[str, Any], key: str) -> float:
        return float(entry.get(key, False) in (True, "true"))

    ports = {"enabled": 1.0, "mode": float(LSP_PHASES.index(equalizer.get("mode", "IIR"))), "bal": float(equalizer.get("balance", 0.0))}
    ports |= {"g_in": db_to_amplitude(float(equalizer["input-gain"])), "g_out": db_to_amplitude(float(equalizer["output-gain"]))}
    for side in ("left", "right"):
        letter = side[0]
        ports[f"frqs_{letter}"] = float(equalizer.get(f"pitch-{side}", 0.0))
        bands = equalizer[side] or equalizer["left"]
        for index in range(32):
            band = bands.get(f"band{index}") if index < int(equalizer["num-bands"]) else None
            ports[f"ft{letter}_{index}"] = LSP_TYPES.index(band["type"]) if band else 0
            if band:
                ports[f"fm{letter}_{index}"] = LSP_MODES.index(band["mode"])
                ports[f"s{letter}_{index}"] = int(band["slope"][1:]) - 1
                ports[f"xs{letter}_{index}"], ports[f"xm{letter}_{index}"] = on(band, "solo"), on(band, "mute")
                ports[f"f{letter}_{index}"], ports[f"q{letter}_{index}"] = float(band["frequency"]), float(band["q"])
                ports[f"g{letter}_{index}"] = db_to_amplitude(float(band["gain"]))
    values = {symbol: f"{float(value):.9f}" for symbol, value in ports.items()}
    return PortBundle("http://lsp-plug.in/plugins/lv2/para_equalizer_x32_lr", "EasyEffects", values)


TARGETS = (
    Target("lsp-x16-lv2", "lsp-x16-lv2", 0.05, in_host("liblilv")),
    Target("lsp-x32-lv2", "lsp-x32-lv2", 0.05, in_host("liblilv")),
    Target("calf-lv2", "calf-lv2", 0.01, in_host("liblilv")),
    Target("fil4-lv2", "fil4-lv2", 0.02, in_host("liblilv"), shortfall=(80.0, 0.05)),
    Target("aeq-lv2", "aeq-lv2", 0.1, in_host("liblilv")),
    Target("lsp-x16-lv2 in Ardour", "lsp-x16-lv2", 0.1, in_host("ardour"), settings=0),
    Target("aeq-lv2 in Ardour", "aeq-lv2", 0.1, in_host("ardour"), settings=0),
    Target("ffmpeg", "ffmpeg", 0.001, in_host("ffmpeg")),
    Target("sox", "sox", 0.005, in_host("sox")),
    Target("faust", "faust", 0.001, in_faust),
    Target("pipewire", "pipewire", 0.01, in_host("pipewire"), shortfall=(120.0, 0.05), shelf_q=0.5**0.5),
    Target("audacity", "audacity", 0.2, in_host("audacity")),
    Target("fir", "fir", 0.1, by_its_samples, from_hz=40.0),
    Target("fir-linear", "fir-linear", 0.1, by_its_samples, from_hz=40.0),
    Target("easyeffects", "easyeffects", 0.05, on_the_engine_of_easyeffects, nominal="keys on the ports of LSP x32 LeftRight (nominal)"),
    Target("easyeffects in EasyEffects", "easyeffects", 0.05, in_host("easyeffects"), settings=0),
    Target("jsfx", "jsfx", 0.001, by_its_text, nominal="the script itself, in eel2 (nominal)"),
)
