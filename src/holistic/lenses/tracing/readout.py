"""Do directions fit on one half of the data read out, steer and carry the classes of the other?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.findings import Finding
from holistic.lenses.tracing.directions import (
    METHODS,
    Features,
    Fitted,
    fit,
    random_directions,
)
from holistic.lenses.tracing.steering import DOSES, Erasing, Steering, erase, steer, stratified
from holistic.lenses.tracing.work import affordable, replay_work
from holistic.progress import Progress, silent
from holistic.scores import SCORE_UNITS, Score
from holistic.sites import Site
from holistic.stats.intervals import (
    class_auroc,
    delong_interval,
    mean_interval,
    paired_accuracy_interval,
)
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.subject import Subject
from holistic.tables import Table, col
from holistic.words import number

if TYPE_CHECKING:
    from holistic.lenses.tracing import Tracing

__all__ = ["DirectionRow", "find_directions"]

_BUDGET = 2e11
"""Multiplications for all replays of one site, for steering and for erasing each."""


@dataclass(frozen=True)
class DirectionRow:
    """Row of the finding `tracing.directions`: one class's direction at one site."""

    site: str = col("site in whose unit space the direction lies")
    class_: str = col("class that the direction tells from the rest", name="class")
    method: str = col(
        "'class_mean_difference' or 'logistic', fit on the selection split", words="direction"
    )
    auroc: float = col(
        "how often an example of the class projects further than another (evaluation split)",
        unit="share",
        words="AUROC of the direction",
    )
    lo: float = col("lower end of the 95 % interval of the AUROC (DeLong)", unit="share")
    hi: float = col("upper end of the 95 % interval of the AUROC (DeLong)", unit="share")
    n: int = col("examples behind the AUROC", unit="examples", of="auroc")
    control_auroc: float = col(
        "mean AUROC of random directions, each with the sign that suits it",
        unit="share",
        of="auroc",
        words="control (random directions, mean)",
    )
    control_auroc_hi: float = col(
        "97.5 % quantile of the same", unit="share", words="97.5 % of them stay below"
    )
    cosine: float = col(
        "cosine between the class's two directions", words="cosine of both directions"
    )
    spread: float = col(
        "standard deviation of projections onto the direction: one dose",
        unit="activation",
        words="one dose",
    )
    steer_slope: float = col(
        "gain in score for the class per dose moved along the direction, over -2 to 2 doses",
        unit="score per SD",
        words="score gained per dose",
    )
    steer_lo: float = col("lower end of its 95 % interval", unit="score per SD")
    steer_hi: float = col("upper end of its 95 % interval", unit="score per SD")
    steer_n: int = col("examples steered", unit="examples", of="steer_slope")
    control_steer_slope: float = col(
        "mean slope of random directions moved by the same lengths",
        unit="score per SD",
        of="steer_slope",
        words="control (random directions)",
    )
    control_steer_lo: float = col(
        "2.5 % quantile of the same", unit="score per SD", words="95 % of them"
    )
    control_steer_hi: float = col("97.5 % quantile of the same", unit="score per SD")
    steer_p: float = col(
        "share of random directions that steer at least as much, (1+b)/(1+B)",
        of="steer_slope",
        words="p (random directions, one-sided)",
    )
    steer_q: float = col(
        "Benjamini-Hochberg q of steer_p over all rows", of="steer_slope", words="q over all rows"
    )
    erase_drop: float = col(
        "accuracy of the class before minus after erasing the direction; positive = it is needed",
        unit="share",
        words="accuracy lost without the direction",
    )
    erase_lo: float = col("lower end of its 95 % interval", unit="share")
    erase_hi: float = col("upper end of its 95 % interval", unit="share")
    erase_n: int = col("examples of the class", unit="examples", of="erase_drop")
    control_erase_drop: float = col(
        "mean drop when a random direction is erased",
        unit="share",
        of="erase_drop",
        words="control (a random direction erased)",
    )
    control_erase_lo: float = col("2.5 % quantile of the same", unit="share", words="95 % of them")
    control_erase_hi: float = col("97.5 % quantile of the same", unit="share")
    p: float = col(
        "share of random directions whose erasing costs as much, (1+b)/(1+B)",
        of="erase_drop",
        words="p (random directions, one-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over all rows", of="erase_drop", words="q over all rows"
    )


