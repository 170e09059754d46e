"""Does the contrast of two classes find the pixels that tell them apart, and only those?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import holistic
import slow_attribution as slow
import slow_stats
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._confused_pairs import confused_pairs, difference_maps
from holistic.lenses.attribution._removal import mean_image
from holistic.lenses.attribution._sample import balanced, typical
from holistic.lenses.attribution.contrasts import contrasts_finding
from holistic.lenses.attribution.schemas import MethodRow
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from made import a_row
from planted_attribution import PATCH, reading_a_corner, straight, told_apart_by_a_corner
from zoo import ZOO, make


def found(subject: holistic.Subject, methods: Table | None = None, **changed: int) -> Finding:
    lens = Attribution(**{"examples": 40, "steps": 8, **changed})  # pyright: ignore[reportArgumentType]
    tests = judged() if methods is None else methods
    return contrasts_finding(subject, lens, tests, lambda task, done, total: None)


def judged(**passed: bool) -> Table:
    """What the tests of the maps said, by metric."""
    value = Estimate(0.1, 0.0, 0.2, control=0.3)
    return Table.from_rows(
        MethodRow,
        [
            a_row(
                MethodRow,
                method="integrated_gradients",
                metric=metric,
                better="lower",
                value=value,
                n=9,
                passed=well,
                method_name="",
            )
            for metric, well in passed.items()
        ],
    )


def test_maps_that_failed_a_test_are_told_to_have_failed_it() -> None:
    subject = told_apart_by_a_corner()
    methods = judged(completeness=True, randomisation=False)
    said = "(randomisation: the map hardly changes in a randomly initialised network)"
    assert said in found(subject, methods).statements[2]
    twice = judged(randomisation=False, randomisation_nonzero=False)
    assert said in found(subject, twice).statements[2]
    assert len(found(subject, judged(completeness=True)).statements) == 2


@pytest.fixture(scope="module")
def corner() -> Finding:
    return found(told_apart_by_a_corner())


def test_the_pair_that_is_confused_comes_first_both_ways_round(corner: Finding) -> None:
    rows = list(corner.table.rows())
    assert [(r["class"], r["rival"]) for r in rows[:2]] == [("0", "1"), ("1", "0")]
    assert rows[0]["confused"] == rows[1]["confused"] > 0
    assert all(row["confused"] == 0 for row in rows[2:])
    assert len(rows) == 10


def test_contrast_maps_hold_only_what_tells_the_classes_apart(corner: Finding) -> None:
    maps = corner.arrays["attribution.contrast_maps"]
    images = corner.arrays["attribution.contrast_images"]
    assert maps.shape == images.shape == (5, 2, 8, 8)
    own = np.abs(maps[0])
    np.testing.assert_allclose(own[:, *PATCH].sum((1, 2)), own.sum((1, 2)), rtol=1e-5)


def test_their_removal_beats_random_pixels_and_the_map_of_the_logit_alone(corner: Finding) -> None:
    row = next(corner.table.where(rival="0").rows())
    assert row["class"] == "1"
    assert row["change"] < row["hi"] < -1
    assert abs(row["control_change"]) < 0.5
    assert abs(row["plain_change"]) < 1e-5  # its top pixels are those that both classes share
    assert row["difference_hi"] < 0
    assert row["beyond_hi"] < 0
    assert row["q"] < 0.001
    np.testing.assert_allclose(row["difference"], row["change"] - row["control_change"])
    np.testing.assert_allclose(row["beyond_plain"], row["change"] - row["plain_change"])
    assert "more than random ones" in corner.statements[1]


def test_where_nothing_is_shared_a_contrast_knows_no_more() -> None:
    """With two classes and opposite weights, the map of one logit is the contrast's."""
    row = next(found(reading_a_corner()).table.where(**{"class": "1"}).rows())
    assert row["difference_hi"] < 0
    assert abs(row["beyond_plain"]) < 1e-6
    assert row["beyond_lo"] is None or row["beyond_lo"] <= 1e-6
    assert row["beyond_hi"] is None or row["beyond_hi"] >= -1e-6


@pytest.mark.parametrize("rival", [0, None])
def test_a_contrast_s_map_takes_all_its_steps(rival: int | None) -> None:
    """Gauss and Legendre's points of that many steps, and of no fewer."""
    case = ZOO["mlp"]
    subject = holistic.Subject(make(case), (case.images(40), torch.arange(40) % 4))
    images = subject.evaluation.images[:3]

    def above(logits: torch.Tensor, own: int) -> torch.Tensor:
        return logits[own] if rival is None else logits[own] - logits[rival]

    def by_points(count: int) -> torch.Tensor:
        maps = [
            slow.integrated_at_points(subject.model, image, 1, points=count, objective=above)
            for image in images
        ]
        return torch.stack(maps).float()

    maps = difference_maps(subject, images, 1, rival, steps=6)
    torch.testing.assert_close(maps, by_points(6), rtol=1e-4, atol=1e-5)
    assert (maps - by_points(3)).abs().max() > 1e-3


