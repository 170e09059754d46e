"""What was given to be studied, checked and put where it is computed?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.arguments import checked_seed
from holistic.errors import memory_told
from holistic.graph.memory import fits
from holistic.graph.probes import probes, spread
from holistic.graph.sites import checked_axes
from holistic.graph.torch_settings import ambient, ordinary
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.study.classes import checked_classes
from holistic.study.examples import Examples
from holistic.study.inputs import (
    checked_data,
    checked_forward,
    checked_images,
    checked_model,
    checked_name,
    chosen_device,
    fitting,
)
from holistic.study.outputs import Reading, called, read_outputs
from holistic.study.preflight import on_device, preflight, unwrapped
from holistic.study.scores import Score, checked_score
from holistic.study.splits import given_splits, split

__all__ = ["Material"]

_TRIED = 64
"""Images on which the model itself is tried, one after another and together."""


@dataclass(frozen=True, eq=False, init=False)
class Material:
    """A model, labelled examples in two splits, and a score: see `holistic.Subject`.

    Attributes
    ----------
    model
        The user's own, out of its wrappers.
    classes, score, seed, forward, name, unit_axes, device
        As they were given, in plain form.
    images, labels
        `[N, …]` and int64 `[N]`, on the device where they fit there.
    given_splits
        Indices of the user's own splits; None where they are drawn.
    from_bytes
        Whether the images were given as bytes.
    """

    model: nn.Module
    classes: tuple[str, ...]
    score: Score
    seed: int
    forward: Callable[[nn.Module, Tensor], Tensor] | None
    name: str
    unit_axes: Mapping[str, int]
    device: str
    images: Tensor = field(repr=False)
    labels: Tensor = field(repr=False)
    given_splits: tuple[np.ndarray, np.ndarray] | None = field(repr=False)
    from_bytes: bool = field(repr=False)
    _defaults: tuple[torch.dtype, torch.device] = field(repr=False)
    _named: int = field(repr=False)
    """Classes that the user gave names to; 0 where none has one."""

    @memory_told()
    def __init__(
        self,
        model: nn.Module,
        data: tuple[Any, Any],
        classes: Sequence[str] | Mapping[Any, Any] | None = (),
        score: Score = "margin",
        seed: int = 0,
        forward: Callable[[nn.Module, Tensor], Tensor] | None = None,
        name: str = "model",
        unit_axes: Mapping[str, int] | None = None,
        device: str | torch.device = "auto",
        *,
        selection: Any = None,
        evaluation: Any = None,
    ) -> None:
        self._set(
            score=checked_score(score),
            seed=checked_seed(seed),
            forward=checked_forward(forward),
            name=checked_name(name),
            unit_axes=checked_axes(unit_axes),
            model=checked_model(unwrapped(model)),
            _defaults=ambient(),
            _named=len(classes) if isinstance(classes, Collection) else 0,
        )
        with ordinary():
            self._put_data(data, device)
            splits = None
            if selection is not None or evaluation is not None:
                splits = given_splits(selection, evaluation, len(self.labels))
            self._set(given_splits=splits)
            count = preflight(self._wrapped, spread(self.studied, _TRIED).to(self.device))
            self._set(classes=checked_classes(classes, self.labels, count))

    def _set(self, **values: Any) -> None:
        """Set fields once, while the subject is made."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _put_data(self, data: tuple[Any, Any], device: str | torch.device) -> None:
        """Check images and labels, and put them where the model is going to compute."""
        images, labels = checked_data(data, self.model)
        # tensors made in inference mode take part in no gradient
        images = images.clone() if images.is_inference() else images
        chosen = chosen_device(device, self.model)
        self._set(device=str(chosen), labels=labels.to(chosen))
        self._set(from_bytes=getattr(data[0], "dtype", None) in (torch.uint8, np.uint8))
        images = fitting(images, lambda some: self._run_once(some.to(chosen)))
        self._set(images=images.to(chosen) if fits(images, chosen) else images)

    @cached_property
    def _wrapped(self) -> Wrapped:
        return Wrapped(self._called.model, self._reading, self._defaults)

    @cached_property
    def _called(self) -> Wrapped:
        """The model with what it returns, whatever that is."""
        model = on_device(self.model, torch.device(self.device))
        return Wrapped(model, self.forward or called, self._defaults)

    @cached_property
    def _reading(self) -> Reading:
        """How the logits are read from what the model returns."""
        some, named = spread(self.studied, _TRIED).to(self.device), self._named
        return read_outputs(self._called, some, self.labels, classes=named, forward=self.forward)

    @property
    def _probes(self) -> Tensor:
        """A few images on which the model is looked into."""
        return probes(self._wrapped, self.studied).to(self.device)

    def _run_once(self, images: Tensor) -> Any:
        """Run the model as it is, to see whether it takes images of this kind."""
        with torch.no_grad(), evaluating(self._called):
            return self._called(images)

    @cached_property
    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        return self.given_splits or split(self.labels, seed=self.seed)

    @property
    def selection_indices(self) -> np.ndarray:
        """Examples on which neurons, directions and thresholds are chosen, `[N]`, sorted."""
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

    @cached_property
    def studied(self) -> Tensor:
        """Images of both splits `[N, …]`: all, but where the user's own splits leave some out."""
        if self.given_splits is None:
            return self.images
        return self.images[torch.from_numpy(np.sort(np.concatenate(self._split)))]

    def checked(self, images: Tensor | np.ndarray | None) -> Tensor:
        """Return images after checking them; the evaluation split's by default."""
        if images is None:
            return self.evaluation.images
        return checked_images(images, self.images, from_bytes=self.from_bytes)
