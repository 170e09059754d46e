import dataclasses

import numpy as np
import pytest

import planted_mechanism as planted
import slow_mechanism as slow
from holistic.lenses.mechanism import Mechanism, _close_pairs, _tiles, _unit_file
from holistic.lenses.mechanism._columns import columns_of
from holistic.lenses.mechanism._many import many
from holistic.lenses.mechanism._untrained import copies, copies_of
from holistic.lenses.mechanism.briefs import pairs as brief
from holistic.lenses.mechanism.opening import lists_some
from holistic.lenses.mechanism.pairs import pairs
from holistic.progress import silent
from runs_mechanism import evaluated, found

FEW = Mechanism(shuffles=2, listed_units=20, partners=3, threshold=0.3)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """Cut into many tiles, chunks and groups what would be one of each."""
    monkeypatch.setattr(_tiles, "_WIDTH", 16)
    monkeypatch.setattr(_tiles, "_GATHERED", 5)
    monkeypatch.setattr(_tiles, "_WAITING", 40)
    monkeypatch.setattr(_unit_file, "_NUMBERS", 1 << 12)
    monkeypatch.setattr(_close_pairs, "_NUMBERS", 1 << 12)


def related(units=70, examples=600, classes=4, seed=0, noise=1.5):
    """Units that share what they hold, some of it with the class; a dead and a rare one."""
    rng = np.random.default_rng(seed)
    labels = planted.balanced(examples, classes)
    hidden = rng.normal(size=(examples, 6)) + 2 * rng.normal(size=(classes, 6))[labels]
    values = hidden @ rng.normal(size=(6, units)) + noise * rng.normal(size=(examples, units))
    return values, labels


def studied(values, labels):
    return planted.holding(values, labels, classes=int(max(labels)) + 1)


def closest(subject, lens):
    columns = columns_of(subject, lens.most_units)
    return many(subject, columns, settings=lens, progress=silent)


@pytest.mark.parametrize("few", [0, 1 << 20])
@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.6])
def test_counts_and_closest_pairs_equal_their_twin(monkeypatch, few, threshold):
    """Whether pairs that are close to the threshold are computed alone, or with their tile."""
    monkeypatch.setattr(_tiles, "_FEW", few)
    subject = studied(*related())
    lens = dataclasses.replace(FEW, threshold=threshold)
    told = closest(subject, lens)
    values, labels = evaluated(subject, subject.hidden_sites[0].name)
    counts, kept = slow.closest_pairs(values, labels.tolist(), threshold, lens.partners)
    raw, within = told.found.counts, told.found.counts_within
    assert (raw.total, raw.negative, within.total) == counts
    assert raw.inside == raw.total > 0
    assert {*zip(told.found.a.tolist(), told.found.b.tolist(), strict=True)} == kept
    assert told.tested == 70 * 69 // 2


def test_of_pairs_that_tie_those_with_the_first_units_are_kept():
    values, labels = related(units=8)
    subject = studied(np.repeat(values, 7, axis=1), labels)
    told = closest(subject, FEW)
    pairs = {*zip(told.found.a.tolist(), told.found.b.tolist(), strict=True)}
    for group in range(8):
        own = {(a - 7 * group, b - 7 * group) for a, b in pairs if a // 7 == group == b // 7}
        wanted = {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
        assert own == wanted | {(a, b) for a in range(3) for b in (4, 5, 6)}
    assert told.found.counts.total >= 8 * 21


def test_counts_hold_where_single_precision_would_put_pairs_on_the_wrong_side(monkeypatch):
    """Pairs that correlate by the threshold give or take 1e-9, of units with closer partners."""
    monkeypatch.setattr(_tiles, "_WAITING", 0)
    rng = np.random.default_rng(3)
    n, threshold = 400, 0.5
    base = np.linalg.qr(np.column_stack([np.ones(n), rng.normal(size=(n, 61))]))[0][:, 1:]
    gaps = np.where(np.arange(60) % 3 > 0, 1e-9, -1e-9)
    r = threshold + gaps
    values = base[:, :1] * r + base[:, 1:] * np.sqrt(1 - r**2)

    class Held:
        """What `Columns.batches` gives."""

        @staticmethod
        def batches(*_):
            both = np.repeat(np.column_stack([base[:, :1], values]), 2, axis=1)
            yield both[:150], np.zeros(150, int)
            yield both[150:], np.zeros(n - 150, int)

    subject = type("One", (), {"classes": ["a"], "seed": 0})
    with _unit_file.UnitFile(122) as file:
        parts = _unit_file.standardised_file(subject, Held, None, file)
        count = [
            _tiles.correlated(
                parts, np.zeros(122, int), threshold=t, partners=1, progress=silent
            ).counts.total
            for t in (threshold, threshold - 1e-8)
        ]
    assert count == [61 + 4 * 40, 61 + 4 * 60]


def test_measures_of_many_are_those_of_few():
    values, labels = related(noise=3)
    values[:, 5] = 1  # dead
    values[:, 6] = (np.arange(len(values)) == 7) * 3.0  # rare, or dead on the split
    values[:, 7] = labels  # nothing within classes
    subject = studied(values, labels)
    all_listed = found(subject, pairs, dataclasses.replace(FEW, listed_units=100))
    some = found(subject, pairs, dataclasses.replace(FEW, partners=100))
    assert len(all_listed.table) == len(some.table) > 100
    assert all_listed.arrays
    assert not some.arrays
    for name in all_listed.table.names:
        one, other = (f.table.column(name) for f in (all_listed, some))
        if name.startswith("control"):
            continue
        if name.endswith("q"):
            known = np.isfinite(one)
            assert (known == np.isfinite(other)).all()
            assert (other >= one - 1e-12)[known].all()  # what isn't listed counts as no evidence
        elif one.dtype.kind in "fi":
            np.testing.assert_allclose(other, one, rtol=1e-7, atol=1e-10)
        else:
            assert (one == other).all()
    first = [f.statements[0].split(" randomly")[0].rsplit(".", 1)[0] for f in (all_listed, some)]
    assert first[0] == first[1]
    own, other = ({c for c in f.caveats if "left out" in c} for f in (all_listed, some))
    assert own == other != set()


def test_what_is_listed_of_many_is_told():
    subject = studied(*related())
    finding = found(subject, pairs, FEW)
    assert lists_some(finding)
    above = closest(subject, FEW).found.above
    last = f"{above:,} pairs lie above the threshold; {len(finding.table):,}, up to 3 of the "
    assert finding.caveats[-1].startswith(last)
    assert finding.statements[2].startswith("Of the ")
    audit = type("Audit", (), {"provenance": {"settings": {"mechanism": {"threshold": 0.3}}}})
    assert brief(finding, audit).startswith("At least ")


def test_controls_of_many_are_read_at_units_drawn_at_random_and_scaled():
    subject = studied(*related())
    columns = columns_of(subject, 100)
    drawn = columns.drawn(20, 0)
    assert len(drawn.unit) == 20
    assert drawn.drawn_from == (70,)
    assert drawn.unit.tolist() == columns.drawn(20, 0).unit.tolist()
    assert drawn.weights == pytest.approx(70 * 69 / (20 * 19))
    assert columns.drawn(70, 0) is columns
    same = planted.reweighted(subject, np.eye(70))
    shown = copies_of(subject, [same], columns, settings=FEW, progress=silent)
    every = dataclasses.replace(FEW, listed_units=70)
    whole = copies_of(subject, [same], columns, settings=every, progress=silent)
    assert shown.counts[0].total == pytest.approx(whole.counts[0].total, rel=0.3)
    assert len(list(copies(subject, settings=FEW))) == FEW.controls
