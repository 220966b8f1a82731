"""The child process of `semeq_host.lab.lv2`: binds liblilv with ctypes, restores each preset into its plug-in and runs it.

Run as a script with one argument: a folder that holds job.json and input.npy. Writes one output file for each bundle and, last,
results.json. Imports nothing of semeq, so that the child starts quickly and shares no state with its caller.

Sources: liblilv 0.24 (lilv/lilv.h), LV2 1.18 headers (core lv2.h, urid.h, options.h, atom.h, state.h).
"""

from __future__ import annotations

import contextlib
import ctypes as c
import json
import re
import sys
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LV2 = "http://lv2plug.in/ns/lv2core#"
_ATOM = "http://lv2plug.in/ns/ext/atom#"
_URID = "http://lv2plug.in/ns/ext/urid#"
_OPTIONS = "http://lv2plug.in/ns/ext/options#options"
_BUF_SIZE = "http://lv2plug.in/ns/ext/buf-size#"
_PRESET = "http://lv2plug.in/ns/ext/presets#Preset"
_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_SAMPLE_RATE = "http://lv2plug.in/ns/ext/parameters#sampleRate"
_ATOM_BYTES = 65_536

_MapFunction = c.CFUNCTYPE(c.c_uint32, c.c_void_p, c.c_char_p)
_UnmapFunction = c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.c_uint32)
_NUMBERS: dict[str, Any] = {"Float": c.c_float, "Double": c.c_double, "Int": c.c_int32, "Long": c.c_int64, "Bool": c.c_int32}  # Any: ctypes
_SetValue = c.CFUNCTYPE(None, c.c_char_p, c.c_void_p, c.c_void_p, c.c_uint32, c.c_uint32)


class _Descriptor(c.Structure):
    _fields_ = (
        ("uri", c.c_char_p),
        ("instantiate", c.c_void_p),
        ("connect_port", c.CFUNCTYPE(None, c.c_void_p, c.c_uint32, c.c_void_p)),
        ("activate", c.CFUNCTYPE(None, c.c_void_p)),
        ("run", c.CFUNCTYPE(None, c.c_void_p, c.c_uint32)),
        ("deactivate", c.CFUNCTYPE(None, c.c_void_p)),
        ("cleanup", c.CFUNCTYPE(None, c.c_void_p)),
        ("extension_data", c.c_void_p),
    )


class _Instance(c.Structure):
    _fields_ = (("descriptor", c.POINTER(_Descriptor)), ("handle", c.c_void_p), ("pimpl", c.c_void_p))


class _Feature(c.Structure):
    _fields_ = (("uri", c.c_char_p), ("data", c.c_void_p))


class _Map(c.Structure):
    _fields_ = (("handle", c.c_void_p), ("map", _MapFunction))


class _Unmap(c.Structure):
    _fields_ = (("handle", c.c_void_p), ("unmap", _UnmapFunction))


class _Option(c.Structure):
    _fields_ = (
        ("context", c.c_uint32),
        ("subject", c.c_uint32),
        ("key", c.c_uint32),
        ("size", c.c_uint32),
        ("type", c.c_uint32),
        ("value", c.c_void_p),
    )


