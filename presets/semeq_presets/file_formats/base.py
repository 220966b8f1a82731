"""The words that formats and their users share: what a preset is, what a format can hold, and what was changed on the way. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import BandKind, BandSlot, EqSettings
from semeq_export.errors import MissingHostError, PresetWriteError
from semeq_export.units import check_sample_rate_hz
from semeq_export.words.saved import SavedWords

Files = Mapping[str, bytes]
"""Relative POSIX name -> content: one entry for single-file formats, several for folders."""

Parts = TypeVar("Parts")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a host can hold; ranges include both ends.

    shelf_q: the Q of all shelves where the host fixes it. preamp_db: range of an overall gain, None where there is no place for one.
    holds_disabled: whether a switched-off band can be stored. precision: steps of stored numbers by field ("freq_hz", "gain_db", "q") of
    devices that have coarse ones.
    slots: for devices whose bands differ from each other; then max_bands, kinds, freq_hz, gain_db, q and shelf_q are not looked at.
    """

    max_bands: int | None = None
    kinds: frozenset[BandKind] = frozenset(BandKind)
    freq_hz: tuple[float, float] = (20.0, 20_000.0)
    gain_db: tuple[float, float] = (-24.0, 24.0)
    q: tuple[float, float] = (0.1, 30.0)
    shelf_q: float | None = None
    preamp_db: tuple[float, float] | None = None
    holds_disabled: bool = True
    precision: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[BandSlot, ...] | None = None

    def __str__(self) -> str:
        preamp = "no preamp" if self.preamp_db is None else f"preamp {self.preamp_db[0]:g}..{self.preamp_db[1]:g} dB"
        if self.slots is not None:
            counts = [(kind, sum(slot.kind is kind for slot in self.slots)) for kind in BandKind]
            return ", ".join([f"{count} {kind.value.replace('_', ' ')}" for kind, count in counts if count] + [preamp])
        bands = "any number of bands" if self.max_bands is None else f"{self.max_bands} bands"
        shelf = "" if self.shelf_q is None else f" (shelves {self.shelf_q:g})"
        ranges = f"{self.freq_hz[0]:g}..{self.freq_hz[1]:g} Hz, {self.gain_db[0]:g}..{self.gain_db[1]:g} dB, q {self.q[0]:g}..{self.q[1]:g}"
        return f"{bands}, {ranges}{shelf}, {preamp}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host looks for presets on one system.

    roots: folders that the host or the person has made; the first that exists is taken, and with `is_made` the first is made. In braces:
    home, config, data, appdata, programs, documents and lv2 (`semeq_presets.shelf.install` fills them in).
    below: folders under it that are made. is_flat: the host does not look into folders below, so that names start with "semeq-".
    """

    roots: tuple[str, ...]
    below: str = ""
    is_flat: bool = False
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class MeasuringHost:
    """A host that can load presets of a format and be measured; `semeq_host.lab.hosts` knows how, by the same two names.

    loads: what such a preset is to the host. is_default: used where nobody names a host.
    """

    name: str
    loads: str
    is_default: bool = True


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """All that is known of a format, and how far it can be trusted; everything that depends on a format is derived from here.

    id: `host-kind`, lower case. aliases: what else people call it; formats may share one, which then names none of them alone.
    suffixes: how file names end, the usual one first. carries: "curve" formats hold a response, not bands.
    precision_db: the largest difference of the response, in dB, that writing and reading again may make to an EQ inside the limits.
    how_to_import: how a person gets the file into the host, in a sentence. is_folder: the preset is a folder of several files.
    is_text: the content can be shown on a terminal. protects: the format is for playback systems that clip at full scale, so `write_file`
    lowers an EQ without a preamp of its own.
    verified: host and version that opened a file and was measured; None is shown as "nominal".
    places: by `sys.platform`, where the host looks for presets, as far as that is known. measured_in: hosts that measure its presets, the
    usual one first. remark: what else a person should know, for the table in the README.
    """

    id: str
    title: str
    host: str
    suffixes: tuple[str, ...]
    how_to_import: str
    precision_db: float
    carries: Literal["bands", "curve"] = "bands"
    limits: Limits = Limits()
    is_folder: bool = False
    is_text: bool = True
    protects: bool = False
    verified: str | None = None
    aliases: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    measured_in: tuple[MeasuringHost, ...] = ()
    remark: str = ""

    @property
    def default_host(self) -> MeasuringHost | None:
        """The host that measures presets of the format where none is named, None where there is no such host."""
        return next((host for host in self.measured_in if host.is_default), None)

    def measuring_host(self, name: str) -> MeasuringHost:
        """Return the host of a name; raises MissingHostError where it does not load presets of the format."""
        found = next((host for host in self.measured_in if host.name == name), None)
        if found is None:
            able = " or ".join(host.name for host in self.measured_in)
            raise MissingHostError(f"{name} does not load presets of format {self.id}{f'; {able} does' if able else '; no host here does'}")
        return found


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that is not as it was asked for.

    kind: "refitted" (other bands with nearly the same response), "approximated" (a value is close, not equal), "dropped", "added", or
    "unknown" (the file holds something that the neutral model cannot). band: 1 for the first, None for the EQ as a whole.
    error_db: the largest difference of the response that it causes, where that is known.
    """

    kind: Literal["refitted", "approximated", "dropped", "added", "unknown"]
    band: int | None
    field: str
    wanted: object
    got: object
    error_db: float | None = None

    def __str__(self) -> str:
        place = f"band {self.band}: " if self.band is not None else ""
        change = f"{_short(self.wanted)} -> {_short(self.got)}" if self.got is not None else _short(self.wanted)
        size = f", {self.error_db:.3f} dB off" if self.error_db is not None else ""
        return f"{place}{self.field} {change} ({self.kind}{size})"

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {
            "kind": self.kind,
            "band": self.band,
            "field": self.field,
            "wanted": self.wanted if isinstance(self.wanted, float | int | str) else _short(self.wanted),
            "got": self.got if self.got is None or isinstance(self.got, float | int | str) else _short(self.got),
            "error_db": self.error_db,
            "text": str(self),
        }


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple) and len(value) == 2:
        return f"{_short(value[0])}..{_short(value[1])}"
    return str(value)


