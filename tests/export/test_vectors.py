"""Conformance vectors: what we ship passes, what differs by more than the tolerance does not."""

from __future__ import annotations

import json

import bundles
import numpy as np
import pytest

from semeq_export.arrays import Float64Array
from semeq_export.bundle import flat, vectors
from semeq_export.bundle.inference import Decoder, EqEncoder
from semeq_export.eq.biquad import response_db
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import BundleFormatError

FILES = bundles.files()
SPEC = bundles.manifest()
DECODER = Decoder(FILES["decoder.onnx"], SPEC.decoder, SAFE_13)
assert SPEC.eq_encoder is not None
ENCODER = EqEncoder(FILES["eq_encoder.onnx"], SPEC.eq_encoder)


def test_vectors_hold_every_word_and_the_corners() -> None:
    document = json.loads(FILES[vectors.DECODER])
    inputs = [tuple(np.float32(v) for v in row) for row in document["z"]]
    for word in bundles.WORDS.values():
        assert tuple(np.float32(v) for v in word) in inputs
    for corner in (0.0, 1.0, -1.0):
        assert (np.float32(corner),) * 4 in inputs
    assert document["gain_tolerance_db"] == 1e-4
    assert document["relative_tolerance"] == 1e-5


def test_stored_responses_are_those_of_the_filters() -> None:
    document = json.loads(FILES[vectors.RESPONSE])
    for params, stored in zip(document["params"], document["response_db"], strict=True):
        eq = SAFE_13.from_vector(np.array(params))
        np.testing.assert_allclose(stored, response_db(eq, np.array(document["freqs_hz"]), 48_000.0), atol=1e-9)


def test_flat_file_and_graph_conform() -> None:
    decoder = flat.unpack(FILES["decoder.semeq"])
    assert vectors.check_decoder(FILES, decoder, SAFE_13).conforms
    assert vectors.check_decoder(FILES, DECODER, SAFE_13).ratio <= 0.01  # rounded to 8 digits
    assert vectors.check_responses(FILES, SAFE_13).ratio < 1e-6
    assert vectors.check_eq_encoder(FILES, ENCODER, SAFE_13, 4).ratio <= 0.01


@pytest.mark.parametrize(("index", "change"), [(0, 2e-4), (1, 0.1), (4, 1e-3)], ids=["gain", "frequency", "q"])
def test_a_difference_over_the_tolerance_is_found_and_named(index: int, change: float) -> None:
    def off(z: Float64Array) -> Float64Array:
        params = DECODER(z)
        params[index] += change
        return params

    found = vectors.check_decoder(FILES, off, SAFE_13)
    assert not found.conforms
    assert SAFE_13.params[index].name in found.message


def test_nan_never_conforms() -> None:
    found = vectors.check_decoder(FILES, lambda z: np.full(13, np.nan), SAFE_13)
    assert not found.conforms


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("z"),
        lambda d: d["z"].pop(),
        lambda d: d["z"][3].append(0.0),
        lambda d: d["params"][3].pop(),
        lambda d: d["params"][3].__setitem__(1, 0.0),
        lambda d: d.update(z=[], params=[]),
        lambda d: d.update(gain_tolerance_db=0.0),
        lambda d: d.update(relative_tolerance=1e9),
        lambda d: d.update(z="x"),
    ],
)
def test_malformed_vectors_are_our_error(change: object) -> None:
    document = json.loads(FILES[vectors.DECODER])
    change(document)  # type: ignore[operator]
    files = {vectors.DECODER: json.dumps(document).encode()}
    with pytest.raises(BundleFormatError, match=r"vectors/decoder\.json"):
        vectors.check_decoder(files, DECODER, SAFE_13)


def test_missing_vectors_are_our_error() -> None:
    with pytest.raises(BundleFormatError, match="missing"):
        vectors.check_responses({}, SAFE_13)


def test_same_model_gives_the_same_bytes() -> None:
    assert vectors.make_vectors(DECODER, ENCODER, bundles.bank(), SAFE_13) == {k: v for k, v in FILES.items() if k.startswith("vectors/")}
    assert set(vectors.make_vectors(DECODER, None, bundles.bank(), SAFE_13)) == {vectors.DECODER, vectors.RESPONSE}
