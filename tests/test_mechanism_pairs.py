import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planted_mechanism as planted
import slow_mechanism as slow
import slow_stats
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism._columns import columns_of
from holistic.lenses.mechanism._correlations import Correlations, standardised
from holistic.lenses.mechanism._influences import Influences
from holistic.lenses.mechanism._shuffles import ShuffledProducts, shuffled_in_class
from holistic.lenses.mechanism._values import class_indices
from holistic.lenses.mechanism.pairs import pairs
from holistic.stats.moments import CrossMoments
from runs_mechanism import convolutional, evaluated, found


def drawn(values, labels):
    """Correlations of `[N, U]`, raw and within classes, as the lens makes them."""
    labels, classes = np.asarray(labels), int(max(labels)) + 1
    cross = CrossMoments.empty(values.shape[1], values.shape[1], classes)
    cross.update(values, values, labels)
    z = standardised(cross.left.total(), values), standardised(cross.left, values, labels)
    return [
        Correlations.of(
            cross,
            Influences.of(cross.correlation(within=w).r).update(z[w]),
            ShuffledProducts.empty(values.shape[1], classes if w else 1).update(z[w], labels * w),
            within=w,
        )
        for w in (False, True)
    ]


@pytest.fixture(scope="module")
def small():
    return convolutional()


def test_planted_pairs():
    finding = found(planted.paired(), pairs)
    rows = {(r["unit_a"], r["unit_b"]): r for r in finding.table.rows()}
    assert set(rows) == {(0, 1), (0, 4), (1, 4), (2, 3)}
    # copies in float32: each value is off by some of its eps, and 1 - r by their square
    assert rows[0, 1]["r"] == pytest.approx(1, abs=1e-9)
    assert rows[0, 1]["lo"] == pytest.approx(1, abs=1e-6)
    assert rows[0, 1]["r_within"] == pytest.approx(1, abs=1e-9)
    assert rows[2, 3]["r"] > 0.9
    assert abs(rows[2, 3]["r_within"]) < 0.15
    assert rows[2, 3]["q"] < 1e-6 < 0.05 < rows[2, 3]["r_within_q"]
    assert rows[0, 4]["hi"] < -0.5
    assert rows[0, 4]["r"] == pytest.approx(-(0.5**0.5), abs=0.1)
    assert {r["n"] for r in rows.values()} == {400}


@pytest.mark.parametrize("rounding", [0.0, 1e-16, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4])
def test_copies_that_differ_by_rounding_have_the_interval_of_copies(rounding: float) -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=400)
    values = np.stack([one, one * (1 + rounding * rng.uniform(-1, 1, 400))], 1)
    raw, _ = drawn(values, np.zeros(400, int))
    lo, hi = raw.interval(np.array([0]), np.array([1]))
    assert 1 - 1e-6 <= lo[0] <= raw.r[0, 1] <= hi[0] <= 1 + 1e-12


def test_pairs_are_told_on_the_selection_split_too():
    subject = planted.paired()
    other = subject.capture(["2"], subject.selection.images)["2"].double().numpy()
    for row in found(subject, pairs).table.rows():
        wanted = slow_stats.correlation(other[:, row["unit_a"]], other[:, row["unit_b"]])
        assert row["r_selection"] == pytest.approx(wanted, abs=1e-6)


def test_what_planted_pairs_say():
    finding = found(planted.paired(), pairs)
    counted, beyond, again = finding.statements
    assert counted.startswith("2 pairs of units within one site correlate above r = 0.5")
    assert "2 counting pairs of different sites, of 10 (n = 400); 2 lie below -0.5" in counted
    assert counted.endswith("over the examples leaves 0.0.")
    assert beyond.startswith("With class means removed 1 pairs lie above 0.5 (shuffled within")
    assert "within classes: 0.0; randomly initialised controls: " in beyond
    assert beyond.endswith("gives 1.0.")
    assert "2 have their whole 95 % interval above 0.5 and 2 exceed it on the selection" in again
    assert any("left out, 1 in all: 5 of site '2': dead or constant" in c for c in finding.caveats)
    assert any("1 in all: 6 of site '2': their variance rests" in c for c in finding.caveats)


