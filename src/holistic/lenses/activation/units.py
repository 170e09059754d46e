"""What does each unit do in each class, and how does that change with depth?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.lenses.activation import Activation
from holistic.lenses.activation._profiles import Profile, Survey
from holistic.results.columns import col
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import bootstrap_interval
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["UnitRow", "units_finding"]

_CAVEATS = (
    "The class that a unit prefers is the one with its largest mean on the selection split; all "
    "other numbers are measured on the evaluation split.",
    "Selectivity needs activations that are never below zero (Morcos et al. 2018); it is missing "
    "for units that go below zero.",
    "A class that can be read off a unit needn't be used by the network: compare with ablation.",
    "Intervals over units take them as independent draws; units of one layer aren't quite.",
)


_SATURATED = 0.95
"""Share of examples and positions from which on a unit counts as saturated."""


@dataclass(frozen=True)
class UnitRow:
    """Row of the finding `activation.units`."""

    site: str = col("name of the site")
    unit: int = col("unit of the site")
    class_: str = col("class of the examples; 'all' for all of them", name="class")
    n: int = col("evaluation examples", unit="examples")
    mean: float = col(
        "mean of the unit's value, reduced over positions",
        unit="activation",
        words="mean activation",
    )
    mean_lo: float | None = col("lower bound, 95 %", unit="activation")
    mean_hi: float | None = col("upper bound, 95 %", unit="activation")
    std: float | None = col(
        "standard deviation of the same", unit="activation", of="mean", words="standard deviation"
    )
    active_fraction: float = col(
        "examples and positions at which it is above zero", unit="share", words="share above zero"
    )
    active_lo: float | None = col("lower bound, 95 % (Wilson)", unit="share")
    active_hi: float | None = col("upper bound, 95 % (Wilson)", unit="share")
    control_active: float | None = col(
        "the same of the median unit of an untrained copy",
        unit="share",
        of="active_fraction",
        words="control (median unit of an untrained copy)",
    )
    auroc: float | None = col(
        "how often an example of the class has a larger value than one of the rest, ties half; "
        "0.5 tells nothing, below it the unit is smaller in the class",
        unit="share of pairs",
        words="AUROC for the class",
    )
    auroc_lo: float | None = col("lower bound, 95 % (DeLong)", unit="share of pairs")
    auroc_hi: float | None = col("upper bound, 95 % (DeLong)", unit="share of pairs")
    control_auroc_hi: float | None = col(
        "shuffled labels: no AUROC of the site is further from 0.5 in 95 % of the shuffles",
        unit="share of pairs",
        of="auroc",
        words="control (labels shuffled: 95 % stay below)",
    )
    average_precision: float | None = col(
        "precision of retrieving the class by large values of the unit, averaged over its recall",
        unit="share",
    )
    precision_lo: float | None = col("lower bound, 95 % (logit)", unit="share")
    precision_hi: float | None = col("upper bound, 95 % (logit)", unit="share")
    control_average_precision: float | None = col(
        "the same for a unit that tells nothing: the share of the class",
        unit="share",
        of="average_precision",
        words="control (share of the class)",
    )
    d_prime: float | None = col(
        "mean in the class minus mean in the rest, over the root mean square of their standard "
        "deviations; positive: larger in the class; in 'all' rows of the preferred class",
        unit="standard deviations",
        words="d′",
    )
    d_prime_lo: float | None = col(
        "lower bound, 95 % (delta method); missing where few examples carry it",
        unit="standard deviations",
    )
    d_prime_hi: float | None = col("upper bound, 95 %", unit="standard deviations")
    control_d_prime: float | None = col(
        "the same of the median unit of an untrained copy",
        unit="standard deviations",
        of="d_prime",
        words="control (median unit of an untrained copy)",
    )
    selectivity: float | None = col(
        "(mean - rest) / (mean + rest), rest being the mean of the other classes' means; in 'all' "
        "rows of the preferred class; missing for units that go below zero",
        words="selectivity (mean − rest) / (mean + rest)",
    )
    selectivity_lo: float | None = col(
        "lower bound, 95 % (delta method); missing where few examples carry it"
    )
    selectivity_hi: float | None = col("upper bound, 95 %")
    control_selectivity: float | None = col(
        "the same of the median unit of an untrained copy",
        of="selectivity",
        words="control (median unit of an untrained copy)",
    )
    preferred_class: str = col("class with the unit's largest mean on the selection split")
    second_class: str = col("class with the second largest mean on the selection split")
    preferred_margin: float | None = col(
        "mean in the preferred class minus mean in the second; below zero where the evaluation "
        "split turns the order round",
        unit="activation",
        words="mean beyond the second class",
    )
    margin_lo: float | None = col("lower bound, 95 %", unit="activation")
    margin_hi: float | None = col("upper bound, 95 %", unit="activation")
    dead: bool = col("whether the unit holds one value on all examples of both splits")
    constant: bool = col("whether it is dead and that value isn't zero, so that it acts as a bias")
    saturated_fraction: float | None = col(
        "examples and positions within 1 % of an end of the nonlinearity at which its gradient "
        "vanishes; missing where it has none",
        unit="share",
    )
    saturated_lo: float | None = col("lower bound, 95 % (Wilson)", unit="share")
    saturated_hi: float | None = col("upper bound, 95 % (Wilson)", unit="share")
    saturated: bool = col("whether that share is at least 0.95")


def units_finding(subject: Subject, lens: Activation, found: Survey) -> Finding:
    """Build `activation.units` from the profiles of all hidden sites."""
    parts = [_columns(profile, subject.classes) for profile in found.profiles]
    table = Table.build(UnitRow, {k: np.concatenate([p[k] for p in parts]) for k in parts[0]})
    statements = [_site_statement(found.profiles[i], lens, subject.seed) for i in found.telling]
    return Finding(
        "activation.units",
        table,
        statements=tuple(statements),
        caveats=(
            f"Where a unit repeats over positions, its value is the {lens.reduction} over them: "
            "the mean grows with how much of an image a feature covers, the max with its best "
            "match.",
            *_CAVEATS,
        ),
    )


def _columns(profile: Profile, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of one site, `[U * (C + 1)]` each: unit by unit, the classes and then 'all'."""
    units, rows = profile.site.units, len(classes) + 1
    missing = np.full(units, np.nan)
    detection = profile.detection
    prevalence = np.where(profile.n[:-1] > 0, profile.n[:-1] / max(profile.n[-1], 1), np.nan)

    def flat(by_class: np.ndarray, overall: np.ndarray) -> np.ndarray:
        return np.concatenate([by_class, overall[None]]).T.reshape(-1)

    def both(ends: np.ndarray) -> list[np.ndarray]:
        return [flat(end, profile.of_preferred(end)) for end in ends]

    def control(medians: np.ndarray) -> np.ndarray:
        return np.tile(medians, units)

    ends, fresh = profile.ends, profile.untrained
    active = [end.T.reshape(-1) for end in ends["active"]]
    precision = [flat(end, missing) for end in ends["precision"]]
    separation, selectivity = both(ends["separation"]), both(ends["selectivity"])
    names = np.array([*classes, "all"], dtype=object)
    lo, hi = ends["mean"]
    return {
        "site": np.full(units * rows, profile.site.name, dtype=object),
        "unit": np.repeat(np.arange(units), rows),
        "class": np.tile(names, units),
        "n": np.tile(profile.n, units),
        "mean": profile.mean.T.reshape(-1),
        "mean_lo": lo.T.reshape(-1),
        "mean_hi": hi.T.reshape(-1),
        "std": profile.std.T.reshape(-1),
        "active_fraction": profile.active.T.reshape(-1),
        "active_lo": active[0],
        "active_hi": active[1],
        "control_active": control(fresh["active"]),
        "auroc": flat(detection.auroc, missing),
        "auroc_lo": flat(detection.lo, missing),
        "auroc_hi": flat(detection.hi, missing),
        "control_auroc_hi": flat(np.repeat(profile.bound[:, None], units, 1), missing),
        "average_precision": flat(detection.precision, missing),
        "precision_lo": precision[0],
        "precision_hi": precision[1],
        "control_average_precision": flat(np.repeat(prevalence[:, None], units, 1), missing),
        "d_prime": flat(profile.separation, profile.of_preferred(profile.separation)),
        "d_prime_lo": separation[0],
        "d_prime_hi": separation[1],
        "control_d_prime": control(fresh["separation"]),
        "selectivity": flat(profile.selectivity, profile.of_preferred(profile.selectivity)),
        "selectivity_lo": selectivity[0],
        "selectivity_hi": selectivity[1],
        "control_selectivity": control(fresh["selectivity"]),
        **{k: np.repeat(v, rows) for k, v in _unit_columns(profile, names).items()},
    }


