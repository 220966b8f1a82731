"""semeq: words to EQ.

    eq = semeq_export.eq_for("warm, less muddy", intensity=0.7)
    engine = semeq_export.Engine(semeq_export.load_bundle("mine.semeq"))  # another bundle, and more than settings

Names are imported on first use, so importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semeq_export.audio.equalised import apply
    from semeq_export.audio.reader import read_audio
    from semeq_export.audio.samples import Audio
    from semeq_export.audio.writer import write_audio
    from semeq_export.bundle.loading import Bundle, load_bundle, write_bundle
    from semeq_export.bundle.manifest import Manifest
    from semeq_export.engine import Engine
    from semeq_export.eq.biquad import design_sos, for_rate, response_db
    from semeq_export.eq.curve import Curve
    from semeq_export.eq.filter import EqFilter
    from semeq_export.eq.fit import FitResult, fit_eq
    from semeq_export.eq.settings import SAFE_13, Band, BandKind, EqLayout, EqSettings
    from semeq_export.errors import SemeqError
    from semeq_export.plot.on_axes import plot_eq
    from semeq_export.shared import eq_for, factory_engine
    from semeq_export.words.target import SemanticTarget
    from semeq_export.words.terms import CentroidBank, Term

_MODULES = {
    "Audio": "audio.samples",
    "Band": "eq.settings",
    "BandKind": "eq.settings",
    "Bundle": "bundle.loading",
    "CentroidBank": "words.terms",
    "Curve": "eq.curve",
    "Engine": "engine",
    "EqFilter": "eq.filter",
    "EqLayout": "eq.settings",
    "EqSettings": "eq.settings",
    "FitResult": "eq.fit",
    "Manifest": "bundle.manifest",
    "SAFE_13": "eq.settings",
    "SemanticTarget": "words.target",
    "SemeqError": "errors",
    "Term": "words.terms",
    "apply": "audio.equalised",
    "design_sos": "eq.biquad",
    "eq_for": "shared",
    "factory_engine": "shared",
    "fit_eq": "eq.fit",
    "for_rate": "eq.biquad",
    "load_bundle": "bundle.loading",
    "plot_eq": "plot.on_axes",
    "read_audio": "audio.reader",
    "response_db": "eq.biquad",
    "write_audio": "audio.writer",
    "write_bundle": "bundle.loading",
}

__all__ = [
    "SAFE_13",
    "Audio",
    "Band",
    "BandKind",
    "Bundle",
    "CentroidBank",
    "Curve",
    "Engine",
    "EqFilter",
    "EqLayout",
    "EqSettings",
    "FitResult",
    "Manifest",
    "SemanticTarget",
    "SemeqError",
    "Term",
    "apply",
    "design_sos",
    "eq_for",
    "factory_engine",
    "fit_eq",
    "for_rate",
    "load_bundle",
    "plot_eq",
    "read_audio",
    "response_db",
    "write_audio",
    "write_bundle",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(importlib.import_module(f"semeq_export.{_MODULES[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("semeq-export")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
