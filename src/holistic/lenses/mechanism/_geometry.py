"""Measures how a site's features lie: CKA with another site, NC1, participation ratio."""

from __future__ import annotations

import numpy as np

from holistic.stats.jackknife import Jackknifed

__all__ = [
    "alignment",
    "axes",
    "collapse",
    "gram",
    "participation_ratio",
    "without_each",
]


def gram(x: np.ndarray) -> np.ndarray:
    """Return the products of all pairs of examples of `[N, F]`, centred and scaled: `[N, N]`."""
    x = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    longest = np.sqrt((x**2).sum(1).max())
    x = x / longest if longest else x
    return x @ x.T


def alignment(first: np.ndarray, second: np.ndarray) -> float:
    """Return the debiased linear CKA of two Gram matrices `[N, N]` of the same examples.

    Equal to `stats.agreement.debiased_cka` of the features, and quick to repeat on subsets and
    shuffles of the examples; NaN where that is.

    References
    ----------
    Song et al. 2012, eq. 5; Murphy et al. 2024.
    """
    if len(first) < 4:
        return float("nan")
    norms = _hsic(first, first), _hsic(second, second)
    if not min(norms) > 1e-20:
        return float("nan")
    return float(np.clip(_hsic(first, second) / np.sqrt(norms[0] * norms[1]), -1, 1))


def _hsic(k: np.ndarray, l: np.ndarray) -> float:
    n, own = len(k), np.diagonal(k) * np.diagonal(l)
    rows_k, rows_l = (m.sum(1) - np.diagonal(m) for m in (k, l))
    product = np.vdot(k, l) - own.sum()
    spread = rows_k.sum() * rows_l.sum() / ((n - 1) * (n - 2))
    return float((product + spread - 2 * (rows_k @ rows_l) / (n - 2)) / (n * (n - 3)))


def collapse(x: np.ndarray, labels: np.ndarray) -> float:
    """Return NC1, how far examples scatter around their class's mean: tr(Σ_W Σ_B⁺) / C.

    Parameters
    ----------
    x
        `[N, F]`.
    labels
        `[N]`; every class weighs the same, however many examples it has.

    Returns
    -------
    float
        0 where examples of a class are all alike; NaN where the class means don't differ.

    References
    ----------
    Papyan, Han & Donoho 2020, Prevalence of neural collapse during the terminal phase of deep
    learning training, sec. "NC1".
    """
    classes, member = np.unique(labels, return_inverse=True)
    onehot = member[:, None] == np.arange(len(classes))
    weights = onehot / onehot.sum(0)  # [N, C]
    x = x.astype(np.float64)
    means = weights.T @ x  # [C, F]
    centred = means - means.mean(0)
    # Σ_B = centredᵀ centred / C; its pseudo-inverse needs its C - 1 directions only
    _, scale, axes = np.linalg.svd(centred, full_matrices=False)
    kept = scale > 1e-9 * max(scale.max(initial=0), np.abs(means).max(initial=0))
    if not kept.any():
        return float("nan")
    along = (x - means[member]) @ axes[kept].T  # [N, C - 1]
    spread = (weights.sum(1) @ along**2) / len(classes)  # diagonal of Σ_W in those directions
    return float((spread / scale[kept] ** 2).sum())


def participation_ratio(x: np.ndarray) -> float:
    """Return over how many axes the variance spreads: (Σλ)² / Σλ² of the covariance's eigenvalues.

    Parameters
    ----------
    x
        `[N, F]`.

    Returns
    -------
    float
        1 where all variance is along one axis, F where it is the same along all; NaN without
        variance.

    References
    ----------
    Gao et al. 2017, A theory of multineuronal dimensionality, dynamics and measurement, eq. 5.
    """
    x = x.astype(np.float64)
    x = x - x.mean(0)
    products = x.T @ x if x.shape[1] <= len(x) else x @ x.T
    total = np.trace(products)
    return float(total**2 / (products**2).sum()) if total > 0 else float("nan")


def axes(x: np.ndarray) -> Jackknifed:
    """Return the participation ratio of `[N, F]` corrected for N, with its interval.

    On the log scale, where few examples leave it less skewed; examples are left out one by one.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        whole, left = np.log(participation_ratio(x)), np.log(without_each(x))
    limits = (0.0, float(np.log(max(x.shape[1], 1))))
    return Jackknifed.of_each(len(x) * whole - (len(x) - 1) * left, limits).exp()


def without_each(x: np.ndarray) -> np.ndarray:
    """Return the participation ratio of `[N, F]` without each of the examples, `[N]`.

    Without an example the scatter is S - n / (n - 1) x xᵀ, x its way from the mean.
    """
    x = x.astype(np.float64)
    x = x - x.mean(0)
    wide = x.shape[1] > len(x)
    products = x @ x.T if wide else x.T @ x
    total, squares, own = np.trace(products), (products**2).sum(), (x**2).sum(1)
    along = (products**2).sum(1) if wide else ((x @ products) * x).sum(1)
    part = len(x) / max(len(x) - 1, 1)
    kept = total - part * own
    with np.errstate(divide="ignore", invalid="ignore"):
        left = kept**2 / (squares - 2 * part * along + (part * own) ** 2)
    # where one example has nearly all of the scatter, what rounding leaves isn't that of the rest
    for i in np.flatnonzero(~(kept > 1e-6 * total)):
        left[i] = participation_ratio(np.delete(x, i, 0))
    return left