def test_pairs_equal_their_twin(small):
    finding = found(small, pairs, Mechanism(threshold=0.2))
    columns = [evaluated(small, s.name)[0] for s in small.hidden_sites]
    values, labels = np.concatenate(columns, 1), evaluated(small, "1")[1]
    wanted = slow.pairs(values[:, np.arange(11) != 2], labels.tolist(), 0.2)
    place = {("1", u): u - (u > 2) for u in range(5)} | {("5", u): 4 + u for u in range(6)}
    listed = {}
    for r in finding.table.rows():
        a, b = place[r["site_a"], r["unit_a"]], place[r["site_b"], r["unit_b"]]
        listed[a, b] = r["r"], r["r_within"]
    assert listed.keys() == wanted.keys()
    assert len(wanted) > 5
    for pair, both in wanted.items():
        given_both = [np.nan if r is None else r for r in listed[pair]]
        assert given_both == pytest.approx(both, abs=1e-6, nan_ok=True)


def test_the_control_is_the_middle_of_an_untrained_copy(small):
    copies = [small.untrained(seed) for seed in (1, 2)]
    table = found(small, pairs, Mechanism(threshold=0.2), made=copies).table
    labels = class_indices(small.selection)
    columns = [
        {
            name: value.double().flatten(1, -2).mean(1).numpy() if value.dim() > 2 else value
            for name, value in copy.capture(["1", "5"], small.selection.images).items()
        }
        for copy in copies
    ]
    for a, b in {(r["site_a"], r["site_b"]) for r in table.rows()}:
        (row, *_) = table.where(site_a=a, site_b=b).rows()
        for name, within in (("r", False), ("r_within", True)):
            ends = [
                np.nanquantile(
                    [
                        correlation(own[a][:, i], own[b][:, j], labels, within)
                        for i in range(own[a].shape[1])
                        for j in range(own[b].shape[1])
                        if a != b or i < j
                    ],
                    (0.025, 0.975),
                )
                for own in columns
            ]
            told = [row[f"control_{name}_{end}"] for end in ("lo", "hi")]
            assert told == pytest.approx(np.mean(ends, 0), abs=1e-6)


def correlation(a, b, labels, within):
    """Plain correlation, class means removed first where `within`; NaN for rare units."""
    a, b = (np.asarray(v, np.float64) for v in (a, b))
    if within:
        a, b = (v - np.array([v[labels == c].mean() for c in labels]) for v in (a, b))
    if not (a.std() and b.std()) or min(slow.carriers(v.tolist()) for v in (a, b)) < 10:
        return np.nan
    return slow_stats.correlation(a, b)


def test_pairs_matrices(small):
    finding = found(small, pairs)
    for i, site in enumerate(("1", "5")):
        values, _ = evaluated(small, site)
        kept = [v.std() > 0 and slow.carriers(v.tolist()) >= 10 for v in values.T]
        wanted = np.full((len(kept), len(kept)), np.nan)
        wanted[np.ix_(kept, kept)] = np.corrcoef(values[:, kept].T)
        np.testing.assert_allclose(finding.arrays[f"mechanism.correlation.{i}"], wanted, atol=1e-5)
    assert set(finding.arrays) == {
        f"mechanism.{kind}.{i}" for kind in ("correlation", "correlation_within") for i in (0, 1)
    }


def test_independent_units_are_no_pairs():
    finding = found(planted.noise(units=40), pairs, Mechanism(threshold=0.001))
    assert len(finding.table) > 770
    for name in ("q", "r_within_q"):
        assert np.mean(finding.table.column(name) < 0.05) < 0.01
    for name in ("p", "r_within_p"):
        assert 0.02 < np.mean(finding.table.column(name) < 0.05) < 0.06
    assert found(planted.noise(), pairs).statements[0].startswith("0 pairs")


