"""Stems that stay a mix: groups, one trim, one dose, one match, one loudness, and runs that go on."""

from __future__ import annotations

import contextlib
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import read_audio
from semeq_export.audio.true_peak import TruePeak
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, IntentError
from semeq_host.stems import stem
from semeq_host.stems.batch import Batch, plan_batch
from semeq_host.stems.entry import Entry, FailedEntry, ProcessedEntry
from semeq_host.stems.grouping import ALL, groups_of
from semeq_host.stems.hearing import heard_together
from semeq_host.stems.job import StemJob
from semeq_host.stems.pool import Crew, Finished
from semeq_host.stems.resources import StemResources
from semeq_host.stems.session_file import Session, StemRule, read_session_file
from semeq_host.stems.stem import run_stem
from semeq_host.streams.process_options import TRIM_PEAK_DBTP, ProcessOptions

RATE_HZ = 48_000
BOOST = EqSettings((Band(BandKind.PEAK, 300.0, 9.0, 0.7), Band(BandKind.HIGH_SHELF, 4_000.0, 4.0, 0.7)))
LEVELS = {"drums": 0.9, "bass": 0.3, "keys": 0.05}
WANTED = Session({"preset": "boost.json"})
WIDTH = {"FLOAT": 2.0**-24, "PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "DOUBLE": 2.0**-52}


def write(folder: Path, levels: dict[str, float] = LEVELS, *, subtype: str = "FLOAT", frames: int = 70_000, channels: int = 2) -> Path:
    """Stems of pink noise, each with its own peak."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (name, peak) in enumerate(levels.items()):
        rng = np.random.default_rng(index + 1)
        noise = apply_eq(
            EqSettings((Band(BandKind.HIGH_SHELF, 500.0, -12.0 + 3.0 * index, 0.5),)), rng.normal(0, 1, (channels, frames)), RATE_HZ
        )
        soundfile.write(folder / f"{name}.wav", (noise * peak / np.abs(noise).max()).T, RATE_HZ, subtype=subtype)
    return folder


def plan(
    folder: Path, out: Path, *, link: bool | None = True, session: Session = WANTED, resume: bool = False, **how: object
) -> list[StemJob]:
    options = ProcessOptions(**how)  # type: ignore[arg-type]
    return plan_batch([str(folder)], session, f"{out}/", options, read_preset=lambda _name: BOOST, resume=resume, link=link)


def run(batch: Batch, workers: int = 0, resources: StemResources | None = None) -> dict[str, Entry]:
    """The entries by the name of the stem; each job finishes exactly once."""
    found: dict[str, Entry] = {}
    with Crew(workers, None) if workers else contextlib.nullcontext() as crew:
        for event in batch.run(resources=None if crew else resources or StemResources(), crew=crew):
            if isinstance(event, Finished):
                name = batch.jobs[event.index].source.stem
                assert name not in found
                found[name] = event.entry
    assert len(found) == len(batch.jobs)
    return found


def processed(found: dict[str, Entry]) -> dict[str, ProcessedEntry]:
    assert all(isinstance(entry, ProcessedEntry) for entry in found.values()), found
    return {name: entry for name, entry in found.items() if isinstance(entry, ProcessedEntry)}


def summed(folder: Path) -> np.ndarray:
    return np.sum([soundfile.read(path, dtype="float64")[0].T for path in sorted(folder.glob("*.wav"))], axis=0)


def lufs(samples: np.ndarray) -> float:
    meter = Loudness(RATE_HZ, len(samples))
    meter.feed(samples)
    assert meter.lufs is not None
    return meter.lufs


def peak_dbtp(samples: np.ndarray) -> float:
    meter = TruePeak(RATE_HZ, len(samples))
    meter.feed(samples)
    meter.finish()
    return 20.0 * math.log10(meter.amplitude)


def decibels(ratio: float) -> float:
    return 20.0 * math.log10(ratio)


@pytest.mark.parametrize(("subtype", "workers"), [("FLOAT", 0), ("PCM_16", 0), ("PCM_24", 0), ("DOUBLE", 0), ("PCM_16", 2)])
def test_linked_stems_sum_to_the_processed_sum(tmp_path: Path, subtype: str, workers: int) -> None:
    """The law: within -140 dB in float, within half a step of each stem and one for its source's clipping in integers."""
    source = write(tmp_path / "in", subtype=subtype)
    found = processed(run(Batch(plan(source, tmp_path / "out"), None), workers))
    trims = {entry.trim_db for entry in found.values()}
    assert max(trims) - min(trims) <= 1e-9
    is_float = subtype in ("FLOAT", "DOUBLE")
    assert (max(trims) == 0.0) == is_float
    wanted = apply_eq(BOOST, summed(source), RATE_HZ) * 10.0 ** (max(trims) / 20.0)
    error = np.abs(summed(tmp_path / "out") - wanted).max()
    if is_float:
        assert decibels(float(error) / float(np.abs(wanted).max())) < -140.0
    else:
        assert error <= len(LEVELS) * 0.5 * WIDTH[subtype] * 1.001
        assert {entry.own_trim_db == 0.0 for entry in found.values()} == {True, False}  # one needed it, the others came along


def test_without_a_link_the_hot_stem_is_trimmed_alone(tmp_path: Path) -> None:
    found = processed(run(Batch(plan(write(tmp_path / "in", subtype="PCM_16"), tmp_path / "out", link=False), None)))
    assert found["drums"].trim_db < -1.0
    assert found["bass"].trim_db == found["keys"].trim_db == 0.0
    assert "group" not in found["drums"].to_dict()


@pytest.mark.parametrize(("left", "right"), [("OH.L", "OH.R"), ("OH_L", "OH_R"), ("OH L", "OH R"), ("oh.l", "oh.r")])
def test_a_split_pair_keeps_its_balance_by_default(tmp_path: Path, left: str, right: str) -> None:
    source = write(tmp_path / "in", {left: 0.95, right: 0.4, "solo.L": 0.9}, subtype="PCM_24", channels=1)
    found = processed(run(Batch(plan(source, tmp_path / "out", link=None), None)))
    assert found[left].trim_db == pytest.approx(found[right].trim_db, abs=1e-9)
    assert found[left].trim_db < -1.0
    assert found["solo.L"].trim_db != found[left].trim_db
    assert any(line.startswith("trimmed by -") and "with its group" in line for line in found[right].warnings)
    power = {}
    for folder in (source, tmp_path / "out"):
        parts = [apply_eq(BOOST, read_audio(folder / f"{name}.wav").samples.astype(float), RATE_HZ) for name in (left, right)]
        if folder != source:
            parts = [read_audio(folder / f"{name}.wav").samples.astype(float) for name in (left, right)]
        power[folder] = 10.0 * math.log10(float(np.square(parts[0]).sum() / np.square(parts[1]).sum()))
    assert power[source] == pytest.approx(power[tmp_path / "out"], abs=0.01)


def test_groups_by_name_by_pair_by_folder_and_by_wish() -> None:
    paths = [Path(name) for name in ("a/OH.L.wav", "a/OH.R.wav", "a/kick.wav", "b/x_L.wav", "b/x_R.flac", "b/y.wav", "c/z.wav")]
    plain, file = Session({"target": "warm"}), Session({"target": "warm"}, is_file=True)
    assert groups_of(paths, plain) == ["a/OH", "a/OH", "", "", "", "", ""]
    assert groups_of(paths, file) == ["a/", "a/", "a/", "b/", "b/", "b/", ""]
    assert groups_of(paths, plain, True) == [ALL] * 7
    assert groups_of(paths, file, False) == [""] * 7
    rules = (StemRule("OH*", {}, group="drums"), StemRule("kick*", {}, group="drums"), StemRule("z*", {}, group="lone"))
    named = Session({"target": "warm"}, rules, is_file=True)
    assert groups_of(paths, named) == ["drums", "drums", "drums", "b/", "b/", "b/", ""]
    assert groups_of(paths, named, True) == ["drums", "drums", "drums", ALL, ALL, ALL, ""]


def test_a_session_file_names_groups(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text('[default]\ntarget = "warm"\n[[stem]]\nfiles = "drum*"\ngroup = "drums"\n')
    session = read_session_file(path)
    assert (session.group_for("Drum1.wav"), session.group_for("bass.wav"), session.is_file) == ("drums", None, True)
    assert session.overridden({"target": "bright"}).is_file
    assert session.intent_for("drum1.wav") == session.intent_for("bass.wav")
    for bad in ("3", '""', "[1]"):
        path.write_text(f'[[stem]]\nfiles = "a"\ntarget = "warm"\ngroup = {bad}\n')
        with pytest.raises(IntentError, match=r"session\.toml: stem 1: group .* is not a name"):
            read_session_file(path)


def test_a_run_that_goes_on_finds_one_gain_for_all(tmp_path: Path) -> None:
    """A hotter stem that comes later takes the finished ones along; nothing is done where nothing changed."""
    source = write(tmp_path / "in", subtype="PCM_16")
    out = tmp_path / "out"
    first = processed(run(Batch(plan(source, out), None)))
    again = Batch(plan(source, out, resume=True), None, resume=True)
    assert len(again.skipped) == len(LEVELS)
    second = processed(run(again))
    assert all(second[name].resumed and second[name].trim_db == first[name].trim_db for name in LEVELS)
    write(source, {"zap": 0.99}, subtype="PCM_16", channels=2)
    (out / "bass.wav").unlink()
    third = processed(run(Batch(plan(source, out, resume=True), None, resume=True)))
    trims = [entry.trim_db for entry in third.values()]
    assert max(trims) - min(trims) <= 1e-9
    assert trims[0] < first["drums"].trim_db - 0.1
    wanted = apply_eq(BOOST, summed(source), RATE_HZ) * 10.0 ** (trims[0] / 20.0)
    assert np.abs(summed(out) - wanted).max() <= 4 * 0.5 * WIDTH["PCM_16"] * 1.001
    last = Batch(plan(source, out, resume=True), None, resume=True)
    assert len(last.skipped) == 4
    assert all(entry.resumed for entry in processed(run(last)).values())


@pytest.mark.parametrize("done", range(1, 5))
@pytest.mark.parametrize("how", [{}, {"lufs": -24.0}])
def test_interrupted_anywhere_and_resumed_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int, how: dict[str, object]
) -> None:
    """Three stems are written, and two or three of them corrected: a run ends after each of these."""
    source = write(tmp_path / "in", subtype="PCM_16", frames=40_000)
    whole = processed(run(Batch(plan(source, tmp_path / "whole", **how), None)))
    calls = []

    def stop(*arguments: object) -> Entry:
        calls.append(arguments)
        if len(calls) > done:
            raise KeyboardInterrupt
        return run_stem(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(stem, "run_stem", stop)
        with pytest.raises(KeyboardInterrupt):
            run(Batch(plan(source, tmp_path / "out", **how), None))
    assert len(calls) == done + 1
    resumed = processed(run(Batch(plan(source, tmp_path / "out", resume=True, **how), None, resume=True)))
    for name, entry in whole.items():
        assert resumed[name].output_sha256 == entry.output_sha256


def test_a_stem_that_fails_leaves_the_others_linked(tmp_path: Path) -> None:
    source = write(tmp_path / "in", subtype="PCM_16")
    (source / "broken.wav").write_bytes(b"<html>")
    found = run(Batch(plan(source, tmp_path / "out"), None))
    assert isinstance(found.pop("broken"), FailedEntry)
    trims = [entry.trim_db for entry in processed(found).values()]
    assert max(trims) - min(trims) <= 1e-9
    assert trims[0] < 0.0


def test_in_place_cannot_be_linked(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"OH.L": 0.9, "OH.R": 0.1}, subtype="PCM_16")
    with pytest.raises(IntentError, match="`link` needs the sources"):
        plan(source, source, in_place=True)
    assert [job.group for job in plan(source, source, link=None, in_place=True)] == ["", ""]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle(None), guess=True)


