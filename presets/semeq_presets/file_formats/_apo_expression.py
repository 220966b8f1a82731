"""Expressions of Equalizer APO's Eval and If lines and between backquotes: arithmetic, comparisons and the functions of its documentation.

What only a running computer knows (device, channel counts, registry) has no value here: an expression that needs it is unknown.
Texts, arrays, bit operators and their functions are unknown too.
Source: Equalizer APO, documentation of the configuration ("Expressions"); muparserx, whose operators bind as in C, "^" tightest.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping

from semeq_export.errors import PresetReadError

MAX_EXPRESSION_CHARS = 500
_MAX_DEPTH = 40
_MAX_VARIABLES = 200
_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[A-Za-z_]\w*|\"[^\"]*\"|[-+*/]=|[<>=!]=|&&|\|\||[-+*/^()<>=?:;,!])", re.ASCII
)
_BINARY: Mapping[str, tuple[int, Callable[[float, float], float]]] = {
    "or": (1, lambda one, other: float(bool(one) or bool(other))),
    "||": (1, lambda one, other: float(bool(one) or bool(other))),
    "xor": (2, lambda one, other: float(bool(one) != bool(other))),
    "and": (3, lambda one, other: float(bool(one) and bool(other))),
    "&&": (3, lambda one, other: float(bool(one) and bool(other))),
    "==": (4, lambda one, other: float(one == other)),
    "!=": (4, lambda one, other: float(one != other)),
    "<": (5, lambda one, other: float(one < other)),
    ">": (5, lambda one, other: float(one > other)),
    "<=": (5, lambda one, other: float(one <= other)),
    ">=": (5, lambda one, other: float(one >= other)),
    "+": (6, operator.add),
    "-": (6, operator.sub),
    "*": (7, operator.mul),
    "/": (7, operator.truediv),
    "^": (9, operator.pow),
}
_UNARY_RANK = 8
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "sqrt", "log10")},
    "abs": abs,
    "ln": math.log,
    "log": math.log,
    "min": min,
    "max": max,
    "sum": lambda *values: math.fsum(values),
}
_CONSTANTS = {"pi": math.pi, "e": math.e, "true": 1.0, "false": 0.0}


class Unknown(Exception):
    """An expression whose value only the host knows, or that is none of ours."""


class Expressions:
    """The variables of a configuration at a sample rate in Hz, and what expressions of them are worth."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._values: dict[str, float | None] = {}

    def assign(self, text: str) -> None:
        """Follow an Eval line; a variable whose value is unknown stays so."""
        for part in text.split(";"):
            try:
                self.value(part)
            except Unknown:
                target = re.match(r"\s*([A-Za-z_]\w*)\s*(?:[-+*/]?=)(?!=)", part)
                if target is not None and len(self._values) < _MAX_VARIABLES:
                    self._values[target[1]] = None

    def holds(self, text: str) -> bool | None:
        """Return whether a condition holds, None where only the host knows; the rate does not count as known."""
        if re.search(r"\bsampleRate\b", text):
            return None
        try:
            return bool(self.value(text))
        except Unknown:
            return None

    def filled(self, text: str, where: str) -> str:
        """Return a line's parameters with the values of the expressions between backquotes; raises PresetReadError for unknown ones."""

        def value(found: re.Match[str]) -> str:
            try:
                return repr(self.value(found[1]))
            except Unknown as error:
                raise PresetReadError(f"expression `{found[1][:60]}` cannot be worked out here: {error}", where=where) from error

        return re.sub(r"`([^`]*)`", value, text) if "`" in text else text

    def value(self, text: str) -> float:
        """Return the value of an expression, assignments carried out; raises Unknown."""
        if len(text) > MAX_EXPRESSION_CHARS:
            raise Unknown(f"longer than {MAX_EXPRESSION_CHARS} characters")
        parser = _Parser(_tokens(text), self._named)
        try:
            value = parser.expression()
        except (ArithmeticError, ValueError, TypeError) as error:
            raise Unknown("no number") from error
        parser.end()
        if isinstance(value, complex) or not math.isfinite(value):
            raise Unknown("no number")
        if parser.target:
            if len(self._values) >= _MAX_VARIABLES:
                raise Unknown(f"more than {_MAX_VARIABLES} variables")
            self._values[parser.target] = value
        return value

    def _named(self, name: str) -> float:
        if name == "sampleRate":
            return self._rate_hz
        found = self._values.get(name, _CONSTANTS.get(name))
        if found is None:
            raise Unknown(f"{name[:40]} is not known")
        return found


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise Unknown(f"{text[place:].strip()[:20]!r} is not read")
        tokens.append(found[0].strip())
        place = found.end()
    return tokens


class _Parser:
    """Reads one expression by the ranks of its operators. target: the variable that it assigns, "" for none."""

    def __init__(self, tokens: list[str], named: Callable[[str], float]) -> None:
        self._tokens, self._place, self._depth, self._named = tokens, 0, 0, named
        self.target = ""

    def expression(self) -> float:
        if len(self._tokens) > 2 and self._tokens[1] in ("=", "+=", "-=", "*=", "/=") and self._tokens[0].isidentifier():
            name, sign = self._tokens[0], self._tokens[1]
            self._place = 2
            value = self._chosen()
            self.target = name
            return value if sign == "=" else _BINARY[sign[0]][1](self._named(name), value)
        return self._chosen()

    def end(self) -> None:
        if self._place != len(self._tokens):
            raise Unknown(f"{self._tokens[self._place][:20]!r} is not read")

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise Unknown(f"{expected or 'a value'!r} is missing")
        self._place += 1
        return token

    def _chosen(self) -> float:
        """Read a value, or "condition ? one : other"."""
        condition = self._ranked(1)
        if self._peek() != "?":
            return condition
        self._take("?")
        one = self._chosen()
        self._take(":")
        other = self._chosen()
        return one if condition else other

    def _ranked(self, lowest: int) -> float:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unknown(f"nested deeper than {_MAX_DEPTH} levels")
        value = self._single()
        while (found := _BINARY.get(self._peek())) is not None and found[0] >= lowest:
            rank, work = found
            value = work(value, self._ranked(rank + (self._take() != "^")))  # powers bind from the right
        self._depth -= 1
        return value

    def _single(self) -> float:
        token = self._take()
        if token in ("-", "+", "!"):
            value = self._ranked(_UNARY_RANK)
            return -value if token == "-" else value if token == "+" else float(not value)
        if token == "(":
            value = self._chosen()
            self._take(")")
            return value
        if token[0].isdigit() or token[0] == ".":
            return float(token)
        if token.isidentifier() and self._peek() == "(":
            return self._called(token)
        if not token.isidentifier():
            raise Unknown(f"{token[:20]!r} is not read")
        return self._named(token)

    def _called(self, name: str) -> float:
        if name not in _FUNCTIONS:
            raise Unknown(f"function {name[:40]} is not read")
        self._take("(")
        arguments = [self._chosen()]
        while self._peek() == ",":
            self._take()
            arguments.append(self._chosen())
        self._take(")")
        return float(_FUNCTIONS[name](*arguments))
