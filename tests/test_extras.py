"""Does what a model is given beside its images go with its examples everywhere?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import DataError, HolisticError, ModelError, Notice, SettingError
from holistic.graph.accompanied import Accompanied, accompanied, extras_of
from holistic.graph.loops import replays
from holistic.study.scores import score


class Patient(nn.Module):
    """Looks at a picture, weighs its channels by a table, and hides a part of it."""

    def __init__(self, *, traced: bool = True) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.look, self.act = nn.Conv2d(1, 5, 3, padding=1), nn.ReLU()
            self.weigh, self.join = nn.Linear(2, 5), nn.Linear(5 * 64, 12)
            self.last, self.head = nn.ReLU(), nn.Linear(12, 3)
        self.traced = traced

    def forward(self, x: Tensor, age: Tensor, mask: Tensor | None = None) -> Tensor:
        seen = self.act(self.look(x)) * (1 + self.weigh(age)[:, :, None, None])
        seen = seen if mask is None else seen * mask[:, None]
        if not self.traced and float(seen.detach().sum()) > 1e9:
            seen = seen * 2
        return self.head(self.last(self.join(seen.flatten(1))))


def table(count: int) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    images, age = torch.randn(count, 1, 8, 8, generator=g), torch.randn(count, 2, generator=g)
    return images, age, torch.rand(count, 8, 8, generator=g) > 0.3


IMAGES, AGE, MASK = table(120)


def subject_of(model: Patient, inputs: Any) -> holistic.Subject:
    with torch.no_grad():
        labels = model(IMAGES, AGE, MASK).argmax(1)
    return holistic.Subject(model, (IMAGES, labels), inputs=inputs)


@torch.no_grad()
def without(model: Patient, unit: int, rows: np.ndarray) -> Tensor:
    """Logits when a hook silences a unit of the last layer: the slow twin."""

    def silence(module: nn.Module, given: Any, value: Tensor) -> Tensor:
        return torch.cat([value[:, :unit], torch.zeros_like(value[:, :1]), value[:, unit + 1 :]], 1)

    handle = model.last.register_forward_hook(silence)
    logits = model(IMAGES[rows], AGE[rows], MASK[rows])
    handle.remove()
    return logits


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("inputs", [{"mask": MASK, "age": AGE}, (AGE, MASK.numpy())])
def test_edits_and_sweeps_give_the_numbers_of_a_hook_loop(traced: bool, inputs: Any) -> None:
    model = Patient(traced=traced)
    subject = subject_of(model, inputs)
    assert subject.traced == traced
    rows = subject.evaluation_indices
    with torch.no_grad():
        before = model(IMAGES[rows], AGE[rows], MASK[rows])
        value = model.act(model.look(IMAGES[rows]))
    torch.testing.assert_close(subject.predict(), before)
    torch.testing.assert_close(subject.capture("act")["act"].movedim(-1, 1), value)
    swept = holistic.sweep(subject, sites=["last"], edit="zero").to_pandas()
    swept = swept[swept["class"] == "all"].set_index("unit")["effect"]
    labels = subject.evaluation.labels
    for unit in (0, 7):
        after = without(model, unit, rows)
        torch.testing.assert_close(subject.predict(edits=holistic.Zero("last", [unit])), after)
        effect = (score(after, labels, "margin") - score(before, labels, "margin")).mean()
        assert swept[unit] == pytest.approx(float(effect), abs=1e-5)


def test_replays_of_an_early_site_read_the_inputs_of_their_own_examples() -> None:
    model = Patient()
    subject = subject_of(model, (AGE, MASK))
    (batch,) = replays(subject, subject.site("act"), subject.evaluation.images, "zero")
    units, rows = torch.tensor([1, 1, 4]), torch.tensor([3, 40, 9])
    got = batch.stage.units(units, rows)
    for unit, row, logits in zip(units, rows, got, strict=True):
        edit = holistic.Zero("act", [int(unit)])
        expected = subject.predict(subject.evaluation.images[[int(row)]], edit)[0]
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_the_model_with_its_inputs() -> None:
    model = Patient()
    subject = subject_of(model, (AGE, MASK))
    point = subject.images[:6].clone().requires_grad_()
    (got,) = torch.autograd.grad(subject.logits(point * 0.5)[:, 0].sum(), point)
    plain = IMAGES[:6].clone().requires_grad_()
    (expected,) = torch.autograd.grad(model(plain * 0.5, AGE[:6], MASK[:6])[:, 0].sum(), plain)
    torch.testing.assert_close(got.as_subclass(Tensor), expected)


def test_images_of_ones_own_need_inputs_of_their_own() -> None:
    model = Patient()
    subject = subject_of(model, {"age": AGE, "mask": MASK})
    images, age, mask = (part[:4] for part in table(9))
    with torch.no_grad():
        expected = model(images, age, mask)
    torch.testing.assert_close(subject.predict(images, inputs=(age, mask)), expected)
    with pytest.raises(
        ModelError, match=r"given 'age', 'mask' beside its images, and these .* pass"
    ):
        subject.predict(images)
    with pytest.raises(DataError, match=r"the input 'age' must be like the subject's"):
        subject.predict(images, inputs=(age[:, :1], mask))
    plain = holistic.Subject(
        nn.Sequential(nn.Flatten(), Patient().join),
        (table(9)[0].repeat(1, 5, 1, 1), torch.arange(9) % 12),
    )
    with pytest.raises(SettingError, match="no argument 'age'; behind the images it takes nothing"):
        plain.predict(plain.images, inputs={"age": torch.zeros(9)})


def test_the_untrained_control_and_the_digest_know_of_them() -> None:
    subject = subject_of(Patient(), (AGE, MASK))
    fresh = subject.untrained(1)
    assert extras_of(fresh.images).keys() == {"age", "mask"}
    assert not torch.allclose(fresh.predict(), subject.predict())
    other = subject_of(Patient(), (AGE, torch.ones_like(MASK)))
    digests = [s.fingerprint["data"] for s in (subject, other, fresh)]
    assert digests[0] == digests[2] != digests[1]
    assert (
        "Beside each image the model is given 'age', 'mask', which no lens changes."
        in subject.notes
    )


def test_what_the_data_holds_under_an_arguments_name_is_given_to_the_model() -> None:
    model = Patient()
    own = subject_of(model, (AGE, MASK))
    data = {"x": IMAGES, "label": own.labels, "age": AGE.numpy(), "mask": MASK, "ward": AGE[:, 0]}
    line = "'ward' of the data are left out: the model has no such argument"
    with pytest.warns(Notice, match=line):
        subject = holistic.Subject(model, data)
    assert list(extras_of(subject.images)) == ["age", "mask"]
    assert torch.equal(subject.predict(), own.predict())
    assert subject.fingerprint["data"] == own.fingerprint["data"]
    with pytest.warns(Notice, match=line):  # what is named comes first
        other = holistic.Subject(model, data, inputs={"mask": ~MASK})
    assert torch.equal(extras_of(other.images)["mask"], ~MASK)
    assert torch.equal(extras_of(other.images)["age"], AGE)


@pytest.mark.parametrize(
    ("inputs", "error", "told"),
    [
        (
            {"aeg": AGE},
            SettingError,
            r"no argument 'aeg' \(did you mean 'age'\?\); behind the images",
        ),
        (
            (AGE, MASK, AGE),
            SettingError,
            "has 3 tensors, and behind the images the model takes 'age'",
        ),
        (AGE, SettingError, "must be a dictionary by name of the model's argument, or a tuple"),
        ({"age": AGE[:7]}, DataError, r"'age' must have one entry for each of the 120 images, got"),
        ({"age": AGE * torch.nan}, DataError, "'age' holds complex, infinite or NaN values"),
        ({"age": ["old"] * 120}, DataError, "the input 'age' can't be read"),
        ({"mask": MASK}, ModelError, "can't be run on inputs .* missing 1 required positional"),
    ],
)
def test_inputs_that_cannot_be_meant_are_refused(
    inputs: Any, error: type[HolisticError], told: str
) -> None:
    with pytest.raises(error, match=told) as found:
        subject_of(Patient(), inputs)
    assert "\n" not in str(found.value)


CARRIED: dict[str, Callable[[Tensor], Tensor]] = {
    "slice": lambda x: x[1:4],
    "list": lambda x: x[[2, 0]],
    "rows": lambda x: x[torch.tensor([4, 4, 1])],
    "numpy rows": lambda x: x[np.array([3, 1])],
    "mask": lambda x: x[x[:, 0, 0, 0] > 2],
    "plane": lambda x: x[:, 0],
    "new axis": lambda x: x[:, None],
    "index_select": lambda x: x.index_select(0, torch.tensor([2])),
    "repeat": lambda x: x.repeat(2, 1, 1, 1),
    "interleaved": lambda x: x.repeat_interleave(3, dim=0),
    "joined": lambda x: torch.cat([x[3:], x]),
    "part": lambda x: x.split(2)[1],
    "arithmetic": lambda x: 1 * x + 0 * torch.randn(5, 1, 2, 2),
    "mixed": lambda x: torch.where(torch.ones(2, 2) > 0, x, torch.zeros(())),
    "flat": lambda x: x.flatten(1),
    "channels last": lambda x: x.movedim(1, -1),
    "copy": lambda x: x.clone().detach().to(torch.float64),
}
LOST: dict[str, Callable[[Tensor], Any]] = {
    "single": lambda x: x[0],
    "mean": lambda x: x.mean(0),
    "sorted": lambda x: x.sort(0).values,
    "turned": lambda x: x.permute(1, 0, 2, 3),
    "flipped": lambda x: x.flip(0),
    "joined with others": lambda x: torch.cat([x, torch.zeros(1, 1, 2, 2)]),
    "pixels": lambda x: x[torch.arange(5), 0, torch.arange(5) % 2],
}


def numbered() -> Tensor:
    images = torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 2, 2).clone()
    return accompanied(images, {"number": torch.arange(5)})


@pytest.mark.parametrize("name", CARRIED)
def test_what_an_image_carries_stays_with_it(name: str) -> None:
    """The images hold their own numbers, so that each can be compared with what it carries."""
    got = CARRIED[name](numbered())
    assert isinstance(got, Accompanied)
    assert got.flatten(1)[:, 0].tolist() == got.extras["number"].tolist() != []


@pytest.mark.parametrize("name", LOST)
def test_what_may_mix_examples_loses_what_they_carry(name: str) -> None:
    assert not isinstance(LOST[name](numbered()), Accompanied)
