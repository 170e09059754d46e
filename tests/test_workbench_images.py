"""Does the live page say of one image what plain runs say?"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

import holistic
from holistic.errors import SettingError
from holistic.stats.directions import random_directions
from holistic.workbench.images import looked_at
from holistic.workbench.inputs import as_image, known
from holistic.workbench.patching import first_pair, patched
from holistic.workbench.steering import checked_doses, steered
from planted_live import turning


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return turning()


def test_an_image_is_seen_as_the_model_sees_it(subject: holistic.Subject) -> None:
    posted = [0.5, -1.0, 0.0, 2.0, 0.25, 1.0]
    image = as_image(subject, posted)
    told = looked_at(subject, image, "3")
    logits = subject.predict(torch.tensor([posted]))[0]
    np.testing.assert_allclose(told["logits"], logits, rtol=1e-5)
    assert told["prediction"] == int(logits.argmax())
    values = subject.capture(["3"], image)["3"][0]
    assert told["top"][subject.site("3").called][0]["unit"] == int(values.argmax())
    nudge = 1e-3 * torch.eye(6)
    slope = (subject.predict(image + nudge) - subject.predict(image - nudge)) / 2e-3  # [6, C]
    said = slope[:, told["prediction"]]
    np.testing.assert_allclose(told["maps"]["saliency"], said[None], atol=2e-2)
    np.testing.assert_allclose(told["maps"]["input_x_gradient"], (said * image[0])[None], atol=2e-2)
    whole = np.sum(told["maps"]["integrated_gradients"])
    blank = subject.predict(torch.zeros_like(image))[0, told["prediction"]]
    assert whole == pytest.approx(float(logits.max() - blank), abs=0.1)
    near = [one["place"] for one in told["nearest"]]
    some = subject.evaluation.images[:2000]
    away = (subject.capture(["3"], some)["3"] - values).norm(dim=1)
    wanted = subject.evaluation.indices[away.argsort(stable=True)[:8].numpy()]
    assert near == wanted.tolist()


def test_maps_are_of_the_methods_that_are_asked_for(subject: holistic.Subject) -> None:
    image = as_image(subject, [0.5, -1.0, 0.0, 2.0, 0.25, 1.0])
    told = looked_at(subject, image, None, "lrp, deeplift")
    assert set(told["maps"]) == {"lrp", "deeplift"}
    assert {"lrp", "rise", "saliency"} < set(told["methods"])
    assert "attention_rollout" not in told["methods"]  # it has no attention
    for name in told["methods"]:
        assert set(looked_at(subject, image, None, name)["maps"]) == {name}
    wanted = holistic.attribute(subject, image, "deeplift", told["prediction"])
    np.testing.assert_allclose(told["maps"]["deeplift"], wanted, rtol=1e-5)
    with pytest.raises(SettingError, match=r"methods has no 'lpr'"):
        looked_at(subject, image, None, "lpr")


def test_an_example_isn_t_near_itself(subject: holistic.Subject) -> None:
    place = int(subject.evaluation.indices[0])
    told = looked_at(subject, subject.images[place : place + 1], "3")
    assert place not in [one["place"] for one in told["nearest"]]
    assert len(told["nearest"]) == 8


def test_an_example_is_told_with_its_class_and_split(subject: holistic.Subject) -> None:
    for split, places in (
        ("selection", subject.selection_indices),
        ("evaluation", subject.evaluation_indices),
    ):
        for place in places[:3].tolist():
            told = known(subject, place)
            assert told == {"label": int(subject.labels[place]), "split": split}
    assert known(subject, subject.images[:1].tolist()) == {}


def test_a_patch_stands_beside_patches_from_images_of_the_target_s_class(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = as_image(subject, int(subject.evaluation.indices[0]))
    few = patched(subject, as_image(subject, 5), target, site="3", units=(1, 4))["control"]
    assert few["n"] == 200
    for most in ("_PATCHES", "AMONG"):
        monkeypatch.setattr(f"holistic.workbench.patching.{most}", 10_000)
    told = patched(subject, as_image(subject, 5), target, site="3", units=(1, 4))
    said, site = told["before"]["prediction"], subject.capture(["3"], target)["3"]
    same = count = 0
    for image, label in zip(subject.evaluation.images, subject.evaluation.labels, strict=True):
        if label != said or subject.predict(image[None]).argmax() != said or image.equal(target[0]):
            continue
        mixed = site.clone()
        mixed[:, [1, 4]] = subject.capture(["3"], image[None])["3"][:, [1, 4]]
        count, same = count + 1, same + int(subject.model[4](mixed).argmax() == said)
    assert told["control"] == {"n": count, "same": same}
    assert abs(few["same"] / few["n"] - same / count) < 0.1


def test_a_patch_of_units_stands_beside_random_units(subject: holistic.Subject) -> None:
    target = as_image(subject, int(subject.evaluation.indices[0]))
    said = int(subject.predict(target).argmax())
    others = (subject.predict(subject.images).argmax(1) != said).nonzero()[:, 0]
    source = as_image(subject, int(others[0]))
    told = patched(subject, source, target, site="3", units=(1, 4))
    held = [subject.capture(["3"], image)["3"] for image in (source, target)]
    same = list[bool]()
    for pair in combinations(range(7), 2):
        mixed = held[1].clone()
        mixed[:, pair] = held[0][:, pair]
        same.append(int(subject.model[4](mixed).argmax()) == said)
    assert 0 < np.mean(same) < 1
    assert told["random"]["n"] == 200
    assert told["random"]["same"] / 200 == pytest.approx(np.mean(same), abs=0.15)
    every = patched(subject, source, target, site="3", units=tuple(range(7)))
    assert every["random"] == {"n": 200, "same": 0}
    assert "random" not in patched(subject, source, target, site="3", units=None)


def test_patching_and_steering_equal_plain_edits(subject: holistic.Subject) -> None:
    source, target = as_image(subject, 5), as_image(subject, 8)
    told = patched(subject, source, target, site="1", units=None)
    # behind the first site nothing else of the target is left
    np.testing.assert_allclose(told["after"]["logits"], subject.predict(source)[0], rtol=1e-5)
    np.testing.assert_allclose(told["before"]["logits"], subject.predict(target)[0], rtol=1e-5)
    told = patched(subject, source, target, site="3", units=(1, 4))
    mixed = subject.capture(["3"], target)["3"].clone()
    mixed[:, [1, 4]] = subject.capture(["3"], source)["3"][:, [1, 4]]
    np.testing.assert_allclose(
        told["after"]["logits"], subject.model[4](mixed)[0].detach(), rtol=1e-4, atol=1e-5
    )
    assert told["after"]["logits"] != told["before"]["logits"]
    told = steered(subject, target, site="3", label=2)
    values = subject.capture(["3"], subject.selection.images[:2000])["3"].double()
    own = subject.selection.labels[:2000] == 2
    way = values[own].mean(0) - values[~own].mean(0)
    way /= way.norm()
    held = subject.capture(["3"], target)["3"].double()
    readout = subject.model[4]
    for dose, logits in zip(told["doses"], told["logits"], strict=True):
        moved = (held + dose * (values @ way).std() * way).float()
        np.testing.assert_allclose(logits, readout(moved)[0].detach(), rtol=1e-3, atol=1e-4)
    low, middle, high = (np.array(told[f"control{end}"]) for end in ("_lo", "", "_hi"))
    assert ((low <= middle) & (middle <= high)).all()
    np.testing.assert_allclose(
        middle[told["doses"].index(0)], subject.predict(target)[0], rtol=1e-5
    )
    drawn = random_directions(values.numpy(), 20, subject.seed)
    spread = float((values @ way).std())
    furthest = (held + told["doses"][-1] * spread * torch.from_numpy(drawn)).float()
    np.testing.assert_allclose(middle[-1], readout(furthest).mean(0).detach(), rtol=1e-3, atol=1e-4)
    slopes = [
        np.polyfit(told["doses"], curve, 1)[0]
        for curve in (np.array(told["logits"])[:, 2], middle[:, 2])
    ]
    assert slopes[0] > abs(slopes[1])


def test_the_nearest_are_looked_for_among_all_where_that_is_quick(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, every = as_image(subject, 5), subject.evaluation
    values = subject.capture(["3"], every.images)["3"].double()
    away = (values - subject.capture(["3"], image)["3"].double()).norm(dim=1)
    away[(every.images == image).all(1)] = torch.inf
    told = looked_at(subject, image, "3")
    assert told["among"] == [len(every)] * 2
    wanted = [int(every.indices[i]) for i in away.argsort(stable=True)[:8]]
    assert [one["place"] for one in told["nearest"]] == wanted
    monkeypatch.setattr("holistic.workbench.images.SEARCHED", 0.0)
    monkeypatch.setattr("holistic.workbench.images.AMONG", 300)
    some = looked_at(subject, image, "3")
    assert some["among"] == [pytest.approx(300, abs=3), len(every)]
    # the same image in another batch holds values whose last bits may differ
    rounding = 32 * torch.finfo(torch.float32).eps * float(values.norm(dim=1).max())
    assert some["nearest"][0]["distance"] >= told["nearest"][0]["distance"] - rounding
    assert max(one["place"] for one in some["nearest"]) > 400, "drawn, not the first of the data"


def test_steering_takes_its_examples_from_all_classes() -> None:
    """Examples of a folder come class by class: the first of them are of one class only."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images = torch.randn(9000, 4)
        model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
        labels = (torch.arange(9000) >= 6000).long()
    subject = holistic.Subject(model, (images, labels))
    assert len(steered(subject, images[:1], site="1", label=1)["doses"]) == 25


