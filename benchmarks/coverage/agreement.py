"""Agreement of lenses over images, verdicts where nothing is, and units removed together."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import nn

from benchmarks.coverage.simulation import Simulation
from benchmarks.populations import redrawn, relabelled
from holistic.lenses.agreement._causes import Evidence, settle
from holistic.lenses.agreement._resampled_images import class_weights, redrawn_areas, redrawn_means
from holistic.lenses.agreement._untrained_bounds import class_separation, untrained_bounds
from holistic.lenses.agreement.pairs import correlated, over_images
from holistic.stats.agreement import spearman
from holistic.stats.intervals import class_auroc, paired_accuracy_interval
from holistic.study.subject import Subject

__all__ = ["SIMULATIONS"]

_UNITS, _CLASSES = 60, 4


def _truths() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the units of a site really do to class 0, to first order, and how they respond."""
    rng = np.random.default_rng(3)
    loss = rng.exponential(size=_UNITS)
    return loss, loss + 0.4 * rng.normal(size=_UNITS), 0.8 * loss + 0.5 * rng.normal(size=_UNITS)


def _effects(n: int) -> Simulation:
    """Two lenses whose numbers are means over a class's images."""
    loss, first, _ = _truths()
    truth = spearman(loss, first).r

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        hard = rng.exponential(size=n)  # of an image, for all units
        labels = np.zeros(n, np.int64)
        sides = [own[:, None] * hard + rng.normal(size=(_UNITS, n)) for own in (loss, first)]
        weights, member = class_weights(labels, 1, seed), np.ones((n, 1))
        again = [redrawn_means(side, member, weights)[..., 0] for side in sides]
        value = spearman(sides[0].mean(1), sides[1].mean(1)).r
        lo, hi = over_images(np.array([value]), correlated(again[0], again[1])[None], units=_UNITS)
        return int(lo <= truth <= hi), 1

    return Simulation(
        "agreement.lenses", "effects against attributions", "interval", n, draw, 300, 40
    )


def _medians(n: int) -> Simulation:
    """The median over five classes, each with effects and attributions of its own."""
    rng = np.random.default_rng(6)
    losses = rng.exponential(size=(5, _UNITS))
    others = losses + 0.4 * rng.normal(size=losses.shape)
    truth = float(np.median([spearman(a, b).r for a, b in zip(losses, others, strict=True)]))

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n, 3])
        values, again = list[float](), list[np.ndarray]()
        weights = np.split(class_weights(np.repeat(np.arange(5), n), 5, seed), 5, axis=1)
        for pair, own in zip(zip(losses, others, strict=True), weights, strict=True):
            hard = rng.exponential(size=n)
            sides = [one[:, None] * hard + rng.normal(size=(_UNITS, n)) for one in pair]
            values.append(spearman(sides[0].mean(1), sides[1].mean(1)).r)
            redrawn = [redrawn_means(side, np.ones((n, 1)), own)[..., 0] for side in sides]
            again.append(correlated(redrawn[0], redrawn[1]))
        lo, hi = over_images(np.array(values), np.stack(again), units=_UNITS)
        return int(lo <= truth <= hi), 1

    return Simulation("agreement.pairs", "median over classes", "interval", n, draw, 300, 30)


def _areas(n: int) -> Simulation:
    """A lens whose numbers are means, against AUROCs."""
    loss, _, shift = _truths()
    truth = spearman(loss, np.abs(shift)).r

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n, 1])
        labels = np.arange(n * _CLASSES) % _CLASSES
        member = (labels[:, None] == np.arange(_CLASSES)).astype(float)
        values = rng.normal(size=(_UNITS, len(labels))) + shift[:, None] * (labels == 0)
        losses = loss[:, None] + rng.normal(size=values.shape)
        weights = class_weights(labels, _CLASSES, seed)
        areas = np.abs(2 * redrawn_areas(values, member, weights)[..., 0] - 1)
        own = np.abs(2 * class_auroc(values.T, labels, _CLASSES)[:, 0] - 1)
        value = spearman(losses[:, labels == 0].mean(1), own).r
        again = redrawn_means(losses, member, weights)[..., 0]
        lo, hi = over_images(np.array([value]), correlated(again, areas)[None], units=_UNITS)
        return int(lo <= truth <= hi), 1

    return Simulation("agreement.lenses", "effects against AUROCs", "interval", n, draw, 200, 20)


