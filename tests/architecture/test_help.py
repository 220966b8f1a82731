"""Help: every command fits one screen and ends with one example that its own options understand."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from semeq_export.cli import VERBS, cli


def commands() -> Iterator[list[str]]:
    for verb, (module, _) in VERBS.items():
        yield [verb]
        command = getattr(importlib.import_module(module), "command", None)
        if isinstance(command, click.Group):
            for name in command.commands:
                yield [verb, name]


def help_lines(words: list[str]) -> list[str]:
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="semeq-export")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.output.rstrip().splitlines()


def example(lines: list[str]) -> str:
    """Return the example at the end of a help text, its wrapped lines joined."""
    first = max(index for index, line in enumerate(lines) if line.strip().startswith("Example:"))
    return " ".join(line.strip() for line in lines[first:])


@pytest.mark.parametrize("words", [[], *commands()], ids=lambda words: " ".join(words) or "semeq-export")
def test_help_fits_one_screen_and_ends_with_one_example(words: list[str]) -> None:
    lines = help_lines(words)
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80
    assert sum("Example:" in line for line in lines) == 1
    command_line = " ".join(["semeq-export", *words])
    assert example(lines).startswith(f"Example: {command_line}")


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_the_example_is_understood(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command: click.Command = cli
    context = click.Context(cli, info_name="semeq-export")
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None
        command = found
    arguments = shlex.split(example(help_lines(words)).removeprefix("Example: ").partition(" && ")[0])[1 + len(words) :]
    command.make_context(words[-1], arguments, parent=context)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_option_is_explained(words: list[str]) -> None:
    command = cli.get_command(click.Context(cli), words[0])
    for word in words[1:]:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    assert command.help
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.hidden and not p.help] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_overview_begins_like_the_command_itself(verb: str) -> None:
    """The overview's lines stand in a table, so that help imports nothing; here they are held against the commands."""
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.help is not None
    assert command.help.split()[0] == VERBS[verb][1].split()[0]
    assert VERBS[verb][1].endswith(".")
    assert len(VERBS[verb][1]) <= 60
