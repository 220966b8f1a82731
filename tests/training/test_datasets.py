"""Tables of both data sets in every layout that users may have, and every way in which they can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import DataError, EnvironmentFailure
from semeq_training.data.datasets import ExampleTable, load_examples, read_tables
from semeq_training.data.tables import N_FOLDS, SAFE_COLUMNS, SHAPE_FREQS_HZ, RawRow, fold_of, read_table

SETTINGS = [6.0, 120.5, 2.0, 1_500.0, 1.2, -3.0, 400.0, 0.71, 0.5, 3_300.0, 4.0, -2.25, 9_000.0]
"""Gain and frequency of the low shelf, three peaks, the high shelf; the peaks are out of order."""
SORTED = [6.0, 120.5, -3.0, 400.0, 0.71, 2.0, 1_500.0, 1.2, 0.5, 3_300.0, 4.0, -2.25, 9_000.0]

SAFE_HEADER = ",".join(
    [
        *("id", "descriptor", "descriptor_norm", "label_flag", *SAFE_COLUMNS),
        *("duplicate_of_id", "channels", "genre", "instrument", "stimulus", "cv_fold"),
    ]
)
SHAPE_HEADER = ",".join(["id", "descriptor", "language", "audio_id", "ratings_consistency", *(f"z_{f}hz" for f in SHAPE_FREQS_HZ)])
SOCIALFX_HEADER = ",".join(["descriptor", "audio_id", "ratings_consistency", *(f"RSC_{f}Hz" for f in SHAPE_FREQS_HZ)])


def numbers(values: list[float] | np.ndarray) -> str:
    return ",".join(f"{value:g}" for value in values)


def safe_row(identity: int = 1, word: str = "warm", flag: str = "ok", fold: str = "3", values: list[float] | str = SETTINGS) -> str:
    cells = values if isinstance(values, str) else numbers(values)
    return f'{identity},"{word}",{word.lower()},{flag},{cells},,2,rock,12,,{fold}'


def shape(tilt: float = 1.0, seed: int = 0) -> np.ndarray:
    z = tilt * np.linspace(-1.0, 1.0, 40) + 0.1 * np.random.default_rng(seed).standard_normal(40)
    return (z - z.mean()) / z.std()


def shape_row(identity: int = 7, word: str = "warm", language: str = "en", values: np.ndarray | None = None) -> str:
    return f"{identity},{word},{language},8,0.75,{numbers(shape() if values is None else values)}"


def write(path: Path, header: str, *rows: str, encoding: str = "utf-8", newline: str = "\n") -> Path:
    path.write_bytes(newline.join([header, *rows, ""]).encode(encoding))
    return path


def only(path: Path) -> RawRow:
    (row,) = read_table(path).rows
    return row


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as error:
        read_table(path)
    text = str(error.value)
    assert path.name in text
    assert len(text.splitlines()) == 1
    return text


class TestLayouts:
    def test_cleaned_safe(self, tmp_path: Path) -> None:
        row = only(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(word="Warm ")))
        assert (row.id, row.dataset, row.descriptor, row.language, row.flag, row.fold) == ("safe:1", "safe", "Warm ", "en", "ok", 3)
        assert (row.genre, row.instrument) == ("rock", "")  # digits are participant numbers
        assert row.values.tolist() == SORTED
        assert row.ratings_consistency is None

    def test_columns_may_stand_in_any_order_and_unknown_ones_are_ignored(self, tmp_path: Path) -> None:
        names = [*reversed(SAFE_COLUMNS), "descriptor", "extra", "cv_fold", "id"]
        cells = [*(f"{value:g}" for value in reversed(SETTINGS)), "warm", "secret", "0", "5"]
        row = only(write(tmp_path / "safe.csv", ",".join(names), ",".join(cells)))
        assert row.values.tolist() == SORTED
        assert row.flag is None

    def test_upstream_safe_has_no_header_and_its_personal_columns_are_dropped(self, tmp_path: Path) -> None:
        person = "Jazz,piano,Lyon,12 years,31,French,998877"
        lines = [
            f"{i},bright,{address},2,2,{numbers(SETTINGS)},{person}" for i, address in enumerate(("192.0.2.77", "192.0.2.78", "192.0.2.77"))
        ]
        rows = read_table(write(tmp_path / "SAFEEqualiserUserData.csv", lines[0], *lines[1:])).rows
        assert [row.id for row in rows] == ["safe:0", "safe:1", "safe:2"]
        assert rows[0].fold == rows[2].fold == fold_of("192.0.2.77")
        assert (rows[0].genre, rows[0].instrument, rows[0].flag) == ("Jazz", "piano", None)
        assert rows[0].values.tolist() == SORTED
        for secret in ("192.0.2", "Lyon", "12 years", "31", "French", "998877"):
            assert all(secret not in repr(row) for row in rows)

    def test_cleaned_socialeq(self, tmp_path: Path) -> None:
        row = only(write(tmp_path / "social.csv", SHAPE_HEADER, shape_row(word="cálido", language="es")))
        assert (row.id, row.dataset, row.descriptor, row.language) == ("socialeq:7", "socialeq", "cálido", "es")
        assert row.ratings_consistency == 0.75
        np.testing.assert_allclose(row.values, shape(), atol=1e-4)

    @pytest.mark.parametrize("suffix", ["", "_band"])
    def test_upstream_socialfx_has_one_name_too_few(self, tmp_path: Path, suffix: str) -> None:
        header = SOCIALFX_HEADER.replace("Hz", f"Hz{suffix}")
        lines = [f"{word},{language},8,0.5,{numbers(shape())}" for word, language in (("hot", "English"), ("frío", "Spanish"))]
        rows = read_table(write(tmp_path / "eq_contributions.csv", header, *lines)).rows
        assert [(row.id, row.descriptor, row.language) for row in rows] == [("socialeq:0", "hot", "en"), ("socialeq:1", "frío", "es")]
        np.testing.assert_allclose(rows[1].values, shape(), atol=1e-4)
        assert rows[1].ratings_consistency == 0.5

    @pytest.mark.parametrize("as_text", [False, True])
    def test_socialfx_parquet(self, tmp_path: Path, as_text: bool) -> None:
        rows = read_table(parquet(tmp_path, as_text=as_text)).rows
        assert [(row.id, row.descriptor, row.language) for row in rows] == [("socialeq:3", "hot", "en"), ("socialeq:9", "frío", "es")]
        np.testing.assert_allclose(rows[0].values, shape(), atol=1e-12)
        assert rows[0].ratings_consistency == 0.25

    def test_a_row_has_the_same_id_and_fold_in_every_layout(self, tmp_path: Path) -> None:
        cleaned = only(write(tmp_path / "a.csv", SHAPE_HEADER, shape_row(identity=3)))
        upstream = read_table(parquet(tmp_path)).rows[0]
        assert (cleaned.id, cleaned.fold) == (upstream.id, upstream.fold)

    def test_folds_are_even_and_depend_on_the_whole_name(self) -> None:
        counts = np.bincount([fold_of(f"192.0.2.{i}") for i in range(256)], minlength=N_FOLDS)
        assert counts.min() > 30

    def test_byte_order_mark_and_windows_line_ends_are_read(self, tmp_path: Path) -> None:  # fault E10
        row = only(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(), encoding="utf-8-sig", newline="\r\n"))
        assert row.values.tolist() == SORTED

    @pytest.mark.parametrize("word", ["NA", "null", "None", "nan"])
    def test_words_are_text_taken_as_they_are(self, tmp_path: Path, word: str) -> None:  # fault E9
        assert only(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(word=word))).descriptor == word

    def test_float32_text_of_the_end_of_a_range_is_that_end(self, tmp_path: Path) -> None:
        values = numbers(SETTINGS).replace("6,120.5", "12.000000477,1000.00006")
        assert only(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(values=values))).values[:2].tolist() == [12.0, 1_000.0]


def parquet(folder: Path, *, as_text: bool = False, change: Callable[[dict[str, object]], object] = lambda row: None) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the [train] extra")
    writer = pytest.importorskip("pyarrow.parquet", reason="needs the [train] extra")
    rows: list[dict[str, object]] = []
    for identity, word, language in ((3, "hot", "English"), (9, "frío", "Spanish")):
        extra = {"lang": language, "ratings_consistency": 0.25}
        order = list(reversed(range(40)))  # values follow their names, not their places
        row = {
            "id": f"eq_{identity}",
            "text": word,
            "param_keys": [f"RSC_{SHAPE_FREQS_HZ[i]}Hz_band" for i in order],
            "param_values": [float(shape()[i]) for i in order],
            "extra": repr(extra) if as_text else extra,
        }
        change(row)
        rows.append(row)
    path = folder / "eq-00000-of-00001.parquet"
    writer.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


class TestFaults:
    @pytest.mark.parametrize(
        ("cell", "why"),
        [
            *(("nan", "is not a finite number"), ("inf", "is not"), ("-Infinity", "is not"), ("1e999", "is not"), ("", "empty")),
            *(("  ", "empty"), ("abc", "is not"), ("1_000", "is not"), ("0x10", "is not"), ("٣", "is not")),
        ],
    )
    def test_a_cell_that_is_no_number_names_row_and_column(self, tmp_path: Path, cell: str, why: str) -> None:  # fault E7
        bad = safe_row(2, values=numbers(SETTINGS).replace("1500", cell))
        text = error_of(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(), bad))
        assert "row 3: column band1_freq_hz: " in text
        assert why in text

    @pytest.mark.parametrize(("change", "column"), [("12.5,", "low_shelf_gain_db"), ("-13,", "low_shelf_gain_db")])
    def test_a_value_that_the_plug_in_cannot_have_is_refused(self, tmp_path: Path, change: str, column: str) -> None:
        text = error_of(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(values=numbers(SETTINGS).replace("6,", change, 1))))
        assert f"row 2: column {column}: {float(change[:-1]):g} is outside -12..12" in text

    def test_bad_rows_are_skipped_and_said_on_request(self, tmp_path: Path) -> None:  # fault E7
        bad = safe_row(2, values=numbers(SETTINGS).replace("1500", "nan"))
        path = write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(), bad, safe_row(3))
        table = read_table(path, skip_bad_rows=True)
        assert [row.id for row in table.rows] == ["safe:1", "safe:3"]
        assert len(table.skipped) == 1
        assert "row 3: column band1_freq_hz" in table.skipped[0]
        examples = load_examples(tmp_path, skip_bad_rows=True)
        assert examples.counts["safe"]["read"] == 3
        assert examples.counts["safe"]["skipped"] == 1
        assert examples.skipped == table.skipped

    def test_a_table_of_nothing_but_bad_rows_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(values=numbers(SETTINGS).replace("1500", "nan")))
        with pytest.raises(DataError, match="holds no rows"):
            read_table(path, skip_bad_rows=True)

    def test_semicolons_with_decimal_commas(self, tmp_path: Path) -> None:  # fault E8
        path = tmp_path / "safe.csv"
        path.write_text(SAFE_HEADER.replace(",", ";") + "\n" + safe_row().replace(",", ";").replace(".", ","))
        assert "row 1: wrong number of columns (1), is the separator ';'?" in error_of(path)

    def test_semicolons_under_a_header_with_commas(self, tmp_path: Path) -> None:  # fault E8
        text = error_of(write(tmp_path / "safe.csv", SAFE_HEADER, "1;warm;1,5;2"))
        assert "row 2: wrong number of columns: 2, expected 23, is the separator ';'?" in text

    def test_a_quoted_decimal_comma_is_named(self, tmp_path: Path) -> None:  # fault E8
        text = error_of(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(values=numbers(SETTINGS).replace("1500", '"1500,5"'))))
        assert "decimals need a point" in text

    def test_no_header(self, tmp_path: Path) -> None:  # fault E10
        text = error_of(write(tmp_path / "safe.csv", safe_row(), safe_row(2)))
        assert "row 1: no header of a known table (23 columns" in text

    def test_duplicate_header(self, tmp_path: Path) -> None:  # fault E10
        text = error_of(write(tmp_path / "safe.csv", SAFE_HEADER.replace("genre", "id"), safe_row()))
        assert "row 1: column 'id' occurs twice in the header" in text

    @pytest.mark.parametrize("column", ["band2_q", "cv_fold", "descriptor"])
    def test_missing_column(self, tmp_path: Path, column: str) -> None:
        header = ",".join("other" if name == column else name for name in SAFE_HEADER.split(","))
        assert f"row 1: column {column} is missing from the header" in error_of(write(tmp_path / "safe.csv", header, safe_row()))

    @pytest.mark.parametrize("change", ["{},", "{},1,2", "x{}"])
    def test_ragged_rows(self, tmp_path: Path, change: str) -> None:  # fault E10
        ragged = change.format(safe_row(2)) if change != "x{}" else safe_row(2).rpartition(",")[0]
        path = write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(), ragged)
        assert "row 3: wrong number of columns: " in error_of(path)
        with pytest.raises(DataError, match="wrong number of columns"):
            read_table(path, skip_bad_rows=True)

    def test_latin_1(self, tmp_path: Path) -> None:  # fault E10
        text = error_of(write(tmp_path / "social.csv", SHAPE_HEADER, shape_row(), shape_row(8, "cálido"), encoding="latin-1"))
        assert "row 3: byte 0xe1 is not UTF-8 (Latin-1?)" in text

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf_16(self, tmp_path: Path, encoding: str) -> None:  # fault E10
        text = error_of(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(), encoding=encoding))
        assert "row 1: is UTF-16 or binary" in text

    def test_an_open_quote_is_one_line(self, tmp_path: Path) -> None:
        assert "row 2: not a CSV record" in error_of(write(tmp_path / "safe.csv", SAFE_HEADER, '1,"warm'))

    def test_rows_are_lines_of_the_file_even_after_a_word_of_two_lines(self, tmp_path: Path) -> None:
        bad = safe_row(2, values=numbers(SETTINGS).replace("1500", "nan"))
        assert "row 4: column band1_freq_hz" in error_of(
            write(tmp_path / "safe.csv", SAFE_HEADER, safe_row().replace("warm", "wa\nrm", 1), bad)
        )

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "is empty"),
            (b"<!DOCTYPE html><html><body>404</body></html>", "is an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "is a Git LFS pointer"),
            (b"id\tdescriptor\n1\twarm\n", "is the separator a tab?"),
            (b"PAR1 and then nothing of the kind", "not a readable parquet file"),
            (SAFE_HEADER.encode() + b"\n", "holds no rows"),
        ],
        ids=["empty", "html", "lfs", "tabs", "parquet", "header only"],
    )
    def test_what_is_no_table_is_named(self, tmp_path: Path, content: bytes, why: str) -> None:
        (tmp_path / "x.csv").write_bytes(content)
        assert why in error_of(tmp_path / "x.csv")

    @pytest.mark.parametrize(("fold", "flag"), [("5", "ok"), ("", "ok"), ("-1", "ok"), ("1.5", "ok")])
    def test_a_fold_is_a_whole_number_of_0_to_4(self, tmp_path: Path, fold: str, flag: str) -> None:
        assert "column cv_fold: " in error_of(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(fold=fold, flag=flag)))

    def test_an_id_occurs_once(self, tmp_path: Path) -> None:
        assert "id 1 occurs twice" in error_of(write(tmp_path / "safe.csv", SAFE_HEADER, safe_row(), safe_row()))

    def test_shapes_in_decibels_are_not_taken_for_z_scores(self, tmp_path: Path) -> None:
        text = error_of(write(tmp_path / "social.csv", SHAPE_HEADER, shape_row(values=3.0 * shape())))
        assert "row 2: " in text
        assert "deviation 3" in text

    def test_an_unknown_language_is_named(self, tmp_path: Path) -> None:
        assert "column language: 'fr' is not a known language" in error_of(
            write(tmp_path / "social.csv", SHAPE_HEADER, shape_row(language="fr"))
        )

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda row: row.update(param_keys=row["param_keys"][:-1]), "column param_keys: 39 names over 40 values"),
            (lambda row: row.update(param_values=[float("nan"), *row["param_values"][1:]]), "'nan' is not a finite number"),
            (lambda row: row.update(extra="{'lang': "), "column extra: "),
            (lambda row: row.update(extra={"lang": "English"}), "column ratings_consistency: empty"),
            (lambda row: row.update(extra={"ratings_consistency": 0.5}), "column language: "),
            (lambda row: row.update(id="12x"), "column id: "),
            (lambda row: row.pop("param_values"), "column param_values is missing"),
        ],
    )
    def test_parquet_faults_are_one_line(self, tmp_path: Path, change: Callable[[dict[str, object]], object], why: str) -> None:
        assert why in error_of(parquet(tmp_path, change=change))


class TestFolders:
    def test_a_folder_may_hold_either_or_both(self, tmp_path: Path) -> None:
        write(tmp_path / "safe.csv", SAFE_HEADER, safe_row())
        assert [table.dataset for table in read_tables(tmp_path)] == ["safe"]
        (tmp_path / "data").mkdir()
        parquet(tmp_path / "data")
        assert [table.dataset for table in read_tables(tmp_path)] == ["safe", "socialeq"]

    def test_one_data_set_twice_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path / "a.csv", SAFE_HEADER, safe_row())
        write(tmp_path / "b.csv", SAFE_HEADER, safe_row(2))
        with pytest.raises(DataError, match="holds the safe data twice, in a.csv and b.csv"):
            read_tables(tmp_path)

    def test_an_empty_folder_says_how_to_fill_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="semeq-export train fetch"):
            load_examples(tmp_path)

    def test_a_missing_folder_and_a_file_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no such folder"):
            load_examples(tmp_path / "none")
        path = write(tmp_path / "safe.csv", SAFE_HEADER, safe_row())
        with pytest.raises(DataError, match="is a file, give the folder"):
            load_examples(path)


class TestExamples:
    @pytest.fixture
    def table(self, tmp_path: Path) -> ExampleTable:
        words = ["warm", "Warm", "warmth", "bright", "test"]
        safe = [safe_row(i, word, flag="test" if word == "test" else "ok", values=[i / 2.0, *SETTINGS[1:]]) for i, word in enumerate(words)]
        write(tmp_path / "safe.csv", SAFE_HEADER, *safe)
        write(tmp_path / "social.csv", SHAPE_HEADER, *(shape_row(i, "warm", values=shape(-1.0, i)) for i in range(3)))
        return load_examples(tmp_path)

    def test_arrays_follow_the_examples(self, table: ExampleTable) -> None:
        assert len(table) == 7
        assert table.vectors.shape == (7, 13)
        assert [example.word for example in table.examples] == ["warm", "warm", "warm", "bright", "warm", "warm", "warm"]
        assert [example.dataset for example in table.examples] == ["safe"] * 4 + ["socialeq"] * 3
        np.testing.assert_array_equal(table.vectors[5], table.examples[5].vector)
        assert table.folds.tolist() == [example.fold for example in table.examples]

    def test_counts_add_up(self, table: ExampleTable) -> None:
        for counts in table.counts.values():
            assert counts["read"] == sum(number for name, number in counts.items() if name != "read")
        assert table.counts["safe"]["test"] == 1

    def test_every_vector_is_a_setting_of_the_layout(self, table: ExampleTable) -> None:
        for example in table.examples:
            SAFE_13.from_vector(example.vector)
            assert np.all(np.diff(example.vector[[3, 6, 9]]) >= 0)

    def test_only_fitted_shapes_have_a_fit_error(self, table: ExampleTable) -> None:
        assert table.fit_rms_db[:4].tolist() == [0.0] * 4
        assert np.all((table.fit_rms_db[4:] > 0) & (table.fit_rms_db[4:] < 0.5))

    def test_a_falling_shape_becomes_a_falling_response(self, table: ExampleTable) -> None:
        curve = response_db(SAFE_13.from_vector(table.vectors[4]), log_grid(), 48_000.0)
        assert curve[:10].mean() > curve[-10:].mean() + 5.0

    def test_usable_words_have_enough_rows(self, table: ExampleTable) -> None:
        assert table.usable_words() == [("warm", "en", 6)]
        assert table.usable_words(min_rows=1) == [("warm", "en", 6), ("bright", "en", 1)]

    def test_a_selection_keeps_order_and_arrays(self, table: ExampleTable) -> None:
        chosen = table.select(table.fit_rms_db > 0)
        assert [example.id for example in chosen.examples] == ["socialeq:0", "socialeq:1", "socialeq:2"]
        assert chosen.vectors.shape == (3, 13)


def test_an_unreadable_folder_is_an_environment_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(EnvironmentFailure, match="permission denied"):
        read_tables(tmp_path)


@pytest.mark.data
def test_the_real_tables_are_read_whole(data_dir: Path) -> None:
    safe, social = read_tables(data_dir)
    assert (len(safe.rows), len(social.rows)) == (1_587, 1_484)
    assert safe.skipped == social.skipped == ()
    assert sorted({row.fold for row in safe.rows}) == [0, 1, 2, 3, 4]
    assert sum(row.language == "es" for row in social.rows) == 644
    assert np.bincount([row.fold for row in social.rows]).min() > 200
