"""Matches each unit with the class or measured property of the image that it codes best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from holistic.lenses._pictures import are_pictures, one_plane, planes
from holistic.lenses.activation._bounds import correlation_bounds, precision_bounds
from holistic.stats.intervals import wilson

__all__ = [
    "PROPERTIES",
    "Concepts",
    "Match",
    "concepts_of",
    "correlations",
    "match",
    "middles",
    "properties",
]

PROPERTIES = (
    "ink", "stroke width", "slant", "loops", "pieces", "height", "width", "corners",
)  # fmt: skip
_SIDE = 64
"""Larger pictures are made smaller before they are measured."""
_CORNER = 0.1
"""Share of the strongest corner from which on a corner counts."""


@dataclass(frozen=True)
class Concepts:
    """What is true of examples: `present` `[N, K]` bool, and the names and kinds of the K."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    present: np.ndarray


@dataclass(frozen=True)
class Match:
    """The best concept of every unit, `[U]` each; scores are of the evaluation split.

    Attributes
    ----------
    concept
        Place of the concept, chosen on the selection split.
    correlation, correlation_lo, correlation_hi
        Of the unit's value with the presence of the concept, and its bounds.
    threshold
        Value from which on the unit counts as saying that the concept is there, chosen on the
        selection split for the largest F1.
    f1, f1_lo, f1_hi, iou, iou_lo, iou_hi, precision, precision_lo, precision_hi
        F1, intersection over union at the threshold, and average precision, with their bounds.
    control_f1, control_f1_hi, p
        Mean and 95 % point of F1 over all shuffles of the concept, and the share of them as large.
    prevalence
        Share of the examples in which the concept is there.
    """

    concept: np.ndarray
    correlation: np.ndarray
    correlation_lo: np.ndarray
    correlation_hi: np.ndarray
    threshold: np.ndarray
    f1: np.ndarray
    f1_lo: np.ndarray
    f1_hi: np.ndarray
    iou: np.ndarray
    iou_lo: np.ndarray
    iou_hi: np.ndarray
    precision: np.ndarray
    precision_lo: np.ndarray
    precision_hi: np.ndarray
    control_f1: np.ndarray
    control_f1_hi: np.ndarray
    p: np.ndarray
    prevalence: np.ndarray


