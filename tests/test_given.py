"""Is the same data the same to the bit, in whatever form it is given?"""

from __future__ import annotations

import itertools
import random
import tracemalloc
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import holistic
from holistic.errors import DataError, Notice, SettingError
from holistic.study.given import Given, read_given

NAMES = ["cat", "dog", "fox"]


class Pairs(Dataset[Any]):
    """Examples by their places, as most people write a data set."""

    def __init__(self, x: Any, y: Any, make: Callable[[Any, Any], Any] = lambda x, y: (x, y)):
        self.x, self.y, self.make = x, y, make

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, place: int) -> Any:
        if place >= len(self.x):
            raise IndexError(place)
        return self.make(self.x[place], self.y[place])


class Stream(IterableDataset[Any]):
    """Examples one after another."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __iter__(self) -> Iterator[Any]:
        return zip(self.x, self.y, strict=True)


class Bare:
    """What looks like a data set without being one of torch's."""

    def __init__(self, x: Any, y: Any) -> None:
        self.pairs = [*zip(x, y, strict=True)]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> Any:
        return self.pairs[place]


def cut(values: Any, size: int = 4) -> list[Any]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def hugging(x: np.ndarray, y: np.ndarray) -> Any:
    import datasets

    kinds = {"float32": "float32", "float64": "float64", "int64": "int64", "uint8": "uint8"}
    columns = {"x": x.reshape(len(x), -1).tolist(), "label": y.tolist()}
    features = datasets.Features({
        "x": datasets.List(datasets.Value(kinds[x.dtype.name])),
        "label": datasets.ClassLabel(names=NAMES),
    })  # fmt: skip
    return datasets.Dataset.from_dict(columns, features=features)


def as_dicts(x: Any, y: Any) -> dict[str, Any]:
    return {"pixel_values": x, "labels": y}


FORMS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "arrays": lambda x, y: (x, y),
    "tensors": lambda x, y: (torch.from_numpy(x), torch.from_numpy(y)),
    "a list of both": lambda x, y: [x, y],
    "lists": lambda x, y: (x.tolist(), y.tolist()),
    "lists of tensors": lambda x, y: ([*torch.from_numpy(x)], [*torch.from_numpy(y)]),
    "with names": lambda x, y: (x, y, NAMES),
    "texts": lambda x, y: (x, [NAMES[i] for i in y], NAMES),
    "dict": lambda x, y: {"images": x, "labels": y},
    "dict x, y": lambda x, y: {"x": x, "y": y, "classes": NAMES},
    "dict of a processor": lambda x, y: OrderedDict(as_dicts(torch.from_numpy(x), y)),
    "other words": lambda x, y: {"of mine": x, "target": y},
    "TensorDataset": lambda x, y: TensorDataset(torch.from_numpy(x), torch.from_numpy(y)),
    "Dataset": Pairs,
    "Dataset of dicts": lambda x, y: Pairs(x, y, as_dicts),
    "Dataset of numbers": lambda x, y: Pairs(x, y, lambda x, y: (x.tolist(), int(y))),
    "two Datasets": lambda x, y: ConcatDataset([Pairs(x[:5], y[:5]), Pairs(x[5:], y[5:])]),
    "no Dataset": Bare,
    "IterableDataset": Stream,
    "loader": lambda x, y: DataLoader(Pairs(x, y), batch_size=5),
    "loader of dicts": lambda x, y: DataLoader(Pairs(x, y, as_dicts), batch_size=5),
    "loader that shuffles": lambda x, y: DataLoader(Pairs(x, y), batch_size=5, shuffle=True),
    "loader that drops": lambda x, y: DataLoader(Pairs(x, y), batch_size=5, drop_last=True),
    "loader of tensors": lambda x, y: DataLoader(FORMS["TensorDataset"](x, y), 5, shuffle=True),
    "loader of examples": lambda x, y: DataLoader(Pairs(x, y), batch_size=None),
    "loader of a stream": lambda x, y: DataLoader(Stream(x, y), batch_size=5, drop_last=True),
    "loader with a sampler": lambda x, y: DataLoader(
        Pairs(x, y), batch_sampler=BatchSampler(RandomSampler(range(len(x))), 3, drop_last=False)
    ),
    "workers": lambda x, y: DataLoader(Pairs(x, y), batch_size=5, num_workers=0),
    "generator of batches": lambda x, y: zip(cut(x), cut(y), strict=True),
    "generator of examples": lambda x, y: zip(x, y, strict=True),
    "list of batches": lambda x, y: [*zip(cut(x), cut(y), strict=True)],
    "list of examples": lambda x, y: [*zip(x, y, strict=True)],
    "generator of dicts": lambda x, y: ({"x": a, "y": b} for a, b in zip(x, y, strict=True)),
    "read before": lambda x, y: Given(x, y),
}  # fmt: skip
TABLES: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "frame and series": lambda x, y: (pd.DataFrame(x), pd.Series(y)),
    "frame and array": lambda x, y: (pd.DataFrame(x), y),
    "frame with target": lambda x, y: pd.DataFrame(x).assign(label=y),
    "frame with categories": lambda x, y: pd.DataFrame(x).assign(
        kind=pd.Categorical.from_codes(y, NAMES)
    ),
    "frame and its column": lambda x, y: (pd.DataFrame(x).assign(species=y), "species"),
    "series of arrays": lambda x, y: (pd.Series([*x]), pd.Series(y)),
    "Hugging Face": hugging,
    "Hugging Face, numpy": lambda x, y: hugging(x, y).with_format("numpy"),
    "Hugging Face, streamed": lambda x, y: hugging(x, y).to_iterable_dataset(),
    "loader of Hugging Face": lambda x, y: DataLoader(hugging(x, y).with_format("torch"), 5),
}


