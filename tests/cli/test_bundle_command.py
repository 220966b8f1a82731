"""semeq-export bundle"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bundles
import pytest
from conftest import skip_or_fail

from semeq_export.bench import native
from semeq_export.bench.latency import Benchmark, benchmark
from semeq_export.bundle import store
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import CENTROIDS
from semeq_export.bundle.validate import validate
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_host.streams import kit_vectors


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "tiny.semeq"
    bundles.write(path, decoder__pt=b"a TorchScript archive, never opened")
    return path


@pytest.fixture(autouse=True)
def no_compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling takes seconds, so only the tests of it do."""
    if request.node.get_closest_marker("cpp") is None:
        monkeypatch.setattr(native, "COMPILERS", ())


@pytest.fixture(scope="module")
def latency(source: Path) -> Benchmark:
    bundle = load_bundle(source)
    return benchmark(bundle, lambda: Engine(bundle).eq_for, seconds=0.01)


@pytest.fixture(autouse=True)
def one_benchmark(monkeypatch: pytest.MonkeyPatch, latency: Benchmark) -> None:
    """Measure once what each kit measures for a second."""
    monkeypatch.setattr("semeq_export.app.kit.benchmark", lambda *_, **__: latency)


def run(*arguments: object) -> int:
    return _shared.run(cli, ["bundle", *map(str, arguments)])


