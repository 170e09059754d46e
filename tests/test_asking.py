"""Does a test of edits measure what loops over hooks measure, beside the same edits elsewhere?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError, SettingError, SiteError
from holistic.replacing.controls import draw_controls
from holistic.replacing.outcomes import checked_variants
from planted_ablation import one_hot_images, sole_carriers
from slow import hooked_logits
from slow_stats import benjamini_hochberg, mcnemar, tango
from test_sweeps import subject_of


def carriers() -> holistic.Subject:
    return holistic.Subject(sole_carriers().eval(), one_hot_images())


def random_subject(seed: int) -> holistic.Subject:
    """A small network of random depth, width and kind, on random images."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    width, kinds = int(rng.integers(2, 7)), (nn.ReLU, nn.Tanh, nn.GELU)
    if seed % 2:
        layers: list[nn.Module] = [nn.Conv2d(2, width, 3), kinds[seed % 3](), nn.Flatten()]
        model = nn.Sequential(*layers, nn.Linear(width * 9, 3))
        images = torch.randn(40, 2, 5, 5)
    else:
        model = nn.Sequential(nn.Linear(5, width), kinds[seed % 3](), nn.Linear(width, 3))
        images = torch.randn(40, 5)
    return holistic.Subject(model.eval(), (images, torch.arange(40) % 3), seed=seed)


def slow_effects(subject: holistic.Subject, site: str, units: tuple[int, ...]) -> Tensor:
    """Logits of the model itself, hooked, with units of a site at zero."""
    axis = subject.site(site).unit_axis + 1

    def zeroed(value: Tensor) -> Tensor:
        return value.index_fill(axis, torch.tensor(units), 0.0)

    return hooked_logits(subject.model, subject.evaluation.images, site, 1, zeroed)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 2))
def test_every_number_equals_loops_over_hooks(seed: int, size: int) -> None:
    subject, site = random_subject(seed), "1"
    count, labels = subject.site(site).units, subject.evaluation.labels
    size = min(size, count - 1)
    units = tuple(range(size))
    table = holistic.test(subject, holistic.Zero(site, units=units)).table
    before = subject.predict()
    others = [u for u in combinations(range(count), size) if u != units]
    after = {u: slow_effects(subject, site, u) for u in [units, *others]}
    effects = {
        u: (subject.score_of(v, labels) - subject.score_of(before, labels)).double().numpy()
        for u, v in after.items()
    }
    rows = list(table.rows())
    ps = [row["drop_p"] for row in rows]
    for row, q in zip(rows, benjamini_hochberg(ps), strict=True):
        own = labels.numpy() == int(row["class"]) if row["class"] != "all" else labels.numpy() >= 0
        np.testing.assert_allclose(row["effect"], effects[units][own].mean(), atol=1e-5)
        usual = [effects[u][own].mean() for u in others]
        np.testing.assert_allclose(row["control_effect"], np.mean(usual), atol=1e-5)
        right = (before.argmax(1) == labels).numpy()[own]
        now = (after[units].argmax(1) == labels).numpy()[own]
        lost, gained = int((right & ~now).sum()), int((~right & now).sum())
        assert (row["lost"], row["gained"], row["n"]) == (lost, gained, own.sum())
        low, high = tango(lost, gained, int(own.sum()))
        np.testing.assert_allclose([row["drop_lo"], row["drop_hi"]], [-high, -low], atol=1e-6)
        np.testing.assert_allclose(row["drop_p"], mcnemar(lost, gained))
        np.testing.assert_allclose(row["drop_q"], q)
        drops = [right.mean() - (after[u].argmax(1) == labels).numpy()[own].mean() for u in others]
        as_much = sum(d >= (lost - gained) / own.sum() - 1e-12 for d in drops)
        np.testing.assert_allclose(row["drop_control_p"], (1 + as_much) / (1 + len(others)))
        assert row["controls"] == len(others)


def test_a_planted_carrier_is_found_beside_all_other_units() -> None:
    found = holistic.test(carriers(), holistic.Zero("1", units=[2]))
    (own,) = found.table.where(class_="2").rows()
    assert own["accuracy_before"] == 1.0
    assert own["accuracy_after"] == 0.0
    assert own["drop_control"] == 0.0
    assert own["drop_control_p"] == pytest.approx(1 / 6)  # the least that five other units allow
    (other,) = found.table.where(class_="1").rows()
    assert other["drop"] == 0.0
    assert found.caveats == ("The 5 controls are all other units of this size.",)
    assert found.statements[0] == (
        "Under these edits the accuracy changes by -25 points; with other units, by -15 on average."
    )


def test_two_hundred_controls_that_all_differ() -> None:
    subject = subject_of("mlp")
    own = checked_variants(subject, [holistic.Mean("2", units=[0, 3, 5])], 30)
    drawn = draw_controls(subject, own, 200, 30)
    sets = {variant[0].units for variant in drawn.variants}
    assert len(drawn.variants) == len(sets) == 200
    assert all(len(set(units)) == 3 for units in sets)
    assert (0, 3, 5) not in sets
    assert not drawn.every
    again = draw_controls(subject, own, 200, 30)
    assert [v[0].units for v in again.variants] == [v[0].units for v in drawn.variants]
    counts = np.bincount(np.concatenate([list(units) for units in sets]), minlength=12)
    assert counts.min() > 20  # 50 each on average


