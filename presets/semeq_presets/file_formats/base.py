"""The words that formats and their users share: what a preset is, what a format can hold, and what was changed on the way. Data only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeVar, runtime_checkable

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.picture import eq_svg
from semeq_export.eq.settings import (
    LAYOUT_KINDS,
    MAX_FREQ_HZ,
    MAX_GAIN_DB,
    MAX_PREAMP_DB,
    MAX_Q,
    MIN_FREQ_HZ,
    MIN_Q,
    BandKind,
    BandSlot,
    EqSettings,
    orders,
)
from semeq_export.errors import MissingHostError, PresetReadError, PresetWriteError
from semeq_export.units import check_sample_rate_hz
from semeq_export.words.saved import SavedWords

Files = Mapping[str, bytes]
"""Relative POSIX name -> content: one entry for single-file formats, several for folders."""

Parts = TypeVar("Parts")
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What a host can hold; ranges include both ends.

    kinds: of bands; orders: those it can hold by kind where they are not just 2; most: how many of a kind, where there is a limit, and
    stacked: as how many equal ones each of these can act.
    channels: which channels can have an EQ of their own,
    "any" for as many as there are, nothing where all share one. curve: whether a response known by points can stand beside the bands.
    shelf_q: the Q of all shelves where the host fixes it. pass_q: that of passes from the third order on.
    preamp_db: range of an overall gain, None where there is no place for one.
    holds_disabled: whether a switched-off band can be stored. precision: steps of stored numbers by field ("freq_hz", "gain_db", "q") of
    devices that have coarse ones.
    slots: for devices whose shelves and peaks differ from each other; then max_bands, freq_hz, gain_db, q and shelf_q count for other
    kinds only.
    """

    max_bands: int | None = None
    kinds: frozenset[BandKind] = frozenset(LAYOUT_KINDS)
    orders: Mapping[BandKind, frozenset[int]] = field(default_factory=dict)
    most: Mapping[BandKind, int] = field(default_factory=dict)
    stacked: int = 1
    freq_hz: tuple[float, float] = (20.0, 20_000.0)
    gain_db: tuple[float, float] = (-24.0, 24.0)
    q: tuple[float, float] = (0.1, 30.0)
    shelf_q: float | None = None
    pass_q: float | None = None
    preamp_db: tuple[float, float] | None = None
    holds_disabled: bool = True
    precision: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[BandSlot, ...] | None = None
    channels: tuple[str, ...] | Literal["any"] = ()
    curve: bool = False

    def holds_channels(self, names: Iterable[str]) -> bool:
        """Whether each of these channels can have an EQ of its own."""
        return self.channels == "any" or all(name in self.channels for name in names)

    def __str__(self) -> str:
        preamp = "no preamp" if self.preamp_db is None else f"preamp {self.preamp_db[0]:g}..{self.preamp_db[1]:g} dB"
        if self.slots is not None:
            counts = [(kind, sum(slot.kind is kind for slot in self.slots)) for kind in BandKind]
            passes = [f"{self.most.get(kind, 'any')} {kind.value.replace('_', '-')}" for kind in self.kinds if kind not in LAYOUT_KINDS]
            return ", ".join([f"{count} {kind.value.replace('_', ' ')}" for kind, count in counts if count] + sorted(passes) + [preamp])
        bands = "any number of bands" if self.max_bands is None else f"{self.max_bands} bands"
        shelf = "" if self.shelf_q is None else f" (shelves {self.shelf_q:g})"
        ranges = f"{self.freq_hz[0]:g}..{self.freq_hz[1]:g} Hz, {self.gain_db[0]:g}..{self.gain_db[1]:g} dB, q {self.q[0]:g}..{self.q[1]:g}"
        more = [kind.value.replace("_", "-") for kind in BandKind if kind in self.kinds and kind not in LAYOUT_KINDS]
        also = f", {', '.join(more)}" if more else ""
        return f"{bands}, {ranges}{shelf}, {preamp}{also}{self._apart()}"

    def _apart(self) -> str:
        """Return which channels can have an EQ of their own, for a list."""
        if self.channels == "any" or len(self.channels) > 4:
            return ", an EQ for each channel"
        pairs = [" and ".join(self.channels[first : first + 2]) for first in range(0, len(self.channels), 2)]
        return f", {' or '.join(pairs)} apart" if pairs else ""


