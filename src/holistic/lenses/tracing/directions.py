"""Fits a direction for each class and measures how it tells the class, steers and is needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.lenses.tracing import schemas
from holistic.lenses.tracing._fitted_directions import METHODS, Features, Fitted, orientations
from holistic.lenses.tracing._strips import strip_arrays
from holistic.lenses.tracing._trials import Trial, try_again, try_site
from holistic.lenses.tracing.directions_statements import caveats, statements
from holistic.lenses.tracing.schemas import DirectionRow
from holistic.pieces import every
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import band, finite_control
from holistic.stats.intervals import (
    class_auroc,
    delong_interval,
    paired_accuracy_interval,
)
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.subject import Subject

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
        Called with how many sites are done.

    Returns
    -------
    Finding
        `tracing.directions`, with the arrays `tracing.directions.<n>` `[C, 2, U]` and
        `tracing.doses.<n>` `[C, 2, 5]` and `tracing.dose_bounds.<n>` `[2, C, 2, 5]` of hidden
        site n, and the film strips of the last.
    """
    classes, sites = len(subject.classes), subject.hidden_sites
    parts, trials = list[dict[str, Any]](), list[Trial]()
    film = dict[str, np.ndarray]()
    progress("class directions", 0, len(sites))
    asked = ((subject, site, n, features[site.name]) for n, site in enumerate(sites))
    tried = every(partial(try_site, lens=lens), asked)
    for n, (site, (trial, controls)) in enumerate(zip(sites, tried, strict=True)):
        known = features.pop(site.name)
        trials.append(trial)
        progress("class directions", n, len(sites))
        if site is sites[-1]:
            film = strip_arrays(subject, known, trial.fitted)
        parts.append(_separation(known, trial.fitted, controls, classes))
    trials = try_again(subject, trials, lens.operations, progress)
    progress("class directions", len(sites), len(sites))
    parts = [
        {"site": [t.site.name] * (classes * len(METHODS)), **part, **_steered(t), **_erased(t)}
        for t, part in zip(trials, parts, strict=True)
    ]
    table = _table(parts, subject.classes)
    return Finding(
        schemas.DIRECTIONS,
        table,
        statements(table, subject.score),
        caveats(subject, table),
        _arrays(trials) | film,
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
        found[:, c] = delong_interval(projected, known.evaluation_labels == c)
    null = class_auroc(known.evaluation @ controls.T, known.evaluation_labels, classes)  # [B, C]
    null = np.where(orientations(known, controls, classes) > 0, null, 1 - null)
    cosine = (fitted.vectors[:, 0] * fitted.vectors[:, 1]).sum(1)
    per_class = {
        "control_auroc": null.mean(0),
        "control_auroc_hi": band(null)[1],
        "cosine": cosine,
    }
    return {
        **dict(zip(("auroc", "lo", "hi"), found.reshape(3, -1), strict=True)),
        "n": np.full(classes * len(METHODS), len(known.evaluation_labels)),
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
        **_controls("control_steer", "slope", null),
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
        **_controls("control_erase", "drop", trial.erase_null),
        "erase_controls": np.isfinite(trial.erase_null).sum(0),
        "p": trial.erase_p,
    }


def _controls(prefix: str, value: str, null: np.ndarray) -> dict[str, np.ndarray]:
    """Mean of random directions `[B, C · M]`, and what 95 % of them lie between."""
    names = (f"{prefix}_{value}", f"{prefix}_lo", f"{prefix}_hi")
    return dict(zip(names, finite_control(null), strict=True))


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
