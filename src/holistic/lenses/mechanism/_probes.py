"""Trains linear probes that tell the class from features of an example."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holistic.stats.intervals import paired_accuracy_interval

__all__ = ["Probe", "gain", "probe"]

_STEPS = 200
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Probe:
    """A trained probe's answers.

    Attributes
    ----------
    right
        `[N]` bool, whether each evaluation example was told right.
    fit
        Share of its own training examples that it tells right.
    chances
        Takes features `[M, F]` and a number of classes, and returns the probability `[M, C]` that
        it gives each; a class that it wasn't trained on has none.
    """

    right: np.ndarray
    fit: float
    chances: Callable[[np.ndarray, int], np.ndarray]

    @property
    def accuracy(self) -> float:
        """Share of evaluation examples that it tells right."""
        return float(self.right.mean())


def probe(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], *, penalty: float
) -> Probe:
    """Train a multinomial logistic regression on standardised features, and try it on others.

    Parameters
    ----------
    train, test
        Features `[N, F]` and classes `[N]`: of the selection and of the evaluation split.
    penalty
        Weight of half the squared coefficients beside the mean loss in nats, so that it means the
        same for any number of examples.

    References
    ----------
    Alain & Bengio 2016, Understanding intermediate layers using linear classifier probes.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    (x, y), (x_test, y_test) = train, test
    if len(np.unique(y)) < 2:
        return Probe(y_test == y[0], 1.0, lambda shown, count: np.eye(count)[[y[0]] * len(shown)])
    mean, spread = x.mean(0), x.std(0)
    spread = np.where(spread > 0, spread, 1)
    x, x_test = (x - mean) / spread, (x_test - mean) / spread
    model = LogisticRegression(C=1 / (penalty * len(x)), tol=_TOLERANCE, max_iter=_STEPS)
    with warnings.catch_warnings():
        # a probe that stops early is a slightly weaker one; its accuracy stands as measured
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    predicted, predicted_again = np.asarray(model.predict(x_test)), np.asarray(model.predict(x))

    def chances(shown: np.ndarray, classes: int) -> np.ndarray:
        found = np.zeros((len(shown), classes))
        found[:, model.classes_] = model.predict_proba((shown - mean) / spread)
        return found

    return Probe(np.equal(predicted, y_test), float(np.equal(predicted_again, y).mean()), chances)


def gain(before: Probe | None, after: Probe) -> tuple[float, float, float]:
    """Return how much more a probe tells right than another on the same examples, bounded."""
    if before is None:
        return float("nan"), float("nan"), float("nan")
    gained = int((after.right & ~before.right).sum())
    lost = int((before.right & ~after.right).sum())
    lo, hi = paired_accuracy_interval(lost, gained, len(after.right))
    return (gained - lost) / len(after.right), float(lo), float(hi)
