"""Find a format, and read and write presets through it: detection, limits, strictness, files and names live here, not in the formats.

Built-in formats stand in one list and are imported on first use (all of them where an alias or a suffix names one); others come from
installed packages through the entry-point group `semeq.presets`, whose entries name a `PresetFormat` object.
"""

from __future__ import annotations

import difflib
import importlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PurePosixPath

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import (
    AmbiguousFormatError,
    OutputError,
    PresetError,
    PresetReadError,
    PresetWriteError,
    UnknownFormatError,
    environment_failure,
    printable,
)
from semeq_export.files.atomic import atomic_folder, write_atomic
from semeq_export.files.disk import check_output, check_output_folder, is_same_file, read_regular
from semeq_presets.file_formats.base import Choice, ChoosingFormat, Files, FormatInfo, Note, Preset, PresetFormat, Written
from semeq_presets.file_formats.fitting import fit_preset
from semeq_presets.file_formats.losses import checked
from semeq_presets.file_formats.preamp import Preamp, protect_preset, with_preamp

MAX_BYTES = 5_000_000
MAX_FILES = 64
MAX_NAME_CHARS = 200
STRICT_DB = 0.1
SNIFF_BYTES = 65_536  # headers of hundreds of lines are in use
_NO_CHOICE = Choice()
MANIFEST = "manifest.ttl"

_BUILTIN: tuple[tuple[str, str], ...] = (
    ("semeq-json", "semeq_presets.file_formats.semeq_json:FORMAT"),
    ("eqapo", "semeq_presets.file_formats.eqapo_text:FORMAT"),
    ("lsp-x16-lv2", "semeq_presets.file_formats.lsp_lv2:X16"),
    ("lsp-x32-lv2", "semeq_presets.file_formats.lsp_lv2:X32"),
    ("calf-lv2", "semeq_presets.file_formats.calf_lv2:FORMAT"),
    ("fil4-lv2", "semeq_presets.file_formats.fil4_lv2:FORMAT"),
    ("aeq-lv2", "semeq_presets.file_formats.aeq_lv2:FORMAT"),
    ("graphiceq", "semeq_presets.file_formats.graphiceq_text:FORMAT"),
    ("rew", "semeq_presets.file_formats.rew_text:FORMAT"),
    ("ffmpeg", "semeq_presets.file_formats.ffmpeg_filter:FORMAT"),
    ("sox", "semeq_presets.file_formats.sox_effects:FORMAT"),
    ("faust", "semeq_presets.file_formats.faust_dsp:FORMAT"),
    ("jsfx", "semeq_presets.file_formats.jsfx_script:FORMAT"),
    ("audacity", "semeq_presets.file_formats.audacity_curve:FORMAT"),
    ("easyeffects", "semeq_presets.file_formats.easyeffects_json:FORMAT"),
    ("camilladsp", "semeq_presets.file_formats.camilladsp_yaml:FORMAT"),
    ("pipewire", "semeq_presets.file_formats.pipewire_conf:FORMAT"),
    ("fir", "semeq_presets.file_formats.fir_wav:MINIMUM"),
    ("fir-linear", "semeq_presets.file_formats.fir_wav:LINEAR"),
    ("csv", "semeq_presets.file_formats.csv_table:FORMAT"),
    ("totalmix", "semeq_presets.file_formats.totalmix_xml:FORMAT"),
    ("reaeq", "semeq_presets.file_formats.reaeq_fxchain:FORMAT"),
    ("proq3", "semeq_presets.file_formats.proq3_ffp:FORMAT"),
    ("proq4", "semeq_presets.file_formats.proq4_ffp:FORMAT"),
    ("proq4-q-as-is", "semeq_presets.file_formats.proq4_ffp:AS_IS"),
    ("logic-channel-eq", "semeq_presets.file_formats.logic_channel_eq_pst:FORMAT"),
    ("aunbandeq", "semeq_presets.file_formats.aunbandeq_plist:FORMAT"),
    ("eq-eight", "semeq_presets.file_formats.eq_eight_adv:FORMAT"),
    ("semeq-vst3", "semeq_presets.file_formats.semeq_vst3:FORMAT"),
    ("frequency", "semeq_presets.file_formats.steinberg_frequency:FORMAT"),
    ("dawproject", "semeq_presets.file_formats.dawproject_zip:FORMAT"),
)


