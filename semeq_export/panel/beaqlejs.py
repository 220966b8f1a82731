"""Input for BeaqleJS (HSU Hamburg): one JavaScript object of testsets, over WAVs in its folder `audio`; and its results, JSON in a .txt.

    var TestConfig = {TestName, RateMinValue .., RandomizeTestOrder, RandomizeFileOrder, Testsets: [{Name, TestID, Files: {..}} ..]}

MUSHRA: Files are Reference, which is rated too, hidden among the others, and one label a sound. ABX and preference: A and B. Under a
preference test's buttons BeaqleJS itself writes "Please select the item which you prefer!"; the question stands above, as the name.

    results   MUSHRA      [{TestID, Runtime, rating: {label: n}, filename: {..}} .., {UserName, ..}]
              preference  [{TestID, PresentationOrder: "A=B, B=A", Runtime, Preference: "A" or "B"} .., {..}]
              ABX         [true, false .., {..}], in the order of the testsets

The preference is the button that was pressed, so the presented order says which file it was. Source: js/beaqle.js of
github.com/HSU-ANT/beaqlejs (GPLv3; nothing of it is bundled).
"""

from __future__ import annotations

from semeq_export.files import strict_json
from semeq_export.panel.manifest import Asked, Manifest

CLASSES = {"mushra": "MushraTest", "abx": "AbxTest", "pairs": "PrefTest"}


def audio_folder(test_id: str) -> str:
    """Return where the WAVs lie below BeaqleJS's folder."""
    return f"audio/{test_id}"


def config_name(test_id: str) -> str:
    """Return where the configuration lies below BeaqleJS's folder."""
    return f"config/{test_id}.js"


def config(test: Manifest) -> bytes:
    """Return the JavaScript of a test."""
    document = {
        "TestName": test.title,
        "LoopByDefault": True,
        "AutoReturnByDefault": False,
        "ShowFileIDs": False,
        "ShowResults": False,
        "EnableABLoop": True,
        "EnableOnlineSubmission": False,
        "BeaqleServiceURL": "",
        "SupervisorContact": "",
        "RandomizeTestOrder": True,
        "RandomizeFileOrder": True,
        "MaxTestsPerRun": -1,
        "AudioRoot": "",
        "RateScalePng": "img/scale_abs.png",
        "RateScaleBgPng": "img/scale_abs_background.png",
        "RateMinValue": 0,
        "RateMaxValue": 100,
        "RateDefaultValue": 0,
        "RequireMaxRating": False,
        "Testsets": [{"Name": trial.question, "TestID": name, "Files": _files(test, trial)} for name, trial in test.trials.items()],
    }
    return b"var TestConfig = " + strict_json.text(document, indent=1).encode("utf-8") + b";\n"


def _files(test: Manifest, trial: Asked) -> dict[str, str]:
    file = {code: f"{audio_folder(test.test_id)}/{code}.wav" for code in trial.stimuli}
    if test.kind != "mushra":
        return dict(zip(("A", "B"), file.values(), strict=True))
    reference = next(code for code in trial.stimuli if test.conditions[test.stimuli[code].condition].role == "unprocessed")
    return {"Reference": file.pop(reference), **file}
