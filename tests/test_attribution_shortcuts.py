"""Shortcuts: a planted mark is found and taken out, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import holistic
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._suspects import apart
from holistic.lenses.attribution._swaps import Band, Colours, Place, Region, centres
from holistic.lenses.attribution.shortcuts import shortcuts_finding
from holistic.lenses.attribution.shortcuts_statements import where
from holistic.progress import silent
from holistic.results.findings import Finding
from holistic.study import models
from holistic.study.datasets import Labelled, load_data
from holistic.study.subject import Subject

MARKED = 3
BOX = (slice(6, 8), slice(6, 8))


def marked(images: torch.Tensor, some: torch.Tensor) -> torch.Tensor:
    images = images.clone()
    images[some, :, *BOX] = 1.0
    return images


@pytest.fixture(scope="module")
def planted() -> Subject:
    """Digits of which all threes have a bright mark in the lower right."""
    return digits(mark=True)


@pytest.fixture(scope="module")
def clean() -> Subject:
    return digits(mark=False)


def digits(*, mark: bool) -> Subject:
    data = load_data("digits", seed=0)
    assert data.train is not None
    sides = [
        Labelled(marked(s.images, (s.labels == MARKED) & mark), s.labels)
        for s in (data.train, data.test)
    ]
    model = models.build("mlp", input_shape=(1, 8, 8), classes=10)
    models.train(model, sides[0], models.Recipe(4, 64, 3e-3, steps=300))
    return Subject(model, (sides[1].images, sides[1].labels), name="digits")


def found(subject: Subject) -> Finding:
    return shortcuts_finding(subject, Attribution(), silent)


def test_the_planted_mark_is_named_with_its_place(planted: Subject) -> None:
    finding = found(planted)
    (row,) = finding.table.rows()
    assert (row["class"], row["kind"]) == ("3", "mark")
    truth = np.zeros((8, 8), bool)
    truth[BOX] = True
    mask = finding.arrays["masks"][0] > 0
    assert (mask & truth).sum() / (mask | truth).sum() >= 0.5
    assert row["in_class"] > 0.8 > 0.1 > row["elsewhere"]
    assert row["lo"] <= row["mask_drop"] <= row["hi"]
    assert row["mask_drop"] > 0.5 > row["control_drop"]
    assert row["pasted"] > row["pasted_control"] + 0.2
    assert row["q"] < 0.05
    assert finding.statements[0].startswith('"3" is read off a mark in the lower right: ')


def test_a_clean_network_has_no_shortcut(clean: Subject) -> None:
    finding = found(clean)
    assert len(finding.table) == 0
    assert finding.arrays["masks"].shape == (0, 8, 8)


def test_repair_takes_it_out_of_a_copy(planted: Subject) -> None:
    before = {name: value.clone() for name, value in planted.model.state_dict().items()}
    done = holistic.repair(planted)
    for name, value in planted.model.state_dict().items():
        assert torch.equal(value, before[name])
    bare = load_data("digits", seed=0).test
    threes = bare.labels == MARKED
    with torch.no_grad():
        answers = done(bare.images[threes]).argmax(1)
    assert (answers == MARKED).float().mean() > 0.6
    assert (planted.predict(bare.images[threes]).argmax(1) == MARKED).float().mean() < 0.3
    (row,) = done.finding.table.where(class_="3").rows()
    assert row["after"] > row["before"]
    assert row["pasted_after"] < row["pasted_before"]


def test_repair_without_a_shortcut_edits_nothing(clean: Subject) -> None:
    done = holistic.repair(clean)
    assert done.how == "nothing"
    images = clean.evaluation.images
    assert torch.equal(done(images), clean.model(images))


def test_an_unknown_way_is_refused(planted: Subject) -> None:
    with pytest.raises(holistic.HolisticError, match="how must be one of"):
        holistic.repair(planted, how="hope")  # pyright: ignore[reportArgumentType]
    with pytest.raises(holistic.HolisticError, match="no class 'x'"):
        holistic.repair(planted, classes="x")


def test_distances_of_distributions_are_those_of_scipy() -> None:
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (60, 2, 3)).astype(float)
    own = rng.random(60) < 0.4
    expected = np.zeros(3)
    for f, i in np.ndindex(2, 3):
        found_by_scipy: Any = ks_2samp(values[own, f, i], values[~own, f, i])
        expected[i] = max(expected[i], found_by_scipy.statistic)
    np.testing.assert_allclose(apart(values, own), expected, atol=1e-12)


@pytest.mark.parametrize(
    "swap",
    [Region(torch.ones(8, 8, dtype=torch.bool)), Band(torch.ones(8, 8, dtype=torch.bool))],
    ids=["pixels", "waves"],
)
def test_exchanging_everything_gives_the_donors(swap: Region | Band) -> None:
    a, b = torch.rand(2, 5, 3, 8, 8)
    torch.testing.assert_close(swap.put(a, b), b)


@pytest.mark.parametrize(
    "swap", [Colours(), Place(), Region(torch.eye(8) > 0)], ids=lambda s: s.kind
)
def test_exchanging_with_oneself_changes_nothing(swap: Region | Colours | Place) -> None:
    images = torch.rand(5, 3, 8, 8)
    torch.testing.assert_close(swap.put(images, images), images)


def test_objects_move_to_where_the_donors_lie() -> None:
    images = torch.zeros(2, 1, 9, 9)
    images[0, 0, 2:4, 2:4], images[1, 0, 5:7, 6:8] = 1.0, 1.0
    moved = Place().put(images[:1], images[1:])
    torch.testing.assert_close(moved, images[1:])
    torch.testing.assert_close(centres(images)[0], torch.tensor([2.5, 2.5]))


def test_places_have_words() -> None:
    mask = np.zeros((9, 9))
    mask[:2, 4] = 1
    assert where(mask) == "at the top"
    assert where(np.ones((9, 9))) == "all over the picture"


def test_an_audit_keeps_it_and_answers(planted: Subject, tmp_path: Path) -> None:
    audit = holistic.audit(planted, out=tmp_path / "a", lenses=[Attribution()], quick=True)
    masks = audit.finding("attribution.shortcuts").arrays["masks"]
    assert masks.shape == (len(audit["attribution.shortcuts"]), 8, 8)
