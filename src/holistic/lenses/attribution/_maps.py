"""Which pixels does each method say that an image's class was decided by?"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor
from torch.nn import functional as F

from holistic.lenses._pictures import planes
from holistic.lenses.attribution import Attribution
from holistic.study.examples import Examples
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = ["METHODS", "attributions", "edges", "in_squares", "magnitude", "objective"]

METHODS = ("saliency", "input_x_gradient", "integrated_gradients", "smoothgrad")
_BYTES = 8 << 20
"""Bytes of inputs in one forward and backward run."""
_ROWS = 1024
"""Most inputs in one forward and backward run."""

_MOST_BYTES = 64 << 20
"""Bytes that one array of maps may hold; pixels are added up in squares above that."""

Told = Callable[[int], None]
Method = Callable[[Tensor, Tensor], Tensor]
"""Takes images that require a gradient and their classes; returns signed attributions."""


def objective(subject: Subject, images: Tensor, labels: Tensor, name: str) -> Tensor:
    """Return the number that is attributed to the pixels, `[B]`, differentiable in the images."""
    logits = subject.logits(images.to(subject.images.dtype))
    return score(logits, labels, name).float()  # pyright: ignore[reportArgumentType]


def attributions(
    subject: Subject, examples: Examples, lens: Attribution, told: Told
) -> dict[str, Tensor]:
    """Attribute each image's objective, for its own class, to its pixels.

    Parameters
    ----------
    subject
        Model to attribute.
    examples
        Images `[n, …]` and their classes.
    lens
        Objective and settings of the methods.
    told
        Called with the number of finished images.

    Returns
    -------
    dict[str, Tensor]
        Method to signed float32 attributions `[n, …]`, on the CPU.

    References
    ----------
    Simonyan et al. 2014 (saliency); Shrikumar et al. 2016 (input × gradient); Sundararajan et al.
    2017, eq. 1 (integrated gradients); Smilkov et al. 2017, section 3 (SmoothGrad).
    """
    images = examples.images
    rows = int(max(1, min(_ROWS, _BYTES // (images[0].numel() * images.element_size()))))
    size = max(1, rows // max(lens.steps, lens.noise_draws))
    methods = _methods(subject, lens, rows)
    parts: dict[str, list[Tensor]] = {name: [] for name in METHODS}
    for start in range(0, len(examples), size):
        batch = images[start : start + size].detach().clone().requires_grad_()
        labels = examples.labels[start : start + size]
        with _seeded(subject.seed + start, images.device):
            for name, method in zip(METHODS, methods, strict=True):
                parts[name].append(method(batch, labels).detach().float().cpu())
        told(len(labels))
    return {name: torch.cat(values) for name, values in parts.items()}


def _methods(subject: Subject, lens: Attribution, rows: int) -> tuple[Method, ...]:
    """Set up Captum's methods in the order of `METHODS`."""

    def total(images: Tensor, labels: Tensor) -> Tensor:
        # images of a batch don't mix, so the gradient of their sum holds each one's own
        return objective(subject, images, labels, lens.objective).sum()[None]

    low, high = torch.aminmax(subject.studied)
    spread = lens.noise * float(high - low)
    saliency, gradient, path = Saliency(total), InputXGradient(total), IntegratedGradients(total)
    smooth = NoiseTunnel(saliency)

    def smoothgrad(x: Tensor, y: Tensor) -> Tensor:
        draws, at_once = lens.noise_draws, max(1, rows // len(x))
        return smooth.attribute(
            x,
            nt_samples=draws,
            nt_samples_batch_size=min(draws, at_once),
            stdevs=spread,
            abs=False,
            additional_forward_args=y,
        )  # pyright: ignore[reportReturnType]

    return (
        lambda x, y: saliency.attribute(x, abs=False, additional_forward_args=y),
        lambda x, y: gradient.attribute(x, additional_forward_args=y),
        lambda x, y: path.attribute(
            x,
            baselines=0.0,
            n_steps=lens.steps,
            internal_batch_size=max(rows, len(x)),
            additional_forward_args=y,
        ),
        smoothgrad,
    )


@contextmanager
def _seeded(seed: int, device: torch.device) -> Generator[None]:
    """Seed the global generators that Captum draws from, and put them back afterwards."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def magnitude(attribution: Tensor) -> Tensor:
    """Add up the absolute attributions of each pixel's channels: `[n, …]` to `[n, H, W]`."""
    return planes(attribution).abs().sum(1)


def edges(images: Tensor) -> Tensor:
    """Return the strength of the edges in images `[n, …]`, whatever the model: `[n, H, W]`.

    Length of the gradient by Sobel's filters, added up over channels; the border is repeated.

    References
    ----------
    Adebayo et al. 2018, section 4 (an edge detector as the control of a map).
    """
    x = planes(images).float().cpu()  # [n, channels, H, W]
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    filters = torch.stack([across, across.T])[:, None]  # [2, 1, 3, 3]
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate").flatten(0, 1)[:, None]
    slopes = F.conv2d(padded, filters)  # [n * channels, 2, H, W]
    return slopes.square().sum(1).sqrt().unflatten(0, x.shape[:2]).sum(1)


def in_squares(maps: Tensor) -> np.ndarray:
    """Return maps `[M, K, H, W]`, pixels added up in squares where there are very many."""
    side = math.ceil(math.sqrt(4 * maps.numel() / _MOST_BYTES))
    if side > 1:
        padded = F.pad(maps, (0, -maps.shape[3] % side, 0, -maps.shape[2] % side))
        maps = F.avg_pool2d(padded, side) * side**2
    return maps.cpu().numpy()
