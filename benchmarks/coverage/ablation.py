"""Ablation: shares, effects beyond the others', replacements, pairs and averages."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations, permutations

import numpy as np
import torch

import holistic
from benchmarks.coverage.simulation import Kind, Simulation, held, small
from benchmarks.populations import CLASSES, drawn, population, shuffled
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._effects import SCORES, label_effects, unit_effects_on
from holistic.lenses.ablation._pairs import pair_effects
from holistic.lenses.ablation._resampled import redrawn_agreements
from holistic.lenses.ablation.scores import SignFlips, score_units
from holistic.lenses.ablation.shapley import sample_shares, share_means
from holistic.progress import silent
from holistic.results.tables import Table
from holistic.stats.agreement import fisher, spearman
from holistic.stats.averages import mean_accuracy, mean_drop, mean_of_means
from holistic.stats.means import Means

__all__ = ["SIMULATIONS"]

_LENS = Ablation(depth=4, sets=60, permutations=40, familywise=0)
_UNITS = 6
_TOP = 6


def _site(subject: holistic.Subject) -> Site:
    return subject.hidden_sites[0]


@cache
def _true_shares() -> np.ndarray:
    """Shapley values `[U, C + 1]` on the whole population, from every set of units."""
    subject = population(_UNITS)
    masks = torch.tensor([[code >> u & 1 for u in range(_UNITS)] for code in range(2**_UNITS)])
    value = np.empty((len(masks), CLASSES + 1))
    images, labels = subject.evaluation.images, subject.evaluation.labels
    for code, gone in enumerate(masks.bool()):
        edits = [holistic.Mean("1", units=torch.nonzero(gone)[:, 0].tolist())] if code else []
        scores = subject.score_of(subject.predict(images, edits), labels).double().numpy()
        value[code] = Means.by_class(scores, labels.numpy(), CLASSES).mean
    shares = np.zeros((_UNITS, CLASSES + 1))
    orders = [np.array(order) for order in permutations(range(_UNITS))]
    for order in orders:
        codes = np.concatenate([[0], np.cumsum(1 << order)])
        shares[order] += value[codes[:-1]] - value[codes[1:]]
    return shares / len(orders)


@cache
def _share_bounds(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    subject = drawn(population(_UNITS), n, seed)
    return share_means(sample_shares(subject, _site(subject), _LENS).groups).interval()


def _shares(n: int, *, every: bool) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        lo, hi = _share_bounds(n, seed)
        part = slice(-1, None) if every else slice(None, -1)
        return held(lo[:, part], hi[:, part], _true_shares()[:, part])

    what = "share over all classes" if every else "share in a class's score"
    few = n if every else n // CLASSES
    return Simulation("ablation.shapley", what, "interval", few, draw, 200, 8)


@cache
def _true_specific() -> np.ndarray:
    """Effects on a class beyond the others', `[S, U, C + 1]`, on the whole population."""
    subject = population(_UNITS)
    labels = subject.evaluation.labels.numpy()
    parts = []
    for _, effects in label_effects(subject, _site(subject), subject.evaluation, "mean", SCORES):
        beyond = effects - effects.mean(3, keepdim=True)  # [S, U', B, C]
        gaps = [
            beyond[:, :, labels == c, c].mean(2) - beyond[:, :, labels != c, c].mean(2)
            for c in range(CLASSES)
        ]
        parts.append(torch.stack([*gaps, torch.stack(gaps).mean(0)], 2).numpy())
    return np.concatenate(parts, 1)


