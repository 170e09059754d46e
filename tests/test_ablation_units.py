"""Are effects, shares and backups of single units what the definitions and planted truths say?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapiq
import torch
from scipy.stats import spearmanr, ttest_1samp, ttest_ind
from torch import nn

import holistic
from holistic.graph.sites import Site
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation import shapley as shapley_module
from holistic.lenses.ablation._effects import SCORES, label_scores
from holistic.lenses.ablation._specific import Null, Shuffled
from holistic.lenses.ablation.direct import follow_paths
from holistic.lenses.ablation.interactions import kinds_of
from holistic.lenses.ablation.scores import SignFlips, score_units
from holistic.lenses.ablation.shapley import sample_shares, share_means
from holistic.progress import silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.scores import score
from planted_ablation import (
    Repairing,
    exclusive_or,
    linear,
    one_hot_images,
    pairs,
    sole_carriers,
)
from slow_ablation import gated_logits, max_t, score_changes, shapley, specific

QUICK = Ablation(depth=6, sets=20, partners=3, permutations=40, familywise=200)


def found(subject: holistic.Subject, lens: Ablation) -> dict[str, Finding]:
    return {finding.name: finding for finding in lens.run(subject, Context())}


def random_model(seed: int, *sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.fixture(scope="module")
def noisy() -> tuple[holistic.Subject, dict[str, Finding]]:
    subject = holistic.Subject(random_model(3, 4, 9, 7, 4), one_hot_images(20, noise=1.5))
    return subject, found(subject, QUICK)


def test_label_scores_are_the_scores_for_each_label() -> None:
    logits = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    for name in SCORES:
        for c in range(5):
            own = score(logits, torch.full((30,), c), name)
            torch.testing.assert_close(label_scores(logits, name)[:, c], own)


def test_scores_equal_plain_runs(noisy: tuple[holistic.Subject, dict[str, Finding]]) -> None:
    subject, findings = noisy
    table, labels = findings["ablation.scores"].table, subject.evaluation.labels
    for name in SCORES:
        for unit in (0, 5):
            changes = score_changes(subject, "1", unit, name)
            own = changes[torch.arange(len(labels)), labels].numpy()
            sides = specific(changes, labels)
            gaps = [np.mean(mine) - np.mean(rest) for mine, rest in sides]
            for c in ("1", "all"):
                rows = np.ones(len(labels), bool) if c == "all" else labels.numpy() == int(c)
                (row,) = table.where(site="1", unit=unit, class_=c, score=name).rows()
                assert row["n"] == rows.sum()
                assert row["effect"] == pytest.approx(own[rows].mean(), abs=1e-5)
                # classes are of one size
                special = np.mean(gaps) if c == "all" else gaps[int(c)]
                assert row["specific"] == pytest.approx(special, abs=1e-5)
                if row["specific_lo"] is not None and c != "all":
                    mine, rest = sides[int(c)]
                    ends = ttest_ind(mine, rest, equal_var=False).confidence_interval()
                    # the skewness may widen it, and never narrows it
                    assert row["specific_lo"] <= ends.low + 1e-5
                    assert row["specific_hi"] >= ends.high - 1e-5
                ends = (row["lo"], row["hi"])
                assert ends == (None, None) or ends[0] <= row["effect"] <= ends[1]
                if name == "accuracy":
                    assert row["lost"] - row["gained"] == pytest.approx(-own[rows].sum())
                elif row["p"] is not None and np.ptp(own[rows]) > 1e-3:
                    assert row["p"] >= 0.99 * ttest_1samp(own[rows], 0).pvalue
                every = table.where(site="1", class_=c, score=name).column("effect")
                assert row["control_effect"] == pytest.approx(np.median(every))
                assert row["control_lo"] == pytest.approx(np.quantile(every, 0.025))


def test_shuffles_are_what_p_of_specific_effects_are_found_in() -> None:
    """One unit knows its class, twenty have effects that have nothing to do with labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    effects = rng.normal(size=(21, 120, 3)) * rng.exponential(size=(21, 1, 1))
    effects[0, labels == 1, 1] -= 3
    null, shuffled = Null(), Shuffled(labels, 3, units=21, seed=5)
    found = shuffled.specific(effects, null)
    p = null.p(found.surprise)
    beyond = effects - effects.mean(2, keepdims=True)
    own, rest = beyond[0, labels == 1, 1], beyond[0, labels != 1, 1]
    assert found.value[0, 1] == pytest.approx(own.mean() - rest.mean())
    plain = ttest_ind(own, rest, equal_var=False).pvalue
    assert found.surprise[0, 1] == pytest.approx(plain, rel=1e-6)
    # 200 shuffles of 21 units and 3 classes
    assert p[0, 1] == pytest.approx(1 / (1 + 200 * 21 * 3))
    drawn = []
    for d in range(1, 201):
        members = shuffled.orders[:, d]
        assert sorted(members) == sorted(labels)
        drawn.append(beyond[4, members == 2, 2].mean() - beyond[4, members != 2, 2].mean())
    ends = np.quantile(drawn, [0.025, 0.975])
    assert (found.shuffled_lo[4, 2], found.shuffled_hi[4, 2]) == pytest.approx(tuple(ends))
    assert found.shuffled[4, 2] == pytest.approx(np.mean(drawn))


