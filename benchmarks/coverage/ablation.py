"""Ablation: shares, effects beyond the others', sets of units, curves, pairs and averages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations

import numpy as np
import torch
from scipy.stats import spearmanr

import holistic
from benchmarks.coverage.simulation import Kind, Simulation
from benchmarks.populations import CLASSES, drawn, population, shuffled
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._effects import SCORES, label_effects, unit_effects_on
from holistic.lenses.ablation._pairs import pair_effects
from holistic.lenses.ablation._resampled import redrawn_agreements
from holistic.lenses.ablation.areas import Curve, area_row
from holistic.lenses.ablation.curves import replay_orders
from holistic.lenses.ablation.scores import SignFlips, score_units
from holistic.lenses.ablation.shapley import sample_shares, share_means
from holistic.lenses.ablation.topk import remove_sets
from holistic.progress import silent
from holistic.results.columns import col
from holistic.results.tables import Table
from holistic.stats.averages import mean_accuracy, mean_drop, mean_of_means
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.means import Means

__all__ = ["SIMULATIONS"]

_LENS = Ablation(depth=4, sets=60, permutations=40, familywise=0)
_UNITS = 6
_TOP = 6


_NAMES = np.array([*map(str, range(CLASSES)), "all"])


@dataclass(frozen=True)
class _Chosen:
    """Row of a sweep that ranks units."""

    site: str = col("site")
    effect: float = col("effect")
    class_: str = col("class", name="class")


def _site(subject: holistic.Subject) -> Site:
    return subject.hidden_sites[0]


def _held(lo: np.ndarray, hi: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """How many of the bounds that there are hold the truth, give or take rounding."""
    slack = 1e-6 * (1 + np.abs(truth))
    known = ~np.isnan(lo)
    return int(((lo <= truth + slack) & (truth - slack <= hi) & known).sum()), int(known.sum())


def _small(p: np.ndarray) -> tuple[int, int]:
    return int((p < 0.05).sum()), int((~np.isnan(p)).sum())


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


def _shares(n: int, *, every: bool) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(population(_UNITS), n, seed)
        lo, hi = share_means(sample_shares(subject, _site(subject), _LENS).groups).interval()
        part = slice(-1, None) if every else slice(None, -1)
        return _held(lo[:, part], hi[:, part], _true_shares()[:, part])

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
        return _held(lo, hi, truth[plain])

    return Simulation("ablation.scores", "specific effect", "interval", n // 4, draw, 100, 8)


def _null_scores(kind: Kind, n: int, units: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        table = score_units(shuffled(population(units), n, seed), _LENS, silent).table
        if kind == "p":
            return _small(table.column("specific_p"))
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


def _null_sets(kind: Kind, column: str, units: int) -> Simulation:
    """Units in an order that says nothing: the top k of a class are as random as the control.

    Shuffled labels alone would be no null: a class's accuracy is then how often the network says
    the class, and the units by which it does are found.
    """

    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(population(units), 200, seed)
        rows = np.random.default_rng([seed, units]).normal(size=units * (CLASSES + 1))
        chosen = Table.build(
            _Chosen, {"site": "1", "effect": rows, "class": np.tile(_NAMES, units)}
        )
        topk, off_target = (f.table for f in remove_sets(subject, _LENS, chosen, silent))
        table = off_target
        if finding == "topk":
            told = topk.column("k") == topk.where(rank=1).column("k")[0]
            told &= topk.column("ranking") == "effect"
            table = Table(topk.columns, topk.data.filter(told))
        values = table.column(name)
        return _small(values) if kind == "p" else (int((values < 0.05).any()), 1)

    finding, name = column.split(":")
    words = f"{name}, {units} units in random order"
    return Simulation(f"ablation.{finding}", words, kind, 200, draw, 200, 16)


def _drops(n: int) -> Simulation:
    """Accuracy that is lost without the first k units of a ranking."""

    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(population(_UNITS), n, seed)
        sizes, orders = [0, 1, 2, 3], _orders(1)
        right = replay_orders(
            subject, _site(subject), orders, sizes, examples=subject.evaluation, edit="mean"
        )[0]
        before, after = right[0], right[1:]
        lost, gained = (before & ~after).sum(1), (~before & after).sum(1)
        low, high = paired_accuracy_interval(lost, gained, n)
        whole = _population_right()[0]
        truth = whole[1:4].mean(1) - whole[0].mean()
        return _held(low, high, truth)

    return Simulation("ablation.topk", "accuracy lost", "interval", n, draw, 200, 20, n < 200)


def _orders(count: int) -> np.ndarray:
    return np.random.default_rng(5).permuted(np.tile(np.arange(_UNITS), (count, 1)), axis=1)


@cache
def _population_right() -> np.ndarray:
    """Which images of the population are right without the first units of 41 orders."""
    subject = population(_UNITS)
    return replay_orders(
        subject, _site(subject), _orders(41), np.arange(_UNITS + 1),
        examples=subject.evaluation, edit="mean",
    )  # fmt: skip


def _areas(n: int) -> Simulation:
    def curve(rows: np.ndarray) -> Curve:
        right = _population_right()[:, :, rows]
        sizes = np.arange(_UNITS + 1)
        return Curve(("1", "0", "remove_top", "effect"), sizes=sizes, controls=sizes,
                     right=right[0], random=right[1:], matched=right[1:])  # fmt: skip

    @cache
    def truth() -> float:
        whole = area_row(curve(np.arange(_population_right().shape[2])), 0)[0].area.value
        return np.nan if whole is None else whole

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        rows = rng.choice(_population_right().shape[2], n, replace=False)
        area = area_row(curve(rows), 0)[0].area
        ends = np.array([area.lo, area.hi], float)
        return _held(ends[:1], ends[1:], np.array([truth()]))

    return Simulation("ablation.areas", "area", "interval", n, draw, 1000, 60, n < 200)


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
                rank = np.arctanh(min(spearmanr(x, y).statistic, 1 - 1e-9))
                found.setdefault((a, b, c), []).append((rank, len(tops[0] & tops[1]) / _TOP))
    return {key: np.mean(values, 0) for key, values in found.items()}


def _replacements(n: int, *, overlap: bool) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        effects, labels = _some(n, seed)
        found = redrawn_agreements(effects, labels, CLASSES, k=_TOP, seed=seed)
        usual = _usual_agreement(n)
        if overlap:
            ends = np.array([(f.overlap_lo, f.overlap_hi) for f in found.values()])
            return _held(*ends.T, np.array([usual[key][1] for key in found]))
        ends = np.array([(f.spearman_lo, f.spearman_hi) for f in found.values()])
        return _held(*ends.T, np.tanh([usual[key][0] for key in found]))

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
        return _held(lo, hi, truth()[:, :, -1])

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
        return _held(*np.array(ends).T, np.full(50, truth))

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
    _null_sets("p", "topk:class_p", 16),
    _null_sets("q", "topk:class_q", 16),
    _null_sets("q", "topk:class_q", 4),
    _null_sets("q", "topk:q", 16),
    _null_sets("p", "off_target:control_p", 16),
    _null_sets("q", "off_target:control_q", 16),
    *_each(_drops, 50, 200),
    *_each(_areas, 50, 200),
    *(_replacements(n, overlap=overlap) for n in (48, 200) for overlap in (False, True)),
    *_each(_interactions, 50, 200),
    *(_averages(kind, n) for kind in ("accuracy", "drop", "numbers") for n in (50, 200)),
)
