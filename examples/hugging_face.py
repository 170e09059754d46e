"""A model of Hugging Face made from a configuration: its folder brings tokenizer and names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

import holistic

WORDS = ["[PAD]", "[UNK]", "[MASK]", "a", "the", "walk", "in", "sun", "rain", "warm", "cold"]
NAMES = ["summer", "winter"]
COMMAND = "run hugging_face:diaries --weights {folder}/model --quick"


def diaries(count: int = 200) -> pd.DataFrame:
    """Made-up lines of a diary in a column `text`, beside a column `label` of names."""
    rng = np.random.default_rng(0)
    lines, labels = list[str](), list[str]()
    for n in range(count):
        line = rng.choice(["a", "the", "walk", "in"], rng.integers(3, 6)).tolist()
        line.insert(
            rng.integers(len(line)), str(rng.choice([["sun", "warm"], ["rain", "cold"]][n % 2]))
        )
        lines.append(" ".join(line))
        labels.append(NAMES[n % 2])
    return pd.DataFrame({"text": lines, "label": labels})


def save(folder: Path, count: int) -> None:
    """Train a small model, and save it with its tokenizer as `save_pretrained` does."""
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=12, **names)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=12,
        id2label=dict(enumerate(NAMES)),
        label2id={name: n for n, name in enumerate(NAMES)},
    )
    torch.manual_seed(0)
    model, frame = BertForSequenceClassification(config), diaries(count)
    given = tokenizer(frame["text"].tolist(), padding=True, return_tensors="pt")
    given = {name: given[name] for name in ("input_ids", "attention_mask")}
    labels = torch.tensor([NAMES.index(name) for name in frame["label"]])
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(30):
        optimiser.zero_grad()
        model(**given, labels=labels).loss.backward()
        optimiser.step()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main(folder: Path, *, count: int = 200, lenses: list[str] | None = None) -> holistic.Audit:
    """Save a model, and audit its folder from Python."""
    save(folder / "model", count)
    subject = holistic.Subject.from_huggingface(folder / "model", diaries(count), classes=NAMES)
    audit = holistic.audit(subject, out=folder / "audit", lenses=lenses, quick=True)
    audit.report(folder / "hugging_face.html")
    return audit


if __name__ == "__main__":
    print(main(Path("made/hugging_face")).summary())