def drawn(kind: str, shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) * 50
    return x.astype(kind), rng.integers(0, 3, shape[0])


def same(found: Given, x: np.ndarray, y: np.ndarray) -> None:
    inputs = found.inputs.float()
    assert inputs.shape == x.shape
    assert torch.equal(inputs, torch.from_numpy(x).float())
    assert torch.equal(found.labels, torch.from_numpy(y))


def read(data: Any, classes: Any = ()) -> Given:
    with warnings.catch_warnings(action="ignore", category=Notice):
        return read_given(data, classes)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(["f2", "f4", "f8", "i4", "i8", "u1", "?"]),
    shape=st.tuples(st.integers(6, 23), st.integers(1, 3), st.integers(1, 4)),
    seed=st.integers(0, 99),
)
def test_every_form_has_the_same_bits(
    form: str, kind: str, shape: tuple[int, ...], seed: int
) -> None:
    x, y = drawn(kind, shape, seed)
    before, state = x.copy(), torch.get_rng_state()
    same(read(FORMS[form](x, y)), before, y)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("form", TABLES)
@settings(max_examples=5, deadline=None)
@given(
    kind=st.sampled_from(["f4", "f8", "i8", "u1"]),
    shape=st.tuples(st.integers(6, 23), st.integers(2, 4)),
    seed=st.integers(0, 99),
)
def test_every_form_of_a_table_has_the_same_bits(
    form: str, kind: str, shape: tuple[int, ...], seed: int
) -> None:
    x, y = drawn(kind, shape, seed)
    same(read(TABLES[form](x, y)), x, y)


def test_bfloat16_is_read_as_what_it_is() -> None:
    x, y = torch.randn(9, 4).bfloat16(), torch.arange(9) % 3
    for data in ((x, y), Pairs(x, y), DataLoader(Pairs(x, y), 4), zip(x, y, strict=True)):
        assert torch.equal(read(data).inputs.float(), x.float())


def test_a_model_in_double_precision_gets_all_digits() -> None:
    x, y = drawn("f8", (20, 6), 0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    for data in (
        (x, y),
        Pairs(x, y),
        pd.DataFrame(x).assign(label=y),
        zip(cut(x), cut(y), strict=True),
    ):
        assert torch.equal(holistic.Subject(model, data).images, torch.from_numpy(x))


def test_arrays_that_may_not_be_written_to_are_copied() -> None:
    x, y = drawn("f4", (9, 4), 0)
    before = x.copy(), y.copy()
    x.setflags(write=False)
    y.setflags(write=False)
    found = read_given((x, y))
    same(found, *before)
    found.inputs[0] = 9
    assert not (x == 9).any()


def test_mixed_columns_as_an_array_are_numbers() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False]})
    assert frame.to_numpy().dtype == object
    assert read_given((frame.to_numpy(), [0, 1])).inputs.tolist() == [[1, 1], [2, 0]]