class JobError(Exception):
    """A bundle cannot be rendered. kind: "missing" (library or plug-in), "preset" or "audio"."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def _load_lilv() -> Any:  # Any: a ctypes library has no static type
    names = (find_library("lilv-0"), "liblilv-0.so.0", "liblilv-0.dylib", "lilv-0.dll")
    for name in filter(None, names):
        with contextlib.suppress(OSError):
            library = c.CDLL(name)
            break
    else:
        raise JobError("missing", "liblilv is not installed (Debian: apt-get install liblilv-0-0)")
    pointer = c.c_void_p
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "world_new": (pointer, []),
        "world_load_all": (None, [pointer]),
        "world_load_bundle": (None, [pointer, pointer]),
        "world_load_resource": (c.c_int, [pointer, pointer]),
        "world_get_all_plugins": (pointer, [pointer]),
        "world_find_nodes": (pointer, [pointer, pointer, pointer, pointer]),
        "new_uri": (pointer, [pointer, c.c_char_p]),
        "new_file_uri": (pointer, [pointer, c.c_char_p, c.c_char_p]),
        "node_as_uri": (c.c_char_p, [pointer]),
        "node_as_string": (c.c_char_p, [pointer]),
        "node_free": (None, [pointer]),
        "nodes_begin": (pointer, [pointer]),
        "nodes_is_end": (c.c_bool, [pointer, pointer]),
        "nodes_next": (pointer, [pointer, pointer]),
        "nodes_get": (pointer, [pointer, pointer]),
        "plugins_get_by_uri": (pointer, [pointer, pointer]),
        "plugin_get_required_features": (pointer, [pointer]),
        "plugin_get_name": (pointer, [pointer]),
        "plugin_get_bundle_uri": (pointer, [pointer]),
        "plugin_get_num_ports": (c.c_uint32, [pointer]),
        "plugin_get_port_by_index": (pointer, [pointer, c.c_uint32]),
        "plugin_get_port_ranges_float": (None, [pointer, pointer, pointer, pointer]),
        "plugin_instantiate": (c.POINTER(_Instance), [pointer, c.c_double, pointer]),
        "port_is_a": (c.c_bool, [pointer, pointer, pointer]),
        "port_get_symbol": (pointer, [pointer, pointer]),
        "state_new_from_world": (pointer, [pointer, pointer, pointer]),
        "state_get_plugin_uri": (pointer, [pointer]),
        "state_get_label": (c.c_char_p, [pointer]),
        "state_restore": (None, [pointer, c.POINTER(_Instance), _SetValue, pointer, c.c_uint32, pointer]),
        "instance_free": (None, [c.POINTER(_Instance)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"lilv_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class Host:
    """A world of installed plug-ins and the features that this host gives them."""

    def __init__(self, sample_rate_hz: float, block_samples: int) -> None:
        self.lilv = _load_lilv()
        self.sample_rate_hz = sample_rate_hz
        self.block_samples = block_samples
        self._ids: dict[bytes, int] = {}
        self._names: dict[int, Any] = {}
        self._kept: list[Any] = []  # what C code points at must outlive this call
        self._make_features()
        self.world = self.lilv.lilv_world_new()
        self.lilv.lilv_world_load_all(self.world)

    def _make_features(self) -> None:
        map_function = _MapFunction(lambda _handle, uri: self.urid(uri))
        unmap_function = _UnmapFunction(lambda _handle, urid: c.cast(self._names[urid], c.c_void_p).value if urid in self._names else None)
        self.map, unmap = _Map(None, map_function), _Unmap(None, unmap_function)
        block, rate = c.c_int32(self.block_samples), c.c_float(self.sample_rate_hz)
        integer, real = self.urid(f"{_ATOM}Int".encode()), self.urid(f"{_ATOM}Float".encode())
        lengths = ("minBlockLength", "maxBlockLength", "nominalBlockLength")
        options = (_Option * 5)(
            *(_Option(0, 0, self.urid((_BUF_SIZE + name).encode()), 4, integer, c.addressof(block)) for name in lengths),
            _Option(0, 0, self.urid(_SAMPLE_RATE.encode()), 4, real, c.addressof(rate)),
        )
        data = {
            f"{_URID}map": c.addressof(self.map),
            f"{_URID}unmap": c.addressof(unmap),
            _OPTIONS: c.addressof(options),
            f"{_BUF_SIZE}boundedBlockLength": None,
            f"{_BUF_SIZE}fixedBlockLength": None,
            f"{_BUF_SIZE}powerOf2BlockLength": None,
        }
        self.given = frozenset(data)
        features = [_Feature(uri.encode(), address) for uri, address in data.items()]
        self.features = (c.c_void_p * (len(features) + 1))(*(c.addressof(feature) for feature in features), None)
        self._kept += [map_function, unmap_function, unmap, block, rate, options, features]

    def urid(self, uri: bytes) -> int:
        """Return the number of a URI, the same one every time."""
        if uri not in self._ids:
            self._ids[uri] = len(self._ids) + 1
            self._names[self._ids[uri]] = c.create_string_buffer(uri)
        return self._ids[uri]

    def uri(self, text: str) -> Any:
        return self.lilv.lilv_new_uri(self.world, text.encode())

    def nodes(self, collection: Any) -> list[Any]:
        """Return the nodes of a collection, which may be NULL."""
        found = []
        at = self.lilv.lilv_nodes_begin(collection) if collection else None
        while collection and not self.lilv.lilv_nodes_is_end(collection, at):
            found.append(self.lilv.lilv_nodes_get(collection, at))
            at = self.lilv.lilv_nodes_next(collection, at)
        return found

    def load_state(self, bundle: str) -> tuple[Any, Any]:
        """Return the state of a bundle's one preset, and its plug-in."""
        place = self.lilv.lilv_new_file_uri(self.world, None, f"{bundle.rstrip('/')}/".encode("utf-8", "surrogateescape"))
        self.lilv.lilv_world_load_bundle(self.world, place)
        prefix = self.lilv.lilv_node_as_uri(place)
        presets = self.nodes(self.lilv.lilv_world_find_nodes(self.world, None, self.uri(_RDF_TYPE), self.uri(_PRESET)))
        own = [node for node in presets if self.lilv.lilv_node_as_uri(node).startswith(prefix)]
        if len(own) != 1:
            raise JobError("preset", f"holds {len(own)} LV2 presets, expected one")
        self.lilv.lilv_world_load_resource(self.world, own[0])
        state = self.lilv.lilv_state_new_from_world(self.world, c.addressof(self.map), own[0])
        if not state:
            raise JobError("preset", "liblilv cannot read the preset")
        uri = self.lilv.lilv_state_get_plugin_uri(state)
        plugin = self.lilv.lilv_plugins_get_by_uri(self.lilv.lilv_world_get_all_plugins(self.world), uri)
        if not plugin:
            raise JobError("missing", f"the LV2 plug-in <{self.lilv.lilv_node_as_uri(uri).decode()}> is not installed")
        for node in self.nodes(self.lilv.lilv_plugin_get_required_features(plugin)):
            feature = self.lilv.lilv_node_as_uri(node).decode()
            if feature not in self.given:
                raise JobError("missing", f"this host lacks the feature <{feature}> that the LV2 plug-in needs")
        return state, plugin

    def about(self, state: Any, plugin: Any) -> dict[str, str]:
        """Return what a preset is of: the plug-in's URI, name and bundle, the preset's label, and the library that reads it."""
        name = self.lilv.lilv_plugin_get_name(plugin)
        texts = {
            "plugin": self.lilv.lilv_node_as_uri(self.lilv.lilv_state_get_plugin_uri(state)),
            "plugin_name": self.lilv.lilv_node_as_string(name) if name else b"",
            "plugin_bundle": self.lilv.lilv_node_as_uri(self.lilv.lilv_plugin_get_bundle_uri(plugin)),
            "label": self.lilv.lilv_state_get_label(state) or b"",
        }
        self.lilv.lilv_node_free(name)
        return {key: value.decode("utf-8", "replace") for key, value in texts.items()} | {"lilv": _lilv_version()}


