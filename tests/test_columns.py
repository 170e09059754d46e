"""Shows that every column says what it is to its row, and every part which number it is of."""

from __future__ import annotations

import re

import pytest

from holistic.lenses._contract import lens_names
from holistic.replacing.effects import UnitEffect
from holistic.results.columns import columns_of
from holistic.results.schema import Schema
from made import own_schemas

BOUND = re.compile(r"(^|_)(lo|hi)$")
TEST = re.compile(r"(^|_)[pq]$")
COUNT = re.compile(r"(^|_)n$")
ENDS = ("lo", "hi", "control_lo", "control_hi")
PARTS = (*ENDS, "n", "p", "q", "control")

LEAST = "least_p"
"""Least p that so many sets allow: it tests nothing."""


def row_types() -> list[type]:
    """Types of rows that the lenses declare."""
    rows = (schema.row for schema in own_schemas() if schema.row)
    return list(dict.fromkeys([UnitEffect, *rows]))


@pytest.mark.parametrize("row", row_types(), ids=lambda row: row.__name__)
def test_parts_of_a_number_say_which_it_is(row: type) -> None:
    columns = {column.name: column for column in columns_of(row)}
    for column in columns.values():
        for value in column.of.split():
            assert value in columns
            assert value != column.name
            assert columns[value].role not in ENDS, column.name
        if column.role in PARTS and column.role != "n":
            assert column.of, column.name


@pytest.mark.parametrize("row", row_types(), ids=lambda row: row.__name__)
def test_names_and_roles_agree(row: type) -> None:
    """Names say nothing to a page; a column that is called an end and isn't one was forgotten."""
    columns = columns_of(row)
    assert any(column.role == "key" for column in columns)
    for column in columns:
        if BOUND.search(column.name):
            assert column.role in ENDS, column.name
            assert column.role[-2:] == column.name[-2:]
        if TEST.search(column.name) and column.name != LEAST:
            assert column.role == column.name[-1], column.name
        if COUNT.search(column.name):
            assert column.role == "n", column.name
        if column.worse or column.signed or column.beyond or column.neutral:
            assert column.role in ("value", "control"), column.name


@pytest.mark.parametrize("row", row_types(), ids=lambda row: row.__name__)
def test_intervals_have_two_ends(row: type) -> None:
    columns = columns_of(row)
    for column in (c for c in columns if c.role in ("lo", "hi")):
        other = {"lo": "hi", "hi": "lo"}[column.role]
        assert [c for c in columns if c.role == other and c.of == column.of], column.name


@pytest.mark.parametrize("row", row_types(), ids=lambda row: row.__name__)
def test_controls_and_tests_are_called_so_in_words(row: type) -> None:
    columns = columns_of(row)
    for column in columns:
        if column.role == "control":
            assert column.words.startswith("control"), column.name
        elif column.role in ("p", "q"):
            assert column.words[:2] in ("p ", "q "), column.name
        elif column.words.startswith("control") and column.kind == "float64":
            assert column.role in ("control_lo", "control_hi"), column.name


def test_arrays_of_a_lens_have_names_of_their_own() -> None:
    """They are saved by lens and name: of two that share one, the later would replace the first."""
    names = [(schema.lens, array) for schema in own_schemas() for array in schema.arrays]
    assert len(set(names)) == len(names)


def test_findings_are_declared_once() -> None:
    names = [schema.name for schema in own_schemas()]
    assert len(names) == len(set(names)) > 25


@pytest.mark.parametrize("schema", own_schemas(), ids=lambda schema: schema.name)
def test_what_a_schema_names_is_a_column(schema: Schema) -> None:
    columns = {column.name: column for column in schema.columns}
    across = schema.across.split()
    assert len(across) in (0, 2)
    assert all(columns[name].role in ("key", "along") for name in across)
    assert schema.view in ("", "heat", "curve", "dots", "still", "table")
    assert not schema.size or columns[schema.size].role == "value"
    assert not schema.examples or columns["example"].kind == "int64"


@pytest.mark.parametrize("lens", lens_names())
def test_one_finding_of_a_lens_answers_its_question(lens: str) -> None:
    assert sum(schema.answers for schema in own_schemas() if schema.lens == lens) == 1
