"""Plants carriers into a copy of the user's own model, at one of its hidden sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from holistic.doctoring.zoo.planting import Claim, Planted, claims
from holistic.errors import HolisticError, shortened
from holistic.graph.accompanied import extras_of
from holistic.graph.copies import copied
from holistic.graph.engine import position_mean
from holistic.graph.sites import Site
from holistic.lenses._units import unit_values
from holistic.stats.intervals import class_auroc
from holistic.study.given import Given
from holistic.study.scores import Score
from holistic.study.splits import stratified_sample
from holistic.study.subject import Subject

__all__ = ["Grafted", "graft", "graft_pairs", "grafts"]

_TELLS = 0.8
"""AUROC over all examples from which on a unit is a carrier that can be found."""
_SITES = 3
"""Sites that are planted into at most, from the first to the last."""
_EXAMPLES = 1000


class Grafted(nn.Module):
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
        super().__init__()
        self.model = model
        self.path, self.axis = place
        for name, values in (("read", read), ("shift", shift), ("kinds", kinds)):
            self.register_buffer(name, torch.from_numpy(values).float(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Run the model and return what is read of the site, `[B, C]`."""
        seen = list[Tensor]()

        def see(_module: nn.Module, _given: object, value: Tensor) -> None:
            seen.append(value)

        # made for each run, so that it comes after whatever edits the site's value
        handle = self.model.get_submodule(self.path).register_forward_hook(see)
        try:
            self.model(images)
        finally:
            handle.remove()
        values = position_mean(seen[0].movedim(self.axis, -1))  # [B, U]
        first, second = ((values - self.shift) @ read.T for read in self.read)  # [B, C] each
        larger, smaller = torch.maximum(first, second), torch.minimum(first, second)
        return torch.where(self.kinds > 0, larger, torch.where(self.kinds < 0, smaller, first))


def grafts(subject: Subject, seed: int = 0) -> Iterator[Planted | str]:
    """Plant carriers at some hidden sites of copies of a model; where it can't be done, say why.

    Parameters
    ----------
    subject
        The model with its data; it isn't changed.
    seed
        Decides which examples are taken.
    """
    if extras_of(subject.images):
        yield f"Nothing was planted into {subject.name}: it is given more than one input."
        return
    modules = dict(subject.model.named_modules())
    sites = [site for site in subject.hidden_sites if site.name in modules and site.name]
    if not sites:
        yield f"Nothing was planted into {subject.name}: no hidden site is a module's output."
        return
    places = np.unique(np.linspace(0, len(sites) - 1, _SITES).round().astype(int))
    for plant, place in (*((graft, p) for p in places), (graft_pairs, places[-1])):
        try:
            yield plant(subject, sites[place], seed)
        except HolisticError as error:
            yield f"Nothing was planted at {sites[place].called}: {shortened(str(error))}."


@dataclass(frozen=True)
class _Telling:
    """How well the units of a site tell the classes.

    Attributes
    ----------
    mean, spread
        `[U]`, of what the units hold; the spread of those that don't vary is 1.
    alive
        `[U]`, which do.
    area
        `[U, C]`, AUROC for each class minus a half; 0 for those that don't vary.
    """

    mean: np.ndarray
    spread: np.ndarray
    alive: np.ndarray
    area: np.ndarray

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
        return np.abs(self.area[units, np.arange(units.shape[-1])]) >= _TELLS - 0.5


def _look(subject: Subject, site: Site, each: int) -> _Telling | str:
    """Measure what the units tell; where they are fewer than `each` a class, say so."""
    classes = len(subject.classes)
    values = unit_values(subject, [site.name], subject.images)[site.name]  # [N, U]
    spread = values.std(0)
    alive = spread > 1e-6 * max(spread.max(), 1e-12)
    if alive.sum() < each * classes:
        what = "one each" if each == 1 else f"{each} each"
        return (
            f"Nothing was planted at {site.called}: it has {alive.sum()} units that vary, and "
            f"{classes} classes need {what}."
        )
    area = class_auroc(values, subject.labels.cpu().numpy(), classes)
    area = np.where(alive[:, None], np.nan_to_num(area, nan=0.5) - 0.5, 0.0)
    return _Telling(values.mean(0), np.where(alive, spread, 1.0), alive, area)


