"""Says in words which labels look wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holistic.lenses._parts import known
from holistic.lenses.attribution.schemas import LabelRow
from holistic.words import counted, named, percent

__all__ = ["NONE", "one", "shown", "statements"]

NONE = "No label looks wrong."
_NAMED = 3


def shown(rows: Sequence[LabelRow]) -> str:
    """Say how many labels look wrong and where to start: one sentence."""
    if not rows:
        return NONE
    first = rows[0]
    return (
        f"{counted(len(rows), 'label')} {'looks' if len(rows) == 1 else 'look'} wrong: start with "
        f"image {first.example}, labelled {named(first.class_)}, which looks like "
        f"{named(first.suggested)}."
    )


def one(row: LabelRow) -> str:
    """Say of one example what its label should be: one sentence."""
    return (
        f"It is labelled {named(row.class_)} and looks like {named(row.suggested)}: its label is "
        f"wrong with a probability of {100 * known(row.probability.lo):.0f} to "
        f"{percent(row.probability.hi, decimals=0)}."
    )


def statements(rows: Sequence[LabelRow]) -> Iterator[str]:
    """Say which labels look wrong, in which class they are most, and what loss alone would name."""
    yield shown(rows)
    if not rows:
        return
    worst = max(rows, key=lambda row: row.class_share.value or 0)
    share, control = worst.class_share.value, worst.class_share.control
    yield (
        f"Of the labels {named(worst.class_)} about {percent(share, decimals=0)} are wrong; "
        f"of all labels {percent(control, decimals=0)}."
    )
    both = sum(row.loss_rank <= len(rows) for row in rows)
    yield f"Loss alone, asked for as many, names {both:,} of these {len(rows):,}."
