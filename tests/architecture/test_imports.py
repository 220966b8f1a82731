"""Law 9: what importing costs, and who imports whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail

from semeq_export.cli import VERBS

RUNTIME = ("semeq_export", "semeq_host", "semeq_presets")
HEAVY = ("torch", "onnx", "onnxscript", "matplotlib", "sklearn", "pyarrow", "huggingface_hub", "pooch", "rich")


def loaded_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after running the code, which must print nothing."""
    program = textwrap.dedent(code) + "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1, done.stdout
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_no_library_at_all() -> None:
    assert not loaded_after("import semeq_export") & {"numpy", "scipy", "onnxruntime", "click", "msgspec", *HEAVY}


def test_importing_the_runtime_loads_neither_torch_nor_onnx_nor_matplotlib() -> None:  # law 9
    assert not loaded_after("import semeq_export, semeq_host, semeq_presets") & set(HEAVY)


def test_using_every_public_name_loads_neither_torch_nor_onnx_nor_matplotlib() -> None:
    everything = """
        import semeq_export, semeq_host, semeq_presets
        for package in (semeq_export, semeq_host, semeq_presets):
            for name in package.__all__:
                getattr(package, name)
    """
    loaded = loaded_after(everything)
    assert "numpy" in loaded
    assert not loaded & set(HEAVY)


def test_onnx_runtime_is_told_to_send_nothing_and_leaves_nothing(tmp_path: Path) -> None:  # fault E20
    code = "import semeq_export as se; se.Engine(se.load_bundle()).eq_for('warm'); import os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {"HOME": str(tmp_path)}
    for asked, found in ((None, "1"), ("0", "0")):
        given = environment | ({} if asked is None else {"ORT_DISABLE_TELEMETRY": asked})
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=given, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == (f"{found}\n", "")
        assert asked is not None or not list(tmp_path.iterdir())


def test_words_to_eq_load_nothing_that_listens_reads_audio_or_reads_phrases() -> None:
    """Loading these takes as long as all the rest of a first EQ."""
    loaded = loaded_after(
        """
        import sys, semeq_export
        semeq_export.eq_for("warm:0.7,bright:0.3")
        rooms = ("semeq_export.listening.", "semeq_export.audio.", "semeq_export.eq.fit", "numpy.ma.")
        unwanted = [name for name in sys.modules if name.startswith(rooms)]
        assert not unwanted, unwanted
        """
    )
    assert "onnxruntime" in loaded
    assert not loaded & {"scipy", "soundfile", "soxr", "snowballstemmer", "pedalboard", *HEAVY}


def test_only_the_host_loads_pedalboard() -> None:
    assert "pedalboard" not in loaded_after(
        """
        import semeq_export, semeq_presets
        for package in (semeq_export, semeq_presets):
            for name in package.__all__:
                getattr(package, name)
        """
    )


def test_no_runtime_module_works_or_loads_torch_at_import() -> None:
    """Every module: nothing printed (see loaded_after), no thread started, no torch."""
    loaded = loaded_after(
        f"""
        import importlib, pkgutil, threading
        for package in {RUNTIME}:
            root = importlib.import_module(package)
            for found in pkgutil.walk_packages(root.__path__, package + "."):
                if not found.name.endswith("__main__"):
                    importlib.import_module(found.name)
        assert threading.active_count() == 1, threading.enumerate()
        """
    )
    assert not loaded & {"torch", "semeq_training", "sklearn", "pyarrow"}


def test_pictures_need_no_pyplot() -> None:
    program = "import sys, semeq_export.plot; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_loads_no_numpy(arguments: list[str]) -> None:  # law 9
    loaded = loaded_after(
        f"""
        import contextlib, io
        from semeq_export.cli import _shared, cli
        with contextlib.redirect_stdout(io.StringIO()):
            code = _shared.run(cli, {arguments})
        assert code == 0, code
        """
    )
    assert not loaded & {"numpy", "scipy", "onnxruntime", "pedalboard", "soundfile", *HEAVY}


def test_the_layers_hold() -> None:
    tool = Path(sysconfig.get_path("scripts")) / "lint-imports"
    if not tool.exists():
        skip_or_fail("import-linter is not installed; pip install -e '.[dev]'")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_planning_a_batch_loads_neither_filters_nor_chains() -> None:
    """Workers begin to import these while the command is still planning; the command itself needs none of them."""
    assert not loaded_after("import semeq_host.stems.batch, semeq_host.stems.resources") & {"scipy.signal", "pedalboard"}


def test_a_worker_that_does_not_listen_loads_no_signal_processing() -> None:
    """`scipy.signal` takes longer to import than all the rest of a worker, and than a minute of stereo takes to be filtered."""
    assert not loaded_after("import semeq_host.stems._worker") & {"scipy.signal", "scipy.fft", "scipy.stats", "pedalboard"}
