"""The user's model is left as it was, whatever fails.

Every model of the tests' zoo is studied by every lens, and an operation of torch fails at a random
moment. Parameters, buffers, modes, hooks, gradients and the generators of random numbers are
compared to the bit, before and after.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import holistic
from benchmarks.torture.children import Try
from holistic.graph import torch_settings
from holistic.lenses._contract import lens_class
from holistic.progress import silent

__all__ = ["FULL", "LENSES", "SHORT", "SMALL", "fingerprint", "tries"]

FULL, SHORT = 330, 12
_EXAMPLES = 48
LENSES = ("ablation", "activation", "attribution", "mechanism", "tracing")
SMALL: dict[str, dict[str, int]] = {
    "ablation": {"depth": 2, "sets": 5, "partners": 2, "permutations": 20, "familywise": 0},
    "activation": {"shuffles": 5, "controls": 3, "steps": 2, "visualised": 1},
    "attribution": {"examples": 8, "steps": 3, "noise_draws": 2, "fractions": 2, "random_orders": 1,
                    "trust_images": 8, "further_images": 8},
    "mechanism": {"edge_units": 2, "draws": 5, "controls": 2},
    "tracing": {"pairs": 2, "controls": 5, "examples": 12},
}  # fmt: skip


class _Planted(Exception):
    """What an operation fails with."""


class _Failing(TorchFunctionMode):
    """Fails at the operation of a given number, whichever it is."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop, self.count = stop, 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        """Count, fail, or do as asked; the end of `no_grad` is no operation."""
        self.count += "grad_enabled" not in func.__name__
        if self.count == self.stop:
            self.count += 1
            raise _Planted
        return func(*args, **(kwargs or {}))


def fingerprint(model: nn.Module) -> str:
    """Digest of all that a model is, and of the generators of random numbers."""
    digest = hashlib.sha256()
    for key, tensor in model.state_dict().items():
        content = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        digest.update(key.encode() + content)
    for key, module in model.named_modules():
        hooks = {name: len(held) for name, held in vars(module).items() if "hooks" in name and held}
        digest.update(f"{key} {module.training} {hooks} {sorted(vars(module))}".encode())
    for key, value in model.named_parameters():
        digest.update(f"{key} {value.requires_grad} {value.grad is None}".encode())
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr((np.random.get_state(), random.getstate())).encode())  # noqa: NPY002
    return digest.hexdigest()


def tries(count: int, place: Path) -> Iterator[Try]:
    """Study each model by each lens in turn, and let each fail somewhere."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    zoo: Any = importlib.import_module("zoo")
    cases = {k: case for k, case in zoo.ZOO.items() if not case.extra or find_spec(case.extra)}
    rng = np.random.default_rng(0)
    pairs = [(name, lens) for lens in LENSES for name in cases]
    for i in range(count):
        name, lens = pairs[i * 7 % len(pairs)] if count < len(pairs) else pairs[i % len(pairs)]
        stop = int(10 ** rng.uniform(0.5, 4.5))
        model, inputs = zoo.make(cases[name]), cases[name].images(_EXAMPLES)
        model.train(bool(i % 2))
        before, kept = fingerprint(model), inputs.clone()
        failing = _Failing(stop)
        # a lens takes away the modes that a user has set, which this one must outlive
        seen = patch.object(torch_settings, "_unseen", contextlib.nullcontext)
        with contextlib.suppress(holistic.HolisticError, _Planted), seen, failing:
            labels = torch.arange(_EXAMPLES) % zoo.CLASSES
            subject = holistic.Subject(model, (inputs, labels))
            chosen = replace(lens_class(lens)(), **SMALL[lens])
            holistic.audit(
                subject, out=place / str(i), lenses=[chosen], anyway=True, progress=silent
            )
        same = fingerprint(model) == before and torch.equal(inputs, kept)
        fault = "" if same else "the model, its inputs or a generator of random numbers is another"
        yield Try(f"{name}, {lens}, operation {stop} of {failing.count}", fault)