def test_family_wise_p_equals_plain_loops() -> None:
    rng = np.random.default_rng(0)
    differences, labels = rng.normal(0.2, 1, (3, 20)), np.arange(20) % 2
    flips = SignFlips(50, 4)
    ours = flips.p(flips.observe(differences, labels, 2))  # [U, C + 1]
    signs = 1 - 2 * np.random.default_rng(4).integers(0, 2, (50, 20))
    family = [
        np.where((labels == c) | (c == 2), row, 0).tolist() for row in differences for c in range(3)
    ]
    np.testing.assert_allclose(ours.reshape(-1), max_t(family, signs.tolist()))


def test_family_wise_p_keeps_its_level() -> None:
    """Of 100 families in which nothing is there, about five have a p below 0.05."""
    rng, alarms = np.random.default_rng(1), 0
    for seed in range(100):
        flips = SignFlips(99, seed)
        stats = flips.observe(rng.normal(size=(30, 40)), np.arange(40) % 2, 2)
        alarms += bool(flips.p(stats).min() <= 0.05)
    assert alarms <= 12


def test_shuffled_labels_leave_few_specific_effects() -> None:
    """The network is structured and the images too, but the labels are dealt out at random."""
    small, alarms = [], 0
    for seed in range(8):
        images, _ = one_hot_images(60, noise=0.5)
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(240)[torch.randperm(240, generator=generator)]
        subject = holistic.Subject(random_model(seed, 4, 24, 4), (images, labels % 4))
        table = score_units(subject, Ablation(familywise=0), silent).table
        parts = [table.where(score=n) for n in SCORES]
        small.append([(part.column("specific_p") < 0.05).mean() for part in parts])
        alarms += any((part.column("specific_q") < 0.05).any() for part in parts)
    assert np.mean(small) <= 0.08
    assert alarms <= 2


