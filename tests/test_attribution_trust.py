"""Are maps that point at the truth told from others, where the truth is known?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmarks.trust.fitting import as_json, fitted, verdict
from benchmarks.trust.hidden import APART, FAMILIES, Ask, hide
from benchmarks.trust.measured import Measured
from benchmarks.trust.trained import case, trained
from torch import Tensor

from holistic import Subject, attribute
from holistic.attributing.registry import METHODS
from holistic.lenses._parts import known
from holistic.lenses.attribution import Attribution, _trust_measures
from holistic.lenses.attribution._maps import attributions
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution._trust_calibration import calibration
from holistic.lenses.attribution._trust_measures import BLIND, measures
from holistic.lenses.attribution.schemas import TrustRow
from holistic.lenses.attribution.trust import judged_maps, trust_finding
from holistic.lenses.attribution.trust_statements import trusted
from holistic.progress import silent
from holistic.results.columns import Estimate
from holistic.study.examples import Examples
from made import a_row

GRADIENTS = "saliency, input_x_gradient, smoothgrad, contrast_gradients"


@pytest.fixture(scope="module")
def bump() -> tuple[Subject, np.ndarray]:
    """A network that reads a bright patch at each class's own place, and where it is."""
    subject, hidden = trained(case(0))
    return subject, hidden.regions


def _chance(row: TrustRow) -> float:
    return known(row.probability.value)


def of_maps(subject: Subject, maps: dict[str, Tensor]) -> dict[str, TrustRow]:
    sample = balanced(subject.evaluation, 24, 0)
    lens = Attribution(methods=GRADIENTS)

    def again(model: Subject, images: Examples) -> dict[str, Tensor]:
        remade = attributions(model, images, lens, lambda _: None)
        return {name: remade.get(name, values) for name, values in maps.items()}

    found = measures(subject, sample, maps, lens, again)
    return {row.method: row for row in judged_maps(found, 0)}


def slow_contrasts(subject: Subject, sample: Examples) -> np.ndarray:
    """Welch's statistic of each number of an image, in one piece, summed over its channels."""
    values = subject.selection.images.double().flatten(2).numpy()
    labels, rows = subject.selection.labels.numpy(), list[np.ndarray]()
    for label in sample.labels.numpy():
        own, rest = values[labels == label], values[labels != label]
        error = own.var(0, ddof=1) / len(own) + rest.var(0, ddof=1) / len(rest)
        gap = (own.mean(0) - rest.mean(0)) ** 2
        rows.append(np.divide(gap, error, out=np.zeros_like(gap), where=error > 0).sum(0) ** 0.5)
    return np.stack(rows)


@pytest.mark.parametrize(("channels", "shown"), [(1, 5), (3, 5), (3, 2)])
def test_classes_are_contrasted_part_by_part_as_in_one_piece(
    channels: int, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(channels)
    images = torch.randn(120, channels, 4, 5, generator=generator) + 50
    images[:, :, 0, 0] = 7.0
    labels = torch.arange(120) % 5
    images[labels == 2, 0, 1:] += 0.5
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(20 * channels, 5))
    subject = Subject(model, (images, labels))
    sample = subject.evaluation.at(np.flatnonzero(subject.evaluation.labels.numpy() < shown)[:9])
    monkeypatch.setattr(_trust_measures, "_NUMBERS", 20 * channels * 7)
    found = _trust_measures.class_contrasts(subject, sample)
    np.testing.assert_allclose(found, slow_contrasts(subject, sample), rtol=1e-9)


def test_the_true_map_is_recommended_and_wrong_ones_are_not(
    bump: tuple[Subject, np.ndarray],
) -> None:
    subject, regions = bump
    sample = balanced(subject.evaluation, 24, 0)
    found = attributions(subject, sample, Attribution(methods=GRADIENTS), lambda _: None)
    truth = torch.from_numpy(regions[sample.indices][:, None]).float()
    noise = torch.rand(truth.shape, generator=torch.Generator().manual_seed(1))
    away = truth.roll((5, 5), (2, 3)) + 0.01 * noise
    rows = of_maps(subject, {**found, "away": away, "noise": noise})
    assert _chance(rows["contrast_gradients"]) > 0.8
    assert max(rows, key=lambda name: _chance(rows[name])) not in ("away", "noise")
    assert _chance(rows["away"]) < 0.5
    assert _chance(rows["noise"]) < 0.2
    assert sum(row.recommended for row in rows.values()) == 1


def test_shuffled_maps_are_not_trusted(bump: tuple[Subject, np.ndarray]) -> None:
    subject, _ = bump
    sample = balanced(subject.evaluation, 24, 0)
    found = attributions(subject, sample, Attribution(methods=GRADIENTS), lambda _: None)
    generator = torch.Generator().manual_seed(0)
    shuffled = {
        name: torch.stack(
            [m.flatten()[torch.randperm(m.numel(), generator=generator)].view_as(m) for m in maps]
        )
        for name, maps in found.items()
    }
    assert all(_chance(row) < 0.2 for row in of_maps(subject, shuffled).values())


