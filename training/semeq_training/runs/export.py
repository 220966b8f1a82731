"""From a complete run to a bundle: graphs in three formats, compared with each other before anything is written."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.bundle import flat, vectors
from semeq_export.bundle.card import model_card
from semeq_export.bundle.inference import AudioEncoder, Decoder, EqEncoder
from semeq_export.bundle.loading import load_bundle, write_bundle
from semeq_export.bundle.manifest import SCHEMA, BlendSpec, DataSource, EncoderSpec, GraphSpec, Manifest
from semeq_export.bundle.store import CENTROIDS, EVIDENCE, FLAT, GUESSES, README
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.errors import TrainingError, printable
from semeq_export.files.disk import check_output_folder
from semeq_export.words.order import word_order
from semeq_training.audio_models import SAMPLE_RATE_HZ, WINDOW_SAMPLES
from semeq_training.fitting.blends import MAX_AMOUNT
from semeq_training.fitting.loop import deterministic
from semeq_training.models import EqDecoder, ResidualBlock
from semeq_training.runs import onnx_graph, torchscript
from semeq_training.runs.audio_run import EncoderRun, read_encoder_run
from semeq_training.runs.run import LAYOUT, Run, read_run

OPSET = 18
GAIN_TOLERANCE_DB, RELATIVE_TOLERANCE, RESPONSE_TOLERANCE_DB, Z_TOLERANCE = 1e-4, 1e-5, 0.01, 1e-4
_N_RANDOM, _N_AUDIO = 64, 6
AUDIO_ENCODER = "audio_encoder"
"""The folder in a run that holds the run of its audio encoder."""

_SOURCES = {
    "safe": (
        "SAFE-DB equaliser settings",
        "R. Stables, S. Enderby, B. De Man, G. Fazekas, J. D. Reiss, SAFE: a system for the extraction and retrieval of semantic audio "
        "descriptors, ISMIR 2014",
    ),
    "socialeq": (
        "SocialEQ / SocialFX equaliser curves",
        "M. Cartwright, B. Pardo, SocialEQ: crowdsourcing an equalization descriptor map, ISMIR 2013; T. Zheng, P. Seetharaman, B. Pardo, "
        "SocialFX: studying a crowdsourced folksonomy of audio effects terms, ACM Multimedia 2016",
    ),
}


def export(
    path: Path,
    out: str | os.PathLike[str],
    *,
    encoder: Path | None = None,
    former: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write the bundle of a complete run and return its manifest; equal runs give equal bytes.

    encoder: run of an audio encoder that goes with it; the run's own, in its folder `audio_encoder`, where left out and there.
    former: a bundle that this one succeeds: its words keep the numbers that they have in plug-in hosts.
    Raises TrainingError where a run is not complete, the encoder speaks the codes of another EQ model, or two formats of a graph differ by
    more than the tolerances above; else as `write_bundle` does.
    """
    run = read_run(path)
    own = Path(path) / AUDIO_ENCODER
    folder = encoder or (own if own.is_dir() else None)
    listening = _encoder_for(run, folder) if folder is not None else None
    numbered = load_bundle(former).manifest.word_order if former is not None else ()
    check_output_folder(out, overwrite=overwrite)
    with deterministic(1):
        manifest, files = _files(run, listening, numbered)
    return write_bundle(out, manifest, files, overwrite=overwrite)


def _encoder_for(run: Run, folder: Path) -> EncoderRun:
    listening = read_encoder_run(folder)
    learned, wanted = listening.record.eq_weights_sha256, run.record.weights_sha256
    if learned != wanted:
        raise TrainingError(
            f"{printable(folder)}: the audio encoder learned the codes of another EQ model (weights {learned[:12]}, this run has "
            f"{wanted[:12]}); train it again with: semeq-export train encoder `eq_run` {printable(run.path)}"
        )
    return listening


