"""What holds for all of the application layer: nothing is printed, nothing exits, no option is named, options are frozen and by name."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest
from conftest import ROOT

MODULES = sorted(path for path in (ROOT / "semeq_export" / "app").glob("*.py"))


def test_there_is_an_application_layer() -> None:
    assert len(MODULES) > 6


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_neither_prints_nor_exits_nor_names_an_option(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"print", "exit", "sys.exit", "sys.stdout.write", "sys.stderr.write", "input"}
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"click", "rich"}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [text for text in texts if re.search(r"(^|\W)--[a-z]", text)] == []


@pytest.mark.parametrize("path", [path for path in MODULES if not path.stem.startswith("_")], ids=lambda path: path.stem)
def test_options_and_results_are_frozen_and_options_are_given_by_name(path: Path) -> None:
    module = importlib.import_module(f"semeq_export.app.{path.stem}")
    for name, found in vars(module).items():
        if inspect.isclass(found) and found.__module__ == module.__name__ and dataclasses.is_dataclass(found):
            assert found.__dataclass_params__.frozen, name  # type: ignore[attr-defined]  # which dataclasses keep for themselves
            assert not name.endswith("Options") or all(field.kw_only for field in dataclasses.fields(found)), name
