"""The manifest: what is written is read back, and nothing else is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bundles
import pytest

from semeq_export.bundle.manifest import EncoderSpec, GraphSpec, Manifest
from semeq_export.errors import BundleFormatError, BundleVersionError

TEXT = Manifest.from_json(bundles.sealed(bundles.files())["manifest.json"]).to_json()


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:  # Any: JSON
    document = json.loads(TEXT)
    change(document)
    return json.dumps(document).encode()


def test_manifest_comes_back_as_written() -> None:
    manifest = Manifest.from_json(TEXT)
    assert manifest.to_json() == TEXT
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert [graph.file for graph in manifest.graphs] == ["decoder.onnx", "eq_encoder.onnx"]


def test_encoders_may_be_absent_and_an_audio_encoder_may_be_present() -> None:
    assert Manifest.from_json(changed(lambda d: d.update(eq_encoder=None))).eq_encoder is None
    graph = {"file": "audio_encoder.onnx", "input": "audio", "output": "z", "input_shape": [1, 96_000], "output_shape": [1, 4], "opset": 18}
    spec = {"graph": graph, "sample_rate_hz": 48_000, "window_samples": 96_000, "flat": [0.0, 0.5, -1.0, 1.0]}
    read = Manifest.from_json(changed(lambda d: d.update(audio_encoder=spec)))
    wanted = GraphSpec("audio_encoder.onnx", "audio", "z", (1, 96_000), (1, 4), 18)
    assert read.audio_encoder == EncoderSpec(wanted, 48_000, 96_000, (0.0, 0.5, -1.0, 1.0))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(latent_dim=0), "latent_dim"),
        (lambda d: d.update(latent_dim=5), "decoder: shapes"),
        (lambda d: d.update(latent_dim=True), "latent_dim"),
        (lambda d: d.update(name="a\x1b[31m"), "name: .*printable"),
        (lambda d: d.update(name=""), "name"),
        (lambda d: d["decoder"].update(file="decoder.pt"), "no .onnx"),
        (lambda d: d["decoder"].update(output_shape=[1, 12]), "decoder: shapes"),
        (lambda d: d["decoder"].pop("opset"), "opset"),
        (lambda d: d["eq_encoder"].update(input_shape=[1]), "eq_encoder: shapes"),
        (lambda d: d["files"]["README.md"].update(sha256="0"), "files: 'README.md'"),
        (lambda d: d["files"]["README.md"].update(size=-1), "files: 'README.md'"),
        (lambda d: d["layout"].update(slots=[]), "layout"),
        (lambda d: d["layout"]["slots"][0].update(kind="notch"), "notch"),
        (lambda d: d["layout"]["slots"][0]["gain_db"].update(unit="Hz"), "band 1 has units"),
        (lambda d: d["layout"]["slots"][0]["gain_db"].update(maximum=1e6), "gain_db"),
        (lambda d: d["layout"]["slots"][0].update(q=0.0), "q"),
        (lambda d: d["training"].update(metrics={"x": "good"}), "metrics"),
        (lambda d: d.update(data=None), "data"),
        (lambda d: d.update(blend={"max_weight": 0.5, "n_codes": 3}), "blend"),
        (lambda d: d.update(blend={"max_weight": 1.5, "n_codes": 5}), "blend"),
        (lambda d: d.update(blend={"max_weight": 1.5}), "n_codes"),
        (lambda d: d.update(word_order=["warm", "warm"]), "word_order: .*twice"),
        (lambda d: d.update(word_order=["a\x1b[31m"]), "word_order: .*no word"),
        (lambda d: d.update(word_order="warm"), "word_order"),
        (lambda d: d.update(schema=None), "schema"),
        (lambda d: d.update(schema="one"), "schema"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(change: Callable[[dict[str, Any]], object], why: str) -> None:
    with pytest.raises(BundleFormatError, match=why):
        Manifest.from_json(changed(change))


@pytest.mark.parametrize(("schema", "word"), [("2.0", "newer"), ("999999.9", "newer"), ("0.1", "older")])
def test_other_major_versions_are_told_apart(schema: str, word: str) -> None:  # fault D22
    with pytest.raises(BundleVersionError, match=f"{word} version .schema {schema}"):
        Manifest.from_json(changed(lambda d: d.update(schema=schema)))


def test_version_is_checked_before_anything_else_is_understood() -> None:  # fault D22
    with pytest.raises(BundleVersionError):
        Manifest.from_json(b'{"schema": "7.0", "all": "different"}')


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"schema": ' + b"9" * 5_000 + b"}",
        b'{"schema": "1.0", "schema": "1.0"}',
        b'{"schema": "1.0", "x": NaN}',
        b'{"schema": "1.0", "x": 1e999}',
        b'\xef\xbb\xbf{"schema": "1.0"}',
        b'{"schema": "1.0", "x": "\\ud800"}',
        b'{"schema": "1.0", "x": "' + b"a" * 1_000_001 + b'"}',
        b"\xff\xfe",
    ],
    ids=["empty", "list", "null", "deep", "digits", "duplicate", "nan", "1e999", "bom", "surrogate", "large", "utf-16"],
)
def test_json_that_is_not_strict_is_our_error(text: bytes) -> None:  # fault D14, D15
    with pytest.raises(BundleFormatError, match=r"manifest\.json"):
        Manifest.from_json(text)
