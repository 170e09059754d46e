"""What is under study: a model, its data, and the score that effects are measured in?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.computation import Computation, computation, computes, digest
from holistic.data import split
from holistic.edits import Edit, changes_of
from holistic.errors import ModelError
from holistic.examples import Examples
from holistic.graph.engine import Engine, Given, Stage
from holistic.graph.gradients import Gradients, gradients_of
from holistic.graph.hooked import HookedEngine
from holistic.graph.memory import fits
from holistic.graph.probes import probes, spread
from holistic.graph.trace import Untraceable
from holistic.graph.traced import TracedEngine
from holistic.graph.wrapped import Wrapped
from holistic.models import reinitialised
from holistic.preflight import (
    checked_classes,
    checked_data,
    chosen_device,
    on_device,
    pick_logits,
    preflight,
    unwrapped,
)
from holistic.references import References
from holistic.scores import Score, checked_score, score
from holistic.settings import ambient, ordinary, settled
from holistic.sites import Site, SiteRow, find_site
from holistic.tables import Table

__all__ = ["Subject"]

_BATCH = 512
_TRIED = 64
"""Images on which the model itself is tried, one after another and together."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained classifier, labelled data that it wasn't trained on, and a score.

    Nothing in the model is changed: mode, parameters, buffers, hooks and random state are the same
    after any call.

    Parameters
    ----------
    model
        A `torch.nn.Module` from images `[B, …]` to logits `[B, C]`.
    data
        Images `[N, …]` and integer labels `[N]`, tensors or arrays.
    classes
        Names of the C classes; "0", "1", … by default.
    score
        `margin`, `logit`, `log_prob` or `accuracy` (see `holistic.scores.score`).
    seed
        Decides the selection/evaluation split and everything drawn at random.
    forward
        Picks the logits where the model doesn't return them: called with model and images.
    name
        What to call the model in reports.
    unit_axes
        By name of a site, which axis of one example's value counts its units, where the inferred
        one (column `unit_axis` of `sites`) isn't what you mean.
    device
        Where to compute: `cpu`, `cuda`, `cuda:1`, or `auto`: where the model is, or CUDA where
        there is any. The model itself stays where it is; a copy is made elsewhere.

    Raises
    ------
    DataError
        If images and labels don't fit each other or the model.
    ModelError
        If the model can't be run, isn't a classifier, or isn't deterministic.
    """

    model: nn.Module
    data: tuple[Any, Any]
    classes: Sequence[str] = ()
    score: Score = "margin"
    seed: int = 0
    forward: Callable[[nn.Module, Tensor], Tensor] | None = None
    name: str = "model"
    unit_axes: Mapping[str, int] = field(default_factory=dict[str, int])
    device: str = "auto"
    images: Tensor = field(init=False, repr=False)
    labels: Tensor = field(init=False, repr=False)
    _defaults: tuple[torch.dtype, torch.device] = field(
        init=False, repr=False, default_factory=ambient
    )

    @settled()
    def __post_init__(self) -> None:
        checked_score(self.score)
        model = unwrapped(self.model)
        images, labels = checked_data(self.data, model)
        object.__setattr__(self, "model", model)
        images = images.clone() if images.is_inference() else images
        object.__setattr__(self, "data", ())
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)
        device = chosen_device(self.device, model)
        object.__setattr__(self, "device", str(device))
        if fits(images, device):
            object.__setattr__(self, "images", images.to(device))
        object.__setattr__(self, "labels", labels.to(device))
        count = preflight(self._wrapped, spread(self.images, _TRIED).to(device))
        object.__setattr__(self, "classes", checked_classes(self.classes, labels, count))

    @cached_property
    def _wrapped(self) -> Wrapped:
        model = on_device(self.model, torch.device(self.device))
        return Wrapped(model, self.forward or pick_logits, self._defaults)

    @cached_property
    @settled()
    def engine(self) -> Engine:
        """The traced engine, or the hooked one where the model can't be traced."""
        try:
            return TracedEngine(self._wrapped, self._probes, self.unit_axes)
        except Untraceable as error:
            return HookedEngine.probe(self._wrapped, self._probes, str(error), self.unit_axes)

    @property
    def _probes(self) -> Tensor:
        """A few images on which the model is looked into."""
        return probes(self._wrapped, self.images).to(self.device)

    @cached_property
    @settled()
    def gradients(self) -> Gradients:
        """Where the model has gradients, and the engine that computes its own."""
        return gradients_of(self.engine, self._wrapped, self._probes)

    @property
    def traced(self) -> bool:
        """Whether the model could be turned into a flat graph."""
        return self.engine.note == ""

    @property
    def backend_note(self) -> str:
        """Empty when traced; else one line that says why not, what is missing and what it costs."""
        return self.engine.note

    @cached_property
    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        return split(self.labels, seed=self.seed)

    @property
    def selection_indices(self) -> np.ndarray:
        """Examples on which neurons, directions and thresholds are chosen, `[N]`."""
        return self._split[0]

    @property
    def evaluation_indices(self) -> np.ndarray:
        """Examples on which every reported effect is measured, `[N]`; none of the selection."""
        return self._split[1]

    @cached_property
    def selection(self) -> Examples:
        """Examples of the selection split."""
        return self._examples(self.selection_indices)

    @cached_property
    def evaluation(self) -> Examples:
        """Examples of the evaluation split."""
        return self._examples(self.evaluation_indices)

    def _examples(self, indices: np.ndarray) -> Examples:
        return Examples(np.arange(len(self.labels)), self.images, self.labels).at(indices)

    @property
    def all_sites(self) -> tuple[Site, ...]:
        """Every site from input to logits."""
        return self.engine.sites

    @property
    def hidden_sites(self) -> tuple[Site, ...]:
        """The sites that lenses use unless told otherwise.

        Raises
        ------
        ModelError
            If the model has none.
        """
        hidden = tuple(site for site in self.engine.sites if site.hidden)
        if not hidden:
            raise ModelError(
                f"'{self.name}' has no nonlinearity between input and logits, so no hidden units; "
                "the lenses need at least one hidden layer"
            )
        return hidden

    def site(self, name: str) -> Site:
        """Return the site of this name.

        Raises
        ------
        SiteError
            If the model has no such site.
        """
        return find_site(self.engine.sites, name)

    @cached_property
    def sites(self) -> Table:
        """Table of all sites."""
        return Table.from_rows(SiteRow, [site.row for site in self.engine.sites])

    def predict(self, images: Tensor | None = None, edits: Sequence[Edit] = ()) -> Tensor:
        """Compute logits under edits, batch by batch, without gradients.

        Parameters
        ----------
        images
            `[N, …]`; the evaluation split by default.
        edits
            Applied at their sites, several at one site in the given order.

        Returns
        -------
        Tensor
            `[N, C]`.
        """
        images = self.evaluation.images if images is None else images
        return self.downstream(images, edits, ())[0]

    @settled()
    def downstream(
        self, images: Tensor, edits: Sequence[Edit], sites: Sequence[str]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute logits `[N, C]` and the values `[N, P…, U]` of some sites under edits."""
        for name in (*sites, *(edit.site for edit in edits)):
            self.site(name)
        logits: list[Tensor] = []
        values: dict[str, list[Tensor]] = {name: [] for name in sites}
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            changes = changes_of([edit.sliced(part) for edit in edits], self.site, self)
            with torch.no_grad():
                out, captured = self.engine.run(images[part], list(sites), changes)
            logits.append(out)
            for name in sites:
                values[name].append(captured[name])
        return torch.cat(logits), {name: torch.cat(parts) for name, parts in values.items()}

    def capture(self, sites: Sequence[str], images: Tensor | None = None) -> dict[str, Tensor]:
        """Read sites' values on images (the evaluation split by default): `[N, P…, U]` each."""
        images = self.evaluation.images if images is None else images
        return self.downstream(images, (), sites)[1]

    @settled()
    def capture_batches(
        self, sites: Sequence[str], images: Tensor | None = None, batch: int | None = None
    ) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """Read sites' values a batch at a time, so that memory doesn't grow with the data."""
        images = self.evaluation.images if images is None else images
        if batch is None:
            batch = min(_BATCH, self.engine.batch_rows([self.site(name) for name in sites]))
        for start in range(0, len(images), batch):
            part = slice(start, min(start + batch, len(images)))
            yield part, self.capture(sites, images[part])

    @settled()
    def check_finite(self) -> None:
        """Read the hidden sites on every example and count the values that aren't finite.

        Raises
        ------
        ModelError
            If there are any, with the site that has them first.
        """
        names = [site.name for site in self.hidden_sites]
        bad = dict.fromkeys(names, 0)
        for _, values in self.capture_batches(names, self.images):
            for name in names:
                bad[name] += int((~values[name].isfinite()).sum())
        if any(bad.values()):
            first = next(name for name in names if bad[name])
            others = sum(count > 0 for count in bad.values()) - 1
            raise ModelError(
                f"site '{first}' holds {bad[first]:,} NaN or infinite values"
                f"{f', and {others} sites after it hold some' if others else ''}; check the range "
                "of the images and the weights before it"
            )

    @settled()
    def check_unchanged(self) -> None:
        """Find out whether the model is still what it was when the subject first read it.

        Raises
        ------
        ModelError
            If it isn't.
        """
        weights = digest(sorted(self.model.state_dict().items()))
        same = weights == self.fingerprint["weights"]
        if not (same and computes(self._wrapped, self._probes, self.computation)):
            raise ModelError(
                f"'{self.name}' was changed after its subject was made; make a new Subject of it"
            )

    @settled()
    def logits(self, images: Tensor) -> Tensor:
        """Compute logits `[B, C]` in one batch, differentiable in the images."""
        engine = self.gradients.engine if _differentiated([images]) else self.engine
        return engine.run(images)[0]

    @settled()
    def logits_from(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Compute logits `[B, C]` with sites' values replaced, differentiable in the new ones."""
        for name in values:
            self.site(name)
        wanted = _differentiated([images, *values.values()])
        engine = self.gradients.engine if wanted else self.engine
        return engine.run(images, (), {n: Given(v) for n, v in values.items()})[0]

    @settled()
    def stage(
        self, site: str, images: Tensor, replacement: Tensor, previous: Stage | None = None
    ) -> Stage:
        """Prepare a batch for replays of many unit sets of one site.

        Parameters
        ----------
        site
            Name of the site.
        images
            One batch, `[B, …]`.
        replacement
            What replaced units hold; broadcasts to `[B, P…, U]`.
        previous
            A stage of the same images at an earlier site, which saves their common part.
        """
        return self.engine.stage(images, self.site(site), replacement, previous)

    @cached_property
    def references(self) -> References:
        """What the selection split offers in place of a unit's own value."""
        return References(self)

    @settled()
    def mean(self, site: str) -> Tensor:
        """Class-balanced mean of a site's value over the selection split, `[P…, U]`."""
        return self.references.mean(site)

    @settled()
    def optimal(self, site: str) -> Tensor:
        """Each unit's optimal constant, `[P…, U]`, found on a part of the selection split."""
        return self.references.optimal(site)

    @settled()
    def draw(self, site: str, places: Tensor, seed: int) -> Tensor:
        """Values of a site on random examples of the selection split, `[B, P…, U]`.

        Parameters
        ----------
        site
            Name of the site.
        places
            `[B]`; the same place and seed draw the same example.
        seed
            Decides the draws.
        """
        return self.references.draw(site, places, seed)

    def score_of(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Score logits `[B, C]` for classes `[B]` in the subject's score: `[B]`."""
        return score(logits, labels, self.score)

    def untrained(self, seed: int) -> Subject:
        """Return the control: the same architecture and data with freshly drawn weights."""
        with ordinary(self._defaults):
            return Subject(
                reinitialised(self.model, seed),
                (self.images, self.labels),
                classes=self.classes,
                score=self.score,
                seed=self.seed,
                forward=self.forward,
                name=f"{self.name} (untrained)",
                unit_axes=self.unit_axes,
                device=self.device,
            )

    @cached_property
    @settled()
    def computation(self) -> Computation:
        """What the model computes, beside the numbers in its state dict."""
        return computation(self._wrapped, self.engine, self._probes)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of the model's parameters and buffers, of what it computes, and of the data."""
        return {
            "weights": digest(sorted(self.model.state_dict().items())),
            "computation": self.computation.digest,
            "data": digest((("images", self.images), ("labels", self.labels))),
        }


def _differentiated(tensors: Sequence[Tensor]) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
