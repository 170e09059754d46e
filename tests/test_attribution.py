"""Does the lens `attribution` find what is built in, and what the papers' formulas give?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import holistic
import slow_attribution as slow
from holistic.attributing.method import Method
from holistic.attributing.registry import METHODS, display_name
from holistic.errors import SettingError
from holistic.lenses._cases import cases
from holistic.lenses._contract import Context
from holistic.lenses._pictures import flat_planes, pictures, planes
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._checks import completeness, rank_correlations, removed
from holistic.lenses.attribution._maps import (
    attributions,
    edges,
    magnitude,
    named_methods,
)
from holistic.lenses.attribution._sample import balanced, typical
from holistic.lenses.attribution.methods import methods_finding
from holistic.lenses.attribution.methods_statements import statements
from holistic.progress import silent
from holistic.results.findings import Finding
from planted_attribution import PATCH, reading_a_corner, straight, untouched
from zoo import ZOO, make

USUAL = [name for name, method in METHODS.items() if method.audited]
PLAIN = [n for n in USUAL if n not in ("guided_backpropagation", "grad_cam", "layer_cam")]
"""Those that need neither a ReLU nor a map."""
NOISELESS = [name for name in USUAL if not METHODS[name].random]
"""Methods whose maps are the same whatever is drawn."""
SMALL = {"examples": 24, "steps": 8, "noise_draws": 4, "fractions": 8, "random_orders": 2}


def found(subject: holistic.Subject, **changed: object) -> Finding:
    lens = Attribution(**{**SMALL, **changed})
    return next(f for f in lens.run(subject, Context()) if f.name == "attribution.methods")


def subject_of(name: str, count: int = 60) -> holistic.Subject:
    case = ZOO[name]
    return holistic.Subject(make(case), (case.images(count), torch.arange(count) % 4))


def row_of(finding: Finding, method: str, metric: str) -> dict[str, object]:
    (row,) = finding.table.where(method=method, metric=metric).rows()
    return row


def maps_of(
    subject: holistic.Subject, count: int = 6, **changed: object
) -> dict[str, torch.Tensor]:
    sample = balanced(subject.evaluation, count, 0)
    return attributions(subject, sample, Attribution(**{**SMALL, **changed}), lambda count: None)


@pytest.fixture(scope="module")
def corner() -> Finding:
    return found(reading_a_corner())


def test_every_method_points_at_the_only_pixels_that_count(corner: Finding) -> None:
    names = list(dict.fromkeys(corner.table.column("method")))
    assert names == [*PLAIN, "edge", "random"]
    for array in ("attribution.class_maps", "attribution.example_maps"):
        for name, maps in zip(names, corner.arrays[array], strict=False):
            inside = np.abs(maps)[:, *PATCH].sum((1, 2))
            if name == "edge":
                assert (inside < 0.3).all()
            elif name == "contrast_gradients":  # blurs over the pixels beside
                assert (inside > 0.9).all()
            else:
                np.testing.assert_allclose(inside, 1, rtol=1e-5)


def test_maps_of_single_images_say_what_speaks_for_the_class_and_what_against() -> None:
    """The class's logit grows by one pixel of a pair and falls by the other."""
    weight = torch.zeros(16)
    weight[0], weight[1] = 3.0, -1.0
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model[1].weight[0] = weight  # pyright: ignore[reportArgumentType]
        model[1].bias[0], model[3].weight[0, 0] = 9.0, 1.0  # pyright: ignore[reportIndexIssue]
    images = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    finding = found(holistic.Subject(model.eval(), (images, torch.arange(40) % 2)))
    maps = finding.arrays["attribution.example_maps"]
    labels = finding.arrays["attribution.example_labels"]
    methods = list(dict.fromkeys(finding.table.column("method")))
    own = maps[methods.index("input_x_gradient"), labels == 0].reshape(-1, 16)
    assert len(own)
    assert (own[:, 0] > 0).all()
    assert (own[:, 1] < 0).all()
    np.testing.assert_allclose(np.abs(own).sum(1), 1, rtol=1e-5)
    assert (maps[methods.index("edge")] >= 0).all()
    assert (finding.arrays["attribution.class_maps"] >= 0).all()


