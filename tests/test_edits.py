"""Is there one vocabulary of edits, which a user can add to?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

import holistic
from holistic.errors import SettingError
from holistic.graph.editing import REGISTERED
from holistic.lenses._contract import lens_class
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._rankings import above_ablation_value, mean_activations
from holistic.replacing.sample import affordable_sweep
from holistic.replacing.sweep import Pass, table_of
from holistic.workbench.live import Live, Removal
from slow import hooked_logits
from test_sweeps import subject_of


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = dict(REGISTERED)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)


def halved(value: Tensor) -> Tensor:
    return value.mul_(0.5).add_(1.0)  # in place: the edit works on a copy


def make_half() -> type[holistic.Edit]:
    @dataclass(frozen=True)
    class Half(holistic.Edit, name="half"):
        def new_value(self, value: Tensor, reference: object) -> Tensor:
            return 0.5 * value + 1

    return Half


def make_median() -> type[holistic.Edit]:
    @dataclass(frozen=True)
    class Median(holistic.Edit, name="median"):
        def values(self, reference: holistic.Edit, places: Tensor) -> Tensor:
            return reference.statistic(self.site, "median", lambda v: v.median(0).values)

    return Median


def hook_effects(subject: holistic.Subject, site: str, change: object) -> np.ndarray:
    """Mean margin after minus before of every unit by a loop over hooks, `[U]`."""
    images, labels = subject.evaluation.images, subject.evaluation.labels
    before = subject.score_of(hooked_logits(subject.model, images, site, 1, lambda v: v), labels)
    units = subject.site(site).units
    found = np.zeros(units)
    for unit in range(units):

        def edited(value: Tensor, unit: int = unit) -> Tensor:
            new = value.clone()
            new[:, unit] = change(value)[:, unit]
            return new

        after = subject.score_of(hooked_logits(subject.model, images, site, 1, edited), labels)
        found[unit] = float((after - before).double().mean())
    return found


@pytest.mark.parametrize(("name", "site"), [("mlp", "2"), ("cnn", "1")])
@pytest.mark.parametrize("made", ["function", "class", "name"])
def test_a_sweep_of_a_user_s_edit_equals_the_hook_loop(name: str, site: str, made: str) -> None:
    subject = subject_of(name)
    edit = halved if made == "function" else make_half() if made == "class" else "half"
    if made == "name":
        make_half()
    table = holistic.sweep(subject, [site], edit).where(class_="all")
    slow = hook_effects(subject, site, lambda v: 0.5 * v + 1)
    assert np.abs(slow).max() > 1e-3
    np.testing.assert_allclose(table.column("effect"), slow, rtol=1e-4, atol=1e-5)


def test_predict_takes_the_same_edits() -> None:
    subject = subject_of("mlp")
    images = subject.evaluation.images

    def edited(value: Tensor) -> Tensor:
        new = value.clone()
        new[:, [1, 3]] = 0.5 * value[:, [1, 3]] + 1
        return new

    slow = hooked_logits(subject.model, images, "2", 1, edited)
    for edit in (
        holistic.Custom("2", units=[1, 3], function=halved),
        make_half()("2", units=[1, 3]),
    ):
        torch.testing.assert_close(subject.predict(edits=edit), slow)


def test_a_class_with_a_name_serves_lenses_and_the_page() -> None:
    make_median()
    subject = subject_of("mlp")
    value = subject.capture(["2"], subject.selection.images)["2"].median(0).values
    slow = hook_effects(subject, "2", lambda v: value.expand_as(v))
    lens = Ablation(edit="median")
    assert lens_class("ablation")(edit="median") == lens
    table, _ = affordable_sweep(subject, lens.edit, operations=1e15)
    effects = table.where(site="2", class_="all").column("effect")
    np.testing.assert_allclose(effects, slow, rtol=1e-4, atol=1e-5)
    site = subject.site("2")
    above = above_ablation_value(subject, site, mean_activations(subject, site), "median")
    own = subject.capture(["2"], subject.selection.images)["2"].mean(0) - value
    np.testing.assert_allclose(above[-1], own, atol=1e-5)
    removal = Removal.read({"units": [["2", 4]], "edit": "median"}, subject)
    said = subject.predict(edits=holistic.Constant("2", units=[4], value=value)).argmax(1)
    right = (said == subject.evaluation.labels).double().mean()
    assert Live(subject).remove(removal)["classes"][-1]["after"]["value"] == pytest.approx(
        float(right)
    )


def test_what_a_removed_unit_usually_holds() -> None:
    subject = subject_of("mlp")
    site, chosen = subject.site("2"), subject.selection
    value = subject.capture(["2"], chosen.images)["2"].double()
    active = mean_activations(subject, site)
    make_half()
    expected = {
        "mean": value.mean(0) - torch.from_numpy(active.mean(0)),
        "zero": value.mean(0),
        "resample": torch.zeros(12),
        "half": 0.5 * value.mean(0) - 1,
        "optimal": value.mean(0) - subject.optimal("2").double(),
    }
    for name, own in expected.items():
        above = above_ablation_value(subject, site, active, name)[-1]
        np.testing.assert_allclose(above, own, atol=1e-5)


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: holistic.sweep(s, edit="median"),
        lambda s: holistic.top_units(s, 2, edit="median"),
        lambda s: table_of(s, Pass(s.hidden_sites, edit="median")),
        lambda s: Ablation(edit="median"),
        lambda s: affordable_sweep(s, "median", operations=1e15),
        lambda s: Removal.read({"units": [], "edit": "median"}, s),
        lambda s: holistic.sweep(s, edit=3),
        lambda s: holistic.sweep(s, edit=dict),
    ],
)
def test_an_unknown_edit_is_refused_everywhere(ask: object) -> None:
    with pytest.raises(SettingError, match="'mean', 'zero', 'resample', 'optimal'"):
        ask(subject_of("mlp"))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda v: 1 / 0, "the function that edits '2' failed: ZeroDivisionError"),
        (lambda v: "no", "must return a tensor of shape"),
        (lambda v: v[:, :3], "must return a tensor of shape .* got a tensor of shape"),
    ],
)
def test_what_a_user_s_function_may_not_do(function: object, words: str) -> None:
    subject = subject_of("mlp")
    for ask in (
        lambda: holistic.sweep(subject, ["2"], function),
        lambda: subject.predict(edits=holistic.Custom("2", function=function)),
    ):
        with pytest.raises(SettingError, match=words):
            ask()
    with pytest.raises(SettingError, match="needs a function of the site's value"):
        subject.predict(edits=holistic.Custom("2"))


def test_a_name_belongs_to_one_class() -> None:
    make_half(), make_half()  # a notebook's cell that runs again
    with pytest.raises(SettingError, match="an edit 'mean' is registered already"):

        class Own(holistic.Edit, name="mean"):
            pass
