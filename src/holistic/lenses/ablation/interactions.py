"""Removes pairs of units, and compares with removing each of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import afforded_examples, afforded_rows, between, random_range
from holistic.lenses.ablation._pairs import PairEffects, pair_effects
from holistic.lenses.ablation._rankings import strongest
from holistic.lenses.ablation.interactions_statements import interaction_statement
from holistic.lenses.ablation.schemas import Interaction
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.tests import benjamini_hochberg
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["considerable", "find_interactions", "kinds_of"]

_PART = 0.2
"""Part of what two units do from which on it counts that they do it together."""
_ALONE = "No site has two units, so there is no pair to remove."


def find_interactions(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Finding:
    """Measure all pairs of each site that can be afforded, those of the strongest by class."""
    sites, parts, notes = subject.hidden_sites, list[dict[str, np.ndarray]](), list[str]()
    for done, site in enumerate(sites):
        progress("pairs of units", done, len(sites))
        if site.units >= 2:
            top, random, others, note = _pairs(subject, site, lens, chosen)
            notes += [note] if note else []
            parts.append(_named_columns(subject, site, lens, top, random))
            if len(others):
                parts.append(_other_columns(subject, site, lens, others))
    progress("pairs of units", len(sites), len(sites))
    if not parts:
        return Finding(schemas.INTERACTIONS, Table.from_rows(Interaction, []), caveats=(_ALONE,))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    q = benjamini_hochberg(columns["p"])
    considered = considerable(columns["interaction"], columns)
    verdict = np.where((q < 0.05) & considered, kinds_of(columns), "none")
    ends = random_range(columns, "interaction", ("site", "class"))
    table = Table.build(Interaction, {**columns, **ends, "q": q, "verdict": verdict})
    unit = SCORE_UNITS[subject.score]
    lines = [interaction_statement(table, site.name, unit) for site in sites if site.units >= 2]
    rare = unbounded(int(np.isnan(columns["lo"]).sum()), len(table), "interactions")
    return Finding(
        schemas.INTERACTIONS, table, tuple(lines), (_sampling(subject, table), *notes, *rare)
    )


def considerable(
    interaction: np.ndarray,
    columns: Mapping[str, np.ndarray],
    names: tuple[str, str, str] = ("effect_a", "effect_b", "effect_ab"),
) -> np.ndarray:
    """Tell interactions `[N]` that are a fifth or more of what the two units do.

    A margin bends where another class comes second, and so do later layers: with enough examples
    the effects of nearly any two units are surely not quite the sum.

    Parameters
    ----------
    interaction
        `[N]`, effect of both beyond the sum.
    columns
        Holds the effects.
    names
        Columns of the effect of each unit alone, and of both.
    """
    first, second, both = (np.abs(columns[name]) for name in names)
    whole = np.fmax(both, first + second)
    return np.abs(np.nan_to_num(interaction)) >= _PART * np.nan_to_num(whole)


def kinds_of(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Say what an interaction `[N]` means, by which way its units' own effects go.

    Units whose intervals hold 0 go neither way; where neither does, the effect of both decides.
    """
    own = [
        (columns[f"effect_{unit}_lo"] > 0).astype(int) - (columns[f"effect_{unit}_hi"] < 0)
        for unit in "ab"
    ]
    way = np.sign(own[0] + own[1])
    way = np.where(way == 0, np.sign(columns["effect_ab"]), way)
    beyond = np.sign(np.nan_to_num(columns["interaction"] * way)).astype(int)
    kinds = np.array(["synergistic", "none", "redundant"])[beyond + 1]
    return np.where(own[0] * own[1] < 0, "mixed", kinds)


def _pairs(
    subject: Subject, site: Site, lens: Ablation, chosen: Table
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Pairs of the strongest units, as many random ones, the others; and what was left out."""
    order = strongest(subject, site, chosen)
    afford = afforded_rows(subject, site, lens) / lens.fewest
    kept = min(site.units, lens.all_pairs, int(np.sqrt(2 * afford)) + 1)
    top = np.array(list(combinations(sorted(order[: lens.partners].tolist()), 2)))
    every = np.stack(np.triu_indices(site.units, 1), 1)  # [pairs, 2]
    every = every[~np.isin(every @ [site.units, 1], top @ [site.units, 1])]
    rng = np.random.default_rng([subject.seed, site.depth, 2])
    picked = np.sort(rng.permutation(len(every))[: len(top)])
    left = np.delete(every, picked, axis=0)
    others = left[np.isin(left, order[:kept]).all(1)]
    note = (
        ""
        if kept == site.units
        else f"Of site '{site.name}', pairs of the {kept} units with the largest effects on the "
        f"selection split are searched, of {site.units}; `exact` and `extra` allow more."
    )
    return top, every[picked], others, note


def _named_columns(
    subject: Subject, site: Site, lens: Ablation, top: np.ndarray, random: np.ndarray
) -> dict[str, np.ndarray]:
    """Columns of the top and random pairs, a row for each class."""
    pairs = np.concatenate([top, random]) if len(random) else top
    examples = afforded_examples(subject, site, lens, len(pairs))
    effects = pair_effects(subject, site, pairs, examples, lens.edit)
    kinds = np.repeat(np.array(["top", "random"]), [len(top), len(random)])
    return _columns(site, pairs, kinds, effects, [*subject.classes, "all"])


def _other_columns(
    subject: Subject, site: Site, lens: Ablation, pairs: np.ndarray
) -> dict[str, np.ndarray]:
    """Columns of all further pairs, over all examples."""
    examples = afforded_examples(subject, site, lens, len(pairs))
    effects = pair_effects(subject, site, pairs, examples, lens.edit)
    return _columns(site, pairs, np.repeat(np.array(["other"]), len(pairs)), effects, ["all"])


def _columns(
    site: Site, pairs: np.ndarray, kinds: np.ndarray, effects: PairEffects, classes: list[str]
) -> dict[str, np.ndarray]:
    """Columns of pairs × the last classes of those measured."""
    width, values = len(classes), dict[str, np.ndarray]()
    named = {
        "effect_a": effects.first, "effect_b": effects.second, "effect_ab": effects.both,
        "interaction": effects.interaction,
    }  # fmt: skip
    for name, every in named.items():
        means = every[:, -width:]
        ends = ("lo", "hi") if name == "interaction" else (f"{name}_lo", f"{name}_hi")
        values |= {name: means.mean, **dict(zip(ends, means.interval(), strict=True))}
        if name == "interaction":
            values |= {"n": means.count, "p": means.p()}
    return {
        "site": np.repeat(np.array([site.name]), len(pairs) * width),
        "unit_a": np.repeat(pairs[:, 0], width),
        "unit_b": np.repeat(pairs[:, 1], width),
        "class": np.tile(np.array(classes), len(pairs)),
        "kind": np.repeat(kinds, width),
        **{name: value.reshape(-1) for name, value in values.items()},
    }


def _sampling(subject: Subject, table: Table) -> str:
    n = table.where(class_="all").column("n")
    return (
        f"Measured on {between(n)} of {len(subject.evaluation)} evaluation "
        "examples, stratified; `extra` allows more."
    )
