"""Puts what class directions do into sentences, and what limits that into caveats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._parts import known, significant
from holistic.lenses.tracing._fitted_directions import METHODS
from holistic.lenses.tracing._steering import DOSES
from holistic.lenses.tracing.schemas import DirectionRow
from holistic.results.tables import Table
from holistic.stats.families import least_q, stuck
from holistic.stats.tests import p_of_count
from holistic.study.scores import SCORE_UNITS, Score
from holistic.study.subject import Subject
from holistic.words import number, unbounded

__all__ = ["caveats", "statements"]


def statements(table: Table, score: Score) -> tuple[str, ...]:
    """Summarise what the class mean differences tell, steer and carry, a sentence each."""
    rows = list(table.where(method=METHODS[0]).rows(DirectionRow))
    rows = [row for row in rows if row.auroc.value is not None]
    if not rows:
        return ("No class has a direction: the hidden sites don't vary.",)
    lines = [_of_reading([row for row in rows if row.site == rows[-1].site])]
    if steered := [row for row in rows if row.steer_slope.q is not None]:
        lines.append(_of_steering(steered, score))
    if erased := [row for row in rows if row.erase_drop.value is not None]:
        lines.append(_of_erasing(erased))
    return tuple(lines)


def _of_reading(rows: Sequence[DirectionRow]) -> str:
    low = min(rows, key=lambda row: known(row.auroc.value))
    of = low.auroc
    ends = ", ".join(number(end, ".3f") for end in (of.lo, of.hi))
    return (
        f"At site '{low.site}' the class mean difference tells every class from the rest with an "
        f"AUROC of at least {of.value:.3f} [{ends}] (class {low.class_}, n = {of.n}); random "
        f"directions that class: {of.control:.3f} on average, 97.5 % of them below "
        f"{of.control_hi:.3f}."
    )


def _of_steering(rows: Sequence[DirectionRow], score: Score) -> str:
    best = max(rows, key=lambda row: known(row.steer_slope.value))
    of, works = best.steer_slope, sum(significant(row.steer_slope) for row in rows)
    return (
        f"Steering site '{best.site}' by one SD along the direction of class {best.class_} raises "
        f"its {score} by {of.value:.2f} {SCORE_UNITS[score]} "
        f"[{number(of.lo)}, {number(of.hi)}] (n = {of.n}, the most of {len(rows)}); "
        f"{best.steer_controls} random directions of that length, signed by the same rule: "
        f"{of.control:.2f} [{of.control_lo:.2f}, {of.control_hi:.2f}]. {works} of {len(rows)} "
        "class mean differences steer their class more than random directions do (q < 0.05)."
    )


def _of_erasing(rows: Sequence[DirectionRow]) -> str:
    best = max(rows, key=lambda row: known(row.erase_drop.value))
    of, needed = best.erase_drop, sum(significant(row.erase_drop) for row in rows)
    drop, lo, hi, control, control_lo, control_hi = (
        100 * known(part)
        for part in (of.value, of.lo, of.hi, of.control, of.control_lo, of.control_hi)
    )
    return (
        f"Erasing the direction of class {best.class_} from site '{best.site}' costs it {drop:.1f} "
        f"points of accuracy [{lo:.1f}, {hi:.1f}] (n = {of.n}, the most of "
        f"{len(rows)}); erasing one of {best.erase_controls} random directions {control:.1f} "
        f"[{control_lo:.1f}, {control_hi:.1f}] (q = {known(of.q):.2g}). {needed} of {len(rows)} "
        "class mean differences are needed more than random directions are (q < 0.05)."
    )


def caveats(subject: Subject, table: Table) -> tuple[str, ...]:
    """Say what limits the numbers, and which tests had too few random directions."""
    notes = (
        "Directions are fit on the selection split and used on the evaluation split; random "
        "directions have the covariance of the site's own values, and more of them are drawn where "
        "none of the first does as much.",
        "Steering moves values off the distribution; the slope is that of the mean score over "
        f"{DOSES.min():.0f} to {DOSES.max():.0f} SD, not of a single small step.",
        "At sites with positions a direction lives in position means, and is added or erased at "
        "every position.",
    )
    hooked = (subject.backend_note,) if subject.backend_note else ()
    return (*notes, *hooked, *_unsettled(table), *_unbounded(table))


def _unbounded(table: Table) -> tuple[str, ...]:
    known = np.isfinite(table.column("steer_slope").astype(np.float64))
    rare = known & ~np.isfinite(table.column("steer_lo").astype(np.float64))
    return unbounded(int(rare.sum()), int(known.sum()), "slopes")


def _unsettled(table: Table) -> Iterator[str]:
    """Say how many tests have the least p that the draws allow, and still no q below 0.05."""
    for p, value, doing in (
        ("steer_p", "steer_controls", "Steering"),
        ("p", "erase_controls", "Erasing"),
    ):
        values, draws = table.column(p).astype(np.float64), table.column(value)
        waiting = stuck(values, draws)
        if waiting.any():
            most = int(draws[waiting].max())
            least = least_q(float(p_of_count(0, most)), int(np.isfinite(values).sum()))
            yield (
                f"{doing}: {int(waiting.sum())} directions do more than all of up to {most:,} "
                "random ones, and can't be told from chance with so few: a q of one row by itself "
                f"is at least {least:.2g} there. More are too dear for this model."
            )
