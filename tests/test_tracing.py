import functools
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression
from torch import nn

import planted_tracing as planted
import slow_tracing as slow
import zoo
from holistic.errors import SettingError
from holistic.lens import Context, lens_class
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing.directions import Features, collect, fit, random_directions
from holistic.lenses.tracing.pairs import Runs, draw_runs, rival_classes
from holistic.lenses.tracing.patching import moved_by_site, moved_by_units, patch_sites
from holistic.lenses.tracing.readout import find_directions
from holistic.lenses.tracing.recovery import recovery
from holistic.lenses.tracing.steering import erase, steer, stratified
from holistic.subject import Subject

QUICK = Tracing(pairs=4, controls=20, examples=20)
ZOO = ["mlp float64", "cnn", "residual in-place", "transformer", "data-dependent"]


carried = functools.cache(planted.carried)


@functools.cache
def subject_of(name, *, count=48):
    case = zoo.ZOO[name]
    labels = torch.arange(count) % zoo.CLASSES
    return Subject(zoo.make(case), (case.images(count), labels))


def runs_of(subject, count=3):
    """Some runs between evaluation images of different classes, whatever is predicted."""
    labels = subject.evaluation.labels.numpy()
    rng = np.random.default_rng(3)
    pairs = [(i, j) for i in range(len(labels)) for j in range(len(labels))]
    pairs = [p for p in pairs if labels[p[0]] != labels[p[1]]]
    source, receiver = np.array([pairs[k] for k in rng.permutation(len(pairs))[:count]]).T
    control = np.array([np.flatnonzero(labels == labels[r])[-1] for r in receiver])
    return Runs(
        source,
        receiver,
        control,
        labels[source],
        labels[receiver],
        np.ones(count),
        np.ones(count, bool),
    )


def rows_of(finding, **equal):
    return list(finding.table.where(**equal).rows())


# pairs


def test_pairs_are_of_two_classes_both_ways_and_counted():
    subject = carried()
    runs = draw_runs(subject, [(0, 1)], pairs=5, guard=0.1)
    labels = subject.evaluation.labels.numpy()
    assert len(runs) == 10
    assert runs.kept.all()
    assert (runs.source[::2] == runs.receiver[1::2]).all()
    assert (runs.source[1::2] == runs.receiver[::2]).all()
    assert (labels[runs.source] == runs.source_class).all()
    assert (labels[runs.receiver] == runs.receiver_class).all()
    assert (runs.source_class != runs.receiver_class).all()
    assert (labels[runs.control] == runs.receiver_class).all()
    assert (runs.control != runs.receiver).all()
    assert len(set(runs.source.tolist())) == 10


def test_gaps_equal_their_twin():
    subject = subject_of("mlp")
    runs = draw_runs(subject, rival_classes(subject, 9), pairs=1, guard=0.0)
    for r in range(len(runs)):
        wanted = slow.gap(subject, int(runs.source[r]), int(runs.receiver[r]))
        assert runs.gap[r] == pytest.approx(wanted, abs=1e-5)


def test_pairs_with_a_wrong_prediction_or_a_small_gap_are_excluded():
    subject = carried()
    labels = subject.labels.clone()
    wrong = torch.from_numpy(subject.evaluation_indices[:30])
    labels[wrong] = 1 - labels[wrong]
    subject = Subject(subject.model, (subject.images, labels))
    runs = draw_runs(subject, [(0, 1)], pairs=40, guard=0.0)
    right = (subject.predict().argmax(1) == subject.evaluation.labels).numpy()
    assert 0 < runs.kept.sum() < len(runs)
    assert (runs.kept == (right[runs.source] & right[runs.receiver])).all()
    strict = draw_runs(subject, [(0, 1)], pairs=40, guard=0.99)
    bound = 0.99 * np.median(runs.gap[runs.kept])
    assert (strict.kept == (runs.kept & (runs.gap >= bound))).all()
    assert 0 < strict.kept.sum() < runs.kept.sum()


