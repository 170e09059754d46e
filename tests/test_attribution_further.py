"""Do maps foresee changes, stand still under noise, and follow the weights? By slow twins."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve
from scipy.stats import spearmanr
from torch import Tensor, nn

import holistic
from holistic import attribute
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution import _robustness as robustness
from holistic.lenses.attribution._checks import foreseen, steadied
from holistic.lenses.attribution._failures import failures
from holistic.lenses.attribution._further_tests import further_rows
from holistic.lenses.attribution._imputing import from_neighbours, softened
from holistic.lenses.attribution._maps import attributions, chosen_methods
from holistic.lenses.attribution._removal import mean_image, removal
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution.schemas import MethodRow
from holistic.progress import silent
from holistic.study.examples import Examples
from holistic.study.untrained import reinitialised, restore
from made import a_row
from test_attribution import subject_of

LENS = Attribution(methods="saliency, input_x_gradient, guided_backpropagation", further_images=12)


def of(kind: str) -> tuple[holistic.Subject, Examples, dict[str, Tensor]]:
    subject = subject_of(kind)
    sample = balanced(subject.evaluation, 6, 0)
    return subject, sample, made(subject, sample)


def made(subject: holistic.Subject, sample: Examples) -> dict[str, Tensor]:
    chosen = chosen_methods(subject, LENS)
    return attributions(subject, sample, LENS, lambda _: None, chosen)


# What is left out is filled


def one_by_one(image: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Rong et al. 2022, section 4.2: one sparse system an image, solved directly."""
    height, width = image.shape
    places = np.argwhere(gone)
    number = {tuple(place): i for i, place in enumerate(places)}
    matrix, right = lil_matrix((len(places), len(places))), np.zeros(len(places))
    for i, (row, column) in enumerate(places):
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                at = row + down, column + across
                if (down, across) == (0, 0) or not (0 <= at[0] < height and 0 <= at[1] < width):
                    continue
                weight = 1 / 12 if down and across else 1 / 6
                matrix[i, i] += weight
                if at in number:
                    matrix[i, number[at]] -= weight
                else:
                    right[i] += weight * image[at]
    found = image.copy()
    found[gone] = spsolve(matrix.tocsr(), right)
    return found


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_missing_pixels_solve_the_system_of_their_neighbours(share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 2, 9, 11, generator=generator)
    gone = torch.rand(3, 1, 9, 11, generator=generator) < share
    found = from_neighbours(images, gone).numpy()
    for n in range(3):
        for channel in range(2):
            plain = one_by_one(images[n, channel].double().numpy(), gone[n, 0].numpy())
            np.testing.assert_allclose(found[n, channel], plain, atol=1e-3)


@given(st.integers(0, 1000), st.floats(0, 1))
@settings(deadline=None, max_examples=25)
def test_what_is_filled_lies_among_what_is_left(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 1, 6, 7, generator=generator)
    gone = torch.rand(2, 1, 6, 7, generator=generator) < share
    found = from_neighbours(images, gone)
    assert torch.equal(found[~gone], images[~gone])
    for image, filled, mask in zip(images, found, gone, strict=True):
        if (~mask).any():
            left = image[~mask]
            assert filled.min() >= left.min() - 1e-3
            assert filled.max() <= left.max() + 1e-3
        else:
            assert torch.equal(filled, image)


def test_a_blur_keeps_what_is_the_same_everywhere_and_the_sum_of_a_spot() -> None:
    assert torch.allclose(softened(torch.full((1, 2, 8, 8), 0.7)), torch.tensor(0.7))
    spot = torch.zeros(1, 1, 21, 21)
    spot[..., 10, 10] = 1
    assert float(softened(spot).sum()) == pytest.approx(1, abs=1e-5)
    assert float(softened(spot).max()) < 0.1


def test_fills_are_those_that_are_asked_for() -> None:
    subject, sample, _ = of("cnn")
    ranks = np.arange(64)[None].repeat(len(sample), 0)
    counts = np.array([0, 20, 64])
    for fill, wanted in (("blur", softened), ("road", from_neighbours)):
        found = removal(subject, sample, ranks, counts, fill)
        gone = torch.arange(64).reshape(1, 1, 8, 8).expand(len(sample), 1, 8, 8) < 20
        blank = wanted(sample.images, gone) if fill == "road" else wanted(sample.images)
        mixed = torch.where(gone, blank, sample.images)
        chances = subject.predict(mixed).double().softmax(1).numpy()
        own = chances[np.arange(len(sample)), sample.labels.numpy()]
        np.testing.assert_allclose(found.deletion[:, 1], own, atol=1e-6)


# Infidelity


def test_infidelity_is_that_of_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, sample, maps = of("cnn")
    masks = robustness._windows(8, 8, np.random.default_rng([subject.seed, robustness._SEED]))
    found = robustness.infidelity(subject, sample, maps, LENS)
    blank = mean_image(subject)
    for name, values in maps.items():
        for i, (image, label) in enumerate(zip(sample.images, sample.labels, strict=True)):
            own, change = [], []
            for mask in masks:
                mixed = torch.where(mask, blank, image)
                with torch.no_grad():
                    logits = subject.model(torch.stack([image, mixed]))[:, label]
                change.append(float(logits[0] - logits[1]))
                own.append(float((values[i] * mask).sum()))
            scales = np.linspace(0, 20, 200_001) * (np.std(change) / max(np.std(own), 1e-12))
            best = min(np.mean((b * np.array(own) - change) ** 2) for b in scales[::2000])
            plain = best / np.mean(np.square(change))
            assert found[name][i] == pytest.approx(plain, abs=0.02)


