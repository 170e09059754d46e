"""Is a unit that responds to a class also one that the class depends on?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.lenses._contract import Context
from holistic.lenses.agreement._causes import Causes, Evidence, gather, settle
from holistic.lenses.agreement._evidence import preferred_class, told_numbers, unit_numbers
from holistic.lenses.agreement._scores import SiteScores, by_class
from holistic.lenses.agreement._thresholds import Bounds, untrained_bounds
from holistic.lenses.agreement.units_statements import VERDICTS, verdict_statements
from holistic.lenses.tracing._chosen import carried
from holistic.replacing import affordable_sweep
from holistic.results.columns import col
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["UnitVerdict", "judge_units"]

_OPERATIONS = 3e12
"""Floating-point operations that the removal of units on the selection split may take."""


@dataclass(frozen=True)
class UnitVerdict:
    """Row of the finding `agreement.units`: what the lenses say of one unit."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    preferred_class: str | None = col("class that the unit responds to most; null for dead units")
    ablation: float = col(
        "score that the preferred class loses when the unit is replaced by its mean",
        unit="score",
        words="what the class loses without it",
    )
    ablation_lo: float = col("lower end of its 95 % interval", unit="score")
    ablation_hi: float = col("upper end of its 95 % interval", unit="score")
    ablation_n: int = col("examples of the class", unit="examples", of="ablation")
    control_ablation: float = col(
        "the same of the site's median unit",
        unit="score",
        of="ablation",
        words="control (the site's median unit)",
    )
    activation: float = col(
        "AUROC of the unit's activation for the preferred class",
        unit="share",
        words="AUROC for its class",
    )
    activation_lo: float = col("lower end of its 95 % interval (DeLong)", unit="share")
    activation_hi: float = col("upper end of its 95 % interval (DeLong)", unit="share")
    activation_n: int = col(
        "evaluation examples, of all classes", unit="examples", of="activation d_prime"
    )
    selective_bound: float = col(
        "AUROC for their favourite class that 95 % of the site's units stay below in untrained "
        "copies and with shuffled labels, on the selection split",
        unit="share",
        of="activation",
        words="control (95 % of untrained units stay below)",
    )
    d_prime: float = col(
        "mean of the unit's activation in the preferred class minus mean in the rest, over the "
        "root mean square of their standard deviations",
        unit="standard deviations",
        words="d′ for its class",
    )
    d_prime_lo: float = col("lower end of its 95 % interval", unit="standard deviations")
    d_prime_hi: float = col("upper end of its 95 % interval", unit="standard deviations")
    d_prime_bound: float = col(
        "d′ that 95 % of the site's units stay below in the same way",
        unit="standard deviations",
        of="d_prime",
        words="control (95 % of untrained units stay below)",
    )
    attribution: float = col(
        "gradient × (activation - mean) for the preferred class, estimating `ablation`",
        unit="score",
        words="gradient × activation",
    )
    attribution_lo: float = col("lower end of its 95 % interval", unit="score")
    attribution_hi: float = col("upper end of its 95 % interval", unit="score")
    attribution_n: int = col("examples of the class", unit="examples", of="attribution")
    control_attribution: float = col(
        "the same of the site's median unit for that class",
        unit="score",
        of="attribution",
        words="control (the site's median unit)",
    )
    mechanism: float = col(
        "mean AUROC for the preferred class of the other units of the unit's cluster",
        unit="share",
        words="mean AUROC of its cluster",
    )
    mechanism_lo: float = col(
        "lower end of its 95 % interval over images; missing where they are too dear", unit="share"
    )
    mechanism_hi: float = col("upper end of its 95 % interval over images", unit="share")
    mechanism_n: int = col("evaluation examples", unit="examples", of="mechanism")
    control_mechanism: float = col(
        "mean AUROC for that class of all units of the site that aren't dead",
        unit="share",
        of="mechanism",
        words="control (all units of the site)",
    )
    tracing: float = col(
        "share of the preferred class's decision that the unit takes away when it gets another "
        "class's value",
        unit="share",
        words="share of the decision that it takes away",
    )
    tracing_lo: float = col("lower end of its 95 % interval", unit="share")
    tracing_hi: float = col("upper end of its 95 % interval", unit="share")
    tracing_n: int = col("pairs of images", unit="pairs", of="tracing")
    control_tracing: float = col(
        "the same with the value of another image of the same class",
        unit="share",
        of="tracing",
        words="control (another image of the own class)",
    )
    selective: bool = col(
        "whether the unit tells its preferred class better than 95 % of untrained units tell theirs"
    )
    selective_by: str = col(
        "the number that says so: 'AUROC' against `selective_bound`, or, where untrained units "
        "reach nearly 1 too and it can't, 'd′' against `d_prime_bound`",
        words="selective by",
    )
    causal: bool = col("whether some class depends on the unit: `causal_class`")
    causal_class: str | None = col(
        "class that depends on the unit: the preferred one if it does, else the class that depends "
        "most on the selection split, if it does on the evaluation split",
        words="class that depends on it",
    )
    told_class: str | None = col(
        "class that the numbers from here on are of: `causal_class`, or where no class depends on "
        "the unit the one that is most affected",
        words="class that the causes are of",
    )
    causal_share: float | None = col(
        "share of that class's decision that it takes away; null where no pair of images could be "
        "patched",
        unit="share",
        words="share of that class's decision",
    )
    causal_lo: float | None = col("lower end of its 95 % interval", unit="share")
    causal_hi: float | None = col("upper end of its 95 % interval", unit="share")
    causal_n: int | None = col("pairs of images", unit="pairs", of="causal_share")
    causal_bound: float | None = col(
        "share, either way, that 95 % of the site's units stay below when they get the value of "
        "another image of the same class, on the selection split",
        unit="share",
        of="causal_share",
        words="control (95 % of the site's units stay below)",
    )
    causal_q: float | None = col(
        "Benjamini-Hochberg q of the share, over all units and the classes that they are asked for",
        of="causal_share",
        words="q over all units",
    )
    accuracy_drop: float = col(
        "accuracy that that class loses without the unit",
        unit="share",
        words="accuracy that it loses",
    )
    accuracy_lo: float = col("lower end of its 95 % interval (Tango, paired)", unit="share")
    accuracy_hi: float = col("upper end of its 95 % interval (Tango, paired)", unit="share")
    accuracy_n: int = col("examples of the class", unit="examples", of="accuracy_drop")
    accuracy_q: float | None = col(
        "Benjamini-Hochberg q of McNemar's p in the same family",
        of="accuracy_drop",
        words="q over all units (McNemar)",
    )
    verdict: str = col(
        "the two answers in words, for the classes in `preferred_class` and `causal_class`: "
        + "; ".join(f"'{v}'" for v in VERDICTS)
    )