def test_images_are_used_equally_often():
    subject = subject_of("mlp")
    runs = draw_runs(subject, rival_classes(subject, 9), pairs=5, guard=0.0)
    used = np.bincount(runs.source, minlength=len(subject.evaluation))
    for c in range(zoo.CLASSES):
        of_class = used[subject.evaluation.labels.numpy() == c]
        assert of_class.max() - of_class.min() <= 1


def test_a_class_of_one_image_has_no_control():
    images, labels = torch.randn(42, 1, 8, 8), torch.arange(42) % 2
    labels[:2] = 2
    subject = Subject(zoo.make(zoo.ZOO["mlp"]), (images, labels))
    assert (subject.evaluation.labels == 2).sum() == 1
    runs = draw_runs(subject, rival_classes(subject, 9), pairs=3, guard=0.0)
    assert (runs.control[runs.receiver_class == 2] == -1).all()
    assert (runs.control[runs.receiver_class != 2] >= 0).all()


def test_rivals_are_the_most_confused_classes():
    # Class c lies at angle c: its neighbours on the circle are its rivals.
    angle = torch.arange(6) * 2 * torch.pi / 6
    centres = torch.stack([angle.cos(), angle.sin()], 1)
    labels = torch.arange(120) % 6
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 6))
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(2))
        model[1].bias.fill_(5)
        model[3].weight.copy_(centres)
        model[3].bias.copy_(-5 * centres.sum(1))
    subject = Subject(model, (centres[labels].reshape(-1, 1, 1, 2), labels))
    assert rival_classes(subject, 2) == [(0, 1), (0, 5), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert len(rival_classes(subject, 5)) == 15
    finding = patch_sites(subject, Tracing(pairs=2, rivals=2))
    assert any("Only the 6 most confused pairs" in note for note in finding.caveats)


# recovery


def test_recovery_equals_its_twin():
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 7, (30, 2))
    pairs[:, 1] += 5  # some images stand on both sides
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    gap = rng.uniform(1, 3, len(pairs))
    moved = rng.normal(size=(3, len(pairs)))
    found = recovery(moved, gap, source=pairs[:, 0], receiver=pairs[:, 1])
    df = min(len(set(pairs[:, 0])), len(set(pairs[:, 1]))) - 1
    for u in range(3):
        ratio, error = slow.recovery(moved[u].tolist(), gap.tolist(), [tuple(p) for p in pairs])
        assert found.value[u] == pytest.approx(ratio)
        assert found.hi[u] - found.value[u] == pytest.approx(student.ppf(0.975, df) * error)
        assert found.p[u] == pytest.approx(2 * student.sf(abs(ratio) / error, df))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(-2, 2), st.floats(0.1, 10))
def test_recovery_shifts_and_scales(seed, share, scale):
    rng = np.random.default_rng(seed)
    gap, source, receiver = rng.uniform(1, 2, 12), rng.integers(0, 5, 12), rng.integers(5, 9, 12)
    moved = rng.normal(size=(2, 12))
    one = recovery(moved, gap, source=source, receiver=receiver)
    other = recovery(scale * (moved + share * gap), scale * gap, source=source, receiver=receiver)
    np.testing.assert_allclose(other.value, one.value + share, atol=1e-9)
    np.testing.assert_allclose(other.hi - other.lo, one.hi - one.lo, atol=1e-9)


def test_intervals_cover_when_images_are_shared():
    # 2,000 "units" whose images each push all of their pairs: without the sharing the intervals
    # would cover about 60 %.
    rng = np.random.default_rng(1)
    source, receiver = (side.reshape(-1) for side in np.mgrid[0:20, 20:40])
    push = rng.normal(size=(2000, 40))
    moved = 0.3 + push[:, source] + push[:, receiver]
    found = recovery(moved, np.ones(400), source=source, receiver=receiver)
    covered = ((found.lo <= 0.3) & (found.hi >= 0.3)).mean()
    assert 0.93 < covered < 0.97


def test_recovery_of_nothing():
    empty = np.empty(0, int)
    none = recovery(np.empty((2, 0)), np.empty(0), source=empty, receiver=empty)
    assert np.isnan(none.value).all()
    one = recovery(np.ones((1, 1)), np.ones(1), source=np.array([0]), receiver=np.array([1]))
    assert one.value[0] == 1
    assert np.isnan([one.lo[0], one.hi[0], one.p[0]]).all()


