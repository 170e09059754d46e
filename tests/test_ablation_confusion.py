"""What the whole model takes each class for."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import holistic
from holistic.lenses.ablation.confusion import confused
from holistic.results.findings import Finding
from planted_ablation import one_hot_images


def taking(turns: dict[int, int], classes: int = 4) -> Finding:
    """Ask a model that takes each class for the one that it's told to, else for itself."""
    images, labels = one_hot_images(25)
    layer = nn.Linear(4, classes, bias=False)
    layer.weight.data = torch.zeros(classes, 4)
    for c in range(4):
        layer.weight.data[turns.get(c, c), c] = 1
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(classes, classes))
    model[2].weight.data, model[2].bias.data = torch.eye(classes), torch.zeros(classes)
    names = [str(c) for c in range(classes)]
    return confused(holistic.Subject(model, (images, labels), classes=names))


def test_counts_are_those_of_the_model_example_by_example() -> None:
    finding = taking({1: 3})
    rows = {(r["class"], r["prediction"]): r for r in finding.table.rows()}
    assert len(rows) == 16
    mistaken, never = rows["1", "3"], rows["1", "1"]
    assert (mistaken["count"], mistaken["share"], mistaken["hi"]) == (mistaken["n"], 1, 1)
    assert (never["count"], never["share"], never["lo"]) == (0, 0, 0)
    assert 0 < mistaken["lo"] < 1
    assert np.isclose(mistaken["control_share"], 0.5, atol=0.02)
    assert "class 1 for 3" in finding.statements[0]


def test_a_model_without_mistakes_names_none() -> None:
    assert "mistake" not in taking({}).statements[0]


def test_of_many_classes_only_pairs_that_occur_have_a_row() -> None:
    table = taking({1: 3}, classes=60).table
    assert len(table) == 61
    assert np.isnan(table.where(**{"class": "59"}).column("share")[0])
