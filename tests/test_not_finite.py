"""Where a model computes NaN on some examples, and its logits are finite, a line says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError
from holistic.lenses._contract import Context
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution.contrasts import contrasts_finding
from holistic.lenses.attribution.methods import methods_finding

QUICK = Attribution(examples=60, steps=4, noise_draws=2, fractions=3, random_orders=2)


class Rooted(nn.Module):
    """Adds the distance of one input from 5 to all logits: without a gradient where it is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.act, self.down = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.act(self.up(x))) + torch.sqrt((x[:, :1] - 5) ** 2)


class Divided(Rooted):
    """Divides units by themselves, which makes NaN of those that are 0, and takes NaN for 0."""

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.up(x))
        return self.down(torch.nan_to_num(h[:, :1] / h[:, :1] * h))


def of(kind: type[Rooted], at_five: int = 0) -> holistic.Subject:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(120, 6, generator=generator), torch.arange(120) % 3
    images[:at_five, 0] = 5
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind().eval()
    return holistic.Subject(model, (images, labels))


def test_images_without_a_gradient_are_left_out_of_maps_and_counted() -> None:
    subject = of(Rooted, 12)
    here = int((subject.evaluation.images[:, 0] == 5).sum())
    finding = methods_finding(subject, QUICK, Context().progress)
    rows = list(finding.table.rows())
    left = len(subject.evaluation) - here
    plain = ("deletion_auc", "insertion_auc", "completeness")
    assert {row["n"] for row in rows if row["metric"] in plain} == {left}
    # other tests look at fewer images, and a map of zeros has no ranks to correlate
    assert all(0 < row["n"] <= left for row in rows)
    assert all(np.isfinite(row["value"]) for row in rows)
    assert np.isfinite(finding.arrays["attribution.class_maps"]).all()
    assert np.isfinite(finding.arrays["attribution.example_maps"]).all()
    assert any("a map of them holds NaN or infinite values" in note for note in finding.caveats)
    contrasts = contrasts_finding(subject, QUICK, finding.table, Context().progress)
    counts = {(row["class"], row["rival"]): row["n"] for row in contrasts.table.rows()}
    assert max(counts.values()) <= 15
    assert all(np.isfinite(row["change"]) for row in contrasts.table.rows())


def test_where_no_image_has_a_gradient_there_are_no_maps_and_a_line() -> None:
    subject = of(Rooted, 120)
    assert "NaN or infinite, as those of a root" in subject.gradients.note
    finding = methods_finding(subject, QUICK, Context().progress)
    assert set(finding.table.column("method")) == {"occlusion", "random"}
    assert "so there is no map by saliency, input × gradient" in finding.caveats[0]
    alone = methods_finding(subject, replace(QUICK, methods="saliency"), Context().progress)
    assert not len(alone.table)
    assert "so there is no map by saliency." in alone.caveats[0]


def test_a_mean_of_nan_stands_for_no_unit() -> None:
    """Behind it NaN may be taken for 0, and what is called the mean would be that."""
    subject = of(Divided)
    assert bool(subject.predict().isfinite().all())
    (site,) = {s.name for s in subject.all_sites if s.op == "mul"}
    line = f"site '{site}' holds NaN or infinite values on some examples of the selection split"
    for edit in ("mean", "resample"):
        with pytest.raises(ModelError, match=line):
            holistic.sweep(subject, [site], edit=edit)
    assert np.isfinite(holistic.sweep(subject, [site], edit="zero").column("effect")).all()
    with pytest.raises(ModelError, match=line):
        holistic.test(subject, [holistic.Mean(site, units=[0])])