# patching


def test_planted_carrier_recovers_everything_and_others_nothing():
    finding = patch_sites(carried(), QUICK)
    units = [r for r in rows_of(finding, site=planted.SITE) if r["unit"] is not None]
    assert len(units) == 6 * 3 * 2
    for row in units:
        if row["unit"] == 0:
            assert row["recovery"] == pytest.approx(1, abs=1e-5)
            assert row["lo"] == pytest.approx(1, abs=1e-4)
            assert row["q"] < 1e-6
            assert abs(row["control_recovery"]) < 0.1
        elif row["unit"] == 2:
            assert abs(row["recovery"]) < 1e-5
        else:
            assert (row["recovery"], row["p"], row["control_recovery"]) == (0, 1, 0)


def test_planted_shares():
    finding = patch_sites(planted.shared(), QUICK)
    for row in rows_of(finding, corrupt="all"):
        share = {None: 1.0, 0: 0.75, 1: 0.25, 2: 0.0}[row["unit"]]
        assert row["recovery"] == pytest.approx(share, abs=1e-5)
        assert row["control_recovery"] == pytest.approx(0, abs=1e-5)


def test_a_complete_cut_is_called_a_check():
    finding = patch_sites(carried(), QUICK)
    whole = [r for r in finding.table.rows() if r["unit"] is None]
    assert {(r["clean"], r["corrupt"]) for r in whole} == {
        ("0", "1"),
        ("1", "0"),
        ("0", "all"),
        ("1", "all"),
        ("all", "all"),
    }
    for row in whole:
        assert row["recovery"] == pytest.approx(1, abs=1e-5)
    assert "passes through '2'" in finding.statements[0]
    assert "by construction" in finding.statements[0]
    assert "unit 0 of '2'" in finding.statements[1]
    assert finding.statements[1].startswith("1 of 6 units bring the decision to some class")


@pytest.mark.parametrize("name", ZOO)
def test_patches_equal_their_twin(name):
    subject = subject_of(name)
    runs = runs_of(subject)
    source = runs.source.tolist()
    for site in subject.all_sites:
        if not (site.hidden or site.block):
            continue
        whole = moved_by_site(subject, site, runs, runs.source)
        single = moved_by_units(subject, site, runs, runs.source) if site.hidden else None
        for r, receiver in enumerate(runs.receiver.tolist()):
            case = {
                "value_of": source[r],
                "receiver": receiver,
                "source_class": int(runs.source_class[r]),
            }
            assert whole[0, r] == pytest.approx(
                slow.moved(subject, site.name, None, **case), abs=1e-4
            )
            for unit in range(0, site.units, 2) if single is not None else ():
                wanted = slow.moved(subject, site.name, unit, **case)
                assert single[unit, r] == pytest.approx(wanted, abs=1e-4)


def test_table_rows_gather_the_right_runs():
    subject = planted.own_labels()
    labels = subject.labels.clone()
    labels[::7] = (labels[::7] + 1) % 4
    subject = Subject(subject.model, (subject.images, labels))
    finding = patch_sites(subject, Tracing(pairs=3, guard=0.2))
    drawn = draw_runs(subject, rival_classes(subject, 9), pairs=3, guard=0.2)
    runs, site = drawn.rows(drawn.kept), subject.site(planted.SITE)
    moved = moved_by_units(subject, site, runs, runs.source)
    null = moved_by_units(subject, site, runs, runs.control)
    assert 0 < drawn.kept.sum() < len(drawn)
    rows = [r for r in rows_of(finding, unit=3) if r["clean"] != "all"]
    assert len(rows) == 8
    for row in rows:
        own = "source_class" if row["direction"] == "denoise" else "receiver_class"
        chosen = getattr(runs, own) == int(row["clean"])
        assert row["corrupt"] == "all"
        assert row["n"] == chosen.sum()
        assert row["excluded"] == (getattr(drawn, own)[~drawn.kept] == int(row["clean"])).sum()
        pairs = list(zip(runs.source[chosen], runs.receiver[chosen], strict=True))
        ratio, error = slow.recovery(moved[3, chosen], runs.gap[chosen], pairs)
        half = student.ppf(0.975, min(len(set(a)) for a in zip(*pairs, strict=True)) - 1) * error
        assert row["recovery"] == pytest.approx(ratio, abs=1e-9)
        assert row["hi"] - row["recovery"] == pytest.approx(half, abs=1e-6)
        control, _ = slow.recovery(null[3, chosen], runs.gap[chosen], pairs)
        assert row["control_recovery"] == pytest.approx(control, abs=1e-9)


