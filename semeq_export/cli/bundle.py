"""semeq-export bundle: the developer's kit, or the sealed bundle alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.bundle.loading import Bundle


@click.command(epilog="Example: semeq-export bundle --terms warm,bright,airy -o my-kit")
@click.option("--from", "source", metavar="PATH", help="Bundle, or folder of a training run. Default: the factory bundle.")
@click.option("-o", "--output", type=_shared.OUTPUT, required=True, metavar="DIR", help="Folder to write; with --no-kit --zip, a file.")
@click.option("--zip", "zipped", is_flag=True, help="Write the bundle as one zip file.")
@click.option("--terms", metavar="LIST", help="Only these words, separated by commas.  [default: all]")
@click.option(
    "--kit/--no-kit", "with_kit", default=True, help="The developer's folder around the bundle, or the bundle alone.  [default: kit]"
)
@click.option("--torchscript/--no-torchscript", default=None, help="Demand or leave out TorchScript files.  [default: as in the source]")
@click.option("--trust", is_flag=True, help="Run the TorchScript of --from's bundle. It can run code: only for bundles of your own.")
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
    trust: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a model bundle for plug-in developers.

    The kit holds model.semeq (sealed, byte-reproducible), the C++ runtime with its tests and examples as a CMake project, stored
    references, a README and benchmark.json of this machine. Nothing is written unless the bundle passes its conformance vectors in every
    runtime that is here: ONNX Runtime, flat weights, TorchScript (torch) and, for a kit, semeq.hpp (a C++ compiler).
    """
    from dataclasses import replace

    from semeq_export.bench.latency import benchmark
    from semeq_export.bench.native import check_native, has_compiler
    from semeq_export.bundle import kit
    from semeq_export.bundle.loading import write_bundle
    from semeq_export.bundle.store import CENTROIDS, FLAT
    from semeq_export.bundle.validate import require_sound
    from semeq_export.engine import Engine
    from semeq_export.files.strict_json import dumps
    from semeq_export.words.terms import CentroidBank
    from semeq_host.streams.kit_vectors import kit_vectors

    bundle, is_ours = _bundle_of(source)
    words = None if terms is None else [word for word in terms.split(",") if word.strip()]
    files = kit.select(bundle, terms=words, torchscript=torchscript)
    checked = [finding.message for finding in require_sound(replace(bundle, files=files), trust=trust or is_ours)]
    if with_kit:
        measured = dumps(benchmark(bundle, lambda: Engine(bundle).eq_for, seconds=1.0).to_dict())
        chosen = CentroidBank.from_json(files[CENTROIDS])
        vectors = kit_vectors(Engine(bundle), chosen)
        if FLAT in files and has_compiler():
            checked += [f"semeq.hpp: {line}" for line in check_native(files, vectors)]
        else:
            checked.append(f"semeq.hpp not checked: {'no C++ compiler (apt-get install g++)' if FLAT in files else f'no {FLAT}'}")
        manifest = kit.write_kit(output, bundle.manifest, files, measured, vectors, zipped=zipped, overwrite=force)
    else:
        checked.append("semeq.hpp not checked: only a kit has its vectors")
        manifest = write_bundle(output, bundle.manifest, files, zipped=zipped, overwrite=force)
    for line in checked:
        _shared.note(line, quiet=quiet)
    size_bytes = sum(entry.size for entry in manifest.files.values())
    if as_json:
        listed = {name: {"size_bytes": entry.size, "sha256": entry.sha256} for name, entry in manifest.files.items()}
        about = {"output": output, "is_kit": with_kit, "name": manifest.name, "version": manifest.version}
        _shared.print_json({**about, "checked": checked, "files": listed})
    else:
        _shared.note(f"wrote {_shared.one_line(output)}: {len(manifest.files)} files, {size_bytes / 1e6:.1f} MB", quiet=quiet)


def _bundle_of(source: str | None) -> tuple[Bundle, bool]:
    """Return the bundle at a path, and whether it is known to be ours: the factory's, or of a training run, which is exported first."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from semeq_export.bundle.loading import load_bundle

    if source is None:
        return load_bundle(), True
    if not (Path(source) / "recipe.toml").is_file():
        return load_bundle(source), False
    from semeq_training.runs.export import export

    with TemporaryDirectory(prefix="semeq-") as scratch:
        exported = Path(scratch) / "run.semeq"
        export(Path(source), exported)
        return load_bundle(exported), True
