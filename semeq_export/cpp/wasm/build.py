"""Builds semeq.wasm from semeq_wasm.cpp with clang and a C library out of one package: python -m pip install ziglang

    python build.py semeq.wasm

The same release of ziglang gives the same bytes on any machine, in any folder. The first build takes a minute or more, since the C and C++
libraries are compiled too; they are kept in Zig's cache.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_FLAGS = (
    *("-target", "wasm32-wasi", "-mexec-model=reactor"),
    *("-std=c++17", "-O3", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-DSEMEQ_PORTABLE", "-msimd128"),
    *("-Wall", "-Wextra", "-Werror", "-Wl,--strip-all"),  # names and paths of the machine are left out
)


def build(output: Path) -> None:
    """Write semeq.wasm. Raises CalledProcessError where it does not compile."""
    source, include = _HERE / "semeq_wasm.cpp", _HERE.parent / "include"
    subprocess.run([sys.executable, "-m", "ziglang", "c++", *_FLAGS, "-I", include, source, "-o", output], check=True)
    output.chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python build.py semeq.wasm")
    build(Path(sys.argv[1]))
