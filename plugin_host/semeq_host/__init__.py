"""Sound: the semantic EQ in Pedalboard chains, and files processed through it.

    board = Pedalboard([SemanticEq(engine, target="warm"), Compressor()])
    live = Chain([AdaptiveEq(engine, "warm", sample_rate_hz=48_000), Compressor()])

Names are imported on first use; only `SemanticEq` and chains load pedalboard, which is GPLv3.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semeq_host.chains.chain import Chain, chain_stage, run_live
    from semeq_host.chains.chain_file import ChainSpec, LoadedChain, load_chain, read_chain
    from semeq_host.chains.chain_writer import write_chain
    from semeq_host.chains.semantic_eq import SemanticEq
    from semeq_host.stems.audio_names import plan_outputs
    from semeq_host.stems.batch import Batch, plan_batch
    from semeq_host.stems.intent import Intent
    from semeq_host.stems.job import StemJob
    from semeq_host.stems.resources import StemResources
    from semeq_host.stems.session_file import Session, read_session_file
    from semeq_host.stems.stem import run_stem
    from semeq_host.streams.offline import ProcessReport, process_file
    from semeq_host.streams.process_options import ProcessOptions
    from semeq_host.streams.rolling import RollingReport, process_rolling
    from semeq_host.streams.stream import AdaptiveEq

_MODULES = {
    "AdaptiveEq": "streams.stream",
    "Batch": "stems.batch",
    "Chain": "chains.chain",
    "ChainSpec": "chains.chain_file",
    "Intent": "stems.intent",
    "LoadedChain": "chains.chain_file",
    "ProcessOptions": "streams.process_options",
    "ProcessReport": "streams.offline",
    "RollingReport": "streams.rolling",
    "SemanticEq": "chains.semantic_eq",
    "Session": "stems.session_file",
    "StemJob": "stems.job",
    "StemResources": "stems.resources",
    "chain_stage": "chains.chain",
    "load_chain": "chains.chain_file",
    "plan_batch": "stems.batch",
    "plan_outputs": "stems.audio_names",
    "process_file": "streams.offline",
    "process_rolling": "streams.rolling",
    "read_chain": "chains.chain_file",
    "read_session_file": "stems.session_file",
    "run_live": "chains.chain",
    "run_stem": "stems.stem",
    "write_chain": "chains.chain_writer",
}

__all__ = [
    "AdaptiveEq",
    "Batch",
    "Chain",
    "ChainSpec",
    "Intent",
    "LoadedChain",
    "ProcessOptions",
    "ProcessReport",
    "RollingReport",
    "SemanticEq",
    "Session",
    "StemJob",
    "StemResources",
    "chain_stage",
    "load_chain",
    "plan_batch",
    "plan_outputs",
    "process_file",
    "process_rolling",
    "read_chain",
    "read_session_file",
    "run_live",
    "run_stem",
    "write_chain",
]

RENAMED = {"Studio": "StemResources"}
"""Old public names and what they are called now; they go with 0.2."""


def __getattr__(name: str) -> object:
    if name in RENAMED:
        warnings.warn(f"semeq_host.{name} is now called {RENAMED[name]}; the old name goes with 0.2", DeprecationWarning, stacklevel=2)
        name = RENAMED[name]
    if name in _MODULES:
        return getattr(importlib.import_module(f"semeq_host.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
