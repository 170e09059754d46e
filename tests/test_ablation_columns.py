"""The roles that ablation's columns declare say what pages used to read from their names."""

from __future__ import annotations

import re

import pytest

import guessed
from holistic.lenses.ablation import schemas
from holistic.results.columns import Column
from holistic.results.schema import Schema

FINDINGS = {s.name.split(".")[1]: s for s in vars(schemas).values() if isinstance(s, Schema)}

KINDS = {"s": "string", "i": "int64", "f": "float64", "b": "bool"}
COLUMNS = {
    "units": (
        "site:s, unit:i, class:s, effect:f score, lo:f score, hi:f score, n:i examples, "
        "control_effect:f score, control_lo:f score, control_hi:f score, kind:s, accuracy_drop:f "
        "share, accuracy_lo:f share, accuracy_hi:f share, lost:i examples, gained:i examples, "
        "p:f, q:f, rank:i, above:f"
    ),
    "confusion": (
        "class:s, prediction:s, count:i examples, share:f share, lo:f share, hi:f share, n:i "
        "examples, control_share:f share"
    ),
    "images": (
        "example:i, kind:s, label:s, prediction:s, site:s, unit:i, rank:i, effect:f score, "
        "control_effect:f score, turned:i, control_turned:f share, control_searched:f share, "
        "before:f score, class_effect:f score, class_lo:f score, class_hi:f score, class_n:i "
        "examples"
    ),
    "topk": (
        "site:s, class:s, ranking:s, k:i units, rank:i, firing:i units, accuracy_before:f share, "
        "before_lo:f share, before_hi:f share, accuracy_after:f share, drop:f share, lo:f share, "
        "hi:f share, control_drop:f share, control_lo:f share, control_hi:f share, p:f, q:f, n:i "
        "examples, class_accuracy_before:f share, class_before_lo:f share, class_before_hi:f "
        "share, class_accuracy_after:f share, class_drop:f share, class_lo:f share, class_hi:f "
        "share, class_control_drop:f share, class_control_lo:f share, class_control_hi:f share, "
        "class_p:f, class_q:f, sets:i sets, least_p:f, activation:f, matched_activation:f, "
        "class_matched_drop:f share, class_matched_lo:f share, class_matched_hi:f share, "
        "class_matched_p:f, class_matched_q:f, class_matched_sets:i sets, class_n:i examples"
    ),
    "scores": (
        "site:s, unit:i, class:s, score:s, effect:f score, lo:f score, hi:f score, "
        "control_effect:f score, control_lo:f score, control_hi:f score, n:i examples, lost:i "
        "examples, gained:i examples, p:f, q:f, familywise:f, specific:f score, specific_lo:f "
        "score, specific_hi:f score, specific_p:f, specific_q:f, shuffled:f score, shuffled_lo:f "
        "score, shuffled_hi:f score, shuffled_q:f"
    ),
    "replacements": (
        "site:s, class:s, replacement_a:s, replacement_b:s, spearman:f, lo:f, hi:f, "
        "spearman_chance_lo:f, spearman_chance_hi:f, n:i units, p:f, q:f, k:i units, overlap:f "
        "share, overlap_lo:f share, overlap_hi:f share, overlap_chance:f share, overlap_p:f, "
        "overlap_q:f, examples:i examples"
    ),
    "off_target": (
        "site:s, removed_for:s, class:s, k:i units, drop:f share, lo:f share, hi:f share, lost:i "
        "examples, gained:i examples, n:i examples, p:f, q:f, control_drop:f share, control_lo:f "
        "share, control_hi:f share, control_p:f, control_q:f"
    ),
    "curves": (
        "site:s, class:s, kind:s, ranking:s, k:i units, accuracy:f share, lo:f share, hi:f share, "
        "n:i examples, random:f share, random_lo:f share, random_hi:f share, random_p:f, "
        "random_q:f, matched:f share, matched_lo:f share, matched_hi:f share, matched_p:f, "
        "matched_q:f"
    ),
    "areas": (
        "site:s, class:s, kind:s, ranking:s, area:f share, lo:f share, hi:f share, p:f, q:f, "
        "matched_area:f share, matched_lo:f share, matched_hi:f share, matched_p:f, matched_q:f, "
        "half:f units, half_lo:f units, half_hi:f units, half_random:f units, n:i examples"
    ),
    "interactions": (
        "site:s, unit_a:i, unit_b:i, class:s, kind:s, effect_a:f score, effect_a_lo:f score, "
        "effect_a_hi:f score, effect_b:f score, effect_b_lo:f score, effect_b_hi:f score, "
        "effect_ab:f score, effect_ab_lo:f score, effect_ab_hi:f score, interaction:f score, lo:f "
        "score, hi:f score, control_interaction_lo:f score, control_interaction_hi:f score, n:i "
        "examples, p:f, q:f, verdict:s"
    ),
    "direct": (
        "site:s, unit:i, kind:s, path:s, total:f score, total_lo:f score, total_hi:f score, "
        "direct:f score, direct_lo:f score, direct_hi:f score, response:f score, lo:f score, hi:f "
        "score, control_response_lo:f score, control_response_hi:f score, n:i examples, p:f, q:f"
    ),
    "backup": (
        "site:s, unit:i, kind:s, backup_site:s, backup_unit:i, effect:f score, effect_lo:f score, "
        "effect_hi:f score, effect_gone:f score, effect_gone_lo:f score, effect_gone_hi:f score, "
        "removed_effect:f score, removed_effect_lo:f score, removed_effect_hi:f score, growth:f "
        "score, lo:f score, hi:f score, control_growth_lo:f score, control_growth_hi:f score, n:i "
        "examples, p:f, q:f, backup:b"
    ),
    "shapley": (
        "site:s, unit:i, class:s, shapley:f score, se:f score, lo:f score, hi:f score, "
        "shapley_expected:f score, p:f, q:f, effect:f score, orders:i, truncated:f share, n:i "
        "examples"
    ),
}
"""Every column with the first letter of its kind and its unit, as audits held them before roles;
only `random` of the curves, a share as `accuracy` is, had no unit."""

