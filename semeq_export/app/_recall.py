"""What was saved with words, opened again: it plays what it played, and the words are asked anew only where somebody wants that."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from semeq_export.app._engine import as_written, load_engine
from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import read_identity
from semeq_export.engine import FIT_RATE_HZ, Engine
from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.curve import log_grid, rms_db
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import UnknownTermError, printable
from semeq_export.words.saved import SavedWords
from semeq_export.words.target import SemanticTarget
from semeq_presets import Preset


@dataclass(frozen=True, slots=True)
class Recalled:
    """A preset as it is to be played. line: what is to be known of its words, "" for nothing."""

    preset: Preset
    line: str = ""


def save_words(engine: Engine, target: SemanticTarget) -> SavedWords:
    """Return a target with what it means now, as a file is to play it."""
    estimated = bool(engine.guessed_words(target))
    return SavedWords(target, as_written(engine, engine.eq_for(target)), engine.bundle.identity, estimated)


def recall(
    preset: Preset, source: str | os.PathLike[str], bundle: str | os.PathLike[str] | None = None, *, renew: bool = False
) -> Recalled:
    """Return a preset that was read from a file as it was saved, with a line where its words mean something else in this bundle.

    bundle: the one in use, default the factory's; it is loaded only where it is not the one that resolved the words. renew: the preset
    plays what its words mean in this bundle, and keeps that. Raises BundleError, and UnknownTermError for words that are to be renewed.
    """
    words, where = preset.words, printable(source)
    if words is None:
        return Recalled(preset, f"{where}: holds no words to renew; what was saved is played" if renew else "")
    if not renew and words.bundle_sha256 == read_identity(bundle):
        return Recalled(preset)
    engine = load_engine(bundle, guess=True)
    try:
        now = save_words(engine, words.target)
    except UnknownTermError as error:
        if renew:
            raise
        return Recalled(preset, f"{where}: this bundle does not know {error.term!r}; what was saved is played")
    off_db = rms_db(_curve_db(now.eq) - _curve_db(words.eq))
    if renew:
        line = f"{where}: {words.target} means what this bundle says, {off_db:.2f} dB rms from what was saved"
        return Recalled(replace(preset, eq=now.eq, words=now), line)
    if words.is_played_by(now.eq) or words.is_played_by(engine.exact.eq_for(words.target)):
        return Recalled(preset)
    offer = "what was saved is played, `renew` takes the new meaning"
    return Recalled(preset, f"{where}: {words.target} means something else in this bundle, {off_db:.2f} dB rms off; {offer}")


def _curve_db(eq: EqSettings) -> Float64Array:
    return response_db(for_rate(eq, FIT_RATE_HZ).eq, log_grid(), FIT_RATE_HZ)
