"""Does the ablation lens find what was planted, and what plain loops find?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp
from torch import nn

import holistic
from holistic.errors import SettingError
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._controls import control_p, random_orders
from holistic.lenses.ablation._matched_controls import matched_sets
from holistic.lenses.ablation._removal import remove_orders
from holistic.results.findings import Finding
from planted_ablation import (
    CARRIED,
    CARRIER,
    linear,
    one_carrier,
    one_hot_images,
    pairs,
    sole_carriers,
)
from slow_ablation import accuracies, beside, interaction, mean_strengths, ranked

QUICK = Ablation(edit="mean", depth=6, sets=40, partners=4)


def found(subject: holistic.Subject, lens: Ablation) -> dict[str, Finding]:
    return {finding.name: finding for finding in lens.run(subject, Context())}


@pytest.fixture(scope="module")
def noisy() -> tuple[holistic.Subject, dict[str, Finding]]:
    """A network with random weights on structured images: effects are real but unplanned."""
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
    # six units, each of which is tried
    np.testing.assert_allclose(topk.column("class_p"), 1 / 6)
    np.testing.assert_allclose(topk.column("least_p"), 1 / 6)
    assert set(topk.column("sets")) == {6}
    np.testing.assert_allclose(topk.column("class_control_drop"), 1 / 6)
    assert np.all(topk.column("class_lo") > 0.5)
    control = findings["ablation.topk"].table.where(ranking="effect", k=6)
    np.testing.assert_allclose(control.column("control_drop"), control.column("drop"))
    assert np.isnan(control.column("p")).all(), "to remove all units is to remove all units"
    notes = " ".join(findings["ablation.topk"].caveats)
    assert "k = 3: p is at least 0.05 (20 such sets exist), and with 4 tests the q of one" in notes
    assert "at least 0.2: none can be significant alone" in notes


def test_the_only_carrier_of_a_class_is_found() -> None:
    subject = holistic.Subject(*one_carrier())
    lens = Ablation(edit="zero", depth=4, sets=200, partners=3)
    findings = found(subject, lens)
    units = findings["ablation.units"].table
    carrier = units.where(unit=CARRIER)
    lost = dict(zip(carrier.column("class"), carrier.column("lost"), strict=True))
    assert lost == {str(c): 30 * (c == CARRIED) for c in range(10)} | {"all": 30}
    significant = units.column("q") < 0.05
    assert set(units.column("unit")[significant]) == {CARRIER}
    assert f"class {CARRIED} needs unit {CARRIER} most" in findings["ablation.units"].statements[0]
    assert units.where(unit=0).column("effect").tolist() == [0] * 11
    topk = findings["ablation.topk"].table.where(class_=str(CARRIED), k=1)
    chance = int((random_orders(subject, subject.site("1"), lens)[:, 0] == CARRIER).sum())
    assert chance <= 4
    for row in topk.rows():
        assert row["class_drop"] == 1
        assert row["drop"] == pytest.approx(0.1)
        assert row["class_p"] == pytest.approx((1 + chance) / 201)
        assert row["class_matched_drop"] == 0
        # as many units are nearest in activation, and each is one alternative however often drawn
        assert 30 <= row["class_matched_sets"] <= 32
        assert row["class_matched_p"] == pytest.approx(1 / (1 + row["class_matched_sets"]))
    others = findings["ablation.topk"].table.where(ranking="effect", k=4)
    assert others.where(class_=str(CARRIED)).column("class_drop").tolist() == [1]
    assert sum(others.column("class_drop")) == 1
    first = findings["ablation.topk"].statements[0]
    assert first.startswith("Of 10 classes, each without its top units of the site that the selec")
    assert "class 7 loses most on these examples: without its top 4" in first
    assert "goes from 100.0 % to 0.0 %" in first
    told = findings["ablation.topk"].statements
    assert len({line.split("the accuracy of class ")[1][0] for line in told}) == len(told) == 10
    (row,) = findings["ablation.topk"].table.where(class_=str(CARRIED), rank=1).rows()
    # some of the first 200 sets have the carrier, so no more are asked
    assert (row["k"], row["sets"], row["least_p"]) == (4, 200, 1 / 1001)
    assert 2 / 201 <= row["class_p"] <= 0.06


def test_units_are_ranked_on_the_selection_split(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    chosen = holistic.sweep(subject, edit="mean", split="selection")
    for name in (*subject.classes, "all"):
        order = sorted(chosen.where(class_=name).rows(), key=lambda row: row["effect"])
        ranked = list(findings["ablation.units"].table.where(class_=name).sort("rank").rows())
        assert [r["rank"] for r in ranked] == list(range(1, 22))
        assert [(r["site"], r["unit"]) for r in ranked] == [(r["site"], r["unit"]) for r in order]
        effects = [r["effect"] for r in ranked]
        assert effects != sorted(effects), "on the evaluation split they have another order"


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
    table = noisy[1]["ablation.topk"].table
    zero = table.where(k=0)
    assert np.all(zero.column("drop") == 0)
    assert np.isnan(zero.column("p")).all()
    assert np.isnan(zero.column("class_q")).all()
    for name in ("", "class_"):
        lo, hi, drop = (table.column(name + part) for part in ("lo", "hi", "drop"))
        assert np.all((lo <= drop) & (drop <= hi))
        control = [table.column(f"{name}control_{part}") for part in ("lo", "drop", "hi")]
        assert np.all(control[0] <= control[1] + 1e-12)
        assert np.all(control[1] <= control[2] + 1e-12)
        assert np.nanmin(table.column(name + "p")) >= 1 / 1001
    assert set(table.column("class_n")) == {10}


def drops_without(subject: holistic.Subject, site: str, sets: list[list[int]], label: int):
    """Drops over all examples, and of one class, without each set of units."""
    base = accuracies(subject, site, [], holistic.Mean)
    after = [accuracies(subject, site, units, holistic.Mean) for units in sets]
    return [base[0] - a[0] for a in after], [base[1][label] - a[1][label] for a in after]


def test_controls_equal_plain_removal(noisy: tuple[holistic.Subject, dict[str, Finding]]) -> None:
    subject, findings = noisy
    orders = random_orders(subject, subject.site("1"), QUICK).tolist()
    assert len(orders) == 40
    rows = findings["ablation.topk"].table.where(site="1", class_="1", ranking="effect")
    for k in (3, 4):
        (row,) = rows.where(k=k).rows()
        every, own = drops_without(subject, "1", [order[:k] for order in orders], 1)
        whole, own = beside(row["drop"], every), beside(row["class_drop"], own)
        for name in ("drop", "lo", "hi"):
            assert row[f"control_{name}"] == pytest.approx(whole[name], abs=1e-9)
            assert row[f"class_control_{name}"] == pytest.approx(own[name], abs=1e-9)
        assert row["p"] == pytest.approx(whole["p"])
        assert row["class_p"] == pytest.approx(own["p"])
        assert row["sets"] == 40


def test_few_sets_are_all_tried(noisy: tuple[holistic.Subject, dict[str, Finding]]) -> None:
    """Nine units have 9 sets of one and 126 of four, which is the size that is spoken of."""
    subject, findings = noisy
    rows = findings["ablation.topk"].table.where(site="3", class_="1", ranking="effect")
    for k, count in ((1, 9), (4, 126)):
        (row,) = rows.where(k=k).rows()
        sets = [list(units) for units in combinations(range(9), k)]
        every, own = drops_without(subject, "3", sets, 1)
        assert row["p"] == pytest.approx(np.mean([d >= row["drop"] - 1e-9 for d in every]))
        assert row["class_p"] == pytest.approx(
            np.mean([d >= row["class_drop"] - 1e-9 for d in own])
        )
        assert row["class_control_drop"] == pytest.approx(np.mean(own))
        assert row["sets"] == count
        assert row["least_p"] == pytest.approx(1 / count)


def test_a_p_at_its_floor_is_asked_again_and_another_is_not() -> None:
    observed, first = np.array([5.0, 1.0, np.nan]), np.repeat([[0.0, 2.0]], 19, 0)
    first = np.concatenate([first, np.full((19, 1), 3.0)], 1)[:, [0, 1, 2]]
    more = np.concatenate([np.full((10, 3), 6.0), np.zeros((170, 3))])
    p, sets = control_p(observed, first, more, every=False)
    assert p[0] == pytest.approx(11 / 200)
    assert p[1] == pytest.approx(20 / 20)
    assert np.isnan(p[2])
    assert sets[:2].tolist() == [199, 19]
    exact, every = control_p(np.array([3.0]), first[:, :1], np.arange(6.0)[:, None], every=True)
    assert exact[0] == pytest.approx(3 / 6)
    assert every[0] == 6


def test_the_site_is_the_one_where_the_selection_split_loses_most(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    table = findings["ablation.topk"].table
    labels = subject.selection.labels
    before = subject.predict(subject.selection.images).argmax(1) == labels
    chosen = set()
    for c in range(4):
        loss = {}
        for site, k in (("1", 6), ("3", 4)):
            order = ranked(subject, site, c, "effect")[:k]
            edits = [holistic.Mean(site, units=order)]
            after = subject.predict(subject.selection.images, edits).argmax(1) == labels
            own = labels == c
            loss[site] = float(before[own].double().mean() - after[own].double().mean())
        (first,) = table.where(class_=str(c), rank=1).rows()
        assert loss[first["site"]] == max(loss.values())
        assert first["ranking"] == "effect"
        assert first["k"] == {"1": 6, "3": 4}[first["site"]]
        assert len(table.where(class_=str(c), rank=2)) == 1
        chosen.add(first["site"])
    assert np.isnan(table.column("rank")).sum() == len(table) - 8


def test_units_that_fire_on_a_class_are_told_from_those_that_it_needs_silent(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    images, labels = subject.selection.images, subject.selection.labels
    acts = subject.capture(["1"], images)["1"].double()
    means = torch.stack([acts[labels == c].mean(0) for c in range(4)])
    above = (means - means.mean(0)).numpy()  # [C, U]
    units = findings["ablation.units"].table.where(site="1")
    for c in range(4):
        rows = units.where(class_=str(c)).sort("unit")
        np.testing.assert_allclose(rows.column("above"), above[c], atol=1e-5)
        order = ranked(subject, "1", c, "effect")
        held = findings["ablation.topk"].table.where(site="1", class_=str(c), ranking="effect")
        counts = held.sort("k").column("firing").tolist()
        assert counts == [int((above[c, order[:k]] > 0).sum()) for k in range(7)]
    assert 0 < sum(counts) < 6 * 7 / 2, "some fire and some are silent"


def test_matched_controls_equal_plain_removal(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    strength = np.array(mean_strengths(subject, "1"))
    rows = findings["ablation.topk"].table.where(site="1", class_="2", ranking="class_activation")
    assert rows.where(k=3).column("class_matched_p").tolist() == pytest.approx(
        [np.nan], nan_ok=True
    )
    base = accuracies(subject, "1", [], holistic.Mean)[1][2]
    notes = " ".join(findings["ablation.topk"].caveats)
    assert "Of 1 unit at most 8 sets of like activation exist, so p among them is" in notes
    assert "at least 0.11 and none can be significant" in notes
    for k in (1, 5):
        (row,) = rows.where(k=k).rows()
        units = np.array(ranked(subject, "1", 2, "class_activation")[:k])
        seed = [subject.seed, subject.site("1").depth, 2, k]
        sets = matched_sets(units, strength, 40, seed).tolist()
        assert all(set(members).isdisjoint(units.tolist()) for members in sets)
        after = [accuracies(subject, "1", members, holistic.Mean)[1][2] for members in sets]
        plain = beside(row["class_drop"], [base - a for a in after])
        once = dict(zip(map(frozenset, sets), after, strict=True))
        plain["p"] = beside(row["class_drop"], [base - a for a in once.values()])["p"]
        assert row["class_matched_sets"] == len(once)
        assert k > 1 or len(once) < len(sets)
        for name, value in plain.items():
            assert row[f"class_matched_{name}"] == pytest.approx(value, abs=1e-9)
        assert row["activation"] == pytest.approx(np.mean(strength[units]))
        assert row["matched_activation"] == pytest.approx(np.mean(strength[np.array(sets)]))


def test_interactions_equal_plain_runs(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    table = findings["ablation.interactions"].table
    assert set(table.column("kind")) == {"top", "random", "other"}
    labels = subject.evaluation.labels.numpy()
    for row in list(table.rows())[::7]:
        plain = np.array(interaction(subject, row["site"], row["unit_a"], row["unit_b"]))
        plain = plain if row["class"] == "all" else plain[labels == int(row["class"])]
        assert row["interaction"] == pytest.approx(np.mean(plain), abs=1e-5)
        assert row["n"] == len(plain)
        if row["p"] is not None and np.ptp(plain) > 1e-3:
            assert row["p"] >= 0.99 * ttest_1samp(plain, 0).pvalue
        assert row["lo"] is None or row["lo"] <= row["interaction"] <= row["hi"]


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


def test_a_costly_site_uses_fewer_examples_and_sizes_and_says_so() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 4))
    subject = holistic.Subject(model, one_hot_images(200, noise=0.5))
    finding = found(subject, Ablation(sets=20, depth=12, budget=0.0))["ablation.topk"]
    assert set(finding.table.column("n")) == {100}
    assert set(finding.table.column("class_n")) == {25}
    one = finding.table.where(class_="0", ranking="effect")
    assert one.column("k").tolist() == [0, 1, 3, 10, 12]
    matched = finding.table.column("k")[~np.isnan(finding.table.column("class_matched_p"))]
    assert set(matched) == {10}
    assert "100 of 400 evaluation examples" in finding.caveats[0]
    assert "1, 3, 10, 12 units" in finding.caveats[0]
    some = found(subject, Ablation(sets=20, depth=12, budget=0.005))["ablation.topk"].table
    assert 100 < some.column("n")[0] < 400
    one = some.where(class_="0", ranking="effect")
    assert one.column("k").tolist() == [0, 1, 2, 3, 5, 7, 10, 12]
    whole = found(subject, Ablation(sets=20, depth=12))["ablation.topk"]
    assert set(whole.table.column("n")) == {400}
    assert not any("costly" in line for line in whole.caveats)


def test_a_class_that_hangs_on_one_pair_of_many_units_is_significant() -> None:
    """Two of 40 units carry class 2 alike; each other class has four, the rest aren't read."""
    labels = torch.arange(5).repeat_interleave(40)
    images = torch.rand(200, 5, generator=torch.Generator().manual_seed(0)) * 0.05
    images[torch.arange(200), labels] += 1
    up, down = torch.zeros(40, 5), torch.zeros(5, 40)
    for c in range(5):
        units = [11, 29] if c == 2 else list(range(30 + 2 * c, 32 + 2 * c))
        up[units, c] = 1
        down[c, units] = 1 if c == 2 else 3
    # class 4 wins unless another is carried
    model = nn.Sequential(linear(up, torch.zeros(40)), nn.Hardtanh(0, 1),
                          linear(down, torch.tensor([0.0, 0, 0, 0, 0.5])))  # fmt: skip
    subject = holistic.Subject(model, (images, labels))
    topk = found(subject, Ablation(edit="zero", depth=4, sets=200))["ablation.topk"].table
    alone, pair = (next(topk.where(class_="2", ranking="effect", k=k).rows()) for k in (1, 2))
    assert alone["class_drop"] == 0
    assert alone["class_p"] == 1
    assert pair["class_drop"] == 1
    assert pair["class_p"] == pytest.approx(1 / 780)
    assert pair["class_q"] < 0.05


