"""Do directions fit on one half of the data read out, steer and carry the classes of the other?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.lenses.tracing import schemas
from holistic.lenses.tracing._fitted_directions import METHODS, Features, Fitted, orientations
from holistic.lenses.tracing._steering import DOSES
from holistic.lenses.tracing._trials import Trial, try_again, try_site
from holistic.lenses.tracing.schemas import DirectionRow
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.families import least_q, stuck
from holistic.stats.intervals import (
    class_auroc,
    delong_interval,
    paired_accuracy_interval,
)
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.scores import SCORE_UNITS, Score
from holistic.study.subject import Subject
from holistic.words import number, unbounded

if TYPE_CHECKING:
    from holistic.lenses.tracing import Tracing

__all__ = ["find_directions"]


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
    parts, trials = list[dict[str, Any]](), list[Trial]()
    for n, site in enumerate(sites):
        progress("class directions", n, len(sites))
        known = features.pop(site.name)
        trial, controls = try_site(
            subject, site, n, known, controls=lens.controls, examples=lens.examples
        )
        trials.append(trial)
        parts.append(_separation(known, trial.fitted, controls, classes))
    trials = try_again(subject, trials, progress)
    progress("class directions", len(sites), len(sites))
    parts = [
        {"site": [t.site.name] * (classes * len(METHODS)), **part, **_steered(t), **_erased(t)}
        for t, part in zip(trials, parts, strict=True)
    ]
    table = _table(parts, subject.classes)
    return Finding(
        schemas.DIRECTIONS,
        table,
        tuple(_statements(table, subject.score)),
        (*_caveats(subject), *_unsettled(table), *_unbounded(table)),
        _arrays(trials),
    )


def _arrays(trials: Sequence[Trial]) -> dict[str, np.ndarray]:
    return {
        f"tracing.{name}.{trial.place}": values.astype(np.float32)
        for trial in trials
        for name, values in (
            ("directions", trial.fitted.vectors),
            ("doses", trial.steered.curves),
            ("dose_bounds", trial.steered.bounds),
        )
    }


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
    null = np.where(orientations(known, controls, classes) > 0, null, 1 - null)
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


def _steered(trial: Trial) -> dict[str, np.ndarray]:
    """Steering columns, `[C · M]` each."""
    count, null = len(trial.steer_rows), trial.steer_null
    slopes = Means.of(trial.steered.slopes.reshape(count, -1).T)
    lo, hi = slopes.interval()
    return {
        "steer_slope": slopes.mean,
        "steer_lo": lo,
        "steer_hi": hi,
        "steer_n": np.full(len(lo), count),
        **_beside("control_steer", "slope", null),
        "steer_controls": np.isfinite(null).sum(0),
        "steer_p": trial.steer_p,
    }


def _erased(trial: Trial) -> dict[str, np.ndarray]:
    """Erasing columns, `[C · M]` each."""
    erased, undefined = trial.erased, np.isnan(trial.drop)
    count = np.repeat(erased.count, len(METHODS))
    lo, hi = paired_accuracy_interval(erased.lost.reshape(-1), erased.gained.reshape(-1), count)
    return {
        "erase_drop": trial.drop,
        "erase_lo": np.where(undefined, np.nan, -hi),
        "erase_hi": np.where(undefined, np.nan, -lo),
        "erase_n": count,
        **_beside("control_erase", "drop", trial.erase_null),
        "erase_controls": np.isfinite(trial.erase_null).sum(0),
        "p": trial.erase_p,
    }


def _beside(prefix: str, value: str, null: np.ndarray) -> dict[str, np.ndarray]:
    """Mean of random directions `[B, C · M]`, and what 95 % of them lie between."""
    held = np.ma.masked_invalid(null)
    none = ~np.isfinite(null).any(0)
    ends = np.nanquantile(np.where(none, 0.0, null), (0.025, 0.975), axis=0)
    return {
        f"{prefix}_{value}": held.mean(0).filled(np.nan),
        f"{prefix}_lo": np.where(none, np.nan, ends[0]),
        f"{prefix}_hi": np.where(none, np.nan, ends[1]),
    }


def _table(parts: list[dict[str, Any]], classes: Sequence[str]) -> Table:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
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


def _statements(table: Table, score: Score) -> Iterator[str]:
    rows = [r for r in table.where(method=METHODS[0]).rows() if r["auroc"] is not None]
    if not rows:
        yield "No class has a direction: the hidden sites don't vary."
        return
    yield _said_of_reading([r for r in rows if r["site"] == rows[-1]["site"]])
    steered = [r for r in rows if r["steer_q"] is not None]
    if steered:
        yield _said_of_steering(steered, score)
    erased = [r for r in rows if r["erase_drop"] is not None]
    if erased:
        yield _said_of_erasing(erased)


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


def _said_of_steering(rows: list[dict[str, Any]], score: Score) -> str:
    best = max(rows, key=lambda r: r["steer_slope"])
    works = sum(r["steer_q"] < 0.05 for r in rows)
    return (
        f"Steering '{best['site']}' by one SD along the direction of class {best['class']} raises "
        f"its {score} by {best['steer_slope']:.2f} {SCORE_UNITS[score]} "
        f"[{number(best['steer_lo'])}, {number(best['steer_hi'])}] (n = {best['steer_n']}, "
        f"the most of {len(rows)}); {best['steer_controls']} random directions of that "
        f"length, signed by the same rule: {best['control_steer_slope']:.2f} "
        f"[{best['control_steer_lo']:.2f}, {best['control_steer_hi']:.2f}]. {works} of {len(rows)} "
        "class mean differences steer their class more than random directions do (q < 0.05)."
    )


def _said_of_erasing(rows: list[dict[str, Any]]) -> str:
    best = max(rows, key=lambda r: r["erase_drop"])
    needed = sum(r["q"] < 0.05 for r in rows)
    drop, lo, hi, control, control_lo, control_hi = (
        100 * best[f"{prefix}erase_{end}"]
        for prefix in ("", "control_")
        for end in ("drop", "lo", "hi")
    )
    return (
        f"Erasing the direction of class {best['class']} from '{best['site']}' costs it {drop:.1f} "
        f"points of accuracy [{lo:.1f}, {hi:.1f}] (n = {best['erase_n']}, the most of "
        f"{len(rows)}); erasing one of {best['erase_controls']} random directions {control:.1f} "
        f"[{control_lo:.1f}, {control_hi:.1f}] (q = {best['q']:.2g}). {needed} of {len(rows)} "
        "class mean differences are needed more than random directions are (q < 0.05)."
    )


def _unbounded(table: Table) -> tuple[str, ...]:
    known = np.isfinite(table.column("steer_slope").astype(np.float64))
    rare = known & ~np.isfinite(table.column("steer_lo").astype(np.float64))
    return unbounded(int(rare.sum()), int(known.sum()), "slopes")


def _unsettled(table: Table) -> Iterator[str]:
    """Say how many tests have the least p that the draws allow, and still no q below 0.05."""
    for p, value, doing in (
        ("steer_p", "steer_controls", "Steering"),
        ("p", "erase_controls", "Erasing"),
    ):
        values, draws = table.column(p).astype(np.float64), table.column(value)
        waiting = stuck(values, draws)
        if waiting.any():
            most = int(draws[waiting].max())
            least = least_q(1 / (1 + most), int(np.isfinite(values).sum()))
            yield (
                f"{doing}: {int(waiting.sum())} directions do more than all of up to {most:,} "
                "random ones, and can't be told from chance with so few: a q of one row by itself "
                f"is at least {least:.2g} there. More are too dear for this model."
            )


def _caveats(subject: Subject) -> tuple[str, ...]:
    notes = (
        "Directions are fit on the selection split and used on the evaluation split; random "
        "directions have the covariance of the site's own values, and more of them are drawn where "
        "none of the first does as much.",
        "Steering moves values off the distribution; the slope is that of the mean score over "
        f"{DOSES.min():.0f} to {DOSES.max():.0f} SD, not of a single small step.",
        "At sites with positions a direction lives in position means, and is added or erased at "
        "every position.",
    )
    return (*notes, subject.backend_note) if subject.backend_note else notes
