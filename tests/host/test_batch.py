"""Batches: workers that die cost one file, runs that were killed go on, and nobody's files are lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pedalboard
import pytest
import soundfile
from conftest import ROOT
from fake_engine import WARM

from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, OutputError
from semeq_host import read_chain
from semeq_host.stems.batch import Batch, plan_batch
from semeq_host.stems.entry import DoneEntry, Entry, FailedEntry, ProcessedEntry, read_entry
from semeq_host.stems.job import StemJob, sha256_of
from semeq_host.stems.journal import JOURNAL, Claim, Done, Journal
from semeq_host.stems.pool import Crew, Finished
from semeq_host.stems.resources import StemResources
from semeq_host.stems.session_file import Session
from semeq_host.streams.process_options import ProcessOptions

WANTED = Session({"preset": "warm.json"})


def stems(folder: Path, count: int = 4, *, frames: int = 9_000) -> Path:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    for index in range(count):
        soundfile.write(folder / f"{index:02}.wav", rng.uniform(-0.1, 0.1, (frames, 2)), 48_000, subtype="PCM_24")
    return folder


def plan(folder: Path, out: Path, *, options: ProcessOptions | None = None, eq: EqSettings = WARM, resume: bool = False) -> list[StemJob]:
    return plan_batch([str(folder)], WANTED, f"{out}/", options or ProcessOptions(), read_preset=lambda _name: eq, resume=resume)


def entries(batch: Batch, workers: int = 0) -> list[Entry]:
    """Every entry in the order of the plan; exactly one for each job."""
    found: dict[int, Entry] = {}
    with Crew(workers, None) if workers else contextlib.nullcontext() as crew:
        for event in batch.run(resources=StemResources() if crew is None else None, crew=crew):
            if isinstance(event, Finished):
                assert event.index not in found
                found[event.index] = event.entry
    return [found[index] for index in range(len(batch.jobs))]


def without_times(entry: Entry) -> dict[str, object]:
    return {key: value for key, value in entry.to_dict().items() if key not in ("taken_s", "times_real_time", "resumed")}


def hashes(found: list[Entry]) -> list[str]:
    """Hashes of the outputs, none of which failed."""
    return [entry.output_sha256 for entry in found if not isinstance(entry, FailedEntry)]


def test_workers_and_this_process_give_the_same_bytes_and_entries(tmp_path: Path) -> None:
    source = stems(tmp_path / "in")
    (source / "02.wav").write_bytes(b"<html>")
    results = []
    for name, workers in (("here", 0), ("there", 2)):
        found = entries(Batch(plan(source, tmp_path / name), None), workers)
        assert [entry.output is None for entry in found] == [False, False, True, False]
        for entry in found:
            if isinstance(entry, DoneEntry):
                assert entry.output_sha256 == sha256_of(entry.output)
                assert entry.source_sha256 == sha256_of(entry.path)
        results.append([without_times(entry) | {"output": None} for entry in found])
    assert results[0] == results[1]


CRASHING = """
import os, signal, sys
import semeq_export.audio.reader as audio
if any("stems._worker" in argument for argument in sys.orig_argv):
    open_before = audio.open_audio
    def opened(path, **keywords):
        name = os.path.basename(str(path))
        if "crash" in name:
            open(os.path.join(os.path.dirname(str(path)), "..", "out", f".semeq-{os.getpid()}-x.tmp"), "w").close()
            os.kill(os.getpid(), getattr(signal, "SIGSEGV"))
        if "bug" in name:
            raise RuntimeError("a mistake of ours")
        return open_before(path, **keywords)
    audio.open_audio = opened
"""


def test_a_crash_costs_one_file_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # faults B9, E14
    """The decoder dies of two of the files, in whatever worker gets them."""
    source = stems(tmp_path / "in", 5)
    (source / "01.wav").rename(source / "01 crash.wav")
    (source / "03.wav").rename(source / "03 bug.wav")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CRASHING)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    found = entries(Batch(plan(source, tmp_path / "out"), None), 2)
    assert [entry.output is None for entry in found] == [False, True, False, True, False]
    assert isinstance(found[1], FailedEntry)
    assert isinstance(found[3], FailedEntry)
    assert found[1].code == "crashed"
    assert found[1].error.startswith(f"{source / '01 crash.wav'}: its decoder or a plug-in crashed the worker process, 2 times")
    assert "SIGSEGV" in found[1].error
    assert "exit status 1: RuntimeError: a mistake of ours" in found[3].error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [JOURNAL, "00.wav", "02.wav", "04.wav"]


def test_a_worker_that_is_killed_once_is_replaced(tmp_path: Path) -> None:
    """Not the file's fault: somebody else needed the memory."""
    source = stems(tmp_path / "in", 6, frames=200_000)
    found, killed = [], False
    with Crew(2, None) as crew:
        for event in crew.run(plan(source, tmp_path / "out")):
            if isinstance(event, Finished):
                found.append(event.entry)
            if not killed:
                (first, *_) = children("stems._worker")
                os.kill(first, signal.SIGKILL)
                killed = True
    assert len(found) == 6
    assert all(entry.output is not None for entry in found)


