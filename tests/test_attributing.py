"""Do attribution methods compute what their papers say, on any model that they take?"""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import holistic
import slow_methods as slow
from holistic.attributing.baselines import BASELINES, baselines_of, distance
from holistic.attributing.registry import METHODS, usable
from holistic.errors import SettingError
from planted_attribution import straight
from zoo import ZOO, make

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import LRP as CaptumLrp
    from captum.attr import (
        DeepLift,
        FeatureAblation,
        GuidedBackprop,
        LayerGradCam,
        NoiseTunnel,
        Occlusion,
        Saliency,
    )

HOOKS = pytest.mark.filterwarnings("ignore:Setting:UserWarning")
LABELS = torch.tensor([0, 1, 2, 3, 0])
QUICK: dict[str, dict[str, Any]] = {
    "shapley_sampling": {"permutations": 2, "segments": 4},
    "kernel_shap": {"samples": 40, "segments": 9},
    "rise": {"samples": 40, "cells": 4},
}


def subject_of(model: nn.Module, images: Tensor) -> holistic.Subject:
    return holistic.Subject(model.eval(), (images, torch.arange(len(images)) % 4))


def case(name: str) -> holistic.Subject:
    return subject_of(make(ZOO[name]), ZOO[name].images(60))


def maps(subject: holistic.Subject, method: str, **changed: Any) -> Tensor:
    images = subject.evaluation.images[:5]
    return holistic.attribute(subject, images, method, **{"target": LABELS, **changed})


def relu_net(seed: int, bias: float = 0.3, layers: tuple[int, ...] = (20, 16, 12, 4)) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts = list[nn.Module]()
        for a, b in pairwise(layers):
            parts += [nn.Linear(a, b), nn.ReLU()]
        model = nn.Sequential(*parts[:-1])
        for part in parts[:-1:2]:
            nn.init.normal_(part.bias, 0, bias) if bias else nn.init.zeros_(part.bias)  # pyright: ignore
    return model.eval()


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small_cnn(*, pool: bool = False) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2) if pool else nn.AvgPool2d(2),
            nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 4),
        ).eval()  # fmt: skip


@pytest.mark.parametrize("name", ["residual in-place", "transformer", "one-dimensional",
                                  "data-dependent", "encoder layer", "lstm"])  # fmt: skip
def test_every_method_gives_a_map_or_says_why_not(name: str) -> None:
    subject = case(name)
    reasons = usable(subject)
    assert not reasons["occlusion"]
    for method, why in reasons.items():
        if why:
            with pytest.raises(SettingError, match=f"'{method}' can't be used on"):
                maps(subject, method)
            continue
        found = maps(subject, method, **QUICK.get(method, {}))
        assert found.shape == (5, *subject.images.shape[1:])
        assert found.dtype == torch.float32
        assert bool(found.isfinite().all())
        again = maps(subject, method, **QUICK.get(method, {}))
        assert torch.equal(found, again), method


def test_linear_models_have_closed_forms() -> None:
    subject, weight = straight()
    images, labels = subject.evaluation.images[:5], torch.tensor([0, 1, 2, 0, 1])
    own, mean = weight[labels], baselines_of(subject, images, labels, "mean")
    products = ("input_x_gradient", "integrated_gradients", "deeplift")
    expected = dict.fromkeys(("saliency", "smoothgrad"), own)
    expected |= dict.fromkeys(products, own * images)
    for method, values in expected.items():
        found = holistic.attribute(subject, images, method, labels)
        torch.testing.assert_close(found, values, rtol=1e-4, atol=1e-5)
    for method in ("integrated_gradients", "deeplift", "feature_ablation"):
        found = holistic.attribute(subject, images, method, labels, baseline="mean")
        torch.testing.assert_close(found, own * (images - mean), rtol=1e-4, atol=1e-5)
    assert holistic.attribute(subject, images, "vargrad", labels).abs().max() < 1e-4
    pair = holistic.attribute(subject, images, "integrated_gradients", (0, 2))
    torch.testing.assert_close(pair, (weight[0] - weight[2]) * images, rtol=1e-4, atol=1e-5)
    drawn = holistic.attribute(subject, images, "expected_gradients", labels, draws=400)
    far = own * (images - subject.selection.images.mean(0))
    assert (drawn - far).abs().mean() < 0.1 * far.abs().mean()


