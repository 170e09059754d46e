"""What a unit can hold in place of its own value, from the selection split."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from holistic.errors import ModelError
from holistic.graph.editing import check_whole
from holistic.graph.torch_settings import settled
from holistic.study.captured import split_batches
from holistic.study.optimal import optimal_constants, search_size

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["References"]


class References:
    """Means, optimal constants and draws of a subject's selection split; sites are read once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.means: dict[str, Tensor] = {}
        self.constants: dict[str, Tensor] = {}
        self.statistics: dict[tuple[str, str], Tensor] = {}

    @settled()
    def mean(self, site: str) -> Tensor:
        """Class-balanced mean of a site's value, `[P…, U]`."""
        if site not in self.means:
            self.means[site] = self._balanced_mean(site)
        return self.means[site]

    def _balanced_mean(self, site: str) -> Tensor:
        examples = self.subject.selection
        count = torch.bincount(examples.labels, minlength=len(self.subject.classes))
        weights = 1.0 / count.double()
        sums, dtype = torch.zeros(()).double(), torch.float32
        for part, values in split_batches(self.subject, [site], examples.images):
            value = values[site].double()  # [B, P…, U]
            rows = weights[examples.labels[part]]
            sums, dtype = torch.tensordot(rows, value, dims=1) + sums.to(value), values[site].dtype
        mean = self._finite(sums / len(examples.labels.unique()), site, "mean")
        check_whole(mean, torch.zeros((), dtype=dtype), site, "a mean")
        return mean.to(dtype)

    @settled()
    def optimal(self, site: str) -> Tensor:
        """Each unit's optimal constant, `[P…, U]`, found on a part of the examples."""
        if site not in self.constants:
            subject, mean = self.subject, self.mean(site)
            sample = subject.stage(site, subject.selection.images[:2], mean)
            count = search_size(subject.site(site).units, sample.row_cost)
            count = max(count, 2 * len(subject.classes))
            some = subject.selection.sample(count, seed=subject.seed)
            first = subject.stage(site, some.images, torch.zeros(()))
            self.constants[site] = optimal_constants(
                lambda value: subject.stage(site, some.images, value, first),
                subject.capture([site], some.images)[site],
                mean,
                some.labels,
            )
        return self.constants[site]

    @settled()
    def draw(self, site: str, places: Tensor, seed: int) -> Tensor:
        """Values on random examples, `[B, P…, U]`; the same place `[B]` and seed draw the same."""
        examples, generator = self.subject.selection, torch.Generator().manual_seed(seed)
        count = max(len(self.subject.images), int(places.max()) + 1 if len(places) else 0)
        drawn = torch.randint(len(examples), (count,), generator=generator)
        values = self.subject.capture([site], examples.images[drawn[places]])[site]
        return self._finite(values, site, "drawn value")

    @staticmethod
    def _finite(values: Tensor, site: str, what: str) -> Tensor:
        """Return them where they can stand for a unit's value: what is NaN on one example can't."""
        if not bool(values.isfinite().all()):
            raise ModelError(
                f"site '{site}' holds NaN or infinite values on some examples of the selection "
                f"split, so a {what} says nothing; replace its units by zero, or name other sites"
            )
        return values

    @settled()
    def statistic(self, site: str, name: str, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what `reduce` makes of a site's values `[N, P…, U]`, computed once a name."""
        key = site, name
        if key not in self.statistics:
            read = split_batches(self.subject, [site], self.subject.selection.images)
            self.statistics[key] = reduce(torch.cat([values[site] for _, values in read]))
        return self.statistics[key]
