"""Are folders that transformers writes opened as they are, with processor and names?"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

import holistic
import holistic.cli
from holistic.errors import DataError, ModelError, Notice
from holistic.graph.accompanied import extras_of
from holistic.study.huggingface import opened

NAMES = ("cat", "dog", "bird")
WORDS = ["[PAD]", "[UNK]", "good", "bad", "film", "a", "very"]


def vit_config(**more: Any) -> ViTConfig:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return ViTConfig(**sizes, intermediate_size=20, image_size=16, patch_size=8, **more)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "birds"
    names = {"id2label": dict(enumerate(NAMES)), "label2id": {n: i for i, n in enumerate(NAMES)}}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ViTForImageClassification(vit_config(**names)).save_pretrained(folder)
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]
    size = {"height": 16, "width": 16}
    ViTImageProcessorPil(size=size, image_mean=mean, image_std=std).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "films"
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=20,
        max_position_embeddings=12,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    given = {"pad_token": "[PAD]", "unk_token": "[UNK]", "model_max_length": 12}
    PreTrainedTokenizerFast(tokenizer_object=words, **given).save_pretrained(folder)
    return folder


def bytes_of(count: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), np.uint8)


def scaled(pixels: np.ndarray) -> Tensor:
    """What the processor must give for pictures that have its size, by hand."""
    mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.4])
    return torch.from_numpy((pixels / 255 - mean) / std).float().movedim(-1, 1)


FORMS = {
    "bytes": lambda p: p,
    "bytes, channels first": lambda p: torch.from_numpy(p).movedim(-1, 1),
    "fractions": lambda p: torch.from_numpy(p / 255).float().movedim(-1, 1),
    "pictures": lambda p: [Image.fromarray(x) for x in p],
    "a list": list,
    "already prepared": scaled,
}


@pytest.mark.parametrize("form", FORMS)
def test_pictures_of_any_form_are_prepared_as_the_processor_says(vit: Path, form: str) -> None:
    held, pixels = opened(vit).processor, bytes_of()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images = held.inputs(FORMS[form](pixels))
    told = [str(w.message) for w in caught if w.category is Notice]
    line = "pictures were made 3 × 16 × 16 and scaled as the folder's processor says"
    assert told == ([] if form == "already prepared" else [line])
    torch.testing.assert_close(images, scaled(pixels), atol=1e-5, rtol=1e-5)


def test_a_folder_becomes_a_subject_with_its_names(vit: Path) -> None:
    pixels, labels = bytes_of(), np.arange(30) % 3
    with pytest.warns(Notice, match="pictures were made"):
        subject = holistic.Subject.from_huggingface(vit, (pixels, labels))
    assert (subject.classes, subject.name, subject.traced) == (NAMES, "birds", True)
    model = ViTForImageClassification.from_pretrained(vit)
    with torch.no_grad():
        expected = model(scaled(pixels)).logits
    torch.testing.assert_close(subject.predict(subject.images), expected, atol=1e-5, rtol=1e-5)


def test_grey_pictures_of_another_size_are_made_to_fit(vit: Path) -> None:
    grey = np.full((30, 20, 24, 1), 51, np.uint8)
    with pytest.warns(Notice, match="were made 3 × 16 × 16"):
        images = opened(vit).processor.inputs(grey)
    expected = scaled(np.full((30, 16, 16, 3), 51, np.uint8))
    torch.testing.assert_close(images, expected, atol=1e-5, rtol=1e-5)


def test_texts_are_turned_into_tokens_with_their_padding(bert: Path) -> None:
    texts = ["a good film", "bad", "very very bad film", "good"] * 10
    with pytest.warns(Notice, match="texts were turned into 4 tokens by the folder's tokenizer"):
        subject = holistic.Subject.from_huggingface(bert, (texts, np.arange(40) % 2))
    assert subject.images[0].tolist() == [5, 2, 4, 0]
    assert extras_of(subject.images)["attention_mask"][0].tolist() == [1, 1, 1, 0]
    assert subject.classes == ("0", "1")
    assert subject.traced, subject.backend_note
    model = BertForSequenceClassification.from_pretrained(bert).eval()
    with torch.no_grad():
        alone = model(torch.tensor([[3]])).logits  # without any padding
    logits = subject.predict(subject.images[1:2])
    torch.testing.assert_close(logits, alone, atol=1e-5, rtol=1e-5)


def test_folders_that_hold_no_classifier_are_refused(vit: Path, tmp_path: Path) -> None:
    ViTModel(vit_config()).save_pretrained(tmp_path / "backbone")
    cases = [
        (tmp_path, "is no folder of Hugging Face: it has no config.json"),
        (tmp_path / "backbone", "holds ViTModel, which doesn't tell the class of an example"),
    ]
    for name, held, told in (
        (
            "other",
            {"architectures": ["MyForImageClassification"]},
            "and code of a folder isn't run",
        ),
        ("none", {}, "names no model; save it again"),
        (
            "part",
            {"architectures": ["ViTForImageClassification"]},
            "it lacks 'classifier.bias', 'cl",
        ),
    ):
        (tmp_path / name).mkdir()
        config = (
            json.loads((tmp_path / "backbone/config.json").read_text()) if name == "part" else {}
        )
        (tmp_path / name / "config.json").write_text(json.dumps({**config, **held}))
        if name == "part":
            weights = (tmp_path / "backbone/model.safetensors").read_bytes()
            (tmp_path / name / "model.safetensors").write_bytes(weights)
        cases.append((tmp_path / name, told))
    for folder, told in cases:
        with pytest.raises(ModelError, match=told) as error:
            opened(folder)
        assert "\n" not in str(error.value)
    with pytest.raises(DataError, match=r"the inputs are texts, and '.*' has no tokenizer"):
        opened(vit).processor.inputs(["a film"])


def test_the_command_line_takes_a_folder_as_the_model(
    bert: Path, vit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("sites", "check"):
        assert holistic.cli.main([command, "digits", "--weights", str(vit), "--json"]) == 2
        shown = capsys.readouterr().err
        assert "aren't among the names given, 'cat', 'dog', 'bird'" in shown
    assert holistic.cli.main(["sites", "digits", "--weights", str(bert), "--json"]) == 2
    assert "error: " in capsys.readouterr().err


def test_labels_follow_the_names_of_the_model_s_classes(vit: Path) -> None:
    """By one rule, from Python and from the command line."""
    given = {"pixel_values": scaled(bytes_of(40)), "label": np.arange(40) % 2}
    with pytest.warns(Notice, match="labels follow the model's"):
        subject = holistic.Subject.from_huggingface(vit, {**given, "classes": ["bird", "cat"]})
    assert subject.labels[:2].tolist() == [2, 0]
    assert subject.classes == NAMES
    with pytest.raises(DataError, match="aren't among the names given"):
        holistic.Subject.from_huggingface(vit, {**given, "classes": ["bird", "wolf"]})


TEXTS = ["a good film", "a bad film"] * 20


def texts_in(form: str) -> Any:
    kinds = [n % 2 for n in range(40)]
    if form == "table":
        return pd.DataFrame({"text": TEXTS, "label": kinds})
    if form == "hugging face":
        return datasets.Dataset.from_dict({"text": TEXTS, "label": kinds})
    return {"pair": (TEXTS, kinds), "dictionary": {"text": TEXTS, "label": kinds}}[form]


@pytest.mark.filterwarnings("ignore::holistic.errors.Notice")
@pytest.mark.parametrize("form", ["table", "hugging face", "pair", "dictionary"])
def test_texts_are_read_from_any_form_with_the_words_of_their_tokens(bert: Path, form: str) -> None:
    given = opened(bert).processor.given(texts_in(form))
    assert given.inputs[:2].tolist() == [[5, 2, 4], [5, 3, 4]]
    subject = holistic.Subject.from_huggingface(bert, texts_in(form))
    assert [subject.vocabulary[n] for n in (2, 3, 4, 5)] == ["good", "bad", "film", "a"]
    assert subject.input_kind.name == "tokens"


def test_texts_are_read_from_the_command_line(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "films_told.py").write_text(
        "import pandas as pd\n"
        "def table():\n"
        "    words = ['a good film', 'a bad film'] * 20\n"
        "    return pd.DataFrame({'text': words, 'label': ['good', 'bad'] * 20})\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["check", "films_told:table", "--weights", str(bert), "--classes", "bad,good"]
    assert holistic.cli.main([*words, "--anyway"]) in (0, 2)
    told = capsys.readouterr()
    assert "turned into 3 tokens" in told.err
    assert holistic.cli.main(["check", "films_told:table", "--model", "torch.nn:Identity"]) == 2
    assert "the inputs are texts ('a good film' and more)" in capsys.readouterr().err


def test_the_command_line_reads_logits_with_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "held_apart.py").write_text(
        "from torch import nn\n"
        "class Two(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.body, self.act = nn.Linear(64, 12), nn.ReLU()\n"
        "        self.one, self.other = nn.Linear(12, 10), nn.Linear(12, 10)\n"
        "    def forward(self, x):\n"
        "        seen = self.act(self.body(x.flatten(1)))\n"
        "        return self.one(seen), self.other(seen)\n"
        "def second(model, images):\n"
        "    return model(images)[1]\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["sites", "digits", "--model", "held_apart:Two", "--json"]
    assert holistic.cli.main(words) == 2
    assert "several tensors that may be the logits" in capsys.readouterr().err
    assert holistic.cli.main([*words, "--forward", "held_apart:second"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [site["site"] for site in shown["sites"] if site["hidden"]] == ["act"]
    assert holistic.cli.main([*words, "--forward", "held_apart:third"]) == 2
    assert "'held_apart:third' can't be imported" in capsys.readouterr().err
