"""The audio encoder of a bundle: what goes in is checked, what comes out conforms, and what is hostile or damaged is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
import sounds
from onnx import helper

from semeq_export.audio.samples import Audio
from semeq_export.bundle import store, vectors
from semeq_export.bundle.card import model_card
from semeq_export.bundle.graphs import check_graph
from semeq_export.bundle.hearing import code_of, eq_between, windows_of
from semeq_export.bundle.inference import AudioEncoder
from semeq_export.bundle.kit import select
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.manifest import EncoderSpec, Manifest
from semeq_export.bundle.validate import validate
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import AudioError, BundleFormatError, BundleIntegrityError
from semeq_export.files import strict_json

N = bundles.WINDOW_SAMPLES
TONE = (0.1 * np.sin(2 * np.pi * 500.0 * np.arange(N) / N)).astype(np.float32)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return bundles.hearing_files()


@pytest.fixture(scope="module")
def encoder() -> AudioEncoder:
    return AudioEncoder(bundles.audio_encoder_model().SerializeToString(), bundles.audio_spec())


def stored(folder: Path, content: dict[str, bytes], spec: Manifest | None = None) -> Path:
    store.write_files(folder / "x.semeq", bundles.sealed(content, spec or bundles.hearing_manifest()), overwrite=True)
    return folder / "x.semeq"


def errors(path: Path) -> list[str]:
    return [f"{finding.where}: {finding.message}" for finding in validate(path, 3) if finding.severity == "error"]


def test_a_bundle_with_an_audio_encoder_loads_and_conforms(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = stored(tmp_path, files)
    findings = validate(path, 3)
    assert {finding.severity for finding in findings} == {"note"}
    assert vectors.AUDIO_ENCODER in {finding.where for finding in findings}
    loaded = load_bundle(path)
    assert loaded.encoder is not None
    assert (loaded.encoder.sample_rate_hz, loaded.encoder.window_samples) == (N, N)
    z = loaded.encoder(TONE)
    assert np.argmax(z) == 1
    assert load_bundle(write_without(tmp_path)).encoder is None


def write_without(folder: Path) -> Path:
    bundles.write(folder / "deaf.semeq")
    return folder / "deaf.semeq"


def test_the_level_does_not_matter_and_both_shapes_and_types_do(encoder: AudioEncoder) -> None:
    z = encoder(TONE)
    for same in (TONE[np.newaxis], TONE.astype(np.float64), 10.0 * TONE, 0.1 * TONE, 1e-7 * TONE, 1e35 * TONE):
        np.testing.assert_allclose(encoder(same), z, atol=1e-5)
    assert np.isfinite(encoder(np.zeros(N, np.float32))).all()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros(N - 1), "shape"),
        (np.zeros((2, N)), "shape"),
        (np.zeros((N, 1)), "shape"),
        (np.float32(1.0), "expected a numpy array"),
        (np.zeros(N, np.int16), "int16, expected a numpy array of float32"),
        (np.zeros(N, np.float16), "float16"),
        (np.zeros(N, bool), "bool"),
        (np.zeros(N, complex), "complex128"),
        ([0.0] * N, "list"),
    ],
)
def test_other_types_and_shapes_are_refused(encoder: AudioEncoder, bad: object, said: str) -> None:  # fault A14
    with pytest.raises(AudioError, match=said):
        encoder(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_not_finite_are_refused_with_their_place(encoder: AudioEncoder, bad: float) -> None:  # fault E18
    audio = TONE.astype(np.float64)
    audio[123] = bad
    with pytest.raises(AudioError, match="sample 123 is not finite"):
        encoder(audio)


def test_output_that_is_not_finite_is_an_error() -> None:
    zero = np.zeros((N, 4), np.float32)
    nodes = [helper.make_node("MatMul", ["audio", "zero"], ["zeros"]), helper.make_node("Div", ["zeros", "zeros"], ["z"])]
    model = bundles.model(nodes, {"zero": zero}, ("audio", (1, N)), ("z", (1, 4)))
    with pytest.raises(BundleFormatError, match="audio encoder's output is not finite"):
        AudioEncoder(model.SerializeToString(), bundles.audio_spec())(TONE)


def edited(data: bytes, **changes: object) -> bytes:
    return strict_json.dumps(strict_json.loads(data) | changes)


def test_another_answer_or_damaged_vectors_are_findings(tmp_path: Path, files: dict[str, bytes]) -> None:
    name, sound = vectors.AUDIO_ENCODER, vectors.NOISE
    z = strict_json.loads(files[name])["z"]
    cases: list[tuple[str, dict[str, bytes]]] = [
        ("case 2, z[3]", {name: edited(files[name], z=[z[0], [*z[1][:3], z[1][3] + 2e-4]])}),
        ("case 1, z[", {sound: files[vectors.NOTES]}),
        ("2 files at 8000 Hz and 1 outputs", {name: edited(files[name], z=z[:1])}),
        ("rows of 4 numbers", {name: edited(files[name], z=[row[:3] for row in z])}),
        ("a tolerance is outside", {name: edited(files[name], tolerance=2.0)}),
        ("hears 8000 Hz", {name: edited(files[name], sample_rate_hz=9_000)}),
        ("'vectors/other.wav' is not in the bundle", {name: edited(files[name], files=["vectors/other.wav", vectors.NOTES])}),
        ("no WAV file", {sound: files[sound][:20]}),
        ("no WAV file", {sound: b"noise"}),
        ("expected 8000 samples of 16 bits", {sound: files[sound][:-100]}),
    ]
    for said, changes in cases:
        found = errors(stored(tmp_path, files | changes))
        assert len(found) == 1, (said, found)
        assert said in found[0]
    without = {key: data for key, data in files.items() if key != name}
    assert errors(stored(tmp_path, without)) == [f"{name}: {name} is missing"]


def test_a_graph_that_is_missing_or_changed_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = stored(tmp_path, {name: data for name, data in files.items() if name != "audio_encoder.onnx"})
    with pytest.raises(BundleIntegrityError, match=r"audio_encoder\.onnx is needed"):
        load_bundle(path)
    path = stored(tmp_path, files)
    (path / "audio_encoder.onnx").write_bytes(files["audio_encoder.onnx"][:-1] + b"\x00")
    with pytest.raises(BundleIntegrityError, match="differs from its SHA-256"):
        load_bundle(path)


def test_a_convolution_counts_its_products() -> None:
    spec = bundles.audio_spec().graph
    wide = np.zeros((400, 1, 7_000), np.float32)
    nodes = [
        helper.make_node("Unsqueeze", ["audio", "one"], ["row"]),
        helper.make_node("Conv", ["row", "wide"], ["many"], pads=[6_999, 0]),
        helper.make_node("ReduceMax", ["many", "two"], ["most"], keepdims=0),
        helper.make_node("Slice", ["most", "zero", "four", "one"], ["z"]),
    ]
    constants = {"wide": wide, "zero": np.array([0]), "one": np.array([1]), "two": np.array([2]), "four": np.array([4])}
    model = bundles.model(nodes, constants, ("audio", (1, N)), ("z", (1, 4)))
    with pytest.raises(BundleFormatError, match="products and reads, more than"):
        check_graph(model.SerializeToString(), spec)
    check_graph(bundles.audio_encoder_model().SerializeToString(), spec)


@pytest.mark.parametrize("flat", [(), (0.0,) * 3, (0.0, 0.0, 0.0, 1.5)])
def test_the_code_of_no_eq_is_checked(flat: tuple[float, ...]) -> None:
    spec: EncoderSpec = replace(bundles.audio_spec(), flat=flat)
    with pytest.raises(BundleFormatError, match="flat is not 4 numbers"):
        replace(bundles.manifest(), audio_encoder=spec).check()


def test_texts_of_the_record_are_one_printable_line() -> None:
    spec = bundles.audio_spec()
    assert spec.training is not None
    hostile = replace(spec, training=replace(spec.training, recipe="a\x1b[31m"))
    with pytest.raises(BundleFormatError, match=r"audio_encoder\.recipe"):
        replace(bundles.manifest(), audio_encoder=hostile).check()


def scores(encoder: float, matched: float) -> dict[str, float]:
    found = {f"{task}_{name}_r2": r2 for task in ("alternate", "halves") for name, r2 in (("encoder", encoder), ("matched", matched))}
    return {"sources_left_out": 3.0, "files": 7.0, "alternate_encoder_auc": 0.75, **found}


def test_the_card_says_which_estimator_is_better_and_by_how_much() -> None:
    for encoder, matched, better in ((0.4, 0.8, "spectrum"), (0.9, 0.8, "encoder")):
        manifest = bundles.hearing_manifest(**scores(encoder, matched))
        assert manifest.audio_encoder is not None
        assert manifest.audio_encoder.training is not None
        assert manifest.audio_encoder.training.better_estimator == better
        assert Manifest.from_json(manifest.to_json()) == manifest
        card = model_card(manifest, bundles.bank()).decode()
        names = ("third-octave spectrum, weighed by its windows", "audio encoder")
        winner, loser = names if better == "spectrum" else names[::-1]
        said = " ".join(card.split())
        assert f"the {winner} knows doses better, R2 {max(encoder, matched):.3f} against {min(encoder, matched):.3f} of the {loser}" in said
        assert "0.750" in card
        assert "3 sources" in card


def test_the_card_says_when_nothing_is_known_about_unheard_sources() -> None:
    card = model_card(bundles.hearing_manifest(), bundles.bank()).decode()
    assert "not asked about sources that it had not heard" in card
    assert bundles.hearing_manifest().audio_encoder.training.better_estimator == "spectrum"  # type: ignore[union-attr]
    assert "Audio encoder" not in model_card(bundles.manifest(), bundles.bank()).decode()


def test_a_kit_keeps_the_encoder_and_its_vectors(tmp_path: Path, files: dict[str, bytes]) -> None:
    bundle = load_bundle(stored(tmp_path, files))
    assert {"audio_encoder.onnx", vectors.AUDIO_ENCODER, vectors.NOISE, vectors.NOTES} <= select(bundle, terms=["warm"]).keys()


def test_windows_are_of_sound_only_at_the_encoders_rate() -> None:
    tone, pause = sounds.noise(2.0, 44_100.0), np.zeros((1, 2 * 44_100))
    audio = Audio(np.concatenate([tone.samples, pause, tone.samples], axis=1), 44_100.0)
    windows = windows_of(audio, 8_000, 8_000)
    assert windows.shape == (4, 8_000)
    assert windows.dtype == np.float32
    assert len(windows_of(Audio(np.tile(tone.samples, 80), 44_100.0), 8_000, 8_000)) == 60
    short = windows_of(Audio(tone.samples[:, :11_025], 44_100.0), 8_000, 8_000)
    np.testing.assert_array_equal(short[0, :2_000], short[0, 2_000:4_000])


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros((1, 16_000)), "no signal: nothing above -90 dBFS"),
        (1e-6 * np.ones((2, 16_000)), "no signal"),
        (np.ones((1, 80)), "10 ms of audio are too short"),
        (np.zeros((1, 0)), "too short"),
        (np.full((1, 16_000), np.nan), "not finite"),
    ],
)
def test_no_signal_is_said_never_guessed(samples: np.ndarray, said: str) -> None:  # faults A6, A7
    with pytest.raises(AudioError, match=said):
        windows_of(Audio(samples, 8_000.0), 8_000, 8_000)


def test_a_code_is_the_mean_over_windows_and_equal_codes_are_no_eq(encoder: AudioEncoder) -> None:
    audio = sounds.performance(3.0, 8_000.0)
    windows = windows_of(audio, N, N)
    np.testing.assert_allclose(code_of(audio, encoder), np.mean([encoder(window) for window in windows], axis=0), atol=1e-7)
    decoder = load_bundle().decoder
    z = np.zeros(32)
    same = eq_between(z + 0.5, z + 0.5, z, decoder, SAFE_13)
    assert same == SAFE_13.from_vector(decoder(z))
    eq_between(z + 1.0, z - 1.0, z, decoder, SAFE_13)  # clamped to where codes live
