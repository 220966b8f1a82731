"""Messages of libraries in the words of the command line: a parameter that they name in backquotes becomes the option that sets it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OF_THE_SAME_NAME = (
    "adapt_to allow_hot analysis chain channel data delta for_device guess host in_place install intensity keep language link lossy "
    "lufs match match_amount match_limit_db match_loudness mode model name no-link plugin_timeout port peak_guard preset preset_name "
    "quick recursive reference refine renew repair_nonfinite resume salvage sheet stem strict subtype track trust"
)
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in _OF_THE_SAME_NAME.split()} | {
    "ask": "--ask",
    "compare": "--compare",
    "eq_run": "--model",
    "formats": "-f",
    "out": "-o",
    "output": "-o",
    "overwrite": "--force",
    "picture": "--plot",
    "plugin_file": "--plugin",
    "start_s": "--start",
    "target": "-t",
    "test": "--test",
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