def test_a_frame_of_the_strip_is_an_example_that_lies_there_by_itself(
    subject: holistic.Subject,
) -> None:
    image = as_image(subject, 8)
    told = steered(subject, image, site="3", label=2)
    values = subject.capture(["3"], subject.selection.images)["3"].double()
    own = subject.selection.labels == 2
    way = values[own].mean(0) - values[~own].mean(0)
    way /= way.norm()
    spread = (values @ way).std()
    here = float(subject.capture(["3"], image)["3"].double()[0] @ way / spread)
    assert told["own"] == pytest.approx(here - float((values @ way).mean() / spread), abs=1e-6)
    others = subject.evaluation
    at = (subject.capture(["3"], others.images)["3"].double() @ way / spread - here).numpy()
    np.testing.assert_allclose(told["ends"], [at.min(), at.max()], rtol=1e-6)
    assert [frame["dose"] for frame in told["strip"]] == list(range(-6, 7))
    filled = 0
    for frame in told["strip"]:
        away = np.abs(at - frame["dose"])
        if away.min() > 0.5:
            assert frame["place"] is None
            continue
        filled += 1
        assert frame["place"] == int(others.indices[away.argmin()])
        assert frame["label"] == int(others.labels[away.argmin()])
    assert 2 < filled < 13