@dataclass(frozen=True, slots=True)
class Source:
    """What a preset was read from: the one place where a reader keeps what the neutral model cannot hold, for its own writer.

    parts: the file taken apart, of a type that the format alone knows. data: the file of formats that give it back byte for byte while the
    preset says what eq, curve and name say; None for those that join it from their parts. name: None where the file holds no name.
    """

    parts: object = None
    data: bytes | None = None
    eq: EqSettings | None = None
    curve: Curve | None = None
    name: str | None = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """An EQ, or a response where no bands are known, with what belongs to it in a file.

    sample_rate_hz: some hosts' parameters depend on it. source: what it was read from, for the format that read it. format: the id of that
    format, "" where the preset comes from no file. words: those that the bands were made from, for formats that keep them.
    """

    eq: EqSettings | None
    curve: Curve | None = None
    name: str = ""
    sample_rate_hz: float = 48_000.0
    source: Source | None = None
    notes: tuple[Note, ...] = ()
    format: str = ""
    words: SavedWords | None = None

    def __post_init__(self) -> None:
        check_sample_rate_hz(self.sample_rate_hz)

    def response_db(self, freqs_hz: FloatArray) -> Float64Array:
        """Return the intended response (n,) in dB at freqs_hz (n,), below the Nyquist frequency of the preset's rate.

        Bands that the rate cannot hold are left out as `semeq_export.eq.biquad.for_rate` says. Raises PresetWriteError for an empty preset.
        """
        if self.eq is not None:
            return response_db(for_rate(self.eq, self.sample_rate_hz).eq, freqs_hz, self.sample_rate_hz)
        if self.curve is not None:
            return self.curve.at(freqs_hz)
        raise PresetWriteError("the preset holds neither bands nor a curve")

    def parts(self, kind: type[Parts]) -> Parts | None:
        """Return the parts of the file that it was read from, None where it comes from elsewhere or has parts of another type."""
        held = self.source.parts if self.source is not None else None
        return held if isinstance(held, kind) else None

    def unchanged(self) -> bytes | None:
        """Return the file that it was read from if that still says all of the preset, else None."""
        source = self.source
        if source is None or source.data is None or self.eq != source.eq:
            return None
        if self.eq is None and not _is_same(self.curve, source.curve):
            return None
        return source.data if source.name is None or self.name in ("", source.name) else None


def _is_same(a: Curve | None, b: Curve | None) -> bool:
    return a is not None and b is not None and np.array_equal(a.freqs_hz, b.freqs_hz) and np.array_equal(a.gain_db, b.gain_db)


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a written preset, and what is not as it was asked for."""

    files: Files
    notes: tuple[Note, ...] = ()


class PresetFormat(Protocol):
    """A file format: pure functions on bytes. Paths, overwriting, limits and detection are the registry's business."""

    info: FormatInfo

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether a file looks like this format, from its first bytes (512 or more, if it has so many) and its name; never raises."""

    def write(self, preset: Preset) -> Written:
        """Return the files of a preset whose EQ is inside the format's limits."""

    def read(self, files: Files) -> Preset:
        """Return the preset of a file or folder; raises PresetReadError naming the place that is wrong."""
