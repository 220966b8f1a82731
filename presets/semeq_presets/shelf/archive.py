"""A library of presets as one zip archive: every format in a folder of its own, and a text that says how to import each."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from semeq_export.files.atomic import write_atomic
from semeq_presets.file_formats.base import FormatInfo, Preset
from semeq_presets.file_formats.preamp import with_preamp
from semeq_presets.shelf.library import plan_library
from semeq_presets.shelf.registry import get, write

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip can hold: equal presets give equal bytes
_FILE_MODE = 0o644 << 16
_LEVEL = 9


def archive_files(
    root: str, presets: Mapping[str, Preset], infos: Sequence[FormatInfo], extra: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """Return the files of an archive by name, all below the folder `root`: ROOT/README.txt, ROOT/format-id/word.suffix and the extra ones.

    Raises PresetWriteError where a format cannot hold one of the presets at all.
    """
    files = {f"{root}/README.txt": _readme(presets, infos).encode("utf-8")}
    files |= {f"{root}/{name}": content for name, content in (extra or {}).items()}
    for info in infos:
        for planned in plan_library(PurePosixPath(root, info.id), list(presets), [info]):
            preset, _ = with_preamp(presets[planned.word], get(info.id).info, "auto")
            written = write(preset, info.id).files
            place = PurePosixPath(root, info.id, planned.path.name)
            if info.is_folder:
                files |= {str(place / name): content for name, content in written.items()}
            else:
                (files[str(place)],) = written.values()
    return files


def write_archive(path: str | os.PathLike[str], files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write files as a zip archive, sorted by name and with fixed time stamps; raises OutputError and EnvironmentFailure."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr, entry.compress_type = 3, _FILE_MODE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    write_atomic(path, buffer.getvalue(), overwrite=overwrite)


def _readme(presets: Mapping[str, Preset], infos: Sequence[FormatInfo]) -> str:
    lines = ["EQ presets made with semeq from what people call these words:", "", "  " + ", ".join(presets), ""]
    for info in infos:
        lines += [
            info.id,
            f"  {info.title}; for {info.host}",
            f"  checked: {info.verified or 'not in the host itself (nominal)'}",
            f"  import: {info.how_to_import}",
            "",
        ]
    return "\n".join(lines)
