"""Audio files in, the fault matrix: every damaged or strange file ends in one line of ours, at once."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.audio.reader import open_audio, read_audio
from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.errors import AudioError, EnvironmentFailure, SemeqError

SAMPLES = np.random.default_rng(3).uniform(-0.4, 0.4, (2, 30_000))


def wav(
    *,
    tag: int = 1,
    channels: int = 1,
    rate_hz: int = 44_100,
    bits: int = 16,
    audio: bytes = b"\0\1" * 1_000,
    size: int | None = None,
    after: bytes = b"",
) -> bytes:
    """A RIFF file with any header fields, true or not."""
    frame_bytes = channels * bits // 8 & 0xFFFF
    fmt = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame_bytes & 0xFFFFFFFF, frame_bytes, bits)
    body = (
        b"WAVE" + b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(audio) if size is None else size) + audio + after
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def encoded(tmp_path: Path, container: str, subtype: str) -> bytes:
    path = tmp_path / "whole"
    soundfile.write(path, SAMPLES.T, 48_000, format=container, subtype=subtype)
    return path.read_bytes()


def fails(path: Path) -> SemeqError:
    """The error of reading a whole file; must be one line that names the file."""
    with pytest.raises(SemeqError) as caught:
        read_audio(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return caught.value


def put(tmp_path: Path, data: bytes, name: str = "in.wav") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("bad", "word"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("block_samples", [100, 65_536])
def test_a_sample_that_is_not_finite_is_named(tmp_path: Path, bad: float, word: str, block_samples: int) -> None:  # faults A1, B16
    samples = SAMPLES.copy()
    samples[1, 12_345] = samples[0, 20_000] = bad
    path = tmp_path / "in.wav"
    soundfile.write(path, samples.T, 48_000, subtype="FLOAT")
    expected = rf"in\.wav: sample of channel 2 at 0\.257188 s \(frame 12345\) is {word}"
    with open_audio(path) as reader, pytest.raises(AudioError, match=expected):
        list(reader.blocks(block_samples))


def test_repair_replaces_what_is_not_finite_with_zero_and_counts(tmp_path: Path) -> None:  # faults A1, B16
    samples = SAMPLES.astype(np.float32)
    samples[1, 12_345] = np.nan
    samples[0, 20_000:20_003] = np.inf
    soundfile.write(tmp_path / "in.wav", samples.T, 48_000, subtype="FLOAT")
    with open_audio(tmp_path / "in.wav", repair_nonfinite=True) as reader:
        repaired = np.concatenate(list(reader.blocks(1_000)), axis=1)
        assert reader.repaired_samples == 4
    np.testing.assert_array_equal(repaired, np.where(np.isfinite(samples), samples, 0.0))


def test_absurd_levels_are_refused(tmp_path: Path) -> None:  # fault A4
    soundfile.write(tmp_path / "in.wav", np.array([0.0, 3e38]), 48_000, subtype="FLOAT")
    assert "dBFS" in str(fails(tmp_path / "in.wav"))
    with open_audio(tmp_path / "in.wav", allow_hot=True) as reader:
        (block,) = reader.blocks()
    np.testing.assert_array_equal(block, np.array([[0.0, 3e38]], dtype=np.float32))


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAV", "IMA_ADPCM"),
        ("WAVEX", "PCM_24"),
        ("RF64", "PCM_24"),
        ("W64", "PCM_16"),
        ("CAF", "PCM_24"),
        ("AU", "PCM_16"),
        ("AIFF", "PCM_24"),
        ("AIFF", "FLOAT"),
        ("FLAC", "PCM_16"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_file_cut_short_is_refused(
    tmp_path: Path, container: str, subtype: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:  # faults B1, B2, B4
    data = encoded(tmp_path, container, subtype)
    assert "truncated: header says" in str(fails(put(tmp_path, data[: int(len(data) * share)])))
    assert capfd.readouterr().err == ""  # decoders have messages of their own


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("cut_bytes", [1, 500, 3_000])
def test_a_cut_ogg_warns(tmp_path: Path, subtype: str, cut_bytes: int) -> None:  # fault B4
    data = encoded(tmp_path, "OGG", subtype)
    with open_audio(put(tmp_path, data[:-cut_bytes], "in.ogg")) as reader:
        assert reader.warnings == ("the Ogg stream ends early: it has no last page",)
        list(reader.blocks())


def test_bad_bytes_inside_a_flac_are_found(tmp_path: Path) -> None:  # fault B3
    data = bytearray(encoded(tmp_path, "FLAC", "PCM_16"))
    middle = len(data) // 2
    data[middle : middle + 300] = b"\xaa" * 300
    assert "damaged or truncated: header says 30000 frames" in str(fails(put(tmp_path, bytes(data), "in.flac")))


@pytest.mark.parametrize("frames", [2**36 - 1, 40_000])
def test_a_flac_that_claims_too_many_frames_is_refused_in_little_memory(tmp_path: Path, frames: int) -> None:  # faults B6, B7
    data = bytearray(encoded(tmp_path, "FLAC", "PCM_16"))
    data[21] = data[21] & 0xF0 | frames >> 32  # STREAMINFO: 36 bits of total samples
    data[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    assert f"truncated: header says {frames} frames, file holds 30000" in str(fails(put(tmp_path, bytes(data), "in.flac")))


def test_a_flac_without_a_length_is_counted(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path, "FLAC", "PCM_16"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    with open_audio(put(tmp_path, bytes(data), "in.flac")) as reader:
        assert reader.info.frames == 30_000
        assert reader.warnings == ("the header states no length; found 30000 frames",)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFF0, 0x7FFFFFFF])
def test_a_wav_of_open_length_is_read_to_its_end(tmp_path: Path, size: int) -> None:  # fault B6
    assert read_audio(put(tmp_path, wav(size=size))).frames == 1_000


def test_a_recording_that_was_never_finished_is_named(tmp_path: Path) -> None:  # fault B8
    assert "never finished" in str(fails(put(tmp_path, wav(size=0))))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"channels": 0}, "channel count is zero"),
        ({"rate_hz": 0}, "cannot be read"),
        ({"bits": 0}, "unimplemented format"),
        ({"tag": 0x9999}, "Malformed 'fmt ' chunk"),
        ({"channels": 65_535}, "too many channels"),
        ({"channels": 1_000, "audio": bytes(200_000)}, r"1000 channels, expected 1\.\.64"),  # fault A12
        ({"channels": 65, "audio": bytes(13_000)}, r"65 channels, expected 1\.\.64"),
        ({"rate_hz": 1}, r"sample_rate_hz 1 is outside 8000\.\.384000"),  # fault B11
        ({"rate_hz": 400_000}, "sample_rate_hz 400000 is outside"),
        ({"audio": b""}, "no audio: the file holds 0 frames"),  # fault A7
    ],
)
def test_impossible_headers_are_refused(tmp_path: Path, fields: dict[str, int], why: str) -> None:  # fault B10
    error = fails(put(tmp_path, wav(**fields)))  # type: ignore[arg-type]
    assert isinstance(error, AudioError)
    assert re.search(why, str(error))


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"", "an empty file"),
        (bytes(10_000), "nothing but zeros"),
        (b"some notes about the mix\n" * 400, "text"),
        ("žluťoučký kůň ".encode() * 1_000, "text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
        (b"\n <!DOCTYPE html><html><head><title>404</title>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"),
        (b"PK\x03\x04" + bytes(50), "a zip archive"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "an MP4 or M4A file"),
        (np.random.default_rng(0).bytes(5_000), "libsndfile knows no such format"),
    ],
)
def test_what_is_no_audio_says_what_it_looks_like(tmp_path: Path, content: bytes, looks: str) -> None:  # fault B12
    message = str(fails(put(tmp_path, content)))
    assert "not an audio file" in message
    assert looks in message


def test_a_wrong_suffix_is_a_warning(tmp_path: Path) -> None:  # fault B13
    with open_audio(put(tmp_path, encoded(tmp_path, "FLAC", "PCM_16"), "in.wav")) as reader:
        assert reader.info.container == "FLAC"
        assert reader.warnings == ("is FLAC by content, whatever its suffix .wav says",)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:  # fault B14
    os.mkfifo(tmp_path / "pipe.wav")
    assert "pipe or device" in str(fails(tmp_path / "pipe.wav"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:  # fault B15
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.wav").mkdir()
    assert "pipe or device" in str(fails(tmp_path / "zero.wav"))
    assert "loop of links" in str(fails(tmp_path / "loop.wav"))
    assert "dangling link" in str(fails(tmp_path / "dangling.wav"))
    assert "is a folder" in str(fails(tmp_path / "folder.wav"))
    assert "no such file" in str(fails(tmp_path / "missing.wav"))


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    put(tmp_path, wav(), "real.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    assert read_audio(tmp_path / "link.wav").frames == 1_000


@pytest.mark.parametrize("container", ["RF64", "W64", "CAF", "AU", "NIST", "WAVEX"])
def test_rarer_containers_are_read(tmp_path: Path, container: str) -> None:  # fault B19
    path = put(tmp_path, encoded(tmp_path, container, "PCM_16"), "in.x")
    with open_audio(path) as reader:
        assert reader.info.container == container
        assert sum(block.shape[1] for block in reader.blocks()) == 30_000


def test_junk_after_the_audio_and_odd_sizes_are_accepted(tmp_path: Path) -> None:  # fault B20
    assert read_audio(put(tmp_path, wav(after=b"junk behind the data" * 9))).frames == 1_000
    assert read_audio(put(tmp_path, wav(bits=8, audio=b"\x80" * 999))).frames == 999
    assert read_audio(put(tmp_path, wav(audio=b"\0\1"))).frames == 1


def test_a_file_without_read_permission_is_an_environment_failure(tmp_path: Path) -> None:  # fault B21
    path = put(tmp_path, wav())
    path.chmod(0)
    tmp_path.chmod(0o755)
    script = (
        "import os, sys\nfrom semeq_export.audio.reader import read_audio\nfrom semeq_export.errors import EnvironmentFailure\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"  # root may read everything
        "try: read_audio('in.wav')\nexcept EnvironmentFailure as error: print(error.exit_code, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "1 in.wav: permission denied\n"


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path) -> None:  # fault C5
    (tmp_path / "old.wav").write_bytes(b"old")
    script = (
        "import resource, signal, sys\nimport numpy as np\nfrom semeq_export import Audio, write_audio\n"
        "from semeq_export.errors import EnvironmentFailure\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))\n"
        "noise = Audio(np.random.default_rng(0).uniform(-.5, .5, (2, 200_000)), 48_000)\n"
        "for name in sys.argv[1:]:\n"
        "    try: write_audio(name, noise, overwrite=True)\n"
        "    except EnvironmentFailure as error: print(error.exit_code, 'too large' in str(error))\n"
    )
    names = [str(tmp_path / name) for name in ("old.wav", "a.flac", "a.aiff", "a.ogg", "a.mp3", "a.caf", "a.w64", "a.rf64", "a.au")]
    done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1 True"] * len(names)
    assert done.stderr == ""
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("old.wav", b"old")]


def test_a_really_full_disk_leaves_the_old_file_and_says_so(small_disk: Path) -> None:  # fault C5
    (small_disk / "old.wav").write_bytes(b"old")
    (small_disk / "filler").write_bytes(bytes(180_000))
    noise = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 400_000)), 48_000)
    for name in ("old.wav", "a.flac", "a.aiff", "a.ogg", "a.mp3", "a.caf", "a.w64", "a.rf64", "a.au"):
        with pytest.raises(EnvironmentFailure, match=rf"{re.escape(name)}: disk full"):
            write_audio(small_disk / name, noise, overwrite=True)
    assert sorted(p.name for p in small_disk.iterdir()) == ["filler", "old.wav"]
    assert (small_disk / "old.wav").read_bytes() == b"old"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:  # fault C7
    (tmp_path / "a.wav").write_bytes(b"old")
    with pytest.raises(AudioError):
        write_audio(tmp_path / "a.wav", Audio(np.array([[0.1, np.nan]]), 48_000), overwrite=True)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.wav", b"old")]


def test_random_damage_ends_in_our_errors_or_sound_audio(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    for container, subtype in (
        ("WAV", "PCM_16"),
        ("AIFF", "PCM_24"),
        ("FLAC", "PCM_16"),
        ("CAF", "PCM_16"),
        ("W64", "FLOAT"),
        ("AU", "PCM_16"),
    ):
        whole = encoded(tmp_path, container, subtype)
        for _ in range(40):
            damaged = bytearray(whole)
            for place in rng.integers(0, 120, 3):
                damaged[place] = rng.integers(256)
            path = put(tmp_path, bytes(damaged), "damaged")
            try:
                audio = read_audio(path)
            except (AudioError, EnvironmentFailure) as error:
                assert "\n" not in str(error)
            else:
                assert np.isfinite(audio.samples).all()
