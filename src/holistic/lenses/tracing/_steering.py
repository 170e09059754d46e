"""Measures what the logits do when a site is moved along a direction, or loses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.loops import batches
from holistic.graph.sites import Site
from holistic.lenses.tracing._fitted_directions import Fitted
from holistic.pieces import kept
from holistic.stats.means import Means
from holistic.study.subject import Subject

__all__ = [
    "DOSES",
    "Erasing",
    "Steering",
    "control_drops",
    "control_slopes",
    "erase",
    "stage_batches",
    "steer",
    "stratified",
]

DOSES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""Amounts of steering, in standard deviations of the projections onto the direction."""
_WEIGHTS = DOSES / (DOSES**2).sum()
"""What the scores at the doses are added up by to their least-squares slope."""
_BATCH = 512
_ROWS = 4096
"""Most rows of one run: several directions go together where a batch is small."""
_KNOTS = np.array([-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0])
"""Lengths at which control directions are steered, as shares of the longest dose."""


@dataclass(frozen=True)
class Steering:
    """How scores answer to doses of a site's directions.

    Attributes
    ----------
    slopes
        `[N, C, M]`, least-squares slope of each example's score for the class over `DOSES`.
    curves
        `[C, M, D]`, mean score for the class at each dose.
    bounds
        `[2, C, M, D]`, its 95 % interval over examples.
    controls
        `[B, C, M]`, the mean slope for the class along each control direction, moved by the same
        lengths.
    """

    slopes: np.ndarray
    curves: np.ndarray
    bounds: np.ndarray
    controls: np.ndarray


@dataclass(frozen=True)
class Erasing:
    """What classes lose when a site's directions are erased.

    Attributes
    ----------
    lost, gained
        `[C, M]`, examples of the class that turned wrong, and right.
    count
        `[C]`, examples of the class.
    controls
        `[B, C]`, drop of the class's accuracy when each control direction is erased.
    """

    lost: np.ndarray
    gained: np.ndarray
    count: np.ndarray
    controls: np.ndarray


