"""semeq.js in browsers, from a file and from a loopback server with a policy: the sound is Python's."""

from __future__ import annotations

import shutil

import pytest
from conftest import skip_or_fail
from web.conftest import Cases, drive, need_packages
from web.judge import judge

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_in_a_browser_it_plays_what_python_means(cases_of_the_web: Cases, browser: str) -> None:
    """Firefox has no OfflineAudioContext.suspend, so no target moves there."""
    program = {"chromium": "chromium", "firefox": "firefox-esr"}[browser]
    if shutil.which(program) is None:
        skip_or_fail(f"{program} is not installed (apt-get install {program})")
    if browser == "chromium":
        need_packages()
    found = drive(cases_of_the_web.folder, browser)
    assert set(found) == {"file", "http"}
    for results in found.values():
        judge(cases_of_the_web, results, moves=browser == "chromium")
