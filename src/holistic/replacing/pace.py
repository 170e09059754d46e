"""How long calibrated passes of a model take on this machine: what expected times rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch

from holistic.graph.sites import Site
from holistic.graph.torch_settings import settled
from holistic.replacing.budget import model_work, replay_work, sample_stage
from holistic.study.subject import Subject

__all__ = ["Pace", "measure_pace", "nominal_pace"]

_EACH = 0.08
"""Seconds that one measurement should take at least, where its examples allow it."""
_SLOW, _LONGEST = 0.2, 2.0
"""Seconds of a run that isn't repeated, and after which no further site is measured."""
_SITES = 5
"""Sites that are measured; the rate of the nearest one stands for the others."""
_IMAGES = 256
_FORWARD, _ROWS, _BACKWARD = 4e10, 7.5e9, 2.5
"""Of a core of known speed: multiplications, and bytes that replays write (see
`holistic.replacing.budget`), of a second; and passes that one forth and back takes as long as."""
_ARITHMETIC = 0.0076
"""Seconds that `_sums` took where the constants of lenses' work were measured."""


@dataclass(frozen=True)
class Pace:
    """Seconds that passes of a model take.

    Attributes
    ----------
    forward, backward
        One example through the model, and forth and back to the input.
    rows
        By site, one unit replaced on one example.
    sets
        By site, many units replaced together on one example.
    arithmetic
        How many times as long sums, sorting and products of NumPy take as where the constants of
        lenses' work were measured.
    took
        Seconds that finding this out took.
    """

    forward: float
    backward: float
    rows: Mapping[str, float]
    sets: Mapping[str, float]
    arithmetic: float
    took: float = 0.0


def nominal_pace(subject: Subject) -> Pace:
    """Count how long passes would take on one core of known speed; the same on every machine."""
    forward = model_work(subject) / _FORWARD
    sites = subject.hidden_sites
    rows = {site.name: sample_stage(subject, site).row_cost / _ROWS for site in sites}
    sets = {site.name: replay_work(subject, site) / _FORWARD for site in sites}
    return Pace(forward, _BACKWARD * forward, rows, sets, 1.0)


@settled(gradients=True)
def measure_pace(subject: Subject) -> Pace:
    """Run a few examples through the model, forth and back, and from some of its sites on."""
    start = perf_counter()
    images = subject.evaluation.sample(_IMAGES, seed=subject.seed).images
    forward = _seconds(lambda n: _forward(subject, images[:n]), len(images))
    few = images[: max(2, min(len(images), int(1 / max(forward, 1e-9) / 20)))]
    backward = _backward_seconds(subject, few, forward)
    rows, sets = dict[str, float](), dict[str, float]()
    sites = subject.hidden_sites
    for site in _spread(sites):
        if len(rows) > 1 and perf_counter() - start > _LONGEST:
            break
        rows[site.name], sets[site.name] = _replays(subject, site, few)
    for found in (rows, sets):
        found.update(_others(subject, sites, found))
    arithmetic = _seconds(lambda _: _sums(), 1, least=3) / _ARITHMETIC
    return Pace(forward, backward, rows, sets, arithmetic, perf_counter() - start)


def _seconds(work: Callable[[int], object], most: int, *, least: int = 2, first: int = 16) -> float:
    """Seconds for one of `most` things at most: the quickest of a few runs after a first one."""
    count = min(most, first)
    work(count)
    while True:
        times = list[float]()
        while len(times) < least and not (times and times[0] > _SLOW):
            start = perf_counter()
            work(count)
            times.append(perf_counter() - start)
        if count >= most or min(times) * 2 > _EACH:
            return min(times) / count
        count = min(most, 4 * count)


@torch.no_grad()
def _forward(subject: Subject, images: torch.Tensor) -> object:
    return subject.engine.run(images)[0]


def _backward_seconds(subject: Subject, images: torch.Tensor, forward: float) -> float:
    if subject.gradients.note or not images.is_floating_point():
        return 3 * forward

    def back(count: int) -> None:
        with torch.enable_grad():
            given = images[:count].detach().clone().requires_grad_()
            torch.autograd.grad(subject.logits(given).sum(), given)

    return _seconds(back, len(images))


def _spread(sites: Sequence[Site]) -> list[Site]:
    """Some sites: the first, the last, and those between from the middle on."""
    places = np.unique(np.linspace(0, len(sites) - 1, min(_SITES, len(sites))).round().astype(int))
    order = sorted(places[1:-1], key=lambda place: abs(2 * place - len(sites)))
    return [sites[place] for place in dict.fromkeys([0, len(sites) - 1, *order])]


@torch.no_grad()
def _replays(subject: Subject, site: Site, images: torch.Tensor) -> tuple[float, float]:
    """Seconds of one row with one unit replaced, and with many."""
    stage = subject.stage(site.name, images, torch.zeros(()))
    most = min(stage.chunk, site.units * len(images))
    places = torch.arange(most)
    units, rows = places.div(len(images), rounding_mode="trunc"), places % len(images)
    single = _seconds(lambda n: stage.units(units[:n], rows[:n]), most)
    order = torch.arange(site.units)

    def together(count: int) -> None:
        masks = torch.stack([order % 2 == k % 2 for k in range(count)])
        for _ in stage.sets(masks):
            pass

    return single, _seconds(together, 64, first=1) / len(images)


def _others(
    subject: Subject, sites: Sequence[Site], known: Mapping[str, float]
) -> dict[str, float]:
    """Rates of the sites that weren't measured: in proportion to what follows each."""
    measured = [site for site in sites if site.name in known]
    found = dict[str, float]()
    for place, site in enumerate(sites):
        # behind the last linear layers replays cost next to nothing, which tells of no other site
        near = [other for other in measured if sites.index(other) <= place][-1]
        share = replay_work(subject, site) / replay_work(subject, near)
        found[site.name] = known.get(site.name, known[near.name] * share)
    return found


def _sums() -> float:
    """A little of what lenses do beside the model: sorting, products, sums over axes."""
    values = np.random.default_rng(0).random((400, 400))
    order = np.sort(values, axis=0)
    product = values @ order
    spread = [((product - product.mean(0)) ** 2).sum(axis) for axis in (0, 1)]
    return float(sum(part.sum() for part in spread)) + float(np.argsort(values, axis=1).sum())
