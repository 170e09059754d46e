"""Is the input a site like any other: masked, patched, swept, and edited by own functions?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError, SettingError
from planted_ablation import one_hot_images, sole_carriers


@pytest.fixture(scope="module")
def picture_subject() -> holistic.Subject:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)).eval()
    return holistic.Subject(model, (torch.rand(24, 3, 6, 6), torch.arange(24) % 2))


def test_a_region_is_masked_in_every_channel(picture_subject: holistic.Subject) -> None:
    subject = picture_subject
    assert subject.site("input").positions == (6, 6)
    assert subject.site("input").units == 3
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[1:3, 2:5] = True
    expected = subject.evaluation.images.clone()
    expected[:, :, 1:3, 2:5] = 0
    got = subject.predict(edits=[holistic.Zero("input", positions=mask)])
    torch.testing.assert_close(got, subject.model(expected))


def test_a_patch_of_other_pictures_is_pasted(picture_subject: holistic.Subject) -> None:
    subject = picture_subject
    others = subject.capture("input")["input"].flip(0)
    images = subject.evaluation.images
    expected = images.clone()
    expected[:, 1, 0, :2] = images.flip(0)[:, 1, 0, :2]
    got = subject.predict(edits=holistic.Patch("input", [1], [0, 1], source=others))
    torch.testing.assert_close(got, subject.model(expected))


def test_an_own_function_and_a_mean(picture_subject: holistic.Subject) -> None:
    subject = picture_subject
    images = subject.evaluation.images
    got = subject.predict(edits=holistic.Custom("input", function=lambda v: 1 - v))
    torch.testing.assert_close(got, subject.model(1 - images))
    some = subject.selection
    mean = torch.stack([some.images[some.labels == c].mean(0) for c in range(2)]).mean(0)
    expected = images.clone()
    expected[:, 2] = mean[2]
    got = subject.predict(edits=holistic.Mean("input", units=[2]))
    torch.testing.assert_close(got, subject.model(expected))


def test_the_model_sees_no_edit_and_reading_sees_all(picture_subject: holistic.Subject) -> None:
    subject = picture_subject
    before = subject.evaluation.images.clone()
    subject.predict(edits=holistic.Zero("input"))
    assert torch.equal(subject.evaluation.images, before)
    assert "input" not in [site.name for site in subject.all_sites]


def test_a_table_s_features_are_swept() -> None:
    subject = holistic.Subject(sole_carriers().eval(), one_hot_images())
    table = holistic.sweep(subject, ["input"], "zero")
    for pixel in range(4):
        drops = [row["accuracy_drop"] for row in table.where(unit=pixel).rows()]
        assert drops == [1.0 * (c == pixel) for c in range(4)] + [0.25]


class Words(nn.Module):
    """Class 1 where token 7 stands anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(torch.relu(self.embedding(tokens)).mean(1))


@pytest.fixture(scope="module")
def words() -> holistic.Subject:
    torch.manual_seed(0)
    tokens = torch.randint(0, 10, (40, 5))
    return holistic.Subject(Words().eval(), (tokens, torch.arange(40) % 2))


def test_tokens_are_replaced(words: holistic.Subject) -> None:
    tokens = words.evaluation.images
    expected = tokens.clone()
    expected[:, 3] = 7
    got = words.predict(edits=holistic.Constant("input", units=[3], value=7))
    torch.testing.assert_close(got, words.model(expected))
    assert len(holistic.sweep(words, ["input"], "resample")) == 5 * 3


@pytest.mark.parametrize(
    ("edit", "kind", "line"),
    [
        (holistic.Mean("input"), SettingError, "'input' holds whole numbers, and a mean would put"),
        (holistic.Constant("input", value=0.5), SettingError, "and Constant would put fractions"),
        (holistic.Steer("input", direction=[0.5] * 5), SettingError, "Steer would put fractions"),
        (holistic.Constant("input", value=99), ModelError, "the model can't be run on the images"),
    ],
)
def test_what_tokens_can_t_be_is_told(
    words: holistic.Subject, edit: holistic.Edit, kind: type, line: str
) -> None:
    with pytest.raises(kind, match=line):
        words.predict(edits=edit)


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Linear(3, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.relu(self.input(images)))


def test_a_module_of_that_name_keeps_it() -> None:
    subject = holistic.Subject(Named().eval(), (torch.rand(20, 3), torch.arange(20) % 2))
    assert subject.site("input").op == "linear"
    assert subject.site("input#0").op == "input"
    got = subject.predict(edits=holistic.Zero("input#0", units=[1]))
    expected = subject.evaluation.images.clone()
    expected[:, 1] = 0
    torch.testing.assert_close(got, subject.model(expected))


def test_the_axis_of_units_can_be_named() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval()
    data = torch.rand(20, 3, 4), torch.arange(20) % 2
    subject = holistic.Subject(model, data, unit_axes={"input": 0})
    assert subject.site("input").units == 3
    assert not subject.site("input").guessed
