"""How long would the arithmetic take that no exact sweep can avoid?

Where a unit already holds the replacement nothing is computed. Elsewhere its change reaches the
first linear operations as a rank-1 term, which is free here; every later linear operation and
convolution has to be computed on the changed example, at the rate of a large matrix product.
"""

from __future__ import annotations

import time

import torch

from holistic import Subject
from holistic.graph.program import Node, Program, Ref
from holistic.graph.replay import TracedEngine, TracedStage

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
            steps = stage.carry.finish.steps
            row = sum(_row_operations(node, engine.program) for node, _ in steps)
            total += float(stage.changed.sum()) * row
    return total


def _row_operations(node: Node, program: Program) -> int:
    """Operations of a linear operation or a convolution for one example."""
    if node.op not in {"linear", "conv1d", "conv2d", "conv3d"} or node.shape is None:
        return 0
    weight = node.args[1]
    value = program.nodes[weight.index].value if isinstance(weight, Ref) else None
    if value is None or node.batch_axis is None:
        return 0
    outputs = torch.Size(node.shape).numel() // node.shape[node.batch_axis]
    return 2 * outputs * (value.numel() // value.shape[0])
