"""Inputs that are no pictures: what they are called, what stands for them, what decides."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import DataError
from holistic.lenses import Context
from holistic.lenses.activation._inputs import shown_inputs
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._tokens import blank, embedding_gradients, occluded
from holistic.lenses.attribution._windows import Window, spans
from holistic.lenses.attribution.evidence import evidence_finding
from holistic.lenses.attribution.response import response_finding
from holistic.lenses.attribution.words import tokens_finding, words_finding
from holistic.progress import silent
from holistic.results.input_kinds import KINDS, kind_of
from holistic.results.readers import Readers
from holistic.study.presented import steps_first

WORDS = ["<pad>", "the", "film", "good", "bad", "was"]
FEW = Attribution(evidence_images=20)


class Bag(nn.Module):
    """Adds up what each word speaks for: 'good' for the first class, 'bad' for the second."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(6, 2)
        self.out = nn.Linear(2, 2)
        with torch.no_grad():
            self.embed.weight.zero_()
            self.embed.weight[3, 0] = self.embed.weight[4, 1] = 2.0
            self.out.weight.copy_(torch.eye(2))
            self.out.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.embed(x)).sum(1))


def _texts() -> holistic.Subject:
    rng = np.random.default_rng(0)
    texts, labels = rng.choice([1, 2, 5], (80, 5)), np.arange(80) % 2
    texts[np.arange(80), rng.integers(0, 5, 80)] = np.where(labels == 0, 3, 4)
    data = {"input_ids": texts, "label": labels, "classes": ["praise", "blame"], "vocab": WORDS}
    return holistic.Subject(Bag().eval(), data)


def _table() -> holistic.Subject:
    torch.manual_seed(0)
    rows, names = torch.randn(80, 3), ["age", "income", "height"]
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0, 3.0, 0.0], [0.0, -3.0, 0.0]]))
        model[0].bias.zero_()
        model[2].weight.copy_(torch.eye(2))
        model[2].bias.zero_()
    data = {"x": rows, "y": (rows[:, 1] < 0).long(), "feature_names": names}
    return holistic.Subject(model.eval(), data, classes=["rich", "poor"])


def _series() -> holistic.Subject:
    torch.manual_seed(0)
    conv = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    model = nn.Sequential(conv, nn.Linear(3, 2)).eval()
    return holistic.Subject(model, (torch.randn(40, 2, 30), torch.arange(40) % 2))


def _plain(shape: tuple[int, ...]) -> holistic.Subject:
    size = int(np.prod(shape))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(size, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    return holistic.Subject(flat, (torch.rand(20, *shape), torch.arange(20) % 2))


def test_what_inputs_are_follows_from_their_shape_and_the_model() -> None:
    assert _texts().input_kind.name == "tokens"
    assert _table().input_kind.name == "features"
    assert _series().input_kind.name == _plain((2, 30)).input_kind.name == "series"
    assert _plain((8, 8)).input_kind.name == "image"
    assert _plain((5, 6, 6)).input_kind.name == "channels"


def test_the_steps_of_a_series_lie_last_for_convolutions_and_first_for_recurrent_layers() -> None:
    (site, *_) = _series().all_sites
    assert not steps_first([site], (40, 2))
    assert steps_first([replace(site, op="gru")], (2, 40))
    assert steps_first([replace(site, op="linear")], (40, 2))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("features", "Which inputs? An input of an example (evidence.images)."),
        ("tokens", "Which tokens? A token of a text (evidence.images)."),
        ("image", "Which input pixels? A pixel of an image (evidence.images)."),
    ],
)
def test_sentences_have_the_kind_s_words_and_names_stay(kind: str, said: str) -> None:
    told = "Which input pixels? A pixel of an image (evidence.images)."
    assert Readers(inputs=KINDS[kind]).in_text(told) == said


def test_an_audit_that_says_nothing_of_its_inputs_has_pictures() -> None:
    assert kind_of({}).pictures
    assert kind_of({"kind": "sculpture"}).pictures


