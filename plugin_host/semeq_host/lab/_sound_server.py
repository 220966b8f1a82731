"""A PipeWire daemon of its own, without sound cards and session manager, and sound played through what runs in it.

Nothing links ports there but this module. A busy machine loses sound without a word, and players and recorders join one after the other:
noise on a third channel, straight from the player to the recorder, shows that everything came through.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile

from semeq_export.arrays import Float64Array
from semeq_export.errors import EnvironmentFailure, MissingHostError, PresetReadError
from semeq_host.lab._process import last_line, program, run, started
from semeq_host.lab.response import IMPULSE_SAMPLES, impulse

_LOG = logging.getLogger(__name__)

PACKAGE = "pipewire-bin"
CHANNELS = ("FL", "FR")
STEP_S = 20.0

_TRIES = 3
_ALL = (*CHANNELS, "FC")
_BEFORE_SAMPLES, _AFTER_SAMPLES = 48_000, 16_384
"""Silence around what is measured: recorders begin late, and what was played last is lost with its player."""
_PROOF_SAMPLES = 4_096 + IMPULSE_SAMPLES
_CONFIGURATION = """
context.properties = {{ core.daemon = true core.name = pipewire-0 mem.allow-mlock = false
  default.clock.rate = {rate} default.clock.allowed-rates = [ {rate} ]
  default.clock.quantum = 8192 default.clock.min-quantum = 8192 default.clock.max-quantum = 8192 }}
