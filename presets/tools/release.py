"""Write the release archive of presets: the best-supported words in every format. `make presets` runs it; nothing of it is committed."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.readable import rounded
from semeq_export.errors import SemeqError
from semeq_export.plot import figures as plot
from semeq_export.words.target import SemanticTarget
from semeq_export.words.terms import DEFAULT_LANGUAGE
from semeq_presets import Preset, formats, get
from semeq_presets.file_formats.semeq_vst3 import for_words
from semeq_presets.shelf.archive import archive_files, write_archive

RATE_HZ = 48_000.0


def best_supported(engine: Engine, count: int, language: str | None = DEFAULT_LANGUAGE) -> list[str]:
    """Return the words that people agree on behind which most of them stand, more agreement first where the numbers are equal."""
    known = [engine.bundle.centroids[word] for word in engine.bundle.usual_words(language)]
    terms = sorted(known, key=lambda term: (-term.examples, -term.agreement, term.name))
    return [term.name for term in terms[:count]]


def named(engine: Engine, word: str) -> Preset:
    """Return the preset of a word under its name."""
    eq, played = rounded(engine.eq_for(word)), engine.exact.eq_for(word)
    return for_words(eq, SemanticTarget.parse(word), played=played, name=word[:1].upper() + word[1:], sample_rate_hz=RATE_HZ)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="archive to write; default: dist/semeq-presets-VERSION.zip")
    parser.add_argument("--words", type=int, default=20, help="how many words (default: %(default)s)")
    parser.add_argument("--language", choices=["en", "es", "all"], default=DEFAULT_LANGUAGE, help="of the words (default: %(default)s)")
    parser.add_argument("--formats", help="ids with commas between them; default: all")
    parser.add_argument("--force", action="store_true", help="replace an existing archive")
    options = parser.parse_args(arguments)
    root = f"semeq-presets-{version('semeq-export')}"
    output = options.output or Path("dist") / f"{root}.zip"
    try:
        engine = Engine(load_bundle())
        words = best_supported(engine, options.words, None if options.language == "all" else options.language)
        presets = {word: named(engine, word) for word in words}
        infos = [get(name).info for name in options.formats.split(",")] if options.formats else list(formats())
        cells = [plot.Cell(word, (plot.eq_trace(word, engine.eq_for(word), RATE_HZ, markers=False)[0],)) for word in words]
        sheet = plot.render(plot.contact_sheet(cells), "png")
        files = archive_files(root, presets, infos, {"contact-sheet.png": sheet})
        output.parent.mkdir(exist_ok=True)
        write_archive(output, files, overwrite=options.force)
    except SemeqError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{output}: {len(words)} words in {len(infos)} formats, {len(files)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
