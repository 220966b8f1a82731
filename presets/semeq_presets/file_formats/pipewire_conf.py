"""PipeWire filter-chain configuration: a virtual output with the EQ in front of the real one.

    context.modules = [
      {
        name = libpipewire-module-filter-chain
        args = {
          node.description = "Warm"
          media.name = "Warm"
          filter.graph = {
            nodes = [
              { type = builtin name = eq_preamp label = bq_highshelf control = { "Freq" = 0.0 "Q" = 1.0 "Gain" = -6.0 } }
              { type = builtin name = eq_band_1 label = bq_lowshelf control = { "Freq" = 105.0 "Q" = 0.71 "Gain" = -4.5 } }
            ]
            links = [
              { output = "eq_preamp:Out" input = "eq_band_1:In" }
            ]
          }
          audio.channels = 2
          audio.position = [ FL FR ]
          capture.props = { node.name = "effect_input.warm" media.class = Audio/Sink }
          playback.props = { node.name = "effect_output.warm" node.passive = true }
        }
      }
    ]

| label | meaning |
| --- | --- |
| bq_lowshelf, bq_peaking, bq_highshelf | bands; controls Freq in Hz, Q of the Audio EQ Cookbook, Gain in dB |
| bq_highpass, bq_lowpass, bq_notch, bq_bandpass, bq_allpass | bands of second order without a gain |
| bq_highshelf with Freq 0 | plain gain: the preamp |
| bq_raw | read: coefficients for sample rates; the band that they are, else their loss in dB is noted |
| param_eq | read: bands in a list, or in an Equalizer APO text beside the file, for all channels or for each |
| copy, mixer, linear, invert, delay | read: copies, gains, polarity; a mix of several inputs is no EQ |

Without filters, one preamp of 0 dB is written, since a graph needs a node. PipeWire copies a graph for as many channels as there are; an EQ
for each channel is a series of nodes for each, and the graph lists their inputs and outputs.
Read: every output is followed through the links. Plug-ins and convolvers whose files are not at hand refuse the file, since nobody knows
what they do. Of several filter chains one is chosen by `for_device`, its description or number.
What stays as it was keeps its layout and comments when an EQ that was read is written with changes.
Source: PipeWire, page "Filter-Chain" of the documentation and src/modules/module-filter-chain/biquad.c (RBJ formulas; frequency 0 of a
high shelf "is just a gain"; coefficients and state in float32). PipeWire reads the Q of shelves since 1.3.81, that is in 1.4; before
that all shelves have the slope 1, a Q of 0.7071, whatever the file says (measured in 0.3.65), and the Q of a high- or low-pass is a
resonance in dB: a note says what that changes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from semeq_export.eq.channels import LEFT, POSITIONS, RIGHT, ChannelEqs
from semeq_export.eq.settings import MAX_Q, Band, BandKind, EqSettings
from semeq_export.errors import AudioError, PresetReadError
from semeq_export.units import check_sample_rate_hz
from semeq_presets.file_formats import _spa_json
from semeq_presets.file_formats._fields import number, settings
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._pipewire_graph import Chain, chains_of, graph_of
from semeq_presets.file_formats._pipewire_nodes import Builtins
from semeq_presets.file_formats._pipewire_write import Channel, Parsed, document
from semeq_presets.file_formats._sections import loudest
from semeq_presets.file_formats._tree import Node, mapping, sequence, text
from semeq_presets.file_formats.base import (
    Choice,
    Files,
    FormatInfo,
    Limits,
    MeasuringHost,
    Note,
    Place,
    Preset,
    PresetFormat,
    Source,
    Written,
)
from semeq_presets.file_formats.limits import error_db

_MODULE = "libpipewire-module-filter-chain"
_RATE_HZ = 48_000.0
_SHELVES, _PASSES = (BandKind.LOW_SHELF, BandKind.HIGH_SHELF), (BandKind.LOW_PASS, BandKind.HIGH_PASS)
_OLD_SHELF_Q = 0.5**0.5
_OLD_DB = 0.05  # less is not said: the usual 0.71 is 0.01 dB off
_MAX_CHANNELS = 64
_NAMES = dict(zip(("FL", "FR", "FC", "LFE", "RL", "RR", "SL", "SR"), POSITIONS, strict=True))


class PipeWireConf:
    """Reads and writes filter-chain configurations."""

    info = FormatInfo(
        id="pipewire",
        title="PipeWire filter-chain configuration",
        host="PipeWire 1.4 and later; before that shelves have a Q of 0.7071",
        suffixes=(".conf",),
        how_to_import="copy it into ~/.config/pipewire/pipewire.conf.d and restart PipeWire (systemctl --user restart pipewire); "
        "then choose it as the output",
        precision_db=1e-5,
        limits=Limits(
            kinds=frozenset(BandKind) - {BandKind.TILT},
            freq_hz=(1.0, 96_000.0),
            gain_db=(-60.0, 60.0),
            q=(0.01, 100.0),
            preamp_db=(-120.0, 60.0),
            holds_disabled=False,
            channels="any",
        ),
        protects=True,
        verified="PipeWire 0.3.65",
        aliases=("filter-chain",),
        places={"linux": Place(("{config}/pipewire",), "pipewire.conf.d", is_flat=True, is_made=True)},
        measured_in=(MeasuringHost("pipewire", "filter chain"),),
        remark="before PipeWire 1.4 all shelves are of Q 0.7071, and passes of another, which a note states in dB",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes name the module, or start a list of modules in a .conf file."""
        return _MODULE.encode() in head or (filename.endswith(".conf") and re.search(rb"^context\.modules", head, re.MULTILINE) is not None)

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read keeps everything else of its file."""
        data = preset.unchanged()
        if data is None:
            root = document(preset, _MODULE)
            before = preset.source.data if preset.parts(Parsed) is not None and preset.source is not None else None
            data = (_spa_json.render(root) if before is None else _spa_json.changed(before, root)).encode("utf-8")
        return Written({"preset.conf": data}, _notes(preset))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming node and control."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset of the one filter chain of a file, or of the one that is chosen as `for_device`."""
        other = next((name for name in choice.named if name != "for_device"), "")
        if other:
            raise PresetReadError(f"a {self.info.id} preset is chosen by `for_device`, not by `{other}`")
        (data,) = files.values()
        root = _spa_json.parse(data)
        number_of, arguments = _chosen(_modules(root), choice.for_device)
        graph = graph_of(mapping(arguments.get("filter.graph"), "filter.graph"))
        rate_hz = _rate_of(arguments)
        chains = chains_of(graph, Builtins(rate_hz, choice.beside))
        names = _channel_names(arguments, len(chains))
        outputs = {index: chains[index % len(chains)] for index in range(len(names))}
        held = _with_eq(outputs, names, choice.channel)
        channels = tuple(Channel(index, chain.parts) for index, chain in held.items())
        eqs = [settings(list(channel.bands), channel.preamp_db, "graph") for channel in channels]
        alike = all(eq == eqs[0] for eq in eqs) and len(held) == len(outputs)
        eq = eqs[0] if alike else ChannelEqs(tuple((names[channel.index], one) for channel, one in zip(channels, eqs, strict=True)))
        name = one_line(_word(arguments.get("node.description")))
        parsed = Parsed(root, number_of, channels, len(chains), len(names), is_series=graph.is_series)
        source = Source(parsed, data, eq, name=name)
        return Preset(eq, name=name, sample_rate_hz=rate_hz, source=source, notes=_lost(held, rate_hz))


