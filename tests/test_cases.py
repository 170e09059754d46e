"""Are single images chosen, followed and explained as their definitions and planted truths say?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

import holistic
import planted_mechanism
from holistic.lenses._cases import Cases, cases
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.images import deciding_units, searched
from holistic.lenses.mechanism.paths import paths
from holistic.results.findings import Finding
from holistic.study.examples import Examples
from planted_ablation import linear, one_hot_images
from runs_mechanism import QUICK, found
from slow import ablated_logits


@pytest.fixture(scope="module")
def noisy() -> holistic.Subject:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 4)
        )
    return holistic.Subject(model, one_hot_images(40, noise=1.5))


def decided(subject: holistic.Subject, lens: Ablation) -> Finding:
    return deciding_units(subject, lens, holistic.sweep(subject, edit=lens.edit))


def test_cases_are_the_middle_the_closest_and_the_worst(noisy: holistic.Subject) -> None:
    chosen = cases(noisy)
    logits = noisy.predict()
    assert len(set(chosen.examples.indices.tolist())) == len(chosen.kinds)
    for c in range(4):
        margins = dict[int, float]()
        own = (noisy.evaluation.labels == c).nonzero()[:, 0].tolist()
        for i in own:
            others = [float(logits[i, k]) for k in range(4) if k != c]
            margins[int(noisy.evaluation.indices[i])] = float(logits[i, c]) - max(others)
        right = sorted((m, e) for e, m in margins.items() if m > 0)
        wrong = sorted((m, e) for e, m in margins.items() if m <= 0)
        wanted = dict[str, int]()
        if right:
            wanted["typical"] = right[(len(right) - 1) // 2][1]
        if len(right) > 2:
            wanted["close"] = right[0][1]
        if wrong:
            wanted["mistaken"] = wrong[0][1]
        labels = chosen.examples.labels.tolist()
        got = {
            kind: int(example)
            for kind, example, label in zip(
                chosen.kinds, chosen.examples.indices, labels, strict=True
            )
            if label == c
        }
        assert got == wanted
    np.testing.assert_array_equal(chosen.examples.images, noisy.images[chosen.examples.indices])


def test_many_classes_give_few_cases() -> None:
    images, labels = torch.rand(300, 5), torch.arange(300) % 60
    subject = holistic.Subject(
        nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 60)), (images, labels)
    )
    chosen = cases(subject)
    assert len(chosen.kinds) <= 60
    assert {0, 59} <= set(chosen.examples.labels.tolist())


@pytest.mark.parametrize("edit", ["mean", "zero"])
def test_deciding_units_equal_the_hook_loop(noisy: holistic.Subject, edit: str) -> None:
    table = decided(noisy, Ablation(edit=edit, deciding=3)).table  # type: ignore[arg-type]
    chosen = cases(noisy)
    for site in noisy.hidden_sites:
        value = noisy.mean(site.name) if edit == "mean" else torch.zeros(site.units)
        changes = np.empty((site.units, len(chosen.kinds)))
        turns = np.zeros_like(changes)
        for unit in range(site.units):
            after = ablated_logits(
                noisy.model, chosen.examples.images, site.name, [unit], float(value[unit]), 1
            )
            for i, label in enumerate(chosen.examples.labels.tolist()):
                margins = [
                    float(row[i, label] - max(row[i, k] for k in range(4) if k != label))
                    for row in (after, chosen.logits)
                ]
                changes[unit, i] = margins[0] - margins[1]
                turns[unit, i] = (margins[0] > 0) - float(margins[1] > 0)
        for i, example in enumerate(chosen.examples.indices.tolist()):
            rows = list(table.where(site=site.name, example=example).rows())
            assert [r["rank"] for r in rows] == [1, 2, 3]
            sizes = np.sort(np.abs(changes[:, i]))[::-1]
            for r, size in zip(rows, sizes, strict=False):
                assert abs(r["effect"]) == pytest.approx(size, abs=1e-5)
                assert r["effect"] == pytest.approx(changes[r["unit"], i], abs=1e-5)
                assert r["control_effect"] == pytest.approx(np.median(sizes), abs=1e-5)
                assert r["turned"] == turns[r["unit"], i]


def test_the_unit_that_misleads_one_image_is_named() -> None:
    """Unit 4 speaks for class 0 wherever the last pixel is bright: on one image of class 2."""
    weight = torch.cat([torch.eye(4), torch.tensor([[0.0, 0, 0, 0]])], 0)
    images, labels = one_hot_images(30, noise=0.0)
    images = torch.cat([images.flatten(1), torch.zeros(len(images), 1)], 1)
    subject_rows = holistic.Subject(
        nn.Sequential(nn.Linear(5, 4)), (images, labels)
    ).evaluation_indices
    victim = next(int(i) for i in subject_rows if labels[i] == 2)
    images[victim, 4] = 1.0
    first = torch.cat([weight, torch.tensor([[0.0], [0], [0], [0], [1]])], 1)
    head = torch.cat([torch.eye(4), torch.tensor([[3.0], [0], [0], [0]])], 1)
    model = nn.Sequential(linear(first, torch.zeros(5)), nn.ReLU(), linear(head, torch.zeros(4)))
    subject = holistic.Subject(model, (images, labels))
    table = decided(subject, Ablation(edit="zero", deciding=2)).table.where(kind="mistaken")
    top = next(table.rows())
    assert (top["example"], top["label"], top["prediction"]) == (victim, "2", "0")
    assert (top["unit"], top["turned"]) == (4, 1)
    assert top["effect"] == pytest.approx(3.0)
    assert top["control_turned"] == pytest.approx(1 / 5)
    assert top["control_searched"] is None, "no image of another class is told wrong"
    assert (
        "of 1 image told wrong by the widest margin of their class, 1 are told right without one "
        "unit, searched for among 5 (100.0 % [20.7, 100.0]; a random unit turns 20.0 %)"
        in decided(subject, Ablation(edit="zero")).statements[0]
    )


def test_paths_equal_probes_fitted_by_hand() -> None:
    subject = planted_mechanism.telling()
    table = found(subject, paths).table
    chosen = cases(subject)
    features = {
        "input": lambda part: part.images.flatten(1).numpy(),
        "2": lambda part: subject.capture(["2"], part.images)["2"].numpy(),
    }
    for depth, (site, read) in enumerate(features.items()):
        x, y = read(subject.selection), subject.selection.labels.numpy()
        mean, spread = x.mean(0), x.std(0)
        fitted = LogisticRegression(C=1 / (QUICK.probe_penalty * len(x)), tol=1e-3, max_iter=200)
        fitted.fit((x - mean) / spread, y)
        chances = fitted.predict_proba((read(chosen.examples) - mean) / spread)
        rows = list(table.where(site=site).rows())
        assert [r["example"] for r in rows] == chosen.examples.indices.tolist()
        for r, chance, label in zip(rows, chances, chosen.examples.labels.tolist(), strict=True):
            assert r["depth"] == depth
            assert r["label_probability"] == pytest.approx(chance[label], abs=1e-4)
            assert r["read"] == subject.classes[int(chance.argmax())]
            assert (r["control_label_probability"] is None) == (site == "input")


def test_a_path_is_read_where_the_class_is_told() -> None:
    """The class is a product of pixels: the input doesn't tell it, site 2 and the output do."""
    finding = found(planted_mechanism.telling(), paths)
    last = finding.table.where(site="2").column("label_probability")
    assert (last > 0.8).all()
    assert finding.table.where(site="input").column("label_probability").max() < 0.8
    output = finding.table.where(site="output")
    assert output.column("accuracy")[0] == 1
    assert (output.column("read") == output.column("prediction")).all()
    assert finding.statements[0].startswith(
        "Of the 2 typical images looked at, linear probes tell right "
    )
    assert finding.statements[0].endswith("; the model 2.")


def test_a_search_is_compared_with_the_same_search_on_other_images() -> None:
    """Margins 0.1 and 3 of two close images: a change of 1, found on either, turns the first."""
    labels, kinds = torch.tensor([0, 1, 1]), ("close", "close", "typical")
    logits = torch.tensor([[0.1, 0.0], [0.0, 3.0], [0.0, 1.0]])
    images = torch.zeros(3, 1)
    chosen = Cases(Examples(np.arange(3), images, labels), kinds, logits)
    reach = np.array([[-1.0, -0.5, -9.0], [0.2, 0.1, 9.0]])
    shares = searched(chosen, reach)
    assert shares[:2].tolist() == [1.0, 0.0]
    assert np.isnan(shares[2]), "the only image of its kind"
