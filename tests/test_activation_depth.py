"""Are the depth trend, the concepts, the tuning and the synthetic inputs the planted ones?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from torch import nn

import holistic
import slow_activation as slow
from holistic.findings import Finding
from holistic.lens import Context
from holistic.lenses.activation import Activation
from holistic.lenses.activation.concepts import (
    PROPERTIES,
    best_thresholds,
    correlations,
    match,
    properties,
)
from holistic.lenses.activation.copies import compare
from holistic.lenses.activation.depth import depth_finding
from holistic.lenses.activation.detection import detect
from holistic.lenses.activation.fields import measured_field, seen_boxes
from holistic.lenses.activation.reading import Reading
from holistic.lenses.activation.stimuli import KINDS, Stimuli, oriented
from holistic.lenses.activation.survey import separation
from holistic.lenses.activation.synthetic import alike
from holistic.lenses.activation.tuning import tuned
from holistic.progress import silent
from holistic.report.figures import figures_of
from holistic.stats.intervals import mean_difference
from holistic.stats.moments import Moments
from planted_activation import (
    ANGLES,
    CLASS,
    COPY,
    INK,
    LOOPS,
    deepening,
    drawn,
    edged,
    squashed,
)
from zoo import ZOO, make


def found(subject: holistic.Subject, **changed: object) -> dict[str, Finding]:
    lens = Activation(**{"shuffles": 40, "copies": 19, "steps": 20, **changed})
    return {f.name: f for f in lens.run(subject, Context())}


@pytest.fixture(scope="module")
def edges() -> tuple[holistic.Subject, dict[str, Finding]]:
    subject = edged()
    return subject, found(subject)


@pytest.fixture(scope="module")
def words() -> dict[str, Finding]:
    return found(drawn(), shuffles=200)


def test_the_orientation_of_every_edge_detector_is_found(
    edges: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    table = edges[1]["activation.tuning"].table
    for unit, angle in enumerate(ANGLES):
        for kind in ("grating", "edge"):
            (row,) = table.where(site="1", unit=unit, stimulus=kind).rows()
            away = (row["orientation"] - angle + 90) % 180 - 90
            assert abs(away) < 5, (unit, kind, row)
            assert row["lo"] <= row["orientation"] <= row["hi"]
            assert row["orientation_index"] > 0.2
    sharp = table.where(site="1", stimulus="grating").column("tuning")
    assert sharp[: len(ANGLES)].min() > 3 * sharp[-1]


def test_tuning_equals_its_definition_in_loops() -> None:
    rng = np.random.default_rng(0)
    degrees = np.arange(6) * 30.0
    shown = Stimuli("grating", degrees, np.array([2.0, 4.0]), 4, torch.zeros(48, 1))
    responses = rng.random((48, 5)) + 0.2
    measured = tuned(responses, shown, np.zeros(5), seed=0)
    by = responses.reshape(6, 2, 4, 5)
    for unit in range(5):
        chosen = max(range(2), key=lambda f: by[:, f, :2, unit].mean(1).max())
        curve = [slow.mean(list(by[o, chosen, 2:, unit])) for o in range(6)]
        sharpness, angle = slow.circular(curve, list(degrees))
        np.testing.assert_allclose(measured.tuning[unit], sharpness)
        np.testing.assert_allclose(measured.orientation[unit], angle)
        best = int(by[:, chosen, :2, unit].mean(1).argmax())
        ends = curve[best], curve[(best + 3) % 6]
        np.testing.assert_allclose(measured.index[unit], (ends[0] - ends[1]) / sum(ends))
        assert measured.frequency[unit] == (2.0, 4.0)[chosen]


def test_a_trace_of_a_response_is_not_tuning() -> None:
    shown = Stimuli("bar", np.arange(4) * 45.0, np.array([np.nan]), 2, torch.zeros(8, 1))
    responses = np.zeros((8, 2))
    responses[:2] = 0.01
    measured = tuned(responses, shown, np.array([1.0, 0.01]), seed=0)
    assert np.isnan(measured.tuning[0])
    np.testing.assert_allclose(measured.tuning[1], 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_stimuli_have_their_orientation(kind: str) -> None:
    """The spectrum of each picture's gradient lies across its lines."""
    images = torch.zeros(2, 1, 28, 28)
    images[1] = 1
    shown = oriented(images, kind, seed=0)
    assert float(shown.images.min()) >= 0
    assert float(shown.images.max()) <= 1
    drawn_ = shown.images[:, 0].double().numpy() - 0.5
    power = np.abs(np.fft.fft2(drawn_)) ** 2
    power[:, 0, 0] = 0
    rise, run = np.meshgrid(-np.fft.fftfreq(28), np.fft.fftfreq(28), indexing="ij")
    angle = 2 * (np.arctan2(rise, run) + np.pi / 2)  # of the lines, doubled
    power *= rise**2 + run**2  # of the gradient: low frequencies have few angles on the grid
    vector = (power * np.exp(1j * angle)).sum((1, 2)).reshape(12, -1).sum(1)
    away = np.rad2deg(np.angle(vector)) / 2 - shown.orientations
    assert np.abs((away + 90) % 180 - 90).max() < 3


