"""A Dask cluster on loopback, a scheduler and two worker processes: the same bytes and entries as here, with a worker killed half-way."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_or_fail
from dask_cluster import loopback_cluster
from stems import make_session, process, process_until

from semeq_export.errors import EnvironmentFailure
from semeq_host.stems.cluster import Cluster
from semeq_host.stems.job import sha256_of

STEMS = 60


@pytest.fixture(autouse=True)
def dask() -> None:
    """The extra, or a skip."""
    if find_spec("distributed") is None:
        skip_or_fail("distributed not found; pip install 'semeq-export[dask]'")


def test_a_cluster_gives_the_same_bytes_and_report_though_a_worker_dies(tmp_path: Path, real_files: list[Path]) -> None:
    corrupt, _, _ = make_session(tmp_path / "in", real_files, STEMS)
    here = process(tmp_path / "in", "-t", "warm", "-o", tmp_path / "here", "--json")
    with loopback_cluster(tmp_path) as (address, (first, second)):
        there = process_until(
            20, first.kill, tmp_path / "there", tmp_path / "in", "-t", "warm", "-o", tmp_path / "there", "--json", "--dask", address
        )
        assert (first.wait(), second.poll()) == (-9, None)
    assert (here.returncode, there.returncode) == (1, 1), there.stderr
    reports = [json.loads(done.stdout)["files"] for done in (here, there)]
    assert len(reports[0]) == len(reports[1]) == STEMS
    for one, other in zip(*reports, strict=True):
        for key in one.keys() - {"output", "taken_s", "times_real_time"}:
            assert one[key] == other[key], key
        if one["output"] is not None:
            assert sha256_of(other["output"]) == sha256_of(one["output"]) == one["output_sha256"]
    assert here.stderr.splitlines()[-1] in there.stderr.splitlines()
    assert corrupt.name in here.stderr.splitlines()[-1]


@pytest.mark.slow
def test_presets_beside_the_outputs_of_a_cluster_are_those_of_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    for name in ("bass", "vocal", "broken"):
        soundfile.write(tmp_path / "in" / f"{name}.wav", np.random.default_rng(1).uniform(-0.1, 0.1, (9_000, 2)), 48_000, subtype="PCM_24")
    (tmp_path / "in" / "broken.wav").write_bytes(b"<html>")
    (tmp_path / "chain.toml").write_text('[[plugin]]\ntype = "Gain"\ngain_db = -3\n')
    monkeypatch.chdir(tmp_path)  # the workers of the cluster were started elsewhere
    arguments = ("in", "-t", "warm", "--chain", "chain.toml", "--json")
    (tmp_path / "cluster").mkdir()
    with loopback_cluster(tmp_path / "cluster") as (address, _):
        for number, form in enumerate(("eqapo", "dawproject")):
            here, there = Path(f"here{number}", "out"), Path(f"there{number}", "out")
            results: list[list[dict[str, object]]] = []
            for folder, extra in ((here, ()), (there, ("--dask", address))):
                folder.parent.mkdir()
                done = process(*arguments, "-o", folder, "--export-preset", form, *extra)
                assert done.returncode == 1, done.stderr
                results.append(json.loads(done.stdout)["files"])
            for one, other in zip(*results, strict=True):
                assert one.keys() == other.keys()
                for key in one.keys() - {"output", "exported_preset", "error", "taken_s", "times_real_time"}:
                    assert one[key] == other[key], key
            names = [tuple(Path(str(entry["exported_preset"])).name for entry in entries) for entries in results]
            assert names[0] == names[1] == [("bass.txt", "None", "vocal.txt"), ("out.dawproject", "None", "out.dawproject")][number]
            files = sorted(path.name for path in here.iterdir())
            assert files == sorted(path.name for path in there.iterdir())
            for name in files:
                if not name.startswith("."):
                    assert (here / name).read_bytes() == (there / name).read_bytes(), name


def test_no_scheduler_is_an_environment_failure_before_anything_is_made(tmp_path: Path) -> None:
    done = process(__file__, "-t", "warm", "-o", tmp_path / "out.wav", "--dask", "127.0.0.1:9")
    assert (done.returncode, done.stderr) == (1, "semeq-export: no Dask scheduler at 127.0.0.1:9\n")
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / "in" / name, np.zeros(100), 48_000)
    done = process(tmp_path / "in", "-t", "warm", "-o", tmp_path / "out", "--dask", "127.0.0.1:9")
    assert (done.returncode, done.stderr) == (1, "semeq-export: no Dask scheduler at 127.0.0.1:9\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    with pytest.raises(EnvironmentFailure, match="no Dask scheduler at nonsense"), Cluster("nonsense://x", None):
        pass
