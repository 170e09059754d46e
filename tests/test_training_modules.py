"""Are modules that say how they are trained studied through the model that they hold?"""

from __future__ import annotations

import sys
import types
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError, Notice

IMAGES = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(40) % 3


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


class Training(nn.Module):
    """As people write a Lightning module, without Lightning."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
        return nn.functional.cross_entropy(self.get_submodule("net")(batch[0]), batch[1])


class Whole(Training):
    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule("net")(x) * 2


def test_one_with_a_forward_is_studied_as_it_is() -> None:
    model = Whole(net=network(), loss=nn.CrossEntropyLoss())
    with warnings.catch_warnings(action="error", category=Notice):
        subject = holistic.Subject(model, (IMAGES, LABELS))
    torch.testing.assert_close(subject.predict(subject.images), 2 * network()(IMAGES).detach())


def test_one_without_is_studied_through_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))

    def forward(self: nn.Module, *args: Any) -> Any:
        raise NotImplementedError

    own = {"forward": forward, "__module__": "lightning"}
    for made in (Training, type("LightningModule", (Training,), own)):
        model = made(net=network(), loss=nn.CrossEntropyLoss())
        line = f"{made.__name__} has no forward of its own; its 'net' is studied"
        with pytest.warns(Notice, match=line):
            subject = holistic.Subject(model, (IMAGES, LABELS))
        torch.testing.assert_close(subject.predict(subject.images), network()(IMAGES).detach())
        assert [site.name for site in subject.hidden_sites] == ["1"]


@pytest.mark.parametrize(
    ("parts", "which"), [(("model", "net"), "several"), (("student", "teacher"), "none")]
)
def test_one_whose_model_is_not_clear_is_refused(parts: tuple[str, ...], which: str) -> None:
    model = Training(**{name: network() for name in parts})
    line = f"no forward, and {which} of its parts '{parts[0]}', '{parts[1]}' may be the model"
    with pytest.raises(ModelError, match=line) as error:
        holistic.Subject(model, (IMAGES, LABELS))
    assert "\n" not in str(error.value)
