import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import planted_mechanism as planted
import zoo
from holistic.errors import SettingError
from holistic.lenses._contract import Context, lens_class
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism._untrained import copies
from holistic.lenses.mechanism._values import (
    activations,
    class_indices,
    position_means,
    row_batches,
    sampled,
)
from holistic.lenses.mechanism.clusters import clusters
from holistic.lenses.mechanism.flow import flow, read_sites
from holistic.lenses.mechanism.pairs import pairs
from holistic.progress import silent
from holistic.stats.moments import Moments
from holistic.study.subject import Subject
from runs_mechanism import QUICK, convolutional, evaluated, found


@pytest.fixture(scope="module")
def small():
    return convolutional()


def test_the_control_is_the_untrained_copy():
    """Given a copy with a known answer, that answer is told as the control."""
    subject, _ = planted.clustered()
    equal = planted.reweighted(subject, np.full((25, 25), 1 / 25))
    told = found(subject, pairs, made=[equal]).statements[0]
    assert "1 randomly initialised controls have 300 and 300 (n = 300);" in told
    two = planted.reweighted(subject, np.eye(25) * (np.arange(25) < 2))
    for copy, k in ((subject, 3), (two, 1)):
        table = found(subject, clusters, made=[copy] * 20).table
        assert set(table.column("untrained_k")) == {k}
        if k == 3:
            own = table.column("few_silhouette")
            np.testing.assert_allclose(table.column("untrained_silhouette"), own, rtol=1e-12)
    telling = planted.telling()
    for copy, accuracy in ((telling, 1), (planted.telling(blind=True), 0.5)):
        reading = read_sites(telling, copy, settings=QUICK, progress=silent)
        _, hidden = flow(telling, reading).table.rows()
        assert hidden["untrained_accuracy"] == pytest.approx(accuracy, abs=0.1)
        assert hidden["trained_gain"] == 1 - hidden["untrained_accuracy"]
        assert hidden["trained_gain_lo"] <= hidden["trained_gain"] <= hidden["trained_gain_hi"]


@pytest.mark.parametrize("name", ["cnn", "data-dependent"])
def test_copies_are_those_that_are_drawn_one_by_one(name):
    """Weights are drawn again into one traced copy; another seed is another copy."""
    case = zoo.ZOO[name]
    subject = Subject(zoo.make(case), (case.images(24), torch.arange(24) % zoo.CLASSES))
    before = {n: v.clone() for n, v in subject.model.state_dict().items()}
    names = [site.name for site in subject.hidden_sites]
    images = subject.selection.images
    held = [
        {n: v.clone() for n, v in copy.capture(names, images).items()}
        for copy in (drawn.made() for drawn in copies(subject, settings=QUICK)[:3])
    ]
    for seed, values in enumerate(held):
        wanted = subject.untrained(subject.seed + seed).capture(names, images)
        assert all(torch.allclose(values[n], wanted[n], atol=1e-5) for n in names)
    assert not torch.allclose(held[0][names[-1]], held[1][names[-1]])
    after = subject.model.state_dict()
    assert all(torch.equal(before[n], after[n]) for n in before)


def test_samples_keep_every_class_in_its_share():
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    subject = planted.holding(np.ones((100, 2)), labels.numpy(), classes=3)
    sample = sampled(subject.evaluation, 20, seed=0)
    assert np.bincount(class_indices(sample)).tolist() == [12, 6, 2]
    assert (np.diff(sample.indices) > 0).all()
    np.testing.assert_array_equal(class_indices(sample), labels.numpy()[sample.indices])
    assert sampled(subject.evaluation, 50, seed=0) is subject.evaluation


def test_wide_sites_are_read_in_small_batches(small, monkeypatch):
    rows = np.arange(148)
    assert [len(b) for b in row_batches(small, ["1", "5"], rows)] == [148]
    monkeypatch.setattr("holistic.lenses.mechanism._values._NUMBERS", 7 * (5 * 64 + 6))
    assert [len(b) for b in row_batches(small, ["1", "5"], rows)] == [7] * 21 + [1]
    read = position_means(small, ["1", "5"], small.evaluation, rows[::-1].copy())
    np.testing.assert_allclose(read["1"], evaluated(small, "1")[0][::-1], atol=1e-6)
    assert found(small, pairs).table.column("n")[0] == 148


