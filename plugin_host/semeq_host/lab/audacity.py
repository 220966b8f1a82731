"""Audacity 3 under a virtual screen: imports a sound, applies a macro with a Filter Curve, and exports the result.

Audacity is steered through the two named pipes of its module mod-script-pipe. Their names are the same for all Audacities of a user, so
one runs at a time here, and none beside one that a person has open. A command longer than about 1 kB is cut by the pipe, which is why the
curve arrives as a macro file, as a person imports it.
"""

from __future__ import annotations

import base64
import configparser
import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import soundfile

from semeq_export.errors import EnvironmentFailure, MissingHostError, PresetReadError
from semeq_host.lab._process import end_group, last_line, private_environment, private_folder, program, run
from semeq_host.lab._screen import screen
from semeq_host.lab.response import IMPULSE_RATE_HZ, IMPULSE_SAMPLES, Measurement, impulse

_PACKAGES = "audacity xvfb"
_MODULES = "/usr/lib/audacity/modules", "/usr/lib/x86_64-linux-gnu/audacity/modules", "/usr/local/lib/audacity/modules"
_PIPES = Path("/tmp")  # Audacity's own choice, whatever TMPDIR says
_START_S = 90.0
_COMMAND_S = 30.0
_CURVE = re.compile(r'FilterCurve:( ?\w+="[^"\n]*")+')

_SETTINGS = """
[Module]
mod-script-pipe=1
[ModulePath]
mod-script-pipe={module}
[ModuleDateTime]
mod-script-pipe={module_time}
[GUI]
ShowSplashScreen=0
[Update]
DefaultUpdatesChecking=0
[SamplingRate]
DefaultProjectSampleRate={sample_rate_hz}
[Directories]
TempDir={folder}/tmp
[FileFormats/ExportFormat_SF1_Type]
WAV_10000=6
"""
"""Without the module's time the module stays off. The last line asks for 32-bit float exports; the default is 16 bits with dither."""


