"""Reads the numbers that a unit's verdict rests on, each with interval, n and control."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from holistic.lenses._contract import Context
from holistic.lenses.agreement._causes import Causes, Evidence
from holistic.lenses.agreement._scores import SiteScores, by_class
from holistic.results.tables import Table

__all__ = ["causal_columns", "named", "needs", "preferred_class", "taken", "unit_numbers"]


def taken(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return each unit's number `[U, C]` for one class, `[U]`; NaN where it has none."""
    return np.where(place >= 0, values[np.arange(len(values)), place], np.nan)


def preferred_class(here: SiteScores, classes: Sequence[str], context: Context) -> np.ndarray:
    """Return the class that each unit prefers, as the activation lens says; -1 for none: `[U]`."""
    table = context.findings["activation.units"].table.where(site=here.site.name)
    found = np.full(here.site.units, -1)
    for unit, name in zip(
        table.column("unit").astype(np.int64), table.column("preferred_class"), strict=True
    ):
        if name in classes:
            found[unit] = classes.index(name)
    known = np.isfinite(here.auroc).any(1)
    best = np.where(np.isnan(here.auroc), -np.inf, here.auroc).argmax(1)
    return np.where((found < 0) & known, best, found)


def unit_numbers(
    here: SiteScores, classes: Sequence[str], preferred: np.ndarray, context: Context
) -> dict[str, np.ndarray]:
    """Return what every lens says of the units of a site for the class that each prefers.

    Parameters
    ----------
    here
        What the lenses say of the site.
    classes
        Names of the classes.
    preferred
        `[U]`, place of the class that each unit prefers; -1 for none.
    context
        Holds the findings of the earlier lenses.
    """
    read = _Reader(here, classes, preferred, context)
    low, high = here.attributed.interval()
    middle = _over_units(here.attributed.mean, here.dead, np.nanmedian)
    area = _over_units(here.auroc, here.dead, np.nanmean)
    everyone = _largest(context.findings["activation.units"].table.where(site=here.site.name), "n")
    ends = here.company_ends
    return {
        "ablation": 0.0 - read("ablation.units", "effect"),
        "ablation_lo": 0.0 - read("ablation.units", "hi"),
        "ablation_hi": 0.0 - read("ablation.units", "lo"),
        "ablation_n": read("ablation.units", "n"),
        "control_ablation": 0.0 - read("ablation.units", "control_effect"),
        "activation": read("activation.units", "auroc"),
        "activation_lo": read("activation.units", "auroc_lo"),
        "activation_hi": read("activation.units", "auroc_hi"),
        "activation_n": np.where(preferred >= 0, everyone, np.nan),
        "d_prime": read("activation.units", "d_prime"),
        "d_prime_lo": read("activation.units", "d_prime_lo"),
        "d_prime_hi": read("activation.units", "d_prime_hi"),
        "attribution": taken(here.attributed.mean, preferred),
        "attribution_lo": taken(low, preferred),
        "attribution_hi": taken(high, preferred),
        "attribution_n": taken(here.attributed.count.astype(np.float64), preferred),
        "control_attribution": np.where(preferred >= 0, middle[preferred], np.nan),
        "mechanism": taken(here.company, preferred),
        "mechanism_lo": taken(ends[0], preferred),
        "mechanism_hi": taken(ends[1], preferred),
        "mechanism_n": np.where(np.isfinite(taken(here.company, preferred)), everyone, np.nan),
        "control_mechanism": np.where(preferred >= 0, area[preferred], np.nan),
        "tracing": read.patched("recovery"),
        "tracing_lo": read.patched("lo"),
        "tracing_hi": read.patched("hi"),
        "tracing_n": read.patched("n"),
        "control_tracing": read.patched("control_recovery"),
    }


def named(place: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Name the class at each place; None below zero."""
    return np.array([str(classes[c]) if c >= 0 else None for c in place], object)


def causal_columns(
    here: SiteScores,
    classes: Sequence[str],
    causes: Causes,
    evidence: Evidence,
    context: Context,
) -> dict[str, np.ndarray]:
    """Return the classes that depend on the units, how, and what the verdict on it rests on."""
    read = _Reader(here, classes, causes.shown, context)
    share, drop = read.patched("recovery"), read("ablation.units", "accuracy_drop")
    causal = ~here.dead & (causes.place >= 0)
    ways = needs(share, drop, above=read("ablation.units", "above"))
    return {
        "causal_class": named(np.where(causal, causes.place, -1), classes),
        "needs_it": np.array(
            [how if known else None for how, known in zip(ways, causal, strict=True)], object
        ),
        "strongest_class": named(np.where(causal, causes.strongest, -1), classes),
        "cause_class": named(np.where(here.dead, -1, causes.shown), classes),
        "causal_share": share,
        "causal_lo": read.patched("lo"),
        "causal_hi": read.patched("hi"),
        "causal_n": read.patched("n"),
        "causal_images": read.patched("images"),
        "causal_bound": evidence.bound,
        "causal_q": causes.share_q,
        "accuracy_drop": drop,
        "accuracy_lo": read("ablation.units", "accuracy_lo"),
        "accuracy_hi": read("ablation.units", "accuracy_hi"),
        "accuracy_n": read("ablation.units", "n"),
        "accuracy_q": causes.accuracy_q,
    }


def needs(share: np.ndarray, drop: np.ndarray, *, above: np.ndarray) -> np.ndarray:
    """Say how a class needs each unit, `[U]` of words, or that the unit harms it.

    Parameters
    ----------
    share, drop
        Share of the class's decision that another class's value takes away, and where there is
        none the accuracy that is lost with the unit replaced: below zero the unit harms.
    above
        Mean activation on the class minus the ablation value: below zero the unit is silent there.
    """
    helps = np.where(np.isfinite(share) & (share != 0), share, drop) >= 0
    return np.where(helps, np.where(above < 0, "silent", "firing"), "harmed")


def _over_units(
    values: np.ndarray, dead: np.ndarray, reduce: Callable[..., np.ndarray]
) -> np.ndarray:
    """Reduce numbers `[U, C]` over the units that aren't dead, `[C]`; NaN where none has one."""
    live = values[~dead]
    none = ~np.isfinite(live).any(0)
    if not len(live):
        return np.full(values.shape[1], np.nan)
    return np.where(none, np.nan, reduce(np.where(none, 0.0, live), 0))


class _Reader:
    """Reads a column of a finding for one class of each unit of a site, `[U]`."""

    def __init__(
        self, here: SiteScores, classes: Sequence[str], place: np.ndarray, context: Context
    ) -> None:
        self.site, self.classes, self.place = here.site, classes, place
        self.findings = context.findings

    def __call__(self, finding: str, column: str) -> np.ndarray:
        return self._taken(self.findings[finding].table, column, "class")

    def patched(self, column: str) -> np.ndarray:
        """Read a column of the units' patches that take a class's decision away."""
        table = self.findings["tracing.patching"].table.where(corrupt="all", direction="noise")
        return self._taken(table, column, "clean")

    def _taken(self, table: Table, column: str, name: str) -> np.ndarray:
        # what an audit of an older version lacks is missing
        if column not in table.names:
            return np.full(self.site.units, np.nan)
        rows = table.where(site=self.site.name)
        return taken(by_class(rows, column, self.site, self.classes, name=name), self.place)


def _largest(table: Table, column: str) -> float:
    values = table.column(column).astype(np.float64)
    return float(values.max(initial=0))
