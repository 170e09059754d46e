"""Do all lenses stay sound on models that are tiny, coarse, or dead in places?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import holistic
from holistic.errors import HolisticError
from holistic.graph.kept import random_state
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.replacements import compare_replacements
from holistic.lenses.activation import Activation
from holistic.lenses.agreement import Agreement
from holistic.lenses.attribution import Attribution
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.tracing import Tracing
from holistic.progress import silent
from holistic.results.findings import Finding

QUICK = (
    Ablation(depth=2, sets=20, partners=2, permutations=20, familywise=0),
    Activation(controls=19, shuffles=20, probes=20, visualised=0, steps=1, starts=1),
    Attribution(examples=24, steps=4, noise_draws=2, fractions=4, random_orders=2),
    Mechanism(shuffles=2, draws=20),
    Tracing(pairs=6, rivals=3, controls=20, examples=60),
    Agreement(shuffles=99, controls=1),
)


def stripes(classes: int, *, without: int = -1) -> tuple[Tensor, Tensor]:
    """Images whose class is the bright row, perhaps of one class fewer than the model tells."""
    labels = torch.arange(40 * classes) % classes
    labels = labels[labels != without]
    images = 0.5 * torch.rand(len(labels), 1, 4, 4, generator=torch.Generator().manual_seed(0))
    images[torch.arange(len(labels)), 0, labels] += 0.5
    return images, labels


def rows_read(units: int, classes: int) -> nn.Sequential:
    """A model whose unit u is the brightness of row u."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, units), nn.ReLU(), nn.Linear(units, classes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for unit in range(units):
            model[1].weight[unit, 4 * unit : 4 * unit + 4] = 1
            model[3].weight[unit, unit] = 2
        model[3].bias[units:] = 5
    return model


class Beside(nn.Module):
    """Four units that read the rows, and a second site that is always silent."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.dead, self.head = nn.Linear(16, 4), nn.Linear(4, 4), nn.Linear(8, 4)
        with torch.no_grad():
            for layer in (self.read, self.dead, self.head):
                layer.weight.zero_()
                layer.bias.zero_()
            for unit in range(4):
                self.read.weight[unit, 4 * unit : 4 * unit + 4] = 1
                self.head.weight[unit, unit] = 2
            self.dead.bias.fill_(-1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.read(x.flatten(1)))
        return self.head(torch.cat([h, F.relu(self.dead(h))], 1))


class Logarithms(nn.Module):
    """A model of the logarithms of positive units, which zero has none of."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.each, self.head = nn.Linear(16, 5), nn.Linear(5, 5), nn.Linear(5, 4)
        with torch.no_grad():
            self.each.weight.copy_(torch.eye(5))
            self.each.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.each(F.softplus(self.read(x.flatten(1)))).log())


def all_findings(subject: holistic.Subject) -> dict[str, Finding]:
    findings: dict[str, Finding] = {}
    for lens in QUICK:
        for finding in lens.run(subject, Context(findings=findings)):
            findings[finding.name] = finding
    return findings


def spoken(findings: Mapping[str, Finding]) -> str:
    return "\n".join(
        line for finding in findings.values() for line in (*finding.statements, *finding.caveats)
    )


@pytest.fixture(scope="module")
def beside() -> dict[str, Finding]:
    return all_findings(holistic.Subject(Beside(), stripes(4)))


@pytest.mark.parametrize(
    ("units", "classes", "without", "dtype"),
    [
        (1, 2, -1, torch.float32),
        (2, 3, 2, torch.float32),
        (3, 3, -1, torch.bfloat16),
        (2, 2, -1, torch.float16),
        (2, 2, -1, torch.float64),
    ],
)
def test_every_lens_answers(units: int, classes: int, without: int, dtype: torch.dtype) -> None:
    images, labels = stripes(classes, without=without)
    subject = holistic.Subject(
        rows_read(units, classes).to(dtype),
        (images.to(dtype), labels),
        classes=[f"row {c}" for c in range(classes)],
    )
    findings = all_findings(subject)
    assert {name.split(".")[0] for name in findings} == {lens.name for lens in QUICK}
    assert "nan" not in spoken(findings)
    assert " 0 to " not in spoken(findings)  # a class without examples isn't counted
    effects = findings["ablation.units"].table.where(unit=0, class_="row 0").column("effect")
    assert effects[0] < -1


@pytest.mark.parametrize("rare", [1, 4])
def test_classes_of_two_examples_are_told_without_intervals(rare: int) -> None:
    """One of them is selected on, and one evaluated: a mean of one has no interval."""
    images, labels = stripes(4)
    seen = F.one_hot(labels).cumsum(0).gather(1, labels[:, None])[:, 0]
    kept = (labels < 4 - rare) | (seen <= 2)
    subject = holistic.Subject(rows_read(4, 4), (images[kept], labels[kept]))
    findings = all_findings(subject)
    assert "nan" not in spoken(findings)
    rows = findings["ablation.units"].table.where(class_="3")
    assert (rows.column("n") == 1).all()
    assert np.isnan(rows.column("lo")).all()
    lines = findings["ablation.units"].statements
    assert ("carry it) (n = 1)" in lines[0]) == (rare == 4)


