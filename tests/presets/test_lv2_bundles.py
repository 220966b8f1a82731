"""LV2 presets as plug-ins bring them, several in a bundle, and as Carla saves them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from preset_files import GOLDEN, files_of

import semeq_presets as presets
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetReadError, UnknownFormatError
from semeq_presets import Choice

TWO = GOLDEN / "fil4-lv2/of-a-plugin.lv2"


def with_two_that_differ() -> dict[str, bytes]:
    """The presets of a plug-in for mono and for stereo, of which the second is louder."""
    files = files_of(TWO)
    first, mark, second = files["manifest.ttl"].partition(b"\n<default_1>")
    return {
        "manifest.ttl": first.replace(b'"Default"', b'"Quiet"') + mark + second.replace(b"default.ttl", b"louder.ttl"),
        "default.ttl": files["default.ttl"],
        "louder.ttl": files["default.ttl"].replace(b'"-2.7"', b'"3.0"'),
    }


def test_a_bundle_of_a_plug_in_with_equal_presets_is_read() -> None:
    preset = presets.read(files_of(TWO))
    assert (preset.format, preset.name) == ("fil4-lv2", "Default")
    assert isinstance(preset.eq, EqSettings)
    assert [held.freq_hz for held in preset.eq.bands] == [105.0, 1_604.0]
    assert preset.eq.preamp_db == pytest.approx(-5.9)
    (uri,) = re.findall(rb"appliesTo <(.*)>", presets.write(preset, "fil4-lv2").files["manifest.ttl"])
    assert uri == b"http://gareus.org/oss/lv2/fil4#mono"


def test_one_of_several_presets_is_chosen_by_label_or_number() -> None:
    files = with_two_that_differ()
    listed = r"1 Quiet \(<http://gareus.org/oss/lv2/fil4#mono>\), 2 Default \(<http://gareus.org/oss/lv2/fil4#stereo>\)"
    with pytest.raises(PresetReadError, match=f"names 2 presets: {listed}; choose one with `preset_name`, a label or a number"):
        presets.read(files)
    for wanted, gain_db in (("quiet", -2.7), ("1", -2.7), ("Default", 3.0), ("2", 3.0)):
        chosen = presets.read(files, choice=Choice(preset_name=wanted)).eq
        assert isinstance(chosen, EqSettings)
        assert chosen.bands[1].gain_db == pytest.approx(gain_db)
    with pytest.raises(PresetReadError, match="has no preset 'Loud' for this"):
        presets.read(files, choice=Choice(preset_name="Loud"))
    with pytest.raises(PresetReadError, match="which has no track or device to choose"):
        presets.read(files, "fil4-lv2", choice=Choice(track="1"))


def test_values_without_a_plug_in_take_it_from_the_manifest_beside_them(tmp_path: Path) -> None:
    for name, data in with_two_that_differ().items():
        (tmp_path / name).write_bytes(data)
    louder = presets.read_file(tmp_path / "louder.ttl")
    assert (louder.format, louder.name) == ("fil4-lv2", "Default")
    assert isinstance(louder.eq, EqSettings)
    assert louder.eq.bands[1].gain_db == pytest.approx(3.0)
    (tmp_path / "manifest.ttl").unlink()
    with pytest.raises(UnknownFormatError, match="not recognised"):
        presets.read_file(tmp_path / "louder.ttl")


def test_a_preset_without_ports_is_refused() -> None:
    files = files_of(GOLDEN / "fil4-lv2/warm.lv2")
    manifest = files["manifest.ttl"].replace(b"rdfs:seeAlso <preset.ttl>", b'rdfs:label "Empty"')
    with pytest.raises(PresetReadError, match=r"manifest\.ttl: sets no ports"):
        presets.read({**files, "manifest.ttl": manifest}, "fil4-lv2")


CARLA = GOLDEN / "fil4-lv2/carla.carxs"


def test_carlas_state_of_a_plug_in_is_read_and_written_as_a_bundle() -> None:
    preset = presets.read_file(CARLA)
    assert (preset.format, preset.name) == ("fil4-lv2", "Vox EQ")
    assert preset.eq == presets.read(files_of(TWO)).eq
    assert set(presets.write(preset, "fil4-lv2").files) == {"manifest.ttl", "preset.ttl"}


def carla_project(*states: bytes) -> dict[str, bytes]:
    plugins = b"".join(b"<Plugin>" + state.partition(b"'2.0'>")[2].replace(b"</CARLA-PRESET>", b"</Plugin>") for state in states)
    head = b"<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE CARLA-PROJECT>\n<CARLA-PROJECT VERSION='2.0'>\n"
    return {"song.carxp": head + plugins + b"</CARLA-PROJECT>\n"}


def test_a_project_of_carla_asks_which_plug_in() -> None:
    one = CARLA.read_bytes()
    other = one.replace(b"Vox EQ", b"Kick EQ").replace(b"<Value>-2.7</Value>", b"<Value>2.0</Value>")
    foreign = one.replace(b"fil4#mono", b"comp#mono")
    assert presets.read(carla_project(foreign, one)).eq == presets.read_file(CARLA).eq
    files = carla_project(one, foreign, other)
    with pytest.raises(PresetReadError, match="holds 2 plug-ins of this format: 1 Vox EQ, 3 Kick EQ; choose one with `track`"):
        presets.read(files)
    for wanted in ("kick eq", "3"):
        chosen = presets.read(files, choice=Choice(track=wanted)).eq
        assert isinstance(chosen, EqSettings)
        assert chosen.bands[1].gain_db == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"<!DOCTYPE CARLA-PRESET>", b'<!DOCTYPE CARLA-PRESET [<!ENTITY a "b">]>', "has a document type (DTD), which is not read"),
        (b"<!DOCTYPE CARLA-PRESET>", b"<!DOCTYPE OTHER>", "has a document type (DTD), which is not read"),
        (b"<Symbol>LSgain</Symbol>", b"", "a parameter has the symbol '', which is none; save it with a newer Carla"),
        (b"<Symbol>LSgain</Symbol>", b"<Symbol>LSsec</Symbol>", "parameter LSsec is set twice"),
        (b"<Value>8.1</Value>", b"<Value>8,1</Value>", "LSgain '8,1' is not a number"),
        (b"fil4#mono", b"fil5#mono", "holds no plug-in of this format"),
    ],
)
def test_a_damaged_state_of_carla_names_what_is_wrong(before: bytes, after: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read({"x.carxs": CARLA.read_bytes().replace(before, after, 1)}, "fil4-lv2")
    assert says in str(caught.value)


def test_what_carla_adds_to_a_plug_in_is_said() -> None:
    data = CARLA.read_bytes().replace(b"<Active>Yes</Active>", b"<Active>No</Active>\n   <Volume>0.5</Volume>")
    notes = [str(note) for note in presets.read({"x.carxs": data}).notes]
    assert "Active the plug-in is switched off in Carla, which is not read (unknown)" in notes
    assert "Volume 0.5 is not read (unknown, 6.021 dB off)" in notes
