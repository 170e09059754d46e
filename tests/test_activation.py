"""Does the lens `activation` find what is built in, and what plain loops find?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t

import holistic
import slow_activation as slow
from holistic.errors import SettingError
from holistic.lenses._contract import Context
from holistic.lenses.activation import Activation
from holistic.lenses.activation._detection import detect, shuffled_bound
from holistic.lenses.activation._profiles import selectivity
from holistic.lenses.activation._values import Reading, Rows
from holistic.lenses.activation.examples import pick
from holistic.results.findings import Finding
from holistic.stats.intervals import delong_interval
from holistic.stats.means import Means
from planted_activation import (
    AVOIDER,
    CONSTANT,
    DEAD,
    DETECTOR,
    NOISE,
    SITE,
    USELESS,
    detecting,
    spotted,
)
from slow_stats import hall_bounds
from zoo import ZOO, make


def found(subject: holistic.Subject, **changed: object) -> dict[str, Finding]:
    lens = Activation(**{"shuffles": 20, "controls": 19, "steps": 2, **changed})
    return {f.name: f for f in lens.run(subject, Context())}


def subject_of(name: str, count: int = 60) -> holistic.Subject:
    case = ZOO[name]
    return holistic.Subject(make(case), (case.images(count), torch.arange(count) % 4))


def held(values: np.ndarray) -> Rows:
    places = np.arange(len(values))
    return Rows(places, np.zeros(len(values), np.int64), values, None)


@pytest.fixture(scope="module")
def planted() -> dict[str, Finding]:
    return found(detecting(), shuffles=200)


def rows_of(planted: dict[str, Finding], unit: int) -> dict[str, dict[str, object]]:
    table = planted["activation.units"].table.where(site=SITE, unit=unit)
    return {row["class"]: row for row in table.rows()}


def test_a_perfect_detector_is_found(planted: dict[str, Finding]) -> None:
    rows = rows_of(planted, DETECTOR)
    assert rows["2"]["auroc"] == rows["2"]["auroc_hi"] == 1
    assert 0.85 < rows["2"]["auroc_lo"] < 1
    assert rows["2"]["selectivity"] == rows["all"]["selectivity"] == 1
    assert rows["0"]["selectivity"] == -1
    assert {row["preferred_class"] for row in rows.values()} == {"2"}
    assert (rows["2"]["active_fraction"], rows["0"]["active_fraction"]) == (1, 0)
    assert not rows["2"]["dead"]
    assert rows["2"]["auroc"] > rows["2"]["control_auroc_hi"]


def test_dead_and_constant_units_are_named(planted: dict[str, Finding]) -> None:
    for unit, value in ((DEAD, 0.0), (CONSTANT, 3.0)):
        rows = rows_of(planted, unit)
        assert all(row["dead"] for row in rows.values())
        assert all((row["mean"], row["std"]) == (value, 0) for row in rows.values())
        assert rows["0"]["auroc"] == 0.5
    assert rows_of(planted, DEAD)["0"]["selectivity"] is None
    assert rows_of(planted, CONSTANT)["0"]["selectivity"] == 0
    dead = planted["activation.units"].table.where(class_="all", dead=True)
    assert set(dead.column("unit")) == {DEAD, CONSTANT}
    assert "Dead: 2 of 6 units (33.3 %)" in planted["activation.units"].statements[0]


def test_noise_stays_inside_the_shuffled_control(planted: dict[str, Finding]) -> None:
    for name, row in rows_of(planted, NOISE).items():
        if name != "all":
            assert abs(row["auroc"] - 0.5) < row["control_auroc_hi"] - 0.5
            assert row["auroc_lo"] < 0.5 < row["auroc_hi"]


def test_a_unit_that_avoids_a_class_has_an_auroc_of_zero(planted: dict[str, Finding]) -> None:
    rows = rows_of(planted, AVOIDER)
    assert rows["1"]["auroc"] == rows["1"]["auroc_lo"] == 0
    assert rows["1"]["selectivity"] == -1
    assert rows_of(planted, USELESS)["0"]["preferred_class"] == "0"


@pytest.mark.parametrize(("name", "site"), [("mlp", "2"), ("cnn", "1")])
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_every_row_equals_plain_loops(name: str, site: str, reduction: str) -> None:
    subject = subject_of(name)
    table = found(subject, reduction=reduction)["activation.units"].table.where(site=site)
    values, labels = {}, {}
    for split in ("evaluation", "selection"):
        examples = getattr(subject, split)
        labels[split] = examples.labels.tolist()
        values[split] = slow.unit_values(subject.model, examples.images, site)
    for row in table.rows():
        unit = row["unit"]
        positions = [example[unit] for example in values["evaluation"]]
        held = [slow.reduce(p, reduction) for p in positions]
        by_class = {
            c: [h for h, y in zip(held, labels["evaluation"], strict=True) if y == c]
            for c in range(4)
        }
        chosen_on = [
            slow.mean(
                [
                    slow.reduce(example[unit], reduction)
                    for example, y in zip(values["selection"], labels["selection"], strict=True)
                    if y == c
                ]
            )
            for c in range(4)
        ]
        preferred = max(range(4), key=lambda c: chosen_on[c])
        assert row["preferred_class"] == str(preferred)
        inside = held if row["class"] == "all" else by_class[int(row["class"])]
        kept = [
            p
            for p, y in zip(positions, labels["evaluation"], strict=True)
            if row["class"] in ("all", str(y))
        ]
        assert row["n"] == len(inside)
        close = {"rtol": 1e-6, "atol": 1e-7}
        np.testing.assert_allclose(row["mean"], slow.mean(inside), **close)
        np.testing.assert_allclose(row["std"], slow.std(inside), **close)
        if bool(Means.of(np.array(inside)).rare):
            assert row["mean_lo"] is row["mean_hi"] is None
        else:
            error = slow.std(inside) / len(inside) ** 0.5
            student = t.interval(0.95, len(inside) - 1, row["mean"], error)
            lo, hi = zip(student, hall_bounds(inside, 0.95), strict=True)
            np.testing.assert_allclose(
                [row["mean_lo"], row["mean_hi"]], [min(lo), max(hi)], **close
            )
        active = slow.mean([float(v > 0) for p in kept for v in p])
        np.testing.assert_allclose(row["active_fraction"], active)
        class_means = [slow.mean(by_class[c]) for c in range(4)]
        contrasted = preferred if row["class"] == "all" else int(row["class"])
        if min(v for p in positions for v in p) >= 0 and sum(class_means) > 0:
            expected = slow.selectivity(class_means, contrasted)
            np.testing.assert_allclose(row["selectivity"], expected, **close)
        if row["class"] != "all":
            rest = [h for c in range(4) if str(c) != row["class"] for h in by_class[c]]
            np.testing.assert_allclose(row["auroc"], slow.auroc(inside, rest))


@given(
    arrays(np.int8, st.tuples(st.integers(8, 24), st.integers(1, 5)), elements=st.integers(-3, 3)),
    st.integers(0, 100),
)
@settings(deadline=None, max_examples=40)
def test_detection_equals_pair_counting_and_delong(values: np.ndarray, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, len(values))
    x = values.astype(np.float64)
    measured = detect(x, labels, 4)
    assert np.isnan(measured.auroc[3]).all()
    for c in range(3):
        inside, n = labels == c, int((labels == c).sum())
        if n in (0, len(labels)):
            assert np.isnan(measured.auroc[c]).all()
            continue
        pairs = [slow.auroc(list(col[inside]), list(col[~inside])) for col in x.T]
        np.testing.assert_allclose(measured.auroc[c], pairs, atol=1e-12)
        area, lo, hi = delong_interval(x, inside)
        np.testing.assert_allclose(measured.auroc[c], area, atol=1e-12)
        np.testing.assert_allclose(measured.lo[c], lo, atol=1e-9)
        np.testing.assert_allclose(measured.hi[c], hi, atol=1e-9)


def test_delong_bounds_come_from_the_placements() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    x = rng.normal(size=(40, 1)) + labels[:, None]
    measured = detect(x, labels, 2)
    variance = slow.delong_variance(list(x[labels == 1, 0]), list(x[labels == 0, 0]))
    area = measured.auroc[1, 0]
    half = 1.959964 * np.sqrt(variance) / (area * (1 - area))
    logit = np.log(area / (1 - area))
    expected = [1 / (1 + np.exp(-(logit + s * half))) for s in (-1, 1)]
    np.testing.assert_allclose([measured.lo[1, 0], measured.hi[1, 0]], expected, rtol=1e-6)


def test_chunks_of_units_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(30, 7)), rng.integers(0, 3, 30)
    whole = detect(x, labels, 3)
    monkeypatch.setattr("holistic.lenses.activation._detection._CHUNK", 200)
    parts = detect(x, labels, 3)
    for name in ("auroc", "lo", "hi"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_a_unit_that_overflows_has_no_auroc_and_spoils_no_other() -> None:
    rng = np.random.default_rng(2)
    x, labels = rng.normal(size=(30, 3)), np.arange(30) % 3
    clean, bound = detect(x, labels, 3), shuffled_bound(x, labels, 3, shuffles=20, seed=0)
    broken = np.concatenate([x, x[:, :1]], 1)
    broken[4, 3] = np.inf
    measured = detect(broken, labels, 3)
    assert np.isnan(measured.auroc[:, 3]).all()
    assert np.isnan(measured.lo[:, 3]).all()
    assert np.array_equal(measured.auroc[:, :3], clean.auroc)
    assert np.array_equal(shuffled_bound(broken, labels, 3, shuffles=20, seed=0), bound)
    picks = pick(held(broken), Activation(), seed=(0, 0))
    assert np.isfinite(picks.value).all()


def test_the_shuffled_bound_is_that_of_the_luckiest_unit() -> None:
    """Twin: the same shuffles, every pair counted."""
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(24, 3)), np.arange(24) % 3
    bound = shuffled_bound(x, labels, 3, shuffles=20, seed=5)
    shuffles = np.random.default_rng(5)
    units = [list(column) for column in x.T]
    null = sorted(slow.furthest(units, list(shuffles.permutation(labels)), 3) for _ in range(20))
    np.testing.assert_allclose(
        bound, 0.5 + null[19], rtol=1e-12
    )  # 95 % of 20: rank 19.05 rounded up


def test_the_shuffled_bound_holds_for_the_whole_site() -> None:
    """Of sites of noise with a rare class, about 1 in 20 has any AUROC beyond the bound."""
    labels = np.repeat([0, 1, 2], [40, 30, 6])
    beyond = 0
    for seed in range(60):
        x = np.random.default_rng(seed).normal(size=(76, 8))
        area = detect(x, labels, 3).auroc
        bound = shuffled_bound(x, labels, 3, shuffles=60, seed=seed)
        beyond += bool((np.abs(area - 0.5) > bound[:, None] - 0.5).any())
    assert 0 < beyond <= 9  # binomial(60, 1/20): 99.6 % lie in here


def test_readings_in_any_batches_are_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(30, 3, 2, 4, generator=generator)
    labels = torch.arange(30) % 3
    whole, parts = Reading.empty(4, 3), Reading.empty(4, 3)
    ids = np.arange(30)
    whole.update(value, labels, ids, reduction="mean", keep=True)
    for rows in (slice(0, 1), slice(1, 17), slice(17, 30)):
        parts.update(value[rows], labels[rows], ids[rows], reduction="mean", keep=True)
    np.testing.assert_allclose(parts.moments.std, whole.moments.std, rtol=1e-10)
    np.testing.assert_allclose(parts.above, whole.above, rtol=1e-10)
    # means over 6 positions, in batches of other sizes
    rounding = 6 * np.finfo(np.float32).eps * float(value.abs().max())
    np.testing.assert_allclose(parts.rows().values, whole.rows().values, rtol=0, atol=rounding)
    np.testing.assert_allclose(parts.lowest, whole.lowest, rtol=0, atol=rounding)
    assert np.array_equal(parts.rows().labels, labels.numpy())


def test_a_fixed_pattern_over_positions_is_dead_and_the_reduction_matters() -> None:
    subject = spotted()
    by_mean = found(subject, reduction="mean")["activation.units"]
    rows = by_mean.table.where(class_="all")
    assert list(rows.column("dead")) == [False, True, True]
    by_max = found(subject, reduction="max")["activation.units"]
    assert by_mean.table.where(unit=0, class_="1").column("auroc")[0] == 0
    assert by_max.table.where(unit=0, class_="1").column("auroc")[0] == 1
    assert "is the mean over them" in by_mean.caveats[0]
    assert "is the max over them" in by_max.caveats[0]


def test_selectivity_is_missing_below_zero() -> None:
    subject = subject_of("mlp")
    table = found(subject)["activation.units"].table
    below = (subject.capture(["4"], subject.images)["4"] < 0).any(0).numpy()  # tanh
    assert below.any()
    for unit, negative in enumerate(below):
        index = table.where(site="4", unit=unit).column("selectivity")
        assert np.isnan(index).all() == negative
    alive = table.where(site="2", dead=False).column("selectivity")
    assert np.isfinite(alive).all()
    assert (np.abs(alive) <= 1).all()
    means = np.array([[2.0, 0.0], [1.0, 0.0], [np.nan, np.nan]])
    index = selectivity(means, np.array([False, False]))
    np.testing.assert_allclose(index[:, 0], [1 / 3, -1 / 3, np.nan])
    assert np.isnan(index[:, 1]).all()


@pytest.mark.parametrize(
    "name", ["mlp bfloat16", "transformer", "encoder layer", "one-dimensional", "data-dependent"]
)
def test_any_architecture(name: str) -> None:
    subject = subject_of(name, 40)
    findings = found(subject)
    table = findings["activation.units"].table
    units = sum(site.units for site in subject.hidden_sites)
    assert len(table) == units * 5
    area = table.column("auroc")
    assert np.isnan(area[table.column("class") == "all"]).all()
    assert np.isfinite(area[table.column("class") != "all"]).all()
    pictures = name not in ("encoder layer", "one-dimensional")
    assert ("activation.images" in findings["activation.examples"].arrays) == pictures


def test_one_class_has_no_auroc() -> None:
    case = ZOO["mlp"]
    subject = holistic.Subject(make(case), (case.images(20), torch.zeros(20, dtype=torch.long)))
    findings = found(subject)
    table = findings["activation.units"].table
    assert np.isnan(table.column("auroc")).all()
    assert set(table.column("preferred_class")) == {"0"}
    absent = table.where(class_="1")
    assert set(absent.column("n")) == {0}
    assert np.isnan(absent.column("mean")).all()
    assert all("nan" not in s for f in findings.values() for s in f.statements)


def test_the_same_seed_gives_the_same_tables_and_leaves_the_model_alone() -> None:
    subject = subject_of("residual in-place", 40)
    before = torch.random.get_rng_state()
    weights = {k: v.clone() for k, v in subject.model.state_dict().items()}
    first, second = found(subject), found(subject)
    for name, finding in first.items():
        assert finding.table.data.equals(second[name].table.data)
        assert finding.statements == second[name].statements
        for array in finding.arrays:
            assert np.array_equal(finding.arrays[array], second[name].arrays[array])
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(weights[k], v) for k, v in subject.model.state_dict().items())


def test_groups_of_sites_and_caps_on_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of("mlp")
    whole = found(subject)["activation.units"].table
    monkeypatch.setattr("holistic.lenses.activation._profiles._BYTES", 1)
    assert found(subject)["activation.units"].table.data.equals(whole.data)
    capped = found(subject, most_examples=16)["activation.units"].table
    assert set(capped.where(class_="all").column("n")) == {16}
    assert set(capped.where(class_="1").column("n")) == {4}


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    context = Context(progress=lambda task, done, total: told.append((task, done, total)))
    list(Activation(shuffles=20, controls=19).run(subject_of("mlp"), context))
    tasks = list(dict.fromkeys(task for task, _, _ in told))
    first = ["reading units", "randomly initialised controls"]
    assert tasks == [*first, "maps over images", "visualising features"]
    for task in tasks:
        steps = [(done, total) for name, done, total in told if name == task]
        assert steps[-1][0] == steps[-1][1]
        assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"reduction": "median"}, "reduction must be one of 'mean', 'max', got 'median'"),
        ({"top": 0}, "top must be a whole number from 1 to 1000, got 0"),
        ({"shuffles": 3}, "shuffles must be a whole number from 20 to 100000, got 3"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Activation(**changed)
