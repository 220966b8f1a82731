"""What all commands share: common options, output as text or JSON, and errors as one line with an exit code."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import click

from semeq_export.cli._option_names import document_with_option_names, with_option_names
from semeq_export.errors import NAME_FAULTS, EnvironmentFailure, SemeqError
from semeq_export.files import strict_json

if TYPE_CHECKING:
    from semeq_export.bundle.manifest import Manifest
    from semeq_export.words.phrase import Phrase

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NO = 0, 1, 2, 3
EXIT_CLOSED_PIPE = 128 + 13
MAX_MESSAGE_CHARS = 2_000

Command = TypeVar("Command", bound=Callable[..., Any])  # Any: commands take what their options give


def bundle_option(command: Command) -> Command:
    """Add --bundle PATH, default the factory bundle."""
    return click.option(
        "--bundle",
        "bundle_path",
        metavar="PATH",
        envvar="SEMEQ_BUNDLE",
        show_envvar=True,
        help="Model bundle (folder or zip). Default: the factory bundle.",
    )(command)


def guess_option(command: Command) -> Command:
    """Add --guess."""
    return click.option("--guess", is_flag=True, help="Take doubtful guesses of untaught words.")(command)


def output_options(command: Command) -> Command:
    """Add --json and -q/--quiet."""
    command = click.option("-q", "--quiet", is_flag=True, help="Print errors only.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


def once(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Refuse an option of words that is given twice: other commands draw each, so which one counts is nobody's to guess."""
    if len(values) > 1:
        raise click.BadParameter(f"is given {len(values)} times; one takes several words: {','.join(values)}", ctx, param)
    return values[0] if values else None


class _Preamp(click.ParamType):  # type: ignore[type-arg]  # generic in some releases of click only
    """A way to choose the preamp, or the preamp itself in dB."""

    name = "preamp"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "auto|none|max|DB"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        if value in ("auto", "none", "max") and isinstance(value, str):
            return value
        try:
            gain_db = float(str(value))
        except ValueError:
            self.fail(f"{value!r} is not auto, none, max or a number in dB", param, ctx)
        if not -120.0 <= gain_db <= 120.0:
            self.fail(f"{gain_db:g} dB is outside -120..120", param, ctx)
        return gain_db


def preamp_option(command: Command) -> Command:
    """Add --preamp."""
    return click.option(
        "--preamp",
        type=_Preamp(),
        default="auto",
        show_default=True,
        help="auto: players get one against clipping; max: whatever can hold one does.",
    )(command)


class IntensityType(click.ParamType[float | str]):
    """A number of -3..3, or one of some words: "typical", "auto"."""

    name = "intensity"

    def __init__(self, *words: str) -> None:
        self._words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "|".join(("-3..3", *self._words))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:  # Any: click's
        if isinstance(value, str) and value in self._words:
            return value
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number{''.join(f' or {word}' for word in self._words)}", param, ctx)
        if not -3.0 <= number <= 3.0:
            self.fail(f"intensity {number:g} is outside -3..3", param, ctx)
        return number


def match_options(command: Command) -> Command:
    """Add how a match is done, hidden: the help of `--match` names them."""
    limit = click.option("--match-limit-db", type=click.FloatRange(0, 12, min_open=True), hidden=True, help="Most of a band (default: 6).")
    return click.option("--match-amount", type=click.FloatRange(0, 1), hidden=True, help="1 = all the way (default).")(limit(command))


class OutputType(click.ParamType):  # type: ignore[type-arg]  # generic in some releases of click only
    """A name for what is written; an empty one would mean the working folder in some places and nothing in others."""

    name = "path"

    def __init__(self, kind: Callable[[str], object] = str) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # Any: click's
        if not os.fspath(value):
            self.fail("the name is empty", param, ctx)
        return self._kind(value)


OUTPUT = OutputType()


