"""Checks of a bundle in three levels: structure and hashes, graphs, conformance.

What passes `graphs` runs in a child process under limits (`confined`), never in this one. TorchScript runs so too, and
only where the caller vouches for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from semeq_export.bundle import flat, store, vectors
from semeq_export.bundle.confined import TORCHSCRIPT, Confinement
from semeq_export.bundle.graphs import check_graph
from semeq_export.bundle.inference import AudioEncoder, Decoder, EqEncoder
from semeq_export.bundle.loading import Bundle, check_files
from semeq_export.bundle.manifest import SCHEMA, SCHEMA_MINOR, GraphSpec
from semeq_export.bundle.store import EVIDENCE, FLAT, GUESSES, README
from semeq_export.errors import BundleError, BundleFormatError, SemeqError, printable
from semeq_export.files.disk import open_regular

_RANGE_SLACK = 1e-5
"""How far a raw float32 output may pass the end of its range, as a share of that range, before it is called out of range."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check. where: file or field; code: stable and short, for programs."""

    severity: Literal["error", "warning", "note"]
    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message} [{self.code}]"


_Check = tuple[str, str, Callable[[], vectors.Deviation]]
"""What is checked, the file of its vectors, and the check."""


def validate(path: str | os.PathLike[str], level: int = 1, *, trust: bool = False) -> list[Finding]:
    """Return what is wrong with a bundle; no finding of severity "error" means sound.

    level: 1 structure, hashes and schema; 2 also graphs and flat weights, with a probe run; 3 also the conformance vectors.
    trust: level 3 runs TorchScript files too. Only for bundles made on this machine, since loading such a file can run code.
    An unsound bundle is a finding. Raises BundleFormatError only where there is no file or folder, EnvironmentFailure where the system
    refuses.
    """
    place = Path(path)
    if not place.is_dir():
        os.close(open_regular(place, BundleFormatError))
    try:
        bundle = check_files(store.read_files(place), place)
    except BundleError as error:
        return [_finding(error, printable(place.name))]
    findings = list(_structure(bundle))
    with Confinement() as confinement:
        if level >= 2:
            findings += _graphs(bundle, confinement)
        if level >= 3 and not _has_error(findings):
            findings += [*_conformance(bundle, confinement), *_torchscript(bundle, trust)]
    return findings


def require_sound(bundle: Bundle, *, trust: bool = False) -> list[Finding]:
    """Return what level 3 says of a loaded bundle; raise BundleFormatError with the first error. trust: as for `validate`."""
    findings = []
    with Confinement() as confinement:
        for finding in chain(_graphs(bundle, confinement), _conformance(bundle, confinement), _torchscript(bundle, trust)):
            if finding.severity == "error":
                raise BundleFormatError(f"{printable(bundle.path)}: {finding.where}: {finding.message}")
            findings.append(finding)
    return findings