def _unit_columns(profile: Profile, names: np.ndarray) -> dict[str, np.ndarray]:
    """Columns that say the same in all rows of a unit, `[U]` each."""
    margin, lo, hi = profile.margin
    return {
        "preferred_class": names[profile.preferred],
        "second_class": names[profile.second],
        "preferred_margin": margin,
        "margin_lo": lo,
        "margin_hi": hi,
        "dead": profile.dead,
        "constant": profile.constant,
        "saturated_fraction": profile.saturated,
        "saturated_lo": profile.ends["saturated"][0],
        "saturated_hi": profile.ends["saturated"][1],
        "saturated": np.nan_to_num(profile.saturated) >= _SATURATED,
    }


def _site_statement(profile: Profile, lens: Activation, seed: int) -> str:
    units, dead = profile.site.units, int(profile.dead.sum())
    name, n = f"Site '{profile.site.name}'", int(profile.n[-1])
    if dead == units:
        return f"{name}: all {units} units are dead, constant on all examples of both splits."
    alive = ~profile.dead
    area = profile.of_preferred(profile.detection.auroc)[alive]
    if np.isnan(area).all():
        return f"{name}: no AUROC is defined, as there aren't two classes to tell apart (n = {n})."
    bound = np.repeat(profile.bound[:, None], units, 1)
    above = int((area > profile.of_preferred(bound)[alive]).sum())
    fresh = _median(profile.untrained["auroc"], seed)
    return (
        f"{name}: the median unit tells its preferred class from the rest with an AUROC of "
        f"{_median(area, seed)} ({len(area)} units, over which the interval is; n = {n}); that of "
        f"an untrained copy {fresh}. "
        f"{above} of {len(area)} units beat what the luckiest unit reaches in 95 % of "
        f"{lens.shuffles} shuffles of the labels ({np.nanmax(profile.bound):.2f}). Dead: "
        f"{dead} of {units} units ({percent(dead / units)})."
    )


def _median(values: np.ndarray, seed: int) -> str:
    values = values[np.isfinite(values)]
    if not len(values):
        return "–"
    if len(values) == 1:  # one unit has no spread over units
        return f"{values[0]:.2f}"
    lo, hi = bootstrap_interval(values, np.median, seed=seed)
    return f"{np.median(values):.2f} [{lo:.2f}, {hi:.2f}]"