def _files(run: Run, listening: EncoderRun | None, numbered: tuple[str, ...]) -> tuple[Manifest, dict[str, bytes]]:
    manifest = replace(_manifest(run, listening), word_order=word_order(run.bank, numbered))
    decoder, encoder = run.model.decoder.eval(), run.model.encoder.eval()
    assert manifest.eq_encoder is not None
    decoder_script, encoder_script = torchscript.to_bytes(run.model)
    files = {
        "decoder.onnx": onnx_graph.to_bytes(decoder, manifest.decoder),
        "eq_encoder.onnx": onnx_graph.to_bytes(encoder, manifest.eq_encoder),
        "decoder.pt": decoder_script,
        "eq_encoder.pt": encoder_script,
        FLAT: flat.pack(_flat_layers(decoder), LAYOUT),
        CENTROIDS: run.bank.to_json(),
        EVIDENCE: run.evidence.to_json(),
        **({GUESSES: run.guesses.to_json()} if run.guesses is not None else {}),
    }
    onnx_decoder = Decoder(files["decoder.onnx"], manifest.decoder, LAYOUT)
    onnx_encoder = EqEncoder(files["eq_encoder.onnx"], manifest.eq_encoder)
    files |= vectors.make_vectors(_in_float64(decoder), _in_float64(encoder), run.bank, LAYOUT)
    _compare(run, files, onnx_decoder, onnx_encoder)
    if listening is not None:
        assert manifest.audio_encoder is not None
        files |= _audio_files(listening, manifest.audio_encoder)
    files[README] = model_card(manifest, run.bank)
    return manifest, files


def _audio_files(listening: EncoderRun, spec: EncoderSpec) -> dict[str, bytes]:
    """Return the audio encoder in both formats, with its vectors; raises TrainingError where they differ from torch."""
    model = listening.model.eval()
    files = {
        spec.graph.file: onnx_graph.to_bytes(model, spec.graph),
        "audio_encoder.pt": torchscript.audio_to_bytes(model, listening.recipe.recipe),
        **vectors.make_audio_vectors(lambda window: _in_float64(model)(window[np.newaxis])[0], spec.sample_rate_hz, spec.window_samples),
    }
    rng = np.random.default_rng(1)
    audio = rng.standard_normal((_N_AUDIO, spec.window_samples)) * 10.0 ** rng.uniform(-3.0, 0.0, (_N_AUDIO, 1))
    audio[-1] = np.cumsum(audio[-1]) * 1e-3
    rows = np.concatenate([audio, np.zeros((1, spec.window_samples))]).astype(np.float32)
    with torch.no_grad():
        codes = model(torch.from_numpy(rows)).numpy()
    (scripted,) = torchscript.run_files((files["audio_encoder.pt"], spec.graph, rows))
    for name, found in (("onnx runtime", _rows(AudioEncoder(files[spec.graph.file], spec), rows)), ("torchscript", scripted)):
        _check(f"audio encoder in {name}: z", np.abs(found - codes), Z_TOLERANCE, "")
    return files


def _encoder_spec(listening: EncoderRun) -> EncoderSpec:
    flat_z = tuple(float(number) for number in listening.model.flat.tolist())
    graph = GraphSpec("audio_encoder.onnx", "audio", "z", (1, WINDOW_SAMPLES), (1, len(flat_z)), OPSET)
    return EncoderSpec(graph, SAMPLE_RATE_HZ, WINDOW_SAMPLES, flat_z, listening.record)


def _manifest(run: Run, listening: EncoderRun | None) -> Manifest:
    recipe, record = run.recipe.recipe, run.record
    n_params, latent_dim = len(LAYOUT.params), recipe.latent_dim
    return Manifest(
        schema=SCHEMA,
        name=recipe.name,
        version=recipe.version,
        license="MIT",
        generator="semeq-export train export",
        data=tuple(DataSource(*_SOURCES[dataset], "none stated", rows) for dataset, rows in record.rows.items()),
        latent_dim=latent_dim,
        layout=LAYOUT,
        decoder=GraphSpec("decoder.onnx", "z", "params", (1, latent_dim), (1, n_params), OPSET),
        eq_encoder=GraphSpec("eq_encoder.onnx", "params", "z", (1, n_params), (1, latent_dim), OPSET),
        audio_encoder=_encoder_spec(listening) if listening is not None else None,
        training=replace(record, metrics={**record.metrics, **run.evaluation}),
        blend=BlendSpec(MAX_AMOUNT, latent_dim - n_params) if recipe.encoder == "codes" else None,
    )