# names


def test_names_come_with_the_data() -> None:
    x, y = drawn("f4", (30, 4), 0)
    named = Pairs(x, y)
    named.classes = NAMES  # type: ignore[attr-defined]
    placed = Pairs(x, y)
    placed.class_to_idx = {"fox": 2, "cat": 0, "dog": 1}  # type: ignore[attr-defined]
    part = torch.utils.data.Subset(named, range(25))
    for data in (
        named, placed, part, DataLoader(part, 4), ConcatDataset([named, placed]), hugging(x, y),
        DataLoader(hugging(x, y).with_format("torch"), 4), (x, y, NAMES),
        (x, y, dict(enumerate(NAMES))), (x, pd.Categorical.from_codes(y, NAMES)),
        (x, pd.Series(pd.Categorical.from_codes(y, NAMES))),
        {"data": x, "target": y, "target_names": np.array(NAMES)},
    ):  # fmt: skip
        assert [*read(data).classes] == NAMES, data
    assert read(Pairs(x, y)).classes == ()
    words = Pairs(x, y)
    words.classes = [("tench", "Tinca tinca"), ("ray",), ("hen",)]  # type: ignore[attr-defined]
    assert read(words).classes == ("tench, Tinca tinca", "ray", "hen")


def test_labels_follow_names_to_the_models_places() -> None:
    x, y = drawn("f4", (30, 4), 0)
    order = ["owl", "fox", "cat", "dog"]
    expected = torch.tensor([2, 3, 1])[torch.from_numpy(y)]
    for classes in (order, dict(enumerate(order)), {name: i for i, name in enumerate(order)}):
        with pytest.warns(Notice, match="3 classes were found by name among the model's 4"):
            found = read_given((x, y, NAMES), classes)
        assert torch.equal(found.labels, expected)
        assert found.classes == classes
    for same_order in (NAMES, None, (), ["Katze", "Hund", "Fuchs"], ["cat", "dog", "Fuchs"]):
        assert torch.equal(read_given((x, y, NAMES), same_order).labels, torch.from_numpy(y))
    texts = np.array(NAMES)[y]
    assert torch.equal(read_given((x, texts), order).labels, expected)
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4))
    frame = pd.DataFrame(x, columns=list("abcd")).assign(kind=texts)
    subject = holistic.Subject(model, frame, classes=order)
    assert subject.classes == tuple(order)
    assert torch.equal(subject.labels, expected)
    assert subject.feature_names == ("a", "b", "c", "d")
    assert subject.untrained(1).feature_names == ("a", "b", "c", "d")


def test_categories_that_are_named_again_are_matched() -> None:
    y = pd.Series(["cat", "dog", "cat", "dog"], dtype="category")
    assert read((np.zeros((4, 2)), y, ["dog", "cat"])).labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("data", "classes", "told"),
    [
        ((np.zeros((6, 2)), np.arange(6) % 3, NAMES), ["cat", "dog"], "'fox' aren't among"),
        ((np.zeros((6, 2)), np.arange(6) % 3, NAMES), ["dog", "cat", "owl"], "'fox' aren't among"),
        ((np.zeros((6, 2)), np.arange(6) % 3, NAMES[:2]), (), "from 0 to 2, and the data names 2"),
        ((np.zeros((6, 2)), np.arange(6) - 1, NAMES), (), "labels go from -1 to 4"),
        ((np.zeros((6, 2)), ["cat", "dog"] * 3), (), "texts \\('cat', 'dog'\\), whose order isn't"),
        ((np.zeros((6, 2)), ["cat", "dgo"] * 3), NAMES, "'dgo' is none of .*did you mean 'dog'"),
        ((np.zeros((2, 2)), ["cat", None]), NAMES, "texts and None \\(example 1\\)"),
        ((np.zeros((6, 2)), np.arange(6) % 3, set(NAMES)), (), "classes must be a list of names"),
        ((np.zeros((6, 2)), np.arange(6) % 3), set(NAMES), "classes must be a list of"),
        ((np.zeros((6, 2)), np.arange(6) % 3), "cat,dog", "classes must be a list of"),
    ],
)  # fmt: skip
def test_names_that_contradict_are_refused(data: Any, classes: Any, told: str) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3))
    with pytest.raises((DataError, SettingError), match=told) as error:
        holistic.Subject(model, data, classes=classes)
    assert "\n" not in str(error.value)


