"""The house in numbers: what a newcomer meets, counted by the same rules for any checkout.

    python tests/architecture/house.py [CHECKOUT]

A *room* is a folder of modules; a module that lies at the root of its package is a room of its own. An *arrow* is a pair of a module and
another room of ours that it imports from, wherever in the module the import stands. `arrows_beyond_base` leaves out those that lead to
`semeq_export.errors`, `units` and `arrays`: nearly every module raises errors or converts units, and reading it needs no visit there.

A function's length runs from its `def` line to its end, docstring included. A command's length is that of its statements: its signature is
the list of its options, its docstring the text of its help.

An option named in a literal is counted unless it is the command line's own, in `cli/` and in scripts. Two kinds of literals name no option
of ours: arguments in the list that starts another program (`run([sox, "--version"])`), and a command line to be typed as it stands
(`semeq-export validate FILE --level 3`).

`test_house.py` holds the figures to their limits.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = {
    "semeq_export": "semeq_export",
    "semeq_host": "plugin_host/semeq_host",
    "semeq_presets": "presets/semeq_presets",
    "semeq_training": "training/semeq_training",
}
BASE_ROOMS = frozenset({"semeq_export.arrays", "semeq_export.errors", "semeq_export.units"})
LONG_FUNCTION_LINES, LONG_MODULE_LINES, LONG_COMMAND_LINES = 60, 450, 40
_OPTION = re.compile(r"--[a-z][a-z-]+")
_TYPED_COMMAND = re.compile(r"semeq-export [a-z]+ [^\n,;]*")
_CONTAINERS = frozenset({"list", "dict", "set", "threading.local", "deque"})
_STARTERS = frozenset({"run", "started", "subprocess.run", "subprocess.Popen"})
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class House:
    """Counts over the four packages. `mutable_module_state`: names at module level bound to an empty
    container, or set by `global`; caches of functions are not counted."""

    modules: int
    root_modules: int
    arrows: int
    arrows_beyond_base: int
    long_functions: tuple[str, ...]
    long_modules: tuple[str, ...]
    long_commands: tuple[str, ...]
    option_literals: tuple[str, ...]
    cli_lines: int
    mutable_module_state: tuple[str, ...]


def measure(root: Path) -> House:
    """Count over a checkout."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8")) for folder in PACKAGES.values() for path in sorted((root / folder).rglob("*.py"))
    }
    names = {_module(root, path) for path in trees}
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in trees}
    is_cli = {path: path.is_relative_to(root / "semeq_export/cli") for path in trees}
    options = {option for path, tree in trees.items() if is_cli[path] for option in _registered(tree)}
    functions = [(path, node) for path, tree in trees.items() for node in ast.walk(tree) if isinstance(node, _FUNCTION)]
    arrows = [arrow for path, tree in trees.items() if path.name != "__init__.py" for arrow in _arrows(_module(root, path), tree, names)]
    relative = {path: path.relative_to(root).as_posix() for path in trees}
    return House(
        modules=len([path for path in trees if path.name != "__init__.py"]),
        root_modules=len([path for path in (root / "semeq_export").glob("*.py") if path.name != "__init__.py"]),
        arrows=len(arrows),
        arrows_beyond_base=len([room for room in arrows if room not in BASE_ROOMS]),
        long_functions=tuple(
            f"{relative[path]}:{node.name} {_length(node)}" for path, node in functions if _length(node) > LONG_FUNCTION_LINES
        ),
        long_modules=tuple(f"{relative[path]} {count}" for path, count in lines.items() if count > LONG_MODULE_LINES),
        long_commands=tuple(
            f"{relative[path]}:{node.name} {_statement_lines(node)}"
            for path, node in functions
            if _is_command(node) and _statement_lines(node) > LONG_COMMAND_LINES
        ),
        option_literals=tuple(
            f"{relative[path]}:{line} {option}"
            for path, tree in trees.items()
            if not is_cli[path] and not _is_script(tree)
            for line, option in _mentions(tree, options)
        ),
        cli_lines=sum(count for path, count in lines.items() if is_cli[path]),
        mutable_module_state=tuple(f"{relative[path]}:{name}" for path, tree in trees.items() for name in _mutable(tree)),
    )


def _module(root: Path, path: Path) -> str:
    for package, folder in PACKAGES.items():
        if path.is_relative_to(root / folder):
            parts = path.relative_to(root / folder).with_suffix("").parts
            return ".".join((package, *(part for part in parts if part != "__init__")))
    raise ValueError(path)


def _room(module: str) -> str:
    """`semeq_export.eq.fit` is in `semeq_export.eq`; `semeq_export.engine` is a room of its own."""
    return ".".join(module.split(".")[:2])


def _arrows(module: str, tree: ast.Module, names: set[str]) -> set[str]:
    """Return the other rooms that a module imports from."""
    return set(_rooms(tree, names)) - {_room(module)}


def _rooms(tree: ast.Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield _room(inner if inner in names else node.module)
        elif isinstance(node, ast.Import):
            yield from (_room(alias.name) for alias in node.names if alias.name.split(".")[0] in PACKAGES)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _statement_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether click runs it."""
    return any(".command(" in text or "group(" in text for text in map(ast.unparse, node.decorator_list))


def _registered(tree: ast.Module) -> set[str]:
    """Options that the command line registers: literals that begin with -- and are arguments of a call."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    texts = (arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
    return {option for text in texts if text.startswith("-") for option in _OPTION.findall(text)}


def _mentions(tree: ast.Module, options: set[str]) -> Iterator[tuple[int, str]]:
    """Yield line and name of options that literals mention; see above for what is no mention."""
    passed_over = {id(part) for node in ast.walk(tree) for part in (*_comment(node), *_arguments_of_programs(node), *_pieces(node))}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in passed_over:
            found = _OPTION.findall(_TYPED_COMMAND.sub("", _text(node)))
            yield from ((node.lineno, option) for option in found if option in options)


def _comment(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what stands as a statement of its own: a docstring, of an attribute or constant as well."""
    if isinstance(node, ast.Expr):
        yield node.value


def _arguments_of_programs(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the items of a list that a call starts a program with, the program aside."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in _STARTERS and node.args and isinstance(node.args[0], ast.List):
        yield from node.args[0].elts[1:]


def _pieces(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the texts inside of a formatted string, which is read as a whole."""
    if isinstance(node, ast.JoinedStr):
        yield from (piece for piece in node.values if isinstance(piece, ast.Constant))


def _text(node: ast.expr) -> str:
    """Return what a string says, a formatted one with a mark for each value."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_script(tree: ast.Module) -> bool:
    """Whether it is run by itself, as `python -m` does, and so has words of its own on its command line."""
    return any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body)


def _mutable(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            is_empty = isinstance(node.value, ast.List | ast.Dict | ast.Set) and not ast.unparse(node.value).strip("[]{}() ")
            is_made = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in _CONTAINERS and not node.value.args
            if is_empty or is_made:
                yield ast.unparse(target)
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Global):
            yield from inner.names


if __name__ == "__main__":
    for key, value in asdict(measure(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())).items():
        print(f"{key:22} {value if isinstance(value, int) else len(value)}")
        if isinstance(value, tuple):
            for line in value:
                print(f"    {line}")