def find_directions(
    subject: Subject,
    lens: Tracing,
    features: dict[str, Features],
    progress: Progress = silent,
) -> Finding:
    """Fit directions on the selection split and put them to use on the evaluation split.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `controls`, `examples`.
    features
        Position means of each hidden site's units; a site's are let go when it is done.
    progress
        Told how many sites are done.

    Returns
    -------
    Finding
        `tracing.directions`, with the arrays `tracing.directions.<n>` `[C, 2, U]` and
        `tracing.doses.<n>` `[C, 2, 5]` and `tracing.dose_bounds.<n>` `[2, C, 2, 5]` of hidden
        site n.
    """
    classes, sites = len(subject.classes), subject.hidden_sites
    parts, arrays = list[dict[str, Any]](), dict[str, np.ndarray]()
    for n, site in enumerate(sites):
        progress("class directions", n, len(sites))
        known = features.pop(site.name)
        fitted = fit(known, classes)
        controls = random_directions(known.selection, lens.controls, subject.seed + n)
        steered, erased, count = _used(subject, lens, site, fitted, controls)
        parts.append(
            {
                "site": [site.name] * (classes * len(METHODS)),
                **_separation(known, fitted, controls, classes),
                **_steered(steered, count),
                **_erased(erased),
            }
        )
        arrays[f"tracing.directions.{n}"] = fitted.vectors.astype(np.float32)
        arrays[f"tracing.doses.{n}"] = steered.curves.astype(np.float32)
        arrays[f"tracing.dose_bounds.{n}"] = steered.bounds.astype(np.float32)
    progress("class directions", len(sites), len(sites))
    table = _table(parts, subject.classes)
    return Finding(
        "tracing.directions",
        table,
        tuple(_statements(table, lens.controls, subject.score)),
        _caveats(subject),
        arrays,
    )


def _used(
    subject: Subject, lens: Tracing, site: Site, fitted: Fitted, controls: np.ndarray
) -> tuple[Steering, Erasing, int]:
    """Steer and erase on as many evaluation examples as the budget allows."""
    labels = subject.evaluation.labels.cpu().numpy()
    work, least = replay_work(subject, site), 10 * len(subject.classes)
    cost = work * len(controls) * 8
    count = affordable(_BUDGET, cost, least=least, most=lens.examples)
    rows = stratified(labels, count, subject.seed)
    steered = steer(subject, site, fitted, controls, rows)
    count = affordable(_BUDGET, cost / 8, least=least, most=8 * lens.examples)
    erased = erase(subject, site, fitted, controls, stratified(labels, count, subject.seed))
    return steered, erased, len(rows)


def _separation(
    known: Features, fitted: Fitted, controls: np.ndarray, classes: int
) -> dict[str, np.ndarray]:
    """AUROC columns, `[C · M]` each, on the evaluation split."""
    shape = classes, len(METHODS)
    found = np.full((3, *shape), np.nan)
    for c in range(classes):
        projected = known.evaluation @ fitted.vectors[c].T  # [N, M]
        found[:, c] = delong_interval(projected, known.held_out == c)
    null = class_auroc(known.evaluation @ controls.T, known.held_out, classes)  # [B, C]
    null = np.maximum(null, 1 - null)
    cosine = (fitted.vectors[:, 0] * fitted.vectors[:, 1]).sum(1)
    per_class = {
        "control_auroc": null.mean(0),
        "control_auroc_hi": np.quantile(null, 0.975, axis=0),
        "cosine": cosine,
    }
    return {
        **dict(zip(("auroc", "lo", "hi"), found.reshape(3, -1), strict=True)),
        "n": np.full(classes * len(METHODS), len(known.held_out)),
        **{name: np.repeat(values, len(METHODS)) for name, values in per_class.items()},
        "spread": fitted.spread.reshape(-1),
    }


def _steered(steered: Steering, count: int) -> dict[str, np.ndarray]:
    """Steering columns, `[C · M]` each."""
    slopes = steered.slopes.reshape(count, -1)
    null = steered.controls.reshape(len(steered.controls), -1)
    mean = slopes.mean(0)
    lo, hi = mean_interval(count, mean, ((slopes - mean) ** 2).sum(0))
    return {
        "steer_slope": mean,
        "steer_lo": lo,
        "steer_hi": hi,
        "steer_n": np.full(len(mean), count),
        "control_steer_slope": null.mean(0),
        "control_steer_lo": np.quantile(null, 0.025, axis=0),
        "control_steer_hi": np.quantile(null, 0.975, axis=0),
        "steer_p": permutation_p(mean, null),
    }


