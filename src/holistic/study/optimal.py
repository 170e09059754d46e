"""Finds the constant that, in place of a unit, costs the model least."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.graph.loops import single_edits
from holistic.study.scores import score

__all__ = ["optimal_constants", "search_size", "searched_rows"]

_QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_FRACTIONS = (-0.5, -0.25, 0.2, 0.4, 0.6, 0.8, 1.25, 1.5)
_HALVINGS = 4
_SEARCHES = len(_QUANTILES) + len(_FRACTIONS) + 1 + 2 * _HALVINGS
"""How often every unit is replaced on every example."""
_MOST, _FEWEST, _COST = 512, 32, 3e10
"""Most and fewest examples, and what the search may cost: bytes written, and a tenth of the
operations."""


def search_size(units: int, row_cost: float) -> int:
    """Say on how many examples the constants of a site's units are searched."""
    return min(_MOST, max(_FEWEST, int(_COST / (_SEARCHES * units * row_cost))))


def searched_rows(units: int, row_cost: float) -> int:
    """Say how many rows are replayed while the constants of a site's units are searched."""
    return _SEARCHES * units * search_size(units, row_cost)


def optimal_constants(
    stage_of: Callable[[Tensor], Stage], values: Tensor, mean: Tensor, labels: Tensor
) -> Tensor:
    """Find each unit's optimal constant (Li & Janson 2024, "Optimal ablation", section 2.2).

    That is the value `a` which, held by the unit on every example, makes the expected
    cross-entropy of the labels smallest. It is searched along `mean + t`, one shift `t` for all
    positions of a unit: first over quantiles of the unit's own deviations and over their range and
    half as much beyond, then by halving the stretch around the best. As `t = 0` is among the
    candidates, the mean is never better on the examples given. Of several minima the search may
    miss a narrow one.

    Parameters
    ----------
    stage_of
        Prepares the examples with an ablation value `[P…, U]`.
    values
        The site's values on the examples, `[B, P…, U]`.
    mean
        Their class-balanced mean, `[P…, U]`.
    labels
        `[B]`.

    Returns
    -------
    Tensor
        `[P…, U]`.
    """
    deviations = (values - mean).flatten(0, -2).double()  # [B·P, U]
    probabilities = deviations.new_tensor(_QUANTILES)
    rows = torch.linspace(0, len(deviations) - 1, min(len(deviations), 4096)).long()
    quantiles = deviations[rows].quantile(probabilities, dim=0)  # [Q, U]
    low, high = quantiles[0], quantiles[-1]
    around = [low + f * (high - low) for f in _FRACTIONS]
    shifts = torch.cat([quantiles, torch.stack([*around, torch.zeros_like(low)])])
    losses = torch.stack([_losses(stage_of(mean + t.to(mean)), labels) for t in shifts])
    for _ in range(_HALVINGS):
        shifts, losses = _sorted(shifts, losses)
        best = losses.argmin(0)  # [U]
        for side in (-1, 1):
            neighbour = (best + side).clamp(0, len(shifts) - 1)
            middle = (_at(shifts, best) + _at(shifts, neighbour)) / 2
            loss = _losses(stage_of(mean + middle.to(mean)), labels)
            shifts, losses = torch.cat([shifts, middle[None]]), torch.cat([losses, loss[None]])
    return mean + _at(shifts, losses.argmin(0)).to(mean)


def _sorted(shifts: Tensor, losses: Tensor) -> tuple[Tensor, Tensor]:
    order = shifts.argsort(0)
    return shifts.gather(0, order), losses.gather(0, order)


def _at(table: Tensor, row: Tensor) -> Tensor:
    """One entry of each column: `table[row[u], u]`, `[U]`."""
    return table.gather(0, row[None])[0]


def _losses(stage: Stage, labels: Tensor) -> Tensor:
    """Mean cross-entropy with each unit replaced, one at a time: `[U]`."""
    base = -score(stage.base, labels, "log_prob").double()  # [B]
    losses = base.expand(stage.changed.shape[1], -1).clone()  # [U, B]
    for places, rows, logits in single_edits(stage):
        loss = -score(logits, labels.index_select(0, rows), "log_prob")
        losses.view(-1)[places] = loss.double()
    return losses.mean(1)
