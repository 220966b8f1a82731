"""semeq-export bundle: the developer's kit, or the sealed bundle alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.bundle import Bundle


@click.command(epilog="Example: semeq-export bundle --terms warm,bright,airy -o my-kit")
@click.option("--from", "source", metavar="PATH", help="Bundle, or folder of a training run. Default: the factory bundle.")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to write; with --no-kit --zip, a file.")
@click.option("--zip", "zipped", is_flag=True, help="Write the bundle as one zip file.")
@click.option("--terms", metavar="LIST", help="Only these words, separated by commas.  [default: all]")
@click.option(
    "--kit/--no-kit", "with_kit", default=True, help="The developer's folder around the bundle, or the bundle alone.  [default: kit]"
)
@click.option("--torchscript/--no-torchscript", default=None, help="Demand or leave out TorchScript files.  [default: as in the source]")
@_shared.force_option
@_shared.output_options
@_shared.needs_extra("train")
def command(
    source: str | None,
    output: str,
    zipped: bool,
    terms: str | None,
    with_kit: bool,
    torchscript: bool | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a model bundle for plug-in developers.

    The kit holds model.semeq (sealed, byte-reproducible), the C++ runtime with its tests and examples as a CMake project, stored
    references, a README and benchmark.json of this machine. Nothing is written unless the bundle passes its own conformance vectors, and
    the kit also in semeq.hpp where there is a C++ compiler.
    """
    from semeq_export.bundle import CENTROIDS, FLAT, kit, write_bundle
    from semeq_export.bundle.validate import require_sound
    from semeq_export.engine import Engine
    from semeq_export.latency import benchmark
    from semeq_export.native import check_native, has_compiler
    from semeq_export.semantic import CentroidBank
    from semeq_export.strict_json import dumps
    from semeq_host.kit_vectors import kit_vectors

    bundle = _bundle_of(source)
    words = None if terms is None else [word for word in terms.split(",") if word.strip()]
    files = kit.select(bundle, terms=words, torchscript=torchscript)
    require_sound(bundle)
    if with_kit:
        measured = dumps(benchmark(bundle, lambda: Engine(bundle).eq_for, seconds=1.0).to_dict())
        chosen = CentroidBank.from_json(files[CENTROIDS])
        vectors = kit_vectors(Engine(bundle), chosen)
        if FLAT in files and has_compiler():
            for line in check_native(files, vectors):
                _shared.note(f"semeq.hpp: {line}", quiet=quiet)
        manifest = kit.write_kit(output, bundle.manifest, files, measured, vectors, zipped=zipped, overwrite=force)
    else:
        manifest = write_bundle(output, bundle.manifest, files, zipped=zipped, overwrite=force)
    size_bytes = sum(entry.size for entry in manifest.files.values())
    if as_json:
        listed = {name: {"size_bytes": entry.size, "sha256": entry.sha256} for name, entry in manifest.files.items()}
        _shared.print_json({"output": output, "is_kit": with_kit, "name": manifest.name, "version": manifest.version, "files": listed})
    else:
        _shared.note(f"wrote {_shared.one_line(output)}: {len(manifest.files)} files, {size_bytes / 1e6:.1f} MB", quiet=quiet)


def _bundle_of(source: str | None) -> Bundle:
    """Return the bundle at a path; a training run is exported first."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from semeq_export.bundle import load_bundle

    if source is None or not (Path(source) / "recipe.toml").is_file():
        return load_bundle(source)
    from semeq_training.export import export

    with TemporaryDirectory(prefix="semeq-") as scratch:
        exported = Path(scratch) / "run.semeq"
        export(Path(source), exported)
        return load_bundle(exported)
