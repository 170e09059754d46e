"""Is what patching recovers what was planted, and what plain runs give?"""

import functools
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.stats import t as student

import holistic
import planted_tracing as planted
import slow_tracing as slow
import zoo
from holistic.errors import SettingError
from holistic.lenses._contract import Context, lens_class
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing._chosen import carried as carried_shares
from holistic.lenses.tracing._pairs import Runs, draw_runs, rival_classes
from holistic.lenses.tracing.patching import moved_by_site, moved_by_units, patch_sites
from holistic.stats.tests import benjamini_hochberg
from holistic.study.subject import Subject

QUICK = Tracing(pairs=4, controls=20, examples=20)
ENOUGH = Tracing(pairs=12, controls=20, examples=20)
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


# patching


def test_planted_carrier_recovers_everything_and_others_nothing():
    """What moves every pair by the same share has no interval, and the p of a sign test."""
    finding = patch_sites(carried(), ENOUGH)
    units = [r for r in rows_of(finding, site=planted.SITE) if r["unit"] is not None]
    assert len(units) == 6 * 3 * 2
    for row in units:
        if row["unit"] == 0:
            assert row["recovery"] == pytest.approx(1, abs=1e-5)
            assert (row["lo"], row["hi"]) == (None, None)
            assert row["p"] == 2.0 ** (1 - row["n"])
            assert row["q"] < 0.01
            assert abs(row["control_recovery"]) < 0.1
        elif row["unit"] == 2:
            assert abs(row["recovery"]) < 1e-5
        else:
            assert (row["recovery"], row["p"], row["control_recovery"]) == (0, 1, 0)
            assert (row["lo"], row["hi"]) == (None, None)


def test_planted_shares():
    finding = patch_sites(planted.shared(), QUICK)
    for row in rows_of(finding, corrupt="all"):
        share = {None: 1.0, 0: 0.75, 1: 0.25, 2: 0.0}[row["unit"]]
        assert row["recovery"] == pytest.approx(share, abs=1e-5)
        assert row["control_recovery"] == pytest.approx(0, abs=1e-5)


def test_a_complete_cut_is_called_a_check():
    finding = patch_sites(carried(), ENOUGH)
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
    assert "passes through site '2'" in finding.statements[-1]
    assert "by construction" in finding.statements[-1]
    assert "unit 0 of site '2'" in finding.statements[0]
    assert finding.statements[0].startswith("1 of 6 units move the decision towards some class")


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


def test_whole_sites_and_units_are_two_families_of_tests():
    subject = planted.own_labels()
    rows = list(patch_sites(subject, Tracing(pairs=2)).table.rows())
    whole = np.array([row["unit"] is None for row in rows])
    p, q = (np.array([row[name] for row in rows], float) for name in ("p", "q"))
    assert whole.any()
    assert not whole.all()
    for family in (whole, ~whole):
        np.testing.assert_allclose(q[family], benjamini_hochberg(p[family]))
    assert not np.allclose(q, benjamini_hochberg(p), equal_nan=True)


def test_shares_of_the_selection_split_are_those_of_runs_between_its_images():
    subject = planted.own_labels()
    found = carried_shares(subject)[planted.SITE]
    drawn = draw_runs(
        subject, rival_classes(subject, 9), pairs=8, guard=0.1, examples=subject.selection
    )
    runs = drawn.rows(drawn.kept)
    mirrored = holistic.Subject(
        subject.model,
        (subject.images, subject.labels),
        selection=subject.evaluation_indices,
        evaluation=subject.selection_indices,
    )
    moved = moved_by_units(mirrored, mirrored.site(planted.SITE), runs, runs.source)
    for c in range(4):
        chosen = runs.receiver_class == c
        wanted = moved[:, chosen].sum(1) / runs.gap[chosen].sum()
        np.testing.assert_allclose(found.share[:, c], wanted, atol=1e-6)
    assert np.abs(found.within).max() < np.abs(found.share).max()


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
        "tracing.dose_bounds.0",
        "tracing.strips",
    }
    doses, ends = (
        findings["tracing.directions"].arrays[f"tracing.{n}.0"] for n in ("doses", "dose_bounds")
    )
    known = np.isfinite(ends).all(0)
    assert known.any()
    assert (ends[0] <= doses + 1e-5)[known].all()
    assert (doses <= ends[1] + 1e-5)[known].all()
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
        ({"pairs": 0}, "tracing.pairs must be a whole number from 1 to 10000, got 0"),
        ({"controls": 5}, "tracing.controls must be a whole number from 20 to 10000, got 5"),
        ({"guard": 1.0}, "tracing.guard must be a number from 0 to 0.999999, got 1.0"),
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
