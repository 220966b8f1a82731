"""CamillaDSP filters and pipeline, YAML: what CamillaGUI imports and what is pasted into a configuration.

    title: "Warm"
    filters:
      eq_preamp:
        type: Gain
        parameters:
          gain: -6.0
      eq_band_1:
        type: Biquad
        parameters:
          type: Lowshelf          Lowshelf, Peaking, Highshelf, Highpass, Lowpass, Notch, Bandpass, Allpass; with FO those of first order
          freq: 105.0             Hz
          q: 0.71                 Q of the Audio EQ Cookbook
          gain: -4.5              dB
      eq_band_2:
        type: BiquadCombo
        parameters:
          type: ButterworthHighpass
          freq: 30.0
          order: 4
    pipeline:
      - type: Filter
        channels: [0, 1]          CamillaDSP 3; version 2 has "channel: 0", one step for each channel
        names:
          - eq_preamp
          - eq_band_1
          - eq_band_2

An EQ for each channel has filters "left_band_1" and so on, and a step for each channel. A filter that no step of the pipeline names is a
switched-off band; with an EQ for each channel, one in a step that is `bypassed`.
Read: whole configurations of versions 1 to 4. Every output is followed from the inputs through mixers and steps: one that adds inputs up,
or is silent, has no EQ, and neither has a file without a pipeline, since CamillaDSP then filters nothing. Outputs are called left and right
where there are two, else by their number. Of a filter that no band is like, the loss in dB is noted. Widths in octaves, and coefficients,
count at the sample rate of the configuration.
What stays as it was keeps its layout and comments when an EQ that was read is written with changes.
Source: CamillaDSP 3 README (filters, Biquad, Gain, mixers, pipeline), https://github.com/HEnquist/camilladsp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.channels import LEFT, RIGHT, ChannelEqs
from semeq_export.eq.settings import MAX_PASS_ORDER, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats import _yaml
from semeq_presets.file_formats._camilladsp_filters import BUTTERWORTH_Q, Rate, Sound, is_null, sound_of
from semeq_presets.file_formats._camilladsp_pipeline import Chain, chains_of, rate_of
from semeq_presets.file_formats._camilladsp_write import Channel, Configuration, document
from semeq_presets.file_formats._companions import Beside
from semeq_presets.file_formats._fields import settings
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._sections import Filter, heard_hz, loudest
from semeq_presets.file_formats._tree import Node, mapping, text
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_MAX_FILTERS = 2_000
_MAX_BANDS = 2_000
_USUAL_RATE_HZ = 48_000.0
_SAID_DB = 0.05
_FIRST_AND_SECOND = frozenset({1, 2})
_LIMITS = Limits(
    kinds=frozenset(BandKind) - {BandKind.TILT},
    orders={
        **dict.fromkeys((BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.ALL_PASS), _FIRST_AND_SECOND),
        **dict.fromkeys((BandKind.HIGH_PASS, BandKind.LOW_PASS), frozenset(range(1, MAX_PASS_ORDER + 1))),
    },
    freq_hz=(1.0, 96_000.0),
    gain_db=(-60.0, 60.0),
    q=(0.01, 100.0),
    pass_q=BUTTERWORTH_Q,
    preamp_db=(-120.0, 60.0),
    channels="any",
)


class CamillaDsp:
    """Reads and writes CamillaDSP's YAML."""

    info = FormatInfo(
        id="camilladsp",
        title="CamillaDSP filters and pipeline (YAML)",
        host="CamillaDSP 3, CamillaGUI",
        suffixes=(".yml", ".yaml"),
        how_to_import="CamillaGUI: Files, Import config, tick filters and pipeline; or paste both parts into the configuration",
        precision_db=1e-5,
        limits=_LIMITS,
        protects=True,
        aliases=("camilla",),
        remark="of CamillaDSP 3; reads 1 to 4",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes have a line "filters:" or "pipeline:", or are a configuration's "devices:", in a YAML file."""
        lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
        return any(line.startswith(("filters:", "pipeline:", "devices:")) for line in lines)

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read keeps everything else of its configuration."""
        data = preset.unchanged()
        if data is None:
            data = _yaml.render(document(preset)).encode("utf-8")
        return Written({"preset.yml": data})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming filter and parameter."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset. Outputs that have no EQ refuse the file, unless the channel that is chosen is another."""
        if choice.named:
            raise PresetReadError(f"a {self.info.id} preset holds one EQ, no {choice.named[0]} to choose")
        (data,) = files.values()
        root = mapping(_yaml.parse(data), "document")
        filters = mapping(root.get("filters"), "filters")
        if len(filters) > _MAX_FILTERS:
            raise PresetReadError(f"{len(filters)} filters are over the limit of {_MAX_FILTERS}", where="filters")
        if is_null(root.get("pipeline")):
            raise PresetReadError("is missing, so CamillaDSP filters nothing; add one that names the filters", where="pipeline")
        rate = rate_of(root)
        notes: list[Note] = []
        followed = chains_of(root, filters, notes)
        chains, outputs = _with_eq(followed, choice.channel), len(followed)
        sounds = _Sounds(filters, rate, choice.beside)
        channels = tuple(_channel(index, chain, sounds) for index, chain in chains.items())
        eq, channels = _joined(channels, sounds, outputs)
        notes += _notes(chains, sounds)
        title = one_line(text(root["title"], "title")) if isinstance(root.get("title"), str) else ""
        source = Source(Configuration(root, channels, outputs), data, eq, name=title)
        return Preset(eq, name=title, sample_rate_hz=rate.hz, source=source, notes=tuple(notes))


def _with_eq(chains: list[Chain], chosen: str | None) -> dict[int, Chain]:
    """Return the outputs that have an EQ by their index; raises PresetReadError for the others where no channel is chosen."""
    bad = {index: chain.why_not for index, chain in enumerate(chains) if chain.why_not}
    good = {index: chain for index, chain in enumerate(chains) if index not in bad}
    if bad and (chosen is None or not good):
        index, why = next(iter(bad.items()))
        names = ", ".join(_name_of(other, len(chains)) for other in good)
        advice = f"; choose one of {names} with `channel`" if good else ""
        raise PresetReadError(f"output {index + 1} {why}, which is no EQ{advice}", where="pipeline")
    return good


def _name_of(index: int, outputs: int) -> str:
    return (LEFT, RIGHT)[index] if outputs == 2 else str(index + 1)


class _Sounds:
    """What the filters of a configuration do, each looked at once."""

    def __init__(self, filters: Mapping[str, Node], rate: Rate, beside: Beside | None) -> None:
        self.rate_hz = rate.hz
        self._rate = rate
        self._filters, self._beside = filters, beside
        self._at: dict[tuple[str, Rate], Sound] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all filters in their order."""
        return tuple(self._filters)

    def of(self, name: str, rate: Rate | None = None) -> Sound:
        """Return what a filter does, at the configuration's rate or another."""
        key = (name, self._rate if rate is None else rate)
        if key not in self._at:
            where = f"filters {name[:40]}"
            self._at[key] = sound_of(mapping(self._filters[name], where), where, key[1], self._beside)
        return self._at[key]

    def of_unused(self, name: str) -> Sound:
        """Return what a filter would do that nothing uses; CamillaDSP does not look at it, so that one it would refuse is nothing."""
        try:
            return self.of(name)
        except PresetReadError:
            return Sound()


def _channel(index: int, chain: Chain, sounds: _Sounds) -> Channel:
    """Return an output's filters, in the order in which they are defined: bands, and gains."""
    entries: list[tuple[str, tuple[Band, ...], bool]] = []
    preamps: list[str] = []
    fixed_db = chain.gain_db
    for name in _in_order(chain, sounds.names):
        used = chain.names.count(name)
        sound = sounds.of(name) if used else sounds.of_unused(name)
        entries += [(name, sound.bands, used > 0)] * max(used, 1) if sound.bands else []
        if used and sound.is_plain and not sound.bands:
            preamps += [name] * used
        else:
            fixed_db += used * sound.gain_db
        if sound.is_silent and used:
            raise PresetReadError(f"output {index + 1} is silent: the filter {name[:40]!r} mutes it", where="pipeline")
    if sum(len(bands) for _, bands, _ in entries) > _MAX_BANDS:
        raise PresetReadError(f"output {index + 1} has over {_MAX_BANDS} bands", where="pipeline")
    return Channel(index, tuple(entries), tuple(preamps), fixed_db)


def _in_order(chain: Chain, names: Iterable[str]) -> list[str]:
    held = {*chain.names, *chain.off}
    return [name for name in names if name in held]


def _joined(channels: tuple[Channel, ...], sounds: _Sounds, outputs: int) -> tuple[EqSettings | ChannelEqs, tuple[Channel, ...]]:
    """Return one EQ where all outputs sound alike, with the filters that nothing uses as switched-off bands; else one for each."""
    eqs = [_eq_of(channel, sounds) for channel in channels]
    if len(channels) < outputs or any(eq != eqs[0] for eq in eqs):
        return ChannelEqs(tuple((_name_of(channel.index, outputs), eq) for channel, eq in zip(channels, eqs, strict=True))), channels
    used = {name for channel in channels for name, *_ in channel.entries}
    places = {name: place for place, name in enumerate(sounds.names)}
    idle = [(name, sounds.of_unused(name).bands, False) for name in sounds.names if name not in used]
    whole = []
    for channel in channels:
        entries = sorted([*channel.entries, *(entry for entry in idle if entry[1])], key=lambda entry: places[entry[0]])
        whole.append(Channel(channel.index, tuple(entries), channel.preamps, channel.fixed_db))
    return _eq_of(whole[0], sounds), tuple(whole)


def _eq_of(channel: Channel, sounds: _Sounds) -> EqSettings:
    preamp_db = sum((sounds.of(name).gain_db for name in channel.preamps), 0.0) + channel.fixed_db
    return settings(list(channel.bands), preamp_db, "pipeline")


def _notes(chains: Mapping[int, Chain], sounds: _Sounds) -> list[Note]:
    """Say what an EQ does not hold: filters of other shapes with their size, what depends on volume or rate, and what is no filter."""
    notes = [*_lost(chains, sounds), *_of_rate(chains, sounds)]
    used = [name for name in sounds.names if any(name in chain.names for chain in chains.values())]
    boosts = {name: max(chain.names.count(name) for chain in chains.values()) * sounds.of(name).boost_db for name in used}
    boosting = [name for name, boost_db in boosts.items() if boost_db > 0.0]
    if boosting:
        total_db = sum(boosts[name] for name in boosting)
        notes.append(Note("unknown", None, f"filters {', '.join(boosting)[:60]}", "loudness, which follows the volume", None, total_db))
    aside = [(name, sounds.of(name).aside) for name in used if sounds.of(name).aside]
    notes += [Note("dropped", None, f"filters {name[:40]}", what, None, 0.0) for name, what in aside]
    inverted = [
        index + 1
        for index, chain in chains.items()
        if chain.is_inverted is not (sum(sounds.of(name).is_inverted for name in chain.names) % 2 == 1)
    ]
    if inverted:
        notes.append(Note("dropped", None, "polarity", f"inverted in outputs {', '.join(map(str, inverted))}", None, 0.0))
    if len({chain.source for chain in chains.values()}) == len(chains) and any(index != chain.source for index, chain in chains.items()):
        notes.append(Note("dropped", None, "mixers", "outputs play other inputs; only their EQ is read", None, 0.0))
    return notes


def _lost(chains: Mapping[int, Chain], sounds: _Sounds) -> list[Note]:
    """Return one note on all filters that no band is like, with what they do together in the output where that is most."""
    filters: dict[int, list[Filter]] = {
        index: [held for name in chain.names for held in sounds.of(name).lost] for index, chain in chains.items()
    }
    names = {name for chain in chains.values() for name in chain.names if sounds.of(name).lost}
    if not names:
        return []
    error_db, at_hz = max(loudest(held, sounds.rate_hz) for held in filters.values())
    count = f"{len(names)} filters" if len(names) > 1 else "a filter"
    first = next(name for name in sounds.names if name in names)
    return [Note("unknown", None, f"filters {first[:40]}", f"{count} that no band is like", None, error_db, at_hz)]


def _of_rate(chains: Mapping[int, Chain], sounds: _Sounds) -> list[Note]:
    """Say where an EQ is another one at 48 kHz, since its file has widths in octaves or coefficients."""
    if sounds.rate_hz == _USUAL_RATE_HZ:
        return []
    worst, at_hz = 0.0, 0.0
    freqs_hz = heard_hz(min(sounds.rate_hz, _USUAL_RATE_HZ))
    for chain in {chain.names: chain for chain in chains.values()}.values():
        try:
            pairs = [(sounds.of(name).bands, sounds.of(name, Rate(_USUAL_RATE_HZ)).bands) for name in chain.names]
        except PresetReadError:
            continue  # it would be refused there
        here, there = (EqSettings(tuple(band for pair in pairs for band in pair[side])) for side in (0, 1))
        if here == there:
            continue
        responses = [response_db(for_rate(eq, _USUAL_RATE_HZ).eq, freqs_hz, _USUAL_RATE_HZ) for eq in (here, there)]
        apart = np.abs(responses[0] - responses[1])
        if float(np.max(apart)) > worst:
            worst, at_hz = float(np.max(apart)), float(freqs_hz[int(np.argmax(apart))])
    if worst <= _SAID_DB:
        return []
    return [Note("approximated", None, "sample rate", f"as at {sounds.rate_hz:g} Hz", "other at 48000 Hz", worst, at_hz)]


FORMAT: PresetFormat = CamillaDsp()
