"""The lenses and what they declare, in the order in which they run."""

from __future__ import annotations

from holistic.lenses._contract import declared_schemas, lens_class, lens_names
from holistic.lenses._places import lens_places
from holistic.results.schema import Schema

__all__ = ["LENSES", "cell", "question", "schemas_of"]

LENSES = tuple(name for name in lens_names() if not lens_places()[name].package)
"""Holistic's own lenses."""


def question(lens: str) -> str:
    """The question of a lens, as a sentence."""
    asked = lens_class(lens).question
    return asked[0].upper() + asked[1:]


def schemas_of(lens: str) -> list[Schema]:
    """What a lens declares, its answer first."""
    return sorted(declared_schemas(lens).values(), key=lambda one: not one.answers)


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
