"""The house in numbers: what a newcomer meets, counted by the same rules for any checkout.

    python tests/architecture/house.py [CHECKOUT]

A *room* is a folder of modules; a module that lies at the root of its package is a room of its own. An *arrow* is a pair of a module and
another room of ours that it imports from, wherever in the module the import stands. `test_house.py` holds the figures to their limits.
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
LONG_FUNCTION_LINES, LONG_MODULE_LINES, COMMAND_LINES = 60, 450, 40


@dataclass(frozen=True, slots=True)
class House:
    """Counts over the four packages. `mutable_module_state`: names at module level bound to an empty or growing container or cache."""

    root_modules: int
    arrows: int
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
    functions = [(path, *item) for path, tree in trees.items() for item in _functions(tree)]
    relative = {path: path.relative_to(root).as_posix() for path in trees}
    return House(
        root_modules=len([path for path in (root / "semeq_export").glob("*.py") if path.name != "__init__.py"]),
        arrows=sum(
            len(set(_rooms(tree, names)) - {_room(_module(root, path))}) for path, tree in trees.items() if path.name != "__init__.py"
        ),
        long_functions=tuple(f"{relative[path]}:{name} {count}" for path, name, count, _ in functions if count > LONG_FUNCTION_LINES),
        long_modules=tuple(f"{relative[path]} {count}" for path, count in lines.items() if count > LONG_MODULE_LINES),
        long_commands=tuple(
            f"{relative[path]}:{name} {count}" for path, name, count, is_command in functions if is_command and count > COMMAND_LINES
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


def _rooms(tree: ast.Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield _room(inner if inner in names else node.module)
        elif isinstance(node, ast.Import):
            yield from (_room(alias.name) for alias in node.names if alias.name.split(".")[0] in PACKAGES)


def _functions(tree: ast.Module) -> Iterator[tuple[str, int, bool]]:
    """Name, lines without decorators and docstring, and whether click runs it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            count = (node.end_lineno or node.lineno) - (body[0].lineno if body else node.lineno) + 1
            decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
            yield node.name, count, ".command(" in decorators or "group(" in decorators


def _registered(tree: ast.Module) -> set[str]:
    """Options that the command line registers: literals that begin with -- and are arguments of a call."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    texts = (arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
    return {option for text in texts if text.startswith("-") for option in re.findall(r"--[a-z][a-z-]+", text)}


def _mentions(tree: ast.Module, options: set[str]) -> Iterator[tuple[int, str]]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from ((node.lineno, option) for option in re.findall(r"--[a-z][a-z-]+", node.value) if option in options)


def _is_script(tree: ast.Module) -> bool:
    """Whether it is run by itself, as `python -m` does, and so has words of its own on its command line."""
    return any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body)


def _mutable(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            empty = isinstance(node.value, ast.List | ast.Dict | ast.Set) and not ast.unparse(node.value).strip("[]{}() ")
            made = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ("list", "dict", "set", "threading.local", "deque")
            if empty or (made and not getattr(node.value, "args", [])):
                yield ast.unparse(target)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


if __name__ == "__main__":
    for key, value in asdict(measure(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())).items():
        print(f"{key:22} {value if isinstance(value, int) else len(value)}")
        if isinstance(value, tuple):
            for line in value:
                print(f"    {line}")
