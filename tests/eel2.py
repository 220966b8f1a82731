"""A test instrument: runs the JSFX script of an equaliser. It knows EEL2 and JSFX, and nothing of how semeq writes them.

A script becomes Python source: one function per section, and one copy of a user function for each namespace that it is called in, as
Cockos' compiler does. What EEL2 would refuse, and what lies outside of the subset (strings, gmem, graphics), is an Eel2Error.

Sources: EEL2 language reference, https://www.cockos.com/EEL2/; JSFX reference, https://www.reaper.fm/sdk/js/js.php; the order of
operators from the grammar in WDL (eel2.y): `-2^2` is 4, `^` goes left to right, `/` binds before `*`, and `-` before `+`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FALSE_BELOW = 0.00001
"""EEL2 takes what is closer to 0 than this for false, and numbers closer to each other than this for equal."""

MAX_LOOPS = 1_048_576

Node = tuple[Any, ...]  # Any: a kind, then what that kind needs: texts, numbers, nodes, lists of nodes

_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<hex>(?:0|\$)x[0-9a-f]+)"
    r"|(?P<number>\d+\.?\d*|\.\d+)"
    r"|(?P<constant>\$[a-z]+)"
    r"|(?P<name>[a-z_][a-z0-9_.]*)"
    r"|(?P<operator>===|!==|[-*/%^+|&~=!<>]=|&&|\|\||<<|>>|[-+*/%^&|~!<>=?:;,()\[\]])",
    re.DOTALL,
)
_CONSTANTS = {"$pi": math.pi, "$e": math.e, "$phi": (1.0 + math.sqrt(5.0)) / 2.0}
_ASSIGNMENTS = {"=", "*=", "/=", "%=", "^=", "+=", "-=", "|=", "&=", "~="}
_LEVELS = (
    ("&&", "||"),
    ("<", ">", "<=", ">=", "==", "!=", "===", "!=="),
    ("|", "&", "~"),
    ("+",),
    ("-",),
    ("*",),
    ("/",),
    ("%", "<<", ">>"),
    ("^",),
)
"""Binary operators, loosest first; all of them go from left to right."""

_BINARY = {
    **{operator: f"({{a}} {operator} {{b}})" for operator in "+-*/"},
    **{operator: f"(1.0 if {{a}} {operator} {{b}} else 0.0)" for operator in ("<", ">", "<=", ">=")},
    **{name: f"float(int({{a}}) {python} int({{b}}))" for name, python in (("|", "|"), ("&", "&"), ("~", "^"), ("<<", "<<"), (">>", ">>"))},
    "^": "_pow({a}, {b})",
    "%": "_mod({a}, {b})",
    "==": "(1.0 if _same({a}, {b}) else 0.0)",
    "!=": "(0.0 if _same({a}, {b}) else 1.0)",
    "===": "(1.0 if {a} == {b} else 0.0)",
    "!==": "(1.0 if {a} != {b} else 0.0)",
    "&&": "(1.0 if _true({a}) and _true({b}) else 0.0)",
    "||": "(1.0 if _true({a}) or _true({b}) else 0.0)",
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "tan": (1, math.tan),
    "asin": (1, math.asin),
    "acos": (1, math.acos),
    "atan": (1, math.atan),
    "atan2": (2, math.atan2),
    "sqr": (1, lambda x: x * x),
    "sqrt": (1, math.sqrt),
    "pow": (2, math.pow),
    "exp": (1, math.exp),
    "log": (1, math.log),
    "log10": (1, math.log10),
    "abs": (1, abs),
    "min": (2, min),
    "max": (2, max),
    "sign": (1, lambda x: float(x > 0) - float(x < 0)),
    "floor": (1, lambda x: float(math.floor(x))),
    "ceil": (1, lambda x: float(math.ceil(x))),
}


class Eel2Error(Exception):
    """A script that EEL2 would refuse, or that leaves the subset of this instrument."""


@dataclass(frozen=True, eq=False)
class _Function:
    name: str
    params: tuple[str, ...]
    locals: frozenset[str]
    instances: frozenset[str]
    globals: frozenset[str] | None  # None: all of them may be used
    body: Node


class _Parser:
    """Reads a section into nodes. A function is known from the end of its definition on, so there is no recursion, as in EEL2."""

    def __init__(self, text: str, functions: dict[str, _Function]) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._functions = functions

    def section(self) -> Node:
        statements = self._statements(end="")
        if self._peek():
            raise Eel2Error(f"unexpected {self._peek()}")
        return "sequence", statements

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> tuple[str, str]:
        if self._next >= len(self._tokens) or (wanted and self._peek() != wanted):
            raise Eel2Error(f"expected {wanted or 'more'}, found {self._peek() or 'the end'}")
        self._next += 1
        return self._tokens[self._next - 1]

    def _statements(self, end: str) -> list[Node]:
        """Read expressions separated by ; up to a closing bracket, a comma or the end of the section, which is left standing."""
        statements: list[Node] = []
        while self._peek() not in (end, ","):
            if self._peek() == "function":
                self._take()
                self._definition()
            elif self._peek() != ";":
                statements.append(self._expression())
                if self._peek() not in (";", end, ","):
                    raise Eel2Error(f"expected ; before {self._peek() or 'the end'}")
            if self._peek() == ";":
                self._take()
        return statements

    def _sequence(self, end: str = ")") -> Node:
        return "sequence", self._statements(end)

    def _definition(self) -> None:
        name = self._take()[1]
        params = self._names()
        declared: dict[str, list[str]] = {}
        while self._peek() in ("local", "static", "instance", "global", "globals"):
            kind = {"static": "local", "globals": "global"}.get(self._peek(), self._peek())
            self._take()
            declared.setdefault(kind, []).extend(self._names())
        self._take("(")
        body = self._sequence()
        self._take(")")
        only = frozenset(declared["global"]) if "global" in declared else None
        local, instance = frozenset(declared.get("local", ())), frozenset(declared.get("instance", ()))
        self._functions[name] = _Function(name, tuple(params), local, instance, only, body)

    def _names(self) -> list[str]:
        self._take("(")
        names = []
        while self._peek() != ")":
            kind, text = self._take()
            if kind == "name":
                names.append(text)
            elif text != ",":
                raise Eel2Error(f"expected a name, found {text}")
        self._take(")")
        return names

    def _expression(self) -> Node:
        condition = self._binary(0)
        if self._peek() != "?":
            return condition
        self._take("?")
        then: Node = ("number", 0.0) if self._peek() == ":" else self._expression()
        if self._peek() != ":":
            return "if", condition, then, ("number", 0.0)
        self._take(":")
        return "if", condition, then, self._expression()

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            operator = self._take()[1]
            left = ("binary", operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Node:
        if self._peek() in ("-", "+", "!"):
            return "unary", self._take()[1], self._unary()
        value = self._value()
        while self._peek() == "[":
            self._take("[")
            index = self._sequence("]") if self._peek() != "]" else ("number", 0.0)
            self._take("]")
            value = ("memory", value, index)
        if self._peek() in _ASSIGNMENTS:
            if value[0] not in ("variable", "memory"):
                raise Eel2Error(f"{self._peek()} after what cannot be assigned to")
            return "assign", value, self._take()[1].removesuffix("="), self._expression()
        return value

    def _value(self) -> Node:
        kind, text = self._take()
        if kind == "number":
            return "number", float(text)
        if kind == "hex":
            return "number", float(int(text[2:], 16))
        if kind == "constant":
            if text not in _CONSTANTS:
                raise Eel2Error(f"unknown constant {text}")
            return "number", _CONSTANTS[text]
        if text == "(":
            inner = self._sequence()
            self._take(")")
            return inner
        if kind != "name":
            raise Eel2Error(f"unexpected {text}")
        return self._call(text) if self._peek() == "(" else ("variable", text)

    def _call(self, name: str) -> Node:
        self._take("(")
        arguments = [self._sequence()] if self._peek() != ")" else []
        while self._peek() == ",":
            self._take(",")
            arguments.append(self._sequence())
        self._take(")")
        if name == "while":
            if self._peek() == "(":  # while(condition) (code): the newer of its two forms
                self._take("(")
                arguments.append(self._sequence())
                self._take(")")
            return "while", arguments[0], arguments[-1] if len(arguments) == 2 else ("number", 0.0)
        if (name == "loop" and len(arguments) != 2) or (name == "if" and len(arguments) not in (2, 3)):
            raise Eel2Error(f"{name} with {len(arguments)} arguments")
        if name == "loop":
            return "loop", arguments[0], arguments[1]
        if name == "if":
            return "if", arguments[0], arguments[1], arguments[2] if len(arguments) == 3 else ("number", 0.0)
        if name in self._functions or name.rsplit(".", 1)[-1] in self._functions:
            function = self._functions.get(name) or self._functions[name.rsplit(".", 1)[-1]]
            namespace = name if name in self._functions else name.rsplit(".", 1)[0]
            if len(arguments) != len(function.params):
                raise Eel2Error(f"{name} takes {len(function.params)} arguments, not {len(arguments)}")
            return "call", function, namespace, arguments
        if name not in _FUNCTIONS:
            raise Eel2Error(f"unknown function {name}")
        if len(arguments) != _FUNCTIONS[name][0]:
            raise Eel2Error(f"{name} takes {_FUNCTIONS[name][0]} arguments, not {len(arguments)}")
        return "builtin", name, arguments


def _tokens(text: str) -> list[tuple[str, str]]:
    result, position, text = [], 0, text.lower()  # names are not case-sensitive
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Eel2Error(f"cannot read {text[position : position + 20]!r}")
        kind, position = str(match.lastgroup), match.end()
        if kind == "number" and re.match(r"[a-z_.]", text[position : position + 1]):
            raise Eel2Error(f"not a number of EEL2: {text[match.start() : position + 5].split()[0]!r}")
        if kind != "skip":
            result.append((kind, match[0]))
    return result


class Program:
    """Sections that share their variables and functions. A variable is 0 until it is set."""

    def __init__(self) -> None:
        self._functions: dict[str, _Function] = {}
        self._memory: dict[int, float] = defaultdict(float)
        self._places: dict[str, str] = {}  # a variable of the script -> its name in Python
        self._built: dict[tuple[_Function, str], str] = {}
        self._n_units = 0
        self._scope: dict[str, Any] = {f"_f_{name}": function for name, (_, function) in _FUNCTIONS.items()}
        self._scope |= {
            "_true": lambda value: abs(value) >= FALSE_BELOW,
            "_same": lambda a, b: abs(a - b) < FALSE_BELOW,
            "_pow": math.pow,
            "_mod": lambda a, b: float(int(abs(a)) % int(abs(b))) if int(b) else 0.0,
            "_get": lambda place: self._memory[int(place + FALSE_BELOW)],
            "_put": self._put,
            "_loop": _loop,
            "_while": _while,
        }

    def __getitem__(self, name: str) -> float:
        """Return a variable; 0 if the script never names it."""
        place = self._places.get(name.lower())
        return float(self._scope[place]) if place else 0.0

    def __setitem__(self, name: str, value: float) -> None:
        self._scope[self._place(name.lower())] = float(value)

    def cell(self, name: str) -> tuple[dict[str, Any], str]:
        """Return where a variable lives, a dictionary and a key, for those who set it very often."""
        return self._scope, self._place(name.lower())

    def reset(self) -> None:
        """Set every variable and all memory back to 0."""
        self._scope |= dict.fromkeys(self._places.values(), 0.0)
        self._memory.clear()

    def compile(self, text: str) -> Callable[[], float]:
        """Return a section as a function that runs it and gives the value of its last statement."""
        return _Unit(self, None, "").build(_Parser(text, self._functions).section())

    def _place(self, variable: str) -> str:
        if variable not in self._places:
            self._places[variable] = "v_" + variable.replace("_", "__").replace(".", "_p").replace("@", "_a")
            self._scope[self._places[variable]] = 0.0
        return self._places[variable]

    def _put(self, place: float, value: float) -> float:
        self._memory[int(place + FALSE_BELOW)] = value
        return value


class _Unit:
    """One Python function: a section, a user function in one namespace, or the body of a loop."""

    def __init__(self, program: Program, function: _Function | None, namespace: str) -> None:
        self._program, self._function, self._namespace = program, function, namespace
        self._assigned: set[str] = set()

    def build(self, body: Node) -> Callable[..., float]:
        self._program._n_units += 1
        name = f"_unit_{self._program._n_units}"
        params = self._function.params if self._function and body is self._function.body else ()
        places = [self._target(param) for param in params]
        statements = body[1] if body[0] == "sequence" else [body]
        lines = [f"{place} = _{place}" for place in places]
        lines += [self._statement(node) for node in statements[:-1]]
        lines.append("return " + (self._code(statements[-1]) if statements else "0.0"))
        head = [f"def {name}({', '.join('_' + place for place in places)}):"]
        declared = [f"global {', '.join(sorted(self._assigned))}"] if self._assigned else []
        exec("\n    ".join(head + declared + lines), self._program._scope)
        built: Callable[..., float] = self._program._scope[name]
        return built

    def _statement(self, node: Node) -> str:
        if node[0] == "assign" and node[1][0] == "variable" and not node[2]:
            return f"{self._target(node[1][1])} = {self._code(node[3])}"
        return self._code(node)

    def _code(self, node: Node) -> str:
        """Return a Python expression of the same value and effects."""
        kind, *parts = node
        if kind == "number":
            return repr(parts[0])
        if kind == "variable":
            return self._program._place(self._resolved(parts[0]))
        if kind == "memory":
            return f"_get({self._code(parts[0])} + {self._code(parts[1])})"
        if kind == "sequence":
            codes = [self._code(part) for part in parts[0]]
            return f"({', '.join(codes)})[-1]" if len(codes) > 1 else codes[0] if codes else "0.0"
        if kind == "unary":
            value = self._code(parts[1])
            return {"-": f"(-{value})", "+": value, "!": f"(0.0 if _true({value}) else 1.0)"}[parts[0]]
        if kind == "binary":
            return _BINARY[parts[0]].format(a=self._code(parts[1]), b=self._code(parts[2]))
        if kind == "if":
            return f"({self._code(parts[1])} if _true({self._code(parts[0])}) else {self._code(parts[2])})"
        if kind == "assign":
            return self._assignment(*parts)
        if kind == "builtin":
            return f"_f_{parts[0]}({', '.join(self._code(argument) for argument in parts[1])})"
        if kind == "call":
            return f"{self._copy(parts[0], parts[1])}({', '.join(self._code(argument) for argument in parts[2])})"
        if kind == "loop":
            return f"_loop({self._code(parts[0])}, {self._closure(parts[1])})"
        assert kind == "while"
        return f"_while({self._closure(parts[0])}, {self._closure(parts[1])})"

    def _assignment(self, target: Node, operator: str, value: Node) -> str:
        code = self._code(value)
        if target[0] == "memory":
            place = f"{self._code(target[1])} + {self._code(target[2])}"
            return f"_put({place}, {_BINARY[operator].format(a=f'_get({place})', b=code) if operator else code})"
        variable = self._target(target[1])
        return f"({variable} := {_BINARY[operator].format(a=variable, b=code) if operator else code})"

    def _closure(self, body: Node) -> str:
        return _Unit(self._program, self._function, self._namespace).build(("sequence", [body])).__name__

    def _copy(self, function: _Function, namespace: str) -> str:
        """Return the Python name of a user function in a namespace, compiled when it is first needed."""
        key = (function, self._resolved(namespace) if namespace != function.name else function.name)
        if key not in self._program._built:
            self._program._built[key] = _Unit(self._program, *key).build(function.body).__name__
        return self._program._built[key]

    def _target(self, name: str) -> str:
        place = self._program._place(self._resolved(name))
        self._assigned.add(place)
        return place

    def _resolved(self, name: str) -> str:
        """Return the variable that a name means here: a parameter or local, one of the instance, or a global one."""
        function, first = self._function, name.split(".")[0]
        if first == "this":
            if function is None:
                raise Eel2Error(f"{name} outside of a function")
            parent, _, rest = self._namespace, *name.partition(".")[1:]
            while rest.startswith("."):
                parent, rest = parent.rpartition(".")[0], rest[1:]
            return ".".join(part for part in (parent, rest) if part)
        if function is None:
            return name
        if name in function.params or name in function.locals:
            return f"{name}@{function.name}"
        if first in function.instances:
            return f"{self._namespace}.{name}"
        if function.globals is not None and name not in function.globals:
            raise Eel2Error(f"{name} is not among the globals of {function.name}")
        return name


def _loop(count: float, body: Callable[[], float]) -> float:
    value = 0.0
    for _ in range(min(int(count), MAX_LOOPS)):
        value = body()
    return value


def _while(condition: Callable[[], float], body: Callable[[], float]) -> float:
    for _ in range(MAX_LOOPS):
        if abs(condition()) < FALSE_BELOW:
            break
        body()
    return 0.0


@dataclass(frozen=True)
class Slider:
    """One slider line: `sliderN:default<minimum,maximum,step>label`."""

    default: float
    minimum: float
    maximum: float
    step: float
    shape: str
    label: str


_NUMBER = r"\s*([-+]?\d*\.?\d+)\s*"
_SLIDER = re.compile(rf"slider(\d+):(?:[a-z_]\w*=)?{_NUMBER}<{_NUMBER},{_NUMBER}(?:,{_NUMBER}(:[^>{{]*)?(?:\{{[^}}]*\}})?)?>(.*)", re.I)
_HEADERS = ("desc:", "tags:", "author:", "options:", "in_pin:", "out_pin:", "//")


class Jsfx:
    """A JSFX effect: its description, its sliders, and its sound.

    Raises Eel2Error for a script that cannot be compiled.
    """

    def __init__(self, text: str) -> None:
        head, *parts = re.split(r"^@", text, flags=re.M)
        self.description = ""
        self.sliders: dict[int, Slider] = {}
        for line in filter(None, map(str.strip, head.splitlines())):
            self._read_header(line)
        if not self.description:
            raise Eel2Error("no desc: line")
        sections = {}
        for part in parts:
            name, _, body = part.partition("\n")
            sections[name.strip().lower()] = body
        if unknown := set(sections) - {"init", "slider", "block", "sample"}:
            raise Eel2Error(f"sections that are not run here: {', '.join(sorted(unknown))}")
        self.program = Program()
        self._run = {name: self.program.compile(sections.get(name, "")) for name in ("init", "slider", "block", "sample")}

    def _read_header(self, line: str) -> None:
        if match := _SLIDER.fullmatch(line):
            number, default, minimum, maximum, step, shape, label = match.groups()
            curve, numbers = (shape or "").lstrip(":"), [float(value) for value in (default, minimum, maximum, step or "0")]
            self.sliders[int(number)] = Slider(numbers[0], numbers[1], numbers[2], numbers[3], curve, label.strip())
        elif line.startswith("desc:"):
            self.description = line.removeprefix("desc:").strip()
        elif not line.startswith(_HEADERS):
            raise Eel2Error(f"unknown header line {line[:60]!r}")

    def process(
        self, samples: NDArray[np.float64], sample_rate_hz: float, sliders: Mapping[int, float] | None = None
    ) -> NDArray[np.float64]:
        """Return samples (channels, n) after @init, @slider and one @block, from a fresh start; sliders: values other than the defaults."""
        program, channels = self.program, len(samples)
        program.reset()
        for number, slider in self.sliders.items():
            program[f"slider{number}"] = slider.default
        program["srate"], program["num_ch"], program["samplesblock"] = sample_rate_hz, channels, samples.shape[1]
        self._run["init"]()
        for number, value in (sliders or {}).items():
            if number not in self.sliders:
                raise Eel2Error(f"no slider{number}")
            program[f"slider{number}"] = value
        self._run["slider"]()
        self._run["block"]()
        cells = [program.cell(f"spl{channel}") for channel in range(channels)]
        scope, places = cells[0][0], [place for _, place in cells]
        run, output = self._run["sample"], []
        for frame in samples.T.tolist():
            scope.update(zip(places, frame, strict=True))
            run()
            output.append([scope[place] for place in places])
        return np.array(output).T.reshape(channels, -1)
