"""Makes maps by every attribution method and puts them through tests: `attribution.methods`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.registry import METHODS
from holistic.lenses._cases import cases
from holistic.lenses._pictures import drawn_as_pictures, pictures, planes
from holistic.lenses._untrained import fresh_control
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._baselines import baseline_rows
from holistic.lenses.attribution._checks import (
    completeness,
    judged,
    rank_correlations,
    removed,
    resemblance,
)
from holistic.lenses.attribution._failures import FAILURES
from holistic.lenses.attribution._further_tests import further_rows
from holistic.lenses.attribution._maps import (
    attributions,
    chosen_methods,
    edges,
    finite_maps,
    in_squares,
    magnitude,
    objective,
    side_of,
    unusable,
)
from holistic.lenses.attribution._removal import Curves, area, grid, mean_image, order, removal
from holistic.lenses.attribution._sample import balanced, joined, typical
from holistic.lenses.attribution.methods_statements import statements
from holistic.lenses.attribution.schemas import MethodRow
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.words import sentence, unbounded

__all__ = ["methods_finding"]

_UNTRAINED = 7919
"""Added to the subject's seed: a model may have been trained from weights drawn from that seed."""
_FEW = 0.01
"""Share of pixels that are zero below which leaving them out is no test of its own."""


@dataclass(frozen=True)
class _Maps:
    """Signed attributions and magnitudes of the sample, then of single images.

    Attributes
    ----------
    sample, shown
        n images that metrics are measured on; the typical image of each class, and then others
        that are told of one by one.
    sums
        Method to `[n]`, sum of each image's signed attributions.
    sizes
        Method (and `edge`) to `[n + E, H, W]` magnitudes, float32.
    signs
        Method to `[E, H, W]`, the signed attributions of the single images added up over channels.
    fresh
        Per randomly initialised control, method to `[n, H, W]` magnitudes.
    left_out
        Images of which a map holds NaN or infinite values, in this network or in a control.
    """

    sample: Examples
    shown: Examples
    sums: Mapping[str, np.ndarray]
    sizes: Mapping[str, Tensor]
    signs: Mapping[str, Tensor]
    fresh: Sequence[Mapping[str, Tensor]]
    left_out: int


def methods_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Make maps by every method, test them, and build `attribution.methods`."""
    if not chosen_methods(subject, lens):
        table = Table.from_rows(MethodRow, [])
        return Finding(schemas.METHODS, table, caveats=tuple(_missing(subject, lens)))
    maps = _make_maps(subject, lens, progress)
    if not len(maps.sample):
        none = f"On all {maps.left_out} images a map holds NaN or infinite values: gradients do."
        return Finding(schemas.METHODS, Table.from_rows(MethodRow, []), caveats=(none,))
    counts = grid(next(iter(maps.sizes.values()))[0].numel(), lens.fractions)
    curves = _all_curves(subject, lens, maps, counts, progress)
    rows = judged(
        [
            *_removal_rows(curves, counts),
            *_completeness_rows(subject, lens, maps),
            *_similarity_rows(lens, maps),
            *further_rows(subject, lens, progress),
            *baseline_rows(subject, lens, chosen_methods(subject, lens), maps.sample),
        ]
    )
    return Finding(
        schemas.METHODS,
        Table.from_rows(MethodRow, rows),
        statements=statements(rows, lens),
        caveats=_caveats(subject, lens, maps, rows),
        arrays=_arrays(subject, maps, curves),
    )


def _make_maps(subject: Subject, lens: Attribution, progress: Progress) -> _Maps:
    sample = balanced(subject.evaluation, lens.examples, subject.seed)
    single = cases(subject)
    close = [i for i, kind in enumerate(single.kinds) if kind != "typical"]
    shown = joined(typical(subject), single.examples.at(np.array(close, np.int64)))
    images, done = joined(sample, shown), 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        progress("attribution maps", done, total)

    methods = chosen_methods(subject, lens)
    total = len(methods) * (len(images) + 2 * len(sample))
    signed = attributions(subject, images, lens, finished, methods)
    fresh = [
        attributions(
            fresh_control(subject, subject.seed + copy * _UNTRAINED),
            sample,
            lens,
            finished,
            methods,
        )
        for copy in (1, 2)
    ]
    kept = _finite(signed, fresh)
    measured, single_ones = (
        np.flatnonzero(side.numpy()) for side in kept.tensor_split([len(sample)])
    )
    sizes = {name: magnitude(values[kept]) for name, values in signed.items()}
    if drawn_as_pictures(subject):
        sizes["edge"] = edges(images.images[kept.to(images.images.device)])
    return _Maps(
        sample.at(measured),
        shown.at(single_ones),
        {k: v[measured].double().flatten(1).sum(1).cpu().numpy() for k, v in signed.items()},
        sizes,
        {k: planes(v[kept]).sum(1)[len(measured) :] for k, v in signed.items()},
        [{name: magnitude(values[measured]) for name, values in made.items()} for made in fresh],
        len(images) - int(kept.sum()),
    )


def _finite(signed: Mapping[str, Tensor], fresh: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Say of which images `[n + E]` all maps are finite; the controls' are of the first n."""
    found = torch.stack([finite_maps(values) for values in signed.values()]).all(0)
    for made in fresh:
        for values in made.values():
            found[: len(values)] &= finite_maps(values)
    return found