def test_few_units_are_removed_as_distinct_sets() -> None:
    subject = holistic.Subject(sole_carriers(), one_hot_images(noise=1.5))
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(6)[:4] for _ in range(120)])
    removal = remove_orders(subject, subject.site("1"), orders, sizes=(1, 4),
                            examples=subject.evaluation, edit="mean")  # fmt: skip
    base = accuracies(subject, "1", [], holistic.Mean)[1]
    assert (removal.lost[:, 0] == 0).all()
    for o in range(0, 120, 17):
        for place, k in ((1, 1), (2, 4)):
            after = accuracies(subject, "1", orders[o, :k].tolist(), holistic.Mean)[1]
            change = (removal.lost - removal.gained)[o, place] / removal.count
            np.testing.assert_allclose(change, [base[c] - after[c] for c in range(4)])


def test_a_class_without_examples_is_left_open() -> None:
    model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 5))
    subject = holistic.Subject(model, one_hot_images())
    findings = found(subject, QUICK)
    rows = findings["ablation.topk"].table.where(class_="4")
    assert set(rows.column("class_n")) == {0}
    assert np.isnan(rows.column("class_drop")).all()
    assert np.isnan(rows.column("class_accuracy_before")).all()
    assert np.isnan(rows.column("class_matched_p")).all()
    assert not np.isnan(rows.column("drop")).any()
    assert "nan" not in " ".join(s for f in findings.values() for s in f.statements)


def test_pairs_see_every_class_of_sorted_examples() -> None:
    subject = holistic.Subject(sole_carriers(), one_hot_images(noise=0.5))
    lens = Ablation(depth=6, sets=40, partners=4, examples=50)
    finding = found(subject, lens)["ablation.interactions"]
    assert set(finding.table.where(class_="all").column("n")) == {48}
    assert set(finding.table.where(class_="3").column("n")) == {12}
    assert "48 of 60 evaluation examples" in finding.caveats[0]


def test_rounding_is_no_interaction() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 4))
    subject = holistic.Subject(model, one_hot_images(noise=2.0), score="logit")
    table = found(subject, QUICK)["ablation.interactions"].table
    assert np.abs(table.column("effect_a")).max() > 0.01
    assert (table.column("interaction") == 0).all()
    assert np.isnan(table.column("p")).all(), "nothing varies, so nothing is tested"


def test_settings_are_checked() -> None:
    with pytest.raises(SettingError, match="sets must be a whole number from 20 to 10000, got 3"):
        Ablation(sets=3)