def formats() -> tuple[FormatInfo, ...]:
    """Return what is known of every format, the built-in ones first. Raises PresetError where an installed format cannot be loaded."""
    return tuple(_load(name).info for name in _names())


def get(format_id: str) -> PresetFormat:
    """Return a format by its id, or by an alias that is its alone.

    Raises UnknownFormatError with suggestions, AmbiguousFormatError naming the formats that share an alias.
    """
    if format_id in dict(_BUILTIN) or format_id in _installed():
        return _load(format_id)
    named = alias_of(format_id)
    if len(named) > 1:
        listed = " or ".join(f"{info.id} ({info.title})" for info in sorted(named, key=lambda info: info.id))
        raise AmbiguousFormatError(f"{format_id!r} may be {listed}; name the format")
    if named:
        return _load(named[0].id)
    near = difflib.get_close_matches(format_id, list(_names()), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}?" if near else "see: semeq-export formats"
    raise UnknownFormatError(f"unknown format {printable(format_id)[:60]!r}; {hint}")


def alias_of(name: str) -> list[FormatInfo]:
    """Return the formats that people call by a name that is no id, however it is capitalised."""
    return [info for info in formats() if name.lower() in info.aliases]


def format_for(path: str | os.PathLike[str]) -> str:
    """Return the id of the format whose suffix a file name ends in, the longest suffix deciding.

    Raises UnknownFormatError where none does, AmbiguousFormatError naming the formats that share the suffix.
    """
    name = Path(path).name.lower()
    matches = [(len(suffix), info.id) for info in formats() for suffix in info.suffixes if name.endswith(suffix.lower())]
    if not matches:
        known = ", ".join(sorted({suffix for info in formats() for suffix in info.suffixes}))
        raise UnknownFormatError(f"{printable(path)}: no format has this suffix (known: {known}); name the format")
    longest = max(matches)[0]
    return _only([format_id for length, format_id in matches if length == longest], f"{printable(path)}: the suffix belongs to")


def detect(files: Files | bytes, filename: str = "") -> str:
    """Return the id of the one format that recognises a file's first bytes or a folder's files.

    Raises UnknownFormatError where none does, AmbiguousFormatError where several do.
    """
    named = _as_files(files, filename)
    is_folder = _is_of_folder(named)
    matches = [
        info.id
        for info in formats()
        if info.is_folder == is_folder and any(get(info.id).sniff(content[:SNIFF_BYTES], name) for name, content in named.items())
    ]
    where = printable(filename) or "preset"
    if not matches:
        raise UnknownFormatError(f"{where}: not recognised as any preset format; see: semeq-export formats")
    return _only(matches, f"{where}: looks like")


def read(
    files: Files | bytes,
    format: str | None = None,  # noqa: A002 - says it best
    *,
    filename: str = "",
    choice: Choice = _NO_CHOICE,
) -> Preset:
    """Return the preset of a file's bytes, or of a folder's files by relative POSIX name.

    format: its id, detected when left out. choice: which one, of a file that holds several. What could not be read stands in the notes of
    the preset. Raises PresetReadError naming the place that is wrong, the EQs to choose from where one must be chosen, and what was not
    read where that is all there is; and as `detect` does.
    """
    named = _as_files(files, filename)
    if sum(map(len, named.values())) > MAX_BYTES:
        raise PresetReadError(f"larger than the limit of {MAX_BYTES} bytes")
    found = get(format) if format is not None else get(detect(named, filename))
    if found.info.is_folder != _is_of_folder(named):
        raise PresetReadError(f"a {found.info.id} preset is a {'folder' if found.info.is_folder else 'single file'}")
    preset = checked(replace(_chosen(found, named, choice), format=found.info.id))
    return preset if choice.channel is None else preset.of_channel(choice.channel)


