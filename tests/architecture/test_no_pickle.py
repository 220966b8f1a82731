"""Fault D1: no pickle reader anywhere in the shipped code; D2: TorchScript is read back in one named function only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import ROOT

SHIPPED = [
    path
    for folder in ("semeq_export", "training/semeq_training", "plugin_host/semeq_host", "presets/semeq_presets")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
FORBIDDEN_CALLS = {"torch.load", "jit.load", "pickle.load", "pickle.loads", "joblib.load", "read_pickle", "eval", "exec", "yaml.load"}
TORCHSCRIPT_READER = ("training/semeq_training/runs/_torchscript_child.py", "jit.load")
"""A child process with limits, for TorchScript files that were made on this machine."""


def findings(source: str) -> list[str]:
    """Return what a source file does that could run code from data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"import {a.name}" for a in node.names if a.name.partition(".")[0] in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = {f"{(node.module or '').rpartition('.')[2]}.{a.name}" for a in node.names}
            if (node.module or "").partition(".")[0] in FORBIDDEN_MODULES or names & FORBIDDEN_CALLS:
                found.append(f"from {node.module} import")
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).replace("safetensors.torch.", "safetensors.")  # numbers only, whatever it gives them to
            tail = ".".join(called.split(".")[-2:])
            if {called, tail, called.rpartition(".")[2] if called.endswith("read_pickle") else ""} & FORBIDDEN_CALLS:
                found.append(tail)
            for word in node.keywords:
                if (word.arg, ast.unparse(word.value)) in {("allow_pickle", "True"), ("weights_only", "False")}:
                    found.append(f"{tail}({word.arg}=...)")
    return found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_reader_runs_code_from_data(path: Path) -> None:  # faults D1, D2
    allowed = {TORCHSCRIPT_READER[1]} if path.relative_to(ROOT).as_posix() == TORCHSCRIPT_READER[0] else set()
    assert set(findings(path.read_text(encoding="utf-8"))) <= allowed


def test_all_four_packages_are_looked_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SHIPPED} == {"semeq_export", "training", "plugin_host", "presets"}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "from torch import load",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.jit.load('x')",
        "from torch import jit\njit.load('x')",
        "np.load('x', allow_pickle=True)",
        "frame = pd.read_pickle('x')",
        "safe_load(x, weights_only=False)",
        "eval('1')",
        "import joblib",
    ],
)
def test_the_test_itself_sees_every_reader(source: str) -> None:
    assert findings(source)


def test_plain_loading_is_fine() -> None:
    assert findings("import json, tomllib, numpy as np\njson.load(f); tomllib.load(f); np.load('x'); safetensors.torch.load(b'')") == []
