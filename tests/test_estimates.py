"""Estimates are as good as their intervals say, and find what the exact sweep finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import SettingError
from holistic.replacing import Estimates, Quality, affordable_sweep, first_order, top_units
from holistic.replacing.sweep import Pass
from holistic.results.unit_effect import UnitEffect
from slow import first_order_effects
from zoo import ZOO, make


def subject_of(name: str, count: int = 300, seed: int = 0) -> holistic.Subject:
    case = ZOO[name]
    labels = torch.arange(count) % 4
    return holistic.Subject(make(case), (case.images(count), labels), seed=seed)


def exact(subject: holistic.Subject, sites: list[str] | None = None) -> np.ndarray:
    return holistic.sweep(subject, sites).where(class_="all").column("effect")


def found(estimates: Estimates) -> set[int]:
    return set(np.flatnonzero(estimates.table.column("rank") == "top").tolist())


@pytest.mark.parametrize("name", ["mlp", "one-dimensional", "data-dependent", "encoder layer"])
@pytest.mark.parametrize("edit", ["mean", "zero"])
def test_first_order_is_gradient_times_change(name: str, edit: str) -> None:
    subject = subject_of(name, 40)
    site = subject.hidden_sites[0]
    if "." in site.name:  # an operation that no module owns can't be hooked by the twin
        site = subject.site("up")
    places = torch.tensor([1, 5, 6, 11])
    (got,) = first_order(subject, Pass([site], edit, rows=places))
    new = subject.mean(site.name) if edit == "mean" else torch.zeros(())
    images, labels = subject.evaluation.images[places], subject.evaluation.labels[places]
    expected = first_order_effects(subject.model, images, labels, site, new)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_the_intervals_hold_together_and_the_top_is_the_exact_one() -> None:
    """Over many splits, all units' intervals at once hold in nearly all, and so does the set."""
    runs, covered, same, cost = 15, 0, 0, 0.0
    for seed in range(runs):
        subject = subject_of("cnn", 700, seed)
        estimates = top_units(subject, 3)
        effects = exact(subject)
        lo, hi = (estimates.table.column(c) for c in ("lo", "hi"))
        covered += bool(np.all((lo <= effects + 1e-6) & (effects <= hi + 1e-6)))
        same += found(estimates) == set(np.argsort(effects)[:3].tolist())
        cost += estimates.cost / runs
    assert covered >= runs - 2
    assert same >= runs - 2
    assert cost < 0.8


def test_intervals_are_no_wider_than_they_need_be() -> None:
    """As often outside as said, at most, and not so wide that they say nothing."""
    outside, total = 0, 0
    for seed in range(6):
        subject = subject_of("mlp", 500, seed)
        estimates = top_units(subject, 3, confidence=0.5)
        effects = exact(subject)
        sampled = ~estimates.table.column("exact")
        lo, hi = (estimates.table.column(c)[sampled] for c in ("lo", "hi"))
        outside += int(((effects[sampled] < lo) | (effects[sampled] > hi)).sum())
        total += int(sampled.sum())
    assert total > 50
    assert outside / total < 0.01
    width = (hi - lo).mean() / effects.std()
    assert width < 3


def test_more_confidence_costs_more() -> None:
    subject = subject_of("mlp", 2000)
    little, much = (top_units(subject, 3, confidence=c) for c in (0.6, 0.999))
    assert little.cost < much.cost < 1


