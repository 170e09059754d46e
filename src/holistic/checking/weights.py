"""Tells whether a model's weights look as if they were newly drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from holistic.errors import ModelError
from holistic.study.untrained import reinitialised

__all__ = ["look_drawn"]

_VALUES = 20_000
"""Values of a weight that are compared at most, evenly spread."""
_SURE = 0.001
"""p of the family of tests below which weights are not newly drawn."""


def look_drawn(model: nn.Module, seed: int = 0) -> bool:
    """Say whether no weight's values differ from those of a newly drawn copy.

    Each weight of 20 values or more is compared by the test of Kolmogorov and Smirnov, with
    Bonferroni's bound over all weights. False where no copy can be drawn.

    Parameters
    ----------
    model
        Left as it is.
    seed
        Decides the copy's weights.
    """
    try:
        fresh = reinitialised(model, seed)
    except ModelError:
        return False
    pairs = [
        (_some(mine), _some(theirs))
        for mine, theirs in zip(model.parameters(), fresh.parameters(), strict=True)
        if mine.is_floating_point() and mine.numel() >= 20
    ]
    p = [_p(*pair) for pair in pairs if any(np.ptp(some) > 0 for some in pair)]
    return bool(p) and min(p) * len(p) > _SURE


def _some(values: nn.Parameter) -> np.ndarray:
    flat = values.detach().flatten()
    return flat[:: -(-len(flat) // _VALUES)].cpu().double().numpy()


def _p(mine: np.ndarray, theirs: np.ndarray) -> float:
    from scipy.stats import ks_2samp

    found: Any = ks_2samp(mine, theirs)
    return float(found.pvalue)
