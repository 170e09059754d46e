"""Finds for each unit of a site the one that stands in for it, among pairs removed together."""

from __future__ import annotations

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._contract import Context
from holistic.lenses._parts import known
from holistic.lenses.ablation.schemas import Interaction

__all__ = ["partners", "stand_in"]

_MORE = 2
"""How many times the sum of what units cost alone they must cost together."""
_KIND = "redundant"
_NUMBERS = ("lo", "hi", "n", "control_lo", "control_hi", "q")


def stand_in(row: Interaction) -> bool:
    """Say whether two units stand in for each other, so that what each costs alone misleads.

    Removing both must cost, more than twice what removing each costs, and further beyond the sum
    than in 95 % of the site's random pairs. Units that share a little are no such pair: what they
    cost alone tells most of it.
    """
    both, alone = (known(e.value) for e in (row.effect_ab, row.interaction))
    alone = both - alone
    bound = row.interaction.control_lo
    return (
        row.verdict == _KIND
        and known(row.effect_ab.hi) < 0
        and both < _MORE * min(alone, 0.0)
        and (bound is None or known(row.interaction.value) < bound)
    )


def partners(site: Site, context: Context) -> dict[str, np.ndarray]:
    """Return the columns `partner`, `partner_class` and `redundancy` of a site's units, `[U]` each.

    Of several partners, and several classes, the one that costs most beyond the sum is named.
    """
    finding = context.findings.get("ablation.interactions")
    found = {name: np.full(site.units, np.nan) for name in ("partner", "redundancy")}
    found |= {f"redundancy_{name}": np.full(site.units, np.nan) for name in _NUMBERS}
    classes = np.full(site.units, None, object)
    rows = finding.table.where(site=site.name, verdict=_KIND).rows(Interaction) if finding else ()
    for row in rows:
        if not stand_in(row):
            continue
        of = row.interaction
        for unit, other in ((row.unit_a, row.unit_b), (row.unit_b, row.unit_a)):
            if not found["redundancy"][unit] <= known(of.value):
                found["partner"][unit], found["redundancy"][unit] = other, known(of.value)
                classes[unit] = row.class_
                for name in _NUMBERS:
                    value = row.n if name == "n" else getattr(of, name)
                    found[f"redundancy_{name}"][unit] = known(value)
    return found | {"partner_class": classes}
