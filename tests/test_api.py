"""The page of public names lists each with what its docstring says first, and no other."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import holistic
from holistic import lenses

PAGE = Path(__file__).parents[1] / "docs/api.md"
MODULES = ("holistic", "holistic.errors", "holistic.lenses")
"""What users import from: the package, and what a lens of their own is written with."""


def public(module: str) -> dict[str, str]:
    """Meanings of what a module defines for users, by name: of errors, its classes."""
    found = importlib.import_module(module)
    if module == "holistic.errors":
        names = [
            name
            for name, value in vars(found).items()
            if not name.startswith("_") and inspect.isclass(value) and value.__module__ == module
        ]
    else:
        names = list(found.__all__)
    return {name: meaning(getattr(found, name)) for name in names}


def meaning(value: object) -> str:
    """First paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


def listed(page: str) -> dict[str, dict[str, str]]:
    """Meanings by name for each module that the page has a heading of."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        heading = part.splitlines()[0].strip("`")
        found[heading] = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", part, flags=re.MULTILINE))
    return found


def test_the_page_has_the_public_modules() -> None:
    assert tuple(listed(PAGE.read_text(encoding="utf-8"))) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_the_page_lists_every_public_name_with_its_meaning(module: str) -> None:
    assert listed(PAGE.read_text(encoding="utf-8"))[module] == public(module)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_meaning_of_one_line(module: str) -> None:
    for name, told in public(module).items():
        assert told.endswith("."), name
        assert len(told) <= 100, name
        assert "|" not in told, name


@pytest.mark.parametrize("module", ["holistic", "holistic.lenses"])
def test_names_are_looked_up_and_unknown_ones_refused(module: str) -> None:
    found = importlib.import_module(module)
    assert set(found.__all__) <= set(dir(found))
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = found.nothing


def test_the_type_checker_sees_what_lens_authors_import() -> None:
    path = Path(holistic.__file__).parent / "lenses/__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: (node.module or "").removeprefix("holistic.")
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == lenses._HOMES


def test_lens_authors_import_without_torch() -> None:
    code = f"import sys; from holistic.lenses import {', '.join(lenses.__all__)}; "
    code += "sys.exit(bool({'torch', 'pandas', 'scipy', 'matplotlib'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
