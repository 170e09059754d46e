"""Does a subject check what it's given, and do edits do what they say?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError, SettingError, SiteError
from holistic.study.scores import score
from zoo import ZOO, make


def plain(n: int = 40, classes: int = 4) -> tuple[Tensor, Tensor]:
    return ZOO["mlp"].images(n), torch.arange(n) % classes


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return holistic.Subject(make(ZOO["mlp"]), plain(), name="small")


@pytest.fixture(scope="module")
def spatial() -> holistic.Subject:
    case = ZOO["cnn"]
    return holistic.Subject(make(case), (case.images(40), torch.arange(40) % 4))


def test_splits_are_disjoint_and_whole(subject: holistic.Subject) -> None:
    both = np.concatenate([subject.selection_indices, subject.evaluation_indices])
    assert sorted(both) == list(range(40))
    for examples in (subject.selection, subject.evaluation):
        assert torch.equal(subject.images[examples.indices], examples.images)
        assert torch.bincount(examples.labels).tolist() == [5, 5, 5, 5]


def test_capture_and_predict_are_the_model(subject: holistic.Subject) -> None:
    images = subject.evaluation.images
    with torch.no_grad():
        value = subject.model[:3](images)
        logits = subject.model(images)
    torch.testing.assert_close(subject.capture(["2"])["2"], value)
    torch.testing.assert_close(subject.predict(), logits)
    parts = list(subject.capture_batches(["2"], batch=7))
    torch.testing.assert_close(torch.cat([v["2"] for _, v in parts]), value)
    assert [p.start for p, _ in parts] == [0, 7, 14]


def test_the_mean_weighs_classes_alike_however_many_examples_they_have() -> None:
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor([48, 16, 8, 8]))
    subject = holistic.Subject(make(ZOO["mlp"]), (plain(80)[0], labels))
    chosen = subject.capture(["2"], subject.selection.images)["2"].double()
    own = subject.selection.labels
    assert torch.bincount(own).tolist() == [24, 8, 4, 4]
    balanced = torch.stack([chosen[own == c].mean(0) for c in range(4)]).mean(0)
    torch.testing.assert_close(subject.mean("2"), balanced.float())
    assert (balanced - chosen.mean(0)).abs().max() > 0.05
    put = subject.predict(edits=[holistic.Mean("2", units=[3])])
    at = subject.predict(edits=[holistic.Constant("2", units=[3], value=float(balanced[3]))])
    torch.testing.assert_close(put, at)


def by_hand(subject: holistic.Subject, change: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.no_grad():
        return subject.model[3:](change(subject.model[:3](subject.evaluation.images)))


def test_each_edit_does_what_it_says(subject: holistic.Subject) -> None:
    direction = torch.linspace(-1, 1, 12)
    unit = direction / direction.norm()
    chosen = subject.capture(["2"], subject.selection.images)["2"].double()
    labels = subject.selection.labels
    mean = torch.stack([chosen[labels == c].mean(0) for c in range(4)]).mean(0).float()
    torch.testing.assert_close(subject.mean("2"), mean)
    source = torch.randn(20, 12)

    def at(units: list[int], new: Tensor | float) -> Callable[[Tensor], Tensor]:
        def change(x: Tensor) -> Tensor:
            x = x.clone()
            x[:, units] = new[..., units] if isinstance(new, Tensor) else new
            return x

        return change

    cases = [
        (holistic.Zero("2", units=[1, 5]), at([1, 5], 0.0)),
        (holistic.Zero("2"), torch.zeros_like),
        (holistic.Mean("2", units=[0]), at([0], mean)),
        (holistic.Constant("2", units=[3], value=2.5), at([3], 2.5)),
        (holistic.Patch("2", units=[4, 2], source=source), at([4, 2], source)),
        (holistic.Steer("2", direction=direction, amount=3.0), lambda x: x + 3 * direction),
        (
            holistic.Erase("2", direction=direction),
            lambda x: x - ((x - mean) @ unit)[:, None] * unit,
        ),
    ]
    for edit, change in cases:
        torch.testing.assert_close(subject.predict(edits=[edit]), by_hand(subject, change))
    drawn = holistic.Resample("2", units=[1], seed=4)
    again = subject.predict(edits=[drawn])
    assert torch.equal(again, subject.predict(edits=[drawn]))
    assert not torch.equal(again, subject.predict(edits=[holistic.Resample("2", [1], seed=5)]))


def test_edits_compose_over_sites_and_at_one_site(subject: holistic.Subject) -> None:
    edits = [holistic.Zero("2", units=[1]), holistic.Constant("4", units=[0], value=1.0)]
    got = subject.predict(edits=edits)
    with torch.no_grad():
        x = subject.model[:3](subject.evaluation.images)
        x[:, 1] = 0
        x = subject.model[3:5](x)
        x[:, 0] = 1
        expected = subject.model[5](x)
    torch.testing.assert_close(got, expected)
    assert torch.equal(got, subject.predict(edits=edits[::-1]))
    twice = [holistic.Constant("2", units=[0], value=9.0), holistic.Zero("2", units=[0])]
    only = subject.predict(edits=twice[1:])
    torch.testing.assert_close(subject.predict(edits=twice), only)


def test_edits_at_positions(spatial: holistic.Subject) -> None:
    site = spatial.site("1")
    assert (site.units, site.positions) == (5, (8, 8))
    edit = holistic.Zero("1", units=[2], positions=[0, 63])
    value = spatial.downstream(spatial.evaluation.images, [edit], ["1"])[1]["1"]
    plain_value = spatial.capture(["1"])["1"]
    expected = plain_value.clone()
    expected[:, 0, 0, 2] = 0
    expected[:, 7, 7, 2] = 0
    assert torch.equal(value, expected)
    assert not torch.equal(value, plain_value)


def test_downstream_values_see_the_edit(subject: holistic.Subject) -> None:
    images = subject.evaluation.images
    values = subject.downstream(images, [holistic.Zero("2")], ["4"])[1]["4"]
    with torch.no_grad():
        expected = subject.model[3:5](torch.zeros(20, 12))
    torch.testing.assert_close(values, expected)


def test_gradients_with_respect_to_sites(subject: holistic.Subject) -> None:
    images = subject.evaluation.images
    value = subject.capture(["2"])["2"].requires_grad_()
    (got,) = torch.autograd.grad(subject.logits_from(images, {"2": value})[:, 1].sum(), value)
    again = value.detach().requires_grad_()
    (expected,) = torch.autograd.grad(subject.model[3:](again)[:, 1].sum(), again)
    torch.testing.assert_close(got, expected)


def test_scores_are_their_definitions() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 3.0], [1.0, 1.0, 0.0]])
    labels = torch.tensor([0, 1, 1])
    torch.testing.assert_close(score(logits, labels, "margin"), torch.tensor([1.5, -3.0, 0.0]))
    torch.testing.assert_close(score(logits, labels, "logit"), torch.tensor([2.0, 0.0, 1.0]))
    expected = F.log_softmax(logits, 1)[torch.arange(3), labels]
    torch.testing.assert_close(score(logits, labels, "log_prob"), expected)
    assert score(logits, labels, "accuracy").tolist() == [1, 0, 0]


def test_table_of_sites(subject: holistic.Subject) -> None:
    table = subject.sites.to_pandas()
    assert table["site"].tolist() == ["0", "1", "2", "3", "4", "5"]
    assert table["units"].tolist() == [64, 12, 12, 9, 9, 4]
    assert table["parameters"].tolist() == [0, 780, 0, 117, 0, 40]
    assert [s.name for s in subject.hidden_sites] == ["2", "4"]


def test_fingerprints_follow_weights_and_data(subject: holistic.Subject) -> None:
    images, labels = plain()
    again = holistic.Subject(make(ZOO["mlp"]), (images, labels))
    assert again.fingerprint == subject.fingerprint
    other = holistic.Subject(make(ZOO["mlp"], seed=1), (images, labels)).fingerprint
    assert other["weights"] != subject.fingerprint["weights"]
    assert other["data"] == subject.fingerprint["data"]
    images[0, 0, 0, 0] += 1
    moved = holistic.Subject(make(ZOO["mlp"]), (images, labels)).fingerprint
    assert moved["data"] != subject.fingerprint["data"]


def test_the_untrained_control(subject: holistic.Subject) -> None:
    control = subject.untrained(3)
    assert control.name == "small (untrained)"
    assert torch.equal(control.images, subject.images)
    assert control.fingerprint["weights"] != subject.fingerprint["weights"]


@pytest.mark.parametrize("name", ["transformer", "data-dependent"])
def test_units_lie_along_the_axis_that_the_user_names(name: str) -> None:
    """Tokens as units of a hidden layer; the hooked engine has features only on one axis."""
    case = ZOO[name]
    data = (case.images(20), torch.arange(20) % 4)
    site = "blocks.0.mlp.1" if name == "transformer" else "act"
    axes = {site: 0} if name == "transformer" else {site: -1}
    subject = holistic.Subject(make(case), data, unit_axes=axes)
    plainly = holistic.Subject(make(case), data)
    named = subject.site(site)
    if name == "transformer":
        assert (named.units, named.layout) == (5, "12 steps")
        features = plainly.mean(site)
        assert torch.allclose(subject.mean(site), features.T)
        tokens = subject.predict(edits=[holistic.Zero(site, units=[2])])
        expected = plainly.predict(edits=[holistic.Zero(site, positions=[2])])
        torch.testing.assert_close(tokens, expected)
        table = holistic.sweep(subject, [site], "zero").where(class_="all")
        labels = subject.evaluation.labels
        change = subject.score_of(tokens, labels) - subject.score_of(subject.predict(), labels)
        np.testing.assert_allclose(table.column("effect")[2], change.mean(), atol=1e-5)
    with pytest.raises(SettingError, match=f"no axis 7 at site '{site}'"):
        _ = holistic.Subject(make(case), data, unit_axes={site: 7}).engine
    with pytest.raises(SiteError, match="no site 'nowhere'"):
        _ = holistic.Subject(make(case), data, unit_axes={"nowhere": 0}).engine


def test_positions_are_named() -> None:
    for name, site, layout in (
        ("mlp", "2", ""),
        ("cnn", "1", "8 × 8 pixels"),
        ("transformer", "blocks.0.mlp.1", "5 tokens"),
        ("transformer", "blocks.0.scaled_dot_product_attention", "5 tokens × 4 features"),
        ("one-dimensional", "act", "14 steps"),
    ):
        case = ZOO[name]
        subject = holistic.Subject(make(case), (case.images(20), torch.arange(20) % 4))
        (row,) = subject.sites.where(site=site).rows()
        assert row["layout"] == layout


def test_the_device_is_chosen_and_checked() -> None:
    subject = holistic.Subject(make(ZOO["mlp"]), plain())
    assert subject.device == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(SettingError, match=r"no device 'gpu'; this machine has 'auto', 'cpu'"):
        holistic.Subject(make(ZOO["mlp"]), plain(), device="gpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["mlp", "cnn", "residual in-place", "transformer", "gru"])
def test_an_accelerator_finds_what_the_processor_finds(name: str) -> None:
    case = ZOO[name]
    model = make(case)
    data = (case.images(64), torch.arange(64) % 4)
    here, there = (holistic.Subject(model, data, device=d) for d in ("cpu", "cuda"))
    assert next(model.parameters()).device.type == "cpu"
    for edit in ("mean", "zero", "resample"):
        first, second = (holistic.sweep(s, edit=edit).column("effect") for s in (here, there))
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-5)
    torch.cuda.synchronize()


def test_a_linear_model_has_no_hidden_units() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    subject = holistic.Subject(model, plain())
    with pytest.raises(ModelError, match="no hidden units"):
        _ = subject.hidden_sites


def test_unknown_sites_units_and_positions(subject: holistic.Subject) -> None:
    with pytest.raises(SiteError, match="no site 'layr3'; this model has '2', '4'; list them"):
        subject.capture(["layr3"])
    with pytest.raises(SiteError, match="no unit 12 at site '2'; it has units 0 to 11"):
        subject.predict(edits=[holistic.Zero("2", units=[12])])
    with pytest.raises(SiteError, match="no position 1 at site '2'"):
        subject.predict(edits=[holistic.Zero("2", positions=[1])])
    with pytest.raises(SettingError, match="needs a source of shape"):
        subject.predict(edits=[holistic.Patch("2", source=torch.zeros(3))])
    with pytest.raises(SettingError, match="needs shape \\(12,\\)"):
        subject.predict(edits=[holistic.Steer("2", direction=torch.zeros(3))])


def test_a_class_without_examples_is_left_empty() -> None:
    images, _ = plain()
    subject = holistic.Subject(make(ZOO["mlp"]), (images, torch.arange(40) % 3))
    rows = holistic.sweep(subject, ["4"]).where(class_="3")
    assert set(rows.column("n")) == {0}
    assert np.isnan(rows.column("effect")).all()
    assert np.isnan(rows.column("q")).all()
    assert bool(subject.mean("4").isfinite().all())


def test_values_that_are_not_finite_stop_with_their_count_and_site(tmp_path: Path) -> None:
    images, labels = plain()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 4)
    ).eval()
    model[1].bias.data[2] = torch.inf
    model[3].weight.data[:, 2] = 1.0  # the sigmoid makes infinity finite again
    subject = holistic.Subject(model, (images, labels))
    with pytest.raises(ModelError, match="site '2' holds 40 NaN or infinite values; check"):
        holistic.audit(subject, out=tmp_path / "run", lenses=["ablation"])


def test_nothing_of_a_subject_is_changed_once_it_is_made(subject: holistic.Subject) -> None:
    for name in ("model", "data", "classes", "choices", "device", "wrapped"):
        with pytest.raises(FrozenInstanceError):
            setattr(subject, name, getattr(subject, name))
    for name in ("score", "seed", "images", "labels", "evaluation", "engine", "fingerprint"):
        with pytest.raises(AttributeError):
            setattr(subject, name, getattr(subject, name))


def test_a_control_with_new_weights_forgets_the_former(subject: holistic.Subject) -> None:
    control = subject.untrained(0)
    first, mean = control.fingerprint["weights"], control.mean("2")
    engine = control.engine
    again = subject.untrained(1, reuse=control)
    assert again.engine is engine
    assert again.fingerprint["weights"] != first
    assert not torch.equal(again.mean("2"), mean)
    torch.testing.assert_close(again.mean("2"), subject.untrained(1).mean("2"))