def test_gradients_equal_finite_differences_in_double_precision() -> None:
    model = make(ZOO["gated"]).double()
    images = ZOO["gated"].images(30).double()
    subject = subject_of(model, images)
    found = holistic.attribute(subject, images[:2], "saliency", [1, 2])
    for image, label, slope in zip(images[:2], (1, 2), found, strict=True):
        wanted = slow.by_differences(model, image, label).float()
        torch.testing.assert_close(slope, wanted, rtol=1e-4, atol=1e-6)


@HOOKS
def test_captum_agrees_where_it_has_the_method() -> None:
    model, images = small_cnn(), draws(40, 1, 8, 8)
    subject, x = subject_of(model, images), images[:5]
    zero = baselines_of(subject, x, LABELS, "zero")
    free = x.clone().requires_grad_()
    wanted = {
        "saliency": Saliency(model).attribute(free, target=LABELS, abs=False),
        "guided_backpropagation": GuidedBackprop(model).attribute(free, target=LABELS),
        "deeplift": DeepLift(model).attribute(free, zero, target=LABELS).detach(),
        "feature_ablation": FeatureAblation(model).attribute(x, zero, target=LABELS),
    }
    for method, values in wanted.items():
        changed = {"baseline": "zero"} if METHODS[method].baseline else {}
        found = holistic.attribute(subject, x, method, LABELS, **changed)
        torch.testing.assert_close(found, values, rtol=1e-4, atol=1e-5)
    windows = Occlusion(model).attribute(x, (1, 2, 2), (1, 2, 2), zero, target=LABELS)
    found = holistic.attribute(
        subject, x, "occlusion", LABELS, baseline="zero", window=2, overlap=1
    )
    torch.testing.assert_close(found, windows.to(found), rtol=1e-4, atol=1e-5)
    cam = LayerGradCam(model, model[4]).attribute(x, target=LABELS).detach()
    cam = nn.functional.interpolate(cam, (8, 8), mode="bilinear")
    found = holistic.attribute(subject, x, "grad_cam", LABELS, site="4")
    torch.testing.assert_close(found, cam, rtol=1e-4, atol=1e-6)
    torch.manual_seed(subject.seed)
    spread = 0.15 * float(images.max() - images.min())
    noisy = NoiseTunnel(Saliency(model)).attribute(
        free, nt_type="vargrad", nt_samples=16, stdevs=spread, abs=False, target=LABELS
    )
    torch.testing.assert_close(
        holistic.attribute(subject, x, "vargrad", LABELS), noisy, rtol=1e-3, atol=1e-6
    )


@HOOKS
def test_reused_and_functional_relus_have_the_rules_that_captum_misses() -> None:
    """Captum hooks modules: of a ReLU that is called twice, or by a function, it sees less."""
    plain = relu_net(0)
    shared = nn.ReLU()

    class Reused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts, self.relu = nn.ModuleList(plain[::2]), shared  # pyright: ignore

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu(self.parts[0](x))
            return self.parts[2](torch.relu(self.parts[1](x)))

    images = draws(40, 20)
    own, other = subject_of(plain, images), subject_of(Reused(), images)
    for method in ("guided_backpropagation", "deeplift", "lrp"):
        torch.testing.assert_close(maps(other, method), maps(own, method), rtol=1e-5, atol=1e-6)
    missed = GuidedBackprop(other.model).attribute(
        other.evaluation.images[:5].clone().requires_grad_(), target=LABELS
    )
    assert (missed - maps(own, "guided_backpropagation")).abs().max() > 1e-3


