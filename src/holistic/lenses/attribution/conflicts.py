"""Says where tests of attribution methods contradict what removing pixels shows."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._briefs import greatest
from holistic.lenses._parts import known
from holistic.lenses.attribution._failures import IN_SHORT, failures
from holistic.lenses.attribution.schemas import CONTROLS, MethodRow
from holistic.results.claims import Claim
from holistic.results.folder import Folder

__all__ = ["conflicts"]

_METHODS = "attribution.methods"
_TRUTH = ("deletion_auc", "insertion_auc")
"""What removing pixels, or putting them in, does to the model: an intervention."""


def conflicts(audit: Folder) -> Iterator[Claim]:
    """A method that fails another test and names best what removing pixels confirms.

    It must pass the test by removal or insertion itself, and be the best of all methods there.
    """
    if _METHODS not in audit:
        return
    rows = [row for row in audit[_METHODS].rows(MethodRow) if row.n and row.method not in CONTROLS]
    failed = failures(rows)
    for test in _TRUTH:
        sign = -1 if test == "deletion_auc" else 1
        asked = [row for row in rows if row.metric == test]
        best = greatest(asked, by=lambda row, sign=sign: sign * known(row.value.value))
        if best is None or not best.passed or not failed.get(best.method):
            continue
        gate = next(one for one in IN_SHORT if one in failed[best.method])
        yield Claim(
            f"Maps of {best.method_name} name best what removal confirms, yet "
            f"{IN_SHORT[gate]}: trust where, not why.",
            _METHODS,
            True,
            value=best.value,
            where={"method": best.method, "metric": test},
            against=_gate(rows, best, gate),
        )
        return


def _gate(rows: list[MethodRow], best: MethodRow, gate: str) -> Claim:
    row = next(
        row
        for row in rows
        if row.method == best.method
        and row.passed is False
        and row.metric.removesuffix("_nonzero") == gate
    )
    where = {"method": row.method, "metric": row.metric}
    words = f"Maps of {row.method_name} fail a test: {IN_SHORT[gate]}."
    return Claim(words, _METHODS, True, value=row.value, where=where)
