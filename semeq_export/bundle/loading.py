"""Model bundles: what training writes and everything else reads. The format is described in SPEC.md beside this file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from semeq_export.bundle import store
from semeq_export.bundle.inference import AudioEncoder, Decoder, EqEncoder
from semeq_export.bundle.manifest import FileEntry, Manifest
from semeq_export.errors import BundleError, BundleFormatError, BundleIntegrityError, printable
from semeq_export.words.evidence import Evidence
from semeq_export.words.guesses import NO_GUESSES, Guesses
from semeq_export.words.order import word_order
from semeq_export.words.terms import CentroidBank

_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A loaded bundle.

    eq_encoder: settings to z, encoder: audio to z; None where the bundle has none. files: content of every file by name, manifest.json
    included. path: where it was read from.
    """

    manifest: Manifest
    centroids: CentroidBank
    decoder: Decoder
    eq_encoder: EqEncoder | None
    encoder: AudioEncoder | None
    files: Mapping[str, bytes]
    path: Path

    def __str__(self) -> str:
        """Return one line: name and version, how many words, and which encoders there are."""
        encoders = [name for name, held in (("EQ", self.eq_encoder), ("audio", self.encoder)) if held is not None]
        encoded = f", {' and '.join(encoders)} encoder" if encoders else ""
        name = printable(f"{self.manifest.name} {self.manifest.version}"[:_SHOWN_CHARS])
        return f"{name}: {len(self.centroids)} words, {len(self.usual_words())} of them agreed on{encoded}"

    def __repr__(self) -> str:
        return f"<Bundle {self}>"

    @property
    def identity(self) -> str:
        """What tells it from bundles in which words mean something else, see `Manifest.identity`."""
        return self.manifest.identity

    @property
    def evidence(self) -> Evidence:
        """What people did for each word; raises BundleFormatError where the bundle does not say, or says it badly."""
        if store.EVIDENCE not in self.files:
            raise BundleFormatError(
                f"bundle {self.manifest.name} has no {store.EVIDENCE}, so nothing is known of its words but their place"
            )
        return Evidence.from_json(self.files[store.EVIDENCE])

    @property
    def guesses(self) -> Guesses:
        """The guesses for words that nobody taught, none where the bundle has none; raises BundleFormatError for a bad table."""
        return Guesses.from_json(self.files[store.GUESSES]) if store.GUESSES in self.files else NO_GUESSES

    def doubts(self, words: Iterable[str]) -> list[str]:
        """Return one line for each word that people do not agree on, or that the data sets disagree about. Raises UnknownTermError.

        A bundle without evidence has no weak words: its agreements may be nobody's measurements.
        """
        terms = {term.name: term for term in (self.centroids[word] for word in words)}
        lines = []
        for name, term in terms.items():
            note = "" if term.is_variant else term.note  # that of a variant says who its people are, as its name does
            if self.centroids.is_weak(name):
                weak = f"{name} is a weak word: people do not agree on it (agreement {term.agreement:.2f})"
                lines.append(f"{weak}; {note}" if note else weak)
            elif note:
                lines.append(f"{name}: {note}")
        return lines

    def usual_words(self, language: str | None = None) -> list[str]:
        """Return the words for where nobody names one, see `CentroidBank.usual_words`."""
        return self.centroids.usual_words(language)


def factory_path() -> Path:
    """Return the folder of the bundle that is installed with this package."""
    return Path(__file__).resolve().parents[1] / "factory" / "default.semeq"


def read_identity(path: str | os.PathLike[str] | None = None) -> str:
    """Return the identity of a bundle by its manifest alone, without a path that of the factory bundle.

    For whoever only asks whether words still mean what they did. Raises as `load_bundle` does for a manifest that cannot be read.
    """
    place = factory_path() if path is None else Path(path)
    files = store.read_files(place)
    try:
        return _manifest_of(files).identity
    except BundleError as error:
        raise type(error)(f"{printable(place)}: {error}") from error


