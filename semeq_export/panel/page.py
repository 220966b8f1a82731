"""Our own test page: the built template with a test's data and sounds inside, one HTML file that needs no network and no server."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from semeq_export.errors import OutputError
from semeq_export.panel.manifest import Manifest

PLACE = "<!--semeq-listen-data-->"
MAX_BYTES = 150_000_000


def template() -> str:
    """Return the page as it was built, without a test in it."""
    return (Path(__file__).parent.parent / "web" / "built" / "listen.html").read_text(encoding="utf-8")


def render(template: str, test: Manifest, audio: Mapping[str, bytes]) -> bytes:
    """Return the page of a test. audio: code -> FLAC.

    The page learns what it must: codes, orders, questions; which sound is the open reference; in ABX what X is. Not the conditions.
    Raises OutputError where the page would be over 150 MB.
    """
    sounds: dict[str, int] = {}
    payloads: list[str] = []
    for code, data in audio.items():
        sounds[code] = len(payloads)
        payloads.append(base64.b64encode(data).decode("ascii"))
    document = {
        "schema": 1,
        "test_id": test.test_id,
        "kind": test.kind,
        "title": test.title,
        "trials": {name: {"question": trial.question, "reference": _reference(test, name)} for name, trial in test.trials.items()},
        "forms": [[{"trial": s.trial, "order": s.order, "hidden": s.hidden} for s in form] for form in test.forms],
        "sounds": sounds,
        "audio": payloads,
    }
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, sort_keys=True).replace("</", "<\\/").replace("<!--", "<\\u0021--")
    page = template.replace(PLACE, f'<script type="application/json" id="semeq-listen-data">{text}</script>').encode("utf-8")
    if len(page) > MAX_BYTES:
        raise OutputError(f"the page would be {len(page) / 1e6:.0f} MB, the limit is {MAX_BYTES / 1e6:.0f}: take fewer or shorter sounds")
    return page


def _reference(test: Manifest, trial: str) -> str:
    """Return the code that the page plays under "reference": in MUSHRA the unprocessed sound, else none."""
    if test.kind != "mushra":
        return ""
    return next(code for code in test.trials[trial].stimuli if test.conditions[test.stimuli[code].condition].role == "unprocessed")
