"""Places each site's classes in the plane that shows most of their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from holistic.lenses._parts import known
from holistic.lenses.tracing import schemas
from holistic.lenses.tracing._fitted_directions import Features
from holistic.lenses.tracing.schemas import ClassPlace
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import Control
from holistic.stats.jackknife import jackknifed
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.subject import Subject
from holistic.words import number, percent, unbounded

__all__ = ["Plane", "class_plane", "geometry"]

_SHUFFLES = 200
_MOST = 5000
"""Examples of each split behind the planes and their shuffles."""


@dataclass(frozen=True)
class Plane:
    """The plane of a site in which its class means lie best.

    Attributes
    ----------
    axes
        `[2, U]`, orthonormal; a second axis of zeros where class means lie on a line.
    origin
        `[U]`, mean of the class means.
    """

    axes: np.ndarray
    origin: np.ndarray


def class_plane(means: np.ndarray) -> Plane:
    """Fit the plane to class means `[C, U]`, each weighing the same.

    References
    ----------
    Pearson 1901 (principal axes); signs are such that each axis's largest entry is positive.
    """
    origin = means.mean(0)
    _, lengths, vectors = np.linalg.svd(means - origin, full_matrices=False)
    axes = np.zeros((2, means.shape[1]))
    kept = min(2, int((lengths > 1e-9 * max(lengths[0], 1e-300)).sum()))
    axes[:kept] = vectors[:kept]
    largest = np.abs(axes).argmax(1)
    signs = np.where(axes[np.arange(2), largest] < 0, -1.0, 1.0)
    return Plane(axes * signs[:, None], origin)


def geometry(subject: Subject, features: Mapping[str, Features]) -> Finding:
    """Draw each site's classes in the plane of their means.

    The plane is fit on the selection split; what is drawn is the evaluation split.

    Parameters
    ----------
    subject
        The model under study.
    features
        Position means of each site's units on both splits.
    """
    rows = [row for site, known in features.items() for row in _site_rows(subject, site, known)]
    # all rows of a site tell of the same share: one test
    p = {row.site: known(row.share.p) for row in rows}
    q = dict(zip(p, benjamini_hochberg(list(p.values())).tolist(), strict=True))
    rows = [replace(row, share=replace(row.share, q=q[row.site])) for row in rows]
    return Finding(
        schemas.GEOMETRY,
        Table.from_rows(ClassPlace, rows),
        statements=(*_statements(rows), *_constant(features)),
        caveats=(
            "A plane shows what it holds of the differences between class means and nothing else: "
            "classes that fall together in it may lie apart along other axes.",
            *unbounded(
                sum(of.lo != of.lo for r in rows for of in (r.x, r.y)), 2 * len(rows), "places"
            ),
            "Axes of different sites are different: places can't be compared across sites.",
        ),
    )


def _some(known: Features, rng: np.random.Generator) -> Features:
    """At most so many rows of each split."""
    first, second = (
        np.sort(rng.permutation(len(labels))[:_MOST])
        for labels in (known.labels, known.evaluation_labels)
    )
    return Features(
        known.selection[first], known.evaluation[second], known.labels[first],
        known.evaluation_labels[second],
    )  # fmt: skip


def _site_rows(subject: Subject, site: str, known: Features) -> Iterator[ClassPlace]:
    classes = len(subject.classes)
    rng = np.random.default_rng([subject.seed, 13])
    known = _some(known, rng)
    plane = class_plane(_class_means(known.selection, known.labels, classes))
    drawn = known.evaluation @ plane.axes.T
    share = _measure_share(known, plane, classes=classes, rng=rng, seed=subject.seed)
    shift = plane.axes @ plane.origin
    for c, name in enumerate(subject.classes):
        places = drawn[known.evaluation_labels == c] - shift  # [n, 2]
        if not len(places):
            continue
        spread = places.std(0)
        lo, hi = Means.of(places.T).interval()
        x, y = (
            Estimate(float(places[:, axis].mean()), float(lo[axis]), float(hi[axis]))
            for axis in (0, 1)
        )
        tilt = (places - places.mean(0)).prod(1).mean() / (spread.prod() or 1.0)
        yield ClassPlace(
            site=site, class_=name, x=x, y=y,
            spread_x=float(spread[0]), spread_y=float(spread[1]), tilt=float(np.clip(tilt, -1, 1)),
            n=len(places), share=share,
        )  # fmt: skip


def _measure_share(
    known: Features, plane: Plane, *, classes: int, rng: np.random.Generator, seed: int
) -> Estimate:
    """Measure how much of the difference between classes the plane holds, beside shuffles."""
    share = _share(known, known.labels, known.evaluation_labels, classes=classes)
    corrected = jackknifed(
        lambda rows: _share_on(known, plane, rows, classes), len(known.evaluation_labels),
        limits=(0, 1), seed=seed,
    )  # fmt: skip
    null = np.array(
        [
            _share(known, rng.permutation(known.labels), rng.permutation(known.evaluation_labels),
                   classes=classes)
            for _ in range(_SHUFFLES)
        ]
    )  # fmt: skip
    control = Control.of(null, share)
    return Estimate(
        corrected.value, corrected.lo, corrected.hi, control=float(null.mean()),
        control_lo=float(control.lo), control_hi=float(control.hi), p=float(control.p),
    )  # fmt: skip


def _class_means(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Means `[C', U]` of the classes that have examples."""
    member = (labels[:, None] == np.arange(classes)).astype(float)  # [N, C]
    count = member.sum(0)
    return (member.T @ values)[count > 0] / count[count > 0, None]


