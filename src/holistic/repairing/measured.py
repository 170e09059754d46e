"""Measures an edited copy beside the model on held-out images, with shortcuts and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from holistic.lenses.attribution.shortcuts import Confirmed
from holistic.repairing.learning import Exchange, logits_of
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.tables import Table
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import mcnemar
from holistic.study.subject import Subject
from holistic.words import named, percent

__all__ = ["REPAIR", "RepairRow", "measured"]

_EVERY = "all"
_Answers = Callable[[torch.Tensor], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class RepairRow:
    """Row of the finding `repair`: one class, or all."""

    class_: str = key("class of the images, or all", name="class")
    before: float = col(
        "accuracy of the model on clean images: shortcuts replaced by what others have there",
        unit="share",
        role="",
    )
    after: float = col("accuracy of the edited copy on the same images", unit="share", role="")
    change: Estimate = estimate(
        "clean accuracy after minus before",
        unit="share",
        words="change of clean accuracy",
        prefix="",
        parts="lo hi p",
        meanings={"p": "two-sided p of no change (McNemar, same images)"},
        called={"p": "p (McNemar)"},
        worse=-1,
        signed=True,
    )
    given_before: float = col("accuracy of the model on images as given", unit="share", role="")
    given_after: float = col("accuracy of the edited copy on them", unit="share", role="")
    pasted_before: float | None = col(
        "share of other classes' images with the class's shortcut that the model takes for it",
        unit="share",
        role="",
    )
    pasted_after: float | None = col("the same of the edited copy", unit="share", role="")
    n: int = col("evaluation images of the class", unit="images", role="n")


REPAIR = Schema(
    "repair",
    "What removing shortcuts does",
    RepairRow,
    lead="What does an edited copy get right that the model got wrong, and the other way round?",
)


def measured(subject: Subject, edited: nn.Module, found: Sequence[Confirmed], how: str) -> Finding:
    """Measure both on evaluation images.

    Parameters
    ----------
    subject
        The model under study.
    edited
        The edited copy.
    found
        The shortcuts.
    how
        What was edited.
    """
    exchange = Exchange.of(subject, found, evaluated=True)
    rows, rng = np.arange(len(exchange.view.labels)), np.random.default_rng([subject.seed, 5])
    clean = exchange.without(rows, rng)
    logits = logits_of(subject, edited)

    def answers(images: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            parts = [logits(part) for part in images.split(512)]
        after = torch.cat(parts).argmax(1).cpu().numpy()
        return exchange.view.predict(images).argmax(1), after

    given_answers = answers(clean), answers(exchange.view.images)
    pasted = {one.suspect.label: _pasted(exchange, k, answers, rng) for k, one in enumerate(found)}
    labels = exchange.view.labels
    groups = [(name, labels == k, k) for k, name in enumerate(subject.classes)]
    table = [
        _row(name, labels[some], [[a[some] for a in pair] for pair in given_answers], pasted.get(k))
        for name, some, k in [*groups, (_EVERY, np.ones(len(labels), bool), -1)]
        if some.any()
    ]
    return Finding(REPAIR, Table.from_rows(RepairRow, table), tuple(_statements(table, how)))


def _pasted(exchange: Exchange, k: int, answers: _Answers, rng: np.random.Generator) -> list[float]:
    label = exchange.found[k].suspect.label
    rows = np.flatnonzero(exchange.view.labels != label)
    one = Exchange(exchange.view, exchange.found[k : k + 1], exchange.carrying[k : k + 1])
    return [
        float((given_answers == label).mean())
        for given_answers in answers(one.with_(rows, 1.0, rng))
    ]


def _row(
    name: str,
    labels: np.ndarray,
    given_answers: Sequence[Sequence[np.ndarray]],
    pasted: Sequence[float] | None,
) -> RepairRow:
    (before, after), (given_before, given_after) = (
        [a == labels for a in pair] for pair in given_answers
    )
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    lo, hi = paired_accuracy_interval(lost, gained, len(labels))
    change = (gained - lost) / len(labels)
    return RepairRow(
        class_=name,
        before=float(before.mean()),
        after=float(after.mean()),
        change=Estimate(change, float(lo), float(hi), p=float(mcnemar(lost, gained))),
        given_before=float(given_before.mean()),
        given_after=float(given_after.mean()),
        pasted_before=pasted[0] if pasted else None,
        pasted_after=pasted[1] if pasted else None,
        n=len(labels),
    )


def _statements(rows: Sequence[RepairRow], how: str) -> list[str]:
    if how == "nothing":
        return ["Nothing was edited: no shortcut was confirmed, or no edit helped."]
    what = {"mask": "a mask of the input", "readout": "the last layer", "weights": "all weights"}
    every = rows[-1]
    lines = [
        f"The copy with {what[how]} edited gets {percent(every.after)} of clean held-out images "
        f"right; the model {percent(every.before)}."
    ]
    for row in rows[:-1]:
        if row.pasted_before is not None and row.pasted_after is not None:
            lines += [
                f"{named(row.class_)} without its shortcut: {percent(row.before)} right before, "
                f"{percent(row.after)} after.",
                f"Pasted into others, its shortcut made {percent(row.pasted_before)} of them "
                f"{named(row.class_)}; now {percent(row.pasted_after)}.",
            ]
    return lines