def test_noising_one_class_is_denoising_the_other():
    finding = patch_sites(carried(), QUICK)
    denoise = rows_of(finding, clean="0", corrupt="1", direction="denoise")
    noise = rows_of(finding, clean="1", corrupt="0", direction="noise")
    same = ("site", "unit", "recovery", "lo", "hi", "n", "excluded", "control_recovery", "p")
    assert [[r[k] for k in same] for r in denoise] == [[r[k] for k in same] for r in noise]


def test_nothing_usable_is_said_and_counted():
    subject = carried()
    subject = Subject(subject.model, (subject.images, 1 - subject.labels))
    finding = patch_sites(subject, QUICK)
    assert all(r["n"] == 0 and r["recovery"] is None for r in finding.table.rows())
    assert rows_of(finding, corrupt="all", clean="all")[0]["excluded"] == 8
    assert finding.statements == (
        "No pair of images could be used: see the counts of excluded pairs.",
    )


def test_one_class_alone_has_no_pairs():
    subject = carried()
    subject = Subject(subject.model, (subject.images, torch.zeros(200, dtype=torch.long)))
    for finding in Tracing(pairs=2, controls=20, examples=20).run(subject, Context()):
        assert len(finding.table) > 0
        assert finding.statements


def test_dear_replays_take_fewer_pairs(monkeypatch):
    monkeypatch.setattr("holistic.lenses.tracing.patching._BUDGET", 1.0)
    finding = patch_sites(carried(), Tracing(pairs=6))
    assert rows_of(finding, clean="0", corrupt="1", direction="noise")[0]["n"] == 2
    assert any("2 instead of 6 pairs" in note for note in finding.caveats)


# directions


def test_planted_direction_is_found_steers_and_is_needed():
    vector = planted.diagonal(24)
    subject = planted.lying_along(vector, count=4000)
    finding = find_directions(subject, Tracing(controls=200, examples=200), collect(subject))
    vectors = finding.arrays["tracing.directions.0"]
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, 2, 24)
    for c, sign in ((0, -1), (1, 1)):
        assert sign * vectors[c, 0] @ vector > 0.99
        for row in rows_of(finding, class_=str(c)):
            assert row["auroc"] == 1
            assert row["lo"] > 0.95
            assert row["control_auroc"] < 0.65
            # The margin is twice the component along the vector, so it grows at twice the cosine.
            place = 0 if row["method"] == "class_mean_difference" else 1
            slope = 2 * sign * float(vectors[c, place] @ vector) * row["spread"]
            assert row["steer_slope"] == pytest.approx(slope, rel=1e-4)
            assert row["steer_lo"] == pytest.approx(slope, rel=1e-3)
            assert row["steer_p"] == pytest.approx(1 / 201)
            assert abs(row["control_steer_slope"]) < 0.2 * row["steer_slope"]
            assert abs(row["control_erase_drop"]) < 0.01
            assert (row["n"], row["steer_n"], row["erase_n"]) == (2000, 200, 800)
    # Without the direction every margin is zero but for rounding: which class a tie goes to is
    # chance, what both lose together is not.
    for method in ("class_mean_difference", "logistic"):
        drops = [row["erase_drop"] for row in rows_of(finding, method=method)]
        assert sum(drops) == pytest.approx(1, abs=0.2)
        assert min(row["p"] for row in rows_of(finding, method=method)) < 0.05


