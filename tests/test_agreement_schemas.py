"""Roles that mechanism, agreement and sites declare equal what the names of columns gave away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest

import guessed
from holistic.graph.sites import SITES
from holistic.lenses.agreement import schemas as agreement
from holistic.lenses.mechanism import schemas as mechanism
from holistic.results.columns import Column
from holistic.results.schema import Schema

SCHEMAS = {
    schema.name: schema
    for home in (mechanism, agreement)
    for schema in vars(home).values()
    if isinstance(schema, Schema)
} | {"sites": SITES}

KINDS = {"s": "string", "i": "int64", "f": "float64", "b": "bool"}

WERE = {
    "mechanism.pairs": """
        site_a:s; unit_a:i; site_b:s; unit_b:i; r:f; lo:f; hi:f; control_r_lo:f;
        control_r_hi:f; r_within:f; r_within_lo:f; r_within_hi:f; control_r_within_lo:f;
        control_r_within_hi:f; r_selection:f; n_selection:i:examples; p:f; q:f; r_within_p:f;
        r_within_q:f; n:i:examples
    """,
    "mechanism.clusters": """
        site:s; unit:i; cluster:i; silhouette:f; silhouette_lo:f; silhouette_hi:f;
        preferred_class:s; specialisation:f:SD; lo:f:SD;
        hi:f:SD; shuffled_specialisation:f:SD;
        random_specialisation:f:SD;
        random_specialisation_lo:f:SD;
        random_specialisation_hi:f:SD; p:f; q:f; n:i:examples; k:i; k_lo:i;
        k_hi:i; untrained_k:f; untrained_k_lo:f; untrained_k_hi:f; stability:f;
        stability_lo:f; stability_hi:f; site_silhouette:f; site_silhouette_lo:f;
        site_silhouette_hi:f; n_silhouette:i:examples; best_silhouette:f; null_silhouette:f;
        null_p:f; null_q:f; n_chosen:i:examples; few_silhouette:f; untrained_silhouette:f;
        untrained_silhouette_lo:f; untrained_silhouette_hi:f; untrained_p:f; untrained_q:f;
        n_few:i:examples; controls:i:controls; cluster_within:i; order:i
    """,
    "mechanism.flow": """
        site:s; probe_accuracy:f:share; lo:f:share; hi:f:share; change:f:share;
        change_lo:f:share; change_hi:f:share; control_accuracy:f:share; control_fit:f:share;
        n_fit:i:examples; selectivity:f:share; selectivity_lo:f:share; selectivity_hi:f:share;
        untrained_accuracy:f:share; trained_gain:f:share; trained_gain_lo:f:share;
        trained_gain_hi:f:share; n:i:examples; cka_to_next:f; cka_lo:f; cka_hi:f;
        cka_shuffled:f; nc1:f; nc1_lo:f; nc1_hi:f; participation_ratio:f:axes;
        participation_lo:f:axes; participation_hi:f:axes; n_geometry:i:examples;
        features:i:features; positions:i
    """,
    "mechanism.paths": """
        example:i; kind:s; label:s; prediction:s; site:s; depth:i; read:s;
        label_probability:f:share; prediction_probability:f:share;
        control_label_probability:f:share; accuracy:f; lo:f:share; hi:f:share; n:i:examples
    """,
    "mechanism.edges": """
        site_a:s; unit_a:i; site_b:s; unit_b:i; class:s; effect:f:activation; lo:f:activation;
        hi:f:activation; size:f:activation; size_lo:f:activation; size_hi:f:activation;
        spread:f:activation; p:f; q:f; n:i:examples; kind:s; rank:i
    """,
    "agreement.lenses": """
        site:s; class:s; lens_a:s; lens_b:s; spearman:f; lo:f; hi:f; interval_over:s;
        n:i:units; control_lo:f; control_hi:f; p:f; q:f; k:i:units; topk_overlap:f:share;
        topk_expected:f:share; topk_p:f
    """,
    "agreement.pairs": """
        site:s; lens_a:s; lens_b:s; median:f; lo:f; hi:f; interval_over:s; n:i:units;
        classes:i:classes; least:f; most:f; control_lo:f; control_hi:f; p:f; q:f
    """,
    "agreement.units": """
        site:s; unit:i; preferred_class:s; ablation:f:score; ablation_lo:f:score;
        ablation_hi:f:score; ablation_n:i:examples; control_ablation:f:score;
        activation:f:share; activation_lo:f:share; activation_hi:f:share;
        activation_n:i:examples; selective_bound:f:share; d_prime:f:SD;
        d_prime_lo:f:SD; d_prime_hi:f:SD;
        d_prime_bound:f:SD; attribution:f:score; attribution_lo:f:score;
        attribution_hi:f:score; attribution_n:i:examples; control_attribution:f:score;
        mechanism:f:share; mechanism_lo:f:share; mechanism_hi:f:share; mechanism_n:i:examples;
        control_mechanism:f:share; tracing:f:share; tracing_lo:f:share; tracing_hi:f:share;
        tracing_n:i:pairs; control_tracing:f:share; selective:b; selective_by:s; causal:b;
        causal_class:s; needs_it:s; strongest_class:s; cause_class:s;
        causal_share:f:share; causal_lo:f:share;
        causal_hi:f:share; causal_n:i:pairs; causal_images:i:images;
        causal_bound:f:share; causal_q:f;
        accuracy_drop:f:share; accuracy_lo:f:share; accuracy_hi:f:share;
        accuracy_n:i:examples; accuracy_q:f; idle:b; settling_images:i:examples; partner:i;
        partner_class:s; redundancy:f:score; redundancy_lo:f:score; redundancy_hi:f:score;
        redundancy_n:i:examples; redundancy_control_lo:f:score; redundancy_control_hi:f:score;
        redundancy_q:f; plays:s; in_words:s; verdict:s
    """,
    "agreement.removed": """
        site:s; units_that:s; removed:i:units; accuracy_before:f:share;
        accuracy_after:f:share; drop:f:share; lo:f:share; hi:f:share; n:i:examples;
        control_drop:f:share; control_lo:f:share; control_hi:f:share; p:f; q:f;
        sets:i:sets; every_set:b
    """,
    "sites": """
        site:s; layer:s; shown:s; op:s; depth:i; units:i; positions:i; layout:s; unit_axis:i;
        parameters:i; hidden:b; same_units:s; same_value:s
    """,
}
"""Columns before they had roles, in their order: name, kind and unit."""

DIFFERENT = {
    # a number of clusters is measured, and no axis; nor is a cluster's number a part of a name
    ("mechanism.clusters", "keys"): {"site", "unit"},
    ("mechanism.clusters", "values"): {"k"},
    # an image and its place on the way name a row; all else is said of them
    ("mechanism.paths", "keys"): {"example", "depth"},
    # how many units are compared depends on the site's size
    ("agreement.lenses", "keys"): {"site", "class", "lens_a", "lens_b"},
    ("sites", "keys"): {"site"},
    # a change of another unit's activation is no loss to the class
    ("mechanism.edges", "worse"): {"effect": 0},
    # an effect of both units, though no name says so
    ("agreement.units", "worse"): {"redundancy": -1},
    # AUROC by another name
    ("agreement.units", "neutral"): {"activation": 0.5, "mechanism": 0.5},
    # the control with a known spread comes first
    ("mechanism.clusters", "specialisation"): (
        "random_specialisation",
        "random_specialisation_lo",
        "random_specialisation_hi",
    ),
    # of numbers that were none before
    ("mechanism.clusters", "k"): ("untrained_k", "untrained_k_lo", "untrained_k_hi"),
    # the control of another number stood behind it and was taken for its interval
    ("agreement.pairs", "most_ends"): ("", ""),
    # controls whose names didn't say so
    ("mechanism.clusters", "best_silhouette"): ("null_silhouette", "", ""),
    ("mechanism.clusters", "site_silhouette"): ("null_silhouette", "", ""),
    ("agreement.units", "activation"): ("selective_bound", "", ""),
    ("agreement.units", "d_prime"): ("d_prime_bound", "", ""),
    ("agreement.units", "causal_share"): ("causal_bound", "", ""),
}
"""What roles say better than names did."""


@dataclass(frozen=True)
class Before:
    """Columns of a table as they were, with what was guessed from their names."""

    columns: dict[str, Column]

    @classmethod
    def of(cls, schema: Schema) -> Before:
        now = {column.name: column for column in schema.columns}
        found = dict[str, Column]()
        for entry in WERE[schema.name].split(";"):
            name, kind, *unit = entry.strip().split(":")
            unit = "".join(unit).replace("SD", "standard deviations")
            bound = re.search(r"(^|_)(lo|hi)$", name) and not guessed.CONTROL.search(name)
            of = "" if bound else now[name].of  # an end of an interval was of nothing
            found[name] = Column(name, KINDS[kind], unit, "", of, now[name].words)
        return cls(found)

    def keys(self) -> set[str]:
        return guessed.keys(self.columns.values())

    def values(self) -> set[str]:
        return set(guessed.values(self.columns.values()))

    def bounds(self, value: str) -> tuple[str, str]:
        return ("", "") if guessed.COUNT.search(value) else guessed.following(self.columns, value)

    def beside(self, value: str) -> list[str]:
        own = [c.name for c in self.columns.values() if value in c.of.split()]
        counts = [name for name in own if guessed.COUNT.search(name)]
        common = [] if counts or value == "n" or "n" not in self.columns else ["n"]
        common = [name for name in common if not self.columns[name].of]
        return [*counts, *common, *(name for name in own if name not in counts)]

    def control(self, value: str) -> tuple[str, str, str]:
        of = [n for n in self.beside(value) if self.columns[n].kind == "float64"]
        return guessed.control(list(self.columns), of)


def part(schema: Schema, value: str, role: str) -> str:
    """The first column with a role of a number; a common `n` is of every number."""
    own = [c.name for c in schema.columns if c.role == role and value in c.of.split()]
    common = [c.name for c in schema.columns if c.role == role == "n" and not c.of]
    return next(iter([*own, *common]), "")


def measured(schema: Schema) -> list[Column]:
    return [c for c in schema.columns if c.role == "value"]


each = pytest.mark.parametrize("name", sorted(WERE))
every = pytest.mark.parametrize("name", sorted(SCHEMAS))


@each
def test_names_kinds_and_units_are_as_they_were(name: str) -> None:
    before = Before.of(SCHEMAS[name]).columns
    units = {n: (c.kind, c.unit) for n, c in before.items()}
    if name == "mechanism.paths":
        units["accuracy"] = ("float64", "share")  # the only unit that was forgotten
    assert {c.name: (c.kind, c.unit) for c in SCHEMAS[name].columns} == units


@each
def test_keys_and_values_are_those_that_were_guessed(name: str) -> None:
    schema, before = SCHEMAS[name], Before.of(SCHEMAS[name])
    keys = {c.name for c in schema.columns if c.role in ("key", "along")}
    assert keys == DIFFERENT.get((name, "keys"), before.keys())
    values = before.values() | DIFFERENT.get((name, "values"), set())
    assert {c.name for c in measured(schema)} == values
    assert set(schema.across.split()) <= keys


@each
def test_numbers_look_as_they_did(name: str) -> None:
    for column in measured(SCHEMAS[name]):
        own = column.name
        worse, signed, beyond, neutral = guessed.look(column)
        worse = DIFFERENT.get((name, "worse"), {}).get(own, worse)
        neutral = DIFFERENT.get((name, "neutral"), {}).get(own, neutral)
        wanted = worse, signed, beyond, neutral
        assert (column.worse, column.signed, column.beyond, column.neutral) == wanted, own


@each
def test_intervals_counts_controls_and_tests_are_of_their_numbers(name: str) -> None:
    schema, before = SCHEMAS[name], Before.of(SCHEMAS[name])
    for value in (column.name for column in measured(schema)):
        ends = part(schema, value, "lo"), part(schema, value, "hi")
        assert ends == DIFFERENT.get((name, f"{value}_ends"), before.bounds(value)), value
        control = tuple(
            part(schema, value, role) for role in ("control", "control_lo", "control_hi")
        )
        assert control == DIFFERENT.get((name, value), before.control(value)), value
        beside = before.beside(value)
        for role, pattern in (("n", guessed.COUNT), ("p", r"(^|_)p$"), ("q", r"(^|_)q$")):
            wanted = next((own for own in beside if re.search(pattern, own)), "")
            assert part(schema, value, role) == wanted, (value, role)


@every
def test_ends_stand_right_behind_their_number(name: str) -> None:
    """What spreadsheets show side by side; readers of older pages look there too."""
    for first, second in pairwise(SCHEMAS[name].columns):
        if second.role in ("lo", "control_lo"):
            assert second.of in (first.name, first.of)
        if second.role in ("hi", "control_hi"):
            assert (first.role, first.of) == (second.role.replace("hi", "lo"), second.of)


@every
def test_a_lead_is_one_sentence_that_says_the_question(name: str) -> None:
    lead = SCHEMAS[name].lead
    assert 4 < len(lead.split()) <= 25
    assert lead.endswith("?")
    assert lead[0].isupper()
    assert all(array.meaning for array in SCHEMAS[name].arrays.values())
