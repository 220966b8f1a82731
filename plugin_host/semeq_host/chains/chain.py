"""Chains that run block by block and listen while they run: Pedalboard plug-ins and AdaptiveEq stages in any order."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence

from pedalboard import Plugin, PluginContainer
from pedalboard.io import AudioStream

from semeq_export.arrays import FloatArray
from semeq_export.audio.samples import AudioInfo
from semeq_export.eq.biquad import MAX_CHANNELS, check_samples
from semeq_export.errors import AudioError, ChainError, EnvironmentFailure
from semeq_export.units import check_sample_rate_hz
from semeq_host.chains.plugin_stage import PluginStage
from semeq_host.streams.stream import AdaptiveEq, AlignedStage, OneCaller

LIVE_BLOCK_SAMPLES = 512

_owners: weakref.WeakValueDictionary[int, Chain] = weakref.WeakValueDictionary()
"""Which chain each plug-in belongs to, by its id: a chain keeps its plug-ins alive, so an id is not used again before the chain is gone."""
_owners_lock = threading.Lock()


class Chain:
    """Stages run block by block, one after the other; the first hears what comes in.

        live = Chain([AdaptiveEq(engine, "warm", sample_rate_hz=48_000), Compressor()])
        out = live.process(block)

    stages: Pedalboard plug-ins (a Pedalboard is one) and `AdaptiveEq`s. sample_rate_hz, channels: those of its AdaptiveEqs where left out.
    As many samples come out as went in, `latency_samples` late. One owner: a second concurrent caller gets InUseError. `AdaptiveEq`s may be
    told other targets while it runs.

    No sample that is not finite passes: see `AdaptiveEq` and `PluginStage`; `unusable_samples` counts those that came in at any stage,
    `restarts` the plug-ins that had to start anew. Own stages give the same bits for any block sizes; Pedalboard's plug-ins are float32 and
    may differ by -110 dBFS.

    Raises ChainError where nothing is in it, rate or channels are not stated or contradict, a plug-in is in it twice or belongs to another
    chain, or a plug-in cannot be streamed (`PluginStage`); AudioError on a bad rate or channel count.
    """

    def __init__(self, stages: Sequence[Plugin | AdaptiveEq], *, sample_rate_hz: float | None = None, channels: int | None = None) -> None:
        if not stages:
            raise ChainError("a chain needs at least one stage")
        listening = [stage for stage in stages if isinstance(stage, AdaptiveEq)]
        self._sample_rate_hz = check_sample_rate_hz(_stated("sample_rate_hz", sample_rate_hz, [eq.sample_rate_hz for eq in listening]))
        count = _stated("channels", channels, [eq.channels for eq in listening])
        if not (1 <= count <= MAX_CHANNELS and count == int(count)):
            raise AudioError(f"{count:g} channels, expected 1..{MAX_CHANNELS}")
        self._channels = int(count)
        self._owner = threading.Lock()
        self._members = [member for stage in stages for member in _members(stage)]
        self._claim()
        try:
            self._stages = [
                stage if isinstance(stage, AdaptiveEq) else PluginStage(stage, self._sample_rate_hz, self._channels) for stage in stages
            ]
        except BaseException:
            self._release()
            raise

    @property
    def sample_rate_hz(self) -> float:
        """The rate that it runs at."""
        return self._sample_rate_hz

    @property
    def channels(self) -> int:
        """The channels of its blocks, (channels, n)."""
        return self._channels

    @property
    def latency_samples(self) -> int:
        """How late the output is: the sum over the stages."""
        return sum(stage.latency_samples for stage in self._stages)

    @property
    def unusable_samples(self) -> int:
        """How many samples were not finite, or over +60 dBFS, where a stage heard them, since the start or the last reset."""
        return sum(stage.unusable_samples for stage in self._stages)

    @property
    def restarts(self) -> int:
        """How often a plug-in made a sample that is not finite and had to start anew."""
        return sum(stage.restarts for stage in self._stages if isinstance(stage, PluginStage))

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each band of an `AdaptiveEq` that the sample rate cannot hold."""
        return tuple(line for stage in self._stages if isinstance(stage, AdaptiveEq) for line in stage.warnings)

    def process(self, samples: FloatArray, sample_rate_hz: float | None = None) -> FloatArray:
        """Return the block (channels, n), n from 0 on, in the type that it came in, float32 or float64.

        sample_rate_hz: may be given to have it checked. Raises AudioError on another rate, shape or type than stated (then nothing was
        heard), ChainError where a plug-in refuses, InUseError on a second concurrent caller.
        """
        with OneCaller(self._owner):
            check_samples(samples, self._channels)
            if sample_rate_hz is not None and sample_rate_hz != self._sample_rate_hz:
                raise AudioError(f"sample rate {sample_rate_hz:g} Hz, but the chain runs at {self._sample_rate_hz:g} Hz; make another one")
            if samples.shape[1] == 0:
                return samples.copy()
            block = samples
            for stage in self._stages:
                block = stage.process(block)
            return block

    def reset(self) -> None:
        """Forget everything heard so far. Raises InUseError while `process` runs in another thread."""
        with OneCaller(self._owner):
            for stage in self._stages:
                stage.reset()

    def _release(self) -> None:
        """Let other chains have what is in this one, which was never finished."""
        with _owners_lock:
            for member in self._members:
                if _owners.get(id(member)) is self:
                    del _owners[id(member)]

    def _claim(self) -> None:
        seen: set[int] = set()
        with _owners_lock:
            for member in self._members:
                if id(member) in seen:
                    raise ChainError(f"{type(member).__name__} is in the chain twice; a plug-in has one state, make another one")
                if id(member) in _owners:
                    raise ChainError(f"{type(member).__name__} belongs to another chain; a plug-in has one state, make another one")
                seen.add(id(member))
            for key in seen:
                _owners[key] = self


