"""However a forward is written: is it traced where it can be, and are the numbers the model's?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from idioms import CLASSES, IDIOMS, Usage
from slow import hooked_logits, unit_effects
from test_engine_guarantees import fingerprint

SIZES = (1, 2, 7, 160)


def subject_of(usage: Usage, count: int = 160) -> holistic.Subject:
    """Labels and first values are sorted, as data sets often are."""
    images, labels = usage.images(count), torch.arange(count) * CLASSES // count
    return holistic.Subject(usage.build(), (images, labels))


def close(got: Tensor, expected: Tensor) -> None:
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4 * scale)


def hidden(model: nn.Module, images: Tensor) -> Tensor:
    """What `act` returns, read by a plain hook."""
    values: list[Tensor] = []

    def read(output: Tensor) -> Tensor:
        values.append(output)
        return output

    hooked_logits(model, images, "act", 1, read)
    return values[0]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", IDIOMS)
def test_an_idiom_gives_the_numbers_of_a_hook_loop(name: str) -> None:
    usage = IDIOMS[name]
    subject = subject_of(usage)
    before = fingerprint(subject.model)
    state = torch.get_rng_state()
    assert subject.traced == usage.traced, subject.backend_note
    assert "\n" not in subject.backend_note
    for size in SIZES:
        images = usage.images(size)
        twin = usage.build()
        got = subject.predict(images)
        with torch.no_grad(), torch.random.fork_rng():
            close(got, twin(images.clone()))
        if usage.rows:
            value = subject.capture(["act"], images)["act"]
            with torch.random.fork_rng():
                close(value, hidden(twin, images))
    if usage.rows:
        table = holistic.sweep(subject, ["act"], "zero").where(class_="all")
        examples = subject.evaluation
        with torch.random.fork_rng():
            slow = unit_effects(
                usage.build(),
                examples.images,
                examples.labels.tolist(),
                site="act",
                units=7,
                values=[0.0] * 7,
            )
        means = [np.mean([e for group in unit.values() for e in group]) for unit in slow]
        np.testing.assert_allclose(table.column("effect"), means, rtol=1e-3, atol=1e-5)
    assert torch.equal(torch.get_rng_state(), state)
    assert fingerprint(subject.model) == before
