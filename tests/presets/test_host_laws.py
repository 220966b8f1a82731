"""Laws of the formats of plug-ins and DAWs: 500 settings each within the stated precision, and names in any script."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import T5, random_settings

import semeq_presets as presets
from semeq_export.curve import log_grid
from semeq_export.eq import SAFE_13, EqLayout
from semeq_presets import Preset

FREQS_HZ = log_grid(300)
LV2 = ["lsp-x32-lv2", "calf-lv2", "fil4-lv2", "aeq-lv2"]
FILES = ["reaeq", "proq3", "aunbandeq", "eq-eight", "semeq-vst3", "frequency", "dawproject"]
NAMED = ["lsp-x32-lv2", "calf-lv2", "fil4-lv2", "aeq-lv2", "aunbandeq", "eq-eight", "semeq-vst3", "frequency", "dawproject"]


@pytest.mark.parametrize("format_id", [*LV2, *FILES])
def test_random_settings_inside_the_limits_keep_their_response_and_bytes(format_id: str) -> None:
    info = presets.get(format_id).info
    layout = SAFE_13 if info.limits.slots is None else EqLayout("device", info.limits.slots)
    for eq in random_settings(500, 31, layout=layout, q_range=(0.3, 1.9)):
        written = presets.write(eq, format_id)
        back = presets.read(written.files, format_id)
        stated_db = max((note.error_db or 0.0 for note in written.notes), default=0.0)
        difference = back.response_db(FREQS_HZ) - Preset(eq).response_db(FREQS_HZ)
        assert np.max(np.abs(difference)) <= info.precision_db + stated_db
        assert presets.write(back, format_id).files == written.files


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
