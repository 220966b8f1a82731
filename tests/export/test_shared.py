"""Words to EQ in one call: the engine that a program shares is loaded once, and says what any engine of that bundle says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

import semeq_export
from semeq_export import shared
from semeq_export.bundle.loading import Bundle, load_bundle
from semeq_export.engine import Engine
from semeq_export.errors import InvalidTargetError, UnknownTermError


@pytest.fixture
def unloaded() -> Iterator[None]:
    shared._load.cache_clear()
    yield
    shared._load.cache_clear()


@pytest.mark.parametrize("text", ["warm", "warm, less muddy", "warm:0.7,bright:0.3", "a bit brighter, not harsh", "más cálido"])
@pytest.mark.parametrize("intensity", [1.0, 0.7, 0.0, -1.5])
def test_the_settings_are_those_of_an_engine(text: str, intensity: float) -> None:
    engine = Engine(load_bundle())
    assert semeq_export.eq_for(text, intensity=intensity) == engine.eq_for(engine.understand(text).target(intensity))
    assert semeq_export.eq_for(text) == engine.eq_for(text)


def test_threads_that_ask_at_once_load_one_bundle(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Bundle] = []
    ready = threading.Barrier(8)

    def slow_load() -> Bundle:
        bundle = load_bundle()
        time.sleep(0.05)
        loads.append(bundle)
        return bundle

    def ask() -> None:
        ready.wait()
        found.append(shared.factory_engine())

    monkeypatch.setattr(shared, "load_bundle", slow_load)
    found: list[Engine] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(found) == 8
    assert {id(engine) for engine in found} == {id(shared.factory_engine())}


def test_what_nobody_understands_is_an_error_of_one_line() -> None:
    with pytest.raises(UnknownTermError, match="warm"):
        semeq_export.eq_for("wram")
    with pytest.raises(InvalidTargetError, match="intensity 4 is outside"):
        semeq_export.eq_for("warm", intensity=4.0)
