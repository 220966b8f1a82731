"""What a first EQ costs a new process, beside the import of the libraries that it needs, in turns.

python tests/bench/cold_report.py [ROUNDS]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

LIBRARIES = "import numpy, onnxruntime"
FIRST_EQ = "import semeq_export as s; print(s.eq_for('warm'))"


def once(code: str) -> tuple[float, float]:
    """Return (wall time, time of the processor) in ms of a new interpreter that runs the code."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * wall, 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main(rounds: int) -> None:
    """Write the least of each, which is what other programs of the machine disturb least, and the difference."""
    once(FIRST_EQ)  # writes byte code, reads files into memory
    took = [(once(LIBRARIES), once(FIRST_EQ)) for _ in range(rounds)]
    for column, name in enumerate(("wall", "processor")):
        libraries, first = (min(pair[which][column] for pair in took) for which in (0, 1))
        sys.stdout.write(f"{name}: libraries {libraries:.0f} ms, first EQ {first:.0f} ms, {first - libraries:.0f} ms more\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
