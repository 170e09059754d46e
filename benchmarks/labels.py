"""Plants wrong labels and prints how many are found: `python -m benchmarks.labels`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from rich.console import Console
from rich.table import Table as RichTable

from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution.labels import doubts_of
from holistic.progress import silent
from holistic.study import models
from holistic.study.datasets import Labelled, load_data
from holistic.study.subject import Subject

__all__ = ["KINDS", "STATES", "Case", "Outcome", "cases", "flipped", "judged"]

STATES = ("early", "memorised", "unseen")
"""Trained on the wrong labels, before and after it knows them by heart; or on other, right ones."""
KINDS = ("uniform", "pairs", "few", "clean")
"""Any other class; one other class for each; a third of three classes into one other; none."""
SHARE = 0.1
COUNT = 3000
"""Images that are given, where there are as many."""
_PAIRS = np.array([6, 7, 7, 8, 9, 6, 5, 1, 3, 4])
_FEW = ((3, 5), (9, 4), (7, 2))


@dataclass(frozen=True)
class Case:
    """Data, network, state of its training, and how labels are wrong."""

    data: str
    network: str
    state: str
    kind: str
    count: int = COUNT
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """How many wrong labels are found.

    Attributes
    ----------
    planted, fits
        Wrong labels, and the share of the given labels that the model says.
    precision, by_loss
        Share of wrong ones among the first tenth, by the score and by loss alone.
    doubted, right
        Labels that are called wrong, and those that are.
    said
        Mean probability of those.
    seconds
        What the finding takes.
    """

    planted: int
    fits: float
    precision: float
    by_loss: float
    doubted: int
    right: int
    said: float
    seconds: float


def flipped(labels: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """Make a tenth of the labels `[N]` of ten classes wrong."""
    rng, found = np.random.default_rng([seed, 77]), labels.copy()
    chosen = rng.permutation(len(labels))[: round(SHARE * len(labels))]
    if kind == "uniform":
        found[chosen] = (labels[chosen] + rng.integers(1, 10, len(chosen))) % 10
    elif kind == "pairs":
        found[chosen] = _PAIRS[labels[chosen]]
    elif kind == "few":
        for old, new in _FEW:
            own = rng.permutation(np.flatnonzero(labels == old))
            found[own[: len(own) // 3]] = new
    return found


def cases() -> Iterator[Case]:
    """All cases of the table."""
    for data in ("digits", "mnist"):
        for network in ("mlp", "cnn"):
            for kind in KINDS:
                for state in STATES:
                    yield Case(data, network, state, kind)


@cache
def _parts(data: str, count: int, seed: int) -> tuple[Labelled, Labelled]:
    """The images that are given, and others."""
    every = load_data(data).as_floats()
    sides = [side for side in (every.train, every.test) if side is not None]
    images = torch.cat([side.images for side in sides])
    labels = torch.cat([side.labels for side in sides])
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(labels)))
    count = min(count, len(order) // 2)
    first, second = order[:count], order[count : 2 * count]
    return Labelled(images[first], labels[first]), Labelled(images[second], labels[second])


@cache
def _trained(case: Case) -> torch.nn.Module:
    given, other = _parts(case.data, case.count, case.seed)
    labels = flipped(given.labels.numpy(), case.kind, case.seed)
    learned = other if case.state == "unseen" else Labelled(given.images, torch.from_numpy(labels))
    shape = given.images.shape[1:]
    model = models.build(case.network, input_shape=shape, classes=10, seed=case.seed)
    if case.state == "memorised":
        recipe = models.Recipe(10, 64, 1.5e-3, decay=0.0, steps=200, cycle=False)
        for part in range(15):
            models.train(model, learned, recipe, seed=part)
            if models.accuracy(model, learned) > 0.995:
                break
        return model
    steps = 120 if case.state == "early" else 300
    return models.train(model, learned, models.Recipe(3, 128, 2e-3, steps=steps))


def judged(case: Case) -> Outcome:
    """Train the case's network, and look for the wrong labels."""
    given, _ = _parts(case.data, case.count, case.seed)
    # a network that has seen other, right labels is the same whichever labels are given
    model = _trained(replace(case, kind="clean") if case.state == "unseen" else case)
    labels = flipped(given.labels.numpy(), case.kind, case.seed)
    subject = Subject(model, (given.images, torch.from_numpy(labels)), seed=case.seed)
    _ = subject.hidden_sites
    start = time.perf_counter()
    found = doubts_of(subject, Attribution(), silent)
    seconds = time.perf_counter() - start
    wrong = (labels != given.labels.numpy())[found.examples.indices]
    first = max(1, round(SHARE * len(wrong)))
    doubted = found.chances.doubted
    chances = np.array([one.value or 0.0 for one in found.chances.wrong] + [0.0])
    return Outcome(
        planted=int(wrong.sum()),
        fits=float((found.model.argmax(1) == found.scores.labels).mean()),
        precision=float(wrong[found.order[:first]].mean()),
        by_loss=float(wrong[np.argsort(-found.loss, kind="stable")[:first]].mean()),
        doubted=int(doubted.sum()),
        right=int(wrong[doubted].sum()),
        said=float(chances[found.chances.group][doubted].mean()) if doubted.any() else 0.0,
        seconds=seconds,
    )


def main() -> None:
    """Judge the cases that the command line asks for and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__)
    parser.add_argument("words", nargs="*", help="words that a case must have: mnist cnn pairs")
    parser.add_argument("--count", type=int, default=COUNT, help="images that are given")
    chosen = parser.parse_args()
    table = RichTable(
        "data", "network", "labels", "training", "fits", "wrong", "precision", "by loss",
        "at random", "called wrong", "rightly", "said", "seconds",
    )  # fmt: skip
    console = Console(width=150)
    for case in cases():
        own = (case.data, case.network, case.kind, case.state)
        if not set(chosen.words) <= set(own):
            continue
        one = judged(Case(*(case.data, case.network, case.state, case.kind), chosen.count))
        share = one.planted / len(_parts(case.data, chosen.count, 0)[0])
        numbers = [f"{v:.0%}" for v in (one.precision, one.by_loss, share)]
        rightly = [f"{v / one.doubted:.0%}" for v in (one.right,)] if one.doubted else ["–"]
        said = f"{one.said:.0%}" if one.doubted else "–"
        table.add_row(
            *own, f"{one.fits:.0%}", str(one.planted), *numbers, str(one.doubted), *rightly, said,
            f"{one.seconds:.1f}",
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
