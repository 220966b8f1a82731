"""semeq.js as it is built, in Node and in browsers: the same cases, chosen and judged by Python."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, skip_or_fail

from semeq_export.arrays import FloatArray
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import CENTROIDS, FLAT, MANIFEST
from semeq_export.engine import Engine
from semeq_host.streams.kit_vectors import kit_vectors, noise

HERE = Path(__file__).resolve().parent
WEB = ROOT / "semeq_export" / "web"
BUILT = WEB / "built"
RATE_HZ = 48_000
ASKED: tuple[dict[str, Any], ...] = (  # Any: words with weights, and a number
    {"mix": {"warm": 1.0}, "intensity": 1.0},
    {"mix": {"bright": 0.7, "harsh": -0.6}, "intensity": 1.5},
    {"mix": {"muddy": -0.8, "boxy": -0.3}, "intensity": -2.0},
)
MOVES = ({"warm": 1.0}, {"bright": 1.0}, {"muddy": 1.5}, {"tinny": 1.0, "warm": -0.5})


def node() -> str:
    """Return the path of Node.js."""
    found = shutil.which("node")
    if found is None:
        skip_or_fail("node is not installed (apt-get install nodejs npm)")
    return found


def need_packages() -> None:
    """Skip, or fail in CI, where what package.json lists is not installed."""
    if not (WEB / "node_modules" / "esbuild").is_dir():
        skip_or_fail("the page's tools are not installed (npm ci in semeq_export/web)")


def encoded(samples: FloatArray) -> str:
    return base64.b64encode(np.ascontiguousarray(samples, dtype="<f4").tobytes()).decode()


def decoded(text: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


@dataclass(frozen=True)
class Cases:
    """What is asked of semeq.js, in a folder for `drive.mjs`. audio: (2, n). sine: (n,)."""

    folder: Path
    audio: FloatArray
    sine: FloatArray


@pytest.fixture(scope="session")
def cases_of_the_web(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    return given(tmp_path_factory.mktemp("web"))


def given(folder: Path) -> Cases:
    """Write what is asked of semeq.js."""
    bundle = load_bundle()
    vectors = {name.removesuffix(".json"): json.loads(data) for name, data in _vectors().items()}
    vectors["response"] = json.loads(bundle.files["vectors/response.json"])
    audio = np.stack([noise(2 * RATE_HZ, RATE_HZ, seed) for seed in (1, 2)]).astype(np.float32)
    at = np.arange(2 * RATE_HZ) / RATE_HZ
    sine = (0.5 * np.sin(2 * np.pi * 200.0 * at)).astype(np.float32)
    data = model_files() | {
        "references": {name: (ROOT / f"semeq_export/references/{name}.json").read_text() for name in ("any", "mix", "voice")},
        "vectors": vectors,
        "rate": RATE_HZ,
        "asked": ASKED,
        "moves": [MOVES[i % len(MOVES)] for i in range(1, 40)],
        "audio": [encoded(channel) for channel in audio],
        "sine": encoded(sine),
    }
    return Cases(written(folder, HERE / "cases.mjs", data), audio, sine)


def _vectors() -> dict[str, bytes]:
    bundle = load_bundle()
    return kit_vectors(Engine(bundle, exact=True), bundle.centroids, are_sums_exact=True)


def model_files() -> dict[str, Any]:  # Any: JSON
    """Return what `Model.load` takes, as texts and base64."""
    files = load_bundle().files
    return {
        "wasm": base64.b64encode((BUILT / "semeq.wasm").read_bytes()).decode(),
        "decoder": base64.b64encode(files[FLAT]).decode(),
        "centroids": files[CENTROIDS].decode(),
        "manifest": files[MANIFEST].decode(),
    }


def written(folder: Path, module: Path, data: dict[str, Any]) -> Path:  # Any: JSON
    """Write what `drive.mjs` reads: data, the module that uses them, and a page that does so by itself. Return the folder."""
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    (folder / "cases.mjs").write_bytes(module.read_bytes())
    (folder / "page.html").write_text(_page(module, data), encoding="utf-8")
    return folder


def drive(folder: Path, where: str, *, timeout_s: float = 120.0) -> Any:  # Any: JSON
    """Run the module in Node, Chromium or Firefox and return what it found, by way of loading."""
    command = [node(), "--no-warnings", "--experimental-websocket", HERE / "drive.mjs", folder, where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout)


def _page(module: Path, data: dict[str, Any]) -> str:  # Any: JSON
    """A page that holds everything, and runs the cases by itself. Without an origin modules come from data:, else from blob:."""
    sources = {"semeq": BUILT / "semeq.js", "cases": module}
    modules = {name: base64.b64encode(path.read_bytes()).decode() for name, path in sources.items()}
    texts = json.dumps({"modules": modules, "data": data}).replace("</", "<\\/")
    return f"""<!doctype html><meta charset="utf-8"><title>cases</title>
<script type="application/json" id="given">{texts}</script>
<script>
window.found = (async () => {{
    const {{ modules, data }} = JSON.parse(document.getElementById("given").textContent);
    const load = (base64) => location.protocol === "file:" ? import("data:text/javascript;base64," + base64)
        : import(URL.createObjectURL(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], {{ type: "text/javascript" }})));
    const [semeq, cases] = await Promise.all([load(modules.semeq), load(modules.cases)]);
    return cases.run(semeq, data);
}})();
</script>
"""
