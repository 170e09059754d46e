"""Write the reports that `make browser` opens beside one on images: hostile names, and features."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

import holistic
import planted_report
from holistic.report import write_report

HOSTILE = (
    "<img src=x onerror=alert(@)>",
    "</script><script>alert(@)</script>",
    '"><svg onload=alert(@)>',
    "javascript:alert(@)",
    "'};alert(@);//",
    "${alert(@)}",
    "</style><script>alert(@)</script>",
    "<iframe srcdoc='<script>alert(@)</script>'>",
    "<a href=javascript:alert(@)>x</a>",
    "-->\u2028alert(@)",
)


def main(folder: Path) -> None:
    """Write both reports into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _hostile(folder / "hostile.html")
    _features(folder / "features.html")


def _hostile(page: Path) -> None:
    """Five hundred class names that could break a page."""
    names = (HOSTILE[i % len(HOSTILE)].replace("@", str(i)) for i in range(500))
    planted_report.CLASSES = (*names, "plain")
    planted_report.STRONGEST = (*planted_report.STRONGEST[:2], "plain", -3.25)
    with tempfile.TemporaryDirectory() as place:
        write_report(planted_report.audit(Path(place) / "hostile"), page)


def _features(page: Path) -> None:
    """A classifier of measurements: nothing to look at but rows of numbers, and two classes."""
    told = load_breast_cancer()
    rows = torch.from_numpy((told.data - told.data.mean(0)) / told.data.std(0)).float()
    labels = torch.from_numpy(told.target)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(30, 12), nn.ReLU(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 2)
    )
    step = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        step.zero_grad()
        nn.functional.cross_entropy(model(rows), labels).backward()
        step.step()
    subject = holistic.Subject(model.eval(), (rows, labels), classes=list(told.target_names))
    with tempfile.TemporaryDirectory() as place:
        write_report(holistic.audit(subject, out=Path(place) / "features", quick=True), page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
