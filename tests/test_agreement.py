"""Does the sixth lens find where lenses part, and say nothing where nothing was measured?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

import holistic
import planted_tracing as planted
from holistic.findings import Audit
from holistic.lenses.ablation import Ablation
from holistic.lenses.agreement import Agreement

LENSES = (
    Ablation(depth=3, sets=20, partners=2, permutations=20, familywise=0),
    "activation", "attribution", "mechanism", "tracing", Agreement(shuffles=99),
)  # fmt: skip


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Two classes told by unit 0 alone; unit 1 responds just as well, and nothing reads it."""
    return holistic.audit(
        planted.carried(count=400), out=tmp_path_factory.mktemp("carried"), lenses=list(LENSES)
    )


def unit(audit: Audit, number: int) -> dict[str, Any]:
    [row] = audit["agreement.units"].where(unit=number).rows()
    return row


def test_what_responds_and_is_not_read_is_told_from_what_decides(audit: Audit) -> None:
    assert unit(audit, 0)["verdict"] == "causal and selective"
    assert unit(audit, 1)["verdict"] == "selective, not causal"
    assert {unit(audit, n)["verdict"] for n in (3, 4, 5)} == {"neither"}
    deciding, idle = unit(audit, 0), unit(audit, 1)
    assert deciding["causal_share"] > 0.9
    assert abs(idle["causal_share"]) < 0.01
    assert idle["activation"] == 1
    counts, misleading = audit.finding("agreement.units").statements
    assert "1 causal and selective; 1 selective, not causal" in counts
    assert (
        "Of the 1 selective units that aren't causal the most selective is 1 of '2'" in misleading
    )


def test_words_tell_what_the_picture_shows_first_and_why_a_lens_is_silent(audit: Audit) -> None:
    """The picture opens on class 'all'; a site without clusters has no ranks of mechanism."""
    *told, silent = audit.finding("agreement.lenses").statements
    [row] = (
        audit["agreement.lenses"].where(class_="all", lens_a="ablation", lens_b="activation").rows()
    )
    said = f"for class 'all' {row['spearman']:.3f} [{row['lo']:.3f}, {row['hi']:.3f}]"
    assert said in told[-1]
    assert told[-1].startswith("Ablation and activation at '2' have a median rank correlation")
    assert silent.startswith("At '2' mechanism ranks no units (the site has no stable clusters)")


def test_scores_and_their_agreement_equal_what_the_tables_say(audit: Audit) -> None:
    effects, told = audit["ablation.units"], audit["activation.units"]
    for name in audit.provenance["classes"]:
        loss = -effects.where(class_=name).column("effect")
        area = np.abs(2 * told.where(class_=name).column("auroc") - 1)
        [row] = (
            audit["agreement.lenses"]
            .where(class_=name, lens_a="ablation", lens_b="activation")
            .rows()
        )
        assert row["spearman"] == pytest.approx(spearmanr(loss, area).statistic)
        assert row["n"] == 6
        assert row["control_lo"] <= 0 <= row["control_hi"]
    own = audit["agreement.units"]
    for row in own.rows():
        effect = next(effects.where(unit=row["unit"], class_=row["preferred_class"]).rows())
        assert row["ablation"] == pytest.approx(-effect["effect"])
        q = effects.where(unit=row["unit"]).column("q")[: len(audit.provenance["classes"])]
        assert row["accuracy_q"] == pytest.approx(q.min())


def test_no_verdict_where_nothing_could_be_patched(tmp_path: Path) -> None:
    """A model that is always wrong has no pair of images that it tells apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images = torch.randn(120, 1, 2, 3)
        model = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).eval()
        labels = 1 - model(images).argmax(1)
    audit = holistic.audit(
        holistic.Subject(model, (images, labels)), out=tmp_path / "wrong", lenses=list(LENSES)
    )
    rows = list(audit["agreement.units"].rows())
    assert {row["verdict"] for row in rows} <= {"not measured", "dead"}
    assert {row["causal_share"] for row in rows} == {None}
    assert "no pair of images could be patched" in audit.finding("agreement.units").statements[0]
    assert "no more than always saying" in audit.provenance["caveats"][1]