@pytest.mark.parametrize("values", [{"target": "warm", "mode": "adaptive"}, {"match": "ref.wav"}])
def test_the_dose_and_the_match_are_those_of_the_sum(tmp_path: Path, engine: Engine, values: dict[str, object]) -> None:
    source = write(tmp_path / "in", {"drums": 0.3, "bass": 0.2, "keys": 0.05})
    write(tmp_path, {"ref": 0.5})
    if "match" in values:
        values = {"match": str(tmp_path / "ref.wav")}
    session = Session(values)
    whole = tmp_path / "whole"
    whole.mkdir()
    soundfile.write(whole / "mix.wav", summed(source).T, RATE_HZ, subtype="DOUBLE")
    resources = StemResources(load_engine=lambda: engine)
    jobs = heard_together(resources, plan(source, tmp_path / "out", session=session))
    assert len({str(job.heard) for job in jobs}) == 1
    found = processed(run(Batch(jobs, None, journal=False), resources=resources))
    alone = processed(run(Batch(plan(whole, tmp_path / "out-mix", session=session), None, journal=False), resources=resources))["mix"]
    assert {entry.intensity for entry in found.values()} == {alone.intensity}
    for entry in found.values():
        assert entry.adaptation is not None
        assert alone.adaptation is not None
        assert entry.adaptation.dose_asked == pytest.approx(alone.adaptation.dose_asked)
    wanted = read_audio(tmp_path / "out-mix" / "mix.wav").samples
    assert decibels(float(np.abs(summed(tmp_path / "out") - wanted).max() / np.abs(wanted).max())) < -130.0
    elsewhere = heard_together(resources, plan(source, tmp_path / "workers", session=session))
    there = processed(run(Batch(elsewhere, None), workers=1))
    for name, entry in found.items():  # a job travels whole
        assert there[name].output_sha256 == entry.output_sha256
        assert there[name].adaptation == entry.adaptation


