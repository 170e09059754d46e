"""A table: features by their names, what removing each costs, and the curve along each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

import holistic

COMMAND = "run table_mlp:patients --model table_mlp:network --weights {folder}/net.pt --quick"


def patients(count: int = 400) -> pd.DataFrame:
    """Made-up patients: the risk follows age and blood pressure; the other columns are noise."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.normal(size=(count, 5)), columns=["age", "pressure", "pulse", "height", "weight"]
    )
    risk = frame["age"] + 1.5 * frame["pressure"] + 0.3 * rng.normal(size=count)
    frame["risk"] = pd.Categorical.from_codes((risk > 0).astype(int), ["low", "high"])
    return frame.astype(dict.fromkeys(frame.columns[:5], "float32"))


def network() -> nn.Module:
    """A small multilayer perceptron."""
    return nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))


def train(frame: pd.DataFrame) -> nn.Module:
    """Train for a second."""
    torch.manual_seed(0)
    inputs = torch.from_numpy(frame.drop(columns="risk").to_numpy())
    labels = torch.tensor(frame["risk"].cat.codes.to_numpy(), dtype=torch.long)
    model = network()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    return model.eval()


def main(folder: Path, *, count: int = 400, lenses: list[str] | None = None) -> holistic.Audit:
    """Train, and audit from Python: the table is passed as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    model = train(patients(count))
    torch.save(model.state_dict(), folder / "net.pt")
    subject = holistic.Subject(model, patients(count), name="patients")
    audit = holistic.audit(subject, out=folder / "audit", lenses=lenses, quick=True)
    audit.report(folder / "table.html")
    return audit


if __name__ == "__main__":
    print(main(Path("made/table_mlp")).summary())
