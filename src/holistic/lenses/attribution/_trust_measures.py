"""Measures what tells maps that point at the truth from others, without knowing the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from holistic.graph.loops import batches
from holistic.lenses._pictures import planes
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._maps import magnitude
from holistic.lenses.attribution._removal import order
from holistic.lenses.attribution._robustness import cascading, infidelity, sensitivity
from holistic.lenses.attribution._trust_swaps import (
    Donors,
    donors,
    filled,
    swapped,
    windows_swapped,
)
from holistic.stats.moments import Moments
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["BLIND", "GROUPS", "SHARES", "Measures", "class_contrasts", "measures"]

_NUMBERS = 1 << 23
"""Numbers of the images that are read together."""

BLIND = "random"
"""Name of maps that see no model: others aren't compared with them."""

GROUPS = 5
"""Groups of measures."""
SHARES = (0.03, 0.06, 0.12, 0.25)
"""Shares of the pixels that are swapped."""


@dataclass(frozen=True)
class Measures:
    """What was measured of maps.

    Attributes
    ----------
    methods, names
        M methods, and what was measured.
    values
        `[M, n, F]`, of each image.
    """

    methods: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class _Given:
    """What all methods are compared with."""

    subject: Subject
    sample: Examples
    donors: Donors
    sizes: dict[str, np.ndarray]  # [n, P] each
    ranked: dict[str, np.ndarray]  # [n, P] percentiles, 1 for the largest
    counts: np.ndarray
    rng: np.random.Generator


def measures(
    subject: Subject,
    sample: Examples,
    maps: Mapping[str, Tensor],
    lens: Attribution,
    remade: Callable[[Subject, Examples], Mapping[str, Tensor]],
    advance: Callable[[], object] = lambda: None,
) -> Measures:
    """Measure maps `[n, …]` by each method, of the images of a sample.

    `remade` makes the same methods' maps of other images, or of another network; `advance` is
    called after each of the groups of measures.
    """
    sizes = {k: magnitude(v).flatten(1).double().cpu().numpy() for k, v in maps.items()}
    pixels = next(iter(sizes.values())).shape[1]
    given = _Given(
        subject,
        sample,
        donors(subject, sample),
        sizes,
        {k: _percentiles(v) for k, v in sizes.items()},
        np.maximum(1, np.round(np.array(SHARES) * pixels)).astype(np.int64),
        np.random.default_rng([subject.seed, 4112]),
    )
    columns = {name: dict[str, np.ndarray]() for name in sizes}

    def robust(_: _Given) -> Columns:
        return _robust(subject, sample, maps, lens, remade)

    for group in (_swaps, _references, _shapes, _steadiness, robust):
        for method, found in group(given).items():
            columns[method] |= found
        advance()
    whole = _of_case(given)
    for found in columns.values():
        found |= whole
    names = tuple(next(iter(columns.values())))
    values = np.stack([np.stack([columns[m][k] for k in names], 1) for m in columns])
    return Measures(tuple(columns), names, np.nan_to_num(values, posinf=0, neginf=0))


def _seeing(given: _Given) -> dict[str, np.ndarray]:
    """Ranks of the maps that see the model."""
    return {name: ranked for name, ranked in given.ranked.items() if name != BLIND}


def _percentiles(values: np.ndarray) -> np.ndarray:
    return rankdata(values, axis=1) / values.shape[1]


Columns = dict[str, dict[str, np.ndarray]]