def _all_curves(
    subject: Subject, lens: Attribution, maps: _Maps, counts: np.ndarray, progress: Progress
) -> dict[str, Curves]:
    """Removal curves of every method and, last, the mean of those of random orders."""
    rng = np.random.default_rng(subject.seed)
    fill, n, done = mean_image(subject), len(maps.sample), 0
    total = len(maps.sizes) + lens.random_orders

    def followed(values: np.ndarray) -> Curves:
        nonlocal done
        done += 1
        progress("removing pixels", done, total)
        return removal(subject, maps.sample, order(values, rng), counts, fill)

    curves = {k: followed(v[:n].flatten(1).double().cpu().numpy()) for k, v in maps.sizes.items()}
    draws = [followed(np.zeros((n, int(counts[-1])))) for _ in range(lens.random_orders)]
    curves["random"] = Curves(
        np.mean([d.deletion for d in draws], 0), np.mean([d.insertion for d in draws], 0)
    )
    return curves


def _removal_rows(curves: Mapping[str, Curves], counts: np.ndarray) -> list[MethodRow]:
    rows = list[MethodRow]()
    for metric, side in (("deletion_auc", "deletion"), ("insertion_auc", "insertion")):
        areas = {name: area(getattr(c, side), counts) for name, c in curves.items()}
        for name, values in areas.items():
            control = None if name == "random" else areas["random"]
            rows.append(removed(name, metric, values, control))
    return rows


def _completeness_rows(subject: Subject, lens: Attribution, maps: _Maps) -> list[MethodRow]:
    images, labels = maps.sample.images, maps.sample.labels
    with torch.no_grad():
        here = objective(subject, images, labels, lens.objective)
        there = objective(subject, torch.zeros_like(images), labels, lens.objective)
    changes = (here.double() - there.double()).cpu().numpy()
    return [
        completeness(name, sums, changes, tolerance=lens.tolerance, seed=subject.seed)
        for name, sums in maps.sums.items()
        if METHODS[name].complete
    ]


def _similarity_rows(lens: Attribution, maps: _Maps) -> list[MethodRow]:
    """Compare each method's maps with a randomly initialised control's and with edges."""
    n, rows = len(maps.sample), list[MethodRow]()
    flat = {name: values[:n].flatten(1).cpu().numpy() for name, values in maps.sizes.items()}
    first, second = (
        {k: v.flatten(1).cpu().numpy() for k, v in made.items()} for made in maps.fresh
    )
    nonzero = (magnitude(maps.sample.images) > 0).flatten(1).cpu().numpy()  # [n, P]
    everywhere = np.ones_like(nonzero)
    asked = {"randomisation": everywhere}
    # of images without zeros both would be the same number
    if nonzero.mean() < 1 - _FEW:
        asked["randomisation_nonzero"] = nonzero
    for metric, among in asked.items():
        for name in maps.sums:
            likeness = rank_correlations(flat[name], first[name], among=among)
            control = rank_correlations(first[name], second[name], among=among)
            rows.append(resemblance(name, metric, likeness, control, lens.similar))
    if "edge" not in flat:
        return rows
    strangers = np.roll(flat["edge"], 1, axis=0)
    for name in maps.sums:
        likeness = rank_correlations(flat[name], flat["edge"], among=everywhere)
        control = rank_correlations(flat[name], strangers, among=everywhere)
        rows.append(resemblance(name, "edge_similarity", likeness, control, lens.similar))
    return rows


