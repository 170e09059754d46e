"""Says by digests which model is studied on which data, and whether it is still the same."""

from __future__ import annotations

from functools import cached_property

import torch

from holistic.errors import ModelError
from holistic.graph.accompanied import extras_of
from holistic.graph.torch_settings import settled
from holistic.study.computation import Computation, computation, computes, digest
from holistic.study.material import Material
from holistic.study.runner import Runner

__all__ = ["Identity"]


class Identity:
    """Digests of a model and of its data, as they are when they are first asked for."""

    def __init__(self, material: Material, runner: Runner) -> None:
        self._material = material
        self._runner = runner

    @cached_property
    @settled()
    def computation(self) -> Computation:
        """What the model computes, beside the numbers in its state dict."""
        runner = self._runner
        return computation(runner.wrapped, runner.engine, runner.probes)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of the model's parameters and buffers, what it computes, data and own splits."""
        data = self._material.data
        extras = [(f"input {n}", value) for n, value in extras_of(data.images).items()]
        found = {
            "weights": self._weights(),
            "computation": self.computation.digest,
            "data": digest([("images", data.images), ("labels", data.labels), *extras]),
        }
        if data.given:
            first, second = map(torch.from_numpy, data.given)
            found["splits"] = digest((("selection", first), ("evaluation", second)))
        return found

    @cached_property
    def piece_key(self) -> tuple[object, ...]:
        """What decides numbers of this model on its data, for pieces of work that are kept."""
        given, data = self._material.choices, self._material.data
        splits = data.indices
        kinds = given.score, given.seed, given.sites, self._material.classes
        return self._weights(), data.images, data.labels, splits, kinds

    def _weights(self) -> str:
        return digest(sorted(self._material.model.state_dict().items()))

    @settled()
    def check(self) -> None:
        """Find out whether the model is still what it was.

        Raises
        ------
        ModelError
            If it isn't.
        """
        same = self._weights() == self.fingerprint["weights"]
        if not (same and computes(self._runner.wrapped, self._runner.probes, self.computation)):
            raise ModelError(
                f"'{self._material.name}' was changed after its subject was made; "
                "make a new Subject of it"
            )
