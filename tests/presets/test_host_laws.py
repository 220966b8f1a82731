"""Laws of the formats of plug-ins and DAWs: names in any script survive, and do no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import T5

import semeq_presets as presets
from semeq_presets import Preset

LV2 = ["lsp-x32-lv2", "calf-lv2", "fil4-lv2", "aeq-lv2"]
FILES = ["reaeq", "proq3", "proq4", "logic-channel-eq", "aunbandeq", "eq-eight", "semeq-vst3", "frequency", "dawproject"]
NAMED = ["lsp-x32-lv2", "calf-lv2", "fil4-lv2", "aeq-lv2", "aunbandeq", "eq-eight", "semeq-vst3", "frequency", "dawproject"]


@pytest.mark.parametrize("format_id", NAMED)
@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=60))
def test_names_survive_in_any_script(format_id: str, name: str) -> None:
    written = presets.write(Preset(T5, name=name), format_id)
    back = presets.read(written.files, format_id)
    assert back.name == name
    assert presets.write(back, format_id).files == written.files


@pytest.mark.parametrize("format_id", [*LV2, *FILES])
@given(name=st.text(max_size=40))
def test_names_with_anything_in_them_do_no_harm(format_id: str, name: str) -> None:  # fault E6
    if any(0xD800 <= ord(character) < 0xE000 for character in name):
        name = name.encode("utf-8", "replace").decode()
    written = presets.write(Preset(T5, name=name), format_id)
    back = presets.read(written.files, format_id)
    assert back.eq is not None
    assert len(back.eq.bands) == len(T5.bands)
    assert presets.write(back, format_id).files == written.files


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=40).map(lambda text: " ".join(text.split())))
def test_names_of_reaeq_survive_but_for_the_third_kind_of_quote(name: str) -> None:
    back = presets.read(presets.write(Preset(T5, name=name), "reaeq").files)
    assert back.name in (name, name.replace("`", "'"))
