"""semeq-export studio: the page in which words are heard, from a server of this machine or as one file."""

from __future__ import annotations

import threading
import webbrowser
from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.studio.server import Running


@click.command(epilog="Example: semeq-export studio --page studio.html")
@click.option("--page", "page_path", type=_shared.OUTPUT, metavar="FILE", help="Write the page as one HTML file, and start nothing.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, metavar="N", help="Port of the server. Default: a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address; open no browser.")
@_shared.force_option
@_shared.bundle_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only; of a server, its address.")
def command(page_path: str | None, port: int, no_browser: bool, force: bool, bundle_path: str | None, quiet: bool) -> None:
    """Hear the words: drop your audio on a page, pick a word, compare, save.

    The page shows all words as a map and a list, plays your own audio through
    them at once, and lets you compare before and after at equal loudness, turn
    a word up or around, mix it with another, and move its bands by hand. It
    saves what you hear as a WAV and as .semeq.json.

    Without options, the page comes from a small server on this machine and
    opens in your browser. There it also writes presets for every DAW and
    plug-in, installs them, and processes whole files at full quality. Only
    this machine can reach the server. Your audio stays in the browser unless
    you ask for such a file. Ctrl-C ends it. This needs an optional part:
    pip install 'semeq-export[studio]'.

    With --page, the page is one HTML file of its own: double click it, send
    it to a friend, use it without a network. It has no presets but .semeq.json
    (semeq-export convert makes the others of it).
    """
    if page_path is not None:
        _write(page_path, force=force, bundle_path=bundle_path, quiet=quiet)
        return
    if force:
        raise click.UsageError("--force goes with --page")

    from semeq_export.cli._option_names import with_option_names
    from semeq_export.studio.server import ServerOptions, serve

    def tell(running: Running) -> None:
        click.echo(running.url)
        if not no_browser:  # some browsers run in the terminal, and must not keep the page waiting
            threading.Thread(target=webbrowser.open, args=(running.url,), daemon=True).start()

    serve(ServerOptions(port=port, bundle=bundle_path), ready=tell, wording=with_option_names)


def _write(path: str, *, force: bool, bundle_path: str | None, quiet: bool) -> None:
    given = click.get_current_context().get_parameter_source
    if any(given(name) is click.core.ParameterSource.COMMANDLINE for name in ("port", "no_browser")):
        raise click.UsageError("--page starts no server; it goes without --port and --no-browser")
    from semeq_export.studio.page import PageOptions, write_page

    write_page(PageOptions(output=path, overwrite=force, bundle=bundle_path))
    if not quiet:
        click.echo(_shared.one_line(path))
