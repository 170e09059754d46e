"""How long do sets, pairs and shares of units take? `python -m benchmarks.measures`"""

from __future__ import annotations

import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.networks import pool
from holistic import Subject
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._pairs import pair_effects
from holistic.lenses.ablation._removal import remove_orders
from holistic.lenses.ablation.shapley import sample_shares
from holistic.study import models
from holistic.study.datasets import load_data

_SITE = "4"
"""128 units of the reference MLP."""


def main() -> None:
    """Measure on the reference MLP with 10,000 evaluation images of MNIST."""
    data = load_data("mnist")
    model = models.build("mlp", input_shape=(1, 28, 28), classes=10)
    models.train(model, data.train, models.Recipe(2, 128, 2e-3))
    subject = Subject(model, pool(data, 10_000), name="mlp")
    site = subject.site(_SITE)
    subject.mean(_SITE)
    table = RichTable("what", "seconds", "result")
    for measure in (_sets, _pairs, _shares):
        start = time.perf_counter()
        result = measure(subject, site)
        table.add_row(measure.__doc__, f"{time.perf_counter() - start:.1f}", result)
    Console().print(table, f"{torch.get_num_threads()} threads")


def _sets(subject: Subject, site: Site) -> str:
    """10 × 200 random sets of 10 of 128 units"""
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(site.units)[:10] for _ in range(2000)])
    remove_orders(subject, site, orders, sizes=[10], examples=subject.evaluation, edit="mean")
    return f"{len(subject.evaluation):,} images each"


def _pairs(subject: Subject, site: Site) -> str:
    """all 8,128 pairs of 128 units"""
    pairs = np.stack(np.triu_indices(site.units, 1), 1)
    pair_effects(subject, site, pairs, subject.evaluation, "mean")
    return f"{len(subject.evaluation):,} images each"


def _shares(subject: Subject, site: Site) -> str:
    """Shapley values of 128 units"""
    shares = sample_shares(subject, site, Ablation(permutations=200, extra=1e6))
    every = shares.groups[:, :, -1]
    error = every.std(0, ddof=1) / np.sqrt(len(every))
    return f"standard error at most {error.max() / np.abs(every.mean(0)).max():.1%} of the largest"


if __name__ == "__main__":
    main()
