"""Shares of decisions, planes of classes, and directions beside random ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import nn

from benchmarks.coverage.simulation import Kind, Simulation
from benchmarks.populations import redrawn, relabelled
from holistic.lenses.tracing._fitted_directions import (
    Features,
    Fitted,
    collect,
    fit,
    orientations,
)
from holistic.lenses.tracing._recovery import recovery
from holistic.lenses.tracing._steering import control_drops, control_slopes, erase, steer
from holistic.lenses.tracing.geometry import geometry
from holistic.stats.directions import random_directions
from holistic.stats.families import draws_needed, stuck
from holistic.stats.intervals import delong_interval
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.study.subject import Subject

__all__ = ["SIMULATIONS"]


def _runs(rng: np.random.Generator, pairs: int) -> tuple[np.ndarray, ...]:
    """Pairs of images of one class and of nine others, each image used in turn, and their gaps."""
    source = 1000 + np.arange(pairs) % 60
    receiver = np.arange(pairs) % 50
    gap = 8 + rng.normal(size=60)[source - 1000] + rng.normal(size=50)[receiver]
    return source, receiver, np.maximum(gap, 1.0)


def _recovery(pairs: int, share: float, kind: Kind) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, pairs])
        source, receiver, gap = _runs(rng, pairs)
        images = (
            rng.normal(size=(100, 60))[:, source - 1000] + rng.normal(size=(100, 50))[:, receiver]
        )
        moved = share * gap + 0.3 * images + 0.3 * rng.normal(size=images.shape)
        found = recovery(moved, gap, source=source, receiver=receiver)
        if kind == "q":
            return int((benjamini_hochberg(found.p) < 0.05).any()), 1
        held = (found.lo <= share) & (share <= found.hi)
        return int(held.sum() if kind == "interval" else (found.p < 0.05).sum()), 100

    words = "share of a gap" if share else "a share of nothing"
    draws = (600, 40) if kind == "q" else (60, 6)
    return Simulation("tracing.patching", words, kind, pairs, draw, *draws)


def _auroc(inside: int, shift: float) -> Simulation:
    from scipy.special import ndtr

    truth = float(ndtr(shift / np.sqrt(2)))

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, inside])
        positive = np.arange(inside * 10) % 10 == 0
        values = rng.normal(size=(inside * 10, 60)) + shift * positive[:, None]
        _, lo, hi = delong_interval(values, positive)
        return int(((lo <= truth) & (truth <= hi)).sum()), 60

    # perfect separations are bounded by Wilson's interval, which holds more often
    return Simulation(
        "tracing.directions", f"AUROC of {truth:.3f}", "interval", inside, draw, 50, 5, shift > 2
    )


@cache
def _traced() -> Subject:
    model = nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 3)).eval()
    return Subject(model, (torch.zeros(240, 10), torch.arange(240) % 3))


def _network(seed: int) -> Subject:
    """Labels that the network itself gives to noise: it depends on all of its units."""
    rng, model = np.random.default_rng(seed), redrawn(_traced(), seed)
    images = torch.from_numpy(rng.normal(size=(240, 10)) * np.linspace(2, 0.3, 10)).float()
    with torch.no_grad():
        model.get_submodule("2").bias -= model(images).mean(0)
        labels = model(images).argmax(1)
    return relabelled(_traced(), images, labels, seed)


def _random_as_own(seed: int) -> tuple[Subject, Features, Fitted]:
    """Random directions in place of the classes' own, signed by the same rule."""
    subject = _network(seed)
    [site] = subject.hidden_sites
    known = collect(subject)[site.name]
    fitted = fit(known, 3)
    drawn = random_directions(known.selection, 6, seed + 77)
    signs = orientations(known, drawn, 3)[np.arange(6), np.repeat(np.arange(3), 2)]
    vectors = (signs[:, None] * drawn).reshape(3, 2, -1)
    projected = (known.selection @ vectors.reshape(6, -1).T).std(0, ddof=1).reshape(3, 2)
    return subject, known, Fitted(vectors, np.where(np.isnan(fitted.spread), np.nan, projected))


