"""Are pairs drawn as the lens says, and is recovery what its formula gives?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from torch import nn

import slow_tracing as slow
import zoo
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing._pairs import draw_runs, rival_classes
from holistic.lenses.tracing._recovery import recovery
from holistic.lenses.tracing.patching import patch_sites
from holistic.study.subject import Subject
from test_tracing import carried, subject_of


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


def test_shares_that_do_not_vary_have_no_interval_and_the_p_of_a_sign_test():
    gap, images = np.array([1.0, 2, 3, 4]), np.arange(4)
    rounding = 1 + 1e-8 * np.array([1, -1, 1, -1])
    moved = np.stack([0.5 * gap * rounding, 0 * gap, np.array([0.4, 1.1, 1.4, 2.1])])
    found = recovery(moved, gap, source=images, receiver=images + 4)
    np.testing.assert_array_equal(np.isnan(found.lo), [True, True, False])
    np.testing.assert_array_equal(found.p[:2], [2**-3, 1])
