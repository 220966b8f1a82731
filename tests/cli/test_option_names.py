"""Libraries name parameters; the command line prints the options that set them."""

from __future__ import annotations

import importlib
import json

import click
import pytest

from semeq_export import errors
from semeq_export.cli import VERBS, _shared
from semeq_export.cli._option_names import OPTIONS, with_option_names


def registered() -> set[str]:
    """Return the options of all commands."""
    commands: list[click.Command] = []
    for module, _ in VERBS.values():
        command = importlib.import_module(module).command
        commands += [command, *command.commands.values()] if isinstance(command, click.Group) else [command]
    return {name for command in commands for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("out.txt: exists already; use `overwrite` to replace it", "out.txt: exists already; use --force to replace it"),
        ("nothing to do: give `target` TEXT or `chain` TOML", "nothing to do: give -t TEXT or --chain TOML"),
        ("`reference` needs `mode` adaptive", "--reference needs --mode adaptive"),
        ("give `lufs` or `match_loudness`, not both", "give --lufs or --match-loudness, not both"),
        ("give `peak_guard` trim or off", "give --peak-guard trim or off"),
        ("overwrite.wav: no audio", "overwrite.wav: no audio"),
        ("`decoder` is no option", "`decoder` is no option"),
    ],
)
def test_parameters_in_backquotes_become_options(message: str, printed: str) -> None:
    assert with_option_names(message) == printed


def test_every_option_of_the_table_exists() -> None:
    assert set(OPTIONS.values()) <= registered()


def test_errors_notes_and_json_are_translated(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        _shared.note("mix.wav: `trust` runs it")
        _shared.print_json({"path": "`trust`.wav", "error": "`salvage` keeps it", "files": [{"warnings": ["`resume` goes on"]}]})
        raise errors.OutputError("out.txt: use `overwrite`")

    assert _shared.run(click.Group(commands={"do": click.Command("do", callback=fail)}), ["do"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "mix.wav: --trust runs it\nsemeq-export: out.txt: use --force\n"
    assert json.loads(captured.out) == {
        "path": "`trust`.wav",
        "error": "--salvage keeps it",
        "files": [{"warnings": ["--resume goes on"]}],
    }
