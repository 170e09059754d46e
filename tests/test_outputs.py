"""Are logits found in whatever a model returns, and is what they were made of told?"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError
from holistic.graph.hooked import HookedEngine
from holistic.graph.trace import Wrapped
from holistic.study.outputs import read_outputs

IMAGES = torch.randn(80, 1, 8, 8, generator=torch.Generator().manual_seed(0))
FOUR, TWO = torch.arange(80) % 4, torch.arange(80) % 2


@dataclass
class Answer:
    hidden: Tensor
    scores: Tensor


Pair = namedtuple("Pair", "hidden scores")


class Returning(nn.Module):
    """Hidden features h, and logits z and y of two heads, returned in some form."""

    def __init__(self, classes: int, form: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body, self.head = nn.Linear(64, 16), nn.Linear(16, classes)
            self.other = nn.Linear(16, classes)
        self.form = form

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.body(x.flatten(1)))
        return h, self.head(h), self.other(h)

    def forward(self, x: Tensor) -> Any:
        return self.form(*self.parts(x))

    def logits(self) -> Tensor:
        """What must be found, up to a constant an example."""
        with torch.no_grad():
            z = self.parts(IMAGES)[1]
        return torch.cat([torch.zeros_like(z), z], 1) if z.shape[1] == 1 else z


FORMS: dict[str, tuple[Callable[[Tensor, Tensor, Tensor], Any], str]] = {
    "tensor": (lambda h, z, y: z, ""),
    "features first": (lambda h, z, y: (h, z), r"\[1\] \(4,\) is taken"),
    "features last": (lambda h, z, y: [z, h], r"\[0\] \(4,\) is taken"),
    "dictionary": (lambda h, z, y: {"h": h, "z": z}, r"\['z'\] \(4,\) is taken"),
    "named logits": (lambda h, z, y: {"aux": y, "logits": z}, ""),
    "dataclass": (lambda h, z, y: Answer(h, z), r"\.scores \(4,\) is taken"),
    "named tuple": (lambda h, z, y: Pair(h, z), r"\[1\] \(4,\) is taken"),
    "nested": (lambda h, z, y: {"out": (h, {"z": z})}, r"\['out'\]\[1\]\['z'\]"),
    "logits beside probabilities": (lambda h, z, y: (z.softmax(1), z), r"\[1\] \(4,\) is taken"),
    "softmax": (lambda h, z, y: z.softmax(1), "returns probabilities"),
    "log softmax": (lambda h, z, y: z.log_softmax(1), ""),
    "one in a list": (lambda h, z, y: [z], ""),
    "one in a tuple": (lambda h, z, y: (z,), ""),
    "one in a dictionary": (lambda h, z, y: {"out": z}, ""),
    "one beside other things": (lambda h, z, y: {"loss": None, "out": z, "step": 3}, ""),
    "one pixel": (lambda h, z, y: z[:, :, None, None], ""),
    "one step": (lambda h, z, y: z[:, None], ""),
}

TWO_FORMS: dict[str, tuple[Callable[[Tensor, Tensor, Tensor], Any], str]] = {
    "logit": (lambda h, z, y: z, "the logits are 0 and z"),
    "flat logit": (lambda h, z, y: z[:, 0], "the logits are 0 and z"),
    "probability": (lambda h, z, y: z.sigmoid(), r"log\(p / \(1 - p\)\)"),
    "flat probability": (lambda h, z, y: z.sigmoid()[:, 0], r"log\(p / \(1 - p\)\)"),
    "logit beside features": (lambda h, z, y: (h, z), r"\[1\] \(1,\) is taken"),
}


def check(model: Returning, labels: Tensor, told: str) -> holistic.Subject:
    subject = holistic.Subject(model, (IMAGES, labels))
    expected = model.logits()
    for engine in (
        subject.engine,
        HookedEngine.probe(Wrapped(model, subject.reading), IMAGES[:5], "forced"),
    ):
        with torch.no_grad():
            got = engine.run(IMAGES)[0]
        # rounding of logarithms near zero: 1e-6 of numbers of size 1
        torch.testing.assert_close(got.log_softmax(1), expected.log_softmax(1), atol=3e-6, rtol=0)
    assert bool(subject.notes) == bool(told)
    assert re.search(told, " ".join(subject.notes))
    return subject


@pytest.mark.parametrize("form", FORMS)
def test_the_logits_are_found_in_whatever_a_model_returns(form: str) -> None:
    make, told = FORMS[form]
    subject = check(Returning(4, make), FOUR, told)
    assert subject.classes == ("0", "1", "2", "3")
    assert {site.units for site in subject.hidden_sites} == {16}


@pytest.mark.parametrize("form", TWO_FORMS)
def test_one_number_an_example_becomes_two_classes(form: str) -> None:
    make, told = TWO_FORMS[form]
    subject = check(Returning(1, make), TWO, told)
    assert subject.classes == ("0", "1")
    assert [site.units for site in subject.hidden_sites] == [16]


def test_scores_of_probabilities_are_those_of_the_logits() -> None:
    plain = holistic.Subject(Returning(4, FORMS["tensor"][0]), (IMAGES, FOUR), score="log_prob")
    shares = holistic.Subject(Returning(4, FORMS["softmax"][0]), (IMAGES, FOUR), score="log_prob")
    first, second = (s.score_of(s.predict(), s.evaluation.labels) for s in (plain, shares))
    torch.testing.assert_close(first, second, atol=3e-6, rtol=0)


@pytest.mark.parametrize(
    "rounded", [lambda p: p.half().float(), lambda p: (1000 * p).round() / 1000]
)
def test_rounded_probabilities_are_probabilities(rounded: Callable[[Tensor], Tensor]) -> None:
    model = Returning(4, lambda h, z, y: rounded(z.softmax(1)))
    subject = holistic.Subject(model, (IMAGES, FOUR))
    assert "returns probabilities" in subject.notes[0]
    got = subject.predict(IMAGES).softmax(1)
    torch.testing.assert_close(got, model.logits().softmax(1), atol=1e-2, rtol=0)


REFUSED = {
    "two heads": (
        lambda h, z, y: (z, y),
        r"several tensors .* forward=lambda .*\[0\]",
    ),
    "two heads by name": (lambda h, z, y: {"a": z, "b": y}, r"model\(images\)\['a'\]"),
    "no logits": (
        lambda h, z, y: (h[:, :3], h[:, :2]),
        r"\[B, 4\], .* got tuple with \[0\] \(5, 3\)",
    ),
    "sigmoid of each class": (lambda h, z, y: z.sigmoid(), r"yes-or-no .* torch.logit"),
    "a number each step": (lambda h, z, y: torch.stack([z, y], 1), r"got \(5, 2, 4\)"),
    "one number": (lambda h, z, y: z[:, :1], "labels go from 0 to 3"),
    "complex numbers": (lambda h, z, y: z + 0j, r"floating point, got complex64; .*\.real"),
    "whole numbers": (lambda h, z, y: z.round().long(), r"floating point, got int64; .*\.float"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_ambiguous_or_answers_another_question_is_refused(form: str) -> None:
    make, message = REFUSED[form]
    with pytest.raises(ModelError, match=message) as error:
        holistic.Subject(Returning(4, make), (IMAGES, FOUR))
    assert "\n" not in str(error.value)


def test_the_users_choice_comes_first() -> None:
    model = Returning(4, lambda h, z, y: (z, y))
    subject = holistic.Subject(model, (IMAGES, FOUR), forward=lambda m, x: m(x)[1])
    with torch.no_grad():
        torch.testing.assert_close(subject.predict(IMAGES), model(IMAGES)[1])
    assert subject.notes == ()


def test_saturated_probabilities_are_told() -> None:
    for classes, labels, form in (
        (4, FOUR, lambda h, z, y: (1000 * z).softmax(1)),
        (1, TWO, lambda h, z, y: (1000 * z).sigmoid()),
    ):
        subject = holistic.Subject(Returning(classes, form), (IMAGES, labels))
        assert "exactly 0 or 1 as float32" in subject.notes[1]
        assert bool(subject.predict().isfinite().all())


def test_numbers_between_0_and_1_are_logits_with_a_word() -> None:
    model = Returning(4, lambda h, z, y: z.clamp(0, 1))
    subject = holistic.Subject(model, (IMAGES, FOUR))
    assert "taken as logits. If they are probabilities" in subject.notes[0]
    with torch.no_grad():
        torch.testing.assert_close(subject.predict(IMAGES), model(IMAGES))


def test_class_names_tell_the_logits_apart() -> None:
    """Labels of three classes, and heads of three and of four."""
    model = Returning(4, lambda h, z, y: (z[:, :3], z))
    named = holistic.Subject(model, (IMAGES, FOUR % 3), classes=["a", "b", "c", "d"])
    assert named.predict().shape[1] == 4
    assert holistic.Subject(model, (IMAGES, FOUR % 3)).predict().shape[1] == 3


def test_an_untrained_copy_is_read_as_the_model_is() -> None:
    """Its one logit may lie between 0 and 1 by chance."""
    model = Returning(1, TWO_FORMS["logit"][0])
    reading = read_outputs(model, IMAGES, TWO)
    assert read_outputs(model, IMAGES, TWO, forward=reading) is reading
    control = holistic.Subject(model, (IMAGES, TWO)).untrained(0)
    assert bool((control.predict()[:, 0] == 0).all())


def test_notes_stand_among_the_caveats(tmp_path: Any) -> None:
    subject = holistic.Subject(Returning(4, FORMS["softmax"][0]), (IMAGES, FOUR))
    audit = holistic.audit(subject, out=tmp_path / "run", lenses=[])
    assert subject.notes[0] in audit.provenance["caveats"]
