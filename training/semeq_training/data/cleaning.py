"""The one place that decides which rows are used, and under which word.

Rules, in this order; a row is counted under the first one that drops it:

| rule | what is dropped | SAFE | SocialEQ |
| --- | --- | --- | --- |
| `name` | the word was a person's name, "[name]" by now | 7 | 2 |
| `test` | somebody trying the tool: "test", "default", "reset", "hello" | 192 | 4 |
| `junk` | not a usable word: empty, without letters, a product's name | 48 | 5 |
| `source` | names a sound or its source, not a quality: "vocals", "guitar", "music" | 43 | 14 |
| `text` | holds a character that no term may have, or is longer than one may be | 15 | 0 |
| `flat` | the EQ does nothing: every gain is 0 | 8 | 0 |
| `duplicate` | the same word with the same values as an earlier row | 45 | 0 |

Counts are those of the cleaned files, 1,587 and 1,484 rows; `clean` counts yours. 1,229 and 1,459 rows remain, with 73 words of five or
more rows, 64 of which have as many without the table of variants.

The hand-made flags of the cleaned SAFE table are taken as they are; rows without a flag are held against the word lists below. The lists
name words that occur more than once: what occurs once never reaches MIN_ROWS. Languages are kept apart: "hot" that a Spanish speaker
typed is not counted with the English word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from semeq_export.eq.settings import SAFE_13
from semeq_export.words.terms import MAX_TERM_CHARS, normalise_term
from semeq_training.data.tables import RawRow

MIN_ROWS = 5
"""A word needs this many rows to become a term: with fewer, its mean curve is one or two people's."""

RULES = ("name", "test", "junk", "source", "text", "flat", "duplicate")

_TEST = re.compile(r"(?:test(?:s|ing|er)?|default|reset|hello|hola|hmm+|none|no[ -]change|untitled|preset)[ _-]?\d*")

JUNK = frozenset({"re27", "re27-1", "bastard", "time", "eq", "my", "yo", "mana"})

SOURCES = frozenset(
    {
        "vocal",
        "vocals",
        "my vocal",
        "voix",
        "guitar",
        "acoustic",
        "drums",
        "kick",
        "snare",
        "hihat",
        "crash",
        "keys",
        "keyboard",
        "keyboards",
    }
    | {"piano", "bass1", "drum 1", "chitarrini", "chitarriny", "sub kick", "music", "musica", "música", "canción", "sound"}
)

_ENGLISH: Mapping[str, tuple[str, ...]] = {
    "aggressive": ("agressive",),
    "airy": ("air", "add air"),
    "angry": ("anger",),
    "bassy": ("bas", "base", "bass", "bassic"),
    "beefy": ("beef", "beefiness"),
    "boomy": ("boom", "booming"),
    "boxy": ("box", "boxed"),
    "bright": ("birght", "brght", "brite", "brighter", "brightness", "adds brightness"),
    "clear": ("clarity", "clearer"),
    "clicky": ("click",),
    "crunchy": ("crunch",),
    "dark": ("darkness",),
    "deep": ("add depth",),
    "edgy": ("edge",),
    "fat": ("fatt", "phat"),
    "fizzy": ("fizz",),
    "full": ("fuller",),
    "graceful": ("grace",),
    "hard": ("hardness",),
    "harmonious": ("harmony",),
    "hollow": ("hollowed",),
    "joyful": ("joy",),
    "mids": ("mid",),
    "muddy": ("mud",),
    "noisy": ("noise",),
    "peaceful": ("peace",),
    "powerful": ("power",),
    "present": ("presence",),
    "punchy": ("punch",),
    "sad": ("sadness",),
    "sparkle": ("sparkles",),
    "thick": ("adds thickness", "thickness", "thicky"),
    "thin": ("thinner",),
    "thumpy": ("thump",),
    "warm": ("warmth", "warn", "warth", "wawrm"),
}

