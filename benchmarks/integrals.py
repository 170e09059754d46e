"""How fast are integrated gradients beside Captum's? `python -m benchmarks.integrals`"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table as RichTable
from torch import Tensor

import holistic
from benchmarks.networks import pool
from holistic.study import models
from holistic.study.datasets import load_data

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import IntegratedGradients

_STEPS = (16, 32, 48, 64, 96, 128, 192, 256)
_TOLERANCES = (0.005, 0.002)
_ROUNDS = 2


def main(count: int = 100) -> None:
    """Measure on the reference MLP and CNN, on images of MNIST, each side in turn."""
    data = load_data("mnist")
    table = RichTable("network", "tolerance", "error", "seconds", "Captum's steps", "× Captum")
    for kind in ("mlp", "cnn"):
        model = models.build(kind, input_shape=(1, 28, 28), classes=10)
        models.train(model, data.train, models.Recipe(1, 128, 2e-3))
        subject = holistic.Subject(model, pool(data, 2 * count), name=kind)
        for tolerance in _TOLERANCES:
            table.add_row(kind, f"{tolerance:g}", *compared(subject, tolerance))
    Console().print(table, f"{count} images, {torch.get_num_threads()} threads")


def compared(subject: holistic.Subject, tolerance: float) -> tuple[str, str, str, str]:
    """Error, seconds, the fewest steps by which Captum's error is no larger, and the ratio."""
    images = subject.evaluation.images
    labels = subject.predict().argmax(1)
    change = (subject.predict() - subject.predict(torch.zeros_like(images))).gather(
        1, labels[:, None]
    )[:, 0]

    def error(maps: Tensor) -> float:
        missed = (maps.detach().flatten(1).sum(1) - change).abs().sum()
        return float(missed / change.abs().sum())

    def own() -> Tensor:
        return holistic.attribute(
            subject, images, "integrated_gradients", labels, tolerance=tolerance
        )

    reached = error(own())
    steps = next((n for n in _STEPS if error(_captum(subject, labels, n)) <= reached), _STEPS[-1])
    ours, theirs = _in_turn(own, lambda: _captum(subject, labels, steps))
    return f"{reached:.1e}", f"{ours:.2f}", str(steps), f"{theirs / ours:.1f}"


def _captum(subject: holistic.Subject, labels: Tensor, steps: int) -> Tensor:
    free = subject.evaluation.images.clone().requires_grad_()
    return IntegratedGradients(subject.model).attribute(
        free, target=labels, n_steps=steps, internal_batch_size=1024
    )  # pyright: ignore[reportReturnType]


def _in_turn(*works: Callable[[], Tensor]) -> list[float]:
    """Shortest of a few rounds, in turn."""
    best = [float("inf")] * len(works)
    for _ in range(_ROUNDS):
        for n, work in enumerate(works):
            start = time.perf_counter()
            work()
            best[n] = min(best[n], time.perf_counter() - start)
    return best


if __name__ == "__main__":
    main()