def test_replacements_agree_as_plain_rankings_do(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    table = findings["ablation.replacements"].table
    effects = {
        edit: holistic.sweep(subject, ["1"], edit).where(class_="all").column("effect")
        for edit in ("mean", "zero")
    }
    rows = {frozenset((r["replacement_a"], r["replacement_b"])): r
            for r in table.where(site="1", class_="all").rows()}  # fmt: skip
    row = rows[frozenset(("mean", "zero"))]
    assert row["spearman"] == pytest.approx(spearmanr(effects["mean"], effects["zero"]).statistic)
    k = row["k"]
    tops = [set(np.argsort(e, kind="stable")[:k].tolist()) for e in effects.values()]
    assert row["overlap"] == pytest.approx(len(tops[0] & tops[1]) / k)
    assert row["overlap_lo"] <= row["overlap"] <= row["overlap_hi"]
    assert frozenset(("mean", "resample")) in rows
    rng, (a, b) = np.random.default_rng(0), effects.values()
    chance = [spearmanr(a, rng.permutation(b)).statistic for _ in range(2000)]
    told = [row["spearman_chance_lo"], row["spearman_chance_hi"]]
    assert told == pytest.approx(np.quantile(chance, (0.025, 0.975)), abs=0.1)
    assert (row["p"] < 0.05) == (not told[0] <= row["spearman"] <= told[1])


@pytest.mark.parametrize(
    ("name", "value", "by"),
    [
        ("interactions", "interaction", ("site", "class")),
        ("direct", "response", ("site",)),
        ("backup", "growth", ("site", "backup_site")),
    ],
)
def test_controls_hold_the_middle_of_the_random_rows(
    noisy: tuple[holistic.Subject, dict[str, Finding]], name: str, value: str, by: tuple[str, ...]
) -> None:
    table = noisy[1][f"ablation.{name}"].table.to_pandas()
    assert len(table.groupby(list(by))) > 1
    for _, rows in table.groupby(list(by)):
        random = rows[rows["kind"] == "random"][value]
        for end, level in (("lo", 0.025), ("hi", 0.975)):
            told = rows[f"control_{value}_{end}"].to_numpy()
            np.testing.assert_allclose(told, random.quantile(level), rtol=1e-12)


def test_equal_shares_are_the_mean_of_all_units(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    table = noisy[1]["ablation.shapley"].table.to_pandas()
    for _, rows in table.groupby(["site", "class"]):
        np.testing.assert_allclose(rows["shapley_expected"], rows["shapley"].mean(), atol=1e-12)


def test_an_unread_unit_has_no_effect_no_share_and_no_backup() -> None:
    subject = holistic.Subject(sole_carriers(), one_hot_images())
    findings = found(subject, QUICK)
    for unit in (4, 5):
        assert (findings["ablation.scores"].table.where(unit=unit).column("effect") == 0).all()
        share = findings["ablation.shapley"].table.where(unit=unit)
        assert (share.column("shapley") == 0).all()
        assert np.isnan(share.column("q")).all(), "nothing varies, so nothing is tested"
    own = findings["ablation.scores"].table.where(score="margin", unit=2, class_="2")
    assert own.column("q")[0] < 1e-6
    assert own.column("specific_q")[0] < 1e-3
    assert own.column("familywise")[0] == pytest.approx(1 / 201)
    assert not findings["ablation.backup"].table.where(unit=4).column("backup").any()


def test_shapley_values_equal_all_subsets() -> None:
    subject = holistic.Subject(random_model(5, 4, 6, 4), one_hot_images(10, noise=1.5))
    exact = np.array(shapley(subject, "1"))

    def score_with(kept: np.ndarray) -> np.ndarray:
        edits = [[holistic.Mean("1", units=np.flatnonzero(~row).tolist())] for row in kept]
        logits = [subject.predict(edits=e if e[0].units else []) for e in edits]
        scores = [subject.score_of(one, subject.evaluation.labels).double() for one in logits]
        return np.array([float(one.mean()) for one in scores])

    oracle = shapiq.ExactComputer(score_with, n_players=6)("SV").get_n_order_values(1)
    np.testing.assert_allclose(exact, oracle, atol=1e-6)
    lens = Ablation(permutations=2000, truncation=0)
    table = {f.name: f for f in Ablation(
        depth=2, sets=20, partners=2, permutations=2000, truncation=0
    ).run(subject, Context())}["ablation.shapley"].table.where(class_="all")  # fmt: skip
    np.testing.assert_allclose(table.column("shapley"), exact, atol=0.02 * np.abs(exact).max())
    assert (np.abs(table.column("shapley") - exact) <= 5 * table.column("se") + 1e-6).all()
    shares = sample_shares(subject, subject.site("1"), lens)
    labels = subject.evaluation.labels
    ends = [
        float(subject.score_of(subject.predict(edits=edits), labels).double().mean())
        for edits in ([], [holistic.Mean("1")])
    ]
    assert shares.seen.tolist() == [*np.bincount(labels).tolist(), len(labels)]
    assert table.column("n").tolist() == [len(labels)] * 6
    folds = np.array(shares.groups[:, :, -1].sum(1))  # one example each
    assert len(folds) == len(labels)
    np.testing.assert_allclose(folds.mean(), ends[0] - ends[1], rtol=1e-4)
    assert shares.truncated == 0


def test_no_example_is_in_two_groups_of_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = holistic.Subject(random_model(5, 4, 6, 4), one_hot_images(17, noise=1.5))
    seen = list[list[int]]()
    plain = shapley_module.replays

    def watched(subject: holistic.Subject, site: Site, images: torch.Tensor, edit: str):
        same = (subject.images == images[:, None]).flatten(2).all(2)  # [B, N]
        seen.append(same.nonzero()[:, 1].tolist())
        return plain(subject, site, images, edit)

    monkeypatch.setattr(shapley_module, "replays", watched)
    found = sample_shares(subject, subject.site("1"), Ablation())
    assert sorted(np.concatenate(seen)) == sorted(subject.evaluation_indices.tolist())
    assert {len(fold) for fold in seen} <= {1, 2}
    assert len(found.groups) == len(seen) == 20
    # a class that a group doesn't see has no number there, and its mean none of that group
    means, labels = share_means(found.groups), subject.labels.numpy()
    of_class = [sum((labels[fold] == c).any() for fold in seen) for c in range(4)]
    assert means.count[0].tolist() == [*of_class, 20]


def test_truncation_leaves_out_no_more_than_it_says() -> None:
    """Half of the units aren't read, so an order is often at its end before its last unit."""
    subject = holistic.Subject(sole_carriers(), one_hot_images())
    cut, whole = (
        sample_shares(subject, subject.site("1"), Ablation(permutations=40, truncation=t))
        for t in (0.02, 0.0)
    )
    assert cut.truncated > 0.03
    np.testing.assert_allclose(cut.groups, whole.groups, atol=0.03)


def test_direct_effects_keep_every_gate() -> None:
    model = random_model(7, 4, 8, 6, 4)
    subject = holistic.Subject(model, one_hot_images(20, noise=1.0), score="logit")
    examples = subject.evaluation
    paths = follow_paths(subject, subject.site("1"), [0, 3, 5], examples, "zero")
    assert paths.path == "gates"
    before = subject.predict()
    with torch.no_grad():
        for i, unit in enumerate((0, 3, 5)):
            after = gated_logits(model, examples.images, {unit: 0.0})
            plain = (after - before)[torch.arange(len(before)), examples.labels]
            np.testing.assert_allclose(paths.direct[i], plain.numpy(), atol=1e-5)
    assert np.abs(paths.total - paths.direct).max() > 1e-3
    last = follow_paths(subject, subject.site("3"), [1, 2], examples, "zero")
    assert last.path == "frozen"
    np.testing.assert_allclose(last.total, last.direct, atol=1e-6)


def test_self_repair_and_its_backup_are_found() -> None:
    subject = holistic.Subject(Repairing(), one_hot_images(noise=0.0), score="logit")
    findings = found(subject, Ablation(edit="zero", depth=2, sets=20, partners=2))
    first, second = (site.name for site in subject.hidden_sites)
    paths = follow_paths(subject, subject.site(first), [0, 1], subject.evaluation, "zero")
    own = subject.evaluation.labels.numpy() == 0
    assert paths.path == "frozen"
    np.testing.assert_allclose(paths.direct[0, own], -1, atol=1e-6)
    np.testing.assert_allclose(paths.total[0, own], -0.4, atol=1e-6)
    direct = findings["ablation.direct"].table.where(site=first, unit=0)
    (row,) = direct.rows()
    assert row["direct"] == pytest.approx(-0.25)
    assert row["response"] == pytest.approx(0.15)
    assert row["q"] < 0.05
    (stepping,) = findings["ablation.backup"].table.where(unit=0, backup_site=second).rows()
    assert stepping["effect"] == pytest.approx(0, abs=1e-6)
    assert stepping["effect_gone"] == pytest.approx(-0.15)
    assert stepping["growth"] == pytest.approx(-0.15)
    assert stepping["backup"]
    (other,) = findings["ablation.direct"].table.where(site=first, unit=1).rows()
    assert other["response"] == pytest.approx(0, abs=1e-6)


def test_a_redundant_unit_is_a_backup() -> None:
    subject = holistic.Subject(pairs(), one_hot_images(noise=0.0), score="logit")
    findings = found(subject, Ablation(edit="zero", depth=2, sets=20, partners=6))
    rows = findings["ablation.backup"].table.where(site="1", backup_site="1")
    (row,) = rows.where(unit=0, backup_unit=1).rows()
    assert row["effect"] == 0
    assert row["effect_gone"] == row["growth"] == pytest.approx(-0.25)
    named = {(r["unit"], r["backup_unit"]) for r in rows.where(backup=True).rows()}
    assert named == {(0, 1), (1, 0)}


def harming_pairs() -> holistic.Subject:
    """Class 0's logit falls by min(1, u0 + u1) and by max(0, u2 + u3 - 1), and rises by u4."""
    up = torch.ones(5, 4)
    middle = torch.zeros(3, 5)
    middle[0, :2] = -1
    middle[1, 2:4] = 1
    middle[2, 4] = 1
    down = torch.zeros(4, 3)
    down[0] = torch.tensor([1.0, -1, 0.5])
    model = nn.Sequential(
        linear(up, torch.zeros(5)), nn.Hardtanh(0, 1),
        linear(middle, torch.tensor([1.0, -1, 0])), nn.ReLU(),
        linear(down, torch.zeros(4)),
    )  # fmt: skip
    return holistic.Subject(model, one_hot_images(noise=0.0), score="logit")


def test_units_that_harm_are_redundant_and_synergistic_in_their_harm() -> None:
    table = found(harming_pairs(), Ablation(edit="zero", depth=2, sets=20, partners=5))
    rows = {(r["unit_a"], r["unit_b"]): r for r in
            table["ablation.interactions"].table.where(site="1", class_="all").rows()}  # fmt: skip
    redundant, together = rows[0, 1], rows[2, 3]
    assert redundant["effect_a"] == redundant["effect_b"] == 0
    assert redundant["effect_ab"] == redundant["interaction"] == pytest.approx(0.25)
    assert redundant["verdict"] == "redundant"
    assert together["effect_a"] == together["effect_ab"] == pytest.approx(0.25)
    assert together["interaction"] == pytest.approx(-0.25)
    assert together["verdict"] == "synergistic"
    backup = table["ablation.backup"].table.where(site="1", backup_site="1")
    (held,) = backup.where(unit=0, backup_unit=1).rows()
    assert held["growth"] == pytest.approx(0.25)
    (both,) = backup.where(unit=2, backup_unit=3).rows()
    assert both["growth"] == pytest.approx(-0.25), "it harms no more once the other is gone"
    assert both["q"] < 0.05
    assert not backup.column("backup").any()


def test_signs_of_effects_decide_what_an_interaction_means() -> None:
    none, up, down = (-1.0, 1.0), (0.5, 1.0), (-1.0, -0.5)
    cases = [
        (down, down, -3, -1, "redundant"), (down, down, -1, 1, "synergistic"),
        (up, up, 3, 1, "redundant"), (up, up, 1, -1, "synergistic"),
        (none, none, -1, -1, "redundant"), (none, none, 1, 1, "redundant"),
        (up, down, 1, 1, "mixed"), (down, none, -2, -1, "redundant"),
        (up, none, 0.2, -0.5, "synergistic"), (down, down, 0, 0, "none"),
    ]  # fmt: skip
    columns = {
        "effect_a_lo": [c[0][0] for c in cases], "effect_a_hi": [c[0][1] for c in cases],
        "effect_b_lo": [c[1][0] for c in cases], "effect_b_hi": [c[1][1] for c in cases],
        "effect_ab": [c[2] for c in cases], "interaction": [c[3] for c in cases],
    }  # fmt: skip
    kinds = kinds_of({name: np.array(values, float) for name, values in columns.items()})
    assert kinds.tolist() == [c[4] for c in cases]


def exclusive_pairs(subject: holistic.Subject) -> Table:
    lens = Ablation(edit="zero", depth=2, sets=20, partners=2)
    return found(subject, lens)["ablation.interactions"].table


def test_exclusive_or_is_synergy() -> None:
    model, data = exclusive_or()
    table = exclusive_pairs(holistic.Subject(model, data)).where(site="1", class_="0")
    (row,) = table.where(unit_a=0, unit_b=1).rows()
    assert row["verdict"] == "synergistic"
    assert row["effect_a"] == row["effect_b"] < -0.4
    assert row["effect_ab"] == 0
    assert row["interaction"] == pytest.approx(-2 * row["effect_a"])
    others = table.column("interaction")[(table.column("unit_a") + table.column("unit_b")) != 1]
    assert (others == 0).all()


def test_all_pairs_of_a_small_site_are_measured(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    table = noisy[1]["ablation.interactions"].table.where(site="1", class_="all")
    measured = {(row["unit_a"], row["unit_b"]) for row in table.rows()}
    assert measured == {(a, b) for b in range(9) for a in range(b)}
    assert len(table) == 36
    few = found(noisy[0], Ablation(depth=2, sets=20, partners=2, all_pairs=4))
    finding = few["ablation.interactions"]
    assert len(finding.table.where(site="1", kind="other", class_="all")) <= 6 - 1
    assert "pairs of the 4 units" in finding.caveats[1]