def graft(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let one unit a class carry it alone, and say so; every other unit of the site is a decoy.

    The units that tell the classes best are taken, one to one; a carrier whose value tells its
    class badly (AUROC below 0.8 over all examples) is asked nothing, since it carries little. Of
    the other units those that tell a class best move all logits alike, which decides nothing.
    """
    found = _look(subject, site, 1)
    if isinstance(found, str):
        return found
    [units] = found.one_to_one()
    rest = np.abs(found.area)
    rest[units] = -1.0
    unread = rest.argmax(0)
    read = found.reading(units)
    alike = np.setdiff1d(unread[found.alive[unread]], units)
    read[:, alike] = 1 / found.spread[alike]
    kinds = np.zeros(len(units))
    planted = _planted(subject, site, (np.stack([read, 0 * read]), found.mean, kinds), seed)
    asked = np.flatnonzero(found.clear(units)).tolist()
    return Planted(planted, _carrying(planted, units, asked, unread=unread))


def graft_pairs(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let two units carry each class: either is enough for one class, the next needs both.

    Of the units that tell the classes best each class has two; pairs of which one tells its class
    badly are asked nothing. Units of different classes are decoys: what they do adds up.
    """
    found = _look(subject, site, 2)
    if isinstance(found, str):
        return found
    units = found.one_to_one(2)  # [2, C]
    kinds = np.where(np.arange(units.shape[1]) % 2 == 0, 1.0, -1.0)
    read = np.stack([found.reading(own) for own in units])
    planted = _planted(subject, site, (read, found.mean, kinds), seed, score="logit")
    asked = [c for c, (a, b) in enumerate(found.clear(units).T) if a and b]
    [here] = planted.hidden_sites

    def at(a: int, b: int) -> dict[str, object]:
        low, high = sorted((a, b))
        return {"site": here.name, "unit_a": low, "unit_b": high, "class": "all"}

    pairs = [at(*units[:, c].tolist()) for c in asked]
    apart = [at(int(units[0, c]), int(units[1, c - 1])) for c in range(units.shape[1])]
    either, both = (
        [p for p, c in zip(pairs, asked, strict=True) if kinds[c] == k] for k in (1, -1)
    )
    return Planted(
        planted,
        (
            *claims("redundant", either, [*both, *apart]),
            *claims("synergistic", both, [*either, *apart]),
        ),
    )


def _planted(
    subject: Subject,
    site: Site,
    head: tuple[np.ndarray, np.ndarray, np.ndarray],
    seed: int,
    score: Score = "margin",
) -> Subject:
    """Copy the model and read it by `head`: what `Grafted` calls read, shift and kinds."""
    read, shift, kinds = head
    axis = site.unit_axis + 1 if site.unit_axis >= 0 else site.unit_axis
    place = site.name, axis
    model = Grafted(copied(subject.model), place, read, shift=shift, kinds=kinds)
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
        sites=[f"model.{site.name}"],
    )


def _carrying(
    planted: Subject, units: np.ndarray, asked: list[int], *, unread: np.ndarray
) -> tuple[Claim, ...]:
    """Say which units carry a class; `unread` `[C]` tell each class best of all that carry none."""
    [site] = planted.hidden_sites
    others = np.setdiff1d(np.arange(site.units), units).tolist()
    carriers = [(int(units[c]), planted.classes[c]) for c in asked]
    idle = [*zip(unread.tolist(), planted.classes, strict=True)] * bool(others)

    def at(unit: int, **more: object) -> dict[str, object]:
        return {"site": site.name, "unit": unit, **more}

    return (
        *claims("causal", (at(unit) for unit, _ in carriers), map(at, others)),
        *claims(
            "patched",
            (at(unit, clean=c) for unit, c in carriers),
            (at(unit, clean=c) for unit, c in idle),
        ),
        *claims(
            "needed",
            (at(unit, **{"class": c, "sign": -1}) for unit, c in carriers),
            (at(unit, **{"class": c, "sign": -1}) for unit, c in idle),
        ),
    )