def test_what_cannot_be_read_is_not_heard(tmp_path: Path, engine: Engine) -> None:
    source = write(tmp_path / "in", {"a": 0.3, "b": 0.2})
    (source / "c.wav").write_bytes((source / "b.wav").read_bytes()[:4_000])
    (source / "d.wav").write_bytes(b"nothing")
    session = Session({"target": "warm", "mode": "adaptive"})
    resources = StemResources(load_engine=lambda: engine)
    jobs = heard_together(resources, plan(source, tmp_path / "out", session=session))
    (source / "c.wav").unlink()
    (source / "d.wav").unlink()
    fewer = heard_together(resources, plan(source, tmp_path / "out", session=session))
    assert jobs[0].heard == fewer[0].heard


@pytest.mark.parametrize("target", [-30.0, -16.0, -3.0])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_a_file_gets_its_loudness_as_far_as_its_peak_allows(tmp_path: Path, target: float, subtype: str) -> None:
    source = write(tmp_path / "in", {"drums": 0.9}, subtype=subtype, frames=120_000)
    entry = processed(run(Batch(plan(source, tmp_path / "out", lufs=target), None)))["drums"]
    result = read_audio(tmp_path / "out" / "drums.wav").samples.astype(np.float64)
    assert peak_dbtp(result) < 0.0
    missed = target - lufs(result)
    assert missed == pytest.approx(entry.match_missed_db, abs=0.02)
    said = [line for line in entry.warnings if "LU under" in line]
    if target == -3.0:
        assert missed > 1.0
        assert peak_dbtp(result) == pytest.approx(TRIM_PEAK_DBTP, abs=0.02)
        assert said == [f"{missed:.2f} LU under -3 LUFS: the true peak of -0.1 dBTP allows no more"]
    else:
        assert missed == pytest.approx(0.0, abs=0.02)
        assert said == []


