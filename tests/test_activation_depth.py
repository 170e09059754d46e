"""Are the depth trend, the concepts, the tuning and the feature visualisations the planted ones?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import holistic
import slow_activation as slow
from holistic.lenses._contract import Context
from holistic.lenses.activation import Activation
from holistic.lenses.activation._fields import measured_field, seen_boxes
from holistic.lenses.activation._stimuli import KINDS, oriented
from holistic.lenses.activation._untrained import compare
from holistic.lenses.activation.depth import depth_finding
from holistic.progress import silent
from holistic.report.figures import figures_of
from holistic.results.findings import Finding
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
    lens = Activation(**{"shuffles": 40, "controls": 19, "steps": 20, **changed})
    return {f.name: f for f in lens.run(subject, Context())}


@pytest.fixture(scope="module")
def edges() -> tuple[holistic.Subject, dict[str, Finding]]:
    subject = edged()
    return subject, found(subject)


@pytest.fixture(scope="module")
def labels() -> dict[str, Finding]:
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


def test_labels_for_planted_units_are_found(labels: dict[str, Finding]) -> None:
    table = labels["activation.concepts"].table
    for unit, concept in ((INK, "ink: high"), (LOOPS, "loops: high"), (CLASS, "class 1")):
        (row,) = table.where(unit=unit).rows()
        assert row["concept"] == concept
        assert row["f1"] > 0.9 > row["control_f1_hi"]
        assert row["q"] < 0.05
    (noise,) = table.where(unit=COPY).rows()
    assert noise["q"] > 0.05


def test_a_trend_that_is_built_in_is_found() -> None:
    finding = found(deepening(), controls=99)["activation.depth"]
    (row,) = finding.table.where(measure="auroc", site="all").rows()
    assert row["lo"] > 0.5
    assert row["control_hi"] < row["value"]
    assert row["p"] == row["q"] == pytest.approx(1 / 100)
    assert row["interval_over"] == "images"
    assert row["q"] < 0.05
    sites = finding.table.where(measure="auroc").rows()
    early, late = (r["value"] for r in sites if r["site"] != "all")
    assert late > early + 0.1


def test_nothing_is_found_in_networks_that_learned_nothing() -> None:
    """A network with random weights is one more copy: few trends, labels and tunings stand out."""
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
        findings = found(subject, controls=39, visualised=0)
        for name, column in (("depth", "q"), ("tuning", "q"), ("concepts", "learned_q")):
            q = findings[f"activation.{name}"].table.column(column)
            q = q[np.isfinite(q)]
            hits, tests = hits + int((q < 0.05).sum()), tests + len(q)
    assert tests > 400
    assert hits <= 0.05 * tests


def test_the_copies_differ_and_the_subject_is_left_alone() -> None:
    subject = drawn(60)
    weights = {k: v.clone() for k, v in subject.model.state_dict().items()}
    compared = compare(subject, Activation(controls=19), silent)
    control = compared.control("2", "auroc")
    assert control.shape == (19, 4)
    assert len({row.tobytes() for row in control}) == 19
    assert all(torch.equal(weights[k], v) for k, v in subject.model.state_dict().items())
    again = depth_finding(compared, measures=("auroc",), seed=0)
    assert again.table.data.equals(
        depth_finding(
            compare(subject, Activation(controls=19), silent), measures=("auroc",), seed=0
        ).table.data
    )


def test_visualisations_climb_to_the_planted_pattern(
    edges: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    finding = found(edges[0], steps=96, visualised=5)["activation.visualisations"]
    rows = list(finding.table.rows())
    assert len(rows) == 15
    assert all(r["value"] > 2 * r["start_value"] for r in rows)
    images = finding.arrays["activation.visualisations"]
    assert (images.shape, images.dtype) == ((15, 28, 28), np.uint8)
    # The pictures' lines lie as the filter's: their gradients point across them.
    for unit, angle in enumerate(ANGLES):
        shown = images[[r["picture"] for r in rows if r["unit"] == unit]].astype(np.float64)
        down, right = np.gradient(shown, axis=(1, 2))
        vector = -((right - 1j * down) ** 2).sum()  # of the lines, doubled
        away = np.rad2deg(np.angle(vector)) / 2 - angle
        assert abs((away + 90) % 180 - 90) < 10
    assert "made by optimisation" in finding.caveats[0]


def test_units_at_the_ends_of_their_range_are_saturated() -> None:
    table = found(squashed())["activation.units"].table.where(class_="all")
    assert list(table.column("saturated")) == [True, False]
    assert list(table.column("saturated_fraction")) == [1.0, 0.0]
    subject = drawn(60)
    assert np.isnan(found(subject)["activation.units"].table.column("saturated_fraction")).all()


@pytest.mark.parametrize(
    ("clip", "ends"),
    [
        (nn.ReLU6(), (-np.inf, 6.0)),
        (nn.Hardtanh(0.0, 2.0), (-np.inf, 2.0)),
        (nn.Hardtanh(-0.5, 0.5), (-0.5, 0.5)),
        (nn.Sigmoid(), (0.0, 1.0)),
    ],
)
def test_only_clipped_values_are_saturated_not_units_that_are_off(
    clip: nn.Module, ends: tuple[float, float]
) -> None:
    first = nn.Linear(1, 2)
    nn.init.ones_(first.weight)
    first.bias.data = torch.tensor([100.0, -100.0])
    model = nn.Sequential(first, clip, nn.Linear(2, 2))
    subject = holistic.Subject(model, (torch.randn(60, 1), torch.arange(60) % 2))
    (site,) = subject.hidden_sites
    assert site.ends == ends
    table = found(subject)["activation.units"].table.where(class_="all")
    assert list(table.column("saturated")) == [True, np.isfinite(ends[0])]


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
    lens = Activation(shuffles=20, controls=19, steps=2)
    audit = holistic.audit(subject, out=tmp_path / "run", lenses=[lens])
    for name, pictures in (("depth", 1), ("concepts", 1), ("tuning", 2), ("visualisations", 1)):
        finding = audit.finding(f"activation.{name}")
        drawn_ = list(figures_of(finding, audit))
        assert len(drawn_) == pictures
        assert all(uri.startswith("data:image/png") and text for uri, text in drawn_)


def test_p_is_the_share_of_untrained_units_as_large(labels: dict[str, Finding]) -> None:
    compared = compare(drawn(60), Activation(controls=19), silent)
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
    table = labels["activation.concepts"].table
    assert table.where(unit=CLASS).column("learned_p")[0] < 0.05