def _specific(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        table = score_units(drawn(population(_UNITS), n, seed), _LENS, silent).table
        truth = _true_specific().transpose(1, 2, 0).reshape(-1)
        # being right is a share of examples: skewed, and its bounds are wide
        plain = table.column("score") != "accuracy"
        lo, hi = (table.column(f"specific_{end}")[plain] for end in ("lo", "hi"))
        return held(lo, hi, truth[plain])

    return Simulation("ablation.scores", "specific effect", "interval", n // 4, draw, 100, 8)


@cache
def _shuffled_scores(n: int, units: int, seed: int) -> Table:
    return score_units(shuffled(population(units), n, seed), _LENS, silent).table


def _null_scores(kind: Kind, n: int, units: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        table = _shuffled_scores(n, units, seed)
        if kind == "p":
            return small(table.column("specific_p"))
        return int((table.column("specific_q") < 0.05).any()), 1

    words = "specific, labels shuffled"
    return Simulation("ablation.scores", words, kind, n, draw, 600, 20)


def _familywise(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        flips = SignFlips(199, seed)
        own = rng.standard_t(3, (30, n)) * (rng.random((30, n)) < 0.5)
        return int(flips.p(flips.observe(own, np.arange(n) % CLASSES, CLASSES)).min() < 0.05), 1

    return Simulation("ablation.scores", "family-wise p, symmetric", "q", n, draw, 400, 40)


_REPLACEMENTS = ("mean", "zero", "resample")


@cache
def _whole_effects() -> dict[str, np.ndarray]:
    subject = population(24)
    site = _site(subject)
    return {
        kind: unit_effects_on(subject, site, subject.evaluation, kind, ("margin",))[0]
        for kind in _REPLACEMENTS
    }


def _some(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Effects on n images of the population, as many of each class, and their labels."""
    rng, labels = np.random.default_rng([seed, n]), population(24).evaluation.labels.numpy()
    own = [np.flatnonzero(labels == c) for c in range(CLASSES)]
    rows = np.concatenate([rng.choice(o, n // CLASSES, replace=False) for o in own])
    return {kind: values[:, rows] for kind, values in _whole_effects().items()}, labels[rows]


@cache
def _usual_agreement(n: int) -> dict[tuple[str, str, int], np.ndarray]:
    """What n images give on average: rank correlation on Fisher's scale, and shared top."""
    found = dict[tuple[str, str, int], list[tuple[float, float]]]()
    for seed in range(300):
        effects, labels = _some(n, 10_000 + seed)
        for a, b in combinations(_REPLACEMENTS, 2):
            for c in range(CLASSES + 1):
                own = labels == c if c < CLASSES else labels >= 0
                x, y = (effects[kind][:, own].mean(1) for kind in (a, b))
                tops = [set(np.argsort(side)[:_TOP].tolist()) for side in (x, y)]
                rank = float(fisher(spearman(x, y).r, len(x)))
                found.setdefault((a, b, c), []).append((rank, len(tops[0] & tops[1]) / _TOP))
    return {key: np.mean(values, 0) for key, values in found.items()}


def _replacements(n: int, *, overlap: bool) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        effects, labels = _some(n, seed)
        found = redrawn_agreements(effects, labels, CLASSES, k=_TOP, seed=seed)
        usual = _usual_agreement(n)
        if overlap:
            ends = np.array([(f.overlap_lo, f.overlap_hi) for f in found.values()])
            return held(ends[:, 0], ends[:, 1], np.array([usual[key][1] for key in found]))
        ends = np.array([(f.spearman_lo, f.spearman_hi) for f in found.values()])
        return held(ends[:, 0], ends[:, 1], np.tanh([usual[key][0] for key in found]))

    what = "share of the top in both" if overlap else "rank correlation"
    return Simulation("ablation.replacements", what, "interval", n, draw, 200, 12, overlap)


def _interactions(n: int) -> Simulation:
    pairs = np.array(list(combinations(range(_UNITS), 2)))

    @cache
    def truth() -> np.ndarray:
        subject = population(_UNITS)
        found = pair_effects(subject, _site(subject), pairs, subject.evaluation, "mean")
        return np.stack([found.interaction.mean, found.second_gone.mean])

    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(population(_UNITS), n, seed)
        found = pair_effects(subject, _site(subject), pairs, subject.evaluation, "mean")
        ends = [part.interval() for part in (found.interaction, found.second_gone)]
        lo, hi = (np.stack([end[i] for end in ends])[:, :, -1] for i in range(2))
        return held(lo, hi, truth()[:, :, -1])

    return Simulation("ablation.interactions", "interaction", "interval", n, draw, 200, 12, True)


def _averages(kind: str, n: int) -> Simulation:
    """Ten classes of unlike accuracy, and classes of few examples beside classes of many."""
    shares = np.linspace(0.3, 1.0, 10)
    counts = np.maximum(np.round(n * np.linspace(0.5, 1.5, 10) / 10).astype(int), 2)

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        ends, truth = list[tuple[float, float]](), 0.0
        for _ in range(50):
            if kind == "accuracy":
                ends.append(mean_accuracy(rng.binomial(counts, shares), counts)[1:])
                truth = shares.mean()
            elif kind == "drop":
                lost = rng.binomial(counts, 1 - shares)
                gained = rng.binomial(counts - lost, 0.05)
                ends.append(mean_drop(lost, gained, counts)[1:])
                truth = (1 - shares - 0.05 * shares).mean()
            else:
                parts = [
                    Means.of(rng.beta(2 * s + 0.1, 2, m))
                    for s, m in zip(shares, counts, strict=True)
                ]
                each = Means.stack(parts)
                ends.append(mean_of_means(each.mean, each.m2, each.count, (0, 1))[1:])
                truth = ((2 * shares + 0.1) / (2 * shares + 2.1)).mean()
        lo, hi = np.array(ends).T
        return held(lo, hi, np.full(50, truth))

    words = f"{kind} averaged over ten classes"
    return Simulation("ablation.averages", words, "interval", n, draw, 100, 10)


def _each(make: Callable[[int], Simulation], *sizes: int) -> tuple[Simulation, ...]:
    return tuple(make(n) for n in sizes)


SIMULATIONS = (
    *(_shares(n, every=every) for n in (50, 200, 800) for every in (True, False)),
    *_each(_specific, 200, 800),
    _null_scores("p", 200, 24),
    _null_scores("q", 200, 24),
    _familywise(60),
    *(_replacements(n, overlap=overlap) for n in (48, 200) for overlap in (False, True)),
    *_each(_interactions, 50, 200),
    *(_averages(kind, n) for kind in ("accuracy", "drop", "numbers") for n in (50, 200)),
)
