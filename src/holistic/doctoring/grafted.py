"""Copies of the user's own model whose logits are read from the units of one of its sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from holistic.doctoring.zoo.planting import linear
from holistic.graph.copies import copied
from holistic.graph.engine import position_mean
from holistic.graph.sites import Site
from holistic.lenses._units import unit_values
from holistic.stats.intervals import class_auroc
from holistic.study.given import Given
from holistic.study.scores import Score
from holistic.study.splits import stratified_sample
from holistic.study.subject import Subject

__all__ = ["TELLS", "Grafted", "Layered", "Telling", "copy_of", "look", "place_of", "read_copy"]

TELLS = 0.8
"""AUROC over all examples from which on a unit is a carrier that can be found."""
_EXAMPLES = 1000


class _Reading(nn.Module):
    """Runs a model and returns the position means of the units of one of its sites.

    Parameters
    ----------
    model
        The model; its own logits are left unread.
    place
        Path of the module whose output is the site's value, and the axis `[B, …]` of its units.
    """

    def __init__(self, model: nn.Module, place: tuple[str, int]) -> None:
        super().__init__()
        self.model = model
        self.path, self.axis = place

    def values(self, images: Tensor) -> Tensor:
        """Return position means `[B, U]`."""
        seen = list[Tensor]()

        def see(_module: nn.Module, _given: object, value: Tensor) -> None:
            seen.append(value)

        # made for each run, so that it comes after whatever edits the site's value
        handle = self.model.get_submodule(self.path).register_forward_hook(see)
        try:
            self.model(images)
        finally:
            handle.remove()
        return position_mean(seen[0].movedim(self.axis, -1))


class Grafted(_Reading):
    """A model whose logits are read from the units of one site, and from nothing else.

    Parameters
    ----------
    model
        The model; its own logits are left unread.
    place
        Path of the module whose output is the site's value, and the axis `[B, …]` of its units.
    read
        `[2, C, U]`, how position means of the units are read: two numbers a class.
    shift
        `[U]`, what is subtracted from them.
    kinds
        `[C]`, what a class's logit is: 0 the first number, 1 the larger, -1 the smaller of both.
    """

    read: Tensor
    shift: Tensor
    kinds: Tensor

    def __init__(
        self,
        model: nn.Module,
        place: tuple[str, int],
        read: np.ndarray,
        *,
        shift: np.ndarray,
        kinds: np.ndarray,
    ) -> None:
        super().__init__(model, place)
        for name, values in (("read", read), ("shift", shift), ("kinds", kinds)):
            self.register_buffer(name, torch.from_numpy(values).float(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Run the model and return what is read of the site, `[B, C]`."""
        values = self.values(images)
        first, second = ((values - self.shift) @ read.T for read in self.read)  # [B, C] each
        larger, smaller = torch.maximum(first, second), torch.minimum(first, second)
        return torch.where(self.kinds > 0, larger, torch.where(self.kinds < 0, smaller, first))


class Layered(_Reading):
    """A model with a layer after one of its sites, `act`, which the logits are read from.

    Parameters
    ----------
    model, place
        As for `Grafted`.
    read
        `[K, U]` and `[K]`, weights and biases of the layer, before its ReLU.
    head
        `[C, K]`, how logits are read from it.
    """

    def __init__(
        self,
        model: nn.Module,
        place: tuple[str, int],
        read: tuple[np.ndarray, np.ndarray],
        head: np.ndarray,
    ) -> None:
        super().__init__(model, place)
        self.layer, self.act = linear(*read), nn.ReLU()
        self.head = linear(head)

    def forward(self, images: Tensor) -> Tensor:
        """Run the model and the layer after it, and return logits `[B, C]`."""
        return self.head(self.act(self.layer(self.values(images))))


