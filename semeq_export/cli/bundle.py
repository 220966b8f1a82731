"""semeq-export bundle: the developer's kit, or the sealed bundle alone."""

from __future__ import annotations

from typing import Any

import click

from semeq_export.cli import _shared


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
def command(
    output: str,
    terms: str | None,
    with_kit: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `KitOptions` holds, under its own names
) -> None:
    """Write a model bundle for plug-in developers.

    The kit holds model.semeq (sealed, byte-reproducible), the C++ runtime with its tests and examples as a CMake project, stored
    references, a README and benchmark.json of this machine. Nothing is written unless the bundle passes its conformance vectors in every
    runtime that is here: ONNX Runtime, flat weights, TorchScript (torch) and, for a kit, semeq.hpp (a C++ compiler).
    """
    from semeq_export.app.kit import KitOptions, export_kit

    words = None if terms is None else terms.split(",")
    result = export_kit(KitOptions(output=output, terms=words, with_kit=with_kit, overwrite=force, **given))
    _shared.say(result.checked, quiet)
    manifest = result.manifest
    if as_json:
        about = {"output": output, "is_kit": with_kit, "name": manifest.name, "version": manifest.version}
        _shared.print_json({**about, "checked": list(result.checked), "files": _shared.files_document(manifest)})
    else:
        size_mb = result.size_bytes / 1e6
        _shared.note(f"wrote {_shared.one_line(output)}: {len(manifest.files)} files, {size_mb:.1f} MB", quiet=quiet)
