"""Is the user's model left as it was, whatever fails, and does it matter that it works in place?"""

from __future__ import annotations

import contextlib
import hashlib

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import holistic
from holistic.graph.engine import Engine
from test_engine import CASES, engine_of, replaced
from zoo import ZOO, make


def fingerprint(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for key, tensor in model.state_dict().items():
        digest.update(
            key.encode() + tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    for key, module in model.named_modules():
        hooks = {k: len(v) for k, v in vars(module).items() if "hooks" in k and v}
        digest.update(f"{key} {module.training} {hooks}".encode())
    flags = {k: (p.requires_grad, p.grad is None) for k, p in model.named_parameters()}
    digest.update(str(flags).encode() + torch.get_rng_state().numpy().tobytes())
    return digest.hexdigest()


@CASES
def test_the_model_is_left_as_it_was(name: str) -> None:
    model, images = make(ZOO[name]), ZOO[name].images(6)
    model.train()
    before, kept = fingerprint(model), images.clone()
    engine = engine_of(model, images)
    site = next(site for site in engine.sites if site.hidden)
    engine.run(images, [site.name], {site.name: replaced([0], 0.0)})
    list(engine.stage(images, site, torch.zeros(())).sets(torch.ones(1, site.units).bool()))
    assert fingerprint(model) == before
    assert torch.equal(images, kept)


class Failing(TorchFunctionMode):
    """Raises at the operation of a given number, whichever it is."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop, self.count = stop, 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        leaving = "grad_enabled" in func.__name__  # the end of no_grad is no operation
        self.count += not leaving
        if self.count == self.stop and not leaving:
            raise ZeroDivisionError("planted")
        return func(*args, **(kwargs or {}))


MODES: dict[int, Failing] = {}
"""Out of the model's reach: what it holds itself is put back after each run."""


class Watched(nn.Module):
    """Counts the operations of a model's own code, while it is traced and while it runs."""

    def __init__(self, model: nn.Module, stop: int) -> None:
        super().__init__()
        self.model, self.stop = model, stop
        MODES[stop] = Failing(stop)

    def forward(self, x: Tensor) -> object:
        with MODES[self.stop]:
            return self.model(x)


@torch.no_grad()
def use(engine: Engine, images: Tensor) -> None:
    site = next(site for site in engine.sites if site.hidden)
    engine.run(images, [site.name], {site.name: replaced([0], 0.0)})
    stage = engine.stage(images, site, torch.zeros(()))
    stage.units(torch.tensor([0, 0, 1]), torch.tensor([0, 2, 1]))
    list(stage.sets(torch.ones(1, site.units).bool()))
    list(stage.orders(torch.tensor([[0, 1]])))


@pytest.mark.parametrize("name", ["mlp", "data-dependent"])
def test_the_model_is_left_as_it_was_whatever_operation_of_it_fails(name: str) -> None:
    """Every k of the operations that the model's own code runs, traced and hooked."""
    images, k, failed = ZOO[name].images(4), 0, True
    while failed:
        k += 1
        model = Watched(make(ZOO[name]), k)
        model.train()
        before = fingerprint(model)
        with contextlib.suppress(ZeroDivisionError):
            use(engine_of(model, images), images)
        assert fingerprint(model) == before, f"operation {k}"
        failed = MODES[k].count >= k
    assert k > 10


@pytest.mark.parametrize("name", ["residual in-place", "transformer", "data-dependent"])
def test_the_model_is_left_as_it_was_whatever_operation_of_the_engine_fails(name: str) -> None:
    """Every k of the operations of a run, a stage and its replays."""
    model, images, k, failed = make(ZOO[name]), ZOO[name].images(4), 0, True
    model.train()
    engine, before = engine_of(model, images), fingerprint(model)
    while failed:
        k += 1
        with contextlib.suppress(ZeroDivisionError), Failing(k) as mode:
            use(engine, images)
        assert fingerprint(model) == before, f"operation {k}"
        failed = mode.count >= k
    assert k > 50


def test_in_place_and_not_in_place_give_the_same_table() -> None:
    images, labels = ZOO["residual"].images(40), torch.arange(40) % 4
    names = ("residual in-place", "residual")
    first, second = (holistic.Subject(make(ZOO[n]), (images, labels)) for n in names)
    assert [s.name for s in first.all_sites] == [s.name for s in second.all_sites]
    for edit in ("mean", "zero"):
        tables = [holistic.sweep(s, edit=edit).to_pandas() for s in (first, second)]
        pd.testing.assert_frame_equal(*tables, rtol=1e-5, atol=1e-6)