def _steering() -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        subject, known, fitted = _random_as_own(seed)
        [site] = subject.hidden_sites
        controls, rows = random_directions(known.selection, 100, seed), np.arange(40)
        own = steer(subject, site, fitted, controls[:1], rows).slopes.mean(0)
        null = control_slopes(subject, site, fitted, controls, rows)
        p = permutation_p(own, orientations(known, controls, 3)[..., None] * null)
        return int((p < 0.05).sum()), int(np.isfinite(p).sum())

    return Simulation("tracing.directions", "steer_p of random directions", "p", 40, draw, 120, 8)


def _erasing() -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        subject, known, fitted = _random_as_own(seed + 500)
        [site] = subject.hidden_sites
        controls = random_directions(known.selection, 100, seed)
        rows = np.arange(len(subject.evaluation))
        own = erase(subject, site, fitted, controls[:1], rows)
        null = control_drops(subject, site, controls, rows)
        drop = (own.lost - own.gained) / np.maximum(own.count, 1)[:, None]
        p = permutation_p(drop, null[..., None])
        return int((p < 0.05).sum()), int(np.isfinite(p).sum())

    return Simulation("tracing.directions", "p of erased random directions", "p", 120, draw, 120, 8)


def _more_draws(tests: int) -> Simulation:
    """More draws where none of the first is as large: any q below 0.05 where nothing is."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, tests])
        own, null = rng.normal(size=tests), rng.normal(size=(200, tests))
        for _ in range(2):
            p, draws = permutation_p(own, null), np.isfinite(null).sum(0)
            wanted, waiting = draws_needed(p, draws), stuck(p, draws)
            if not wanted:
                break
            more = np.full((max(wanted - int(draws[waiting].min()), 0), tests), np.nan)
            more[:, waiting] = rng.normal(size=(len(more), int(waiting.sum())))
            null = np.concatenate([null, more])
        return int((benjamini_hochberg(permutation_p(own, null)) < 0.05).any()), 1

    return Simulation("tracing.directions", "q after more draws", "q", tests, draw, 1000, 100)


def _plane(kind: Kind) -> Simulation:
    classes, units = 5, 12
    rng = np.random.default_rng(2)
    means = rng.normal(size=(classes, units)) * np.linspace(2, 0.2, units)
    subject = _network(0)
    named = Subject(subject.model, (subject.images, subject.labels))
    object.__setattr__(named, "classes", tuple(map(str, range(classes))))

    def features(seed: int, scale: float) -> Features:
        own = np.random.default_rng([seed, 9])
        labels = np.arange(300) % classes
        sides = [scale * means[labels] + own.normal(size=(300, units)) for _ in range(2)]
        return Features(sides[0], sides[1], labels, labels)

    def truth(known: Features) -> float:
        from holistic.lenses.tracing.geometry import class_plane

        fitted = np.stack([known.selection[known.labels == c].mean(0) for c in range(classes)])
        apart = means - means.mean(0)
        inside = apart @ class_plane(fitted).axes.T
        return float((inside**2).sum() / (apart**2).sum())

    def draw(seed: int) -> tuple[int, int]:
        known = features(seed, 0.0 if kind == "p" else 1.0)
        row = next(geometry(named, {"a": known}).table.rows())
        if kind == "p":
            return int(row["p"] < 0.05), 1
        return int(row["lo"] <= truth(known) <= row["hi"]), 1

    words = "p of a plane" if kind == "p" else "share of the plane"
    return Simulation("tracing.geometry", words, kind, 300, draw, 600, 30)


_TESTS: tuple[Kind, Kind] = ("p", "q")

SIMULATIONS = (
    *(_recovery(pairs, 0.4, "interval") for pairs in (72, 200)),
    *(_recovery(200, 0.0, kind) for kind in _TESTS),
    *(_auroc(n, shift) for n in (50, 200) for shift in (1.0, 3.0)),
    _steering(),
    _erasing(),
    _more_draws(60),
    _plane("interval"),
    _plane("p"),
)