def measure(macros: Sequence[str], sample_rate_hz: int = IMPULSE_RATE_HZ) -> list[Measurement]:
    """Return the test impulse after each of several macros, one Filter Curve each, all applied by one run of Audacity.

    macros: the content of macro files. The impulse lies in the middle, since a linear-phase filter rings on both sides of it.
    Raises PresetReadError for a macro that is no Filter Curve or that Audacity refuses, MissingHostError without Audacity or Xvfb,
    EnvironmentFailure where it hangs, or where another Audacity of the same user is open.
    """
    for macro in macros:
        if not _CURVE.fullmatch(macro.strip()):  # a macro may also hold commands that read and write files
            raise PresetReadError(f"an audacity macro is not one FilterCurve command: {macro.strip()[:60]!r}")
    if sys.platform != "linux":
        raise MissingHostError("audacity is measured on Linux only, with apt-get install audacity xvfb")
    with _only_one(), private_folder() as folder:
        settings = folder / "home" / ".audacity-data"
        (settings / "Macros").mkdir(parents=True)
        for index, macro in enumerate(macros):
            (settings / "Macros" / f"semeq{index}.txt").write_text(macro.strip() + "\n", encoding="utf-8")
        _write_settings(settings / "audacity.cfg", folder, sample_rate_hz)
        _write_known_plugins(settings / "pluginregistry.cfg", folder)
        signal = impulse(IMPULSE_SAMPLES, at_sample=IMPULSE_SAMPLES // 2)
        soundfile.write(folder / "in.wav", signal, sample_rate_hz, subtype="FLOAT")
        with screen(folder) as display, _Audacity(folder, display) as audacity:
            outputs = []
            for index in range(len(macros)):
                target = folder / f"out{index}.wav"
                audacity.do(f'Import2: Filename="{folder / "in.wav"}"')
                audacity.do("SelectAll:")
                audacity.do(f"Macro_semeq{index}:")
                audacity.do("SelectAll:")
                audacity.do(f'Export2: Filename="{target}" NumChannels=1')
                audacity.do("RemoveTracks:")
                outputs.append(soundfile.read(target, dtype="float64", always_2d=True)[0].T)
        host = _version(settings / "audacity.cfg")
    return [Measurement(samples, sample_rate_hz, host) for samples in outputs]


class _Audacity:
    """A running Audacity that takes commands; it and its children end with the context."""

    def __init__(self, folder: Path, display: str) -> None:
        self._folder = folder
        self._environment = private_environment(folder, DISPLAY=display)
        self._into, self._from = (_PIPES / f"audacity_script_pipe.{way}.{os.getuid()}" for way in ("to", "from"))

    def __enter__(self) -> _Audacity:
        if _is_open(self._into):
            raise EnvironmentFailure("audacity is open already; close it first, since only one can be steered at a time")
        self._remove_pipes()
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program("audacity", _PACKAGES)],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + _START_S
            self._into_fd = self._opened(self._into, os.O_WRONLY, deadline)
            self._from_fd = self._opened(self._from, os.O_RDONLY, deadline)
            self._wait_until_ready(deadline)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end_group(self._process)
        for descriptor in ("_into_fd", "_from_fd"):
            if hasattr(self, descriptor):
                os.close(getattr(self, descriptor))
        self._remove_pipes()

    def do(self, command: str) -> None:
        """Carry out one command; raises PresetReadError where Audacity says that it failed."""
        answer = self._ask(command, time.monotonic() + _COMMAND_S)
        if b"finished: OK" not in answer:
            raise PresetReadError(f"audacity refuses {command[:60]!r}: {last_line(answer)}")

    def _wait_until_ready(self, deadline: float) -> None:
        """Ask until there is an answer: before its window is open Audacity takes commands and answers them with empty lines."""
        while b"semeq is ready" not in self._ask('Message: Text="semeq is ready"', deadline):
            time.sleep(0.2)

    def _ask(self, command: str, deadline: float) -> bytes:
        try:
            os.write(self._into_fd, command.encode() + b"\n")
        except OSError as error:
            self._check(deadline)
            raise EnvironmentFailure("audacity does not take commands any more") from error
        answer = b""
        while not answer.endswith(b"\n\n") and answer != b"\n":
            ready, _, _ = select.select([self._from_fd], [], [], max(0.0, min(1.0, deadline - time.monotonic())))
            answer += os.read(self._from_fd, 65_536) if ready else b""
            self._check(deadline)
        return answer

    def _opened(self, pipe: Path, mode: int, deadline: float) -> int:
        while True:
            with contextlib.suppress(OSError):  # not there yet, or nobody at its other end
                return os.open(pipe, mode | os.O_NONBLOCK)
            self._check(deadline)
            time.sleep(0.1)

    def _check(self, deadline: float) -> None:
        if self._process.poll() is not None:
            log = (self._folder / "log").read_bytes()
            raise EnvironmentFailure(f"audacity ended with exit code {self._process.returncode}: {last_line(log)}")
        if time.monotonic() > deadline:
            raise EnvironmentFailure("audacity does not answer; a dialog may be in its way")

    def _remove_pipes(self) -> None:
        for pipe in (self._into, self._from):
            pipe.unlink(missing_ok=True)


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Wait for other measurements with Audacity by this user to end; a name without a file holds the turn, and ends with its process."""
    with socket.socket(socket.AF_UNIX) as turn:
        deadline = time.monotonic() + 5 * _START_S
        while True:
            try:
                turn.bind(f"\0semeq-audacity-{os.getuid()}")
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise EnvironmentFailure("another measurement with audacity does not end") from error
                time.sleep(0.5)
        yield


def _is_open(pipe: Path) -> bool:
    """Whether someone listens at a pipe; one left by a killed Audacity has no listener."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def _write_settings(file: Path, folder: Path, sample_rate_hz: int) -> None:
    program("audacity", _PACKAGES)
    module = next((Path(place) / "mod-script-pipe.so" for place in _MODULES if (Path(place) / "mod-script-pipe.so").is_file()), None)
    if module is None:
        raise MissingHostError(f"audacity's module mod-script-pipe is not installed; install it with: apt-get install {_PACKAGES}")
    module_time = datetime.fromtimestamp(int(module.stat().st_mtime)).isoformat()  # local time, as Audacity compares it
    file.write_text(_SETTINGS.format(module=module, module_time=module_time, sample_rate_hz=sample_rate_hz, folder=folder))


def _write_known_plugins(file: Path, folder: Path) -> None:
    """Tell Audacity that it has seen every installed plug-in, or it tries each of them at its start, for a minute and with dialogs."""
    known = [("LADSPA", str(path)) for place in ("/usr/lib/ladspa", "/usr/local/lib/ladspa") for path in Path(place).glob("*.so")]
    known += [
        ("VST", str(path)) for place in ("/usr/lib/vst", "/usr/local/lib/vst", "/usr/lib/lxvst") for path in Path(place).rglob("*.so")
    ]
    if shutil.which("lv2ls"):
        listing = run(["lv2ls"], folder=folder, timeout_s=60.0, variables={"LV2_PATH": "/usr/local/lib/lv2:/usr/lib/lv2"})
        known += [("LV2", uri) for uri in listing.decode("utf-8", "replace").split()]
    lines = ["pluginregistryversion=1.2"]
    for family, path in known:
        name = base64.b64encode(f"Stub_{family}_{path}".encode()).decode().replace("=", "\\=")
        lines += [f"[pluginregistry/Stub/base64\\:{name}]", f"Path={path}", f"Symbol={path}", f"Name={path}", "Version=", "Vendor="]
        lines += ["Description=", f"ProviderID=Module__The Audacity Team_{family} Effects_", "Enabled=0", "Valid=0"]
    file.write_text("\n".join(lines) + "\n")


def _version(settings: Path) -> str:
    """Return e.g. "Audacity 3.2.4", as the program itself wrote it into its settings."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string("[top]\n" + settings.read_text(encoding="utf-8", errors="replace"))
    return "Audacity " + ".".join(parser.get("Version", part, fallback="?") for part in ("Major", "Minor", "Micro"))
