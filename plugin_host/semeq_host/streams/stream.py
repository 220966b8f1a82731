"""The EQ that listens while it runs: one block in, one block out, the dose of the word kept to what the last seconds need."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.samples import MAX_PEAK_DBFS
from semeq_export.eq.biquad import check_samples, for_rate
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError, InUseError
from semeq_export.listening.dose import Difference, ask, band_response_db, difference, settings_for
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.listening.spectrum import FRAME_SAMPLES
from semeq_export.units import check_sample_rate_hz, db_to_amplitude
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.analysis import CONTEXT_S, RollingSpectrum
from semeq_host.streams.crossfade import CrossfadeEq, Moment
from semeq_host.streams.source import EqSource, as_target

MAX_PEAK = db_to_amplitude(MAX_PEAK_DBFS)
"""Samples over +60 dBFS are as unusable as those that are not finite: no recording holds them, and no filter should."""
FIRST_DOSE_S = 0.5
"""How much is heard before the first dose; until then the word is applied as it is."""
STEP_DOSES = 0.02
"""Smaller changes of the gain are not worth a crossfade: 0.2 dB in a band of 10 dB."""

StreamMode = Literal["soft", "target"]
OnUpdate = Callable[[float, float | None, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """What the owner asked for last, prepared so that the audio thread need not: settings and response (28,) at intensity 1."""

    target: SemanticTarget
    term: EqSettings
    term_db: Float64Array
    warnings: tuple[str, ...]


class AdaptiveEq:
    """A block processor: the EQ of a word, its dose following the input. No latency, float64 inside, the output in the type of the input.

    The input is analysed before the EQ, on a grid of its own: every 43 ms a window of 85 ms is added to the third-octave spectrum of the
    last `context_s` seconds; where the dose has moved by 0.02 or more, other settings are faded in (`CrossfadeEq`) from the next frame of
    512 samples on. At 48 kHz a window ends with every fourth frame; at other rates windows end inside frames.
    Nothing depends on how the stream is cut into blocks. Where the input has no signal, the last dose stays. At intensity 0 the output
    is the input, bit for bit, once the fade is over.

    `target` and `intensity` may be set while it runs, from any thread: they are heard from the next frame on. `process` and `reset` belong
    to one caller at a time; a second one gets InUseError at once.

    A frame with a sample that is not finite, or over +60 dBFS, is passed on without the EQ from that sample to its end, such samples as 0;
    the filters go on in the next frame from where they were before it, and the frame is not analysed. `unusable_samples` and
    `bypassed_frames` count.

    reference: what the input is compared with; a stored one of all kinds of sources where left out.
    mode: "target" brings the input to the reference plus the intensity in doses, the default where the reference was heard; "soft" only
    leans that way, the default for a stored one.
    on_update: called by `process` after each analysis with the stream's time in seconds, the dose (None: nothing heard yet) and the gain;
    it must return at once.
    Raises UnknownTermError, InvalidTargetError, and AudioError on a bad rate, channel count, context, or a reference without a signal.
    """

    def __init__(
        self,
        engine: EqSource,
        target: SemanticTarget | str,
        intensity: float | None = None,
        *,
        sample_rate_hz: float,
        channels: int = 2,
        reference: Reference | None = None,
        mode: StreamMode | None = None,
        context_s: float = CONTEXT_S,
        on_update: OnUpdate | None = None,
    ) -> None:
        if mode not in (None, "soft", "target"):
            raise AudioError(f"mode {mode!r} is neither soft nor target")
        reference = stored_reference() if reference is None else reference
        if not reference.spectrum.has_signal:
            raise AudioError(f"reference {reference.name}: no signal: {reference.spectrum.no_signal}")
        self._engine, self._on_update, self._context_s = engine, on_update, context_s
        self._mode: StreamMode = mode or ("soft" if reference.is_stored else "target")
        self._reference_name, self._reference = reference.name, reference.spectrum
        self._owner = threading.Lock()
        self._sample_rate_hz = check_sample_rate_hz(sample_rate_hz)
        self._request = self._prepared(as_target(self._engine, target, 1.0 if isinstance(target, str) else target.intensity, intensity))
        self._start(self._sample_rate_hz, channels)

    @property
    def sample_rate_hz(self) -> float:
        """The rate that was stated."""
        return self._sample_rate_hz

    @property
    def channels(self) -> int:
        """The channels that were stated; blocks are (channels, n)."""
        return self._channels

    @property
    def latency_samples(self) -> int:
        """How late the output is: not at all."""
        return 0

    @property
    def target(self) -> SemanticTarget:
        """What is asked for. Setting a text keeps the intensity; setting a SemanticTarget takes its own."""
        return self._request.target

    @target.setter
    def target(self, target: SemanticTarget | str) -> None:
        self._request = self._prepared(as_target(self._engine, target, self.intensity if isinstance(target, str) else target.intensity))

    @property
    def intensity(self) -> float:
        """How much, -3..3; 0 is flat."""
        return self._request.target.intensity

    @intensity.setter
    def intensity(self, intensity: float) -> None:
        self._request = replace(self._request, target=replace(self._request.target, intensity=intensity))

    @property
    def mode(self) -> StreamMode:
        """Whether the reference is met or leant towards."""
        return self._mode

    @property
    def reference_name(self) -> str:
        """What the input is compared with."""
        return self._reference_name

    @property
    def dose(self) -> float | None:
        """How many doses of the target the input has more than the reference; None until it is known."""
        return self._dose

    @property
    def gain(self) -> float:
        """How many doses the EQ adds now, or is on its way to."""
        return self._gain

    @property
    def eq(self) -> EqSettings:
        """The settings that are heard now, or on their way."""
        return self._fader.eq

    @property
    def context_s(self) -> float:
        """How many seconds of the input count."""
        return self._rolling.context_s

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each band of the target that the sample rate cannot hold."""
        return self._request.warnings

    @property
    def unusable_samples(self) -> int:
        """How many samples were not finite, or over +60 dBFS, since the start or the last reset."""
        return self._unusable_samples

    @property
    def bypassed_frames(self) -> int:
        """How many frames were passed on without the EQ because of them."""
        return self._bypassed_frames

    def reset(self, *, sample_rate_hz: float | None = None, channels: int | None = None) -> None:
        """Forget everything heard so far and start anew, at another rate or with other channels where given. Target and intensity stay.

        Raises InUseError while `process` runs in another thread, AudioError on a bad rate or channel count (then nothing changes).
        """
        with OneCaller(self._owner):
            rate = check_sample_rate_hz(self._sample_rate_hz if sample_rate_hz is None else sample_rate_hz)
            before = self._sample_rate_hz, self._request
            try:
                self._sample_rate_hz = rate
                self._request = self._prepared(self._request.target)
                self._start(rate, self._channels if channels is None else channels)
            except AudioError:
                self._sample_rate_hz, self._request = before
                raise

    def process(self, samples: FloatArray, sample_rate_hz: float | None = None) -> FloatArray:
        """Return the block (channels, n), n from 0 on, as many samples as came in.

        sample_rate_hz: may be given to have it checked; a stream does not change its rate without `reset`.
        Raises AudioError on another rate, shape or type than stated (then nothing was heard), InUseError on a second concurrent caller.
        """
        with OneCaller(self._owner):
            check_samples(samples, self._channels)
            if sample_rate_hz is not None and sample_rate_hz != self._sample_rate_hz:
                raise AudioError(
                    f"sample rate {sample_rate_hz:g} Hz, but the stream runs at {self._sample_rate_hz:g} Hz; reset it to change that"
                )
            out, start, total = np.empty_like(samples), 0, samples.shape[1]
            is_usable = bool((np.abs(samples) <= MAX_PEAK).all())  # False for NaN too
            while start < total:
                if self._position % FRAME_SAMPLES == 0:
                    self._start_frame()
                end = start + self._step(total - start, is_usable)
                out[:, start:end] = self._run(samples[:, start:end], is_usable)
                start = end
            return out

    def _prepared(self, target: SemanticTarget) -> _Request:
        term = self._engine.eq_for(replace(target, intensity=1.0))
        warnings = for_rate(term, self._sample_rate_hz).warnings
        return _Request(target, term, band_response_db(term, self._sample_rate_hz), warnings)

    def _start(self, sample_rate_hz: float, channels: int) -> None:
        rolling = RollingSpectrum(sample_rate_hz, channels, self._context_s)
        fader = CrossfadeEq(EqSettings(), sample_rate_hz, channels)
        self._rolling, self._fader, self._channels, self._held = rolling, fader, channels, self._request
        self._position = self._bypassed_until = 0  # samples of the stream
        self._unusable_samples = self._bypassed_frames = 0
        self._window_done = False
        self._compared: Difference | None = None
        self._dose: float | None = None
        self._wanted = self._gain = 0.0
        self._follow(must_change=True)
        fader.reset()
        self._frame_start: Moment = fader.moment()

    def _step(self, left: int, is_usable: bool) -> int:
        """Return how many samples may be run at once: up to the next frame at which something can happen."""
        to_frame_end = FRAME_SAMPLES - self._position % FRAME_SAMPLES
        to_window_end = self._rolling.until_window_end
        if left <= to_frame_end:
            return min(left, to_window_end)
        is_quiet = is_usable and self._position >= self._bypassed_until and self._request is self._held and not self._window_done
        last_frame_start = left - (left - to_frame_end) % FRAME_SAMPLES
        return min(last_frame_start if is_quiet else to_frame_end, to_window_end)

    def _start_frame(self) -> None:
        """Do what may change the sound, at the start of a frame: so it happens at the same sample for any blocks."""
        request = self._request
        is_other = request is not self._held
        self._held = request
        if self._window_done:
            self._window_done = False
            self._fader.settle()
            if self._position >= FIRST_DOSE_S * self._sample_rate_hz:
                compared = difference(self._rolling.spectrum(keep_windows=self._reference.windows is not None), self._reference)
                self._compared = self._compared if compared is None else compared
            self._follow(must_change=is_other)
            if self._on_update is not None:
                self._on_update(self._position / self._sample_rate_hz, self._dose, self._gain)
        elif is_other:
            self._follow(must_change=True)
        self._frame_start = self._fader.moment()

    def _follow(self, *, must_change: bool) -> None:
        """Ask the crossfade for the settings that the present dose needs, where they differ enough from those that it has."""
        held, compared = self._held, self._compared
        wanted = held.target.intensity
        if compared is not None:
            asked = ask(compared, held.term_db, wanted, self._mode)
            self._dose, wanted = asked.dose, asked.gain
        if must_change or abs(wanted - self._wanted) >= STEP_DOSES:
            eq, self._gain, _ = settings_for(held.term, held.term_db, wanted, compared, self._mode, self._sample_rate_hz)
            self._fader.change_to(for_rate(eq, self._sample_rate_hz).eq)
            self._wanted = wanted

    def _run(self, samples: FloatArray, is_usable: bool) -> FloatArray:
        """Return samples that lie in one frame, or in many where all are usable and nothing changes in them."""
        if self._position < self._bypassed_until:
            return self._bypass(samples, is_usable)
        if is_usable:
            return self._equalise(samples)
        is_bad = ~(np.abs(samples) <= MAX_PEAK).all(axis=0)
        if not is_bad.any():
            return self._equalise(samples)
        first = int(is_bad.argmax())
        head = self._equalise(samples[:, :first])
        self._fader.go_back(self._frame_start)
        self._bypassed_until = self._position - self._position % FRAME_SAMPLES + FRAME_SAMPLES
        self._bypassed_frames += 1
        return np.concatenate([head, self._bypass(samples[:, first:], is_usable)], axis=1)

    def _equalise(self, samples: FloatArray) -> FloatArray:
        self._advance(samples, is_sound=True)
        return self._fader.process(samples)

    def _bypass(self, samples: FloatArray, is_usable: bool) -> FloatArray:
        dry = samples
        if not is_usable:
            is_bad = ~(np.abs(samples) <= MAX_PEAK)
            self._unusable_samples += int(is_bad.sum())
            dry = np.where(is_bad, samples.dtype.type(0.0), samples)
        self._advance(dry, is_sound=False)
        return dry

    def _advance(self, samples: FloatArray, *, is_sound: bool) -> None:
        self._position += samples.shape[1]
        self._window_done = self._rolling.hear(samples, is_sound=is_sound) or self._window_done


