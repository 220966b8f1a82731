"""A tiny synthetic bundle, made with onnx.helper: four latent numbers that mean bass, treble, middle and nothing."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from semeq_export.bundle import flat, store, vectors
from semeq_export.bundle.card import model_card
from semeq_export.bundle.inference import AudioEncoder, Decoder, EqEncoder
from semeq_export.bundle.loading import write_bundle
from semeq_export.bundle.manifest import SCHEMA, DataSource, EncoderRecord, EncoderSpec, FileEntry, GraphSpec, Manifest, TrainingRecord
from semeq_export.bundle.store import CENTROIDS, FLAT, README
from semeq_export.eq.settings import SAFE_13, EqLayout
from semeq_export.words.terms import CentroidBank, Term

LATENT_DIM = 4
WINDOW_SAMPLES = 8_000
OPSET = 18
GAINS = {"low_shelf_gain_db": (1.5, -0.5, 0.0, 0.2), "peak2_gain_db": (0.0, 0.0, 2.0, 0.0), "high_shelf_gain_db": (-0.7, 1.6, 0.0, 0.1)}
WORDS = {
    "warm": (0.8, -0.3, 0.0, 0.0),
    "bright": (-0.6, 0.9, 0.0, 0.0),
    "airy": (-0.1, 0.7, 0.2, 0.0),
    "harsh": (0.0, 0.3, 0.9, 0.0),
    "cálido": (0.7, -0.2, 0.0, 0.1),
}


def bank() -> CentroidBank:
    terms = [
        Term(word, z, "en" if word.isascii() else "es", 10 * (i + 1), agreement=0.1 * i, typical_intensity=1.5, sources={"tiny": 5})
        for i, (word, z) in enumerate(WORDS.items())
    ]
    return CentroidBank(terms)


def manifest(layout: EqLayout = SAFE_13) -> Manifest:
    n = len(layout.params)
    return Manifest(
        schema=SCHEMA,
        name="tiny",
        version="0.1",
        license="MIT",
        generator="tests",
        data=(DataSource("tiny", "nobody, never", "none stated", 5),),
        latent_dim=LATENT_DIM,
        layout=layout,
        decoder=GraphSpec("decoder.onnx", "z", "params", (1, LATENT_DIM), (1, n), OPSET),
        eq_encoder=GraphSpec("eq_encoder.onnx", "params", "z", (1, n), (1, LATENT_DIM), OPSET),
        audio_encoder=None,
        training=TrainingRecord("tiny.toml", "0" * 64, "0" * 64, {"tiny": 5}, 1, 10, 1, "none", "2.13.0", {"curve_mae_db": 0.5}),
    )


def audio_spec(**metrics: float) -> EncoderSpec:
    """A second at 8 kHz. metrics: of its record."""
    graph = GraphSpec("audio_encoder.onnx", "audio", "z", (1, WINDOW_SAMPLES), (1, LATENT_DIM), OPSET)
    record = EncoderRecord(
        "ear.toml", "1" * 64, "2" * 64, "0" * 64, "separable", {"pink": 8, "real": 20}, 1, 10, 1, "none", "2.13.0", metrics
    )
    return EncoderSpec(graph, WINDOW_SAMPLES, WINDOW_SAMPLES, (0.0,) * LATENT_DIM, record)


def hearing_manifest(**metrics: float) -> Manifest:
    """The manifest with an audio encoder."""
    return replace(manifest(), audio_encoder=audio_spec(**metrics))


def hearing_files() -> dict[str, bytes]:
    """All files of the bundle with an audio encoder."""
    spec = audio_spec()
    encoder = AudioEncoder(audio_encoder_model().SerializeToString(), spec)
    return {
        **files(),
        "audio_encoder.onnx": encoder.graph.data,
        **vectors.make_audio_vectors(encoder, spec.sample_rate_hz, spec.window_samples),
        README: model_card(hearing_manifest(), bank()),
    }


def files(layout: EqLayout = SAFE_13) -> dict[str, bytes]:
    """All files of the bundle but manifest.json."""
    spec, words = manifest(layout), bank()
    weight = decoder_weight(layout)
    decoder, encoder = decoder_model(layout).SerializeToString(), encoder_model(layout).SerializeToString()
    assert spec.eq_encoder is not None
    return {
        "decoder.onnx": decoder,
        "eq_encoder.onnx": encoder,
        FLAT: flat.pack([flat.Dense(weight, np.zeros(len(weight), np.float32))], layout),
        CENTROIDS: words.to_json(),
        README: model_card(spec, words),
        **vectors.make_vectors(Decoder(decoder, spec.decoder, layout), EqEncoder(encoder, spec.eq_encoder), words, layout),
    }


def write(path: object, *, zipped: bool = False, overwrite: bool = False, **replaced: bytes | None) -> Manifest:
    """Write the tiny bundle. replaced: content by name with "__" for "." and "_of_" for "/", None to leave a file out."""
    changes = {name.replace("_of_", "/").replace("__", "."): data for name, data in replaced.items()}
    content = {name: data for name, data in (files() | changes).items() if data is not None}
    return write_bundle(path, manifest(), content, zipped=zipped, overwrite=overwrite)  # type: ignore[arg-type]


def sealed(content: dict[str, bytes], spec: Manifest | None = None) -> dict[str, bytes]:
    """All files with a manifest whose hashes are right, whatever the content: hostile bundles with valid hashes."""
    entries = {name: FileEntry(len(data), hashlib.sha256(data).hexdigest()) for name, data in content.items()}
    return {**content, store.MANIFEST: replace(spec or manifest(), files=entries).to_json()}


def decoder_weight(layout: EqLayout = SAFE_13) -> np.ndarray:
    return np.array([GAINS.get(spec.name, (0.0,) * LATENT_DIM) for spec in layout.params], dtype=np.float32)


def decoder_model(layout: EqLayout = SAFE_13) -> ModelProto:
    """z -> sigmoid(W z) on every range, even in Hz and Q on a log scale."""
    is_log = np.array([spec.scale == "log" for spec in layout.params])
    low = np.array([math.log(s.minimum) if s.scale == "log" else s.minimum for s in layout.params], dtype=np.float32)
    high = np.array([math.log(s.maximum) if s.scale == "log" else s.maximum for s in layout.params], dtype=np.float32)
    constants = {"weight": decoder_weight(layout).T, "low": low, "span": high - low, "is_log": is_log, "zero": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("MatMul", ["z", "weight"], ["raw"]),
        helper.make_node("Sigmoid", ["raw"], ["position"]),
        helper.make_node("Mul", ["position", "span"], ["scaled"]),
        helper.make_node("Add", ["scaled", "low"], ["even"]),
        helper.make_node("Where", ["is_log", "even", "zero"], ["exponent"]),
        helper.make_node("Exp", ["exponent"], ["physical"]),
        helper.make_node("Where", ["is_log", "physical", "even"], ["params"]),
    ]
    return model(nodes, constants, ("z", (1, LATENT_DIM)), ("params", (1, len(layout.params))))


def encoder_model(layout: EqLayout = SAFE_13) -> ModelProto:
    """params -> z: the decoder's inverse, gain = 12 tanh(W z / 2) solved for z."""
    inverse = np.linalg.pinv(decoder_weight(layout).astype(np.float64)).T.astype(np.float32)
    constants = {"twelve": 12.0, "one": 1.0, "low": -0.9999, "high": 0.9999}
    nodes = [
        helper.make_node("Div", ["params", "twelve"], ["share"]),
        helper.make_node("Clip", ["share", "low", "high"], ["inside"]),
        helper.make_node("Add", ["one", "inside"], ["top"]),
        helper.make_node("Sub", ["one", "inside"], ["bottom"]),
        helper.make_node("Div", ["top", "bottom"], ["ratio"]),
        helper.make_node("Log", ["ratio"], ["raw"]),
        helper.make_node("MatMul", ["raw", "weight"], ["z"]),
    ]
    arrays = {"weight": inverse, **{name: np.array(value, np.float32) for name, value in constants.items()}}
    return model(nodes, arrays, ("params", (1, len(layout.params))), ("z", (1, LATENT_DIM)))


