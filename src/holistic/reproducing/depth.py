"""What each layer knows of the digit, and the directions that stand for one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.mechanism._features import INPUT, Features, site_features
from holistic.lenses.mechanism._geometry import collapse
from holistic.lenses.mechanism._probes import Probe, gain, probe
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing._fitted_directions import METHODS, collect, orientations
from holistic.lenses.tracing._fitted_directions import Features as Known
from holistic.lenses.tracing._trials import Trial, try_site
from holistic.pieces import kept
from holistic.reproducing.measured import Measured, against, jackknife_error
from holistic.reproducing.networks import fresh
from holistic.stats.intervals import class_auroc, delong_interval
from holistic.stats.means import Means
from holistic.study.subject import Subject

__all__ = ["abstraction", "directions"]

_FRESH = 20
_FEATURES = 1024
_PENALTY = 0.01
_GEOMETRY = 2000
_NORMAL = 1.959964
_SETTINGS = Tracing(controls=200, examples=512)


@kept
def abstraction(subject: Subject) -> list[Measured]:
    """Measure what a linear probe gains from layer to layer, and how far classes draw together.

    Each step from the input on must gain more than in networks with newly drawn weights. NC1 is
    how far examples scatter around their class's mean, beside how far the means lie apart: its
    fall is in natural logarithms. Beside stands how many of the network's answers a probe of each
    layer, and of all later ones, gives already.
    """
    names = [INPUT, *(site.name for site in subject.hidden_sites)]
    layers = ["input", *(site.layer for site in subject.hidden_sites)]
    own = [_read(subject, name) for name in names]
    probes = [_probe(subject, both) for both in own]
    copies = np.stack([_of_copy(copy, names[1:]) for copy in fresh(subject, _FRESH)])
    before = np.full((len(copies), 1), probes[0].accuracy)
    accuracies = np.concatenate([before, copies[:, :, 0]], 1)  # [copies, layers]
    found = list(_gains(layers, probes, np.diff(accuracies)))
    found += _falls(subject, layers, own, np.diff(-np.log(copies[:, :, 1])))
    return [*found, *_settled(subject, layers, own)]


@kept
def _of_copy(copy: Subject, names: list[str]) -> np.ndarray:
    """Accuracy of a probe and NC1 of each layer, with newly drawn weights: `[layers, 2]`."""
    read = [_read(copy, name) for name in names]
    return np.array([(_probe(copy, both).accuracy, _nc1(copy, both[1])) for both in read])


def _read(subject: Subject, name: str) -> tuple[Features, Features]:
    splits = subject.selection, subject.evaluation
    selection, evaluation = (site_features(subject, name, s, most=_FEATURES) for s in splits)
    return selection, evaluation


def _probe(subject: Subject, both: tuple[Features, Features]) -> Probe:
    splits = subject.selection, subject.evaluation
    train, test = ((f.values, s.labels.cpu().numpy()) for f, s in zip(both, splits, strict=True))
    return probe(train, test, penalty=_PENALTY)


def _gains(layers: list[str], probes: list[Probe], copies: np.ndarray) -> Iterator[Measured]:
    """What probes gain at each step from the input on, beside controls `[copies, steps]`."""
    for place, (before, after) in enumerate(pairwise(probes), 1):
        value, lo, hi = gain(before, after)
        error = (hi - lo) / (2 * _NORMAL)
        yield against(
            ("abstraction", "", f"a probe gains from {layers[place - 1]} to {layers[place]}"),
            (value, error, len(after.right)),
            copies[:, place - 1],
            unit="points",
            only=lo > 0,
        )


def _sample(subject: Subject) -> np.ndarray:
    rng = np.random.default_rng(subject.seed)
    return np.sort(rng.permutation(len(subject.evaluation))[:_GEOMETRY])


def _nc1(subject: Subject, features: Features) -> float:
    rows = _sample(subject)
    return collapse(features.values[rows], subject.evaluation.labels.cpu().numpy()[rows])


def _falls(
    subject: Subject, layers: list[str], own: list[tuple[Features, Features]], copies: np.ndarray
) -> Iterator[Measured]:
    """How far NC1 falls at each step between hidden layers, beside controls `[copies, steps]`."""
    rows = _sample(subject)
    labels = subject.evaluation.labels.cpu().numpy()[rows]
    values = [features.values[rows] for _, features in own]
    for place in range(2, len(layers)):
        steps = values[place - 1], values[place]

        def fall(gone: np.ndarray, steps: tuple[np.ndarray, np.ndarray] = steps) -> float:
            stay = np.setdiff1d(np.arange(len(labels)), gone)
            before, after = (collapse(step[stay], labels[stay]) for step in steps)
            return float(np.log(before / after))

        error = float(jackknife_error(fall, len(rows), subject.seed))
        yield against(
            ("abstraction", "", f"classes gather from {layers[place - 1]} to {layers[place]}"),
            (fall(np.empty(0, int)), error, len(rows)),
            copies[:, place - 2],
            unit="nats",
            role="also",
        )


def _settled(
    subject: Subject, layers: list[str], own: list[tuple[Features, Features]]
) -> Iterator[Measured]:
    """Share of the network's answers that probes give from each layer on (Baldock et al. 2021)."""
    answers = subject.predict().argmax(1).cpu().numpy()
    labels = subject.selection.labels.cpu().numpy()
    agree = [
        probe((first.values, labels), (second.values, answers), penalty=_PENALTY).right
        for first, second in own
    ]
    usual = float(np.bincount(answers).max() / len(answers))
    for place, layer in enumerate(layers):
        share = float(np.logical_and.reduce(agree[place:]).mean())
        error = float(np.sqrt(share * (1 - share) / len(answers)))
        yield against(
            ("abstraction", "", f"answers settled at {layer}"),
            (share, error, len(answers)), [usual], unit="share", role="remark",
        )  # fmt: skip


