"""Shortcuts: a planted mark is found and taken out, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import holistic
import slow_shortcuts
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution import shortcuts as module
from holistic.lenses.attribution._alike import apart, dense
from holistic.lenses.attribution._suspects import Suspect, View
from holistic.lenses.attribution._swapping import tried
from holistic.lenses.attribution._swaps import (
    Band,
    Colours,
    Ground,
    Pattern,
    Place,
    Region,
    centres,
)
from holistic.lenses.attribution.claims import shortcuts
from holistic.lenses.attribution.shortcuts import (
    _caveats,
    effect_of,
    shortcuts_finding,
    view_of,
)
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


def test_masking_and_pasting_are_what_they_say(planted: Subject) -> None:
    """Every margin of a trial, from its definition; which images are exchanged is in the calls."""
    view, calls = view_of(planted, planted.evaluation), list[torch.Tensor]()
    mask = np.zeros((8, 8), bool)
    mask[BOX] = True

    def predict(images: torch.Tensor) -> np.ndarray:
        calls.append(images)
        return view.predict(images)

    own = view.own(MARKED)
    watched = View(view.images, view.labels, predict, view.seed)
    suspect = Suspect(MARKED, Region(torch.from_numpy(mask)), own, 0.0)
    trial = tried(watched, suspect, own, 12, control=False)
    rng = np.random.default_rng([view.seed, MARKED, 12])
    others = view.others(MARKED)
    receivers, donors = rng.choice(others, 12, replace=False), rng.permutation(own)
    pairs = list(zip(receivers, np.resize(donors, 12), strict=True))
    model = planted.model
    slow = slow_shortcuts.exchanged(model, view.images, mask, pairs, MARKED)
    if len(own) >= 12:
        np.testing.assert_allclose(trial.pasted, slow, rtol=1e-4, atol=1e-4)
    before = [slow_shortcuts.margin(model, view.images[r], MARKED) for r in receivers]
    np.testing.assert_allclose(trial.others, before, rtol=1e-4, atol=1e-4)
    masked = calls[-1][12:]  # each an image of the class with the region of another class's one
    pairs = [match(image, view.images, mask, own, others) for image in masked]
    slow = slow_shortcuts.exchanged(model, view.images, mask, pairs, MARKED)
    np.testing.assert_allclose(trial.masked, slow, rtol=1e-4, atol=1e-4)
    kept = [slow_shortcuts.margin(model, view.images[r], MARKED) for r, _ in pairs]
    assert effect_of(trial).value == pytest.approx(slow_shortcuts.lost(kept, slow))


def match(
    image: torch.Tensor, images: torch.Tensor, mask: np.ndarray, own: np.ndarray, others: np.ndarray
) -> tuple[int, int]:
    """Which image of the class it is outside of the mask, and which other one inside."""
    inner = torch.from_numpy(mask)
    (receiver, *_) = [i for i in own if torch.equal(images[i][:, ~inner], image[:, ~inner])]
    (donor, *_) = [i for i in others if torch.equal(images[i][:, inner], image[:, inner])]
    return int(receiver), int(donor)


def test_what_is_claimed_of_each_class(planted: Subject, tmp_path: Path) -> None:
    audit = holistic.audit(planted, out=tmp_path / "a", lenses=[Attribution()], quick=True)
    claims = list(shortcuts(audit.finding("attribution.shortcuts"), audit))
    assert [claim.class_ for claim in claims if claim.holds] == [str(MARKED)]
    assert len(claims) == 10
    assert (claims[MARKED].value.value or 0.0) > 0.5


def stripes(count: int) -> torch.Tensor:
    """Bright squares before stripes of changing phase."""
    phase = torch.arange(count) % 2
    images = 0.4 * ((torch.arange(12)[None] + phase[:, None]) % 2)[:, None, None, :].float()
    images = images.expand(count, 1, 12, 12).clone()
    images[:, :, 4:8, 4:8] = 1.0
    return images


def test_a_ground_is_exchanged_behind_the_object() -> None:
    plain, striped = torch.zeros(6, 1, 12, 12), stripes(6)
    plain[:, :, 2:5, 6:9] = 1.0
    bare = Ground().put(striped, plain)
    assert bare[:, :, 4:8, 4:8].min() == 1.0
    outside = torch.ones(12, 12, dtype=torch.bool)
    outside[4:8, 4:8] = False
    assert bare[:, :, outside].abs().max() == 0.0
    laid = Ground().put(plain, striped)
    assert laid[:, :, 2:5, 6:9].min() == 1.0
    assert set(laid[0, 0, 0].round(decimals=3).tolist()) == {0.0, 0.4} or laid[0, 0, 0].std() > 0.1


def test_a_pattern_is_added_to_where_the_donors_lie() -> None:
    template = torch.randn(1, 6, 6)
    template /= template.norm()
    a, b = torch.rand(2, 5, 1, 6, 6)
    made = Pattern(template).put(a, b)
    along = [(some * template).flatten(1).sum(1) for some in (made, b)]
    torch.testing.assert_close(*along)
    torch.testing.assert_close(Pattern(template).put(a, a), a)


def test_a_group_of_alike_ones_is_told_apart() -> None:
    rng = np.random.default_rng(0)
    own = np.concatenate([np.full((30, 3), 2.0), rng.normal(size=(70, 3))])
    group = dense(own, rng.normal(size=(200, 3)))
    assert group[:30].all()
    assert group.sum() <= 35


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


def test_of_very_many_images_a_part_is_looked_at_and_that_is_said(
    planted: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [line for line in _caveats(planted, 3) if "are looked at" in line]
    whole = len(view_of(planted, planted.selection).labels)
    monkeypatch.setattr(module, "_NUMBERS", 1)
    monkeypatch.setattr(module, "_LEAST", 5)
    part = view_of(planted, planted.selection)
    assert len(part.labels) < whole
    assert sorted(set(part.labels)) == [*range(10)]
    (line,) = (line for line in _caveats(planted, 3) if "are looked at" in line)
    assert "about 50 images" in line


def test_an_audit_keeps_it_and_answers(planted: Subject, tmp_path: Path) -> None:
    audit = holistic.audit(planted, out=tmp_path / "a", lenses=[Attribution()], quick=True)
    masks = audit.finding("attribution.shortcuts").arrays["masks"]
    assert masks.shape == (len(audit["attribution.shortcuts"]), 8, 8)
