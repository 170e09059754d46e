"""Does every engine compute what the user's model would, over all architectures?"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from holistic.graph import export
from holistic.graph.engine import Engine, Stage
from holistic.graph.hooked import HookedEngine
from holistic.graph.replay import TracedStage
from holistic.graph.sites import Site
from holistic.graph.trace import Untraceable
from holistic.graph.traced import TracedEngine
from holistic.graph.wrapped import Wrapped
from slow import ablated_logits, logits_of
from zoo import ZOO, Case, make


def here(name: str) -> bool:
    """Whether the packages that a case needs are installed."""
    return (extra := ZOO[name].extra) is None or find_spec(extra) is not None


CASES = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skipif(not here(name), reason=f"needs {case.extra}"))
        for name, case in ZOO.items()
    ],
)


def engine_of(model: nn.Module, images: Tensor) -> Engine:
    wrapped = Wrapped(model, logits_of)
    try:
        return TracedEngine(wrapped, images[:5])
    except Untraceable as error:
        return HookedEngine.probe(wrapped, images[:5], str(error))


@pytest.fixture(scope="module")
def engines() -> dict[str, tuple[nn.Module, Tensor, Engine]]:
    made = {}
    for name, case in ZOO.items():
        if not here(name):
            continue
        model, images = make(case), case.images(7)
        made[name] = (model, images, engine_of(model, images))
    return made


def same(got: Tensor, expected: Tensor) -> None:
    """Equal to 1e-4 of the largest logit, and the same predictions; coarser in half precision."""
    coarse = got.dtype == torch.bfloat16
    if not len(expected):
        return
    scale = max(float(expected.abs().max()), 1.0)
    torch.testing.assert_close(got, expected, rtol=0, atol=(0.05 if coarse else 1e-4) * scale)
    top = expected.float().topk(2, dim=-1).values
    clear = (top[..., 0] - top[..., 1]) > (0.1 if coarse else 2e-4) * scale
    assert torch.equal(got.argmax(-1)[clear], expected.argmax(-1)[clear])


def replaced(units: list[int], value: float):
    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[..., units] = value
        return x

    return change


def check_right(engine: Engine, stage: Stage, images: Tensor, site: Site) -> None:
    """Which examples are right after one size and after several, against whole runs."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(stage.base.shape[1], (len(images),), generator=generator)
    orders = torch.stack([torch.randperm(site.units, generator=generator) for _ in "abc"])
    for sizes in ({site.units}, {1, min(2, site.units), site.units}):
        found = list(stage.right(orders, labels, sizes))
        assert {k for k, _, _ in found} == sizes
        for k, chosen, right in found:
            for order, got in zip(orders[chosen], right, strict=True):
                change = replaced(order[:k].tolist(), 0.25)
                expected = engine.run(images, (), {site.name: change})[0].float()
                top = expected.topk(2, dim=-1).values
                coarse = 0.1 if stage.base.dtype == torch.bfloat16 else 2e-4
                clear = (top[:, 0] - top[:, 1]) > coarse * max(float(expected.abs().max()), 1.0)
                assert torch.equal(got[clear], (expected.argmax(1) == labels)[clear])


def check_stage(engine: Engine, images: Tensor, site: Site, seed: int = 0) -> None:
    """Units, sets and orders against whole runs with the same edit."""
    generator = torch.Generator().manual_seed(seed)
    stage = engine.stage(images, site, torch.tensor(0.25))
    count = len(images)
    units = torch.arange(site.units).repeat_interleave(count)
    rows = torch.arange(count).repeat(site.units)
    singles = stage.units(units, rows).unflatten(0, (site.units, count))
    for unit in range(site.units):
        expected = engine.run(images, (), {site.name: replaced([unit], 0.25)})[0]
        same(singles[unit], expected)
        idle = ~stage.changed[:, unit]
        same(stage.base[idle], expected[idle])
    masks = torch.rand(4, site.units, generator=generator) < 0.5
    for chosen, logits in stage.sets(masks):
        for g, mask in zip(range(len(masks))[chosen], logits, strict=True):
            which = masks[g].nonzero()[:, 0].tolist()
            same(mask, engine.run(images, (), {site.name: replaced(which, 0.25)})[0])
    depth = min(3, site.units)
    orders = torch.stack([torch.randperm(site.units, generator=generator)[:depth] for _ in "ab"])
    seen = 0
    for k, chosen, logits in stage.orders(orders):
        for order, got in zip(orders[chosen], logits, strict=True):
            seen += 1
            which = order[:k].tolist()
            same(got, engine.run(images, (), {site.name: replaced(which, 0.25)})[0])
    assert seen == 2 * depth
    for stepping in (0.0, math.inf) if isinstance(stage, TracedStage) else (0.0,):
        # one unit after another, and all at once
        stage._stepping_cost = lambda length, sizes, cost=stepping: cost
        last = list(stage.orders(orders, {depth}))
        assert {k for k, _, _ in last} == {depth}
        for _, chosen, logits in last:
            for order, got in zip(orders[chosen], logits, strict=True):
                same(got, engine.run(images, (), {site.name: replaced(order.tolist(), 0.25)})[0])
    check_right(engine, stage, images, site)
    stage._tile = 3
    same(stage.units(units, rows), singles.flatten(0, 1))


