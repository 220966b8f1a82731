"""Presets on their way into the folders of hosts: where, what lies there, and the record of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semeq_export.app._preset_files import PresetFile, WordPreset
from semeq_export.errors import printable
from semeq_presets import FormatInfo, Planned, Preamp, plan_install
from semeq_presets.shelf.install import place_notes, record_place
from semeq_presets.shelf.installed import read_record
from semeq_presets.shelf.placing import make_ready, put, there


def record_file() -> Path:
    """Return the file that records what is installed for this person."""
    return record_place(platform=sys.platform, environment=os.environ, home=Path.home())


def plan(presets: Sequence[WordPreset], infos: Sequence[FormatInfo]) -> list[PresetFile]:
    """Return where everything goes, and what lies there; raises as `plan_install` and `read_record` do."""
    by_label, record = {one.label: one for one in presets}, read_record(record_file())
    planned = plan_install(list(by_label), infos, platform=sys.platform, environment=os.environ, home=Path.home(), record=record)
    return [PresetFile(by_label[one.word], one.format, one.path, there=there(one, record)) for one in planned]


def install(files: Sequence[PresetFile], *, preamp: Preamp, strict: bool, overwrite: bool, several: bool) -> list[PresetFile]:
    """Write what is planned, and record it; of several presets, those that are there are passed over.

    Returns the files with their notes. Raises as `make_ready` and `put` do.
    """
    ready = [
        make_ready(Planned(one.of.label, one.format, one.path), one.of.word, one.of.preset, strict=strict, preamp=preamp)
        for one in files
        if one.path is not None and (overwrite or not (several and one.there))
    ]
    found = put(ready, record_file(), overwrite=overwrite, skip=several) if ready else []
    done = {one.plan.path: (one.written.notes, state) for one, state in zip(ready, found, strict=True)}
    return [replace(one, notes=done[one.path][0], there=done[one.path][1]) if one.path in done else one for one in files]


def notes(files: Sequence[PresetFile], infos: Sequence[FormatInfo], *, is_written: bool) -> list[str]:
    """Return what is to be known of the whole: where hosts may not look, and how much was there already and is left alone."""
    lines = place_notes(infos, platform=sys.platform, environment=os.environ, home=Path.home())
    same, other = ([one for one in files if one.there == state] for state in ("same", "other"))
    if is_written and same:
        lines.append(f"{len(files) - len(same) - len(other)} installed, {len(same)} already there; `overwrite` replaces them")
    return lines + [f"{printable(one.path or '')}: holds something that semeq did not install; left alone" for one in other]
