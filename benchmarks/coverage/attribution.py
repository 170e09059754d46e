"""Tests of maps and contrasts where nothing is, and their bounds."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from benchmarks.coverage.simulation import Kind, Simulation
from holistic.attributing.erasing import Erased
from holistic.attributing.region import tested_means
from holistic.lenses._parts import significant, with_q
from holistic.lenses.attribution._checks import completeness, judged, removed, resemblance
from holistic.lenses.attribution._label_chances import EDGES, counted, wrong_share
from holistic.lenses.attribution._strategies import Parted, parted
from holistic.lenses.attribution._swapping import Trial
from holistic.lenses.attribution.shortcuts import effect_of
from holistic.lenses.attribution.strategies import further
from holistic.results.columns import Estimate

__all__ = ["SIMULATIONS"]


def _holds(of: Estimate, truth: float) -> bool:
    return of.lo is not None and of.hi is not None and of.lo <= truth <= of.hi


def _areas(n: int) -> Simulation:
    """Mean area under removal curves, and how far it lies from the random order's."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        held = 0
        for _ in range(40):
            hard = rng.beta(4, 2, n)  # of each image
            own, other = (np.clip(hard + 0.1 * rng.normal(size=n) + s, 0, 1) for s in (-0.1, 0))
            row = removed("a", "deletion_auc", own, other)
            truths = _areas_truth()
            for value, of in zip(truths, (row.value, row.difference), strict=True):
                held += _holds(of, value)
        return held, 80

    return Simulation("attribution.methods", "areas of removal", "interval", n, draw, 50, 5)


def _areas_truth() -> tuple[float, float]:
    if not _TRUTH:
        rng = np.random.default_rng(5)
        hard = rng.beta(4, 2, 2_000_000)
        own, other = (np.clip(hard + 0.1 * rng.normal(size=len(hard)) + s, 0, 1) for s in (-0.1, 0))
        _TRUTH.extend([float(own.mean()), float((own - other).mean())])
    return _TRUTH[0], _TRUTH[1]


_TRUTH = list[float]()


def _correlations(n: int) -> Simulation:
    """Mean rank correlation with another map."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        held = 0
        for _ in range(60):
            likeness = 2 * rng.beta(6, 3, n) - 1
            row = resemblance("a", "edge_similarity", likeness, rng.permutation(likeness), 0.5)
            held += _holds(row.value, 1 / 3)
        return held, 60

    return Simulation("attribution.methods", "likeness of maps", "interval", n, draw, 50, 5)


def _completeness(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        changes = rng.gamma(4, 1, n)
        sums = changes * (1 + 0.1 * rng.normal(size=n))
        row = completeness("a", sums, changes, tolerance=0.05, seed=seed)
        truth = 0.1 * np.sqrt(2 / np.pi)
        return int(_holds(row.value, truth)), 1

    return Simulation("attribution.methods", "completeness", "interval", n, draw, 300, 40)


def _passes(n: int) -> Simulation:
    """Methods whose order is as good as random: any that passes a removal test."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        hard, rows = rng.beta(4, 2, n), []
        random = np.clip(hard + 0.05 * rng.normal(size=n), 0, 1)
        for metric in ("deletion_auc", "insertion_auc"):
            for method in "abcd":
                own = np.clip(hard + 0.1 * rng.normal(size=n), 0, 1)
                rows.append(removed(method, metric, own, random))
        return int(any(row.passed for row in judged(rows))), 1

    return Simulation("attribution.methods", "any method that passes", "q", n, draw, 600, 60)


def _probabilities(n: int) -> Simulation:
    """How many labels are wrong among examples that are as typical of another class."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        held, draws, widths = 0, 40, np.diff(EDGES)
        for _ in range(draws):
            odd = rng.beta(1, 25, rng.poisson(n))  # rightly labelled, and a little like another
            wrong = rng.random(rng.poisson(n))
            typical = np.concatenate([odd, wrong])
            found = counted(typical, np.ones(len(typical), bool)).wrong
            right = np.diff(1 - (1 - EDGES) ** 25)
            truths = widths / (widths + right)
            held += sum(_holds(of, truth) for of, truth in zip(found, truths, strict=True))
        return held, draws * len(widths)

    return Simulation(
        "attribution.labels", "probability of wrong", "interval", n, draw, 50, 5, True
    )


def _wrong_shares(n: int) -> Simulation:
    """Share of wrong labels in a class."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        held, draws, share = 0, 100, 0.1
        for _ in range(draws):
            wrong = rng.random(n) < share
            typical = np.where(wrong, rng.random(n), 0.2 * rng.beta(1, 25, n))
            held += _holds(wrong_share(typical), share)
        return held, draws

    return Simulation("attribution.labels", "share of wrong", "interval", n, draw, 50, 5, True)