class BlockProcessor(Protocol):
    """What runs block by block, as many samples out as in, `latency_samples` late: `AdaptiveEq`, or `runner.Chain`."""

    @property
    def channels(self) -> int:
        """The channels of its blocks."""

    @property
    def latency_samples(self) -> int:
        """How late the output is."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each thing that the user should know."""

    def process(self, samples: FloatArray) -> FloatArray:
        """Return the block (channels, n)."""


class AlignedStage:
    """A block processor as a stage of `offline.process_file`: its latency is taken out, so the output lies where the input was."""

    def __init__(self, processor: BlockProcessor) -> None:
        self._processor, self._early = processor, processor.latency_samples
        self.warnings = processor.warnings

    def process(self, samples: FloatArray) -> FloatArray:
        """Take any number of samples (channels, n) and return what is ready, 0 or more."""
        out = self._processor.process(samples)
        dropped = min(self._early, out.shape[1])
        self._early -= dropped
        return out[:, dropped:]

    def finish(self) -> Iterator[FloatArray]:
        """Yield what is still inside."""
        yield self.process(np.zeros((self._processor.channels, self._processor.latency_samples)))


class OneCaller:
    """Holds a lock that is never waited for."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise InUseError("the stream is in use by another caller; one stream has one owner, make another one for this audio")

    def __exit__(self, *_: object) -> None:
        self._lock.release()
