"""Says in words which method's maps point at the truth, and how surely."""

from __future__ import annotations

from collections.abc import Sequence

from holistic.lenses._parts import known
from holistic.lenses.attribution.schemas import TrustRow
from holistic.results.columns import Estimate
from holistic.words import joined, percent, sentence

__all__ = ["recommended", "statements", "trusted"]

_HALF = 0.5


def recommended(rows: Sequence[TrustRow]) -> TrustRow | None:
    """The row of the method to look at; None where there is no number."""
    known_ones = (row for row in rows if row.recommended and row.probability.value is not None)
    return next(known_ones, None)


def trusted(rows: Sequence[TrustRow]) -> tuple[str, ...]:
    """Name the method to look at, and those that more likely point elsewhere."""
    best = recommended(rows)
    if best is None:
        return ()
    chance = known(best.probability.value)
    name = best.method_name
    if chance < _HALF or (best.probability.lo is not None and best.probability.lo < _HALF):
        first = (
            f"No heat map surely points at what decides: the likeliest, {name}, does with "
            f"probability {_rounded(chance)}."
        )
        return (first,)
    lines = [sentence(f"{name} points at what decides with probability {_rounded(chance)}.")]
    doubtful = [r.method_name for r in rows if known(r.probability.value) < _HALF]
    if doubtful:
        few, one = len(doubtful) <= 2, len(doubtful) == 1
        named = joined(doubtful) if few else f"{len(doubtful)} other methods"
        why = "it more likely points" if one else "they more likely point"
        lines.append(f"Don't trust {named}: {why} elsewhere.")
    return tuple(lines)


def _rounded(chance: float) -> str:
    return percent(chance, decimals=0)


def statements(rows: Sequence[TrustRow]) -> tuple[str, ...]:
    """A sentence on the recommended method, and one on each other that is least likely."""
    best = recommended(rows)
    if best is None:
        return ()
    others = sorted(
        (row for row in rows if row is not best), key=lambda r: -known(r.probability.value)
    )
    chance = _bounded(best.probability)
    lines = [sentence(f"{best.method_name} points at the truth with a probability of {chance}.")]
    if others:
        last = others[-1]
        lines.append(
            f"Least likely to is {last.method_name}, with {_bounded(last.probability)}; maps of "
            f"random numbers get {percent(known(best.probability.control), decimals=0)}."
        )
    return tuple(lines)


def _bounded(of: Estimate) -> str:
    return percent(of.value, of.lo, of.hi, decimals=0)
