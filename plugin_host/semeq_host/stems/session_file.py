"""Sessions as TOML: what is wanted of each stem, by patterns of file names.

    [default]                    # for stems that no [[stem]] names; the command line overrides it
    target = "warm"
    intensity = 0.8

    [[stem]]                     # the first match counts; what it does not say comes from the default
    files = "vocal*"             # letter case aside
    target = "airy:0.7,clear:0.3"
    intensity = "auto"
    reference = "others/"        # paths start at the TOML file
    chain = "vocal.toml"

    [[stem]]
    files = "click*"
    skip = true                  # not processed at all

    [[stem]]
    files = "drum*"
    group = "drums"              # these go together: one trim, one dose, one match; without groups, all stems of a folder do

Keys are the long names of options of `semeq-export process`: target, preset, match, match_amount,
match_limit_db, intensity, mode, analysis, reference, refine, chain.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from semeq_export.eq.channels import to_plain
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, printable
from semeq_export.files import strict_toml
from semeq_export.files.disk import read_regular
from semeq_host.stems.intent import Intent, check_values

MAX_PATTERN_CHARS = 255
_PATHS = ("preset", "match", "reference", "chain")
_SOURCES = ("target", "preset", "match")
_OF_SOURCES = (*_SOURCES, "eq", "match_amount", "match_limit_db")


@dataclass(frozen=True, slots=True)
class StemRule:
    """What is wanted of the stems whose file name matches. values: keys of `Intent`, None: they are left out of the batch.

    group: which of the stems go together with those of other rules. place: where it was written, for messages, such as
    "session.toml: stem 2".
    Raises IntentError for a pattern longer than any file name: what they cost grows with the square of their length.
    """

    pattern: str
    values: Mapping[str, object] | None
    place: str = "rule"
    group: str | None = None

    def __post_init__(self) -> None:
        if len(self.pattern) > MAX_PATTERN_CHARS:
            raise IntentError(f"a pattern of {len(self.pattern)} characters; names of files have at most {MAX_PATTERN_CHARS}")

    @property
    def hint(self) -> str:
        """What is hardly known where a pattern without wildcards is the name of no file."""
        is_plain = not set(self.pattern) & set("*?[") and "." not in self.pattern
        return f"; a pattern is a whole name: '*{self.pattern}*' finds it within names" if is_plain else ""

    def matches(self, name: str) -> bool:
        """Whether a file name matches, letter case aside."""
        return fnmatch.fnmatchcase(name.casefold(), self.pattern.casefold())


@dataclass(frozen=True, slots=True)
class Session:
    """What is wanted of all stems: rules, of which the first match counts, and what holds where none says otherwise.

    place: where the default's word was written, for messages; "" for the command line. is_file: there is a session file.
    """

    default: Mapping[str, object]
    rules: tuple[StemRule, ...] = ()
    place: str = ""
    is_file: bool = False

    def overridden(self, values: Mapping[str, object], rules: tuple[StemRule, ...] = ()) -> Session:
        """Return the session with other defaults, and with rules that come before its own: those of a command line."""
        is_same = all(values.get(key) is None for key in _SOURCES)
        return Session(_merged(self.default, values), (*rules, *self.rules), self.place if is_same else "", self.is_file)

    def rule_for(self, path: str | os.PathLike[str]) -> StemRule | None:
        """Return the rule that counts for a file, the first that matches."""
        return next((rule for rule in self.rules if rule.matches(Path(path).name)), None)

    def with_flat(self) -> Session:
        """Return the session where a stem for which nothing is wanted gets a flat EQ: there is something else to do than EQ."""
        if any(key in self.default for key in (*_SOURCES, "chain")):
            return self
        return replace(self, default={**self.default, "eq": to_plain(EqSettings())})

    def group_for(self, path: str | os.PathLike[str]) -> str | None:
        """Return the group that the session names for a file, None where it names none."""
        rule = self.rule_for(path)
        return None if rule is None else rule.group

    def place_of_word(self, path: str | os.PathLike[str]) -> str:
        """Return where the word for a file was written, "" for the command line's -t."""
        rule = self.rule_for(path)
        return rule.place if rule is not None and "target" in (rule.values or {}) else self.place

    def unmatched(self, paths: Iterable[str | os.PathLike[str]]) -> list[str]:
        """Return one line for each rule whose pattern is the name of none of the files: it is hardly meant."""
        names = [Path(path).name for path in paths]
        idle = (rule for rule in self.rules if not any(map(rule.matches, names)))
        return [f"{rule.place}: {rule.pattern!r} matches no file{rule.hint}" for rule in idle]

    def intent_for(self, path: str | os.PathLike[str]) -> Intent | None:
        """Return what is wanted of a file, None where it is to be left out; raises IntentError where nothing is, or it makes no sense."""
        rule = self.rule_for(path)
        if rule is not None and rule.values is None:
            return None
        values = _merged(self.default, {} if rule is None else rule.values or {})
        try:
            return Intent.from_dict(values)
        except IntentError as error:
            if rule is None and not self.rules:
                raise
            where = "no rule matches it" if rule is None else f"rule {rule.pattern!r}"
            hint = "" if rule is not None else next((one.hint for one in self.rules if one.hint), "")
            raise IntentError(f"{printable(path)}: {where}: {error}{hint}") from error


