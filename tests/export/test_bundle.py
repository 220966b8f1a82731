"""Bundles: written complete and byte-stable, loaded only when every file is the one that was written."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
from conftest import ROOT

from semeq_export.bundle import store
from semeq_export.bundle.loading import check_files, load_bundle, write_bundle
from semeq_export.bundle.manifest import SCHEMA
from semeq_export.bundle.store import CENTROIDS, FLAT
from semeq_export.errors import BundleError, BundleFormatError, BundleIntegrityError, BundleVersionError
from semeq_export.words.terms import CentroidBank

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return bundles.files()


def stored(folder: Path, content: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    store.write_files(folder / "x.semeq", content, overwrite=True)
    return folder / "x.semeq"


@pytest.mark.parametrize("zipped", [False, True])
def test_bundle_loads_as_written(tmp_path: Path, files: dict[str, bytes], zipped: bool) -> None:
    written = write_bundle(tmp_path / "x.semeq", bundles.manifest(), files, zipped=zipped)
    bundle = load_bundle(tmp_path / "x.semeq")
    assert bundle.manifest == written
    assert set(written.files) == set(files)
    assert list(bundle.centroids) == sorted(bundles.WORDS)
    assert bundle.decoder(np.array(bundle.centroids["warm"].z))[0] > 3.0


@pytest.mark.parametrize("zipped", [False, True])
def test_loading_and_writing_again_gives_the_same_bytes(tmp_path: Path, files: dict[str, bytes], zipped: bool) -> None:
    write_bundle(tmp_path / "a", bundles.manifest(), files, zipped=zipped)
    again = load_bundle(tmp_path / "a")
    rest = {name: data for name, data in again.files.items() if name != store.MANIFEST}
    write_bundle(tmp_path / "b", again.manifest, rest, zipped=zipped)
    assert store.read_files(tmp_path / "a") == store.read_files(tmp_path / "b")
    if zipped:
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_moved_graph_still_runs_because_it_holds_its_weights(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D25
    write_bundle(tmp_path / "a.semeq", bundles.manifest(), files)
    (tmp_path / "far").mkdir()
    (tmp_path / "a.semeq").rename(tmp_path / "far" / "b.semeq")
    assert np.isfinite(load_bundle(tmp_path / "far" / "b.semeq").decoder(np.zeros(4))).all()


@pytest.mark.parametrize("name", sorted(bundles.files()))
def test_removed_or_empty_or_pointer_file_is_an_integrity_error(
    tmp_path: Path, files: dict[str, bytes], name: str
) -> None:  # fault D10, D21
    sealed = bundles.sealed(files)
    with pytest.raises(BundleIntegrityError, match="missing"):
        load_bundle(stored(tmp_path, {k: v for k, v in sealed.items() if k != name}))
    with pytest.raises(BundleIntegrityError, match="differs from its SHA-256"):
        load_bundle(stored(tmp_path, {**sealed, name: b""}))
    with pytest.raises(BundleIntegrityError, match="Git LFS pointer"):
        load_bundle(stored(tmp_path, {**sealed, name: LFS}))


def test_unlisted_file_is_an_integrity_error(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D21
    with pytest.raises(BundleIntegrityError, match=r"decoder\.pt is not listed"):
        load_bundle(stored(tmp_path, {**bundles.sealed(files), "decoder.pt": b"x"}))


def test_folder_without_manifest_is_no_bundle(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(BundleIntegrityError, match="no bundle"):
        load_bundle(stored(tmp_path / "a", files))
    with pytest.raises(BundleIntegrityError, match="git lfs pull"):
        load_bundle(stored(tmp_path / "b", {**files, store.MANIFEST: LFS}))


@pytest.mark.parametrize("needed", ["decoder.onnx", "eq_encoder.onnx", CENTROIDS])
def test_bundle_without_a_needed_file_is_neither_written_nor_read(tmp_path: Path, files: dict[str, bytes], needed: str) -> None:
    fewer = {name: data for name, data in files.items() if name != needed}
    with pytest.raises(BundleIntegrityError, match="needed"):
        write_bundle(tmp_path / "a.semeq", bundles.manifest(), fewer)
    assert not (tmp_path / "a.semeq").exists()
    with pytest.raises(BundleIntegrityError, match="needed"):
        load_bundle(stored(tmp_path, bundles.sealed(fewer)))


def test_newer_and_older_schemas_say_both_versions(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D22
    for schema, message in (("2.0", r"newer version \(schema 2.0\), this one reads up to 1.x"), ("0.9", "older version")):
        sealed = bundles.sealed(files)
        sealed[store.MANIFEST] = sealed[store.MANIFEST].replace(f'"schema": "{SCHEMA}"'.encode(), f'"schema": "{schema}"'.encode())
        with pytest.raises(BundleVersionError, match=message):
            load_bundle(stored(tmp_path, sealed))


def test_newer_minor_schema_with_unknown_fields_loads(tmp_path: Path, files: dict[str, bytes]) -> None:
    sealed = bundles.sealed(files)
    document = json.loads(sealed[store.MANIFEST]) | {"schema": "1.7", "mood": "good"}
    sealed[store.MANIFEST] = json.dumps(document).encode()
    assert load_bundle(stored(tmp_path, sealed)).manifest.schema == "1.7"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ((b'"agreement": 0.1', b'"agreement": NaN'), "NaN"),
        ((b'"agreement": 0.1', b'"agreement": 1e999'), "too large"),
        ((b'"language": "en"', b'"language": "en", "language": "es"'), "twice"),
        ((b"0.9", b"1.1"), "outside -1..1"),
        ((b"{", b"\xef\xbb\xbf{"), "byte order mark"),
        ((b'"bright"', b'"../bright"'), "character"),
        ((b'"bright"', b'"\\ud800"'), "surrogate"),
    ],
)
def test_hostile_words_with_valid_hashes_are_refused(
    tmp_path: Path, files: dict[str, bytes], change: tuple[bytes, bytes], why: str
) -> None:  # fault D13, D14, D15, D23
    hostile = {**files, CENTROIDS: files[CENTROIDS].replace(*change, 1)}
    assert hostile[CENTROIDS] != files[CENTROIDS]
    with pytest.raises(BundleFormatError, match=why):
        load_bundle(stored(tmp_path, bundles.sealed(hostile)))


def test_words_of_another_latent_size_are_refused(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D13
    other = CentroidBank(replace(term, z=(*term.z, 0.0)) for term in bundles.bank().values())
    with pytest.raises(BundleFormatError, match="5 latent numbers, the manifest says 4"):
        load_bundle(stored(tmp_path, bundles.sealed({**files, CENTROIDS: other.to_json()})))


def test_torchscript_is_hashed_but_never_opened(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D2
    sealed = bundles.sealed({**files, "decoder.pt": b"not even a TorchScript archive"})
    load_bundle(stored(tmp_path, sealed))
    with pytest.raises(BundleIntegrityError, match=r"decoder\.pt"):
        load_bundle(stored(tmp_path, {**sealed, "decoder.pt": b"another"}))


def test_errors_name_the_bundle(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(BundleError, match=r"x\.semeq: decoder\.semeq"):
        load_bundle(stored(tmp_path, {**bundles.sealed(files), FLAT: b"x"}))


def test_failed_write_leaves_the_old_bundle(tmp_path: Path, files: dict[str, bytes]) -> None:
    write_bundle(tmp_path / "x.semeq", bundles.manifest(), files)
    before = store.read_files(tmp_path / "x.semeq")
    with pytest.raises(BundleFormatError):
        write_bundle(tmp_path / "x.semeq", bundles.manifest(), {**files, CENTROIDS: b"{}"}, overwrite=True)
    assert store.read_files(tmp_path / "x.semeq") == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.semeq"]


def test_listing_words_imports_neither_onnx_nor_the_runtime() -> None:
    code = "import sys, semeq_export.bundle; print(sorted({'onnx', 'onnxruntime', 'torch', 'scipy', 'matplotlib'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_signature_is_neither_believed_nor_slipped_in(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D24
    bundles.write(tmp_path / "a.semeq")
    (tmp_path / "a.semeq" / "signature.txt").write_bytes(b"signed by somebody")
    with pytest.raises(BundleIntegrityError, match=r"signature\.txt is not listed"):  # bundles are not signed: SPEC.md says so
        load_bundle(tmp_path / "a.semeq")
    changed = dict(bundles.sealed(bundles.files()))
    changed[store.MANIFEST] = changed[store.MANIFEST].replace(b'"name": "tiny"', b'"name": "tiny", "signature": "forged"', 1)
    assert check_files(changed, tmp_path).manifest == check_files(bundles.sealed(bundles.files()), tmp_path).manifest
    spec = (ROOT / "semeq_export" / "bundle" / "SPEC.md").read_text(encoding="utf-8")
    assert "Not covered: signatures" in spec