def _chosen(found: PresetFormat, files: Files, choice: Choice) -> Preset:
    if isinstance(found, ChoosingFormat):
        return found.read_chosen(files, choice)
    if choice.named:
        raise PresetReadError(f"a {found.info.id} preset holds one EQ, no {choice.named[0]} to choose")
    return found.read(files)


def write(preset: Preset | EqSettings | ChannelEqs, format: str, *, strict: bool = False, lossy: bool = False) -> Written:  # noqa: A002
    """Return the files of a preset in a format, and notes on everything that is not as it was asked for.

    What the format cannot hold is refitted (`file_formats.limits`). The preamp is written as it is. strict: a change of more than 0.1 dB,
    or something that cannot be carried over from another format, raises PresetWriteError. lossy: allow what otherwise raises it too: a
    curve,
    or filters that no shelf or peak is like, over 1 dB off. So do channels that differ where the format has one EQ for all. Raises
    UnknownFormatError.
    """
    chosen = get(format)
    info = chosen.info
    given = preset if isinstance(preset, Preset) else Preset(preset)
    if len(given.name) > MAX_NAME_CHARS:
        raise PresetWriteError(f"{info.id}: name of {len(given.name)} characters is over the limit of {MAX_NAME_CHARS}")
    notes: tuple[Note, ...] = ()
    if given.format != info.id:
        notes = tuple(note for note in given.notes if note.kind == "unknown")
        given = replace(given, source=None, notes=(), format=info.id)
    fitted, changes = fit_preset(given, info, lossy=lossy)
    written = chosen.write(fitted)
    notes += changes + written.notes
    for note in notes:
        if strict and (note.kind == "unknown" or (note.error_db or 0.0) > STRICT_DB):
            raise PresetWriteError(f"{info.id}: {note}; `strict` allows {STRICT_DB:g} dB")
    return Written(written.files, notes)


def read_file(path: str | os.PathLike[str], *, format: str | None = None, choice: Choice = _NO_CHOICE) -> Preset:  # noqa: A002
    """Return the preset of a file or folder on disk; its name is that of the file where the format keeps none.

    choice: which one, of a file that holds several. Files that it includes are read from its own folder. Raises as `read` does with the
    path in the message, PresetReadError for anything but regular files of 5 MB in all.
    """
    place = Path(path)
    try:
        files = _folder_files(place) if place.is_dir() else _one_file(place)
        preset = read(files, format, filename=place.name, choice=replace(choice, beside=choice.beside or _beside(place)))
    except PresetReadError as error:
        if error.path or error.why.startswith(printable(path)):
            raise
        raise PresetReadError(error.why, printable(path), error.where) from error
    return preset if preset.name else replace(preset, name=_stem(place, preset.format))


def write_file(
    path: str | os.PathLike[str],
    preset: Preset | EqSettings | ChannelEqs,
    *,
    name: str = "",
    format: str | None = None,  # noqa: A002
    strict: bool = False,
    lossy: bool = False,
    overwrite: bool = False,
    protect: bool = True,
    sync: bool = True,
) -> Written:
    """Write a preset to a file or folder, whole or not at all, and return what `write` returns.

    name: shown by the host; that of the preset, else of the file, when left out. format: chosen by the file's suffix when left out.
    protect: for playback systems (`FormatInfo.protects`), an EQ without a preamp gets one that keeps the maximum of its response at 0 dB;
    a note says so. sync: see `atomic_file`. Raises as `write` and `format_for` do, and OutputError where the file exists
    and overwrite is off.
    """
    place = Path(path)
    info = get(format if format is not None else format_for(place)).info
    check_place(place, info, overwrite=overwrite)
    given = preset if isinstance(preset, Preset) else Preset(preset)
    given = replace(given, name=name or given.name or _stem(place, info.id))
    given, notes = protect_preset(given, info) if protect else (given, ())
    written = write(given, info.id, strict=strict, lossy=lossy)
    save(place, written.files, info, overwrite=overwrite, sync=sync)
    return Written(written.files, notes + written.notes)


