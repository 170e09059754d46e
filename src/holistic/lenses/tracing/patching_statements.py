"""Puts what activation patching found into sentences, and what limits it into caveats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from holistic.lenses._parts import known, significant
from holistic.lenses.tracing._pairs import Runs
from holistic.lenses.tracing.schemas import Patched
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from holistic.study.subject import Subject
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.tracing import Tracing

__all__ = ["caveats", "statements", "unvarying"]

_COMPLETE = 1e-3
"""How near to 1 a recovery counts as that of a complete cut (float32 replays round)."""


def statements(table: Table, drawn: Runs) -> tuple[str, ...]:
    """Summarise the table: what single units carry, then what whole sites do."""
    if not drawn.kept.any():
        return ("No pair of images could be used: see the counts of excluded pairs.",)
    # what holds by construction comes after what was found
    return (*_of_units(table), *_of_sites(table))


def _of_sites(table: Table) -> Iterator[str]:
    whole = table.where(clean="all", corrupt="all", direction="denoise", unit=None)
    rows = list(whole.rows(Patched))
    complete = [row.site for row in rows if abs(_moved(row) - 1) < _COMPLETE]
    partial = [row for row in rows if row.site not in complete]
    if complete:
        yield (
            f"All that the decision reads passes through {_quoted(complete)}: patching the whole "
            "site brings back 100 % of the gap by construction, a check rather than a result."
        )
    if partial:
        best = max(partial, key=_moved)
        yield (
            f"Of the other {len(partial)} whole sites, site '{best.site}' alone brings back most "
            f"of the gap between two classes: {_share(best.recovery)} (n = {best.n} runs); the "
            f"same patch from another image of the run's own class: {_control(best.recovery)}."
        )


def _of_units(table: Table) -> Iterator[str]:
    rows = [row for row in table.where(corrupt="all").rows(Patched) if row.unit is not None]
    rows = [row for row in rows if row.clean != "all" and row.recovery.q is not None]
    for way, effect in (
        ("denoise", "move the decision towards"),
        ("noise", "move the decision away from"),
    ):
        tested = [row for row in rows if row.direction == way]
        if not tested:
            return
        found = [row for row in tested if significant(row.recovery) and _moved(row) > 0]
        if not found:
            yield (
                f"No units {effect} any class on their own ({way}, {len(tested)} tests, q < 0.05)."
            )
            continue
        best = max(found, key=_moved)
        units = {(row.site, row.unit) for row in tested}
        yield (
            f"{len({(row.site, row.unit) for row in found})} of {len(units)} units {effect} some "
            f"class on their own at q < 0.05 ({way}); the most that one moves, of "
            f"{len(tested):,} tests, is {_share(best.recovery)} of the gap (unit {best.unit} of "
            f"site '{best.site}', class {best.clean}, n = {best.n} pairs; the same patch within "
            f"the class: {_control(best.recovery)})."
        )


def unvarying(table: Table) -> tuple[str, ...]:
    """Say how many recoveries have no interval, since every pair says the same."""
    rows = [row for row in table.rows(Patched) if row.recovery.p is not None]
    bare = sum(row.recovery.lo is None for row in rows)
    if not bare:
        return ()
    return (
        f"{bare:,} of {len(rows):,} recoveries have no interval: each of their patches moves "
        "the same share, such as none, and p is that of a sign test over images.",
    )


def _moved(row: Patched) -> float:
    return known(row.recovery.value)


def _share(of: Estimate) -> str:
    """Write a recovery with its interval in per cent."""
    return "none measured" if of.value is None else percent(of.value, of.lo, of.hi)


def _control(of: Estimate) -> str:
    """Write a recovery's control with its interval in per cent."""
    return _share(Estimate(of.control, of.control_lo, of.control_hi))


def _quoted(names: list[str], limit: int = 6) -> str:
    """Write names of sites, shortened after `limit` of them.

    >>> _quoted(["2", "4"])
    "site '2', site '4'"
    """
    shown = ", ".join(f"site '{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def caveats(subject: Subject, drawn: Runs, lens: Tracing, *, rivals: int) -> tuple[str, ...]:
    """Say what limits the numbers; `rivals` is how many pairs of classes were patched."""
    total, classes = len(drawn) // 2, len(subject.classes)
    notes = [
        f"{int((~drawn.kept).sum()) // 2} of {total} pairs were excluded (an image classified "
        "wrongly, or a gap near zero); recoveries hold for the pairs that were kept.",
        "Recovery is a ratio of sums over pairs; its interval allows for images that stand in "
        "several pairs, and leaves training variance out.",
        "Noising class a by b and denoising b by a are the same runs, told from the other side.",
    ]
    if rivals < classes * (classes - 1) // 2:
        notes.append(f"Only the {rivals} most confused pairs of classes were patched.")
    if total < rivals * lens.pairs:
        notes.append(
            f"{total // rivals} instead of {lens.pairs} pairs were drawn per two classes, "
            "because replays of this model are dear."
        )
    if subject.backend_note:
        notes.append(subject.backend_note)
    return tuple(notes)
