"""Are planted wrong labels found, and no right ones called wrong, whatever the model knows?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmarks.labels import Case, flipped
from benchmarks.labels import judged as judged_case
from torch import Tensor, nn

from holistic import Subject
from holistic.lenses._parts import known
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._label_chances import chances_of, ratio, typicality, wrong_share
from holistic.lenses.attribution._label_scores import Scores, cross_fitted, folds_of
from holistic.lenses.attribution._label_views import COLUMNS, sketched
from holistic.lenses.attribution.labels import labels_finding
from holistic.lenses.attribution.labels_statements import NONE, one, shown
from holistic.lenses.attribution.schemas import LabelRow
from holistic.progress import silent
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from made import a_row
from slow_attribution import cross_fitted_slowly

SMALL = Attribution(label_features=64)


def found_in(subject: Subject, lens: Attribution = SMALL) -> Finding:
    return labels_finding(subject, lens, silent)


def blobs(count: int, classes: int, apart: float, seed: int) -> tuple[Tensor, np.ndarray]:
    """Points around each class's own middle, one feature a class and one of noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    points = rng.normal(size=(count, classes + 1))
    points[np.arange(count), labels] += apart
    return torch.from_numpy(points).float(), labels


def reader(classes: int, scale: float = 1.0) -> nn.Module:
    """A network of blobs that reads each class off its own feature, and has a hidden layer."""
    first, last = nn.Linear(classes + 1, classes + 1), nn.Linear(classes + 1, classes)
    with torch.no_grad():
        first.weight.copy_(torch.eye(classes + 1))
        first.bias.fill_(4.0)
        last.weight.copy_(scale * torch.eye(classes + 1)[:classes])
        last.bias.fill_(0.0)
    return nn.Sequential(first, nn.ReLU(), last).eval()


def planted(count: int, classes: int, seed: int) -> tuple[Subject, np.ndarray]:
    """Blobs of which a tenth is labelled as the next class, and which those are."""
    points, labels = blobs(count, classes, 6.0, seed)
    wrong = np.random.default_rng([seed, 1]).random(count) < 0.1
    given = np.where(wrong, (labels + 1) % classes, labels)
    return Subject(reader(classes), (points, torch.from_numpy(given))), wrong


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_planted_labels_are_found_with_what_they_should_be(classes: int) -> None:
    subject, wrong = planted(900, classes, 3)
    finding = found_in(subject)
    rows = list(finding.table.rows(LabelRow))
    named = np.array([row.example for row in rows])
    assert wrong[named].mean() > 0.9
    assert len(named) > 0.8 * wrong.sum()
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)
    for row in rows:
        label, other = subject.classes.index(row.class_), subject.classes.index(row.suggested)
        assert int(subject.labels[row.example]) == label
        assert not wrong[row.example] or other == (label - 1) % classes
        assert (
            known(row.probability.lo) <= known(row.probability.value) <= known(row.probability.hi)
        )
        assert known(row.probability.control) < 0.2
        assert row.split in ("selection", "evaluation")
        inside = row.example in subject.selection_indices
        assert (row.split == "selection") == inside
    shares = finding.arrays["attribution.class_wrong"]
    assert ((shares[:, 1] <= 0.15) & (shares[:, 2] >= 0.05)).all()
    assert f"{len(rows)} labels look wrong" in finding.statements[0]