def _modules(root: Mapping[str, Node]) -> list[tuple[int, dict[str, Node]]]:
    """Return the arguments of the filter-chain modules of a file, each with its number among all modules."""
    found = []
    for index, node in enumerate(sequence(root.get("context.modules"), "context.modules")):
        if isinstance(node, dict) and _word(node.get("name")) == _MODULE:
            found.append((index, mapping(node.get("args"), "args")))
    if not found:
        raise PresetReadError(f"has 0 modules {_MODULE}, expected one", where="context.modules")
    return found


def _chosen(modules: list[tuple[int, dict[str, Node]]], device: str | None) -> tuple[int, dict[str, Node]]:
    """Return the module that is meant; raises PresetReadError with what there is where that is not clear."""
    names = [
        one_line(_word(arguments.get("node.description"))) or f"chain {count}" for count, (_, arguments) in enumerate(modules, start=1)
    ]
    if device is None:
        if len(modules) == 1:
            return modules[0]
        raise PresetReadError(f"holds {len(modules)} filter chains: {', '.join(names)[:200]}; choose one with `for_device`")
    for count, (name, module) in enumerate(zip(names, modules, strict=True), start=1):
        if device in (name, str(count)):
            return module
    raise PresetReadError(f"has no filter chain {device[:40]!r}, only {', '.join(names)[:200]}")


