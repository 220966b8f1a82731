"""The model card: README.md of a bundle, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from semeq_export.bundle.manifest import BlendSpec, Manifest
from semeq_export.words.terms import CentroidBank, Term

_SHOWN_TERMS = 20
_REFERENCES = {"alternate": "other seconds of the file", "halves": "other half of the file", "others": "other sources"}
_ESTIMATORS = {
    "constant": "constant",
    "spectrum": "third-octave spectrum, mean",
    "matched": "third-octave spectrum, weighed by its windows",
    "encoder": "audio encoder",
}
_MEASURES = ("r2", "slope", "auc", "word_accuracy")


def model_card(manifest: Manifest, bank: CentroidBank) -> bytes:
    """Return the card as UTF-8 Markdown: what the model is, its data and their licence state, measured quality, how to load it."""
    sections = [
        _summary(manifest, bank),
        _data(manifest),
        _quality(manifest),
        *_hearing(manifest),
        _words(bank),
        _graphs(manifest),
        _loading(manifest.blend),
    ]
    return "\n".join(sections).encode("utf-8")


def _summary(manifest: Manifest, bank: CentroidBank) -> str:
    layout = manifest.layout
    best_known = ", ".join(term.name for term in _by_evidence(bank)[:3])
    return f"""# {manifest.name} {manifest.version}

A model that turns words such as {best_known} into settings of a parametric equaliser: {len(bank)} words, {manifest.latent_dim} latent
numbers, layout `{layout.name}` with {len(layout.slots)} bands and {len(layout.params)} parameters in dB, Hz and Q.
Bundle schema {manifest.schema}, made by {manifest.generator}. Licence of the weights: {manifest.license}.

A word stands for what the people in the data meant by it; people disagree about many words (see agreement below). The overall level of
a curve carries no meaning. Not for hearing aids or anything else where an unexpected gain can do harm.
"""


def _data(manifest: Manifest) -> str:
    rows = [(s.name, str(s.rows), s.license, s.citation) for s in manifest.data]
    return "## Data\n\n" + _table(("data set", "rows used", "licence stated by its source", "citation"), rows)


def _quality(manifest: Manifest) -> str:
    record = manifest.training
    rows = [(name, f"{value:.4g}") for name, value in sorted(record.metrics.items())]
    return f"""## Measured quality

Recipe {record.recipe}, seed {record.seed}, {record.steps} steps, torch {record.torch}, {record.threads} threads on {record.processor}.
Figures are measured on held-out rows; the shipped weights then learned from all rows.

{_table(("measure", "value"), rows)}"""


def _hearing(manifest: Manifest) -> list[str]:
    """Return the section on the audio encoder and on what estimates doses, where there is an encoder and it was asked."""
    record = manifest.audio_encoder.training if manifest.audio_encoder is not None else None
    if record is None:
        return []
    windows = ", ".join(f"{count} {kind}" for kind, count in record.windows.items())
    made = f"""## Audio encoder

A {record.architecture} network, trained on windows of audio ({windows}) to give the codes of this EQ model. Recipe
{record.recipe}, seed {record.seed}, {record.steps} steps, torch {record.torch}, {record.threads} threads on {record.processor}.
What audio has that a reference has not is the decoder's answer to `flat` + z(audio) - z(reference), each z the mean over windows."""
    scores, metrics = record.scores, record.metrics
    if not scores:
        return [f"{made}\nIt was not asked about sources that it had not heard: use the spectrum.\n"]
    names = {"encoder": "audio encoder", "spectrum": _ESTIMATORS["matched"]}
    better, worse = sorted(scores, key=lambda name: -scores[name])
    sources, files = int(metrics["sources_left_out"]), int(metrics["files"])
    rows = [
        (
            f"{words}, {where}",
            *(f"{round(metrics[key], 3) + 0.0:.3f}" if (key := f"{task}_{name}_{measure}") in metrics else "" for measure in _MEASURES),
        )
        for task, where in _REFERENCES.items()
        for name, words in _ESTIMATORS.items()
        if f"{task}_{name}_r2" in metrics
    ]
    return [
        f"""{made}

Asked about {sources} sources that it had not heard ({files} files, five words, six doses of each): the {names[better]}
knows doses better, R2 {scores[better]:.3f} against {scores[worse]:.3f} of the {names[worse]} (mean over
the two references of the same file), and is what adaptation uses.

{_table(("estimator, reference", "R2 of doses", "slope", "order of windows (AUC)", "word of five"), rows)}"""
    ]


def _words(bank: CentroidBank) -> str:
    shown = _by_evidence(bank)[:_SHOWN_TERMS]
    rows = [(t.name, t.language, str(t.examples), f"{t.agreement:.2f}", f"{t.typical_intensity:.2f}") for t in shown]
    return f"""## Words

The {len(shown)} with the most examples; all {len(bank)} are in `centroids.json`. Agreement is the mean correlation of two people's curves
(0: they disagree), typical intensity is how strongly the median person does it, in units of the word.

{_table(("word", "language", "examples", "agreement", "typical intensity"), rows)}"""


def _graphs(manifest: Manifest) -> str:
    audio = manifest.audio_encoder.graph if manifest.audio_encoder is not None else None
    graphs = {"decoder": manifest.decoder, "EQ encoder": manifest.eq_encoder, "audio encoder": audio}
    rows = [
        (title, f"`{g.file}`", f"`{g.input}` {list(g.input_shape)}", f"`{g.output}` {list(g.output_shape)}", str(g.opset))
        for title, g in graphs.items()
        if g is not None
    ]
    return "## Graphs\n\n" + _table(("graph", "file", "input, float32", "output, float32", "opset"), rows)


def _loading(blend: BlendSpec | None) -> str:
    mixing = "mix words by weighted means of their vectors"
    if blend is not None:
        mixing = f"decode weighted sums of them, weights of either sign whose absolute values sum up to {blend.max_weight:g} at most"
    return _LOADING.replace("MIXING", mixing)


_LOADING = """## Loading it

`manifest.json` lists every file with size and SHA-256, the layout with its ranges, and the graphs. Physical units go in and come out:
nothing is left to normalise. A word's latent vector is `terms[word].z` in `centroids.json`; MIXING;
multiply the gains (dB) by the intensity. `vectors/` holds inputs, outputs and tolerances: run them first.

Python (no torch needed):

```python
import semeq_export as se
engine = se.Engine(se.load_bundle("path/to/this.semeq"))
eq = engine.eq_for("warm")
```

ONNX Runtime (C++): `Ort::Session(env, "decoder.onnx", options)` with one intra-op thread; input `(1, latent_dim)`, output `(1, n_params)`.

LibTorch (C++): `torch::jit::load("decoder.pt")`, where the bundle has that file. Loading TorchScript runs what is in it: only for bundles
whose origin you know.

Without any library (C++): `decoder.semeq`, flat little-endian float32 weights, 64-byte aligned, CRC-32 checked.

The filters are those of the Audio EQ Cookbook (R. Bristow-Johnson), in float64.
"""


def _by_evidence(bank: CentroidBank) -> list[Term]:
    return sorted(bank.values(), key=lambda term: (-term.examples, term.name))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(text) for text in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
