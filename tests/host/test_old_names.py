"""Names that semeq_host had before: they work until 0.2, and say what they are called now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_engine import WARM

import semeq_host
from semeq_export.eq.channels import to_plain
from semeq_host.stems.pool import Finished


@pytest.mark.parametrize("name", semeq_host.RENAMED)
def test_an_old_name_is_the_new_one_and_says_so(name: str) -> None:
    new = semeq_host.RENAMED[name]
    with pytest.warns(DeprecationWarning, match=rf"semeq_host\.{name} is now called {new}; .* 0\.2"):
        found = getattr(semeq_host, name)
    assert found is getattr(semeq_host, new)
    assert name not in semeq_host.__all__
    assert new in semeq_host.__all__


def test_studio_is_one_of_them() -> None:
    assert semeq_host.RENAMED["Studio"] == "StemResources"


def test_a_batch_still_takes_a_studio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.full(2_000, 0.1), 48_000)
    intent = semeq_host.Intent(preset="x", eq=to_plain(WARM))
    job = semeq_host.StemJob(tmp_path / "in.wav", tmp_path / "out.wav", intent, semeq_host.ProcessOptions())
    with pytest.warns(DeprecationWarning, match="`studio` is now called `resources`"):
        events = list(semeq_host.Batch([job], None, journal=False).run(studio=semeq_host.StemResources()))
    assert [event.entry.output for event in events if isinstance(event, Finished)] == [str(tmp_path / "out.wav")]