def test_directions_are_as_long_and_point_where_the_site_varies() -> None:
    subject = subject_of("mlp")
    direction = torch.zeros(12)
    direction[3] = 2.5
    own = checked_variants(subject, [holistic.Steer("2", direction=direction, amount=3.0)], 30)
    drawn = draw_controls(subject, own, 50, 30)
    assert drawn.what == "directions"
    made = np.stack([np.asarray(v[0].direction) for v in drawn.variants])
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 2.5)
    assert {v[0].amount for v in drawn.variants} == {3.0}
    values = subject.capture("2", subject.selection.images)["2"].double().numpy()
    still = values.std(0) == 0
    assert not made[:, still].any()


def test_a_region_moves_as_a_whole() -> None:
    subject = random_subject(1)
    mask = torch.zeros(5, 5, dtype=torch.bool)
    mask[0, 0:2] = mask[1, 0] = True  # a corner of three pixels
    own = checked_variants(subject, [holistic.Zero("input", positions=mask)], 20)
    drawn = draw_controls(subject, own, 200, 20)
    places = [np.stack(np.unravel_index(v[0].positions, (5, 5)), 1) for v in drawn.variants]
    assert len(places) == 15  # 4 × 4 places less its own
    for place in places:
        assert (place - place.min(0)).tolist() == [[0, 0], [0, 1], [1, 0]]


def test_a_whole_patch_is_compared_with_other_donors() -> None:
    subject = subject_of("mlp")
    source = subject.capture("2")["2"].flip(0)
    found = holistic.test(subject, holistic.Patch("2", source=source), controls=20)
    assert found.table.column("controls").tolist() == [20] * 5
    assert "with other donors" in found.statements[0]
    rows = torch.arange(len(source)).flip(0)
    same = subject.predict(edits=holistic.Patch("2", source=source.flip(0), rows=rows))
    assert torch.equal(same, subject.predict(edits=holistic.Patch("2", source=source)))


def test_a_function_of_a_whole_site_is_compared_at_other_units() -> None:
    subject = carriers()

    def without(value: Tensor) -> Tensor:
        value[..., 2] = 0
        return value

    mine = holistic.test(subject, holistic.Custom("1", function=without)).table
    named = holistic.test(subject, holistic.Zero("1", units=[2])).table
    for name in ("effect", "drop", "lo", "hi"):
        np.testing.assert_allclose(mine.column(name), named.column(name))
    # dealing all units out anew puts each in the place of unit 2 equally often, itself too
    usual = (5 * named.column("drop_control") + named.column("drop")) / 6
    np.testing.assert_allclose(mine.column("drop_control"), usual, atol=0.07)


def test_what_has_no_other_place_says_so() -> None:
    found = holistic.test(carriers(), holistic.Zero("1"))
    assert found.caveats == ("Nothing else at '1' is of this size: there is no control.",)
    assert np.isnan(found.table.column("drop_control_p")).all()
    assert "other" not in found.statements[0]


def test_several_edits_are_made_together() -> None:
    subject = carriers()
    edits = [holistic.Zero("1", units=[0]), holistic.Zero("input", units=[3])]
    table = holistic.test(subject, edits).table
    after = subject.predict(edits=edits).argmax(1)
    right = (after == subject.evaluation.labels).float()
    assert table.column("accuracy_after")[-1] == pytest.approx(float(right.mean()))
    assert table.column("accuracy_after").tolist() == [0.0, 1.0, 1.0, 0.0, 0.5]
    assert table.column("controls")[0] == 6 * 4 - 1


@pytest.mark.parametrize(
    ("edits", "kind", "words"),
    [
        ([], SettingError, "nothing to test: give edits such as"),
        ("mean", SettingError, "edits must be edits such as"),
        ([holistic.Zero("nope")], SiteError, "no site 'nope'"),
        ([holistic.Zero("1", units=[9])], SiteError, "no unit 9 at site '1'"),
        ([holistic.Custom("1", function=lambda v: v / 0)], ModelError, "NaN or infinite"),
        ([holistic.Patch("1", source=torch.zeros(3, 6), rows=[0])], SettingError, "must be 60"),
        ([holistic.Patch("1", source=torch.zeros(3, 6), rows=[3] * 60)], SettingError, "no row 3"),
    ],
)
def test_mistakes_are_told_in_one_line(edits: object, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words):
        holistic.test(carriers(), edits)  # pyright: ignore


def test_a_result_reads_well_in_a_notebook() -> None:
    found = holistic.test(carriers(), holistic.Zero("1", units=[2]))
    lines = repr(found).splitlines()
    assert lines[0] == "Edits tried"
    assert lines[1] == found.statements[0]
    assert "<table>" in found._repr_html_()