def test_what_was_replaced_everywhere_is_exact() -> None:
    subject = subject_of("mlp", 300)
    estimates = top_units(subject, 5, confidence=0.999999)
    chosen = estimates.table.column("exact")
    assert chosen.any()
    got, lo, hi = (estimates.table.column(c)[chosen] for c in ("effect", "lo", "hi"))
    np.testing.assert_allclose(got, exact(subject)[chosen], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(lo, hi, atol=1e-6)


class Saturated(nn.Module):
    """Unit 0 decides the class, but only far from where it is: its gradient there is zero."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.act, self.head = nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)
        with torch.no_grad():
            self.read.weight.copy_(torch.eye(6))
            self.read.bias.zero_()
            self.head.weight.copy_(torch.tensor([[0, 0.1, 0.2, 0, 0, 0.0], [0] * 6]))
            self.head.bias.copy_(torch.tensor([0.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.act(self.read(x))
        gate = torch.relu(1 - hidden[:, :1])  # 0 wherever unit 0 is at least 1
        sides = torch.cat([torch.zeros_like(gate), 5 * gate], 1)
        return self.head(hidden) + sides


def saturated(count: int = 400) -> holistic.Subject:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 6, generator=generator)
    images[:, 0] += 1.5
    return holistic.Subject(Saturated().eval(), (images, torch.arange(count) % 2))


def test_a_unit_that_first_order_misses_is_found_by_the_race() -> None:
    subject = saturated()
    estimates = top_units(subject, 1, sites=["act"], edit="zero")
    table = estimates.table
    assert abs(table.column("first_order")[0]) < 1e-6
    effects = exact(subject, ["act"])
    swept = holistic.sweep(subject, ["act"], "zero").where(class_="1").column("effect")
    assert abs(swept[0]) > 4  # the planted unit
    assert effects.shape == (6,)
    assert abs(table.column("effect")[0]) < 0.5  # for and against cancel over the two classes
    one = holistic.Subject(subject.model, (subject.images, torch.zeros(len(subject.images)).long()))
    estimates = top_units(one, 1, sites=["act"], edit="zero")
    assert found(estimates) == {0}
    quality = {row.metric: row.value.value for row in estimates.quality.rows(Quality)}
    assert quality["share of the top that first order alone names"] == 0


def test_screening_says_what_it_may_have_missed() -> None:
    labels = torch.zeros(400).long()
    subject = holistic.Subject(saturated().model, (saturated().images, labels))
    estimates = top_units(subject, 1, sites=["act"], edit="zero", screen=2)
    ranks = estimates.table.column("rank")
    assert sorted(ranks) == ["rest", "screened", "screened", "screened", "screened", "top"]
    assert (estimates.table.column("n")[ranks == "screened"] > 0).sum() == 2
    quality = {row.metric: row for row in estimates.quality.rows(Quality)}
    missed = quality["share of the others that belong to the top"]
    assert missed.n == 2
    assert missed.value.lo <= missed.value.value <= missed.value.hi <= 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": 0}, "k must lie in 1 to 20"),
        ({"k": 21}, "k must lie in 1 to 20"),
        ({"confidence": 1.0}, "confidence must lie in"),
        ({"screen": 3}, "screen must be more than the 3"),
        ({"edit": "maen"}, "no edit 'maen'"),
        ({"sites": ["9"]}, "no site '9'"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(holistic.HolisticError, match=message):
        top_units(subject_of("mlp", 40), **{"k": 3, **wrong})
    assert issubclass(SettingError, holistic.HolisticError)


def rows_of(table: holistic.Table) -> dict[tuple[str, int, str], UnitEffect]:
    return {(r.site, r.unit, r.class_): r for r in table.rows(UnitEffect)}


def test_a_sweep_within_its_budget_is_exact() -> None:
    subject = subject_of("cnn", 200)
    table, caveats = affordable_sweep(subject, "mean", operations=1e12)
    assert table.data.equals(holistic.sweep(subject).data)
    assert caveats == ()
    assert set(table.column("kind")) == {"exact"}


def test_a_sweep_beyond_its_budget_is_a_sample_whose_intervals_hold() -> None:
    inside, total = 0, 0
    for seed in range(4):
        subject = subject_of("cnn", 1200, seed)
        price = sum(s.units * subject.engine.row_operations(s) for s in subject.hidden_sites)
        table, (caveat,) = affordable_sweep(subject, "mean", operations=price * 150)
        assert set(table.column("kind")) == {"sample"}
        assert "estimates from 152 examples" in caveat
        sampled, whole = rows_of(table), rows_of(holistic.sweep(subject))
        assert sampled.keys() == whole.keys()
        for key, row in sampled.items():
            assert row.n <= 152
            inside += row.effect.lo <= whole[key].effect.value <= row.effect.hi
            total += 1
    assert inside / total > 0.93


@pytest.mark.parametrize("width", [3, 12, 45])
def test_where_all_units_can_be_replayed_none_is_left_to_an_estimate(width: int) -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 3)).eval()
    subject = holistic.Subject(model, (torch.rand(600, 8), torch.arange(600) % 3))
    table, caveats = affordable_sweep(subject, "mean", operations=1)
    assert set(table.column("kind")) == {"sample"}
    assert len(table) == 2 * width * 4
    assert len(caveats) == 1
    assert "are estimates from 60 examples" in caveats[0]


def test_units_that_are_not_even_sampled_keep_first_order_and_its_error() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 300), nn.ReLU(), nn.Linear(300, 20), nn.ReLU(), nn.Linear(20, 4)
    ).eval()
    subject = holistic.Subject(model, (torch.randn(600, 1, 8, 8), torch.arange(600) % 4))
    table, caveats = affordable_sweep(subject, "mean", operations=1)
    kinds = table.column("kind")
    assert set(kinds) == {"sample", "first order"}
    assert (kinds == "sample").sum() == 100 * 5
    assert "50 others at random" in caveats[1]
    whole = rows_of(holistic.sweep(subject))
    rows = [r for r in table.rows(UnitEffect) if r.class_ == "all"]
    guessed = [r for r in rows if r.kind == "first order"]
    inside = [
        r.effect.lo <= whole[r.site, r.unit, "all"].effect.value <= r.effect.hi for r in guessed
    ]
    assert np.mean(inside) > 0.85
    replayed = [r for r in rows if r.kind == "sample"]
    size = {
        k: np.mean([abs(r.effect.value) for r in rs]) for k, rs in (("g", guessed), ("r", replayed))
    }
    assert size["r"] > size["g"]
    assert all(r.n == 0 and r.accuracy_drop.p is None for r in guessed)