def read_session_file(path: str | os.PathLike[str]) -> Session:
    """Return the content of a session file; raises IntentError naming the place of what cannot be used."""
    name = printable(path)
    data = read_regular(path, IntentError, max_bytes=strict_toml.MAX_BYTES)
    try:
        document = strict_toml.loads(data)
    except ValueError as error:
        raise IntentError(f"{name}: {error}") from error
    for key in document.keys() - {"default", "stem"}:
        raise IntentError(f"{name}: unknown table {key!r}; there are [default] and [[stem]]")
    folder = Path(path).parent
    default = _values(document.get("default", {}), folder, f"{name}: default")
    stems = document.get("stem", [])
    if not isinstance(stems, list):
        raise IntentError(f"{name}: stem is not a list of tables; write [[stem]]")
    rules = tuple(_rule(table, folder, f"{name}: stem {index}") for index, table in enumerate(stems, start=1))
    return Session(default, rules, f"{name}: default", is_file=True)


def parse_rule(text: str) -> StemRule:
    """Return the rule of a command line, PATTERN=TEXT; raises IntentError."""
    pattern, separator, word = text.partition("=")
    if not (pattern and separator and word):
        raise IntentError(f"`stem` {text!r} is not PATTERN=TEXT, such as 'vocal*=airy'")
    return StemRule(pattern, {"target": word}, "`stem`")


def _rule(table: object, folder: Path, where: str) -> StemRule:
    if not isinstance(table, Mapping):
        raise IntentError(f"{where} is not a table")
    pattern, skip, group = table.get("files"), table.get("skip", False), table.get("group")
    if not isinstance(pattern, str) or not pattern:
        raise IntentError(f"{where} needs files, a pattern such as 'vocal*'")
    if not isinstance(skip, bool):
        raise IntentError(f"{where}: skip {skip!r} is not true or false")
    if group is not None and not (isinstance(group, str) and group):
        raise IntentError(f"{where}: group {group!r} is not a name")
    values = _values({key: value for key, value in table.items() if key not in ("files", "skip", "group")}, folder, where)
    try:
        return StemRule(pattern, None if skip else values, where, group)
    except IntentError as error:
        raise IntentError(f"{where}: files: {error}") from error


def _values(table: object, folder: Path, where: str) -> dict[str, object]:
    """Return the keys of a table, checked one by one, with paths as seen from the working folder."""
    if not isinstance(table, Mapping):
        raise IntentError(f"{where} is not a table")
    if "eq" in table:
        raise IntentError(f"{where}: unknown key 'eq'; name a preset file")
    values = dict(table)
    try:
        check_values(values)
    except IntentError as error:
        raise IntentError(f"{where}: {error}") from error
    for key, value in values.items():
        if key in _PATHS and isinstance(value, str):
            values[key] = _from_folder(folder, value)
    return values


def _from_folder(folder: Path, name: str) -> str:
    """Return a name as seen from the working folder; kinds of stored references are names of no file."""
    place = folder / name
    return str(place) if place.exists() or Path(name).suffix or "/" in name else name


def _merged(default: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """Return the default with other values over it; a word, a preset or a reference to follow takes the place of any of the three."""
    given = {key: value for key, value in values.items() if value is not None}
    takes_over = any(key in given for key in _SOURCES)
    kept = {key: value for key, value in default.items() if not (takes_over and key in _OF_SOURCES)}
    return {**kept, **given}
