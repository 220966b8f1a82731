"""The kit as a stranger finds it: its own tests are green, and they can fail."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, cases, skip_or_fail
from cpp.conftest import Kit

from semeq_presets.file_formats.semeq_vst3 import plugin

pytestmark = pytest.mark.cpp

HEADER = ROOT / "semeq_export" / "cpp" / "include" / "semeq.hpp"


def test_the_kits_own_tests_are_green(kit: Kit) -> None:
    done = subprocess.run(["ctest", "--test-dir", kit.build, "--output-on-failure"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    conformance = ("conformance", "conformance_portable", "conformance_fast_math")
    hosts = ("plugin", "race_address", "race_thread", *(("vst3_host",) if (kit.build / "semeq.vst3").exists() else ()))
    for name in (*conformance, "no_allocation", "loudness", "hostile_files", *hosts, "function_effects"):
        assert re.search(rf"\b{name} \.+ +(Passed|\*\*\*Skipped)", done.stdout), done.stdout
    if "Skipped" in done.stdout:
        skip_or_fail("the function-effects check was skipped: needs clang 20 or newer, or: pip install ziglang")


def test_conformance_prints_what_it_found_and_fails_on_other_vectors(kit: Kit, tmp_path: Path) -> None:
    vectors = kit.source / "tests" / "vectors"
    done = kit.run("conformance", kit.model, kit.references, vectors)
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == [
        "parameters",
        "responses",
        "impulse",
        "mixes",
        "laws",
        "numbers",
        "doses",
        "rough",
    ]
    for name, change in (("dose.json", "dose"), ("impulse.json", "impulse"), ("mix.json", "response_db")):
        for source in vectors.iterdir():
            document = json.loads(source.read_text())
            if source.name == name:
                document["cases"][-1][change][-1] += 0.5
            (tmp_path / source.name).write_text(json.dumps(document))
        done = kit.run("conformance", kit.model, kit.references, tmp_path)
        assert (done.returncode, done.stdout.count(b"FAILED")) == (1, 1)


@pytest.mark.parametrize(
    ("place", "mutant"),
    [
        ("void start_frame() noexcept SEMEQ_NONBLOCKING {", "std::vector<double> copy(512); copy[0] = 1.0;"),
        ("void measure() noexcept SEMEQ_NONBLOCKING {", "below_.push_back(0.0);"),
        ("bool decode(const float* z, double* params, Scratch& scratch) const noexcept SEMEQ_NONBLOCKING {", 'std::printf("%f", z[0]);'),
        ("void begin(const Eq& eq) noexcept SEMEQ_NONBLOCKING {", 'if (eq.count > 64) throw "too many";'),
    ][: cases(1, 4)],
)
def test_what_could_block_does_not_pass_the_function_effects_check(place: str, mutant: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is None:
        skip_or_fail("ziglang is not installed: pip install ziglang")
    source = HEADER.read_text(encoding="utf-8")
    assert source.count(place) == 1
    done = check_effects(source.replace(place, f"{place} {mutant}"), tmp_path)
    assert done.returncode != 0
    assert "-Wfunction-effects" in done.stderr


def test_the_header_passes_the_function_effects_check(tmp_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is None:
        skip_or_fail("ziglang is not installed: pip install ziglang")
    done = check_effects(HEADER.read_text(encoding="utf-8"), tmp_path)
    assert done.returncode == 0, done.stderr[-2_000:]


def check_effects(header: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "semeq.hpp").write_text(header, encoding="utf-8")
    flags = ["-std=c++17", "-Wfunction-effects", "-Werror", "-I", folder, "-c", "-o", folder / "effects.o"]
    command = [sys.executable, "-m", "ziglang", "c++", *flags, ROOT / "semeq_export" / "cpp" / "tests" / "effects.cpp"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("target", ["x86_64-windows-gnu", "aarch64-macos", "aarch64-linux-gnu"][: cases(1, 3)])
def test_header_and_core_compile_for_other_systems(target: str, tmp_path: Path) -> None:  # compiled, not run
    if importlib.util.find_spec("ziglang") is None:
        skip_or_fail("ziglang is not installed: pip install ziglang")
    flags = ["-target", target, "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", "-I", HEADER.parent, "-c", "-o", tmp_path / "x.o"]
    command = [sys.executable, "-m", "ziglang", "c++", *flags, ROOT / "semeq_export" / "cpp" / "tests" / "effects.cpp"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]


def test_the_plug_ins_parameters_are_those_of_semeq_vst3_json() -> None:
    source = (ROOT / "semeq_export" / "cpp" / "examples" / "shared" / "semeq_plugin.hpp").read_text(encoding="utf-8")
    row = re.compile(r'\{"(\w+)", "([^"]+)", "(\w*)", ParamKind::(\w+), (\S+), (\S+), (\S+), (true|false)\}')
    found = [match.groups() for match in row.finditer(source)]
    wanted = []
    for number, parameter in enumerate(plugin()["parameters"]):
        assert parameter["id"] == number
        kind = {"word": "word", "range": "range", "switch": "toggle"}[parameter["kind"]]
        ends = (parameter["minimum"], parameter["maximum"]) if kind == "range" else (0.0, 0.0 if kind == "word" else 1.0)
        default = 0.0 if kind == "word" else float(parameter["default"])
        wanted.append((parameter["key"], parameter["title"], parameter.get("unit", ""), kind, *ends, default, parameter["automatable"]))
    assert [(*row[:4], *map(float, row[4:7]), row[7] == "true") for row in found] == wanted
    vst3 = (ROOT / "semeq_export" / "cpp" / "examples" / "vst3" / "semeq_vst3.cpp").read_text(encoding="utf-8")
    words = re.search(r"INLINE_UID\(0x(\w+), 0x(\w+), 0x(\w+), 0x(\w+)\)", vst3)
    assert words is not None
    assert "".join(words.groups()) == plugin()["processor_class_id"]


def test_bench_prints_one_json_document(kit: Kit) -> None:
    done = kit.run("bench", kit.model, kit.references, 0.001)
    report = json.loads(done.stdout)
    assert report["decode"]["wall"]["p50_us"] > 0
    assert {block["sample_rate_hz"] for block in report["blocks"]} == {44_100, 48_000, 96_000, 192_000}
    assert {block["block_size"] for block in report["blocks"]} == {32, 64, 128, 256, 512, 1_024, 2_048}


def test_a_damaged_model_is_refused_in_one_line(kit: Kit, tmp_path: Path) -> None:
    weights = bytearray((kit.model / "decoder.semeq").read_bytes())
    weights[100_000] ^= 1
    (tmp_path / "decoder.semeq").write_bytes(weights)
    for name in ("centroids.json", "manifest.json"):
        (tmp_path / name).write_bytes((kit.model / name).read_bytes())
    done = kit.run("render", tmp_path, "warm", 1, 48_000, 1, input=b"")
    assert (done.returncode, done.stderr) == (
        2,
        b"decoder.semeq: differs from its SHA-256 in manifest.json, damaged or of another bundle\n",
    )


def test_the_guides_snippet_compiles_and_its_figures_are_those_of_the_record(tmp_path: Path) -> None:
    guide = (ROOT / "semeq_export" / "cpp" / "GUIDE.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```cpp\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "snippet.cpp").write_text(snippet, encoding="utf-8")
    command = ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", HEADER.parent, tmp_path / "snippet.cpp"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((ROOT / "tests" / "records" / "native.json").read_text(encoding="utf-8"))
    assert record["date"] in guide
    best = {key: min(run[key] for run in record["runs"]) for key in record["runs"][0]}
    assert f"{best['decode_us']:.1f} us ({best['decode_over_bandwidth']:.2f} times" in guide
    assert f"| {best['onnxruntime_us']:.0f} us" in guide
    assert f"| {best['block_128_at_48_khz_us']:.1f} us of" in guide
    transforms = " / ".join(f"{best[f'transform_at_{rate_hz}_hz_us']:.0f}" for rate_hz in (44_100, 48_000, 96_000, 192_000))
    assert f"| {transforms} us |" in guide


def test_header_compiles_in_the_projects_that_plug_ins_have(tmp_path: Path) -> None:
    """windows.h makes macros of min and max; JUCE's recommended flags hold -Wsign-conversion; some hosts build without exceptions."""
    if importlib.util.find_spec("ziglang") is None:
        skip_or_fail("ziglang is not installed: pip install ziglang")
    standard = re.findall(r"^#include <\w+>$", HEADER.read_text(encoding="utf-8"), re.MULTILINE)
    macros = ["#define min(a, b) ((a) < (b) ? (a) : (b))", "#define max(a, b) ((a) > (b) ? (a) : (b))"]
    (tmp_path / "plugin.cpp").write_text(
        "\n".join([*standard, *macros, '#include "semeq.hpp"', "semeq::Stream stream;", ""]), encoding="utf-8"
    )
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror", "-fno-exceptions", "-fno-rtti"]
    for standard_flag in ("-std=c++17", "-std=c++20")[: cases(1, 2)]:
        command = [
            sys.executable,
            "-m",
            "ziglang",
            "c++",
            standard_flag,
            *flags,
            "-I",
            HEADER.parent,
            "-c",
            tmp_path / "plugin.cpp",
            "-o",
            tmp_path / "x.o",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2_000:]
