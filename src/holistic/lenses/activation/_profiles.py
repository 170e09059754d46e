"""Profiles the units of all hidden sites in as few passes over the data as memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._untrained import fresh_control
from holistic.lenses.activation import Activation
from holistic.lenses.activation._bounds import (
    Sides,
    precision_bounds,
    selectivity_bounds,
    separation_bounds,
    share_bounds,
)
from holistic.lenses.activation._detection import Detection, detect, shuffled_bound
from holistic.lenses.activation._values import Reading, read
from holistic.lenses.activation.examples import Picks, pick
from holistic.progress import Progress
from holistic.stats.intervals import class_auroc
from holistic.stats.moments import Moments
from holistic.stats.order import ordered
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Profile", "Survey", "selectivity", "separation", "survey"]

_BYTES = 256 << 20
"""Bytes of kept values in one pass."""
_UNTRAINED = 7919
"""Added to the subject's seed: a model may have been trained from weights drawn from that seed."""


@dataclass(frozen=True)
class Profile:
    """What the units of one site do, on the evaluation split unless said otherwise.

    Attributes
    ----------
    site
        The site.
    mean, std, active
        `[C + 1, U]`, per class and over all: mean and standard deviation of the reduced values,
        share of examples and positions above zero.
    n
        `[C + 1]`, examples.
    detection
        How well each class is told, `[C, U]`.
    bound
        `[C]`, what shuffled labels reach (`detection.shuffled_bound`).
    selectivity
        `[C, U]` (`selectivity`).
    separation
        `[C, U]`, d' (`separation`).
    preferred, second
        `[U]`, classes with the largest and the second largest mean on the selection split.
    margin
        `[3, U]`, mean in the preferred class minus mean in the second, with its 95 % bounds.
    dead, constant
        `[U]`, whether the unit holds the same value on all examples of both splits, and whether
        that value isn't zero.
    saturated
        `[U]`, share of examples and positions at an end of a bounded nonlinearity.
    chosen_d
        `[U]`, d' of the preferred class on the selection split: what units are chosen by.
    ends
        By number its 95 % bounds: `mean` and `active` `[2, C + 1, U]`; `precision`, `selectivity`
        and `separation` `[2, C, U]`; `saturated` `[2, U]`.
    untrained
        By number what the units of a randomly initialised control have, their medians but for
        `auroc`: `auroc` `[U]`, for the class that each prefers; `active` `[C + 1]`; `separation`
        and `selectivity` `[C + 1]`, last those for the class that each prefers.
    """

    site: Site
    mean: np.ndarray
    std: np.ndarray
    active: np.ndarray
    n: np.ndarray
    detection: Detection
    bound: np.ndarray
    selectivity: np.ndarray
    separation: np.ndarray
    preferred: np.ndarray
    second: np.ndarray
    margin: np.ndarray
    dead: np.ndarray
    constant: np.ndarray
    saturated: np.ndarray
    chosen_d: np.ndarray
    ends: Mapping[str, np.ndarray]
    untrained: Mapping[str, np.ndarray]

    def of_preferred(self, by_class: np.ndarray) -> np.ndarray:
        """Pick from `[C, U]` each unit's value for its preferred class, `[U]`."""
        return by_class[self.preferred, np.arange(len(self.preferred))]


