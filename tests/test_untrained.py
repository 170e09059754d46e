"""Is the randomly initialised control another network, whatever holds the weights?"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import utils
from torch.nn.utils import parametrizations, parametrize, prune

import holistic
from holistic.errors import ModelError
from holistic.study.models import MODELS, build
from holistic.study.untrained import reinitialised
from zoo import Recurrent, hugging_face

DATA = (torch.randn(80, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(80) % 4)


class Box:
    """An object that is no module and holds weights."""

    __slots__ = ("weights",)


class Holding(nn.Module):
    """Two layers whose weights lie wherever `kind` says."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        first, second = torch.randn(16, 64) / 8, torch.randn(4, 16) / 4
        if kind == "buffers":
            self.register_buffer("first", first)
            self.register_buffer("second", second)
        elif kind == "box":
            self.box = Box()
            self.box.weights = (first, second)
        elif kind == "layers in a list":
            self.weights = [nn.Linear(64, 16), nn.Linear(16, 4)]
        else:
            self.weights = {
                "list": [first, second],
                "dictionary": {0: first, 1: second},
                "parameter list": nn.ParameterList([first, second]),
                "parameter dictionary": nn.ParameterDict({"0": first, "1": second}),
            }[kind]

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.kind == "layers in a list":
            return self.weights[1](F.relu(self.weights[0](x)))
        if self.kind == "buffers":
            first, second = self.first, self.second
        elif self.kind == "box":
            first, second = self.box.weights
        else:
            keys = ("0", "1") if self.kind == "parameter dictionary" else (0, 1)
            first, second = (self.weights[key] for key in keys)
        return F.linear(F.relu(F.linear(x, first)), second)


class Idle(nn.Linear):
    """Its own initialisation does nothing after the first time."""

    def reset_parameters(self) -> None:
        if not hasattr(self, "made"):
            super().reset_parameters()
            self.made = True


