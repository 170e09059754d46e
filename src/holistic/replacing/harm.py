"""Measures how much each unit is needed once others are gone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Change, Given
from holistic.graph.loops import batches
from holistic.graph.sites import Site
from holistic.replacing.budget import afforded, replay_work
from holistic.replacing.together import Together, Units, repeated
from holistic.study.scores import score

__all__ = ["unit_harms"]

_BUDGET = 1e11
"""Multiplications that the replays of one round may take."""
_LEAST, _MOST = 64, 1000
"""Examples on which units are replayed: with fewer, gradients say more."""
_ROWS = 2048
"""Replays that run at once."""


def unit_harms(together: Together, units: Units, gone: np.ndarray) -> np.ndarray:
    """Return how much worse off examples are without each unit, with others gone, `[U]`.

    The mean fall of a smooth count of right examples, the sigmoid of their margin in units of its
    median: what is far from any error doesn't matter, at any scale of the logits. Units are
    replayed on as many examples as a budget allows; where that is too few, it is gradient times
    change. What is gone already is infinite.

    Parameters
    ----------
    together
        What removes units, and on which examples.
    units
        All units.
    gone
        Places of those that are gone, `[G]`.
    """
    subject = together.subject
    left = np.setdiff1d(np.arange(len(units)), gone)
    of = np.searchsorted(units.starts, left, side="right") - 1
    each = np.bincount(of, minlength=len(units.sites)).tolist()
    cost = sum(n * replay_work(subject, s) for n, s in zip(each, units.sites, strict=True))
    count = afforded(_BUDGET, float(cost), least=0, most=_MOST)
    exact = count >= min(_LEAST, len(together.examples))
    some = together.examples.sample(max(count, _LEAST) if exact else _MOST, seed=subject.seed)
    part = Together(subject, together.kind, some)
    harms = np.full(len(units), np.inf)
    harms[left] = _Harm(part, units, units.by_site(gone)).measured(left, exact=exact)
    return harms


class _Harm:
    """Harms on some examples, with units gone by site."""

    def __init__(self, together: Together, units: Units, gone: dict[str, np.ndarray]) -> None:
        self.together, self.units, self.gone = together, units, gone
        self.engine, self.examples = together.subject.engine, together.examples

    def measured(self, left: np.ndarray, *, exact: bool) -> np.ndarray:
        """Mean harm of each unit that is left, `[K]`."""
        wanted, total = self.units.by_site(left), np.zeros(len(left))
        size = min(256, self.engine.batch_rows(self.units.sites))
        for rows in batches(len(self.examples), size):
            images, labels = self.examples.images[rows], self.examples.labels[rows]
            some = (images, labels, rows.start)
            total += self._replayed(wanted, *some) if exact else self._estimated(wanted, *some)
        return total / max(len(self.examples), 1)

    def _smooth(self, logits: Tensor, labels: Tensor) -> Tensor:
        return torch.sigmoid(score(logits, labels, "margin").double() / self.scale)

    @property
    def scale(self) -> float:
        """Median size of the margin on the first examples, with all units."""
        if not hasattr(self, "_scale"):
            images, labels = self.examples.images[:256], self.examples.labels[:256]
            with torch.no_grad():
                logits = self.engine.run(images)[0]
            middle = float(score(logits, labels, "margin").abs().median())
            self._scale = middle if middle > 0 else 1.0
        return self._scale

    @torch.no_grad()
    def _replayed(
        self, wanted: dict[str, np.ndarray], images: Tensor, labels: Tensor, start: int
    ) -> np.ndarray:
        """Harms summed over a batch, each unit replaced with the others gone."""
        changes = self.together.changes(self.gone, images, start)
        base, values = self.engine.run(images, list(wanted), changes)
        before = float(self._smooth(base, labels).sum())
        found = list[np.ndarray]()
        for name, own in wanted.items():
            site = self.together.subject.site(name)
            new = self.together.new(site, images, start).to(values[name])
            for some in np.array_split(own, -(-len(own) * len(images) // _ROWS)):
                after = self._without(site, values[name], new, some, images, start)
                kept = self._smooth(after, labels.repeat(len(some))).reshape(len(some), -1).sum(1)
                found.append(before - kept.cpu().numpy())
        return np.concatenate(found)

    def _without(
        self, site: Site, value: Tensor, new: Tensor, some: np.ndarray, images: Tensor, start: int
    ) -> Tensor:
        """Logits `[K·B, C]` without each of some units, in turn."""
        times, whole = len(some), new.expand_as(value)
        edited = value.repeat(times, *[1] * (value.dim() - 1))
        for n, unit in enumerate(some.tolist()):
            edited[n * len(images) : (n + 1) * len(images), ..., unit] = whole[..., unit]
        changes = self.together.changes(self.gone, images, start, times)
        changes[site.name] = Given(edited)
        return self.engine.run(repeated(images, len(images), times), (), changes)[0]

    def _estimated(
        self, wanted: dict[str, np.ndarray], images: Tensor, labels: Tensor, start: int
    ) -> np.ndarray:
        """The same to first order, from one backward pass."""
        subject, values = self.together.subject, dict[str, Tensor]()
        changes = self.together.changes(self.gone, images, start)

        def watched(name: str, change: Change | None) -> Change:
            def watch(value: Tensor) -> Tensor:
                value = value if change is None else change(value)
                values[name] = value if value.requires_grad else value.detach().requires_grad_()
                return values[name].clone()

            return watch

        usable = [name for name in wanted if not subject.gradients.at(name)]
        watching = {n: watched(n, changes.get(n)) for n in usable}
        with torch.enable_grad():
            logits = subject.gradients.engine.run(images, (), {**changes, **watching})[0]
            points = [values[name] for name in usable]
            pulled = torch.autograd.grad(self._smooth(logits, labels).sum(), points)
        slopes, found = dict(zip(usable, pulled, strict=True)), list[np.ndarray]()
        for name, own in wanted.items():
            if name not in slopes:
                found.append(np.zeros(len(own)))
                continue
            new = self.together.new(subject.site(name), images, start)
            product = slopes[name] * (new.to(slopes[name]) - values[name].detach())
            found.append(-product.flatten(0, -2).sum(0).double().cpu().numpy()[own])
        return np.concatenate(found)
