"""How well the audio encoder knows which EQ was applied to a source that it never heard, beside the spectrum and a constant.

Words are applied in known doses by rendering, and found again against three references: other seconds of the same file ("alternate"), its
other half ("halves"), and all the other sources ("others"). Four estimators:

    constant    the mean dose, the first word
    spectrum    difference of the plain third-octave spectra, `adapt.Difference`
    matched     the same, weighed by what both sounds do from window to window, as `Engine.adapt` does it; needs a reference that was heard
    encoder     the EQ between the codes, `hearing.eq_between`, weighed in the same way

and three measures: r2 of the doses found (pooled, after a straight line, whose slope is given), auc (share of pairs of windows of 2 s of
one source, the word applied in two doses, that are put in the right order), word_accuracy (which of five words was applied, in two doses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import torch

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.samples import Audio
from semeq_export.bundle.hearing import eq_between, windows_of
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import EqSettings
from semeq_export.listening.dose import Difference, band_response_db, difference
from semeq_export.listening.spectrum import Spectrum, mean_spectrum, measure
from semeq_export.words.terms import CentroidBank
from semeq_training.audio_models import SAMPLE_RATE_HZ, WINDOW_SAMPLES, AudioEncoder
from semeq_training.fitting.audio_material import RealFile
from semeq_training.models import EqAutoencoder

WORDS = ("warm", "bright", "muddy", "airy", "boxy")
DOSES = (-1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
NAMED_AT = 2.0
TASKS, ESTIMATORS = ("alternate", "halves", "others"), ("constant", "spectrum", "matched", "encoder")
MEASURES = ("r2", "slope", "auc", "word_accuracy")


class Heard(msgspec.Struct):
    """What was found, by "task_estimator": doses (asked, found), hits of naming (0 or 1), shares of pairs in order."""

    doses: dict[str, list[tuple[float, float]]] = {}
    named: dict[str, list[int]] = {}
    ordered: dict[str, list[float]] = {}

    def add(self, other: Heard) -> None:
        """Take over what was found elsewhere."""
        for key, pairs in other.doses.items():
            self.doses.setdefault(key, []).extend(pairs)
        for key, hits in other.named.items():
            self.named.setdefault(key, []).extend(hits)
        for key, shares in other.ordered.items():
            self.ordered.setdefault(key, []).extend(shares)

    def metrics(self) -> dict[str, float]:
        """Return "task_estimator_measure" -> value."""
        result: dict[str, float] = {}
        for key, pairs in self.doses.items():
            asked, found = np.array(pairs).T
            slope, offset = np.polyfit(asked, found, 1) if len(set(asked.tolist())) > 1 else (0.0, 0.0)
            spread = float(np.sum((found - found.mean()) ** 2))
            left = float(np.sum((found - slope * asked - offset) ** 2))
            result[f"{key}_slope"], result[f"{key}_r2"] = float(slope), 1.0 - left / spread if spread > 1e-12 else 0.0
        result |= {f"{key}_word_accuracy": float(np.mean(hits)) for key, hits in self.named.items()}
        result |= {f"{key}_auc": float(np.mean(shares)) for key, shares in self.ordered.items()}
        return result


def words_of(bank: CentroidBank) -> tuple[str, ...]:
    """Return five words to apply: the usual ones where the bank has them, else those with the most rows."""
    by_rows = sorted(bank, key=lambda word: (-bank[word].examples, word))
    return WORDS if all(word in bank for word in WORDS) else tuple(by_rows[: len(WORDS)])


def evaluate_source(
    model: AudioEncoder, teacher: EqAutoencoder, bank: CentroidBank, held: Sequence[RealFile], known: Sequence[RealFile]
) -> Heard:
    """Return what is found in files of one source (`held`) by an encoder that has not heard them, the other sources being `known`."""
    with torch.no_grad():
        terms = {word: _settings(teacher, torch.tensor([bank[word].z], dtype=torch.float32)) for word in words_of(bank)}
    listener = _Listener(model, teacher, terms)
    others = replace(mean_spectrum([listener.measure(file.audio) for file in known]), windows=None)
    others_code = np.mean([listener.code(file.audio) for file in known], axis=0)
    result = Heard()
    for file in held:
        for task, (part, rest) in {"alternate": _alternate(file.audio), "halves": _halves(file.audio)}.items():
            references: dict[str, tuple[Spectrum, Float64Array]] = {task: (listener.measure(rest), listener.code(rest))}
            if task == "alternate":
                references["others"] = (others, others_code)
            result.add(listener.listen(part, references))
    return result


class _Listener:
    def __init__(self, model: AudioEncoder, teacher: EqAutoencoder, terms: Mapping[str, EqSettings]) -> None:
        self.model, self.teacher, self.terms = model.eval(), teacher, terms
        self.terms_db = {word: band_response_db(eq, SAMPLE_RATE_HZ) for word, eq in terms.items()}
        self.flat = model.flat.numpy()

    def measure(self, audio: Audio) -> Spectrum:
        return measure(audio.samples, audio.sample_rate_hz)

    def codes(self, audio: Audio) -> FloatArray:
        with torch.no_grad():
            codes: FloatArray = self.model(torch.from_numpy(windows_of(audio, SAMPLE_RATE_HZ, WINDOW_SAMPLES))).numpy()
        return codes

    def code(self, audio: Audio) -> Float64Array:
        return np.asarray(self.codes(audio).mean(axis=0, dtype=np.float64))

    def by_encoder(self, code: FloatArray, reference: FloatArray, measured: Difference) -> Difference:
        """Return what the encoder heard, weighed as what the spectrum measured is."""
        eq = eq_between(code, reference, self.flat, self._decode, self.teacher.layout)
        return replace(measured, delta_db=band_response_db(eq, SAMPLE_RATE_HZ))

    def listen(self, part: Audio, references: Mapping[str, tuple[Spectrum, Float64Array]]) -> Heard:
        result = Heard()
        for word, eq in self.terms.items():
            single: dict[str, list[list[float]]] = {}
            for dose in DOSES:
                wet = Audio(apply(eq.scaled(dose), part.samples, part.sample_rate_hz), part.sample_rate_hz)
                heard, code = self.measure(wet), self.code(wet)
                for task, (spectrum, reference_code) in references.items():
                    for name, compared in self._differences(heard, code, spectrum, reference_code).items():
                        key = f"{task}_{name}"
                        result.doses.setdefault(key, []).append((dose, compared.dose(self.terms_db[word])))
                        if dose == NAMED_AT:
                            named = max(self.terms_db, key=lambda other: compared.similarity(self.terms_db[other]))
                            result.named.setdefault(key, []).append(int(named == word))
                    constant = f"{task}_constant"
                    result.doses.setdefault(constant, []).append((dose, float(np.mean(DOSES))))
                    if dose == NAMED_AT:
                        result.named.setdefault(constant, []).append(int(word == next(iter(self.terms))))
                if "alternate" in references:
                    for name, doses in self._window_doses(wet, *references["alternate"], self.terms_db[word]).items():
                        single.setdefault(name, []).append(doses)
            for name, by_dose in single.items():
                result.ordered.setdefault(f"alternate_{name}", []).append(_share_in_order(by_dose))
            if single:
                result.ordered.setdefault("alternate_constant", []).append(0.5)
        return result

    def _differences(self, heard: Spectrum, code: FloatArray, spectrum: Spectrum, reference_code: FloatArray) -> dict[str, Difference]:
        plain = difference(replace(heard, windows=None), spectrum)
        assert plain is not None, "files without a signal were left out"
        result = {"spectrum": plain, "encoder": self.by_encoder(code, reference_code, plain)}
        if spectrum.windows is not None:
            matched = difference(heard, spectrum)
            assert matched is not None
            result |= {"matched": matched, "encoder": self.by_encoder(code, reference_code, matched)}
        return result

    def _window_doses(self, wet: Audio, spectrum: Spectrum, reference_code: FloatArray, term_db: Float64Array) -> dict[str, list[float]]:
        windows = windows_of(wet, SAMPLE_RATE_HZ, WINDOW_SAMPLES)
        result: dict[str, list[float]] = {"spectrum": [], "matched": [], "encoder": []}
        for window, code in zip(windows, self.codes(wet), strict=True):
            for name, compared in self._differences(
                self.measure(Audio(window[np.newaxis], SAMPLE_RATE_HZ)), code, spectrum, reference_code
            ).items():
                result[name].append(compared.dose(term_db))
        return result

    def _decode(self, z: FloatArray) -> Float64Array:
        with torch.no_grad():
            params: Float64Array = self.teacher.decoder(torch.from_numpy(np.asarray(z, dtype=np.float32)[np.newaxis]))[0].double().numpy()
        return params


def _settings(teacher: EqAutoencoder, z: torch.Tensor) -> EqSettings:
    params = teacher.decoder(z)[0].double().numpy()
    return teacher.layout.from_vector(teacher.layout.clip(params))


def _share_in_order(by_dose: Sequence[Sequence[float]]) -> float:
    """Return the share of pairs of windows, one of a smaller dose and one of a larger, that were found in that order."""
    shares = [
        np.mean(np.array(by_dose[more])[:, np.newaxis] > np.array(by_dose[less])[np.newaxis])
        for more in range(len(by_dose))
        for less in range(more)
    ]
    return float(np.mean(shares))


def _alternate(audio: Audio) -> tuple[Audio, Audio]:
    """Return the even and the odd seconds."""
    second = int(audio.sample_rate_hz)
    parts = [audio.samples[:, start : start + second] for start in range(0, audio.frames, second)]
    even, odd = (np.concatenate(parts[first::2], axis=1) for first in (0, 1))
    return Audio(even, audio.sample_rate_hz), Audio(odd, audio.sample_rate_hz)


def _halves(audio: Audio) -> tuple[Audio, Audio]:
    middle = audio.frames // 2
    return Audio(audio.samples[:, :middle], audio.sample_rate_hz), Audio(audio.samples[:, middle:], audio.sample_rate_hz)


def table(metrics: Mapping[str, float]) -> list[str]:
    """Return the lines of a table for people: a row for each task and estimator, a column for each measure."""
    lines = [f"{'reference':<12}{'estimator':<12}" + "".join(f"{name:>15}" for name in MEASURES)]
    for task in TASKS:
        for name in ESTIMATORS:
            cells = [metrics.get(f"{task}_{name}_{measure_name}") for measure_name in MEASURES]
            if any(value is not None for value in cells):
                lines.append(f"{task:<12}{name:<12}" + "".join(f"{_cell(value):>15}" for value in cells))
    return lines


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 3) + 0.0:.3f}"  # no -0.000
