"""The developer's kit around a model bundle, or the sealed bundle alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from semeq_export.app._extras import needs_extra
from semeq_export.bench import native
from semeq_export.bench.latency import benchmark
from semeq_export.bundle import kit
from semeq_export.bundle.loading import Bundle, load_bundle, seal, write_bundle
from semeq_export.bundle.manifest import Manifest
from semeq_export.bundle.store import CENTROIDS, FLAT
from semeq_export.bundle.validate import require_sound
from semeq_export.engine import Engine
from semeq_export.files.strict_json import dumps
from semeq_export.words.terms import CentroidBank

__all__ = ["KitOptions", "KitResult", "export_kit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KitOptions:
    """What to write, and of which bundle.

    source: a bundle, or the folder of a training run; the factory's bundle where left out. output: a folder; a file for a zipped bundle
    alone. zipped: the bundle as one file. terms: only these words. with_kit: the developer's folder around the bundle. torchscript: demand
    or leave out TorchScript; as in the source where None. trust: run the TorchScript of `source`, which can run code.
    """

    output: str | os.PathLike[str]
    source: str | os.PathLike[str] | None = None
    zipped: bool = False
    terms: Sequence[str] | None = None
    with_kit: bool = True
    torchscript: bool | None = None
    trust: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KitResult:
    """The bundle that was written. checked: one line for each runtime, whether it was checked against the conformance vectors."""

    manifest: Manifest
    checked: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all files of the bundle."""
        return sum(entry.size for entry in self.manifest.files.values())


@needs_extra("train")
def export_kit(options: KitOptions) -> KitResult:
    """Write a kit for plug-in developers, or a bundle alone, unless it fails its conformance vectors in a runtime that is here.

    Raises BundleError, UnknownTermError, OutputError, EnvironmentFailure, and TrainingError and MissingExtraError for training runs.
    """
    bundle, is_ours = _bundle_of(options.source)
    terms = None if options.terms is None else [word for word in options.terms if word.strip()]
    files = kit.select(bundle, terms=terms, torchscript=options.torchscript)
    checked = [finding.message for finding in require_sound(replace(bundle, files=files), trust=options.trust or is_ours)]
    if options.with_kit:
        manifest, line = _write_kit(bundle, files, options)
        checked += line
    else:
        manifest = write_bundle(options.output, bundle.manifest, files, zipped=options.zipped, overwrite=options.overwrite)
        checked.append("semeq.hpp not checked: only a kit has its vectors")
    return KitResult(manifest=manifest, checked=tuple(checked))


def _write_kit(bundle: Bundle, files: Mapping[str, bytes], options: KitOptions) -> tuple[Manifest, list[str]]:
    """Write the folder around a bundle; return what was found in the C++ runtime."""
    from semeq_host.streams.kit_vectors import kit_vectors

    measured = dumps(benchmark(bundle, lambda: Engine(bundle, exact=True).eq_for, seconds=1.0).to_dict())
    are_sums_exact = bundle.manifest.blend is not None
    vectors = kit_vectors(Engine(bundle, exact=True), CentroidBank.from_json(files[CENTROIDS]), are_sums_exact=are_sums_exact)
    if FLAT in files and native.has_compiler():
        checked = [f"semeq.hpp: {line}" for line in native.check_native(seal(bundle.manifest, files), vectors)]
    else:
        checked = [f"semeq.hpp not checked: {'no C++ compiler (apt-get install g++)' if FLAT in files else f'no {FLAT}'}"]
    written = kit.write_kit(options.output, bundle.manifest, files, measured, vectors, zipped=options.zipped, overwrite=options.overwrite)
    return written, checked


def _bundle_of(source: str | os.PathLike[str] | None) -> tuple[Bundle, bool]:
    """Return the bundle at a path, and whether it is known to be ours: the factory's, or of a training run, which is exported first."""
    if source is None:
        return load_bundle(), True
    if not (Path(source) / "recipe.toml").is_file():
        return load_bundle(source), False
    from semeq_training.runs.export import export

    with TemporaryDirectory(prefix="semeq-") as scratch:
        exported = Path(scratch) / "run.semeq"
        export(Path(source), exported)
        return load_bundle(exported), True
