"""YAML as CamillaDSP's configurations use it: every value keeps its spelling, and comments stay or go whole."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats import _yaml

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
COMMENTED = b"""# top
filters:
  # the only one
  a: # here
    type: Biquad
    parameters: {type: Peaking, freq: 1e2, gain: 3, q: 1} # there
pipeline:
  - type: Filter
    channels: [0, 1]
    names: [a]
# bottom
"""


@pytest.mark.parametrize(
    "text",
    [
        "a:\nb: ''\n",
        "{a: , b: }",
        '- "1"\n- 1\n- yes\n- ~\n- 2001-01-01\n- 0x1f\n- 1:30\n- <<\n',
        "a: |\n  two\n  lines\nb: >\n  folded\n  text\n",
        "? a\n: - b\n  - - c\n",
        "%YAML 1.1\n---\na: on # c\n...\n",
        "a: [b, {c: d}, '']\n",
        'a: "\\u263a \U0001f600"\n',
    ],
)
def test_values_keep_their_spelling(text: str) -> None:
    root = _yaml.parse(text.encode())
    again = _yaml.render(root)
    assert _yaml.parse(again.encode()) == root
    assert _yaml.render(_yaml.parse(again.encode())) == again


def test_comments_and_layout_of_what_did_not_change_stay() -> None:
    preset = presets.read(COMMENTED, "camilladsp")
    assert preset.eq is not None
    eq = EqSettings((*preset.eq.bands, Band(BandKind.PEAK, 5_000.0, -2.0)))
    text = presets.write(replace(preset, eq=eq), "camilladsp").files["preset.yml"].decode()
    assert text.startswith(COMMENTED.decode().partition("pipeline")[0])
    assert "    names: [a, eq_band_2]\n# bottom\n" in text
    assert presets.read(text.encode(), "camilladsp").eq == eq


def test_a_comment_that_would_break_the_text_goes() -> None:
    preset = presets.read(COMMENTED, "camilladsp")
    text = presets.write(replace(preset, eq=EqSettings(), name="Flat"), "camilladsp").files["preset.yml"]
    assert text.startswith(b'title: "Flat"\nfilters: {}\n')
    assert presets.read(text, "camilladsp").eq == EqSettings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n" * 30_001, "line 30000: more than 30000 values"),
        ("[" * 33, "line 1: is nested deeper than 32 levels"),
        ("a: 1\n? b\n? a\n", "line 3: key 'a' occurs twice"),
        ("a: &x 1\n", "line 1: anchors and aliases"),
        ("a: ! 1\n", "line 1: tag ! is not read"),
        ("a: 'x\n", "is not YAML: found unexpected end of stream"),
        ("# nothing\n", "is empty"),
    ],
)
def test_what_is_refused_is_said_in_one_line(text: str, says: str) -> None:
    with pytest.raises(PresetReadError, match=says) as caught:
        _yaml.parse(text.encode())
    assert "\n" not in str(caught.value)


def test_the_largest_text_is_read_in_seconds() -> None:
    start_s = time.thread_time()
    _yaml.parse(b"".join(b"key%d: 1\n" % number for number in range(14_900)))
    assert time.thread_time() - start_s < 20.0