def test_the_finding_has_one_row_a_method_and_a_control(bump: tuple[Subject, np.ndarray]) -> None:
    subject, _ = bump
    finding = trust_finding(subject, Attribution(methods=GRADIENTS), silent)
    rows = list(finding.table.rows(TrustRow))
    assert [row.method for row in rows] == [name.strip() for name in GRADIENTS.split(",")]
    assert sum(row.recommended for row in rows) == 1
    for row in rows:
        of = row.probability
        assert 0 <= known(of.lo) <= known(of.value) <= known(of.hi) <= 1
        assert known(of.control) < 0.3
    assert BLIND not in {row.method for row in rows}
    again = trust_finding(subject, Attribution(methods=GRADIENTS), silent)
    assert list(again.table.rows(TrustRow)) == rows


def test_contrast_gradients_is_contribution_times_weight_of_a_linear_model() -> None:
    weight = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    images = torch.randn(60, 5, generator=torch.Generator().manual_seed(1))
    linear = torch.nn.Linear(5, 3, bias=False)
    with torch.no_grad():
        linear.weight.copy_(weight)
    model = torch.nn.Sequential(linear, torch.nn.Identity())
    subject = Subject(model.eval(), (images, torch.arange(60) % 2))
    values = attribute(subject, images[:4], "contrast_gradients", target=0, draws=400)
    # all donors are of class 1, so the slope is that of logit 0 minus logit 1
    slope = weight[0] - weight[1]
    pool = subject.selection
    mean = pool.images[pool.labels == 1].mean(0)
    expected = ((images[:4] - mean) * slope).clamp(min=0) * slope.abs()
    assert np.allclose(values, expected, atol=0.5)
    assert np.corrcoef(values.ravel(), expected.numpy().ravel())[0, 1] > 0.98
    assert METHODS["contrast_gradients"].random


@pytest.mark.parametrize("family", [*FAMILIES, *APART])
def test_patterns_lie_where_they_are_said_to(family: str) -> None:
    ask = Ask(family, 14, 3, 90, 4, 5.0, "white", positive=False, seed=3)
    hidden, without = hide(ask), hide(replace(ask, strength=0.0))
    changed = np.abs(hidden.images - without.images)[:, 0] > 1e-6
    assert hidden.regions.any((1, 2)).all()
    if family not in ("beside", "blobs", "absent"):
        assert (changed <= hidden.regions).all()
    assert np.bincount(hidden.labels).tolist() == [30, 30, 30]


def test_a_fit_tells_true_maps_on_families_left_out() -> None:
    rng, found = np.random.default_rng(0), []
    for number in range(32):
        true = rng.random(4)
        values = np.stack([true, rng.random(4)], 1)[:, None] + 0.05 * rng.normal(size=(4, 30, 2))
        found.append(Measured(case(number), 1.0, tuple("abcd"), ("seen", "noise"), true, values))
    judged = verdict(found)
    assert judged.auroc > 0.95
    assert judged.ratio > 0.95
    assert judged.families == len(FAMILIES)
    made = fitted(found)
    assert abs(made.weights[0][0]) > 5 * abs(made.weights[0][1])
    assert set(as_json(made)) >= {"names", "centre", "scale", "weights", "made_by"}


def test_the_calibration_knows_what_is_measured(bump: tuple[Subject, np.ndarray]) -> None:
    subject, _ = bump
    sample = balanced(subject.evaluation, 12, 0)
    maps = {"a": sample.images, "b": -sample.images.abs()}
    found = measures(subject, sample, maps, Attribution(), lambda model, images: maps)
    assert set(calibration().names) <= set(found.names)
    assert np.isfinite(found.values).all()


def test_what_is_said_of_maps() -> None:
    likely = a_row(
        TrustRow, method_name="lrp", probability=Estimate(0.9, 0.7, 0.95), recommended=True
    )
    other = a_row(
        TrustRow, method_name="saliency", probability=Estimate(0.2, 0.1, 0.3), recommended=False
    )
    assert trusted([likely, other]) == (
        "Lrp points at what decides with probability 90 %.",
        "Don't trust saliency: it more likely points elsewhere.",
    )
    none = a_row(TrustRow, method_name="lrp", probability=Estimate(0.3, 0.1, 0.5), recommended=True)
    assert "No heat map" in trusted([none])[0]
    unsure = replace(none, probability=Estimate(0.7, 0.4, 0.9))
    assert "No heat map surely" in trusted([unsure])[0]
    assert not trusted([])
