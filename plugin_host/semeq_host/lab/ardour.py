"""Ardour 7, headless: puts a stem on a track with an LV2 plug-in, loads a preset into it by its label, and exports the session.

Ardour's Lua makes the session and loads the preset, as a person would in the plug-in's preset menu. Lua cannot import audio, so the stem
is written into the session's own folder and into its XML: one Source per channel, one whole-file Region, one Region in the track's
Playlist, and the Location that says what an export covers. Layout: as Ardour 7.3 writes it (session version 7002).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import soundfile

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.errors import AudioError, EnvironmentFailure, MissingHostError, PresetReadError, printable
from semeq_host.lab._process import last_line, private_folder, program, run
from semeq_host.lab.response import IMPULSE_RATE_HZ, IMPULSE_SAMPLES, Measurement, impulse

_LOG = logging.getLogger(__name__)

_PACKAGE = "ardour"
_TRIES = 3
_SESSION = "session"
_SUPERCLOCK_HZ = 282_240_000  # Ardour's unit of time; a multiple of all usual sample rates
_SETTLING_SAMPLES = 48_000  # silence before the impulse: plug-ins glide to a new preset's values
_LV2_PATH = "~/.lv2:/usr/local/lib/lv2:/usr/lib/lv2:/usr/lib/x86_64-linux-gnu/lv2:/usr/lib/aarch64-linux-gnu/lv2"
_PLUGIN_PACKAGES = {"http://lsp-plug.in/": "lsp-plugins-lv2", "urn:ardour:": "ardour-lv2-plugins", "http://calf.": "calf-plugins"}
_PLUGIN_PACKAGES |= {"http://gareus.org/": "x42-plugins"}
_SAID = b"semeq: "
_DONE = _SAID + b"saved"

_SCRIPT = """
AudioEngine:set_backend("None (Dummy)", "Non-Interactive", "")
local session = create_session(os.getenv("SEMEQ_FOLDER"), "session", tonumber(os.getenv("SEMEQ_RATE")))
local channels = tonumber(os.getenv("SEMEQ_CHANNELS"))
local order, mode = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
local route = session:new_audio_track(channels, 2, nil, 1, "Stem", order, mode, true):front()
local processor = ARDOUR.LuaAPI.new_plugin(session, os.getenv("SEMEQ_PLUGIN"), ARDOUR.PluginType.LV2, "")
if processor:isnil() then print("semeq: no plug-in"); os.exit(0) end
route:add_processor_by_index(processor, 0, nil, true)
local plugin = processor:to_insert():plugin(0)
local preset = plugin:preset_by_label(os.getenv("SEMEQ_PRESET"))
if preset == nil or not preset.valid then print("semeq: no preset"); os.exit(0) end
if not plugin:load_preset(preset) then print("semeq: refused"); os.exit(0) end
session:save_state("", false, false, false, false, false)
print("semeq: saved")
session, route, processor, plugin, preset = nil, nil, nil, nil, nil
collectgarbage()
close_session()
quit()
"""


def render(
    preset_folder: Path,
    plugin_uri: str,
    preset_label: str,
    stem: FloatArray,
    sample_rate_hz: int = IMPULSE_RATE_HZ,
    *,
    timeout_s: float = 60.0,
) -> Float64Array:
    """Return what Ardour's master bus exports (2, n) of a stem on a track with the plug-in and its preset.

    preset_folder: an LV2 preset bundle. stem: (1 or 2, n); a stem of one channel through a plug-in of one channel
    meets the panner's law of -3.01 dB. The export holds 32-bit samples.
    Raises PresetReadError where Ardour finds no such preset, AudioError on a stem of another shape, MissingHostError without Ardour
    or the plug-in, EnvironmentFailure where it hangs, crashes or exports less than all three times: 7.3 on a busy machine at times does.
    """
    if stem.ndim != 2 or stem.shape[0] not in (1, 2) or stem.shape[1] == 0:
        raise AudioError(f"a stem of shape {stem.shape} does not fit a track, expected (1 or 2, samples)")
    if not (preset_folder / "manifest.ttl").is_file():
        raise PresetReadError("is no LV2 preset bundle: it holds no manifest.ttl", printable(preset_folder))
    for _ in range(_TRIES - 1):
        try:
            return _rendered(preset_folder, plugin_uri, preset_label, stem, sample_rate_hz, timeout_s)
        except MissingHostError:
            raise
        except EnvironmentFailure as error:
            _LOG.info("trying again: %s", error)
    return _rendered(preset_folder, plugin_uri, preset_label, stem, sample_rate_hz, timeout_s)


def _rendered(
    preset_folder: Path, plugin_uri: str, preset_label: str, stem: FloatArray, sample_rate_hz: int, timeout_s: float
) -> Float64Array:
    lua, export = program("ardour7-lua", _PACKAGE), program("ardour7-export", _PACKAGE)
    with private_folder() as folder:
        plugins = folder / "lv2"  # all that Ardour sees: reading every installed plug-in takes it four times as long
        shutil.copytree(preset_folder, plugins / "preset.lv2")
        (plugins / "plugin.lv2").symlink_to(_plugin_folder(plugin_uri))
        variables = {"LV2_PATH": str(plugins), "SEMEQ_FOLDER": str(folder / _SESSION), "SEMEQ_RATE": str(sample_rate_hz)}
        variables |= {"SEMEQ_CHANNELS": str(stem.shape[0]), "SEMEQ_PLUGIN": plugin_uri, "SEMEQ_PRESET": preset_label}
        (folder / "make.lua").write_text(_SCRIPT)
        output = run([lua, "make.lua"], folder=folder, timeout_s=timeout_s, variables=variables, done=_SAID)
        if _DONE not in output:
            found = re.search(_SAID + rb"(.*)", output)  # Ardour's other threads may print after it
            reason = found[1].decode() if found else last_line(output)
            raise PresetReadError(f"ardour does not load preset {printable(preset_label)!r} of {printable(plugin_uri)}: {reason}")
        _add_stem(folder / _SESSION, stem, sample_rate_hz)
        arguments = [export, "-b", "float", "-o", folder / "out.wav", folder / _SESSION, _SESSION]
        output = run(arguments, folder=folder, timeout_s=timeout_s, variables=variables, done=b"* Done.")
        if not (folder / "out.wav").is_file():
            raise PresetReadError(f"ardour exports nothing: {last_line(output)}")
        samples, _ = soundfile.read(folder / "out.wav", dtype="float64", always_2d=True)
    if len(samples) != stem.shape[1]:
        raise EnvironmentFailure(f"ardour exported {len(samples)} of {stem.shape[1]} samples")
    rendered: Float64Array = samples.T
    return rendered


def measure(
    preset_folder: Path, plugin_uri: str, preset_label: str, sample_rate_hz: int = IMPULSE_RATE_HZ, *, timeout_s: float = 60.0
) -> Measurement:
    """Return the test impulse on both sides of a stereo track as `render` exports it, without the silence that went before it.

    Ardour 7.3 on a busy machine was once seen to export something else, 42 dB off, without a word: two sessions must agree.
    Raises EnvironmentFailure where no two of three do.
    """
    signal = impulse(_SETTLING_SAMPLES + IMPULSE_SAMPLES, at_sample=_SETTLING_SAMPLES)
    stem, outputs = np.stack([signal, signal]), list[Float64Array]()
    for _ in range(3):
        output = render(preset_folder, plugin_uri, preset_label, stem, sample_rate_hz, timeout_s=timeout_s)
        if any(np.array_equal(output, other) for other in outputs):
            break
        outputs.append(output)
    else:
        raise EnvironmentFailure("ardour exported three sessions of one preset in three different ways")
    return Measurement(output[:, _SETTLING_SAMPLES:], sample_rate_hz, _version())


def _plugin_folder(plugin_uri: str) -> Path:
    """Return the installed LV2 bundle whose manifest names a plug-in; raises MissingHostError where there is none."""
    name = re.split("[/#:]", plugin_uri)[-1]
    prefixed = re.compile(rf"\w:{re.escape(name)}\b")  # Turtle may give the start of a URI a name, in a @prefix line
    for place in (os.environ.get("LV2_PATH") or _LV2_PATH).split(os.pathsep):
        for manifest in sorted(Path(place).expanduser().glob("*.lv2/manifest.ttl")):
            text = manifest.read_text(encoding="utf-8", errors="replace")
            if f"<{plugin_uri}>" in text or (f"<{plugin_uri.removesuffix(name)}>" in text and prefixed.search(text)):
                return manifest.parent
    package = next((package for start, package in _PLUGIN_PACKAGES.items() if plugin_uri.startswith(start)), None)
    hint = f"; install it with: apt-get install {package}" if package else "; add its folder to LV2_PATH"
    raise MissingHostError(f"plug-in {printable(plugin_uri)} is not installed{hint}")


def _add_stem(session: Path, stem: FloatArray, sample_rate_hz: int) -> None:
    """Write the stem into a closed session, as the one region of its one track, and as the range that an export covers."""
    file = session / f"{_SESSION}.ardour"
    tree = ET.parse(file)
    root = tree.getroot()
    track = next(route for route in root.iter("Route") if route.get("name") == "Stem")
    playlist = next(playlist for playlist in root.iter("Playlist") if playlist.get("id") == track.get("audio-playlist"))
    _connect(root, track)
    first_id = int(root.get("id-counter", "0"))
    source_ids = [str(first_id + channel) for channel in range(stem.shape[0])]
    region_id, copy_id, range_id = (str(first_id + stem.shape[0] + index) for index in range(3))
    root.set("id-counter", str(int(range_id) + 1))

    for channel, source_id in enumerate(source_ids):
        name = f"stem-{channel + 1}.wav"
        soundfile.write(session / "interchange" / _SESSION / "audiofiles" / name, stem[channel], sample_rate_hz, subtype="FLOAT")
        _add(root, "Sources", "Source", {"name": name, "type": "audio", "flags": "", "id": source_id, "channel": "0", "gain": "1"})
    length = f"a{stem.shape[1] * _SUPERCLOCK_HZ // sample_rate_hz}"
    region = {"name": "stem", "type": "audio", "start": "a0", "length": f"{length}@a0", "opaque": "1", "channels": str(stem.shape[0])}
    # without these Ardour fades the first and last 64 samples, and an impulse at the very start with them
    region |= {"fade-in-active": "0", "fade-out-active": "0", "default-fade-in": "0", "default-fade-out": "0", "scale-amplitude": "1"}
    for channel, source_id in enumerate(source_ids):
        region |= {f"source-{channel}": source_id, f"master-source-{channel}": source_id}
    _add(root, "Regions", "Region", region | {"id": region_id, "whole-file": "1"})
    ET.SubElement(playlist, "Region", region | {"id": copy_id, "whole-file": "0"})
    span = {"id": range_id, "name": "session", "start": "a0", "end": length, "flags": "IsSessionRange", "locked": "0"}
    _add(root, "Locations", "Location", span)
    tree.write(file, encoding="UTF-8", xml_declaration=True)


def _connect(root: ET.Element, track: ET.Element) -> None:
    """Connect the track to the master bus: Ardour does so in a thread of its own, at times only after the session was saved."""
    master = next(route for route in root.iter("Route") if route.get("name") == "Master")
    outputs = [port for io in track.iter("IO") if io.get("direction") == "Output" for port in io.iter("Port")]
    inputs = [port for io in master.iter("IO") if io.get("direction") == "Input" for port in io.iter("Port")]
    for output, into in zip(outputs, inputs, strict=True):
        for port, other in ((output, into), (into, output)):
            port[:] = [ET.Element("Connection", {"other": str(other.get("name"))})]


def _add(root: ET.Element, parent: str, tag: str, attributes: dict[str, str]) -> None:
    element = root.find(parent)
    assert element is not None  # Ardour writes all of them, empty or not
    ET.SubElement(element, tag, attributes)


def _version() -> str:
    """Return a text like "Ardour 7.3.0" for a "verified" column."""
    path = program("ardour7-export", _PACKAGE)
    with private_folder() as folder:
        output = run([path, "--version"], folder=folder, timeout_s=10.0)
    return f"Ardour {output.split()[2].decode('ascii', 'replace').split('~')[0]}"