def chain_stage(make_chain: Callable[[AudioInfo], Chain]) -> Callable[[AudioInfo], AlignedStage]:
    """Return what `process_file` takes as `make_stage`: a fresh chain for each file, its latency taken out.

    process_file("in.wav", "out.wav", EqSettings(), make_stage=chain_stage(lambda info: Chain([...], channels=info.channels)))
    """
    return lambda info: AlignedStage(make_chain(info))


def run_live(
    chain: Chain,
    *,
    input_device: str | None = None,
    output_device: str | None = None,
    block_samples: int = LIVE_BLOCK_SAMPLES,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Play what an input device hears through a chain, until `is_wanted` says no; the system's default devices where none is named.

    Python reads, processes and writes block by block, so the latency is that of the devices' buffers and one block, besides the chain's.
    Raises EnvironmentFailure where there is no such device, or one that does not give the chain's rate and channels.
    """
    source = _device("input", input_device, AudioStream.input_device_names, AudioStream.default_input_device_name)
    sink = _device("output", output_device, AudioStream.output_device_names, AudioStream.default_output_device_name)
    rate, count = chain.sample_rate_hz, chain.channels
    try:
        with (
            AudioStream(source, None, None, rate, block_samples, num_input_channels=count) as heard,
            AudioStream(None, sink, None, rate, block_samples, num_output_channels=count) as played,
        ):
            while is_wanted():
                played.write(chain.process(heard.read(block_samples)).astype("float32"), rate)
    except (ValueError, RuntimeError) as error:
        if isinstance(error, ChainError | AudioError):
            raise
        raise EnvironmentFailure(f"audio device: {' '.join(str(error).split())[:200]}") from error


def _device(direction: str, wanted: str | None, names: Sequence[str], default: str | None) -> str:
    if not names:
        raise EnvironmentFailure(f"no audio {direction} device on this machine; process files instead: semeq-export process")
    name = default if wanted is None else wanted
    if name is None or name not in names:
        raise EnvironmentFailure(f"no audio {direction} device {name!r}; there are {', '.join(map(repr, names))}")
    return name


def _members(stage: Plugin | AdaptiveEq) -> Iterator[Plugin | AdaptiveEq]:
    """Yield a stage and, where it is a container, everything in it."""
    if not isinstance(stage, Plugin | AdaptiveEq):
        raise ChainError(f"a {type(stage).__name__} is no stage; stages are Pedalboard plug-ins and AdaptiveEq")
    yield stage
    if isinstance(stage, PluginContainer):
        for inner in stage:
            yield from _members(inner)


def _stated(name: str, given: float | None, held: Sequence[float]) -> float:
    values = list(dict.fromkeys([*([] if given is None else [given]), *held]))
    if not values:
        raise ChainError(f"{name} of the chain is not stated: give {name}=..., no AdaptiveEq says it")
    if len(values) > 1:
        raise ChainError(f"{name} of the chain is {values[0]:g} here and {values[1]:g} there")
    return values[0]
