"""Maps of evidence: exact changes, planted truths, and what erasing means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.attributing.fills import fills
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._windows import Window, windows
from holistic.lenses.attribution.evidence import evidence_finding
from holistic.lenses.attribution.schemas import EvidenceRow
from holistic.progress import silent
from holistic.results.findings import Finding
from holistic.study.subject import Subject

SIDE = 12


class Corner(nn.Module):
    """Class 1 by the mean of the upper left 3 × 3 pixels, class 2 by that of the lower right."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(SIDE * SIDE, 3)
        where = torch.zeros(3, SIDE, SIDE)
        where[1, :3, :3], where[2, -3:, -3:] = 1.0, 1.0
        self.read.weight.data = where.flatten(1)
        self.read.bias.data = torch.tensor([1.0, 0.0, 0.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.read(x.flatten(1)))


def drawn(background: float = 0.0, ink: float = 1.0, count: int = 240) -> holistic.Subject:
    """Images with ink in the corner of their class, and in random pixels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 3
    on = torch.rand(count, 1, SIDE, SIDE, generator=generator) < 0.2
    mostly = torch.rand(on.shape, generator=generator) < 0.9
    on[labels == 1, :, :3, :3] = mostly[labels == 1, :, :3, :3]
    on[labels == 2, :, -3:, -3:] = mostly[labels == 2, :, -3:, -3:]
    images = torch.where(on, ink, background)
    return Subject(Corner(), (images, labels), classes=["none", "first", "last"])


def found(subject: Subject, **settings: int) -> Finding:
    return evidence_finding(subject, Attribution(**settings), silent)


def rows_of(finding: Finding, label: str, kind: str) -> list[EvidenceRow]:
    return [r for r in finding.table.rows(EvidenceRow) if (r.class_, r.kind) == (label, kind)]


def test_the_planted_corner_is_found_and_nothing_else() -> None:
    rows = rows_of(found(drawn()), "first", "erase")
    hurt = [r for r in rows if r.effect.hi is not None and r.effect.hi < 0]
    assert hurt
    assert all(r.top < 3 and r.left < 3 for r in hurt)
    far = [r for r in rows if 3 <= r.top < SIDE - 4 and 3 <= r.left < SIDE - 4]
    assert far
    assert all(r.effect.value == 0 for r in far)


def test_the_sentence_names_the_corners() -> None:
    text = found(drawn()).statements[0]
    assert "first upper left" in text
    assert "last lower right" in text


@pytest.mark.parametrize("kind", ["erase", "add"])
def test_every_change_is_that_of_running_the_model(kind: str) -> None:
    subject = drawn()
    finding = found(subject, evidence_images=1000)
    fill = next(f for f in fills(subject) if f.kind == kind)
    plain = subject.model.requires_grad_(False)
    for label, name in enumerate(subject.classes):
        held = subject.evaluation.at(np.flatnonzero(subject.evaluation.labels == label))
        before = subject.score_of(plain(held.images), held.labels)
        for row in rows_of(finding, name, kind)[::7]:
            images = held.images.clone()
            down = slice(row.top, row.top + row.height)
            across = slice(row.left, row.left + row.width)
            images[:, :, down, across] = fill.value[:, down, across]
            after = subject.score_of(plain(images), held.labels)
            assert row.n == len(held)
            assert row.effect.value == pytest.approx(float((after - before).mean()), abs=1e-5)


def test_erasing_is_the_background_and_adding_the_other_end() -> None:
    for background, ink in ((0.0, 1.0), (1.0, -2.0)):
        erase, add = fills(drawn(background, ink))
        assert erase.value.unique().tolist() == [background]
        assert add.value.unique().tolist() == [ink]


def test_without_a_background_the_mean_image_is_put_in_and_nothing_is_added() -> None:
    images = torch.randn(60, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    subject = Subject(Corner(), (images, torch.arange(60) % 3))
    (only,) = fills(subject)
    own = subject.selection
    means = [own.images[own.labels == label].mean(0) for label in range(3)]
    torch.testing.assert_close(only.value, torch.stack(means).mean(0))
    assert {row.kind for row in found(subject).table.rows(EvidenceRow)} == {"erase"}


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 31), (28, 28, 3), (5,), (2, 40), (300,)])
def test_windows_lie_inside_and_cover_everything(shape: tuple[int, ...]) -> None:
    for share in (3 / 28, 5 / 28):
        covered = torch.zeros(1, *shape)
        for window in windows(shape, share, 14):
            changed = window.put(torch.zeros(1, *shape), torch.ones(shape))
            assert changed.sum() > 0
            covered = covered.maximum(changed)
        assert bool((covered == 1).all())


def test_features_have_a_window_each() -> None:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(200, 4, generator=generator)
    model = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    model[0].weight.data = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]])
    subject = Subject(model, (x, (x[:, 2] > 0).long()))
    rows = rows_of(found(subject), subject.classes[1], "erase")
    assert [r.left for r in rows] == [0, 1, 2, 3]
    assert [r.effect.value != 0 for r in rows] == [False, False, True, False]


def test_a_window_is_put_into_every_layout() -> None:
    images = torch.zeros(2, 6, 5, 3)
    changed = Window(1, 2, 2, 3).put(images, torch.ones(6, 5, 3))
    assert changed.sum() == 2 * 2 * 3 * 3
    assert changed[:, 1:3, 2:].min() == 1
    assert images.sum() == 0
