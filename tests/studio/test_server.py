"""The studio's server: what the page gets from it is what the command line makes, and it ends without leftovers."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from studio.serving import TEMPLATE, TIMEOUT_S, Served, served

from semeq_export import studio
from semeq_export.app.rendering import Scratch
from semeq_export.audio.loudness import Loudness
from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.errors import SemeqError
from semeq_export.studio import api, security
from semeq_export.studio.server import ending_signals
from semeq_presets import formats, read

EQ = {"bands": [{"kind": "peak", "freq_hz": 1_000.0, "gain_db": 6.0, "q": 1.0}], "preamp_db": -6.0}


def noise(seconds: float, form: str = "WAV", subtype: str = "PCM_24") -> bytes:
    file = io.BytesIO()
    samples = np.random.default_rng(1).standard_normal((round(seconds * 48_000), 2)) * 0.05
    soundfile.write(file, samples, 48_000, format=form, subtype=subtype)
    return file.getvalue()


@dataclass(frozen=True)
class Done:
    """What a command did. said: the lines on standard error; result: the document on standard output, "" where it is none."""

    status: int
    said: list[str]
    result: str


class Command:
    """Runs the command line as its users do, whose errors are lines."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Done:
        status = _shared.run(cli, list(words))
        told = self._capsys.readouterr()
        return Done(status, told.err.splitlines(), told.out)

    def refusal(self, *words: str) -> str:
        done = self(*words)
        assert (done.status, len(done.said)) == (2, 1), done
        return done.said[0].removeprefix("semeq-export: ")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def files_of(answer: Any) -> dict[str, bytes]:  # Any: JSON
    return {file["name"]: base64.b64decode(file["base64"]) for file in answer["files"]}