def test_a_single_unit_has_no_pairs() -> None:
    subject = holistic.Subject(rows_read(1, 2), stripes(2))
    findings = {f.name: f for f in QUICK[0].run(subject, Context())}
    assert len(findings["ablation.interactions"].table) == 0
    assert "no pair" in findings["ablation.interactions"].caveats[0]
    assert "1 units are too few" in findings["ablation.shapley"].statements[0]


def test_a_silent_site_is_told_as_such(beside: dict[str, Finding]) -> None:
    assert "nan" not in spoken(beside)
    assert (
        "no example's margin changes by more than rounding"
        in (beside["ablation.units"].statements[1])
    )
    assert "has ties only" in beside["ablation.shapley"].statements[1]
    assert "mean and zero can't be compared" in beside["ablation.replacements"].statements[1]
    assert "All units are constant at site 'relu#2'" in beside["mechanism.flow"].statements[-1]
    assert "At site 'relu#2' all units are constant" in beside["tracing.geometry"].statements[-1]
    assert any("'relu#2': all of them are dead" in s for s in beside["agreement.lenses"].statements)


def test_a_lens_without_a_ranking_says_why(beside: dict[str, Finding]) -> None:
    table = beside["agreement.lenses"].table.where(site="relu", lens_b="mechanism")
    assert np.isnan(table.column("spearman")).all()
    [why] = [s for s in beside["agreement.lenses"].statements if "mechanism ranks no units" in s]
    assert "At site 'relu' mechanism ranks no units (the site has no stable clusters)" in why


def test_shares_of_images_and_backups_have_intervals(beside: dict[str, Finding]) -> None:
    assert "] logits, the median unit of a site by" in beside["ablation.images"].statements[0]
    assert "(medians over n = 4 images)" in beside["ablation.images"].statements[0]
    assert "with a strong unit gone 0.0 % [0.0, " in beside["ablation.backup"].statements[0]
    assert " pairs)" in beside["ablation.backup"].statements[0]


def test_changes_within_rounding_are_none() -> None:
    """Unit 1 changes a logit of 5 by 1e-6, two steps of float32."""
    model = rows_read(2, 2)
    with torch.no_grad():
        model[3].weight[1] = torch.tensor([0.0, 1e-6])
        model[3].bias[1] = 5
    subject = holistic.Subject(model, stripes(2))
    table = holistic.sweep(subject)
    assert (table.where(unit=1).column("effect") == 0).all()
    assert np.isnan(table.where(unit=1).column("lo")).all(), "nothing varies"
    assert (np.abs(table.where(unit=0).column("effect")) > 0.1).all()
    findings = {f.name: f for f in QUICK[0].run(subject, Context())}
    for finding, column in (
        ("scores", "effect"),
        ("direct", "total"),
        ("shapley", "shapley"),
        ("images", "effect"),
    ):
        own = findings[f"ablation.{finding}"].table.where(unit=1)
        assert (own.column(column) == 0).all()
        assert len(own)


def test_removals_that_leave_no_score_are_named() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        subject = holistic.Subject(Logarithms(), stripes(4))
    finding = compare_replacements(subject, QUICK[0], silent)
    table = finding.table.where(class_="all", site="softplus")
    rated = {(r["replacement_a"], r["replacement_b"]): r for r in table.rows()}
    assert rated["mean", "zero"]["overlap"] is None
    assert rated["mean", "zero"]["n"] == 0
    assert rated["mean", "resample"]["overlap"] is not None
    assert "mean and zero can't be compared" in finding.statements[0]
    assert "mean and zero only 0" in finding.caveats[-1]


def test_coarse_numbers_of_two_sites_can_be_crossed() -> None:
    images, labels = stripes(4)
    coarse = Beside().to(torch.bfloat16)
    findings = {
        f.name: f
        for f in QUICK[0].run(holistic.Subject(coarse, (images.bfloat16(), labels)), Context())
    }
    assert len(findings["ablation.backup"].table.where(site="relu", backup_site="relu#2"))


class Apart(nn.Module):
    """Runs its layers on parts of the batch."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.first, self.last, self.rows = nn.Linear(6, 5), nn.Linear(5, 3), rows

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.last(F.relu(self.first(part))) for part in x.split(self.rows)])


@pytest.mark.parametrize(
    ("rows", "told"), [(4, "has no hidden units"), (64, r"is given 64 of \d+ images at once")]
)
def test_models_that_take_their_batch_apart_are_told(rows: int, told: str) -> None:
    data = torch.randn(400, 6), torch.arange(400) % 3
    with pytest.raises(HolisticError, match=told):
        holistic.sweep(holistic.Subject(Apart(rows), data))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_of_half_precision_is_audited_and_nobody_s_random_numbers_are_drawn(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).to(dtype)
    images = torch.randn(60, 1, 2, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    one = holistic.Subject(model, (images, torch.arange(60) % 3))
    before = random_state()
    run = holistic.audit(one, out=tmp_path / "a", lenses=["tracing"], anyway=True, quick=True)
    assert run.finished == ("tracing",)
    assert str(random_state()) == str(before)