def test_the_box_is_what_moves_the_unit(
    edges: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = edges
    field = measured_field(subject, subject.site("1"))
    assert field is not None
    assert (field.box[2:], field.stride) == ((7, 7), (1.0, 1.0))
    rows = findings["activation.examples"].table.where(site="1", kind="top")
    inner = [r for r in rows.rows() if r["height"] == r["width"] == 7]
    assert inner
    for row in inner[:5]:
        value = subject.capture(["1"], subject.images[[row["example"]]])["1"]
        peak = int(value[0, ..., row["unit"]].argmax())
        assert (row["top_edge"] + 3, row["left_edge"] + 3) == divmod(peak, 28)


def test_boxes_of_strided_layers_equal_perturbation() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3),
    ).eval()  # fmt: skip
    images = torch.randn(12, 1, 16, 16)
    subject = holistic.Subject(model, (images, torch.arange(12) % 3))
    site = subject.site("4")
    for place in ((0, 0), (3, 4), (7, 2)):
        touched = {p for image in images[:6] for p in slow.seen_by(model, "4", image, place)}
        rows, columns = zip(*touched, strict=True)
        box = seen_boxes(subject, site, np.array([place[0] * 8 + place[1]]))[0]
        expected = (
            min(rows),
            min(columns),
            max(rows) - min(rows) + 1,
            max(columns) - min(columns) + 1,
        )
        assert tuple(box) == expected


def test_words_for_planted_units_are_found(words: dict[str, Finding]) -> None:
    table = words["activation.concepts"].table
    for unit, concept in ((INK, "ink: high"), (LOOPS, "loops: high"), (CLASS, "class 1")):
        (row,) = table.where(unit=unit).rows()
        assert row["concept"] == concept
        assert row["f1"] > 0.9 > row["control_f1_hi"]
        assert row["q"] < 0.05
    (noise,) = table.where(unit=COPY).rows()
    assert noise["q"] > 0.05


def test_shapes_are_measured() -> None:
    picture = np.zeros((20, 20), np.float32)
    picture[3:15, 5:13] = 1
    picture[6:9, 7:10] = 0
    picture[17:19, 17:19] = 1
    measured = properties(torch.from_numpy(picture)[None, None])
    assert measured is not None
    by = dict(zip(PROPERTIES, measured[0], strict=True))
    assert (by["loops"], by["pieces"], by["height"], by["width"]) == (1, 2, 16, 14)
    np.testing.assert_allclose(by["ink"], picture.mean())
    inverse = properties(torch.from_numpy(1 - picture)[None, None])
    assert inverse is not None
    np.testing.assert_allclose(inverse, measured)
    bar = np.zeros((20, 20), np.float32)
    for row in range(4, 16):
        bar[row, 10 + (10 - row) // 2 : 13 + (10 - row) // 2] = 1  # leans to the right
    leaning = properties(torch.from_numpy(bar)[None, None])
    assert leaning is not None
    assert 15 < leaning[0][PROPERTIES.index("slant")] < 40
    assert 2 <= leaning[0][PROPERTIES.index("stroke width")] <= 5


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_matches_equal_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 5, (20, 3)).astype(np.float64) for _ in range(2)]
    present = [rng.random((20, 4)) < 0.4 for _ in range(2)]
    for p in present:
        p[0], p[1] = True, False
    for side in values:
        side[0], side[1] = 0.0, 1.0
    with np.errstate(all="raise"):
        one = match((values[0], present[0]), (values[1], present[1]), shuffles=30, seed=0)
    for unit in range(3):
        x, y = list(values[0][:, unit]), list(values[1][:, unit])
        r = [slow.correlation(x, [float(b) for b in present[0][:, k]]) for k in range(4)]
        k = int(one.concept[unit])
        assert r[k] == pytest.approx(max(r))
        best = max(slow.f1_iou(x, list(present[0][:, k]), t)[0] for t in set(x))
        assert slow.f1_iou(x, list(present[0][:, k]), one.threshold[unit])[0] == pytest.approx(best)
        truth = list(present[1][:, k])
        f1, iou = slow.f1_iou(y, truth, one.threshold[unit])
        assert (one.f1[unit], one.iou[unit]) == pytest.approx((f1, iou))
        assert one.precision[unit] == pytest.approx(slow.average_precision(y, truth))