def judge_units(
    subject: Subject, lens: Agreement, scores: list[SiteScores], context: Context
) -> Finding:
    """Ask of every unit for which class it is selective and which class depends on it.

    Bounds, and the classes that are asked about, come from the selection split; the units' own
    numbers are those of the evaluation split. A unit is selective if it tells the class that it
    prefers better than 95 % of untrained units tell theirs. A class depends on it if its accuracy
    changes without the unit, or if another class's value moves its decision more than the value of
    another image of the class moves that of 95 % of units.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `copies`.
    scores
        What the lenses say, by site.
    context
        Holds `ablation.units`, `activation.units` and `tracing.patching`.

    Returns
    -------
    Finding
        `agreement.units`.
    """
    bounds = untrained_bounds(subject, lens.copies)
    context.progress("judging units", 1, 3)
    preferred = [preferred_class(said, subject.classes, context) for said in scores]
    evidence = _evidence(subject, scores, preferred, context)
    context.progress("judging units", 2, 3)
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    parts = zip(scores, preferred, evidence, settle(evidence), strict=True)
    for said, favourite, found, causes in parts:
        own = _site_columns(said, subject.classes, favourite, bounds, (found, causes), context)
        for name, values in own.items():
            columns[name].append(np.asarray(values))
    context.progress("judging units", 3, 3)
    table = Table.build(UnitVerdict, {k: np.concatenate(v) for k, v in columns.items()})
    return Finding(
        "agreement.units",
        table,
        tuple(verdict_statements(table, SCORE_UNITS[subject.score])),
        _caveats(lens),
    )