def test_deeplift_adds_up_where_a_maximum_is_taken_and_in_transformers() -> None:
    subjects = [subject_of(small_cnn(pool=True), draws(40, 1, 8, 8)), case("transformer")]
    for subject in subjects:
        for baseline in ("zero", "mean", "class"):
            images = subject.evaluation.images[:5]
            there = baselines_of(subject, images, LABELS, baseline)
            change = (subject.predict(images) - subject.predict(there)).gather(1, LABELS[:, None])
            sums = maps(subject, "deeplift", baseline=baseline).flatten(1).sum(1)
            torch.testing.assert_close(sums, change[:, 0], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("rule", ["epsilon", "zplus", "gamma"])
def test_rules_equal_loops_over_contributions(rule: str) -> None:
    model, images = relu_net(1), draws(40, 20)
    weights = [(part.weight.detach(), part.bias.detach()) for part in model[::2]]  # pyright: ignore
    subject = subject_of(model, images)
    x = subject.evaluation.images[:5]
    found = maps(subject, "lrp", rule=rule)
    redrawn = maps(subject, "guided_backpropagation")
    for n, label in enumerate(LABELS.tolist()):
        wanted = slow.relevance(weights, x[n], label, rule)
        torch.testing.assert_close(found[n], wanted, rtol=2e-3, atol=1e-4)
        torch.testing.assert_close(
            redrawn[n], slow.guided(weights, x[n], label), rtol=1e-4, atol=1e-6
        )


@HOOKS
def test_relevance_is_conserved_and_equals_captum_s() -> None:
    model, images = relu_net(2, bias=0.0), draws(40, 20)
    subject = subject_of(model, images)
    logits = subject.predict(subject.evaluation.images[:5]).gather(1, LABELS[:, None])[:, 0]
    for rule in ("epsilon", "zplus", "gamma", "composite"):
        sums = maps(subject, "lrp", rule=rule, epsilon=1e-9).sum(1)
        torch.testing.assert_close(sums, logits, rtol=1e-3, atol=1e-4)
    biased = relu_net(2)
    x = images[:5].clone().requires_grad_()
    wanted = CaptumLrp(biased).attribute(x, target=LABELS).detach()
    found = holistic.attribute(
        subject_of(biased, images), images[:5], "lrp", LABELS, rule="epsilon", epsilon=1e-9
    )
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_exact_integrals_of_random_networks_equal_many_steps(seed: int, bias: float) -> None:
    model, images = relu_net(seed, bias=bias), draws(40, 20, seed=seed)
    subject = subject_of(model, images)
    found = holistic.attribute(subject, images[:3], "integrated_gradients", 1, exact=True)
    loose = holistic.attribute(subject, images[:3], "integrated_gradients", 1, tolerance=0.002)
    double = relu_net(seed, bias=bias).double()
    for image, own, near in zip(images[:3], found, loose, strict=True):
        wanted = slow.on_a_line(double, image.double(), torch.zeros(20).double(), 1, 20_000)
        size = float(wanted.abs().sum())
        assert float((own - wanted).abs().sum()) < 1e-3 * size + 1e-5
        assert float((near - wanted).abs().sum()) < 0.1 * size + 1e-4
        moved = abs(float(wanted.sum())) + 1e-3
        assert abs(float(own.sum() - wanted.sum())) < 2e-3 * moved + 1e-5


def test_steps_adapt_until_sums_are_as_near_as_is_asked() -> None:
    for name in ("cnn", "transformer", "gated"):
        subject = case(name)
        images = subject.evaluation.images
        labels = subject.predict().argmax(1)
        there = torch.zeros_like(images)
        change = (subject.predict() - subject.predict(there)).gather(1, labels[:, None])[:, 0]
        errors = [
            (maps_sum(subject, images, labels, tolerance) - change).abs().sum() / change.abs().sum()
            for tolerance in (0.05, 0.0005)
        ]
        assert errors[0] < 0.05
        assert errors[1] < 0.001


def maps_sum(subject: holistic.Subject, images: Tensor, labels: Tensor, tolerance: float) -> Tensor:
    found = holistic.attribute(subject, images, "integrated_gradients", labels, tolerance=tolerance)
    return found.flatten(1).sum(1)


def test_a_saturated_score_fools_saliency_and_no_integral() -> None:
    """The score is min(x₀, 1) - 1 of an image with x₀ = 2: flat there, though x₀ made it."""

    class Saturated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            rise = 1 - torch.relu(1 - x[:, 0])
            return torch.stack([rise, 0.01 * x[:, 1], 0 * rise, 0 * rise], 1)

    images = draws(40, 6).abs() + 0.1
    images[:, 0] = 2.0
    subject = subject_of(Saturated(), images)
    x = subject.evaluation.images[:4]
    assert (holistic.attribute(subject, x, "saliency", 0) == 0).all()
    for method in ("integrated_gradients", "deeplift", "feature_ablation"):
        found = holistic.attribute(subject, x, method, 0, baseline=0.0)
        torch.testing.assert_close(found[:, 0], torch.ones(4), rtol=1e-3, atol=1e-3)
        assert (found[:, 1:].abs() < 1e-4).all()


def test_shapley_values_of_few_segments_are_exact() -> None:
    model, images = small_cnn(), draws(40, 1, 8, 8)
    subject = subject_of(model, images)
    x, options = subject.evaluation.images[:2], {"segments": 4, "baseline": "mean"}
    fill = baselines_of(subject, x, LABELS[:2], "mean")[0]
    parts = torch.arange(8)[:, None] // 4 * 2 + torch.arange(8) // 4
    kernel = holistic.attribute(subject, x, "kernel_shap", 1, samples=14, **options)
    sampled = holistic.attribute(subject, x, "shapley_sampling", 1, permutations=600, **options)
    for image, exact, near in zip(x, kernel, sampled, strict=True):
        wanted = slow.shapley(model, image, fill, 1, parts)
        sums = torch.stack([exact[0][parts == n].sum() for n in range(4)])
        torch.testing.assert_close(sums, wanted, rtol=1e-3, atol=1e-4)
        sums = torch.stack([near[0][parts == n].sum() for n in range(4)])
        torch.testing.assert_close(sums, wanted, rtol=0.1, atol=0.02)


def test_windows_and_cams_equal_loops() -> None:
    model, images = small_cnn(), draws(40, 1, 8, 8)
    subject = subject_of(model, images)
    x = subject.evaluation.images[:2]
    fill = baselines_of(subject, x, LABELS[:2], "mean")[0]
    found = holistic.attribute(subject, x, "occlusion", 2, window=3, overlap=2)
    cams = [holistic.attribute(subject, x, m, 2, site="1") for m in ("grad_cam", "layer_cam")]
    for n, image in enumerate(x):
        wanted = slow.occlusion(model, image, fill, 2, window=3, stride=1)
        torch.testing.assert_close(found[n, 0], wanted, rtol=1e-3, atol=1e-5)
        for own, loop in zip(cams, slow.grad_cam(model, 1, image, 2), strict=True):
            torch.testing.assert_close(own[n, 0], slow.enlarged(loop, 8), rtol=1e-3, atol=1e-5)


def test_rollout_is_the_product_of_mean_attention() -> None:
    from holistic.graph.attention import attending, attention_weights

    subject = case("transformer")
    x = subject.evaluation.images[:2]
    sites = attending(subject.engine)
    weights = attention_weights(subject.engine, x, sites)
    found = holistic.attribute(subject, x, "attention_rollout", 0)
    for n in range(2):
        flow = slow.rollout([weights[site][n].numpy() for site in sites])
        wanted = slow.enlarged(torch.from_numpy(flow[0, 1:].reshape(2, 2)).float(), 8)
        torch.testing.assert_close(found[n, 0], wanted, rtol=1e-4, atol=1e-6)


def test_rise_points_at_the_only_pixels_that_count() -> None:
    class Corner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            value = x[:, 0, :3, :3].sum((1, 2))
            return torch.stack([value, -value, 0 * value, 0 * value], 1)

    subject = subject_of(Corner(), draws(40, 1, 12, 12).abs() + 1)
    found = holistic.attribute(subject, subject.evaluation.images[:3], "rise", 0, baseline="zero")
    inside = found[:, 0, :3, :3].mean((1, 2))
    assert (inside > 3 * found[:, 0, 6:, 6:].abs().mean((1, 2))).all()


def test_targets_are_classes_names_places_and_pairs() -> None:
    subject = case("cnn")
    images = subject.evaluation.images[:5]
    order = subject.predict(images).argsort(dim=1, descending=True)

    def found(target: Any) -> Tensor:
        return holistic.attribute(subject, images, "saliency", target)

    assert torch.equal(found("predicted"), found(order[:, 0]))
    assert torch.equal(found("runner-up"), found(order[:, 1].numpy()))
    assert torch.equal(found("2"), found(2))
    pair = found(("predicted", "runner-up"))
    torch.testing.assert_close(pair, found(order[:, 0]) - found(order[:, 1]))
    torch.testing.assert_close(pair, found(order[:, :2]))
    arrays = holistic.attribute(subject, images.numpy(), "saliency", ["0", "1", "2", "3", "0"])
    assert isinstance(arrays, np.ndarray)
    np.testing.assert_array_equal(arrays, found(LABELS).numpy())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "gradcam"}, "no attribution method 'gradcam' .did you mean 'grad_cam'"),
        ({"method": 3}, "no attribution method 3"),
        ({"target": "no"}, "no class 'no'; target may be '0'"),
        ({"target": 9}, "target has no class 9; there are 4: 0 to 3"),
        ({"target": [0, 1]}, "target must be a class or one for each of the 5 images"),
        ({"target": 1.5}, "target must be a class"),
        ({"target": np.array([True] * 5)}, "target must be a class"),
        ({"baseline": "zer"}, "no baseline 'zer' .did you mean 'zero'"),
        ({"baseline": torch.zeros(3)}, "baseline must be one of"),
        ({"window": 3}, "'integrated_gradients' has no setting 'window'; its settings are 'steps'"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"method": "grad_cam", "site": "8"}, "no map|no site"),
        ({"method": "lrp", "rule": "alpha"}, "rule must be one of 'composite'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changed: dict[str, Any], message: str) -> None:
    subject = case("cnn")
    with pytest.raises(holistic.HolisticError, match=message) as caught:
        holistic.attribute(subject, subject.evaluation.images[:5], **changed)
    assert "\n" not in str(caught.value)


def test_a_model_without_gradients_has_maps_by_erasing() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = small_cnn()

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x.detach())

    subject = subject_of(Cut(), draws(40, 1, 8, 8))
    for method in ("saliency", "integrated_gradients", "smoothgrad"):
        with pytest.raises(SettingError, match=r"cuts gradients off .* use .*'occlusion'"):
            maps(subject, method)
    assert maps(subject, "occlusion").abs().max() > 0


def test_baselines_and_how_far_maps_depend_on_them() -> None:
    subject = case("cnn")
    images = subject.evaluation.images[:5]
    for name in BASELINES:
        assert baselines_of(subject, images, LABELS, name).shape == images.shape
    drawn = baselines_of(subject, images, LABELS, "class")
    pool = subject.selection
    for one, label in zip(drawn, LABELS.tolist(), strict=True):
        (place,) = (pool.images == one).flatten(1).all(1).nonzero()[:, 0].tolist()
        assert int(pool.labels[place]) != label
    flat = torch.full_like(images, 2.5)
    torch.testing.assert_close(baselines_of(subject, flat, LABELS, "blur"), flat)
    same, other = draws(3, 4), draws(3, 4, seed=1)
    np.testing.assert_allclose(distance([same, same]), 0)
    np.testing.assert_allclose(distance([same, -same]), 1)
    assert (distance([same, other]) > 0.1).all()
    depends = holistic.baseline_dependence(subject, images, "integrated_gradients", LABELS)
    assert ((depends > 0.01) & (depends <= 1)).all()
    assert (holistic.baseline_dependence(subject, images, "saliency", LABELS) == 0).all()
