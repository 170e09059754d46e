"""Are units, sites, edits and numbers of one meaning taken as that, and all others refused?"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import holistic
from holistic.errors import SettingError, SiteError
from test_subject import plain
from zoo import ZOO, make


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return holistic.Subject(make(ZOO["mlp"]), plain(), name="small")


@pytest.fixture(scope="module")
def spatial() -> holistic.Subject:
    case = ZOO["cnn"]
    return holistic.Subject(make(case), (case.images(40), torch.arange(40) % 4))


def mask(count: int, *at: int) -> np.ndarray:
    return np.isin(np.arange(count), at)


SAME_UNITS = [
    [1, 5],
    (5, 1),
    {1, 5},
    range(1, 6, 4),
    [1, 5, 1],
    np.array([1, 5]),
    np.array([1, 5], np.uint8),
    [np.int64(1), torch.tensor(5)],
    torch.tensor([5, 1]),
    mask(12, 1, 5),
    mask(12, 1, 5).tolist(),
    torch.from_numpy(mask(12, 1, 5)),
    pd.Series(mask(12, 1, 5)),
    (u for u in (1, 5)),
]


@pytest.mark.parametrize("units", SAME_UNITS, ids=lambda u: type(u).__name__)
def test_units_are_given_in_many_ways(subject: holistic.Subject, units: Any) -> None:
    expected = subject.predict(edits=[holistic.Zero("2", units=[1, 5])])
    got = subject.predict(edits=[holistic.Zero("2", units=units)])
    assert torch.equal(got, expected)
    assert not torch.equal(got, subject.predict())


@pytest.mark.parametrize("one", [4, np.int64(4), torch.tensor(4), np.array(4)])
def test_a_single_unit_needs_no_list(subject: holistic.Subject, one: Any) -> None:
    expected = subject.predict(edits=[holistic.Zero("2", units=[4])])
    assert torch.equal(subject.predict(edits=[holistic.Zero("2", units=one)]), expected)


@pytest.mark.parametrize("none", [[], (), np.array([]), mask(12), torch.zeros(0)])
def test_no_units_are_no_change(subject: holistic.Subject, none: Any) -> None:
    assert torch.equal(subject.predict(edits=[holistic.Zero("2", units=none)]), subject.predict())


WRONG_UNITS = [
    (mask(11, 1), "a mask of units at site '2' needs 12 truth values, got shape"),
    (mask(12, 1)[:, None], "needs 12 truth values"),
    ([True, 2], "mix truth values and whole numbers"),
    (mask(12, 1, 5).astype(np.uint8), "may be a mask or the indices 0 and 1"),
    (torch.from_numpy(mask(12, 1, 5)).byte(), "may be a mask or the indices 0 and 1"),
    ([-1], "no unit -1 at site '2'; it has units 0 to 11"),
    (12, "no unit 12"),
    ([10**25], "whole numbers"),
    ([1.0], "whole numbers or truth values, got fractions"),
    (torch.arange(3).to_sparse(), "plain tensor, got a tensor of shape .* can't be read"),
    (torch.empty(2, dtype=torch.int64, device="meta"), "plain tensor, got a tensor of shape"),
    (np.ma.masked_array([1, 5], mask=[True, False]), r"with 1 masked; .* \.compressed\(\)"),
    (itertools.count(), "got count of more than 10,000,000"),
    (np.array([1.5]), "got fractions"),
    (2.5, "must be a list of whole numbers"),
    (True, "must be a list of whole numbers"),
    ("1", "must be a list of whole numbers"),
    (["1"], "got texts"),
    ({1: 2}, "must be a list of whole numbers"),
    ([[1, 2], [3, 4]], "one list of whole numbers, got shape"),
    ([[1], [2, 3]], "whole numbers"),
    ([None], "whole numbers"),
    (object(), "must be a list of whole numbers"),
]


@pytest.mark.parametrize(("units", "told"), WRONG_UNITS)
def test_units_that_are_none_are_refused(subject: holistic.Subject, units: Any, told: str) -> None:
    with pytest.raises(SiteError, match=told) as error:
        subject.predict(edits=[holistic.Zero("2", units=units)])
    assert "\n" not in str(error.value)


def test_positions_are_indices_or_masks(spatial: holistic.Subject) -> None:
    expected = spatial.predict(edits=[holistic.Zero("1", positions=[0, 63])])
    whole = np.zeros((8, 8), bool)
    whole[0, 0] = whole[7, 7] = True
    for positions in (
        (63, 0),
        whole,
        whole.ravel(),
        torch.from_numpy(whole),
        torch.tensor([0, 63]),
    ):
        got = spatial.predict(edits=[holistic.Zero("1", positions=positions)])
        assert torch.equal(got, expected)
    for wrong in (mask(63, 1), [64], [-1], [0.0], "0", whole[:7], [[0], [1, 2]]):
        with pytest.raises(SiteError, match="position"):
            spatial.predict(edits=[holistic.Zero("1", positions=wrong)])


def deep() -> holistic.Subject:
    """A model that has a site of two digits beside those of one."""
    layers = [nn.Flatten(), nn.Linear(64, 6), *(nn.ReLU() for _ in range(8)), nn.Linear(6, 5)]
    return holistic.Subject(nn.Sequential(*layers, nn.ReLU(), nn.Linear(5, 4)).eval(), plain())


def test_one_site_is_a_name_and_not_its_letters() -> None:
    subject = deep()
    assert list(subject.capture("10")) == ["10"]
    assert subject.capture("10")["10"].shape == (20, 5)
    assert list(holistic.sweep(subject, "11").column("site")[:1]) == ["11"]
    assert set(holistic.sweep(subject, sites="11").column("site")) == {"11"}
    assert holistic.top_units(subject, 2, sites="11").table.column("site")[0] == "11"
    assert list(subject.capture(subject.site("11"))) == ["11"]
    assert next(subject.capture_batches("11"))[1]["11"].shape == (20, 5)


def test_a_site_named_twice_is_read_once(subject: holistic.Subject) -> None:
    assert subject.capture(["2", "2"])["2"].shape == (20, 12)
    once, twice = holistic.sweep(subject, ["2"]), holistic.sweep(subject, ["2", "2"])
    assert once.column("n").tolist() == twice.column("n").tolist()


@pytest.mark.parametrize("sites", [2, [2], None, [None], {"2": 1}, b"2", [["2"]]])
def test_sites_that_are_no_names_are_refused(subject: holistic.Subject, sites: Any) -> None:
    with pytest.raises(SiteError, match="sites must be names of sites, got"):
        subject.capture(sites)


def test_one_edit_needs_no_list(subject: holistic.Subject) -> None:
    edit = holistic.Zero("2", units=[1])
    assert torch.equal(subject.predict(edits=edit), subject.predict(edits=[edit]))


@pytest.mark.parametrize("edits", ["2", ["2"], holistic.Zero, [holistic.Zero], 3, None, [None], {}])
def test_what_is_no_edit_is_refused(subject: holistic.Subject, edits: Any) -> None:
    with pytest.raises(SettingError, match="edits must be edits such as"):
        subject.predict(edits=edits)


def test_an_edit_is_made_at_one_known_site(subject: holistic.Subject) -> None:
    with pytest.raises(SiteError, match="no site '22'"):
        subject.predict(edits=[holistic.Zero("22")])
    with pytest.raises(SiteError, match="an edit's site must be the name of one, got \\['2'\\]"):
        subject.predict(edits=[holistic.Zero(["2"])])


def test_a_constant_has_a_value_for_each_unit_or_place(spatial: holistic.Subject) -> None:
    row, value = torch.arange(5.0), torch.zeros(8, 8, 5)
    value[3] = 1.0
    images = spatial.evaluation.images
    for given, expected in (
        (row, row.expand(20, 8, 8, 5)),
        (row.numpy(), row.expand(20, 8, 8, 5)),
        (row.tolist(), row.expand(20, 8, 8, 5)),
        (value, value.expand(20, 8, 8, 5)),
        (value[:, :1], value.expand(20, 8, 8, 5)),
        (np.float64(2), torch.full((20, 8, 8, 5), 2.0)),
    ):
        edit = holistic.Constant("1", value=given)
        assert torch.equal(spatial.downstream(images, [edit], ["1"])[1]["1"], expected)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.zeros(8), r"needs a number, or values of shape \(5,\) or \(8, 8, 5\), got \(8,\)"),
        (torch.zeros(8, 5), r"got \(8, 5\)"),
        (torch.zeros(1), r"got \(1,\)"),
        (torch.zeros(20, 8, 8, 5), "values of one example each are a Patch"),
        (torch.zeros(20, 1, 1, 1), r"got \(20, 1, 1, 1\)"),
        (float("nan"), "must be finite"),
        (torch.tensor([0, 0, 0, 0, torch.inf]), "must be finite"),
        ("3", "must be real numbers, got '3'"),
        (None, "must be real numbers, got None"),
        (True, "must be real numbers"),
        (1j, "must be real numbers"),
    ],
)
def test_a_constant_of_another_shape_or_kind_is_refused(
    spatial: holistic.Subject, value: Any, told: str
) -> None:
    with pytest.raises(SettingError, match=told):
        spatial.predict(edits=[holistic.Constant("1", value=value)])


def test_directions_are_arrays_of_any_kind_that_point_somewhere(subject: holistic.Subject) -> None:
    direction = np.linspace(-1, 1, 12)
    for kind in (holistic.Steer, holistic.Erase):
        expected = subject.predict(edits=[kind("2", direction=torch.tensor(direction).float())])
        for given in (direction, direction.tolist(), torch.tensor(direction)):
            got = subject.predict(edits=[kind("2", direction=given)])
            torch.testing.assert_close(got, expected)
        for wrong, told in (
            (np.zeros(12), "can't be all zeros"),
            (np.full(12, np.nan), "must be finite, got NaN"),
            (np.ones(12) * 1j, "must be real numbers"),
            (np.ones((12, 1)), r"needs shape \(12,\) .*, got \(12, 1\)"),
            (3.0, r"needs shape \(12,\)"),
            (None, "got None"),
            ([[1], [2, 3]], "needs shape"),
        ):
            with pytest.raises(SettingError, match=told):
                subject.predict(edits=[kind("2", direction=wrong)])
    for amount in (float("nan"), "2", None, True, torch.ones(2)):
        with pytest.raises(SettingError, match="amount of Steer at '2' must be a finite number"):
            subject.predict(edits=[holistic.Steer("2", direction=direction, amount=amount)])


def test_the_length_of_a_direction_that_is_erased_does_not_matter(
    subject: holistic.Subject,
) -> None:
    direction = torch.linspace(-1, 1, 12)
    expected = subject.predict(edits=[holistic.Erase("2", direction=direction)])
    for factor in (1e-30, 1e30):
        got = subject.predict(edits=[holistic.Erase("2", direction=direction * factor)])
        torch.testing.assert_close(got, expected)


def test_a_patch_has_a_value_for_each_example(subject: holistic.Subject) -> None:
    source = torch.ones(20, 12)
    expected = subject.predict(edits=[holistic.Constant("2", value=1.0)])
    got = subject.predict(edits=[holistic.Patch("2", source=source.numpy())])
    assert torch.equal(got, expected)
    for wrong, told in (
        (torch.ones(21, 12), r"shape \(20, 12\), got \(21, 12\)"),
        (None, "got NoneType"),
        ({"2": source}, "got dict"),
        (source * torch.nan, "must be finite"),
    ):
        with pytest.raises(SettingError, match=told):
            subject.predict(edits=[holistic.Patch("2", source=wrong)])


def test_a_patch_of_more_examples_than_a_batch_is_refused_too(subject: holistic.Subject) -> None:
    """The first batch alone would fit."""
    images = subject.images.repeat(13, 1, 1, 1)[:512]
    with pytest.raises(SettingError, match=r"shape \(512, 12\), got \(600, 12\)"):
        subject.predict(images, [holistic.Patch("2", source=torch.ones(600, 12))])


@pytest.mark.parametrize("seed", [-1, 0.5, None, "1", 2**70, True])
def test_the_seed_of_resampling_is_a_whole_number(subject: holistic.Subject, seed: Any) -> None:
    with pytest.raises(SettingError, match="seed of Resample at '2' must be a whole number"):
        subject.predict(edits=[holistic.Resample("2", seed=seed)])


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda s: holistic.sweep(s, draws=0), "draws must be a whole number from 1 to 10000"),
        (lambda s: holistic.sweep(s, draws=1.5), "draws must be a whole number"),
        (lambda s: holistic.sweep(s, edit="Mean"), "no edit 'Mean' \\(did you mean 'mean'"),
        (lambda s: holistic.sweep(s, edit=None), "no edit None"),
        (lambda s: holistic.sweep(s, split="test"), "no split 'test'"),
        (lambda s: holistic.top_units(s, True), "k must be a whole number"),
        (lambda s: holistic.top_units(s, 2.0), "k must be a whole number"),
        (lambda s: holistic.top_units(s, 10**25), "k must lie in 1 to 20"),
        (
            lambda s: holistic.top_units(s, 2, confidence=float("nan")),
            "confidence must be a finite",
        ),
        (lambda s: holistic.top_units(s, 2, screen=5.5), "screen must be a whole number"),
        (lambda s: next(s.capture_batches("2", batch=2.5)), "batch must be a whole number"),
        (lambda s: next(s.capture_batches("2", batch=0)), "batch must be a whole number"),
    ],
)
def test_numbers_of_functions_are_checked(
    subject: holistic.Subject, ask: Callable[[holistic.Subject], object], told: str
) -> None:
    with pytest.raises(SettingError, match=told):
        ask(subject)


def test_no_sites_are_refused_where_some_are_needed(subject: holistic.Subject) -> None:
    asked = (
        lambda: holistic.sweep(subject, []),
        lambda: holistic.top_units(subject, 1, sites=()),
        lambda: next(subject.capture_batches([])),
    )
    for ask in asked:
        with pytest.raises(SiteError, match="sites must name at least 1, got none"):
            ask()
    assert subject.capture([]) == {}


@pytest.mark.parametrize("ask", [holistic.sweep, lambda m: holistic.audit(m, out="nowhere")])
def test_a_model_is_no_subject(ask: Any) -> None:
    with pytest.raises(SettingError, match=r"must be a holistic.Subject, got Sequential; make one"):
        ask(make(ZOO["mlp"]))
