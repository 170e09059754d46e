"""Is the largest set that can go together found, where we know it?"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.errors import SettingError, SiteError
from holistic.replacing.harm import unit_harms
from holistic.replacing.pruned import Pruned
from holistic.replacing.together import Together, Units
from holistic.results.tables import Table
from planted_ablation import CLASSES, one_hot_images, spare_pairs
from slow import hooked_logits
from slow_stats import tango
from test_asking import random_subject

USELESS = 5


@pytest.fixture(scope="module")
def spare() -> holistic.Subject:
    return holistic.Subject(spare_pairs(USELESS).eval(), one_hot_images())


def test_all_useless_units_and_one_of_each_pair_go(spare: holistic.Subject) -> None:
    found = holistic.removable(spare, sites="1", edit="zero")
    units = set(found.units["1"])
    assert units >= set(range(2 * CLASSES, 2 * CLASSES + USELESS))
    assert [len(units & {2 * c, 2 * c + 1}) for c in range(CLASSES)] == [1] * CLASSES
    rows = {row["chosen"]: row for row in found.table.rows()}
    assert list(rows) == ["together", "one by one", "weights", "activations"]
    assert {row["removed"] for row in rows.values()} == {USELESS + CLASSES}
    assert rows["together"]["drop"] == 0.0
    assert rows["together"]["p"] < 0.05
    # what is needed by itself is the same for all; the useless ones have the largest weights
    assert rows["one by one"]["drop"] >= 0.25
    assert rows["weights"]["drop"] >= 0.5
    assert 0.2 < rows["together"]["control_drop"] < 0.6
    assert rows["together"]["n"] == len(spare.evaluation)
    assert spare.predict(edits=found.edits).argmax(1).equal(spare.evaluation.labels)
    assert repr(found).startswith(f"{USELESS + CLASSES} units can go together: 9 of '1'")
    assert found.order.column("place").tolist() == list(range(9))


def test_gradients_alone_find_the_useless_ones(
    spare: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.replacing.harm._BUDGET", 0.0)
    found = holistic.removable(spare, sites="1", edit="zero")
    assert set(found.units["1"]) >= set(range(2 * CLASSES, 2 * CLASSES + USELESS))
    assert found.table.column("drop")[0] == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_the_set_keeps_its_promise_and_no_single_unit_more_fits(seed: int) -> None:
    subject = random_subject(seed)
    loss = 0.11
    found = holistic.removable(subject, loss, edit="zero")
    some, gone = subject.selection, set(found.units.get("1", ()))

    def lost(units: set[int], examples: object) -> tuple[int, int]:
        right = subject.predict(examples.images).argmax(1) == examples.labels  # pyright: ignore
        axis = subject.site("1").unit_axis + 1
        places = torch.tensor(sorted(units), dtype=torch.long)
        after = hooked_logits(subject.model, examples.images, "1", 1,  # pyright: ignore
                              lambda v: v.index_fill(axis, places, 0.0))  # fmt: skip
        now = after.argmax(1) == examples.labels  # pyright: ignore
        return int((right & ~now).sum()), int((~right & now).sum())

    a, b = lost(gone, some)
    assert (a - b) / len(some) <= loss
    left = set(range(subject.site("1").units)) - gone
    for unit in left:
        a, b = lost(gone | {unit}, some)
        assert (a - b) / len(some) > loss
    # as many as the best of all sets, or one less: the order is greedy
    best = max(
        k
        for k in range(len(left | gone) + 1)
        for chosen in combinations(range(subject.site("1").units), k)
        for a, b in [lost(set(chosen), some)]
        if (a - b) / len(some) <= loss
    )
    assert best - 1 <= len(gone) <= best
    if gone:
        (row,) = found.table.where(chosen="together").rows()
        a, b = lost(gone, subject.evaluation)
        low, high = tango(a, b, len(subject.evaluation))
        got = [row["drop"], row["lo"], row["hi"]]
        np.testing.assert_allclose(got, [(a - b) / row["n"], -high, -low], atol=1e-6)


def test_harms_of_replays_equal_loops_and_gradients_come_near() -> None:
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)
    ).eval()
    subject = holistic.Subject(model, (torch.randn(60, 5), torch.arange(60) % 3))
    units = Units.of(subject.hidden_sites)
    together = Together(subject, holistic.Mean, subject.selection)
    gone = np.array([1, 7])  # unit 1 of the first site, unit 1 of the second
    harms = unit_harms(together, units, gone)
    some = subject.selection
    edits = [holistic.Mean("1", units=[1]), holistic.Mean("3", units=[1])]
    margins = subject.score_of(subject.predict(some.images), some.labels)

    def smooth(edits: list[holistic.Edit]) -> float:
        logits = subject.predict(some.images, edits)
        scaled = subject.score_of(logits, some.labels).double() / float(margins.abs().median())
        return float(torch.sigmoid(scaled).mean())

    for place, (site, unit) in enumerate(
        [("1", u) for u in range(6)] + [("3", u) for u in range(4)]
    ):
        if place in gone:
            assert harms[place] == np.inf
            continue
        more = holistic.Mean(site, units=[unit])
        np.testing.assert_allclose(harms[place], smooth(edits) - smooth([*edits, more]), atol=1e-6)


def test_two_sites_and_the_whole_network() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 2))
    subject = holistic.Subject(model.eval(), (torch.rand(40, 4), torch.arange(40) % 2))
    found = holistic.removable(subject, 1.0)
    assert {site: len(units) for site, units in found.units.items()} == {"1": 6, "3": 3}
    # of a whole network there is no other set to compare with
    assert found.table.column("sets").tolist() == [0] * len(found.table)
    assert np.isnan(found.table.column("p")).all()


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ({"loss": 2}, SettingError, "loss must be a number from 0 to 1, got 2"),
        ({"edit": "nope"}, SettingError, "no edit 'nope'"),
        ({"sites": "nope"}, SiteError, "no site 'nope'"),
    ],
)
def test_mistakes_are_told(spare: holistic.Subject, more: dict, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words):
        holistic.removable(spare, **more)


def test_where_nothing_can_go_it_says_so() -> None:
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 4, bias=False))
    model[0].weight.data = model[2].weight.data = torch.eye(4)
    found = holistic.removable(holistic.Subject(model.eval(), one_hot_images()), edit="zero")
    assert found.edits == ()
    assert len(found.table) == len(found.order) == 0
    assert repr(found).startswith("0 units can go together: none")
    assert found.statements == ("No unit can go at so little a loss.",)


@pytest.mark.parametrize(("hi", "lo"), [(0.07, 0.009), (0.07, 0.02)])
def test_a_loss_that_is_larger_than_allowed_is_said_first(
    spare: holistic.Subject, hi: float, lo: float
) -> None:
    kept = holistic.removable(spare, sites="1", edit="zero")
    assert len(kept.statements) == 1
    assert kept.statements[0].startswith("Without the 9 units together accuracy falls by 0.0 ")
    rows = list(kept.table.rows(Pruned))
    drop = replace(rows[0].drop, value=0.037, lo=lo, hi=hi)
    broken = replace(kept, table=Table.from_rows(Pruned, [replace(rows[0], drop=drop), *rows[1:]]))
    sure = "surely " if lo > 0.01 else ""
    warned = (
        f"The evaluation split {sure}loses more than the 1 point asked for: 3.7 points "
        f"[{100 * lo:.1f}, 7.0]"
    )
    assert repr(broken).startswith(warned)
    assert repr(broken).splitlines()[1].startswith("9 units can go together")
    assert broken.statements[0].startswith(warned)
    assert "as many random ones" in broken.statements[1]