def _language(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    return None if value == "all" else value


def language_option(command: Command) -> Command:
    """Add --language, where nobody names a word; "all" becomes None."""
    return click.option(
        "--language",
        type=click.Choice(["en", "es", "all"]),
        default="en",
        show_default=True,
        callback=_language,
        help="Words to choose from.",
    )(command)


def reference_option(command: Command) -> Command:
    """Add --reference."""
    return click.option(
        "--reference",
        metavar="AUDIO",
        help="What to compare with: a file, a folder, a stored reference, or a kind: mix, voice, drums, bass, guitar, keys, strings, any.",
    )(command)


def grouped(groups: Mapping[str, Sequence[str]]) -> type[click.Command]:
    """Return a kind of command whose help shows its options in groups, one line each; what is in no group comes last."""

    class Grouped(click.Command):
        def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            rows = {option.name: option.get_help_record(ctx) for option in self.get_params(ctx) if isinstance(option, click.Option)}
            rest = [name for name in rows if not any(name in names for names in groups.values())]
            formatter.write_paragraph()
            for title, names in (*groups.items(), ("", rest)):
                formatter.write(f"{title}:\n" if title else "")
                for row in filter(None, (rows.get(name) for name in names)):
                    formatter.write(f"  {row[0]:<28} {row[1].partition('  [')[0]}\n")  # a range in brackets would take a second line

    return Grouped


_CHOICES = {
    "channel": "Of channels that differ: left, right, mid, side or a number.",
    "for_device": "Of a configuration with parts for several devices.",
    "track": "Of a project with several tracks.",
    "preset_name": "Of a file of several presets.",
}


def choice_options(*, hidden: bool = False) -> Callable[[Command], Command]:
    """Return what adds --channel, --for-device, --track and --preset-name, which come together as `choice`."""

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def with_choice(*args: Any, **given: Any) -> Any:  # Any: commands take what their options give
            chosen = {name: value for name in _CHOICES if (value := given.pop(name)) is not None}
            if chosen:
                from semeq_presets import Choice

                given["choice"] = Choice(**chosen)
            return command(*args, **given)

        for name, what in reversed(_CHOICES.items()):
            with_choice = click.option(f"--{name.replace('_', '-')}", name, metavar="NAME", hidden=hidden, help=what)(with_choice)
        return cast("Command", with_choice)

    return add


force_option = click.option("--force", is_flag=True, help="Replace existing output.")
renew_option = click.option("--renew", is_flag=True, help="Of saved words, take what they mean now, not what they meant.")


def format_ids(text: str | None) -> list[str]:
    """Return the ids of a list with commas, those of all formats for "all", none where there is no list."""
    from semeq_presets import formats

    if text == "all":
        return [info.id for info in formats()]
    return [] if text is None else [format_id.strip() for format_id in text.split(",")]


@contextlib.contextmanager
def usage_errors(kind: type[SemeqError]) -> Iterator[None]:
    """Turn errors of a kind into wrong usage of the command."""
    try:
        yield
    except kind as error:
        raise click.UsageError(with_option_names(str(error))) from error


def print_json(document: object) -> None:
    """Print one JSON document on stdout, keys sorted, its messages in the words of the command line; refuse numbers that are not finite."""
    click.echo(strict_json.text(document_with_option_names(document), indent=2))


def files_document(manifest: Manifest) -> dict[str, object]:
    """Return the files of a bundle for JSON."""
    return {name: {"size_bytes": entry.size, "sha256": entry.sha256} for name, entry in manifest.files.items()}


def note(text: str, *, quiet: bool = False) -> None:
    """Print a note or a warning on stderr."""
    if not quiet:
        click.echo(with_option_names(text), err=True)


def say(lines: Iterable[object], quiet: bool = False, prefix: str = "") -> None:
    """Print notes on stderr, each on one line."""
    for line in lines:
        note(one_line(f"{prefix}{line}"), quiet=quiet)


def say_understood(phrases: Mapping[str, Phrase], quiet: bool) -> dict[str, object]:
    """Print what phrases were understood as on stderr; returns it by phrase for JSON."""
    say((phrase.line for phrase in phrases.values()), quiet)
    return {text: phrase.to_dict() for text, phrase in phrases.items()}


def progress_wanted(quiet: bool) -> bool:
    """Whether a progress bar may be drawn: only on a terminal."""
    return not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def one_line(text: str) -> str:
    """Return a message on one line, in the words of the command line, control characters escaped."""
    flat = " ".join(with_option_names(text).split("\n"))
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in flat)


def shortened(message: str) -> str:
    """Return a message without its middle where it quotes something very long: the file is named at its start, the reason at its end."""
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    half = MAX_MESSAGE_CHARS // 2
    return f"{message[:half]} ... {message[-half:]}"


class Terminated(BaseException):
    """A signal asks the command to end; travels like KeyboardInterrupt so that temporary files are removed."""

    def __init__(self, signal_number: int = signal.SIGTERM) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number
        self.message = "interrupted" if signal_number == signal.SIGINT else "terminated"


_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGXCPU", "SIGALRM", "SIGUSR1") if hasattr(signal, name)]


def _on_signal(signal_number: int, _frame: FrameType | None) -> NoReturn:
    for number in _ENDING:  # the first one counts; what is tidied up takes a second
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, signal.SIG_IGN)
    raise Terminated(signal_number)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Turn signals that end a process into Terminated: click prints an empty line for a KeyboardInterrupt. An ignored one stays ignored."""
    wanted = _ENDING if threading.current_thread() is threading.main_thread() else ()
    previous = {number: signal.getsignal(number) for number in wanted}
    changed = [number for number, handler in previous.items() if handler in (signal.SIG_DFL, signal.default_int_handler)]
    for number in changed:
        signal.signal(number, _on_signal)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, previous[number])


def run(group: click.Group, arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: errors become one line on stderr, never a traceback."""
    _open_closed_streams()
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())  # where it cannot keep its caches, it makes others and says so
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _signals_raise():
            result = group.main(args=arguments, prog_name="semeq-export", standalone_mode=False)
            sys.stdout.flush()
        return result if isinstance(result, int) else EXIT_OK
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except Terminated as error:
        return _fail(error.message, error.exit_code)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "semeq-export"
        return _fail(f"{error.format_message()} (see: {where} --help)", EXIT_USAGE)
    except click.ClickException as error:
        return _fail(error.format_message(), EXIT_USAGE)
    except SemeqError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stdout = None  # the interpreter would fail once more when it flushes at exit
        return EXIT_CLOSED_PIPE
    except SystemExit:  # click's own end where nobody reads standard output any more; commands return their exit code
        return EXIT_CLOSED_PIPE
    except OSError as error:  # standard output on a full disk, or a name that the system refuses wherever it is used
        if error.errno in NAME_FAULTS:
            return _fail(f"{error.filename}: {NAME_FAULTS[error.errno]}", EXIT_USAGE)
        return _fail(f"{error.filename or 'standard output'}: {(error.strerror or str(error)).lower()}", EnvironmentFailure.exit_code)
    except MemoryError:
        return _fail("out of memory", EnvironmentFailure.exit_code)


def _open_closed_streams() -> None:
    """Lead output that is closed (`>&-`) nowhere: the next file to be opened would get its number, and what libraries print."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open for good


def _fail(message: str, exit_code: int) -> int:
    with contextlib.suppress(OSError):  # a terminal that was closed
        click.echo(f"semeq-export: {shortened(one_line(message))}", err=True)
    return exit_code
