"""The semantic EQ as a Pedalboard plug-in: a chain of its filters that nests in any other chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pedalboard import (  # type: ignore[attr-defined]  # Pedalboard is re-exported without saying so
    Gain,
    HighShelfFilter,
    LowShelfFilter,
    PeakFilter,
    Pedalboard,
)

from semeq_export.arrays import FloatArray
from semeq_export.audio.samples import Audio
from semeq_export.eq.biquad import for_rate
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, InvalidEqError, SemeqError
from semeq_export.listening.dose import Adaptation, Difference, adapt_eq, difference
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.listening.spectrum import measure
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.source import EqSource, as_target

EqPlugin = LowShelfFilter | PeakFilter | HighShelfFilter

_PLUGINS: dict[BandKind, type[EqPlugin]] = {
    BandKind.LOW_SHELF: LowShelfFilter,
    BandKind.PEAK: PeakFilter,
    BandKind.HIGH_SHELF: HighShelfFilter,
}


class SemanticEq(Pedalboard):
    """The EQ of a word as a Pedalboard of float32 filters; nests in any chain and changes live.

    Setting `target` or `intensity` changes the held filters in place, so an outer Pedalboard that holds this one follows at its next block.
    At intensity 0 no filter is held and the output is the input, bit for bit. A change is a step (no crossfade) and not atomic: set it
    between blocks.

    `listen` sets it for one piece of audio: less where that has the quality already, more where it has the opposite. What was heard
    counts for later targets too, until `forget`. To listen while it runs, use `AdaptiveEq` in a `runner.Chain`.

    Keep a reference to it: a chain holds only the sound of a plug-in, and gives back a plain Chain where the Python object is gone.

    sample_rate_hz: the lowest rate that the chain will run at. Pedalboard does not tell a nested plug-in its rate, and clamps a band above
    Nyquist to another frequency without a word; bands that this rate cannot hold are left out here and named in `warnings`.
    Raises UnknownTermError, InvalidTargetError and AudioError (rate).
    """

    def __init__(
        self,
        engine: EqSource,
        target: SemanticTarget | str,
        intensity: float | None = None,
        *,
        sample_rate_hz: float = 44_100.0,
    ) -> None:
        super().__init__([])
        self._engine, self._sample_rate_hz = engine, sample_rate_hz
        self._heard: _Heard | None = None
        self._hold(as_target(self._engine, target, 1.0 if isinstance(target, str) else target.intensity, intensity))

    @property
    def target(self) -> SemanticTarget:
        """What is asked for. Setting a text keeps the intensity; setting a SemanticTarget takes its own."""
        return self._target

    @target.setter
    def target(self, target: SemanticTarget | str) -> None:
        self._hold(as_target(self._engine, target, self._target.intensity if isinstance(target, str) else target.intensity))

    @property
    def intensity(self) -> float:
        """How much, -3..3; 0 is flat."""
        return self._target.intensity

    @intensity.setter
    def intensity(self, intensity: float) -> None:
        self._hold(replace(self._target, intensity=intensity))

    def listen(
        self,
        audio: FloatArray | Audio,
        sample_rate_hz: float | None = None,
        *,
        reference: Reference | None = None,
        mode: Literal["soft", "target"] | None = None,
    ) -> Adaptation:
        """Set the EQ for this audio and return what was found; as `Engine.adapt` does.

        audio: (channels, n) at sample_rate_hz, or an `Audio`, which knows its rate. reference: what it is compared with; the stored
        reference of all sources where left out. mode: "target" meets the reference, the default for one that was heard; "soft" leans
        towards it, the default for a stored one. Audio without a signal gives the word as it is.
        Raises AudioError on bad audio, or a rate that is missing or contradicts the audio's; then nothing changes.
        """
        samples, rate = _samples(audio, sample_rate_hz)
        against = stored_reference() if reference is None else reference
        spectrum = measure(samples, rate)
        why = f"no signal ({spectrum.no_signal}): the word as it is" if not spectrum.has_signal else "nothing to compare: the word as it is"
        chosen = mode or ("soft" if against.is_stored else "target")
        heard = _Heard(difference(spectrum, against.spectrum), chosen, rate, against.name, why)
        before, self._heard = self._heard, heard
        try:
            self._hold(self._target)
        except SemeqError:
            self._heard = before
            raise
        return self._adapted(self._target, heard)

    def forget(self) -> None:
        """Go back to the word as it is, whatever was heard."""
        self._heard = None
        self._hold(self._target)

    @property
    def eq(self) -> EqSettings:
        """The EQ that the filters hold now."""
        return self._eq

    @property
    def has_listened(self) -> bool:
        """Whether the EQ is that of the words for what was heard, not of the words alone."""
        return self._heard is not None

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each band that the sample rate cannot hold."""
        return self._warnings

    def __repr__(self) -> str:
        return f"<SemanticEq target={str(self._target)!r} intensity={self._target.intensity:g}>"

    def _hold(self, target: SemanticTarget) -> None:
        eq = self._engine.eq_for(target) if self._heard is None else self._adapted(target, self._heard).eq
        fitted = for_rate(eq, self._sample_rate_hz)
        hold_eq(self, fitted.eq)
        self._target, self._eq, self._warnings = target, fitted.eq, fitted.warnings

    def _adapted(self, target: SemanticTarget, heard: _Heard) -> Adaptation:
        term = self._engine.eq_for(replace(target, intensity=1.0))
        return adapt_eq(
            term,
            target.intensity,
            heard.compared,
            heard.mode,
            heard.sample_rate_hz,
            reference=heard.reference,
            why_static=heard.why_static,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What was heard: its difference from the reference, and how that is to be used."""

    compared: Difference | None
    mode: Literal["soft", "target"]
    sample_rate_hz: float
    reference: str
    why_static: str


def _samples(audio: FloatArray | Audio, sample_rate_hz: float | None) -> tuple[FloatArray, float]:
    if isinstance(audio, Audio):
        if sample_rate_hz not in (None, audio.sample_rate_hz):
            raise AudioError(f"sample_rate_hz {sample_rate_hz:g}, but the audio is at {audio.sample_rate_hz:g} Hz")
        return audio.samples, audio.sample_rate_hz
    if sample_rate_hz is None:
        raise AudioError("sample_rate_hz of the audio is not stated")
    return audio, sample_rate_hz


def eq_plugins(eq: EqSettings) -> list[Gain | EqPlugin]:
    """Return the EQ as Pedalboard plug-ins: a Gain for the preamp, then one filter for each enabled band.

    Nothing at all for a flat EQ: in float32, Pedalboard's filters at 0 dB differ from the input by up to 1e-7. Raises InvalidEqError for
    what Pedalboard has no filter for: `semeq_export.EqFilter` plays every EQ.
    """
    if eq.is_flat:
        return []
    for band in _enabled(eq):
        if band.kind not in _PLUGINS or band.order != 2:
            raise InvalidEqError("band", str(band), "without a filter in Pedalboard")
    if eq.curve is not None:
        raise InvalidEqError("curve", f"of {eq.curve.freqs_hz.size} points", "without a filter in Pedalboard")
    return [Gain(eq.preamp_db), *(_PLUGINS[band.kind](band.freq_hz, band.gain_db, band.q) for band in _enabled(eq))]


def hold_eq(board: Pedalboard, eq: EqSettings) -> None:
    """Make a board hold an EQ: by the parameters of its filters where they are of the right kinds, else with other filters."""
    wanted = eq_plugins(eq)
    if [type(plugin) for plugin in board] != [type(plugin) for plugin in wanted]:
        for plugin in list(board):
            board.remove(plugin)
        for plugin in wanted:
            board.append(plugin)
        return
    for held, plugin in zip(board, wanted, strict=True):
        for name in ("gain_db",) if isinstance(plugin, Gain) else ("gain_db", "cutoff_frequency_hz", "q"):
            setattr(held, name, getattr(plugin, name))


def _enabled(eq: EqSettings) -> list[Band]:
    return [band for band in eq.bands if band.enabled]