def test_shuffled_words_are_not_found() -> None:
    """Units of noise: the p of the chosen word is uniform or larger."""
    rng = np.random.default_rng(0)
    sides = [(rng.normal(size=(200, 300)), rng.random((200, 6)) < 0.3) for _ in range(2)]
    p = match(sides[0], sides[1], shuffles=99, seed=0).p
    assert 0.01 < (p <= 0.05).mean() < 0.1


def test_correlations_of_constant_units_are_missing() -> None:
    present = np.array([[True], [False], [True]])
    assert np.isnan(correlations(np.full((3, 1), 7.0), present)).all()
    assert best_thresholds(np.array([[2.0], [1.0], [2.0]]), present[:, 0]) == 2.0


def test_a_trend_that_is_built_in_is_found() -> None:
    finding = found(deepening(), copies=99)["activation.depth"]
    (row,) = finding.table.where(measure="auroc", site="all").rows()
    assert row["lo"] > 0.5
    assert row["control_hi"] < row["value"]
    assert row["p"] == pytest.approx(2 / 100)
    assert row["q"] < 0.05
    sites = finding.table.where(measure="auroc").rows()
    early, late = (r["value"] for r in sites if r["site"] != "all")
    assert late > early + 0.1


def test_nothing_is_found_in_networks_that_learned_nothing() -> None:
    """A network with random weights is one more copy: few trends, words and tunings stand out."""
    hits, tests = 0, 0
    for seed in range(4):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(144, 30), nn.ReLU(), nn.Linear(30, 20), nn.ReLU(),
            nn.Linear(20, 3),
        ).eval()  # fmt: skip
        images = torch.rand(150, 1, 12, 12, generator=torch.Generator().manual_seed(seed))
        images[::3, :, :6] += 1
        images[1::3, :, :, :6] += 1
        subject = holistic.Subject(model, (images, torch.arange(150) % 3), seed=seed)
        findings = found(subject, copies=39, synthesised=0)
        for name, column in (("depth", "q"), ("tuning", "q"), ("concepts", "learned_q")):
            q = findings[f"activation.{name}"].table.column(column)
            q = q[np.isfinite(q)]
            hits, tests = hits + int((q < 0.05).sum()), tests + len(q)
    assert tests > 400
    assert hits <= 0.05 * tests


def test_the_copies_differ_and_the_subject_is_left_alone() -> None:
    subject = drawn(60)
    weights = {k: v.clone() for k, v in subject.model.state_dict().items()}
    compared = compare(subject, Activation(copies=19), silent)
    control = compared.control("2", "auroc")
    assert control.shape == (19, 4)
    assert len({row.tobytes() for row in control}) == 19
    assert all(torch.equal(weights[k], v) for k, v in subject.model.state_dict().items())
    again = depth_finding(compared, measures=("auroc",), seed=0)
    assert again.table.data.equals(
        depth_finding(
            compare(subject, Activation(copies=19), silent), measures=("auroc",), seed=0
        ).table.data
    )


