"""Inputs of a shape that a model can't be run on are told with the one that it can."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError

MLP = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
CNN = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
GREY = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
SERIES = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7, 3))

CASES = [
    (MLP, (7,), "first layer '0' takes 6 features, and the data has 7: leave out what is no feat"),
    (MLP, (5,), "first layer '0' takes 6 features, and the data has 5: pass all of its features"),
    (MLP, (1, 2, 3), "the model takes flat inputs; it runs on (6,): pass images.flatten(1)"),
    (CNN, (8, 8, 3), "channels last; it runs on (3, 8, 8): pass images.permute(0, 3, 1, 2)"),
    (CNN, (1, 8, 8), "one channel; it runs on (3, 8, 8): pass images.expand(-1, 3, -1, -1)"),
    (CNN, (8, 8), "no axis of channels; it runs on (3, 8, 8): pass images[:, None].expand"),
    (GREY, (8, 8), "no axis of channels; it runs on (1, 8, 8): pass images[:, None]"),
    (CNN, (3, 9, 9), "its layer '3' takes 144 features, and it gets 196: give the inputs"),
    (CNN, (192,), "takes 3 channels of any × any positions each: give the inputs the shape [3, an"),
    (SERIES, (9, 2), "the other way round; it runs on (2, 9): pass images.transpose(1, 2)"),
]


@pytest.mark.parametrize(("model", "shape", "says"), CASES)
def test_what_was_got_what_is_allowed_and_what_to_do(
    model: nn.Module, shape: tuple[int, ...], says: str
) -> None:
    data = torch.rand(30, *shape), torch.arange(30) % 3
    whole = f"can't be run on inputs of shape {shape}: "
    with pytest.raises(ModelError, match=f"{re.escape(whole)}.*{re.escape(says)}"):
        holistic.Subject(model.eval(), data)


def test_an_error_of_the_models_own_is_told_as_it_is() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no such thing")

    with pytest.raises(ModelError, match="shape \\(4,\\): ValueError: no such thing"):
        holistic.Subject(Broken(), (torch.rand(30, 4), torch.arange(30) % 3))
