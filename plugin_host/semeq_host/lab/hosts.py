"""How each host measures presets of a kind; which preset is of what kind, its format says (`FormatInfo.measured_in` of semeq_presets).

| host | kind of preset | what renders the test impulse |
| --- | --- | --- |
| liblilv | LV2 preset | the LV2 plug-in, its preset loaded through liblilv |
| ffmpeg, sox, faust | filter string, impulse response; effect string; source | the program; for impulse responses FFmpeg's convolver |
| pipewire | filter chain | a PipeWire of its own, its configuration loaded as a person's |
| vst3 | own preset, preset | the VST3 plug-in in Pedalboard: semeq's own where it is installed; others need their file |
| easyeffects | output preset | the application, headless, on a PipeWire of its own |
| ardour, audacity | LV2 preset; macro | the application, headless: 10 s and more |
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from semeq_export.errors import MissingHostError, PresetReadError
from semeq_export.files.disk import read_regular
from semeq_host.lab import ardour, audacity, easyeffects, faust, ffmpeg, lv2, pipewire, sox, vst3
from semeq_host.lab.response import Measurement

_MAX_BYTES = 5_000_000
_OWN_VST3 = "semeq.vst3"


Render = Callable[[Sequence[Path], int, Path | None], list[Measurement]]
"""(presets of one kind, whole samples per second, VST3 plug-in) -> what came out for each."""


def measure(host: str, kind: str, presets: Sequence[Path], sample_rate_hz: float, *, plugin_file: Path | None = None) -> list[Measurement]:
    """Return what a host makes of the test impulse with each of several presets of one kind, at a whole number of samples per second.

    plugin_file: the VST3 plug-in that .vstpreset files are of; semeq's own, where VST3 plug-ins are installed, when left out.
    Raises MissingHostError where the host or its plug-in is not installed or does not load such presets, PresetReadError where it refuses
    one of them, EnvironmentFailure where it hangs or crashes.
    """
    render = RENDERERS.get((host, kind))
    if render is None:
        raise MissingHostError(f"{host} does not load presets of kind {kind!r}")
    return render(presets, round(sample_rate_hz), plugin_file)


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


def _each(render_text: Callable[[str, int], Measurement]) -> Render:
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
        raise MissingHostError("name the VST3 plug-in file that the preset is of (`plugin_file`)")
    return [vst3.measure(preset, plugin_file, rate, channels=2) for preset in presets]


def _in_audacity(presets: Sequence[Path], rate: int, _plugin: Path | None) -> list[Measurement]:
    return audacity.measure([_text(preset) for preset in presets], rate)


RENDERERS: Mapping[tuple[str, str], Render] = {
    ("liblilv", "LV2 preset"): lambda presets, rate, _plugin: lv2.measure(presets, rate),
    ("ffmpeg", "filter string"): _each(lambda text, rate: ffmpeg.measure(text, rate, channels=2)),
    ("ffmpeg", "impulse response"): lambda presets, rate, _plugin: [ffmpeg.convolve(preset, rate) for preset in presets],
    ("sox", "effect string"): _each(sox.measure),
    ("faust", "source"): _each(faust.measure),
    ("pipewire", "filter chain"): lambda presets, rate, _plugin: pipewire.measure([_text(preset) for preset in presets], rate),
    ("easyeffects", "output preset"): lambda presets, rate, _plugin: easyeffects.measure([_text(preset) for preset in presets], rate),
    ("vst3", "own preset"): _in_own_vst3,
    ("vst3", "preset"): _in_vst3,
    ("ardour", "LV2 preset"): _in_ardour,
    ("audacity", "macro"): _in_audacity,
}
"""How presets are measured, by the host's name and what a preset is to it."""