def test_q_counts_pairs_that_are_not_listed():
    subject = planted.noise(units=12)
    few, many = (found(subject, pairs, Mechanism(threshold=t)).table for t in (0.15, 0.001))
    assert 0 < len(few) < len(many)
    everything = {(r["unit_a"], r["unit_b"]): r for r in many.rows()}
    assert len(everything) == 66
    p = [r["p"] for r in many.rows()]
    np.testing.assert_allclose([r["q"] for r in many.rows()], slow_stats.benjamini_hochberg(p))
    for r in few.rows():
        assert r["q"] == everything[r["unit_a"], r["unit_b"]]["q"]


def test_too_many_units_are_cut_by_their_spread():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 10)) * np.arange(1, 11)
    subject = planted.holding(values, planted.balanced(200, 2), classes=2)
    columns = columns_of(subject, 4)
    assert columns.unit.tolist() == [6, 7, 8, 9]
    finding = found(subject, pairs, Mechanism(most_units=4, threshold=0.01))
    assert set(finding.table.column("unit_a")) <= {6, 7, 8}
    assert finding.arrays == {}
    assert any("4 of 10 units were correlated" in c for c in finding.caveats)


def test_cut_units_share_the_room_among_sites(small):
    columns = columns_of(small, 8)
    assert [len(u) for u in columns.units] == [4, 4]
    assert 2 not in columns.units[0]
    assert columns.block(1) == slice(4, 8)
    assert columns.named(np.arange(8) >= 6) == f"{columns.unit[6]}, {columns.unit[7]} of site '5'"


def test_sorted_labels_leave_no_pairs_when_shuffled():
    labels = np.sort(planted.balanced(4000, 4))
    values = 5.0 * labels[:, None] + np.random.default_rng(0).normal(size=(4000, 6))
    finding = found(planted.holding(values, labels, classes=4), pairs)
    assert finding.statements[0].startswith("15 pairs")
    assert "leaves 0.0." in finding.statements[0]
    assert finding.statements[1].startswith("With class means removed 0 pairs")
    assert finding.statements[1].endswith("gives 15.0.")


@given(seed=st.integers(0, 10_000), skew=st.booleans())
@settings(deadline=None, max_examples=25)
def test_intervals_of_r_equal_their_twin(seed, skew):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, 2)) @ np.array([[1, 0.6], [0, 0.8]])
    values = np.exp(values) if skew else values
    labels = np.arange(60) % 3
    for pair, columns, classes in zip(
        drawn(values, labels),
        (values.T, [slow_stats.without_class_means(c, labels.tolist()) for c in values.T]),
        ([0] * 60, labels.tolist()),
        strict=True,
    ):
        wanted = slow.correlation_interval(*[list(c) for c in columns], classes)
        bounds = pair.interval(np.array([0]), np.array([1]))
        if pair.left_out.any():
            assert min(slow.carriers(list(c)) for c in columns) < 10
            assert np.isnan(bounds).all()
        else:
            np.testing.assert_allclose(np.ravel(bounds), wanted, rtol=1e-7)
            assert wanted[0] < pair.r[0, 1] < wanted[1]


def test_intervals_of_r_hold_for_units_that_are_not_normal():
    rng, hits, normal_hits = np.random.default_rng(0), 0, 0
    true = 0.5**0.5  # of a and a + b with equal variances
    for _ in range(300):
        a, b = rng.exponential(size=(2, 600)) ** 1.5
        pair, _ = drawn(np.stack([a, a + b], 1), np.zeros(600, int))
        lo, hi = pair.interval(np.array([0]), np.array([1]))
        hits += lo[0] <= true <= hi[0]
        z = np.arctanh(pair.r[0, 1])
        normal_hits += abs(z - np.arctanh(true)) <= 1.96 / np.sqrt(597)
    assert hits / 300 > 0.9
    assert normal_hits < hits


def test_shuffles_in_class_move_values_inside_their_class_only():
    values = np.random.default_rng(0).normal(size=(40, 3))
    labels = np.arange(40) % 4
    mixed = shuffled_in_class(values, labels, np.random.default_rng(1))
    for c in range(4):
        np.testing.assert_array_equal(
            np.sort(mixed[labels == c], 0), np.sort(values[labels == c], 0)
        )
    assert not (mixed == values).all()


