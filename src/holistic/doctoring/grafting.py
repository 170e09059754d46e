"""Plants carriers into a copy of the user's own model, at one of its hidden sites."""

from __future__ import annotations

from collections.abc import Iterator

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
from holistic.study.subject import Subject

__all__ = ["Grafted", "graft", "grafts"]

_TELLS = 0.8
"""AUROC over all examples from which on a unit is a carrier that can be found."""
_SITES = 3
"""Sites that are planted into at most, from the first to the last."""
_EXAMPLES = 1000


class Grafted(nn.Module):
    """A model whose logits are read from the units of one site, linearly, and from nothing else.

    Parameters
    ----------
    model
        The model; its own logits are left unread.
    place
        Path of the module whose output is the site's value, and the axis `[B, …]` of its units.
    read
        `[C, U]`, how position means of the units are read.
    shift
        `[U]`, what is subtracted from them.
    """

    read: Tensor
    shift: Tensor

    def __init__(
        self, model: nn.Module, place: tuple[str, int], read: np.ndarray, shift: np.ndarray
    ) -> None:
        super().__init__()
        self.model = model
        self.path, self.axis = place
        self.register_buffer("read", torch.from_numpy(read).float(), persistent=False)
        self.register_buffer("shift", torch.from_numpy(shift).float(), persistent=False)

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
        return (values - self.shift) @ self.read.T


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
    for place in np.unique(np.linspace(0, len(sites) - 1, _SITES).round().astype(int)):
        try:
            yield graft(subject, sites[place], seed)
        except HolisticError as error:
            yield f"Nothing was planted at {sites[place].called}: {shortened(str(error))}."


def graft(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let one unit a class carry it alone, and say so; every other unit of the site is a decoy.

    The units that tell the classes best are taken, one to one; a carrier whose value tells its
    class badly (AUROC below 0.8 over all examples) is asked nothing, since it carries little. Of
    the other units those that tell a class best move all logits alike, which decides nothing.
    """
    classes = len(subject.classes)
    values = unit_values(subject, [site.name], subject.images)[site.name]  # [N, U]
    spread = values.std(0)
    alive = spread > 1e-6 * max(spread.max(), 1e-12)
    if alive.sum() < classes:
        return (
            f"Nothing was planted at {site.called}: it has {alive.sum()} units that vary, and "
            f"{classes} classes need one each."
        )
    area = class_auroc(values, subject.labels.cpu().numpy(), classes)
    area = np.where(alive[:, None], np.nan_to_num(area, nan=0.5) - 0.5, 0.0)  # [U, C]
    units = _one_to_one(np.where(alive[:, None], np.abs(area), -1.0))
    own = area[units, np.arange(classes)]
    rest = np.abs(area)
    rest[units] = -1.0
    unread = rest.argmax(0)
    read = np.zeros((classes, site.units))
    read[:, unread[alive[unread]]] = 1.0
    read[:, units] = np.diag(np.where(own >= 0, 1.0, -1.0))
    read = read / np.where(alive, spread, 1.0)
    planted = _planted(subject, site, read, values.mean(0), seed)
    asked = np.flatnonzero(np.abs(own) >= _TELLS - 0.5).tolist()
    return Planted(planted, _claims(planted, units, asked, unread=unread))


def _one_to_one(worth: np.ndarray) -> np.ndarray:
    """Units `[C]` that are worth most to the classes, one to one, by `[U, C]`."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-worth)
    units = np.empty(worth.shape[1], np.int64)
    units[columns] = rows
    return units


def _planted(
    subject: Subject, site: Site, read: np.ndarray, shift: np.ndarray, seed: int
) -> Subject:
    from holistic.study.splits import stratified_sample

    axis = site.unit_axis + 1 if site.unit_axis >= 0 else site.unit_axis
    model = Grafted(copied(subject.model), (site.name, axis), read, shift)
    rows = torch.from_numpy(stratified_sample(subject.labels.cpu(), _EXAMPLES, seed=seed))
    images, labels = subject.images[rows], subject.labels[rows]
    return Subject(
        model.eval(),
        Given(images, labels, features=subject.feature_names, vocabulary=subject.vocabulary),
        classes=subject.classes,
        seed=seed,
        name=f"a copy of {subject.name}",
        unit_axes={f"model.{site.name}": site.unit_axis},
        device=subject.device,
        sites=[f"model.{site.name}"],
    )


def _claims(
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