def _evidence(
    subject: Subject, scores: list[SiteScores], preferred: list[np.ndarray], context: Context
) -> list[Evidence]:
    """Choose classes on the selection split and gather what the evaluation split says of them."""
    chosen = carried(subject, context.progress)
    flips, _ = affordable_sweep(subject, "mean", operations=_OPERATIONS, split="selection")
    return [
        gather(
            said.site,
            subject.classes,
            preferred=favourite,
            dead=said.dead,
            chosen=chosen[said.site.name],
            flips=by_class(flips.where(site=said.site.name), "p", said.site, subject.classes),
            context=context,
        )
        for said, favourite in zip(scores, preferred, strict=True)
    ]


def _site_columns(
    said: SiteScores,
    classes: Sequence[str],
    favourite: np.ndarray,
    bounds: Bounds,
    why: tuple[Evidence, Causes],
    context: Context,
) -> dict[str, Any]:
    site, dead, (evidence, causes) = said.site, said.dead, why
    own = unit_numbers(said, classes, favourite, context)
    by_separation = bounds.saturated(site.name)
    separation = np.where(
        # perfectly apart, and constant inside of both: further than any number says
        (own["activation"] == 1) & np.isnan(own["d_prime"]),
        np.inf,
        own["d_prime"],
    )
    value, bound = (
        (separation, bounds.separation[site.name])
        if by_separation
        else (own["activation"], bounds.auroc[site.name])
    )
    selective = ~dead & (np.nan_to_num(value, nan=-np.inf) > bound)
    causal = ~dead & (causes.place >= 0)
    same = causal & (causes.place == favourite)
    told = np.where(dead, -1, causes.told)
    return {
        "site": [site.name] * site.units,
        "unit": range(site.units),
        "preferred_class": _named(np.where(dead, -1, favourite), classes),
        **own,
        "selective": selective.tolist(),
        "selective_bound": [bounds.auroc[site.name]] * site.units,
        "d_prime_bound": [_finite(bounds.separation[site.name])] * site.units,
        "selective_by": ["d′" if by_separation else "AUROC"] * site.units,
        "causal": causal.tolist(),
        "causal_class": _named(np.where(causal, causes.place, -1), classes),
        "told_class": _named(told, classes),
        **told_numbers(said, classes, causes, evidence, context),
        "verdict": [
            _word(*of) for of in zip(dead, causes.known, selective, causal, same, strict=True)
        ],
    }


def _finite(value: float) -> float:
    return value if np.isfinite(value) else float("nan")


def _named(place: np.ndarray, classes: Sequence[str]) -> list[str | None]:
    return [str(classes[c]) if c >= 0 else None for c in place]


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
        f"Selective is relative to units of {lens.copies} untrained "
        f"{'copy' if lens.copies == 1 else 'copies'}, which respond to classes too; with enough "
        "examples nearly every unit is better than chance.",
        "A unit is called causal for what it does alone: redundant units can all be called not "
        "causal and still matter together. 'Neither' doesn't mean that such units can be removed "
        "together: see `agreement.removed`.",
        "'Causal and selective' is of one class. Where the class that a unit prefers doesn't "
        "depend on it and another does, both are named.",
        "Bounds and the classes that units are asked for come from the selection split, their "
        "numbers from the evaluation split.",
    )
