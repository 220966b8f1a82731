"""The studio's page: the built template with the words of a bundle in it, as one HTML file that needs no network.

    template   semeq_export/web/built/page.html, with the mark <!--semeq-data--> where the data go
    data       <script type="application/json" id="semeq-data">, of schema 1:
        schema, version     of these data; of this package
        name, identity      of the bundle; identity is what presets remember of it
        wasm, decoder       base64 of semeq.wasm and decoder.semeq, each gzipped
        centroids, manifest texts of centroids.json and manifest.json, byte for byte: the one holds hashes of the other
        references          stored references by kind, as their files have them
        words               word, language, agreed, agreement, rows, opposite, typical, doubts; most people first
        map                 axes (low, high, share), points by word, and flat, where no EQ lies; 1 is 1 dB rms
        phrases             what the search box reads phrases with, see `words.phrase_data`
        server              null, or the token that a server wants to see

Every "<" of the data is written as \\u003c, so that no text of a bundle can end the script. Equal input gives equal bytes.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from pathlib import Path

from semeq_export.app.vocabulary import VocabularyOptions, VocabularyResult, describe_vocabulary
from semeq_export.bundle.store import CENTROIDS, FLAT, MANIFEST
from semeq_export.errors import BundleFormatError, EnvironmentFailure, OutputError, printable
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import check_output
from semeq_export.listening.reference import kinds

MAX_BYTES = 2_000_000
MARK = "<!--semeq-data-->"
WASM, TEMPLATE = "semeq.wasm", "page.html"

_SCHEMA = 1
_BUILT = "web/built"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """What page to write where. bundle: default, the factory's."""

    output: str | os.PathLike[str]
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True)
class PageParts:
    """What is built from other sources than Python: the template, and the runtime that the page plays with."""

    template: str
    wasm: bytes


def write_page(options: PageOptions, parts: PageParts | None = None) -> int:
    """Write the page as one file, whole or not at all, and return its size in bytes. parts: those of this installation where left out.

    Raises BundleError, OutputError, also for a page over `MAX_BYTES`, and EnvironmentFailure.
    """
    if Path(options.output).suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{printable(options.output)}: the page is HTML, which browsers open by its name: end it in .html")
    check_output(options.output, overwrite=options.overwrite)
    data = make_page(describe_vocabulary(VocabularyOptions(bundle=options.bundle)), parts or built_parts())
    if len(data) > MAX_BYTES:
        raise OutputError(
            f"{printable(options.output)}: the page would be {len(data)} bytes, over the limit of {MAX_BYTES}; give a bundle of fewer words"
        )
    write_atomic(options.output, data, overwrite=options.overwrite)
    return len(data)


def make_page(vocabulary: VocabularyResult, parts: PageParts, *, token: str | None = None) -> bytes:
    """Return the page as UTF-8 HTML. token: what a server wants to see; None for a file.

    Raises BundleFormatError for a bundle without `decoder.semeq`, and EnvironmentFailure for a template that is none.
    """
    if parts.template.count(MARK) != 1:
        raise EnvironmentFailure(f"{TEMPLATE}: the mark {MARK} is not there once; install semeq-export anew")
    text = _compact({**_data(vocabulary, parts.wasm), "server": None if token is None else {"token": token}}).replace("<", "\\u003c")
    return parts.template.replace(MARK, f'<script type="application/json" id="semeq-data">{text}</script>').encode("utf-8")


def built_parts() -> PageParts:
    """Return what is built and installed with this package; raises EnvironmentFailure where it is not there."""
    built = resources.files("semeq_export").joinpath(_BUILT)
    try:
        return PageParts(built.joinpath(TEMPLATE).read_text(encoding="utf-8"), built.joinpath(WASM).read_bytes())
    except OSError as error:
        raise EnvironmentFailure(f"{_BUILT} lacks {TEMPLATE} or {WASM}: build them, or install semeq-export anew") from error


def _data(vocabulary: VocabularyResult, wasm: bytes) -> dict[str, object]:
    bundle, places = vocabulary.bundle, vocabulary.places
    if FLAT not in bundle.files:
        raise BundleFormatError(f"{printable(bundle.path)}: has no {FLAT}, which the page plays; export the bundle anew")
    references = resources.files("semeq_export").joinpath("references")
    return {
        "schema": _SCHEMA,
        "version": metadata.version("semeq-export"),
        "name": bundle.manifest.name,
        "identity": bundle.identity,
        "wasm": _packed(wasm),
        "decoder": _packed(bundle.files[FLAT]),
        "centroids": bundle.files[CENTROIDS].decode("utf-8"),
        "manifest": bundle.files[MANIFEST].decode("utf-8"),
        "references": {kind: json.loads(references.joinpath(f"{kind}.json").read_bytes()) for kind in kinds()},
        "words": [word.to_dict() for word in vocabulary.words],
        "map": {"axes": [asdict(axis) for axis in places.axes], "points": dict(places.points), "flat": places.flat},
        "phrases": vocabulary.phrases,
    }


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode("ascii")


def _compact(document: object) -> str:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