def _regions(n: int) -> Simulation:
    """Regions that count as much as any other: one of 40 that is called otherwise.

    What erasing costs is skewed, differs from image to image, and is shared by its regions.
    """

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        found = list[Estimate]()
        for _ in range(10):
            ease = rng.gamma(2, 1, n)  # of each image
            cost = ease * rng.gamma(1.5, 1, (4, 6, n))  # regions, themselves and elsewhere
            for own, *others in -cost:
                elsewhere, right = np.mean(others, 0), np.ones(n, bool)
                erased = Erased(own, elsewhere, right, right, right.astype(float))
                found.append(tested_means(erased)[1])
        return int(any(significant(of) for of in with_q(found))), 1

    return Simulation("attribution.regions", "any region called", "q", n, draw, 600, 60)


def _one_peak(n: int, rng: np.random.Generator) -> Parted:
    """Part maps of one strategy: what lies in 49 squares, skewed, and moved about by a little."""
    place = rng.normal(0, 1, (2, n, 1)) * np.linspace(-1, 1, 49)  # a class's thing, shifted
    shares = np.exp(-((np.linspace(-1, 1, 49) - 0.3 * place) ** 2)) * rng.gamma(2, 1, (2, n, 49))
    return parted(*(shares / shares.sum(-1, keepdims=True)), seed=0)


def _strategies(n: int, kind: Kind) -> Simulation:
    """Classes of one strategy that are said to have several: one, and any of ten."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        found = [_one_peak(n, rng) for _ in range(10)]
        if kind == "p":
            return sum(one.p < 0.05 for one in found), 10
        family = with_q([Estimate(one.agreement, p=one.p) for one in found])
        several = (one.count > 1 for one in found)
        return int(any(map(np.logical_and, several, map(significant, family)))), 1

    return Simulation("attribution.strategies", "one peak", kind, n, draw, 200, 20)


def _own_places(n: int, kind: Kind) -> Simulation:
    """Places that count as much for a strategy's images as for a class's others."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        gaps, held = list[Estimate](), 0
        for _ in range(10):
            own, others = (-rng.gamma(2, size, n) for size in (1, 1))
            gap = further(own, others[: n // 2])
            held += _holds(gap, 0.0)
            gaps.append(gap)
        if kind == "interval":
            return held, sum(gap.lo == gap.lo for gap in gaps)
        if kind == "p":
            return sum((gap.p or 1.0) < 0.05 for gap in gaps), 10
        return int(any(significant(of) for of in with_q(gaps))), 1

    return Simulation("attribution.strategies", "own places", kind, n, draw, 200, 20)


def _exchanged(n: int, rng: np.random.Generator, *, moved: float = 0.0) -> Trial:
    """Margins of images that an exchange moves, or as much as its control."""
    others, own = rng.normal(-2, 1, n), rng.normal(1, 1, n)
    pasted, pasted_control, masked_control = (
        some + rng.normal(0, 0.5, n) for some in (others, others, own)
    )
    masked = own - moved + rng.normal(0, 0.5, n)
    return Trial(others, own, pasted, pasted_control, masked, masked_control)


def _masked(n: int) -> Simulation:
    """Accuracy that images lose without a shortcut."""
    truth = float(norm.cdf(1) - norm.cdf((1 - _MOVED) / np.sqrt(1.25)))

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        rows = [effect_of(_exchanged(n, rng, moved=_MOVED)) for _ in range(40)]
        return sum(_holds(row, truth) for row in rows), 40

    return Simulation("attribution.shortcuts", "accuracy lost", "interval", n, draw, 50, 8)


def _exchanges(kind: Kind, n: int) -> Simulation:
    """Suspects that move decisions no more than their controls; half of them where masked alone."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n, 1])
        moved = [_MOVED * (k % 2) for k in range(20)]
        rows = [effect_of(_exchanged(n, rng, moved=by)) for by in moved]
        if kind == "p":
            return sum(row.p is not None and row.p < 0.05 for row in rows), len(rows)
        return int(any(row.q is not None and row.q < 0.05 for row in with_q(rows))), 1

    words = "exchanges that do no more than their controls"
    return Simulation("attribution.shortcuts", words, kind, n, draw, 400, 50)


_MOVED = 0.8

SIMULATIONS = (
    *(_masked(n) for n in (50, 200)),
    *(_exchanges(kind, 50) for kind in ("p", "q")),
    *(_probabilities(n) for n in (60, 300)),
    *(_wrong_shares(n) for n in (50, 500)),
    *(_areas(n) for n in (50, 200)),
    *(_correlations(n) for n in (50, 200)),
    *(_completeness(n) for n in (50, 200)),
    _passes(200),
    *(_regions(n) for n in (20, 50)),
    *(_strategies(n, kind) for n in (45, 150) for kind in ("p", "q")),
    *(_own_places(n, kind) for n in (40, 100) for kind in ("interval", "p", "q")),
)
