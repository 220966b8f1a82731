"""Text files in pieces: how a format keeps what it does not know, and the spelling of what did not change.

All pieces, joined by the format's separator, are the file. A piece says a band, a preamp, or nothing that we know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from semeq_export.eq.settings import Band, EqSettings
from semeq_presets.file_formats.base import Preset


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file. says: its band, its preamp in dB, or None for everything else.

    level_db: what it adds to the preamp beside its band. channels: those that it is for, none where it is for all.
    """

    text: str
    says: Band | float | None = None
    level_db: float = 0.0
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pieces:
    """All pieces of a file in their order: the parts of `Source` of formats that are read in pieces."""

    pieces: tuple[Piece, ...]


def pieces_of(preset: Preset) -> tuple[Piece, ...] | None:
    """Return the pieces that a preset was read from, None where it comes from elsewhere."""
    held = preset.parts(Pieces)
    return held.pieces if held is not None else None


def preamp_of(pieces: Sequence[Piece]) -> float:
    """Return what the preamps of a file add up to, in dB."""
    return sum((piece.says if isinstance(piece.says, float) else piece.level_db for piece in pieces), 0.0)


def merged(
    pieces: Sequence[Piece],
    eq: EqSettings,
    *,
    separator: str,
    band_text: Callable[[Band, int], str],
    preamp_text: Callable[[float], str],
    end: int | None = None,
) -> str:
    """Return the file with what the EQ says now: changed bands rewritten, missing ones left out, new ones put behind the last.

    band_text: the text of a band and its number, from 1; preamp_text: that of a preamp in dB. White space around a piece that is
    rewritten stays. A new preamp goes in front of the first band. end: where bands and preamp go in a file without any, the end when left
    out.
    """
    place = end if end is not None else len(pieces) - (1 if pieces and not pieces[-1].text.strip() else 0)
    bands = [index for index, piece in enumerate(pieces) if isinstance(piece.says, Band)]
    preamps = [index for index, piece in enumerate(pieces) if isinstance(piece.says, float)]
    wanted = dict(zip(bands, eq.bands, strict=False))
    beside_db = sum((pieces[index].level_db for index, held in wanted.items() if pieces[index].says == held), 0.0)
    kept = [piece for index, piece in enumerate(pieces) if index not in bands or (index in wanted and piece.says == wanted[index])]
    keep_preamp = preamp_of(kept) == eq.preamp_db
    preamp_db = eq.preamp_db - beside_db
    new_preamp = None if preamps or keep_preamp else (bands[0] if bands else place)
    new_bands = bands[-1] + 1 if bands else place
    model = pieces[bands[-1]].text if bands else ""
    result: list[str] = []
    for index in range(len(pieces) + 1):
        if index == new_preamp:
            result.append(_dressed(preamp_text(preamp_db), model))
        if index == new_bands:
            result += [_dressed(band_text(eq.bands[number - 1], number), model) for number in range(len(bands) + 1, len(eq.bands) + 1)]
        if index == len(pieces):
            break
        piece = pieces[index]
        if isinstance(piece.says, Band):
            number = bands.index(index) + 1
            if number <= len(eq.bands):
                held = eq.bands[number - 1]
                result.append(piece.text if piece.says == held else _dressed(band_text(held, number), piece.text))
        elif isinstance(piece.says, float) and not keep_preamp:
            if index == preamps[0]:
                result.append(_dressed(preamp_text(preamp_db), piece.text))
        else:
            result.append(piece.text)
    if pieces and "\n" not in separator and len(result) != len(pieces):
        result = _ended(result, pieces[-1].text[len(pieces[-1].text.rstrip()) :])
    return separator.join(result)


def _ended(texts: list[str], ending: str) -> list[str]:
    """Return the pieces of a single line with its end behind the last one, wherever it stood."""
    inner = [text.removesuffix(ending) for text in texts]
    return [*inner[:-1], inner[-1] + ending] if inner else [ending]


def _dressed(text: str, model: str) -> str:
    """Return the text with the white space that stands around the text it takes the place of."""
    inner = model.strip()
    if not inner:
        return text
    start = model.index(inner)
    return model[:start] + text.strip() + model[start + len(inner) :]