@pytest.mark.parametrize("apart", [6.0, 3.0, 1.2, 0.8, 0.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_right_labels_are_left_alone_also_where_classes_overlap(classes: int, apart: float) -> None:
    called = 0
    for seed in range(3):
        points, labels = blobs(800, classes, apart, seed)
        subject = Subject(reader(classes), (points, torch.from_numpy(labels)))
        called += len(found_in(subject).table)
    assert called <= 0.01 * 3 * 800


@pytest.mark.parametrize("state", ["early", "memorised", "unseen"])
def test_more_are_found_than_by_loss_also_where_they_are_known_by_heart(state: str) -> None:
    one = judged_case(Case("digits", "mlp", state, "pairs"))
    assert one.precision > 0.9
    assert one.precision >= one.by_loss - 0.01
    assert one.right > 0.9 * one.doubted
    assert one.right > 0.7 * one.planted
    if state == "memorised":
        assert one.fits > 0.99
        assert one.by_loss < 0.7


@pytest.mark.parametrize("state", ["memorised", "unseen"])
def test_a_clean_twin_has_next_to_no_doubted_label(state: str) -> None:
    assert judged_case(Case("digits", "mlp", state, "clean")).doubted <= 2


@pytest.mark.parametrize("kind", ["uniform", "pairs", "few", "clean"])
def test_as_many_labels_are_planted_as_is_said(kind: str) -> None:
    labels = np.arange(2000) % 10
    share = (flipped(labels, kind, 4) != labels).mean()
    assert share == pytest.approx(0 if kind == "clean" else 0.1, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_fits_out_of_fold_equal_the_slow_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 90)
    features = rng.normal(size=(90, 12))
    features[:, :3] += 1.5 * np.eye(3)[labels]
    folds = folds_of(labels, seed)
    fast = cross_fitted(torch.from_numpy(features).float(), labels, 3, folds)
    np.testing.assert_allclose(fast, cross_fitted_slowly(features, labels, 3, folds), atol=1e-4)


def test_each_example_alone_in_its_fold_gives_the_closed_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Leave-one-out of a linear model: the residual over one less the leverage."""
    monkeypatch.setattr("holistic.lenses.attribution._label_scores.ROUNDS", 1)
    rng = np.random.default_rng(0)
    labels, features = np.arange(400) % 2, rng.normal(size=(400, 6))
    features[:, 0] += labels
    found = cross_fitted(torch.from_numpy(features).float(), labels, 2, np.arange(400))
    ridge = 0.05 * np.square(features).sum(0).mean()
    inverse = np.linalg.inv(features.T @ features + ridge * np.eye(6))
    hat, targets = features @ inverse @ features.T, np.eye(2)[labels]
    closed = targets - (targets - hat @ targets) / (1 - np.diag(hat))[:, None]
    np.testing.assert_allclose(found, closed, atol=2e-3)


def test_no_label_moves_its_own_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holistic.lenses.attribution._label_scores.ROUNDS", 1)
    rng = np.random.default_rng(1)
    labels, features = rng.integers(0, 3, 60), torch.from_numpy(rng.normal(size=(60, 5))).float()
    folds = np.arange(60) % 5
    before = cross_fitted(features, labels, 3, folds)
    labels[7] = (labels[7] + 1) % 3
    after = cross_fitted(features, labels, 3, folds)
    own = folds == folds[7]
    np.testing.assert_allclose(before[own], after[own], atol=1e-5)
    assert np.abs(before[~own] - after[~own]).max() > 1e-4


def test_wrong_labels_have_any_typicality_and_right_ones_none() -> None:
    rng = np.random.default_rng(2)
    truth, n = np.arange(20_000) % 4, 20_000
    likeness = rng.dirichlet(np.full(4, 0.1), n) * 0.3 + np.eye(4)[truth]
    labels = truth.copy()
    wrong = rng.random(n) < 0.2
    labels[wrong] = (truth[wrong] + rng.integers(1, 4, wrong.sum())) % 4
    able = np.ones(4, bool)
    typical = typicality(Scores(labels, likeness), able)
    assert (typical[~wrong] == 0).all()
    np.testing.assert_allclose(
        np.quantile(typical[wrong], [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03
    )
    share = wrong_share(typical)
    assert known(share.lo) < 0.2 < known(share.hi)
    found = chances_of(Scores(labels, likeness), able)
    assert (found.doubted == wrong).all()
    assert not chances_of(Scores(labels, likeness), np.zeros(4, bool)).doubted.any()


def test_ratios_of_counts_are_shares() -> None:
    assert ratio(0, 0, 1.0) == Estimate(0.0, 0.0, 1.0, 0)
    assert ratio(5, 0, 1.0).value == 1.0
    half = ratio(50, 100, 1.0)
    assert half.value == 0.5
    assert known(half.lo) < 0.5 < known(half.hi)
    assert ratio(50, 100, 2.0).value == 0.25


def test_sketches_keep_distances_and_are_the_same_in_every_batch() -> None:
    values = torch.randn(30, 5000, generator=torch.Generator().manual_seed(0))
    found = sketched(values, 3)
    assert found.shape == (30, COLUMNS)
    torch.testing.assert_close(found[:10], sketched(values[:10], 3))
    ratios = torch.pdist(found) / torch.pdist(values)
    assert (ratios - 1).abs().max() < 0.15


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.hidden = nn.Embedding(40, 8), nn.Linear(8, 16)
        self.last = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.hidden(self.embed(x).mean(1))))


def tokens(seed: int) -> tuple[Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(600) % 2
    words = rng.integers(0, 20, (600, 12))
    words[:, :6] += 20 * labels[:, None]
    return torch.from_numpy(words), labels


def test_labels_of_texts_are_judged_by_their_words() -> None:
    words, labels = tokens(0)
    given, wrong = labels.copy(), np.arange(600) % 11 == 3
    given[wrong] = 1 - labels[wrong]
    torch.manual_seed(0)
    subject = Subject(Words().eval(), (words, torch.from_numpy(given)))
    assert subject.input_kind.name == "tokens"
    rows = list(found_in(subject, Attribution()).table.rows(LabelRow))
    named = np.array([row.example for row in rows])
    assert wrong[named].mean() > 0.85
    assert len(named) > 0.7 * wrong.sum()


def series() -> tuple[nn.Module, Tensor]:
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 18, 3))
    return model.eval(), torch.randn(60, 2, 20, generator=torch.Generator().manual_seed(0))


def linear() -> tuple[nn.Module, Tensor]:
    return nn.Linear(4, 3).eval(), blobs(60, 3, 4.0, 0)[0]


class Bound(nn.Module):
    """Its last layer is no module, and nothing of it has a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(9, 4), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.relu(x @ self.weight.T).detach() @ self.weight[:, :3]


def bound() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    return Bound().eval(), blobs(60, 3, 4.0, 0)[0]


@pytest.mark.parametrize("make", [series, linear, bound], ids=lambda make: make.__name__)
def test_any_model_is_answered(make: Callable[[], tuple[nn.Module, Tensor]]) -> None:
    model, inputs = make()
    finding = found_in(Subject(model, (inputs, torch.arange(len(inputs)) % 3)))
    assert finding.statements[0]
    assert finding.arrays["attribution.class_wrong"].shape == (3, 3)


def test_classes_of_a_handful_are_left_out_and_said_so() -> None:
    points, labels = blobs(400, 3, 6.0, 0)
    kept = (labels < 2) | (np.cumsum(labels == 2) <= 4)
    subject = Subject(reader(3), (points[torch.from_numpy(kept)], torch.from_numpy(labels[kept])))
    finding = found_in(subject)
    assert not len(finding.table)
    assert any("Of 3 classes 1 aren't judged" in caveat for caveat in finding.caveats)
    assert np.isnan(finding.arrays["attribution.class_wrong"][2]).all()


def test_hundreds_of_classes_are_no_fault() -> None:
    points, labels = blobs(1200, 150, 8.0, 0)
    finding = found_in(Subject(reader(150), (points, torch.from_numpy(labels))))
    assert len(finding.table) <= 5


def test_the_finding_is_the_same_at_the_same_seed() -> None:
    first, again = (found_in(planted(300, 3, 5)[0]) for _ in range(2))
    assert list(first.table.rows()) == list(again.table.rows())


ROW = a_row(
    LabelRow, example=123, class_="3", suggested="5", probability=Estimate(0.9, 0.8, 1.0, 30, 0.1),
    class_share=Estimate(0.2, 0.1, 0.3, 40, 0.1), loss_rank=1,
)  # fmt: skip


def test_sentences_say_where_to_start() -> None:
    assert shown([]) == NONE
    assert shown([ROW, replace(ROW, example=4)]) == (
        '2 labels look wrong: start with image 123, labelled "3", which looks like "5".'
    )
    assert shown([ROW]).startswith("1 label looks wrong")
    words = 'It is labelled "3" and looks like "5": its label is wrong with a probability of '
    assert one(ROW) == words + "80 to 100 %."