def test_kit_holds_a_sound_bundle_that_is_the_source(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", source, "-o", tmp_path / "kit") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "wrote" in err
    assert sorted(p.name for p in (tmp_path / "kit").iterdir()) == [
        "CMakeLists.txt", "GUIDE.md", "README.md", "bench", "benchmark.json", "examples", "include", "model.semeq", "references", "tests",
        "wasm", "web",
    ]  # fmt: skip
    assert store.read_files(tmp_path / "kit" / "model.semeq") == store.read_files(source)
    assert json.loads((tmp_path / "kit" / "benchmark.json").read_text())["decode"]["p50_us"] > 0
    assert "decoder.semeq" in (tmp_path / "kit" / "README.md").read_text()


def test_sealed_part_is_byte_reproducible(source: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run("--from", source, "-o", tmp_path / name, "--no-kit", "--zip", "--terms", "warm,bright") == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_only_some_words_and_no_torchscript(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", source, "-o", tmp_path / "x.semeq", "--no-kit", "--terms", "Warm, bright", "--no-torchscript", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert "decoder.pt" not in document["files"]
    bundle = load_bundle(tmp_path / "x.semeq")
    assert list(bundle.centroids) == ["bright", "warm"]
    assert document["files"][CENTROIDS]["size_bytes"] == len(bundle.files[CENTROIDS])
    assert "2 words" in bundle.files["README.md"].decode()
    assert not [f for f in validate(tmp_path / "x.semeq", 3) if f.severity != "note"]


def test_kit_may_hold_a_zip(source: Path, tmp_path: Path) -> None:
    assert run("--from", source, "-o", tmp_path / "kit", "--zip", "-q") == 0
    assert load_bundle(tmp_path / "kit" / "model.semeq.zip").centroids["warm"].examples == 10


@pytest.mark.parametrize("options", [[], ["--zip"]])
def test_kit_stands_for_its_bundle(source: Path, tmp_path: Path, options: list[str]) -> None:
    assert run("--from", source, "-o", tmp_path / "kit", *options) == 0
    assert load_bundle(tmp_path / "kit").manifest == load_bundle(source).manifest
    assert _shared.run(cli, ["validate", str(tmp_path / "kit")]) == 0


def test_existing_output_needs_force_and_must_be_a_kit(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", source, "-o", tmp_path / "kit") == 0
    assert run("--from", source, "-o", tmp_path / "kit") == 2
    assert "--force" in capsys.readouterr().err
    assert run("--from", source, "-o", tmp_path / "kit", "--force") == 0
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years")
    assert run("--from", source, "-o", tmp_path / "home", "--force") == 2
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years"


def test_unknown_word_or_missing_torchscript_writes_nothing(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", source, "-o", tmp_path / "kit", "--terms", "warm,wram") == 2
    assert "did you mean 'warm'" in capsys.readouterr().err
    bundles.write(tmp_path / "plain.semeq")
    assert run("--from", tmp_path / "plain.semeq", "-o", tmp_path / "kit", "--torchscript") == 2
    assert "no TorchScript" in capsys.readouterr().err
    assert not (tmp_path / "kit").exists()


def test_bundle_that_fails_its_own_vectors_is_not_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = bundles.files()["vectors/decoder.json"].replace(b'"z": [', b'"z": [[0.5, 0.5, 0.5, 0.5],', 1).replace(b"0.0001", b"0.0002")
    bundles.write(tmp_path / "x.semeq", vectors_of_decoder__json=wrong)
    assert run("--from", tmp_path / "x.semeq", "-o", tmp_path / "kit") == 2
    assert "vectors/decoder.json" in capsys.readouterr().err
    assert not (tmp_path / "kit").exists()


def test_it_says_what_was_checked_in_which_runtime_and_what_was_not(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--from", source, "-o", tmp_path / "kit", "--json") == 0
    out, err = capsys.readouterr()
    checked = json.loads(out)["checked"]
    assert err.splitlines() == checked
    assert [line.partition(":")[0] for line in checked] == [
        "decoder by onnx runtime", "EQ encoder by onnx runtime", "filters", "decoder by flat weights",
        "torchscript not checked", "semeq.hpp not checked",
    ]  # fmt: skip


@pytest.mark.train
def test_trusted_torchscript_is_run_and_may_be_refused(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fault D2
    pytest.importorskip("torch", reason="needs the [train] extra")
    assert run("--from", source, "-o", tmp_path / "kit", "--trust") == 2
    assert "decoder.pt: torchscript refuses it" in capsys.readouterr().err
    assert not (tmp_path / "kit").exists()
    assert _shared.run(cli, ["validate", str(source), "--trust"]) == 3
    assert "decoder.pt: torchscript refuses it" in capsys.readouterr().out


@pytest.mark.train
def test_the_factory_bundle_is_checked_in_torchscript_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs the [train] extra")
    assert run("-o", tmp_path / "x.semeq", "--no-kit") == 0
    said = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert {f"{what} by torchscript" for what in ("decoder", "EQ encoder", "audio encoder")} <= set(said)


@pytest.mark.train
def test_training_run_that_is_not_complete_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").touch()
    assert run("--from", tmp_path / "run", "-o", tmp_path / "kit") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "no training run" in err
    assert not (tmp_path / "kit").exists()


def test_training_run_without_torch_names_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").touch()
    monkeypatch.delitem(sys.modules, "semeq_training.runs.export", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run("--from", tmp_path / "run", "-o", tmp_path / "kit") == 2
    assert "pip install 'semeq-export[train]'" in capsys.readouterr().err


@pytest.mark.cpp
def test_kit_is_good_only_if_semeq_hpp_conforms(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not native.has_compiler():
        skip_or_fail("no C++ compiler (apt-get install g++)")
    assert run("--from", source, "-o", tmp_path / "kit", "--terms", "warm") == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in said if line.startswith("semeq.hpp:")] == [
        "parameters",
        "responses",
        "impulse",
        "mixes",
        "laws",
        "numbers",
        "doses",
        "rough",
    ]


@pytest.mark.cpp
@pytest.mark.slow
def test_a_kit_whose_vectors_are_wrong_is_not_written(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not native.has_compiler():
        skip_or_fail("no C++ compiler (apt-get install g++)")
    right = kit_vectors.kit_vectors

    def wrong(*arguments: Any, **named: Any) -> dict[str, bytes]:  # Any: passed on
        made = right(*arguments, **named)
        return made | {"dose.json": made["dose.json"].replace(b'"intensity": 1.0', b'"intensity": 1.5', 1)}

    monkeypatch.setattr(kit_vectors, "kit_vectors", wrong)
    assert run("--from", source, "-o", tmp_path / "other") == 2
    assert "semeq.hpp does not conform: doses" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
