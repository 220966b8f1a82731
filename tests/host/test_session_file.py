"""Sessions as TOML and intents: what is wanted of each stem, and one line that names the place of every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_engine import WARM

from semeq_export.eq.channels import to_plain
from semeq_export.errors import IntentError
from semeq_host.stems.intent import Intent
from semeq_host.stems.session_file import Session, StemRule, read_session_file

TOML = """
[default]
target = "warm"
intensity = 0.8

[[stem]]
files = "Vocal*"
target = "airy:0.7,clear:0.3"
intensity = "auto"
reference = "others/"
chain = "vocal.toml"

[[stem]]
files = "*.drums.*"
match = "drums"

[[stem]]
files = "click*"
skip = true
"""


def put(tmp_path: Path, text: str) -> Path:
    (tmp_path / "session.toml").write_text(text)
    return tmp_path / "session.toml"


def test_the_first_matching_rule_counts_and_defaults_fill_it(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    session = read_session_file(put(tmp_path, TOML))
    assert session.intent_for("stems/bass.wav") == Intent(target="warm", intensity=0.8)
    assert session.intent_for("stems/VOCAL double.wav") == Intent(
        target="airy:0.7,clear:0.3", intensity="auto", reference=str(tmp_path / "others"), chain=str(tmp_path / "vocal.toml")
    )
    assert session.intent_for("kit.drums.wav") == Intent(match="drums", intensity=0.8)  # takes the word's place; a kind, no file
    assert session.intent_for("Click.wav") is None


def test_the_command_line_overrides_the_default_and_its_rules_come_first(tmp_path: Path) -> None:
    session = read_session_file(put(tmp_path, TOML))
    over = session.overridden({"target": "bright", "intensity": None}, (StemRule("vocal lead*", {"target": "dark"}),))
    assert over.intent_for("bass.wav") == Intent(target="bright", intensity=0.8)
    assert over.intent_for("vocal lead.wav") == Intent(target="dark", intensity=0.8)
    found = over.intent_for("vocal.wav")
    assert found is not None
    assert found.target == "airy:0.7,clear:0.3"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[default", "not a TOML file"),
        ("x = " + "[" * 5_000, "is nested deeper than 32 levels"),
        ("[other]", "unknown table 'other'"),
        ("default = 3", "default is not a table"),
        ("stem = 3", "stem is not a list"),
        ("[[stem]]\ntarget = 'warm'", "stem 1 needs files"),
        ("[[stem]]\nfiles = ''", "stem 1 needs files"),
        ("[[stem]]\nfiles = 'a'\nskip = 1", "skip 1 is not true or false"),
        ("[[stem]]\nfiles = 'a'\nword = 'warm'", "stem 1: unknown key 'word'"),
        ("[default]\ntarget = 3", "default: target 3 is not usable"),
        ("[default]\nintensity = nan", "intensity nan is not usable"),
        ("[default]\nintensity = true", "intensity True is not usable"),
        ("[default]\nmode = 'fast'", "mode 'fast' is not usable"),
        ("[default]\neq = {}", "unknown key 'eq'"),
        ("[default]\nintensity = " + "9" * 400, "an integer of more than 64 bits"),
        ("[[stem]]\nfiles = '" + "[" * 100_000 + "'", "stem 1: files: a pattern of 100000 characters"),
    ],
)
def test_every_mistake_is_named_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(IntentError, match=why) as caught:
        read_session_file(put(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "session.toml"))
    assert "\n" not in str(caught.value)


def test_a_session_file_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(IntentError) as caught:
        read_session_file(tmp_path / "no.toml")
    assert str(caught.value) == f"{tmp_path / 'no.toml'}: no such file"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "nothing to do"),
        ({"target": "warm", "preset": "x"}, "give `target` or `preset`, not both"),
        ({"target": "warm", "intensity": 4}, r"outside -3\.\.3"),
        ({"chain": "c.toml", "intensity": 1}, "`intensity` needs"),
        ({"target": "warm", "refine": True}, "needs `mode` adaptive"),
        ({"target": "warm", "analysis": "rolling"}, "`analysis` rolling needs"),
        ({"match": "any", "mode": "adaptive"}, "need `target`"),
    ],
)
def test_an_intent_that_makes_no_sense_names_the_stem(values: dict[str, object], why: str) -> None:
    with pytest.raises(IntentError, match=why):
        Intent.from_dict(values)
    session = Session({}, (StemRule("a*", values), StemRule("b*", {"target": "warm"})))
    with pytest.raises(IntentError, match=r"stems/a\.wav: rule 'a\*': "):
        session.intent_for("stems/a.wav")
    with pytest.raises(IntentError, match=r"c\.wav: no rule matches it: nothing to do"):
        session.intent_for("c.wav")


def test_an_intent_survives_the_way_to_another_process() -> None:
    for intent in (
        Intent(target="warm:0.5,bright:0.2", intensity="auto", reference="mix.wav", mode="adaptive", refine=True),
        Intent(preset="x.txt", eq=to_plain(WARM), intensity=0.3, chain="c.toml"),
    ):
        assert Intent.from_dict(json.loads(json.dumps(intent.to_dict()))) == intent
        assert intent.summary()
