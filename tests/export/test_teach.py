"""Words of one's own: as close to the presets as five bands come, and refused where there is nothing to learn."""

from __future__ import annotations

from pathlib import Path

import bundles
import numpy as np
import pytest

from semeq_export.bundle.loading import load_bundle, write_bundle
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve, level_free, log_grid, rms_db
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import BundleFormatError, InvalidTargetError
from semeq_export.teach import settings_of, teach

GRID = log_grid()


def preset(low_db: float, high_db: float) -> EqSettings:
    return EqSettings((Band(BandKind.LOW_SHELF, 200.0, low_db, 0.71), Band(BandKind.HIGH_SHELF, 5_000.0, high_db, 0.71)))


THREE = [preset(4.0, -2.0), preset(5.0, -3.0), preset(3.0, -4.0)]


def test_a_taught_word_decodes_to_the_mean_of_its_presets(tmp_path: Path) -> None:
    bundle = load_bundle()
    taught, files = teach(bundle, "Velvet", THREE)
    assert taught.error_db < 0.2
    write_bundle(tmp_path / "mine.semeq", bundle.manifest, files)
    mine = Engine(load_bundle(tmp_path / "mine.semeq"), exact=True)
    wanted = level_free(np.mean([_response(eq) for eq in THREE], axis=0))
    assert rms_db(level_free(mine.curve_for("velvet", GRID)) - wanted) == pytest.approx(taught.error_db, abs=1e-3)
    assert abs(10.0 * np.log10(np.mean(10.0 ** (mine.curve_for("velvet", GRID) / 10.0)))) < 0.5  # of pink noise, in power
    assert taught.term.agreement > 0.9
    assert taught.term.is_own
    assert mine.terms_of(THREE[0])[0][0] == "velvet"
    assert len(mine.bundle.centroids) == len(bundle.centroids) + 1


def test_three_equal_presets_agree_wholly() -> None:
    taught, _ = teach(load_bundle(), "velvet", THREE[:1] * 3)
    assert taught.term.agreement == pytest.approx(1.0)
    assert taught.term.typical_intensity == pytest.approx(1.0, abs=0.01)
    assert taught.term.note == ""


def test_a_word_beyond_the_model_says_so_wherever_it_is_used(tmp_path: Path) -> None:
    bundle = load_bundle()
    comb = EqSettings(tuple(Band(BandKind.PEAK, 100.0 * 2.0**octave, 12.0 * (-1.0) ** octave, 4.0) for octave in range(8)))
    taught, files = teach(bundle, "comb", [comb] * 3)
    assert taught.error_db > 1.0
    write_bundle(tmp_path / "mine.semeq", bundle.manifest, files)
    (doubt,) = Engine(load_bundle(tmp_path / "mine.semeq")).doubts("comb,warm")
    assert doubt == f"comb: {taught.error_db:.1f} dB rms from the mean curve of its presets: the model comes no closer"


def test_the_other_words_stay_as_they_were() -> None:
    bundle = load_bundle()
    _, files = teach(bundle, "velvet", THREE)
    changed = {name for name, data in files.items() if bundle.files[name] != data}
    assert changed == {"centroids.json", "evidence.json", "README.md"}


def test_a_bundle_without_evidence_can_learn_too(tmp_path: Path) -> None:
    bundles.write(tmp_path / "tiny.semeq")
    taught, files = teach(load_bundle(tmp_path / "tiny.semeq"), "velvet", THREE)
    assert "evidence.json" not in files
    assert taught.term.name == "velvet"


@pytest.mark.parametrize(
    ("word", "presets", "said"),
    [
        ("velvet", THREE[:2], "needs 3 or more presets, found 2"),
        ("warm", THREE, "is a word of the bundle already"),
        ("velvet", [preset(0.0, 0.0)] * 3, "would do nothing"),
        ("velvet", [preset(4.0, 0.0), preset(-4.0, 0.0), preset(0.0, 0.0)], "would do nothing"),
    ],
)
def test_nothing_to_learn_is_refused(word: str, presets: list[EqSettings], said: str) -> None:
    with pytest.raises(InvalidTargetError, match=said):
        teach(load_bundle(), word, presets)


def test_a_word_that_no_bundle_may_hold_is_refused() -> None:
    with pytest.raises(BundleFormatError, match="holds a character that no word has"):
        teach(load_bundle(), "a/b", THREE)


def test_a_response_teaches_as_it_is_and_channels_by_their_mean() -> None:
    wanted = EqSettings(curve=Curve(GRID, _response(THREE[0])))
    assert settings_of(wanted) is wanted
    found = _response(settings_of(ChannelEqs((("left", THREE[0]), ("right", THREE[1])))))
    assert rms_db(level_free(found - (_response(THREE[0]) + _response(THREE[1])) / 2.0)) < 0.05


def _response(eq: EqSettings) -> np.ndarray:
    return response_db(eq, GRID, 48_000.0)