class Upper(nn.Module):
    """A parametrisation without an inverse."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight.triu()


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc, self.head = nn.Linear(8, 12), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, 0]
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(F.relu(self.fc(x.mean(1))))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(64, 16), nn.Linear(16, 4)
        self.up, self.down = nn.Linear(16, 16), nn.Linear(16, 16)
        self.down.weight = self.up.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.down(F.relu(self.up(F.relu(self.stem(x.flatten(1))))))))


def layers(wrap: Callable[[nn.Linear], nn.Module]) -> nn.Sequential:
    first, second, last = (wrap(nn.Linear(*sizes)) for sizes in ((64, 16), (16, 16), (16, 4)))
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)


def normed(norm: Callable[..., nn.Module]) -> nn.Sequential:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return layers(norm)


def upper(layer: nn.Linear) -> nn.Module:
    square = layer.in_features == layer.out_features
    return parametrize.register_parametrization(layer, "weight", Upper()) if square else layer


def pruned(layer: nn.Linear) -> nn.Module:
    return prune.l1_unstructured(layer, "weight", 0.3)


def batch_normed() -> nn.Sequential:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(216, 4)
    )
    model(3 * DATA[0] + 1)  # in training mode: the statistics follow the images
    with torch.no_grad():
        model[1].weight.uniform_(0.5, 2)
    return model


KINDS: dict[str, Callable[[], nn.Module]] = {
    "weight norm": lambda: normed(parametrizations.weight_norm),
    "weight norm by hook": lambda: normed(utils.weight_norm),
    "spectral norm": lambda: normed(parametrizations.spectral_norm),
    "spectral norm by hook": lambda: normed(utils.spectral_norm),
    "orthogonal": lambda: normed(parametrizations.orthogonal),
    "parametrisation without inverse": lambda: layers(upper),
    "pruned": lambda: layers(pruned),
    "idle initialisation": lambda: layers(lambda m: Idle(m.in_features, m.out_features)),
    "attention": Attending,
    "tied": Tied,
    "lstm": lambda: Recurrent(nn.LSTM),
    "batch norm": batch_normed,
    **{
        kind: (lambda kind=kind: Holding(kind))
        for kind in (
            "list",
            "dictionary",
            "box",
            "buffers",
            "layers in a list",
            "parameter list",
            "parameter dictionary",
        )
    },
}


def trained(kind: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return KINDS[kind]().eval()


def largest_correlation(first: Tensor, second: Tensor) -> float:
    a, b = (x.flatten(1) - x.flatten(1).mean(0) for x in (first, second))
    kept = (a.norm(dim=0) > 1e-6) & (b.norm(dim=0) > 1e-6)
    return float(((a * b).sum(0) / (a.norm(dim=0) * b.norm(dim=0)))[kept].max())


@pytest.mark.parametrize("kind", KINDS)
def test_no_unit_of_the_control_is_a_trained_one(kind: str) -> None:
    subject = holistic.Subject(trained(kind), DATA)
    before = subject.predict()
    control = subject.untrained(0)
    assert torch.equal(subject.predict(), before)  # nothing is shared with the model
    for site in subject.hidden_sites:
        values = [s.capture([site.name])[site.name] for s in (subject, control)]
        assert largest_correlation(*values) < 0.97
    assert largest_correlation(before, control.predict()) < 0.97
    first, again = control.predict(), subject.untrained(1, reuse=control)
    with torch.no_grad():
        other = reinitialised(subject.model, 1)(subject.evaluation.images)
    torch.testing.assert_close(again.predict(), other)
    assert largest_correlation(again.predict(), first) < 0.97


def test_no_seed_gives_the_weights_that_training_began_with() -> None:
    for name in MODELS:
        model = build(name, input_shape=(1, 8, 8), classes=4, seed=3)
        drawn = reinitialised(model, 3)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            plain = build(name, input_shape=(1, 8, 8), classes=4, seed=3)
        for mine, theirs in zip(drawn.parameters(), plain.parameters(), strict=True):
            assert not torch.equal(mine, theirs) or bool((theirs == theirs.flatten()[0]).all())


def test_norms_hold_of_the_drawn_weights() -> None:
    """A spectral norm is 1, and a weight norm's scale is that of the layer's own initialisation."""
    for kind in ("spectral norm", "spectral norm by hook"):
        drawn = reinitialised(trained(kind), 0)
        drawn(DATA[0])
        assert float(torch.linalg.matrix_norm(drawn[3].weight.detach(), 2)) == pytest.approx(
            1, abs=0.05
        )
    model = trained("weight norm")
    with torch.no_grad():
        model[3].parametrizations.weight.original0.mul_(100)
    drawn = reinitialised(model, 0)
    assert float(drawn[3].weight.detach().abs().max()) <= 16**-0.5 + 1e-6
    cut = trained("pruned")
    assert torch.equal(reinitialised(cut, 0)[3].weight_mask, cut[3].weight_mask)


def test_tied_weights_stay_tied_and_statistics_are_reset() -> None:
    tied = reinitialised(trained("tied"), 0)
    assert tied.up.weight is tied.down.weight
    fresh = reinitialised(trained("batch norm"), 0)
    assert torch.equal(fresh[1].running_mean, torch.zeros(6))
    assert torch.equal(fresh[1].running_var, torch.ones(6))
    assert torch.equal(fresh[1].weight, torch.ones(6))


def test_what_cannot_be_learnt_stays() -> None:
    """Masks, and buffers that aren't saved with the weights; scales keep their sign."""
    model = layers(lambda layer: layer)
    model.register_buffer("mask", torch.eye(4))
    model.register_buffer("table", torch.linspace(-1, 1, 9), persistent=False)
    model.register_buffer("spread", torch.linspace(0.1, 1, 9))
    fresh = reinitialised(model, 0)
    assert torch.equal(fresh.mask, model.mask)
    assert torch.equal(fresh.table, model.table)
    assert not torch.equal(fresh.spread, model.spread)
    assert bool((fresh.spread > 0).all())


def test_weights_that_cannot_be_reached_are_refused() -> None:
    def outside(weight: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda x: F.relu(x.flatten(1) @ weight)

    class Closed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = outside(torch.randn(64, 16)), nn.Linear(16, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x))

    subject = holistic.Subject(Closed(), DATA)
    with pytest.raises(ModelError, match=r"computes the same as the trained model at 'relu'"):
        subject.untrained(0)


