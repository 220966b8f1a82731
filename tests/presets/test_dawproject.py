"""DAWproject: one equaliser, whole sessions, and the published schema."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT, cases, skip_or_fail
from preset_files import files_of, peak_below
from strategies import T5, T10

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import OutputError, PresetReadError, PresetWriteError
from semeq_presets import Preset
from semeq_presets.file_formats.base import Choice
from semeq_presets.file_formats.dawproject_zip import Stem, read_session, write_session

GOLDEN = Path(__file__).resolve().parent.parent / "golden/dawproject/session.dawproject"
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF
LOW_CUT = Band("high_pass", 30.0, 0.0, 0.71, order=4)
BANDS = (Band(LOW, 105.0, 8.1, 0.7), Band(PEAK, 1_604.0, -2.7, 1.23), Band(HIGH, 10_000.0, -7.5, 0.7, enabled=False))


@pytest.fixture(scope="session")
def schema_dir() -> Path:
    """The published schemas: ../shared/formats/dawproject beside the checkout, or beside SEMEQ_DATA."""
    data = Path(os.environ.get("SEMEQ_DATA", ROOT.parent / "shared" / "data"))
    folder = data.parent / "formats" / "dawproject"
    if not (folder / "Project.xsd").is_file():
        skip_or_fail(f"Project.xsd not found in {folder}; set SEMEQ_DATA to the folder data beside the folder formats")
    if shutil.which("xmllint") is None:
        skip_or_fail("xmllint is not installed (Debian: apt-get install libxml2-utils)")
    return folder


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check_valid(data: bytes, schemas: Path, folder: Path) -> None:
    content = members(data)
    for name, schema in (("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")):
        path = folder / name
        path.write_bytes(content[name])
        done = subprocess.run(
            ["xmllint", "--noout", "--schema", str(schemas / schema), str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def wav(seconds: float, channels: int, rate: int = 8_000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((round(seconds * rate), channels)), rate, format="WAV")
    return buffer.getvalue()


def stems(folder: Path) -> list[Stem]:
    (folder / "drums.wav").write_bytes(wav(1.5, 2))
    vocal = wav(2.0, 1)
    return [
        Stem("Drums & bass", folder / "drums.wav", T5, 8_000, 2, 1.5),
        Stem("Vocal", vocal, EqSettings(T10.bands, -3.0), 8_000, 1, 2.0, "vocal.wav"),
        Stem("Vocal", vocal, None, 8_000, 1, 2.0),
    ]


def test_the_first_equaliser_of_a_session_is_read_and_the_file_written_back() -> None:
    preset = presets.read(files_of(GOLDEN))
    assert (preset.format, preset.name, preset.single.bands) == ("dawproject", "Warm", (BANDS[0], LOW_CUT, *BANDS[1:]))
    assert preset.single.preamp_db == pytest.approx(-5.9, abs=1e-12)
    assert [(note.kind, note.field, note.wanted) for note in preset.notes] == [
        ("approximated", "band 2 of the file slope and q", str(LOW_CUT)),
        ("unknown", "other equalisers of the session", "Vocal not read; choose one with `track`"),
    ]
    assert preset.notes[0].error_db == pytest.approx(3.0, abs=0.1)  # at the corner: two sections of Q 0.71 are 6 dB down
    assert preset.notes[1].error_db == 0.0
    assert presets.write(preset, "dawproject").files["preset.dawproject"] == GOLDEN.read_bytes()


def test_an_edit_keeps_tracks_devices_filters_and_files(schema_dir: Path, tmp_path: Path) -> None:
    preset = presets.read(files_of(GOLDEN))
    bands = (replace(BANDS[0], gain_db=6.0), LOW_CUT, Band(PEAK, 500.0, 1.0, 1.0), BANDS[2], Band("notch", 3_000.0, 0.0, 4.0))
    eq = EqSettings(bands, -2.0)
    (data,) = presets.write(replace(preset, eq=eq, name="New"), "dawproject").files.values()
    check_valid(data, schema_dir, tmp_path)
    back = presets.read(data)
    assert (back.single.bands, back.name) == (eq.bands, "New")
    assert back.single.preamp_db == pytest.approx(-2.0, abs=1e-9)
    before, after = members(GOLDEN.read_bytes()), members(data)
    assert list(after) == list(before)
    assert {name: after[name] for name in after if name != "project.xml"} == {
        name: before[name] for name in before if name != "project.xml"
    }
    text = after["project.xml"].decode()
    for kept in (
        "<!-- made by hand -->",
        '<Band order="4" type="highPass">',
        'name="Q amount"',
        'min="20" unit="hertz" value="105.0" id="id6"',
        'value="-12.5"',
    ):
        assert kept in text
    fewer = presets.read(presets.write(replace(back, eq=EqSettings(eq.bands[:1])), "dawproject").files)
    assert fewer.single.bands == eq.bands[:1]
    assert [note.field for note in fewer.notes] == ["other equalisers of the session"]


def test_every_kind_of_the_schema_is_written_valid_and_comes_back(schema_dir: Path, tmp_path: Path) -> None:
    eq = EqSettings(
        (
            Band("high_pass", 30.0, order=3),
            Band("low_pass", 9_000.0, 0.0, 1.2, order=16),
            Band("low_shelf", 200.0, 2.0, order=1),
            Band("band_pass", 800.0, 0.0, 0.4, enabled=False),
            Band("notch", 50.0, 0.0, 9.0),
        )
    )
    (data,) = presets.write(eq, "dawproject").files.values()
    check_valid(data, schema_dir, tmp_path)
    assert presets.read(data).eq == eq
    tilt = presets.write(EqSettings((Band("tilt", 900.0, 3.0, order=1),)), "dawproject")
    assert tilt.notes == ()
    assert presets.read(tilt.files).eq == EqSettings((Band("high_shelf", 900.0, 3.0, order=1),), -1.5)


def test_the_equaliser_of_a_track_is_chosen_by_name_or_number_and_changed_alone() -> None:
    for track in ("Vocal", "2"):
        preset = presets.read(files_of(GOLDEN), choice=Choice(track=track))
        assert [band.kind for band in preset.single.bands] == [PEAK]
        assert preset.notes == ()
    (data,) = presets.write(replace(preset, eq=T5), "dawproject").files.values()
    assert presets.read(data, choice=Choice(track="Vocal")).single.bands == T5.bands
    assert presets.read(data).single == presets.read(files_of(GOLDEN)).single
    largest = presets.read(data).notes[-1]
    assert (largest.field, largest.error_db) == ("other equalisers of the session", pytest.approx(5.2, abs=0.01))
    for track in ("Bass", "3", "0"):
        with pytest.raises(PresetReadError, match=r"holds 2 equalisers: 1 \(.*\), 2 \(Vocal\); choose one with `track`$"):
            presets.read(files_of(GOLDEN), choice=Choice(track=track))


@pytest.mark.parametrize(
    ("order", "says", "size_db"),
    [
        (b"6", "band 3 of the file slope order 6 -> 12 dB/oct (approximated", 1.35),
        (b"x", "band 3 of the file order x is not read (unknown", 2.7),
    ],
)
def test_an_order_that_a_bell_has_not_is_said_with_its_size(order: bytes, says: str, size_db: float) -> None:
    content = members(GOLDEN.read_bytes())
    content["project.xml"] = content["project.xml"].replace(b'<Band type="bell">', b'<Band type="bell" order="' + order + b'">', 1)
    note = next(note for note in presets.read(archive_of(content), "dawproject").notes if "band 3" in note.field)
    assert str(note).startswith(says)
    assert note.error_db == pytest.approx(size_db)


def test_a_stem_with_what_no_session_holds_is_refused(tmp_path: Path) -> None:
    stem = Stem("Drums", b"RIFF", EqSettings((Band("all_pass", 300.0),)), 48_000, 2, 1.0)
    with pytest.raises(PresetWriteError, match="stem Drums: a session holds no all_pass 300 Hz q 0.7071; convert it to dawproject first"):
        write_session(tmp_path / "a.dawproject", [stem])


def test_one_equaliser_on_one_track_is_valid_against_the_schema(schema_dir: Path, tmp_path: Path) -> None:
    for eq in (EqSettings((*T10.bands, replace(T5.bands[0], enabled=False)), -4.5), EqSettings()):
        (data,) = presets.write(Preset(eq, name='A "b" & <c>'), "dawproject").files.values()
        check_valid(data, schema_dir, tmp_path)
        back = presets.read(data)
        assert (back.eq, back.name, back.notes) == (eq, 'A "b" & <c>', ())


def test_a_folder_of_stems_becomes_one_session(schema_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.dawproject"
    write_session(path, stems(tmp_path), title="Song")
    data = path.read_bytes()
    check_valid(data, schema_dir, tmp_path)
    content = members(data)
    assert list(content) == ["metadata.xml", "project.xml", "audio/01-drums-bass.wav", "audio/02-vocal.wav", "audio/03-vocal.wav"]
    assert content["audio/01-drums-bass.wav"] == (tmp_path / "drums.wav").read_bytes()
    found = read_session(data)
    assert [(track.track, track.eq, track.notes) for track in found] == [
        ("Drums & bass", T5, ()),
        ("Vocal", EqSettings(T10.bands, -3.0), ()),
    ]
    text = content["project.xml"].decode()
    for said in (
        '<File path="audio/02-vocal.wav"/>',
        'channels="1" sampleRate="8000" duration="2.0"',
        "<Lanes id=",
        'destination="master"',
    ):
        assert said in text
    assert b"<Title>Song</Title>" in content["metadata.xml"]
    assert presets.read(data).eq == T5


def test_equal_sessions_are_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.dawproject", tmp_path / "b.dawproject"
    for path in (first, second):
        write_session(path, stems(tmp_path))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_sessions_that_cannot_be_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "song.dawproject"
    good = stems(tmp_path)
    for bad, says in (
        ([], "a session has 1..999 stems, not 0"),
        ([good[0]] * 1_000, "not 1000"),
        ([replace(good[0], duration_s=float("nan"))], "stem Drums & bass: duration_s nan is outside 0..1e7"),
        ([replace(good[0], channels=65)], "65 channels at 8000 Hz"),
        ([replace(good[0], sample_rate_hz=1)], "sample_rate_hz 1 is outside 8000..384000"),
        ([replace(good[0], audio=tmp_path)], "directory|folder|regular"),
    ):
        with pytest.raises(PresetWriteError, match=says):
            write_session(path, bad)
        assert [entry.name for entry in tmp_path.iterdir()] == ["drums.wav"]
    path.write_bytes(b"old")
    with pytest.raises(OutputError):
        write_session(path, good)
    with pytest.raises(OutputError, match="is the stem"):
        write_session(tmp_path / "drums.wav", good, overwrite=True)
    assert path.read_bytes() == b"old"
    write_session(path, good, overwrite=True)
    assert read_session(path.read_bytes())


def archive_of(content: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b'value="105.0"', b'value="nan"', "project.xml Band 1: Freq 'nan' is not a number"),
        (b'value="105.0"', b'value="1,5"', "write a decimal point, not a comma"),
        (b'value="105.0"', b'value="-3"', "project.xml Band 1: freq_hz -3.0 is not above 0"),
        (b'value="8.1"', b'value="8e9"', "project.xml Band 1: gain_db 8000000000.0 is outside -60..60"),
        (b'value="0.5069907082747043"', b'value="-1"', "project.xml OutputGain: -1 in linear is no gain"),
        (b'unit="linear" value="0.5069907082747043"', b'unit="seconds" value="1"', "1 in seconds is no gain"),
        (b'<Enabled value="false"/>', b'<Enabled value="no"/>', "project.xml Band 4/Enabled: 'no' is neither true nor false"),
        (b'<Freq unit="hertz" value="1604"/>', b"", "project.xml Band 3: has no Freq"),
        (b"Equalizer", b"Equaliser", "project.xml: holds no Equalizer"),
        (b'<Project version="1.0">', b'<!DOCTYPE a [<!ENTITY x "y">]><Project version="1.0">', "has a document type (DTD)"),
    ],
)
def test_errors_name_the_element(before: bytes, after: bytes, says: str) -> None:  # faults E1 and E4
    content = members(GOLDEN.read_bytes())
    assert before in content["project.xml"]
    content["project.xml"] = content["project.xml"].replace(before, after)
    with pytest.raises(PresetReadError) as caught:
        presets.read(archive_of(content), "dawproject")
    assert says in str(caught.value)


def test_a_band_in_another_unit_is_left_alone_and_said() -> None:
    content = members(GOLDEN.read_bytes())
    content["project.xml"] = content["project.xml"].replace(b'unit="hertz" value="1604"', b'unit="normalized" value="0.5"')
    preset = presets.read(archive_of(content), "dawproject")
    assert len(preset.single.bands) == 3
    assert "band 3 of the file Freq in normalized is not read (unknown, 2.700 dB off)" in [str(note) for note in preset.notes]


def test_hostile_archives_are_refused() -> None:
    project = members(GOLDEN.read_bytes())["project.xml"]
    bomb = archive_of({"project.xml": b"<Project>" + b" " * 50_000_000})
    encrypted = bytearray(GOLDEN.read_bytes())
    central = encrypted.index(b"PK\x01\x02")
    encrypted[central + 8] |= 1
    many = archive_of({"project.xml": project, **{f"f{number}": b"" for number in range(5_000)}})
    for bad, says in (
        (b"PK\x03\x04" + b"\0" * 100, "is no ZIP archive"),
        (GOLDEN.read_bytes()[:-30], "is no ZIP archive"),
        (archive_of({"other.xml": project}), "has no project.xml"),
        (bomb, "unpacks to more than 5000000 bytes"),
        (bytes(encrypted), "project.xml: is encrypted or packed in an unusual way"),
        (many, "has 5001 entries, the limit is 4096"),
    ):
        with pytest.raises(PresetReadError, match=says):
            presets.read(bad, "dawproject")


# fault E21
@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "audio/../../x",
        "audio/..",
        "..",
        "audio/.. /x",
        "audio/.../x",
        "/x",
        "//host/share/x",
        "C:x",
        "c:/x",
        "audio\\..\\..\\x",
        "\\\\host\\x",
        "audio/xNUL.wav",
        "a\nb",
        "../folder/",
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused_by_every_way_in(name: str, tmp_path: Path) -> None:
    path = tmp_path / "slip.dawproject"
    path.write_bytes(archive_of({**members(GOLDEN.read_bytes()), name: b"owned"}).replace(b"NUL", b"\0\0\0"))
    output = tmp_path / "copy.dawproject"
    for attempt in (
        lambda: presets.read_file(path),
        lambda: read_session(path.read_bytes()),
        lambda: presets.convert_file(path, output, preamp=-3.0),
        lambda: presets.convert_file(path, output),
    ):
        with pytest.raises(PresetReadError, match="leads out of the session's folder, or holds control characters") as caught:
            attempt()
        assert "\n" not in str(caught.value)
    assert not output.exists()


# fault E21
@pytest.mark.parametrize(
    "name", ["audio/x..wav", "..audio/x", "audio/a: b.wav", "./audio/y.wav", "audio/\u00e9.wav", "Plugins/State.fxp", "a/"]
)
def test_names_that_stay_inside_are_read_and_kept(name: str) -> None:
    data = archive_of({**members(GOLDEN.read_bytes()), name: b""})
    preset = presets.read(data, "dawproject")
    (changed,) = presets.write(replace(preset, eq=EqSettings()), "dawproject").files.values()
    kept = members(changed)
    assert name.endswith("/") or name in kept


def with_member(entry: zipfile.ZipInfo, content: bytes = b"../../target") -> bytes:
    buffer = io.BytesIO(GOLDEN.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(entry, content)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device_in_a_session_is_refused(mode: int) -> None:  # fault E21
    entry = zipfile.ZipInfo("audio/x.wav")
    entry.create_system, entry.external_attr = 3, (mode | 0o777) << 16
    with pytest.raises(PresetReadError, match=r"^audio/x.wav: is a link or a device"):
        presets.read(with_member(entry), "dawproject")


def test_an_entry_with_two_names_is_refused() -> None:  # fault E21
    honest = archive_of({**members(GOLDEN.read_bytes()), "audio/x.wav": b"content"})
    first = honest.index(b"audio/x.wav")
    before_data = honest[:first] + b"../../x.wav" + honest[first + 11 :]
    with pytest.raises(PresetReadError, match=r"^audio/x.wav: is damaged, or stands under two names"):
        presets.read(before_data, "dawproject")
    entry = zipfile.ZipInfo("audio/x.wav")
    entry.extra = struct.pack("<HHBI", 0x7075, 5 + len(b"../x"), 1, 0) + b"../x"
    with pytest.raises(PresetReadError, match="leads out of the session's folder"):
        presets.read(with_member(entry), "dawproject")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = with_member(zipfile.ZipInfo("project.xml"), b"<Project/>")
    with pytest.raises(PresetReadError, match="has two entries of one name"):
        presets.read(twice, "dawproject")


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packing_than_that_of_daws_is_refused_before_it_is_unpacked(packing: int) -> None:  # faults E21 and E22
    content = members(GOLDEN.read_bytes())
    for held in (content, {**content, "project.xml": content["project.xml"] + b" " * cases(50_000_000, 500_000_000)}):
        data = archive_of(held, packing)
        with (
            peak_below(40_000_000),
            pytest.raises(PresetReadError, match="packed in an unusual way"),
        ):
            presets.read(data, "dawproject")


def test_a_session_that_grows_is_copied_in_little_memory() -> None:  # fault E22
    content = members(GOLDEN.read_bytes())
    preset = presets.read(archive_of({**content, "audio/silence.wav": b"\0" * 60_000_000}), "dawproject")
    with peak_below(20_000_000):
        (data,) = presets.write(replace(preset, eq=EqSettings()), "dawproject").files.values()
    assert len(data) < 200_000
    assert members(data)["audio/silence.wav"] == b"\0" * 60_000_000


def test_other_files_of_a_session_are_copied_within_a_limit() -> None:
    content = members(GOLDEN.read_bytes())
    preset = presets.read(archive_of({**content, "big.bin": b"\0" * 100_000_000}), "dawproject")
    with pytest.raises(PresetWriteError, match="unpacks to more than"):
        presets.write(replace(preset, eq=EqSettings()), "dawproject")