def test_changes_equal_plain_loops() -> None:
    subject = told_apart_by_a_corner()
    row = next(found(subject).table.where(**{"class": "1", "rival": "0"}).rows())
    everyone, fill = subject.evaluation, mean_image(subject)
    members = everyone.at(np.flatnonzero(everyone.labels.numpy() == 1))
    sample = balanced(members, 10, subject.seed)
    assert row["n"] == len(sample) == 10

    def difference(logits: torch.Tensor, own: int) -> torch.Tensor:
        return logits[own] - logits[1 - own]

    changes = []
    for image in sample.images:
        signed = slow.integrated_gradients(subject.model, image, 1, steps=4, objective=difference)
        changes.append(slow.contrast_change(subject.model, image, fill, (1, 0), signed))
    np.testing.assert_allclose(row["change"], np.mean(changes), rtol=1e-4)
    student = stats.t.interval(0.95, 9, np.mean(changes), stats.sem(changes))
    both = np.stack([student, slow_stats.hall_bounds(changes, 0.95)])
    interval = both[:, 0].min(), both[:, 1].max()
    np.testing.assert_allclose([row["lo"], row["hi"]], interval, rtol=1e-3)


def test_maps_equal_a_riemann_sum_of_the_difference() -> None:
    subject = reading_a_corner()
    images = subject.evaluation.images[:3]
    maps = difference_maps(subject, images, 1, 0, steps=24)
    plain = difference_maps(subject, images, 1, None, steps=24)
    for image, contrast, alone in zip(images, maps, plain, strict=True):
        for got, wanted in (
            (contrast, lambda logits, own: logits[own] - logits[0]),
            (alone, slow.logit),
        ):
            expected = slow.integrated_gradients(
                subject.model, image, 1, steps=600, objective=wanted
            )
            torch.testing.assert_close(got.double(), expected, rtol=1e-3, atol=1e-5)


def test_pairs_are_ordered_by_confusions_then_by_margin() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(60, 5)), rng.integers(0, 5, 60)
    logits[np.arange(60), labels] += 1
    pairs = confused_pairs(logits, labels, among=np.ones(5, bool), most=99)
    wanted = slow.confusions(logits.tolist(), labels.tolist())
    assert {(a, b): count for a, b, count in pairs} == wanted
    counts = [count for *_, count in pairs]
    assert counts == sorted(counts, reverse=True)
    still = np.array([[3.0, 0, 2], [0, 3, 1], [2, 1, 3]])  # no confusion: 0 and 2 lie closest
    pairs = confused_pairs(still, np.arange(3), among=np.ones(3, bool), most=2)
    assert pairs == [(0, 2, 0), (1, 2, 0)]
    few = confused_pairs(logits, labels, among=np.array([1, 0, 1, 0, 1], bool), most=2)
    assert len(few) == 2
    assert {a for a, *_ in few} | {b for _, b, _ in few} <= {0, 2, 4}


def test_pairs_are_chosen_on_the_selection_split() -> None:
    differ = 0
    for count in (160, 200, 240):
        subject = told_apart_by_a_corner(count)
        wanted, others = (
            slow.confusions(subject.predict(part.images).tolist(), part.labels.tolist())
            for part in (subject.selection, subject.evaluation)
        )
        assert next(found(subject, examples=8).table.rows())["confused"] == wanted[0, 1]
        differ += wanted[0, 1] != others[0, 1]
    assert differ


def test_maps_are_of_the_typical_image_of_both_classes(corner: Finding) -> None:
    subject = told_apart_by_a_corner()
    shown = typical(subject)
    for side in (0, 1):
        image = shown.images[[shown.labels.tolist().index(side)]]
        expected = difference_maps(subject, image, 0, 1, steps=8)[0, 0]
        got = corner.arrays["attribution.contrast_maps"][0, side]
        np.testing.assert_allclose(got, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", ["mlp bfloat16", "transformer", "lstm", "one-dimensional"])
def test_any_architecture(name: str) -> None:
    case = ZOO[name]
    subject = holistic.Subject(make(case), (case.images(48), torch.arange(48) % 4))
    finding = found(subject, steps=4, examples=16)
    assert len(finding.table) == 10
    assert np.isfinite(finding.table.column("change").astype(float)).all()
    assert all("nan" not in statement for statement in finding.statements)


def test_maps_of_features_are_rows() -> None:
    finding = found(straight((7,))[0])
    assert len(finding.table) == 6
    assert finding.arrays["attribution.contrast_maps"].shape == (3, 2, 1, 7)
    assert finding.arrays["attribution.contrast_images"].shape[:4] == (3, 2, 1, 7)


def test_inputs_without_a_gradient_are_told() -> None:
    case = ZOO["encoder layer"]
    subject = holistic.Subject(make(case), (case.images(40), torch.arange(40) % 4))
    finding = found(subject)
    assert len(finding.table) == 0
    assert "have no gradient" in finding.caveats[0]


def test_the_same_seed_gives_the_same_bytes() -> None:
    subject = told_apart_by_a_corner()
    first, second = found(subject), found(subject)
    assert first.table.data.equals(second.table.data)
    for name, array in first.arrays.items():
        assert array.tobytes() == second.arrays[name].tobytes()
