import numpy as np
import pytest
import torch
from scipy.stats import t
from torch import nn

import planted_mechanism as planted
import slow_mechanism as slow
import slow_stats
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism._values import class_indices, most_varying
from holistic.lenses.mechanism.edges import edges
from holistic.stats.means import Means
from holistic.study.subject import Subject
from runs_mechanism import convolutional, found


@pytest.fixture(scope="module")
def small():
    return convolutional()


def test_planted_edge():
    weight = -0.75
    subject, values, labels = planted.chained(weight=weight)
    finding = found(subject, edges)
    top = finding.table.where(kind="top")
    ends = set(zip(top.column("unit_a"), top.column("unit_b"), strict=True))
    assert ends == {(3, 1)}
    selection, evaluation = subject.selection_indices, subject.evaluation_indices
    mean = slow.class_balanced_mean(values[selection, None], labels[selection].tolist())[0]
    for row in top.rows():
        own = [
            weight * (mean - values[i])
            for i in evaluation
            if row["class"] in ("all", subject.classes[labels[i]])
        ]
        assert row["n"] == len(own)
        assert row["effect"] == pytest.approx(np.mean(own), abs=1e-4)
        assert row["size"] == pytest.approx(np.mean(np.square(own)) ** 0.5, rel=1e-4)
        assert row["lo"] < row["effect"] < row["hi"]
        assert row["spread"] == pytest.approx(0.75 * values[evaluation].std(ddof=1), rel=1e-4)
    assert abs(top.where(class_="all").column("effect")[0]) < 0.5
    assert top.where(class_="class D").column("effect")[0] > 0.75 * 3


def test_edges_that_are_not_there_are_zero():
    """With one unit in place of the top ones, the random edges are measured, and are nothing."""
    subject, values, _ = planted.chained()
    assert most_varying(values[:, None], 1).tolist() == [0]
    finding = found(subject, edges, Mechanism(edge_units=2))
    random = finding.table.where(kind="random")
    assert len(random) > 0
    assert 3 not in random.column("unit_a")
    assert (random.column("effect") == 0).all()
    for name in ("lo", "hi", "size_lo", "size_hi", "p", "q"):  # nothing varies: nothing is known
        assert random.data[name].null_count == len(random)
    assert any(f"{len(random)} of " in c and "no interval and no p" in c for c in finding.caveats)
    assert finding.statements[0].endswith("by 0, 95 % of them by less than 0.")
    assert "and for 0 of " in finding.statements[1]


def test_what_planted_edges_say():
    subject, _, _ = planted.chained()
    first, sure, ranked = found(subject, edges).statements
    assert first.startswith("The 1 largest edges on the selection split: replacing the first unit")
    assert "n = 100" in first
    assert sure == "The mean of some class changes (q < 0.05) for 1 of 1 of these."
    assert ranked.startswith("From site '2' to site '4' the edge that ranks first on the selection")
    assert "unit 3 to unit 1: without the one the other changes by +" in ranked


def test_units_that_hardly_ever_stir_receive_no_edge():
    """A unit that speaks on five examples may be silent on all others; it has a large effect."""
    subject, values, labels = planted.chained()
    images = torch.from_numpy(np.tile(values[:, None], 5)).float()[:, None, None]
    images[:, 0, 0, :4] = torch.rand(len(images), 4, generator=torch.Generator().manual_seed(1))
    rare = subject.selection_indices[:5]
    images[..., 4] = 0.0
    images[rare, ..., 4] = 50.0
    model = nn.Sequential(
        nn.Flatten(),
        planted.linear(np.eye(5)),
        nn.ReLU(),
        planted.linear(np.array([[1.0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]])),
        nn.ReLU(),
        planted.linear(np.ones((4, 3))),
    ).eval()
    finding = found(Subject(model, (images, torch.from_numpy(labels))), edges)
    assert set(finding.table.column("unit_b")) == {0, 1}


def test_words_say_when_significance_does_not_tell_the_largest_from_random():
    """Without the random ones, or with none of them significant, there is nothing to say."""
    dense = np.random.default_rng(0).normal(size=(6, 6)) + 2.0
    values = np.random.default_rng(1).normal(size=(400, 6)) + 3 + np.arange(400)[:, None] % 4
    images = torch.from_numpy(values).float()[:, None, None]
    model = nn.Sequential(
        nn.Flatten(),
        planted.linear(np.eye(6)),
        nn.ReLU(),
        planted.linear(dense),
        nn.ReLU(),
        planted.linear(np.ones((4, 6))),
    ).eval()
    subject = Subject(model, (images, torch.arange(400) % 4))
    asked = Mechanism(edge_units=3, edges=10)
    assert any("not significance but size" in s for s in found(subject, edges, asked).statements)
    quiet, _, _ = planted.chained()
    alone = found(quiet, edges, Mechanism(edge_units=2)).statements
    assert not any("not significance but size" in s for s in alone)


