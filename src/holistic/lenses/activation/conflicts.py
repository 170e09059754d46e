"""Says where two measures of units' responses contradict each other over the layers."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._parts import known
from holistic.lenses.activation.schemas import DepthRow
from holistic.results.claims import Claim
from holistic.results.folder import Folder
from holistic.words import number

__all__ = ["conflicts"]

_DEPTH = "activation.depth"
_PAIRS = (("auroc", "selectivity"), ("d_prime", "selectivity"), ("auroc", "d_prime"))
"""Measures of the same question: do units grow more telling of their class with depth?"""
_CALLED = {"auroc": "AUROC", "selectivity": "selectivity", "d_prime": "d\N{PRIME}"}


def conflicts(audit: Folder) -> Iterator[Claim]:
    """Trends over depth of which one surely rises and another surely falls.

    A trend is sure where its interval excludes 0. Both can be so: AUROC asks how often a unit
    holds more for its class than for the rest, selectivity by how much.
    """
    if _DEPTH not in audit:
        return
    rows = {row.measure: row for row in audit[_DEPTH].where(site="all").rows(DepthRow)}
    for one, other in _PAIRS:
        if one in rows and other in rows and _way(rows[one]) * _way(rows[other]) < 0:
            first, second = _trend(rows[one]), _trend(rows[other])
            yield Claim(
                f"With depth the {_CALLED[one]} of units {_verb(rows[one])} "
                f"({number(rows[one].value.value, '+.2f')}), while their {_CALLED[other]} "
                f"{_verb(rows[other])} ({number(rows[other].value.value, '+.2f')}): ranks and "
                "sizes of responses differ.",
                _DEPTH,
                True,
                value=first.value,
                where=first.where,
                against=second,
            )
            return


def _way(row: DepthRow) -> int:
    return int(known(row.value.lo) > 0) - int(known(row.value.hi) < 0)


def _verb(row: DepthRow) -> str:
    return "rises" if _way(row) > 0 else "falls"


def _trend(row: DepthRow) -> Claim:
    words = f"With depth the {_CALLED[row.measure]} of units {_verb(row)}."
    where = {"measure": row.measure, "site": "all"}
    return Claim(words, _DEPTH, True, value=row.value, where=where)
