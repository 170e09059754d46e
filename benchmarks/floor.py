"""How long would the arithmetic take that no exact sweep can avoid?

Where a unit already holds the replacement nothing is computed. Elsewhere its change reaches the
first linear operations as a rank-1 term, which is free here; every later linear operation and
convolution has to be computed on the changed example, at the rate of a large matrix product.
"""

from __future__ import annotations

import time

import torch

from holistic import Subject
from holistic.graph.replay import TracedStage
from holistic.graph.traced import TracedEngine

_SIDE = 1536


def product_rate(repeats: int = 12) -> float:
    """Floating-point operations per second of a large float32 matrix product, the best of some."""
    left, right = torch.randn(_SIDE, _SIDE), torch.randn(_SIDE, _SIDE)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - start)
    return 2 * _SIDE**3 / best


def operations(subject: Subject, sites: tuple[str, ...], batch: int = 1000) -> float:
    """Floating-point operations that a sweep setting units to zero can't avoid."""
    engine = subject.engine
    assert isinstance(engine, TracedEngine)
    images = subject.evaluation.images
    total = 0.0
    for name in sites:
        for start in range(0, len(images), batch):
            stage = subject.stage(name, images[start : start + batch], torch.zeros(()))
            assert isinstance(stage, TracedStage)
            row = engine.program.row_operations(stage.carry.finish)
            total += float(stage.changed.sum()) * row
    return total
