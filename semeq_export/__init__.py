"""semeq: words to EQ.

    engine = semeq_export.Engine(semeq_export.load_bundle())
    eq = engine.eq_for("warm")

Names are imported on first use, so importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semeq_export.audio import Audio, read_audio, write_audio
    from semeq_export.biquad import design_sos, for_rate, response_db
    from semeq_export.bundle import Bundle, Manifest, load_bundle, write_bundle
    from semeq_export.curve import Curve
    from semeq_export.engine import Engine
    from semeq_export.eq import SAFE_13, Band, BandKind, EqLayout, EqSettings
    from semeq_export.eq_filter import EqFilter, apply
    from semeq_export.errors import SemeqError
    from semeq_export.fit import FitResult, fit_eq
    from semeq_export.semantic import CentroidBank, SemanticTarget, Term

_MODULES = {
    "Audio": "audio",
    "Band": "eq",
    "BandKind": "eq",
    "Bundle": "bundle",
    "CentroidBank": "semantic",
    "Curve": "curve",
    "Engine": "engine",
    "EqFilter": "eq_filter",
    "EqLayout": "eq",
    "EqSettings": "eq",
    "FitResult": "fit",
    "Manifest": "bundle",
    "SAFE_13": "eq",
    "SemanticTarget": "semantic",
    "SemeqError": "errors",
    "Term": "semantic",
    "apply": "eq_filter",
    "design_sos": "biquad",
    "fit_eq": "fit",
    "for_rate": "biquad",
    "load_bundle": "bundle",
    "read_audio": "audio",
    "response_db": "biquad",
    "write_audio": "audio",
    "write_bundle": "bundle",
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
    "fit_eq",
    "for_rate",
    "load_bundle",
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