def test_the_page_runs_its_own_scripts_and_nothing_else(server: Served) -> None:
    answer = server.ask(b"GET / HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: none\r\n\r\n")
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    script, style = (base64.b64encode(hashlib.sha256(text).digest()).decode().lower() for text in (b"/* page */", b"p { }"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [f"'sha256-{script}'", "'wasm-unsafe-eval'", "blob:", "data:"]
    assert policy["style-src"] == f"'sha256-{style}'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    for name, value in security.HEADERS.items():
        assert answer.headers[name] == value.lower()
    assert TEMPLATE.partition("<!--semeq-data-->")[0].encode() in answer.body


def test_each_start_has_a_token_of_its_own() -> None:
    tokens = {security.Guard(1, {}, {}).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43
    assert tokens.isdisjoint(repr(security.Guard(1, {}, {})).split("'"))


def test_both_names_of_this_machine_are_the_servers(server: Served) -> None:
    for name in ("localhost:PORT", "Localhost:PORT", "127.0.0.1:PORT"):
        assert server.ask(f"HEAD / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()).status == 200
    assert server.post("/api/phrase", {"text": "warm"}, Host="localhost:PORT", Origin="http://localhost:PORT").status == 200
    headers = {"Sec_Fetch_Site": "same-origin", "Content_Type": "application/json;charset=UTF-8"}
    assert server.post("/api/phrase", {"text": "warm"}, **headers).status == 200
    assert server.post("/api/phrase", {"text": "warm"}, Expect="100-continue").status in (100, 200)


def test_only_the_loopback_interface_listens(server: Served) -> None:
    listening = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
    assert f"0100007F:{server.port:04X}" in listening
    assert f"00000000:{server.port:04X}" not in listening


@pytest.mark.parametrize("text", ["warm", "less muddy", "a bit warmer but not harsh", "sparkle", "warm:0.7,bright:0.3", "harsh"])
def test_a_phrase_is_understood_as_the_command_line_does(text: str, server: Served, command: Command) -> None:
    answer, told = server.post("/api/phrase", {"text": text}).json, command("preset", "-t", text, "-f", "semeq-json")
    preset = json.loads(told.result)["preset"]
    assert answer["mix"] == dict(preset["words"]["weights"])
    assert answer["estimated"] is preset["words"].get("estimated", False)
    assert answer["says"] == told.said


@pytest.mark.parametrize("text", ["wram", "plinky", "not", "", "warm:0", "warm:99", "loud and not loud", "x" * 1_000])
def test_a_bad_phrase_gets_the_line_of_the_command_line(text: str, server: Served, command: Command) -> None:
    answer = server.post("/api/phrase", {"text": text})
    assert (answer.status, answer.error) == (400, command.refusal("preset", "-t", text, "-f", "eqapo"))


def test_a_doubtful_guess_has_to_be_asked_for(server: Served, command: Command) -> None:
    guesses = load_bundle().guesses
    word = next(word for word, guess in sorted(guesses.guesses.items()) if guesses.level_of(guess) == "doubtful" and guess.near)
    assert server.post("/api/phrase", {"text": word}).error == command.refusal("preset", "-t", word, "-f", "eqapo")
    assert server.post("/api/phrase", {"text": word, "guess": True}).json["estimated"] is True


def test_a_bad_format_gets_the_line_of_the_command_line(server: Served, command: Command) -> None:
    answer = server.post("/api/preset", {"format": "eqap", "name": "x", "mix": {"warm": 1.0}})
    assert (answer.status, answer.error) == (400, command.refusal("preset", "-t", "warm", "-f", "eqap"))


def test_formats_are_those_of_the_shelf(server: Served) -> None:
    listed = {entry["id"]: entry for entry in server.post("/api/formats", {}).json}
    assert listed.keys() == {info.id for info in formats()}
    for info in formats():
        entry = listed[info.id]
        assert (entry["title"], entry["host"], entry["suffixes"]) == (info.title, info.host, list(info.suffixes))
        assert entry["verified"] == ("nominal" if info.verified is None else "verified")
        assert entry["can_install"] is (sys.platform in info.places)


def test_every_format_is_written_from_bands(server: Served) -> None:
    for info in formats():
        answer = server.post("/api/preset", {"format": info.id, "name": "My mix", "eq": EQ})
        assert answer.status == 200, (info.id, answer)
        files = files_of(answer.json)
        assert files
        assert all(name.startswith(f"my-mix{info.suffixes[0]}") and ".." not in name for name in files)


@pytest.mark.parametrize("format_id", ["eqapo", "reaeq", "easyeffects"])
def test_a_preset_is_byte_for_byte_that_of_the_command_line(format_id: str, server: Served, command: Command, tmp_path: Path) -> None:
    target = tmp_path / "x"
    words = ["-t", "warm:0.7,harsh:-0.2", "--intensity", "1.5", "--name", "My mix"]
    done = command("preset", *words, "-f", format_id, "-o", str(target))
    assert done.status == 0, done
    wanted = {"mix": {"warm": 0.7, "harsh": -0.2}, "intensity": 1.5}
    answer = server.post("/api/preset", {"format": format_id, "name": "My mix", **wanted}).json
    assert list(files_of(answer).values()) == [target.read_bytes()]
    assert answer["notes"] == done.said


def test_a_preset_that_is_a_folder_says_so_in_its_names(server: Served) -> None:
    files = files_of(server.post("/api/preset", {"format": "lsp-x16-lv2", "name": "My mix", "eq": EQ}).json)
    inside = {name.removeprefix("my-mix.lv2/"): data for name, data in files.items()}
    assert inside.keys() == {"manifest.ttl", "preset.ttl"}
    (band,) = read(inside, "lsp-x16-lv2").single.active_bands
    assert (band.kind, band.freq_hz, round(band.gain_db, 6), band.q) == ("peak", 1_000.0, 6.0, 1.0)


def test_bands_that_were_moved_by_hand_are_kept(server: Served) -> None:
    answer = server.post("/api/preset", {"format": "semeq-json", "name": "mine", "eq": EQ}).json
    preset = read(dict(files_of(answer)), "semeq-json")
    assert preset.single.to_dict()["bands"][0] | EQ["bands"][0] == preset.single.to_dict()["bands"][0]  # type: ignore[index,operator]
    assert preset.single.preamp_db == -6.0


def test_what_a_format_cannot_hold_is_a_note(server: Served) -> None:
    steep = {"bands": [{"kind": "notch", "freq_hz": 1_000.0, "gain_db": 0.0, "q": 4.0}]}
    refused = server.post("/api/preset", {"format": "calf-lv2", "name": "x", "eq": steep})
    assert refused.status == 400, refused
    assert server.post("/api/preset", {"format": "calf-lv2", "name": "x", "eq": steep, "lossy": True}).json["notes"]


def test_installing_writes_where_the_host_looks_and_replaces_only_when_asked(server: Served) -> None:
    wanted = {"format": "lsp-x16-lv2", "name": "Studio test", "mix": {"warm": 1.0}}
    first = server.post("/api/install", wanted)
    assert first.status == 200, first
    (name,) = first.json["installed"]
    assert "/" not in name
    (found,) = server.home.rglob(name)
    again = server.post("/api/install", wanted)
    assert again.status == 400
    assert "exists already" in again.error or "installed" in again.error
    assert str(server.home) not in again.error
    assert server.post("/api/install", {**wanted, "replace": True}).status == 200
    assert found.exists()


def test_a_file_is_processed_as_the_command_line_does(server: Served, command: Command, tmp_path: Path) -> None:
    source, target = tmp_path / "take.wav", tmp_path / "done.wav"
    source.write_bytes(noise(2.0))
    assert command("process", str(source), "-t", "warm:0.7,harsh:-0.2", "--intensity", "1.5", "-o", str(target)).status == 0
    asked = {
        "name": "Ein Täke [1].wav",
        "base64": base64.b64encode(noise(2.0)).decode(),
        "mix": {"warm": 0.7, "harsh": -0.2},
        "intensity": 1.5,
    }
    answer = server.post("/api/process", asked).json
    assert base64.b64decode(answer["base64"]) == target.read_bytes()
    assert answer["name"] == "Ein Täke [1]-semeq.wav"
    for key, data in (("lufs_before", source.read_bytes()), ("lufs_after", target.read_bytes())):
        samples, rate_hz = soundfile.read(io.BytesIO(data), always_2d=True)
        meter = Loudness(rate_hz, samples.shape[1])
        meter.feed(samples.T)
        assert answer[key] == pytest.approx(meter.lufs, abs=1e-9)


def test_loudness_is_matched_where_that_is_asked_for(server: Served) -> None:
    asked = {"name": "x.flac", "base64": base64.b64encode(noise(2.0, "FLAC")).decode(), "eq": {**EQ, "preamp_db": 0.0}}
    plain = server.post("/api/process", asked).json
    matched = server.post("/api/process", {**asked, "options": {"match_loudness": True}}).json
    assert plain["lufs_after"] - plain["lufs_before"] > 0.3
    assert matched["lufs_after"] == pytest.approx(matched["lufs_before"], abs=0.1)
    assert base64.b64decode(matched["base64"])[:4] == b"fLaC"


def test_a_damaged_file_is_named_as_its_user_names_it(server: Served) -> None:
    asked = {"name": "my take.wav", "base64": base64.b64encode(noise(1.0)[:1_000]).decode(), "eq": EQ}
    answer = server.post("/api/process", asked)
    assert (answer.status, answer.error.partition(": ")[0]) == (400, "my take.wav")
    assert "truncated" in answer.error
    assert str(server.temporary) not in answer.error
    assert server.post("/api/process", {**asked, "options": {"salvage": True}}).json["notes"]


def test_stems_become_one_session_with_an_eq_on_each_track_that_has_words(server: Served) -> None:
    stems = [
        {"name": "Vox [lead].wav", "base64": base64.b64encode(noise(0.5)).decode(), "mix": {"airy": 0.8}},
        {"name": "Bass.flac", "base64": base64.b64encode(noise(0.5, "FLAC")).decode()},
    ]
    answer = server.post("/api/session", {"name": "My song", "stems": stems, "intensity": 1.5}).json
    assert answer["name"] == "My song.dawproject"
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["base64"]))) as inside:
        project = inside.read("project.xml").decode()
        assert noise(0.5) in [inside.read(name) for name in inside.namelist()]
    assert {"Vox [lead]", "Bass"} <= set(re.findall(r'name="([^"]+)"', project))
    assert project.count("<Equalizer") == 1
    twice = server.post("/api/session", {"name": "x", "stems": [stems[0], {**stems[0], "name": "vox [LEAD].wav"}]})
    assert (twice.status, twice.error) == (400, "two stems are called 'Vox [lead].wav'")
    assert server.post("/api/session", {"name": "x", "stems": [stems[1]]}).error == "no stem has a word"


def test_work_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_WORK_S", -1.0)
    scratch = Scratch()
    try:
        body = json.dumps({"name": "x.wav", "base64": base64.b64encode(noise(1.0)).decode(), "eq": EQ}).encode()
        with pytest.raises(SemeqError, match="took longer than -1 s"):
            api.CALLS["/api/process"](body, api.Context(scratch))
        assert list(scratch.folder.iterdir()) == []
    finally:
        scratch.close()


def test_hours_in_a_small_file_are_refused(server: Served) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, format="FLAC", subtype="PCM_16") as writer:
        for _ in range(37):
            writer.write(np.zeros(8_000 * 100, dtype=np.int16))
    answer = server.post("/api/process", {"name": "x.flac", "base64": base64.b64encode(file.getvalue()).decode(), "eq": EQ})
    assert (answer.status, answer.error) == (400, "x.flac: holds 1.0 hours, over the limit of 1; use semeq-export process")


