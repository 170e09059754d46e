"""Findings as tests make them, by their name alone."""

from __future__ import annotations

from typing import Any

from holistic.lenses._contract import declared_schema
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.tables import Table


def schema_of(finding: str) -> Schema:
    """What is declared of a finding, or a bare schema of that name where no lens declares it."""
    return declared_schema(finding) or Schema(finding, finding)


def a_finding(name: str, table: Table, *more: Any, **named: Any) -> Finding:
    return Finding(schema_of(name), table, *more, **named)
