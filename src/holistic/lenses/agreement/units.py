"""Judges of every unit for which class it is selective, and which class depends on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses._contract import Context
from holistic.lenses.agreement import schemas
from holistic.lenses.agreement._causes import Causes, Evidence, gather, settle
from holistic.lenses.agreement._partners import partners
from holistic.lenses.agreement._scores import SiteScores, by_class
from holistic.lenses.agreement._unit_numbers import (
    causal_columns,
    named,
    preferred_class,
    unit_numbers,
)
from holistic.lenses.agreement._untrained_bounds import Bounds, untrained_bounds
from holistic.lenses.agreement._verdict import in_words, plays
from holistic.lenses.agreement.schemas import UnitVerdict
from holistic.lenses.agreement.units_statements import verdict_statements
from holistic.lenses.tracing._chosen import carried
from holistic.replacing import affordable_sweep
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["judge_units", "removed_on_selection"]


def removed_on_selection(subject: Subject, lens: Agreement) -> Table:
    """Remove single units on the selection split, as far as the lens's settings allow."""
    return affordable_sweep(
        subject, "mean", operations=lens.operations, split="selection", fewest=lens.fewest
    )[0]


def judge_units(
    subject: Subject,
    lens: Agreement,
    scores: list[SiteScores],
    context: Context,
    *,
    swept: Table | None = None,
) -> Finding:
    """Ask of every unit for which class it is selective and which class depends on it.

    Bounds, and the classes that are asked about, come from the selection split; the units' own
    numbers are those of the evaluation split. A unit is selective if it tells the class that it
    prefers better than 95 % of randomly initialised units tell theirs. A class depends on it if
    its accuracy changes without the unit, or if another class's value moves its decision more than
    the value of another image of the class does, and more than a fiftieth of what the site's
    strongest unit carries.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `controls`, `pairs`, `operations`.
    scores
        What the lenses say, by site.
    context
        Holds `ablation.units`, `activation.units` and `tracing.patching`.
    swept
        Removal of single units on the selection split, where it was measured already.

    Returns
    -------
    Finding
        `agreement.units`.
    """
    flips = removed_on_selection(subject, lens) if swept is None else swept
    bounds = untrained_bounds(subject, lens.controls)
    context.progress("judging units", 1, 3)
    responses = [_responses(here, subject.classes, bounds, context) for here in scores]
    evidence = _evidence(subject, lens, scores, responses, flips, context)
    context.progress("judging units", 2, 3)
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    parts = zip(scores, responses, evidence, settle(evidence), strict=True)
    for here, own, found, causes in parts:
        caused = causal_columns(here, subject.classes, causes, found, context)
        pairs = partners(here.site, context)
        for name, values in {**_site_columns(here, own, causes, bounds), **caused, **pairs}.items():
            columns[name].append(values)
    context.progress("judging units", 3, 3)
    layers = {site.name: site.layer or site.name for site in subject.hidden_sites}
    table = _with_words({k: np.concatenate(v) for k, v in columns.items()}, layers)
    return Finding(
        schemas.UNITS,
        table,
        tuple(verdict_statements(table, SCORE_UNITS[subject.score])),
        _caveats(lens),
    )


def _with_words(columns: dict[str, np.ndarray], layers: dict[str, str]) -> Table:
    """Make the table, with the verdict in words that the other columns of each row give."""
    blank = np.full(len(columns["unit"]), "", object)
    rows = list(
        Table.build(UnitVerdict, {**columns, "plays": blank, "in_words": blank}).rows(UnitVerdict)
    )
    words = [(plays(row), in_words(row, layers[row.site])) for row in rows]
    own = dict(zip(("plays", "in_words"), np.array(words, object).reshape(-1, 2).T, strict=True))
    return Table.build(UnitVerdict, {**columns, **own})


@dataclass(frozen=True)
class _Responses:
    """What units of one site respond to: `[U]` each, and their numbers by column."""

    favourite: np.ndarray
    selective: np.ndarray
    names: np.ndarray
    numbers: dict[str, np.ndarray]


