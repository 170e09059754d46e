"""Says what each unit does in each class: `activation.units`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.lenses.activation import Activation, schemas
from holistic.lenses.activation._profiles import Profile, Survey
from holistic.lenses.activation.schemas import UnitRow
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import bootstrap_interval
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["units_finding"]

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


def units_finding(subject: Subject, lens: Activation, found: Survey) -> Finding:
    """Build `activation.units` from the profiles of all hidden sites."""
    parts = [_columns(profile, subject.classes) for profile in found.profiles]
    table = Table.build(UnitRow, {k: np.concatenate([p[k] for p in parts]) for k in parts[0]})
    statements = [_site_statement(found.profiles[i], lens, subject.seed) for i in found.telling]
    return Finding(
        schemas.UNITS,
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
        f"a randomly initialised control {fresh}. "
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