def _erased(erased: Erasing) -> dict[str, np.ndarray]:
    """Erasing columns, `[C · M]` each."""
    methods = len(METHODS)
    count = np.repeat(erased.count, methods)
    lost, gained = erased.lost.reshape(-1), erased.gained.reshape(-1)
    lo, hi = paired_accuracy_interval(lost, gained, count)
    drop = (lost - gained) / np.where(count > 0, count, np.nan)
    null = np.repeat(erased.controls, methods, axis=1)  # [B, C · M]
    return {
        "erase_drop": drop,
        "erase_lo": -hi,
        "erase_hi": -lo,
        "erase_n": count,
        "control_erase_drop": null.mean(0),
        "control_erase_lo": np.quantile(null, 0.025, axis=0),
        "control_erase_hi": np.quantile(null, 0.975, axis=0),
        "p": permutation_p(drop, null),
    }


def _table(parts: list[dict[str, Any]], classes: Sequence[str]) -> Table:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    undefined = np.isnan(columns["spread"])
    for name in ("steer_p", "erase_drop", "erase_lo", "erase_hi", "p"):
        columns[name] = np.where(undefined, np.nan, columns[name])
    rows = len(parts) * len(classes)
    return Table.build(
        DirectionRow,
        {
            **columns,
            "class": [c for _ in parts for c in classes for _ in METHODS],
            "method": list(METHODS) * rows,
            "steer_q": benjamini_hochberg(columns["steer_p"]),
            "q": benjamini_hochberg(columns["p"]),
        },
    )


def _statements(table: Table, controls: int, score: Score) -> Iterator[str]:
    rows = [r for r in table.where(method=METHODS[0]).rows() if r["auroc"] is not None]
    if not rows:
        yield "No class has a direction: the hidden sites don't vary."
        return
    yield _said_of_reading([r for r in rows if r["site"] == rows[-1]["site"]])
    steered = [r for r in rows if r["steer_q"] is not None]
    if steered:
        yield _said_of_steering(steered, controls, score)
    erased = [r for r in rows if r["erase_drop"] is not None]
    if erased:
        yield _said_of_erasing(erased, controls)


def _said_of_reading(rows: list[dict[str, Any]]) -> str:
    low = min(rows, key=lambda r: r["auroc"])
    ends = ", ".join(number(low[end], ".3f") for end in ("lo", "hi"))
    return (
        f"At '{low['site']}' the class mean difference tells every class from the rest with an "
        f"AUROC of at least {low['auroc']:.3f} [{ends}] "
        f"(class {low['class']}, n = {low['n']}); random directions that class: "
        f"{low['control_auroc']:.3f} on average, 97.5 % of them below "
        f"{low['control_auroc_hi']:.3f}."
    )


def _said_of_steering(rows: list[dict[str, Any]], controls: int, score: Score) -> str:
    best = max(rows, key=lambda r: r["steer_slope"])
    works = sum(r["steer_q"] < 0.05 for r in rows)
    return (
        f"Steering '{best['site']}' by one SD along the direction of class {best['class']} raises "
        f"its {score} by {best['steer_slope']:.2f} {SCORE_UNITS[score]} "
        f"[{best['steer_lo']:.2f}, {best['steer_hi']:.2f}] (n = {best['steer_n']}, the most of "
        f"{len(rows)}); {controls} random directions of that "
        f"length: {best['control_steer_slope']:.2f} [{best['control_steer_lo']:.2f}, "
        f"{best['control_steer_hi']:.2f}]. {works} of {len(rows)} class mean differences steer "
        "their class more than random directions do (q < 0.05)."
    )


def _said_of_erasing(rows: list[dict[str, Any]], controls: int) -> str:
    best = max(rows, key=lambda r: r["erase_drop"])
    drop, lo, hi, control, control_lo, control_hi = (
        100 * best[f"{prefix}erase_{end}"]
        for prefix in ("", "control_")
        for end in ("drop", "lo", "hi")
    )
    return (
        f"Erasing the direction of class {best['class']} from '{best['site']}' costs it {drop:.1f} "
        f"points of accuracy [{lo:.1f}, {hi:.1f}] (n = {best['erase_n']}, the most of "
        f"{len(rows)}); erasing {controls} random directions {control:.1f} [{control_lo:.1f}, "
        f"{control_hi:.1f}] (p = {best['p']:.3f})."
    )


def _caveats(subject: Subject) -> tuple[str, ...]:
    notes = (
        "Directions are fit on the selection split and used on the evaluation split; random "
        "directions have the covariance of the site's own values.",
        "Steering moves values off the distribution; the slope is that of the mean score over "
        f"{DOSES.min():.0f} to {DOSES.max():.0f} SD, not of a single small step.",
        "At sites with positions a direction lives in position means, and is added or erased at "
        "every position.",
    )
    return (*notes, subject.backend_note) if subject.backend_note else notes
