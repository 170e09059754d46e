"""Asks of maps whether they foresee changes, stand still under noise, and follow the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.method import Method
from holistic.lenses._pictures import flat_planes, planes
from holistic.lenses._untrained import fresh_control
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._checks import rank_correlations
from holistic.lenses.attribution._maps import attributions, objective
from holistic.lenses.attribution._removal import mean_image
from holistic.spool import ends
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["cascading", "infidelity", "maps_again", "sensitivity", "stages"]

_WINDOWS = 24
_RADIUS = 0.02
"""Half width of the noise, as a share of the range of the inputs."""
_NOISY = 3
_SEED = 5003


def infidelity(
    subject: Subject, sample: Examples, maps: Mapping[str, Tensor], lens: Attribution
) -> dict[str, np.ndarray]:
    """Measure how badly maps foresee what blanking a window changes.

    Parameters
    ----------
    subject, sample
        Model and n images.
    maps
        Method to signed attributions `[n, …]`.
    lens
        Whose objective is followed.

    Returns
    -------
    dict[str, np.ndarray]
        Method to `[n]`: the least E[(βa - Δ)²] / E[Δ²] over β ≥ 0, where a is the map's sum in a
        window and Δ what the objective loses where the window holds the mean image; 0 where the
        map foresees all, 1 where it foresees nothing, NaN where nothing changes.

    References
    ----------
    Yeh et al. 2019, definition 2.1 and proposition 2.1 (the best scale of a map).
    """
    x = planes(sample.images)
    blank = planes(mean_image(subject)[None].to(sample.images))
    masks = _windows(x.shape[2], x.shape[3], np.random.default_rng([subject.seed, _SEED]))
    with torch.no_grad():
        before = objective(subject, sample.images, sample.labels, lens.objective).double()
        lost = list[Tensor]()
        for mask in masks:
            mixed = flat_planes(torch.where(mask.to(x.device), blank, x), sample.images.shape[1:])
            after = objective(subject, mixed, sample.labels, lens.objective).double()
            lost.append((before - after).cpu())
    change = torch.stack(lost, 1).numpy()  # [n, K]
    inside = masks.double().flatten(1)
    found = dict[str, np.ndarray]()
    for name, values in maps.items():
        own = planes(values).double().cpu().sum(1).flatten(1) @ inside.T  # [n, K]
        found[name] = _unforeseen(own.numpy(), change)
    return found


def _unforeseen(own: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Share of the squared changes `[n, K]` that sums `[n, K]` don't foresee at the best scale."""
    both, size = (own * change).sum(1), (own**2).sum(1) * (change**2).sum(1)
    seen = np.divide(np.maximum(both, 0) ** 2, size, out=np.zeros(len(own)), where=size > 0)
    return np.where((change**2).sum(1) > 0, 1 - seen, np.nan)


def _windows(height: int, width: int, rng: np.random.Generator) -> Tensor:
    """Draw windows of an eighth to a third of a side, `[K, H, W]`."""
    masks = torch.zeros(_WINDOWS, height, width, dtype=torch.bool)
    for mask in masks:
        share = rng.uniform(1 / 8, 1 / 3)
        tall, wide = (max(1, round(side * share)) for side in (height, width))
        top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
        mask[top : top + tall, left : left + wide] = True
    return masks


def sensitivity(
    subject: Subject,
    sample: Examples,
    made: Mapping[str, Tensor],
    remade: Callable[[Subject, Examples], Mapping[str, Tensor]],
) -> dict[str, np.ndarray]:
    """Measure how far maps move under noise that hardly shows.

    Parameters
    ----------
    subject, sample
        Model and n images.
    made
        Method to attributions `[n, …]` of the images.
    remade
        Makes the maps of other images.

    Returns
    -------
    dict[str, np.ndarray]
        Method to `[n]`: the largest ‖φ(x + δ) - φ(x)‖ / ‖φ(x)‖ over three draws of δ, uniform in
        ± 2 % of the inputs' range; NaN for a map of zeros.

    References
    ----------
    Yeh et al. 2019, definition 3.1 (max-sensitivity, by draws).
    """
    low, high = ends(subject.studied)
    radius = float(high - low) * _RADIUS
    generator = torch.Generator().manual_seed(subject.seed + _SEED)
    most = {name: np.zeros(len(sample)) for name in made}
    for _ in range(_NOISY):
        noise = torch.rand(sample.images.shape, generator=generator) * 2 - 1
        noisy = sample.images + (radius * noise).to(sample.images)
        for name, values in remade(subject, replace(sample, images=noisy)).items():
            away = (values - made[name]).flatten(1).double().norm(dim=1)
            size = made[name].flatten(1).double().norm(dim=1)
            share = torch.where(size > 0, away / size, torch.nan).cpu().numpy()
            most[name] = np.maximum(most[name], share)
    return most


def stages(model: torch.nn.Module) -> list[tuple[str, ...]]:
    """Modules that keep their weights, by stage: all but the last one, and the first half."""
    owners = [
        name
        for name, module in model.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    kept = sorted({len(owners) - 1, len(owners) // 2} - {0}, reverse=True)
    return [tuple(owners[:count]) for count in kept if count < len(owners)]


def cascading(
    subject: Subject,
    sample: Examples,
    made: Mapping[str, Tensor],
    remade: Callable[[Subject, Examples], Mapping[str, Tensor]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Redraw weights from the output down, and compare signed maps with the model's own.

    Returns
    -------
    dict[str, tuple[np.ndarray, np.ndarray]]
        Method to the mean rank correlation over stages, `[n]`, with the model's maps, and between
        two networks that were redrawn as far, from other seeds.

    References
    ----------
    Adebayo et al. 2018, section 3.2 (cascading randomisation, by rank correlation with sign).
    """
    every = {name: list[tuple[np.ndarray, np.ndarray]]() for name in made}
    for kept in stages(subject.model):
        first, second = (
            {
                name: _signed(values)
                for name, values in remade(
                    fresh_control(subject, subject.seed + seed, keeping=kept), sample
                ).items()
            }
            for seed in (_SEED, _SEED + 1)
        )
        for name, values in made.items():
            own = _signed(values)
            every[name].append(
                (_alike(own, first[name]), _alike(second[name], first[name])),
            )
    return {
        name: (np.mean([a for a, _ in found], 0), np.mean([b for _, b in found], 0))
        for name, found in every.items()
        if found
    }


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlations of maps `[n, P]`, NaN where one isn't finite."""
    finite = np.isfinite(a).all(1) & np.isfinite(b).all(1)
    found = np.full(len(a), np.nan)
    found[finite] = rank_correlations(a[finite], b[finite], among=np.ones(a[finite].shape, bool))
    return found


def _signed(values: Tensor) -> np.ndarray:
    return planes(values).sum(1).flatten(1).double().cpu().numpy()


def maps_again(
    lens: Attribution, methods: Sequence[Method]
) -> Callable[[Subject, Examples], dict[str, Tensor]]:
    """Make the maps of other images, or of another model, as the lens does."""
    return lambda subject, sample: attributions(subject, sample, lens, lambda _: None, methods)
