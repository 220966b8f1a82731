"""What hosts show for targets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.words.names import host_name
from semeq_export.words.target import SemanticTarget


@pytest.mark.parametrize(
    ("text", "intensity", "name"),
    [
        ("warm", 1.0, "Warm"),
        ("warm:0.7,bright:0.3", 1.0, "Warm 70 / Bright 30"),
        ("warm,bright", 1.0, "Warm / Bright"),
        ("muddy", -1.0, "Less muddy"),
        ("warm,less muddy", 1.0, "Warm, less muddy"),
        ("warm,less muddy,less harsh", 1.0, "Warm, less muddy, less harsh"),
        ("warm,less muddy", -1.0, "Muddy, less warm"),
        ("warm", 0.5, "Warm at 50%"),
        ("warm:0.7,bright:0.3", 0.6, "Warm 70 / Bright 30 at 60%"),
        ("warm@metal", 1.0, "Warm (metal)"),
        ("frío", 1.0, "Frío"),
        ("warm:1,airy:1,dark:1.1", 1.0, "Warm 32 / Airy 32 / Dark 36 at 310%"),
        ("warm:0.25,bright:0.25", 1.0, "Warm / Bright at 50%"),
        ("muddy:-0.6", 1.0, "Less muddy"),
        ("muddy:-0.3", 1.0, "Less muddy at 30%"),
        ("warm:1.2,muddy:-0.6", 1.0, "Warm, less muddy"),
    ],
)
def test_a_name_reads_like_one(text: str, intensity: float, name: str) -> None:
    assert host_name(SemanticTarget.parse(text, intensity)) == name


def test_a_long_name_says_less() -> None:
    target = SemanticTarget.parse("warm:0.5,energetic:0.3,beautiful:0.2,less muddy,less harsh")
    assert host_name(target, 80) == "Warm 50 / Energetic 30 / Beautiful 20, less muddy, less harsh"
    assert host_name(target, 55) == "Warm / Energetic / Beautiful, less muddy, less harsh"
    assert host_name(target, 40) == "Warm / Energetic / Beautiful and 2 more"
    assert host_name(target, 16) == "Warm and 4 more"
    assert host_name(target, 8) == "Warm…"


WORDS = st.sampled_from(["warm", "bright", "muddy", "frío", "warm@metal", "a" * 64, "old radio"])


@given(
    st.dictionaries(WORDS, st.floats(-10, 10).filter(lambda weight: abs(weight) > 1e-3), min_size=1, max_size=6),
    st.floats(-3, 3),
    st.integers(1, 80),
)
def test_a_name_keeps_within_its_limit(weights: dict[str, float], intensity: float, max_chars: int) -> None:
    name = host_name(SemanticTarget(weights, intensity), max_chars)
    assert 0 < len(name) <= max(max_chars, 8)
    assert name == name.strip()
    assert ":" not in name