def test_removing_the_pixels_that_count_beats_a_random_order(corner: Finding) -> None:
    for method in PLAIN:
        for metric, sign in (("deletion_auc", -1), ("insertion_auc", 1)):
            row = row_of(corner, method, metric)
            assert row["passed"]
            assert sign * (row["value"] - row["control"]) > 0.05
            np.testing.assert_allclose(row["difference"], row["value"] - row["control"])
    for metric in ("deletion_auc", "insertion_auc"):
        assert not row_of(corner, "edge", metric)["passed"]
        assert row_of(corner, "random", metric)["passed"] is None
        assert row_of(corner, "random", metric)["control"] is None
    curves = corner.arrays["attribution.curves"]
    assert curves.shape == (len(PLAIN) + 2, 2, 9)
    low, high = np.moveaxis(corner.arrays["attribution.curve_bounds"], 2, 0)
    known = np.isfinite(low)  # nothing is said where all images say the same
    assert known.mean() > 0.4
    assert (low <= curves + 1e-6)[known].all()
    assert (curves <= high + 1e-6)[known].all()
    assert (low < high)[known].all()
    # four of 64 pixels are the whole patch: half a step of the grid of eight
    assert (curves[: len(PLAIN), 0, 1] < 0.6).all()
    assert curves[-1, 0, 1] > 0.8
    assert "all methods are better than the random order" in corner.statements[0]


def test_a_linear_model_has_the_closed_form() -> None:
    subject, weight = straight()
    sample = balanced(subject.evaluation, 6, 0)
    maps = maps_of(subject)
    own = weight[sample.labels]
    for name, expected in {
        "saliency": own,
        "input_x_gradient": own * sample.images,
        "integrated_gradients": own * sample.images,
        "smoothgrad": own,
    }.items():
        torch.testing.assert_close(maps[name], expected, rtol=1e-4, atol=1e-5)
    finding = found(subject)
    for method in ("input_x_gradient", "integrated_gradients"):
        row = row_of(finding, method, "completeness")
        assert row["passed"]
        assert row["hi"] < 1e-5
        assert row["control"] > 0.05


def test_images_without_zeros_are_not_tested_twice(corner: Finding) -> None:
    metrics = set(corner.table.column("metric"))
    assert "randomisation" in metrics
    assert "randomisation_nonzero" not in metrics
    subject = reading_a_corner()
    images = torch.where(subject.images > 0.7, subject.images, 0.0)
    dark = found(holistic.Subject(subject.model, (images, subject.labels)))
    assert "randomisation_nonzero" in set(dark.table.column("metric"))


def test_a_method_that_is_declared_is_made_and_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """One declaration is enough: maps, tests and sentences follow from it."""
    own = Method(
        "twice_x_itself", lambda setup: lambda batch: 2 * batch.points, complete=True, audited=True
    )
    monkeypatch.setitem(METHODS, own.name, own)
    finding = found(subject_of("mlp"))
    rows = finding.table.where(method=own.name)
    others = finding.table.where(method="input_x_gradient")
    assert list(rows.column("metric")) == list(others.column("metric"))
    names = set(finding.table.column("method")) - {"random"}
    assert len(finding.arrays["attribution.class_maps"]) == len(names)
    completeness_line, randomisation_line = finding.statements[2:4]
    assert "twice × itself by" in completeness_line
    # what sees no weights is the same in a copy that learnt nothing
    assert "twice × itself 1.00 [–, –] (fails)" in randomisation_line


def test_methods_are_shown_by_the_names_that_people_use() -> None:
    shown = {display_name(name) for name in METHODS}
    assert {"saliency", "input × gradient", "integrated gradients", "smoothgrad"} <= shown


