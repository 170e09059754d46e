"""Teaches a copy of a model on images between which shortcuts are exchanged."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from holistic.lenses._pictures import flat_planes, planes
from holistic.lenses.attribution.shortcuts import Confirmed, Region, View, carriers, view_of
from holistic.progress import Progress
from holistic.study.subject import Subject

__all__ = ["HOWS", "Exchange", "Masked", "learned", "logits_of"]

HOWS = ("auto", "mask", "readout", "weights")
_KEPT_BACK = 0.25
"""Share of the selection split on which ways are compared."""
_STEPS, _COMPARED, _RISING, _BATCH = 500, 300, 20, 64
"""Steps of the copy that is handed back, of those that are compared, and until the full rate."""
_KEPT = 0.98
"""Share of a running mean of the weights that stays at each step."""
_TRIED = {"weights": ((3e-3, 1), (5e-4, 0)), "readout": ((3e-3, 0),)}
"""By what is edited: rates of learning, and pixels by which images are shifted at most."""
_PASTED = 0.25
"""Share of other classes' images that get a shortcut, while a copy learns."""
_TASK = "removing shortcuts"


@dataclass(frozen=True, eq=False)
class Exchange:
    """Images of a split, between which shortcuts are exchanged.

    Attributes
    ----------
    view
        The images.
    found
        The shortcuts.
    carrying
        Which images carry each, `[shortcuts, N]`.
    """

    view: View
    found: Sequence[Confirmed]
    carrying: np.ndarray

    @classmethod
    def of(cls, subject: Subject, found: Sequence[Confirmed], *, evaluated: bool) -> Exchange:
        """Look which images of the evaluation or the selection split carry which shortcut."""
        known = view_of(subject, subject.selection)
        view = view_of(subject, subject.evaluation) if evaluated else known
        have = [carriers(view, one.suspect, known) for one in found]
        return cls(view, found, np.stack(have) if have else np.zeros((0, len(view.labels)), bool))

    def without(self, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Images `[B, C, H, W]` of which those that carry a shortcut get what others have there."""
        images = self.view.images[rows].clone()
        for have, one in zip(self.carrying, self.found, strict=True):
            at = np.flatnonzero(have[rows])
            among = np.flatnonzero(~have & (self.view.labels != one.suspect.label))
            self._put(images, at, among, one, rng)
        return images

    def with_(self, rows: np.ndarray, share: float, rng: np.random.Generator) -> Tensor:
        """The same, with a shortcut of another class pasted into a share of them."""
        images = self.without(rows, rng)
        for have, one in zip(self.carrying, self.found, strict=True):
            other = self.view.labels[rows] != one.suspect.label
            at = np.flatnonzero(other & (rng.random(len(rows)) < share))
            among = np.flatnonzero(have & (self.view.labels == one.suspect.label))
            self._put(images, at, among, one, rng)
        return images

    def _put(
        self,
        images: Tensor,
        at: np.ndarray,
        among: np.ndarray,
        one: Confirmed,
        rng: np.random.Generator,
    ) -> None:
        if len(at) and len(among):
            donors = self.view.images[rng.choice(among, len(at))]
            images[at] = one.suspect.swap.put(images[at], donors)


@dataclass(frozen=True, eq=False)
class _Way:
    """One way to edit: its name, the copy, how fast it learns, and how far images are shifted."""

    kind: str
    model: nn.Module
    rate: float = 0.0
    shift: int = 0


class Masked(nn.Module):
    """A model whose inputs get the same pixels in some regions, whatever they hold there."""

    mask: Tensor
    fill: Tensor

    def __init__(self, model: nn.Module, mask: Tensor, fill: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mask", mask)
        self.register_buffer("fill", fill)

    def forward(self, images: Tensor, *rest: object, **more: object) -> object:
        """Fill the regions of images `[B, …]`, then run the model."""
        return self.model(torch.where(self.mask, self.fill.to(images), images), *rest, **more)


def learned(
    subject: Subject, found: Sequence[Confirmed], how: str, progress: Progress
) -> tuple[nn.Module, str]:
    """Return the edited copy, and what of it was edited."""
    if not found:
        return copy.deepcopy(subject.model), "nothing"
    exchange = Exchange.of(subject, found, evaluated=False)
    ways = list(_ways(subject, found, how))
    rng = np.random.default_rng([subject.seed, 3])
    order = rng.permutation(len(exchange.view.labels))
    back, taught = np.split(order, [round(_KEPT_BACK * len(order))])
    best = _Way("nothing", copy.deepcopy(subject.model))
    asked = _asked(exchange, back, rng)
    right = _right(subject, best.model, asked)
    for number, way in enumerate(ways):
        progress(_TASK, number, len(ways) + 1)
        _taught(subject, way, exchange, taught, _COMPARED)
        now = _right(subject, way.model, asked)
        if _better(now, right):
            best, right = way, now
    if best.rate:  # again, on all of the split
        again = (best.kind, best.rate, best.shift)
        best = next(
            way
            for way in _ways(subject, found, best.kind)
            if (way.kind, way.rate, way.shift) == again
        )
        _taught(subject, best, exchange, order, _STEPS)
    progress(_TASK, len(ways) + 1, len(ways) + 1)
    return best.model, best.kind


def _ways(subject: Subject, found: Sequence[Confirmed], how: str) -> Iterator[_Way]:
    """Copies with what may be edited of each, and how fast."""
    swaps = [one.suspect.swap for one in found]
    if how in ("auto", "mask") and all(isinstance(swap, Region) for swap in swaps):
        yield _Way("mask", _masked(subject, [s for s in swaps if isinstance(s, Region)]))
    for kind, several in _TRIED.items():
        for rate, shift in several if how in ("auto", kind) else ():
            model = copy.deepcopy(subject.model)
            layer = _readout(model, len(subject.classes))
            if kind == "readout" and layer is None:
                continue
            model.requires_grad_(kind == "weights")
            if kind == "readout" and layer is not None:
                layer.requires_grad_(True)
            yield _Way(kind, model, rate, shift)


def _readout(model: nn.Module, classes: int) -> nn.Linear | None:
    """The last linear layer that has an output for each class."""
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == classes]
    return layers[-1] if layers else None


def _masked(subject: Subject, swaps: Sequence[Region]) -> Masked:
    images, shape = planes(subject.selection.images), subject.images.shape[1:]
    mask = torch.stack([swap.mask for swap in swaps]).any(0)
    whole = mask.to(images.device).expand(1, *images.shape[1:])
    middle = images.float().median(0, keepdim=True).values.to(images)
    return Masked(
        copy.deepcopy(subject.model), flat_planes(whole, shape)[0], flat_planes(middle, shape)[0]
    )


def _asked(
    exchange: Exchange, rows: np.ndarray, rng: np.random.Generator
) -> tuple[list[Tensor], np.ndarray]:
    """Images without shortcuts and with others' ones, and what they are."""
    images = [exchange.without(rows, rng), exchange.with_(rows, _PASTED, rng)]
    return images, exchange.view.labels[rows]


@torch.no_grad()
def _right(
    subject: Subject, model: nn.Module, asked: tuple[list[Tensor], np.ndarray]
) -> np.ndarray:
    """How often each image that was kept back is answered right, `[N]`."""
    logits = logits_of(subject, model)
    answers = [logits(images).argmax(1).cpu().numpy() for images in asked[0]]
    return np.mean([answer == asked[1] for answer in answers], 0)


def _better(now: np.ndarray, before: np.ndarray) -> bool:
    """Say whether more is right, by more than a standard error: chance shall not choose."""
    gain = now - before
    return float(gain.mean()) > float(gain.std() / math.sqrt(max(1, len(gain))))


def _taught(subject: Subject, way: _Way, exchange: Exchange, rows: np.ndarray, steps: int) -> None:
    """Teach a copy in place; it ends as the running mean of its weights (Izmailov et al. 2018)."""
    weights = [p for p in way.model.parameters() if p.requires_grad]
    if not way.rate:
        return
    rng, logits = np.random.default_rng([subject.seed, 4]), logits_of(subject, way.model)
    optimiser = torch.optim.AdamW(weights, lr=way.rate, weight_decay=0.0)
    labels = torch.from_numpy(exchange.view.labels)
    means = [weight.detach().clone() for weight in weights]
    for step in range(steps):
        fall = (1 + math.cos(math.pi * step / steps)) / 2
        optimiser.param_groups[0]["lr"] = way.rate * fall * min(1.0, (step + 1) / _RISING)
        some = rng.choice(rows, min(_BATCH, len(rows)), replace=False)
        images = _shifted(exchange.with_(some, _PASTED, rng), way.shift, rng)
        found = logits(images)
        optimiser.zero_grad()
        functional.cross_entropy(found.float(), labels[some].to(found.device)).backward()
        optimiser.step()
        for mean, weight in zip(means, weights, strict=True):
            mean.lerp_(weight.detach(), 1 - min(_KEPT, step / (step + 1)))
    with torch.no_grad():
        for mean, weight in zip(means, weights, strict=True):
            weight.copy_(mean)
    for weight in way.model.parameters():
        weight.grad = None


def _shifted(images: Tensor, most: int, rng: np.random.Generator) -> Tensor:
    """Move each of images `[B, C, H, W]` by some pixels; the outermost ones are repeated."""
    if not most:
        return images
    height, width = images.shape[2:]
    padded = functional.pad(images, (most,) * 4, mode="replicate")
    steps = rng.integers(0, 2 * most + 1, (len(images), 2)).tolist()
    return torch.stack([
        image[:, down : down + height, across : across + width]
        for image, (down, across) in zip(padded, steps, strict=True)
    ])  # fmt: skip


def logits_of(subject: Subject, model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return what computes a copy's logits from planes `[B, C, H, W]`, with gradients."""
    shape = subject.images.shape[1:]
    device = subject.images.device
    model.to(device).eval()

    def computed(images: Tensor) -> Tensor:
        given = flat_planes(images, shape).to(device, subject.images.dtype)
        return subject.reading(model, given)

    return computed
