"""Says in words which classes are recognised in several ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holistic.lenses._parts import known, significant
from holistic.lenses.attribution.schemas import StrategyRow
from holistic.words import named, percent

__all__ = ["NONE", "shown", "stands", "statements"]

NONE = "No class is recognised in several ways that its maps would tell apart."


def stands(row: StrategyRow) -> bool:
    """Whether its place surely counts more for its own images than for the class's others."""
    return significant(row.difference) and known(row.difference.value) < 0


def shown(rows: Sequence[StrategyRow]) -> str:
    """Say of one class's strategies where each looks: one sentence."""
    first, *rest = sorted(rows, key=lambda row: not stands(row))
    name, part = named(first.class_), percent(first.share)
    if not stands(first):
        return f"Maps of {name} fall apart, but erasing shows no strategy of their own."
    other = next((row for row in rest if stands(row)), None)
    where = f"the others on its {other.place}" if other else "the others do not"
    return f"{part} of {name} rest on its {first.place}, {where}."


def statements(rows: Sequence[StrategyRow]) -> Iterator[str]:
    """Say of each class which strategies it has."""
    for name in dict.fromkeys(row.class_ for row in rows):
        yield shown([row for row in rows if row.class_ == name])
    if not rows:
        yield NONE
