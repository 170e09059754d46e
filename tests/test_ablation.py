"""Does the ablation lens find what was planted, and what plain loops find?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.errors import SettingError
from holistic.findings import Finding
from holistic.lens import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.removal import matched_sets
from planted_ablation import one_hot_images, pairs, sole_carriers
from slow_ablation import accuracies, interaction, ranked

QUICK = Ablation(edit="mean", depth=6, sets=40, partners=4)


def found(subject: holistic.Subject, lens: Ablation) -> dict[str, Finding]:
    return {finding.name: finding for finding in lens.run(subject, Context())}


@pytest.fixture(scope="module")
def noisy() -> tuple[holistic.Subject, dict[str, Finding]]:
    """An untrained network on structured images: every effect is real but nobody planned it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 9), nn.Tanh(),
                              nn.Linear(9, 4))  # fmt: skip
    subject = holistic.Subject(model, one_hot_images(20, noise=1.5))
    return subject, found(subject, QUICK)


def test_sole_carriers_are_found() -> None:
    subject = holistic.Subject(sole_carriers(), one_hot_images())
    findings = found(subject, Ablation(edit="zero", depth=6, sets=200, partners=3))
    units = findings["ablation.units"].table
    for c in range(4):
        effects = units.where(class_=str(c)).column("effect")
        assert int(np.argmin(effects)) == c
        assert effects[c] < -0.9
        assert np.abs(np.delete(effects, c)).max() < 0.1
        row = next(units.where(class_=str(c), unit=c).rows())
        assert row["lost"] == row["n"] == 15
        assert row["q"] < 0.01
    assert np.all(units.where(unit=4).column("effect") == 0)
    assert np.all(units.where(unit=5).column("effect") == 0)
    topk = findings["ablation.topk"].table.where(ranking="effect", k=1)
    assert np.all(topk.column("class_drop") == 1)
    assert topk.column("class_p").max() < 0.35
    assert np.all(topk.column("class_lo") > 0.5)
    control = findings["ablation.topk"].table.where(ranking="effect", k=6)
    np.testing.assert_allclose(control.column("control_drop"), control.column("drop"))
    assert np.all(control.column("p") == 1)


def test_redundancy_and_synergy_have_their_signs() -> None:
    subject = holistic.Subject(pairs(), one_hot_images(noise=0.0), score="logit")
    table = found(subject, Ablation(edit="zero", depth=2, sets=20, partners=6))[
        "ablation.interactions"
    ].table.where(site="1")
    redundant = next(table.where(unit_a=0, unit_b=1, class_="0").rows())
    assert (redundant["effect_a"], redundant["effect_b"]) == (0, 0)
    assert redundant["interaction"] == pytest.approx(-1)
    synergistic = next(table.where(unit_a=2, unit_b=3, class_="1").rows())
    assert synergistic["effect_ab"] == pytest.approx(-1)
    assert synergistic["interaction"] == pytest.approx(1)
    others = [
        row["interaction"] for row in table.rows()
        if (row["unit_a"], row["unit_b"]) not in {(0, 1), (2, 3)}
    ]  # fmt: skip
    assert others
    assert np.abs(others).max() < 1e-6