@dataclass(frozen=True)
class Telling:
    """How well the units of a site tell the classes.

    Attributes
    ----------
    values
        `[N, U]`, position means on all examples.
    mean, spread
        `[U]`, of what the units hold; the spread of those that don't vary is 1.
    alive
        `[U]`, which do.
    area
        `[U, C]`, AUROC for each class minus a half; 0 for those that don't vary.
    """

    values: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    alive: np.ndarray
    area: np.ndarray

    @property
    def standard(self) -> np.ndarray:
        """Values in standard deviations from their means, `[N, U]`; 0 where none varies."""
        return np.where(self.alive, (self.values - self.mean) / self.spread, 0.0)

    def one_to_one(self, each: int = 1) -> np.ndarray:
        """Units that tell the classes best, `[each, C]`, no unit twice."""
        from scipy.optimize import linear_sum_assignment

        worth = np.tile(np.where(self.alive[:, None], np.abs(self.area), -1.0), each)
        rows, columns = linear_sum_assignment(-worth)
        units = np.empty(worth.shape[1], np.int64)
        units[columns] = rows
        return units.reshape(each, -1)

    def reading(self, units: np.ndarray) -> np.ndarray:
        """Read unit `units[c]` for class c, so that more means the class: `[C, U]`."""
        own = self.area[units, np.arange(len(units))]
        read = np.zeros(self.area.T.shape)
        read[np.arange(len(units)), units] = np.where(own >= 0, 1.0, -1.0) / self.spread[units]
        return read

    def clear(self, units: np.ndarray) -> np.ndarray:
        """Whether unit `units[c]` tells class c well enough to be found, `[C]`."""
        return np.abs(self.area[units, np.arange(units.shape[-1])]) >= TELLS - 0.5


def look(subject: Subject, site: Site, each: int) -> Telling | str:
    """Measure what the units tell; where they are fewer than `each` a class, say so."""
    classes = len(subject.classes)
    values = unit_values(subject, [site.name], subject.images)[site.name]  # [N, U]
    spread = values.std(0)
    alive = spread > 1e-6 * max(spread.max(), 1e-12)
    if alive.sum() < each * classes:
        what = "one each" if each == 1 else f"{each} each"
        return f"it has {alive.sum()} units that vary, and {classes} classes need {what}"
    area = class_auroc(values, subject.labels.cpu().numpy(), classes)
    area = np.where(alive[:, None], np.nan_to_num(area, nan=0.5) - 0.5, 0.0)
    return Telling(values, values.mean(0), np.where(alive, spread, 1.0), alive, area)


def place_of(site: Site) -> tuple[str, int]:
    """Path of the module whose output is the site's value, and the axis `[B, …]` of its units."""
    axis = site.unit_axis + 1 if site.unit_axis >= 0 else site.unit_axis
    return site.name, axis


def read_copy(
    subject: Subject,
    site: Site,
    head: tuple[np.ndarray, np.ndarray, np.ndarray],
    seed: int,
    score: Score = "margin",
) -> Subject:
    """Copy the model and read it by `head`: what `Grafted` calls read, shift and kinds."""
    read, shift, kinds = head
    model = Grafted(copied(subject.model), place_of(site), read, shift=shift, kinds=kinds)
    return copy_of(subject, site, model, seed, score=score)


def copy_of(
    subject: Subject,
    site: Site,
    model: nn.Module,
    seed: int,
    *,
    score: Score = "margin",
    more: tuple[str, ...] = (),
) -> Subject:
    """Make a subject of a copy, on some of the examples; its sites are the site, and `more`."""
    rows = torch.from_numpy(stratified_sample(subject.labels.cpu(), _EXAMPLES, seed=seed))
    images, labels = subject.images[rows], subject.labels[rows]
    return Subject(
        model.eval(),
        Given(images, labels, features=subject.feature_names, vocabulary=subject.vocabulary),
        classes=subject.classes,
        score=score,
        seed=seed,
        name=f"a copy of {subject.name}",
        unit_axes={f"model.{site.name}": site.unit_axis},
        device=subject.device,
        sites=[f"model.{site.name}", *more],
    )
