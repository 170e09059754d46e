"""Writes the sentences of `agreement.units`: the verdicts, and what misleads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holistic.lenses.agreement.schemas import PLAYS, VERDICTS, UnitVerdict
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from holistic.words import counted, number, percent, verb

__all__ = ["verdict_statements"]


def verdict_statements(table: Table, unit: str) -> Iterator[str]:
    """Count the verdicts of each site, and name what misleads: rows of `agreement.units`.

    `unit` is that of the score.
    """
    rows = list(table.rows(UnitVerdict))
    for site in dict.fromkeys(row.site for row in rows):
        here = [row for row in rows if row.site == site]
        counts = [(v, sum(row.verdict == v for row in here)) for v in VERDICTS]
        yield (
            f"The {len(here)} units of site '{site}' by verdict: "
            + "; ".join(f"{count} {verdict}" for verdict, count in counts if count)
            + f" ({_selective(here[0])}; causal: {_causal(here)}){_needs(here)}"
            + f"{_left_open(here)}."
        )
    apart = [row for row in rows if row.verdict == VERDICTS[1]]
    if apart:
        yield _apart(apart)
    both = [row for row in rows if row.verdict == VERDICTS[0]]
    others = [row for row in both if row.strongest_class != row.causal_class]
    if others:
        yield _stronger(others, len(both))
    quiet = [row for row in rows if row.verdict == VERDICTS[2]]
    yield _misleading([row for row in quiet if row.idle], unit, left=len(quiet))


def _selective(row: UnitVerdict) -> str:
    bound = number(row.activation.control, ".3f")
    if row.selective_by == "AUROC":
        return f"selective: AUROC above {bound}"
    return (
        f"selective: d′ above {number(row.d_prime.control)}, as randomly initialised units reach "
        f"an AUROC of {bound} too and none can be told by it"
    )


def _causal(rows: Sequence[UnitVerdict]) -> str:
    if all(row.causal_share.control is None for row in rows):
        return "its accuracy at q < 0.05; no pair of images could be patched"
    return "more of a class's decision than another image of it does, or its accuracy (q < 0.05)"


def _needs(rows: Sequence[UnitVerdict]) -> str:
    """Count the causal units that their class needs silent, and those that harm it."""
    silent, harming = (sum(r.needs_it == how for r in rows) for how in ("silent", "harmed"))
    ways = [
        *([f"{silent} {verb(silent)} needed silent"] if silent else []),
        *([f"{harming} harm{'s' * (harming == 1)} the class that is named"] if harming else []),
    ]
    return f"; of the causal ones {' and '.join(ways)}" if ways else ""


def _left_open(rows: Sequence[UnitVerdict]) -> str:
    """Count the units of which the intervals hold both no effect and one that counts."""
    left = sum(row.plays == PLAYS[8] for row in rows)
    return f"; of {left} it isn't settled whether some class depends on them" if left else ""


def _stronger(rows: Sequence[UnitVerdict], of: int) -> str:
    """Name a unit that tells a class which depends on it, and on which another depends more."""
    one = max(rows, key=lambda row: row.d_prime.value or 0.0)
    return (
        f"{len(rows)} of the {counted(of, 'unit')} that {verb(of)} causal and selective for one "
        f"class {'matters' if len(rows) == 1 else 'matter'} more to another (as the selection "
        f"split says): {one.unit} of site '{one.site}' responds to {one.causal_class}, which "
        f"depends on it, and {one.strongest_class} depends on it more."
    )


def _share(share: float) -> str:
    """In per cent, a small one to two digits: a bound isn't nothing."""
    return percent(share) if abs(share) >= 0.01 else f"{100 * share:.2g} %"


def _apart(rows: Sequence[UnitVerdict]) -> str:
    """Name the unit that another class than the one that it prefers depends on most."""
    worst = max(rows, key=lambda row: abs(row.causal_share.value or 0.0))
    share = worst.causal_share
    return (
        f"{counted(len(rows), 'selective unit')} {verb(len(rows))} causal for another class than "
        "the one that is preferred: "
        f"{worst.unit} of site '{worst.site}' is selective for {worst.preferred_class} and "
        f"causal for {worst.causal_class}, of whose decision it takes away "
        f"{number(share.value, '.3f')} [{_ends(share, '.3f')}] (n = {worst.causal_n})."
    )


def _ends(shown: Estimate, spec: str) -> str:
    return f"{number(shown.lo, spec)}, {number(shown.hi, spec)}"


def _misleading(rows: Sequence[UnitVerdict], unit: str, *, left: int) -> str:
    """Name the unit whose response promises most and whose removal costs least."""
    if not rows and left:
        return (
            f"Of the {counted(left, 'selective unit')} that {verb(left)} not called causal none is "
            "known to be without effect: the intervals hold shares that count."
        )
    if not rows:
        return "No selective unit is without effect: here what responds to a class also drives one."
    worst = max(rows, key=lambda row: (row.activation.value or 0.0, row.d_prime.value or 0.0))
    area, loss = worst.activation, worst.ablation
    ablation = (
        ""
        if loss.value is None
        else f" removing it costs that class {loss.value:z.3g} {unit} [{_ends(loss, '.3g')}]; and"
    )
    return (
        f"Of the {counted(len(rows), 'selective unit')} that aren't causal the most selective is "
        f"{worst.unit} of site '{worst.site}': it tells class {worst.preferred_class} from the "
        f"rest with an AUROC of {area.value:.3f} [{_ends(area, '.3f')}] (n = "
        f"{worst.activation_n}), but{ablation}{_taken_away(worst)}."
    )


def _taken_away(row: UnitVerdict) -> str:
    share, bound = row.causal_share.value, row.causal_share.control
    if share is None:
        return " no class's accuracy changes (q ≥ 0.05)"
    small = bound is None or abs(share) <= bound
    compared = "no more than" if small else "not significantly (q ≥ 0.05) beside"
    return (
        f" another class's value takes away {_share(share)} of the decision for "
        f"{row.cause_class}, {compared} the {_share(bound or 0.0)} up to which a share shows "
        "nothing here"
    )