def test_data_that_names_fewer_classes_than_the_model_has() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))
    x, y = drawn("f4", (12, 2), 0)
    with pytest.raises(SettingError, match="need 4 different class names, got 3"):
        holistic.Subject(model, (x, y, NAMES))


# loaders


def loader(x: Any, y: Any, **settings: Any) -> Any:
    return DataLoader(Pairs(x, y), batch_size=4, **settings)


def test_what_a_loader_would_leave_out_is_studied_and_told() -> None:
    x, y = drawn("f4", (10, 3), 0)
    with pytest.warns(Notice) as told:
        same(read_given(loader(x, y, shuffle=True, drop_last=True)), x, y)
    assert [str(note.message) for note in told] == [
        "the loader would drop its last 2 of 10 examples; they are studied too",
        "the loader shuffles; its examples are read in the data set's order, which indices refer "
        "to",
    ]
    with pytest.warns(Notice, match="sampler leaves out 7 of 10 examples"):
        found = read_given(loader(x, y, sampler=SubsetRandomSampler([7, 2, 5])))
    same(found, x[[2, 5, 7]], y[[2, 5, 7]])
    with pytest.warns(Notice, match="drop its last batch if that isn't full"):
        same(read_given(DataLoader(Stream(x, y), batch_size=4, drop_last=True)), x, y)


class Endless(RandomSampler):
    def __iter__(self) -> Iterator[int]:
        return itertools.cycle(super().__iter__())


@pytest.mark.parametrize(
    "sampler",
    [
        WeightedRandomSampler([1.0] * 10, 10),
        RandomSampler(range(10), replacement=True),
        Endless(range(10), num_samples=5),
        [1, 1, 2],
    ],
)
def test_a_sampler_that_draws_twice_is_refused(sampler: Any) -> None:
    x, y = drawn("f4", (10, 3), 0)
    state = torch.get_rng_state()
    with pytest.raises(DataError, match="draws some of the 10 examples more than once; pass the"):
        read_given(loader(x, y, sampler=sampler))
    assert torch.equal(torch.get_rng_state(), state)


def test_what_a_loader_does_to_a_batch_is_done() -> None:
    x, y = drawn("f4", (10, 3), 0)

    def doubled(examples: list[Any]) -> Any:
        a, b = torch.utils.data.default_collate(examples)
        return a * 2, b

    same(read_given(loader(x, y, collate_fn=doubled)), x * 2, y)
    tensors = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    same(read_given(DataLoader(tensors, 4, collate_fn=doubled)), x * 2, y)


def test_transforms_are_used_as_they_are_and_random_ones_told() -> None:
    x, y = drawn("f4", (10, 3), 0)
    same(read_given(Pairs(x, y, lambda x, y: (x / 2 - 1, y))), x / 2 - 1, y)
    noisy = Pairs(x, y, lambda x, y: (x + torch.rand(()).item() + random.random(), y))
    state = torch.get_rng_state(), random.getstate()
    for data in (noisy, DataLoader(noisy, 4)):
        with pytest.warns(Notice, match="other numbers each time that an example is read"):
            first = read_given(data)
        assert torch.equal(first.inputs, read(data).inputs)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert random.getstate() == state[1]