def children(name: str) -> list[int]:
    """Process ids of our own children with a word in their command line."""
    task = Path(f"/proc/{os.getpid()}/task")
    found: list[int] = []
    for thread in task.iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
            ids = [int(number) for number in (thread / "children").read_text().split()]
            found += [number for number in ids if name in Path(f"/proc/{number}/cmdline").read_bytes().decode()]
    return found


def test_closing_a_batch_ends_its_workers_and_leaves_nothing(tmp_path: Path) -> None:  # fault C8
    source = stems(tmp_path / "in", 4, frames=1_000_000)
    batch = Batch(plan(source, tmp_path / "out"), None)
    with Crew(2, None) as crew:
        running = batch.run(crew=crew)
        next(running)
        running.close()
    assert children("stems._worker") == []
    assert all(path.suffix == ".wav" or path.name == JOURNAL for path in (tmp_path / "out").iterdir())


def test_workers_start_before_their_jobs_are_known_and_go_without_any() -> None:
    with Crew(2, None) as crew:
        while len(children("stems._worker")) < 2:
            pass
        assert list(crew.run([])) == []
    assert children("stems._worker") == []


def test_resuming_skips_what_is_done_and_gives_the_same_result(tmp_path: Path) -> None:  # fault E16
    source = stems(tmp_path / "in")
    whole = entries(Batch(plan(source, tmp_path / "whole"), None))
    first = Batch(plan(source, tmp_path / "out"), None)
    running = first.run(resources=StemResources())
    done = [next(running), next(running)]
    running.close()
    assert len(done) == 2
    again = Batch(plan(source, tmp_path / "out", resume=True), None, resume=True)
    assert sorted(again.skipped) == [0, 1]
    found = entries(again)
    assert hashes(found) == hashes(whole)
    assert sorted(Batch(plan(source, tmp_path / "out", resume=True), None, resume=True).skipped) == [0, 1, 2, 3]


@pytest.mark.parametrize("change", ["source", "words", "option"])
def test_what_changed_is_done_again(tmp_path: Path, change: str) -> None:
    source = stems(tmp_path / "in")
    entries(Batch(plan(source, tmp_path / "out"), None))
    eq, options = WARM, ProcessOptions()
    if change == "source":
        soundfile.write(source / "01.wav", np.zeros((5_000, 1)) + 0.1, 48_000, subtype="PCM_24")
    elif change == "words":
        eq = WARM.scaled(0.5)
    else:
        options = ProcessOptions(subtype="FLOAT")
    again = Batch(plan(source, tmp_path / "out", options=options, eq=eq, resume=True), None, resume=True)
    assert sorted(again.skipped) == ([0, 2, 3] if change == "source" else [])
    fresh = entries(Batch(plan(source, tmp_path / "fresh", options=options, eq=eq), None))
    assert hashes(entries(again)) == hashes(fresh)


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    source = stems(tmp_path / "in", 2)
    entries(Batch(plan(source, tmp_path / "out"), None))
    (tmp_path / "out" / "01.wav").write_bytes(b"edited by hand")
    with pytest.raises(OutputError, match=r"01\.wav: was changed after it was made; use `overwrite`"):
        Batch(plan(source, tmp_path / "out", resume=True), None, resume=True)
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "00.wav").write_bytes(b"somebody's")
    with pytest.raises(OutputError, match="exists already"):
        Batch(plan(source, tmp_path / "strange", resume=True), None, resume=True)
    assert (tmp_path / "strange" / "00.wav").read_bytes() == b"somebody's"
    forced = Batch(plan(source, tmp_path / "out", options=ProcessOptions(overwrite=True), resume=True), None, resume=True)
    assert sorted(forced.skipped) == [0]


