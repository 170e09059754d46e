"""Are a user's own splits kept, apart from one another and from all other examples?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import holistic
from holistic.errors import DataError
from holistic.lenses._contract import Context
from holistic.lenses.attribution import Attribution
from test_subject import plain
from zoo import ZOO, make

FIRST, SECOND = np.arange(0, 24, 2), np.arange(1, 36, 3)[np.arange(1, 36, 3) % 2 == 1]


def subject(data: tuple[Tensor, Tensor] | None = None, **splits: Any) -> holistic.Subject:
    return holistic.Subject(make(ZOO["mlp"]), data or plain(), **splits)


def mask(at: np.ndarray) -> np.ndarray:
    return np.isin(np.arange(40), at)


@pytest.mark.parametrize(
    ("selection", "evaluation"),
    [
        (FIRST, SECOND),
        (FIRST[::-1], SECOND.tolist()),
        (torch.from_numpy(FIRST.copy()), set(SECOND.tolist())),
        (mask(FIRST), torch.from_numpy(mask(SECOND))),
        (mask(FIRST).tolist(), SECOND.astype(np.uint8)),
        (range(0, 24, 2), tuple(SECOND)),
        ((i for i in FIRST), pd.Index(SECOND)),
        (pd.Series(mask(FIRST)), pd.Series(SECOND, index=SECOND + 3)),
    ],
)
def test_splits_are_indices_or_masks(selection: Any, evaluation: Any) -> None:
    own = subject(selection=selection, evaluation=evaluation)
    assert own.selection_indices.tolist() == FIRST.tolist()
    assert own.evaluation_indices.tolist() == SECOND.tolist()
    images, labels = plain()
    assert torch.equal(own.selection.images, images[torch.from_numpy(FIRST.copy())])
    assert torch.equal(own.evaluation.labels, labels[torch.from_numpy(SECOND)])
    assert own.evaluation.indices.tolist() == SECOND.tolist()
    assert own.predict().shape == (len(SECOND), 4)


def test_one_split_alone_leaves_the_rest_to_the_other() -> None:
    rest = np.setdiff1d(np.arange(40), FIRST)
    one, other = subject(selection=FIRST), subject(evaluation=FIRST)
    assert one.evaluation_indices.tolist() == rest.tolist()
    assert (other.selection_indices.tolist(), other.evaluation_indices.tolist()) == (
        rest.tolist(),
        FIRST.tolist(),
    )


def test_without_splits_every_class_is_halved_as_before() -> None:
    assert torch.bincount(subject().selection.labels).tolist() == [5, 5, 5, 5]
    assert "splits" not in subject().fingerprint


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ({"selection": [0, 1, 2], "evaluation": [2, 3]}, r"share 1 examples \(the first is 2\)"),
        ({"selection": [0, 40]}, r"no example 40 in the data \(selection\); it has examples 0 to"),
        ({"evaluation": [-1, 2]}, r"no example -1 in the data \(evaluation\)"),
        ({"selection": [3, 3, 4]}, r"names 1 examples twice \(the first is 3\)"),
        ({"selection": []}, "selection holds no example of 40"),
        ({"selection": mask(np.array([]))}, "selection holds no example"),
        ({"selection": np.arange(40)}, "evaluation holds no example of 40"),
        ({"selection": mask(FIRST)[:39]}, "a mask of examples .* needs 40 truth values"),
        ({"selection": FIRST / 2}, "examples must be whole numbers or truth values"),
        ({"selection": slice(0, 9)}, r"must be a list of whole numbers, got slice\(0, 9, None\)"),
        ({"selection": torch.arange(9).to_sparse()}, "examples must be a plain tensor"),
        ({"selection": np.ma.masked_array(FIRST, mask=FIRST > 3)}, "masked; leave these out"),
        ({"evaluation": np.arange(4)[:, None]}, r"must be one list of whole numbers, got shape"),
        ({"evaluation": "rest"}, "must be a list of whole numbers, got 'rest'"),
        ({"evaluation": 0.5}, "must be a list of whole numbers, got 0.5"),
    ],
)
def test_splits_that_are_none_are_refused(splits: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told) as error:
        subject(**splits)
    assert "\n" not in str(error.value)


def test_untrained_copies_and_keys_have_the_same_splits(tmp_path: Path) -> None:
    own = subject(selection=FIRST, evaluation=SECOND)
    copy = own.untrained(3)
    assert np.array_equal(copy.selection_indices, FIRST)
    assert np.array_equal(copy.evaluation_indices, SECOND)
    assert copy.fingerprint["splits"] == own.fingerprint["splits"]
    other = subject(selection=FIRST, evaluation=SECOND[:-1])
    assert other.fingerprint["splits"] != own.fingerprint["splits"]
    assert other.fingerprint["data"] == own.fingerprint["data"]
    swapped = subject(selection=SECOND, evaluation=FIRST)
    assert swapped.fingerprint["splits"] != own.fingerprint["splits"]


def test_what_is_in_neither_split_changes_nothing() -> None:
    images, labels = plain()
    others = np.setdiff1d(np.arange(40), np.concatenate([FIRST, SECOND]))
    strange, wrong = images.clone(), labels.clone()
    strange[others], wrong[others] = 1e6, 0
    found: list[list[Any]] = []
    for data in ((images, labels), (strange, wrong)):
        own = subject(data, selection=FIRST, evaluation=SECOND)
        lens = Attribution(examples=8, steps=4, noise_draws=2, fractions=2, random_orders=2)
        tables = [holistic.sweep(own, edit="resample")]
        tables += [one.table for one in lens.run(own, Context())]
        found.append([row for table in tables for row in table.rows()])
        own.check_finite()
    for one, other in zip(*found, strict=True):
        assert {k: str(v) for k, v in one.items()} == {k: str(v) for k, v in other.items()}


@pytest.mark.parametrize("split", ["selection", "evaluation"])
def test_a_class_may_be_absent_from_a_split(split: str) -> None:
    """It has no effects where it isn't measured, and no mean where it isn't chosen on."""
    without = np.flatnonzero(plain()[1].numpy()[:20] != 3)
    rest = np.arange(20, 40)
    sides = (without, rest) if split == "selection" else (rest, without)
    own = subject(selection=sides[0], evaluation=sides[1])
    rows = holistic.sweep(own, ["2"]).where(class_="3")
    assert set(rows.column("n")) == {0 if split == "evaluation" else 5}
    assert bool(own.mean("2").isfinite().all())
    value = own.capture("2", own.selection.images)["2"].double()
    present = own.selection.labels.unique()
    means = torch.stack([value[own.selection.labels == c].mean(0) for c in present])
    torch.testing.assert_close(own.mean("2"), means.mean(0).float())