def _has_error(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _finding(error: SemeqError, where: str) -> Finding:
    return Finding("error", error.code, where, str(error).removeprefix(f"{where}: "))


def _structure(bundle: Bundle) -> Iterator[Finding]:
    manifest = bundle.manifest
    minor = int(manifest.schema.partition(".")[2])
    if minor > SCHEMA_MINOR:
        yield Finding("note", "newer-minor", store.MANIFEST, f"schema {manifest.schema} is newer than {SCHEMA}: what is new is ignored")
    for name, use in ((README, "people cannot see what it is"), (vectors.DECODER, "other runtimes cannot be checked against it")):
        if name not in bundle.files:
            yield Finding("warning", "incomplete", name, f"missing: {use}")
    if EVIDENCE in bundle.files:
        try:
            unknown = sorted(bundle.evidence.words.keys() - bundle.centroids.keys())
        except BundleError as error:
            yield _finding(error, EVIDENCE)
            return
        if unknown:
            yield Finding("error", "evidence", EVIDENCE, f"word {printable(unknown[0][:60])!r} is not one of the bundle's")
    try:
        _ = bundle.guesses  # a word that a user taught since may be among them: it is a term first
    except BundleError as error:
        yield _finding(error, GUESSES)


def _graphs(bundle: Bundle, confinement: Confinement) -> Iterator[Finding]:
    for spec in bundle.manifest.graphs:
        try:
            check_graph(bundle.files[spec.file], spec)
        except BundleError as error:
            yield _finding(error, spec.file)
            return
    for where, probe in _probes(bundle, _functions(bundle, confinement, ".onnx")):
        try:
            probe()
        except SemeqError as error:
            yield _finding(error, where)
            return


@dataclass(frozen=True, slots=True)
class _Functions:
    """What a bundle can do in one runtime; None where it has no graph for it."""

    decoder: Decoder | None
    eq_encoder: EqEncoder | None
    audio_encoder: AudioEncoder | None


def _functions(bundle: Bundle, confinement: Confinement, suffix: Literal[".onnx", ".pt"]) -> _Functions:
    """Return a bundle's graphs in the format of a suffix as functions that run in another process."""
    manifest, files, runner = bundle.manifest, bundle.files, confinement.graph

    def in_format(spec: GraphSpec | None) -> GraphSpec | None:
        file = spec.file.removesuffix(".onnx") + suffix if spec is not None else ""
        return replace(spec, file=file) if spec is not None and file in files else None

    audio = manifest.audio_encoder
    decoder, eq_encoder = in_format(manifest.decoder), in_format(manifest.eq_encoder)
    audio_graph = in_format(audio.graph if audio is not None else None)
    return _Functions(
        Decoder(files[decoder.file], decoder, manifest.layout, runner) if decoder else None,
        EqEncoder(files[eq_encoder.file], eq_encoder, runner) if eq_encoder else None,
        AudioEncoder(files[audio_graph.file], replace(audio, graph=audio_graph), runner) if audio and audio_graph else None,
    )


def _probes(bundle: Bundle, functions: _Functions) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the files that can be run, with a run of each on three fixed inputs: what comes out must be finite and in range."""
    manifest, layout = bundle.manifest, bundle.manifest.layout
    levels = (-1.0, 0.0, 1.0)
    decoder, eq_encoder, encoder = functions.decoder, functions.eq_encoder, functions.audio_encoder

    def decode() -> None:
        assert decoder is not None
        slack = _RANGE_SLACK * (layout.maximum - layout.minimum)
        for level in levels:
            raw = decoder.graph.run(np.full((1, manifest.latent_dim), level, dtype=np.float32))[0].astype(np.float64)
            if not (np.all(raw >= layout.minimum - slack) and np.all(raw <= layout.maximum + slack)):
                raise BundleFormatError(f"{decoder.graph.spec.file}: output for z = {level:g} is outside the layout's ranges or not finite")

    def encode() -> None:
        assert eq_encoder is not None
        for share in (0.0, 0.5, 1.0):
            eq_encoder(layout.minimum + share * (layout.maximum - layout.minimum))

    def hear() -> None:  # a click, silence, and the same click upside down
        assert encoder is not None
        for level in levels:
            click = np.zeros(encoder.window_samples, dtype=np.float32)
            click[len(click) // 2] = level
            encoder(click)

    for function, probe in ((decoder, decode), (eq_encoder, encode), (encoder, hear)):
        if function is not None:
            yield function.graph.spec.file, probe
    if FLAT in bundle.files:
        yield FLAT, lambda: _check_flat(bundle)


def _check_flat(bundle: Bundle) -> None:
    if not _flat_decoder(bundle).matches(bundle.manifest.layout):
        raise BundleFormatError(f"{FLAT}: bands or ranges differ from the manifest's layout")


def _flat_decoder(bundle: Bundle) -> flat.FlatDecoder:
    decoder = flat.unpack(bundle.files[FLAT])
    if decoder.latent_dim != bundle.manifest.latent_dim:
        raise BundleFormatError(f"{FLAT}: latent_dim {decoder.latent_dim} differs from the manifest's {bundle.manifest.latent_dim}")
    return decoder


def _conformance(bundle: Bundle, confinement: Confinement) -> Iterator[Finding]:
    yield from _compare(_checks(bundle, _functions(bundle, confinement, ".onnx"), "onnx runtime"))
    checks = [("filters", vectors.RESPONSE, lambda: vectors.check_responses(bundle.files, bundle.manifest.layout))]
    if FLAT in bundle.files:
        decode, layout = _flat_decoder(bundle), bundle.manifest.layout
        checks.append(("decoder by flat weights", vectors.DECODER, lambda: vectors.check_decoder(bundle.files, decode, layout)))
    yield from _compare(checks)


def _torchscript(bundle: Bundle, trust: bool) -> Iterator[Finding]:
    scripts = ", ".join(sorted(name for name in bundle.files if name.endswith(".pt")))
    if not scripts:
        return
    if not trust:
        yield Finding("note", "not-run", scripts, "torchscript not checked: it can run code; `trust` runs it, for bundles of your own")
    elif find_spec("torch") is None:
        yield Finding("note", "not-run", scripts, "torchscript not checked: torch is not installed (pip install 'semeq-export[train]')")
    else:
        with Confinement(TORCHSCRIPT) as confinement:
            yield from _compare(_checks(bundle, _functions(bundle, confinement, ".pt"), "torchscript"))


def _checks(bundle: Bundle, functions: _Functions, runtime: str) -> Iterator[_Check]:
    files, layout, latent_dim = bundle.files, bundle.manifest.layout, bundle.manifest.latent_dim
    decoder, eq_encoder, encoder = functions.decoder, functions.eq_encoder, functions.audio_encoder
    if decoder is not None:
        yield f"decoder by {runtime}", vectors.DECODER, lambda: vectors.check_decoder(files, decoder, layout)
    if eq_encoder is not None:
        yield f"EQ encoder by {runtime}", vectors.EQ_ENCODER, lambda: vectors.check_eq_encoder(files, eq_encoder, layout, latent_dim)
    if encoder is not None:
        rate_hz, window = encoder.sample_rate_hz, encoder.window_samples
        check = lambda: vectors.check_audio_encoder(files, encoder, rate_hz, window, latent_dim)  # noqa: E731  # one of three
        yield f"audio encoder by {runtime}", vectors.AUDIO_ENCODER, check


def _compare(checks: Iterable[_Check]) -> Iterator[Finding]:
    for what, name, check in checks:
        try:
            deviation = check()
        except SemeqError as error:
            yield _finding(error, name)
            continue
        if deviation.conforms:
            yield Finding("note", "conforms", name, f"{what}: largest difference is {deviation.ratio:.2g} of the tolerance")
        else:
            yield Finding("error", "conformance", name, f"{what}: {deviation.message}")
