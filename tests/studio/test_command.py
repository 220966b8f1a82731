"""What the command says of itself, and the page that is installed with it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from semeq_export.cli import cli
from semeq_export.studio import page, security

HELP = """\
Usage: semeq-export studio [OPTIONS]

  Hear the words: drop your audio on a page, pick a word, compare, save.

  The page shows all words as a map and a list, plays your own audio through
  them at once, and lets you compare before and after at equal loudness, turn a
  word up or around, mix it with another, and move its bands by hand. It saves
  what you hear as a WAV and as .semeq.json.

  Without options, the page comes from a small server on this machine and opens
  in your browser. There it also writes presets for every DAW and plug-in,
  installs them, and processes whole files at full quality. Only this machine
  can reach the server. Your audio stays in the browser unless you ask for such
  a file. Ctrl-C ends it. This needs an optional part: pip install 'semeq-
  export[studio]'.

  With --page, the page is one HTML file of its own: double click it, send it to
  a friend, use it without a network. It has no presets but .semeq.json (semeq-
  export convert makes the others of it).

Options:
  --page FILE    Write the page as one HTML file, and start nothing.
  --port N       Port of the server. Default: a free one.  [0<=x<=65535]
  --no-browser   Only print the address; open no browser.
  --force        Replace existing output.
  --bundle PATH  Model bundle (folder or zip). Default: the factory bundle.
                 [env var: SEMEQ_BUNDLE]
  -q, --quiet    Print errors only; of a server, its address.
  -h, --help     Show this message and exit.

  Example: semeq-export studio --page studio.html
"""


def test_the_help_says_what_it_is_for() -> None:
    assert CliRunner().invoke(cli, ["studio", "--help"], prog_name="semeq-export").output == HELP


def test_the_installed_page_is_whole_and_runs_by_its_hashes(tmp_path: Path) -> None:
    target = tmp_path / "studio.html"
    assert page.write_page(page.PageOptions(output=target)) <= page.MAX_BYTES
    html = target.read_text(encoding="utf-8")
    assert page.MARK not in html
    before, _, rest = html.partition('<script type="application/json" id="semeq-data">')
    shown = before + rest.partition("</script>")[2]
    assert security.page_policy(html) == security.page_policy(shown)  # the data do not run
    assert len(set(security.page_policy(html).split("'sha256-"))) - 1 == shown.count("<style>") + shown.count("<script>") >= 2
    assert " src=" not in before
