"""Erases regions of inputs, and beside them as much elsewhere on the same inputs."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.elsewhere import inked_elsewhere, moved, sets_elsewhere
from holistic.attributing.fills import Fill, fills
from holistic.graph.accompanied import accompanied, apart
from holistic.graph.loops import batches
from holistic.pieces import kept
from holistic.study.examples import Examples
from holistic.study.planes import flat_planes, planes
from holistic.study.presented import steps_first
from holistic.study.subject import Subject

__all__ = ["Erased", "Eraser", "Plane", "erased", "without"]

_BYTES = 32 << 20
"""Bytes of inputs that are made at a time."""
_POOL = 48
"""Other places of a region that all examples share."""


@dataclass(frozen=True)
class Plane:
    """How inputs lie on a plane: pictures on rows and columns, series and features on one row.

    Attributes
    ----------
    kind
        The kind of input by its name.
    shape
        Of one input.
    turned
        Whether a series has its steps on the first axis.
    """

    kind: str
    shape: tuple[int, ...]
    turned: bool = False

    @classmethod
    def of(cls, subject: Subject) -> Plane:
        """How a subject's inputs lie."""
        kind, shape = subject.input_kind.name, tuple(subject.images.shape[1:])
        turned = kind == "series" and steps_first(subject.all_sites, shape)
        return cls(kind, shape, turned)

    def laid(self, images: Tensor) -> Tensor:
        """Inputs `[B, …]` as `[B, channels, H, W]`; a mask of these is `[H, W]`."""
        if self.kind != "series":
            return planes(images)
        return (images.movedim(1, 2) if self.turned else images)[:, :, None]

    def back(self, values: Tensor) -> Tensor:
        """Undo `laid`."""
        if self.kind != "series":
            return flat_planes(values, self.shape)
        return values[:, :, 0].movedim(1, 2) if self.turned else values[:, :, 0]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.laid(torch.empty(1, *self.shape, device="meta")).shape[2:]
        return height, width


@dataclass(frozen=True)
class Erased:
    """What becomes of n examples without a region, and without as much elsewhere.

    Attributes
    ----------
    change
        Score without the region minus score before, `[n]`.
    elsewhere
        The same without other regions, the mean over them, `[n]`.
    right, right_without
        Whether the model is right, before and without the region, `[n]` bool.
    right_elsewhere
        Share of the other regions without which it is right, `[n]`.
    """

    change: np.ndarray
    elsewhere: np.ndarray
    right: np.ndarray
    right_without: np.ndarray
    right_elsewhere: np.ndarray

    @property
    def beyond(self) -> np.ndarray:
        """How far the change lies above the one without as much elsewhere, `[n]`."""
        return self.change - self.elsewhere

    def at(self, some: np.ndarray) -> Erased:
        """Of some of the examples."""
        return Erased(*(getattr(self, f.name)[some] for f in fields(self)))


def without(plane: Plane, images: Tensor, masks: np.ndarray, fill: Tensor) -> Tensor:
    """Return inputs `[B, …]` that hold `fill` `[…]` where masks `[B, H, W]` or `[H, W]` say so."""
    plain, extras = apart(images)
    drawn, blank = plane.laid(plain), plane.laid(fill[None].to(plain))
    mask = torch.from_numpy(masks).to(drawn.device)
    mask = mask[None, None] if mask.dim() == 2 else mask[:, None]
    return accompanied(plane.back(torch.where(mask, blank, drawn)), extras)


