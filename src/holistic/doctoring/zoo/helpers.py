"""Units that hold a class back: suppressors, vetoes, and a unit that helps half of its class."""

from __future__ import annotations

import numpy as np

from holistic.doctoring.zoo.planting import SITE, Planted, Truth, claims, holding, signals

__all__ = ["HELPERS"]

_COUNT = 480


def suppressors(seed: int) -> tuple[Planted, ...]:
    """Unit c + 8 fires on class c and lowers its logit; twins of it aren't read."""
    rng, classes = np.random.default_rng([seed, 10]), 8
    labels = np.arange(_COUNT) % classes
    values = np.concatenate([signals(labels, classes, rng, 0.15) for _ in range(3)], 1)
    read = np.zeros((classes, values.shape[1]))
    read[:, :classes] = 6 * np.eye(classes)
    read[:, classes : 2 * classes] = -3 * np.eye(classes)
    harming = [{"site": SITE, "unit": classes + c, "causal_class": str(c)} for c in range(classes)]
    units = [*range(classes), *range(2 * classes, 3 * classes)]
    decoys = [{"site": SITE, "unit": u} for u in units]
    return (Planted(holding(values, labels, read, seed=seed), claims("harmed", harming, decoys)),)


def vetoes(seed: int) -> tuple[Planted, ...]:
    """Classes come in twos that share their evidence; a unit that fires on one rules out the other.

    Without it the second class of the two is taken for the first.
    """
    rng, twos = np.random.default_rng([seed, 11]), 4
    labels = np.arange(_COUNT) % (2 * twos)
    evidence = signals(labels // 2, twos, rng, 0.15)
    veto = signals(labels, 2 * twos, rng, 0.1)[:, 1::2]
    values = np.concatenate([evidence, veto, rng.normal(size=(_COUNT, 10))], 1)
    read = np.zeros((2 * twos, values.shape[1]))
    for two in range(twos):
        read[2 * two, two], read[2 * two + 1, two] = 8, 6
        read[2 * two, twos + two] = -6
    own = [{"site": SITE, "unit": twos + t, "causal_class": str(2 * t + 1)} for t in range(twos)]
    decoys = [{"site": SITE, "unit": u} for u in range(2 * twos, values.shape[1])]
    stated = claims("causal", own, decoys)
    return (Planted(holding(values, labels, read, seed=seed), stated),)


def opposites(seed: int) -> tuple[Planted, ...]:
    """A unit helps half of the examples of a class and harms the other half as much."""
    rng, classes = np.random.default_rng([seed, 12]), 4
    labels = np.arange(_COUNT) % classes
    half = np.where(np.arange(_COUNT) // classes % 2 == 0, 1.0, -1.0)
    evidence = 0.1 * rng.normal(size=(_COUNT, classes)) + 0.085 * np.eye(classes)[labels]
    swings = np.eye(classes)[labels] * half[:, None]
    values = np.concatenate([evidence, swings, rng.normal(size=(_COUNT, 10))], 1)
    read = np.zeros((classes, values.shape[1]))
    read[:, :classes] = 3 * np.eye(classes)
    read[:, classes : 2 * classes] = 4 * np.eye(classes)
    own = [{"site": SITE, "unit": classes + c, "class": str(c)} for c in range(classes)]
    noise = range(2 * classes, values.shape[1])
    decoys = [{"site": SITE, "unit": u, "class": str(u % classes)} for u in noise]
    stated = claims("turns both ways", own, decoys)
    return (Planted(holding(values, labels, read, seed=seed), stated),)


HELPERS = (
    Truth("a suppressor holds its class back", suppressors),
    Truth("a unit vetoes another class", vetoes),
    Truth("a unit helps half of a class and harms the other", opposites),
)