def _rate_of(arguments: Mapping[str, Node]) -> float:
    if "audio.rate" not in arguments:
        return _RATE_HZ
    try:
        return check_sample_rate_hz(number(text(arguments["audio.rate"], "audio.rate"), "audio.rate", "args"))
    except AudioError as error:
        raise PresetReadError(str(error), where="audio.rate") from error


def _channel_names(arguments: Mapping[str, Node], outputs: int) -> tuple[str, ...]:
    """Return the names of the channels that the graph, copied as often as needed, gives: those of WAV files, else numbers."""
    playback = arguments.get("playback.props")
    held = playback if isinstance(playback, dict) else {}
    positions = held.get("audio.position", arguments.get("audio.position"))
    listed = [_word(item) for item in positions] if isinstance(positions, list) else []
    written = _word(held.get("audio.channels", arguments.get("audio.channels")))
    count = len(listed) or (int(written) if written.isascii() and written.isdigit() and len(written) < 4 else 0)
    total = outputs if count == 0 else count if count < outputs else count // outputs * outputs
    if total > _MAX_CHANNELS:
        raise PresetReadError(f"{total} channels are over the limit of {_MAX_CHANNELS}", where="audio.channels")
    if not listed and total == 2:
        return LEFT, RIGHT
    known = [_NAMES.get(name, "") for name in listed[:total]] + [""] * (total - len(listed))
    return tuple(name if name and POSITIONS[name] == index else str(index + 1) for index, name in enumerate(known))


def _with_eq(outputs: Mapping[int, Chain], names: tuple[str, ...], chosen: str | None) -> dict[int, Chain]:
    """Return the outputs that have an EQ; raises PresetReadError for the others where no channel is chosen."""
    good = {index: chain for index, chain in outputs.items() if not chain.why_not}
    if len(good) < len(outputs) and (chosen is None or not good):
        index, why = next((index, chain.why_not) for index, chain in outputs.items() if chain.why_not)
        advice = f"; choose one of {', '.join(names[other] for other in good)} with `channel`" if good else ""
        raise PresetReadError(f"output {index + 1} {why}, which is no EQ{advice}", where="links")
    return good


def _lost(held: Mapping[int, Chain], rate_hz: float) -> tuple[Note, ...]:
    """Say what an EQ does not hold: filters that no band is like, with what they do together where that is most; and polarity."""
    filters = [[part.lost for part in chain.parts if part.lost is not None] for chain in held.values()]
    notes = []
    if any(filters):
        error, at_hz = max(loudest(one, rate_hz) for one in filters)
        count = max(map(len, filters))
        what = "a filter that no band is like" if count == 1 else f"{count} filters that no band is like"
        notes.append(Note("unknown", None, "nodes", what, None, error, at_hz))
    inverted = [index + 1 for index, chain in held.items() if sum(part.is_inverted for part in chain.parts) % 2]
    if inverted:
        notes.append(Note("dropped", None, "polarity", f"inverted in outputs {', '.join(map(str, inverted))}", None, 0.0))
    return tuple(notes)


def _notes(preset: Preset) -> tuple[Note, ...]:
    """Say what PipeWire before 1.4 makes of a Q; without error_db, since newer ones do what the file says."""
    eqs = [preset.eq] if isinstance(preset.eq, EqSettings) else [eq for _, eq in preset.eq]
    off_db = max(error_db(eq, replace(eq, bands=tuple(map(_before_1_4, eq.bands))), preset.sample_rate_hz) for eq in eqs)
    if off_db <= _OLD_DB:
        return ()
    passes = any(band.kind in _PASSES for eq in eqs for band in eq.bands)
    field, old = ("q of shelves and passes", "others") if passes else ("q of shelves", "0.7071")
    return (Note("approximated", None, field, "as written from PipeWire 1.4 on", f"{old} before, {off_db:.2f} dB off"),)


def _before_1_4(band: Band) -> Band:
    """Return what PipeWire before 1.4 makes of a band: shelves of one Q, and passes with the Q of a resonance in dB."""
    if band.kind in _SHELVES:
        return replace(band, q=_OLD_SHELF_Q)
    if band.kind in _PASSES:
        square = 2.0 - 2.0 * math.sqrt(-math.expm1(-band.q * math.log(10.0) / 10.0))
        return replace(band, q=1.0 / math.sqrt(max(square, MAX_Q**-2.0)))
    return band


def _word(node: Node | None) -> str:
    return str(node) if isinstance(node, str) else ""


FORMAT: PresetFormat = PipeWireConf()