def test_a_direction_that_nothing_reads_neither_steers_nor_is_needed():
    subject = planted.unread_signal()
    finding = find_directions(subject, Tracing(controls=100, examples=120), collect(subject))
    for row in rows_of(finding, method="class_mean_difference"):
        assert row["auroc"] > 0.9
        assert abs(row["steer_slope"]) < 1e-2
        assert row["steer_p"] > 0.01
        assert abs(row["erase_drop"]) < 0.05
        assert row["p"] > 0.01


def test_directions_are_fit_on_the_selection_split_alone():
    subject = planted.lying_along(planted.diagonal(12))
    one = fit(collect(subject)[planted.SITE], 2)
    images = subject.images.clone()
    changed = torch.from_numpy(subject.evaluation_indices)
    images[changed] += torch.randn(images[changed].shape)
    other = fit(collect(Subject(subject.model, (images, subject.labels)))[planted.SITE], 2)
    np.testing.assert_array_equal(one.vectors, other.vectors)


def test_features_are_position_means():
    subject = subject_of("transformer")
    found = collect(subject)
    for site in subject.hidden_sites:
        for split, values in (
            (subject.selection, found[site.name].selection),
            (subject.evaluation, found[site.name].evaluation),
        ):
            value = subject.capture([site.name], split.images)[site.name].double()
            wanted = value.reshape(len(value), -1, site.units).mean(1).numpy()
            np.testing.assert_allclose(values, wanted, atol=1e-9)


def test_directions_equal_their_twin():
    subject = subject_of("cnn", count=160)
    known = collect(subject)["5"]
    found = fit(known, zoo.CLASSES)
    centred = known.selection - known.selection.mean(0)
    scale = np.sqrt(centred.var(0).mean())
    for c in range(zoo.CLASSES):
        wanted = slow.mean_difference(known.selection, known.labels.tolist(), c)
        np.testing.assert_allclose(found.vectors[c, 0], wanted, atol=1e-9)
        model = LogisticRegression(C=1 / (1e-3 * len(centred)), tol=1e-8, max_iter=10_000)
        weights = model.fit(centred / scale, known.labels == c).coef_[0]
        assert found.vectors[c, 1] @ weights / np.linalg.norm(weights) > 0.999
        for m in range(2):
            projected = known.selection @ found.vectors[c, m]
            assert found.spread[c, m] == pytest.approx(projected.std(ddof=1))


@pytest.mark.parametrize("name", ZOO)
def test_steering_and_erasing_equal_their_twins(name):
    subject = subject_of(name)
    known = collect(subject)
    rows = np.arange(0, len(subject.evaluation), 2)
    for site in subject.hidden_sites:
        fitted = fit(known[site.name], zoo.CLASSES)
        # Controls that are the directions themselves must answer as the directions do.
        controls = fitted.vectors[:, 0]
        steered = steer(subject, site, fitted, controls, rows)
        erased = erase(subject, site, fitted, controls, rows)
        for c in range(zoo.CLASSES):
            own = {"c": c, "rows": rows}
            for m in range(2):
                vector, spread = fitted.vectors[c, m], float(fitted.spread[c, m])
                slopes = slow.steering_slopes(subject, site.name, vector, spread=spread, **own)
                np.testing.assert_allclose(steered.slopes[:, c, m], slopes, atol=1e-4)
                flips = slow.erase_flips(subject, site.name, vector, **own)
                assert (erased.lost[c, m], erased.gained[c, m]) == flips
            worse, better = erased.lost[c, 0], erased.gained[c, 0]
            assert erased.controls[c, c] == pytest.approx((worse - better) / erased.count[c])


def test_control_slopes_are_those_of_equal_lengths():
    # Everything after the site is affine, so interpolating between lengths is exact.
    subject = planted.carried()
    model = subject.model
    with torch.no_grad():
        model[3].weight.copy_(torch.tensor([[1.0, 2, 0, 0, 0, 0], [0, -1, 1, 0, 0, 0]]))
    fitted = fit(collect(subject)[planted.SITE], 2)
    controls = np.eye(6)
    steered = steer(subject, subject.site(planted.SITE), fitted, controls, np.arange(50))
    margin = np.array([1.0, 3, -1, 0, 0, 0])  # of class 0, per unit
    for b in range(6):
        for c, m in np.ndindex(2, 2):
            wanted = (1 - 2 * c) * margin[b] * fitted.spread[c, m]
            assert steered.controls[b, c, m] == pytest.approx(wanted, abs=1e-4)


