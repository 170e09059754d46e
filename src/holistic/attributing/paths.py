"""Methods that average gradients on the way from a baseline: integrated and expected gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.followed import followed
from holistic.attributing.integrated import Path, fixed
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup, no_gradients
from holistic.errors import SettingError
from holistic.graph.lines import Lines, piecewise_linear
from holistic.graph.traced import TracedEngine

__all__ = ["METHODS"]

_EXPECTED = 811


def _integrated(given: Setup) -> Attribute:
    settings, lines = given.settings, _lines_of(given)

    def attribute(batch: Batch) -> Tensor:
        def score(values: Tensor, places: Tensor) -> Tensor:
            targets = batch.targets[places]
            if lines is not None:
                return given.points.scored(values, targets)
            images = batch.images[places] if given.points.site else None
            return given.points.scores(values, targets, images)

        path = Path(lines, score, batch.images, batch.points, batch.origins, given.rows)
        coarse = batch.points.element_size() < 4  # differences of scores are lost in rounding
        if settings["steps"] is not None or coarse:
            return fixed(path, int(settings["steps"] or 32))
        return followed(path, 0.0 if settings["exact"] else float(settings["tolerance"]))[0]

    return attribute


def _lines_of(given: Setup) -> Lines | None:
    """What follows lines by the graph; None where its gradients aren't the model's."""
    engine = given.subject.gradients.engine
    lines = None
    if isinstance(engine, TracedEngine) and not given.points.site:
        lines = Lines.of(engine)
    if given.settings["exact"] and (lines is None or not piecewise_linear(lines.engine)):
        raise SettingError(
            f"'{given.subject.name}' isn't known to be piecewise linear, so exact=True can't be; "
            "leave it out, and give a tolerance such as tolerance=0.001"
        )
    return lines


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
        options={
            "steps": Option(None, 1, 100_000, meaning="points on the line; as many as it takes"),
            "tolerance": Option(0.002, 1e-6, 1.0, meaning="what sums may miss, without steps"),
            "exact": Option(False, meaning="between the points where the model bends"),
        },
        needs=(no_gradients,),
        complete=True,
        baseline="zero",
        runs=lambda settings: int(settings["steps"] or 8),
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
