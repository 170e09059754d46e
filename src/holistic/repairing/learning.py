"""Teaches a copy of a model on images between which shortcuts are exchanged."""

from __future__ import annotations

import copy
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
_STEPS, _BATCH, _EVERY = 400, 64, 25
_RATES = {"readout": (3e-3,), "weights": (3e-4, 1e-3)}
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
    """One way to edit: its name, the copy, and how fast its open weights learn."""

    kind: str
    model: nn.Module
    rate: float


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
    best = _Way("nothing", copy.deepcopy(subject.model), 0.0)
    asked = _asked(exchange, back, rng)
    right, steps = _right(subject, best.model, asked), 0
    for number, way in enumerate(ways):
        progress(_TASK, number, len(ways) + 1)
        share, taken = _taught(subject, way, exchange, taught, asked)
        if share > right:
            best, right, steps = way, share, taken
    if steps:  # again, on all of the split
        best = next(way for way in _ways(subject, found, best.kind) if way.rate == best.rate)
        _taught(subject, best, exchange, order, None, steps)
    progress(_TASK, len(ways) + 1, len(ways) + 1)
    return best.model, best.kind


def _ways(subject: Subject, found: Sequence[Confirmed], how: str) -> Iterator[_Way]:
    """Copies with what may be edited of each, and how fast."""
    swaps = [one.suspect.swap for one in found]
    if how in ("auto", "mask") and all(isinstance(swap, Region) for swap in swaps):
        yield _Way("mask", _masked(subject, [s for s in swaps if isinstance(s, Region)]), 0.0)
    for kind, rates in _RATES.items():
        for rate in rates if how in ("auto", kind) else ():
            model = copy.deepcopy(subject.model)
            layer = _readout(model, len(subject.classes))
            if kind == "readout" and layer is None:
                continue
            model.requires_grad_(kind == "weights")
            if kind == "readout" and layer is not None:
                layer.requires_grad_(True)
            yield _Way(kind, model, rate)


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
def _right(subject: Subject, model: nn.Module, asked: tuple[list[Tensor], np.ndarray]) -> float:
    """Mean accuracy on images that were kept back."""
    logits = logits_of(subject, model)
    answers = [logits(images).argmax(1).cpu().numpy() for images in asked[0]]
    return float(np.mean([answer == asked[1] for answer in answers]))


def _taught(
    subject: Subject,
    way: _Way,
    exchange: Exchange,
    rows: np.ndarray,
    asked: tuple[list[Tensor], np.ndarray] | None,
    steps: int = _STEPS,
) -> tuple[float, int]:
    """Teach a copy in place.

    Where images are asked about, it ends as it was at its best: that accuracy, after how many
    steps.
    """
    model, rng = way.model, np.random.default_rng([subject.seed, 4])
    logits = logits_of(subject, model)
    share, taken = (_right(subject, model, asked), 0) if asked else (0.0, 0)
    best = copy.deepcopy(model.state_dict())
    weights = [p for p in model.parameters() if p.requires_grad]
    if not way.rate:
        return share, 0
    optimiser = torch.optim.AdamW(weights, lr=way.rate, weight_decay=0.0)
    labels = torch.from_numpy(exchange.view.labels)
    for step in range(1, steps + 1):
        some = rng.choice(rows, min(_BATCH, len(rows)), replace=False)
        found = logits(exchange.with_(some, _PASTED, rng))
        optimiser.zero_grad()
        functional.cross_entropy(found.float(), labels[some].to(found.device)).backward()
        optimiser.step()
        if asked and step % _EVERY == 0 and (now := _right(subject, model, asked)) > share:
            best, share, taken = copy.deepcopy(model.state_dict()), now, step
    if asked:
        model.load_state_dict(best)
    for weight in model.parameters():
        weight.grad = None
    return share, taken


def logits_of(subject: Subject, model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return what computes a copy's logits from planes `[B, C, H, W]`, with gradients."""
    shape = subject.images.shape[1:]
    device = subject.images.device
    model.to(device).eval()

    def computed(images: Tensor) -> Tensor:
        given = flat_planes(images, shape).to(device, subject.images.dtype)
        return subject.reading(model, given)

    return computed
