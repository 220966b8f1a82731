"""The command line: a lazy group. Verbs, modules and one-line help stand in a table, so help imports nothing else."""

from __future__ import annotations

import importlib
import sys

import click

from semeq_export.cli import _shared

VERBS: dict[str, tuple[str, str]] = {
    "preset": ("semeq_export.cli.preset", "Write a preset for a DAW or plug-in from words."),
    "convert": ("semeq_export.cli.convert", "Convert a preset from one format to another."),
    "formats": ("semeq_export.cli.formats", "List the preset formats and the host that verified each."),
    "verify": ("semeq_export.cli.verify", "Measure presets in the host that they are for."),
    "process": ("semeq_export.cli.process", "Process audio files with the EQ of a word."),
    "analyze": ("semeq_export.cli.analyze", "Say in words what audio files sound like."),
    "studio": ("semeq_export.cli.studio", "Hear the words on a page, with your own audio."),
    "listen": ("semeq_export.cli.listen", "Ask people: make listening tests, analyse answers."),
    "session": ("semeq_export.cli.session", "Write stems as one DAW session, an EQ on each track."),
    "terms": ("semeq_export.cli.terms", "List the words and the evidence for each."),
    "plot": ("semeq_export.cli.plot", "Draw response curves of words and presets."),
    "bundle": ("semeq_export.cli.bundle", "Write a model bundle for plug-in developers."),
    "validate": ("semeq_export.cli.validate", "Check the structure of bundles and presets."),
    "bench": ("semeq_export.cli.bench", "Measure latency and throughput on this machine."),
    "train": ("semeq_export.cli.train", "Train a model: fetch, fit, report, export."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(VERBS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, help_line) for verb, (_, help_line) in VERBS.items()])


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"semeq-export {version('semeq-export')}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: semeq-export preset -t warm -f eqapo -o warm.txt",
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version and exit.")
def cli() -> None:
    """Words to EQ: presets that DAWs load, stems processed, model bundles for plug-ins."""


def main() -> None:
    """Run the command line and exit."""
    sys.exit(_shared.run(cli))
