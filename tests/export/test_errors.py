"""The error tree: exit codes, stable names, one line each, and whole after a trip through another process."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from semeq_export import errors
from semeq_export.errors import SemeqError

EXAMPLES: list[SemeqError] = [
    errors.SemeqError("something"),
    errors.EnvironmentFailure("mix.wav: disk full"),
    errors.MissingHostError("liblilv is not installed"),
    errors.InvalidEqError("q", 0.0, "not above 0"),
    errors.IntentError("give `target` or `preset`, not both"),
    errors.InvalidTargetError("intensity 9 is outside -3..3"),
    errors.UnknownTermError("wram", ["warm", "worm"]),
    errors.DoubtfulTermError("cozy", ["warm", "soothing"]),
    errors.AudioError("no audio", Path("mix.wav")),
    errors.InUseError("the stream is in use by another caller"),
    errors.ChainError("line 3: no plug-in called Reverbb", "vocal.toml"),
    errors.OutputError("warm.txt: exists already; use `overwrite` to replace it"),
    errors.BinaryFormatError("eq-eight is a binary format"),
    errors.DataError("5 columns, expected 25", "safe.csv", 7),
    errors.TrainingError("loss is not finite at step 3"),
    errors.MissingExtraError("train", "torch"),
    errors.PresetError("preset"),
    errors.UnknownFormatError("no format 'mp3'"),
    errors.AmbiguousFormatError("eqapo and rew both know this file"),
    errors.PresetReadError("expected 3 bands, found 7", "mix.myeq", "offset 0x1c"),
    errors.PresetWriteError("too many bands"),
    errors.BundleError("bundle"),
    errors.BundleFormatError("manifest.json: no schema version"),
    errors.BundleVersionError("made by a newer version"),
    errors.BundleIntegrityError("decoder.onnx: changed"),
]


def _tree(root: type[SemeqError]) -> list[type[SemeqError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child) if child.__module__ == "semeq_export.errors")]


def test_every_error_has_an_example_here() -> None:
    assert {type(example) for example in EXAMPLES} == set(_tree(SemeqError))


def test_codes_are_unique_and_plain() -> None:
    codes = [kind.code for kind in _tree(SemeqError)]
    assert len(set(codes)) == len(codes)
    assert all(code.replace("-", "").isalpha() and code.islower() for code in codes)


def test_only_the_environment_ends_with_exit_code_1() -> None:
    environment = {errors.EnvironmentFailure: 1, errors.MissingHostError: 1}
    assert {kind: kind.exit_code for kind in _tree(SemeqError) if kind.exit_code != 2} == environment


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: e.code)
def test_errors_survive_another_process_and_copying(error: SemeqError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: e.code)
def test_messages_are_one_line_without_full_stop(error: SemeqError) -> None:
    assert "\n" not in str(error)
    assert not str(error).endswith(".")
    assert "  " not in str(error)


def test_builtin_families_catch_them_too() -> None:
    assert issubclass(errors.EnvironmentFailure, OSError)
    assert issubclass(errors.InvalidEqError, ValueError)
    assert issubclass(errors.UnknownTermError, LookupError)
    assert issubclass(errors.MissingExtraError, ImportError)
    assert issubclass(errors.BundleIntegrityError, errors.BundleError)


def test_messages_name_value_bound_and_next_step() -> None:
    assert (
        str(errors.InvalidEqError("band 2: freq_hz", 25_000.0, "above Nyquist (22050)"))
        == "band 2: freq_hz 25000.0 is above Nyquist (22050)"
    )
    assert str(errors.InvalidEqError("eq bands", "", "missing")) == "eq bands is missing"
    assert str(errors.UnknownTermError("wram", ["warm"])) == "unknown term 'wram'; did you mean 'warm'?"
    assert str(errors.UnknownTermError("xyzzy")) == "unknown term 'xyzzy'; see: semeq-export terms"
    assert "pip install 'semeq-export[train]'" in str(errors.MissingExtraError("train", "torch"))
    assert (
        str(errors.PresetReadError("expected 3 bands, found 7", "mix.myeq", "offset 0x1c"))
        == "mix.myeq: offset 0x1c: expected 3 bands, found 7"
    )
    assert str(errors.DataError("empty cell", "safe.csv", 7)) == "safe.csv: row 7: empty cell"
