"""Slow twins of the lens `mechanism`: each definition as its paper states it, in plain loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.stats import t
from torch import Tensor, nn

from slow_stats import correlation, without_class_means


def correlation_interval(
    a: Sequence[float], b: Sequence[float], labels: Sequence[int]
) -> tuple[float, float]:
    """Devlin, Gnanadesikan & Kettenring 1975: from the influence of every example on r.

    Columns without class means; the error is at least that over shuffles inside classes, and
    Student's t has as many degrees of freedom as the influences have carriers.
    """
    n, r, freedom = len(a), correlation(a, b), len(a) - len(set(labels))
    x, y = _standardised(a), _standardised(b)
    influence = [u * v - r * (u * u + v * v) / 2 for u, v in zip(x, y, strict=True)]
    second = math.fsum(i**2 for i in influence)
    own = second / (1 - r * r) ** 2 * n / freedom
    error = math.sqrt(max(own, shuffled_variance(x, y, labels))) / n
    supports = second**2 / math.fsum(i**4 for i in influence)
    z, half = math.atanh(r), t.ppf(0.975, min(max(supports, 1), freedom)) * error
    return math.tanh(z - half), math.tanh(z + half)


def shuffled_variance(x: Sequence[float], y: Sequence[float], labels: Sequence[int]) -> float:
    """Variance of Σ x y when y is shuffled inside classes; both sum to 0 in each class."""
    parts = list[float]()
    for c in set(labels):
        own = [i for i, label in enumerate(labels) if label == c]
        squares = [math.fsum(side[i] ** 2 for i in own) for side in (x, y)]
        parts.append(squares[0] * squares[1] / max(len(own) - 1, 1))
    return math.fsum(parts)


def carriers(values: Sequence[float]) -> float:
    """Number of examples that the variance rests on: n over the kurtosis."""
    return len(values) / (math.fsum(z**4 for z in _standardised(values)) / len(values))


def pairs(
    values: Sequence[Sequence[float]], labels: Sequence[int], threshold: float
) -> dict[tuple[int, int], tuple[float, float]]:
    """r and r within classes of every pair of columns of `[N][U]` where either is large.

    NaN where the variance of a column rests on fewer than 10 examples.
    """
    columns = list(zip(*values, strict=True))
    inner = [without_class_means(c, list(labels)) for c in columns]
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for i in range(len(columns)):
        for j in range(i + 1, len(columns)):
            both = [
                correlation(c[i], c[j]) if min(carriers(c[i]), carriers(c[j])) >= 10 else math.nan
                for c in (columns, inner)
            ]
            if any(abs(r) > threshold for r in both):
                found[i, j] = both[0], both[1]
    return found


def closest_pairs(
    values: np.ndarray, labels: Sequence[int], threshold: float, partners: int
) -> tuple[tuple[int, int, int], set[tuple[int, int]]]:
    """Pairs of columns `[N, U]` above the threshold by `numpy.corrcoef`: counts, and the closest.

    Counts are those above it, below minus it, and above it within classes. The closest are for
    each column those that correlate most, raw or within classes; of equal ones the first.
    """
    inner = np.array([without_class_means(c, list(labels)) for c in values.T.tolist()])
    r, within = np.corrcoef(values.T), np.corrcoef(inner)
    strength = np.round(np.maximum(abs(r), abs(within)), 12)
    upper = np.triu_indices(len(r), 1)
    counts = tuple(int(which[upper].sum()) for which in (r > threshold, r < -threshold))
    kept = set[tuple[int, int]]()
    for a in range(len(r)):
        others = [b for b in range(len(r)) if b != a and strength[a, b] > threshold]
        others.sort(key=lambda b: (-strength[a, b], b))
        kept |= {(min(a, b), max(a, b)) for b in others[:partners]}
    return (*counts, int((within[upper] > threshold).sum())), kept


def specialisation(
    selection: Sequence[Sequence[float]],
    selection_labels: Sequence[int],
    evaluation: Sequence[Sequence[float]],
    evaluation_labels: Sequence[int],
    members: Sequence[int],
) -> tuple[int, float]:
    """Class that a group of units prefers on the one split, and by how much on the other."""

    def profile(values: Sequence[Sequence[float]], labels: Sequence[int]) -> dict[int, float]:
        columns = [_standardised([row[u] for row in values]) for u in members]
        return {
            c: math.fsum(
                z for column in columns for z, y in zip(column, labels, strict=True) if y == c
            )
            / (len(columns) * list(labels).count(c))
            for c in set(labels)
        }

    chosen = profile(selection, selection_labels)
    preferred = max(sorted(chosen), key=lambda c: chosen[c])
    return preferred, profile(evaluation, evaluation_labels)[preferred]


def nc1(x: np.ndarray, labels: Sequence[int]) -> float:
    """Papyan, Han & Donoho 2020, with the matrices written out; every class weighs the same."""
    classes = sorted(set(labels))
    means = {
        c: np.mean([v for v, y in zip(x, labels, strict=True) if y == c], axis=0) for c in classes
    }
    centre = np.mean(list(means.values()), axis=0)
    within, between = np.zeros((2, x.shape[1], x.shape[1]))
    for c in classes:
        own = [v for v, y in zip(x, labels, strict=True) if y == c]
        for v in own:
            within += np.outer(v - means[c], v - means[c]) / len(own) / len(classes)
        between += np.outer(means[c] - centre, means[c] - centre) / len(classes)
    return float(np.trace(within @ np.linalg.pinv(between, rcond=1e-10))) / len(classes)


def participation_ratio(x: np.ndarray) -> float:
    """Gao et al. 2017: squared sum over sum of squares of the covariance's eigenvalues."""
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T)))
    return float(values.sum() ** 2 / (values**2).sum())