@pytest.mark.parametrize("given", [[], [1e30], ["1"], [True], 3, [0.0] * 51, [float("nan")]])
def test_doses_that_no_example_lies_at_are_refused(given: Any) -> None:
    with pytest.raises(SettingError, match=r"1 to 50 numbers|a dose must be"):
        checked_doses(given)
    assert checked_doses([-6, 0.5]) == (-6.0, 0.5)


def test_the_first_pair_is_the_one_that_a_patch_of_its_units_moves_most(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = first_pair(subject, "3")
    assert found["tried"] == 60
    assert 0 < found["changed"] < 60
    assert len(found["units"]) == 1, "a quarter of seven units at most"

    def moved(pair: dict[str, Any]) -> tuple[float, int, int]:
        source, target = (as_image(subject, pair[side]) for side in ("source", "target"))
        told = patched(subject, source, target, site="3", units=pair["units"])
        for image, side in ((source, "source"), (target, "target")):
            assert int(subject.predict(image).argmax()) == int(subject.labels[pair[side]])
        said = told["before"]["prediction"]
        lost = told["before"]["probabilities"][said] - told["after"]["probabilities"][said]
        return lost, said, told["after"]["prediction"]

    lost, before, after = moved(found)
    assert lost > 0.05
    assert before != after
    monkeypatch.setattr("holistic.workbench.patching._PAIRS", 5)
    some = first_pair(subject, "3")
    assert some["tried"] == 5
    assert moved(some)[0] <= lost


def test_a_model_that_tells_one_class_only_has_no_first_pair() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    with torch.no_grad():
        model[2].bias += torch.tensor([1e6, 0])
    subject = holistic.Subject(model, (torch.randn(60, 4), torch.arange(60) % 2))
    with pytest.raises(SettingError, match="choose two examples by their numbers"):
        first_pair(subject, "1")