def convert(preset: Preset, format: str, *, strict: bool = False, lossy: bool = False, preamp: Preamp = "auto") -> Written:  # noqa: A002
    """Return a preset that was read from one format as files of another, with the notes of reading and writing.

    preamp: see `with_preamp`; "auto" leaves a preset alone that comes from a format for playback systems, where its preamp was a decision.
    Raises as `write` and `with_preamp` do.
    """
    info = get(format).info
    decided = preamp == "auto" and preset.format != "" and get(preset.format).info.protects
    given, notes = (preset, ()) if decided else with_preamp(preset, info, preamp)
    written = write(given, info.id, strict=strict, lossy=lossy)
    said = tuple(note for note in preset.notes if note not in written.notes)
    return Written(written.files, said + notes + written.notes)


def convert_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    choice: Choice = _NO_CHOICE,
    strict: bool = False,
    lossy: bool = False,
    overwrite: bool = False,
    preamp: Preamp = "auto",
    edit: Callable[[Preset], Preset] = lambda preset: preset,
) -> tuple[Preset, Written]:
    """Read a preset and write it elsewhere; returns what was read, as `edit` has changed it, and what `convert` returns.

    Raises as `read_file` and `convert` do, and OutputError where source and destination are one file or the destination exists and
    overwrite is off.
    """
    place = Path(destination)
    info = get(to_format if to_format is not None else format_for(place)).info
    if is_same_file(source, place):
        raise OutputError(f"{printable(place)}: is the input {printable(source)}; give another name")
    check_place(place, info, overwrite=overwrite)
    preset = edit(read_file(source, format=from_format, choice=choice))
    written = convert(preset, info.id, strict=strict, lossy=lossy, preamp=preamp)
    save(place, written.files, info, overwrite=overwrite)
    return preset, written


def check_place(path: str | os.PathLike[str], info: FormatInfo, *, overwrite: bool) -> None:
    """Check the name of a file or folder before anything is written there; raises OutputError, or EnvironmentFailure."""
    place, name = Path(path), printable(path)
    if not info.is_folder:
        check_output(place, overwrite=overwrite)
        return
    if not place.name.lower().endswith(info.suffixes):
        raise OutputError(f"{name}: a {info.id} preset is a folder whose name ends in {' or '.join(info.suffixes)}; hosts skip others")
    check_output_folder(place, overwrite=overwrite)
    if place.is_dir() and any(place.iterdir()) and not (place / MANIFEST).is_file():
        raise OutputError(f"{name}: is a folder that holds no preset; give another name")


