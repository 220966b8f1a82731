"""PipeWire loads filter-chain files, and what it plays is measured; files that would make it do more than filter are not given to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from conftest import skip_or_fail
from strategies import T5

import semeq_presets as presets
from semeq_export.eq.biquad import response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import EnvironmentFailure, MissingHostError, PresetReadError
from semeq_host.lab import _sound_server, pipewire

ABOVE_120_HZ = log_grid(500, 120.0)
CHAIN = "context.modules = [ { name = libpipewire-module-filter-chain args = { filter.graph = { nodes = [ %s ] } } } ]"
PEAK = "{ type = builtin name = a label = bq_peaking control = { Freq = 1000 Q = 1 Gain = 6 } }"

Result = TypeVar("Result")


def text_of(eq: EqSettings) -> str:
    (data,) = presets.write(eq, "pipewire").files.values()
    return data.decode()


def in_host(measure: Callable[[], Result]) -> Result:
    try:
        return measure()
    except MissingHostError as error:
        skip_or_fail(str(error))


@pytest.mark.daw
@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_both_channels_at_other_rates(rate_hz: int) -> None:
    eq = EqSettings((Band(BandKind.PEAK, 700.0, -6.0, 1.3), Band(BandKind.PEAK, 5_000.0, 4.0, 0.8)), -3.0)
    (measured,) = in_host(lambda: pipewire.measure([text_of(eq)], rate_hz))
    assert measured.samples.shape[0] == 2
    for channel_db in measured.response_db(ABOVE_120_HZ):
        assert np.abs(channel_db - response_db(eq, ABOVE_120_HZ, float(rate_hz))).max() <= 0.01


@pytest.mark.daw
@pytest.mark.slow
def test_shelves_are_of_one_q_before_pipewire_1_4_and_the_writer_says_what_that_changes() -> None:
    eq = EqSettings((Band(BandKind.LOW_SHELF, 500.0, 6.0, 1.6), Band(BandKind.HIGH_SHELF, 4_000.0, -6.0, 0.4)))
    (note,) = presets.write(eq, "pipewire").notes
    (measured,) = in_host(lambda: pipewire.measure([text_of(eq)]))
    off_db = np.abs(measured.response_db(ABOVE_120_HZ)[0] - response_db(eq, ABOVE_120_HZ, 48_000.0)).max()
    version = tuple(int(number) for number in measured.host.removeprefix("PipeWire ").split(".")[:2])
    if version >= (1, 4):
        assert off_db <= 0.01
        return
    assert f"{off_db:.1f}" == f"{float(str(note.got).split()[2]):.1f}"
    old = EqSettings(tuple(Band(band.kind, band.freq_hz, band.gain_db, 0.5**0.5) for band in eq.bands))
    assert np.abs(measured.response_db(ABOVE_120_HZ)[0] - response_db(old, ABOVE_120_HZ, 48_000.0)).max() <= 0.01


@pytest.mark.daw
@pytest.mark.slow
def test_the_q_of_passes_is_a_resonance_in_db_before_pipewire_1_4() -> None:
    eq = EqSettings((Band(BandKind.HIGH_PASS, 500.0, q=2.0), Band(BandKind.LOW_PASS, 6_000.0, q=0.5)))
    (note,) = presets.write(eq, "pipewire").notes
    (measured,) = in_host(lambda: pipewire.measure([text_of(eq)]))
    off_db = np.abs(measured.response_db(ABOVE_120_HZ)[0] - response_db(eq, ABOVE_120_HZ, 48_000.0)).max()
    old = tuple(int(number) for number in measured.host.removeprefix("PipeWire ").split(".")[:2]) < (1, 4)
    assert abs(off_db - (float(str(note.got).split()[2]) if old else 0.0)) <= 0.05


@pytest.mark.daw
@pytest.mark.slow
def test_each_channel_is_played_with_its_own_eq() -> None:
    eqs = {
        "left": EqSettings((Band(BandKind.NOTCH, 900.0, q=1.0), Band(BandKind.PEAK, 4_000.0, 5.0, 1.0)), -4.0),
        "right": EqSettings((Band(BandKind.BAND_PASS, 1_500.0, q=0.4), Band(BandKind.ALL_PASS, 300.0))),
    }
    (data,) = presets.write(ChannelEqs(tuple(eqs.items())), "pipewire").files.values()
    (measured,) = in_host(lambda: pipewire.measure([data.decode()]))
    for held_db, eq in zip(measured.response_db(ABOVE_120_HZ), eqs.values(), strict=True):
        assert np.abs(np.maximum(held_db, -40.0) - np.maximum(response_db(eq, ABOVE_120_HZ, 48_000.0), -40.0)).max() <= 0.02


def test_nothing_is_said_of_shelves_where_it_changes_nothing() -> None:
    assert presets.write(T5, "pipewire").notes == ()
    assert presets.write(EqSettings((Band(BandKind.PEAK, 500.0, 6.0, 9.0),)), "pipewire").notes == ()


@pytest.mark.daw
@pytest.mark.parametrize(
    "text",
    [
        "context.modules = [ { name = libpipewire-module-rt args = { } } ]",
        CHAIN % "{ type = ladspa name = a plugin = evil label = bq_peaking }",
        CHAIN % "{ type = builtin name = a label = convolver config = { filename = /etc/passwd } }",
        CHAIN % PEAK + "\ncontext.exec = [ { path = /bin/false } ]",
        CHAIN % PEAK + "\n" + CHAIN % "{ type = ladspa name = a plugin = evil label = bq_peaking }",
        CHAIN % PEAK.replace("name = a", "name = a type = ladspa plugin = evil"),
    ],
)
def test_a_file_that_does_more_than_filter_is_not_given_to_pipewire(text: str) -> None:
    with pytest.raises(PresetReadError, match="given"):
        in_host(lambda: pipewire.measure([text]))


@pytest.mark.daw
@pytest.mark.slow
@pytest.mark.parametrize("text", ["", CHAIN % PEAK.replace("bq_peaking", "bq_unheard_of")])
def test_a_file_that_pipewire_refuses_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(PresetReadError, match="refuses it"):
        in_host(lambda: pipewire.measure([text]))


def test_lost_sound_is_seen() -> None:
    played = _sound_server._signal()
    late = np.pad(played, ((0, 0), (8_192, 0)))
    assert np.argmax(_sound_server._after_the_impulse(late)[0]) == 0
    for lost in (np.delete(late, slice(70_000, 70_256), axis=1), late[:, :90_000], np.zeros((3, 90_000)), late[:, 56_000:]):
        with pytest.raises(EnvironmentFailure, match="lost some"):
            _sound_server._after_the_impulse(lost)