def test_pictures_are_read_as_a_folder_reads_them() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (8, 5, 4), dtype=np.uint8)
    labels = np.arange(8) % 2
    data = Pairs(grey, labels, lambda x, y: (Image.fromarray(x), int(y)))
    expected = (grey / np.float32(255))[:, None]
    assert torch.equal(read_given(data).inputs, torch.from_numpy(expected))
    lists = [
        ([Image.fromarray(p) for p in part], cut(labels)[i]) for i, part in enumerate(cut(grey))
    ]
    assert torch.equal(read_given(lists).inputs, torch.from_numpy(expected))
    mixed = [(Image.fromarray(grey[0]), 0), (Image.fromarray(np.stack([grey[1]] * 3, -1)), 1)]
    with pytest.raises(DataError, match=r"number 1 has 3 × 5 × 4, those before it 1 × 5 × 4"):
        read_given([*mixed, *mixed])


def test_what_examples_hold_beside_is_told() -> None:
    x, y = drawn("i8", (10, 3), 0)
    told = "'attention_mask' of the data are left out: inputs and labels"
    for data in (
        {"input_ids": x, "attention_mask": x * 0 + 1, "labels": y},
        Pairs(x, y, lambda x, y: {"input_ids": x, "attention_mask": x * 0 + 1, "labels": y}),
    ):
        with pytest.warns(Notice, match=told):
            same(read_given(data), x, y)


# tables


def test_a_table_keeps_its_names_and_widest_numbers() -> None:
    frame = pd.DataFrame({
        "age": [1, 2, 3, 4], "member": [True, False, True, True],
        "size": pd.array([1.5, 2.5, 3.5, 4.5], dtype="Float64"), "target": [0, 1, 0, 1],
    })  # fmt: skip
    found = read_given(frame)
    assert found.features == ("age", "member", "size")
    assert found.inputs.tolist() == [[1, 1, 1.5], [2, 0, 2.5], [3, 1, 3.5], [4, 1, 4.5]]
    whole = read_given(frame.drop(columns="size"))
    assert (whole.inputs.dtype, whole.labels.tolist()) == (torch.int64, [0, 1, 0, 1])
    given = {
        "x": frame.iloc[:, :2].to_numpy(),
        "y": [0, 1, 0, 1],
        "feature_names": ["age", "member"],
    }
    assert read_given(given).features == ("age", "member")
    assert read_given((frame["size"], frame["target"])).features == ("size",)


def test_a_subject_knows_its_columns() -> None:
    x, y = drawn("f4", (20, 3), 0)
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    subject = holistic.Subject(
        nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3)), (frame, y)
    )
    assert subject.feature_names == ("a", "b", "c")
    assert torch.equal(subject.predict(frame[["c", "a", "b"]]), subject.predict(x))
    with pytest.raises(DataError, match=r"must have the subject's columns .*, it lacks 'b'"):
        subject.predict(frame[["a", "c"]])
    with pytest.raises(DataError, match="it has 'd' beside them"):
        subject.predict(frame.assign(d=1.0))
    assert holistic.Subject(subject.model, (x, y)).feature_names == ()


FRAME = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [4.0, 3, 2, 1]})
X, Y = np.zeros((8, 1, 4, 4), "f4"), np.arange(8) % 2


class Countless(Dataset[Any]):
    def __getitem__(self, place: int) -> Any:
        return X[place], Y[place]


