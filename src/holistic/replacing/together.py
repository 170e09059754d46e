"""Removes units of several sites together, and counts the examples that are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from holistic.graph.editing import Edit
from holistic.graph.engine import Change
from holistic.graph.loops import ablation_value, batches, replacing
from holistic.graph.sites import Site
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Together", "Units"]

_BATCH = 512


@dataclass(frozen=True)
class Units:
    """Units of several sites in one count, site after site.

    Attributes
    ----------
    sites
        From input to logits.
    """

    sites: tuple[Site, ...]

    @classmethod
    def of(cls, sites: Sequence[Site]) -> Units:
        """Put sites in order."""
        return cls(tuple(sorted(sites, key=lambda site: site.depth)))

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each site's units begin, and the count of all, `[S + 1]`."""
        return np.cumsum([0, *(site.units for site in self.sites)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def by_site(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """Units by name of their site, sorted; sites without any are left out."""
        found = dict[str, np.ndarray]()
        for site, start in zip(self.sites, self.starts, strict=False):
            own = np.sort(places[(places >= start) & (places < start + site.units)] - start)
            if len(own):
                found[site.name] = own
        return found


class Together:
    """Removes units of several sites at once on some examples.

    Parameters
    ----------
    subject, kind
        The model, and what removed units hold.
    examples
        What is run.
    """

    def __init__(self, subject: Subject, kind: type[Edit], examples: Examples) -> None:
        self.subject, self.kind, self.examples = subject, kind, examples

    def edits(self, units: Mapping[str, np.ndarray]) -> tuple[Edit, ...]:
        """Return an edit for each site that removes these units."""
        seed = self.subject.seed
        return tuple(
            replace(self.kind.draws(name, seed, 1)[0], units=tuple(map(int, some)))
            for name, some in units.items()
        )

    def changes(
        self, units: Mapping[str, np.ndarray], images: Tensor, start: int, times: int = 1
    ) -> dict[str, Change]:
        """Return by site what removes the units on neighbouring examples, so many times over."""
        made = dict[str, Change]()
        for name, some in units.items():
            new = self.new(self.subject.site(name), images, start)
            made[name] = replacing(some.tolist(), repeated(new, len(images), times))
        return made

    def new(self, site: Site, images: Tensor, start: int) -> Tensor:
        """What removed units of a site hold on neighbouring examples."""
        return ablation_value(self.subject, site, self.kind, images, start)

    @cached_property
    def right(self) -> np.ndarray:
        """Whether each example is right with all units, `[N]`."""
        return np.concatenate([self._right({}, rows) for rows in self._rows()])

    @torch.no_grad()
    def fits(self, units: Mapping[str, np.ndarray], loss: float) -> bool:
        """Say whether at most this share of the examples is lost, net, without the units."""
        allowed, net, seen = loss * len(self.examples), 0, 0
        for rows in self._rows():
            now, before = self._right(units, rows), self.right[rows]
            net += int(before.sum()) - int(now.sum())
            seen += len(now)
            possible = int((~self.right[seen:]).sum())  # all that may yet be gained
            if net - possible > allowed:
                return False
        return net <= allowed

    def _rows(self) -> Sequence[slice]:
        return list(batches(len(self.examples), _BATCH))

    @torch.no_grad()
    def _right(self, units: Mapping[str, np.ndarray], rows: slice) -> np.ndarray:
        images = self.examples.images[rows]
        changes = self.changes(units, images, rows.start)
        logits = self.subject.engine.run(images, (), changes)[0]
        return (logits.argmax(1) == self.examples.labels[rows]).cpu().numpy()


def repeated(new: Tensor, count: int, times: int) -> Tensor:
    """Repeat values of `count` examples so many times over; others are the same for all."""
    each = new.dim() > 0 and new.shape[0] == count and times > 1
    return new.repeat(times, *[1] * (new.dim() - 1)) if each else new