def _responses(
    here: SiteScores, classes: Sequence[str], bounds: Bounds, context: Context
) -> _Responses:
    """Read the class that each unit prefers, its numbers, and whether it tells that class."""
    favourite = preferred_class(here, classes, context)
    own = unit_numbers(here, classes, favourite, context)
    selective = ~here.dead & _beyond_bound(own, bounds, here.site.name)
    return _Responses(favourite, selective, named(np.where(here.dead, -1, favourite), classes), own)


def _evidence(
    subject: Subject,
    lens: Agreement,
    scores: list[SiteScores],
    responses: list[_Responses],
    flips: Table,
    context: Context,
) -> list[Evidence]:
    """Choose classes on the selection split and gather what the evaluation split says of them."""
    chosen = carried(subject, context.progress, pairs=lens.pairs, rivals=lens.rivals)
    return [
        gather(
            here,
            subject.classes,
            preferred=own.favourite,
            selective=own.selective,
            chosen=chosen[here.site.name],
            flips=by_class(flips.where(site=here.site.name), "p", here.site, subject.classes),
            context=context,
        )
        for here, own in zip(scores, responses, strict=True)
    ]


def _site_columns(
    here: SiteScores, own: _Responses, causes: Causes, bounds: Bounds
) -> dict[str, np.ndarray]:
    site, dead = here.site, here.dead
    causal = ~dead & (causes.place >= 0)
    same = causal & (causes.place == own.favourite)
    words = zip(dead, causes.known, own.selective, causal, same, strict=True)
    return {
        "site": np.full(site.units, site.name, object),
        "unit": np.arange(site.units),
        "preferred_class": own.names,
        **own.numbers,
        "selective": own.selective,
        "selective_bound": np.full(site.units, bounds.auroc[site.name]),
        "d_prime_bound": np.full(site.units, _finite(bounds.separation[site.name])),
        "selective_by": np.full(site.units, _measure(bounds, site.name), object),
        "causal": causal,
        "idle": ~dead & causes.idle,
        "settling_images": np.where(dead, np.nan, causes.settling),
        "verdict": np.array([_word(*of) for of in words], object),
    }


def _measure(bounds: Bounds, site: str) -> str:
    """Name the number that tells selective units of a site from others."""
    return "d′" if bounds.saturated(site) else "AUROC"


def _beyond_bound(own: dict[str, np.ndarray], bounds: Bounds, site: str) -> np.ndarray:
    """Tell which units of a site respond to their class more than those of controls, `[U]`."""
    if not bounds.saturated(site):
        return np.nan_to_num(own["activation"], nan=-np.inf) > bounds.auroc[site]
    separation = np.where(
        # perfectly apart, and constant inside of both: further than any number says
        (own["activation"] == 1) & np.isnan(own["d_prime"]),
        np.inf,
        own["d_prime"],
    )
    return np.nan_to_num(separation, nan=-np.inf) > bounds.separation[site]


def _finite(value: float) -> float:
    return value if np.isfinite(value) else float("nan")


def _word(dead: bool, known: bool, selective: bool, causal: bool, same: bool) -> str:
    if dead:
        return "dead"
    if not known:
        return "not measured"
    if not selective:
        return "causal, not selective" if causal else "neither"
    if not causal:
        return "selective, not causal"
    return "causal and selective" if same else "selective, causal for another class"


def _caveats(lens: Agreement) -> tuple[str, ...]:
    return (
        f"Selective is relative to units of {lens.controls} randomly initialised "
        f"{'control' if lens.controls == 1 else 'controls'}, which respond to classes too; with "
        "enough examples nearly every unit is better than chance.",
        "A unit is called causal for what it does alone: redundant units can all be called not "
        "causal and still matter together. 'Neither' doesn't mean that such units can be removed "
        "together: see `agreement.removed`.",
        "'Causal and selective' is of one class, `causal_class`. The class that depends most on a "
        "unit may be another, which it needn't respond to: `strongest_class`.",
        "A class may need a unit silent, or be harmed by it: `needs_it` says which. Units that are "
        "silent on their class alone are causal and not selective, since they prefer another.",
        "Bounds and the classes that units are asked for come from the selection split, their "
        "numbers from the evaluation split.",
    )
