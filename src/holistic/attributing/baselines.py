"""Makes the inputs that stand for nothing, and says how far maps depend on which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import described
from holistic.attributing.points import blank_token
from holistic.errors import SettingError, listed, nearest
from holistic.study.planes import flat_planes, planes
from holistic.study.subject import Subject

__all__ = ["BASELINES", "baselines_of", "distance", "mean_input"]

BASELINES = ("zero", "mean", "blur", "class")
"""Inputs of zeros; the selection split's mean, classes alike; the image blurred until nothing of
its shapes is left; an example of another class, drawn from the selection split."""
_BLUR = 0.2
"""Standard deviation of the blur, as a share of the picture's longer side."""
_FIRST = 613


def baselines_of(
    subject: Subject, images: Tensor, targets: Tensor, baseline: Any, start: int = 0
) -> Tensor:
    """Return what stands for nothing beside each image, `[B, …]`.

    Parameters
    ----------
    subject
        Model and data.
    images
        `[B, …]`.
    targets
        `[B]`, or `[B, 2]`: of another class is then of the second one.
    baseline
        One of `BASELINES`, a number, or inputs of the images' shape, `[…]` or `[B, …]`. Of tokens
        each is the blank token, but for those of another class.
    start
        Place of the first image among all, which decides draws.

    Raises
    ------
    SettingError
        If it is none of these.
    """
    if isinstance(baseline, str):
        if baseline not in BASELINES:
            raise SettingError(
                f"no baseline '{baseline}'{nearest(baseline, BASELINES)}; there are "
                f"{listed(BASELINES)}, or give a number or an input"
            )
        if baseline == "class":
            return _of_another_class(subject, images, targets, start)
        if subject.input_kind.name == "tokens":
            return torch.full_like(images, blank_token(subject))
        if baseline == "zero":
            return torch.zeros_like(images)
        if baseline == "blur":
            return _blurred(images)
        return mean_input(subject).to(images).expand_as(images)
    return _given(images, baseline, start)


def _given(images: Tensor, baseline: Any, start: int) -> Tensor:
    try:
        array = baseline if isinstance(baseline, Tensor) else torch.as_tensor(np.asarray(baseline))
        found = array.detach().to(images)
        fits = tuple(found.shape) in ((), tuple(images.shape[1:])) and array.dtype != torch.bool
        if not fits and found.shape[1:] == images.shape[1:] and len(found) >= start + len(images):
            found, fits = found[start : start + len(images)], True
        if fits and bool(found.isfinite().all()):
            return found.expand_as(images)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise SettingError(
        f"baseline must be one of {listed(BASELINES)}, a number, or an input of shape "
        f"{tuple(images.shape[1:])}, got {described(baseline)}"
    )


def mean_input(subject: Subject) -> Tensor:
    """Mean of the class means of the selection split's inputs, `[…]`."""
    images, labels = subject.selection.images, subject.selection.labels
    means = [images[labels == label].double().mean(0) for label in labels.unique()]
    return torch.stack(means).mean(0)


def _blurred(images: Tensor) -> Tensor:
    """Blur pictures by a Gaussian over rows and columns; features become their mean."""
    x = planes(images).float()
    for axis in (2, 3):
        size = x.shape[axis]
        spread = max(_BLUR * max(x.shape[2:]), 1e-3)
        places = torch.arange(size, dtype=torch.float32, device=x.device)
        weights = torch.exp(-((places[:, None] - places) ** 2) / (2 * spread**2))
        weights = weights / weights.sum(1, keepdim=True)  # [size, size]
        x = (x.movedim(axis, -1) @ weights.T).movedim(-1, axis)
    return flat_planes(x.to(images.dtype), images.shape[1:])


def _of_another_class(subject: Subject, images: Tensor, targets: Tensor, start: int) -> Tensor:
    pool, places = subject.selection, np.zeros(len(images), np.int64)
    labels = pool.labels.cpu().numpy()
    for i, target in enumerate(targets.cpu().numpy()):
        rng = np.random.default_rng([subject.seed, _FIRST, start + i])
        wanted = labels == target[1] if target.ndim else labels != target
        among = np.flatnonzero(wanted if wanted.any() else labels >= 0)
        places[i] = rng.choice(among)
    return pool.at(places).images.to(images.device)


def distance(maps: Sequence[Tensor]) -> np.ndarray:
    """Say how far maps of the same images, made in different ways, are from one another.

    Parameters
    ----------
    maps
        Two or more, `[B, …]` each.

    Returns
    -------
    np.ndarray
        `[B]`: over all pairs, the mean of the size of their difference over the sum of their sizes
        (absolute values added up); 0 for equal maps, 1 for maps with nothing in common.
    """
    flat = [values.flatten(1).double() for values in maps]
    found = list[Tensor]()
    for i, a in enumerate(flat):
        for b in flat[:i]:
            total = a.abs().sum(1) + b.abs().sum(1)
            found.append(torch.where(total > 0, (a - b).abs().sum(1) / total.clamp(min=1e-300), 0))
    return torch.stack(found).mean(0).numpy()
