"""Is a model copied whole, whatever it holds, and does the copy stand on its own?"""

from __future__ import annotations

import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from types import MethodType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from holistic.errors import ModelError
from holistic.graph.copies import copied

X = torch.linspace(-1, 1, 12).reshape(3, 4)


class Slotted:
    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Settings:
    def __init__(self, model: nn.Module) -> None:
        self.lock, self.model, self.widths = threading.Lock(), model, [1]


class Refusing:
    def __deepcopy__(self, memo: object) -> object:
        raise RuntimeError("no copies")


def held(**values: object) -> Callable[[nn.Sequential], None]:
    return lambda model: [setattr(model, name, value) for name, value in values.items()]


def computed(model: nn.Sequential) -> None:
    model.features, model.loss = model[1](X), model(X).sum()


def patched(model: nn.Sequential) -> None:
    model.forward = lambda x: 2 * model[3](model[2](model[1](x)))


def bound(model: nn.Sequential) -> None:
    def forward(self: nn.Sequential, x: Tensor) -> Tensor:
        return self[3](self[1](x))

    model.forward = MethodType(forward, model)


def hooked(model: nn.Sequential) -> None:
    model.register_forward_hook(lambda module, inputs, output: output + model[3].bias)


def keeping(model: nn.Sequential) -> None:
    @lru_cache
    def parameter(name: str) -> Tensor:
        return model[3].get_parameter(name)

    model.register_forward_hook(lambda module, inputs, output: output + parameter("bias"))


def keeping_a_part(model: nn.Sequential) -> None:
    parameter = lru_cache(partial(lambda part, name: part.get_parameter(name), model[3]))
    model.register_forward_hook(lambda module, inputs, output: output + parameter("bias"))


def referring(model: nn.Sequential) -> None:
    model.parent = weakref.ref(model)  # a part of the model that knows its owner
    parts, last = weakref.WeakValueDictionary(last=model[3]), weakref.ref(model[3])
    model.register_forward_hook(
        lambda module, inputs, output: output + parts["last"].bias + last().bias
    )


def defaulting(model: nn.Sequential) -> None:
    def forward(x: Tensor, first: nn.Module = model[1], *, last: nn.Module = model[3]) -> Tensor:
        return last(model[2](first(x)))

    model.forward = forward


def called(model: nn.Sequential) -> None:
    class Step:
        def __init__(self) -> None:
            self.model, self.lock = model, threading.Lock()

        def __reduce__(self) -> str:
            raise TypeError("not picklable")

        def __call__(self, x: Tensor) -> Tensor:
            return self.model[3](self.model[1](x))

    model.forward = Step()


def of_an_object(model: nn.Sequential) -> None:
    settings = Settings(model)
    model.register_forward_hook(lambda module, inputs, output: output + settings.model[3].bias)


HELD = {
    "a hook that keeps results": keeping,
    "a hook that keeps a part's results": keeping_a_part,
    "weak references": referring,
    "defaults of a function": defaulting,
    "an object that is called": called,
    "a hook of an object": of_an_object,
    "many losses": lambda model: setattr(model, "losses", [model(X).sum()] * 10_001),
    "an array that compares": held(my_hooks=np.ones(3)),
    "nothing": held(),
    "a tensor kept from training": computed,
    "an open file": held(log=sys.__stdout__),
    "a generator": held(batches=(i for i in range(3))),
    "locks in containers": held(settings={"locks": [threading.Lock(), (threading.RLock(),)]}),
    "a thread": held(thread=threading.Thread(target=print), event=threading.Event()),
    "a module": held(numerics=np),
    "a lambda of the model": lambda model: setattr(model, "act", lambda x: model[1](x)),
    "a forward of its own": patched,
    "a forward bound to it": bound,
    "a hook": hooked,
    "a random generator": held(draws=torch.Generator().manual_seed(3)),
    "an object with the model": lambda model: setattr(model, "settings", Settings(model)),
    "an object with slots": held(slotted=Slotted()),
    "an object that refuses": held(refusing=Refusing()),
    "a partial": lambda model: setattr(model, "p", partial(model[1].forward, threading.Lock())),
    "a loader under way": held(loader=iter(torch.utils.data.DataLoader([1, 2]))),
}


def made() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).eval()


@pytest.mark.parametrize("name", HELD)
def test_a_copy_computes_the_same_and_shares_no_weight(name: str) -> None:
    model = made()
    HELD[name](model)
    expected = model(X).detach()
    double = copied(model)
    assert type(double) is type(model)
    assert torch.equal(double(X).detach(), expected)
    with torch.no_grad():
        for parameter in double.parameters():
            parameter.zero_()
    assert not double(X).any()
    assert torch.equal(model(X).detach(), expected)


def test_what_a_copy_holds_is_its_own_where_that_can_be() -> None:
    model = made()
    model.draws, model.settings = torch.Generator().manual_seed(3), Settings(model)
    model.features = model[1](X)
    double = copied(model)
    assert double.settings.lock is model.settings.lock
    assert double.settings.model is double
    assert double.settings.widths is not model.settings.widths
    assert double.features.is_leaf
    assert torch.equal(double.features, model.features)
    assert torch.equal(torch.rand(2, generator=double.draws), torch.rand(2, generator=model.draws))


def test_weak_references_of_a_copy_lead_to_its_own_parts() -> None:
    model = made()
    referring(model)
    double = copied(model)
    assert double.parent() is double
    assert model.parent() is model


def test_what_ends_something_when_it_is_deleted_is_shared() -> None:
    model = made()
    model.log = tempfile.NamedTemporaryFile()  # noqa: SIM115
    double = copied(model)
    assert double.log.file is model.log.file
    del double
    assert Path(model.log.name).exists()


def test_weights_made_in_inference_mode_get_gradients_in_the_copy() -> None:
    with torch.inference_mode():
        model = made()
    double = copied(model)
    assert double(X).sum().requires_grad


def test_a_module_that_refuses_is_named() -> None:
    class Closed(nn.Linear):
        def __deepcopy__(self, memo: object) -> object:
            raise RuntimeError("no copies")

    with pytest.raises(ModelError, match=r"Sequential can't be copied.*RuntimeError: no copies"):
        copied(nn.Sequential(Closed(2, 2)))