EVERYTHING = Limits(
    kinds=frozenset(BandKind),
    orders={kind: frozenset(range(orders(kind)[0], orders(kind)[1] + 1)) for kind in BandKind},
    freq_hz=(MIN_FREQ_HZ, MAX_FREQ_HZ),
    gain_db=(-MAX_GAIN_DB, MAX_GAIN_DB),
    q=(MIN_Q, MAX_Q),
    preamp_db=(-MAX_PREAMP_DB, MAX_PREAMP_DB),
    channels="any",
    curve=True,
)
"""What the neutral model holds."""


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
    error_db: the largest difference of the response that it causes, where that is known, and at_hz the frequency where it is.
    """

    kind: Literal["refitted", "approximated", "dropped", "added", "unknown"]
    band: int | None
    field: str
    wanted: object
    got: object
    error_db: float | None = None
    at_hz: float | None = None

    def __str__(self) -> str:
        place = f"band {self.band}: " if self.band is not None else ""
        change = f"{_short(self.wanted)} -> {_short(self.got)}" if self.got is not None else _short(self.wanted)
        at = f" at {self.at_hz:.0f} Hz" if self.at_hz is not None else ""
        size = f", {self.error_db:.3f} dB off{at}" if self.error_db is not None else ""
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
            "at_hz": self.at_hz,
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
    preset says what eq and name say; None for those that join it from their parts. name: None where the file holds no name.
    is_whole: whether the writer gives back an unchanged EQ even where it is outside the format's limits, as filters of other kinds are.
    """

    parts: object = None
    data: bytes | None = None
    eq: EqSettings | ChannelEqs | None = None
    name: str | None = ""
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """An EQ, for all channels or one for each, with what belongs to it in a file.

    sample_rate_hz: some hosts' parameters depend on it. source: what it was read from, for the format that read it. format: the id of that
    format, "" where the preset comes from no file. words: those that the bands were made from, for formats that keep them.
    """

    eq: EqSettings | ChannelEqs
    name: str = ""
    sample_rate_hz: float = 48_000.0
    source: Source | None = None
    notes: tuple[Note, ...] = ()
    format: str = ""
    words: SavedWords | None = None

    def __post_init__(self) -> None:
        check_sample_rate_hz(self.sample_rate_hz)

    def __str__(self) -> str:
        """Return one line: the name, the format, the EQ as it says itself, and how many notes there are."""
        name = repr(self.name)[:_SHOWN_CHARS]
        named = f"{name}, {self.format[:_SHOWN_CHARS]}" if self.format else name
        notes = f"; {len(self.notes)} note{'' if len(self.notes) == 1 else 's'}" if self.notes else ""
        return f"{named}: {self.eq}{notes}"

    def __repr__(self) -> str:
        return f"<Preset {self}>"

    def _repr_svg_(self) -> str:
        """Return the response as a picture, which notebooks show."""
        return eq_svg(self.eq.eqs if isinstance(self.eq, ChannelEqs) else [("", self.eq)], str(self))

    @property
    def single(self) -> EqSettings:
        """The one EQ of all channels; raises PresetWriteError where they differ, which formats that state so never meet."""
        if isinstance(self.eq, ChannelEqs):
            raise PresetWriteError(f"the preset holds an EQ for each of {', '.join(self.eq.names)}; choose one with `channel`")
        return self.eq

    @property
    def curve(self) -> Curve | None:
        """The response of a preset that knows no bands, None where it has some, or a channel each."""
        return self.eq.curve if isinstance(self.eq, EqSettings) and not self.eq.bands else None

    def response_db(self, freqs_hz: FloatArray) -> Float64Array:
        """Return the intended response (n,) in dB at freqs_hz (n,), below the Nyquist frequency of the preset's rate.

        Bands that the rate cannot hold are left out as `semeq_export.eq.biquad.for_rate` says. Raises as `single`.
        """
        return response_db(for_rate(self.single, self.sample_rate_hz).eq, freqs_hz, self.sample_rate_hz)

    def of_channel(self, name: str) -> Preset:
        """Return the preset with the EQ of one channel for all; raises PresetReadError with the channels that there are."""
        if not isinstance(self.eq, ChannelEqs):
            raise PresetReadError("holds one EQ for all channels, none to choose")
        found = {"l": LEFT, "r": RIGHT, "m": MID, "s": SIDE}.get(name.lower(), name.lower())
        if found not in self.eq.names:
            raise PresetReadError(f"has no channel {name[:40]!r}, only {', '.join(self.eq.names)}")
        return replace(self, eq=self.eq[found], source=None)

    def parts(self, kind: type[Parts]) -> Parts | None:
        """Return the parts of the file that it was read from, None where it comes from elsewhere or has parts of another type."""
        held = self.source.parts if self.source is not None else None
        return held if isinstance(held, kind) else None

    def unchanged(self) -> bytes | None:
        """Return the file that it was read from if that still says all of the preset, else None."""
        source = self.source
        if source is None or source.data is None or self.eq != source.eq:
            return None
        return source.data if source.name is None or self.name in ("", source.name) else None


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a written preset, and what is not as it was asked for."""

    files: Files
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Which EQ is meant where a file holds several, by name or number; None where nobody said.

    channel: one of those that differ. for_device: of a configuration with parts
    for several. track: of a project. preset_name: of a file of presets.
    beside: returns the content of another file of the same folder by its name there, for files that include others; raises PresetReadError.
    """

    channel: str | None = None
    for_device: str | None = None
    track: str | None = None
    preset_name: str | None = None
    beside: Callable[[str], bytes] | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """What was chosen of a file: names of fields."""
        return tuple(name for name in ("for_device", "track", "preset_name") if getattr(self, name) is not None)


class PresetFormat(Protocol):
    """A file format: pure functions on bytes. Paths, overwriting, limits and detection are the registry's business."""

    info: FormatInfo

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether a file looks like this format, from its first bytes (64 kB, if it has so many) and its name; never raises."""

    def write(self, preset: Preset) -> Written:
        """Return the files of a preset whose EQ is inside the format's limits."""

    def read(self, files: Files) -> Preset:
        """Return the preset of a file or folder; raises PresetReadError naming the place that is wrong."""


@runtime_checkable
class ChoosingFormat(PresetFormat, Protocol):
    """A format whose files can hold several EQs, or include other files."""

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset that is meant; raises PresetReadError that lists what there is where that is not clear."""
