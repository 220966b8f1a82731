"""Phrases such as "a bit warmer but not muddy" as words with weights, in English and Spanish; the rules are data, in phrases.toml.

    amount x direction x word    slightly (0.5) less (-1) muddy = muddy -0.5
    joins                        "and" passes a direction on to a word of the same kind, "or" always, a comma and "but" start anew

Everything that is understood can be echoed, words that say what the sound is of are named as left out, and the rest is refused: a word
that nobody taught is never replaced by one that is only near, and a guess of what it means is named as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from semeq_export.errors import InvalidTargetError
from semeq_export.words.forms import NUMBER, folded, tokens_of
from semeq_export.words.guesses import NO_GUESSES, Guesses
from semeq_export.words.lexicon import Entry, Lexicon
from semeq_export.words.phrase import Phrase, exact_phrase
from semeq_export.words.target import SemanticTarget
from semeq_export.words.terms import CentroidBank

_KEPT = 0.5
"""Weight of what is not to be lost: "without losing warmth"."""
_NOT_TOO = -0.5


def understand(text: str, bank: CentroidBank, guesses: Guesses = NO_GUESSES, *, doubtful: bool = False) -> Phrase:
    """Return what a single text asks for; see `PhraseReader.understand`."""
    return PhraseReader(bank, guesses).understand(text, doubtful=doubtful)


class PhraseReader:
    """Reads texts for the words of one bank, and guesses for those that nobody taught; to join the grammar with them takes a while."""

    def __init__(self, bank: CentroidBank, guesses: Guesses = NO_GUESSES) -> None:
        self._bank, self._guesses, self._lexicon = bank, guesses, Lexicon(bank, guesses)

    def understand(self, text: str, *, doubtful: bool = False) -> Phrase:
        """Return what a text asks for: the exact syntax means what it always did, all else is read as a phrase.

        doubtful: whether doubtful guesses are asked for.
        Raises UnknownTermError with the words nearest in meaning, or in spelling for what looks like a slip; DoubtfulTermError for a guess
        that has to be asked for; and InvalidTargetError.
        """
        exact = exact_phrase(text, self._bank, self._guesses, doubtful=doubtful)
        return exact if exact is not None else _Reader(text, self._lexicon, doubtful=doubtful).read()


# One pass over the words, clause by clause.


@dataclass(slots=True)
class _Item:
    """A word that was found. said: how it is written. is_plain: nothing says more or less of it. has_excess: "too" does.
    is_cure: it takes away a fault that follows. is_numbered: the number after it is its weight."""

    word: str
    said: str
    direction: float
    amount: float
    is_plain: bool
    is_region: bool
    has_excess: bool = False
    is_cure: bool = False
    is_numbered: bool = False

    @property
    def weight(self) -> float:
        return round(self.direction * self.amount, 3)


@dataclass(slots=True)
class _Reader:
    """Reads one phrase. direction, amount: said, and not yet used; joint: what stands between the last word and the next.
    doubtful: whether doubtful guesses are asked for."""

    text: str
    lexicon: Lexicon
    items: list[_Item] = field(default_factory=list)
    clause: int = 0  # where in `items` the present clause begins
    ignored: list[str] = field(default_factory=list)
    direction: float | None = None
    has_excess: bool = False
    amount: float | None = None
    joint: str = ""
    doubtful: bool = False
    is_share: bool = False  # the amount is one in percent, which the word gets whatever stands beside it
    states: bool = False  # "is" or "sounds" was said in this clause, and no wish before: a fault that follows is too much
    wishes: bool = False

    def read(self) -> Phrase:
        """Return the phrase; raises UnknownTermError and InvalidTargetError."""
        tokens = tokens_of(self.text)
        spellings, at = [folded(token) for token in tokens], 0
        while at < len(tokens):
            entry, count = self.lexicon.longest(spellings, at)
            self._take(" ".join(tokens[at : at + count]), entry)
            at += count
        self._end_clause()
        if not self.items:
            raise InvalidTargetError(f"no word about sound in {self.text.strip()[:60]!r}")
        weights: dict[str, float] = {}
        for item in self.items:
            if item.word in weights:
                raise InvalidTargetError(f"{item.word!r} occurs twice in {self.text.strip()[:60]!r}")
            weights[item.word] = item.weight
        SemanticTarget(weights)  # what is out of range is refused before it is mixed with others
        guesses = tuple(word for word in weights if word not in self.lexicon.bank)
        is_exact = all(item.is_numbered for item in self.items)
        return Phrase(weights, tuple(dict.fromkeys(self.ignored)), is_exact=is_exact, guesses=guesses)

    def _take(self, said: str, entry: Entry | None) -> None:
        if entry is None or entry.kind == "near":
            if not self._take_number(said):
                raise self.lexicon.unknown(said, entry)
        elif entry.kind == "amount":
            self.amount = entry.value
        elif entry.kind in ("direction", "excess"):
            self._turn(entry.value, is_excess=entry.kind == "excess")
        elif entry.kind == "join":
            self._join(entry.names[0])
        elif entry.kind == "noun":
            self.ignored.append(said)
        elif entry.kind == "wish":
            self.wishes = True
        elif entry.kind == "state":
            self.states = not self.wishes
        elif entry.kind == "enough":
            self._end_with_enough(said)
        elif entry.kind in ("word", "region", "cure", "guess"):
            if entry.kind == "guess":
                self.lexicon.check_guess(said, entry, doubtful=self.doubtful)
            self._find(said, entry)

    def _take_number(self, said: str) -> bool:
        """Use a number: a share in percent is an amount, one after a word is its weight. Returns whether it is one."""
        if NUMBER.fullmatch(said) is None:
            return False
        number = float(said.rstrip("%"))
        if said.endswith("%"):
            self.amount, self.is_share = number / 100.0, True
        elif self.items and self.joint == "" and self.direction is None and self.amount is None and number != 0.0:
            last, sign = self.items[-1], 1.0 if number > 0 else -1.0
            last.direction, last.amount = (sign, abs(number)) if last.is_plain else (last.direction * sign, last.amount * abs(number))
            last.is_plain, last.is_numbered = False, True
        else:
            return False
        return True

    def _turn(self, value: float, *, is_excess: bool) -> None:
        """Take a direction together with one that nothing has followed yet."""
        if self.direction is None or self.direction > 0 or self.has_excess:
            self.direction, self.has_excess = value, is_excess
        elif is_excess:
            self.direction, self.has_excess = _NOT_TOO, True
        elif value < 0:
            self.direction = _KEPT

    def _end_with_enough(self, said: str) -> None:
        """Ask for more of the last word: "not warm enough" does."""
        if not self.items:
            raise self.lexicon.unknown(said, None)
        self.items[-1].direction, self.items[-1].is_plain = 1.0, False

    def _join(self, joint: str) -> None:
        if joint in ("but", "comma") or self.direction is None:
            self._end_clause()
        self.joint = "or" if joint == "nor" else joint
        if joint == "nor":
            self.direction, self.has_excess = -1.0, False

    def _end_clause(self) -> None:
        """Give an amount that nothing follows to the last word, refuse a "less" that nothing follows, and drop regions described."""
        here = self.items[self.clause :]
        if self.direction is not None and self.direction < 0:
            raise InvalidTargetError(f"it is not said of what there is to be less in {self.text.strip()[:60]!r}")
        if self.amount is not None and here:
            here[-1].amount *= self.amount
        if any(not item.is_region for item in here):
            described = [item for item in here if item.is_region and item.is_plain]
            self.ignored += [item.said for item in described]
            self.items[self.clause :] = [item for item in here if item not in described]
        self.clause, self.direction, self.has_excess, self.amount, self.states = len(self.items), None, False, None, False

    def _find(self, said: str, entry: Entry) -> None:
        """Add a word with the direction and amount that were said of it, or those of the word before it."""
        last = self.items[-1] if self.items else None
        is_plain = self.direction is None and self.amount is None and not entry.is_comparative
        direction, amount = (1.0 if value is None else value for value in (self.direction, self.amount))
        item = _Item(
            entry.word, said, direction, amount, is_plain, entry.kind == "region", self.has_excess, entry.kind == "cure", self.is_share
        )
        if self.states and self.direction is None and not entry.is_comparative and item.word in self.lexicon.fault:
            item.direction, item.has_excess, item.is_plain = -1.0, True, False
            is_plain = False
        if last is not None and last.is_cure and is_plain and self.joint == "" and item.word in self.lexicon.fault:
            item.direction, item.amount, item.is_plain = -1.0, last.amount, False  # "smooth out the harshness"
            self.items.remove(last)
        elif is_plain and last is not None and not (item.is_region and self.joint == ""):
            self._pass_on(last, item)
        item.amount *= entry.value
        self.items.append(item)
        self.direction, self.has_excess, self.amount, self.is_share, self.joint = None, False, None, False, ""

    def _pass_on(self, last: _Item, item: _Item) -> None:
        """Let a word of which nothing is said share what is said of the one before it, where they are joined that way."""
        if self.joint == "but":
            return
        both_faults = {last.word, item.word} <= self.lexicon.fault
        if self.joint == "comma":
            if last.direction < 0 and both_faults:
                item.direction, item.amount, item.has_excess = last.direction, last.amount, last.has_excess
            return
        if last.direction < 0 and not last.has_excess and self.joint != "or" and self._kind(last.word) != self._kind(item.word):
            less, more = f"less {last.word}, less {item.word}", f"less {last.word}, {item.word}"
            raise InvalidTargetError(f"{self.text.strip()[:60]!r} can mean {less!r} or {more!r}; say which")
        item.direction, item.amount, item.has_excess = last.direction, last.amount, last.has_excess

    def _kind(self, word: str) -> str:
        return "fault" if word in self.lexicon.fault else "virtue" if word in self.lexicon.virtue else ""
