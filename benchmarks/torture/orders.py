"""The order and the partition of the data don't change the numbers.

Values whose means are far from zero are folded into the streaming moments whole, and in random
parts in random order; a network is swept in batches of random sizes. Sums must agree to 1e-10 of
their size, scores (32 bits) to 1e-5, flips exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

import holistic
from benchmarks.torture.children import Try
from holistic.graph.engine import Engine
from holistic.stats.means import Means
from holistic.stats.moments import CrossMoments, Moments

__all__ = ["FULL", "SHORT", "tries"]

FULL, SHORT = 240, 48
_EXACT, _SCORES = 1e-10, 1e-5


def tries(count: int, _: Path) -> Iterator[Try]:
    """Fold and sweep in random parts."""
    swept = _swept(None)
    for i in range(count):
        rng = np.random.default_rng([0, i])
        if i % 4 == 3:
            size = int(rng.integers(1, 120))
            yield Try(f"sweep in batches of {size}", _of_sweeps(swept, _swept(size)))
        else:
            yield Try(f"partition {i}", _of_moments(rng))


def _of_moments(rng: np.random.Generator) -> str:
    """Say which moments differ between all at once and in parts."""
    n, units, classes = int(rng.integers(2, 300)), int(rng.integers(1, 6)), int(rng.integers(1, 5))
    far = 10.0 ** rng.uniform(-3, 5, units)
    values = rng.normal(size=(n, units)) * rng.exponential(size=units) + far
    values[:, 0] = np.round(values[:, 0])
    labels = rng.integers(0, classes, n)
    whole = Moments.empty(units, classes).update(values, labels)
    cross = CrossMoments.empty(units, units, classes).update(values, values[:, ::-1], labels)
    parts, crosses = Moments.empty(units, classes), CrossMoments.empty(units, units, classes)
    means: list[Means] = []
    for part in _partition(n, rng):
        parts.merge(Moments.empty(units, classes).update(values[part], labels[part]))
        crosses.update(values[part], values[part][:, ::-1], labels[part])
        means.append(Means.of(values[part].T))
    pairs = {
        "mean": (whole.mean, parts.mean, np.abs(far)),
        "second moment": (whole.m2, parts.m2, whole.m2.max() + 1e-12 * far**2),
        "correlation": (cross.correlation().r, crosses.correlation().r, 1.0),
        "total mean": (Means.of(values.T).mean, Means.stack(means).total().mean, far),
    }
    for name, (want, got, scale) in pairs.items():
        gap = np.nan_to_num(np.abs(np.asarray(want) - np.asarray(got)) / scale)
        if np.any(gap > _EXACT) or not np.array_equal(np.isnan(want), np.isnan(got)):
            return f"{name} differs by {gap.max():.1e} of its size"
    return ""


def _partition(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Places of all examples, shuffled and cut at random."""
    cuts = np.sort(rng.integers(0, n + 1, int(rng.integers(0, 8))))
    return [part for part in np.split(rng.permutation(n), cuts) if len(part)]


def _swept(batch: int | None) -> dict[str, np.ndarray]:
    """Effects of every unit of a small network, in batches of a size."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64, 8),
            nn.GELU(),
            nn.Linear(8, 3),
        )
        images = torch.randn(240, 1, 6, 6)
    subject = holistic.Subject(model, (images, torch.arange(240) % 3))
    few = patch.object(Engine, "batch_rows", lambda *_: batch) if batch else nullcontext()
    with few:
        table = holistic.sweep(subject)
    return {name: table.column(name) for name in ("effect", "lost", "gained")}


def _of_sweeps(want: dict[str, np.ndarray], got: dict[str, np.ndarray]) -> str:
    """Say what of two sweeps differs."""
    if any(not np.array_equal(want[name], got[name]) for name in ("lost", "gained")):
        return "other examples flip"
    gap = np.abs(want["effect"] - got["effect"]).max()
    return "" if gap <= _SCORES * np.abs(want["effect"]).max() else f"effects differ by {gap:.1e}"