def _lilv_version() -> str:
    """Return e.g. "0.24.14", from the name of the loaded file, since the library does not say; "" where the name does not either."""
    try:
        loaded = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"/liblilv-0\.so\.(\d+(?:\.\d+)+)\s", loaded)
    return found[1] if found else ""


class PluginInstance:
    """One instance of a plug-in with all its ports connected and a preset restored."""

    def __init__(self, host: Host, plugin: Any, state: Any) -> None:
        self._host = host
        lilv = host.lilv
        self._instance = lilv.lilv_plugin_instantiate(plugin, host.sample_rate_hz, host.features)
        if not self._instance:
            raise JobError("missing", "the LV2 plug-in cannot be instantiated")
        self._descriptor, self._handle = self._instance.contents.descriptor.contents, self._instance.contents.handle
        count = lilv.lilv_plugin_get_num_ports(plugin)
        defaults = (c.c_float * count)()
        lilv.lilv_plugin_get_port_ranges_float(plugin, None, None, defaults)
        self.inputs: list[NDArray[np.float32]] = []
        self.outputs: list[NDArray[np.float32]] = []
        self._controls: dict[bytes, c.c_float] = {}
        self._events: list[tuple[Any, bool]] = []
        self._kept: list[Any] = []
        classes = {name: host.uri(_LV2 + name) for name in ("InputPort", "ControlPort", "AudioPort", "CVPort")}
        classes["AtomPort"] = host.uri(f"{_ATOM}AtomPort")
        for index in range(count):
            port = lilv.lilv_plugin_get_port_by_index(plugin, index)
            is_a = {name: bool(lilv.lilv_port_is_a(plugin, port, node)) for name, node in classes.items()}
            symbol = lilv.lilv_node_as_string(lilv.lilv_port_get_symbol(plugin, port))
            default = defaults[index] if defaults[index] == defaults[index] else 0.0  # NaN: the port has none
            self._descriptor.connect_port(self._handle, index, self._buffer(symbol, is_a, default))
        set_value = _SetValue(self._set_value)
        lilv.lilv_state_restore(state, self._instance, set_value, None, 0, host.features)
        if self._descriptor.activate:
            self._descriptor.activate(self._handle)

    def _buffer(self, symbol: bytes, is_a: dict[str, bool], default: float) -> int | None:
        """Return the address that a port gets."""
        if is_a["ControlPort"]:
            value = c.c_float(default)
            self._kept.append(value)
            if is_a["InputPort"]:
                self._controls[symbol] = value
            return c.addressof(value)
        if is_a["AudioPort"] or is_a["CVPort"]:
            block = np.zeros(self._host.block_samples, dtype=np.float32)
            self._kept.append(block)
            if is_a["AudioPort"]:
                (self.inputs if is_a["InputPort"] else self.outputs).append(block)
            return int(block.ctypes.data)
        if is_a["AtomPort"]:
            events = (c.c_uint32 * (_ATOM_BYTES // 4))()
            self._events.append((events, is_a["InputPort"]))
            return c.addressof(events)
        return None

    def _set_value(self, symbol: bytes, _data: int | None, value: int, _size: int, value_type: int) -> None:
        for name, kind in _NUMBERS.items():
            if value_type == self._host.urid(f"{_ATOM}{name}".encode()) and symbol in self._controls:
                self._controls[symbol].value = float(kind.from_address(value).value)

    def run(self) -> None:
        """Run one block from the input buffers to the output buffers."""
        for events, is_input in self._events:  # an empty sequence in; room for one out
            kind = "Sequence" if is_input else "Chunk"
            events[0], events[1] = (8 if is_input else _ATOM_BYTES - 8), self._host.urid(f"{_ATOM}{kind}".encode())
            events[2] = events[3] = 0
        self._descriptor.run(self._handle, self._host.block_samples)

    def close(self) -> None:
        if self._descriptor.deactivate:
            self._descriptor.deactivate(self._handle)
        self._host.lilv.lilv_instance_free(self._instance)


def render(host: Host, state: Any, plugin: Any, samples: NDArray[np.float32], warm_up_samples: int) -> NDArray[np.float32]:
    """Return samples (channels, n) through a plug-in with a preset's state; a mono plug-in runs once for each channel."""
    channels, count = samples.shape
    first = PluginInstance(host, plugin, state)
    shape = (len(first.inputs), len(first.outputs))
    if shape not in ((1, 1), (channels, channels)):
        raise JobError("audio", f"audio has {channels} channels, the LV2 plug-in {shape[0]} inputs and {shape[1]} outputs")
    running = [first, *(PluginInstance(host, plugin, state) for _ in range(channels - 1 if shape == (1, 1) else 0))]
    inputs = [block for instance in running for block in instance.inputs]
    outputs = [block for instance in running for block in instance.outputs]
    result = np.zeros_like(samples)
    for start in range(-(-warm_up_samples // host.block_samples) * -host.block_samples, count, host.block_samples):
        size = min(host.block_samples, count - start) if start >= 0 else 0
        for channel, block in enumerate(inputs):
            block[:size] = samples[channel, start : start + size] if size else 0.0
            block[size:] = 0.0
        for instance in running:
            instance.run()
        if size:
            for channel, block in enumerate(outputs):
                result[channel, start : start + size] = block[:size]
    for instance in running:
        instance.close()
    return result


def main(folder: Path) -> None:
    """Do the job in a folder."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    samples = np.load(folder / "input.npy", allow_pickle=False)
    results: list[dict[str, str]] = []
    try:
        host = Host(job["sample_rate_hz"], job["block_samples"])
    except JobError as error:
        results = [{"error": error.kind, "why": str(error)} for _ in job["bundles"]]
    else:
        for number, bundle in enumerate(job["bundles"]):
            name = f"output{number}.npy"
            try:
                state, plugin = host.load_state(bundle)
                np.save(folder / name, render(host, state, plugin, samples, job["warm_up_samples"]), allow_pickle=False)
                results.append({"output": name} | host.about(state, plugin))
            except JobError as error:
                results.append({"error": error.kind, "why": str(error)})
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
