"""The LV2's state through its own interface: it goes by the names of words, in a bundle of other words too."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cpp.conftest import Kit, change_words, listed_words

pytestmark = pytest.mark.cpp

RATE_HZ = 48_000
AUDIO_PORTS, WORD, SECOND_WORD, MORPH, INTENSITY = 4, 0, 1, 2, 3
OUTPUT_GAIN_DB, BYPASS, KEEP_MEANING = 7, 9, 10
DEFAULTS = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]

MapFunction = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_char_p)
StoreFunction = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32, ctypes.c_uint32
)
RetrieveFunction = ctypes.CFUNCTYPE(
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_uint32),
    ctypes.POINTER(ctypes.c_uint32),
)


class UridMap(ctypes.Structure):
    _fields_ = (("handle", ctypes.c_void_p), ("map", MapFunction))


class Feature(ctypes.Structure):
    _fields_ = (("uri", ctypes.c_char_p), ("data", ctypes.c_void_p))


class Descriptor(ctypes.Structure):
    _fields_ = (
        ("uri", ctypes.c_char_p),
        ("instantiate", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double, ctypes.c_char_p, ctypes.c_void_p)),
        ("connect_port", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)),
        ("activate", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32)),
        ("deactivate", ctypes.c_void_p),
        ("cleanup", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("extension_data", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)),
    )


class StateInterface(ctypes.Structure):
    _fields_ = (
        ("save", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, StoreFunction, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)),
        ("restore", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, RetrieveFunction, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)),
    )


class Plugin:
    """An instance with its ports, as small as a host can be."""

    def __init__(self, bundle: Path) -> None:
        library = ctypes.CDLL(str(bundle / "semeq.so"))
        library.lv2_descriptor.restype = ctypes.POINTER(Descriptor)
        self.descriptor = library.lv2_descriptor(0).contents
        uris: dict[bytes, int] = {}
        self._map = UridMap(None, MapFunction(lambda _, uri: uris.setdefault(uri, len(uris) + 1)))
        self._feature = Feature(b"http://lv2plug.in/ns/ext/urid#map", ctypes.cast(ctypes.pointer(self._map), ctypes.c_void_p))
        features = (ctypes.POINTER(Feature) * 2)(ctypes.pointer(self._feature), None)
        self.handle = self.descriptor.instantiate(None, RATE_HZ, f"{bundle}/".encode(), ctypes.cast(features, ctypes.c_void_p))
        assert self.handle
        self.controls = (ctypes.c_float * len(DEFAULTS))(*DEFAULTS)
        for index in range(len(DEFAULTS)):
            place = ctypes.addressof(self.controls) + 4 * index
            self.descriptor.connect_port(self.handle, AUDIO_PORTS + index, place)
        self.state = ctypes.cast(
            self.descriptor.extension_data(b"http://lv2plug.in/ns/ext/state#interface"), ctypes.POINTER(StateInterface)
        ).contents

    def impulse(self) -> np.ndarray:
        """Return the impulse response (2, 4096), started anew."""
        audio = np.zeros((4, 4_096), np.float32)
        audio[:2, 0] = 1.0
        self.descriptor.activate(self.handle)
        for port in range(AUDIO_PORTS):
            self.descriptor.connect_port(self.handle, port, audio[port].ctypes.data)
        self.descriptor.run(self.handle, audio.shape[1])
        return audio[2:]

    def run(self, audio: np.ndarray, ports: tuple[int, int, int, int], blocks: tuple[int, ...]) -> None:
        """Play audio (rows, samples) in blocks, started anew; `ports` says which row is in left, in right, out left and out right."""
        self.descriptor.activate(self.handle)
        start = 0
        for size in blocks:
            for port, row in enumerate(ports):
                self.descriptor.connect_port(self.handle, port, audio[row, start:].ctypes.data)
            self.descriptor.run(self.handle, size)
            start += size

    def save(self) -> bytes:
        held: list[bytes] = []

        def store(_handle: object, _key: int, value: int, size: int, _type: int, _flags: int) -> int:
            held.append(ctypes.string_at(value, size))
            return 0

        assert self.state.save(self.handle, StoreFunction(store), None, 0, None) == 0
        return held[0]

    def restore(self, data: bytes) -> int:
        buffer = ctypes.create_string_buffer(data, len(data))

        def retrieve(_handle: object, _key: int, size: ctypes.Array, kind: ctypes.Array, flags: ctypes.Array) -> int:
            size[0], kind[0], flags[0] = len(data), 2, 3  # the plug-in maps its key first, then atom:Chunk
            return ctypes.addressof(buffer)

        return int(self.state.restore(self.handle, RetrieveFunction(retrieve), None, 0, None))

    def close(self) -> None:
        self.descriptor.cleanup(self.handle)


@pytest.fixture
def plugins(kit: Kit, tmp_path: Path) -> Iterator[tuple[Plugin, Plugin, list[str]]]:
    """The plug-in, the same with a bundle of fewer words in which warm means something else, and the first one's words."""
    shutil.copytree(kit.lv2, tmp_path / "other.lv2")
    change_words(
        tmp_path / "other.lv2",
        lambda terms: {word: {**term, "z": terms["tinny" if word == "warm" else word]["z"]} for word, term in terms.items() if word > "c"},
    )
    one, other = Plugin(kit.lv2), Plugin(tmp_path / "other.lv2")
    yield one, other, listed_words(kit.lv2)
    one.close()
    other.close()


