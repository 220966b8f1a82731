"""semeq-export process in a terminal: what a person reads there, line by line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="terminals are POSIX's")


def in_terminal(columns: int, *arguments: str) -> tuple[int, str]:
    """Run the command in a terminal of a width; return its exit code and every byte that it wrote there."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host", "presets"))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    running = subprocess.Popen(
        [sys.executable, "-m", "semeq_export", "process", *arguments],
        stdin=other,
        stdout=other,
        stderr=other,
        env=environment | {"PYTHONPATH": paths, "TERM": "xterm"},
    )
    os.close(other)
    said = b""
    while True:
        try:
            data = os.read(main, 4_096)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        said += data
    os.close(main)
    return running.wait(), said.decode()


def screen(said: str, columns: int) -> list[str]:
    """What stands on an endless screen in the end; nothing may be longer than it is wide."""
    lines = [""]
    for token in re.findall(r"\r\n|\r|\x1b\[K|[^\r\n\x1b]+", said):
        if token == "\r\n":
            lines.append("")
        elif token == "\r":
            at = 0
            continue
        elif token == "\x1b[K":
            lines[-1] = lines[-1][:at]
            continue
        else:
            lines[-1] = lines[-1][: at if len(lines[-1]) else 0] + token
        at = len(lines[-1])
        assert at <= columns
    return lines


@pytest.mark.parametrize("columns", [80, 100])
def test_messages_and_the_line_below_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    rng = np.random.default_rng(4)
    for index in range(8):
        soundfile.write(f"in/{index}.wav", rng.uniform(-0.1, 0.1, (48_000 * 20, 2)), 48_000, subtype="PCM_24")
    Path("in/8.wav").write_bytes(b"<html>")
    code, said = in_terminal(columns, "in", "-t", "warm", "-o", "out", "--workers", "1")
    assert code == 1
    assert "/9 " in said  # it was drawn
    lines = screen(said, columns)
    assert lines[:9] == [
        *(f"out/{index}.wav" for index in range(8)),
        "semeq-export: in/8.wav: not an audio file: it looks like an HTML page",
    ]
    assert re.fullmatch(r"8 done, 0 skipped, 1 failed in \d+\.\d s, [\d.e+]+ times real time", lines[9])
    assert lines[10:] == [""]
    code, said = in_terminal(columns, "in", "-t", "warm", "-o", "out", "--workers", "1", "--resume")
    lines = screen(said, columns)
    assert lines[:8] == [f"out/{index}.wav: done before, skipped" for index in range(8)]
    assert re.fullmatch(r"0 done, 8 skipped, 1 failed in \d+\.\d s", lines[9])
