"""Audio files: read and written bit for bit, in every container and subtype, and the small tools around them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.audio import formats
from semeq_export.audio.formats import OutputFormat, output_format
from semeq_export.audio.reader import open_audio, read_audio
from semeq_export.audio.samples import Audio, AudioInfo, resample, to_mono
from semeq_export.audio.writer import AudioWriter, write_audio
from semeq_export.errors import AudioError, OutputError

EXACT = [  # (suffix, container, subtype, bits or None for floats)
    (".wav", "WAV", "PCM_U8", 8),
    (".wav", "WAV", "PCM_16", 16),
    (".wav", "WAV", "PCM_24", 24),
    (".wav", "WAV", "PCM_32", 32),
    (".wav", "WAV", "FLOAT", None),
    (".wav", "WAV", "DOUBLE", None),
    (".wav", "WAVEX", "PCM_24", 24),
    (".wav", "RF64", "PCM_24", 24),
    (".w64", "W64", "PCM_24", 24),
    (".caf", "CAF", "PCM_24", 24),
    (".au", "AU", "PCM_16", 16),
    (".aiff", "AIFF", "PCM_S8", 8),
    (".aiff", "AIFF", "PCM_16", 16),
    (".aiff", "AIFF", "PCM_24", 24),
    (".aiff", "AIFF", "FLOAT", None),
    (".flac", "FLAC", "PCM_S8", 8),
    (".flac", "FLAC", "PCM_16", 16),
    (".flac", "FLAC", "PCM_24", 24),
]
LOSSY = [(".ogg", "OGG", "VORBIS"), (".opus", "OGG", "OPUS"), (".mp3", "MP3", "MPEG_LAYER_III")]


def every_code(bits: int | None, frames: int = 3_000) -> np.ndarray:
    """Stereo samples over the whole range of an integer format, both ends included; for floats, values over full scale too."""
    rng = np.random.default_rng(7)
    if bits is None:
        return rng.normal(0.0, 1.0, (2, frames)).astype(np.float32).astype(np.float64)
    codes = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (2, frames))
    codes[:, :2] = [[-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]] * 2
    return codes / 2.0 ** (bits - 1)


@pytest.mark.parametrize(("suffix", "container", "subtype", "bits"), EXACT)
def test_reading_and_writing_back_is_bit_exact_and_keeps_the_format(
    tmp_path: Path, suffix: str, container: str, subtype: str, bits: int | None
) -> None:
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    samples = every_code(bits)
    soundfile.write(first, samples.T, 48_000, format=container, subtype=subtype)
    with open_audio(first) as reader:
        info = reader.info
        assert (info.sample_rate_hz, info.channels, info.frames, info.container, info.subtype) == (48_000, 2, 3_000, container, subtype)
        assert reader.warnings == ()
    audio = read_audio(first)
    np.testing.assert_array_equal(audio.samples, samples)
    assert write_audio(second, audio, like=info) == ()
    with open_audio(second) as reader:
        assert reader.info == info
        np.testing.assert_array_equal(np.concatenate(list(reader.blocks(1_000)), axis=1), samples)


@pytest.mark.parametrize(("suffix", "container", "subtype"), LOSSY)
def test_lossy_formats_keep_their_length_to_the_sample(tmp_path: Path, suffix: str, container: str, subtype: str) -> None:  # fault B5
    time = np.arange(48_000) / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)[np.newaxis].repeat(2, axis=0)
    path = tmp_path / f"tone{suffix}"
    write_audio(path, Audio(tone, 48_000), like=AudioInfo(48_000, 2, 48_000, container, subtype))
    with open_audio(path) as reader:
        assert (reader.info.frames, reader.info.container, reader.info.subtype) == (48_000, container, subtype)
        back = np.concatenate(list(reader.blocks()), axis=1)
    assert back.shape == tone.shape
    middle = slice(4_000, 44_000)
    lag = int(np.argmax(np.correlate(back[0, middle], tone[0, 4_050:43_950], "valid"))) - 50
    assert lag == 0


@pytest.mark.parametrize(("suffix", "container", "subtype"), [(s, c, t) for s, c, t, _ in EXACT[:4] + EXACT[-2:]] + LOSSY)
@pytest.mark.parametrize("block_samples", [1, 7, 1_024])
def test_the_block_size_changes_nothing(tmp_path: Path, suffix: str, container: str, subtype: str, block_samples: int) -> None:
    path = tmp_path / f"a{suffix}"
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 2_500))
    soundfile.write(path, samples.T, 48_000, format=container, subtype=subtype)
    with open_audio(path) as reader:
        whole = next(reader.blocks(65_536))
        pieces = list(reader.blocks(block_samples))
    assert [p.shape[1] for p in pieces[:-1]] == [block_samples] * (len(pieces) - 1)
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


@pytest.mark.parametrize(("suffix", "container", "subtype"), [(s, c, t) for s, c, t, _ in EXACT] + LOSSY)
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_files_survive(tmp_path: Path, suffix: str, container: str, subtype: str, frames: int) -> None:  # faults A8, B20
    path = tmp_path / f"a{suffix}"
    samples = np.full((2, frames), 0.25)
    write_audio(path, Audio(samples, 48_000), like=AudioInfo(48_000, 2, frames, container, subtype))
    audio = read_audio(path)
    assert audio.samples.shape == (2, frames)
    if not any(container == c for _, c, _ in LOSSY):
        np.testing.assert_array_equal(audio.samples, samples)


def test_every_real_file_reads_and_writes_back_exactly(real_files: list[Path], tmp_path: Path) -> None:
    for path in real_files:
        with open_audio(path) as reader:
            info = reader.info
        audio = read_audio(path)
        write_audio(tmp_path / path.name, audio, like=info)
        with open_audio(tmp_path / path.name) as reader:
            assert reader.info == info
        np.testing.assert_array_equal(read_audio(tmp_path / path.name).samples, audio.samples)


def test_float_type_follows_what_the_file_holds(tmp_path: Path) -> None:
    for subtype, dtype in (
        ("PCM_16", np.float32),
        ("PCM_24", np.float32),
        ("FLOAT", np.float32),
        ("PCM_32", np.float64),
        ("DOUBLE", np.float64),
    ):
        soundfile.write(tmp_path / f"{subtype}.wav", np.zeros((10, 1)), 44_100, subtype=subtype)
        assert read_audio(tmp_path / f"{subtype}.wav").samples.dtype == dtype


@pytest.mark.parametrize(
    ("name", "source", "container", "subtype", "warns"),
    [
        ("a.flac", ("WAV", "PCM_24"), "FLAC", "PCM_24", False),
        ("a.flac", ("WAV", "FLOAT"), "FLAC", "PCM_24", True),
        ("a.flac", ("WAV", "PCM_U8"), "FLAC", "PCM_S8", True),
        ("a.wav", ("AIFF", "PCM_S8"), "WAV", "PCM_U8", True),
        ("a.wav", ("RF64", "PCM_24"), "RF64", "PCM_24", False),
        ("a.wav", ("WAVEX", "FLOAT"), "WAVEX", "FLOAT", False),
        ("a.rf64", ("WAV", "PCM_24"), "RF64", "PCM_24", False),
        ("a.wav", ("MP3", "MPEG_LAYER_III"), "WAV", "PCM_24", True),
        ("a.wav", ("WAV", "MPEG_LAYER_III"), "WAV", "PCM_24", True),
        ("a.aif", ("OGG", "VORBIS"), "AIFF", "PCM_24", True),
        ("a.caf", ("CAF", "ALAC_24"), "CAF", "PCM_24", True),
        ("a.caf", ("CAF", "ALAC_16"), "CAF", "PCM_16", True),
        ("a.ogg", ("WAV", "PCM_16"), "OGG", "VORBIS", True),
        ("a.opus", ("OGG", "OPUS"), "OGG", "OPUS", False),
        ("a.mp3", ("MP3", "MPEG_LAYER_III"), "MP3", "MPEG_LAYER_III", False),
        ("a.flac", ("WAV", "IMA_ADPCM"), "FLAC", "PCM_16", True),
        ("A.WAV", ("WAV", "ULAW"), "WAV", "ULAW", False),
    ],
)
def test_the_subtype_is_kept_or_the_closest_is_named(  # fault B18
    name: str, source: tuple[str, str], container: str, subtype: str, warns: bool
) -> None:
    form = output_format(name, AudioInfo(48_000, 2, 100, *source))
    assert (form.container, form.subtype, bool(form.warnings)) == (container, subtype, warns)


def test_an_asked_subtype_wins_and_an_impossible_one_names_the_choice() -> None:
    assert output_format("a.wav", AudioInfo(48_000, 2, 100, "WAV", "PCM_16"), "float").subtype == "FLOAT"
    with pytest.raises(OutputError, match=r"FLAC cannot hold subtype FLOAT; it can hold .*PCM_24"):
        output_format("a.flac", None, "FLOAT")
    with pytest.raises(OutputError, match=r"unknown audio suffix '\.xyz'; use one of .*\.flac"):
        output_format("a.xyz")


def test_wav_over_4_gib_becomes_rf64() -> None:  # fault C4
    long = AudioInfo(48_000, 8, 2**28, "WAV", "PCM_24")
    assert output_format("a.wav", long).container == "RF64"
    assert "RF64" in output_format("a.wav", long).warnings[0]


def test_rf64_written_for_length_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fault C4
    monkeypatch.setattr(formats, "_RIFF_LIMIT_BYTES", 10_000)
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 5_000)).astype(np.float32)
    info = AudioInfo(48_000, 2, 5_000, "WAV", "FLOAT")
    write_audio(tmp_path / "a.wav", Audio(samples, 48_000), like=info)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav").samples, samples)


def test_nothing_that_is_not_finite_reaches_a_file(tmp_path: Path) -> None:  # fault C2
    for bad in (np.nan, np.inf):
        with pytest.raises(AudioError, match="not finite"):
            write_audio(tmp_path / "a.wav", Audio(np.array([[0.0, bad]]), 48_000))
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_cannot_hold_the_channels_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.mp3: MP3 MPEG_LAYER_III cannot hold 6 channels at 48000 Hz"):
        write_audio(tmp_path / "a.mp3", Audio(np.zeros((6, 100)), 48_000))
    with pytest.raises(OutputError, match="FLAC PCM_24 cannot hold 9 channels"):
        write_audio(tmp_path / "a.flac", Audio(np.zeros((9, 100)), 48_000))
    with pytest.raises(OutputError, match="not a whole number"):
        write_audio(tmp_path / "a.wav", Audio(np.zeros((1, 100)), 44_100.5))
    assert list(tmp_path.iterdir()) == []


def test_integer_formats_clip_what_is_over_full_scale_instead_of_wrapping(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", Audio(np.array([[1.5, -1.5]]), 48_000), subtype="PCM_16")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav").samples, [[1 - 2.0**-15, -1.0]])


def test_names_that_are_not_utf8_work(tmp_path: Path) -> None:  # faults C13, C14, C15
    import os

    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    for name in ("žluťoučký 🎹 %s 'q'.wav", "-dash.wav", "x" * 251 + ".wav", os.fsdecode(b"caf\xe9.wav")):
        write_audio(folder / name, Audio(np.full((1, 50), 0.5), 48_000))
        assert read_audio(folder / name).frames == 50


@given(
    source_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000, 96_000]),
    target_hz=st.sampled_from([8_000, 22_050, 44_100, 48_000, 192_000]),
    channels=st.integers(1, 3),
)
def test_resampling_keeps_a_tone_its_place_and_its_type(source_hz: int, target_hz: int, channels: int) -> None:
    time = np.arange(source_hz) / source_hz
    samples = np.tile(0.5 * np.sin(2 * np.pi * 500 * time).astype(np.float32), (channels, 1))
    result = resample(Audio(samples, source_hz), target_hz)
    assert result.samples.shape == (channels, target_hz)
    assert result.samples.dtype == np.float32
    inner = slice(target_hz // 10, -target_hz // 10)
    expected = 0.5 * np.sin(2 * np.pi * 500 * np.arange(target_hz) / target_hz)
    np.testing.assert_allclose(result.samples[:, inner], np.tile(expected[inner], (channels, 1)), atol=1e-4)


def test_resampling_to_the_same_rate_is_the_same_object() -> None:
    audio = Audio(np.zeros((1, 10)), 48_000)
    assert resample(audio, 48_000) is audio
    with pytest.raises(AudioError, match="outside"):
        resample(audio, 4_000)


def test_mono_is_the_mean_of_the_channels() -> None:
    np.testing.assert_array_equal(to_mono(np.array([[1.0, 0.5], [0.0, 0.5]])), [0.5, 0.5])
    with pytest.raises(AudioError, match=r"expected \(channels, samples\)"):
        to_mono(np.zeros(5))


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 3), dtype=np.int16), np.zeros((2, 3), dtype=np.float16), np.zeros(3), np.zeros((65, 2)), [[0.0]]]
)
def test_audio_refuses_other_types_and_shapes(bad: object) -> None:  # faults A10, A14
    with pytest.raises(AudioError):
        Audio(bad, 48_000)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1e9, 7_999, "48k"])
def test_audio_refuses_odd_rates(rate: float) -> None:  # fault A15
    with pytest.raises(AudioError, match="sample_rate_hz"):
        Audio(np.zeros((1, 4)), rate)


def test_the_writer_refuses_blocks_of_another_channel_count(tmp_path: Path) -> None:  # fault A18
    with (
        pytest.raises(AudioError, match="3 channels, expected 2"),
        AudioWriter(tmp_path / "a", OutputFormat("WAV", "PCM_16"), 48_000, 2) as writer,
    ):
        writer.write(np.zeros((3, 10)))


@pytest.mark.parametrize(("suffix", "subtype"), [(".ogg", "VORBIS"), (".opus", "OPUS"), (".mp3", "MPEG_LAYER_III"), (".flac", "PCM_24")])
def test_the_size_of_blocks_changes_no_byte(tmp_path: Path, suffix: str, subtype: str) -> None:  # fault A22
    noise = np.random.default_rng(8).uniform(-0.5, 0.5, (2, 50_000)) * (np.arange(50_000) % 9_000 < 1_500)  # the encoder looks for onsets
    form = output_format(f"x{suffix}", None, subtype)
    contents = []
    for size in (512, 777, 16_384, 20_000, 50_000):
        path = tmp_path / f"{size}{suffix}"
        with AudioWriter(path, form, 48_000, 2) as writer:
            for start in range(0, 50_000, size):
                writer.write(noise[:, start : start + size])
        contents.append(path.read_bytes())
        assert soundfile.info(path).frames == 50_000
    assert len(set(contents)) == 1


def test_the_same_blocks_give_the_same_bytes_whatever_the_clock(tmp_path: Path) -> None:  # faults C18, E20
    """By two processes, since libsndfile draws Ogg's serial once for each; the time of writing, in its PEAK chunks, is looked for."""
    forms = [*((container, subtype) for _, container, subtype, _ in EXACT), *((c, t) for _, c, t in LOSSY), ("AIFF", "DOUBLE")]
    script = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from semeq_export.audio.formats import OutputFormat\nfrom semeq_export.audio.writer import AudioWriter\n"
        "noise = np.random.default_rng(4).uniform(-0.9, 0.9, (2, 9_000))\n"
        "for form in sys.argv[2:]:\n"
        "    with AudioWriter(Path(sys.argv[1], form), OutputFormat(*form.split()), 48_000, 2) as writer: writer.write(noise)\n"
    )
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        subprocess.run([sys.executable, "-c", script, tmp_path / name, *(" ".join(form) for form in forms)], check=True)
    for container, subtype in forms:
        one, other = ((tmp_path / name / f"{container} {subtype}").read_bytes() for name in ("a", "b"))
        assert one == other, (container, subtype)
        stamp = one.find(b"PEAK") + 12
        assert stamp == 11 or (container == "AIFF" and one[stamp : stamp + 4] == bytes(4)), (container, subtype)


