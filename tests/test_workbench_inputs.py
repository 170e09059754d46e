"""Is what a page posts read as it was meant, and refused where the data hold no such thing?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import holistic
from holistic.errors import HolisticError, SettingError
from holistic.workbench.images import looked_at
from holistic.workbench.inputs import as_image, example_of, form_of
from planted_live import turning


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return turning()


@pytest.mark.parametrize(
    "given",
    [
        None,
        "7",
        -1,
        10**9,
        2**64,
        True,
        [1.0],
        [float("nan")] * 6,
        [[1] * 6],
        [True] * 6,
        ["1"] * 6,
        [None] * 6,
        [1e300] * 6,
        [10**400] * 6,
        [[1, 2, 3], [4, 5]],
        [1, 2, 3, 4, 5, [6]],
        {},
    ],
)
def test_what_is_no_image_is_refused(subject: holistic.Subject, given: Any) -> None:
    with pytest.raises(HolisticError):
        as_image(subject, given)


def test_whole_numbers_are_those_of_the_data() -> None:
    """A token that a model has no row for would be none of its answers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Embedding(9, 3), torch.nn.Flatten(), torch.nn.Linear(12, 5), torch.nn.ReLU(),
            torch.nn.Linear(5, 3),
        )  # fmt: skip
    tokens = torch.arange(4 * 30).view(30, 4) * 7 % 9
    subject = holistic.Subject(model, (tokens, torch.arange(30) % 3))
    told = looked_at(subject, as_image(subject, [0, 8, 3.0, 1]), None)
    plain = model(torch.tensor([[0, 8, 3, 1]]))[0]
    np.testing.assert_allclose(told["logits"], plain.detach(), rtol=1e-5)
    for wrong in ([0, 9, 3, 1], [0, -1, 3, 1], [0, 0.5, 3, 1], [0, 2**63, 3, 1], [1e30] * 4):
        with pytest.raises(HolisticError, match="whole numbers from 0 to 8"):
            as_image(subject, wrong)


def test_a_number_beyond_the_data_is_refused_and_not_clipped(subject: holistic.Subject) -> None:
    low, high = (end.double().numpy() for end in torch.aminmax(subject.images, dim=0))
    for edge in (low, high):
        as_image(subject, edge.tolist())
    for place, value in ((0, high[0] + 0.1), (3, low[3] - 0.1), (5, 1e30)):
        wrong = np.zeros(6)
        wrong[place] = value
        with pytest.raises(SettingError, match=f"input {place} must be from .* got .*within"):
            as_image(subject, wrong.tolist())


@pytest.fixture(scope="module")
def table() -> holistic.Subject:
    frame = pd.DataFrame({"age": np.linspace(20, 80, 60), "smokes": np.arange(60) % 2})
    model = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 2))
    return holistic.Subject(model, (frame.astype("float32"), np.arange(60) % 2))


def test_a_form_of_a_table_has_the_range_and_the_few_values_of_each_column(
    table: holistic.Subject,
) -> None:
    form = form_of(table)
    assert form["kind"] == "features"
    assert form["features"] == [
        {"name": "age", "low": 20.0, "high": 80.0},
        {"name": "smokes", "low": 0.0, "high": 1.0, "values": [0.0, 1.0]},
    ]
    assert example_of(table, 59) == {"values": [80.0, 1.0]}
    with pytest.raises(SettingError, match="'age' must be from 20 to 80, as in the data, got 81"):
        as_image(table, [81, 0])
    with pytest.raises(SettingError, match="whole number"):
        example_of(table, "1")
    with pytest.raises(SettingError, match="this model reads examples, no texts"):
        as_image(table, {"text": "old"})


def test_a_series_is_told_by_channel_whichever_way_it_lies() -> None:
    series = torch.stack([torch.linspace(0, 1, 60), torch.linspace(-3, 5, 60)], 1)  # [N, 2]
    waves = series[:, :, None] * torch.linspace(0.5, 1, 9)  # [N, 2, 9]
    net = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(28, 2))
    subject = holistic.Subject(net, (waves, torch.arange(60) % 2))
    form = form_of(subject)
    assert [form[n] for n in ("kind", "channels", "steps", "first")] == ["series", 2, 9, False]
    np.testing.assert_allclose(form["low"], [0, -3])
    np.testing.assert_allclose(form["high"], [1, 5])

    rows = nn.Sequential(nn.Flatten(), nn.Linear(18, 4), nn.ReLU(), nn.Linear(4, 2))
    turned = holistic.Subject(rows, (waves.movedim(1, 2).contiguous(), torch.arange(60) % 2))
    again = form_of(turned)
    assert again["first"]
    assert [again[n] for n in ("channels", "steps", "low", "high")] == [
        form[n] for n in ("channels", "steps", "low", "high")
    ]


WORDS = ["<pad>", "good", "bad", "not", "Film"]