@CASES
def test_engine_kind_and_hidden_sites(name: str, engines: dict) -> None:
    case: Case = ZOO[name]
    _, _, engine = engines[name]
    assert (engine.note == "") == case.traced
    assert set(case.hidden) <= {site.name for site in engine.sites if site.hidden}
    assert len({site.name for site in engine.sites}) == len(engine.sites)


@CASES
def test_runs_equal_the_model(name: str, engines: dict) -> None:
    model, images, engine = engines[name]
    with torch.no_grad():
        same(engine.run(images)[0], logits_of(model, images))
        same(engine.run(images[:1])[0], logits_of(model, images[:1]))


@CASES
def test_stages_equal_whole_runs_at_every_site(name: str, engines: dict) -> None:
    _, images, engine = engines[name]
    for site in engine.sites:
        check_stage(engine, images, site)


def paths_of_tensors(model: nn.Module, images: Tensor) -> set[str]:
    """Modules that return a tensor and nothing else, so that a hook can change it."""
    found, handles = set[str](), list[Any]()
    for path, module in model.named_modules():

        def note(_: nn.Module, inputs: object, output: object, path: str = path) -> None:
            if isinstance(output, Tensor):
                found.add(path)

        handles.append(module.register_forward_hook(note))
    with torch.no_grad():
        model(images.clone())
    for handle in handles:
        handle.remove()
    return found


@CASES
def test_edits_equal_plain_hooks_at_module_sites(name: str, engines: dict) -> None:
    model, images, engine = engines[name]
    paths = paths_of_tensors(model, images)
    checked = 0
    for site in engine.sites:
        path = site.name.partition("#")[0]
        if path not in paths or site.op in {"lstm", "gru", "getitem"}:
            continue
        for unit in {0, site.units - 1}:
            expected = ablated_logits(model, images, site.name, [unit], 0.25, site.unit_axis + 1)
            with torch.no_grad():
                got = engine.run(images, (), {site.name: replaced([unit], 0.25)})[0]
            same(got, expected)
            checked += 1
    assert checked >= 2


@CASES
def test_captured_values_are_what_hooks_see(name: str, engines: dict) -> None:
    model, images, engine = engines[name]
    seen: dict[str, Tensor] = {}

    def record(path: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            if isinstance(output, Tensor) and not any(module.children()):
                seen.setdefault(path, output.clone())

        return hook

    handles = [m.register_forward_hook(record(path)) for path, m in model.named_modules()]
    with torch.no_grad():
        logits_of(model, images.clone())
    for handle in handles:
        handle.remove()
    sites = [site for site in engine.sites if site.name in seen]
    captured = engine.run(images, [site.name for site in sites])[1]
    assert sites
    for site in sites:
        got, expected = captured[site.name], seen[site.name]
        if len(expected) != len(images):  # sequence first
            expected = expected.movedim(1, 0)
        expected = expected.movedim(site.unit_axis + 1, -1)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("name", ["cnn", "transformer", "data-dependent"])
def test_order_of_units_and_examples_changes_nothing(name: str, engines: dict) -> None:
    _, images, engine = engines[name]
    site = next(site for site in engine.sites if site.hidden)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    stage, other = (engine.stage(x, site, torch.tensor(0.25)) for x in (images, images[order]))
    units, rows = torch.arange(site.units), torch.arange(site.units) % len(images)
    where = torch.empty_like(order)
    where[order] = torch.arange(len(order))
    mixed = torch.randperm(site.units, generator=torch.Generator().manual_seed(1))
    same(stage.units(units, rows), other.units(units, where[rows]))
    same(stage.units(units, rows)[mixed], stage.units(units[mixed], rows[mixed]))


@CASES
def test_no_replays_give_no_logits(name: str, engines: dict) -> None:
    _, images, engine = engines[name]
    site = next(site for site in engine.sites if site.hidden)
    stage = engine.stage(images, site, torch.zeros(()))
    nothing = torch.zeros(0, dtype=torch.long)
    assert stage.units(nothing, nothing).shape == (0, stage.base.shape[1])


@CASES
def test_the_same_batch_gives_the_same_bits(name: str, engines: dict) -> None:
    _, images, engine = engines[name]
    site = next(site for site in engine.sites if site.hidden)
    first, second = (engine.stage(images, site, torch.tensor(0.25)) for _ in "ab")
    units, rows = torch.arange(site.units), torch.arange(site.units) % len(images)
    assert torch.equal(first.base, second.base)
    assert torch.equal(first.units(units, rows), second.units(units, rows))


def test_gradients_flow_through_the_graph(engines: dict) -> None:
    model, images, engine = engines["cnn"]
    images = images.clone().requires_grad_()
    (got,) = torch.autograd.grad(engine.run(images)[0][:, 1].sum(), images)
    (expected,) = torch.autograd.grad(logits_of(model, images)[:, 1].sum(), images)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_a_model_that_mixes_examples_is_refused() -> None:
    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x - x.cumsum(0))

    with pytest.raises(Untraceable, match="other examples of its batch"):
        TracedEngine(Wrapped(Mixing(), logits_of), torch.randn(5, 4))


