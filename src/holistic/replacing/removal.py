"""Finds the largest set of units that can go together at no more than a loss of accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.arguments import check_subject, number
from holistic.errors import explain_memory_errors
from holistic.graph.editing import Edit
from holistic.graph.edits import edit_class
from holistic.graph.torch_settings import settled
from holistic.named import named
from holistic.progress import Progress, silent
from holistic.replacing.controls import random_sets
from holistic.replacing.harm import unit_harms
from holistic.replacing.pruned import (
    Pruned,
    Removed,
    activation_sizes,
    pruned_rows,
    smallest,
    weight_norms,
)
from holistic.replacing.together import Together, Units
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from holistic.study.subject import Subject
from holistic.words import counted
from holistic.words import number as written

__all__ = ["Removable", "removable"]

_SETS = 200
_ROUNDS = 50
"""About so many rounds, at most, in which units go: then a few go at once."""
_TRIED = 16
"""Single units that are tried once none of the order's first fits any more."""


@dataclass(frozen=True, repr=False)
class Removable:
    """Units that can go together, chosen on the selection split and measured on the other.

    Attributes
    ----------
    edits
        What removes them: an edit a site, for `Subject.predict` and `holistic.test`.
    table
        `Pruned` rows: what the model loses without them, and without as many units that were
        chosen in other ways.
    order
        `Removed` rows: the units in the order in which they went.
    loss
        Accuracy that was allowed to be lost, a share.
    """

    edits: tuple[Edit, ...]
    table: Table
    order: Table
    loss: float

    @property
    def units(self) -> dict[str, tuple[int, ...]]:
        """The units by name of their site."""
        return {edit.site: tuple(edit.units or ()) for edit in self.edits}  # pyright: ignore

    def __repr__(self) -> str:
        sites = ", ".join(f"{len(units)} of '{site}'" for site, units in self.units.items())
        goes = f"{counted(len(self.order), 'unit')} can go together: {sites or 'none'}"
        return "\n".join([*self._broken(), goes, repr(self.table)])

    @property
    def statements(self) -> tuple[str, ...]:
        """Sentences for a reader: first, where it is so, that more is lost than was allowed."""
        if not len(self.order):
            return ("No unit can go at so little a loss.",)
        row = self._measured
        value, low, high = (_points(part) for part in (row.drop.value, row.drop.lo, row.drop.hi))
        removed = counted(row.removed, "unit")
        line = (
            f"Without the {removed} together accuracy falls by {value} points [{low}, {high}] on "
            f"the evaluation split (n = {row.n:,})"
        )
        if row.sets:
            others = (_points(part) for part in (row.drop.control, row.drop.control_lo,
                                                 row.drop.control_hi))  # fmt: skip
            control, least, most = others
            line += f"; without as many random ones by {control} [{least}, {most}]"
            line += f" (p = {written(row.drop.p, '.2g')})"
        return (*self._broken(), f"{line}.")

    @property
    def _measured(self) -> Pruned:
        return next(self.table.where(chosen="together").rows(Pruned))

    def _broken(self) -> tuple[str, ...]:
        """Say that the loss is larger on the evaluation split than was allowed, where it is."""
        drop = self._measured.drop if len(self.order) else Estimate(0.0)
        if drop.value is None or drop.value <= self.loss + 1e-12:
            return ()
        value, low, high = (_points(part) for part in (drop.value, drop.lo, drop.hi))
        allowed = f"{100 * self.loss:.3g} point{'s' * (100 * self.loss != 1)}"
        sure = "surely " if drop.lo is not None and drop.lo > self.loss else ""
        return (
            f"The evaluation split {sure}loses more than the {allowed} asked "
            f"for: {value} points [{low}, {high}]; ask for a smaller `loss`, or give more examples "
            "to choose on.",
        )


def _points(share: float | None) -> str:
    return written(None if share is None else 100 * share, "z.1f")


