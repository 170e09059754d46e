"""Texts as numbers of tokens, with the words that they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import holistic

WORDS = [
    "<pad>", "the", "film", "plot", "was", "is", "very", "not", "good", "great", "moving", "bad",
    "awful", "dull",
]  # fmt: skip
COMMAND = "run texts_tokens:reviews --model texts_tokens:Reader --weights {folder}/net.pt --quick"


class Reader(nn.Module):
    """An embedding, a convolution over neighbouring words, and the largest value of each unit."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(WORDS), 12)
        self.pairs, self.out = nn.Conv1d(12, 16, 2), nn.Linear(16, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        seen = torch.relu(self.pairs(self.embed(tokens).movedim(1, 2)))
        return self.out(seen.amax(2))


def reviews(count: int = 400) -> dict[str, Any]:
    """Made-up reviews: one word decides, and `not` before it turns it round."""
    rng = np.random.default_rng(0)
    tokens, labels = np.zeros((count, 8), np.int64), np.arange(count) % 2
    for row, label in zip(tokens, labels, strict=True):
        length = rng.integers(5, 9)
        row[:length] = rng.choice(range(1, 7), length)
        turned, place = rng.random() < 0.3, rng.integers(1, length)
        kind = int(label) != turned
        row[place] = rng.choice([[8, 9, 10], [11, 12, 13]][kind])
        row[place - 1] = 7 if turned else row[place - 1]
    return {
        "input_ids": tokens,
        "label": labels,
        "classes": ["praise", "blame"],
        "vocabulary": WORDS,
    }


def train(data: dict[str, Any]) -> Reader:
    """Train for some seconds."""
    torch.manual_seed(0)
    tokens, labels = torch.from_numpy(data["input_ids"]), torch.from_numpy(data["label"])
    model = Reader()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(tokens), labels).backward()
        optimiser.step()
    return model.eval()


def main(folder: Path, *, count: int = 400, lenses: list[str] | None = None) -> holistic.Audit:
    """Train, and audit from Python: the words come with the data."""
    folder.mkdir(parents=True, exist_ok=True)
    model = train(reviews(count))
    torch.save(model.state_dict(), folder / "net.pt")
    subject = holistic.Subject(model, reviews(count), name="reviews")
    audit = holistic.audit(subject, out=folder / "audit", lenses=lenses, quick=True)
    audit.report(folder / "texts.html")
    return audit


if __name__ == "__main__":
    print(main(Path("made/texts_tokens")).summary())