def save(path: str | os.PathLike[str], files: Files, info: FormatInfo, *, overwrite: bool, sync: bool = True) -> None:
    """Put the files of a written preset in place, all or none; raises as `check_place` does."""
    place = Path(path)
    check_place(place, info, overwrite=overwrite)
    if not info.is_folder:
        (content,) = files.values()
        write_atomic(place, content, overwrite=overwrite, sync=sync)
        return
    with atomic_folder(place, overwrite=overwrite, sync=sync) as temporary:
        for relative, content in files.items():
            parts = PurePosixPath(relative)
            if parts.is_absolute() or ".." in parts.parts or not parts.parts:
                raise PresetWriteError(f"{info.id}: wrote a file of the unsafe name {printable(relative)!r}")
            target = temporary.joinpath(*parts.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _names() -> Iterator[str]:
    yield from dict(_BUILTIN)
    yield from _installed()


@cache
def _installed() -> Mapping[str, EntryPoint]:
    found = {entry.name: entry for entry in entry_points(group="semeq.presets")}
    for name in dict(_BUILTIN).keys() & found.keys():
        raise PresetError(f"installed format {name!r} ({found[name].value}) has the id of a built-in one; uninstall it")
    return found


@cache
def _load(format_id: str) -> PresetFormat:
    reference = dict(_BUILTIN).get(format_id)
    if reference is not None:
        module, _, attribute = reference.partition(":")
        found: PresetFormat = getattr(importlib.import_module(module), attribute)
        return found
    entry = _installed()[format_id]
    try:
        loaded = entry.load()
    except (ImportError, AttributeError) as error:
        raise PresetError(f"installed format {format_id!r} ({entry.value}) cannot be loaded: {error}; uninstall or repair it") from error
    if not isinstance(getattr(loaded, "info", None), FormatInfo) or loaded.info.id != format_id:
        raise PresetError(f"installed format {format_id!r} ({entry.value}) is no preset format of that id; uninstall or repair it")
    return loaded  # type: ignore[no-any-return]  # an entry point's object has no static type


def _only(format_ids: list[str], what: str) -> str:
    if len(format_ids) > 1:
        raise AmbiguousFormatError(f"{what} {' and '.join(sorted(format_ids))}; name the format")
    return format_ids[0]


def _one_file(place: Path) -> dict[str, bytes]:
    """Return the one file by its name, with the manifest beside it where it is LV2 values that do not say of which plug-in they are."""
    files = {place.name: read_regular(place, PresetReadError, max_bytes=MAX_BYTES)}
    manifest = place.with_name(MANIFEST)
    if place.suffix.lower() == ".ttl" and place.name != MANIFEST and b"appliesTo" not in files[place.name] and manifest.is_file():
        files[MANIFEST] = read_regular(manifest, PresetReadError, max_bytes=MAX_BYTES)
    return files


def _is_of_folder(named: Files) -> bool:
    """Whether files are those of a folder, or one that holds its values (a preset.ttl without its manifest, Carla's own files)."""
    return len(named) != 1 or next(iter(named)).lower().endswith((".ttl", ".carxs", ".carxp"))


def _as_files(files: Files | bytes, filename: str) -> Files:
    return {PurePosixPath(filename).name or "preset": files} if isinstance(files, bytes) else files


def _beside(place: Path) -> Callable[[str], bytes]:
    """Return what reads other files of a file's own folder, or of folders below it."""

    def content(name: str) -> bytes:
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in name:
            raise PresetReadError(f"{printable(name)[:80]!r} is not in the folder of the file")
        beside = place.parent.joinpath(*parts.parts)
        if not beside.resolve().is_relative_to(place.parent.resolve()):
            raise PresetReadError(f"{printable(name)[:80]!r} leads out of the folder of the file")
        return read_regular(beside, PresetReadError, max_bytes=MAX_BYTES)

    return content


def _stem(place: Path, format_id: str) -> str:
    suffixes = get(format_id).info.suffixes
    fitting = [suffix for suffix in suffixes if place.name.lower().endswith(suffix.lower())]
    stem = place.name[: -len(max(fitting, key=len))] if fitting else place.stem
    return printable(stem)[:MAX_NAME_CHARS]


def _folder_files(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    try:
        for place in sorted(folder.rglob("*")):
            if stat.S_ISDIR(place.lstat().st_mode):
                continue
            if len(files) == MAX_FILES:
                raise PresetReadError(f"holds more than {MAX_FILES} files, so it is no preset", printable(folder))
            content = read_regular(place, PresetReadError, max_bytes=left, follow_links=False)
            files[place.relative_to(folder).as_posix()] = content
            left -= len(content)
    except PresetError:
        raise
    except OSError as error:
        raise environment_failure(folder, error) from error
    if not files:
        raise PresetReadError("is an empty folder", printable(folder))
    return files