def _arrays(subject: Subject, maps: _Maps, curves: Mapping[str, Curves]) -> dict[str, np.ndarray]:
    """Maps and curves, methods in the order of their first rows in the table."""
    n = len(maps.sample)
    shares = torch.stack([_shares(v) for v in maps.sizes.values()])  # [M, n + E, H, W]
    labels = maps.sample.labels.cpu()
    means, spreads = class_maps(shares[:, :n], labels, len(subject.classes))
    each = np.array([[c.deletion, c.insertion] for c in curves.values()])  # [M + 1, 2, n, S]
    followed = Means.of(each.swapaxes(2, 3))
    ends = followed.interval()
    return {
        "attribution.class_maps": means,
        "attribution.class_spread": spreads,
        "attribution.class_counts": np.bincount(labels, minlength=len(subject.classes)),
        "attribution.example_maps": in_squares(_signed_shares(maps, shares[:, n:])),
        "attribution.class_images": pictures(_class_images(subject), subject.studied),
        "attribution.example_images": pictures(maps.shown.images, subject.studied),
        "attribution.example_ids": np.asarray(maps.shown.indices, np.int64),
        "attribution.example_labels": maps.shown.labels.cpu().numpy().astype(np.int64),
        "attribution.curves": followed.mean.astype(np.float32),
        "attribution.curve_bounds": np.stack(ends, 2).clip(0, 1).astype(np.float32),
    }


def class_maps(shares: Tensor, labels: Tensor, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Average maps `[M, n, H, W]` over the images of each class, and say how far they vary.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        Means and standard deviations over images, `[M, C, H, W]`, where there are very many pixels
        added up in squares first. Of a class without an image the mean is 0, and of one with fewer
        than two the deviation is NaN.
    """
    maps, _, *plane = shares.shape
    each = in_squares(shares, side_of(maps * classes * int(np.prod(plane))))
    means = np.zeros((maps, classes, *each.shape[2:]), np.float32)
    spreads = np.full_like(means, np.nan)
    for label in range(classes):
        own = each[:, (labels == label).numpy()]
        if own.shape[1]:
            means[:, label] = own.mean(1)
        if own.shape[1] > 1:
            spreads[:, label] = own.std(1, ddof=1)
    return means, spreads


def _class_images(subject: Subject) -> Tensor:
    """Average each class's images of the selection split, `[C, …]`; black where it has none."""
    images, labels = subject.selection.images, subject.selection.labels
    own = [images[labels == c].float() for c in range(len(subject.classes))]
    black = torch.full_like(images[0], float(subject.studied.min()), dtype=torch.float32)
    return torch.stack([some.mean(0) if len(some) else black for some in own])


def _shares(sizes: Tensor) -> Tensor:
    """Divide each map `[n, H, W]` by its sum; maps of zeros stay."""
    total = sizes.sum((1, 2), keepdim=True)
    return (sizes / torch.where(total > 0, total, 1.0)).float()


def _signed_shares(maps: _Maps, shares: Tensor) -> Tensor:
    """Shares `[M, E, H, W]` of the single images with the sign of their attributions."""
    n, found = len(maps.sample), list[Tensor]()
    for (name, sizes), plain in zip(maps.sizes.items(), shares, strict=True):
        total = sizes[n:].sum((1, 2), keepdim=True)
        own = maps.signs.get(name)
        found.append(plain if own is None else own / torch.where(total > 0, total, 1.0))
    return torch.stack(found).float()


def _missing(subject: Subject, lens: Attribution) -> Iterator[str]:
    """Say of the methods that can't be used on the model why not."""
    for why, names in unusable(subject, lens).items():
        yield f"{sentence(why)}, so there is no map by {', '.join(names)}."


def _caveats(
    subject: Subject, lens: Attribution, maps: _Maps, rows: Sequence[MethodRow]
) -> tuple[str, ...]:
    means = [row for row in rows if row.n > 0 and row.metric != "completeness"]
    asked = {row.metric for row in rows}
    return (
        *_missing(subject, lens),
        f"What is attributed is the {lens.objective} of each example's own class, whether the "
        f"model is right or not, on {len(maps.sample)} evaluation images balanced over classes.",
        "Integrated gradients starts from an image of zeros; baseline_dependence says how far maps "
        "from other baselines are off.",
        "Removed pixels hold the mean image of the selection split: such images are unlike any "
        "that the model was trained on.",
        "Passing a test doesn't make a map true: none of them asks whether a pixel would have "
        "changed the decision (Bilodeau et al. 2024). Failing one says what the test asks and no "
        "more: "
        + "; ".join(f"{name}: {says}" for name, says in FAILURES.items() if name in asked)
        + ".",
        *unbounded(
            sum(row.value.lo != row.value.lo for row in means),
            len(means),
            "means",
        ),
        *(
            [f"{maps.left_out} images are left out: a map of them holds NaN or infinite values."]
            if maps.left_out
            else []
        ),
        "Class maps are means of maps that each add up to 1; example maps are of evaluation images "
        "picked by their margins (median, closest, worst), not by what their maps look like.",
    )