def test_rounding_is_no_interaction() -> None:
    """In a linear readout a logit's effects add up exactly, so no pair interacts."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 4))
    subject = holistic.Subject(model, one_hot_images(40, noise=2.0), score="logit")
    table = found(subject, Ablation(depth=2, sets=20, partners=8))["ablation.interactions"].table
    assert np.abs(table.column("effect_ab")).max() > 0.01
    assert np.all(table.column("interaction") == 0)
    assert not (table.column("q") < 0.05).any()


def test_curves_equal_plain_removal(noisy: tuple[holistic.Subject, dict[str, Finding]]) -> None:
    subject, findings = noisy
    table = findings["ablation.topk"].table
    for site in ("1", "3"):
        for label in (0, 2):
            for ranking in ("class_activation", "class_minus_rest", "effect"):
                order = ranked(subject, site, label, ranking)
                rows = table.where(site=site, class_=str(label), ranking=ranking).sort("k")
                assert rows.column("k").tolist() == list(range(7))
                for row in rows.rows():
                    whole, by_class = accuracies(subject, site, order[: row["k"]], holistic.Mean)
                    assert row["accuracy_after"] == pytest.approx(whole)
                    assert row["class_accuracy_after"] == pytest.approx(by_class[label])
                    assert row["drop"] == pytest.approx(row["accuracy_before"] - whole)


def test_intervals_and_controls_of_the_curves(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    table = findings["ablation.topk"].table
    zero = table.where(k=0)
    assert np.all(zero.column("drop") == 0)
    assert np.all(zero.column("p") == 1)
    for name in ("", "class_"):
        lo, hi, drop = (table.column(name + part) for part in ("lo", "hi", "drop"))
        assert np.all((lo <= drop) & (drop <= hi))
        control = [table.column(f"{name}control_{part}") for part in ("lo", "drop", "hi")]
        assert np.all(control[0] <= control[1] + 1e-12)
        assert np.all(control[1] <= control[2] + 1e-12)
        assert table.column(name + "p").min() >= 1 / 41
    assert set(table.column("class_n")) == {10}
    one = table.where(site="1", k=1, class_="0", ranking="effect")
    singles = [accuracies(subject, "1", [u], holistic.Mean)[0] for u in range(12)]
    base = accuracies(subject, "1", [], holistic.Mean)[0]
    mean_drop = base - np.mean(singles)
    spread = np.std(singles) / np.sqrt(40)
    assert abs(float(one.column("control_drop")[0]) - mean_drop) < 5 * spread + 1e-9


def test_interactions_equal_plain_runs(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    table = findings["ablation.interactions"].table.where(class_="all")
    assert set(table.column("kind")) == {"top", "random"}
    for row in list(table.rows())[::3]:
        plain = interaction(subject, row["site"], row["unit_a"], row["unit_b"])
        assert row["interaction"] == pytest.approx(np.mean(plain), abs=1e-5)
        assert row["n"] == len(plain)
        assert row["lo"] <= row["interaction"] <= row["hi"]


def test_the_same_seed_gives_the_same_tables(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    again = found(subject, QUICK)
    for name, finding in findings.items():
        assert finding.table.data.equals(again[name].table.data)
        assert finding.statements == again[name].statements
        assert finding.statements


def test_an_untrained_network_has_few_significant_units() -> None:
    share = []
    for seed in range(4):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 4))
        images = torch.randn(200, 4, generator=torch.Generator().manual_seed(seed))
        subject = holistic.Subject(model, (images, torch.arange(200) % 4))
        share.append(np.mean(holistic.sweep(subject).column("q") < 0.05))
    assert np.mean(share) <= 0.05


def test_matched_sets_are_other_units_of_like_strength() -> None:
    strength = np.arange(64.0)
    units = np.array([3, 30, 60])
    drawn = matched_sets(units, strength, 200, [0])
    assert drawn.shape == (200, 3)
    assert not np.isin(drawn, units).any()
    assert all(len(set(row)) == 3 for row in drawn.tolist())
    assert np.abs(strength[drawn] - strength[units]).max() <= 9
    assert len(np.unique(drawn[:, 1])) > 4
    crowded = matched_sets(np.arange(5), np.arange(6.0), 10, [0])
    assert all(len(set(row)) == 5 for row in crowded.tolist())
    assert np.array_equal(
        matched_sets(units, strength, 5, [1]), matched_sets(units, strength, 5, [1])
    )


def test_a_costly_site_uses_fewer_examples_and_says_so() -> None:
    images, labels = one_hot_images(200, noise=0.5)
    subject = holistic.Subject(sole_carriers(), (images, labels))
    finding = found(subject, Ablation(sets=20, depth=2, budget=0.0))["ablation.topk"]
    assert set(finding.table.column("n")) == {200}
    assert "200 of 400 evaluation examples" in finding.caveats[0]


def test_settings_are_checked() -> None:
    with pytest.raises(SettingError, match="ablation: sets must be at least 20, got 3"):
        Ablation(sets=3)
