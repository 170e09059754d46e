"""Are gradients the model's own, and is it said where there are none?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.graph.hooked import HookedEngine
from holistic.lenses._contract import Context
from holistic.lenses.activation import Activation
from holistic.lenses.agreement._attribution import attribute_units
from holistic.lenses.attribution import Attribution
from holistic.replacing import first_order
from holistic.replacing.sweep import Pass
from test_odd_models import all_findings, spoken, stripes
from zoo import ZOO, make


class Straight(torch.autograd.Function):
    """Signs whose gradient is taken to be that of the values."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient


class Signs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Straight.apply(x)


class Written(nn.Module):
    """A classifier of rows whose forward is given."""

    def __init__(self, forward: Callable[[Written, Tensor], Tensor]) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.act, self.head = nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 4)
        self.run = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x.flatten(1))

    def hidden(self, x: Tensor) -> Tensor:
        return self.act(self.first(x))


def frozen(m: Written, x: Tensor) -> Tensor:
    with torch.no_grad():
        held = m.hidden(x)
    return m.head(held)


def inferred(m: Written, x: Tensor) -> Tensor:
    with torch.inference_mode():
        held = m.hidden(x)
    return m.head(held.clone())


def weighed(m: Written, x: Tensor) -> Tensor:
    with torch.no_grad():
        scale = x.square().mean(1, keepdim=True)
    return m.head(m.hidden(x / scale))


OWN = {
    "plain": (lambda m, x: m.head(m.hidden(x)), True),
    "straight-through input": (lambda m, x: m.head(m.hidden(Straight.apply(x - 0.4))), False),
    "straight-through units": (lambda m, x: m.head(Straight.apply(m.hidden(x) - 0.1)), False),
    "straight-through by detach": (
        lambda m, x: m.head(m.hidden(x + (x.round() - x).detach())),
        True,
    ),
    "a scale without gradient": (weighed, True),
}
CUT = {
    "first layer frozen": (frozen, True),
    "first layer in inference mode": (inferred, True),
    "through numpy": (
        lambda m, x: m.head(m.hidden(torch.from_numpy(x.detach().numpy()))),
        False,
    ),
    "logits detached": (lambda m, x: m.head(m.hidden(x)).detach(), True),
}


@pytest.mark.parametrize("name", OWN)
def test_gradients_are_the_models_own(name: str) -> None:
    forward, by_graph = OWN[name]
    model, (images, labels) = Written(forward).eval(), stripes(4)
    subject = holistic.Subject(model, (images, labels))
    assert subject.traced
    assert subject.gradients.note == ""
    if not by_graph:
        assert isinstance(subject.gradients.engine, HookedEngine)
    x = images[:20].clone().requires_grad_()
    (got,) = torch.autograd.grad(subject.logits(x)[:, 1].sum(), x)
    (expected,) = torch.autograd.grad(model(x)[:, 1].sum(), x)
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(got, expected)
    value = subject.capture(["first"], images[:20])["first"].requires_grad_()
    (got,) = torch.autograd.grad(subject.logits_from(x.detach(), {"first": value}).sum(), value)
    handle = model.first.register_forward_hook(lambda module, inputs, output: value)
    (expected,) = torch.autograd.grad(model(x.detach()).sum(), value)
    handle.remove()
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", CUT)
def test_gradients_that_a_model_cuts_off_are_said_to_be_missing(name: str) -> None:
    forward, units_too = CUT[name]
    subject = holistic.Subject(Written(forward), stripes(4))
    assert "cuts gradients off its input" in subject.gradients.note
    assert bool(subject.gradients.at("act")) == units_too
    assert subject.gradients.at("act") == subject.gradients.at("first")
    findings = {f.name: f for f in Attribution(examples=8).run(subject, Context())}
    # what needs no gradient is there
    assert len(findings["attribution.evidence"].table) > 0
    tried = findings["attribution.methods"]
    assert set(tried.table.column("method")) == {"occlusion", "edge", "random"}
    assert len(findings["attribution.trust"].table) == 1
    contrasts = findings["attribution.contrasts"]
    assert not len(contrasts.table)
    for finding in (tried, contrasts):
        assert "The model cuts gradients off its input" in finding.caveats[0]
    site = subject.site("act")
    found = attribute_units(subject, site, np.arange(20))
    estimates = first_order(subject, Pass([site], "zero", rows=torch.arange(20)))[0]
    assert np.isnan(found).all() == units_too
    assert bool((estimates == 0).all()) == units_too


def test_every_lens_ends_without_gradients() -> None:
    findings = all_findings(holistic.Subject(Written(frozen), stripes(4)))
    said = spoken(findings)
    assert "nan" not in said
    assert "At site 'act' attribution ranks no units (the model has no gradients there)" in said
    units = findings["agreement.units"].table
    assert np.isnan(units.column("attribution")).all()
    assert np.isfinite(units.column("ablation")).any()


def test_no_input_is_made_up_without_gradients() -> None:
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    model = Written(lambda m, x: frozen(m, x[:, :16]))
    subject = holistic.Subject(model, (images, torch.arange(40) % 4))
    climbing = Activation(controls=19, shuffles=20, probes=20, visualised=1, steps=1, starts=1)
    findings = {finding.name: finding for finding in climbing.run(subject, Context())}
    assert len(findings["activation.visualisations"].table) == 0
    said = findings["activation.visualisations"].caveats[-1]
    assert said.startswith("No inputs are made up, as the model cuts gradients off its input")


def test_words_have_no_gradient_and_what_is_made_of_them_has() -> None:
    case = ZOO["encoder layer"]
    subject = holistic.Subject(make(case), (case.images(40), torch.arange(40) % 4))
    assert subject.gradients.note == "inputs of type torch.int64 have no gradient"
    assert not any(subject.gradients.at(site.name) for site in subject.hidden_sites)
    estimates = first_order(subject, Pass(subject.hidden_sites, "zero", rows=torch.arange(10)))
    assert all(bool(part.any()) for part in estimates)


def test_units_lie_along_one_axis_whichever_engine_gives_gradients() -> None:
    """Channels of a series: the engines infer different axes, and the graph's is told."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv1d(1, 5, 3), nn.ELU(), Signs(), nn.Flatten(), nn.Linear(70, 4))
    images = torch.rand(40, 1, 16, generator=torch.Generator().manual_seed(0))
    subject = holistic.Subject(model, (images, torch.arange(40) % 4))
    assert subject.traced
    assert isinstance(subject.gradients.engine, HookedEngine)
    value = subject.capture(["1"], images[:4])["1"].requires_grad_()
    assert value.shape == (4, 14, 5)
    (got,) = torch.autograd.grad(subject.logits_from(images[:4], {"1": value}).sum(), value)
    native = value.detach().movedim(-1, 1).requires_grad_()
    (expected,) = torch.autograd.grad(model[2:](native).sum(), native)
    torch.testing.assert_close(got, expected.movedim(1, -1))


def test_a_graphs_gradient_is_that_of_a_dead_relu_too() -> None:
    model = Written(lambda m, x: m.head(F.relu(m.first(x) - 100)))
    subject = holistic.Subject(model, stripes(4))
    assert subject.gradients.note == ""
    x = subject.images[:3].clone().requires_grad_()
    assert not torch.autograd.grad(subject.logits(x).sum(), x)[0].any()
