"""No reader that can run what it reads: pickles anywhere, TorchScript in the runtime packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

RUNTIME = [ROOT / "semeq_export", ROOT / "plugin_host" / "semeq_host", ROOT / "presets" / "semeq_presets"]
SHIPPED = [*RUNTIME, ROOT / "training" / "semeq_training"]
PICKLE_MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
PICKLE_CALLS = {"torch.load", "pd.read_pickle", "pandas.read_pickle", "torch.package.PackageImporter"}
SCRIPT_CALLS = {"torch.jit.load"}


def modules(folders: list[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def names_used(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"  # what np.load needs to run code; it refuses by default


@pytest.mark.parametrize("path", modules(SHIPPED), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_shipped_module_reads_pickles(path: Path) -> None:  # fault D1
    assert not set(names_used(path)) & (PICKLE_MODULES | PICKLE_CALLS | {"allow_pickle"})


@pytest.mark.parametrize("path", modules(RUNTIME), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_runtime_module_opens_torchscript(path: Path) -> None:  # fault D2
    assert not set(names_used(path)) & SCRIPT_CALLS


def test_the_scan_would_find_one(tmp_path: Path) -> None:
    for text, found in (
        ("import pickle", "pickle"),
        ("from dill import loads", "dill"),
        ("torch.jit.load(x)", "torch.jit.load"),
        ("np.load(x, allow_pickle=True)", "allow_pickle"),
    ):
        (tmp_path / "m.py").write_text(text)
        assert found in set(names_used(tmp_path / "m.py"))