@st.composite
def architectures(draw: st.DrawFn) -> tuple[nn.Module, Tensor]:
    """Random convolutional and fully connected stacks with skips, norms and activations."""
    seed = draw(st.integers(0, 2**16))
    activation = st.sampled_from([nn.ReLU, nn.GELU, nn.Tanh, nn.SiLU, nn.LeakyReLU, nn.Sigmoid])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        channels, size = 1, 6
        for _ in range(draw(st.integers(0, 2))):
            width = draw(st.integers(1, 4))
            kind = draw(st.sampled_from(["conv", "skip", "depthwise"]))
            if kind == "conv":
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                channels = width
            elif kind == "skip":
                layers.append(Skip(channels, draw(activation)()))
            else:
                layers.append(nn.Conv2d(channels, 2 * channels, 3, padding=1, groups=channels))
                channels *= 2
            if draw(st.booleans()):
                layers.append(nn.BatchNorm2d(channels))
            layers.append(draw(activation)())
            if size > 2 and draw(st.booleans()):
                layers.append(draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(2))
                size //= 2
        layers.append(nn.Flatten())
        width = channels * size * size
        for _ in range(draw(st.integers(0, 2))):
            new = draw(st.integers(1, 6))
            layers += [nn.Linear(width, new), draw(activation)()]
            if draw(st.booleans()):
                layers.append(nn.LayerNorm(new))
            width = new
        layers.append(nn.Linear(width, 3))
        model = nn.Sequential(*layers).eval()
        return model, torch.randn(5, 1, 6, 6)


class Skip(nn.Module):
    def __init__(self, channels: int, activation: nn.Module) -> None:
        super().__init__()
        self.conv, self.activation = nn.Conv2d(channels, channels, 1), activation

    def forward(self, x: Tensor) -> Tensor:
        return x + self.activation(self.conv(x))


def is_steady(model: nn.Module, images: Tensor) -> bool:
    """Tell whether rounding stays so: a norm of features that are all but equal blows it up."""
    with torch.no_grad():
        exact = deepcopy(model).double()(images.double())
        # which sums are made in which order depends on how many images there are
        alone = torch.cat([model(image[None]) for image in images])
        off = max(float((found.double() - exact).abs().max()) for found in (model(images), alone))
    return off <= 5e-6 * float(exact.abs().max())


@pytest.mark.parametrize("name", ["cnn", "residual in-place", "lstm", "encoder layer"])
def test_graphs_are_what_torch_makes_when_it_prepares_every_operation(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = ZOO[name].images(5)
    made = export.exported(Wrapped(make(ZOO[name]), logits_of), images, strict=False)
    monkeypatch.setattr(export, "_preparing", nullcontext)
    plain = export.exported(Wrapped(make(ZOO[name]), logits_of), images, strict=False)
    assert str(made.graph) == str(plain.graph)
    assert made.graph_signature == plain.graph_signature


@settings(max_examples=50, deadline=None)
@given(architectures(), st.data())
def test_random_architectures(made: tuple[nn.Module, Tensor], data: st.DataObject) -> None:
    model, images = made
    assume(is_steady(model, images))
    engine = engine_of(model, images)
    assert isinstance(engine, TracedEngine), engine.note
    site = data.draw(st.sampled_from(engine.sites))
    check_stage(engine, images, site)
    expected = (
        ablated_logits(model, images, site.name, [0], 0.25, site.unit_axis + 1)
        if site.name in paths_of_tensors(model, images)
        else None
    )
    if expected is not None:
        same(engine.run(images, (), {site.name: replaced([0], 0.25)})[0].detach(), expected)


@CASES
def test_the_input_is_a_site_that_is_edited_like_others(name: str, engines: dict) -> None:
    model, images, engine = engines[name]
    site = engine.input
    assert (site.name, site.depth, site.hidden) == ("input", -1, False)
    assert site.shape == images.shape[1:]
    torch.testing.assert_close(engine.run(images, ["input"])[1]["input"],
                               images.movedim(site.unit_axis + 1, -1), rtol=0, atol=0)  # fmt: skip
    value = 0.25 if images.is_floating_point() else 1
    for unit in range(min(site.units, 4)):
        edited = images.clone()
        edited.select(site.unit_axis + 1, unit).fill_(value)
        with torch.no_grad():
            expected = logits_of(model, edited)
        same(engine.run(images, (), {"input": replaced([unit], value)})[0], expected)
        stage = engine.stage(images, site, torch.tensor(value))
        one = torch.full((len(images),), unit)
        same(stage.units(one, torch.arange(len(images))), expected)
        mask = torch.arange(site.units)[None] == unit
        same(next(stage.sets(mask))[1][0], expected)