def test_a_vocabulary_may_be_a_list_words_by_number_numbers_by_word_or_a_tokenizer() -> None:
    class Tokenizer:
        pad_token_id = 0

        def convert_ids_to_tokens(self, number: int) -> str:
            return WORDS[number]

    texts, labels = torch.tensor([[1, 3], [2, 4]] * 10), torch.arange(20) % 2
    by_number, by_word = dict(enumerate(WORDS)), {word: n for n, word in enumerate(WORDS)}
    for given in (WORDS, by_number, by_word, Tokenizer()):
        subject = holistic.Subject(Bag().eval(), (texts, labels), vocabulary=given)
        assert subject.vocabulary == {n: WORDS[n] for n in range(5)}
    with pytest.raises(DataError, match="a vocabulary is for numbers of tokens"):
        holistic.Subject(nn.Linear(3, 2), (torch.rand(20, 3), labels), vocabulary=WORDS)
    with pytest.raises(DataError, match="names no token of the inputs"):
        holistic.Subject(Bag().eval(), (texts, labels), vocabulary={77: "x"})


def test_the_word_that_decides_is_found_and_padding_is_what_stands_for_nothing() -> None:
    subject = _texts()
    assert blank(subject).what == "'<pad>'"
    found = words_finding(subject, FEW, silent)
    rows = {(row["class"], row["word"]): row for row in found.table.rows()}
    assert rows["praise", "good"]["effect"] == pytest.approx(-2)
    assert rows["praise", "good"]["rank"] == rows["blame", "bad"]["rank"] == 1
    assert rows["praise", "film"]["effect"] == 0
    assert "praise 'good' (-2.00" in found.statements[0]


def test_single_texts_are_told_token_by_token_by_erasing_and_by_gradients() -> None:
    subject = _texts()
    some = subject.evaluation.at(np.arange(6))
    changes, slopes = occluded(subject, some, blank(subject)), embedding_gradients(subject, some)
    assert slopes is not None
    tokens = some.images.numpy()
    for n, row in enumerate(tokens):
        for place, token in enumerate(row):
            changed = some.images[n : n + 1].clone()
            changed[0, place] = 0
            after, before = (
                subject.score_of(subject.predict(x), some.labels[n : n + 1])
                for x in (changed, some.images[n : n + 1])
            )
            assert changes[n, place] == pytest.approx(float(after - before), abs=1e-6)
            assert slopes[n, place] == pytest.approx(2.0 * (token in (3, 4)), abs=1e-6)
    table = tokens_finding(subject).table
    assert set(table.column("token")) <= set(WORDS)
    decisive = [r for r in table.rows() if r["token"] in ("good", "bad")]
    assert all(r["effect"] == pytest.approx(r["gradient"], abs=1e-5) for r in decisive)


def test_a_feature_s_removal_and_its_curve_go_by_its_name() -> None:
    subject = _table()
    found = evidence_finding(subject, FEW, silent)
    worst = min(found.table.rows(), key=lambda row: row["effect"])
    assert worst["part"] == "income"
    assert "inputs (interval below 0)" in found.statements[-1]
    curves = response_finding(subject, FEW, silent)
    rich = [r for r in curves.table.where(class_="rich").rows() if r["feature"] == "income"]
    chances = [row["probability"] for row in sorted(rich, key=lambda row: row["value"])]
    assert chances == sorted(chances)
    assert chances[0] < 0.1 < 0.9 < chances[-1]
    flat = [r["probability"] for r in curves.table.rows() if r["feature"] == "age"]
    assert np.ptp(flat[:9]) < 1e-6
    assert "from income = " in curves.statements[0]


def test_windows_of_a_series_cover_its_steps_in_all_channels() -> None:
    first = next(evidence_finding(_series(), FEW, silent).table.rows())
    assert first["part"] == "steps 0 to 4"
    assert (first["height"], first["width"]) == (2, 5)
    assert spans((30, 2), 5 / 28, 14, turned=True)[1] == Window(3, 0, 5, 2)


def test_what_stands_for_examples_are_their_numbers_in_rows() -> None:
    rows, single = torch.arange(3), np.arange(2)
    texts, table, series = _texts(), _table(), _series()
    kept = shown_inputs(texts, rows, single)["activation.inputs"]
    np.testing.assert_array_equal(kept[:, 0], texts.images[:3].numpy())
    features = shown_inputs(table, rows, single)
    np.testing.assert_allclose(
        features["activation.input_ends"][0], table.selection.images.mean(0), rtol=1e-5
    )
    assert shown_inputs(series, rows, single)["activation.inputs"].shape == (3, 2, 30)
    bands = shown_inputs(_plain((5, 6, 6)), rows, single)
    assert bands["activation.channels"].shape == (2, 5, 6, 6)


def test_of_tokens_the_lens_attribution_asks_of_words_and_nothing_of_pixels() -> None:
    names = [f.name for f in FEW.run(_texts(), Context())]
    assert names == ["attribution.labels", "attribution.words", "attribution.tokens"]
