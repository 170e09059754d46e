"""Verdicts name the class that depends on a unit, and whether it needs it firing or silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.lenses.agreement._unit_numbers import needs
from holistic.lenses.agreement.opening import idle
from holistic.lenses.agreement.removed import remove_together
from holistic.report.briefs import brief
from holistic.report.saved import Audit
from planted_ablation import linear
from small_audit import LENSES
from test_agreement import Context, planted, verdicts_of


def a_brake(count: int = 240) -> holistic.Subject:
    """Unit 0 fires on classes 1 to 3 and speaks against 0 alone, which needs it silent."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 4
    images = torch.rand(count, 4, generator=generator) * 0.3
    images[torch.arange(count), labels] += 1
    up, bias = torch.zeros(6, 4), torch.zeros(6)
    up[0, 1:], bias[0] = 1, -0.3
    up[1:4, 1:] = torch.eye(3)
    up[4, 0] = 1  # fires on class 0, and nothing reads it
    down = torch.zeros(4, 6)
    down[0, 0], down[1:, 1:4] = -6, 2 * torch.eye(3)
    last = linear(down, torch.tensor([1.8, 0, 0, 0]))
    return holistic.Subject(nn.Sequential(linear(up, bias), nn.ReLU(), last), (images, labels))


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    out: Path = tmp_path_factory.mktemp("brake") / "audit"
    return holistic.audit(a_brake(), out=out, lenses=list(LENSES))


def test_a_class_that_needs_a_unit_silent_is_the_one_that_is_named(audit: Audit) -> None:
    brake, *carriers, idle_unit, dead = audit["agreement.units"].rows()
    assert brake["preferred_class"] != "0"
    assert (brake["causal_class"], brake["needs_it"], brake["strongest_class"]) == (
        "0", "silent", "0",
    )  # fmt: skip
    assert brake["causal_share"] > 0.5
    for place, row in enumerate(carriers, 1):
        assert (row["causal_class"], row["needs_it"]) == (str(place), "firing")
        assert row["verdict"] == "causal and selective"
    for row in (idle_unit, dead):
        assert (row["causal_class"], row["needs_it"], row["strongest_class"]) == (None, None, None)
    assert "of the causal ones 1 is needed silent" in audit.finding("agreement.units").statements[0]
    [opening] = [line for line in audit.summary().split("\n") if "Start here" in line]
    assert '"0" needs L1·0 silent' in opening


def test_sentences_speak_of_examples_where_inputs_are_no_images(audit: Audit) -> None:
    assert "images" not in "".join(brief(audit.finding(name), audit) for name in audit.names)


def test_what_a_class_is_better_without_harms_it() -> None:
    share = np.array([0.5, 0.5, -0.5, 0.0, np.nan, np.nan])
    drop = np.array([0.0, 0.0, 0.0, 0.2, -0.2, 0.2])
    above = np.array([1.0, -1.0, 1.0, 1.0, 1.0, -1.0])
    assert needs(share, drop, above=above).tolist() == [
        "firing", "silent", "harmed", "firing", "harmed", "silent",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["neither", "dead", "selective, not causal"])
def test_idle_units_of_a_single_verdict_are_told_of_as_the_set_that_they_are(word: str) -> None:
    subject = planted.carried(count=200)
    finding = remove_together(subject, verdicts_of(["causal", word, *["causal"] * 4]), Context())
    row = idle(finding.table)
    assert row is not None
    assert (row.removed, row.units_that) == (1, word)
    assert f"the 1 unit of site '{planted.SITE}' that is {word}" in finding.statements[0]