def spread_by_class(n, units, rng):
    """Independent units whose spreads differ from class to class, the same way for all."""
    labels = rng.permutation(np.arange(n) % 4)
    return rng.normal(size=(n, units)) * np.exp(0.7 * labels)[:, None], labels


def test_p_within_classes_holds_where_classes_differ_in_spread():
    """Student's p of r finds 20 % of these pairs."""
    p = [
        drawn(*spread_by_class(400, 30, np.random.default_rng(seed)))[1].p[np.triu_indices(30, 1)]
        for seed in range(8)
    ]
    assert 0.01 < np.mean(np.concatenate(p) < 0.05) < 0.06


def test_p_holds_where_units_are_awake_together_without_varying_together():
    """Shuffles alone find 15 % of these pairs: some examples move all units."""
    p = list[np.ndarray]()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        awake = np.exp(0.5 * rng.normal(size=(400, 1)))
        found = drawn(awake * rng.normal(size=(400, 30)), np.zeros(400, int))[0]
        p.append(found.p[np.triu_indices(30, 1)])
    assert 0.01 < np.mean(np.concatenate(p) < 0.05) < 0.07


def test_rare_units_that_never_meet_are_no_evidence():
    """Their products have next to no spread, so that the robust t alone is far from 0."""
    rng = np.random.default_rng(0)
    values = (rng.random((300, 40)) < 0.06).astype(float)
    found = drawn(values, np.zeros(300, int))[0]
    apart = (values.T @ values == 0) & np.isfinite(found.p)
    assert apart.sum() > 100
    assert found.p[apart].min() > 0.1
    lo, hi = found.interval(*np.nonzero(apart))
    assert ((lo < 0) & (hi > 0)).all()


@pytest.mark.parametrize("skew", [False, True])
def test_p_of_shuffles_is_that_of_shuffles(skew):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(90, 2))
    values = np.exp(0.7 * values) if skew else values
    values[:, 1] += 0.3 * values[:, 0]
    labels = np.arange(90) % 3
    values -= np.array([values[labels == c].mean(0) for c in range(3)])[labels]
    sums = ShuffledProducts.empty(2, 3).update(values, labels)
    product = values.T @ values
    draws = [
        (shuffled_in_class(values[:, :1], labels, rng)[:, 0] @ values[:, 1]) for _ in range(4000)
    ]
    assert np.var(draws) == pytest.approx(sums.variance[0, 1], rel=0.1)
    tail = min(np.mean(draws >= product[0, 1]), np.mean(draws <= product[0, 1]))
    assert sums.p(product)[0, 1] == pytest.approx(2 * tail, abs=0.012)
    assert sums.variance[0, 1] == pytest.approx(
        slow.shuffled_variance(*values.T.tolist(), labels.tolist())
    )


def test_sums_of_influences_merge_over_batches_and_equal_their_definition():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, 3)) ** 3
    z = (z - z.mean(0)) / z.std(0)
    r = z.T @ z / 50
    sums = Influences.of(r).update(z[:20]).update(z[20:])
    for a in range(3):
        for b in range(3):
            influence = z[:, a] * z[:, b] - r[a, b] * (z[:, a] ** 2 + z[:, b] ** 2) / 2
            assert sums.second[a, b] == pytest.approx((influence**2).sum(), abs=1e-9)
            assert sums.fourth[a, b] == pytest.approx((influence**4).sum(), abs=1e-6)
            if a != b:
                wanted = (influence**2).sum() ** 2 / (influence**4).sum()
                assert sums.supports()[a, b] == pytest.approx(max(wanted, 1))
    assert sums.n == 50


def test_counts_of_untrained_copies_are_told_with_their_range():
    subject = planted.paired()
    one = planted.reweighted(subject, np.eye(7))
    none = planted.reweighted(subject, np.eye(7) * (np.arange(7) < 1))
    counted, beyond, _ = found(subject, pairs, made=[one, none]).statements
    assert (
        "2 randomly initialised controls have 1 (least 0, most 2) and 1 (least 0, most 2) (n = 400)"
        in counted
    )
    assert "randomly initialised controls: 0.5 (least 0, most 1))" in beyond
