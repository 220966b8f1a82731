"""Messages of libraries in the words of the command line: a parameter that they name in backquotes becomes the option that sets it."""

from __future__ import annotations

import re
from collections.abc import Mapping

OPTIONS = {
    "adapt_to": "--adapt-to",
    "allow_hot": "--allow-hot",
    "analysis": "--analysis",
    "chain": "--chain",
    "data": "--data",
    "delta": "--delta",
    "eq_run": "--model",
    "guess": "--guess",
    "formats": "-f",
    "host": "--host",
    "install": "--install",
    "intensity": "--intensity",
    "keep": "--keep",
    "language": "--language",
    "match": "--match",
    "mode": "--mode",
    "model": "--model",
    "name": "--name",
    "out": "-o",
    "output": "-o",
    "overwrite": "--force",
    "picture": "--plot",
    "plugin_file": "--plugin",
    "preset": "--preset",
    "quick": "--quick",
    "reference": "--reference",
    "refine": "--refine",
    "renew": "--renew",
    "repair_nonfinite": "--repair-nonfinite",
    "resume": "--resume",
    "salvage": "--salvage",
    "stem": "--stem",
    "strict": "--strict",
    "subtype": "--subtype",
    "target": "-t",
    "trust": "--trust",
}
"""Parameter of a library -> option of a command."""

_PARAMETER = re.compile(f"`({'|'.join(OPTIONS)})`")
_MESSAGES = frozenset(("checked", "error", "message", "notes", "refusal", "warnings", "why_no_host"))
"""Keys of JSON documents under which messages stand, and not names of files or words."""


def with_option_names(message: str) -> str:
    """Return a message in which "`overwrite`" reads "--force", and so on for each parameter of the table; other text stays."""
    return _PARAMETER.sub(lambda found: OPTIONS[found[1]], message)


def document_with_option_names(document: object, is_message: bool = False) -> object:
    """Return a JSON document with its messages, by their keys, as `with_option_names` has them."""
    if isinstance(document, str):
        return with_option_names(document) if is_message else document
    if isinstance(document, Mapping):
        return {key: document_with_option_names(value, key in _MESSAGES) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [document_with_option_names(value, is_message) for value in document]
    return document