@pytest.mark.parametrize("steps", [4, 8])
def test_integrated_gradients_take_all_their_steps(steps: int) -> None:
    """Gauss and Legendre's points of that many steps, and of no fewer."""
    subject = reading_a_corner()
    sample = balanced(subject.evaluation, 4, 0)
    maps = maps_of(subject, 4, steps=steps)["integrated_gradients"]

    def by_points(count: int) -> torch.Tensor:
        points, weights = np.polynomial.legendre.leggauss(count)
        total = torch.zeros_like(sample.images)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            for i, (image, label) in enumerate(zip(sample.images, sample.labels, strict=True)):
                total[i] += weight * slow.gradient(subject.model, point * image, int(label))
        return sample.images * total

    torch.testing.assert_close(maps, by_points(steps), rtol=1e-4, atol=1e-5)
    assert (maps - by_points(steps // 2)).abs().max() > 1e-3
    row = row_of(found(subject, steps=steps), "integrated_gradients", "completeness")
    half = row_of(found(subject, steps=steps // 2), "integrated_gradients", "completeness")
    assert row["value"] < half["value"] / 2


@pytest.mark.parametrize("objective", ["logit", "margin", "log_prob"])
def test_gradients_equal_those_of_the_user_s_model(objective: str) -> None:
    subject = subject_of("residual in-place")
    sample, maps = balanced(subject.evaluation, 6, 0), maps_of(subject, objective=objective)
    plain = getattr(slow, objective)
    for i, (image, label) in enumerate(zip(sample.images, sample.labels.tolist(), strict=True)):
        slope = slow.gradient(subject.model, image, label, plain)
        torch.testing.assert_close(maps["saliency"][i], slope, rtol=1e-4, atol=1e-6)
        product = slope * image
        torch.testing.assert_close(maps["input_x_gradient"][i], product, rtol=1e-4, atol=1e-6)


def test_integrated_gradients_equal_a_riemann_sum() -> None:
    """On a smooth model eight Gauss-Legendre points are as good as a thousand midpoints."""
    subject = reading_a_corner()
    sample = balanced(subject.evaluation, 4, 0)
    maps = maps_of(subject, 4, steps=24)["integrated_gradients"]
    for image, label, found_map in zip(sample.images, sample.labels.tolist(), maps, strict=True):
        expected = slow.integrated_gradients(subject.model, image, label, steps=600)
        torch.testing.assert_close(found_map.double(), expected, rtol=1e-3, atol=1e-5)


def test_smoothgrad_equals_the_mean_over_the_same_noise() -> None:
    subject = subject_of("mlp")
    sample, maps = balanced(subject.evaluation, 6, 0), maps_of(subject)
    spread = 0.15 * float(subject.images.max() - subject.images.min())
    generator = torch.Generator().manual_seed(subject.seed)
    noise = spread * torch.randn(24, 1, 8, 8, generator=generator)  # [6 images · 4 draws, …]
    for i, (image, label) in enumerate(zip(sample.images, sample.labels.tolist(), strict=True)):
        expected = slow.smoothgrad(subject.model, image, label, noise[4 * i : 4 * i + 4])
        torch.testing.assert_close(maps["smoothgrad"][i], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 5, 9])
def test_batches_change_no_map_without_draws(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of("cnn")
    whole = maps_of(subject)
    monkeypatch.setattr("holistic.attributing.maps._ROWS", rows)
    parts = maps_of(subject)
    for name in NOISELESS:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-4, atol=1e-6)
    assert parts["smoothgrad"].shape == whole["smoothgrad"].shape


def test_words_say_when_a_filter_without_a_model_passes_too() -> None:
    image = np.linspace(0.1, 0.3, 8)
    rows = {
        name: removed(name, "deletion_auc", image + shift, None if name == "random" else image)
        for name, shift in (("gradient", -0.1), ("edge", -0.05), ("random", 0.0))
    }
    assert "sees no model, is better" in statements([*rows.values()], Attribution())[0]
    rows["edge"] = removed("edge", "deletion_auc", image + 0.1, image)
    assert "sees no model" not in statements([*rows.values()], Attribution())[0]


def test_edges_equal_sobel_by_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 5, 6, generator=generator)
    for image, strength in zip(images, edges(images), strict=True):
        expected = sum(slow.sobel(channel.numpy()) for channel in image)
        np.testing.assert_allclose(strength.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_rank_correlations_equal_loops() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (3, 20)).astype(float), rng.normal(size=(3, 20))
    among = rng.random((3, 20)) > 0.3
    a[2] = 1
    measured = rank_correlations(a, b, among=among)
    for x, y, kept, r in zip(a[:2], b[:2], among[:2], measured[:2], strict=True):
        np.testing.assert_allclose(r, slow.spearman(list(x[kept]), list(y[kept])))
    assert np.isnan(measured[2])


def test_completeness_is_the_error_of_the_sums() -> None:
    sums, changes = np.array([1.0, 2.0, -3.0, 4.0]), np.array([1.5, 2.0, -3.0, 3.0])
    row = completeness("a", sums, changes, tolerance=0.5, seed=0)
    error = row.value
    np.testing.assert_allclose(error.value, 1.5 / 9.5)
    np.testing.assert_allclose(error.control, (2.5 + 1 + 5 + 6) / 9.5)
    assert error.lo <= error.value <= error.hi
    assert row.passed == (error.hi <= 0.5)
    still = completeness("a", np.zeros(3), np.zeros(3), tolerance=0.5, seed=0)
    assert np.isnan(still.value.value)
    assert not still.passed


def test_a_model_that_learnt_nothing_fails_randomisation(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(holistic.Subject, "untrained", lambda subject, seed, reuse=None: subject)
        finding = found(untouched())
    for method in set(NOISELESS) & set(PLAIN):
        row = row_of(finding, method, "randomisation")
        np.testing.assert_allclose([row["value"], row["control"]], 1, atol=1e-6)
        assert not row["passed"]
    # every image says the same, so there is nothing to bound it by
    assert "saliency 1.00 [–, –] (fails)" in finding.statements[3]
    corner = found(subject_of("mlp"))
    assert row_of(corner, "saliency", "randomisation")["passed"]


def test_maps_are_made_of_the_images_that_all_lenses_tell_of() -> None:
    subject = subject_of("mlp", 96)
    arrays = found(subject, examples=8, steps=4).arrays
    ids, single = arrays["attribution.example_ids"], cases(subject)
    assert set(single.examples.indices.tolist()) <= set(ids.tolist())
    np.testing.assert_array_equal(
        arrays["attribution.example_labels"], subject.labels[torch.from_numpy(ids)].numpy()
    )
    wanted = pictures(subject.images[torch.from_numpy(ids)], subject.images)
    np.testing.assert_array_equal(arrays["attribution.example_images"], wanted)


def test_typical_images_have_the_median_margin() -> None:
    subject = subject_of("mlp", 200)
    shown = typical(subject)
    logits, labels = subject.predict(), subject.evaluation.labels
    margins = subject.score_of(logits, labels)
    for index, label in zip(shown.indices, shown.labels.tolist(), strict=True):
        mine = margins[(labels == label) & (logits.argmax(1) == labels)]
        place = int(np.flatnonzero(subject.evaluation_indices == index)[0])
        assert labels[place] == label
        assert float(margins[place]) == pytest.approx(float(mine.median()), rel=1e-5)
    assert len(set(shown.labels.tolist())) == len(shown)


def test_samples_are_balanced_and_come_from_the_evaluation_split() -> None:
    images = torch.zeros(100, 1, 4, 4)
    labels = torch.tensor([0] * 80 + [1] * 16 + [2] * 4)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    subject = holistic.Subject(model, (images, labels))
    sample = balanced(subject.evaluation, 20, 0)
    assert torch.bincount(sample.labels).tolist() == [10, 8, 2]
    assert set(sample.indices) <= set(subject.evaluation_indices)
    assert len(balanced(subject.evaluation, 1000, 0)) == len(subject.evaluation)
    assert not np.array_equal(sample.indices, balanced(subject.evaluation, 20, 1).indices)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp bfloat16", (8, 8)),
        ("mlp float64", (8, 8)),
        ("transformer", (8, 8)),
        ("lstm", (5, 8)),
        ("one-dimensional", (1, 16)),
        pytest.param(
            "data-dependent",
            (8, 8),
            # the model itself turns a tensor with a gradient into a number
            marks=pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad"),
        ),
        ("functional", (8, 8)),
    ],
)
def test_any_architecture(name: str, shape: tuple[int, int]) -> None:
    finding = found(subject_of(name, 48), examples=8, steps=4)
    arrays = finding.arrays
    methods = list(dict.fromkeys(finding.table.column("method")))
    count = len(methods) - 1
    assert ("edge" in methods) == (min(shape) >= 4)
    assert arrays["attribution.class_maps"].shape == (count, 4, *shape)
    shown = len(arrays["attribution.example_labels"])
    assert arrays["attribution.example_maps"].shape == (count, shown, *shape)
    assert arrays["attribution.example_images"].shape[:3] == (shown, *shape)
    assert arrays["attribution.curves"].shape == (count + 1, 2, 9)
    for name, array in arrays.items():
        assert name == "attribution.curve_bounds" or np.isfinite(array).all()
    assert finding.table.column("n").min() > 0
    assert all("nan" not in statement for statement in finding.statements)


def test_class_images_are_the_selection_splits_means() -> None:
    subject, _ = straight((5, 6))
    shown = found(subject).arrays["attribution.class_images"].astype(float)
    images, labels = subject.selection.images, subject.selection.labels
    low, high = (float(end) for end in torch.aminmax(subject.images))
    for c in range(len(subject.classes)):
        expected = (images[labels == c].mean(0) - low) / (high - low) * 255
        np.testing.assert_allclose(shown[c], expected, atol=0.51)


def test_features_without_a_plane_become_one_row() -> None:
    subject, weight = straight((7,))
    finding = found(subject)
    maps = finding.arrays["attribution.class_maps"]
    assert maps.shape == (len(PLAIN), 3, 1, 7)
    expected = weight.abs() / weight.abs().sum(1, keepdim=True)
    np.testing.assert_allclose(maps[0, :, 0], expected, rtol=1e-4)
    assert set(finding.table.column("method")) == {*PLAIN, "random"}


@pytest.mark.parametrize("shape", [(3, 5, 6), (5, 6, 3), (2, 5, 6), (5, 6), (9,), (2, 3, 4, 5)])
def test_planes_can_be_undone(shape: tuple[int, ...]) -> None:
    values = torch.rand(4, *shape)
    assert planes(values).dim() == 4
    assert torch.equal(flat_planes(planes(values), shape), values)


def test_channels_of_a_pixel_add_up_and_go_together() -> None:
    for shape in ((3, 5, 6), (5, 6, 3)):
        subject, weight = straight(shape)
        maps = magnitude(maps_of(subject)["saliency"])
        labels = balanced(subject.evaluation, 6, 0).labels
        expected = weight.abs().sum(1 if shape[0] == 3 else 3)[labels]
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5)
        finding = found(subject, examples=6)
        assert finding.arrays["attribution.example_images"].shape[1:] == (5, 6, 3)
        assert finding.arrays["attribution.class_maps"].shape[2:] == (5, 6)