@pytest.mark.parametrize(("container", "subtype", "bits"), [("WAV", "PCM_16", 16), ("AIFF", "PCM_24", 24), ("FLAC", "PCM_16", 16)])
def test_integer_formats_are_rounded_to_the_nearest_step(tmp_path: Path, container: str, subtype: str, bits: int) -> None:
    """libsndfile itself rounds down in WAV and AIFF, which is half a step of DC."""
    steps = np.array([[0.4, 0.6, -0.4, -0.6, 100.5, -1.7, 2.0 ** (bits - 1) + 5, -(2.0 ** (bits - 1)) - 5]])
    with AudioWriter(tmp_path / "out", OutputFormat(container, subtype), 48_000, 1) as writer:
        writer.write(steps / 2.0 ** (bits - 1))
    written = read_audio(tmp_path / "out").samples * 2.0 ** (bits - 1)
    np.testing.assert_array_equal(written, [[0, 1, 0, -1, 100, -2, 2.0 ** (bits - 1) - 1, -(2.0 ** (bits - 1))]])


def test_dither_is_triangular_and_does_not_depend_on_blocks(tmp_path: Path) -> None:
    """Half a step stays half a step in the mean, the error has the variance of rounding and triangular noise: (1 + 2) / 12."""
    samples = np.full((2, 40_000), 0.5 / 32_768)
    written = []
    for block in (40_000, 313):
        with AudioWriter(tmp_path / "out", OutputFormat("WAV", "PCM_16"), 48_000, 2, dither=True) as writer:
            for start in range(0, 40_000, block):
                writer.write(samples[:, start : start + block])
        written.append((tmp_path / "out").read_bytes())
    assert written[0] == written[1]
    error = read_audio(tmp_path / "out").samples.astype(np.float64) * 32_768 - 0.5
    assert abs(error.mean()) < 0.01
    assert error.var() == pytest.approx(0.25, abs=0.01)
    assert abs(np.corrcoef(error)[0, 1]) < 0.02
