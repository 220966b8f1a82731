"""What the packages offer: every public name exists, is explained, and is listed once and in order."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest
from conftest import ROOT

import semeq_export

PACKAGES = ("semeq_export", "semeq_host", "semeq_presets")
TYPES = ("Files",)
"""Public names of types that nobody calls."""
NAMES = [(package, name) for package in PACKAGES for name in importlib.import_module(package).__all__]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_listed_once(package: str) -> None:
    names = importlib.import_module(package).__all__
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_hides_a_public_name(package: str) -> None:
    """Importing package.part sets the attribute `part`, whatever lazy name it was to be; after all of them each name is what it was."""
    code = f"""
import importlib, pkgutil, types, {package} as package
before = {{name: getattr(package, name) for name in package.__all__}}
parts = [part.name for part in pkgutil.walk_packages(package.__path__, "{package}.") if not part.name.endswith(".__main__")]
for part in parts:
    importlib.import_module(part)
found = {{name: getattr(package, name) for name in package.__all__}}
modules = [name for name, value in found.items() if isinstance(value, types.ModuleType)]
others = [name for name, value in found.items() if value is not before[name]]
idle = [name for name, value in found.items() if not callable(value) and not name.isupper() and name not in {TYPES}]
print(len(parts) > 20, modules, others, idle)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True [] [] []\n"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_bears_a_public_name(package: str) -> None:
    module = importlib.import_module(package)
    rooms = {part.name for part in pkgutil.iter_modules(module.__path__)}
    assert rooms
    assert not rooms & set(module.__all__)


@pytest.mark.parametrize(("package", "name"), NAMES, ids=lambda part: part)
def test_every_public_name_exists_and_is_explained(package: str, name: str) -> None:
    found = getattr(importlib.import_module(package), name)
    if inspect.isclass(found) or inspect.isfunction(found):
        text = inspect.getdoc(found) or ""
        assert text
        assert not text.startswith(f"{name}("), "a docstring that dataclasses made up"
        assert text.splitlines()[0].rstrip().endswith((".", "`", ":"))


def test_the_lazy_table_and_the_list_are_the_same() -> None:
    assert semeq_export.__all__ == [
        *sorted(n for n in semeq_export._MODULES if n.isupper()),
        *sorted(n for n in semeq_export._MODULES if not n.isupper()),
    ]
    assert set(dir(semeq_export)) == {*semeq_export.__all__, "__version__"}


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'wram'"):
        semeq_export.wram  # noqa: B018
