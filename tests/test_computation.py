"""Is another computation with the same weights told apart, and the same one known again?"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fakes import Early
from holistic.audits import audit
from holistic.errors import AuditError, ModelError
from holistic.graph.hooked import HookedEngine
from holistic.graph.traced import TracedEngine
from holistic.graph.wrapped import Wrapped
from holistic.study.computation import computation, differing, digest
from holistic.study.outputs import called
from holistic.study.subject import Subject

SCALE = 1.0
"""A global that a function reads."""


class Net(nn.Module):
    """Twice the same layers, with what can be made different from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.act, self.drop, self.norm = nn.ReLU(), nn.Dropout(0.1), nn.LayerNorm(6)
        self.last = nn.Linear(6, 3)
        self.temperature, self.calls = 1.0, 0
        self.register_buffer("shift", torch.linspace(0, 1, 6), persistent=False)
        self.plain = torch.linspace(1, 2, 6)
        self.array = np.ones(3)
        self.scaled: Callable[[Tensor], Tensor] = functools.partial(torch.mul, other=1.0)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def order(self) -> tuple[nn.Module, nn.Module]:
        return self.first, self.second

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        for layer in self.order():
            x = self.act(layer(self.norm(x) * self.plain + self.shift))
        return self.scaled(self.last(self.drop(x))) / self.temperature


class Turned(Net):
    def order(self) -> tuple[nn.Module, nn.Module]:
        return self.second, self.first


Turned.__name__ = Turned.__qualname__ = "Net"


def colder(model: nn.Module, x: Tensor, by: float = 1.0) -> Tensor:
    return model(x) * SCALE / by


def with_closure(by: float) -> Callable[[nn.Module, Tensor], Tensor]:
    def pick(model: nn.Module, x: Tensor) -> Tensor:
        return model(x) / by

    return pick


def subject_of(model: nn.Module, **given: Any) -> Subject:
    images = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))
    return Subject(model, (images, torch.arange(40) % 3), **given)


def told(
    model: nn.Module, *, hooked: bool, forward: Callable[[nn.Module, Tensor], Tensor] = called
) -> tuple[str, str, dict[str, Any]]:
    """Digests of weights and computation, and the probe, as an audit's record would hold them."""
    wrapped = Wrapped(model, forward)
    images = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    engine = HookedEngine.probe(wrapped, images, "") if hooked else TracedEngine(wrapped, images)
    found = computation(wrapped, engine, images)
    weights = digest(sorted(model.state_dict().items()))
    return weights, found.digest, json.loads(json.dumps(dict(found.probe)))


def same(one: tuple[str, str, dict[str, Any]], other: tuple[str, str, dict[str, Any]]) -> bool:
    return one[1] == other[1] and not differing(one[2], other[2])


