"""Counts what tests find where nothing is: in untrained networks, and under shuffled labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from holistic.doctoring.readings import Readings
from holistic.doctoring.schemas import RATES, RateRow
from holistic.doctoring.truths import share_of, too_many
from holistic.graph.accompanied import extras_of
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.given import Given
from holistic.study.splits import stratified_sample
from holistic.study.subject import Subject

__all__ = ["CLUSTERS", "rates", "shuffled"]

_LEVEL = 0.05
_SITES, _EXAMPLES = 3, 1000
"""Sites and examples of a user's own model that are read at most."""
_OTHER = 15_485_863
"""Added to the subject's seed for the network that is studied as if it were trained."""


@dataclass(frozen=True)
class _Test:
    """A test whose every positive answer is false where labels mean nothing.

    `wants` cells pick its rows, `counts` says whether a row was tested, `finds` whether it found
    something, `bound` is the share that may, and rows alike in `once` are of one test.
    """

    name: str
    finding: str
    wants: Mapping[str, Any]
    counts: str
    finds: Callable[[Mapping[str, Any]], bool]
    bound: float = _LEVEL
    once: tuple[str, ...] = ()


def _q(name: str, finding: str, column: str, **wants: Any) -> _Test:
    return _Test(name, finding, wants, column, lambda row: row[column] < _LEVEL)


_TESTS = (
    _Test("selective", "agreement.units", {}, "activation", lambda row: row["selective"], 0.06),
    _Test("causal", "agreement.units", {}, "accuracy_q", lambda row: row["causal"]),
    _q("specific to a class", "ablation.scores", "specific_q"),
    _Test(
        "direction tells its class",
        "tracing.directions",
        {},
        "lo",
        lambda row: row["auroc"] > row["control_auroc_hi"],
    ),
    _Test(
        "class can be read",
        "mechanism.flow",
        {},
        "selectivity_lo",
        lambda row: row["selectivity_lo"] > 0,
    ),
    _Test(
        "cluster has a class",
        "mechanism.clusters",
        {},
        "q",
        lambda row: row["q"] < _LEVEL,
        once=("site", "cluster"),
    ),
)


_OF_UNITS = tuple(test.name for test in _TESTS[:-1])
CLUSTERS = _TESTS[-1].name


def shuffled(subject: Subject, seed: int, *, trained: bool = True) -> Subject:
    """Return a subject whose labels are dealt out at random, or a control that has such labels.

    Of many examples and sites some are taken.

    Parameters
    ----------
    subject
        Whose model and images are taken.
    seed
        Decides the labels, and a control's weights.
    trained
        Whether the model keeps its weights.
    """
    own = subject if trained else subject.untrained(subject.seed + _OTHER + seed)
    rows = torch.from_numpy(stratified_sample(own.labels.cpu(), _EXAMPLES, seed=seed))
    images, labels = own.images[rows], own.labels[rows]
    order = np.random.default_rng([seed, 50]).permutation(len(labels))
    names = [site.name for site in own.hidden_sites]
    places = np.unique(np.linspace(0, len(names) - 1, _SITES).round().astype(int))
    return Subject(
        own.model,
        Given(
            images,
            labels[torch.from_numpy(order)],
            features=own.feature_names,
            vocabulary=own.vocabulary,
        ),
        classes=own.classes,
        score=own.score,
        seed=own.seed,
        forward=own.reading,
        name=own.name,
        unit_axes=own.unit_axes,
        device=own.device,
        sites=[names[place] for place in places],
        inputs=extras_of(images) or None,
    )


def rates(
    subjects: Sequence[tuple[str, Subject, Sequence[str]]], progress: Progress = silent
) -> Finding:
    """Count positive answers of tests in networks where each is false: `doctor.rates`.

    Parameters
    ----------
    subjects
        What readers call each network, the network, and the tests that are made; by default all
        but that of clusters. Networks of the same name are counted together.
    progress
        Called with the networks that are done.
    """
    found = dict[tuple[str, str], list[bool]]()
    for place, (twin, subject, tests) in enumerate(subjects):
        readings = Readings(subject)
        for test in _TESTS:
            if test.name in (tests or _OF_UNITS):
                answers = _answers(test, readings[test.finding].table)
                found.setdefault((twin, test.name), []).extend(answers)
        progress("false positives", place + 1, len(subjects))
    by_name = {test.name: test for test in _TESTS}
    rows = [_row(twin, by_name[name], answers) for (twin, name), answers in found.items()]
    wrong = [row for row in rows if not row.sound]
    lines = tuple(
        f"'{row.test}' finds something in {row.found} of {row.share.n} tests of {row.twin}, where "
        "nothing is."
        for row in wrong
    )
    lines = lines or ("Where nothing is, no test finds more than it may.",)
    return Finding(RATES, Table.from_rows(RateRow, rows), lines)


def _answers(test: _Test, table: Table) -> list[bool]:
    """What each test found; rows that tell of the same test count once."""
    rows = [row for row in table.where(**test.wants).rows() if _known(row[test.counts])]
    once = {tuple(row[name] for name in test.once) or place: row for place, row in enumerate(rows)}
    return [bool(test.finds(row)) for row in once.values()]


def _row(twin: str, test: _Test, answers: Sequence[bool]) -> RateRow:
    found, tests = sum(answers), len(answers)
    sound = not too_many(found, tests, test.bound)
    share = share_of(found, tests)
    return RateRow(twin, test.name, test.finding, share, found, test.bound, sound)


def _known(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))