@pytest.mark.parametrize("target", [-35.0, -20.0, -6.0])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_the_sum_of_a_group_gets_its_loudness(tmp_path: Path, target: float, subtype: str) -> None:
    source = write(tmp_path / "in", subtype=subtype, frames=120_000)
    found = processed(run(Batch(plan(source, tmp_path / "out", lufs=target), None)))
    total = summed(tmp_path / "out")
    gains = [entry.match_db + entry.trim_db for entry in found.values()]
    assert max(gains) - min(gains) <= 1e-9
    missed = target - lufs(total)
    assert missed == pytest.approx(found["drums"].match_missed_db, abs=0.02)
    assert peak_dbtp(total) < 0.0
    assert (missed > 1.0) == (target == -6.0)
    assert sum("LU quieter than asked for" in line for entry in found.values() for line in entry.warnings) == (target == -6.0)
    wanted = apply_eq(BOOST, summed(source), RATE_HZ) * 10.0 ** (gains[0] / 20.0)
    np.testing.assert_allclose(total, wanted, atol=3 * WIDTH["PCM_24"])
    again = Batch(plan(source, tmp_path / "out", lufs=target, resume=True), None, resume=True)
    assert all(entry.resumed for entry in processed(run(again)).values())


def test_what_a_group_misses_is_said_once_whoever_fails(tmp_path: Path) -> None:
    source = write(tmp_path / "in", frames=120_000)
    (source / "a.wav").write_bytes(b"<html>")
    found = run(Batch(plan(source, tmp_path / "out", lufs=-3.0), None))
    assert isinstance(found.pop("a"), FailedEntry)
    said = [line for entry in processed(found).values() for line in entry.warnings if "LU quieter than asked for" in line]
    assert len(said) == 1


