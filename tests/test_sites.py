"""Are hidden sites what the next layer reads, and are their units the right ones?"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from architectures import LAYOUTS, Body
from holistic.errors import ModelError
from holistic.graph.engine import Engine
from holistic.graph.hooked import HookedEngine
from holistic.graph.trace import Wrapped
from holistic.graph.traced import TracedEngine

DATA = (torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 4)


class Squared(torch.autograd.Function):
    """An operation of the user's own."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clamp(min=0) * x

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient


def put_to_zero(x: Tensor) -> Tensor:
    x = x.clone()
    x[x < 0] = 0
    return x


FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu by hand": lambda x: x * torch.sigmoid(x),
    "gelu by tanh": lambda x: (
        0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "gelu by erf": lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2,
    "mish by hand": lambda x: x * torch.tanh(F.softplus(x)),
    "hard swish by hand": lambda x: x * F.relu6(x + 3) / 6,
    "softplus by hand": lambda x: torch.log(1 + torch.exp(x)),
    "sigmoid by hand": lambda x: 1 / (1 + torch.exp(-x)),
    "softsign by hand": lambda x: x / (1 + x.abs()),
    "softshrink": lambda x: F.softshrink(x, 0.1),
    "softshrink by choice": lambda x: torch.where(
        x > 0.1, x - 0.1, torch.where(x < -0.1, x + 0.1, 0 * x)
    ),
    "softshrink of two": lambda x: F.relu(x - 0.1) - F.relu(-x - 0.1),
    "hardshrink": lambda x: F.hardshrink(x, 0.1),
    "tanhshrink": F.tanhshrink,
    "clamp": lambda x: x.clamp(min=0),
    "leaky by choice": lambda x: torch.where(x > 0, x, 0.1 * x),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "max with nothing": lambda x: torch.max(x, 0 * x),
    "product with a comparison": lambda x: x * (x > 0),
    "filled where negative": lambda x: x.masked_fill(x < 0, 0.0),
    "set where negative": put_to_zero,
    "step": lambda x: (x > 0).float(),
    "sin": torch.sin,
    "exp": torch.exp,
    "absolute": torch.abs,
    "square": lambda x: x * x,
    "root": lambda x: (x.abs() + 1).sqrt(),
    "log of relu": lambda x: torch.log1p(F.relu(x)),
    "bell": lambda x: torch.exp(-x * x),
    "random leaky": F.rrelu,
    "gate by softmax": lambda x: x * torch.softmax(x, -1),
    "with a bypass": lambda x: x + F.relu(x),
    "own gradient": Squared.apply,
    "scaled": lambda x: 2 * F.relu(x),
    "in place": lambda x: x.mul_(torch.sigmoid(x)),
}


