"""Presets as values: what was written, what is to be known of it, and options that contradict each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
import soundfile
from conftest import ROOT

from semeq_export.app.conversion import KNOBS, ConvertOptions, convert_preset, list_formats
from semeq_export.app.presets import CONTACT_SHEET, AllTerms, Match, PresetOptions, Words, encode_preset, write_presets
from semeq_export.eq.readable import rounded
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import BinaryFormatError, IntentError, OutputError, UnknownFormatError
from semeq_export.words.target import SemanticTarget
from semeq_presets import read, read_device, read_file

WARM = SemanticTarget.parse("warm")
MINE = EqSettings((Band("peak", freq_hz=1_234.5, gain_db=4.32, q=1.1),), preamp_db=-4.32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "tiny.semeq"
    bundles.write(path)
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sounds")
    noise = np.random.default_rng(5).standard_normal((96_000, 2)) * 0.05
    soundfile.write(folder / "mix.wav", noise, 48_000)
    soundfile.write(folder / "dark.wav", noise[1:] + noise[:-1], 48_000)
    return folder / "mix.wav", folder / "dark.wav"


def test_without_a_place_the_preset_comes_back_as_text_with_its_notes(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = write_presets(PresetOptions(target=WARM, formats=["eqapo"], bundle=bundle))
    (file,) = result.files
    assert (file.path, file.format, result.formats, result.is_library) == (None, "eqapo", ("eqapo",), False)
    assert file.content is not None
    assert read(file.content.encode()).eq is not None
    assert [note.kind for note in file.notes] == ["added"]
    assert capsys.readouterr() == ("", "")


def test_a_label_names_what_is_written_and_the_preset_keeps_its_own_name(bundle: Path, tmp_path: Path) -> None:
    target = SemanticTarget.parse("warm,bright", -0.5)
    options = PresetOptions(target=target, label="mine", formats=["csv", "sox"], output=tmp_path / "out", bundle=bundle)
    result = write_presets(options)
    assert [str(file.path) for file in result.files] == [
        str(tmp_path / "out" / "csv" / "mine-minus-0-5.csv"),
        str(tmp_path / "out" / "sox" / "mine-minus-0-5.sox.txt"),
    ]
    assert (result.presets[0].word, result.presets[0].preset.name) == ("mine", "Less warm, less bright")


def test_a_phrase_is_understood_and_its_file_is_called_after_it(tmp_path: Path) -> None:
    phrase = Words("less muddy", 0.5)
    result = write_presets(PresetOptions(target=phrase, formats=["csv", "sox"], output=tmp_path / "out"))
    assert [file.path.name for file in result.files if file.path] == ["less-muddy-0-5.csv", "less-muddy-0-5.sox.txt"]
    assert (result.presets[0].word, result.presets[0].preset.name) == ("less muddy", "Less muddy at 30%")
    assert [phrase.line for phrase in result.understood.values()] == ["understood: muddy -0.6; the opposite of muddy"]
    exact = write_presets(PresetOptions(target=SemanticTarget({"muddy": 1.0}, -0.3), formats=["csv"]))
    assert (exact.presets[0].preset.eq, exact.understood) == (result.presets[0].preset.eq, {})
    assert write_presets(PresetOptions(target=Words("warm"), formats=["csv"])).understood == {}


def test_all_terms_are_a_library_with_a_picture_and_a_dry_run_only_plans_it(bundle: Path, tmp_path: Path) -> None:
    options = PresetOptions(target=AllTerms(), formats=["csv"], output=tmp_path / "out", dry_run=True, bundle=bundle)
    planned = write_presets(options)
    assert (planned.is_library, planned.picture) == (True, tmp_path / "out" / CONTACT_SHEET)
    assert list(tmp_path.iterdir()) == []
    written = write_presets(PresetOptions(target=AllTerms(), formats=["csv"], output=tmp_path / "out", bundle=bundle))
    assert [file.path for file in written.files] == [file.path for file in planned.files]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {CONTACT_SHEET, *(file.path.name for file in planned.files if file.path)}
    assert [one.word for one in written.presets] == sorted(set(bundles.WORDS) - {"cálido"})
    assert written.notes == ("1 word left out: of other languages; `language` says of which",)
    for language, words in (("es", ["cálido"]), (None, sorted(bundles.WORDS))):
        asked = replace(options, target=AllTerms(language=language))
        assert [one.word for one in write_presets(asked).presets] == words


def test_a_preset_does_what_a_file_needs_or_what_takes_it_to_a_reference(bundle: Path, sounds: tuple[Path, Path]) -> None:
    mix, dark = sounds
    full = write_presets(PresetOptions(target=WARM, formats=["eqapo"], bundle=bundle)).presets[0]
    (needed,) = write_presets(PresetOptions(target=WARM, adapt_to=mix, reference=dark, formats=["eqapo"], bundle=bundle)).presets
    assert full.adaptation is None
    assert needed.adaptation is not None
    assert needed.preset.eq == rounded(needed.adaptation.eq) != full.preset.eq
    (matched,) = write_presets(PresetOptions(target=Match(dark), adapt_to=mix, formats=["eqapo"])).presets
    assert (matched.word, matched.preset.name) == ("match dark", "Match dark")
    response = matched.preset.response_db(np.array([200.0, 16_000.0]))
    assert response[1] < response[0] - 3.0


def test_a_device_gets_a_table_of_its_knobs(bundle: Path, tmp_path: Path) -> None:
    device = read_device(ROOT / "presets" / "devices" / "console-4-band.toml")
    result = write_presets(PresetOptions(target=WARM, device=device, bundle=bundle))
    assert (result.formats, result.files[0].content) == ((KNOBS,), result.presets[0].knobs)
    assert result.presets[0].notes
    write_presets(PresetOptions(target=WARM, formats=["semeq-json"], output=tmp_path / "a.json", bundle=bundle))
    converted = convert_preset(ConvertOptions(source=tmp_path / "a.json", destination=tmp_path / "a.txt", device=device))
    assert (converted.from_format, converted.to_format, converted.content) == ("semeq-json", KNOBS, None)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()[1] == device.name
    assert read_file(tmp_path / "a.json").name == "Warm"


@pytest.mark.parametrize(
    "options",
    [
        {"target": Match("any")},
        {"target": WARM, "reference": "any"},
        {"target": Match("any"), "adapt_to": "a.wav", "reference": "any"},
        {"target": AllTerms(), "name": "x"},
        {"target": WARM, "install": True, "output": "x"},
        {"target": WARM, "dry_run": True},
        {"target": MINE, "adapt_to": "a.wav"},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(IntentError):
        PresetOptions(formats=["eqapo"], **options)  # type: ignore[arg-type]  # kinds of values differ from case to case


def test_settings_of_ones_own_are_written_as_they_are(tmp_path: Path) -> None:
    write_presets(PresetOptions(target=MINE, name="mine", output=tmp_path / "a.semeq.json"))
    preset = read_file(tmp_path / "a.semeq.json")
    assert (preset.eq, preset.name, preset.words) == (MINE, "mine", None)


@pytest.mark.parametrize(("format_id", "name"), [("eqapo", "my-mix.txt"), ("lsp-x16-lv2", "my-mix.lv2")])
def test_what_is_encoded_is_what_would_be_written(format_id: str, name: str, bundle: Path, tmp_path: Path) -> None:
    for target in (WARM, MINE):
        options = PresetOptions(target=target, name="My mix", formats=[format_id], bundle=bundle)
        made, place = encode_preset(options), tmp_path / name
        written = write_presets(replace(options, output=place, overwrite=True))
        on_disk = sorted(place.iterdir()) if place.is_dir() else [place]
        assert dict(made.files) == {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in on_disk}
        assert (made.format, made.notes) == (format_id, written.files[0].notes)


@pytest.mark.parametrize("options", [{"formats": ["csv", "sox"]}, {"formats": []}, {"formats": ["csv"], "output": "x"}])
def test_what_is_encoded_is_one_preset_in_one_format(options: dict[str, object]) -> None:
    with pytest.raises(OutputError, match="one preset in one format"):
        encode_preset(PresetOptions(target=WARM, **options))  # type: ignore[arg-type]  # kinds of values differ from case to case


def test_formats_and_places_that_do_not_fit_are_refused(bundle: Path) -> None:
    with pytest.raises(UnknownFormatError, match="`formats`"):
        write_presets(PresetOptions(target=WARM))
    with pytest.raises(OutputError, match="`output`"):
        write_presets(PresetOptions(target=AllTerms(), formats=["csv"]))
    with pytest.raises(OutputError, match="csv is named twice"):
        write_presets(PresetOptions(target=WARM, formats=["csv", "csv"], output="x"))
    with pytest.raises(BinaryFormatError, match="lsp-x16-lv2 is a folder"):
        write_presets(PresetOptions(target=WARM, formats=["lsp-x16-lv2"], bundle=bundle))
    with pytest.raises(UnknownFormatError, match="`to_format`"):
        convert_preset(ConvertOptions(source="a.txt"))
    assert [info.id for info in list_formats(["eqapo"])] == ["eqapo"]