def begin_to_work(server: Served) -> threading.Thread:
    """Let a server begin with what takes it a while."""
    asked = {"name": "long.wav", "base64": base64.b64encode(noise(30.0)).decode(), "mix": {"warm": 1.0}}
    thread = threading.Thread(target=server.post, args=("/api/process", asked))
    thread.start()
    wait_for(lambda: any(server.temporary.glob("*/*/source.wav")))
    return thread


def test_a_killed_server_leaves_nothing_that_lasts_and_one_that_is_ended_nothing_at_all(tmp_path: Path) -> None:
    with served(tmp_path) as killed:
        thread = begin_to_work(killed)
        killed.stop(signal.SIGKILL)
        thread.join(TIMEOUT_S)
    (left,) = killed.temporary.iterdir()
    other = killed.temporary / f"semeq-studio-{os.getpid()}-lives"
    other.mkdir()
    with served(tmp_path) as server:
        assert server.is_healthy()
        assert left not in server.temporary.iterdir()
        thread = begin_to_work(server)
        assert server.stop(signal.SIGINT) == (130, "", "semeq-export: interrupted\n")
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
    assert list(server.temporary.iterdir()) == [other]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_that_ends_a_program_ends_it(number: signal.Signals) -> None:
    before, ended = signal.getsignal(number), []
    with ending_signals(lambda: ended.append(True)) as seen:
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)
    assert (seen, ended) == ([number], [True, True])  # the first is what it ends with, the second hurries it
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_signals(lambda: None) as seen:
            signal.raise_signal(signal.SIGHUP)
        assert seen == []
    finally:
        signal.signal(signal.SIGHUP, before)