@dataclass(frozen=True)
class Eraser:
    """How regions of a subject's inputs are erased, and what is erased beside them.

    Attributes
    ----------
    plane
        How inputs lie.
    fill
        What an erased pixel holds.
    draws
        Other regions of each example.
    seed
        Decides them.
    """

    plane: Plane
    fill: Fill
    draws: int
    seed: int

    @classmethod
    def of(cls, subject: Subject, draws: int) -> Eraser:
        """How regions of a subject's inputs are erased."""
        return cls(Plane.of(subject), fills(subject)[0], draws, subject.seed)

    def pool(self, region: np.ndarray, number: int = 0) -> np.ndarray | None:
        """Other places of a region `[V, H, W]`; nothing where there are inks of their own."""
        if self.fill.background or region.ndim > 2:
            return None
        rng = np.random.default_rng([self.seed, number, 17])
        make = sets_elsewhere if self.plane.kind == "features" else moved
        return make(region, _POOL, rng)

    def others(self, some: Examples, own: np.ndarray, pool: np.ndarray | None) -> np.ndarray:
        """Other regions of each example, `[draws, B, H, W]` bool."""
        rngs = [np.random.default_rng([self.seed, index]) for index in some.indices.tolist()]
        if self.fill.background:
            return inked_elsewhere(self.ink(some.images), own, self.draws, rngs)
        found = np.zeros((self.draws, *own.shape), bool)
        for i, (index, rng) in enumerate(zip(some.indices.tolist(), rngs, strict=True)):
            places = self.pool(own[i], index) if pool is None else pool
            assert places is not None
            again = len(places) < self.draws
            found[:, i] = places[rng.choice(len(places), self.draws, replace=again)]
        return found

    def ink(self, images: Tensor) -> np.ndarray:
        """How far each pixel lies from the fill, over its channels, `[B, H, W]` float64."""
        drawn = self.plane.laid(apart(images)[0]).double()
        return (drawn - self.plane.laid(self.fill.value[None]).to(drawn)).abs().sum(1).cpu().numpy()

    def shares(self, examples: Examples, region: np.ndarray) -> np.ndarray:
        """Share of what each example shows that lies in a region `[H, W]`; else of the plane."""
        if not self.fill.background:
            return np.full(len(examples), float(region.mean()))
        ink = self.ink(examples.images)
        return ink[:, region].sum(1) / np.maximum(ink.sum((1, 2)), 1e-12)


@kept
def erased(subject: Subject, examples: Examples, region: np.ndarray, eraser: Eraser) -> Erased:
    """Erase a region of examples, and other ones on each of them.

    Others are as large and, on pictures, in one piece where the region is: copies of it at other
    places; where pictures have a background, parts of what is on it with as much ink. Of features
    they are other sets of as many.

    Parameters
    ----------
    subject
        The model.
    examples
        n of them.
    region
        `[H, W]` bool, or `[n, H, W]` for one of each example's own.
    eraser
        What is erased, and how.
    """
    pool, parts = eraser.pool(region), list[Erased]()
    each = (2 + eraser.draws) * 4 * examples.images[0].numel()
    for part in batches(len(examples), max(1, _BYTES // each)):
        some = examples.at(np.arange(part.start, part.stop))
        shape = (len(some), *region.shape[-2:])
        own = region[part] if region.ndim > 2 else np.broadcast_to(region, shape)
        parts.append(_changes(subject, some, own.copy(), eraser, pool))
    names = (f.name for f in fields(Erased))
    return Erased(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def _changes(
    subject: Subject, some: Examples, own: np.ndarray, eraser: Eraser, pool: np.ndarray | None
) -> Erased:
    gone = [own, *eraser.others(some, own, pool)]
    erased = [without(eraser.plane, some.images, masks, eraser.fill.value) for masks in gone]
    logits = subject.predict(torch.cat([some.images, *erased]))
    labels = some.labels.repeat(2 + eraser.draws)
    scores = subject.score_of(logits, labels).double().cpu().numpy().reshape(-1, len(some))
    right = (logits.argmax(1) == labels).cpu().numpy().reshape(-1, len(some))
    return Erased(
        scores[1] - scores[0],
        np.mean(scores[2:], 0) - scores[0],
        right[0],
        right[1],
        np.mean(right[2:], 0),
    )