@dataclass(frozen=True)
class Survey:
    """Profiles of all hidden sites and the examples picked for their units, in order of depth."""

    profiles: tuple[Profile, ...]
    picks: tuple[Picks, ...]

    @property
    def telling(self) -> tuple[int, ...]:
        """Places of sites that sentences are about: all of three, else the ends and a middle."""
        last = len(self.profiles) - 1
        return tuple(sorted({0, last // 2, last}))


def survey(subject: Subject, lens: Activation, progress: Progress) -> Survey:
    """Read the hidden sites of the subject and of a randomly initialised control on both splits."""
    fresh = fresh_control(subject, subject.seed + _UNTRAINED)
    splits = [e.sample(lens.most_examples, seed=subject.seed) for e in _splits(subject)]
    groups = list(_groups(subject.hidden_sites, len(splits[0])))
    total, done = 2 * len(groups) * sum(map(len, splits)), 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        progress("reading units", done, total)

    profiles, picks = list[Profile](), list[Picks]()
    for group in groups:
        trained, untrained = (
            [
                read(model, group, split, reduction=lens.reduction, keep=keep, finished=finished)
                for split, keep in zip(splits, (True, False), strict=True)
            ]
            for model in (subject, fresh)
        )
        for name in group:
            site, pair = subject.site(name), (trained[0][name], trained[1][name])
            control = _untrained(untrained[0][name], untrained[1][name])
            profiles.append(
                _profile(site, *pair, control, shuffles=lens.shuffles, seed=subject.seed)
            )
            seed = (subject.seed, site.depth)
            picks.append(pick(pair[0].rows(), lens, seed=seed))
    return Survey(tuple(profiles), tuple(picks))


def _splits(subject: Subject) -> tuple[Examples, Examples]:
    return subject.evaluation, subject.selection


def _groups(sites: Sequence[Site], count: int) -> Iterator[list[str]]:
    """Split sites into groups whose values on `count` examples fit the memory of one pass."""
    group, group_bytes = list[str](), 0
    for site in sites:
        size = 8 * count * site.units
        if group and group_bytes + size > _BYTES:
            yield group
            group, group_bytes = [], 0
        group.append(site.name)
        group_bytes += size
    yield group


def _profile(
    site: Site,
    evaluation: Reading,
    selection: Reading,
    untrained: Mapping[str, np.ndarray],
    *,
    shuffles: int,
    seed: int,
) -> Profile:
    rows, moments = evaluation.rows(), evaluation.moments
    classes, total = len(evaluation.above), moments.total()
    n = np.append(evaluation.count, evaluation.count.sum())  # [C + 1]
    above = np.concatenate([evaluation.above, evaluation.above.sum(0, keepdims=True)])
    negative = (evaluation.lowest < 0) | (selection.lowest < 0)
    first, second = _preferred(selection)
    dead = evaluation.constant_with(selection)
    detection = detect(rows.values, rows.labels, classes)
    return Profile(
        site=site,
        mean=np.concatenate([moments.mean, total.mean]),
        std=np.concatenate([moments.std, total.std]),
        active=np.where(n[:, None] > 0, above / np.maximum(n, 1)[:, None], np.nan),
        n=n,
        detection=detection,
        bound=shuffled_bound(rows.values, rows.labels, classes, shuffles=shuffles, seed=seed),
        selectivity=selectivity(moments.mean, negative),
        separation=separation(moments),
        preferred=first,
        second=second,
        margin=_margin(moments, first, second),
        dead=dead,
        constant=dead & (evaluation.highest_size() > 0),
        saturated=evaluation.saturated,
        chosen_d=_taken(separation(selection.moments), first),
        ends=_ends(evaluation, detection, negative),
        untrained=untrained,
    )


def _ends(evaluation: Reading, detection: Detection, negative: np.ndarray) -> dict[str, np.ndarray]:
    """Bound what isn't bounded elsewhere (`Profile.ends`)."""
    rows, count = evaluation.rows(), evaluation.count
    classes = len(count)
    finite = np.isfinite(rows.values).all(0)
    sides = Sides.of(np.where(finite, rows.values, 0.0), rows.labels, classes)
    total = count.sum()
    counts = np.append(count, total)[:, None]  # [C + 1, 1]
    sums, squares = (
        np.concatenate([part, part.sum(0, keepdims=True)]) / np.where(counts > 0, counts, np.nan)
        for part in (evaluation.above, evaluation.squares[:-1])
    )
    at_ends = np.stack([evaluation.at_ends, evaluation.squares[-1]]) / max(int(total), 1)
    whole = Moments.total(evaluation.moments).means.interval()
    found = {
        "mean": np.concatenate([np.stack(evaluation.moments.means.interval()), np.stack(whole)], 1),
        "active": share_bounds(counts, sums, squares),
        "precision": precision_bounds(detection.precision, count[:, None]),
        "selectivity": selectivity_bounds(sides, negative),
        "separation": separation_bounds(sides),
        "saturated": share_bounds(np.asarray(total), *at_ends),
    }
    if evaluation.bounds is None:
        found["saturated"] = np.full_like(found["saturated"], np.nan)
    return {name: np.where(finite, ends, np.nan) for name, ends in found.items()}


def selectivity(means: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Contrast each class's mean with the mean of the other classes' means.

    (mu - mu_rest) / (mu + mu_rest) lies between -1 and 1 for activations that are never below zero;
    for others the denominator can be anything, so the index isn't defined, and shifting them to be
    positive would make it depend on the one smallest value.

    Parameters
    ----------
    means
        `[C, U]`, NaN for classes without examples.
    negative
        `[U]`, whether a unit is ever below zero.

    Returns
    -------
    np.ndarray
        `[C, U]`; NaN for units that go below zero or are zero throughout, and with one class.

    References
    ----------
    Morcos et al. 2018, eq. 1 (there for the class with the largest mean).
    """
    seen = (~np.isnan(means)).sum(0)
    rest = (np.nansum(means, 0) - means) / np.maximum(seen - 1, 1)
    total = means + rest
    defined = ~negative & (seen > 1) & (total > 0)
    return np.where(defined, (means - rest) / np.where(defined, total, 1.0), np.nan)


def separation(moments: Moments) -> np.ndarray:
    """Return d' of every class against the rest, `[C, U]`.

    d' is the difference of the two means in units of the root mean square of the two standard
    deviations; positive where the unit is larger in the class. NaN where a side has fewer than 2
    examples or neither varies.

    References
    ----------
    Green & Swets 1966; for unequal variances Simpson & Fitter 1973 (d_a).
    """
    classes = range(len(moments.count))
    columns = list[np.ndarray]()
    for c in classes:
        rest = moments.only([k for k in classes if k != c]).total()
        pooled = (moments.variance[c] + rest.variance[0]) / 2
        gap = moments.mean[c] - rest.mean[0]
        columns.append(np.where(pooled > 0, gap / np.sqrt(np.where(pooled > 0, pooled, 1)), np.nan))
    return np.stack(columns)


def _margin(moments: Moments, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far a unit's mean in one class `[U]` lies above that in another, with bounds."""
    units = np.arange(len(first))
    own, other = (moments.means[chosen, units] for chosen in (first, second))
    gap = own.minus(other)
    return np.where(first == second, np.nan, np.stack([gap.value, *gap.interval()]))


def _taken(by_class: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Pick from `[C, U]` the value of each unit's chosen class `[U]`: `[U]`."""
    return np.take_along_axis(by_class, chosen[None], 0)[0]


def _preferred(selection: Reading) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes with the largest and second largest mean of each unit, `[U]` each.

    Of equal ones the first; twice the same where only one class has examples.
    """
    means = selection.moments.mean
    order = ordered(-means.T).T
    seen = (~np.isnan(means)).sum(0) > 1
    return order[0], np.where(seen, order[min(1, len(order) - 1)], order[0])


def _untrained(evaluation: Reading, selection: Reading) -> dict[str, np.ndarray]:
    """Say what the units of a randomly initialised control have (`Profile.untrained`)."""
    rows, moments = evaluation.rows(), evaluation.moments
    chosen = _preferred(selection)[0]
    areas = class_auroc(rows.values, rows.labels, len(evaluation.above))  # [U, C]
    negative = (evaluation.lowest < 0) | (selection.lowest < 0)
    found = {
        "separation": separation(moments),
        "selectivity": selectivity(moments.mean, negative),
    }
    count = evaluation.count[:, None]
    share = np.where(count > 0, evaluation.above / np.maximum(count, 1), np.nan)
    overall = evaluation.above.sum(0, keepdims=True) / max(int(count.sum()), 1)
    return {
        "auroc": np.take_along_axis(areas, chosen[:, None], 1)[:, 0],
        "active": _medians(np.concatenate([share, overall])),
        **{k: _medians(np.concatenate([v, _taken(v, chosen)[None]])) for k, v in found.items()},
    }


def _medians(by_class: np.ndarray) -> np.ndarray:
    """Medians over the units `[…, U]` that have a number, `[…]`."""
    none = np.asarray(np.isnan(by_class).all(1))
    return np.where(none, np.nan, np.nanmedian(np.where(none[:, None], 0.0, by_class), axis=1))
