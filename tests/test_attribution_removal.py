"""What does removing pixels in the order of a map cost, and what do the checks say of it?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import holistic
import slow_attribution as slow
from holistic.lenses.attribution._checks import removed
from holistic.lenses.attribution._removal import area, grid, mean_image, order, removal
from holistic.lenses.attribution._sample import balanced
from test_attribution import subject_of


def test_removal_curves_equal_plain_loops() -> None:
    subject = subject_of("cnn")
    sample = balanced(subject.evaluation, 3, 0)
    rng = np.random.default_rng(0)
    ranks = order(rng.normal(size=(3, 64)), rng)
    counts, fill = grid(64, 8), mean_image(subject)
    curves = removal(subject, sample, ranks, counts, fill)
    for i, (image, label) in enumerate(zip(sample.images, sample.labels.tolist(), strict=True)):
        places = [divmod(int(p), 8) for p in np.argsort(ranks[i])]
        removed_one_by_one = slow.deletion_curve(subject.model, image, label, places, fill)
        expected = [removed_one_by_one[count] for count in counts]
        np.testing.assert_allclose(curves.deletion[i], expected, atol=1e-5)
        put_in = slow.deletion_curve(subject.model, fill, label, places, image)
        np.testing.assert_allclose(curves.insertion[i], [put_in[c] for c in counts], atol=1e-5)
        shares = [count / 64 for count in counts]
        plain = slow.trapezium(expected, shares)
        np.testing.assert_allclose(area(curves.deletion[i], counts), plain, atol=1e-5)


def test_the_fill_is_the_mean_of_the_class_means() -> None:
    images = torch.arange(12.0).reshape(12, 1, 1, 1).expand(12, 1, 4, 4).clone()
    labels = torch.tensor([0] * 8 + [1] * 4)
    subject = holistic.Subject(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2)),
                               (images, labels))  # fmt: skip
    values = subject.selection.images[:, 0, 0, 0]
    means = [float(values[subject.selection.labels == c].mean()) for c in (0, 1)]
    np.testing.assert_allclose(mean_image(subject).flatten(), np.mean(means))


def test_chunks_of_removed_images_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of("mlp")
    sample = balanced(subject.evaluation, 3, 0)
    ranks = order(np.zeros((3, 64)), np.random.default_rng(0))
    counts, fill = grid(64, 8), mean_image(subject)
    whole = removal(subject, sample, ranks, counts, fill)
    monkeypatch.setattr("holistic.lenses.attribution._removal._BYTES", 1)
    parts = removal(subject, sample, ranks, counts, fill)
    np.testing.assert_allclose(parts.deletion, whole.deletion, atol=1e-6)


@given(
    arrays(np.int8, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(-2, 2))
)
@settings(deadline=None)
def test_an_order_ranks_each_map_from_the_largest_on(maps: np.ndarray) -> None:
    ranks = order(maps.astype(np.float64), np.random.default_rng(0))
    for values, rank in zip(maps, ranks, strict=True):
        assert sorted(rank) == list(range(len(values)))
        ordered = values[np.argsort(rank)]
        assert (ordered[1:] <= ordered[:-1]).all()


def test_equal_pixels_go_in_a_random_order() -> None:
    ranks = order(np.zeros((200, 10)), np.random.default_rng(0))
    assert np.abs(ranks.mean(0) - 4.5).max() < 1


def test_a_removal_passes_by_the_paired_interval() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(50)
    lower, same = (
        removed("a", "deletion_auc", base - 0.01, base),
        removed("a", "deletion_auc", base, base),
    )
    assert lower.passed
    assert not same.passed
    assert not removed("a", "insertion_auc", base - 0.01, base).passed
    wide = removed("a", "deletion_auc", base - 0.01 + rng.normal(size=50), base)
    assert not wide.passed