class Applied(nn.Module):
    """A form as a module of its own."""

    def __init__(self, form: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.form = form

    def forward(self, x: Tensor) -> Tensor:
        return self.form(x)


class Hidden(nn.Module):
    """A hidden layer whose activation is a form, written out or as a module."""

    def __init__(self, form: Callable[[Tensor], Tensor], *, module: bool) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.up, self.head = nn.Linear(64, 9), nn.Linear(9, 4)
        self.act = Applied(form) if module else form

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.up(x.flatten(1))))

    def activation(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.act(self.up(x.flatten(1)))


def engines(model: nn.Module, images: Tensor) -> tuple[Engine, Engine]:
    wrapped = Wrapped(model.eval(), lambda model, x: model(x))
    return TracedEngine(wrapped, images), HookedEngine.probe(wrapped, images, "forced")


@pytest.mark.parametrize("form", FORMS)
def test_the_activation_is_what_the_next_layer_reads(form: str) -> None:
    images = DATA[0][:5]
    written = Hidden(FORMS[form], module=False)
    traced, hooked = engines(Hidden(FORMS[form], module=True), images)
    for engine in (TracedEngine(Wrapped(written, lambda m, x: m(x)), images), traced, hooked):
        (site,) = (site for site in engine.sites if site.hidden)
        value = engine.run(images, [site.name])[1][site.name]
        torch.testing.assert_close(value, written.activation(images))
        assert not site.stand_in


@pytest.mark.parametrize("name", LAYOUTS)
def test_units_are_counted_along_the_right_axis(name: str) -> None:
    layout = LAYOUTS[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, images = layout.build(), torch.randn(5, *layout.shape)
    expected = (layout.units, layout.units if layout.hooked is None else layout.hooked)
    for engine, units in zip(engines(model, images), expected, strict=True):
        hidden = [site for site in engine.sites if site.hidden]
        assert {site.name: site.units for site in hidden} == units
        assert not any(site.guessed for site in hidden)


SQUARE: dict[str, tuple[Callable[[Body, Tensor], Tensor], nn.Module, int]] = {
    "tokens": (lambda net, x: net.act(net.first(x)), nn.Linear(8, 8), 1),
    "channels": (lambda net, x: net.act(net.first(x)), nn.Conv1d(8, 8, 3, padding=1), 0),
    "tokens, transposed": (
        lambda net, x: net.act(net.first(x).transpose(1, 2)),
        nn.Linear(8, 8),
        0,
    ),
    "channels, transposed": (lambda net, x: net.act(net.first(x).mT), nn.Conv1d(8, 8, 1), 1),
    "transposed tokens": (lambda net, x: net.act(net.first(x.transpose(1, 2))), nn.Linear(8, 8), 1),
    "recurrent": (lambda net, x: net.act(net.first(x)[0]), nn.LSTM(8, 8, batch_first=True), 1),
    "heads and back": (
        lambda net, x: net.act(
            net.first(x).view(-1, 8, 2, 4).transpose(1, 2).transpose(1, 2).flatten(2)
        ),
        nn.Linear(8, 8),
        1,
    ),
    "named": (
        lambda net, x: net.act(torch.einsum("btd,sd->bst", x, net.first.weight)),
        nn.Linear(8, 8),
        0,
    ),
    "matrix": (lambda net, x: net.act(net.first.weight @ x), nn.Linear(8, 8), 0),
}


@pytest.mark.parametrize("name", SQUARE)
def test_units_are_told_from_as_many_positions(name: str) -> None:
    run, first, axis = SQUARE[name]
    model = Body(
        lambda net, x: net.head(run(net, x[:, 0]).flatten(1)),
        first=first,
        act=nn.ReLU(),
        head=nn.Linear(64, 4),
    )
    for engine in engines(model, DATA[0][:5]):
        site = next(site for site in engine.sites if site.name == "act")
        assert (site.shape, site.unit_axis, site.guessed) == ((8, 8), axis, False)


@pytest.mark.parametrize("name", ["rows as examples", "frames as examples"])
def test_values_folded_into_the_batch_are_read_and_edited_by_example(name: str) -> None:
    """The module's own value, `[B × F, …]`, is written by a plain hook."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LAYOUTS[name].build().eval()
    shown: list[Tensor] = []

    def write(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        shown.append(output)
        return torch.cat([output[:, :2], 0 * output[:, 2:3] + 0.3, output[:, 3:]], 1)

    for engine in engines(model, DATA[0][:5]):
        for count in (1, 2, 7):
            images = DATA[0][:count]
            handle = model.act.register_forward_hook(write)
            with torch.no_grad():
                expected = model(images)
            handle.remove()
            value = engine.run(images, ["act"])[1]["act"]
            own = shown.pop()
            folded = own.unflatten(0, (count, -1)).movedim(2, -1)
            torch.testing.assert_close(value, folded)
            edited = value.clone()
            edited[..., 2] = 0.3
            got = engine.run(images, (), {"act": lambda _, edited=edited: edited})[0]
            torch.testing.assert_close(got, expected)
            stage = engine.stage(
                images,
                next(s for s in engine.sites if s.name == "act"),
                torch.full((value.shape[-1],), 0.3),
            )
            every = torch.arange(count)
            torch.testing.assert_close(stage.units(torch.full((count,), 2), every), expected)


LAST: dict[str, Callable[[Tensor], Tensor]] = {
    "scaled": lambda z: 1.5 * z,
    "double": lambda z: z.double().float(),
    "log softmax": lambda z: F.log_softmax(z, 1),
    "capped": lambda z: 5 * torch.tanh(z / 5),
    "squeezed": lambda z: z[:, :, None].squeeze(-1),
    "shifted": lambda z: z - z.mean(1, keepdim=True),
}


@pytest.mark.parametrize("last", LAST)
def test_logits_are_no_hidden_units(last: str) -> None:
    class Ended(Hidden):
        def forward(self, x: Tensor) -> Tensor:
            return LAST[last](super().forward(x))

    images = DATA[0][:5]
    for model in (Ended(nn.ReLU(), module=True), Ended(F.relu, module=False)):
        for engine in engines(model, images):
            (site,) = (site for site in engine.sites if site.hidden)
            assert site.units == 9


def test_where_no_activation_can_be_read_layers_stand_in_and_it_is_told() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Linear(9, 4))
    subject = holistic.Subject(linear, DATA)
    assert [site.name for site in subject.hidden_sites] == ["1"]
    assert subject.notes == (
        "No activation between input and logits can be read as a site, so outputs of layers stand "
        "in for hidden units: '1'.",
    )
    alone = holistic.Subject(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), DATA)
    with pytest.raises(ModelError, match="nothing that can be read lies between"):
        _ = alone.hidden_sites
    _, hooked = engines(Hidden(F.relu, module=False), DATA[0][:5])
    (site,) = (site for site in hooked.sites if site.hidden)
    assert (site.name, site.stand_in) == ("up", True)


class Paired(nn.Module):
    """Products of tokens with one another: nothing says which axis counts units."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Conv1d(8, 6, 1), nn.Conv1d(8, 6, 1), nn.Linear(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, 0]
        alike = self.one(x).transpose(1, 2) @ self.two(x)  # [B, P, P]
        return self.head(torch.relu(alike).flatten(1))


def test_an_axis_that_is_not_known_is_told_until_it_is_named() -> None:
    subject = holistic.Subject(Paired(), DATA)
    (note,) = subject.notes
    assert "isn't known at 'relu'; of shape (8, 8), axis 1 is taken" in note
    assert "unit_axes={'relu': AXIS}" in note
    named = holistic.Subject(Paired(), DATA, unit_axes={"relu": 0})
    assert named.notes == ()


def test_norms_and_attention_weights_are_no_hidden_sites() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.query, self.head = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.up(x[:, 0])
            x = x - x.mean(-1, keepdim=True)
            x = x / (x.var(-1, keepdim=True) + 1e-5).sqrt()
            scores = self.query(x) @ x.transpose(1, 2)
            scores = scores.exp()
            x = x + (scores / scores.sum(-1, keepdim=True)) @ x
            x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True))
            return self.head(torch.tanh(self.query(x)).mean(1))

    traced, _ = engines(Normed(), DATA[0][:5])
    assert [site.name for site in traced.sites if site.hidden] == ["tanh"]


def test_edits_of_a_recurrent_layer_reach_the_logits_under_hooks() -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(8, 6, batch_first=True), nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x[:, 0])[0][:, -1])

    images = DATA[0][:5]
    for engine in engines(Rows(), images):
        (site,) = (site for site in engine.sites if site.hidden)
        assert (site.units, site.positions) == (6, (8,))
        logits = engine.run(images, (), {site.name: torch.zeros_like})[0]
        assert bool((logits == logits[0]).all())
