"""Runs a model batch by batch: as it is, under edits, and from values of its sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from holistic.arguments import whole
from holistic.errors import ModelError
from holistic.graph.editing import Edit, Reference, changes_of, checked_at, checked_edits
from holistic.graph.engine import Engine, Given, Stage
from holistic.graph.gradients import Gradients, gradients_of
from holistic.graph.hooked import HookedEngine
from holistic.graph.loops import batches
from holistic.graph.sites import Site, find_site, site_names
from holistic.graph.torch_settings import settled
from holistic.graph.trace import Untraceable
from holistic.graph.traced import TracedEngine
from holistic.graph.wrapped import Wrapped
from holistic.usercode import running

__all__ = ["Runner"]

_BATCH = 512


@dataclass(frozen=True, eq=False)
class Runner:
    """A model's engine, made when it is first needed, and the loops over batches that use it.

    Attributes
    ----------
    wrapped
        The model with its choice of logits.
    probes
        A few images on which the model is looked into.
    unit_axes
        By name of a site, the axis that the user named for its units.
    studied
        Names or patterns of the sites that count as hidden; the model's own by default.
    """

    wrapped: Wrapped
    probes: Tensor
    unit_axes: Mapping[str, int]
    studied: Sequence[str] = ()

    @cached_property
    @settled()
    def engine(self) -> Engine:
        """The traced engine, or the hooked one where the model can't be traced."""
        given = self.unit_axes, self.studied
        try:
            return TracedEngine(self.wrapped, self.probes, *given)
        except Untraceable as error:
            return HookedEngine.probe(self.wrapped, self.probes, str(error), *given)

    @cached_property
    @settled()
    def gradients(self) -> Gradients:
        """Where the model has gradients, and the engine that computes its own."""
        return gradients_of(self.engine, self.wrapped, self.probes)

    @cached_property
    def samples(self) -> dict[str, Stage]:
        """By site, a stage of two examples: `holistic.replacing.budget.sample_stage` fills it."""
        return {}

    @cached_property
    def _rows(self) -> int:
        """Examples in one run: as many as suit the caches, in equal parts of the most."""
        fitting = self.engine.batch_rows(self.engine.sites[-1:])
        return _BATCH // max(1, _BATCH // fitting)

    def studying(self, sites: Sequence[str]) -> Runner:
        """Return the runner with other sites hidden, of names or patterns; nothing is traced."""
        other = replace(self, studied=tuple(sites))
        vars(other).update(engine=self.engine.studying(sites), samples=self.samples)
        return other

    def site(self, name: str) -> Site:
        """Return the site of this name, or the input as one.

        Raises
        ------
        SiteError
            If the model has no such site.
        """
        engine = self.engine
        return engine.input if name == engine.input.name else find_site(engine.sites, name)

    @settled()
    def downstream(
        self,
        images: Tensor,
        edits: Edit | Sequence[Edit],
        sites: str | Sequence[str],
        reference: Reference,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute logits `[N, C]` and the values `[N, P…, U]` of some sites under edits.

        Parameters
        ----------
        images
            `[N, …]`.
        edits, sites
            What is changed, and names of the sites that are read.
        reference
            Values that some edits put in place.
        """
        edits, sites = checked_edits(edits), site_names(sites)
        read = {name: self.site(name).name for name in sites}
        edits = [checked_at(edit, self.site(edit.site), len(images)) for edit in edits]
        logits: list[Tensor] = []
        values: dict[str, list[Tensor]] = {name: [] for name in read}
        for part in batches(len(images), self._rows):
            changes = changes_of([edit.sliced(part) for edit in edits], self.site, reference)
            failure = f"the model can't be run on the images from {part.start} on"
            foreign = self.engine.note or any(e.site == self.engine.input.name for e in edits)
            guard = running(failure, ModelError) if foreign else nullcontext()
            with torch.no_grad(), guard:
                out, captured = self.engine.run(images[part], [*set(read.values())], changes)
            logits.append(out)
            for name, own in read.items():
                values[name].append(captured[own])
        return torch.cat(logits), {name: torch.cat(parts) for name, parts in values.items()}

    def batches(
        self, images: Tensor, sites: Sequence[str], batch: int | None = None
    ) -> Iterator[slice]:
        """Slices of images that are read together, as large as the values of the sites allow."""
        if batch is None:
            batch = min(_BATCH, self.engine.batch_rows([self.site(name) for name in sites]))
        batch = whole(batch, "batch", 1)
        yield from batches(len(images), batch)

    @settled()
    def logits(self, images: Tensor) -> Tensor:
        """Compute logits `[B, C]` in one batch, differentiable in the images."""
        engine = self.gradients.engine if _differentiated([images]) else self.engine
        return engine.run(images)[0]

    @settled()
    def logits_from(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Compute logits `[B, C]` with sites' values replaced, differentiable in the new ones."""
        wanted = _differentiated([images, *values.values()])
        engine = self.gradients.engine if wanted else self.engine
        known = {site.name for site in engine.sites}  # where only modules can be seen, not all
        names = {name: self.site(name).name for name in values}
        given = {own if own in known else n: Given(values[n]) for n, own in names.items()}
        return engine.run(images, (), given)[0]


def _differentiated(tensors: Sequence[Tensor]) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
