"""Input for webMUSHRA (audiolabs): one YAML of pages, over WAVs that lie below its folder `configs`.

    testname, testId, bufferSize, stopOnErrors, showButtonPreviousPage, remoteService
    pages: generic (instructions), volume, [random, one page a trial ...], finish (questionnaire, results)

MUSHRA trials are `mushra` pages, which add the hidden reference by themselves. ABX trials are `paired_comparison` pages, which ask which of
two sounds is the reference. That page has no other question, so "which is warmer?" becomes a `likert_multi_stimulus` page of both sounds,
each rated for the question on seven steps: the higher one is taken as chosen. Its licence forbids bundling webMUSHRA; its input is free.

Source: doc/experimenter.md and lib/webmushra/pages of github.com/audiolabs/webMUSHRA at 07130f2.
"""

from __future__ import annotations

import html
import io

from ruamel.yaml import YAML

from semeq_export.panel.design import REFERENCE
from semeq_export.panel.intervals import counted
from semeq_export.panel.manifest import Asked, Manifest

STEPS = 7


def audio_folder(test_id: str) -> str:
    """Return where the WAVs lie below webMUSHRA's folder."""
    return f"configs/resources/{test_id}"


def config_name(test_id: str) -> str:
    """Return where the YAML lies below webMUSHRA's folder."""
    return f"configs/{test_id}.yaml"


def config(test: Manifest) -> bytes:
    """Return the YAML of a test."""
    first = next(iter(test.stimuli))
    document = {
        "testname": test.title,
        "testId": test.test_id,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": True,
        "remoteService": "service/write.php",
        "pages": [
            {"type": "generic", "id": "start", "name": test.title, "content": html.escape(_instructions(test))},
            {
                "type": "volume",
                "id": "volume",
                "name": "Volume",
                "content": "Set a comfortable volume now, and leave it alone until the end.",
                "stimulus": _file(test, first),
                "defaultVolume": 0.5,
            },
            ["random", *(_page(test, name, trial) for name, trial in test.trials.items())],
            {
                "type": "finish",
                "name": "Thank you",
                "content": "That was all.",
                "showResults": False,
                "writeResults": True,
                "questionnaire": [{"type": "text", "label": "Name or number", "name": "participant"}],
            },
        ],
    }
    yaml, out = YAML(), io.BytesIO()
    yaml.default_flow_style = False
    yaml.compact(seq_seq=False)  # webMUSHRA's reader of YAML is a small one
    yaml.width = 4_096
    yaml.dump(document, out)
    return out.getvalue()


def _instructions(test: Manifest) -> str:
    return f"{counted(len(test.trials), 'trial')} to come. All sounds are equally loud. Play each as often as you like; there is no hurry."


def _file(test: Manifest, code: str) -> str:
    return f"{audio_folder(test.test_id)}/{code}.wav"


def _page(test: Manifest, name: str, trial: Asked) -> dict[str, object]:
    """Return the page of a trial; its name must not tell what is behind it."""
    page: dict[str, object] = {"id": name, "name": "Listen", "content": html.escape(trial.question)}
    role = {code: test.conditions[test.stimuli[code].condition].role for code in trial.stimuli}
    if test.kind == "pairs":
        steps = [{"value": str(step), "label": _step_label(step)} for step in range(1, STEPS + 1)]
        stimuli = {code: _file(test, code) for code in trial.stimuli}
        return {"type": "likert_multi_stimulus", **page, "mustRate": True, "stimuli": stimuli, "response": steps}
    reference = next(code for code in trial.stimuli if role[code] == "unprocessed")
    others = {code: _file(test, code) for code in trial.stimuli if code != reference}
    page |= {"showWaveform": False, "enableLooping": True, "reference": _file(test, reference), "stimuli": others}
    if test.kind == "abx":
        return {"type": "paired_comparison", **page}
    return {"type": "mushra", **page, "createAnchor35": False, "createAnchor70": False, "randomize": True, "showConditionNames": False}


def _step_label(step: int) -> str:
    return {1: "1 not at all", STEPS: f"{STEPS} very much"}.get(step, str(step))


def condition_code(test: Manifest, trial: Asked, name: str) -> str:
    """Return the code of a sound as webMUSHRA names it in its results: its key, or "reference"."""
    if name != REFERENCE:
        return name
    return next(code for code in trial.stimuli if test.conditions[test.stimuli[code].condition].role == "unprocessed")
