"""The manifest of a bundle: what is inside, in which units, made from which data. See SPEC.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from semeq_export.bundle.store import CENTROIDS
from semeq_export.eq.settings import EqLayout
from semeq_export.errors import BundleFormatError, BundleIntegrityError, BundleVersionError, InvalidEqError
from semeq_export.files import strict_json
from semeq_export.words.terms import MAX_TERM_CHARS, MAX_TERMS

SCHEMA_MAJOR, SCHEMA_MINOR = 1, 1
SCHEMA = f"{SCHEMA_MAJOR}.{SCHEMA_MINOR}"
MAX_LATENT_DIM = 1_024
MAX_SLOTS = 64
MAX_WINDOW_SAMPLES = 4_000_000
MAX_TEXT_CHARS = 500
MAX_BLEND_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data set that the weights learned from. license: what its source states, or "none stated"."""

    name: str
    citation: str
    license: str
    rows: int


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """One ONNX file with a single input and a single output, both float32. Shapes are fixed; batch is 1."""

    file: str
    input: str
    output: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    opset: int


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """How the audio encoder came to be. Fields are those of `TrainingRecord`, and:

    eq_weights_sha256: of the EQ model whose codes it learned. architecture: its kind. windows: of audio learned from, by kind of source.
    metrics: name -> value, each measured on sources that the encoder had not heard.
    """

    recipe: str
    recipe_sha256: str
    weights_sha256: str
    eq_weights_sha256: str
    architecture: str
    windows: Mapping[str, int]
    seed: int
    steps: int
    threads: int
    processor: str
    torch: str
    metrics: Mapping[str, float]

    @property
    def scores(self) -> dict[str, float]:
        """How well doses are known by the "encoder" and by the "spectrum" (as adaptation measures it) on sources that were left out.

        R2 with the same file as reference, mean of both ways to split it; {} where nothing was left out.
        """
        wanted = {"encoder": "encoder", "spectrum": "matched"}
        keys = {name: [f"{task}_{of}_r2" for task in ("alternate", "halves")] for name, of in wanted.items()}
        if not self.metrics.get("sources_left_out") or any(key not in self.metrics for of in keys.values() for key in of):
            return {}
        return {name: sum(self.metrics[key] for key in of) / len(of) for name, of in keys.items()}

    @property
    def better_estimator(self) -> str:
        """The better of "encoder" and "spectrum"; the spectrum where both are equal or nothing was left out."""
        scores = self.scores
        return "encoder" if scores and scores["encoder"] > scores["spectrum"] else "spectrum"


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The audio encoder: a graph from a mono waveform (1, window_samples) at sample_rate_hz to z (1, latent_dim).

    flat: (latent_dim,) the code of no EQ. What sets audio apart from a reference is the decoder's answer to flat + z(audio) - z(reference).
    """

    graph: GraphSpec
    sample_rate_hz: int
    window_samples: int
    flat: tuple[float, ...]
    training: EncoderRecord | None = None


@dataclass(frozen=True, slots=True)
class BlendSpec:
    """That sums in the latent are sums of sound: decode(sum of w z) follows the sum of w times the words' curves, w of either sign.

    max_weight: the largest sum of |w| for which that holds, at least 1. n_codes: how many numbers of z, the first ones, are linear in dB.
    """

    max_weight: float
    n_codes: int

    def share(self, total: float) -> float:
        """Return what weights, whose absolute values sum up to total (above 0), are multiplied by before they are decoded.

        The gains that come out are divided by it: a sum beyond 1..max_weight is decoded at the end of that range, and made larger.
        """
        return min(max(total, 1.0), self.max_weight) / total


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size in bytes and SHA-256 (hex) of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """How the weights came to be; the only source of quoted quality figures.

    rows: usable rows per data set. steps: optimiser steps of the shipped model. metrics: name -> value, measured on held-out rows only.
    recipe_sha256, weights_sha256: of the committed recipe and of the weights file. threads, processor, torch: what byte-identity depends
    on.
    """

    recipe: str
    recipe_sha256: str
    weights_sha256: str
    rows: Mapping[str, int]
    seed: int
    steps: int
    threads: int
    processor: str
    torch: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything a reader must know before it opens another file. The decoder's output is the layout's vector in dB, Hz and Q.

    blend: None where a sum of words means nothing exact, as in schema 1.0. word_order: words in the order of their numbers for plug-in
    hosts, those that are gone included; empty where numbers are alphabetical.
    """

    schema: str
    name: str
    version: str
    license: str
    generator: str
    data: tuple[DataSource, ...]
    latent_dim: int
    layout: EqLayout
    decoder: GraphSpec
    eq_encoder: GraphSpec | None
    audio_encoder: EncoderSpec | None
    training: TrainingRecord
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    blend: BlendSpec | None = None
    word_order: tuple[str, ...] = ()

    @property
    def graphs(self) -> tuple[GraphSpec, ...]:
        """All graphs of the bundle, the decoder first."""
        audio = self.audio_encoder.graph if self.audio_encoder is not None else None
        return tuple(graph for graph in (self.decoder, self.eq_encoder, audio) if graph is not None)

    @property
    def identity(self) -> str:
        """SHA-256 of what decides what words mean, as "Integrity and versions" of SPEC.md says; no card or audio encoder changes it.

        Raises BundleIntegrityError where the manifest does not list these files.
        """
        decides = (self.decoder.file, CENTROIDS)
        for name in decides:
            if name not in self.files:
                raise BundleIntegrityError(f"{name} is needed but not in the bundle")
        return hashlib.sha256("".join(f"{self.files[name].sha256}\n" for name in decides).encode()).hexdigest()

    def to_json(self) -> bytes:
        """Return the manifest as JSON: byte-stable. What schema 1.0 does not have is left out where there is none of it."""
        document = msgspec.to_builtins(self)
        absent = [name for name in ("blend", "word_order") if not document[name]]
        return strict_json.dumps({name: value for name, value in document.items() if name not in absent})

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Return the manifest of a manifest.json.

        Raises BundleVersionError for another major schema version, BundleFormatError for anything else that is wrong.
        """
        try:
            document = strict_json.loads(data)
        except ValueError as error:
            raise BundleFormatError(f"manifest.json: {error}") from error
        _check_schema(document)
        try:
            manifest = msgspec.convert(document, cls, strict=True)
        except (ValueError, InvalidEqError) as error:
            raise BundleFormatError(f"manifest.json: {error}") from error
        manifest.check()
        return manifest

    def check(self) -> None:
        """Raise BundleFormatError unless sizes, names, ranges and graph shapes fit each other."""
        _check_texts(self)
        _check_layout(self.layout)
        n_params = len(self.layout.params)
        if not 1 <= self.latent_dim <= MAX_LATENT_DIM:
            raise _wrong("latent_dim", f"{self.latent_dim} is outside 1..{MAX_LATENT_DIM}")
        _check_graph("decoder", self.decoder, (1, self.latent_dim), (1, n_params))
        if self.eq_encoder is not None:
            _check_graph("eq_encoder", self.eq_encoder, (1, n_params), (1, self.latent_dim))
        if self.audio_encoder is not None:
            window = self.audio_encoder.window_samples
            if not (8_000 <= self.audio_encoder.sample_rate_hz <= 384_000 and 1 <= window <= MAX_WINDOW_SAMPLES):
                raise _wrong("audio_encoder", f"{window} samples at {self.audio_encoder.sample_rate_hz} Hz is no window of audio")
            _check_graph("audio_encoder", self.audio_encoder.graph, (1, window), (1, self.latent_dim))
            flat = self.audio_encoder.flat
            if len(flat) != self.latent_dim or not all(-1.0 <= number <= 1.0 for number in flat):
                raise _wrong("audio_encoder", f"flat is not {self.latent_dim} numbers in -1..1")
        _check_words(self.blend, self.word_order, self.latent_dim)
        for name, entry in self.files.items():
            if entry.size < 0 or not re.fullmatch(r"[0-9a-f]{64}", entry.sha256):
                raise _wrong("files", f"{name[:60]!r} has no size and SHA-256")


def _wrong(field: str, why: str) -> BundleFormatError:
    return BundleFormatError(f"manifest.json: {field}: {why}")


def _check_texts(manifest: Manifest) -> None:
    """These texts reach terminals and Markdown: one printable line each."""
    record, sources = manifest.training, manifest.data
    texts = {
        "name": manifest.name,
        "version": manifest.version,
        "license": manifest.license,
        "generator": manifest.generator,
        "layout.name": manifest.layout.name,
        **{f"data[{i}]": text for i, source in enumerate(sources) for text in (source.name, source.citation, source.license)},
        **{f"training.{name}": getattr(record, name) for name in ("recipe", "processor", "torch")},
    }
    if manifest.audio_encoder is not None and manifest.audio_encoder.training is not None:
        heard = manifest.audio_encoder.training
        texts |= {f"audio_encoder.{name}": getattr(heard, name) for name in ("recipe", "architecture", "processor", "torch")}
    for field_name, text in texts.items():
        if not text or len(text) > MAX_TEXT_CHARS or not text.isprintable():
            raise _wrong(field_name, f"{text[:60]!r} is not one printable line of 1..{MAX_TEXT_CHARS} characters")


def _check_layout(layout: EqLayout) -> None:
    if not 1 <= len(layout.slots) <= MAX_SLOTS:
        raise _wrong("layout", f"{len(layout.slots)} bands, expected 1..{MAX_SLOTS}")
    for number, slot in enumerate(layout.slots, start=1):
        units = [spec.unit for spec in slot.params]
        if units != ["dB", "Hz", "q"][: len(units)]:
            raise _wrong("layout", f"band {number} has units {', '.join(units)}, expected dB, Hz and q")


def _check_words(blend: BlendSpec | None, order: tuple[str, ...], latent_dim: int) -> None:
    if blend is not None and not (1.0 <= blend.max_weight <= MAX_BLEND_WEIGHT and 1 <= blend.n_codes <= latent_dim):
        raise _wrong("blend", f"{blend.n_codes} codes up to a weight of {blend.max_weight:g} is no range of sums")
    if len(order) > MAX_TERMS or len(set(order)) != len(order):
        raise _wrong("word_order", f"more than {MAX_TERMS} words, or one of them twice")
    for word in order:
        if not (0 < len(word) <= MAX_TERM_CHARS and word.isprintable()):
            raise _wrong("word_order", f"{word[:60]!r} is no word")


def _check_graph(field_name: str, graph: GraphSpec, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
    if graph.input_shape != input_shape or graph.output_shape != output_shape:
        found = f"{list(graph.input_shape)} -> {list(graph.output_shape)}"
        raise _wrong(field_name, f"shapes {found}, expected {list(input_shape)} -> {list(output_shape)}")
    if not graph.file.endswith(".onnx"):
        raise _wrong(field_name, f"file {graph.file[:60]!r} is no .onnx")


def _check_schema(document: Any) -> None:  # Any: parsed JSON of any shape
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", schema):
        raise BundleFormatError("manifest.json: no schema version such as 1.0")
    major = schema.partition(".")[0]
    if int(major) > SCHEMA_MAJOR:
        raise BundleVersionError(f"made by a newer version (schema {schema}), this one reads up to {SCHEMA_MAJOR}.x")
    if int(major) < SCHEMA_MAJOR:
        raise BundleVersionError(f"made by an older version (schema {schema}), this one reads {SCHEMA_MAJOR}.x")