def test_a_group_is_as_loud_as_before_together(tmp_path: Path) -> None:
    source = write(tmp_path / "in", subtype="FLOAT", frames=120_000)
    found = processed(run(Batch(plan(source, tmp_path / "out", match_loudness=True), None)))
    assert lufs(summed(tmp_path / "out")) == pytest.approx(lufs(summed(source)), abs=0.01)
    assert len({round(entry.match_db, 9) for entry in found.values()}) == 1


def test_deltas_sum_to_the_delta_of_the_sum_but_are_not_matched(tmp_path: Path) -> None:
    source = write(tmp_path / "in")
    run(Batch(plan(source, tmp_path / "out", delta=True), None))
    dry = summed(source)
    assert np.abs(summed(tmp_path / "out") - (apply_eq(BOOST, dry, RATE_HZ) - dry)).max() < 1e-6
    with pytest.raises(IntentError, match="`match_loudness` of linked stems"):
        plan(source, tmp_path / "matched", delta=True, match_loudness=True)
    session = Session({"preset": "boost.json"}, is_file=True)
    assert {job.group for job in plan(source, tmp_path / "x", link=None, session=session, delta=True, match_loudness=True)} == {""}
    assert {job.group for job in plan(source, tmp_path / "y", link=None, session=session, delta=True)} == {f"{source}/"}


def test_more_stems_than_can_be_open_are_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from semeq_host.stems import hearing, mix

    for module in (hearing, mix):
        monkeypatch.setattr(module, "MAX_TOGETHER", 2)
    source = write(tmp_path / "in")
    with pytest.raises(IntentError, match="3 stems, of which at most 2"):
        heard_together(StemResources(), plan(source, tmp_path / "out", lufs=-20.0))
    matched = Session({"match": str(source / "bass.wav")})
    with pytest.raises(IntentError, match="a group of 3 stems cannot be heard together"):
        heard_together(StemResources(), plan(source, tmp_path / "out", session=matched))


def test_a_sum_of_two_rates_has_no_loudness(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"a": 0.1})
    soundfile.write(source / "b.wav", np.zeros((1_000, 2)), 44_100)
    with pytest.raises(IntentError, match="44100 and 48000 Hz have no sum"):
        heard_together(StemResources(), plan(source, tmp_path / "out", lufs=-20.0))
    assert heard_together(StemResources(), plan(source, tmp_path / "out")) == plan(source, tmp_path / "out")


@pytest.mark.parametrize("how", [{"match_loudness": True}, {"peak_guard": "refuse"}, {"delta": True}])
def test_what_a_loudness_cannot_be_asked_with(how: dict[str, object]) -> None:
    with pytest.raises(AudioError, match="`lufs`"):
        ProcessOptions(lufs=-16.0, **how)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="outside -70..0"):
        ProcessOptions(lufs=1.0)


def test_progress_is_told_of_the_stem_that_is_being_made(tmp_path: Path) -> None:
    """Results of a group wait for each other, its progress does not."""
    batch = Batch(plan(write(tmp_path / "in", subtype="PCM_24"), tmp_path / "out"), None)
    told: list[int] = []
    for _ in batch.run(resources=StemResources(), progress=lambda _done, _total: told.append(batch.current)):
        pass
    made = [index for index, _ in itertools.groupby(told)]
    assert made == [0, 1, 2, 0, 2], "the loudest decides, and the others are made once more"


def test_a_group_with_a_stem_that_is_given_up_is_settled_without_it(tmp_path: Path) -> None:
    chain = str(tmp_path / "hang.toml")
    Path(chain).write_text('[[effect]]\nname = "Gain"\n')
    session = Session({"preset": "boost.json"}, (StemRule("keys*", {"chain": chain}),))
    batch = Batch(plan(write(tmp_path / "in", subtype="PCM_24"), tmp_path / "out", session=session), None, given_up={chain: 1.0})
    found = run(batch)
    assert isinstance(found["keys"], FailedEntry)
    assert found["keys"].code == "plugin-timeout"
    left = processed({name: entry for name, entry in found.items() if name != "keys"})
    gains = [entry.trim_db for entry in left.values()]
    assert gains[0] == pytest.approx(gains[1], abs=1e-6)
    assert gains[0] < 0.0
