"""Findings as tests make them, by their name alone, and rows by what a test is about."""

from __future__ import annotations

from typing import Any, TypeVar

from holistic.lenses._contract import declared_schema, declared_schemas
from holistic.lenses._places import lens_places
from holistic.results.columns import Estimate, declared
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.tables import Table

Row = TypeVar("Row")


def own_schemas() -> list[Schema]:
    """What holistic's own lenses declare, each wherever it does: in a folder or in its file."""
    own = [name for name, place in lens_places().items() if not place.package]
    return [schema for lens in own for schema in declared_schemas(lens).values()]


def a_row(row: type[Row], **cells: Any) -> Row:
    """A row with these cells; whatever else its type declares, now or later, is missing."""
    blank = {
        one.name: Estimate(None) if len(columns) > 1 else None for one, columns in declared(row)
    }
    return row(**(blank | cells))


def schema_of(finding: str) -> Schema:
    """What is declared of a finding, or a bare schema of that name where no lens declares it."""
    return declared_schema(finding) or Schema(finding, finding)


def a_finding(name: str, table: Table, *more: Any, **named: Any) -> Finding:
    return Finding(schema_of(name), table, *more, **named)