class Reader(nn.Module):
    """Counts words, as far as its mask says that they are there."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(5, 4), nn.Linear(4, 2)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        seen = torch.relu(self.embed(tokens))
        return self.out((seen if mask is None else seen * mask[..., None]).sum(1))


def texts(*, left: bool = False) -> torch.Tensor:
    rows = torch.tensor([[1, 3, 4, 0], [2, 4, 0, 0], [3, 2, 1, 4], [4, 1, 0, 0]] * 10)
    return rows.flip(1) if left else rows


@pytest.mark.parametrize("left", [False, True])
def test_a_text_is_read_by_the_vocabulary_and_padded_as_the_data_are(left: bool) -> None:
    given = (texts(left=left), torch.arange(40) % 2)
    subject = holistic.Subject(Reader(), given, vocabulary=WORDS)
    form = form_of(subject)
    assert (form["kind"], form["words"], form["padded"]) == ("tokens", True, True)
    expected = [0, 0, 3, 4] if left else [3, 4, 0, 0]
    image = as_image(subject, {"text": " not  film"})
    assert image[0].tolist() == expected
    told = looked_at(subject, image, None)
    assert told["words"] == [WORDS[n] for n in expected]
    (changes,) = told["maps"]["without_the_token"]
    assert [change is None for change in changes] == [n == 0 for n in expected]
    prediction, place = told["prediction"], expected.index(3)
    without = image.clone()
    without[0, place] = 0
    score = [float(subject.score_of(subject.predict(i), torch.tensor([prediction])))
             for i in (image, without)]  # fmt: skip
    assert changes[place] == pytest.approx(score[0] - score[1], abs=1e-5)
    assert example_of(subject, 1)["text"].split() == (["Film", "bad"] if left else ["bad", "Film"])
    for text, why in (
        ("", "needs one word or more"),
        ("  ", "needs one word or more"),
        (7, "needs one word or more"),
        ("good Filmm", "has no 'Filmm'.*did you mean 'Film'"),
        ("good bad good bad good", "up to 4 tokens here, got 5; shorten it"),
    ):
        with pytest.raises(SettingError, match=why):
            as_image(subject, {"text": text})


def test_without_padding_a_text_has_as_many_tokens_as_the_data() -> None:
    given = (texts() % 4 + 1, torch.arange(40) % 2)
    subject = holistic.Subject(Reader(), given, vocabulary=["none", *WORDS[1:]])
    assert not form_of(subject)["padded"]
    with pytest.raises(SettingError, match=r"has 4 tokens here, got 1, and .* no padding"):
        as_image(subject, {"text": "good"})
    assert as_image(subject, {"text": "good bad not Film"}).tolist() == [[1, 2, 3, 4]]
    bare = holistic.Subject(Reader(), given)
    assert not form_of(bare)["words"]
    with pytest.raises(SettingError, match="wasn't given any"):
        as_image(bare, {"text": "good"})


def test_a_mask_that_follows_from_the_tokens_is_made_and_others_are_an_example_s() -> None:
    tokens = texts()
    for mask, follows in (((tokens != 0).long(), True), (torch.ones_like(tokens), False)):
        data = {"input_ids": tokens, "label": torch.arange(40) % 2}
        subject = holistic.Subject(Reader(), data, vocabulary=WORDS, inputs={"mask": mask})
        assert form_of(subject)["also"] == ["mask"]
        asked: dict[str, Any] = {"text": "not good"}
        if not follows:
            with pytest.raises(SettingError, match="given 'mask' beside each text"):
                as_image(subject, asked)
            asked["inputs_of"] = 2
        image = as_image(subject, asked)
        plain = subject.model(
            torch.tensor([[3, 1, 0, 0]]), torch.tensor([[1, 1, 0, 0] if follows else [1] * 4])
        )
        np.testing.assert_allclose(subject.predict(image), plain.detach(), rtol=1e-5)
        with pytest.raises(SettingError, match="no example to take further inputs of 99"):
            as_image(subject, {"values": [1, 1, 1, 1], "inputs_of": 99})


class Splitter:
    """A tokenizer that knows more words than the data hold."""

    def __call__(self, text: str) -> dict[str, list[int]]:
        if "!" in text:
            raise RuntimeError("no such letter")
        return {"input_ids": [WORDS.index(word) for word in text.split("-")]}

    def convert_ids_to_tokens(self, number: int) -> str:
        return WORDS[number]


def test_a_tokenizer_reads_texts_its_own_way() -> None:
    given = (texts().clamp_max(3), torch.arange(40) % 2)
    subject = holistic.Subject(Reader(), given, vocabulary=Splitter())
    told = looked_at(subject, as_image(subject, {"text": "Film-good"}), None)
    assert told["words"][:2] == ["Film", "good"], "Film is in none of the texts"
    assert example_of(subject, 0)["text"] == "good not not"

    class Decoding(Splitter):
        def decode(self, numbers: list[int], *, skip_special_tokens: bool) -> str:
            assert skip_special_tokens
            return "-".join(WORDS[n] for n in numbers)

    again = holistic.Subject(Reader(), given, vocabulary=Decoding())
    assert example_of(again, 0)["text"] == "good-not-not", "a text that it reads again"
    with pytest.raises(SettingError, match=r"the tokenizer failed on this text.*no such letter"):
        as_image(subject, {"text": "good!"})
