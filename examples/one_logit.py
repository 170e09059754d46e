"""A model with one logit: it is studied as two classes, on series of two channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import holistic

CLASSES = ["quiet", "pulse"]
COMMAND = "run one_logit:recordings --model one_logit:detector --weights {folder}/net.pt --quick"


def recordings(count: int = 300) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Made-up recordings of 60 steps: a pulse in the first channel, or none."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    series = 0.4 * rng.normal(size=(count, 2, 60))
    for one, label in zip(series, labels, strict=True):
        start = rng.integers(0, 40)
        one[0, start : start + 20] += label * np.sin(np.arange(20) / 3)
    return series.astype(np.float32), labels, CLASSES


def detector() -> nn.Module:
    """Convolutions over the steps, and one logit: above zero it says the second class."""
    return nn.Sequential(
        nn.Conv1d(2, 8, 9), nn.ReLU(), nn.Conv1d(8, 8, 5), nn.ReLU(),
        nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(8, 1),
    )  # fmt: skip


def train(series: Tensor, labels: Tensor) -> nn.Module:
    """Train for some seconds."""
    torch.manual_seed(0)
    model = detector()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(series)[:, 0], labels.float())
        loss.backward()
        optimiser.step()
    return model.eval()


def main(folder: Path, *, count: int = 300, lenses: list[str] | None = None) -> holistic.Audit:
    """Train, and audit from Python."""
    folder.mkdir(parents=True, exist_ok=True)
    series, labels, classes = recordings(count)
    model = train(torch.from_numpy(series), torch.from_numpy(labels))
    torch.save(model.state_dict(), folder / "net.pt")
    subject = holistic.Subject(model, (series, labels), classes, name="detector")
    audit = holistic.audit(subject, out=folder / "audit", lenses=lenses, quick=True)
    audit.report(folder / "one_logit.html")
    return audit


if __name__ == "__main__":
    print(main(Path("made/one_logit")).summary())