@kept
def directions(subject: Subject) -> list[Measured]:
    """Tell digits by, steer along and erase their directions, beside random directions.

    A digit's direction at a layer is the mean of its examples minus the mean of the others, on
    the selection split; numbers are means over the digits. Steering is the slope of the digit's
    score in logits for each standard deviation, erasing the accuracy that the digit loses.
    """
    features, found = collect(subject), list[Measured]()
    for place, site in enumerate(subject.hidden_sites):
        known = features[site.name]
        trial, drawn = try_site(subject, site, place, known, lens=_SETTINGS)
        found += _directions(subject, site, known, trial, drawn)
    return found


def _directions(
    subject: Subject, site: Site, known: Known, trial: Trial, drawn: np.ndarray
) -> Iterator[Measured]:
    way, classes = site.layer, len(subject.classes)
    method, labels = METHODS.index("class_mean_difference"), known.evaluation_labels
    areas = np.array(
        [
            np.ravel(delong_interval(known.evaluation @ own[method, :, None], labels == c))
            for c, own in enumerate(trial.fitted.vectors)
        ]
    )  # [C, 3]
    null = class_auroc(known.evaluation @ drawn.T, labels, classes)  # [B, C]
    null = np.where(orientations(known, drawn, classes) > 0, null, 1 - null)
    errors = (areas[:, 2] - areas[:, 1]) / (2 * _NORMAL)
    area = float(np.nanmean(areas[:, 0])), float(np.sqrt(np.nansum(errors**2)) / classes)
    yield against(("directions", way, "AUROC"), (*area, len(labels)), null.mean(1))
    slopes = Means.of(trial.steered.slopes[..., method].mean(1))
    error = float(np.sqrt(slopes.variance / slopes.count))
    yield against(
        ("directions", way, "steering"),
        (float(slopes.mean), error, len(trial.steer_rows)),
        trial.steered.controls[..., method].mean(1),
        unit="logits",
    )
    erased = trial.erased
    drops = (erased.lost - erased.gained)[:, method] / erased.count  # [C]
    flips = (erased.lost + erased.gained)[:, method] / erased.count
    error = float(np.sqrt(((flips - drops**2) / erased.count).sum()) / classes)
    yield against(
        ("directions", way, "erasing"),
        (float(drops.mean()), error, int(erased.count.sum())),
        erased.controls.mean(1),
        unit="points",
        role="also",
    )
