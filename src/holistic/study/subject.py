"""The subject of a study: a model, its data in two splits, and a score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

import holistic
from holistic.arguments import checked_seed
from holistic.errors import ModelError, explain_memory_errors
from holistic.graph.editing import Edit
from holistic.graph.engine import Engine, Stage
from holistic.graph.gradients import Gradients
from holistic.graph.patterns import matching
from holistic.graph.sites import Site, SiteRow, checked_axes, site_names
from holistic.graph.torch_settings import settled
from holistic.named import named
from holistic.results.tables import Table
from holistic.study.computation import Computation
from holistic.study.control import control_of
from holistic.study.described import notes, shown, shown_in_notebooks
from holistic.study.finite import check_finite
from holistic.study.huggingface import from_huggingface
from holistic.study.identity import Identity
from holistic.study.inputs import checked_forward, checked_name
from holistic.study.material import Choices, Material, gathered
from holistic.study.presented import input_kind
from holistic.study.references import References
from holistic.study.runner import Runner
from holistic.study.scores import Score, checked_score, score

if TYPE_CHECKING:
    from holistic.checking import Check

__all__ = ["Subject"]


class Subject(Material):
    """A trained classifier, labelled data that it wasn't trained on, and a score.

    Nothing in the model is changed: mode, parameters, buffers, hooks and random state are the same
    after any call.

    Parameters
    ----------
    model
        A `torch.nn.Module` from images `[B, …]` to logits `[B, C]`.
    data
        Images `[N, …]` and integer labels `[N]`, tensors or arrays; or both in another form, such
        as a data set, a loader or a table (docs/data.md lists them).
    classes
        Names of the C classes in the order of the logits, or a dictionary of names by index or of
        indices by name; the data's own by default, or "0", "1", …. Where data has other places for
        these names, labels follow the names.
    score
        `margin`, `logit`, `log_prob` or `accuracy` (see `holistic.study.scores.score`).
    seed
        Decides the splits and everything drawn at random; 0 to 2³¹ - 1.
    forward
        Picks the logits where the model doesn't return them: called with model and images, and
        with `inputs` by name.
    name
        What to call the model in reports.
    unit_axes
        By name of a site, which axis of one example's value counts its units, where the inferred
        one (column `unit_axis` of `sites`) isn't what you mean.
    device
        Where to compute: `cpu`, `cuda`, `cuda:1`, a `torch.device`, or `auto`: where the model
        is, or CUDA where there is any. The model itself stays where it is; a copy is made
        elsewhere.
    selection
        Examples on which everything is chosen: indices into the data or a mask `[N]`, disjoint
        from `evaluation`. With only one of the two given, the other is the rest; with neither,
        every class is halved at random. Examples in neither are left alone.
    evaluation
        Examples on which every reported number is measured, likewise.
    sites
        Names or patterns of the sites that lenses use (`layer3.*`, `#-3:`): all hidden by default.
    inputs
        What the model is given beside the images and no lens changes: tensors `[N, …]` by name
        of the forward's argument (`{"attention_mask": mask}`), or in the order of its arguments.
    vocabulary
        What the numbers of tokens stand for: words, a dictionary, or a tokenizer.

    Raises
    ------
    DataError
        If images and labels don't fit each other or the model, or the splits share an example.
    ModelError
        If the model can't be run, isn't a classifier, or isn't deterministic.
    SettingError
        If another argument isn't what is described here.
    """

    @named
    @explain_memory_errors()
    def __init__(
        self,
        model: nn.Module,
        data: Any,
        classes: Sequence[str] | Mapping[Any, Any] | None = (),
        score: Score = "margin",
        seed: int = 0,
        forward: Callable[..., Tensor] | None = None,
        name: str = "model",
        unit_axes: Mapping[str, int] | None = None,
        device: str | torch.device = "auto",
        *,
        selection: Any = None,
        evaluation: Any = None,
        sites: str | Sequence[str] | None = None,
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
        vocabulary: Any = (),
    ) -> None:
        choices = Choices(
            checked_score(score),
            checked_seed(seed),
            checked_forward(forward),
            checked_name(name),
            checked_axes(unit_axes),
            () if sites is None else tuple(site_names(sites, fewest=1)),
            inputs,
            vocabulary,
        )
        splits = selection, evaluation
        found = gathered(model, data, choices, classes=classes, device=device, splits=splits)
        super().__init__(**{field.name: getattr(found, field.name) for field in fields(found)})
        self.runner = Runner(self.wrapped, self.probes, self.unit_axes, self.choices.sites)
        self.references = References(self)
        self.identity = Identity(self, self.runner)

    from_huggingface = classmethod(from_huggingface)
    input_kind = cached_property(input_kind)
    notes = property(notes)
    _repr_html_ = shown_in_notebooks

    def __repr__(self) -> str:
        return shown(self)

    @property
    def engine(self) -> Engine:
        """The traced engine, or the hooked one where the model can't be traced."""
        return self.runner.engine

    @property
    def gradients(self) -> Gradients:
        """Where the model has gradients, and the engine that computes its own."""
        return self.runner.gradients

    @property
    def traced(self) -> bool:
        """Whether the model could be turned into a flat graph."""
        return not self.engine.note

    @property
    def backend_note(self) -> str:
        """Empty when traced; else one line that says why not, what is missing and what it costs."""
        return self.engine.note

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
                f"'{self.name}' has no hidden units: nothing that can be read lies between its "
                "input and its last layer; list its sites with 'holistic sites'"
            )
        return hidden

    def site(self, name: str) -> Site:
        """Return the site of this name; `input` is what the model is given.

        Raises
        ------
        SiteError
            If the model has no such site.
        """
        return self.runner.site(name)

    def chosen_sites(self, sites: str | Sequence[str] | None) -> tuple[Site, ...]:
        """Return the sites of these names or patterns, each once; the hidden sites for None.

        Raises
        ------
        SiteError
            If the model has no such site.
        """
        if sites is None:
            return self.hidden_sites
        every = (*self.engine.sites, self.engine.input)
        return matching(every, site_names(sites, fewest=1))

    @cached_property
    def sites(self) -> Table:
        """Table of all sites."""
        return Table.from_rows(SiteRow, [site.row for site in self.engine.sites])

    @named
    @explain_memory_errors()
    def predict(
        self,
        images: Tensor | np.ndarray | None = None,
        edits: Edit | Sequence[Edit] = (),
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> Tensor:
        """Compute logits under edits, batch by batch, without gradients.

        Parameters
        ----------
        images
            `[N, …]`; the evaluation split by default.
        edits
            One edit, or several: applied at their sites, those at one site in the given order.
        inputs
            What the model is given beside these images; the subject's own come with theirs.

        Returns
        -------
        Tensor
            `[N, C]`.

        Raises
        ------
        DataError
            If the images aren't like the subject's own.
        SiteError
            If the model has no such site, unit or position.
        SettingError
            If an edit's value isn't what it needs.
        """
        return self.downstream(self.checked(images, inputs), edits, ())[0]

    def downstream(
        self,
        images: Tensor,
        edits: Edit | Sequence[Edit],
        sites: str | Sequence[str],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute logits `[N, C]` and the values `[N, P…, U]` of some sites under edits."""
        return self.runner.downstream(images, edits, sites, self.references)

    @named
    @explain_memory_errors()
    def capture(
        self,
        sites: str | Sequence[str],
        images: Tensor | np.ndarray | None = None,
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> dict[str, Tensor]:
        """Read sites' values on images (the evaluation split by default): `[N, P…, U]` each."""
        return self.downstream(self.checked(images, inputs), (), sites)[1]

    @named
    @settled()
    def capture_batches(
        self,
        sites: str | Sequence[str],
        images: Tensor | np.ndarray | None = None,
        batch: int | None = None,
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """Read sites' values a batch at a time, so that memory doesn't grow with the data."""
        images, sites = self.checked(images, inputs), site_names(sites, fewest=1)
        for part in self.runner.batches(images, sites, batch):
            yield part, self.downstream(images[part], (), sites)[1]

    @settled()
    def check_finite(self) -> None:
        """Read the hidden sites on every example of the splits and look for NaN and infinity.

        Raises
        ------
        ModelError
            If there is any, with the site that has it first, and on which images.
        """
        check_finite(self)

    def check(self, lenses: Any = None) -> Check:
        """Look at model and data within seconds, before any work: see `holistic.check`.

        Parameters
        ----------
        lenses
            Lenses that are going to be run, as for `holistic.audit`; all by default.
        """
        return holistic.check(self, lenses=lenses)

    def check_unchanged(self) -> None:
        """Find out whether the model is still what it was when the subject first read it.

        Raises
        ------
        ModelError
            If it isn't.
        """
        self.identity.check()

    def logits(self, images: Tensor) -> Tensor:
        """Compute logits `[B, C]` in one batch, differentiable in the images."""
        return self.runner.logits(images)

    def logits_from(self, images: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Compute logits `[B, C]` with sites' values replaced, differentiable in the new ones."""
        return self.runner.logits_from(images, values)

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

    def mean(self, site: str) -> Tensor:
        """Class-balanced mean of a site's value over the selection split, `[P…, U]`."""
        return self.references.mean(self.site(site).name)

    def optimal(self, site: str) -> Tensor:
        """Each unit's optimal constant, `[P…, U]`, found on a part of the selection split."""
        return self.references.optimal(self.site(site).name)

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
        return self.references.draw(self.site(site).name, places, seed)

    def score_of(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Score logits `[B, C]` for classes `[B]` in the subject's score: `[B]`."""
        return score(logits, labels, self.score)

    def untrained(self, seed: int, *, reuse: Subject | None = None) -> Subject:
        """Return the control: the same architecture and data with freshly drawn weights.

        Parameters
        ----------
        seed
            Decides the weights; no model that was trained from this seed has them.
        reuse
            An earlier control that nothing needs any more: it is given the weights where its
            graph shares them, which saves tracing another.

        Raises
        ------
        ModelError
            If a weight can't be drawn anew, or the control computes what the trained model does.
        """
        return control_of(self, seed, reuse)

    @property
    def computation(self) -> Computation:
        """What the model computes, beside the numbers in its state dict."""
        return self.identity.computation

    @property
    def piece_key(self) -> tuple[object, ...]:
        """What decides its numbers, for pieces of work that are kept."""
        return self.identity.piece_key

    @property
    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of the model's parameters and buffers, what it computes, data and own splits."""
        return self.identity.fingerprint