def test_a_linear_models_contributions_foresee_everything_and_noise_nothing() -> None:
    images = torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Identity(), nn.Linear(8, 3))
    subject = holistic.Subject(model.eval(), (images, torch.arange(40) % 3))
    sample = balanced(subject.evaluation, 8, 0)
    slopes = torch.as_tensor(attribute(subject, sample.images, "saliency", target=sample.labels))
    away = sample.images - mean_image(subject)
    noise = torch.randn(away.shape, generator=torch.Generator().manual_seed(1))
    maps = {"own": slopes * away, "opposite": -slopes * away, "noise": noise}
    found = robustness.infidelity(subject, sample, maps, LENS)
    np.testing.assert_allclose(found["own"], 0, atol=1e-6)
    np.testing.assert_allclose(found["opposite"], 1)
    assert found["noise"].mean() > 0.8
    assert foreseen("saliency", found["own"], found["noise"]).passed
    assert not foreseen("saliency", found["opposite"], found["noise"]).passed


# Sensitivity


def test_sensitivity_is_the_largest_move_of_plain_loops() -> None:
    subject, sample, maps = of("mlp")
    found = robustness.sensitivity(subject, sample, maps, made)
    low, high = torch.aminmax(subject.studied)
    generator = torch.Generator().manual_seed(subject.seed + robustness._SEED)
    most = np.zeros(len(sample))
    for _ in range(3):
        noise = torch.rand(sample.images.shape, generator=generator) * 2 - 1
        noisy = sample.images + 0.02 * float(high - low) * noise
        again = attribute(subject, noisy, "saliency", target=sample.labels)
        for i, plain in enumerate(maps["saliency"].numpy()):
            gap = np.linalg.norm(np.asarray(again)[i] - plain) / np.linalg.norm(plain)
            most[i] = max(most[i], gap)
    np.testing.assert_allclose(found["saliency"], most, rtol=1e-4)
    assert steadied("saliency", most).passed is None


# Cascading randomisation


def test_stages_keep_all_modules_but_the_last_and_then_half() -> None:
    model = nn.Sequential(*(nn.Linear(3, 3) for _ in range(6)))
    assert robustness.stages(model) == [tuple("01234"), tuple("012")]
    assert robustness.stages(nn.Sequential(nn.Linear(3, 3))) == []


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_a_control_keeps_the_modules_that_are_named(kind: str) -> None:
    model = subject_of(kind).model
    kept, *_ = robustness.stages(model)
    fresh = reinitialised(model, 3)
    restore(fresh, model, kept)
    for name, own in fresh.named_parameters():
        same = torch.equal(own, model.get_parameter(name))
        assert same == (name.rpartition(".")[0] in kept), name


def test_cascading_compares_with_networks_that_were_redrawn_as_far() -> None:
    subject, sample, maps = of("cnn")
    before = copy.deepcopy(subject.model.state_dict())
    found = robustness.cascading(subject, sample, maps, made)
    alike = list[list[float]]()
    for kept in robustness.stages(subject.model):
        model = reinitialised(subject.model, subject.seed + robustness._SEED)
        restore(model, subject.model, kept)
        images = sample.images.clone().requires_grad_()
        chosen = model(images).gather(1, sample.labels[:, None]).sum()
        (slopes,) = torch.autograd.grad(chosen, images)
        alike.append(
            [
                float(spearmanr(a.flatten(), b.flatten()).statistic)
                for a, b in zip(maps["saliency"].sum(1), slopes.sum(1), strict=True)
            ]
        )
    np.testing.assert_allclose(found["saliency"][0], np.mean(alike, 0), atol=1e-3)
    assert all(torch.equal(before[k], v) for k, v in subject.model.state_dict().items())


# All of them


def test_every_method_has_a_row_of_each_test() -> None:
    subject = subject_of("cnn")
    rows = further_rows(subject, LENS, silent)
    asked = {(row.method, row.metric) for row in rows}
    methods = {"saliency", "input_x_gradient", "guided_backpropagation"}
    assert {m for m, metric in asked if metric == "cascading"} == methods
    removals = {f"{s}_auc_{f}" for s in ("deletion", "insertion") for f in ("blur", "road")}
    assert removals < {metric for _, metric in asked}
    assert all(row.n <= 12 for row in rows)
    assert {row.passed for row in rows if row.metric == "sensitivity"} == {None}


def test_a_removal_is_failed_where_every_fill_fails() -> None:
    def rows(*passed: bool) -> list[MethodRow]:
        names = ("deletion_auc", "deletion_auc_blur", "deletion_auc_road")
        return [
            a_row(MethodRow, method="own", metric=name, passed=p)
            for name, p in zip(names, passed, strict=True)
        ]

    assert failures(rows(False, True, False)) == {"own": []}
    assert failures(rows(False, False, False)) == {"own": ["deletion_auc"]}
    both = [
        a_row(MethodRow, method="own", metric=name, passed=p)
        for name, p in (("randomisation", True), ("randomisation_nonzero", False))
    ]
    assert failures(both) == {"own": ["randomisation"]}
