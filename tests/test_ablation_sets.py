"""Are whole curves, their controls and off-target effects what plain removal gives?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

import holistic
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._budget import extent
from holistic.lenses.ablation._matched_controls import stratum_orders
from holistic.lenses.ablation.areas import Curve, area_row
from holistic.lenses.ablation.curves import control_sizes, replay_orders
from holistic.results.findings import Finding
from planted_ablation import CARRIED, one_carrier, one_hot_images
from slow_ablation import accuracies, beside, ranked
from test_ablation_units import random_model

QUICK = Ablation(depth=6, sets=30, partners=3, permutations=20)


@pytest.fixture(scope="module")
def noisy() -> tuple[holistic.Subject, dict[str, Finding]]:
    """Random layers with a readout that fits the labels: accuracies fall as units go."""
    images, labels = one_hot_images(20, noise=1.5)
    model = random_model(3, 4, 12, 9, 4)
    with torch.no_grad():
        features = model[:4](images)  # [N, 9]
        inputs = torch.cat([features, torch.ones(len(images), 1)], 1).double()
        targets = torch.nn.functional.one_hot(labels, 4).double()
        weight = torch.linalg.lstsq(inputs, targets, driver="gelsd").solution.float()
        model[4].weight.copy_(weight[:9].T)
        model[4].bias.copy_(weight[9])
    subject = holistic.Subject(model, (images, labels))
    return subject, {finding.name: finding for finding in QUICK.run(subject, Context())}


def test_curves_equal_plain_removal(noisy: tuple[holistic.Subject, dict[str, Finding]]) -> None:
    subject, findings = noisy
    table = findings["ablation.curves"].table.where(site="1", class_="2")
    assert np.ptp(table.column("accuracy")) > 0.3
    order = ranked(subject, "1", 2, "effect")
    gone = {
        "remove_top": lambda k: order[:k],
        "remove_bottom": lambda k: order[12 - k :],
        "keep_top": lambda k: order[k:],
    }
    for kind, units in gone.items():
        rows = table.where(kind=kind).sort("k")
        assert rows.column("k").tolist() == list(range(13))
        for row in rows.rows():
            own = accuracies(subject, "1", units(row["k"]), holistic.Mean)[1][2]
            assert row["accuracy"] == pytest.approx(own)
            assert row["n"] == 10
            assert row["lo"] <= own <= row["hi"]


def test_random_bands_equal_plain_removal(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    rng = np.random.default_rng([subject.seed, subject.site("1").depth, 3])
    orders = rng.permuted(np.tile(np.arange(12), (30, 1)), axis=1).tolist()
    table = findings["ablation.curves"].table.where(site="1", class_="1")
    for kind, k in (("remove_top", 2), ("remove_bottom", 5), ("keep_top", 5)):
        (row,) = table.where(kind=kind, k=k).rows()
        gone = 12 - k if kind == "keep_top" else k
        after = [accuracies(subject, "1", order[:gone], holistic.Mean)[1][1] for order in orders]
        # one-sided: a low accuracy counts where the top is removed, a high one elsewhere
        sign = 1 if kind == "remove_top" else -1
        plain = beside(-sign * row["accuracy"], [-sign * a for a in after])
        assert row["random"] == pytest.approx(np.mean(after))
        assert row["random_p"] == pytest.approx(plain["p"])
        assert row["random_lo"] <= row["random"] <= row["random_hi"]


def test_matched_orders_keep_every_stratum() -> None:
    rng = np.random.default_rng(0)
    strength, order = rng.normal(size=40), rng.permutation(40)
    drawn = stratum_orders(order, strength, 50, [1])
    stratum = np.empty(40, dtype=int)
    for s, members in enumerate(np.array_split(np.argsort(strength), 5)):
        stratum[members] = s
    assert (np.sort(drawn, 1) == np.arange(40)).all()
    assert (stratum[drawn] == stratum[order]).all()
    assert len(np.unique(drawn[:, 0])) == 8


def test_replayed_orders_equal_predictions_without_their_first_units(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, site = noisy[0], noisy[0].site("1")
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(12), (20, 1)), axis=1)
    sizes = control_sizes(12)
    assert sizes.tolist() == [0, 1, 2, 5, 6, 7, 10, 11, 12]
    assert control_sizes(12, 0).tolist() == [0, 6, 12]
    assert control_sizes(256, 7).tolist() == [0, 1, 56, 128, 200, 255, 256]
    found = replay_orders(subject, site, orders, sizes, examples=subject.evaluation, edit="mean")
    for order, right in zip(orders, found, strict=True):
        for k, own in zip(sizes, right, strict=True):
            edits = [holistic.Mean("1", units=order[:k].tolist())] if k else []
            logits = subject.predict(edits=edits)
            assert np.array_equal(own, (logits.argmax(1) == subject.evaluation.labels).numpy())
    assert len(np.unique(found.mean((0, 2)))) > 4


def test_areas_and_halves_equal_plain_sums() -> None:
    rng = np.random.default_rng(0)
    sizes, controls = np.arange(5), np.array([0, 1, 4])
    right, random = rng.random((5, 40)) < 0.6, rng.random((25, 3, 40)) < 0.7
    right[:] = np.arange(40) < np.array([[40], [32], [24], [16], [0]])
    curve = Curve(("1", "a", "remove_top", "effect"), sizes=sizes, controls=controls,
                  right=right, random=random, matched=random)  # fmt: skip
    row, spread = area_row(curve, 0)

    def area(accuracy: np.ndarray) -> float:
        return float(np.trapezoid(accuracy, controls) / 4)

    usual = random.mean((0, 2))
    found = row.area
    assert found.value == pytest.approx(area(usual - right[controls].mean(1)))
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo < found.value < found.hi
    assert spread.count == 40
    own = [area(usual - draw.mean(1)) for draw in random]
    assert found.p == pytest.approx((1 + sum(a >= found.value - 1e-12 for a in own)) / 26)
    assert row.half.value == 3
    assert row.half.lo is not None
    assert row.half.lo <= 3
    kept = Curve(("1", "a", "keep_top", "effect"), sizes=sizes, controls=controls,
                 right=right[::-1], random=random, matched=random)  # fmt: skip
    assert area_row(kept, 0)[0].half.value == 2
    rising = area(right[::-1][controls].mean(1) - usual)
    assert area_row(kept, 0)[0].area.value == pytest.approx(rising)


def test_the_carrier_is_all_that_its_class_needs() -> None:
    subject = holistic.Subject(*one_carrier())
    lens = Ablation(edit="zero", depth=4, sets=50, partners=2, permutations=20, all_pairs=2)
    findings = {finding.name: finding for finding in lens.run(subject, Context())}
    table = findings["ablation.curves"].table.where(class_=str(CARRIED))
    for kind, k, accuracy in (("remove_top", 1, 0), ("keep_top", 1, 1), ("remove_bottom", 255, 1)):
        (row,) = table.where(kind=kind, k=k).rows()
        assert row["accuracy"] == accuracy
    areas = findings["ablation.areas"].table.where(class_=str(CARRIED))
    assert areas.column("kind").tolist() == ["remove_top", "keep_top"]
    assert "examples of each class" in findings["ablation.areas"].statements[0]
    (top,) = areas.where(kind="remove_top").rows()
    assert top["half"] == top["half_lo"] == top["half_hi"] == 1
    assert top["half_random"] > 20
    assert top["area"] > 0.3
    assert top["lo"] is None, "every image is the same, so nothing says how others would be"
    assert top["p"] == pytest.approx(1 / 51)
    assert top["matched_p"] <= 0.3
    matrix = findings["ablation.off_target"].table.where(removed_for=str(CARRIED))
    drops = dict(zip(matrix.column("class"), matrix.column("drop"), strict=True))
    assert drops == {str(c): float(c == CARRIED) for c in range(10)}
    (own,) = matrix.where(class_=str(CARRIED)).rows()
    assert own["control_p"] <= 0.1
    assert own["q"] < 1e-6


def test_labels_without_a_pattern_leave_little_off_target() -> None:
    small = []
    for seed in range(3):
        images = torch.randn(160, 4, generator=torch.Generator().manual_seed(seed))
        model = random_model(seed, 4, 16, 4)
        subject = holistic.Subject(model, (images, torch.arange(160) % 4), seed=seed)
        lens = Ablation(depth=2, sets=40, partners=2, permutations=20, ranking="class_activation")
        findings = {finding.name: finding for finding in lens.run(subject, Context())}
        q = findings["ablation.off_target"].table.column("q")
        small.append((q < 0.05).mean())
    assert np.mean(small) <= 0.05


def test_off_target_equals_plain_removal(
    noisy: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = noisy
    table = findings["ablation.off_target"].table.where(site="3", removed_for="1")
    order = ranked(subject, "3", 1, "effect")[:4]  # of 9 units
    before = accuracies(subject, "3", [], holistic.Mean)[1]
    after = accuracies(subject, "3", order, holistic.Mean)[1]
    assert len(table) == 4
    assert np.ptp(table.column("drop")) > 0.1
    for row in table.rows():
        c = int(row["class"])
        assert row["k"] == 4
        assert row["drop"] == pytest.approx(before[c] - after[c])
        assert row["lo"] <= row["drop"] <= row["hi"]
        flips = row["lost"] + row["gained"]
        plain = binomtest(row["lost"], flips).pvalue if flips else 1.0
        assert row["p"] == pytest.approx(plain)


@pytest.mark.parametrize("depth", [4, 6, 8, 12])
def test_controls_are_matched_at_sizes_that_are_measured(depth: int) -> None:
    subject = holistic.Subject(random_model(5, 4, 16, 4), one_hot_images(17, noise=1.5))
    for site in subject.hidden_sites:
        lens = Ablation(depth=depth, sets=20, budget=1e-9)
        some = extent(subject, site, lens)
        assert len(some.sizes) < min(depth, site.units)
        assert set(some.matched) <= set(some.sizes)
        assert some.matched
