"""The web's part of a kit, taken alone: its README runs, its example plays."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_or_fail
from web.conftest import HERE, WEB, need_packages, node

from semeq_export.bundle.kit import write_web
from semeq_export.bundle.loading import factory_path


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    (tmp_path / "kit").mkdir()
    write_web(tmp_path / "kit" / "web")
    shutil.copytree(factory_path(), tmp_path / "kit" / "model.semeq")
    return tmp_path / "kit"


def test_it_is_small_and_whole(kit: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in (kit / "web").iterdir()}
    assert set(sizes) == {"semeq.wasm", "semeq.js", "semeq.d.ts", "semeq-worklet.js", "README.md", "example.html"}
    assert sizes["semeq.wasm"] <= 200_000
    assert sizes["semeq.js"] <= 30_000
    readme = (kit / "web" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in sizes if name != "README.md")


def test_the_readmes_program_runs(kit: Path) -> None:
    (program,) = re.findall(r"<!-- runs -->\n```js\n(.*?)```", (kit / "web" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (kit / "web" / "program.mjs").write_text(program, encoding="utf-8")
    done = subprocess.run([node(), kit / "web" / "program.mjs"], capture_output=True, text=True, cwd=kit.parent)
    assert done.returncode == 0, done.stderr
    assert "bands" in done.stdout


def test_the_readmes_page_is_typed(kit: Path) -> None:
    need_packages()
    (page,) = re.findall(r'<script type="module">\n(.*?)</script>', (kit / "web" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (kit / "web" / "page.ts").write_text(page.replace('querySelector("audio")', 'querySelector("audio")!'), encoding="utf-8")
    options = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler"]
    command = [node(), WEB / "node_modules/typescript/bin/tsc", *options, kit / "web" / "page.ts"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=kit)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_example_plays(kit: Path) -> None:
    if shutil.which("chromium") is None:
        skip_or_fail("chromium is not installed (apt-get install chromium)")
    need_packages()
    soundfile.write(kit.parent / "noise.wav", np.random.default_rng(1).normal(0, 0.1, (48_000, 2)), 48_000)
    command = [node(), HERE / "example.mjs", kit, kit.parent / "noise.wav"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"said": "Ready: 85 words.", "shown": "-1.5", "plays": True, "errors": []}
