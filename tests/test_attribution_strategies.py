"""Are classes that are recognised in two ways found, and others left alone?"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.lenses._parts import known
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._strategies import parted, valley_p
from holistic.lenses.attribution.answers import class_
from holistic.lenses.attribution.claims import strategies
from holistic.lenses.attribution.schemas import StrategyRow
from holistic.lenses.attribution.strategies import strategies_finding
from holistic.lenses.attribution.strategies_statements import NONE, stands
from holistic.progress import silent
from holistic.results.claims import Claim
from holistic.results.findings import Finding
from holistic.results.folder import Folder

SIDE, N = 12, 600
CORNERS = {0: (1, 1), 1: (8, 8)}
"""Where the marks of class 0 lie; that of class 1 lies in the middle."""


def planted(two: bool, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Noise with a bright square: class 0 in one of two corners, or always in the same one."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0, 0.25, (N, 1, SIDE, SIDE)).astype(np.float32)
    labels, way = rng.integers(0, 3, N), rng.integers(0, 2, N) if two else np.zeros(N, int)
    for image, label, one in zip(images, labels, way, strict=True):
        top, left = {0: CORNERS[int(one)], 1: (5, 5)}.get(int(label), (0, 0))
        if label < 2:
            image[0, top : top + 3, left : left + 3] += 1.5
    return torch.from_numpy(images), torch.from_numpy(labels), way


def trained(kind: str, images: torch.Tensor, labels: torch.Tensor) -> nn.Module:
    torch.manual_seed(1)
    body = (
        [nn.Flatten(), nn.Linear(SIDE * SIDE, 48), nn.ReLU(), nn.Linear(48, 3)]
        if kind == "mlp"
        else [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
              nn.Linear(8 * SIDE * SIDE // 4, 3)]
    )  # fmt: skip
    model = nn.Sequential(*body)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    return model.eval()


def found(kind: str, two: bool) -> tuple[Finding, holistic.Subject]:
    images, labels, _ = planted(two)
    subject = holistic.Subject(trained(kind, images, labels), (images, labels), seed=0)
    return strategies_finding(subject, Attribution(), silent), subject


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_a_class_of_two_marks_has_two_strategies_each_at_its_own(kind: str) -> None:
    finding, _ = found(kind, two=True)
    rows = list(finding.table.rows(StrategyRow))
    assert [row.class_ for row in rows] == ["0", "0"]
    masks = finding.arrays["attribution.strategy_masks"]
    hit = set[int]()
    for row, mask in zip(rows, masks, strict=True):
        inside = [mask[t : t + 3, x : x + 3].sum() for t, x in CORNERS.values()]
        hit.add(int(np.argmax(inside)))
        assert max(inside) >= 5
        assert max(inside) >= 0.5 * mask.sum()
        assert stands(row)
        assert abs(row.share - 0.5) < 0.15
        assert known(row.effect.value) < -1 < row.other_effect
        assert row.n + row.others == rows[0].n + rows[0].others
    assert hit == {0, 1}
    (says,) = finding.statements
    assert "rest on its" in says
    assert len(says.split()) <= 25
    assert [claim.holds for claim in asked_of(finding)] == [True, False, False]
    (line,) = class_(cast("Folder", {finding.name: finding.table}), "0")
    assert line.words == says
    assert not list(class_(cast("Folder", {finding.name: finding.table}), "1"))


def asked_of(finding: Finding) -> list[Claim]:
    audit = SimpleNamespace(provenance={"classes": ["0", "1", "2"]})
    return list(strategies(finding, cast("Folder", audit)))


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_classes_of_one_mark_have_one(kind: str) -> None:
    finding, _ = found(kind, two=False)
    assert len(finding.table) == 0
    assert finding.statements == (NONE,)
    assert [claim.holds for claim in asked_of(finding)] == [False] * 3


SHAPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "skewed": lambda rng, n: rng.exponential(size=n),
    "heavy": lambda rng, n: rng.standard_t(2, n),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_one_peak_seldom_has_a_valley(shape: str) -> None:
    rng, low = np.random.default_rng(0), 0
    for _ in range(400):
        places = np.sort(rng.choice(SHAPES[shape](rng, 50), 2, replace=False))
        low += valley_p(SHAPES[shape](rng, 45), *places) < 0.05
    assert low <= 0.07 * 400


def test_the_p_of_a_valley_is_the_larger_of_two_binomial_tails() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        values, (low, high) = rng.normal(size=30), np.sort(rng.normal(size=2))
        bands = [0, 0, 0]
        for value in values:
            for k, middle in enumerate((low, (low + high) / 2, high)):
                bands[k] += abs(value - middle) <= (high - low) / 6
        tails = [
            sum(math.comb(bands[1] + side, i) for i in range(bands[1] + 1)) / 2 ** (bands[1] + side)
            for side in (bands[0], bands[2])
        ]
        assert valley_p(values, low, high) == pytest.approx(max(tails))


def test_maps_part_as_often_as_there_are_groups_of_them() -> None:
    rng = np.random.default_rng(2)
    for groups in (1, 2, 3, 4):
        middles = 6 * np.eye(9)[:groups]
        sides = [
            (which := rng.integers(0, groups, 200), middles[which] + rng.normal(0, 0.5, (200, 9)))
            for _ in range(2)
        ]
        one = parted(sides[0][1], sides[1][1], 0)
        assert one.count == groups
        for labels, (which, _) in zip((one.chosen, one.tested), sides, strict=True):
            assert len({*zip(labels.tolist(), which.tolist(), strict=True)}) == groups


def test_one_blob_however_long_is_one() -> None:
    rng, several = np.random.default_rng(3), 0
    for _ in range(60):
        spread = np.array([3.0, *[0.3] * 8])  # resamples agree on where it is cut
        sides = [rng.normal(size=(80, 9)) * spread for _ in range(2)]
        several += parted(sides[0], sides[1], 0).count > 1
    assert several <= 6