def properties(images: Tensor, among: Tensor | None = None) -> np.ndarray | None:
    """Measure the shapes in pictures, `[N, len(PROPERTIES)]`; None where inputs aren't pictures.

    The figure is what Otsu's threshold separates from the ground, which is the side that more of
    the border belongs to.

    Parameters
    ----------
    images
        `[N, …]`.
    among
        The data whose colours decide what a figure differs in (see `one_plane`); `images` by
        default.
    """
    if not are_pictures(images):
        return None
    colours = planes(images if among is None else among).float()
    drawn = one_plane(planes(images).float(), colours)
    shrink = -(-max(drawn.shape[2:]) // _SIDE)
    if shrink > 1:
        drawn = torch.nn.functional.avg_pool2d(drawn, shrink, ceil_mode=True)
    pixels = drawn[:, 0].cpu().numpy().astype(np.float64)
    low, high = pixels.min(), pixels.max()
    return np.stack([_shape((p - low) / ((high - low) or 1.0)) for p in pixels])


def _shape(picture: np.ndarray) -> np.ndarray:
    """Measure one picture `[H, W]` in [0, 1]: its properties in the order of `PROPERTIES`."""
    from scipy.ndimage import distance_transform_edt
    from skimage.feature import corner_harris, corner_peaks
    from skimage.filters import threshold_otsu
    from skimage.measure import euler_number, label
    from skimage.morphology import skeletonize

    if picture.min() == picture.max():
        return np.zeros(len(PROPERTIES))
    figure = picture > threshold_otsu(picture)
    edge = np.concatenate([figure[0], figure[-1], figure[:, 0], figure[:, -1]])
    if edge.mean() > 0.5:
        figure, picture = ~figure, 1 - picture
    spine = skeletonize(figure)
    depth = np.asarray(distance_transform_edt(np.pad(figure, 1)))[1:-1, 1:-1]
    pieces = int(np.asarray(label(figure, connectivity=2)).max())
    corners = corner_peaks(corner_harris(picture), min_distance=2, threshold_rel=_CORNER)
    rows, columns = (np.flatnonzero(figure.any(axis)) for axis in (1, 0))
    return np.array(
        [
            picture[figure].sum() / picture.size,
            2 * depth[spine].mean() if spine.any() else 0.0,
            _slant(figure),
            pieces - euler_number(figure, connectivity=2),
            pieces,
            rows[-1] - rows[0] + 1,
            columns[-1] - columns[0] + 1,
            len(corners),
        ],
        dtype=np.float64,
    )


def _slant(figure: np.ndarray) -> float:
    """Lean of a figure in degrees from upright, positive to the right (LeCun et al. 1998)."""
    y, x = np.nonzero(figure)
    y, x = y.mean() - y, x - x.mean()
    return float(np.rad2deg(np.arctan2((x * y).sum(), (y * y).sum()))) if (y * y).sum() else 0.0


def concepts_of(
    labels: np.ndarray,
    classes: Sequence[str],
    measured: np.ndarray | None,
    middle: np.ndarray | None,
) -> Concepts:
    """List what is true of examples: their class, and high and low values of the properties.

    Parameters
    ----------
    labels
        `[N]`.
    classes
        Names of the classes.
    measured
        `[N, len(PROPERTIES)]` or None.
    middle
        `[len(PROPERTIES)]`, the value above which each counts as high (`middles`), or None.
    """
    present = [labels[:, None] == np.arange(len(classes))]
    names = [f"class {name}" for name in classes]
    kinds = ["class"] * len(classes)
    if measured is not None and middle is not None:
        high = measured > middle
        present += [high, ~high]
        names += [f"{name}: {side}" for side in ("high", "low") for name in PROPERTIES]
        kinds += ["property"] * (2 * len(PROPERTIES))
    return Concepts(tuple(names), tuple(kinds), np.concatenate(present, axis=1))


def middles(measured: np.ndarray) -> np.ndarray:
    """Return the cut of each property `[N, F]` with nearest to half of the examples above, `[F]`.

    The median, except for counts: with the median of a count nothing at all may lie above it.
    """
    cuts = list[float]()
    for column in measured.T:
        values, counts = np.unique(column, return_counts=True)
        above = 1 - np.cumsum(counts) / len(column)
        cuts.append(float(values[np.abs(above - 0.5).argmin()]))
    return np.array(cuts)


def correlations(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Correlate units `[N, U]` with the presence of concepts `[N, K]`: `[K, U]`.

    NaN where either side is constant.
    """
    x = values - values.mean(0)
    y = present - present.mean(0)
    scale = np.sqrt(np.outer((y**2).sum(0), (x**2).sum(0)))
    flat = scale <= 1e-12 * max(1.0, float(np.abs(values).max(initial=0.0)))
    return np.where(flat, np.nan, (y.T @ x) / np.where(flat, 1.0, scale))


def chosen_concepts(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the concept `[U]` that correlates most with each unit, -1 where there is none."""
    r = correlations(values, present)
    best = np.where(np.isnan(r), -np.inf, r).argmax(0)
    return np.where(np.isnan(r).all(0), -1, best)


def match(
    selection: tuple[np.ndarray, np.ndarray], evaluation: tuple[np.ndarray, np.ndarray]
) -> Match:
    """Choose each unit's concept on the selection split and score it on the evaluation split.

    The choice is by correlation, which unlike accuracy or AUROC doesn't reward concepts for being
    common or rare, and which like F1, IoU and average precision survives the sanity checks of
    Oikarinen et al. (missing and extra labels).

    Parameters
    ----------
    selection, evaluation
        Units `[N, U]` and the presence of the concepts `[N, K]`.

    References
    ----------
    Oikarinen, Yan & Weng 2025, Evaluating neuron explanations.
    """
    concept = chosen_concepts(*selection)
    values, present = evaluation
    columns = np.full((len(fields(Match)) - 1, values.shape[1]), np.nan)
    for k in np.unique(concept[concept >= 0]):
        units = np.flatnonzero(concept == k)
        threshold = best_thresholds(selection[0][:, units], selection[1][:, k])
        columns[:, units] = _scores(values[:, units], present[:, k], threshold)
    return Match(concept, *columns)


def best_thresholds(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the value of each unit `[N, U]` from which on F1 for a concept `[N]` is largest."""
    order = np.argsort(-values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, 0)
    hits = np.cumsum(present[order], axis=0)
    f1 = 2 * hits / (np.arange(1, len(values) + 1)[:, None] + present.sum())
    ends = np.ones_like(f1, dtype=bool)
    ends[:-1] = ordered[1:] != ordered[:-1]
    return np.take_along_axis(ordered, np.where(ends, f1, -1).argmax(0)[None], 0)[0]


def _scores(values: np.ndarray, present: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Score units `[N, U]` for a concept `[N]`: the columns of `Match` after `concept`.

    F1 rises with intersection over union J as 2 J / (1 + J), and J is a share of the examples in
    the union: Wilson's interval of that share bounds both. Where the concept is shuffled over the
    examples, the hits are those of a hypergeometric draw, so no shuffle has to be made.
    """
    from holistic.lenses.activation._detection import detect

    positive = values >= threshold
    there, chosen = int(present.sum()), positive.sum(0)
    both = chosen + there
    hits = (positive & present[:, None]).sum(0)
    at_least = _hypergeometric(len(present), there, chosen)  # [K + 1, U]
    tail = np.take_along_axis(at_least, hits[None], 0)[0]
    # at least so many in no more than 5 % of the shuffles
    most = (at_least > 0.05).sum(0) - 1
    precision = detect(values, present.astype(np.int64), 2).precision[1]
    r = correlations(values, present[:, None])[0]
    union = wilson(hits, both - hits)
    return np.stack(
        [
            r,
            *correlation_bounds(values, present, r),
            threshold,
            2 * hits / np.maximum(both, 1),
            *(2 * end / (1 + end) for end in union),
            hits / np.maximum(both - hits, 1),
            *union,
            precision,
            *precision_bounds(precision, np.asarray(there)),
            2 * there * chosen / len(present) / np.maximum(both, 1),
            2 * most / np.maximum(both, 1),
            tail,
            np.full(values.shape[1], present.mean()),
        ]
    )


def _hypergeometric(count: int, there: int, chosen: np.ndarray) -> np.ndarray:
    """Chance of at least k hits among `chosen` `[U]` of `count`, of which so many are there.

    `[K + 1, U]` for k from 0 to K = `there`.
    """
    from scipy.special import gammaln

    k = np.arange(there + 1)[:, None]
    other, missed = there - k, chosen - k
    left = count - there - missed
    possible = (missed >= 0) & (left >= 0)

    def log_factorial(n: np.ndarray) -> np.ndarray:
        return gammaln(np.where(possible, n, 0) + 1)

    whole = gammaln(count + 1) - gammaln(chosen + 1) - gammaln(count - chosen + 1)
    ways = gammaln(there + 1) - log_factorial(k + 0 * missed) - log_factorial(other + 0 * missed)
    ways = ways + gammaln(count - there + 1) - log_factorial(missed) - log_factorial(left)
    mass = np.where(possible, np.exp(np.where(possible, ways - whole, 0.0)), 0.0)
    return np.minimum(mass[::-1].cumsum(0)[::-1], 1.0)
