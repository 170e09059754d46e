"""Does the plane of the class means show what was planted, and what a twin by PCA says?"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

import planted_tracing as planted
from holistic.lenses.tracing._fitted_directions import Features
from holistic.lenses.tracing.geometry import class_plane, geometry
from holistic.study.subject import Subject

CLASSES, UNITS = 5, 12


def subject_of(classes: int) -> Subject:
    labels = np.arange(20 * classes) % classes
    values = np.random.default_rng(0).normal(size=(len(labels), 3))
    return planted.holding(values, labels, np.zeros((classes, 3)), np.zeros(classes))


def features(means: np.ndarray, noise: float, count: int = 600, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    labels, held = (np.arange(count) % len(means) for _ in range(2))
    values = [means[y] + noise * rng.normal(size=(count, means.shape[1])) for y in (labels, held)]
    return Features(values[0], values[1], labels, held)


def flat(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Class means on a plane through 12 axes: places `[C, 2]` and means `[C, U]`."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(UNITS, 2)))[0].T
    places = 5 * rng.normal(size=(CLASSES, 2))
    return places, places @ basis + rng.normal(size=UNITS)


def test_a_planted_plane_holds_the_classes_and_keeps_their_distances() -> None:
    places, means = flat()
    finding = geometry(subject_of(CLASSES), {"a": features(means, 0.3)})
    rows = list(finding.table.rows())
    assert rows[0]["share"] > 0.99
    assert rows[0]["lo"] <= rows[0]["share"] <= rows[0]["hi"]
    assert rows[0]["control_hi"] < rows[0]["lo"]
    assert rows[0]["p"] == rows[0]["q"] == pytest.approx(1 / 201)
    assert all(row["x_lo"] < row["x"] < row["x_hi"] for row in rows)
    assert all(row["y_lo"] < row["y"] < row["y_hi"] for row in rows)
    drawn = np.array([[row["x"], row["y"]] for row in rows])
    for a in range(CLASSES):
        for b in range(a):
            wanted = np.linalg.norm(places[a] - places[b])
            assert np.linalg.norm(drawn[a] - drawn[b]) == pytest.approx(wanted, abs=0.3)
    for row in rows:
        assert (row["spread_x"], row["spread_y"]) == pytest.approx((0.3, 0.3), abs=0.08)
        assert abs(row["tilt"]) < 0.3
        assert row["n"] == 120


def test_labels_that_mean_nothing_are_no_better_than_shuffled_ones() -> None:
    row = next(geometry(subject_of(4), {"a": features(np.zeros((4, UNITS)), 1.0)}).table.rows())
    assert row["control_lo"] <= row["share"] <= row["control_hi"]
    assert row["p"] > 0.02


def test_the_plane_equals_principal_components_of_the_class_means() -> None:
    known = features(np.random.default_rng(3).normal(size=(CLASSES, UNITS)), 0.5, seed=4)
    selection, evaluation = (
        np.array([values[labels == c].mean(0) for c in range(CLASSES)])
        for values, labels in (
            (known.selection, known.labels),
            (known.evaluation, known.evaluation_labels),
        )
    )
    twin = PCA(2).fit(selection)
    plane = class_plane(selection)
    np.testing.assert_allclose(np.abs(plane.axes @ twin.components_.T), np.eye(2), atol=1e-9)
    rows = list(geometry(subject_of(CLASSES), {"a": known}).table.rows())
    drawn = np.array([[row["x"], row["y"]] for row in rows])
    np.testing.assert_allclose(np.abs(drawn), np.abs(twin.transform(evaluation)), atol=1e-9)
    apart = evaluation - evaluation.mean(0)
    held = (((apart @ twin.components_.T) ** 2).sum()) / (apart**2).sum()
    assert rows[0]["share"] == pytest.approx(held, abs=0.02)
    assert rows[0]["lo"] <= rows[0]["share"] <= rows[0]["hi"]


def test_two_classes_lie_on_a_line_and_a_class_without_examples_has_no_place() -> None:
    rows = list(geometry(subject_of(2), {"a": features(np.eye(2, UNITS), 0.1)}).table.rows())
    assert [row["y"] for row in rows] == [0, 0]
    assert rows[0]["share"] > 0.9
    known = features(np.eye(3, UNITS), 0.1)
    kept = known.evaluation_labels != 1
    fewer = Features(
        known.selection, known.evaluation[kept], known.labels, known.evaluation_labels[kept]
    )
    named = geometry(subject_of(3), {"a": fewer}).table.column("class").tolist()
    assert named == ["0", "2"]


def test_the_evaluation_split_has_no_say_in_the_plane() -> None:
    _, means = flat()
    known = features(means, 0.3)
    moved = Features(known.selection, -known.evaluation, known.labels, known.evaluation_labels)
    first, second = (
        list(geometry(subject_of(CLASSES), {"a": f}).table.rows()) for f in (known, moved)
    )
    origin = class_plane(
        np.array([known.selection[known.labels == c].mean(0) for c in range(CLASSES)])
    )
    shift = origin.axes @ origin.origin
    for a, b in zip(first, second, strict=True):
        assert b["x"] == pytest.approx(-a["x"] - 2 * shift[0])


def test_sites_are_one_family_of_planes() -> None:
    _, means = flat()
    noise = np.zeros_like(means)
    sites = {"a": features(means, 0.3), **{name: features(noise, 1.0, seed=3) for name in "bcd"}}
    rows = {row["site"]: row for row in geometry(subject_of(CLASSES), sites).table.rows()}
    assert rows["a"]["q"] == pytest.approx(4 * rows["a"]["p"])
    assert all(rows[name]["q"] >= rows[name]["p"] > 0.05 for name in "bcd")