def audio_encoder_model() -> ModelProto:
    """audio -> tanh of the tones at 250, 500, 1000 and 2000 Hz in it, relative to its peak."""
    time_s = np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES
    tones = np.sin(2 * np.pi * np.outer(time_s, 250.0 * 2.0 ** np.arange(LATENT_DIM))).astype(np.float32)
    nodes = [
        helper.make_node("Abs", ["audio"], ["size"]),
        helper.make_node("ReduceMax", ["size"], ["peak"], keepdims=1),
        helper.make_node("Max", ["peak", "least"], ["bounded"]),
        helper.make_node("Div", ["audio", "bounded"], ["loud"]),
        helper.make_node("MatMul", ["loud", "tones"], ["sums"]),
        helper.make_node("Mul", ["sums", "share"], ["part"]),
        helper.make_node("Tanh", ["part"], ["z"]),
    ]
    constants = {"tones": tones, "least": np.array(1e-30, np.float32), "share": np.array(1e-3, np.float32)}
    return model(nodes, constants, ("audio", (1, WINDOW_SAMPLES)), ("z", (1, LATENT_DIM)))


def model(
    nodes: list[object], constants: dict[str, np.ndarray], source: tuple[str, tuple[int, ...]], result: tuple[str, tuple[int, ...]]
) -> ModelProto:
    graph = helper.make_graph(
        nodes,  # type: ignore[arg-type]
        "tiny",
        [helper.make_tensor_value_info(source[0], TensorProto.FLOAT, source[1])],
        [helper.make_tensor_value_info(result[0], TensorProto.FLOAT, result[1])],
        [numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