@pytest.fixture(scope="module")
def layered():
    """A model of plain layers, its subject, the finding, what site 2 holds, and its means."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 3)
    ).eval()
    subject = Subject(model, (torch.randn(120, 1, 3, 3), torch.arange(120) % 3))
    finding = found(subject, edges, Mechanism(edge_units=3, edges=10))
    chosen = subject.selection
    held = model[:3](chosen.images).detach().double().numpy()
    reference = torch.from_numpy(slow.class_balanced_mean(held, chosen.labels.tolist())).float()
    return model, subject, finding, held, reference


def test_edges_equal_plain_layers(layered):
    model, subject, finding, _, reference = layered
    images, own = subject.evaluation.images, class_indices(subject.evaluation)
    for row in finding.table.rows():
        changes = slow.edge_changes(model, (2, 4), row["unit_a"], reference, images)
        rows = np.ones(len(own), bool) if row["class"] == "all" else own == int(row["class"])
        change = changes[rows, row["unit_b"]]
        assert row["effect"] == pytest.approx(change.mean(), abs=1e-6)
        if bool(Means.of(change).rare):
            assert row["lo"] is row["size_lo"] is row["p"] is None
            continue
        error = change.std(ddof=1) / len(change) ** 0.5
        student = t.interval(0.95, len(change) - 1, change.mean(), error)
        ends = zip(student, slow_stats.hall_bounds(change.tolist(), 0.95), strict=True)
        wanted = [pick(pair) for pick, pair in zip((min, max), ends, strict=True)]
        assert [row["lo"], row["hi"]] == pytest.approx(wanted, rel=1e-3, abs=1e-6)
        bounds = slow.root_mean_square_bounds(change.tolist())
        assert [row["size_lo"], row["size_hi"]] == pytest.approx(bounds, rel=1e-3)
    assert set(finding.table.column("kind")) == {"top", "random"}
    assert len(finding.table) == 2 * 10 * 4


def test_edges_are_chosen_on_the_selection_split(layered):
    model, subject, finding, held, reference = layered
    images, labels = subject.selection.images, class_indices(subject.selection)
    spread = model[:5](images).detach().double().numpy().std(0, ddof=1)
    strength = {}
    for unit in most_varying(held, 3).tolist():
        changes = slow.edge_changes(model, (2, 4), unit, reference, images)
        for other in range(6):
            means = [abs(changes[labels == c, other].mean()) / spread[other] for c in range(3)]
            strength[unit, other] = max(means), means.index(max(means))
    largest = sorted(strength, key=lambda edge: strength[edge], reverse=True)[:10]
    top, random = (finding.table.where(kind=k) for k in ("top", "random"))
    assert set(zip(top.column("unit_a"), top.column("unit_b"), strict=True)) == set(largest)
    assert {unit for unit, _ in strength}.isdisjoint(random.column("unit_a"))
    unit, other = largest[0]
    assert f"is unit {unit} to unit {other}: without" in finding.statements[2]
    assert f"on class {strength[unit, other][1]} (n = 20;" in finding.statements[2]


def test_edges_of_a_class_are_ranked_on_the_selection_split(layered):
    model, subject, finding, _, reference = layered
    images, labels = subject.selection.images, class_indices(subject.selection)
    spread = model[:5](images).detach().double().numpy().std(0, ddof=1)
    top = finding.table.where(kind="top")
    for name in (*subject.classes, "all"):
        rows = list(top.where(class_=name).sort("rank").rows())
        assert [row["rank"] for row in rows] == list(range(1, 11))
        own = np.ones(len(labels), bool) if name == "all" else labels == int(name)
        sizes = list[float]()
        for row in rows:
            changes = slow.edge_changes(model, (2, 4), row["unit_a"], reference, images)
            sizes.append(abs(changes[own, row["unit_b"]].mean()) / spread[row["unit_b"]])
        assert np.diff(sizes).max() < 1e-6
    assert {row["rank"] for row in finding.table.where(kind="random").rows()} == {None}


def test_q_of_edges_is_over_the_rows_of_a_kind(small):
    table = found(small, edges, Mechanism(edge_units=2, edges=5)).table
    for kind in ("top", "random"):
        rows = list(table.where(kind=kind).rows())
        p, q = ([np.nan if r[name] is None else r[name] for r in rows] for name in ("p", "q"))
        np.testing.assert_allclose(q, slow_stats.benjamini_hochberg(p), rtol=1e-9)
        assert np.isfinite(q).any()


def test_a_single_hidden_site_has_no_edges():
    finding = found(planted.noise(), edges)
    assert len(finding.table) == 0
    assert "class" in finding.table.names
    assert finding.statements == ()
    assert any("single hidden site" in c for c in finding.caveats)


def test_sites_out_of_reach_have_no_edges():
    class Apart(nn.Module):
        """Two branches side by side."""

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)
            self.c, self.d = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            x = x.flatten(1)
            return self.c(torch.relu(self.a(x))) + self.d(torch.tanh(self.b(x)))

    torch.manual_seed(0)
    subject = Subject(Apart().eval(), (torch.randn(60, 1, 2, 2), torch.arange(60) % 3))
    finding = found(subject, edges)
    assert len(finding.table) == 0
    assert any("doesn't reach the second: site 'relu' to site 'tanh'" in c for c in finding.caveats)
