"""Are images, labels, class names and other arguments of a subject read as what they are?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import DataError, ModelError, SettingError
from holistic.study.classes import checked_classes
from holistic.study.given import read_given
from test_subject import plain
from zoo import ZOO, make

LABELS = torch.arange(12) % 4


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return holistic.Subject(make(ZOO["mlp"]), plain(), name="small")


def test_images_are_arrays_of_the_subjects_kind(subject: holistic.Subject) -> None:
    images = subject.evaluation.images
    expected = subject.predict(images)
    for given in (images.numpy(), images.double(), images.double().numpy(), list(images)):
        torch.testing.assert_close(subject.predict(given), expected)
        torch.testing.assert_close(subject.capture("2", given)["2"], subject.capture("2")["2"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: (x * 255).to(torch.uint8), "images hold uint8, the subject's float32; make"),
        (lambda x: x.long(), "images hold int64"),
        (lambda x: x > 0, "images hold bool"),
        (lambda x: x * 1j, "images hold complex64"),
        (lambda x: x[0], r"like the subject's, got \(1, 8, 8\); one image needs a batch axis"),
        (lambda x: x[:, :, :7], r"must have shape \(N, 1, 8, 8\) .* got \(20, 1, 7, 8\)"),
        (lambda x: x.flatten(1), r"got \(20, 64\)"),
        (lambda x: x.movedim(1, 3), r"got \(20, 8, 8, 1\); channels come first"),
        (lambda x: x[:0], "at least one, got none"),
        (lambda x: x.where(x > 0, torch.nan), "images hold NaN or infinite values \\(at 0, 1"),
        (lambda x: x.double() * 1e300, "more than the model's torch.float32 holds"),
        (lambda x: "images", "images can't be read as such from 'images'"),
        (lambda x: x.to_sparse(), "sparse"),
        (lambda x: [x[0], x[1, :, :3]], "can't be read as such"),
    ],
)
def test_images_of_another_kind_are_refused(
    subject: holistic.Subject, change: Callable[[Tensor], Any], told: str
) -> None:
    wrong = change(subject.evaluation.images)
    for ask in (subject.predict, lambda x: subject.capture(["2"], x)):
        with pytest.raises(DataError, match=told) as error:
            ask(wrong)
        assert "\n" not in str(error.value)


def test_bytes_are_taken_where_the_subject_was_given_bytes() -> None:
    images, labels = plain()
    pixels = (images * 20).abs().to(torch.uint8)
    subject = holistic.Subject(make(ZOO["mlp"]), (pixels, labels))
    assert subject.images.dtype == torch.float32
    assert torch.equal(subject.predict(pixels), subject.predict(pixels.float()))


def test_whole_numbers_stay_where_a_model_takes_them_only() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(7, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.relu(self.table(x).mean(1)))

    words = torch.arange(60).reshape(20, 3) % 7
    subject = holistic.Subject(Words().eval(), (words.int(), torch.arange(20) % 3))
    assert subject.images.dtype == torch.int64
    pixels = holistic.Subject(make(ZOO["mlp"]), (plain()[0].long(), plain()[1]))
    assert pixels.images.dtype == torch.float32


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (torch.zeros(2, 12), "must be \\(images, labels\\), tensors or arrays, got a tensor"),
        (torch.zeros(12, 3), "must be \\(images, labels\\)"),
        ((torch.zeros(12, 3),), "got 1 things"),
        ({"images": 1}, "the data holds 'images', of which none is known as the labels"),
        ((torch.zeros(12, 3), LABELS + 0.7), "got torch.float32 with 0.7 among them; if they are"),
        ((torch.zeros(12, 3), LABELS.double()), "got torch.float64; if they are class indices"),
        ((torch.zeros(12, 3), LABELS * 1j), "got torch.complex64"),
        ((torch.zeros(12, 3), nn.functional.one_hot(LABELS)), "one-hot, .* labels.argmax\\(1\\)"),
        ((torch.zeros(12, 3), nn.functional.one_hot(LABELS).float()), "labels.argmax\\(1\\)"),
        ((torch.zeros(12, 3), LABELS[:, None]), "labels\\[:, 0\\]"),
        (
            (torch.zeros(12, 3), ["cat"] * 12),
            "labels are texts \\('cat'\\), whose order isn't known",
        ),
        ((torch.zeros(12, 3), {0, 1}), "labels can't be read as such"),
        ((torch.zeros(12, 3), None), "labels can't be read as such"),
        ((torch.zeros(12, 3) * 1j, LABELS), "real numbers"),
        ((torch.zeros(12, 3).to(torch.float8_e4m3fn), LABELS), "float8"),
        ((torch.zeros(0, 3), LABELS[:0]), "at least one"),
        ((torch.tensor(3.0), LABELS), "must be as many"),
        ((torch.zeros(12, 3, device="meta"), LABELS), "sparse or empty"),
    ],
)
def test_data_that_is_something_else_is_refused(data: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as error:
        read_given(data)
    assert "\n" not in str(error.value)


def test_images_that_are_not_finite_are_named() -> None:
    images = torch.zeros(12, 3)
    images[[3, 7], 1] = torch.nan
    with pytest.raises(DataError, match=r"2 images hold NaN or infinite values \(at 3, 7\)"):
        read_given((images, LABELS))


@pytest.mark.parametrize("kind", [np.uint16, np.uint32, np.uint64, np.int8, bool])
def test_labels_of_any_whole_kind_are_class_indices(kind: type) -> None:
    labels = read_given((np.zeros((12, 3)), np.arange(12).astype(kind))).labels
    expected = [int(i) for i in np.arange(12).astype(kind)]
    assert labels.dtype == torch.int64
    assert labels.tolist() == expected


NAMES = ("cat", "dog", "fox", "owl")


@pytest.mark.parametrize(
    "classes",
    [
        list(NAMES),
        np.array(NAMES),
        pd.Index(NAMES),
        (name for name in NAMES),
        dict(enumerate(NAMES)),
        {str(i): name for i, name in enumerate(NAMES)},
        {name: i for i, name in reversed(list(enumerate(NAMES)))},
        {i: NAMES[i] for i in (2, 0, 3, 1)},
    ],
)
def test_classes_are_names_in_the_order_of_the_logits(classes: Any) -> None:
    assert checked_classes(classes, LABELS, 4) == NAMES


def test_classes_without_names_are_numbers() -> None:
    for classes in (None, (), [], {}, np.array([]), range(4), np.arange(4)):
        assert checked_classes(classes, LABELS, 4) == ("0", "1", "2", "3")
    assert checked_classes({"0": 0, "1": 1, "2": 2, "3": 3}, LABELS, 4) == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (NAMES[:3], "need 4 different class names, got 3: 'cat', 'dog', 'fox'; the model has 4"),
        ("abcd", "must be a list of 4 names .*, got 'abcd'"),
        (set(NAMES), "must be a list of 4 names"),
        (4, "must be a list of 4 names"),
        (["cat", "dog", "cat", "owl"], "got 'cat' more than once"),
        (["cat", "", "fox", "owl"], "got '' for class 1"),
        (["cat", " ", "fox", "owl"], "for class 1"),
        (["cat", None, "fox", "owl"], "must be texts, got None for class 1"),
        (["cat", 1.5, "fox", "owl"], "got 1.5 for class 1"),
        (["cat", True, "fox", "owl"], "got True for class 1"),
        (["cat", b"dog", "fox", "owl"], "must be texts, got b'dog'"),
        (["cat", "d\nog", "fox", "owl"], r"got 'd\\nog' for class 1; rename"),
        (["cat", "\udcff", "fox", "owl"], r"got '\\udcff' for class 1"),
        (["cat", "\x1b[2J", "fox", "owl"], "for class 1"),
        (["all", "dog", "fox", "owl"], "a class can't be named 'all'"),
        (dict(enumerate(NAMES, 1)), "the indices 0 to 3 either as keys or as values"),
        ({0: 1, 1: 0, 2: 3, 3: 2.5}, "got 2.5 for class 3"),
        ({0: 1, 1: 2, 2: 3, 3: 0}, "a dictionary must hold the indices"),
    ],
)
def test_classes_that_are_no_names_are_refused(classes: Any, told: str) -> None:
    with pytest.raises(SettingError, match=told) as error:
        checked_classes(classes, LABELS, 4)
    assert "\n" not in str(error.value)


def test_labels_beyond_the_logits_say_what_may_be_wrong() -> None:
    with pytest.raises(DataError, match=r"got 1 to 4; they seem to count from 1: pass labels - 1"):
        checked_classes((), LABELS + 1, 4)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, got -1"),
        ({"seed": 1.0}, "seed must be a whole number"),
        ({"seed": 2**40}, "seed must be a whole number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"seed": None}, "seed must be a whole number"),
        ({"score": "log-prob"}, "no score 'log-prob' \\(did you mean 'log_prob'\\?\\)"),
        ({"score": "Accuracy"}, "did you mean 'accuracy'"),
        ({"score": None}, "no score"),
        ({"name": "a\nb"}, r"name must be a text that can be shown, got 'a\\nb'"),
        ({"name": None}, "name must be a text"),
        ({"forward": 3}, "forward must be a function of model and images, got int"),
        ({"unit_axes": {"2": True}}, "axis of units at '2' must be a whole number"),
        ({"unit_axes": {"2": 0.0}}, "axis of units at '2' must be a whole number"),
        ({"unit_axes": ["2"]}, "unit_axes must map names of sites to axes"),
        ({"unit_axes": {2: 0}}, "unit_axes must map names of sites to axes"),
        ({"device": 0}, "no device 0; this machine has 'auto', 'cpu'"),
        ({"device": "cpu:7"}, "no device 'cpu:7'"),
        ({"device": None}, "no device None"),
        ({"device": torch.device("meta")}, "no device 'meta'"),
    ],
)
def test_other_arguments_are_checked(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError, match=told) as error:
        holistic.Subject(make(ZOO["mlp"]), plain(), **arguments)
    assert "\n" not in str(error.value)


def test_other_arguments_with_one_meaning_are_taken() -> None:
    subject = holistic.Subject(
        make(ZOO["mlp"]),
        plain(),
        seed=np.int64(3),
        device=torch.device("cpu"),
        unit_axes={"2": np.int64(0)},
    )
    assert (subject.seed, subject.device, subject.unit_axes) == (3, "cpu", {"2": 0})
    same = holistic.Subject(make(ZOO["mlp"]), plain(), seed=3)
    assert np.array_equal(subject.selection_indices, same.selection_indices)


def test_models_without_real_numbers_are_refused() -> None:
    for model, told in (
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), "run it once, train it or load its"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4, device="meta")), "has no numbers yet"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4, dtype=torch.complex64)), "complex64"),
    ):
        with pytest.raises(ModelError, match=told):
            holistic.Subject(model, plain())


def test_values_that_are_not_finite_name_their_images() -> None:
    class Cracks(nn.Module):
        """Divides by zero on images whose first pixel is 9."""

        def forward(self, x: Tensor) -> Tensor:
            return x / (x[:, :1] != 9).to(x.dtype)

    images, labels = plain()
    images = images.abs() + 0.1
    images[[13, 27], 0, 0, 0] = 9.0

    class Mends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.nan_to_num(0.0, 0.0, 0.0)

    parts = nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 8), Mends(), nn.ReLU(), nn.Linear(8, 4)
    model = nn.Sequential(nn.Flatten(), Cracks(), *parts).eval()
    subject = holistic.Subject(model, (images, labels))
    with pytest.raises(
        ModelError,
        match=r"site '3' holds 16 NaN or infinite values, all on 2 of 40 images \(at 13, 27\)",
    ):
        subject.check_finite()
    chosen = np.setdiff1d(np.arange(40), [13])
    some = holistic.Subject(model, (images, labels), selection=chosen[:20], evaluation=chosen[20:])
    with pytest.raises(ModelError, match=r"on 1 of 39 images \(at 27\)"):
        some.check_finite()
