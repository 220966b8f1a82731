"""A preset from one format to another, or to the knobs of a device; and which formats there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from semeq_export.app import _preset_files
from semeq_export.app._preset_files import KNOBS, WordPreset
from semeq_export.errors import OutputError, UnknownFormatError, printable
from semeq_export.files.disk import is_same_file
from semeq_presets import Choice, Device, FormatInfo, Note, Preamp, Preset, convert_file, formats, get, read_file
from semeq_presets.shelf.registry import alias_of

__all__ = ["KNOBS", "ConvertOptions", "ConvertResult", "convert_preset", "describe_format", "format_document", "list_formats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """What to convert.

    destination: without one the result carries the preset as text. from_format: id; by the content where left out. to_format: id; by the
    destination's suffix where left out. device: refit to it first; without `to_format`, a table of its knobs is written. preamp: see
    `semeq_presets.convert`. strict: fail where the result differs by more than 0.1 dB, or the source holds what it cannot.
    lossy, choice: see `semeq_presets.write` and `Choice`.
    renew: of a source that keeps words, what they mean in `bundle` (default, the factory's), not what they meant when it was saved.
    """

    source: str | os.PathLike[str]
    destination: str | os.PathLike[str] | None = None
    from_format: str | None = None
    to_format: str | None = None
    device: Device | None = None
    preamp: Preamp = "auto"
    strict: bool = False
    lossy: bool = False
    choice: Choice = field(default_factory=Choice)
    overwrite: bool = False
    renew: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConvertResult:
    """What was read and written. from_format, to_format: ids, the second may be `KNOBS`. content: the text without a destination.

    warnings: that the words of the source mean something else in the bundle, or have been renewed.
    """

    preset: Preset
    from_format: str
    to_format: str
    notes: tuple[Note, ...] = ()
    content: str | None = None
    warnings: tuple[str, ...] = ()


def convert_preset(options: ConvertOptions) -> ConvertResult:
    """Convert a preset to another format, and return what was read, with notes on what the other format could not hold exactly.

    A source that keeps words plays what it played when it was saved; see `ConvertOptions.renew`.
    Raises PresetReadError, PresetWriteError, UnknownFormatError, AmbiguousFormatError, OutputError, BinaryFormatError for a text of a
    format that is none, UnknownTermError, BundleError and EnvironmentFailure.
    """
    by_suffix = None if options.device is not None else options.destination
    infos = _preset_files.chosen_formats([] if options.to_format is None else [options.to_format], by_suffix)
    if not infos and options.device is None:
        raise UnknownFormatError("a text needs `to_format`")
    opening = _Opening(options)
    opening.warnings += _preset_files.alias_notes([options.to_format or ""], infos) if options.to_format else []
    if options.device is not None or options.destination is None:
        return _convert_by_way_of_device(options, infos[0] if infos else None, opening)
    preset, written = convert_file(
        options.source,
        options.destination,
        from_format=options.from_format,
        to_format=infos[0].id,
        choice=options.choice,
        strict=options.strict,
        lossy=options.lossy,
        overwrite=options.overwrite,
        preamp=options.preamp,
        edit=opening,
    )
    return ConvertResult(
        preset=preset, from_format=preset.format, to_format=infos[0].id, notes=written.notes, warnings=tuple(opening.warnings)
    )


class _Opening:
    """Recalls the preset that is read. warnings: what is to be known of its words."""

    def __init__(self, options: ConvertOptions) -> None:
        self._options = options
        self.warnings: list[str] = []

    def __call__(self, preset: Preset) -> Preset:
        if preset.words is None and not self._options.renew:
            return preset
        from semeq_export.app._recall import recall  # as few presets keep words, and it brings the engine along

        recalled = recall(preset, self._options.source, self._options.bundle, renew=self._options.renew)
        self.warnings += [recalled.line] if recalled.line else []
        return recalled.preset


def _convert_by_way_of_device(options: ConvertOptions, info: FormatInfo | None, opening: _Opening) -> ConvertResult:
    """Convert to a text, or what a device makes of the preset. info: None for the table of its knobs."""
    preset = opening(read_file(options.source, format=options.from_format, choice=options.choice))
    from_format, knobs = preset.format, ""
    notes: tuple[Note, ...] = ()
    if options.device is not None:
        changed, knobs, changes = options.device.refit(replace(preset, notes=()), strict=options.strict)
        preset, notes = changed, (*preset.notes, *changes)
    source = os.fspath(options.source)
    one = WordPreset(source, source, preset, knobs)
    if options.destination is None:
        file = _preset_files.as_text(one, info, preamp=options.preamp, strict=options.strict, lossy=options.lossy)
    else:
        planned = _preset_files.plan([one], [] if info is None else [info], options.destination, several=False)
        if is_same_file(options.source, options.destination):
            raise OutputError(f"{printable(options.destination)}: is the input {printable(source)}; give another name")
        (file,) = _preset_files.write(
            planned, preamp=options.preamp, strict=options.strict, lossy=options.lossy, overwrite=options.overwrite, make_folders=False
        )
    return ConvertResult(
        preset=preset,
        from_format=from_format,
        to_format=file.format,
        notes=(*notes, *file.notes),
        content=file.content,
        warnings=tuple(opening.warnings),
    )


def list_formats(names: Sequence[str] = ()) -> tuple[FormatInfo, ...]:
    """Return what is known of preset formats, of all where no id or alias is given; an alias brings all that share it.

    Raises UnknownFormatError.
    """
    return tuple(info for name in names for info in alias_of(name) or [get(name).info]) if names else formats()


def describe_format(info: FormatInfo) -> str:
    """Return what is known of a format for people, a line each."""
    rows = [
        ("id", info.id),
        ("also", ", ".join(info.aliases) or "-"),
        ("title", info.title),
        ("host", info.host),
        ("suffixes", " ".join(info.suffixes)),
        ("verified", info.verified or "nominal"),
        ("holds", str(info.limits) if info.carries == "bands" else "a response curve"),
        ("precision", f"{info.precision_db:g} dB"),
        ("import", info.how_to_import),
    ]
    return "\n".join(f"{name:<10} {text}" for name, text in rows)


def format_document(info: FormatInfo) -> dict[str, object]:
    """Return what is known of a format as plain data for JSON."""
    limits = info.limits
    return {
        "id": info.id,
        "aliases": list(info.aliases),
        "title": info.title,
        "host": info.host,
        "suffixes": list(info.suffixes),
        "carries": info.carries,
        "is_folder": info.is_folder,
        "is_text": info.is_text,
        "verified": info.verified,
        "precision_db": info.precision_db,
        "how_to_import": info.how_to_import,
        "limits": {
            "summary": str(limits),
            "max_bands": len(limits.slots) if limits.slots is not None else limits.max_bands,
            "freq_hz": list(limits.freq_hz),
            "gain_db": list(limits.gain_db),
            "q": list(limits.q),
            "preamp_db": None if limits.preamp_db is None else list(limits.preamp_db),
        },
    }
