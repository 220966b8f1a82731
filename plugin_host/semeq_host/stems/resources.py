"""What stems are processed with: the engine of a bundle, chains and references, each loaded once.

Nothing here processes a sample: whoever plans a batch can find out what would fail without loading what filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.channels import Equaliser, each, from_plain
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import ChainError, InvalidTargetError, UnknownTermError, printable
from semeq_export.listeners import Listening, MatchListening, WordListening, with_typical_intensity
from semeq_export.listening.match import MATCH_LIMIT_DB
from semeq_export.listening.reference import ReferenceSource
from semeq_host.stems.intent import Intent

if TYPE_CHECKING:
    from semeq_host.chains.chain_file import ChainSpec


class StemResources:
    """What stems are processed with: the engine and the chains and references that they name, each loaded once.

    bundle_path: None is the factory bundle; its doubtful guesses are taken, since who plans the work has asked. load_engine: instead of it.
    """

    def __init__(self, bundle_path: str | None = None, *, load_engine: Callable[[], Engine] | None = None) -> None:
        self._load_engine = load_engine or (lambda: Engine(load_bundle(bundle_path), guess=True))
        self._chains: dict[str, ChainSpec] = {}
        self._references: dict[str, ReferenceSource] = {}

    @cached_property
    def engine(self) -> Engine:
        """The engine; the bundle is loaded only where words occur."""
        return self._load_engine()

    def resolved(self, intent: Intent) -> Intent:
        """Return an intent whose intensity is a number where it was "typical"."""
        if intent.intensity != "typical" or intent.target is None:
            return intent
        return replace(intent, intensity=self.engine.typical_gesture(intent.target))

    def prepare(self, intent: Intent) -> None:
        """Raise what would fail for every file: an unknown word, a chain that cannot be read, a reference without signal."""
        if intent.target is not None:
            wanted = self.engine.understand(intent.target).target(intent.amount)
            self.engine.eq_for(wanted)
            if intent.listens_to_words:
                self.engine.check_taught(wanted)
        for words in () if intent.chain is None else self.chain(intent.chain).words:
            try:
                self.engine.eq_for(words.target(self.engine))
            except (InvalidTargetError, UnknownTermError) as error:
                raise ChainError(str(error), printable(intent.chain or "")) from error
        for text in (intent.match, intent.reference):
            if text is not None:
                self.reference(text)

    def eq_for(self, intent: Intent) -> Equaliser:
        """Return the EQ of an intent that does not listen, flat where it names none."""
        intent = self.resolved(intent)
        if intent.eq is not None:
            return each(from_plain(intent.eq), lambda eq: eq.scaled(intent.amount))
        return EqSettings() if intent.target is None else self.engine.eq_for(self.engine.understand(intent.target).target(intent.amount))

    def listening(self, intent: Intent, *sources: Path) -> Listening | None:
        """Return how to listen to files, None where their sound does not matter; a folder as reference leaves out the files themselves."""
        intent = self.resolved(intent)
        if intent.match is not None:
            return MatchListening(self.reference(intent.match).for_input(*sources), intent.amount, intent.match_limit_db or MATCH_LIMIT_DB)
        if not intent.listens_to_words or intent.target is None:
            return None
        target = self.engine.understand(intent.target).target(intent.amount)
        if intent.intensity == "auto":
            target = with_typical_intensity(self.engine, target)
        reference = None if intent.reference is None else self.reference(intent.reference).for_input(*sources)
        return WordListening(self.engine, target, reference, intent.refine)

    def chain(self, path: str) -> ChainSpec:
        """Return the chain of a file; only chains load Pedalboard."""
        from semeq_host.chains.chain_file import read_chain

        if path not in self._chains:
            self._chains[path] = read_chain(path)
        return self._chains[path]

    def reference(self, text: str) -> ReferenceSource:
        """Return what is meant by a reference, measured once."""
        if text not in self._references:
            self._references[text] = ReferenceSource(text)
        return self._references[text]