@cache
def _traced() -> Subject:
    """A network whose graph takes any weights."""
    images = torch.randn(900, 16, generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.Linear(16, 60), nn.ReLU(), nn.Linear(60, 3)).eval()
    return Subject(model, (images, torch.arange(900) % 3))


def _subject(seed: int) -> Subject:
    rng, labels = np.random.default_rng(seed), np.arange(900) % 3
    images = rng.normal(size=(900, 16)) + np.eye(3, 16)[labels] * 1.5
    subject = _traced()
    redrawn(subject, seed + 10_000)
    return relabelled(subject, torch.from_numpy(images).float(), torch.from_numpy(labels), seed)


def _selective() -> Simulation:
    """Units of networks that learned nothing, for the class that each prefers."""

    def draw(seed: int) -> tuple[int, int]:
        subject = _subject(seed)
        [site] = subject.hidden_sites
        bounds = untrained_bounds(subject, 3)
        splits = subject.selection, subject.evaluation
        values = [
            subject.capture([site.name], s.images)[site.name].double().numpy() for s in splits
        ]
        labels = [s.labels.numpy() for s in splits]
        live = (np.ptp(values[0], 0) > 0) & (np.ptp(values[1], 0) > 0)
        chosen = np.stack([values[0][labels[0] == c].mean(0) for c in range(3)]).argmax(0)
        found = class_auroc(values[1], labels[1], 3), class_separation(values[1], labels[1], 3)
        area, apart = (side[np.arange(len(side)), chosen][live] for side in found)
        hits = (area > bounds.auroc[site.name]).sum() + (apart > bounds.separation[site.name]).sum()
        return int(hits), 2 * len(area)

    return Simulation("agreement.units", "units called selective", "p", 450, draw, 60, 8)


def _causal() -> Simulation:
    """Shares and accuracies that show nothing: any class that depends on a unit."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng(seed)
        shape = 80, 10
        asked = np.stack([rng.permutation(10)[:3] for _ in range(80)])
        p = rng.random(shape), np.minimum(1, 1.3 * rng.random(shape))
        share, carried, selective = rng.normal(size=shape), rng.random(shape), np.arange(80) % 2 > 0
        found = settle(
            [
                Evidence(
                    asked,
                    share,
                    *p,
                    np.full(len(share), 0.5),
                    carried,
                    selective,
                    share,
                    share,
                    share,
                )
            ]
        )[0]
        return int((found.place >= 0).any()), 1

    return Simulation("agreement.units", "any unit called causal", "q", 200, draw, 1000, 100)


def _removed(n: int, loses: float, gains: float) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        flips = np.random.default_rng([seed, n]).multinomial(
            n, [loses, gains, 1 - loses - gains], 200
        )
        lo, hi = paired_accuracy_interval(flips[:, 0], flips[:, 1], n)
        truth = gains - loses
        return int(((lo <= truth) & (truth <= hi)).sum()), 200

    words = f"drop of {100 * (loses - gains):g} points"
    return Simulation("agreement.removed", words, "interval", n, draw, 50, 5, True)


@cache
def _company_truth() -> float:
    from scipy.special import ndtr

    return float(ndtr(np.array([0.3, 0.6, 1.0]) / np.sqrt(2)).mean())


def _company(n: int) -> Simulation:
    """Mean AUROC of a cluster's units."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n, 2])
        labels = np.arange(n * _CLASSES) % _CLASSES
        member = (labels[:, None] == np.arange(_CLASSES)).astype(float)
        shared = rng.normal(size=len(labels))  # units of a cluster vary together
        values = 0.6 * shared + 0.8 * rng.normal(size=(3, len(labels)))
        values += np.array([[0.3], [0.6], [1.0]]) * (labels == 0)
        again = redrawn_areas(values, member, class_weights(labels, _CLASSES, seed))[..., 0].mean(1)
        value = class_auroc(values.T, labels, _CLASSES)[:, 0].mean()
        half = 2.01 * again.std(ddof=1)
        return int(abs(value - _company_truth()) <= half), 1

    return Simulation("agreement.units", "mean AUROC of a cluster", "interval", n, draw, 300, 40)


SIMULATIONS = (
    *(_effects(n) for n in (50, 200)),
    *(_medians(n) for n in (50, 200)),
    *(_areas(n) for n in (50, 200)),
    *(_company(n) for n in (50, 200)),
    _selective(),
    _causal(),
    *(_removed(n, 0.12, 0.02) for n in (50, 500)),
    _removed(500, 0.01, 0.01),
)
