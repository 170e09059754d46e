"""Checks what is given to be studied, and puts it where it is computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.errors import DataError
from holistic.graph.accompanied import accompanied, apart, extras_of
from holistic.graph.memory import fits
from holistic.graph.probes import probes, spread
from holistic.graph.torch_settings import ambient, ordinary, settled
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.study.classes import checked_classes
from holistic.study.divided import Divided
from holistic.study.examples import Examples
from holistic.study.extras import chosen_extras, extras_like
from holistic.study.frames import is_frame, table_of
from holistic.study.given import read_given
from holistic.study.inputs import (
    checked_images,
    checked_model,
    chosen_device,
    fitting,
    in_precision,
)
from holistic.study.outputs import Reading, called, read_outputs
from holistic.study.preflight import on_device, preflight, unwrapped
from holistic.study.scores import Score
from holistic.study.splits import given_splits
from holistic.study.vocabulary import Tokenizer, checked_vocabulary, tokenizer_of

__all__ = ["Choices", "Material", "gathered"]

_TRIED = 64
"""Images on which the model itself is tried, one after another and together."""


@dataclass(frozen=True)
class Choices:
    """How a model is to be studied, in plain form: see `holistic.Subject`."""

    score: Score
    seed: int
    forward: Callable[..., Tensor] | None
    name: str
    unit_axes: Mapping[str, int]
    sites: tuple[str, ...] = ()
    inputs: Any = None
    vocabulary: Any = ()


@dataclass(frozen=True, eq=False)
class Material:
    """A model, labelled examples in two splits, and how they are studied.

    Attributes
    ----------
    model
        The user's own, out of its wrappers.
    data
        Images, labels and splits; on the device where they fit there.
    classes
        Names of the classes in the order of the logits.
    choices
        Score, seed, name and the like.
    device
        Where it is computed.
    from_bytes
        Whether the images were given as bytes.
    reading
        How the logits are read from what the model returns.
    wrapped
        The model where it is computed, with its choice of logits.
    feature_names
        Names of a table's columns, in the order of the inputs; empty where there are none.
    vocabulary
        By number, the words of the tokens that occur; empty where nothing names them.
    tokenizer
        What reads further texts, where the vocabulary is a tokenizer.
    """

    model: nn.Module
    data: Divided
    classes: tuple[str, ...]
    choices: Choices
    device: str
    from_bytes: bool = field(repr=False)
    reading: Reading = field(repr=False)
    wrapped: Wrapped = field(repr=False)
    feature_names: tuple[str, ...] = ()
    vocabulary: Mapping[int, str] = field(default_factory=dict[int, str], repr=False)
    tokenizer: Tokenizer | None = field(default=None, repr=False)

    @property
    def score(self) -> Score:
        """What effects are measured in."""
        return self.choices.score

    @property
    def seed(self) -> int:
        """What decides the splits and everything that is drawn at random."""
        return self.choices.seed

    @property
    def forward(self) -> Callable[..., Tensor] | None:
        """What picks the logits where the model doesn't return them."""
        return self.choices.forward

    @property
    def name(self) -> str:
        """What reports call the model."""
        return self.choices.name

    @property
    def unit_axes(self) -> Mapping[str, int]:
        """By name of a site, the axis that the user named for its units."""
        return self.choices.unit_axes

    @property
    def images(self) -> Tensor:
        """All images that were given, `[N, …]`."""
        return self.data.images

    @property
    def labels(self) -> Tensor:
        """All labels that were given, int64 `[N]`."""
        return self.data.labels

    @property
    def given_splits(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Indices of the user's own splits; None where they are drawn."""
        return self.data.given

    @property
    def selection_indices(self) -> np.ndarray:
        """Examples on which neurons, directions and thresholds are chosen, `[N]`, sorted."""
        return self.data.indices[0]

    @property
    def evaluation_indices(self) -> np.ndarray:
        """Examples on which every reported effect is measured, `[N]`; none of the selection."""
        return self.data.indices[1]

    @property
    def selection(self) -> Examples:
        """Examples of the selection split."""
        return self.data.selection

    @property
    def evaluation(self) -> Examples:
        """Examples of the evaluation split."""
        return self.data.evaluation

    @property
    def studied(self) -> Tensor:
        """Images of both splits `[N, …]`: all, but where the user's own splits leave some out."""
        return self.data.studied

    @property
    @settled()
    def probes(self) -> Tensor:
        """A few images on which the model is looked into."""
        return probes(self.wrapped, self.studied).to(self.device)

    def checked(self, images: Tensor | np.ndarray | None, inputs: Any = None) -> Tensor:
        """Return images after checking them; the evaluation split's by default.

        They carry what the model is given beside them, which is checked too.
        """
        if images is None:
            return self.evaluation.images
        if is_frame(images):
            images = table_of(images, self.feature_names)[0]
        found = checked_images(images, self.images, from_bytes=self.from_bytes)
        own = self.images, self.model, self.reading.forward
        return accompanied(found, extras_like(images, inputs, *own))


def gathered(
    model: Any,
    data: Any,
    choices: Choices,
    *,
    classes: Any,
    device: str | torch.device,
    splits: tuple[Any, Any],
) -> Material:
    """Check a model, its data and the names of its classes, and try the model.

    Parameters
    ----------
    model, data, classes, device
        As `holistic.Subject` is given them.
    choices
        What was checked before.
    splits
        Selection and evaluation, as they were given; None where one wasn't.
    """
    model, defaults = checked_model(unwrapped(model)), ambient()
    with ordinary():
        given = read_given(data, classes)
        images, labels, classes = in_precision(given.inputs, model), given.labels, given.classes
        images = accompanied(
            apart(images)[0], chosen_extras(choices.inputs, images, model, choices.forward)
        )
        chosen = chosen_device(device, model)
        names = tuple(extras_of(images))
        plain = Wrapped(on_device(model, chosen), choices.forward or called, defaults, names)
        images = fitting(images, lambda some: _run_once(plain, some.to(chosen)))
        own = any(side is not None for side in splits)
        divided = Divided(
            images.to(chosen) if fits(images, chosen) else images,
            labels.to(chosen),
            choices.seed,
            given_splits(*splits, len(labels)) if own else None,
        )
        some = spread(divided.studied, _TRIED).to(chosen)
        named = len(classes) if isinstance(classes, Collection) else 0
        reading = read_outputs(plain, some, divided.labels, classes=named, forward=choices.forward)
        wrapped = Wrapped(plain.model, reading, defaults, names)
        count = preflight(wrapped, some)
        return Material(
            model,
            divided,
            checked_classes(classes, divided.labels, count),
            choices,
            str(chosen),
            given.inputs.dtype == torch.uint8,
            reading,
            wrapped,
            _names_of_features(given.features, images),
            checked_vocabulary(choices.vocabulary or given.vocabulary, apart(images)[0]),
            tokenizer_of(choices.vocabulary or given.vocabulary),
        )


def _names_of_features(names: Sequence[str], images: Tensor) -> tuple[str, ...]:
    """Names of the features, channels or the like after checking that there are as many."""
    shape = tuple(apart(images)[0].shape[1:])
    if names and len(names) not in shape:
        raise DataError(
            f"{len(names)} names of features for inputs of shape {shape}; give one for each"
        )
    return tuple(names)


def _run_once(wrapped: Wrapped, images: Tensor) -> Any:
    """Run the model as it is, to see whether it takes images of this kind."""
    with torch.no_grad(), evaluating(wrapped):
        return wrapped(images)