def test_state_goes_by_name(plugins: tuple[Plugin, Plugin, list[str]]) -> None:
    one, other, words = plugins
    one.controls[WORD], one.controls[INTENSITY] = words.index("warm") + 1, 1.5
    wanted = one.impulse()
    assert np.abs(wanted[:, 1:]).max() > 0.01
    state = one.save()
    assert other.restore(state) == 0
    other.controls[:] = one.controls[:]  # what a host does: it restores the ports as well, and 73 words became fewer
    np.testing.assert_allclose(other.impulse(), wanted, atol=1e-7)  # what warm meant
    other.controls[KEEP_MEANING] = 0.0
    new = other.impulse()
    assert np.abs(new - wanted).max() > 0.01
    other.controls[KEEP_MEANING] = 1.0
    np.testing.assert_allclose(other.impulse(), wanted, atol=1e-7)
    other.controls[WORD] = 1.0  # a turn of the knob counts again
    assert np.abs(other.impulse() - wanted).max() > 0.01
    assert np.abs(other.impulse() - new).max() > 0.01


@pytest.mark.parametrize("is_bypassed", [False, True])
def test_buffers_may_be_crossed_and_shared(plugins: tuple[Plugin, Plugin, list[str]], is_bypassed: bool) -> None:
    one, _, words = plugins
    one.controls[WORD], one.controls[BYPASS] = words.index("warm") + 1, float(is_bypassed)
    noise = np.random.default_rng(1).normal(scale=0.1, size=(2, 4_000)).astype(np.float32)
    blocks = (1, 511, 700, 2_788)

    def play(ports: tuple[int, int, int, int]) -> np.ndarray:
        audio = np.concatenate([noise, np.zeros_like(noise)])
        one.run(audio, ports, blocks)
        return audio[list(ports[2:])]

    apart = play((0, 1, 2, 3))
    assert np.array_equal(apart, noise) == is_bypassed
    for ports in ((0, 1, 0, 1), (0, 1, 1, 0), (0, 1, 1, 2), (0, 1, 2, 0)):
        np.testing.assert_array_equal(play(ports), apart)
    np.testing.assert_array_equal(play((0, 0, 0, 1)), play((0, 0, 2, 3)))


def test_a_limited_output_is_told(plugins: tuple[Plugin, Plugin, list[str]]) -> None:
    one, _, _ = plugins
    told = np.full(1, -1.0, np.float32)
    one.descriptor.connect_port(one.handle, AUDIO_PORTS + len(DEFAULTS), told.ctypes.data)
    one.controls[OUTPUT_GAIN_DB] = 24.0
    for level, wanted in ((0.5, 0.0), (2.0, 1.0)):
        audio = np.full((2, 512), level, np.float32)
        one.run(audio, (0, 1, 0, 1), (512,))
        assert told[0] == wanted
        assert np.abs(audio).max() <= 10.0 ** (24.0 / 20.0) * 1.000001


def test_a_damaged_state_is_refused_and_changes_nothing(plugins: tuple[Plugin, Plugin, list[str]]) -> None:
    one, _, words = plugins
    one.controls[WORD] = words.index("bright") + 1
    wanted, state = one.impulse(), one.save()
    for damaged in (b"", state[:-3], state[:20] + bytes([state[20] ^ 1]) + state[21:], b"\xff" * 200):
        assert one.restore(damaged) != 0
    np.testing.assert_array_equal(one.impulse(), wanted)
