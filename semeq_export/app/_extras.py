"""Optional packages, which a user installs by the name of an extra."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from semeq_export.errors import MissingExtraError

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def needs_extra(extra: str) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Turn a missing optional package inside a function into MissingExtraError."""

    def decorate(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        @functools.wraps(function)
        def wrapped(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
            try:
                return function(*args, **kwargs)
            except ModuleNotFoundError as error:
                if error.name is None or error.name.partition(".")[0].startswith("semeq"):
                    raise
                raise MissingExtraError(extra, error.name) from error

        return wrapped

    return decorate
