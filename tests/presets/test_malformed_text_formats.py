"""Damaged files of programs, scripts, tables and curves: our error with the place that is wrong (fault E4), quickly, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import cases

import semeq_presets as presets
from semeq_export.errors import PresetReadError

GOLDEN = Path(__file__).resolve().parent.parent / "golden"

CASES: dict[str, tuple[str, list[tuple[bytes, bytes, str]]]] = {
    "graphiceq": (
        "points.graphiceq.txt",
        [
            (b"2.5", b"nan", "line 2: point 4 '1000 nan' is not a frequency and a gain"),
            (b"2.5", b"2,5", "line 2: point 4 '1000 2,5' is not a frequency and a gain"),
            (b"2.5", b"1e", "line 2: point 4 gain_db '1e' is not a number"),
            (b"2.5", b"", "line 2: point 4 '1000' is not a frequency and a gain"),
            (b"2.5", b"1e308", "line 2: a gain_db is outside -300..300"),
            (b"1000", b"-10", "freqs_hz -10.0 is not positive and strictly increasing"),
            (b"1000", b"1e999", "line 2: point 4 freq_hz '1e999' is too large"),
            (b"GraphicEQ:", b"Graphic:", "has no 'GraphicEQ:' line"),
            (b"2.5", b"2.5" + b"; 3 3" * 10_001, "line 2: more than 10000 points"),
        ],
    ),
    "rew": (
        "generic.rew.txt",
        [
            (b"46.50 Hz", b"nan Hz", "line 10: freq_hz 'nan' is not a number"),
            (b"-9.40 dB", b"-9,4,0 dB", "line 10: gain_db -94.0 is outside -60..60"),
            (b"ON  PK ", b"ON  XO ", "line 10: filter type 'XO' is not known; switch it off to read the rest"),
            (b"Q  4.470", b"", "line 10: q is missing"),
            (b"Fc   46.50 Hz", b"", "line 10: freq_hz is missing"),
            (b"Gain  -9.40 dB", b"", "line 10: gain_db is missing"),
            (b"Gain  -9.40 dB", b"Gain  -99 dB", "line 10: gain_db -99.0 is outside -60..60"),
            (b"8.000 kHz", b"8000 kHz", "freq_hz 8000000.0 is outside 0..200000"),
            (b"BW Oct 1.0", b"BW Oct 0", "bandwidth 0 is outside 0.001..20 octaves"),
            (b"ON  PK ", b"perhaps PK ", "line 10: filter 'perhaps PK"),
        ],
    ),
    "ffmpeg": (
        "chain.ffmpeg.txt",
        [
            (b"frequency=1000", b"frequency=inf", "filter 2: f 'inf' is not a number"),
            (b"gain=-3", b"gain=-3,5", "filter 3: '5' is not a filter; a decimal comma?"),
            (b"gain=-3", b"gain=", "filter 2: g is empty"),
            (b"width=1.5", b"width=0", "filter 2: q 0.0 is not above 0"),
            (b"volume=0.5", b"volume=0", "filter 1: volume 0 is not above 0"),
            (b"volume=0.5", b"volume='0.5", "a quote (') is not closed"),
            (b"volume=0.5", b"volume=999dB", "filter 1: preamp_db 999.0 is outside -120..120"),
        ],
    ),
    "sox": (
        "chain.sox.txt",
        [
            (b"105", b"nan", "effect 2: frequency 'nan' is not a number"),
            (b"-4.5", b"-4,5", "effect 2: gain '-4,5' is not a number"),
            (b"1.2q", b"0q", "effect 4: q 0.0 is not above 0"),
            (b"gain -6", b"gain 1e308", "effect 1: preamp_db 1e+308 is outside -120..120"),
            (b"gain -6", b"gain -6\nbass 3 100 1q", "holds several effect chains"),
            (b"gain -6", b"gain -6 :", "holds several effect chains"),
        ],
    ),
    "faust": (
        "eq.dsp",
        [
            (b"105", b"inf", "line 7: freq_hz 'inf' is not a number"),
            (b".71, -4.5", b"0, -4.5", "line 7: q 0.0 is not above 0"),
            (b"  ;", b"", "has no series of filters between a line 'eq = _' and a line ';'"),
            (b"process = eq, eq;", b"process = _, _;", "has no line 'process = eq, eq;', so what it does is not known"),
            (b"  : fi.svf.ls", b"  fi.svf.ls", "line 7: 'fi.svf.ls(105, .71, -4.5)' does not start with ':'"),
            (b"-5.9", b"-5,9", "line 6: preamp_db '-5,9' is not a number"),
        ],
    ),
    "jsfx": (
        "two-bands.jsfx",
        [
            (b"slider4:105.0", b"slider4:nan", "line 7: 1 Frequency (Hz) 'nan' is not a number"),
            (b"slider4:105.0", b"slider4:0", "band 1: freq_hz 0.0 is not above 0"),
            (b"slider4:105.0", b"slider4:", "line 7: 1 Frequency (Hz) is empty"),
            (b"slider3:0", b"slider3:3", "band 1: On 1 is not 0 or 1, or Type 3 not 0, 1 or 2"),
            (b">2 Q", b">3 Q", "slider '2 Q': is missing"),
            (b">2 Q", b">1 Q", "line 14: a second slider '1 Q'"),
            (b">2 Q", b">99 Q", "line 14: more than 12 bands"),
            (b"// semeq EQ script", b"// another script", "is not a script of semeq"),
        ],
    ),
    "audacity": (
        "filter-curve.audacity.txt",
        [
            (b'f1="100"', b'f1="nan"', "line 2: f1 'nan' is not a number"),
            (b'v1="-4.25"', b'v1="-4,25"', "line 2: v1 '-4,25' is not a number"),
            (b'v1="-4.25"', b'v0="-4.25"', "line 2: parameter v0 occurs twice"),
            (b'v1="-4.25"', b"", "line 2: f and v are not two equal lists"),
            (b'v1="-4.25"', b'v1="-4.25', "v1 '-4.25 v10=' is not a number"),
            (b'f1="100"', b'f1="10"', "freqs_hz 20.0 is not positive and strictly increasing"),
            (b'"4001"', b'"99999"', "FilterLength '99999' is not a whole number in 21..8191"),
            (b"FilterCurve:", b"Filter:", "has 0 FilterCurve steps, expected one"),
        ],
    ),
    "easyeffects": (
        "version7.easyeffects.json",
        [
            (b"105.0", b"NaN", "JSON holds NaN, which is not a number"),
            (b"105.0", b"1e999", "JSON number 1e999 is too large"),
            (b"105.0", b'"1O5"', "band0: frequency '1O5' is not a number"),
            (b"105.0", b"-1", "band0: freq_hz -1.0 is not above 0"),
            (b'"RLC (BT)"', b'"RLC (XT)"', "left band1: mode 'RLC (XT)' is not one of RLC (BT), RLC (MT)"),
            (b'"Lo-shelf"', b'"Envelope"', "left band0: type 'Envelope' is not one of Off, Bell, Hi-pass"),
            (b'"slope": "x1"', b'"slope": "x5"', "left band0: slope 'x5' is not one of x1, x2, x3, x4"),
            (b'"mode": "IIR"', b'"mode": "IR"', "equalizer: mode 'IR' is not one of IIR, FIR, FFT, SPM"),
            (b'"num-bands": 4', b'"num-bands": 33', "equalizer: num-bands 33 is not a whole number in 0..32"),
            (b'"num-bands": 4', b'"num-bands": 5', "left band4: is missing or not an object"),
            (b'"mute": true', b'"mute": 1', "band2: mute 1 is not true or false"),
            (b'"input-gain": -6.0', b'"input-gain": true', "equalizer: input-gain 'True' is not a number"),
            (b'"equalizer#0": {', b'"compressor#0": {', "has 0 equalizers, expected one"),
            (b'"output"', b'"outputs"', 'has neither an "output" nor an "input" object'),
            (b'"left"', b'"middle"', "left: is missing or not an object"),
        ],
    ),
    "camilladsp": (
        "config.yml",
        [
            (b"freq: 105", b"freq: .nan", "filters bass: freq '.nan' is not a number"),
            (b"freq: 105", b"freq: 1e308", "filters bass: freq_hz 1e+308 is outside 0..200000"),
            (b"freq: 105", b"freq: [105]", "filters bass freq: is not a single value"),
            (b"freq: 105", b"freq:", "filters bass: freq is empty"),
            (b"freq: 105", b"freqs: 105", "filters bass freq: is missing"),
            (b"gain: -4.5", b"gain: -4,5", "filters bass: gain '-4,5' is not a number"),
            (b"  - bass\n", b"  - basso\n", "pipeline step 2: names the filter 'basso', which is not defined"),
            (b"filters:", b"filter:", "filters: is missing"),
            (b"filters:", b"filters: &x", "anchors and aliases (& and *) are not read"),
            (b"title: Living room", b"title: *x", "anchors and aliases (& and *) are not read"),
            (b"title: Living room", b"title: !!python/object:os.system x", "tag tag:yaml.org,2002:python/object"),
            (b"title: Living room", b"devices: 1", "key 'devices' occurs twice"),
            (b"title: Living room", b"? [a, b]\n: c", "a key is not a single value"),
            (b"title: Living room", b"a: b\n---\nc: d", "a second document"),
            (b"title: Living room", b"a: " + b"[" * 100, "is nested deeper than 32 levels"),
            (b"title: Living room", b"a: b: c", "is not YAML: mapping values are not allowed here"),
            (b"title: Living room", b'a: "\\UFFFFFFFF"', "is not YAML"),
            (b"title: Living room", b'a: "\\ud800"', "text holds a lone surrogate"),
            (b"title: Living room", b"a: b\n" * 50_000, "over the limit of 200000"),
        ],
    ),
    "pipewire": (
        "sink-eq.conf",
        [
            (b"105.0", b"nan", "node 2: Freq 'nan' is not a number"),
            (b"105.0", b"{ }", "node 2 Freq: is not a single value"),
            (b'"Freq": 105.0', b'"Freq": 1e308', "node 2: freq_hz 1e+308 is outside 0..200000"),
            (b"links = [", b"links = {", "expected a key, found '{'"),
            (b"nodes = [", b"nudes = [", "nodes: is missing"),
            (
                b"libpipewire-module-filter-chain",
                b"libpipewire-module-loopback",
                "has 0 modules libpipewire-module-filter-chain, expected one",
            ),
            (b'"Equalizer Sink"\n', b'"Equalizer Sink\n', "a quote that does not end"),
            (b"flags = [ nofail ]", b"flags = " + b"[" * 100, "is nested deeper than 32 levels"),
            (b"flags = [ nofail ]", b"name = x", "key 'name' occurs twice"),
            (b"audio.channels = 2", b'audio.channels = "\\q"', "or an unknown escape"),
        ],
    ),
    "csv": (
        "columns.csv",
        [
            (b"8.1", b"nan", "row 3: gain_db 'nan' is not a number"),
            (b"8.1", b"", "row 3: gain_db is empty"),
            (b"8.1", b"8,1", "row 3: has 5 columns, expected 4; a decimal comma, or the separator ';'?"),
            (b"105", b"inf", "row 3: freq_hz 'inf' is not a number"),
            (b"low_shelf", b"wide", "row 3: kind 'wide' is not low_shelf, peak, high_shelf or preamp"),
            (
                b"note,gain_db,kind,freq_hz",
                b"note;gain_db;kind;freq_hz",
                "row 1: has no column kind; expected kind,freq_hz,gain_db,q,enabled; is the",
            ),
            (b"note,gain_db,kind,freq_hz", b"kind,gain_db,kind,freq_hz", "row 1: column 'kind' occurs twice"),
            (b"note,gain_db,kind,freq_hz", b"low_shelf,1,2,3", "row 1: has no column kind"),
            (b'"loud, then"', b'"loud, then', "row 2: is not comma-separated"),
        ],
    ),
    "totalmix": (
        "sample.tmeq",
        [
            (b"  58.50,", b"nan,", "Preset/Equalizer/Params: Band1 Freq 'nan' is not a number"),
            (b"  58.50,", b"58,50,", "Band1 Freq '58,50' is not a number; write a decimal point, not a comma"),
            (b'e="Band1 Freq"', b'e="Band2 Freq"', "entry 'Band2 Freq' occurs twice"),
            (b'e="Band1 Freq"', b'e="Other"', "entry 'Band1 Freq': is missing"),
            (b'e="Band1 Freq" ', b"", "<val> has no attribute e"),
            (b"<Preset>", b'<!DOCTYPE a [<!ENTITY b "c">]><Preset>', "has a document type (DTD), which is not read"),
            (b"Params", b"Param", "Preset/Equalizer/Params: is missing"),
            (b"Preset", b"Reset", "root element is <Reset>, expected <Preset>"),
        ],
    ),
    "fir": (
        "two-taps.wav",
        [
            (b"WAVE", b"WAVY", "offset 0x0: is not a WAV file"),
            (b"data\x04", b"data\x05", "ends after the file"),
            (b"data\x04", b"date\x04", "has no 'fmt ' chunk of 16 bytes or no 'data' chunk"),
            (b"\x44\xac\x00\x00", b"\x01\x00\x00\x00", "fmt: sample_rate_hz 1 is outside 8000..384000"),
            (b"\x02\x00\x10\x00", b"\x02\x00\x07\x00", "fmt: format 1 with 7 bits in 1 channels cannot be read"),
            (b"\x00\x40\x00\xe0", b"\x00\x00\x00\x00", "data: the impulse response is silent"),
        ],
    ),
}


@pytest.mark.parametrize(
    ("format_id", "before", "after", "says"),
    [(format_id, *case) for format_id, (_, cases) in CASES.items() for case in cases],
)
def test_the_place_that_is_wrong_is_named(format_id: str, before: bytes, after: bytes, says: str) -> None:
    data = (GOLDEN / format_id / CASES[format_id][0]).read_bytes()
    assert before in data
    with pytest.raises(PresetReadError) as caught:
        presets.read(data.replace(before, after), format_id)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


LENGTH = cases(600_000, 3_000_000)
HOSTILE = [
    b" " * LENGTH,
    b"#" * LENGTH,
    b'"' + b"\\" * LENGTH,
    b"a " * (LENGTH // 3),
    b";" * LENGTH,
    b"," * LENGTH,
    b"\n" * LENGTH,
]


@pytest.mark.parametrize("format_id", CASES)
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda data: repr(data[:2]))
def test_a_long_file_costs_no_more_than_its_length(format_id: str, hostile: bytes) -> None:
    golden = (GOLDEN / format_id / CASES[format_id][0]).read_bytes()
    for data in (hostile, golden[:40] + hostile + b"x", golden[: len(golden) // 2] + hostile + golden[len(golden) // 2 :]):
        try:
            assert presets.read(data, format_id).format == format_id
        except PresetReadError as error:
            assert len(str(error)) < 400


def test_a_signalling_nan_in_an_impulse_response_is_one_error() -> None:
    nan = bytes.fromhex("010080ff")
    fmt = bytes.fromhex("0300 0100 80bb0000 00ee0200 0400 2000")
    chunks = b"fmt " + len(fmt).to_bytes(4, "little") + fmt + b"data" + (8).to_bytes(4, "little") + nan + bytes(4)
    data = b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WAVE" + chunks
    with pytest.raises(PresetReadError, match="holds samples that are not finite"):  # and no RuntimeWarning, which is an error here
        presets.read(data, "fir")
