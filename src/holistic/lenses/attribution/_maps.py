"""Declares the attribution methods, each in one place, and makes their maps of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from holistic.graph.loops import batches
from holistic.lenses._pictures import planes
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._captum import (
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from holistic.pieces import once
from holistic.study.examples import Examples
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = [
    "METHODS",
    "Method",
    "Setup",
    "attributions",
    "display_name",
    "edges",
    "finite_maps",
    "in_squares",
    "magnitude",
    "objective",
]

_BYTES = 8 << 20
"""Bytes of inputs in one forward and backward run."""
_ROWS = 1024
"""Most inputs in one forward and backward run."""

_MOST_BYTES = 64 << 20
"""Bytes that one array of maps may hold; pixels are added up in squares above that."""

Finished = Callable[[int], None]
Attribute = Callable[[Tensor, Tensor], Tensor]
"""Takes images that require a gradient and their classes; returns signed attributions."""


@dataclass(frozen=True)
class Setup:
    """What a method is set up with.

    Attributes
    ----------
    total
        The number to attribute, added up over a batch of images `[B, …]` of classes `[B]`: `[1]`.
    lens
        The settings.
    rows
        Most inputs in one forward and backward run.
    spread
        Standard deviation of SmoothGrad's noise, in the units of the inputs.
    """

    total: Attribute
    lens: Attribution
    rows: int
    spread: float


@dataclass(frozen=True)
class Method:
    """A method of attribution; `METHODS` is the one place where it is declared.

    Attributes
    ----------
    name
        What tables call it; pages and sentences show it as `display_name` writes it.
    set_up
        Prepares it for one model.
    complete
        Whether its attributions should add up to the change of the objective from an image of
        zeros.
    runs
        Backward runs that a map of one image takes, by the settings; one by default.
    random
        Whether a map depends on draws, and so on which images are of one batch.
    """

    name: str
    set_up: Callable[[Setup], Attribute]
    complete: bool = False
    runs: Callable[[Attribution], int] = lambda _: 1
    random: bool = False


def display_name(method: str) -> str:
    """Write a method's name as sentences and pages show it.

    >>> display_name("input_x_gradient"), display_name("integrated_gradients")
    ('input × gradient', 'integrated gradients')
    """
    return method.replace("_x_", " × ").replace("_", " ")


def objective(subject: Subject, images: Tensor, labels: Tensor, name: str) -> Tensor:
    """Return the number that is attributed to the pixels, `[B]`, differentiable in the images."""
    logits = subject.logits(images.to(subject.images.dtype))
    return score(logits, labels, name).float()  # pyright: ignore[reportArgumentType]


def attributions(
    subject: Subject, examples: Examples, lens: Attribution, finished: Finished
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
    finished
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
    size = max(1, rows // max(method.runs(lens) for method in METHODS.values()))
    setup = _setup(subject, lens, rows)
    methods = {name: method.set_up(setup) for name, method in METHODS.items()}
    parts: dict[str, list[Tensor]] = {name: [] for name in METHODS}
    for part in batches(len(examples), size):
        batch = images[part].detach().clone().requires_grad_()
        labels = examples.labels[part]

        def mapped(
            batch: Tensor = batch, labels: Tensor = labels, part: slice = part
        ) -> list[Tensor]:
            with _seeded(subject.seed + part.start, images.device):
                return [m(batch, labels).detach().float().cpu() for m in methods.values()]

        key = ("attribution maps", subject, lens, images[part], labels, part)
        for name, values in zip(methods, once(key, mapped), strict=True):
            parts[name].append(values)
        finished(len(labels))
    return {name: torch.cat(values) for name, values in parts.items()}


def finite_maps(values: Tensor) -> Tensor:
    """Say which maps `[n, …]` hold finite values only, `[n]`: a gradient may be NaN on an image."""
    return values.flatten(1).isfinite().all(1)


def _setup(subject: Subject, lens: Attribution, rows: int) -> Setup:
    def total(images: Tensor, labels: Tensor) -> Tensor:
        # images of a batch don't mix, so the gradient of their sum holds each one's own
        return objective(subject, images, labels, lens.objective).sum()[None]

    low, high = torch.aminmax(subject.studied)
    return Setup(total, lens, rows, lens.noise * float(high - low))


def _saliency(given: Setup) -> Attribute:
    method = Saliency(given.total)
    return lambda x, y: method.attribute(x, abs=False, additional_forward_args=y)


def _input_x_gradient(given: Setup) -> Attribute:
    method = InputXGradient(given.total)
    return lambda x, y: method.attribute(x, additional_forward_args=y)


def _integrated_gradients(given: Setup) -> Attribute:
    method = IntegratedGradients(given.total)
    return lambda x, y: method.attribute(
        x,
        baselines=0.0,
        n_steps=given.lens.steps,
        internal_batch_size=max(given.rows, len(x)),
        additional_forward_args=y,
    )


def _smoothgrad(given: Setup) -> Attribute:
    method, draws = NoiseTunnel(Saliency(given.total)), given.lens.noise_draws

    def attribute(x: Tensor, y: Tensor) -> Tensor:
        return method.attribute(
            x,
            nt_samples=draws,
            nt_samples_batch_size=min(draws, max(1, given.rows // len(x))),
            stdevs=given.spread,
            abs=False,
            additional_forward_args=y,
        )  # pyright: ignore[reportReturnType]

    return attribute


METHODS = {
    method.name: method
    for method in (
        Method("saliency", _saliency),
        Method("input_x_gradient", _input_x_gradient, complete=True),
        Method(
            "integrated_gradients", _integrated_gradients, complete=True, runs=lambda x: x.steps
        ),
        Method("smoothgrad", _smoothgrad, runs=lambda x: x.noise_draws, random=True),
    )
}
"""Every method, by its name, in the order of tables and arrays."""


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
