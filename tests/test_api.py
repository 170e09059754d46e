"""Does the page of public names list each with what its docstring says first, and no other?"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import holistic

PAGE = Path(__file__).parents[1] / "docs/api.md"
MODULES = ("holistic", "holistic.errors", "holistic.lens", "holistic.tables")
"""What users import from: the package, and what a lens of their own is written with."""


def public(module: str) -> dict[str, str]:
    """Meanings of what a module defines for users, by name: of errors, its classes."""
    found = importlib.import_module(module)
    if module == "holistic":
        names = list(holistic.__all__)
    else:
        kinds = inspect.isclass if module == "holistic.errors" else callable
        names = [
            name
            for name, value in vars(found).items()
            if not name.startswith("_")
            and kinds(value)
            and getattr(value, "__module__", "") == module
        ]
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