@named
@explain_memory_errors()
@settled(gradients=True)
def removable(
    subject: Subject,
    loss: float = 0.01,
    *,
    sites: str | Sequence[str] | None = None,
    edit: str = "mean",
    progress: Progress = silent,
) -> Removable:
    """Find the largest set of units that can go together at no more than a loss of accuracy.

    Units go in rounds. In each, the harm of every unit that is left is measured with those gone
    that went before (on a sample, or by gradients, where replays of all would take too long). How
    many of the least needed can go together is found by bisection on the whole selection split, and
    the first half of them goes. So of two units that stand in for each other one stays. The set is
    measured on the evaluation split.

    Parameters
    ----------
    subject
        The model under study.
    loss
        Accuracy that may be lost on the selection split, a share: 0.01 is one point.
    sites
        Names of the sites; the hidden sites by default.
    edit
        What removed units hold: `mean`, `zero`, `resample`, `optimal`, or a registered name.
    progress
        Called with the number of units that have gone, and of all.

    Returns
    -------
    Removable
        The units, and what the model loses without them, beside as many that were chosen one by
        one, by weights, by activations, and at random.

    Raises
    ------
    SiteError
        If the model has no such site.
    SettingError
        If there is no such edit, or the loss isn't a share.

    References
    ----------
    Molchanov et al. 2017, Pruning convolutional neural networks for resource efficient inference
    (rounds with a new order in each); Li et al. 2017, Pruning filters for efficient ConvNets
    (weights).
    """
    check_subject(subject)
    loss = number(loss, "loss", 0.0, 1.0)
    kind = edit_class(edit)
    units = Units.of(subject.chosen_sites(sites))
    together = Together(subject, kind, subject.selection)
    first = unit_harms(together, units, np.zeros(0, np.int64))
    gone = _search(together, units, first, loss, progress)
    of = np.searchsorted(units.starts, gone, side="right") - 1
    rows = [
        Removed(units.sites[s].name, int(place - units.starts[s]), n)
        for n, (s, place) in enumerate(zip(of, gone, strict=True))
    ]
    compared = _compared(together, units, gone, first) if len(gone) else []
    edits = together.edits(units.by_site(gone))
    return Removable(edits, Table.from_rows(Pruned, compared), Table.from_rows(Removed, rows), loss)


def _search(
    together: Together, units: Units, harms: np.ndarray, loss: float, progress: Progress
) -> np.ndarray:
    """Places of the units that go, in their order, `[K]`."""
    gone = np.zeros(0, np.int64)
    while len(gone) < len(units):
        progress("finding units that can go together", len(gone), len(units))
        order = np.argsort(harms, kind="stable")[: len(units) - len(gone)]

        def fits(more: np.ndarray, gone: np.ndarray = gone) -> bool:
            return together.fits(units.by_site(np.concatenate([gone, more])), loss)

        longest = _longest(order, fits)
        single = (order[n : n + 1] for n in range(1, min(_TRIED, len(order))))
        few = -(-len(units) // _ROUNDS)
        taken = order[: max((longest + 1) // 2, min(longest, few))]
        if longest == 0:
            taken = next((one for one in single if fits(one)), None)
        if taken is None:
            break
        gone = np.concatenate([gone, order if longest == len(order) else taken])
        harms = unit_harms(together, units, gone) if len(gone) < len(units) else harms
    progress("finding units that can go together", len(units), len(units))
    return gone


def _longest(order: np.ndarray, fits: Callable[[np.ndarray], bool]) -> int:
    """Return how many of the first can go, by bisection."""
    if fits(order):
        return len(order)
    least, most = 0, len(order)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if fits(order[:middle]) else (least, middle)
    return least


def _compared(
    together: Together, units: Units, gone: np.ndarray, first: np.ndarray
) -> list[Pruned]:
    """Measure the units on the evaluation split, beside as many others of the same sites."""
    subject, own = together.subject, units.by_site(gone)
    ways = {
        "one by one": first,
        "weights": weight_norms(subject, units),
        "activations": activation_sizes(together, units),
    }
    chosen = {"together": together.edits(own)} | {
        name: together.edits(units.by_site(smallest(units, sizes, own)))
        for name, sizes in ways.items()
        if sizes is not None
    }
    lists = {name: some.tolist() for name, some in own.items()}
    drawn = random_sets(lists, subject.site, _SETS, subject.seed)
    arrays = [{name: np.sort(some) for name, some in one.items()} for one in drawn]
    return pruned_rows(subject, chosen, [together.edits(one) for one in arrays])