_SPANISH: Mapping[str, tuple[str, ...]] = {
    "agresivo": ("agresividad",),
    "alegre": ("alegré", "alegría"),
    "armonioso": ("armonía",),
    "armónico": ("harmónico",),
    "apasionado": ("apasionada",),
    "bueno": ("buena",),
    "calmado": ("calmada", "calmo"),
    "cansado": ("cansancio",),
    "clásico": ("clásica",),
    "cálido": ("cálida",),
    "delicado": ("delicada",),
    "dinámico": ("dinámica",),
    "energético": ("energía",),
    "eléctrico": ("eléctrica",),
    "feliz": ("felicidad",),
    "frío": ("frio",),
    "hermoso": ("hermosa",),
    "lento": ("lenta",),
    "malo": ("mal",),
    "molesto": ("molesta",),
    "oscuro": ("obscuro",),
    "profundo": ("sonido profundo",),
    "rasposo": ("rasposa",),
    "tierno": ("ternura",),
    "tranquilo": ("tranquilidad",),
    "triste": ("tristeza",),
}

VARIANTS: Mapping[tuple[str, str], str] = {
    (language, variant): word
    for language, table in (("en", _ENGLISH), ("es", _SPANISH))
    for word, variants in table.items()
    for variant in variants
}
"""(language, spelling) -> the word it is counted under: misspellings, comparatives, nouns and genders of one root; no synonyms, and no
translations, since people of two languages may mean two things."""

_GAINS = [index for index, spec in enumerate(SAFE_13.params) if spec.unit == "dB"]


@dataclass(frozen=True, slots=True)
class CleanRow:
    """A row that is used, under `word`."""

    raw: RawRow
    word: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Rows in use; by data set, how many each rule dropped; and how many rows each (language, spelling) handed to its word."""

    rows: tuple[CleanRow, ...]
    dropped: Mapping[str, Mapping[str, int]]
    merged: Mapping[tuple[str, str], int]


def clean(rows: Iterable[RawRow]) -> Cleaned:
    """Return the rows that the rules above leave, in their order, with counts of what each rule did."""
    kept: list[CleanRow] = []
    dropped: dict[str, Counter[str]] = {}
    merged: Counter[tuple[str, str]] = Counter()
    seen: set[tuple[str, str, str, bytes]] = set()
    for raw in rows:
        spelling = normalise_term(raw.descriptor)
        word = VARIANTS.get((raw.language, spelling), spelling)
        key = (raw.dataset, raw.language, word, raw.values.tobytes())
        counter = dropped.setdefault(raw.dataset, Counter(dict.fromkeys(RULES, 0)))
        rule = _text_rule(raw, spelling) or ("flat" if _is_flat(raw) else "duplicate" if key in seen else None)
        if rule is not None:
            counter[rule] += 1
            continue
        seen.add(key)
        merged[raw.language, spelling] += word != spelling
        kept.append(CleanRow(raw, word))
    return Cleaned(tuple(kept), {name: dict(counts) for name, counts in dropped.items()}, {k: n for k, n in merged.items() if n})


def _text_rule(raw: RawRow, spelling: str) -> str | None:
    """Return the rule by which a row's word drops it, if one does."""
    if spelling == "[name]" or raw.flag == "name":
        return "name"
    if raw.flag is not None:
        by_word = raw.flag if raw.flag in ("test", "junk", "source") else None
    elif _TEST.fullmatch(spelling):
        by_word = "test"
    elif spelling in JUNK or not any(c.isalpha() for c in spelling):
        by_word = "junk"
    else:
        by_word = "source" if spelling in SOURCES else None
    unusable = len(spelling) > MAX_TERM_CHARS or not spelling.isprintable() or re.search(r"[/\\:,]", spelling) is not None
    return by_word or ("text" if unusable or not spelling else None)


def _is_flat(raw: RawRow) -> bool:
    """Whether every gain is 0, or every z-score of a shape."""
    levels = raw.values[_GAINS] if raw.dataset == "safe" else raw.values
    return not np.any(np.abs(levels) > 1e-9)