def averaged(value: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Average one example's `[H, W, U]` over a grid of windows that may overlap by one."""
    height, width = value.shape[:2]
    result = np.zeros((*sizes, value.shape[2]))
    for i in range(sizes[0]):
        rows = range(i * height // sizes[0], -(-(i + 1) * height // sizes[0]))
        for j in range(sizes[1]):
            columns = range(j * width // sizes[1], -(-(j + 1) * width // sizes[1]))
            cells = [value[r, c] for r in rows for c in columns]
            result[i, j] = np.mean(cells, axis=0)
    return result


def probe_weights(
    x: np.ndarray, labels: Sequence[int], penalty: float, steps: int = 4000
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression by plain gradient descent: weights `[C, F]`, biases."""
    classes = max(labels) + 1
    target = np.eye(classes)[list(labels)]
    weights, biases = np.zeros((classes, x.shape[1])), np.zeros(classes)
    for _ in range(steps):
        logits = x @ weights.T + biases
        odds = np.exp(logits - logits.max(1, keepdims=True))
        wrong = (odds / odds.sum(1, keepdims=True) - target) / len(x)
        weights -= 0.5 * (wrong.T @ x + penalty * weights)
        biases -= 0.5 * wrong.sum(0)
    return weights, biases


def edge_changes(
    model: nn.Sequential, sites: tuple[int, int], unit: int, reference: Tensor, images: Tensor
) -> np.ndarray:
    """Run the layers one by one, replace a unit of one by its reference `[U]`, watch another.

    Returns
    -------
    np.ndarray
        `[N, U of b]`, activation with the replacement minus without.
    """

    def watched(replaced: bool) -> Tensor:
        value = images
        for index, layer in enumerate(model):
            value = layer(value)
            if replaced and index == sites[0]:
                value = value.clone()
                value[:, unit] = reference[unit]
            if index == sites[1]:
                return value
        raise AssertionError

    with torch.no_grad():
        return (watched(True) - watched(False)).double().numpy()


def root_mean_square_bounds(values: Sequence[float]) -> tuple[float, float]:
    """Student's t for the logarithm of the mean square, with the freedoms of a gamma variance.

    The variance of n gamma numbers of shape a has 2 n / (kurtosis - 1) of them, and their
    kurtosis is 3 + 6 / a.
    """
    n, squares = len(values), [v * v for v in values]
    mean = math.fsum(squares) / n
    variance = math.fsum((s - mean) ** 2 for s in squares) / n
    kurtosis = 3 + 6 * variance / mean**2
    error = math.sqrt(variance / (n - 1)) / mean
    reach = t.ppf(0.975, max(2 * n / (kurtosis - 1), 1)) * error / 2
    return math.sqrt(mean) * math.exp(-reach), math.sqrt(mean) * math.exp(reach)


def class_balanced_mean(values: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Mean of the class means of `[N, U]`."""
    classes = sorted(set(labels))
    return np.mean(
        [
            np.mean([v for v, y in zip(values, labels, strict=True) if y == c], axis=0)
            for c in classes
        ],
        axis=0,
    )


def _standardised(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
    return [(v - mean) / spread for v in values]
