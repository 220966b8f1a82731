"""The graphs as functions: right shapes, right ranges, and no number that is not finite in or out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import bundles
import numpy as np
import pytest
from onnx import helper

from semeq_export.bundle.inference import Decoder, EqEncoder
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import BundleFormatError, InvalidEqError

SPEC = bundles.manifest().decoder
ENCODER_SPEC = bundles.manifest().eq_encoder
assert ENCODER_SPEC is not None


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(bundles.decoder_model().SerializeToString(), SPEC, SAFE_13)


@pytest.fixture(scope="module")
def encoder() -> EqEncoder:
    assert ENCODER_SPEC is not None
    return EqEncoder(bundles.encoder_model().SerializeToString(), ENCODER_SPEC)


def test_decoder_gives_physical_values_in_layout_order(decoder: Decoder) -> None:
    values = decoder(np.array([0.8, 0.0, 0.0, 0.0]))
    assert values.shape == (13,)
    assert values.dtype == np.float64
    sigmoid = 1.0 / (1.0 + np.exp(-0.8 * 1.5))
    assert values[0] == pytest.approx(-12.0 + 24.0 * sigmoid, abs=1e-5)
    assert values[1] == pytest.approx(np.sqrt(22.0 * 1_000.0), rel=1e-6)
    SAFE_13.from_vector(values)


def test_both_shapes_and_both_float_types_give_the_same_answer(decoder: Decoder) -> None:
    z = np.array([0.1, -0.2, 0.3, 0.4], dtype=np.float32)
    wanted = decoder(z)
    for variant in (z[np.newaxis], z.astype(np.float64), list(map(float, z))):
        np.testing.assert_array_equal(decoder(variant), wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((4, 1)), np.zeros((2, 4)), np.float32(1.0)])
def test_wrong_shapes_are_refused(decoder: Decoder, bad: np.ndarray) -> None:
    with pytest.raises(InvalidEqError, match="shape"):
        decoder(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_input_that_is_not_finite_is_refused(decoder: Decoder, encoder: EqEncoder, bad: float) -> None:  # fault E18, A17
    with pytest.raises(InvalidEqError, match="not finite"):
        decoder(np.array([0.0, bad, 0.0, 0.0]))
    params = decoder(np.zeros(4))
    params[5] = bad
    with pytest.raises(InvalidEqError, match="not finite"):
        encoder(params)


def test_large_finite_input_is_not_mistaken_for_infinity(decoder: Decoder) -> None:
    assert np.isfinite(decoder(np.array([3e38, 0.0, 0.0, 0.0]))).all()


def test_output_that_is_not_finite_is_an_error(decoder: Decoder) -> None:  # fault A17, D7
    zero = np.zeros((4, 13), np.float32)
    nodes = [helper.make_node("MatMul", ["z", "zero"], ["zeros"]), helper.make_node("Div", ["zeros", "zeros"], ["params"])]
    model = bundles.model(nodes, {"zero": zero}, ("z", (1, 4)), ("params", (1, 13)))
    with pytest.raises(BundleFormatError, match="not finite"):
        Decoder(model.SerializeToString(), SPEC, SAFE_13)(np.zeros(4))


def test_output_is_clamped_to_the_declared_ranges() -> None:  # fault A17
    node = helper.make_node("MatMul", ["z", "weight"], ["params"])
    model = bundles.model([node], {"weight": np.full((4, 13), 1e5, np.float32)}, ("z", (1, 4)), ("params", (1, 13)))
    decoder = Decoder(model.SerializeToString(), SPEC, SAFE_13)
    np.testing.assert_array_equal(decoder(np.ones(4)), SAFE_13.maximum)
    np.testing.assert_array_equal(decoder(-np.ones(4)), SAFE_13.minimum)


def test_encoder_gives_z_in_its_range(decoder: Decoder, encoder: EqEncoder) -> None:
    z = np.array([0.5, -0.3, 0.2, 0.0])
    back = encoder(decoder(z))
    assert back.shape == (4,)
    assert back.dtype == np.float32
    np.testing.assert_allclose(decoder(back), decoder(z), rtol=1e-5, atol=1e-4)
    assert np.all(np.abs(encoder(SAFE_13.maximum)) <= 1.0)


def test_graphs_run_on_one_thread_and_from_many(decoder: Decoder) -> None:
    options = decoder.graph.session.get_session_options()
    assert options.intra_op_num_threads == options.inter_op_num_threads == 1
    inputs = np.random.default_rng(0).uniform(-1, 1, (200, 4))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(decoder, inputs))
    np.testing.assert_array_equal(together, [decoder(z) for z in inputs])


@pytest.mark.parametrize("data", [b"", b"noise" * 20])
def test_what_the_runtime_refuses_is_our_error_with_the_file(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BundleFormatError, match=r"decoder\.onnx: "):
        Decoder(data, SPEC, SAFE_13)(np.zeros(4))
    assert capfd.readouterr() == ("", "")


def test_graph_with_other_ports_is_refused_at_first_use() -> None:  # fault D8
    data = bundles.decoder_model().SerializeToString()
    for spec, what in ((replace(SPEC, input="latent"), "input"), (replace(SPEC, output_shape=(1, 12)), "output")):
        with pytest.raises(BundleFormatError, match=f"{what} is .*expected"):
            Decoder(data, spec, SAFE_13)(np.zeros(4))
