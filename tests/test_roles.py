"""Do declared roles say what readers of tables once guessed from the names of columns?

The columns of `known_columns.json` are those that people script against: they stay.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from holistic.results.columns import Column
from holistic.results.schema import Schema

KNOWN: dict[str, dict[str, tuple[str, str, str]]] = json.loads(
    Path(__file__).with_name("known_columns.json").read_text()
)
LENSES = sorted({finding.split(".")[0] for finding in KNOWN})

ALONG = ("k", "depth", "dose")
NO_KEY = re.compile(
    r"^(n|lost|gained|verdict|orders|excluded|features|[a-z]+_n|[a-z]+_controls|n_geometry|better"
    r"|preferred_class|second_class|causal_class|told_class|selective_by|interval_over|layout|op"
    r"|label|example|truncated|class_n|concept)$"
)
NO_VALUE = re.compile(
    r"(^|_)(lo|hi|p|q|se)$|control|random|matched|shuffled|chance|quartile|threshold|familywise"
)
SIGNED = re.compile(
    r"effect|drop|change|interaction|growth|response|shapley|specific|difference|slope"
    r"|^(total|direct|plain|value_change)$"
)
COUNT = re.compile(r"^n(_|$)|_n$")
BEYOND = re.compile(r"beyond|between curve|^(difference|.*gain)$")
CONTROL = re.compile(r"control|random|matched|shuffled|untrained|chance|expected")
DROP = re.compile(r"drop|shapley$|area$")
EFFECT = re.compile(r"effect|^(specific|growth|interaction|total|direct|response)$")

NOT_GUESSED = {
    ("activation.synthetic", "picture"): "a place in an array names no row",
    ("attribution.contrasts", "share"): "a setting of the test, not what it measured",
}
NOT_FOUND = {
    ("activation.synthetic", "value"): ("natural_top", "", ""),
    ("activation.concepts", "f1"): ("control_f1", "", "control_f1_hi"),
    ("tracing.directions", "auroc"): ("control_auroc", "", "control_auroc_hi"),
}
"""Controls that no name gave away: one without the word, and those with one end."""


def schemas(lens: str) -> list[Schema]:
    found = vars(import_module(f"holistic.lenses.{lens}.schemas")).values()
    return [schema for schema in found if isinstance(schema, Schema)]


SCHEMAS = [schema for lens in LENSES for schema in schemas(lens) if schema.name in KNOWN]


by_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=[schema.name for schema in SCHEMAS])


def guessed_keys(schema: Schema) -> set[str]:
    known = KNOWN[schema.name]
    floats = [name for name, (kind, _, _) in known.items() if kind == "float64"]
    head = list(known)[: list(known).index(floats[0])]
    keys = {n for n in head if known[n][0] != "bool" and not known[n][1] and not NO_KEY.search(n)}
    return keys | (known.keys() & set(ALONG))


def guessed_values(schema: Schema) -> set[str]:
    return {
        name
        for name, (kind, _, of) in KNOWN[schema.name].items()
        if kind == "float64" and not of and not NO_VALUE.search(name)
    }


def following(schema: Schema, name: str) -> tuple[str, str]:
    """The ends of an interval that stand right behind a number."""
    names = list(KNOWN[schema.name])
    place = names.index(name) + 1
    pair = (*names[place : place + 2], "", "")[:2]
    ends = all(re.search(f"(^|_){end}$", n) for n, end in zip(pair, ("lo", "hi"), strict=True))
    return (pair[0], pair[1]) if ends else ("", "")


def guessed_control(schema: Schema, value: str) -> tuple[str, str, str]:
    own = [
        name
        for name, (kind, _, of) in KNOWN[schema.name].items()
        if value in of.split() and CONTROL.search(name) and kind == "float64"
        and not re.search("_[pq]$", name)
    ]  # fmt: skip
    middle = next((name for name in own if not re.search("_(lo|hi)$", name)), "")
    if middle:
        return middle, *following(schema, middle)
    low, high = (next((n for n in own if n.endswith(end)), "") for end in ("_lo", "_hi"))
    return "", low, high


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
    assert named(schema, "key", "along") == without(schema, guessed_keys(schema))
    assert named(schema, "along") == KNOWN[schema.name].keys() & set(ALONG)
    assert named(schema, "value") == without(schema, guessed_values(schema))


@by_schema
def test_counts_and_tests_are_those_that_were_guessed(schema: Schema) -> None:
    known = KNOWN[schema.name]
    assert named(schema, "n") == {n for n in known if COUNT.search(n)}
    for test in "pq":
        assert named(schema, test) == {n for n in known if re.search(f"(^|_){test}$", n)}
    for column in schema.columns:
        if column.role in ("n", "p", "q", "control") and column.name in known:
            assert column.of == known[column.name][2], column.name


@by_schema
def test_intervals_and_controls_are_those_that_were_guessed(schema: Schema) -> None:
    for value in named(schema, "value"):
        ends = part(schema, value, "lo"), part(schema, value, "hi")
        assert ends == following(schema, value), value
        control = tuple(part(schema, value, r) for r in ("control", "control_lo", "control_hi"))
        missed = NOT_FOUND.get((schema.name, value))
        assert control == (missed or guessed_control(schema, value)), value
        assert missed != guessed_control(schema, value), "no longer an exception"


def looks(column: Column) -> tuple[bool, bool, int, float]:
    words = column.words or column.name.replace("_", " ")
    worse = 1 if DROP.search(column.name) else -1 if EFFECT.search(column.name) else 0
    neutral = 0.5 if "auroc" in column.name else 0.0
    return bool(SIGNED.search(column.name)), bool(BEYOND.search(words)), worse, neutral


@by_schema
def test_looks_are_those_that_were_guessed(schema: Schema) -> None:
    for column in schema.columns:
        if column.role == "value" and column.name in KNOWN[schema.name]:
            declared = column.signed, column.beyond, column.worse, column.neutral
            assert declared == looks(column), column.name


@by_schema
def test_findings_say_which_question_they_answer(schema: Schema) -> None:
    assert schema.lead[0].isupper()
    assert schema.lead[-1] in ".?"
    assert 5 < len(schema.lead.split()) <= 25
    assert all(array.meaning for array in schema.arrays.values())
    assert set(schema.across.split()) <= named(schema, "key")