def test_control_directions_have_the_values_covariance():
    rng = np.random.default_rng(0)
    shape = np.diag([3.0, 1.0, 0.1, 0.0])
    values = rng.normal(size=(400, 4)) @ shape
    known = Features(values, values, np.arange(400) % 2, np.arange(400) % 2)
    drawn = random_directions(known, 4000, seed=1)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1)
    assert abs(drawn[:, 0]).mean() > 5 * abs(drawn[:, 2]).mean() > 0
    assert (drawn[:, 3] == 0).all()
    assert abs(drawn.mean(0)).max() < 0.05
    np.testing.assert_array_equal(drawn, random_directions(known, 4000, seed=1))


def test_a_site_that_never_varies_has_no_directions():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        model[1].bias.fill_(-100)
        model[3].bias.copy_(torch.tensor([1.0, 0.0]))
    subject = Subject(model, (torch.randn(40, 4), torch.arange(40) % 2))
    findings = list(Tracing(pairs=2, controls=20, examples=20).run(subject, Context()))
    _, places, directions = findings
    for row in directions.table.rows():
        for name in ("auroc", "steer_slope", "control_steer_slope", "erase_drop", "p", "q"):
            assert row[name] is None
    assert directions.statements == ("No class has a direction: the hidden sites don't vary.",)
    assert all(row["share"] is row["p"] is None for row in places.table.rows())
    assert places.statements[0].startswith("No site's class means differ")


def test_stratified_rows():
    labels = np.repeat([0, 1, 2], [50, 30, 3])
    rows = stratified(labels, 30, seed=0)
    assert (np.bincount(labels[rows]) == [10, 10, 3]).all()
    assert (np.diff(rows) > 0).all()
    assert (stratified(labels, 83, seed=0) == np.arange(83)).all()


# the lens


def test_findings_hold_the_columns_of_the_design():
    findings = {f.name: f for f in QUICK.run(carried(), Context())}
    assert list(findings) == ["tracing.patching", "tracing.geometry", "tracing.directions"]
    patching = "site unit position clean corrupt direction recovery lo hi n excluded"
    directions = "site class method auroc lo hi steer_slope erase_drop control_erase_drop p"
    assert set(patching.split()) <= set(findings["tracing.patching"].table.names)
    assert set(directions.split()) <= set(findings["tracing.directions"].table.names)
    assert set(findings["tracing.directions"].arrays) == {
        "tracing.directions.0",
        "tracing.doses.0",
    }
    for finding in findings.values():
        assert finding.statements
        assert finding.caveats


def test_the_same_seed_gives_the_same_numbers():
    runs = [list(QUICK.run(planted.carried(), Context())) for _ in range(2)]
    for one, other in zip(*runs, strict=True):
        assert one.table.data.equals(other.table.data)
        assert (one.statements, one.caveats) == (other.statements, other.caveats)
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name])


def test_the_model_and_its_data_are_left_as_they_were():
    subject = subject_of("cnn")
    before = dict(subject.fingerprint)
    list(QUICK.run(subject, Context()))
    assert Subject(subject.model, (subject.images, subject.labels)).fingerprint == before


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"pairs": 0}, "tracing: pairs must be at least 1, got 0"),
        ({"controls": 5}, "tracing: controls must be at least 20, got 5"),
        ({"guard": 1.0}, "tracing: guard must be from 0 to below 1, got 1.0"),
    ],
)
def test_settings_outside_of_their_range(settings, line):
    with pytest.raises(SettingError, match=line):
        Tracing(**settings)


def test_the_lens_is_registered_and_cheap_to_import():
    assert lens_class("tracing") is Tracing
    code = "import sys, holistic.lenses.tracing; print({'torch', 'scipy'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
