"""Recipes: the TOML files that say how a model is trained. Every field is checked, unknown ones are refused."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import TrainingError, printable
from semeq_export.files import strict_toml
from semeq_export.files.disk import read_regular
from semeq_training.data.tables import N_FOLDS

MAX_BYTES = 100_000

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Weight = Annotated[float, msgspec.Meta(ge=0.0, le=1_000.0)]


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a training run depends on, the data apart.

    name, version: of the bundle. steps: the most optimiser steps a run may take; the evaluation chooses how many of them the shipped model
    gets, looking every evaluate_every steps. holdout_fold: rows that the evaluation keeps back. batch_size: rows per step, half of them
    drawn as groups of rows_per_word rows of one word. learning_rate: of the inner paths. linear_rate: share of it for the weights that
    start as a linear map, which decodes well from the first step where latent_dim has room. contrastive_weight, parameter_weight: of the
    two losses beside the curve loss. temperature: of the contrastive loss. mixed_share: how many of the evenly drawn rows are put together
    from bands of different rows. varied_share: how many of all rows are turned over, made larger or smaller and moved, and lose their word.
    encoder: what the encoder looks at (see `models`); "codes": codes that are linear in dB (see `curve_model`). word_path: words are told
    apart by a path of their own. words: those that the contrastive loss pulls together, all usable ones where empty. min_rows: rows that a
    word needs to pull its rows together and to become
    a term. socialeq_scale_db: dB per unit of a SocialEQ shape.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+){0,3}$")]
    latent_dim: Annotated[int, msgspec.Meta(ge=2, le=512)]
    steps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    evaluate_every: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    holdout_fold: Annotated[int, msgspec.Meta(ge=0, lt=N_FOLDS)]
    batch_size: Annotated[int, msgspec.Meta(ge=2, le=4_096)]
    rows_per_word: Annotated[int, msgspec.Meta(ge=2, le=64)]
    learning_rate: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    linear_rate: _Share
    contrastive_weight: _Weight
    temperature: Annotated[float, msgspec.Meta(ge=0.01, le=10.0)]
    parameter_weight: _Weight
    mixed_share: _Share
    dropout: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
    min_rows: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    socialeq_scale_db: Annotated[float, msgspec.Meta(ge=0.1, le=20.0)]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)]
    encoder: Literal["bands", "curve", "transformer", "codes"] = "bands"
    word_path: bool = False
    words: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=64)], ...] = ()
    varied_share: _Share = 0.0

    def __post_init__(self) -> None:
        if (self.word_path or self.encoder == "codes") and self.latent_dim <= len(SAFE_13.params):
            what = "word_path" if self.word_path else "encoder codes"
            raise ValueError(f"{what} needs latent_dim above {len(SAFE_13.params)}, found {self.latent_dim}")


class EncoderRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What training the audio encoder depends on, the data, the audio and the EQ model apart.

    architecture, width, layers: of the body. steps: of the shipped encoder. fold_steps: of each encoder that the evaluation trains without
    one source. batch_size: pairs of windows per step. pink_share, coloured_share: of the pairs that are pink noise, and noise of a random
    spectrum; the rest is real audio. pink_sources, coloured_sources: how many of them are made. common_share, colour_share: of the coloured
    and real pairs of which both windows get the same people's EQ, or the same random colour. mix_share: of the real pairs that are two
    sources at once. scaled_share: of the EQs that are weakened. pink_weight, alignment_weight, contrastive_weight: of the losses beside the
    curve loss. temperature: of the contrastive loss.
    """

    architecture: Literal["separable", "transformer"]
    width: Annotated[int, msgspec.Meta(ge=4, le=512, multiple_of=4)]
    layers: Annotated[int, msgspec.Meta(ge=1, le=12)]
    steps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    fold_steps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    batch_size: Annotated[int, msgspec.Meta(ge=2, le=1_024)]
    learning_rate: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    pink_sources: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    coloured_sources: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    pink_share: _Share
    coloured_share: _Share
    common_share: _Share
    colour_share: _Share
    mix_share: _Share
    scaled_share: _Share
    pink_weight: _Weight
    alignment_weight: _Weight
    contrastive_weight: _Weight
    temperature: Annotated[float, msgspec.Meta(ge=0.01, le=10.0)]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)]

    def __post_init__(self) -> None:
        if self.pink_share + self.coloured_share > 1.0:
            raise ValueError(f"pink_share and coloured_share add up to {self.pink_share + self.coloured_share:g}, more than 1")


AnyRecipe = TypeVar("AnyRecipe", Recipe, EncoderRecipe)


@dataclass(frozen=True, slots=True)
class RecipeFile(Generic[AnyRecipe]):
    """A recipe as read: its file's name and content stay with it, since runs keep a copy and records its hash."""

    name: str
    content: bytes
    recipe: AnyRecipe

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, hex."""
        return hashlib.sha256(self.content).hexdigest()


def read_recipe(path: str | os.PathLike[str], kind: type[AnyRecipe]) -> RecipeFile[AnyRecipe]:
    """Return the recipe of a kind in a TOML file.

    Raises TrainingError naming the file and the field that is missing, unknown or out of range.
    """
    content = read_regular(path, TrainingError, max_bytes=MAX_BYTES)
    try:
        recipe = msgspec.convert(strict_toml.loads(content), kind)
    except ValueError as error:  # msgspec.ValidationError is one
        raise TrainingError(f"{printable(path)}: {_lower(str(error))}") from error
    return RecipeFile(printable(os.path.basename(path)), content, recipe)  # noqa: PTH119 - works on bytes-like names too


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