class Shared:
    """Weights that every copy shares with the original."""

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight

    def __deepcopy__(self, memo: object) -> Shared:
        return self


class Middle(nn.Module):
    """A network whose middle layer gets its weight from a function of no arguments."""

    def __init__(self, weight: Callable[[], Tensor], *, traceable: bool = True) -> None:
        super().__init__()
        self.first, self.head, self.weight = nn.Linear(64, 16), nn.Linear(16, 4), weight
        self.relu, self.traceable = nn.ReLU(), traceable

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.relu(self.first(x.flatten(1)))
        if not self.traceable:
            hidden = torch.tensor(hidden.tolist())
        return self.head(F.relu(hidden @ self.weight()))


@pytest.mark.parametrize("traceable", [True, False])
@pytest.mark.parametrize("kind", ["object", "closure", "array"])
def test_a_control_with_one_trained_layer_is_refused(kind: str, traceable: bool) -> None:
    weight = torch.randn(16, 16)
    shared, array = Shared(weight), weight.numpy()
    ways = {
        "object": lambda: shared.weight,
        "closure": lambda: weight,
        "array": lambda: torch.from_numpy(array),
    }
    subject = holistic.Subject(Middle(ways[kind], traceable=traceable), DATA)
    with pytest.raises(ModelError, match=r"computes with a weight of the trained model, 'weight"):
        subject.untrained(0)


def test_what_looks_like_weights_outside_of_the_model_is_noted() -> None:
    """Nobody knows whether a matrix of the program's own was learnt."""
    assert not any(
        "controls keep" in note
        for note in holistic.Subject(layers(lambda layer: layer), DATA).notes
    )
    subject = holistic.Subject(Middle(lambda: OUTSIDE), DATA)
    subject.untrained(0)
    assert "matrices that it doesn't hold as parameters ('(16, 16)')" in subject.notes[-1]
    assert not any("controls keep" in n for n in holistic.Subject(Middle(lambda: MASK), DATA).notes)


OUTSIDE, MASK = torch.linspace(-1, 1, 256).reshape(16, 16), torch.eye(16)


def test_a_fixed_filter_before_the_weights_is_no_fault() -> None:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.head = nn.Linear(40, 12), nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.relu(self.fc(torch.fft.rfft(x[:, 0]).abs().flatten(1))))

    subject = holistic.Subject(Spectral(), DATA)
    control = subject.untrained(0)
    assert largest_correlation(subject.predict(), control.predict()) < 0.97


@pytest.mark.skipif(find_spec("transformers") is None, reason="needs transformers")
def test_hugging_face_models_draw_by_their_own_rule() -> None:
    """Normal with a spread of 0.02, not uniform by the number of inputs."""
    model = hugging_face("vit")
    fresh = reinitialised(model, 0)
    drawn = torch.cat([p.flatten() for n, p in fresh.named_parameters() if p.dim() == 2])
    assert float(drawn.detach().std()) == pytest.approx(0.02, rel=0.1)
    kept = dict(model.named_parameters())
    for name, parameter in fresh.named_parameters():
        assert parameter.unique().numel() == 1 or not torch.equal(parameter, kept[name])


def test_learnt_weights_of_0_and_1_are_no_mask() -> None:
    model = nn.Sequential(nn.Module(), nn.ReLU())
    model.weight = nn.Parameter(torch.eye(3, 4))
    model.mask = nn.Parameter(torch.eye(3), requires_grad=False)
    fresh = reinitialised(model, 0)
    assert not torch.equal(fresh.weight, model.weight)
    assert torch.equal(fresh.mask, model.mask)


class Trainer:
    """Holds the model, and can't be copied."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __deepcopy__(self, memo: object) -> object:
        raise RuntimeError("no copies")


@pytest.mark.parametrize("holds", [Trainer, lambda model: lru_cache(lambda: model[0].weight)])
def test_the_model_stays_where_what_it_holds_leads_back_to_it(
    holds: Callable[[nn.Module], object],
) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)).eval()
    model.held = holds(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fresh = reinitialised(model, 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for mine, theirs in zip(fresh.parameters(), model.parameters(), strict=True):
        assert mine is not theirs
    assert not torch.equal(fresh[0].weight, model[0].weight)