def _halved(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output / 2


def _patched(model: Net) -> None:
    plain = model.forward
    model.forward = lambda x: plain(x) * 2


CHANGES: dict[str, Callable[[Net], object]] = {
    "an activation": lambda m: setattr(m, "act", nn.GELU()),
    "a temperature": lambda m: setattr(m, "temperature", 2.0),
    "a hook": lambda m: m.first.register_forward_hook(_halved),
    "a hook before": lambda m: m.last.register_forward_pre_hook(lambda _, x: (x[0] * 2,)),
    "another forward": _patched,
    "another eps": lambda m: setattr(m.norm, "eps", 0.3),
    "another dropout": lambda m: setattr(m.drop, "p", 0.7),
    "a buffer": lambda m: m.shift.mul_(1.01),
    "one entry of a buffer": lambda m: m.shift[0].add_(1e-3),
    "a plain tensor": lambda m: m.plain.mul_(1.01),
    "a partial function": lambda m: setattr(m, "scaled", functools.partial(torch.mul, other=2.0)),
    "a slower function": lambda m: setattr(m, "scaled", lambda x: x.exp()),
    "swapped layers": lambda m: setattr(m, "order", lambda: (m.second, m.first)),
    "another class of the name": lambda m: setattr(m, "__class__", Turned),
}


@functools.cache
def original(hooked: bool) -> tuple[str, str, dict[str, Any]]:
    return told(Net(), hooked=hooked)


@pytest.mark.parametrize("hooked", [False, True], ids=["traced", "hooked"])
@pytest.mark.parametrize("change", CHANGES)
def test_another_computation_is_told_apart(change: str, hooked: bool) -> None:
    model = Net()
    CHANGES[change](model)
    changed = told(model, hooked=hooked)
    assert changed[0] == original(hooked)[0]
    assert not same(changed, original(hooked))


@pytest.mark.parametrize("hooked", [False, True], ids=["traced", "hooked"])
def test_another_choice_of_logits_is_told_apart(hooked: bool, monkeypatch: Any) -> None:
    def seen(forward: Any) -> tuple[str, str, dict[str, Any]]:
        return told(Net(), hooked=hooked, forward=forward)

    kinds = [colder, functools.partial(colder, by=2.0), with_closure(3.0), with_closure(4.0)]
    found = [original(hooked), *map(seen, kinds)]
    assert seen(with_closure(4.0)) == found[-1]
    monkeypatch.setattr(f"{__name__}.SCALE", 5.0)
    found.append(seen(colder))
    for i, one in enumerate(found):
        assert not any(same(one, other) for other in found[:i])


def test_a_hook_of_all_modules_is_told_apart() -> None:
    before = original(True)
    handle = nn.modules.module.register_module_forward_hook(_halved)
    try:
        assert not same(told(Net(), hooked=True), before)
    finally:
        handle.remove()


def test_an_array_that_code_reads_is_told_apart() -> None:
    model = Net()
    model.array[1] = 2.0
    assert not same(told(model, hooked=True), original(True))


@pytest.mark.parametrize("hooked", [False, True], ids=["traced", "hooked"])
def test_a_model_that_was_used_is_still_the_same(hooked: bool) -> None:
    model = Net()
    model.train()
    for _ in range(3):
        model(torch.randn(5, 6)).sum().backward()
    model.first.requires_grad_(False)
    assert model.calls == 3
    assert same(told(model.eval(), hooked=hooked), original(hooked))


@pytest.mark.parametrize("hooked", [False, True], ids=["traced", "hooked"])
def test_rounding_makes_no_other_model(hooked: bool) -> None:
    """As computed tables and logits differ between machines."""
    model = Net()
    model.shift.mul_(1 + 2e-7)
    assert not torch.equal(model.shift, Net().shift)
    assert same(told(model, hooked=hooked), original(hooked))


def test_the_same_model_is_known_in_another_process() -> None:
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import test_computation as t\n"
        "print(json.dumps([t.original(hooked) for hooked in (False, True)]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env=environment, capture_output=True, check=True, text=True,
    )  # fmt: skip
    for hooked, there in zip((False, True), json.loads(done.stdout), strict=True):
        assert tuple(there[:2]) == original(hooked)[:2]
        assert differing(there[2], original(hooked)[2]) == []


def test_extra_state_is_part_of_the_weights() -> None:
    class Stateful(nn.Linear):
        extra = 1

        def get_extra_state(self) -> dict[str, Any]:
            return {"extra": self.extra, "tensor": torch.ones(2) * self.extra}

    def weights(extra: int) -> str:
        module = Stateful(2, 2)
        nn.init.ones_(module.weight)
        nn.init.ones_(module.bias)
        module.extra = extra
        return digest(module.state_dict().items())

    assert weights(1) == weights(1) != weights(2)


def _trained_on(model: Net) -> None:
    model.last.weight.data.mul_(1.5)


@pytest.mark.parametrize(
    "change", [CHANGES["a temperature"], CHANGES["a hook before"], _trained_on]
)
def test_a_model_that_changes_under_its_subject_is_told(change: Any) -> None:
    model = Net()
    subject = subject_of(model)
    subject.check_unchanged()
    change(model)
    with pytest.raises(ModelError, match="was changed after its subject was made"):
        subject.check_unchanged()


def test_the_audit_of_another_model_is_not_handed_back(tmp_path: Path) -> None:
    first = audit(subject_of(Net()), out=tmp_path, lenses=[Early()])
    before = (tmp_path / "audit.json").read_bytes()
    model = Net()
    model.temperature = 2.0
    given = {"unit_axes": {"act": -1}, "classes": ["a", "b", "c"], "score": "logit"}
    what = "different computation, classes, score, unit_axes"
    with pytest.raises(AuditError, match=rf"holds another audit \({what}\)"):
        audit(subject_of(model, **given), out=tmp_path, lenses=[Early()])
    assert (tmp_path / "audit.json").read_bytes() == before
    assert audit(subject_of(Net()), out=tmp_path, lenses=[Early()]) == first
