"""The command line's frame: help, version, exit codes, and errors as one line on stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from conftest import ROOT, cases

from semeq_export import errors
from semeq_export.app._extras import needs_extra
from semeq_export.cli import VERBS, _shared, cli


def group(action: Callable[[], object]) -> click.Group:
    return click.Group(commands={"do": click.Command("do", callback=action)})


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> None:
        raise error

    return action


def outcome(capsys: pytest.CaptureFixture[str], action: Callable[[], object]) -> tuple[int, str]:
    code = _shared.run(group(action), ["do"])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.UnknownTermError("wram", ["warm"]), 2, "unknown term 'wram'; did you mean 'warm'?"),
        (errors.EnvironmentFailure("out.txt: disk full"), 1, "out.txt: disk full"),
        (OSError(28, "No space left on device"), 1, "standard output: no space left on device"),
        (MemoryError(), 1, "out of memory"),
        (click.Abort(), 130, "interrupted"),
        (_shared.Terminated(), 143, "terminated"),
        (click.UsageError("no words"), 2, "no words (see: semeq-export do --help)"),
        (errors.AudioError("no audio", "a\nb\x1b[2J.wav"), 2, "a b\\x1b[2J.wav: no audio"),
        (errors.AudioError("no audio", "mix-\udcff.wav"), 2, "mix-\\udcff.wav: no audio"),
    ],
)
def test_every_error_is_one_line_with_its_exit_code(capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str) -> None:
    assert outcome(capsys, raising(error)) == (code, f"semeq-export: {line}\n")


def test_mistakes_of_ours_are_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError):
        _shared.run(group(raising(ZeroDivisionError())), ["do"])


@pytest.mark.parametrize(("result", "code"), [(None, 0), (3, 3), (0, 0), ("text", 0)])
def test_a_command_may_choose_its_exit_code(capsys: pytest.CaptureFixture[str], result: object, code: int) -> None:
    assert outcome(capsys, lambda: result) == (code, "")


def test_the_old_signal_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    _shared.run(group(lambda: None), ["do"])
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_missing_extra_names_the_pip_command(capsys: pytest.CaptureFixture[str]) -> None:
    @needs_extra("train")
    def action() -> None:
        import semeq_no_such_module.inside  # noqa: F401  # type: ignore[import-not-found]

    with pytest.raises(ModuleNotFoundError):  # a missing module of our own is our mistake
        _shared.run(group(action), ["do"])

    code, line = outcome(capsys, needs_extra("train")(raising(ModuleNotFoundError("No module named 'torch'", name="torch"))))
    assert (code, line) == (2, "semeq-export: torch is missing; this needs an optional part: pip install 'semeq-export[train]'\n")


@pytest.mark.parametrize("arguments", [["wram"], ["--wram"], ["plot", "--wram"], ["preset", "-t"]])
def test_wrong_usage_ends_with_2_and_a_pointer_to_help(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert _shared.run(cli, arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "--help)" in captured.err


def test_json_refuses_numbers_that_are_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="[Oo]ut of range"):
        _shared.print_json({"gain_db": float("nan")})
    _shared.print_json({"b": 1, "a": "é"})
    assert capsys.readouterr().out == '{\n  "a": "é",\n  "b": 1\n}\n'


# the installed script, once


def script() -> str:
    return str(Path(sysconfig.get_path("scripts")) / "semeq-export")


def call(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script(), *arguments], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_the_installed_script_tells_its_version() -> None:
    done = call("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"semeq-export {version('semeq-export')}\n", "")


def test_the_module_runs_like_the_script() -> None:
    done = subprocess.run([sys.executable, "-m", "semeq_export", "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == call("--help").stdout
    for verb, (_, help_line) in VERBS.items():
        assert verb in done.stdout
        assert help_line.split()[0] in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_output_is_one_line(tmp_path: Path) -> None:  # fault C5
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([script(), "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "semeq-export: standard output: no space left on device\n")


def test_a_closed_output_ends_quietly() -> None:  # fault C19
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([script(), "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(sys.platform == "win32", reason="the shell's >&-")
@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-", ">&- 2>&-"][: cases(1, 4)])
def test_output_that_is_closed_from_the_start_leads_nowhere(tmp_path: Path, closed: str) -> None:  # fault C19
    command = f'"$0" preset -t warm -f eqapo --preamp none -o warm.txt -q {closed}'
    done = subprocess.run(["sh", "-c", command, script()], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "warm.txt").read_text().startswith("Preamp: ")
    assert [path.name for path in tmp_path.iterdir()] == ["warm.txt"]
    assert subprocess.run(["sh", "-c", f'"$0" terms {closed}', script()], check=False, capture_output=True).returncode == 0


def test_what_a_message_quotes_is_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", f"warm:0.5,{'w' * 100_000}:0.5", "-f", "eqapo", "-o", "-"]) == 2
    err = capsys.readouterr().err
    assert len(err) < 2_100
    assert err.startswith("semeq-export: unknown term 'www")
    assert _shared.run(cli, ["preset", "-t", "warm," + "w" * 300_000, "-f", "eqapo", "-o", "-"]) == 2
    assert capsys.readouterr().err == "semeq-export: a phrase of 300005 characters is longer than 300\n"


def test_ascii_pipes_show_odd_names_escaped() -> None:  # fault C17
    done = call("naïve-\U0001f600", env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("sent", "code", "line"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")])
def test_signals_leave_one_line_and_no_file(tmp_path: Path, sent: signal.Signals, code: int, line: str) -> None:  # fault C8
    program = f"""
        import sys, time, click
        from semeq_export.files import atomic, disk
        from semeq_export.cli import _shared
        @click.command()
        def do():
            with atomic.atomic_file({str(tmp_path / "out.wav")!r}, overwrite=False) as temporary:
                temporary.write_bytes(b"half")
                print("started", flush=True)
                time.sleep(60)
        sys.exit(_shared.run(click.Group(commands={{"do": do}}), ["do"]))
    """
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.send_signal(sent)
        error = running.stderr.read()
    assert (running.returncode, error) == (code, f"semeq-export: {line}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["preset", "-t", "warm", "-f", "eqapo", "-o", ""],
        ["convert", "in.txt", ""],
        ["process", "in.wav", "-t", "warm", "-o", ""],
        ["process", "in.wav", "-t", "warm", "-o", "out/", "--report", ""],
        ["session", "in.wav", "-t", "warm", "-o", ""],
        ["terms", "add", "soft", "a.txt", "-o", ""],
        ["plot", "-t", "warm", "-o", ""],
        ["bundle", "-o", ""],
        ["train", "fit", "r.toml", "--data", "d", "-o", ""],
        ["train", "export", "run", "-o", ""],
    ],
)
def test_an_empty_name_for_an_output_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _shared.run(cli, arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "the name is empty" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_no_line_of_matplotlib(tmp_path: Path) -> None:  # fault E20
    (tmp_path / "in.txt").write_text("Preamp: 0 dB\nFilter 1: ON PK Fc 1000 Hz Gain 3 dB Q 1\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    done = call("plot", "--preset", "in.txt", "-o", "o.svg", cwd=tmp_path, env=environment | {"HOME": "/proc/nope"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "o.svg\n", "")