context.spa-libs = {{ audio.convert.* = audioconvert/libspa-audioconvert support.* = support/libspa-support }}
context.modules = [
  {{ name = libpipewire-module-protocol-native }}
  {{ name = libpipewire-module-metadata }}
  {{ name = libpipewire-module-spa-node-factory }}
  {{ name = libpipewire-module-client-node }}
  {{ name = libpipewire-module-access }}
  {{ name = libpipewire-module-adapter }}
  {{ name = libpipewire-module-link-factory }}
  {{ name = libpipewire-module-session-manager }}
]
context.objects = [
  {{ factory = spa-node-factory args = {{ factory.name = support.node.driver node.name = clock priority.driver = 20000 }} }}
  {objects}
]
"""
_PORTS = (
    "{{ direction: {direction} mode: dsp monitor: true format: "
    "{{ mediaType: audio mediaSubtype: raw format: F32P rate: {rate} channels: {count} position: [ {positions} ] }} }}"
)

Found = TypeVar("Found")


@contextlib.contextmanager
def sound_server(folder: Path, rate_hz: int, *, fragments: Mapping[str, str] | None = None, objects: str = "") -> Iterator[SoundServer]:
    """Yield a daemon that runs meanwhile, its settings and sockets in the `private_environment` of `folder`.

    fragments: name -> content of files of its pipewire.conf.d, as a person adds them. objects: more for its context.objects.
    Raises MissingHostError without PipeWire.
    """
    for name in ("pipewire", "pw-cat", "pw-cli", "pw-dump", "pw-link"):
        program(name, PACKAGE)
    settings = folder / "config" / "pipewire"
    (settings / "pipewire.conf.d").mkdir(parents=True)
    (settings / "pipewire.conf").write_text(_CONFIGURATION.format(rate=rate_hz, objects=objects))
    for name, content in (fragments or {}).items():
        (settings / "pipewire.conf.d" / name).write_text(content, encoding="utf-8")
    with started(["pipewire"], folder=folder, log="daemon.log") as daemon:
        server = SoundServer(folder, rate_hz, daemon)
        server.until("it takes connections", lambda: (folder / "run" / "pipewire-0").is_socket() or None)
        yield server


def at_last(measure: Callable[[], Found]) -> Found:
    """Return what a measurement returns, tried again where a busy machine got in its way."""
    for _ in range(_TRIES - 1):
        try:
            return measure()
        except MissingHostError:
            raise
        except EnvironmentFailure as error:
            _LOG.info("trying again: %s", error)
    return measure()


class SoundServer:
    """A running daemon, seen and changed with PipeWire's own tools."""

    def __init__(self, folder: Path, rate_hz: int, daemon: subprocess.Popen[bytes]) -> None:
        self._folder = folder
        self._rate_hz = rate_hz
        self._daemon = daemon

    def version(self) -> str:
        """Return e.g. "0.3.65"."""
        return run(["pipewire", "--version"], folder=self._folder, timeout_s=STEP_S).split()[-1].decode("ascii", "replace")

    def objects(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the id and what is known of every Node, Port or Link; `props` in it."""
        known: dict[int, dict[str, Any]] = {}
        for item in _items(self._tool("pw-dump").decode("utf-8", "replace")):
            known[item["id"]] = item
        for number, item in known.items():
            if item.get("type") == f"PipeWire:Interface:{kind}" and item.get("info"):
                yield number, item["info"]

    def nodes(self) -> dict[str, int]:
        """Return the id of every node by name."""
        return {str(about["props"].get("node.name")): number for number, about in self.objects("Node")}

    def until(self, what: str, look: Callable[[], Found | None]) -> Found:
        """Return what `look` finds as soon as it is not None; raises EnvironmentFailure after `STEP_S`.

        Raises PresetReadError where the daemon ends, as it does for a file that it cannot load.
        """
        deadline = time.monotonic() + STEP_S
        while True:
            if self._daemon.poll() is not None:
                raise PresetReadError(f"PipeWire refuses it: {last_line((self._folder / 'daemon.log').read_bytes())}")
            with contextlib.suppress(PresetReadError):  # of a tool that finds the daemon not ready yet
                if (found := look()) is not None:
                    return found
            if time.monotonic() > deadline:
                raise EnvironmentFailure(f"PipeWire: {what} is not so after {STEP_S:g} s")
            time.sleep(0.02)

    def give_ports(self, node: int, *, is_source: bool, channels: tuple[str, ...] = CHANNELS) -> None:
        """Give a node one port for each channel, as session managers do."""
        direction = "Output" if is_source else "Input"
        ports = _PORTS.format(direction=direction, rate=self._rate_hz, count=len(channels), positions=" ".join(channels))
        self._tool("pw-cli", "set-param", node, "PortConfig", ports)

    def choose_sink(self, name: str) -> None:
        """Make a node the sink that applications play to where nobody names another; needs a metadata object "default"."""
        self._tool("pw-metadata", "-n", "default", 0, "default.audio.sink", json.dumps({"name": name}))

    def play(self, into: int, out_of: int) -> Float64Array:
        """Return (2, IMPULSE_SAMPLES): the test impulse, played into one node on both channels, as it comes out of another.

        Raises EnvironmentFailure where sound was lost on the way, or where it does not end.
        """
        soundfile.write(self._folder / "in.wav", _signal().T, self._rate_hz, subtype="PCM_16")
        with self._cat("--record", "recorder", "out.wav") as recorder, self._cat("--playback", "player", "in.wav") as player:
            self._link(into, out_of)
            try:
                player.wait(STEP_S)
                recorder.send_signal(signal.SIGINT)
                recorder.wait(STEP_S)
            except subprocess.TimeoutExpired as error:
                raise EnvironmentFailure("PipeWire does not play the test sound to its end") from error
        return _after_the_impulse(soundfile.read(self._folder / "out.wav", dtype="float64", always_2d=True)[0].T)

    def _cat(self, way: str, name: str, file: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """Return what runs a player or recorder of all channels meanwhile, linked to nothing yet, as node semeq-NAME."""
        channels = ["--channels", len(_ALL), "--channel-map", ",".join(_ALL), "-P", f"{{ node.name=semeq-{name} }}"]
        return started(
            ["pw-cat", way, "--target", "0", "--rate", self._rate_hz, "--format", "f32", *channels, file],
            folder=self._folder,
            log=f"{name}.log",
        )

    def _link(self, into: int, out_of: int) -> None:
        """Link player, what is measured, and recorder; the channel of the proof last: whole only if all were linked before."""
        player, recorder = self.until("player and recorder are there", self._players)
        self.give_ports(player, is_source=True, channels=_ALL)
        self.give_ports(recorder, is_source=False, channels=_ALL)
        wanted = {(player, True): _ALL, (into, False): CHANNELS, (out_of, True): CHANNELS, (recorder, False): _ALL}
        ports = self.until("all ports are there", lambda: self._ports(wanted))
        for channel in CHANNELS:
            self._tool("pw-link", ports[out_of, True][channel], ports[recorder, False][channel])
            self._tool("pw-link", ports[player, True][channel], ports[into, False][channel])
        self._tool("pw-link", ports[player, True]["FC"], ports[recorder, False]["FC"])

    def _players(self) -> tuple[int, int] | None:
        nodes = self.nodes()
        return (nodes["semeq-player"], nodes["semeq-recorder"]) if {"semeq-player", "semeq-recorder"} <= set(nodes) else None

    def _ports(self, wanted: Mapping[tuple[int, bool], tuple[str, ...]]) -> dict[tuple[int, bool], dict[str, int]] | None:
        """Return the ports by (node, whether they are outputs) and channel once all wanted ones are there."""
        found: dict[tuple[int, bool], dict[str, int]] = {node: {} for node in wanted}
        for number, about in self.objects("Port"):
            node = about["props"]["node.id"], about["direction"] == "output"
            found.setdefault(node, {})[about["props"].get("audio.channel", "")] = number
        return found if all(set(channels) <= set(found[node]) for node, channels in wanted.items()) else None

    def _tool(self, *arguments: object) -> bytes:
        return run(arguments, folder=self._folder, timeout_s=STEP_S)


def _items(dump: str) -> Iterator[dict[str, Any]]:
    """Yield what pw-dump prints: one list, or none from a daemon that is ending, or more with what changed meanwhile."""
    decoder, start = json.JSONDecoder(), 0
    while text := dump[start:].lstrip():
        items, end = decoder.raw_decode(text)
        start = len(dump) - len(text) + end
        yield from items


def _signal() -> Float64Array:
    """Return (3, n): the impulse on both channels, and noise from a little before it to the end of what is measured."""
    sound = impulse(_BEFORE_SAMPLES + IMPULSE_SAMPLES + _AFTER_SAMPLES, at_sample=_BEFORE_SAMPLES)
    noise = np.zeros_like(sound)
    noise[_BEFORE_SAMPLES + IMPULSE_SAMPLES - _PROOF_SAMPLES :][:_PROOF_SAMPLES] = _proof()
    return np.stack([sound, sound, noise])


def _proof() -> Float64Array:
    """Return (_PROOF_SAMPLES,) of noise without a zero, of values that 16 bits hold."""
    return np.random.default_rng(1).integers(1, 8_192, _PROOF_SAMPLES) / 32_768.0


def _after_the_impulse(recorded: Float64Array) -> Float64Array:
    """Return (2, IMPULSE_SAMPLES) from the impulse on; raises EnvironmentFailure where the noise (recorded[2]) is not whole."""
    start = int(np.argmax(recorded[2] != 0.0))
    part = recorded[:, start : start + _PROOF_SAMPLES]
    if not np.array_equal(part[2], _proof()):
        raise EnvironmentFailure("PipeWire lost some of the test sound; the machine may be too busy")
    return part[: len(CHANNELS), _PROOF_SAMPLES - IMPULSE_SAMPLES :]
