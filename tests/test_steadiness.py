"""Is a model refused that doesn't tell each image by itself, and only such a model?"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError
from holistic.graph.rounding import beyond_rounding
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.study.outputs import called

CLASSES = 4


class Given(nn.Module):
    """A classifier of 36 pixels whose end is a function of the module, its hidden values and x."""

    def __init__(self, end: Callable[[Given, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.head = nn.Linear(36, 8), nn.Linear(8, CLASSES)
        self.norm = nn.BatchNorm1d(8, track_running_stats=False)
        self.dropout = nn.Dropout(0.5)
        self.calls, self.draws = 0, torch.Generator()
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self, F.relu(self.first(x.flatten(1))), x)


def data(count: int = 300) -> tuple[Tensor, Tensor]:
    """Labels and every pixel are sorted."""
    images = torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    return images.sort(0).values, torch.arange(count) * CLASSES // count


def doubled_if(condition: Callable[[Given, Tensor], object]) -> Given:
    return Given(lambda m, h, x: m.head(h) * (2 if bool(condition(m, x)) else 1))


def counted(m: Given, h: Tensor, x: Tensor) -> Tensor:
    m.calls += 1
    return m.head(h) * (2 if m.calls > 5 else 1)


OF_THE_BATCH = {
    "batch norm without statistics": (
        Given(lambda m, h, x: m.head(m.norm(h))),
        r"the operation \('native_batch_norm' in 'norm'\)",
    ),
    "mean of the batch": (Given(lambda m, h, x: m.head(h - h.mean(0))), r"\('sub'\)"),
    "a thousandth of it": (Given(lambda m, h, x: m.head(h - 1e-3 * h.mean(0))), r"\('sub'\)"),
    "largest of the batch": (Given(lambda m, h, x: m.head(h) / h.max()), r"\('div'\)"),
    "softmax along it": (Given(lambda m, h, x: m.head(h).softmax(0)), r"\('_softmax'\)"),
    "sorted": (Given(lambda m, h, x: m.head(h).sort(0).values), r"\('sort'\)"),
    "the image before": (
        Given(lambda m, h, x: m.head(torch.cat([h[:1], h[1:] + 0.1 * h[:-1]]))),
        r"\('cat'\)",
    ),
    "more than eight": (doubled_if(lambda m, x: len(x) > 8), r"\('mul'\)"),
    "more than a thousand": (doubled_if(lambda m, x: len(x) > 1000), r"among 2048"),
    "odd numbers": (doubled_if(lambda m, x: len(x) % 2), r"\('mul'\)"),
    "after the hundredth": (
        Given(lambda m, h, x: torch.cat([m.head(h)[:100], 2 * m.head(h)[100:]])),
        r"\('cat'\)",
    ),
}
RANDOM = {
    "once in ten thousand": doubled_if(lambda m, x: torch.rand(()) < 1e-4),
    "or above": doubled_if(lambda m, x: torch.rand(()) > 1 - 1e-4),
    "by Python": doubled_if(lambda m, x: random.random() < 1e-6),
    "by NumPy": doubled_if(lambda m, x: np.random.rand() < 1e-6),  # noqa: NPY002
    "by a generator of its own": doubled_if(lambda m, x: torch.rand((), generator=m.draws) < 1e-4),
    "after other draws": doubled_if(lambda m, x: (torch.rand(90), random.random())[1] < 1e-6),
}
STEADY = {
    "plain": Given(lambda m, h, x: m.head(h)),
    "dropout in evaluation": Given(lambda m, h, x: m.head(m.dropout(h))),
    "drawn and not used": Given(lambda m, h, x: m.head(h) + 0 * torch.rand(())),
    "layer drop in training": doubled_if(lambda m, x: random.random() < 0.5 and m.training),
    "counter that says nothing": Given(
        lambda m, h, x: (setattr(m, "calls", m.calls + 1), m.head(h))[1]
    ),
    "chunks": Given(lambda m, h, x: torch.cat([m.head(part) for part in h.split(8)])),
}


@pytest.mark.parametrize("name", OF_THE_BATCH)
def test_logits_that_depend_on_the_batch_are_refused(name: str) -> None:
    model, cause = OF_THE_BATCH[name]
    with pytest.raises(ModelError, match="depend on the other images of its batch") as error:
        holistic.Subject(model, data())
    assert error.match(cause)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", RANDOM)
def test_a_branch_that_is_hardly_ever_taken_is_refused(name: str) -> None:
    with pytest.raises(
        ModelError, match=r"because of (active randomness|random numbers that it draws)"
    ):
        holistic.Subject(RANDOM[name], data())


def test_a_counter_that_logits_depend_on_is_refused() -> None:
    with pytest.raises(ModelError, match="different logits twice, because of"):
        holistic.Subject(Given(counted), data())


@pytest.mark.parametrize("name", STEADY)
def test_a_steady_model_is_taken(name: str) -> None:
    images, labels = data()
    subject = holistic.Subject(STEADY[name], (images, labels))
    torch.testing.assert_close(subject.predict(images), STEADY[name].eval()(images).detach())


def test_a_model_that_squeezes_a_single_image_is_run_on_two() -> None:
    model = Given(lambda m, h, x: m.head(h)[..., None].squeeze())
    images, labels = data()
    expected = model.eval()(images).detach()
    subject = holistic.Subject(model, (images, labels))
    torch.testing.assert_close(subject.predict(images[:1]), expected[:1])
    held = subject.capture([subject.hidden_sites[0].name], images[:1])
    assert next(iter(held.values())).shape == (1, 8)


def test_a_size_that_was_not_tried_is_compared_when_it_comes() -> None:
    """The model can't be traced, and is right up to 3,000 images."""
    images, labels = data(3200)
    model = doubled_if(lambda m, x: float(x.sum()) < 1e9 and len(x) > 3000)
    subject = holistic.Subject(model, (images, labels))
    assert not subject.traced
    with pytest.raises(ModelError, match="between a batch of 3200 and one of 3"):
        subject.logits(images)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rounding_is_measured_and_not_guessed(dtype: torch.dtype) -> None:
    """Thirty layers: the noise of the last place is allowed, a hundred times that isn't."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [part for _ in range(30) for part in (nn.Linear(32, 32), nn.Tanh())]
        model = nn.Sequential(*layers, nn.Linear(32, CLASSES)).to(dtype)
        images = torch.randn(16, 32).to(dtype)
    wrapped = Wrapped(model, called)
    with torch.no_grad(), evaluating(wrapped):
        expected = wrapped(images)
        unit = torch.finfo(dtype).eps * expected.abs().max()
        assert not beyond_rounding(wrapped, images, expected + unit, expected)
        assert beyond_rounding(wrapped, images, expected + 200 * unit, expected)
    assert torch.equal(model(images), expected)