def load_bundle(path: str | os.PathLike[str] | None = None) -> Bundle:
    """Return a bundle (folder or zip) after every check that needs no run; without a path, the factory bundle.

    Graphs that do not come with this package are checked before ONNX Runtime sees them (operators, sizes, finite weights).
    Raises BundleError: BundleVersionError for another major schema version, BundleIntegrityError for a missing, unlisted or changed file,
    BundleFormatError for the rest; EnvironmentFailure where the system refuses.
    """
    place = factory_path() if path is None else Path(path)
    files = store.read_files(place)
    try:
        bundle = check_files(files, place)
        if path is not None:
            # onnx takes longer to import than everything else together, and the factory bundle needs none of it
            from semeq_export.bundle.graphs import check_graphs

            check_graphs(bundle.manifest, bundle.files)
    except BundleError as error:
        raise type(error)(f"{printable(place)}: {error}") from error
    return bundle


def write_bundle(
    path: str | os.PathLike[str],
    manifest: Manifest,
    files: Mapping[str, bytes],
    *,
    zipped: bool = False,
    overwrite: bool = False,
) -> Manifest:
    """Write a bundle as a folder or a zip and return its manifest, completed with size and SHA-256 of every file.

    files: content by name, without manifest.json. Words that the manifest's order lacks, where it has one, get the numbers behind it.
    Equal inputs give equal bytes. Nothing is written unless the result would load.
    Raises as `load_bundle` and `store.write_files` do.
    """
    everything = seal(manifest, files)
    complete = check_files(everything, Path(path)).manifest
    store.write_files(path, everything, zipped=zipped, overwrite=overwrite)
    return complete


def seal(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a bundle's files with the manifest.json that belongs to them."""
    entries = {name: FileEntry(len(data), hashlib.sha256(data).hexdigest()) for name, data in sorted(files.items())}
    complete = replace(manifest, files=entries)
    if manifest.word_order and store.CENTROIDS in files:
        complete = replace(complete, word_order=word_order(CentroidBank.from_json(files[store.CENTROIDS]), manifest.word_order))
    return {**files, store.MANIFEST: complete.to_json()}


def check_files(files: Mapping[str, bytes], path: Path) -> Bundle:
    """Return the bundle that these files make: schema version, member list and hashes first, then the words. Raises as `load_bundle`."""
    manifest = _manifest_of(files)
    _check_members(manifest, files)
    bank = CentroidBank.from_json(files[store.CENTROIDS], is_measured=store.EVIDENCE in files)
    if bank.latent_dim != manifest.latent_dim:
        raise BundleFormatError(f"{store.CENTROIDS}: words have {bank.latent_dim} latent numbers, the manifest says {manifest.latent_dim}")
    decoder = Decoder(files[manifest.decoder.file], manifest.decoder, manifest.layout)
    eq_spec, audio_spec = manifest.eq_encoder, manifest.audio_encoder
    eq_encoder = EqEncoder(files[eq_spec.file], eq_spec) if eq_spec is not None else None
    encoder = AudioEncoder(files[audio_spec.graph.file], audio_spec) if audio_spec is not None else None
    return Bundle(manifest, bank, decoder, eq_encoder, encoder, files, path)


def _manifest_of(files: Mapping[str, bytes]) -> Manifest:
    if store.MANIFEST not in files:
        raise BundleIntegrityError(f"{store.MANIFEST} is missing, so this is no bundle")
    _check_pointer(store.MANIFEST, files[store.MANIFEST])
    return Manifest.from_json(files[store.MANIFEST])


def _check_members(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    found = files.keys() - {store.MANIFEST}
    for name in sorted(manifest.files.keys() - found):
        raise BundleIntegrityError(f"{printable(name[:100])} is listed in {store.MANIFEST} but missing")
    for name in sorted(found - manifest.files.keys()):
        raise BundleIntegrityError(f"{name} is not listed in {store.MANIFEST}")
    for name, entry in manifest.files.items():
        _check_pointer(name, files[name])
        if len(files[name]) != entry.size or hashlib.sha256(files[name]).hexdigest() != entry.sha256:
            raise BundleIntegrityError(f"{name} differs from its SHA-256 in {store.MANIFEST}: damaged or changed")
    for name in (store.CENTROIDS, *(graph.file for graph in manifest.graphs)):
        if name not in files:
            raise BundleIntegrityError(f"{name} is needed but not in the bundle")


def _check_pointer(name: str, data: bytes) -> None:
    if store.is_lfs_pointer(data):
        raise BundleIntegrityError(f"{name} is {store.looks_like(data)}")
