"""What pages guessed from the names of columns, before columns declared their roles."""

from __future__ import annotations

import re
from collections.abc import Iterable

from holistic.results.columns import Column

ALONG = ("k", "depth", "dose")
NOT_KEYS = re.compile(
    r"^(n|lost|gained|verdict|orders|excluded|features|[a-z]+_n|[a-z]+_controls|n_geometry|better"
    r"|preferred_class|second_class|causal_class|cause_class|selective_by|interval_over|layout|op"
    r"|label|example|truncated|class_n|concept)$"
)
NOT_VALUES = re.compile(
    r"(^|_)(lo|hi|p|q|se)$|control|random|matched|shuffled|chance|quartile|threshold|familywise"
)
SIGNED = re.compile(
    r"effect|drop|change|interaction|growth|response|shapley|specific|difference|slope"
    r"|^(total|direct|plain|value_change)$"
)
COUNT = re.compile(r"^n(_|$)|_n$")
BEYOND = re.compile(r"beyond|between curve|^(difference|.*gain)$")
CONTROL = re.compile(r"control|random|matched|shuffled|untrained|chance|expected")
LOST_ABOVE = re.compile(r"drop|shapley$|area$")
LOST_BELOW = re.compile(r"effect|^(specific|growth|interaction|total|direct|response)$")


def keys(columns: Iterable[Column]) -> set[str]:
    """Names without a unit that stand before the first number, and those of axes."""
    own = list(columns)
    first = next((i for i, c in enumerate(own) if c.kind == "float64"), None)
    head = (c.name for c in own[:first] if c.kind != "bool" and not c.unit)
    return {n for n in head if not NOT_KEYS.search(n)} | {c.name for c in own} & set(ALONG)


def values(columns: Iterable[Column]) -> list[str]:
    """Numbers that are of no other."""
    numbers = (c.name for c in columns if c.kind == "float64" and not c.of)
    return [name for name in numbers if not NOT_VALUES.search(name)]


def following(names: Iterable[str], name: str) -> tuple[str, str]:
    """The ends of an interval that stand right behind a number; else two empty names."""
    own = [*names, "", ""]
    low, high = own[own.index(name) + 1 :][:2]
    ends = re.search(r"(^|_)lo$", low) and re.search(r"(^|_)hi$", high)
    return (low, high) if ends else ("", "")


def control(names: list[str], of: list[str]) -> tuple[str, str, str]:
    """A number's control with its ends, of the numbers `of` it in a table with these names."""
    own = [n for n in of if CONTROL.search(n) and not re.search("_[pq]$", n)]
    middle = next((n for n in own if not re.search("_(lo|hi)$", n)), "")
    if middle:
        return middle, *following(names, middle)
    low, high = (next((n for n in own if n.endswith(end)), "") for end in ("_lo", "_hi"))
    return "", low, high


def look(column: Column) -> tuple[int, bool, bool, float]:
    """Which sign is a loss, whether it's signed and beyond its control, and what says nothing."""
    name, words = column.name, column.words or column.name.replace("_", " ")
    worse = 1 if LOST_ABOVE.search(name) else -1 if LOST_BELOW.search(name) else 0
    neutral = 0.5 if "auroc" in name else 0.0
    return worse, bool(SIGNED.search(name)), bool(BEYOND.search(words)), neutral
