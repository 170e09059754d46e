"""Do torch's settings around a call change a number, and are they what they were after it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import holistic
from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.attribution import Attribution
from test_subject import plain
from zoo import ZOO, make

QUICK = Attribution(examples=12, steps=4, noise_draws=2, fractions=4, random_orders=2)


@contextmanager
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


class Functions(TorchFunctionMode):
    """Changes what each linear layer returns."""

    def __torch_function__(self, func, types, args=(), kwargs=None) -> object:
        out = func(*args, **(kwargs or {}))
        return out * 1.5 if func in (torch.relu, torch.nn.functional.linear) else out


class Operations(TorchDispatchMode):
    """Changes what each product returns."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> object:
        out = func(*args, **(kwargs or {}))
        return out + 0.25 if func is torch.ops.aten.addmm.default else out


@contextmanager
def several() -> Iterator[None]:
    with torch.inference_mode(), Functions(), torch.device("meta"), Operations(), double():
        yield


SETTINGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "another default type": double,
    "another default device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "deterministic algorithms": deterministic,
    "a mode of functions": Functions,
    "a mode of operations": Operations,
    "several at once": several,
}


def state() -> tuple[object, ...]:
    return (
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_autocast_enabled("cpu"),
        torch.are_deterministic_algorithms_enabled(),
        torch._C._len_torch_function_stack(),
        torch._C._len_torch_dispatch_stack(),
    )


Numbers = tuple[list[Tensor], list[pd.DataFrame]]


def numbers(model: nn.Module, data: tuple[Tensor, Tensor]) -> Numbers:
    """All that is asked of a subject that is made, used and left."""
    subject = holistic.Subject(model, data)
    site = subject.hidden_sites[0].name
    tensors = [
        subject.predict(),
        subject.capture([site])[site],
        subject.mean(site),
        *(values[site] for _, values in subject.capture_batches([site])),
        subject.predict(edits=[holistic.Zero(site, units=[0])]),
    ]
    maps = next(iter(QUICK.run(subject, Context()))).table.to_pandas()
    return tensors, [holistic.sweep(subject, [site]).to_pandas(), maps]


@pytest.fixture(scope="module")
def usual() -> dict[str, Numbers]:
    return {name: numbers(make(ZOO[name]), plain()) for name in ("mlp", "data-dependent")}


@pytest.mark.parametrize("name", ["mlp", "data-dependent"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_around_a_call_change_nothing(setting: str, name: str, usual: dict) -> None:
    model, data = make(ZOO[name]), plain()
    with SETTINGS[setting]():
        before = state()
        tensors, tables = numbers(model, data)
        assert state() == before
    for got, expected in zip(tensors, usual[name][0], strict=True):
        assert got.dtype == expected.dtype
        torch.testing.assert_close(got, expected)
    for got, expected in zip(tables, usual[name][1], strict=True):
        pd.testing.assert_frame_equal(got, expected, rtol=1e-5, atol=1e-6)


class Counted(nn.Module):
    """Makes numbers of the default type, as it is when the model is handed over."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        if float(x.sum()) > 1e9:
            return x
        return self.fc2(self.act(self.fc1(x.flatten(1))) + torch.ones(5))


def test_a_model_of_another_default_type_keeps_it() -> None:
    images, labels = plain()
    with double():
        model = Counted()
        subject = holistic.Subject(model, (images.double(), labels))
        expected = model(images.double())
    assert not subject.traced
    torch.testing.assert_close(subject.predict(images.double()), expected.detach())


def test_a_model_made_in_inference_mode_has_gradients() -> None:
    images, labels = plain()
    with torch.inference_mode():
        model = make(ZOO["mlp"])
        subject = holistic.Subject(model, (images.clone(), labels.clone()))
    assert subject.gradients.note == ""
    x = images[:2].clone().requires_grad_()
    (got,) = torch.autograd.grad(subject.logits(x).sum(), x)
    (expected,) = torch.autograd.grad(make(ZOO["mlp"])(x).sum(), x)
    torch.testing.assert_close(got, expected)


def test_a_waiting_generator_leaves_settings_to_whoever_waits() -> None:
    @settled(gradients=True)
    def steps() -> Iterator[torch.dtype]:
        for _ in "ab":
            yield torch.get_default_dtype()

    with double(), torch.no_grad():
        for dtype in steps():
            assert dtype == torch.float32
            assert torch.get_default_dtype() == torch.float64
            assert not torch.is_grad_enabled()


def test_an_audit_in_inference_mode_traces_the_model_and_gives_the_same_table(tmp_path) -> None:
    """What a subject cuts out of its images, and when, mustn't depend on the mode around it."""
    images, labels = plain()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4)
        ).eval()

    def units(where: str) -> pd.DataFrame:
        subject = holistic.Subject(model, (images, labels))
        parts = subject.selection.images, subject.evaluation.labels, subject.probes
        assert not any(part.is_inference() for part in parts)
        lens = Ablation(depth=2, sets=20, partners=2, permutations=20, familywise=20)
        audit = holistic.audit(subject, out=tmp_path / where, lenses=[lens], anyway=True)
        assert subject.traced
        return audit["ablation.units"].to_pandas()

    expected = units("plain")
    with torch.inference_mode():
        got = units("inference")
    pd.testing.assert_frame_equal(got, expected, rtol=1e-5, atol=1e-6)