def wait_for(condition: Any) -> None:  # Any: a function that says whether it is so
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_port_in_use_is_named(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("studio", "--no-browser", "--port", str(port))
    assert done == Done(1, [f"semeq-export: port {port} is in use; give another --port, or none for a free one"], "")


def test_a_missing_extra_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "semeq_export.studio.running", raising=False)
    monkeypatch.delattr(studio, "running", raising=False)
    assert re.fullmatch(r"uvicorn is missing; .*pip install 'semeq-export\[studio\]'", command.refusal("studio", "--no-browser"))


def test_force_is_of_the_page(command: Command) -> None:
    assert command.refusal("studio", "--no-browser", "--force").startswith("--force goes with --page")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/tmp/semeq-1/x/source.wav: damaged", "source.wav: damaged"),
        ("C:\\Users\\me\\x.wav: damaged", "x.wav: damaged"),
        ("a\nb\x1b[2J /etc/ssl/key.pem", "a b\\x1b[2J key.pem"),
        ("warm/bright is 1/2 of it", "warm/bright is 1/2 of it"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("x" * 5_000, "x" * 2_000),
    ],
)
def test_a_line_for_the_page_names_no_folder(said: str, shown: str) -> None:
    assert api.Context(scratch=None).line(said) == shown  # type: ignore[arg-type]