def _share(
    known: Features, labels: np.ndarray, evaluation_labels: np.ndarray, *, classes: int
) -> float:
    """Share of one split's variance between class means in the plane of the other's."""
    plane = class_plane(_class_means(known.selection, labels, classes))
    return _inside(plane, _class_means(known.evaluation, evaluation_labels, classes))


def _share_on(known: Features, plane: Plane, rows: np.ndarray, classes: int) -> float:
    means = _class_means(known.evaluation[rows], known.evaluation_labels[rows], classes)
    return _inside(plane, means)


def _inside(plane: Plane, means: np.ndarray) -> float:
    apart = means - means.mean(0)
    whole = float((apart**2).sum())
    return float(((apart @ plane.axes.T) ** 2).sum()) / whole if whole > 0 else float("nan")


def _statements(rows: list[ClassPlace]) -> tuple[str, ...]:
    shares = {row.site: row.share for row in rows}
    shares = {site: of for site, of in shares.items() if np.isfinite(known(of.value))}
    if not shares:
        return ("No site's class means differ, so there is no plane to show them in.",)
    most, least = (pick(shares, key=lambda site: known(shares[site].value)) for pick in (max, min))
    return tuple(
        _statement(site, shares[site], sum(row.n for row in rows if row.site == site), len(shares))
        for site in dict.fromkeys((most, least))
    )


def _statement(site: str, of: Estimate, n: int, sites: int) -> str:
    return (
        f"At site '{site}' a plane holds {percent(of.value, of.lo, of.hi)} of the "
        f"variance between class means, with shuffled labels "
        f"{percent(of.control, of.control_lo, of.control_hi)} (one-sided p = "
        f"{number(of.p, '.2g')}, q = {number(of.q, '.2g')} over {sites} "
        f"{'site' if sites == 1 else 'sites'}, n = {n:,})."
    )


def _constant(features: Mapping[str, Features]) -> tuple[str, ...]:
    """Name the sites where nothing varies, so that their empty numbers have a reason."""
    flat = [site for site, known in features.items() if not np.ptp(known.evaluation, axis=0).any()]
    return tuple(
        f"At site '{site}' all units are constant: every class lies in the same place, and no "
        "plane holds any difference."
        for site in flat
    )
