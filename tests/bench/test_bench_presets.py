"""A whole library, every word of the factory bundle in every format as files; and one such file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import cases
from pytest_benchmark.fixture import BenchmarkFixture
from threadpoolctl import threadpool_limits

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.words.target import SemanticTarget
from semeq_presets import Written, formats, plan_library, write_file, write_library
from semeq_presets.file_formats.semeq_vst3 import for_words


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle())


def test_all_words_in_all_formats(benchmark: BenchmarkFixture, engine: Engine, tmp_path: Path) -> None:
    words = list(engine.bundle.centroids)
    if benchmark.disabled:
        words = words[: cases(10, len(words))]

    def write_all() -> int:
        presets = {word: for_words(engine.eq_for(word), SemanticTarget.parse(word), name=word) for word in words}
        planned = plan_library(tmp_path / "all", list(presets), formats())
        with threadpool_limits(1):
            return len(write_library(planned, presets))

    def clear() -> None:
        shutil.rmtree(tmp_path / "all", ignore_errors=True)

    count = benchmark.pedantic(write_all, setup=clear, rounds=1)
    assert count == len(words) * len(formats())
    assert all(any((tmp_path / "all" / info.id).iterdir()) for info in formats())
    benchmark.extra_info["presets"] = count


def test_one_preset_of_any_format(benchmark: BenchmarkFixture, engine: Engine, tmp_path: Path) -> None:
    """One round is one file of a library, so that the median is that of all writers together."""
    words = list(engine.bundle.centroids)[: None if benchmark.enabled else 1]
    presets = {word: for_words(engine.eq_for(word), SemanticTarget.parse(word), name=word) for word in words}
    planned = plan_library(tmp_path, words, formats())
    rest = iter(planned)

    def write_next() -> Written:
        one = next(rest)
        one.path.parent.mkdir(exist_ok=True)
        return write_file(one.path, presets[one.word], format=one.format, sync=False)

    with threadpool_limits(1):
        written = benchmark.pedantic(write_next, rounds=len(planned))
    assert all(written.files.values())
    benchmark.extra_info["presets"] = len(planned)
