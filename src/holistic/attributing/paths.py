"""Methods that average gradients on the way from a baseline: integrated and expected gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.captum_methods import IntegratedGradients
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup, no_gradients

__all__ = ["METHODS"]

_EXPECTED = 811


def _integrated(given: Setup) -> Attribute:
    method = IntegratedGradients(given.total)
    return lambda batch: method.attribute(
        batch.points,
        baselines=batch.origins,
        n_steps=int(given.settings["steps"]),
        internal_batch_size=max(given.rows, len(batch.points)),
        additional_forward_args=given.beside(batch),
    )


def _expected(given: Setup) -> Attribute:
    subject, draws = given.subject, int(given.settings["draws"])
    pool = subject.selection.images

    def attribute(batch: Batch) -> Tensor:
        total = torch.zeros_like(batch.points)
        places, shares = _draws(subject.seed, batch, draws, len(pool))
        for place, share in zip(places.T, shares.T, strict=True):  # [B] each
            origin = given.points.values(pool[place].to(batch.images.device)).to(batch.points)
            share = share.to(total).reshape(-1, *[1] * (total.dim() - 1))
            point = origin + share * (batch.points.detach() - origin)
            total += (batch.points.detach() - origin) * given.gradient(batch, point)
        return total / draws

    return attribute


def _draws(seed: int, batch: Batch, draws: int, pool: int) -> tuple[Tensor, Tensor]:
    """Places of origins and shares of the way, `[B, draws]`; one share in each equal part."""
    places, shares = list[np.ndarray](), list[np.ndarray]()
    for i in range(len(batch.points)):
        rng = np.random.default_rng([seed, _EXPECTED, batch.start + i])
        places.append(rng.integers(0, pool, draws))
        shares.append((rng.permutation(draws) + rng.random(draws)) / draws)
    return torch.from_numpy(np.stack(places)), torch.from_numpy(np.stack(shares)).float()


METHODS = (
    Method(
        "integrated_gradients",
        _integrated,
        "(x - x₀) · mean of ∂s/∂x on the line from x₀ to x",
        "Sundararajan et al. 2017, eq. 1",
        "where pixels equal the baseline: they get nothing, whatever they count for",
        options={"steps": Option(32, 1, 100_000, meaning="points on the line")},
        needs=(no_gradients,),
        complete=True,
        baseline="zero",
        runs=lambda settings: int(settings["steps"] or 32),
        audited=True,
    ),
    Method(
        "expected_gradients",
        _expected,
        "mean of (x - x₀) · ∂s/∂x at a random point of the line, x₀ drawn from the selection split",
        "Erion et al. 2021, eq. 2",
        "with few draws: each origin brings its own pixels into the map",
        options={"draws": Option(64, 1, 100_000, meaning="origins and points")},
        needs=(no_gradients,),
        random=True,
        runs=lambda settings: int(settings["draws"]),
        audited=True,
    ),
)
