"""decoder.semeq: what is packed comes back, computes the same, and any damage is refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.bundle.flat import ALIGNMENT, Dense, Norm, Residual, pack, unpack
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import BundleFormatError


def layers(seed: int = 0, latent_dim: int = 4) -> list[Dense | Residual]:
    rng = np.random.default_rng(seed)

    def dense(n_in: int, n_out: int, activation: str = "none") -> Dense:
        return Dense(rng.normal(size=(n_out, n_in)).astype(np.float32), rng.normal(size=n_out).astype(np.float32), activation)

    def norm(n: int) -> Norm:
        return Norm(rng.normal(size=n).astype(np.float32), rng.normal(size=n).astype(np.float32))

    return [
        dense(latent_dim, 6, "relu"),
        Residual(dense(6, 5), norm(5), dense(5, 7), norm(7), dense(6, 7)),
        Residual(dense(7, 3), norm(3), dense(3, 7), norm(7)),
        dense(7, 9, "tanh"),
        dense(9, 13),
    ]


def resealed(data: bytes, offset: int, value: bytes) -> bytes:
    """Return the file with bytes replaced and a CRC that fits again: damage that a checksum does not show."""
    changed = bytearray(data)
    changed[offset : offset + len(value)] = value
    struct.pack_into("<I", changed, 12, zlib.crc32(bytes(changed[16:])))
    return bytes(changed)


def test_weights_come_back_as_packed() -> None:
    packed = layers()
    read = unpack(pack(packed, SAFE_13))
    assert read.latent_dim == 4
    assert read.matches(SAFE_13)
    np.testing.assert_array_equal(read.layers[0].weight, packed[0].weight)
    np.testing.assert_array_equal(read.layers[1].norm2.offset, packed[1].norm2.offset)
    np.testing.assert_array_equal(read.layers[1].skip.bias, packed[1].skip.bias)
    assert read.layers[2].skip is None
    assert pack(read.layers, SAFE_13) == pack(packed, SAFE_13)


def test_forward_is_the_formula_written_out() -> None:
    hidden = Dense(np.array([[2.0]], np.float32), np.array([-1.0], np.float32), "relu")
    last = Dense(np.full((13, 1), 0.5, np.float32), np.zeros(13, np.float32))
    values = unpack(pack([hidden, last], SAFE_13))(np.array([1.0]))
    u = 0.5 * (2.0 * 1.0 - 1.0)
    sigmoid = 1.0 / (1.0 + np.exp(-u))
    assert values[0] == pytest.approx(-12.0 + 24.0 * sigmoid, rel=1e-12)
    assert values[1] == pytest.approx(22.0 * (1_000.0 / 22.0) ** sigmoid, rel=1e-12)
    assert values[4] == pytest.approx(0.1 * 100.0**sigmoid, rel=1e-12)


def test_residual_layer_normalises_and_adds_the_skip() -> None:
    eye = Dense(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    plain = Norm(np.ones(2, np.float32), np.zeros(2, np.float32))
    last = Dense(np.vstack([np.eye(2), np.zeros((11, 2))]).astype(np.float32), np.zeros(13, np.float32))
    read = unpack(pack([Residual(eye, plain, eye, plain), last], SAFE_13))
    values = read(np.array([0.1, 0.3]))  # normalised (-1, 1), relu (0, 1), normalised (-1, 1), + input, relu
    assert values[0] == pytest.approx(0.0, abs=1e-9)
    assert values[1] == pytest.approx(22.0 * (1_000.0 / 22.0) ** (1.0 / (1.0 + np.exp(-1.3))), rel=1e-2)


def test_output_stays_in_the_ranges_for_huge_weights() -> None:
    last = Dense(np.full((13, 1), 1e30, np.float32), np.zeros(13, np.float32))
    decoder = unpack(pack([last], SAFE_13))
    np.testing.assert_allclose(decoder(np.array([1.0])), SAFE_13.maximum, rtol=1e-12)
    np.testing.assert_allclose(decoder(np.array([-1.0])), SAFE_13.minimum, rtol=1e-12)


def test_every_tensor_sits_at_a_multiple_of_64_bytes() -> None:
    packed = layers()
    data = pack(packed, SAFE_13)
    assert len(data) % ALIGNMENT == 0
    for tensor in (packed[0].weight, packed[1].norm1.gain, packed[4].weight):
        assert data.index(tensor.tobytes()) % ALIGNMENT == 0


def test_same_weights_give_the_same_bytes() -> None:
    assert pack(layers(), SAFE_13) == pack(layers(), SAFE_13)


def test_every_flipped_byte_is_refused() -> None:
    data = pack(layers(), SAFE_13)
    for offset in range(len(data)):
        damaged = bytearray(data)
        damaged[offset] ^= 0x10
        with pytest.raises(BundleFormatError, match=r"decoder\.semeq: offset"):
            unpack(bytes(damaged))


def test_every_truncation_is_refused() -> None:
    data = pack(layers(), SAFE_13)
    for length in range(len(data)):
        with pytest.raises(BundleFormatError):
            unpack(data[:length])


@given(st.data())
def test_a_resealed_header_or_table_is_refused_or_sound(draw: st.DataObject) -> None:
    data = pack(layers(), SAFE_13)
    tables_end = 64 + 5 * 16 + 13 * 24 + 5 * 32
    offset = draw.draw(st.integers(16, tables_end - 1))
    changed = resealed(data, offset, bytes([draw.draw(st.integers(0, 255))]))
    try:
        values = unpack(changed)(np.zeros(4))
    except BundleFormatError:
        return
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (20, struct.pack("<I", 0)),
        (20, struct.pack("<I", 0xFFFFFFFF)),
        (24, struct.pack("<I", 6)),
        (28, struct.pack("<I", 0x7FFFFFFF)),
        (32, struct.pack("<f", float("nan"))),
        (40, b"\x01"),
    ],
    ids=["no latent", "huge latent", "more slots", "huge layer count", "nan epsilon", "reserved byte"],
)
def test_impossible_headers_are_refused(offset: int, value: bytes) -> None:
    with pytest.raises(BundleFormatError, match="offset 0x"):
        unpack(resealed(pack(layers(), SAFE_13), offset, value))


def test_weights_that_are_not_finite_are_refused() -> None:  # fault D7, D23: the checksum is right
    bad = Dense(np.full((13, 4), np.nan, np.float32), np.zeros(13, np.float32))
    with pytest.raises(BundleFormatError, match="not finite"):
        pack([bad], SAFE_13)


def test_layers_that_do_not_follow_each_other_are_refused() -> None:
    with pytest.raises(BundleFormatError, match="takes 7 numbers, the one before gives 6"):
        pack([layers()[0], layers()[2], layers()[3], layers()[4]], SAFE_13)
    with pytest.raises(BundleFormatError, match="shape"):
        pack([Dense(np.zeros((13, 4), np.float32), np.zeros(12, np.float32))], SAFE_13)