def test_synthetic_inputs_climb_to_the_planted_pattern(
    edges: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    finding = found(edges[0], steps=96, synthesised=5)["activation.synthetic"]
    rows = list(finding.table.rows())
    assert len(rows) == 15
    assert all(r["value"] > 2 * r["start_value"] for r in rows)
    images = finding.arrays["activation.synthetic"]
    assert (images.shape, images.dtype) == ((15, 28, 28), np.uint8)
    # The pictures' lines lie as the filter's: their gradients point across them.
    for unit, angle in enumerate(ANGLES):
        shown = images[[r["picture"] for r in rows if r["unit"] == unit]].astype(np.float64)
        down, right = np.gradient(shown, axis=(1, 2))
        vector = -((right - 1j * down) ** 2).sum()  # of the lines, doubled
        away = np.rad2deg(np.angle(vector)) / 2 - angle
        assert abs((away + 90) % 180 - 90) < 10
    assert "synthetic" in finding.caveats[0]


def test_alike_is_the_mean_correlation() -> None:
    rng = np.random.default_rng(0)
    pixels, units = rng.normal(size=(5, 8)), np.array([1, 1, 2, 2, 2])
    own, others = alike(pixels, units)
    r = np.corrcoef(pixels)
    np.testing.assert_allclose(
        own,
        [r[0, 1], r[1, 0], *((r[i, [j for j in (2, 3, 4) if j != i]].mean()) for i in (2, 3, 4))],
    )
    np.testing.assert_allclose(others[0], r[0, 2:].mean())


def test_units_at_the_ends_of_their_range_are_saturated() -> None:
    table = found(squashed())["activation.units"].table.where(class_="all")
    assert list(table.column("saturated")) == [True, False]
    assert list(table.column("saturated_fraction")) == [1.0, 0.0]
    subject = drawn(60)
    assert np.isnan(found(subject)["activation.units"].table.column("saturated_fraction")).all()


def test_precision_separation_and_margin_equal_plain_loops() -> None:
    rng = np.random.default_rng(1)
    values, labels = rng.integers(0, 6, (40, 3)).astype(np.float64), np.arange(40) % 3
    moments, precision = Moments.of(values, labels, 3), detect(values, labels, 3).precision
    for c in range(3):
        for unit in range(3):
            inside = list(values[labels == c, unit])
            outside = list(values[labels != c, unit])
            expected = slow.average_precision(list(values[:, unit]), list(labels == c))
            np.testing.assert_allclose(precision[c, unit], expected)
            gap = slow.d_prime(inside, outside)
            np.testing.assert_allclose(separation(moments)[c, unit], gap)
    sides = [(moments.count[c], moments.mean[c], moments.m2[c]) for c in (0, 1)]
    gap, lo, hi = mean_difference(*sides)
    welch = ttest_ind(values[labels == 0], values[labels == 1], equal_var=False)
    interval = welch.confidence_interval()
    np.testing.assert_allclose(
        (gap, lo, hi),
        (values[labels == 0].mean(0) - values[labels == 1].mean(0), interval.low, interval.high),
    )


@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from(["mean", "max"]))
@settings(deadline=None, max_examples=40)
def test_batches_order_and_merging_change_nothing(seed: int, parts: int, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    value = torch.from_numpy(rng.normal(1e3, 1, (23, 2, 2, 3)))
    labels, ids = torch.from_numpy(rng.integers(0, 3, 23)), np.arange(23) * 2
    how = {"reduction": reduction, "keep": True}
    whole = Reading.empty(3, 3, (999.0, 1001.0)).update(value, labels, ids, **how)
    joined = Reading.empty(3, 3, (999.0, 1001.0))
    for rows in np.array_split(rng.permutation(23), parts):
        other = Reading.empty(3, 3, (999.0, 1001.0))
        for batch in np.array_split(rows, 2):
            if len(batch):
                other.update(value[batch], labels[batch], ids[batch], **how)
        joined.merge(other)
    for name in ("mean", "std"):
        np.testing.assert_allclose(
            getattr(joined.moments, name), getattr(whole.moments, name), rtol=1e-10
        )
    np.testing.assert_allclose(joined.above, whole.above, rtol=1e-10)
    np.testing.assert_allclose(joined.saturated, whole.saturated, rtol=1e-10, atol=1e-12)
    assert np.array_equal(joined.lowest, whole.lowest)
    for name in ("ids", "labels", "values", "peaks"):
        assert np.array_equal(getattr(joined.rows(), name), getattr(whole.rows(), name))


@pytest.mark.parametrize("name", ["transformer", "encoder layer", "data-dependent", "lstm"])
def test_any_architecture_and_input(name: str) -> None:
    case = ZOO[name]
    subject = holistic.Subject(make(case), (case.images(60), torch.arange(60) % 4))
    findings = found(subject)
    assert {"activation.depth", "activation.concepts"} <= set(findings)
    assert all("nan" not in s for f in findings.values() for s in f.statements)


def test_the_new_findings_are_drawn(
    edges: tuple[holistic.Subject, dict[str, Finding]], tmp_path: Path
) -> None:
    subject = edges[0]
    lens = Activation(shuffles=20, copies=19, steps=2)
    audit = holistic.audit(subject, out=tmp_path / "run", lenses=[lens])
    for name, pictures in (("depth", 1), ("concepts", 1), ("tuning", 2), ("synthetic", 1)):
        finding = audit.finding(f"activation.{name}")
        drawn_ = list(figures_of(finding, audit))
        assert len(drawn_) == pictures
        assert all(uri.startswith("data:image/png") and text for uri, text in drawn_)


def test_p_is_the_share_of_untrained_units_as_large(words: dict[str, Finding]) -> None:
    compared = compare(drawn(60), Activation(copies=19), silent)
    for measure in ("auroc", "concept", "tuning edge"):
        own = compared.measures["2"][measure]
        control = compared.control("2", measure).ravel()
        control = control[np.isfinite(control)]
        p = compared.p_of("2", measure, own)
        for value, got in zip(own, p, strict=True):
            if np.isnan(value):
                assert np.isnan(got)
            else:
                expected = (1 + sum(c >= value - 1e-12 for c in control)) / (1 + len(control))
                assert got == pytest.approx(expected)
    table = words["activation.concepts"].table
    assert table.where(unit=CLASS).column("learned_p")[0] < 0.05