def _in_float64(module: nn.Module) -> Callable[[FloatArray], Float64Array]:
    """Return the module as a function of one row, evaluated in float64: its first 8 digits are the same on every processor."""
    double = copy.deepcopy(module).double()

    def call(row: FloatArray) -> Float64Array:
        with torch.no_grad():
            result: Float64Array = double(torch.from_numpy(np.asarray(row, dtype=np.float64))).numpy()
        return result

    return call


def _flat_layers(decoder: EqDecoder) -> list[flat.Layer]:
    blocks = [block for block in decoder.blocks if isinstance(block, ResidualBlock)]
    return [_dense(decoder.neck), *(_residual(block) for block in blocks), _dense(decoder.head)]


def _dense(linear: nn.Linear) -> flat.Dense:
    return flat.Dense(linear.weight.detach().numpy(), linear.bias.detach().numpy())


def _norm(norm: nn.LayerNorm) -> flat.Norm:
    return flat.Norm(norm.weight.detach().numpy(), norm.bias.detach().numpy())


def _residual(block: ResidualBlock) -> flat.Residual:
    return flat.Residual(_dense(block.first), _norm(block.first_norm), _dense(block.second), _norm(block.second_norm), _dense(block.skip))


def _compare(run: Run, files: dict[str, bytes], onnx_decoder: Decoder, onnx_encoder: EqEncoder) -> None:
    """Raise TrainingError unless all formats of both graphs agree on every word, random latents and corners."""
    rng = np.random.default_rng(1)
    latent_dim = run.recipe.recipe.latent_dim
    z = np.concatenate([[t.z for t in run.bank.values()], rng.uniform(-1, 1, (_N_RANDOM, latent_dim)), np.ones((1, latent_dim))])
    z = z.astype(np.float32)
    with torch.no_grad():
        params = run.model.decoder(torch.from_numpy(z)).numpy()
        codes = run.model.encoder(torch.from_numpy(params)).numpy()
    scripted = torchscript.run_files(
        (files["decoder.pt"], onnx_decoder.graph.spec, z), (files["eq_encoder.pt"], onnx_encoder.graph.spec, params)
    )
    decoders: dict[str, Float64Array] = {
        "onnx runtime": _rows(onnx_decoder, z),
        "torchscript": scripted[0].astype(np.float64),
        "flat weights": _rows(flat.unpack(files[FLAT]), z),
    }
    for name, found in decoders.items():
        _check_params(name, params.astype(np.float64), found)
    for name, found in (("onnx runtime", _rows(onnx_encoder, params)), ("torchscript", scripted[1].astype(np.float64))):
        _check(f"eq encoder in {name}: z", np.abs(found - codes), Z_TOLERANCE, "")


def _rows(function: Callable[[FloatArray], FloatArray], inputs: FloatArray) -> Float64Array:
    return np.array([function(row) for row in inputs], dtype=np.float64)


def _check_params(name: str, wanted: Float64Array, found: Float64Array) -> None:
    is_gain = np.array([spec.unit == "dB" for spec in LAYOUT.params])
    difference = np.abs(found - wanted)
    _check(f"decoder in {name}: gain", difference[:, is_gain], GAIN_TOLERANCE_DB, " dB")
    _check(f"decoder in {name}: frequency or q", (difference / wanted)[:, ~is_gain], RELATIVE_TOLERANCE, " relative")
    grid = log_grid()
    curves = [np.array([response_db(LAYOUT.from_vector(LAYOUT.clip(row)), grid, 48_000.0) for row in rows]) for rows in (wanted, found)]
    _check(f"decoder in {name}: response", np.abs(curves[0] - curves[1]), RESPONSE_TOLERANCE_DB, " dB")


def _check(what: str, differences: FloatArray, tolerance: float, unit: str) -> None:
    worst = float(np.max(differences))
    if not worst <= tolerance:
        raise TrainingError(f"{what} differs from torch by {worst:.3g}{unit}, more than {tolerance:g}; nothing written")