def _swaps(given: _Given) -> Columns:
    """What swapping and filling the named pixels changes, beside random ones and the best."""
    n, pixels = next(iter(given.sizes.values())).shape
    blind = order(np.zeros((n, pixels)), given.rng)
    consensus = np.mean(list(_seeing(given).values()), 0)
    ranks = {name: order(values, given.rng) for name, values in given.sizes.items()}
    ranks |= {"": order(consensus, given.rng), "blind": blind}
    asked = given.subject, given.sample
    lost, gained = {}, {}
    for name, own in ranks.items():
        lost[name], gained[name] = swapped(*asked, given.donors, own, given.counts)
    rivals = [name for name in lost if name != BLIND]
    best = [max(rivals, key=lambda m, k=k: lost[m][:, k].mean()) for k in range(len(given.counts))]
    few = int(given.counts[len(given.counts) // 2])
    base = {how: filled(*asked, blind, few, how) for how in ("mean", "neighbours")}
    columns: Columns = {}
    for name in given.sizes:
        own = columns[name] = {}
        for k in range(len(given.counts)):
            own[f"lost{k}"] = lost[name][:, k]
            own[f"gained{k}"] = gained[name][:, k]
            own[f"behind{k}"] = lost[name][:, k] - lost[best[k]][:, k]
        own["reached"] = np.full(n, max(v[:, 1].mean() for v in lost.values()))
        for how, blank in base.items():
            change = filled(*asked, ranks[name], few, how)
            own[f"filled_{how}"] = (change - blank) / given.donors.scale
    return columns


def _overlap(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """Share of the first `count` pixels that two maps `[n, P]` have in common, `[n]`."""
    first = [np.argsort(-v, axis=1, kind="stable")[:, :count] for v in (a, b)]
    marked = np.zeros(a.shape, bool)
    np.put_along_axis(marked, first[0], True, axis=1)
    return np.take_along_axis(marked, first[1], axis=1).mean(1)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of maps `[n, P]`, `[n]`."""
    a, b = (v - v.mean(1, keepdims=True) for v in (a, b))
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), size, out=np.zeros(len(a)), where=size > 0)


def class_contrasts(subject: Subject, sample: Examples) -> np.ndarray:
    """How far each pixel's mean in a class lies from the others', in standard errors, `[n, P]`."""
    pool, labels = subject.selection, sample.labels.cpu().numpy()
    wanted, at = np.unique(labels, return_inverse=True)
    place = np.full(len(subject.classes), len(wanted))  # all other classes are one
    place[wanted] = np.arange(len(wanted))
    sides = place[pool.labels.cpu().numpy()]
    width = planes(pool.images[:1]).flatten(2).shape[1:]
    moments = Moments.empty(int(np.prod(width)), len(wanted) + 1)
    for part in batches(len(sides), max(1, _NUMBERS // int(np.prod(width)))):
        moments.update(planes(pool.images[part]).flatten(1).double().cpu().numpy(), sides[part])
    found = np.zeros((len(wanted), *width))
    for k in range(len(wanted)):
        own = moments.only([k])
        rest = moments.only([j for j in range(len(wanted) + 1) if j != k]).total()
        error = own.variance / own.count + rest.variance / rest.count  # NaN below two
        gap = (own.mean - rest.mean) ** 2
        found[k].flat = np.divide(gap, error, out=np.zeros_like(gap), where=error > 0)
    return (found.sum(1) ** 0.5)[at]


def _class_means(given: _Given, values: np.ndarray) -> np.ndarray:
    """Mean over the other images of each image's class, `[n, P]`."""
    labels = given.sample.labels.cpu().numpy()
    found = np.zeros_like(values)
    for label in np.unique(labels):
        at = labels == label
        total = values[at].sum(0)
        found[at] = (total - values[at]) / max(1, at.sum() - 1)
    return found


def _references(given: _Given) -> Columns:
    """Agreement with maps by intervention, with the data's contrasts, and with other methods."""
    windows = windows_swapped(given.subject, given.sample, given.donors)
    contrast = class_contrasts(given.subject, given.sample)
    blend = {
        "window": windows,
        "windows": _class_means(given, windows),
        "contrast": contrast,
    }
    strong = np.sort(contrast, axis=1)[:, -max(3, contrast.shape[1] // 30) :].mean(1)
    columns: Columns = {}
    for name, own in given.sizes.items():
        found = columns[name] = {}
        others = np.mean([v for k, v in _seeing(given).items() if k != name] or [own], 0)
        for k, count in enumerate(given.counts[:3]):
            for what, values in (*blend.items(), ("others", others)):
                found[f"{what}{k}"] = _overlap(own, values, int(count))
        for what, values in (*blend.items(), ("others", others)):
            found[f"{what}_r"] = _correlation(given.ranked[name], _percentiles(values))
        found["strong"] = np.log1p(strong)
        found["strongly"] = found["contrast1"] * np.minimum(1.0, strong / 8)
    return columns


def _shapes(given: _Given) -> Columns:
    """How concentrated and how smooth maps are, and how much they are like the image."""
    x = planes(given.sample.images).double()
    away = (x - x.mean(0)).abs().sum(1).flatten(1).cpu().numpy()
    shape = x.shape[2:]
    smooth = _neighbours((x - x.mean(0)).abs().sum(1).cpu().numpy())
    columns: Columns = {}
    for name, own in given.sizes.items():
        total = own.sum(1, keepdims=True)
        share = np.sort(own / np.where(total > 0, total, 1), axis=1)[:, ::-1]
        found = columns[name] = {
            f"held{k}": share[:, : int(count)].sum(1) for k, count in enumerate(given.counts)
        }
        found["effective"] = np.log(1 / np.maximum((share**2).sum(1), 1e-12) / share.shape[1])
        found["smooth"] = _neighbours(own.reshape(-1, *shape))
        found["smooth_ranks"] = _neighbours(given.ranked[name].reshape(-1, *shape))
        found["smooth_image"] = smooth
        found["image_r"] = _correlation(given.ranked[name], _percentiles(away))
    return columns


def _neighbours(values: np.ndarray) -> np.ndarray:
    """Correlation of neighbouring pixels of maps `[n, H, W]`, `[n]`."""
    pairs = []
    for a, b in (
        (values[:, 1:], values[:, :-1]),
        (values[:, :, 1:], values[:, :, :-1]),
    ):
        if a[0].size > 1:
            pairs.append(_correlation(a.reshape(len(a), -1), b.reshape(len(b), -1)))
    return np.mean(pairs, 0) if pairs else np.zeros(len(values))


def _steadiness(given: _Given) -> Columns:
    """How alike the maps of a class's images are, beyond those of other classes'."""
    columns: Columns = {}
    for name, ranked in given.ranked.items():
        own = _correlation(ranked, _class_means(given, ranked))
        everyone = np.broadcast_to(ranked.mean(0), ranked.shape)
        most = given.sizes[name] / np.maximum(given.sizes[name].sum(1, keepdims=True), 1e-30)
        mean = _class_means(given, most)
        peak = np.sort(mean, axis=1)[:, -int(given.counts[1]) :].sum(1)
        columns[name] = {
            "steady": own,
            "steady_all": _correlation(ranked, everyone),
            "steady_first": _overlap(ranked, _class_means(given, ranked), int(given.counts[1])),
            "peak": peak,
        }
    return columns


def _robust(
    subject: Subject,
    sample: Examples,
    maps: Mapping[str, Tensor],
    lens: Attribution,
    remade: Callable[[Subject, Examples], Mapping[str, Tensor]],
) -> Columns:
    """What maps foresee, how far they move in noise, and whether they follow the last layers."""
    unseen = infidelity(subject, sample, maps, lens)
    moved = sensitivity(subject, sample, maps, remade)
    followed = cascading(subject, sample, maps, remade)
    nothing = np.zeros((2, len(sample)))
    return {
        name: {
            "infidelity": unseen[name],
            "sensitivity": np.log(moved[name] + 1e-3),
            "cascading": followed.get(name, nothing)[0],
            "cascading_bound": np.subtract(*followed.get(name, nothing)),
        }
        for name in maps
    }


def _of_case(given: _Given) -> dict[str, np.ndarray]:
    """How well the model does on examples that weren't looked at, of its kind and its data."""
    subject, n = given.subject, len(given.sample)
    found = {}
    for name, part in (("right", subject.evaluation), ("learnt", subject.selection)):
        few = part.at(np.linspace(0, len(part) - 1, min(len(part), 400)).astype(np.int64))
        hit = subject.predict(few.images).argmax(1) == few.labels
        chance = 1 / len(subject.classes)
        found[name] = np.full(n, (float(hit.double().mean()) - chance) / (1 - chance))
    count, seeing = int(given.counts[1]), list(_seeing(given).values())
    alike = [_overlap(a, b, count).mean() for i, a in enumerate(seeing) for b in seeing[:i]]
    found["alike"] = np.full(n, np.mean(alike) if alike else 0.0)
    found["pixels"] = np.full(n, np.log(seeing[0].shape[1]))
    return found
