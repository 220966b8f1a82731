"""Recipes: every field checked, none guessed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from conftest import ROOT
from tiny_training import RECIPE, write_recipe

from semeq_export.errors import TrainingError
from semeq_training.data.recipe import EncoderRecipe, Recipe, read_recipe

pytestmark = pytest.mark.train
RECIPES = sorted((ROOT / "training" / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_committed_recipes_are_valid(path: Path) -> None:
    recipe = read_recipe(path, EncoderRecipe) if path.name.startswith("encoder") else read_recipe(path, Recipe)
    assert recipe.name == path.name
    assert recipe.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_recipe_is_read_as_written(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path / "r.toml"), Recipe).recipe
    assert {name: getattr(recipe, name) for name in RECIPE} == RECIPE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learning_rat": 1e-3}, "learning_rat"),
        ({"seed": None}, "seed"),
        ({"latent_dim": 1}, "latent_dim"),
        ({"latent_dim": "many"}, "latent_dim"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"holdout_fold": 5}, "holdout_fold"),
        ({"threads": 0}, "threads"),
        ({"dropout": 1.0}, "dropout"),
        ({"mixed_share": 1.5}, "mixed_share"),
        ({"name": "../up"}, "name"),
        ({"version": "one"}, "version"),
        ({"socialeq_scale_db": 0.0}, "socialeq_scale_db"),
    ],
)
def test_a_bad_field_is_refused_by_name(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = write_recipe(tmp_path / "r.toml", **changes)
    with pytest.raises(TrainingError, match=said) as caught:
        read_recipe(path, Recipe)
    assert "r.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_infinite_and_nan_fields_are_refused(tmp_path: Path) -> None:
    for value in ("inf", "nan"):
        path = write_recipe(tmp_path / "r.toml", learning_rate=None)
        path.write_text(path.read_text() + f"learning_rate = {value}\n")
        with pytest.raises(TrainingError, match="learning_rate"):
            read_recipe(path, Recipe)


@pytest.mark.parametrize("content", [b"", b"not toml at all", b"\xff\xfe\x00", b"steps = 1\nsteps = 2\n"])
def test_a_file_that_is_no_recipe_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"r\.toml") as caught:
        read_recipe(path, Recipe)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such file"):
        read_recipe(tmp_path / "none.toml", Recipe)


def test_words_with_a_path_of_their_own_need_room(tmp_path: Path) -> None:
    write_recipe(tmp_path / "tiny.toml", word_path=True, latent_dim=13)
    with pytest.raises(TrainingError, match=r"tiny.toml: word_path needs latent_dim above 13, found 13"):
        read_recipe(tmp_path / "tiny.toml", Recipe)