CONSTANT_K = ("off_target", "replacements")
"""Findings with one k for each site, which is no axis of a curve, although it is called k."""
NAMED_BY_RANK = {"images": {"kind", "prediction", "rank"}, "topk": {"rank"}}
"""What follows from a row's other keys and was taken for one of them; an image is named by its
place among the examples."""


def known(name: str) -> tuple[Column, ...]:
    """The columns that pages guessed about; what came later declares itself."""
    listed = {part.split(":")[0] for part in COLUMNS[name].split(", ")}
    return tuple(c for c in FINDINGS[name].columns if c.name in listed)


def values(columns: tuple[Column, ...]) -> list[str]:
    return [c.name for c in columns if c.role == "value"]


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_audits_have_always_held_stay(name: str) -> None:
    found = {c.name: f"{c.kind[0]} {c.unit}".strip() for c in known(name)}
    declared = dict(line.split(":") for line in COLUMNS[name].split(", "))
    assert found == declared
    assert {c.kind for c in known(name)} <= set(KINDS.values())


def test_findings_that_audits_have_always_held_stay() -> None:
    assert set(FINDINGS) >= set(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_keys_are_what_names_a_row(name: str) -> None:
    columns = known(name)
    named = guessed.keys(columns) - NAMED_BY_RANK.get(name, set())
    named -= {"k"} if name in CONSTANT_K else set()
    named |= {"example"} if name == "images" else set()
    assert {c.name for c in columns if c.role in ("key", "along")} == named
    assert [c.name for c in columns if c.role == "along"] == [
        n for n in guessed.ALONG if n in named and name not in CONSTANT_K
    ]


@pytest.mark.parametrize("name", COLUMNS)
def test_values_are_numbers_that_belong_to_no_other(name: str) -> None:
    columns = known(name)
    assert values(columns) == guessed.values(columns)


@pytest.mark.parametrize("name", COLUMNS)
def test_values_have_the_sign_and_the_loss_that_their_names_had(name: str) -> None:
    for c in known(name):
        if c.role != "value":
            assert (c.worse, c.signed, c.beyond, c.neutral) == (0, False, False, 0), c.name
            continue
        worse, signed, beyond, neutral = guessed.look(c)
        assert (c.worse, c.signed, c.neutral) == (worse, signed, neutral), c.name
        # growth is a difference, too, which its words don't say
        assert c.beyond == (beyond or c.name == "growth"), c.name


@pytest.mark.parametrize("name", COLUMNS)
def test_counts_tests_and_controls_are_what_their_names_say(name: str) -> None:
    for c in known(name):
        end = re.search(r"(^|_)(lo|hi)$", c.name)
        if guessed.COUNT.search(c.name):
            assert c.role == "n", c.name
        elif c.kind != "float64" or c.role in ("value", "key"):
            assert not end, c.name
        elif test := re.search(r"(^|_)([pq])$", c.name):
            # the least p that is possible tests nothing
            assert c.role == ("" if c.name == "least_p" else test[2]), c.name
        elif end and guessed.CONTROL.search(c.name):
            assert c.role == f"control_{end[2]}", c.name
        elif end:
            assert c.role == end[2], c.name
        elif guessed.CONTROL.search(c.name):
            assert c.role == "control", c.name
        else:
            assert c.role == ("p" if c.name == "familywise" else ""), c.name
        if c.role in ("lo", "hi", "control", "control_lo", "control_hi", "p", "q"):
            assert set(c.of.split()) & {v.name for v in known(name)}, c.name


@pytest.mark.parametrize("name", COLUMNS)
def test_a_value_has_two_ends_or_none(name: str) -> None:
    columns = known(name)
    for value in values(columns):
        place = [c.name for c in columns].index(value)
        own = [c for c in columns if value in c.of.split()]
        ends = [c.role for c in own if c.role in ("lo", "hi")]
        assert ends in ([], ["lo", "hi"]), value
        # ends stand right behind their number, as the page reads them in older audits
        assert [c.role for c in columns[place + 1 : place + 1 + len(ends)]] == ends
        low, high = ([c for c in own if c.role == f"control_{end}"] for end in ("lo", "hi"))
        assert len(low) == len(high), value


@pytest.mark.parametrize("name", COLUMNS)
def test_leads_are_one_sentence_of_at_most_25_words(name: str) -> None:
    lead = FINDINGS[name].lead
    assert lead.startswith("Shows ")
    assert lead.endswith(".")
    assert lead.count(".") == 1
    assert len(lead.split()) <= 25


PAIRS = (
    ("unit", "class"),
    ("unit_a", "unit_b"),
    ("removed_for", "class"),
    ("replacement_a", "replacement_b"),
)


@pytest.mark.parametrize("name", COLUMNS)
def test_maps_lie_between_the_pairs_that_pages_chose(name: str) -> None:
    schema = FINDINGS[name]
    named = [c.name for c in schema.columns if c.role in ("key", "along")]
    pair = next((p for p in PAIRS if set(p) <= set(named)), ())
    assert schema.across.split() == list(pair)


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_are_sized_by_the_number_that_pages_chose(name: str) -> None:
    """The first with an interval right behind it, in the order that columns had."""
    schema = FINDINGS[name]
    kinds = dict(part.split(":") for part in COLUMNS[name].split(", ") if part[:3] != "se:")
    plain, numbers = list(kinds), [n for n, kind in kinds.items() if kind[0] == "f"]
    bounded = [n for n in numbers if plain[plain.index(n) + 1 :][:1] in (["lo"], [f"{n}_lo"])]
    ends = {c.of for c in schema.columns if c.role == "lo"}
    own = values(schema.columns)
    first = next((n for n in own if n in ends), own[0])
    assert (schema.size or first) == [*bounded, *numbers][0]
