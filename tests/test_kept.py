"""Does everything that a model's forward changes go back to what it was?"""

from __future__ import annotations

import random
import threading
from collections import deque
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError
from holistic.graph.kept import random_state
from test_subject import plain


class Record:
    """What isn't a module either."""

    def __init__(self) -> None:
        self.calls, self.sizes, self.lock = 0, [0], threading.Lock()


class Diary(nn.Module):
    """Changes all that it has at each call; its logits don't tell."""

    total: ClassVar[int] = 0

    def __init__(self, hooked: bool) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 4)
        self.hooked = hooked
        self.register_buffer("seen", torch.zeros(3))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.calls, self.history, self.cache = 0, [], {}
        self.last, self.recent, self.kinds = torch.full((2,), float("nan")), deque(maxlen=2), {0}
        self.array, self.record = np.zeros(2), Record()
        self.nested = {"deep": [1, {"tensor": torch.zeros(1)}]}
        self.draws, self.dice = torch.Generator(), np.random.default_rng(0)

    def forward(self, x: Tensor) -> Tensor:
        if self.hooked and float(x.sum()) > 1e9:
            return x
        type(self).total += 1
        self.calls += 1
        self.history.append(self.calls)
        self.cache[self.calls] = x.shape
        self.recent.append(self.calls)
        self.kinds.add(self.calls)
        self.record.calls += 1
        self.record.sizes[0] += 1
        self.added = self.calls
        if self.hooked:  # what a trace may not meet
            self.seen += x.mean()
            self.steps += 1
            self.last = x
            self.array += 1
            self.nested["deep"][1]["tensor"].add_(1)
            self.fc1.weight.data = torch.renorm(self.fc1.weight.data, 2, 0, 0.5)
            torch.rand(1, generator=self.draws), self.dice.random(), random.random(), torch.rand(1)
        return self.fc2(self.act(self.fc1(x.flatten(1))))


def told(model: Diary) -> str:
    """All that the model holds, and the random state, as text."""
    held = {k: v for k, v in vars(model).items() if k not in ("_modules", "record")}
    tensors = {k: v.tolist() for k, v in model.state_dict().items()}
    record = model.record.calls, model.record.sizes
    states = model.draws.get_state().sum(), model.dice.bit_generator.state
    return repr((held, tensors, record, states, Diary.total, random_state()[0][1][-1]))


@pytest.mark.parametrize("hooked", [False, True])
def test_a_model_that_keeps_a_diary_is_left_as_it_was(hooked: bool) -> None:
    model, (images, labels) = Diary(hooked), plain()
    places = {k: v.data_ptr() for k, v in model.state_dict().items()}
    before, state = told(model), torch.get_rng_state()
    subject = holistic.Subject(model, (images, labels))
    assert subject.traced != hooked
    subject.predict()
    subject.capture(["act"])
    holistic.sweep(subject, ["act"])
    x = images[:3].clone().requires_grad_()
    if not hooked:
        subject.logits(x).sum().backward()
    assert told(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert {k: v.data_ptr() for k, v in model.state_dict().items()} == places


def test_what_failed_is_put_back_too() -> None:
    model, (images, labels) = Diary(hooked=True), plain()
    subject = holistic.Subject(model, (images, labels))
    before = told(model)
    with pytest.raises(RuntimeError):
        subject.engine.run(torch.zeros(2, 3))
    assert told(model) == before


def test_a_hook_of_the_users_own_acts_and_its_list_stays() -> None:
    model, (images, labels) = Diary(hooked=False).eval(), plain()
    seen: list[Tensor] = []

    def keep_and_double(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        seen.append(output)
        return 2 * output

    model.act.register_forward_hook(keep_and_double)
    subject = holistic.Subject(model, (images, labels))
    got = subject.predict(images)
    assert not seen
    torch.testing.assert_close(got, model(images).detach())


def test_weights_that_have_no_value_yet_are_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(6), nn.ReLU(), nn.Linear(6, 4))
    with pytest.raises(ModelError, match=r"get their shape, and random values, when it first runs"):
        holistic.Subject(model, plain())
