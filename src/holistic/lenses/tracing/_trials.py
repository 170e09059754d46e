"""Puts random directions in place of the classes' own, and draws more where they are too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing._fitted_directions import (
    METHODS,
    Features,
    Fitted,
    collect,
    fit,
    orientations,
)
from holistic.lenses.tracing._steering import (
    Erasing,
    Steering,
    control_drops,
    control_slopes,
    erase,
    steer,
    stratified,
)
from holistic.pieces import kept
from holistic.progress import Progress, silent
from holistic.replacing.budget import afforded, replay_work
from holistic.stats.directions import random_directions
from holistic.stats.families import draws_needed, stuck
from holistic.stats.tests import permutation_p
from holistic.study.subject import Subject

__all__ = ["Trial", "try_again", "try_site"]

"""Multiplications for all replays of one site, for steering and for erasing each."""
_MOST = 10_000
"""Random directions at most."""


@dataclass(frozen=True)
class Trial:
    """One site's directions put to use, beside random ones.

    Attributes
    ----------
    site, place
        The site, and its place among the hidden sites.
    fitted, steered, erased
        Its directions and what they do; slopes of random directions have the sign that makes the
        class lie further along them on the selection split, as the class's own direction has.
    steer_rows, erase_rows
        Places in the evaluation split.
    """

    site: Site
    place: int
    fitted: Fitted
    steered: Steering
    erased: Erasing
    steer_rows: np.ndarray
    erase_rows: np.ndarray

    @property
    def steer_null(self) -> np.ndarray:
        """Slopes of the random directions, `[B, C · M]`."""
        return self.steered.controls.reshape(len(self.steered.controls), -1)

    @property
    def erase_null(self) -> np.ndarray:
        """Drops without the random directions, `[B, C · M]`."""
        return np.repeat(self.erased.controls, len(METHODS), axis=1)

    @property
    def steer_p(self) -> np.ndarray:
        """Share of the random directions that steer as much, `[C · M]`."""
        slopes = self.steered.slopes
        return permutation_p(slopes.mean(0).reshape(-1), self.steer_null)

    @property
    def drop(self) -> np.ndarray:
        """Accuracy that each class loses without its direction, `[C · M]`; NaN without one."""
        count = np.where(self.erased.count > 0, self.erased.count, np.nan)[:, None]
        drop = (self.erased.lost - self.erased.gained) / count
        return np.where(np.isnan(self.fitted.spread), np.nan, drop).reshape(-1)

    @property
    def erase_p(self) -> np.ndarray:
        """Share of the random directions whose erasing costs as much, `[C · M]`."""
        return permutation_p(self.drop, self.erase_null)


@kept
def try_site(
    subject: Subject, site: Site, place: int, known: Features, *, lens: Tracing
) -> tuple[Trial, np.ndarray]:
    """Fit, steer and erase on as many evaluation examples as the budget allows.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    place
        Its place among the hidden sites, which decides the random directions.
    known
        Its position means.
    lens
        Says how many random directions there are, most examples that are steered (eight times as
        many are erased), and what they may cost.

    Returns
    -------
    Trial, np.ndarray
        And the random directions, `[B, U]`.
    """
    classes, labels = len(subject.classes), subject.evaluation.labels.cpu().numpy()
    fitted = fit(known, classes)
    drawn = random_directions(known.selection, lens.controls, subject.seed + place)
    cost, examples = replay_work(subject, site) * lens.controls * 8, lens.examples
    least = min(10 * classes, examples)
    rows = [
        stratified(labels, afforded(lens.operations, each, least=least, most=most), subject.seed)
        for each, most in ((cost, examples), (cost / 8, 8 * examples))
    ]
    steered = steer(subject, site, fitted, drawn, rows[0])
    signs = orientations(known, drawn, classes)[..., None]  # [B, C, 1]
    steered = replace(steered, controls=signs * steered.controls)
    erased = erase(subject, site, fitted, drawn, rows[1])
    return Trial(site, place, fitted, steered, erased, rows[0], rows[1]), drawn


def try_again(
    subject: Subject, trials: Sequence[Trial], work: float, progress: Progress = silent
) -> list[Trial]:
    """Draw more random directions where those so far can't tell a direction from chance.

    The p of a direction that none of B random ones comes up to is 1 / (1 + B); in a family of
    many that may be too little for any q below 0.05. Such directions, and no others, are compared
    with more random ones, as far as the budget allows.

    Parameters
    ----------
    subject
        The model under study.
    trials
        One for each site.
    work
        Multiplications that each further draw of a site may cost.
    progress
        Told how many sites are done.
    """
    found = list(trials)
    for turn, (ask, kind) in enumerate([(_more_steering, "steer"), (_more_erasing, "erase")] * 2):
        p = np.array([getattr(t, f"{kind}_p") for t in found])  # [sites, C · M]
        null = [getattr(t, f"{kind}_null") for t in found]
        draws = np.array([np.isfinite(values).sum(0) for values in null])
        wanted = min(draws_needed(p, draws), _MOST)
        for n in np.flatnonzero(stuck(p, draws).any(1)) if wanted else ():
            progress("more random directions", int(n), len(found))
            rows = stuck(p, draws)[n]
            extra = wanted - int(draws[n][rows].min())
            within = work // max(replay_work(subject, found[n].site), 1)
            found[n] = ask(subject, found[n], rows, (extra, within), turn + 1)
    return found


def _more_steering(
    subject: Subject, trial: Trial, rows: np.ndarray, asked: tuple[int, float], turn: int
) -> Trial:
    """Steer along so many more random directions within so many runs; all classes share them."""
    extra = _within(*asked, 8 * len(trial.steer_rows))
    if extra < 1:
        return trial
    known, drawn = _drawn(subject, trial, extra, turn)
    slopes = control_slopes(subject, trial.site, trial.fitted, drawn, trial.steer_rows)
    signs = orientations(known, drawn, len(subject.classes))[..., None]
    controls = np.concatenate([trial.steered.controls, signs * slopes])
    return replace(trial, steered=replace(trial.steered, controls=controls))


def _more_erasing(
    subject: Subject, trial: Trial, rows: np.ndarray, asked: tuple[int, float], turn: int
) -> Trial:
    """Erase so many more random directions for the examples of the classes in question."""
    labels = subject.evaluation.labels.cpu().numpy()[trial.erase_rows]
    classes = np.flatnonzero(rows.reshape(-1, len(METHODS)).any(1))
    places = trial.erase_rows[np.isin(labels, classes)]
    extra = _within(*asked, len(places))
    if extra < 1:
        return trial
    _, drawn = _drawn(subject, trial, extra, turn)
    drops = control_drops(subject, trial.site, drawn, places)
    controls = np.concatenate([trial.erased.controls, drops])
    return replace(trial, erased=replace(trial.erased, controls=controls))


def _within(extra: int, allowed: float, runs: int) -> int:
    """How many of the extra directions so many runs allow, each of its own runs."""
    return min(extra, int(allowed // max(runs, 1)))


def _drawn(subject: Subject, trial: Trial, count: int, turn: int) -> tuple[Features, np.ndarray]:
    """Read the site once more and draw directions that weren't drawn before."""
    known = collect(subject, sites=[trial.site.name])[trial.site.name]
    seed = subject.seed + trial.place + 1_000_003 * turn
    return known, random_directions(known.selection, count, seed)
