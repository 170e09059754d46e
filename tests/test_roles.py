"""Do declared roles say what readers of tables once guessed from the names of columns?

The columns of `known_columns.json` are those that people script against: they stay.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import guessed
from holistic.results.columns import Column
from holistic.results.schema import Schema
from made import own_schemas

KNOWN: dict[str, dict[str, tuple[str, str, str]]] = json.loads(
    Path(__file__).with_name("known_columns.json").read_text()
)

NOT_GUESSED = {
    ("activation.visualisations", "picture"): "a place in an array names no row",
    ("attribution.contrasts", "share"): "a setting of the test, not what it measured",
}
NOT_FOUND = {
    ("activation.visualisations", "value"): ("natural_top", "", ""),
    ("activation.concepts", "f1"): ("control_f1", "", "control_f1_hi"),
    ("tracing.directions", "auroc"): ("control_auroc", "", "control_auroc_hi"),
}
"""Controls that no name gave away: one without the word, and those with one end."""


SCHEMAS = [schema for schema in own_schemas() if schema.name in KNOWN]


by_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=[schema.name for schema in SCHEMAS])


def known_columns(schema: Schema) -> list[Column]:
    """Columns as they were known, with what they were of."""
    words = {c.name: c.words for c in schema.columns}
    return [
        Column(name, kind, unit, "", of, words[name])
        for name, (kind, unit, of) in KNOWN[schema.name].items()
    ]


def guessed_control(schema: Schema, value: str) -> tuple[str, str, str]:
    known = known_columns(schema)
    of = [c.name for c in known if value in c.of.split() and c.kind == "float64"]
    return guessed.control([c.name for c in known], of)


def without(schema: Schema, names: set[str]) -> set[str]:
    return names - {column for finding, column in NOT_GUESSED if finding == schema.name}


def named(schema: Schema, *roles: str) -> set[str]:
    """Columns with a role among those that were known."""
    return {c.name for c in schema.columns if c.role in roles and c.name in KNOWN[schema.name]}


def part(schema: Schema, value: str, role: str) -> str:
    found = [c.name for c in schema.columns if c.role == role and value in c.of.split()]
    return found[0] if found else ""


def test_every_finding_is_known() -> None:
    assert {schema.name for schema in SCHEMAS} == KNOWN.keys()


@by_schema
def test_columns_stay(schema: Schema) -> None:
    columns = {c.name: (c.kind, c.unit) for c in schema.columns}
    for name, (kind, unit, _) in KNOWN[schema.name].items():
        assert columns[name] == (kind, unit), name


@by_schema
def test_keys_and_values_are_those_that_were_guessed(schema: Schema) -> None:
    assert named(schema, "key", "along") == without(schema, guessed.keys(known_columns(schema)))
    assert named(schema, "along") == KNOWN[schema.name].keys() & set(guessed.ALONG)
    assert named(schema, "value") == without(schema, set(guessed.values(known_columns(schema))))


@by_schema
def test_counts_and_tests_are_those_that_were_guessed(schema: Schema) -> None:
    known = KNOWN[schema.name]
    assert named(schema, "n") == {n for n in known if guessed.COUNT.search(n)}
    for test in "pq":
        assert named(schema, test) == {n for n in known if re.search(f"(^|_){test}$", n)}
    for column in schema.columns:
        if column.role in ("n", "p", "q", "control") and column.name in known:
            assert column.of == known[column.name][2], column.name


@by_schema
def test_intervals_and_controls_are_those_that_were_guessed(schema: Schema) -> None:
    for value in named(schema, "value"):
        ends = part(schema, value, "lo"), part(schema, value, "hi")
        assert ends == guessed.following(KNOWN[schema.name], value), value
        control = tuple(part(schema, value, r) for r in ("control", "control_lo", "control_hi"))
        missed = NOT_FOUND.get((schema.name, value))
        assert control == (missed or guessed_control(schema, value)), value
        assert missed != guessed_control(schema, value), "no longer an exception"


@by_schema
def test_looks_are_those_that_were_guessed(schema: Schema) -> None:
    for column in schema.columns:
        if column.role == "value" and column.name in KNOWN[schema.name]:
            declared = column.worse, column.signed, column.beyond, column.neutral
            assert declared == guessed.look(column), column.name


@by_schema
def test_findings_say_which_question_they_answer(schema: Schema) -> None:
    assert schema.lead[0].isupper()
    assert schema.lead[-1] in ".?"
    assert 5 < len(schema.lead.split()) <= 25
    assert all(array.meaning for array in schema.arrays.values())
    assert set(schema.across.split()) <= named(schema, "key")