def test_models_without_a_gradient_have_maps_by_erasing_alone() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = make(ZOO["mlp"])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x.detach())

    subject = holistic.Subject(Cut(), (ZOO["mlp"].images(60), torch.arange(60) % 4))
    finding = methods_finding(subject, Attribution(**SMALL), silent)
    assert set(finding.table.column("method")) == {"occlusion", "edge", "random"}
    assert "cuts gradients off" in " ".join(finding.caveats)


def test_methods_are_chosen_by_name() -> None:
    subject = subject_of("mlp")
    asked = found(subject, methods="saliency, lrp", examples=12)
    assert set(asked.table.column("method")) == {"saliency", "lrp", "edge", "random"}
    more = [method.name for method in named_methods(Attribution(methods="usual, rise"))]
    assert more == [name for name in METHODS if name in USUAL or name == "rise"]
    assert [m.name for m in named_methods(Attribution(methods="all"))] == list(METHODS)
    with pytest.raises(SettingError, match=r"methods has no 'lpr' .did you mean 'lrp'"):
        Attribution(methods="lpr")


def test_large_maps_are_added_up_in_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = straight((1, 5, 5))
    whole = found(subject).arrays["attribution.class_maps"]
    monkeypatch.setattr("holistic.lenses.attribution._maps._MOST_BYTES", whole.nbytes // 3)
    small = found(subject).arrays["attribution.class_maps"]
    assert small.shape == (len(PLAIN) + 1, 3, 3, 3)
    np.testing.assert_allclose(small.sum((2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(small[..., 0, 0], whole[..., :2, :2].sum((2, 3)), rtol=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_leaves_everything_alone() -> None:
    subject = subject_of("residual in-place")
    before = torch.random.get_rng_state()
    weights = {k: v.clone() for k, v in subject.model.state_dict().items()}
    images = subject.images.clone()
    first, second = found(subject), found(subject)
    assert first.table.data.equals(second.table.data)
    for name, array in first.arrays.items():
        assert array.tobytes() == second.arrays[name].tobytes()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(weights[k], v) for k, v in subject.model.state_dict().items())
    assert all(p.grad is None for p in subject.model.parameters())
    assert torch.equal(images, subject.images)
    assert not subject.images.requires_grad
    other = holistic.Subject(subject.model, (subject.images, subject.labels), seed=1)
    assert not first.table.data.equals(found(other).table.data)


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    context = Context(progress=lambda task, done, total: told.append((task, done, total)))
    list(Attribution(**SMALL).run(subject_of("mlp"), context))
    for task in ("attribution maps", "removing pixels"):
        steps = [(done, total) for name, done, total in told if name == task]
        assert steps[-1][0] == steps[-1][1]
        assert len({total for _, total in steps}) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"objective": "accuracy"}, "one of 'logit', 'margin', 'log_prob', got 'accuracy'"),
        ({"examples": 1}, "examples must be a whole number from 4 to 10000000, got 1"),
        ({"noise": 0.0}, "noise must be above 0, to 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Attribution(**changed)


def test_similarities_are_means_over_images_beside_their_controls() -> None:
    subject = subject_of("cnn")
    finding = found(subject)
    sample = balanced(subject.evaluation, 24, subject.seed)
    lens = Attribution(**SMALL)
    trained, first, second = (
        [magnitude(attributions(s, sample, lens, lambda count: None)["saliency"]).flatten(1)]
        for s in (subject, *(subject.untrained(subject.seed + 7919 * k) for k in (1, 2)))
    )
    lines = edges(sample.images).flatten(1)
    for metric, pairs in {
        "randomisation": ((trained[0], first[0]), (first[0], second[0])),
        "edge_similarity": ((trained[0], lines), (trained[0], lines.roll(1, 0))),
    }.items():
        row = row_of(finding, "saliency", metric)
        for name, (a, b) in zip(("value", "control"), pairs, strict=True):
            r = [slow.spearman(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
            np.testing.assert_allclose(row[name], np.mean(r), atol=0.01)
        assert row["lo"] < row["value"] < row["hi"]
        assert row["n"] == 24
