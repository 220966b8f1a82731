"""What is built and committed is what its sources give, byte for byte."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail
from web.conftest import BUILT, WEB, need_packages, node


@pytest.mark.slow
def test_semeq_wasm_is_what_its_source_gives_in_any_folder(tmp_path: Path) -> None:
    """The first build on a machine takes a minute or more: Zig compiles the C and C++ libraries."""
    if importlib.util.find_spec("ziglang") is None:
        skip_or_fail("ziglang is not installed: pip install -c constraints.txt ziglang")
    for room in ("include", "wasm"):
        shutil.copytree(ROOT / "semeq_export" / "cpp" / room, tmp_path / "elsewhere" / room)
    subprocess.run([sys.executable, tmp_path / "elsewhere" / "wasm" / "build.py", tmp_path / "semeq.wasm"], check=True)
    is_same = (tmp_path / "semeq.wasm").read_bytes() == (BUILT / "semeq.wasm").read_bytes()
    assert is_same, "semeq.wasm is old, or ziglang is not that of constraints.txt: run cpp/wasm/build.py on web/built/semeq.wasm"


def test_what_is_built_of_typescript_is_what_it_gives(tmp_path: Path) -> None:
    need_packages()
    for script in sorted(WEB.glob("build*.mjs")):
        subprocess.run([node(), script, tmp_path], cwd=WEB, check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in BUILT.iterdir() if path.name != "semeq.wasm"}
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == [], "built/ is old: npm run build in semeq_export/web"


def test_types_are_sound() -> None:
    need_packages()
    done = subprocess.run([node(), "node_modules/typescript/bin/tsc", "--noEmit"], cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_semeq_wasm_imports_nothing() -> None:
    script = "console.log(WebAssembly.Module.imports(new WebAssembly.Module(require('node:fs').readFileSync(process.argv[1]))).length)"
    done = subprocess.run([node(), "-e", script, BUILT / "semeq.wasm"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
    assert str(ROOT).encode() not in (BUILT / "semeq.wasm").read_bytes()
