"""Makes the maps that the lens tests, of the methods that it is told of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from holistic.attributing.maps import Question, maps_by
from holistic.attributing.method import Method
from holistic.attributing.registry import METHODS, checked_settings, display_name
from holistic.errors import SettingError, listed, nearest
from holistic.lenses._pictures import planes
from holistic.lenses.attribution import Attribution
from holistic.pieces import Call, each
from holistic.study.examples import Examples
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = [
    "attributions",
    "chosen_methods",
    "display_name",
    "edges",
    "finite_maps",
    "in_squares",
    "magnitude",
    "named_methods",
    "objective",
    "settings_of",
    "side_of",
    "unusable",
]

_MOST_BYTES = 64 << 20
"""Bytes that one array of maps may hold; pixels are added up in squares above that."""
_USUAL, _ALL = "usual", "all"

Finished = Callable[[int], None]


def named_methods(lens: Attribution) -> list[Method]:
    """The methods that the lens is told of, in the order of the registry.

    Raises
    ------
    SettingError
        If there is no such method.
    """
    words = [word.strip() for word in lens.methods.split(",") if word.strip()]
    for word in words:
        if word not in METHODS and word not in (_USUAL, _ALL):
            known = (_USUAL, _ALL, *METHODS)
            raise SettingError(
                f"attribution.methods has no '{word}'{nearest(word, known)}; "
                f"there are {listed(known, 40)}, separated by commas"
            )
    usual, every = _USUAL in words or not words, _ALL in words
    return [
        method
        for name, method in METHODS.items()
        if every or name in words or (usual and method.audited)
    ]


def chosen_methods(subject: Subject, lens: Attribution) -> list[Method]:
    """Those of them that can be used on a model."""
    return [method for method in named_methods(lens) if not method.refusal(subject)]


def unusable(subject: Subject, lens: Attribution) -> dict[str, list[str]]:
    """By the reason why not, names of the others."""
    found = dict[str, list[str]]()
    for method in named_methods(lens):
        if why := method.refusal(subject):
            found.setdefault(why, []).append(display_name(method.name))
    return found


def settings_of(method: Method, lens: Attribution) -> dict[str, object]:
    """A method's settings as the lens has them."""
    own = {"steps": lens.steps, "noise": lens.noise, "draws": lens.noise_draws}
    own = {name: value for name, value in own.items() if name in method.options}
    return checked_settings(method, {**own, **method.audit_options})


def objective(subject: Subject, images: Tensor, labels: Tensor, name: str) -> Tensor:
    """Return the number that is attributed to the pixels, `[B]`, differentiable in the images."""
    logits = subject.logits(images.to(subject.images.dtype))
    return score(logits, labels, name).float()  # pyright: ignore[reportArgumentType]


def attributions(
    subject: Subject,
    examples: Examples,
    lens: Attribution,
    finished: Finished,
    methods: Sequence[Method] | None = None,
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
        Called with the number of finished images, for each method.
    methods
        Which ones; by default all of the lens that can be used.

    Returns
    -------
    dict[str, Tensor]
        Method to signed float32 attributions `[n, …]`, on the CPU.
    """

    def call(method: Method) -> Call[Tensor]:
        question = Question(lens.objective, method.baseline or "zero", settings_of(method, lens))
        key = ("attribution maps", subject, lens, examples.images, examples.labels, method.name)
        return key, lambda: maps_by(subject, method, examples.images, examples.labels, question)

    found = dict[str, Tensor]()
    chosen = chosen_methods(subject, lens) if methods is None else methods
    for method, maps in zip(chosen, each(map(call, chosen)), strict=True):
        found[method.name] = maps
        finished(len(examples))
    return found


def finite_maps(values: Tensor) -> Tensor:
    """Say which maps `[n, …]` hold finite values only, `[n]`: a gradient may be NaN on an image."""
    return values.flatten(1).isfinite().all(1)


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


def side_of(numbers: int) -> int:
    """Side of the squares in which so many numbers are added up, 1 where they are few."""
    return math.ceil(math.sqrt(4 * numbers / _MOST_BYTES))


def in_squares(maps: Tensor, side: int | None = None) -> np.ndarray:
    """Return maps `[M, K, H, W]`, pixels added up in squares where there are very many."""
    side = side_of(maps.numel()) if side is None else side
    if side > 1:
        padded = F.pad(maps, (0, -maps.shape[3] % side, 0, -maps.shape[2] % side))
        maps = F.avg_pool2d(padded, side) * side**2
    return maps.cpu().numpy()
