"""Law 8: a flipped byte in any listed file is an integrity error; one in the manifest is our error or a bundle that still validates."""

from __future__ import annotations

from pathlib import Path

import bundles
import numpy as np
import pytest
from conftest import cases
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.bundle import store
from semeq_export.bundle.graphs import check_graphs
from semeq_export.bundle.loading import check_files
from semeq_export.errors import BundleError, BundleIntegrityError

SEALED = bundles.sealed({**bundles.files(), "decoder.pt": bytes(range(256))})
PLACE = Path("x.semeq")


def flipped(name: str, offset: int, mask: int) -> dict[str, bytes]:
    data = bytearray(SEALED[name])
    data[offset] ^= mask
    return {**SEALED, name: bytes(data)}


@pytest.mark.parametrize("name", sorted(SEALED.keys() - {store.MANIFEST}))
def test_every_flipped_byte_of_a_listed_file_is_an_integrity_error(name: str) -> None:  # fault D9
    size = len(SEALED[name])
    for offset in sorted({*range(0, size, max(1, size // cases(50, 200))), size - 1}):
        for mask in (0x01, 0x80):
            with pytest.raises(BundleIntegrityError):
                check_files(flipped(name, offset, mask), PLACE)


def test_every_flipped_byte_of_the_manifest_is_our_error_or_a_sound_bundle() -> None:  # fault D9
    survivors, offsets = 0, range(0, len(SEALED[store.MANIFEST]), cases(5, 1))
    for offset in offsets:
        for mask in (0x01, 0x20):
            try:
                bundle = check_files(flipped(store.MANIFEST, offset, mask), PLACE)
                check_graphs(bundle.manifest, bundle.files)
            except BundleError:
                continue
            survivors += 1
            assert np.isfinite(bundle.decoder(np.zeros(4))).all()
    assert survivors < len(offsets)  # free texts and recorded figures


@given(st.binary(max_size=400))
def test_any_bytes_as_manifest_are_our_error(data: bytes) -> None:
    with pytest.raises(BundleError):
        check_files({**SEALED, store.MANIFEST: data}, PLACE)


@given(st.data())
def test_a_manifest_with_a_piece_replaced_is_our_error_or_sound(draw: st.DataObject) -> None:
    text = SEALED[store.MANIFEST]
    start = draw.draw(st.integers(0, len(text) - 1))
    end = start + draw.draw(st.integers(0, 30))
    piece = draw.draw(st.sampled_from([b"", b"null", b"-1", b"1e308", b"[]", b"{}", b'"\\u0000"', b"[[[[", b"9" * 25, b"true", b'"../x"']))
    try:
        bundle = check_files({**SEALED, store.MANIFEST: text[:start] + piece + text[end:]}, PLACE)
        check_graphs(bundle.manifest, bundle.files)
    except BundleError:
        return
    assert np.isfinite(bundle.decoder(np.zeros(4))).all()
