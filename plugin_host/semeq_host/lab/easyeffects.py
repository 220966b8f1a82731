"""EasyEffects under a virtual screen: its preset files, loaded by name as from its menu, and the test impulse through its output effects.

It runs on a sound server, a message bus and a screen of its own, with settings that live in memory. What a preset does not say keeps its
value from the one before: one of flat bands is loaded in between, and then an empty one, so that it can be seen when the next is there.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from semeq_export.errors import EnvironmentFailure, PresetReadError
from semeq_export.files import strict_json
from semeq_host.lab._process import last_line, private_folder, program, run, started
from semeq_host.lab._screen import screen
from semeq_host.lab._sound_server import STEP_S, SoundServer, at_last, sound_server
from semeq_host.lab.response import IMPULSE_RATE_HZ, Measurement

_PACKAGES = "easyeffects lsp-plugins-lv2 pipewire-bin dbus-daemon xvfb"
_MAX_BYTES = 5_000_000
_SINK, _SOURCE, _CARD = "easyeffects_sink", "easyeffects_source", "semeq-card"
_END = "ee_soe_output_level"
_EMPTY: dict[str, Any] = {"blocklist": [], "plugins_order": []}
_FLAT_BAND = {"frequency": 1_000.0, "gain": 0.0, "mode": "APO (DR)", "mute": False, "q": 1.0, "slope": "x1", "solo": False, "type": "Bell"}
_FLAT_BANDS = {f"band{index}": _FLAT_BAND for index in range(32)}
_FLAT = _EMPTY | {
    "plugins_order": ["equalizer#0"],
    "equalizer#0": {"balance": 0.0, "bypass": False, "input-gain": 0.0, "output-gain": 0.0, "mode": "IIR", "num-bands": 32}
    | {"pitch-left": 0.0, "pitch-right": 0.0, "split-channels": False, "left": _FLAT_BANDS, "right": _FLAT_BANDS},
}
_OBJECTS = f"""
  {{ factory = metadata args = {{ metadata.name = default }} }}
  {{ factory = adapter args = {{ factory.name = support.null-audio-sink node.name = {_CARD} node.description = {_CARD}
      media.class = Audio/Sink audio.position = [ FL FR ] priority.session = 1000 }} }}
