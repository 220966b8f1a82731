"""What a plug-in developer gets: a sealed bundle, chosen from another one, and the folder around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from semeq_export.bundle import store
from semeq_export.bundle.card import model_card
from semeq_export.bundle.loading import Bundle, write_bundle
from semeq_export.bundle.manifest import Manifest
from semeq_export.bundle.store import CENTROIDS, EVIDENCE, README
from semeq_export.errors import BundleFormatError, OutputError, printable
from semeq_export.files.atomic import atomic_folder
from semeq_export.words.terms import CentroidBank

BENCHMARK = "benchmark.json"
GUIDE = "GUIDE.md"
VECTORS = "tests/vectors"
REFERENCES = "references"
"""Stored references: how kinds of sources sound. They belong to the runtime, not to a model, so they stand beside the sealed bundle."""
WEB = "web"
"""The runtime for web pages and Node, which can be taken alone."""
_WEB_FILES = ("built/semeq.wasm", "built/semeq.js", "built/semeq.d.ts", "built/semeq-worklet.js", "kit/README.md", "kit/example.html")


def select(bundle: Bundle, *, terms: Iterable[str] | None = None, torchscript: bool | None = None) -> dict[str, bytes]:
    """Return the files of a bundle, without manifest.json, with only some of its words or without its TorchScript.

    terms: the words to keep, all where None; the card is written anew for them. torchscript: None keeps what is there, True demands it.
    Raises UnknownTermError, and BundleFormatError where TorchScript is demanded and not there.
    """
    result = {name: data for name, data in bundle.files.items() if name != store.MANIFEST}
    scripts = [name for name in result if name.endswith(".pt")]
    if torchscript and not scripts:
        raise BundleFormatError(f"{printable(bundle.path)}: has no TorchScript; export it from a training run")
    if torchscript is False:
        for name in scripts:
            del result[name]
    if terms is not None:
        bank = CentroidBank({bundle.centroids[word].name: bundle.centroids[word] for word in terms}.values())
        result |= {CENTROIDS: bank.to_json(), README: model_card(bundle.manifest, bank)}
        if EVIDENCE in result:
            result[EVIDENCE] = bundle.evidence.of(bank).to_json()
    return result


def write_kit(
    path: str | os.PathLike[str],
    manifest: Manifest,
    files: Mapping[str, bytes],
    benchmark: bytes,
    sound_vectors: Mapping[str, bytes],
    *,
    zipped: bool = False,
    overwrite: bool = False,
) -> Manifest:
    """Write the developer's folder and return the manifest of the bundle in it.

    benchmark: JSON of this machine on this day; it stays outside the sealed bundle, which depends on its content only.
    sound_vectors: impulse responses and doses by file name, for tests/vectors.
    zipped: the bundle inside is a zip. Raises as `write_bundle` does, and OutputError rather than replace a folder that is no kit.
    """
    target, model = Path(path), store.KIT_MODELS[zipped]
    if overwrite and target.is_dir() and any(target.iterdir()) and not is_kit(target):
        raise OutputError(f"{printable(path)}: is a folder without {store.KIT_MODELS[0]}, so no kit; it is not replaced")
    with atomic_folder(path, overwrite=overwrite) as temporary:
        complete = write_bundle(temporary / model, manifest, files, zipped=zipped)
        (temporary / BENCHMARK).write_bytes(benchmark)
        _copy_sources(temporary)
        (temporary / VECTORS).mkdir()
        for name, data in sound_vectors.items():
            (temporary / VECTORS / name).write_bytes(data)
        (temporary / README).write_text(_readme(complete, model), encoding="utf-8")
    return complete


def is_kit(path: Path) -> bool:
    """Whether a folder is what `write_kit` makes."""
    return any((path / name).exists() for name in store.KIT_MODELS)


def write_web(folder: Path) -> None:
    """Make a folder with the runtime for web pages and Node, its README and its example."""
    folder.mkdir()
    for name in _WEB_FILES:
        (folder / Path(name).name).write_bytes((Path(str(resources.files("semeq_export"))) / WEB / name).read_bytes())


def _copy_sources(folder: Path) -> None:
    """Copy the C++ runtime with its tests and examples, that of the web, and the stored references, into a kit."""
    package = Path(str(resources.files("semeq_export")))
    for source in sorted((package / "cpp").rglob("*")):
        if source.is_file():
            target = folder / source.relative_to(package / "cpp")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    write_web(folder / WEB)
    (folder / REFERENCES).mkdir()
    for source in sorted((package / "references").glob("*.json")):
        (folder / REFERENCES / source.name).write_bytes(source.read_bytes())


def _readme(manifest: Manifest, model: str) -> str:
    names = manifest.files.keys()
    rows = {
        "decoder.onnx": "z -> EQ parameters, for ONNX Runtime",
        "eq_encoder.onnx": "EQ parameters -> z, for ONNX Runtime",
        "audio_encoder.onnx": "two seconds of mono audio -> z, for ONNX Runtime; never on the audio thread",
        "decoder.pt": "the decoder as TorchScript, for LibTorch",
        "eq_encoder.pt": "the EQ encoder as TorchScript, for LibTorch",
        "audio_encoder.pt": "the audio encoder as TorchScript, for LibTorch",
        "decoder.semeq": "the decoder's weights, flat, for C++ without a library",
        "centroids.json": "the words: latent vector, number of people and agreement of each",
        "evidence.json": "what people did for each word: mean curve, spread, shares by region",
        "vectors/decoder.json": "inputs and expected outputs with tolerances: run them in your plug-in's tests",
    }
    listed = "".join(f"| `{model}/{name}` | {what} |\n" for name, what in rows.items() if name in names)
    return f"""# {manifest.name} {manifest.version}: kit for plug-in developers

    cmake -S . -B build && cmake --build build && ctest --test-dir build

then read `{GUIDE}`: from bundle to sound, rules for the audio thread, times, licences.

| part | what |
| --- | --- |
{listed}| `include/semeq.hpp` | the runtime: one C++17 header, no dependency |
| `{WEB}/` | the runtime as WebAssembly with a typed JavaScript module, for pages and Node: `{WEB}/README.md` |
| `CMakeLists.txt` | target `semeq::semeq`, tests, `bench`, examples |
| `{REFERENCES}/` | how kinds of sources sound, for a plug-in that listens |
| `{VECTORS}/` | impulse responses and doses to be met |
| `{BENCHMARK}` | what `semeq-export bench` measured on the machine that wrote this folder |

Start with `{model}/README.md`: what the model is, its data and their licence state, how to load it in each runtime.
`{model}` is sealed: its `manifest.json` holds the SHA-256 of every file. Check it after copying with

    semeq-export validate {model} --level 3
"""
