"""Which host measures presets of which format: the one table of them. Formats are known here by their ids only.

| name | what renders the test impulse | by itself |
| --- | --- | --- |
| liblilv | the LV2 plug-in, its preset loaded through liblilv | yes |
| ffmpeg, sox, faust | the program; for impulse responses FFmpeg's convolver | yes |
| vst3 | the VST3 plug-in in Pedalboard | yes for semeq's own plug-in; others need their file |
| ardour, audacity | the application, headless | only where asked for: 10 s and more |
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from semeq_export.errors import MissingHostError, PresetReadError
from semeq_export.files.disk import read_regular
from semeq_host.lab import ardour, audacity, faust, ffmpeg, lv2, sox, vst3
from semeq_host.lab.response import Measurement

_MAX_BYTES = 5_000_000
_LV2 = frozenset({"lsp-x16-lv2", "lsp-x32-lv2", "calf-lv2", "fil4-lv2", "aeq-lv2"})
_OWN_VST3 = "semeq.vst3"


@dataclass(frozen=True, slots=True)
class Host:
    """A program or library that can load presets of some formats. is_default: used where nobody names a host."""

    name: str
    formats: frozenset[str]
    render: Callable[[Sequence[Path], int, Path | None], list[Measurement]]
    is_default: bool = True


def hosts_for(format_id: str) -> tuple[str, ...]:
    """Return the names of the hosts that load presets of a format."""
    return tuple(host.name for host in HOSTS if format_id in host.formats)


def default_host(format_id: str) -> str | None:
    """Return the name of the host that measures presets of a format where none is named, None where there is no such host."""
    return next((host.name for host in HOSTS if format_id in host.formats and host.is_default), None)


def measure(
    host: str, format_id: str, presets: Sequence[Path], sample_rate_hz: float, *, plugin_file: Path | None = None
) -> list[Measurement]:
    """Return what a host makes of the test impulse with each of several presets of one format, at a whole number of samples per second.

    plugin_file: the VST3 plug-in that .vstpreset files are of; semeq's own, where VST3 plug-ins are installed, when left out.
    Raises MissingHostError where the host or its plug-in is not installed or does not load such presets, PresetReadError where it refuses
    one of them, EnvironmentFailure where it hangs or crashes.
    """
    chosen = next((known for known in HOSTS if known.name == host and format_id in known.formats), None)
    if chosen is None:
        able = " or ".join(hosts_for(format_id))
        raise MissingHostError(f"{host} does not load presets of format {format_id}{f'; {able} does' if able else '; no host here does'}")
    return chosen.render(presets, round(sample_rate_hz), plugin_file)


def vst3_folders(platform: str, home: Path) -> tuple[Path, ...]:
    """Return where VST3 plug-ins are installed. Source: Steinberg VST 3 Developer Portal, Plug-in Locations."""
    if platform == "darwin":
        return home / "Library/Audio/Plug-Ins/VST3", Path("/Library/Audio/Plug-Ins/VST3")
    if platform == "win32":
        return home / "AppData/Local/Programs/Common/VST3", Path("C:/Program Files/Common Files/VST3")
    return home / ".vst3", Path("/usr/local/lib/vst3"), Path("/usr/lib/vst3")


def _text(preset: Path) -> str:
    try:
        return read_regular(preset, PresetReadError, max_bytes=_MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise PresetReadError("is not UTF-8 text", os.fspath(preset)) from error


def _each(render_text: Callable[[str, int], Measurement]) -> Callable[[Sequence[Path], int, Path | None], list[Measurement]]:
    return lambda presets, rate, _plugin: [render_text(_text(preset), rate) for preset in presets]


def _in_ardour(presets: Sequence[Path], rate: int, _plugin: Path | None) -> list[Measurement]:
    return [ardour.measure(preset, *lv2.preset_of(preset), rate) for preset in presets]


def _in_own_vst3(presets: Sequence[Path], rate: int, plugin_file: Path | None) -> list[Measurement]:
    folders = vst3_folders(sys.platform, Path.home())
    found = plugin_file or next((folder / _OWN_VST3 for folder in folders if (folder / _OWN_VST3).exists()), None)
    if found is None:
        raise MissingHostError(f"{_OWN_VST3} is not installed in {' or '.join(map(str, folders))}")
    return [vst3.measure(preset, found, rate, channels=2) for preset in presets]


def _in_vst3(presets: Sequence[Path], rate: int, plugin_file: Path | None) -> list[Measurement]:
    if plugin_file is None:
        raise MissingHostError("name the VST3 plug-in file that the preset is of (--plugin)")
    return [vst3.measure(preset, plugin_file, rate, channels=2) for preset in presets]


def _in_audacity(presets: Sequence[Path], rate: int, _plugin: Path | None) -> list[Measurement]:
    return audacity.measure([_text(preset) for preset in presets], rate)


HOSTS = (
    Host("liblilv", _LV2, lambda presets, rate, _plugin: lv2.measure(presets, rate)),
    Host("ffmpeg", frozenset({"ffmpeg"}), _each(ffmpeg.measure)),
    Host("ffmpeg", frozenset({"fir", "fir-linear"}), lambda presets, rate, _plugin: [ffmpeg.convolve(preset, rate) for preset in presets]),
    Host("sox", frozenset({"sox"}), _each(sox.measure)),
    Host("faust", frozenset({"faust"}), _each(faust.measure)),
    Host("vst3", frozenset({"semeq-vst3"}), _in_own_vst3),
    Host("vst3", frozenset({"frequency"}), _in_vst3, is_default=False),
    Host("ardour", _LV2, _in_ardour, is_default=False),
    Host(
        "audacity",
        frozenset({"audacity"}),
        lambda presets, rate, _plugin: audacity.measure(list(map(_text, presets)), rate),
        is_default=False,
    ),
)