@dataclass(frozen=True)
class _Batch:
    """Some examples whose site value can be swapped, everything before it already computed."""

    subject: Subject
    site: Site
    images: Tensor
    labels: Tensor
    value: Tensor  # [B, P…, U]
    before: dict[str, Tensor]

    def logits(self, value: Tensor) -> Tensor:
        """Compute logits `[B, C]` with the site's value replaced."""
        # The site comes last: it wins over another name for the same value.
        return self.subject.logits_from(self.images, {**self.before, self.site.name: value})

    def logits_of(self, values: Sequence[Tensor]) -> Tensor:
        """Compute logits `[K, B, C]` with K values in place of the site's, in one run."""
        images, *around = (
            torch.cat([v] * len(values)) for v in (self.images, *self.before.values())
        )
        before = dict(zip(self.before, around, strict=True))
        both = {**before, self.site.name: torch.cat(list(values))}
        return self.subject.logits_from(images, both).unflatten(0, (len(values), -1))

    @property
    def at_once(self) -> int:
        """How many values go into one run."""
        rows = min(_ROWS, self.subject.engine.batch_rows([self.site]))
        return max(1, rows // max(len(self.labels), 1))

    def of_class(self, c: int) -> _Batch:
        """Return the examples of one class."""
        rows = self.labels == c
        before = {name: value[rows] for name, value in self.before.items()}
        return _Batch(
            self.subject,
            self.site,
            self.images[rows],
            self.labels[rows],
            self.value[rows],
            before,
        )


def stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Pick at most about `count` places of `labels`, equally many of each class, in order."""
    if count >= len(labels):
        return np.arange(len(labels))
    rng = np.random.default_rng(seed)
    names = np.unique(labels)
    each = -(-count // len(names))
    picks = [rng.permutation(np.flatnonzero(labels == c))[:each] for c in names]
    return np.sort(np.concatenate(picks))


def stage_batches(subject: Subject, site: Site, rows: np.ndarray) -> Iterator[_Batch]:
    """Prepare evaluation examples for replays of the whole site, a batch at a time."""
    # Values that run around the site, as in residual networks, would otherwise be computed again.
    around = [s.name for s in subject.all_sites if s.depth < site.depth and _joins(s)]
    for some in batches(len(rows), _BATCH):
        part = torch.from_numpy(rows[some])
        images, labels = subject.evaluation.images[part], subject.evaluation.labels[part]
        values = subject.capture([site.name, *around], images)
        before = {name: values[name] for name in around}
        yield _Batch(subject, site, images, labels, values[site.name], before)


def _joins(site: Site) -> bool:
    return not site.same_value and (site.block or site.op == "add")


@torch.no_grad()
def steer(
    subject: Subject, site: Site, fitted: Fitted, controls: np.ndarray, rows: np.ndarray
) -> Steering:
    """Steer along each direction by `DOSES`, and along control directions by the same lengths.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    fitted
        The site's directions.
    controls
        `[B, U]`, control directions of length 1.
    rows
        Places in the evaluation split.
    """
    own = list[np.ndarray]()
    for batch in stage_batches(subject, site, rows):
        base = _scores(subject, batch.logits(batch.value), len(fitted.vectors))  # [B, C]
        own.append(_own_doses(batch, fitted, base))
    doses = np.concatenate(own)  # [N, C, M, D]
    means = Means.of(np.moveaxis(doses, 0, -1))
    slopes = control_slopes(subject, site, fitted, controls, rows)
    return Steering(doses @ _WEIGHTS, means.mean, np.stack(means.interval()), slopes)


@torch.no_grad()
def control_slopes(
    subject: Subject, site: Site, fitted: Fitted, controls: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the mean slope for each class along each control direction, `[B, C, M]`.

    They are steered at a few lengths up to the longest dose of the site, and the mean scores
    between them are interpolated, so that one run serves every class and method.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    fitted
        The site's directions, whose doses set the lengths.
    controls
        `[B, U]`, control directions of length 1.
    rows
        Places in the evaluation split.
    """
    classes, methods, _ = fitted.vectors.shape
    longest = float(np.abs(DOSES).max() * np.nan_to_num(fitted.spread).max())
    slopes = np.full((len(controls), classes, methods), np.nan)
    if longest <= 0:
        return slopes
    knots = np.zeros((len(controls), len(_KNOTS), classes))
    for batch in stage_batches(subject, site, rows):
        knots += _control_doses(batch, controls, longest * _KNOTS, classes)
    curves = knots / len(rows)  # [B, L, C]
    for c, m in np.ndindex(classes, methods):
        lengths = DOSES * fitted.spread[c, m]
        if np.isfinite(lengths).all():
            answers = [np.interp(lengths, longest * _KNOTS, curve) for curve in curves[:, :, c]]
            slopes[:, c, m] = np.array(answers) @ _WEIGHTS
    return slopes


@kept
def _own_doses(batch: _Batch, fitted: Fitted, base: np.ndarray) -> np.ndarray:
    """Scores for each direction's class at each dose, `[B, C, M, D]`."""
    classes, methods, _ = fitted.vectors.shape
    doses = np.full((len(base), classes, methods, len(DOSES)), np.nan)
    for c, m in np.ndindex(classes, methods):
        vector = fitted.vectors[c, m] * fitted.spread[c, m]
        if not np.isfinite(vector).all():
            continue
        step = torch.from_numpy(vector).to(batch.value)
        wanted = torch.full_like(batch.labels, c)
        for d, amount in enumerate(DOSES):
            if amount == 0:
                doses[:, c, m, d] = base[:, c]
            else:
                logits = batch.logits(batch.value + float(amount) * step)
                doses[:, c, m, d] = _array(batch.subject.score_of(logits, wanted))
    return doses


@kept
def _control_doses(
    batch: _Batch, controls: np.ndarray, lengths: np.ndarray, classes: int
) -> np.ndarray:
    """Sums over examples of the scores for each class, `[B, L, C]` for B controls, L lengths."""
    sums = np.empty((len(controls), len(lengths), classes))
    base = _scores(batch.subject, batch.logits(batch.value), classes)
    sums[:, lengths == 0] = base.sum(0)
    places = [(b, k) for b in range(len(controls)) for k in np.flatnonzero(lengths)]
    steps = torch.from_numpy(controls).to(batch.value)
    for some in batches(len(places), batch.at_once):
        part = places[some]
        logits = batch.logits_of([batch.value + float(lengths[k]) * steps[b] for b, k in part])
        scores = _scores(batch.subject, logits.flatten(0, 1), classes)
        for (b, k), total in zip(part, scores.reshape(len(part), -1, classes).sum(1), strict=True):
            sums[b, k] = total
    return sums


def _scores(subject: Subject, logits: Tensor, classes: int) -> np.ndarray:
    """Scores of each example for every class, `[B, C]`."""
    every = [
        subject.score_of(logits, torch.full((len(logits),), c, device=logits.device))
        for c in range(classes)
    ]
    return _array(torch.stack(every, 1))


def _array(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()


@torch.no_grad()
def erase(
    subject: Subject, site: Site, fitted: Fitted, controls: np.ndarray, rows: np.ndarray
) -> Erasing:
    """Erase each direction for the examples of its class, and control directions for all.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    fitted
        The site's directions.
    controls
        `[B, U]`, control directions of length 1.
    rows
        Places in the evaluation split.
    """
    classes, methods, _ = fitted.vectors.shape
    lost, gained = (np.zeros((classes, methods), np.int64) for _ in range(2))
    count = np.bincount(subject.evaluation.labels.cpu().numpy()[rows], minlength=classes)
    mean = subject.mean(site.name)
    for batch in stage_batches(subject, site, rows):
        for c in np.flatnonzero(count):
            worse, better = _flips(batch.of_class(int(c)), fitted.vectors[c], mean)
            lost[c] += worse
            gained[c] += better
    return Erasing(lost, gained, count, control_drops(subject, site, controls, rows))


@kept
@torch.no_grad()
def control_drops(
    subject: Subject, site: Site, controls: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return what each class loses of its accuracy without each control direction, `[B, C]`.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    controls
        `[B, U]`, control directions of length 1.
    rows
        Places in the evaluation split; classes without any are NaN.
    """
    classes, mean = len(subject.classes), subject.mean(site.name)
    kept = np.zeros((len(controls), classes))
    right, count = np.zeros(classes), np.zeros(classes)
    for batch in stage_batches(subject, site, rows):
        onehot = torch.nn.functional.one_hot(batch.labels, classes).double()  # [B, C]
        deviation = batch.value - mean
        steps = torch.from_numpy(controls).to(batch.value)
        for part in batches(len(controls), batch.at_once):
            logits = batch.logits_of(
                [_without(batch.value, deviation, step) for step in steps[part]]
            )
            hits = (logits.argmax(2) == batch.labels).double() @ onehot  # [K, C]
            kept[part] += _array(hits)
        right += _array((batch.logits(batch.value).argmax(1) == batch.labels).double() @ onehot)
        count += _array(onehot.sum(0))
    drops = (right - kept) / np.where(count > 0, count, np.nan)
    drops[~np.isfinite(controls).all(1)] = np.nan
    return drops


def _without(value: Tensor, deviation: Tensor, direction: Tensor) -> Tensor:
    """Take the deviation from the mean along a direction of length 1 out of a value."""
    return value - (deviation @ direction)[..., None] * direction


@kept
def _flips(batch: _Batch, vectors: np.ndarray, mean: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Count examples that erasing each of the vectors `[M, U]` turns wrong, and right: `[M]`."""
    lost, gained = (np.zeros(len(vectors), np.int64) for _ in range(2))
    if len(batch.labels) == 0:
        return lost, gained
    right = batch.logits(batch.value).argmax(1) == batch.labels
    deviation = batch.value - mean
    for m, vector in enumerate(vectors):
        if np.isfinite(vector).all():
            direction = torch.from_numpy(vector).to(batch.value)
            logits = batch.logits(_without(batch.value, deviation, direction))
            now = logits.argmax(1) == batch.labels
            lost[m], gained[m] = int((right & ~now).sum()), int((~right & now).sum())
    return lost, gained