def test_an_output_that_was_placed_but_not_written_down_is_made_again(tmp_path: Path) -> None:
    source = stems(tmp_path / "in", 2)
    whole = entries(Batch(plan(source, tmp_path / "out"), None))
    journal = tmp_path / "out" / JOURNAL
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][: len(lines[-1]) // 2])  # cut short by a crash
    again = Batch(plan(source, tmp_path / "out", resume=True), None, resume=True)
    assert sorted(again.skipped) == [0]
    assert hashes(entries(again)) == hashes(whole)
    assert len(Batch(plan(source, tmp_path / "out", resume=True), None, resume=True).skipped) == 2


def test_a_changed_impulse_response_or_plugin_is_processed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stems(tmp_path / "in", 2)
    soundfile.write(tmp_path / "room.wav", np.hanning(64), 48_000, subtype="FLOAT")
    bundle = tmp_path / "Some.vst3" / "Contents" / "x86_64-linux"
    bundle.mkdir(parents=True)
    (bundle / "Some.so").write_bytes(b"1")
    chain = tmp_path / "chain.toml"
    chain.write_text(
        '[[plugin]]\ntype = "Mix"\n[[plugin.plugin]]\ntype = "Convolution"\nimpulse_response_filename = "room.wav"\n'
        '[[plugin.plugin]]\ntype = "Gain"\n'
    )

    def left() -> int:
        options, session = ProcessOptions(), Session({"chain": str(chain)})
        jobs = plan_batch([str(source)], session, f"{tmp_path}/out/", options, read_preset=lambda _: WARM, resume=True)
        batch = Batch(jobs, None, resume=True)
        if any(spec.type == "VST3" for spec in read_chain(chain).plugins):  # that such a plug-in loads is not the question
            monkeypatch.setattr("semeq_host.chains.chain_file.load_plugin", lambda *_, **__: pedalboard.Gain())
        entries(batch)
        return len(jobs) - len(batch.skipped)

    assert (left(), left()) == (2, 0)
    soundfile.write(tmp_path / "room.wav", np.hanning(65), 48_000, subtype="FLOAT")
    assert (left(), left()) == (2, 0)
    chain.write_text(chain.read_text() + '[[plugin]]\ntype = "VST3"\npath = "Some.vst3"\n')
    assert (left(), left()) == (2, 0)
    (bundle / "Some.so").write_bytes(b"2")
    assert (left(), left()) == (2, 0)


def test_in_place_nothing_is_processed_twice(tmp_path: Path) -> None:  # faults C9, E16
    source = stems(tmp_path / "in")
    whole = entries(Batch(plan(source, tmp_path / "out"), None))
    options = ProcessOptions(in_place=True)
    running = Batch(plan(source, source, options=options), None).run(resources=StemResources())
    next(running)
    next(running)
    running.close()
    journal = source / JOURNAL
    journal.write_text("\n".join(journal.read_text().splitlines()[:-1]) + "\n")  # killed after the second was replaced
    again = Batch(plan(source, source, options=options, resume=True), None, resume=True)
    assert sorted(again.skipped) == [0]
    found = entries(again)
    assert isinstance(found[1], DoneEntry)
    assert "was replaced before the run was interrupted" in str(found[1].warnings)
    assert [sha256_of(path) for path in sorted(source.glob("*.wav"))] == hashes(whole)


def test_a_journal_survives_damage_and_keeps_the_last_word(tmp_path: Path) -> None:
    def done(sha256: str) -> Done:
        return Done("k", DoneEntry(path="in/a.wav", output="a.wav", output_sha256=sha256, warnings=()))

    journal = Journal(tmp_path)
    journal.claim([("a.wav", Claim("k", None)), ("b.wav", Claim("k", "s"))])
    journal.finish("a.wav", done("1"))
    journal.finish("a.wav", done("2"))
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"done": "b.wav", "k')
    again = Journal(tmp_path)
    assert again.claims["b.wav"] == Claim("k", "s")
    assert {name: done.entry.output_sha256 for name, done in again.done.items()} == {"a.wav": "2"}
    again.finish("b.wav", done("3"))  # begins on a line of its own
    assert Journal(tmp_path).done["b.wav"].entry.output_sha256 == "3"
    again.claim([("b.wav", Claim("other", None))])
    assert "b.wav" not in Journal(tmp_path).done


def test_a_journal_of_an_earlier_version_is_read_and_written_to_the_byte(tmp_path: Path) -> None:
    """Written by commit d2a6027: of words that listened to a whole file and as a stream would, and of a reference that was followed."""
    text = Path(__file__).with_name("journal_of_d2a6027.jsonl").read_text()
    (tmp_path / JOURNAL).write_text(text)
    read = Journal(tmp_path)
    assert all(isinstance(done.entry, ProcessedEntry) for done in read.done.values())
    (tmp_path / "again").mkdir()
    again = Journal(tmp_path / "again")
    for name, done in read.done.items():
        again.finish(name, done)
    assert (tmp_path / "again" / JOURNAL).read_text().splitlines() == [line for line in text.splitlines() if line.startswith('{"done"')]
    older = Done("k", DoneEntry(path="a", output="b", output_sha256="c", source_sha256="d", warnings=()))
    (tmp_path / JOURNAL).write_text(
        '{"done": "b", "key": "k", "entry": {"path": "a", "output": "b", "output_sha256": "c", "source_sha256": "d", "warnings": []}}\n'
    )
    assert Journal(tmp_path).done == {"b": older}  # by a version that says less


def test_entries_survive_the_way_to_another_process_and_keep_the_keys_of_reports(tmp_path: Path) -> None:
    source = stems(tmp_path / "in", 2)
    (source / "01.wav").write_bytes(b"<html>")
    processed, failed = entries(Batch(plan(source, tmp_path / "out"), None))
    assert failed.to_dict().keys() == {"path", "output", "error", "code", "exit_code"}
    assert failed.to_dict()["output"] is None
    assert {"eq", "adaptation", "summary", "taken_s", "output_sha256"} <= processed.to_dict().keys()
    assert "resumed" not in processed.to_dict()
    for entry in (processed, failed):
        assert read_entry(json.loads(json.dumps(entry.to_dict()))) == entry


def test_patterns_folders_and_files_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stems(tmp_path / "in", 3)
    (tmp_path / "in" / "notes.txt").write_text("no audio")
    find = lambda *names: [str(job.source) for job in plan_batch(list(names), WANTED, "out/", ProcessOptions(), read_preset=lambda _: WARM)]  # noqa: E731
    assert find("in/0[01]*") == ["in/00.wav", "in/01.wav"]
    assert find("**/*.wav") == ["in/00.wav", "in/01.wav", "in/02.wav"]
    assert find("in", "in/*", "in/01.wav") == ["in/00.wav", "in/01.wav", "in/02.wav"]
    (tmp_path / "in" / "take [1].wav").write_bytes((tmp_path / "in" / "00.wav").read_bytes())
    assert find("in/take [1].wav") == ["in/take [1].wav"]  # a file that exists is no pattern
    with pytest.raises(ValueError, match="no audio file matches this pattern"):
        find("in/*.txt")
    with pytest.raises(IntentError, match="nothing to do"):
        plan_batch(["in"], Session({}), "out/", ProcessOptions(), read_preset=lambda _: WARM)


STRANGE = """
import socket, sys, time
def refused(*_, **__):
    raise AssertionError("the network was used")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
time.time = lambda: -1e9
"""


def test_a_wrong_clock_no_home_no_temporary_folder_and_no_network_change_nothing(tmp_path: Path) -> None:  # fault E20
    source = stems(tmp_path / "in", 3)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STRANGE)
    usual = entries(Batch(plan(source, tmp_path / "usual"), None))
    script = (
        "import sys\nfrom pathlib import Path\nfrom semeq_export import EqSettings\nfrom semeq_host.stems.batch import Batch, plan_batch\n"
        "from semeq_host.stems.pool import Crew\nfrom semeq_host.streams.process_options import ProcessOptions\n"
        "from semeq_host.stems.session_file import Session\n"
        "import json\neq = EqSettings.from_dict(json.loads(sys.argv[3]))\n"
        "jobs = plan_batch([sys.argv[1]], Session({'preset': 'x'}), sys.argv[2], ProcessOptions(), read_preset=lambda _: eq)\n"
        "with Crew(2, None) as crew:\n    for event in Batch(jobs, None).run(crew=crew): pass\n"
    )
    (tmp_path / "script.py").write_text(script)  # workers do not import it again, so it needs no guard
    paths = os.pathsep.join([str(tmp_path / "site"), str(ROOT), str(ROOT / "plugin_host")])
    subprocess.run(
        [sys.executable, tmp_path / "script.py", source, f"{tmp_path}/out/", json.dumps(WARM.to_dict())],
        env={"PYTHONPATH": paths, "TMPDIR": "/proc", "LC_ALL": "C"},
        cwd="/proc",
        check=True,
    )
    assert [sha256_of(path) for path in sorted((tmp_path / "out").glob("*.wav"))] == hashes(usual)


def test_orphaned_workers_end_by_themselves(tmp_path: Path) -> None:
    """A parent that is killed leaves workers that finish their file and go."""
    source = stems(tmp_path / "in", 2)
    (tmp_path / "out").mkdir()
    jobs = [job.to_dict() for job in plan(source, tmp_path / "out")]
    worker = subprocess.Popen(
        [sys.executable, "-m", "semeq_host.stems._worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugin_host'}"},
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps({"bundle": None}).encode() + b"\n" + json.dumps(jobs[0]).encode() + b"\n")
    worker.stdin.close()
    assert json.loads(worker.stdout.readline())["entry"]["output"] == str(tmp_path / "out" / "00.wav")
    assert worker.wait(20) == 0
    worker.stdout.close()
