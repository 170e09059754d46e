"""Writes the sentences of `agreement.misled`: one a unit, and how many there are beside chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from holistic.lenses._briefs import points, size
from holistic.lenses._parts import known
from holistic.lenses.agreement.schemas import Misled
from holistic.words import counted, named, number, percent

__all__ = ["case", "statements"]

_LISTED = 10
_CALLED = {"activation": "AUROC", "attribution": "score", "mechanism": "cluster's AUROC",
           "tracing": "share"}  # fmt: skip

_AREAS = ("activation", "mechanism")
"""Lenses that rate a unit as high where it is silent as where it fires."""


def case(row: Misled, name: str, unit: str) -> str:
    """Say what a lens says of a unit and what removing it says, in one sentence.

    Parameters
    ----------
    row
        The case.
    name
        Name of the unit.
    unit
        Unit of the score, in which the class loses or gains.
    """
    loss = abs(known(row.loss.value))
    change = points(loss) if unit == "share" else f"{size(loss)} {unit}"
    share = row.lens == "tracing"
    says = percent(row.says.value) if share else number(row.says.value)
    if row.kind == "promises" and row.lens in _AREAS and known(row.says.value) < 0.5:
        says += ": silent"
    high, verb_ = row.kind == "promises", "gains" if known(row.loss.value) < 0 else "loses"
    rest = "at most the median's" if high and verb_ == "loses" else "among the most"
    end = "" if high and verb_ == "gains" else f", {rest}"
    return (
        f"{name}: {row.lens} ranks it {'high' if high else 'low'} for {named(row.class_)} "
        f"({_CALLED.get(row.lens, 'value')} {says}), but without it the class {verb_} "
        f"{change}{end}."
    )


def statements(rows: Sequence[Misled], counts: Mapping[str, tuple[int, float]]) -> Iterator[str]:
    """Say how many units each lens misleads about, beside chance, and name the worst."""
    for lens, (count, control) in counts.items():
        if not count:
            continue
        usual = f"{number(control, '.3g')} where removal on other images stands in for it"
        left = "" if count > control else ", so they aren't listed"
        yield (
            f"{counted(count, 'unit')} {'is' if count == 1 else 'are'} ranked by {lens} otherwise "
            f"than by removal, beside {usual}{left}."
        )
    if not any(count for count, _ in counts.values()):
        yield "No unit is ranked among the first by one lens and among the rest by removal."
    yield from (row.in_words for row in rows[:_LISTED])