def test_units_are_means_over_positions(small):
    read = activations(small, ["1"], small.evaluation)["1"]
    values, labels = evaluated(small, "1")
    np.testing.assert_allclose(read.values, values, atol=1e-6)
    np.testing.assert_array_equal(read.labels, labels)
    assert Moments.of(read.values).constant().tolist() == [u == 2 for u in range(5)]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"threshold": 1.0}, "threshold must be a number from 0 to 0.999999, got 1.0"),
        ({"draws": 19}, "draws must be a whole number from 20 to 10000, got 19"),
        ({"probe_penalty": 0.0}, "probe_penalty must be above 0, to 1e.06, got 0"),
        ({"edge_units": 0}, "edge_units must be a whole number from 1 to 1000, got 0"),
        ({"controls": 19}, "controls must be a whole number from 20 to 10000"),
    ],
)
def test_wrong_settings_are_refused(changed, says):
    with pytest.raises(SettingError, match=says):
        Mechanism(**changed)


def test_every_setting_is_explained_and_checked():
    assert lens_class("mechanism") is Mechanism
    for field in dataclasses.fields(Mechanism):
        with pytest.raises(SettingError, match=field.name):
            Mechanism(**{field.name: -1})


@pytest.mark.parametrize("name", ["transformer", "residual in-place", "data-dependent"])
def test_the_lens_runs_on_the_zoo(name):
    case = zoo.ZOO[name]
    subject = Subject(zoo.make(case), (case.images(64), torch.arange(64) % zoo.CLASSES))
    told = []
    context = Context(progress=lambda task, done, total: told.append((task, done, total)))
    findings = list(QUICK.run(subject, context))
    assert [f.name for f in findings] == [
        f"mechanism.{n}" for n in ("pairs", "clusters", "flow", "paths", "edges")
    ]
    assert all(0 <= done <= total for _, done, total in told)
    assert len({task for task, _, _ in told}) == 5
    assert all(array.dtype == np.float32 for f in findings for array in f.arrays.values())
    assert all(s.endswith(".") for f in findings for s in f.statements + f.caveats)


def test_the_same_seed_gives_the_same_bytes(small):
    first, again = (list(QUICK.run(small, Context())) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.table.data.equals(other.table.data)
        assert (one.statements, one.caveats) == (other.statements, other.caveats)
        assert one.arrays.keys() == other.arrays.keys()
        for array in one.arrays:
            assert one.arrays[array].tobytes() == other.arrays[array].tobytes()


def test_importing_the_lens_is_cheap():
    code = "import sys, holistic.lenses.mechanism; print({'torch', 'sklearn'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


class Narrow(nn.Module):
    """Sites of one and of three units, one whose units never change, and one partly dead."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in ((6, 1), (6, 3), (6, 5), (6, 8)))
        self.last = nn.Linear(17, 4)
        with torch.no_grad():
            self.layers[2].bias.fill_(-100.0)
            self.layers[3].bias[:3] = -100.0

    def forward(self, x):
        x = x.flatten(1)
        return self.last(torch.cat([torch.relu(layer(x)) for layer in self.layers], 1))


@pytest.mark.parametrize("absent", [False, True])
def test_the_lens_runs_on_narrow_and_dead_sites_and_without_a_class(absent):
    torch.manual_seed(0)
    labels = torch.arange(90) % (3 if absent else 4)
    images = torch.randn(90, 1, 2, 3)
    subject = Subject(Narrow().eval(), (images, labels), classes=["a", "b", "c", "d"])
    by_name = {f.name: f for f in QUICK.run(subject, Context())}
    clustered = by_name["mechanism.clusters"].table
    assert len(clustered) == 17
    assert clustered.data["cluster"].null_count >= 9
    assert "too few units that vary" in by_name["mechanism.clusters"].statements[-1]
    assert set(clustered.where(site=clustered.column("site")[4]).column("k")) == {1}
    probed = by_name["mechanism.flow"].table
    assert np.isfinite(probed.column("selectivity_lo")).all()
    edged = by_name["mechanism.edges"].table
    if absent and len(edged):
        assert set(edged.where(class_="d").column("n")) == {0}
        assert edged.where(class_="d").data["lo"].null_count == len(edged.where(class_="d"))
