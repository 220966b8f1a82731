"""Each task of the README's "Use" block, done in Python through `semeq_export.app`, without the command line."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT

TASKS = {
    "terms": """
        from semeq_export.app.terms import TermsOptions, list_terms
        terms = list_terms(TermsOptions()).terms
        assert "warm" in [term.name for term in terms] and terms[0].examples >= terms[-1].examples
    """,
    "preset -t warm -f lsp-x16-lv2 -o warm.lv2": """
        from semeq_export.app.presets import PresetOptions, write_presets
        result = write_presets(PresetOptions(target=SemanticTarget.parse("warm"), formats=["lsp-x16-lv2"], output="warm.lv2"))
        assert [file.path for file in result.files] == [Path("warm.lv2")] and Path("warm.lv2/manifest.ttl").is_file()
    """,
    "preset -t warm:0.7,bright:0.3 --intensity 0.5 -f eqapo -o -": """
        from semeq_export.app.presets import PresetOptions, write_presets
        result = write_presets(PresetOptions(target=SemanticTarget.parse("warm:0.7,bright:0.3", 0.5), formats=["eqapo"]))
        assert result.files[0].content.startswith("Preamp: -") and str(result.files[0].notes[0]).startswith("preamp_db against clipping")
    """,
    'preset -t "warm,less harsh" -f eqapo -o -': """
        from semeq_export.app.presets import PresetOptions, write_presets
        result = write_presets(PresetOptions(target=SemanticTarget({"warm": 1.0, "harsh": -1.0}), formats=["eqapo"]))
        assert result.presets[0].word == "warm:1,harsh:-1" and result.files[0].content.count("Filter") > 1
    """,
    'preset -t "a bit warmer but not muddy" -f eqapo -o -': """
        from semeq_export.app.presets import PresetOptions, Words, write_presets
        result = write_presets(PresetOptions(target=Words("a bit warmer but not muddy"), formats=["eqapo"]))
        (phrase,) = result.understood.values()
        assert phrase.line.startswith("understood: warm ") and phrase.weights["muddy"] < 0
    """,
    "studio --page studio.html": """
        from semeq_export.studio.page import PageOptions, write_page
        size = write_page(PageOptions(output="studio.html"))
        assert Path("studio.html").stat().st_size == size <= 2_000_000
    """,
    "plot -t warm -t bright -o words.svg": """
        from semeq_export.app.pictures import PlotOptions, draw_curves
        result = draw_curves(PlotOptions(targets=[SemanticTarget.parse("warm"), SemanticTarget.parse("bright")], output="words.svg"))
        assert [curve.label for curve in result.curves] == ["warm", "bright"] and Path("words.svg").is_file()
    """,
    "process mix.wav -t bright --intensity 0.6 -o brighter.wav": """
        from semeq_export.app.processing import StemsOptions, process_stems
        result = process_stems(StemsOptions(audio=["mix.wav"], target="bright", intensity=0.6, output="brighter.wav"))
        assert [stem.entry.output for stem in result.stems] == ["brighter.wav"] and Path("brighter.wav").is_file()
    """,
    "process mix.wav -t warm --mode adaptive -o warmer.wav": """
        from semeq_export.app.processing import StemsOptions, process_stems
        result = process_stems(StemsOptions(audio=["mix.wav"], target="warm", mode="adaptive", output="warmer.wav"))
        assert result.stems[0].entry.adaptation is not None and Path("warmer.wav").is_file()
    """,
    "analyze mix.wav": """
        from semeq_export.app.analysis import AnalysisOptions, analyze_files
        result = analyze_files(AnalysisOptions(audio=["mix.wav"]))
        assert result.files[0].profile.headline
    """,
    "listen make mix.wav -t warm -o warm-test": """
        from semeq_export.app.listening_tests import MakeOptions, Words, make_test
        made = make_test(MakeOptions(audio=["mix.wav"], targets=[Words("warm")], output="warm-test"))
        assert made.trials_each == 1 and Path("warm-test/listen.html").is_file()
    """,
    "session mix.wav -t warm -o song.dawproject": """
        from semeq_export.app.sessions import SessionOptions, write_session
        result = write_session(SessionOptions(audio=["mix.wav"], target="warm", output="song.dawproject"))
        assert [track.name for track in result.tracks] == ["mix"] and Path("song.dawproject").is_file()
    """,
    "verify warm.lv2": """
        from semeq_export.app.verification import VerifyOptions, verify_presets
        result = verify_presets(VerifyOptions(paths=["warm.lv2"], tolerance_db=0.05))
        assert result.is_within and (result.presets[0].host or result.presets[0].why_no_host)
    """,
    "convert warm.lv2 warm.txt --to eqapo": """
        from semeq_export.app.conversion import ConvertOptions, convert_preset
        result = convert_preset(ConvertOptions(source="warm.lv2", destination="warm.txt", to_format="eqapo"))
        assert (result.from_format, result.to_format) == ("lsp-x16-lv2", "eqapo") and Path("warm.txt").is_file()
    """,
    "terms of warm.lv2": """
        from semeq_export.app.terms import PresetTermsOptions, find_terms_of_preset
        result = find_terms_of_preset(PresetTermsOptions(preset="warm.lv2"))
        assert "warm" in [one.term for one in result.terms]
    """,
    "bundle -o kit": """
        from semeq_export.app.kit import KitOptions, export_kit
        from semeq_export.bench import native
        native.COMPILERS = ()  # compiling is for the tests of the kit
        result = export_kit(KitOptions(output="kit"))
        assert Path("kit/model.semeq/manifest.json").is_file() and "no C++ compiler" in result.checked[-1]
    """,
}
"""By the command that the README shows, in its order."""


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The tasks that one fresh process has done, and what it had loaded of the command line in the end."""
    folder = tmp_path_factory.mktemp("tasks")
    soundfile.write(folder / "mix.wav", np.random.default_rng(1).standard_normal((48_000, 2)) * 0.05, 48_000, subtype="PCM_24")
    head = "import sys\nfrom pathlib import Path\nfrom semeq_export import SemanticTarget\n"
    parts = [f"{textwrap.dedent(code)}print({command!r})\n" for command, code in TASKS.items()]
    end = "print(*sorted(name for name in sys.modules if name.startswith(('semeq_export.cli', 'click', 'rich'))))\n"
    program = head + "".join(parts) + end
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def test_every_task_is_done_and_nothing_else_is_printed(answer: list[str]) -> None:
    assert answer[:-1] == list(TASKS)


def test_no_task_needs_the_command_line(answer: list[str]) -> None:
    assert answer[-1] == ""


def test_the_tasks_are_those_of_the_readme() -> None:
    text = Path(ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Use\n")[2]
    block = text.partition("```sh\n")[2].partition("```")[0]
    shown = [line.partition("  #")[0].strip().removeprefix("semeq-export ") for line in block.splitlines()]
    assert shown == list(TASKS)
