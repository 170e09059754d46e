"""Does every interval, count, control and test say which number it is of?"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re

import pytest

import holistic.lenses
from holistic.replacing.effects import UnitEffect
from holistic.results.columns import Column, columns_of

BOUND = re.compile(r"(^|_)(lo|hi)$")
OWNED = re.compile(
    r"(^|_)[pq]$|^control|_control_|^matched|_matched_|^random|_random$|^untrained|_shuffled$"
    r"|^shuffled|_chance$|_expected$|^familywise$|_n$|^n_"
)

SMALLEST = "accuracy_q"
"""The smallest q of a unit over the classes, which is told by itself."""


def row_types() -> list[type]:
    """Types of rows that the lenses declare."""
    found = {UnitEffect: None}
    for module in pkgutil.walk_packages(holistic.lenses.__path__, "holistic.lenses."):
        for kind in vars(importlib.import_module(module.name)).values():
            if dataclasses.is_dataclass(kind) and isinstance(kind, type):
                fields = dataclasses.fields(kind)
                if fields and all("column" in f.metadata for f in fields):
                    found[kind] = None
    return list(found)


def stands_behind_its_number(columns: list[Column], i: int) -> bool:
    """Whether the bound at `i` is one of two right behind a number, or one behind its control."""
    names = [c.name for c in columns]
    low, single = names[i].endswith("lo"), i > 0 and names[i] == f"{names[i - 1]}_hi"
    first = i if low else i - 1
    pair = names[first : first + 2]
    ends = len(pair) == 2 and pair[0].endswith("lo") and pair[1] == pair[0][:-2] + "hi"
    number = first > 0 and columns[first - 1].kind == "float64"
    return single or (ends and number and not BOUND.search(names[first - 1]))


@pytest.mark.parametrize("row", row_types(), ids=lambda row: row.__name__)
def test_columns_say_what_they_are_of(row: type) -> None:
    columns = list(columns_of(row))
    names = [c.name for c in columns]
    for i, column in enumerate(columns):
        for value in column.of.split():
            assert value in names
            assert value != column.name
            assert not BOUND.search(value)
        if BOUND.search(column.name):
            assert column.of or stands_behind_its_number(columns, i), column.name
        elif OWNED.search(column.name) and column.kind != "string":
            assert column.of or column.name == SMALLEST, column.name


@pytest.mark.parametrize("row", row_types(), ids=lambda row: row.__name__)
def test_controls_and_tests_are_told_in_words(row: type) -> None:
    for column in columns_of(row):
        if not column.of or BOUND.search(column.name) or column.kind == "int64":
            continue
        test = re.search(r"(^|_)[pq]$", column.name)
        if test:
            assert column.words[:2] in ("p ", "q "), column.name
        elif OWNED.search(column.name):
            assert column.words.startswith(("control", "p ")), column.name


def test_there_are_row_types() -> None:
    assert len(row_types()) > 25