def failing() -> Iterator[Any]:
    yield X[0], 0
    raise ValueError("my own fault")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (nn.Linear(2, 2), "data is a model; the order is holistic.Subject\\(model, data\\)"),
        ("folder:pictures", "names like 'digits' and 'folder:PATH' are for the command line"),
        (X, "which has no labels; pass both"),
        (3, "data must be \\(inputs, labels\\), a dictionary of both, a torch Dataset"),
        ({0, 1}, "data must be \\(inputs, labels\\)"),
        ((Y, X), "labels of shape \\(8, 1, 4, 4\\) seem to be in the wrong order"),
        ((pd.Series([0, 1, 0, 1]), FRAME), "wrong order"),
        (((X, Y), (X, Y)), "two data sets, one to train on and one to study; pass the one"),
        ((X, Y, 3), "got 3 things"),
        ({"train": Pairs(X, Y), "test": Pairs(X, Y)}, "as data\\['test'\\]"),
        ({"images": X}, "holds 'images', of which none is known as the labels"),
        ({"images": X, "data": X, "labels": Y}, "'images', 'data' may all be the inputs"),
        (FRAME, "which column holds the labels\\? Of 'a', 'b' none is named .*df.drop\\(columns="),
        ((FRAME, "c"), "has no column 'c'.*; it has 'a', 'b'"),
        ((FRAME.assign(c=list("wxyz")), [0, 1, 0, 1]), "column 'c' holds no numbers .*get_dummies"),
        ((FRAME.where(FRAME > 1), [0, 1, 0, 1]), "column 'a' lacks 1 of 4 values .*row 0"),
        ((FRAME, pd.Series([0, 1, None, 1])), "labels .* lacks 1 of 4 values .*row 2"),
        ((FRAME.rename(columns={"b": "a"}), [0, 1, 0, 1]), "has 'a' more than once"),
        ((FRAME.rename(columns={"b": "x\ny"}), [0, 1, 0, 1]), "can't be shown"),
        ([], "holds no examples"),
        (iter(()), "holds no examples"),
        (DataLoader(Pairs(X[:0], Y[:0])), "holds no examples"),
        (Pairs(X, np.eye(2)[Y]), "labels are one-hot, .*labels.argmax\\(1\\)"),
        (DataLoader(Pairs(X, np.eye(2)[Y]), 4), "labels are one-hot"),
        (zip(X, np.eye(2)[Y], strict=True), "part 0 .* \\(of one-hot labels, label.argmax"),
        (Pairs(X, Y * 1.5), "\\(class indices\\), got torch.float64 with 1.5"),
        (Pairs(X, Y, lambda x, y: x), "part 0 .* is an array of .*must be \\(input, label\\)"),
        (Pairs(X, Y, lambda x, y: (x, y, 3)), "holds 3 things; .*for x, y, \\*_ in data"),
        (Pairs(X, Y, lambda x, y: (None, y)), "images can't be read as such from None"),
        (Pairs(X * np.nan, Y), "8 images hold NaN"),
        ([(X[:4], Y[:4]), (X[4:, :, :3], Y[4:])], "number 4 has 1 × 3 × 4, those before it 1 × 4"),
        ([(X[:4], Y[:4]), (X[4:], Y[4:7])], "part 1 holds inputs .* as many labels as inputs"),
        ([(X[0], 0), (X[1], "cat")], "labels .*texts|labels"),
        (Countless(), "Countless doesn't say how many examples it holds"),
        (itertools.cycle([(X, Y)]), "the data is endless \\(cycle\\)"),
        (failing(), "the data can't be read: ValueError: my own fault"),
    ],
)  # fmt: skip
def test_what_cannot_be_studied_is_told_in_one_line(data: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as error:
        read(data)
    assert "\n" not in str(error.value)


def test_a_generator_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holistic.study.streams._MOST_BYTES", 1 << 20)
    endless = ((X, Y) for _ in itertools.count())
    with pytest.raises(
        DataError, match=r"has given .* examples \(0.0 GB\) and no end; pass a part"
    ):
        read_given(endless)
    monkeypatch.setattr("holistic.study.streams._MOST", 100)
    with pytest.raises(DataError, match="has given 104 examples"):
        read_given((X, Y) for _ in itertools.count())


@pytest.mark.parametrize("form", ["Dataset", "loader", "batches", "IterableDataset"])
def test_there_is_one_copy_of_the_data(form: str) -> None:
    size = 600, 64, 64
    y = np.arange(600) % 3

    class Made:
        """Inputs that are only made when they are asked for."""

        def __len__(self) -> int:
            return 600

        def __getitem__(self, place: Any) -> Any:
            if isinstance(place, slice):
                return np.ones((len(range(*place.indices(600))), *size[1:]), "f4")
            return np.ones(size[1:], "f4")

        def __iter__(self) -> Iterator[Any]:
            return (self[place] for place in range(600))

    rows = [slice(start, start + 50) for start in range(0, 600, 50)]
    made = Made()
    data = ((made[part], y[part]) for part in rows) if form == "batches" else FORMS[form](made, y)
    tracemalloc.start()
    found = read_given(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    own = found.inputs.numel() * 4
    assert own == 600 * 64 * 64 * 4
    assert peak < 1.3 * own
