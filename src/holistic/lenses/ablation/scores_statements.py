"""Sentences on effects in every score: how many there are, and how many are about the class."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation._budget import between
from holistic.lenses.ablation._effects import SCORES
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import percent, unbounded

__all__ = ["score_caveats", "score_statements"]


def score_statements(table: Table) -> tuple[str, ...]:
    """Count, per score, the units and classes that are changed, and changed as a class."""
    lines = list[str]()
    classed = table.column("class") != "all"
    for name in SCORES:
        rows = (table.column("score") == name) & classed & ~np.isnan(table.column("p"))
        if not rows.any():
            lines.append(f"In {name}, no effect can be tested: no class has two examples.")
            continue
        share, special, control = (
            (table.column(c)[rows] < 0.05).mean() for c in ("q", "specific_q", "shuffled_q")
        )
        strict = int((table.column("familywise")[rows] < 0.05).sum())
        size, usual = (
            np.median(np.abs(table.column(c)[rows])) for c in ("effect", "control_effect")
        )
        n = between(table.column("n")[rows])
        lines.append(
            f"In {name} ({SCORE_UNITS[name]}), {percent(share)} of the {int(rows.sum()):,} effects "
            f"of a unit on a class differ from 0 (q < 0.05, n = {n}, median {size:.2g} either "
            f"way, of a site's median unit {usual:.2g}), {strict} of them at a family-wise "
            f"p < 0.05. {percent(special)} are specific to the class: they differ from the effects "
            "on the other labels of the same examples and on the same label of the other examples "
            f"(q < 0.05; with labels shuffled once: {percent(control)})."
        )
    return tuple(lines)


def score_caveats(subject: Subject, table: Table) -> tuple[str, ...]:
    """Say on how many examples scores are measured, and what each test holds for."""
    n = table.where(class_="all").column("n")
    plain = table.column("score") != "accuracy"
    rare = int((np.isnan(table.column("lo")) & plain & (table.column("n") > 0)).sum())
    return (
        *unbounded(rare, int(plain.sum()), "effects"),
        f"Measured on {between(n)} of {len(subject.evaluation)} evaluation "
        "examples, stratified, with one draw each where the ablation value is random.",
        "The test of the plain effect is significant also where removing a unit only lowers every "
        "logit; `specific` compares with the labels that an example doesn't have, and with the "
        "examples that don't have the label.",
        "p of `specific` are found among the statistics of all units and classes under shuffled "
        "labels: they hold for the family, and for a unit as far as it is like the others.",
        "`logit` and `log_prob` have the same `specific`: what they differ in is common to all "
        "labels of an example.",
        "Random signs take each difference to be as likely as its negative where nothing is there.",
    )