"""
_BUS = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""
"""A bus that starts no services, which would outlive it."""


def measure(presets: Sequence[str], sample_rate_hz: int = IMPULSE_RATE_HZ) -> list[Measurement]:
    """Return the test impulse on both channels through each of several output presets, given by their content, in one run of EasyEffects.

    Raises PresetReadError for a preset with other plug-ins than equalizers, MissingHostError without EasyEffects or what it needs,
    EnvironmentFailure where it hangs.
    """
    for preset in presets:
        _check(preset)
    for name in ("easyeffects", "dbus-daemon", "Xvfb"):
        program(name, _PACKAGES)
    return at_last(lambda: _measured(presets, sample_rate_hz))


def _measured(presets: Sequence[str], rate_hz: int) -> list[Measurement]:
    with private_folder() as folder:
        place = folder / "config" / "easyeffects" / "output"
        place.mkdir(parents=True)
        for name, section in (("flat", _FLAT), ("empty", _EMPTY)):
            (place / f"semeq-{name}.json").write_text(json.dumps({"output": section}))
        for index, preset in enumerate(presets):
            (place / f"semeq-{index}.json").write_text(preset, encoding="utf-8")
        with sound_server(folder, rate_hz, objects=_OBJECTS) as server, _easyeffects(folder, server) as application:
            outputs = []
            for index in range(len(presets)):
                application.load("semeq-flat", effects=True)
                application.load("semeq-empty", effects=False)
                application.load(f"semeq-{index}", effects=True)
                nodes = server.nodes()
                outputs.append(server.play(nodes[_SINK], nodes[_END]))
    host = f"EasyEffects {_version()}"
    return [Measurement(samples, rate_hz, host) for samples in outputs]


def _check(preset: str) -> None:
    """Raise PresetReadError unless a preset is an output preset with equalizers and nothing else."""
    try:
        document: dict[str, Any] = strict_json.loads(preset.encode(), max_bytes=_MAX_BYTES)
        order = document["output"]["plugins_order"]
    except (ValueError, KeyError, TypeError) as error:
        raise PresetReadError("is not an output preset of EasyEffects") from error
    if not isinstance(order, list) or not order or not all(re.fullmatch(r"equalizer(#\d+)?", str(name)) for name in order):
        raise PresetReadError("holds other plug-ins than equalizers, or none, and is not measured in EasyEffects")


@contextlib.contextmanager
def _easyeffects(folder: Path, server: SoundServer) -> Iterator[_EasyEffects]:
    """Yield a running EasyEffects whose sink, source and sound card have ports."""
    socket = folder / "run" / "bus"
    (folder / "bus.conf").write_text(_BUS.format(socket=socket))
    bus = ["dbus-daemon", "--config-file", folder / "bus.conf", "--nofork", "--nopidfile"]
    with screen(folder) as display, started(bus, folder=folder, log="bus.log"):
        server.until("the message bus is there", lambda: socket.is_socket() or None)
        variables = {"DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={socket}", "GSETTINGS_BACKEND": "memory"}
        variables |= {"GDK_BACKEND": "x11", "GTK_A11Y": "none"}
        service = ["easyeffects", "--gapplication-service"]
        with started(service, folder=folder, log="easyeffects.log", variables=variables) as process:
            application = _EasyEffects(folder, server, process, variables)
            nodes = server.until("EasyEffects is there", application.nodes)
            for name, is_source in ((_CARD, False), (_SINK, False), (_SOURCE, False), (_SOURCE, True)):
                server.give_ports(nodes[name], is_source=is_source)
            server.choose_sink(_CARD)
            yield application


class _EasyEffects:
    """A running EasyEffects that loads presets."""

    def __init__(self, folder: Path, server: SoundServer, process: subprocess.Popen[bytes], variables: dict[str, str]) -> None:
        self._folder = folder
        self._server = server
        self._process = process
        self._variables = variables

    def nodes(self) -> dict[str, int] | None:
        """Return the ids of all nodes once those of EasyEffects are there."""
        if self._process.poll() is not None:
            raise EnvironmentFailure(f"easyeffects ends: {last_line((self._folder / 'easyeffects.log').read_bytes())}")
        nodes = self._server.nodes()
        return nodes if {_CARD, _SINK, _SOURCE, _END} <= set(nodes) else None

    def load(self, name: str, *, effects: bool) -> None:
        """Load an output preset by name and wait until its effects, or none, are linked behind the sink."""
        command = ["easyeffects", "-l", name]  # ends with code 1 when all is well, and says nothing otherwise either: hence `done`
        run(command, folder=self._folder, timeout_s=STEP_S, variables=self._variables, done=b"")
        self._server.until(f"preset {name} is loaded", lambda: self._is_linked(effects) or None)

    def _is_linked(self, effects: bool) -> bool:
        names = {number: name for name, number in self._server.nodes().items()}
        links = [(names[about["output-node-id"]], names[about["input-node-id"]]) for _, about in self._server.objects("Link")]
        into = [target for source, target in links if source == _SINK]
        return links.count((_END, _CARD)) == 2 and len(into) == 2 and all(("equalizer" in target) is effects for target in into)


def _version() -> str:
    """Return e.g. "7.0.0", the newest release that the installed application's own description names."""
    share = Path(program("easyeffects", _PACKAGES)).resolve().parent.parent / "share"
    for file in sorted(share.glob("metainfo/*easyeffects*.xml")):
        if found := re.search(r'<release [^>]*version="([\d.]+)"', file.read_text(encoding="utf-8")):
            return found[1]
    return "of an unknown version"
