"""Findings as tests make them, by their name alone."""

from __future__ import annotations

from typing import Any

from holistic.lenses._contract import schema_of
from holistic.results.findings import Finding
from holistic.results.tables import Table


def a_finding(name: str, table: Table, *more: Any, **named: Any) -> Finding:
    return Finding(schema_of(name), table, *more, **named)
