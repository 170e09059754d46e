"""Regions: a class that is read off one of two parts is told from one read off both, or neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import holistic
import slow_attribution as slow
from holistic.attributing.elsewhere import inked_elsewhere, moved, sets_elsewhere
from holistic.attributing.erasing import Eraser, Plane, erased
from holistic.attributing.fills import fills
from holistic.errors import SettingError
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._class_regions import parts_of
from holistic.lenses.attribution.regions import regions_finding
from holistic.lenses.attribution.regions_statements import NONE, places
from holistic.lenses.attribution.schemas import RegionRow
from holistic.progress import silent
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from made import a_row
from planted_attribution import (
    PATCHES,
    STROKES,
    columns,
    patches,
    stretches,
    strokes,
)
from zoo import ZOO, make


def found(subject: holistic.Subject, **changed: Any) -> Finding:
    return regions_finding(subject, Attribution(**changed), silent)


def sure(finding: Finding, class_: str = "1") -> dict[str, RegionRow]:
    """Regions that a class rests on, by where they lie."""
    rows = finding.table.where(class_=class_).rows(RegionRow)
    return {
        row.place: row
        for row in rows
        if (row.difference.q or 1) < 0.05 and (row.difference.value or 0) < 0
    }


@pytest.mark.parametrize(
    "read", [("upper bar",), ("upper bar", "lower left stem"), ("lower right stem",), ()]
)
def test_of_strokes_those_are_named_that_a_class_is_read_off(read: tuple[str, ...]) -> None:
    finding = found(strokes(*read))
    assert set(finding.table.where(class_="1").column("place")) == set(STROKES)
    assert set(sure(finding)) == set(read)
    for k, row in enumerate(finding.table.where(class_="1").rows(RegionRow)):
        assert row.region == k
        assert row.share == pytest.approx(1 / 3, abs=0.03)
        mask = finding.arrays["attribution.region_masks"][
            [*finding.table.column("class")].index("1") + k
        ]
        assert mask[STROKES[row.place]].all()
    first = f'"1" rests on its {read[0]}' if len(read) == 1 else NONE if not read else '"1" rests'
    assert first in " ".join(finding.statements)


def test_which_of_two_regions_a_class_rests_on_more_is_tested_on_the_same_images() -> None:
    finding = found(strokes("lower left stem"))
    first, second, third = finding.table.where(class_="1").rows(RegionRow)
    assert first.place == "lower left stem"
    assert (first.beyond_next.q or 1) < 1e-3
    assert first.beyond_next.value == pytest.approx(first.effect.value - second.effect.value)
    assert second.beyond_next.value == pytest.approx(0, abs=1e-4)
    assert third.beyond_next.value is None
    said = [line for line in finding.statements if "more than on its" in line]
    assert len(said) == 1
    assert said[0].startswith('"1" rests on its lower left stem more than on its')


@pytest.mark.parametrize("read", [("upper left",), ("upper left", "lower right"), ()])
def test_of_patches_in_noise_those_are_named_that_a_class_is_read_off(
    read: tuple[str, ...],
) -> None:
    finding = found(patches(*read))
    named = sure(finding)
    assert set(finding.table.where(class_="1").column("place")) >= {f"{n} part" for n in PATCHES}
    assert {place for place in named if place[:-5] in PATCHES} == {f"{n} part" for n in read}
    for mask, row in zip(
        finding.arrays["attribution.region_masks"], finding.table.rows(RegionRow), strict=True
    ):
        if row.place[:-5] in read:
            inside = mask[PATCHES[row.place[:-5]]].sum()
            assert inside / (16 + mask.sum() - inside) > 0.5
            assert row.share == pytest.approx(mask.mean())


def test_of_a_series_the_stretch_and_of_a_table_the_features_are_named() -> None:
    ((stretch, row),) = sure(found(stretches())).items()
    start, end = (int(n) for n in stretch.removeprefix("steps ").split(" to "))
    assert set(range(start, end + 1)) & set(range(4, 10))
    assert not set(range(start, end + 1)) & set(range(25, 31))
    assert row.share < 0.25
    named = sure(found(columns()))
    assert {"a, b"} <= set(named) <= {"a", "b", "a, b"}
    assert named["a, b"].next_region == 3  # the next one that shares no feature
    assert named["a, b"].effect.value < min(named[n].effect.value for n in named if n != "a, b")


def test_changes_equal_plain_loops_of_the_same_erasures() -> None:
    subject = strokes("upper bar", "lower right stem")
    examples, region = subject.evaluation.at(np.arange(9)), np.zeros((18, 16), bool)
    region[1:5, 2:9] = True
    eraser = Eraser.of(subject, 3)
    others = eraser.others(examples, np.broadcast_to(region, (9, 18, 16)).copy(), None)
    result = erased(subject, examples, region, eraser)
    labels = examples.labels.tolist()
    for i, (image, label) in enumerate(zip(examples.images, labels, strict=True)):
        own = slow.margin_without(subject.model, image, label, region, 0.0)
        control = [slow.margin_without(subject.model, image, label, m[i], 0.0) for m in others]
        np.testing.assert_allclose(result.change[i], own, atol=1e-4)
        np.testing.assert_allclose(result.elsewhere[i], np.mean(control), atol=1e-4)
        ink = slow.ink(image, 0.0)
        for mask in others[:, i]:
            assert abs(ink[mask].sum() - ink[region].sum()) <= ink.max()
            assert slow.pieces(mask) <= 1
            assert not (mask & region).any()


@pytest.mark.parametrize("name", ["mlp", "cnn", "residual", "vit"])
@pytest.mark.parametrize("seed", [0, 1])
def test_of_random_networks_erasing_is_what_a_run_by_hand_gives(name: str, seed: int) -> None:
    case = ZOO[name] if name in ZOO else ZOO["mlp"]
    images = case.images(40)
    subject = holistic.Subject(make(case, seed), (images, torch.arange(40) % 4))
    rng = np.random.default_rng(seed)
    region = np.zeros(Plane.of(subject).size, bool)
    top, left = (int(rng.integers(0, n - 2)) for n in region.shape)
    region[top : top + 3, left : left + 2] = True
    finding = holistic.region(subject, region, draws=4)
    everyone, fill = subject.evaluation, fills(subject)[0].value
    with torch.no_grad():
        gone = torch.where(torch.from_numpy(region), fill, everyone.images)
        scores = [
            slow.margin(subject.model(x[None])[0], label) for one in (everyone.images, gone)
            for x, label in zip(one, everyone.labels.tolist(), strict=True)
        ]  # fmt: skip
    before, after = np.split(np.array([float(s) for s in scores]), 2)
    (row,) = finding.table.where(class_="all").rows()
    np.testing.assert_allclose(row["effect"], (after - before).mean(), rtol=1e-3, atol=1e-5)
    eraser = Eraser.of(subject, 4)
    others = eraser.others(
        everyone,
        np.broadcast_to(region, (len(everyone), *region.shape)).copy(),
        eraser.pool(region),
    )
    for mask in others.reshape(-1, *region.shape):
        assert mask.sum() == region.sum()
        assert slow.pieces(mask) == 1
        assert not (mask & region).any()


@pytest.mark.parametrize("seed", range(6))
def test_ink_elsewhere_is_connected_apart_and_as_much(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ink = rng.random((14, 14)) * (rng.random((14, 14)) < 0.6)
    region = np.zeros((14, 14), bool)
    region[: 3 + seed, : 2 + seed] = True
    for mask in inked_elsewhere(ink[None], region[None], 6, [rng])[:, 0]:
        wanted = ink[region].sum()
        assert abs(ink[mask].sum() - wanted) <= 2 * ink.max()
        strong = mask & (ink > 0.25 * ink.max())
        assert slow.pieces(strong) == 1
        assert not (strong & region).any()
    nothing = inked_elsewhere(np.zeros((1, 5, 5)), np.eye(5, dtype=bool)[None], 2, [rng])
    assert not nothing.any()


def test_large_regions_have_controls_of_their_size_and_sets_of_features_too() -> None:
    rng = np.random.default_rng(0)
    large = np.ones((8, 8), bool)
    large[:, 6:] = False
    for mask in moved(large, 5, rng):
        assert mask.sum() == large.sum()
        assert mask[:, 6:].all()  # what is outside of it goes first
    corner = np.zeros((8, 8), bool)
    corner[:2, :3] = True
    copies = moved(corner, 20, rng)
    assert len(copies) == 20
    assert len(np.unique(copies.reshape(20, -1), axis=0)) == 20
    few = np.array([[True, True, False, False, False]])
    sets = sets_elsewhere(few, 50, rng)
    assert len(sets) == 3
    assert not sets[:, 0, :2].any()
    most = sets_elsewhere(~few, 50, rng)
    assert (most.sum((1, 2)) == 3).all()
    assert most[:, 0, :2].all()


def test_maps_are_cut_at_their_valleys_and_what_is_too_large_in_two() -> None:
    down, across = np.mgrid[:24, :24]
    hills = [np.exp(-((down - y) ** 2 + (across - x) ** 2) / 18) for y, x in ((6, 6), (6, 17))]
    two = parts_of(hills[0] + 0.8 * hills[1], 5)
    assert len(two) >= 2
    assert two[0][6, 6] != two[0][6, 17]
    bar = np.zeros((24, 24))
    bar[11:13, 2:22] = 1
    assert len(parts_of(bar, 9)) == 1
    halves = parts_of(bar, 9, ink=True)
    assert len(halves) >= 2
    assert sum(half.sum() for half in halves) == 40
    assert not np.any(np.sum(halves, 0) > 1)
    assert parts_of(np.zeros((4, 4)), 3) == []


def test_places_are_told_apart_by_where_they_lie() -> None:
    masks = np.zeros((2, 30, 30), bool)
    masks[0, 12:14, 12:14] = masks[1, 16:18, 15:17] = True
    assert places(masks, np.ones((30, 30), bool)) == ["centre, further up", "centre, further down"]
    small = np.zeros((30, 30), bool)
    small[12:18, 12:17] = True
    assert places(masks, small) == ["upper left part", "lower right part"]


def test_a_user_s_region_names_classes_features_and_single_examples() -> None:
    subject = strokes("upper bar")
    mask = np.zeros((18, 16), bool)
    mask[STROKES["upper bar"]] = True
    finding = holistic.region(subject, mask)
    rows = {row["class"]: row for row in finding.table.rows()}
    assert list(rows) == ["0", "1", "all"]
    assert rows["1"]["q"] < 1e-3
    assert rows["1"]["drop"] == 1
    assert rows["1"]["drop_control"] < 0.1
    assert rows["0"]["effect"] == 0
    assert "'1'" in finding.statements[1]
    each = np.broadcast_to(mask, (len(subject.evaluation), 18, 16))
    same = holistic.region(subject, torch.from_numpy(each.copy()), classes="1")
    assert same.table.column("effect")[0] == pytest.approx(rows["1"]["effect"])
    assert holistic.region(subject, mask.astype(np.float32), classes=[1]).table.column("n")[0] > 30
    table = columns()
    by_name = holistic.region(table, ["a", "b"]).table.where(class_="1")
    by_mask = holistic.region(table, np.array([1, 1, 0, 0, 0, 0])).table.where(class_="1")
    assert by_name.column("effect") == by_mask.column("effect")
    assert by_name.column("q") < 1e-3
    series = holistic.region(stretches(), np.arange(40) // 6 == 1)
    assert series.table.where(class_="1").column("difference") < 0


@pytest.mark.parametrize(
    ("mask", "changed", "message"),
    [
        (np.ones((3, 3)), {}, "mask must be true somewhere, of shape '(18, 16)'"),
        (np.zeros((18, 16)), {}, "mask must be true somewhere"),
        (np.full((18, 16), 0.5), {}, "mask must be true somewhere"),
        (["age"], {}, "no feature 'age'; the data has no names"),
        (np.ones((18, 16)), {"classes": "7"}, "no class '7'"),
        (np.ones((18, 16)), {"draws": 0}, "draws must be"),
    ],
)
def test_what_makes_no_sense_is_refused(mask: Any, changed: Any, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        holistic.region(strokes(), mask, **changed)
    assert message in str(caught.value)


def test_texts_have_no_regions_and_are_told_where_to_look() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.ReLU(), nn.Linear(12, 2)).eval()
    subject = holistic.Subject(model, (torch.randint(5, (20, 3)), torch.arange(20) % 2))
    with pytest.raises(SettingError, match=r"attribution\.words"):
        holistic.region(subject, np.ones(3))


def test_statements_name_features_as_they_are_called() -> None:
    gap = Estimate(-1.0, -1.5, -0.5, p=1e-4, q=1e-4)
    effect = Estimate(-2.0, -2.5, -1.5, control=-1.0)
    row = a_row(RegionRow, class_="7", region=0, place="age", effect=effect, difference=gap)
    from holistic.lenses.attribution.regions_statements import rests

    assert rests(row) == (
        '"7" rests on age: erasing it changes the score by -2.00, as much elsewhere by -1.00.'
    )
