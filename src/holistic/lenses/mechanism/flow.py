"""Reads the class from each site with linear probes, and measures how the features lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses._cases import Cases, cases
from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism._features import INPUT, Features, site_features
from holistic.lenses.mechanism._geometry import alignment, axes, collapse, gram
from holistic.lenses.mechanism._probes import Probe, gain, probe
from holistic.lenses.mechanism._values import class_indices, sampled
from holistic.lenses.mechanism.flow_statements import caveats, statements
from holistic.lenses.mechanism.schemas import SiteFlow
from holistic.pieces import kept
from holistic.progress import Progress
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.stats.jackknife import Jackknifed, jackknifed
from holistic.study.examples import Examples
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["Reading", "SiteFlow", "flow", "read_sites"]

_SHUFFLES = 20


@dataclass(frozen=True)
class Task:
    """The examples that sites are read on, with true and shuffled labels of both splits."""

    selection: Examples
    evaluation: Examples
    cases: Cases
    geometry: np.ndarray
    """Places of the examples of CKA, NC1 and participation ratio among the evaluation examples."""
    labels: tuple[np.ndarray, np.ndarray]
    shuffled: tuple[np.ndarray, np.ndarray]
    most: int
    """Features that a site may have."""
    penalty: float
    seed: int


@dataclass(frozen=True)
class Read:
    """What was read from one site."""

    site: str
    features: int
    positions: int
    whole: int
    """Positions of the site, of which `positions` are left after averaging neighbours."""
    probe: Probe
    control: Probe
    untrained: Probe | None
    """None for the input, which training doesn't change."""
    chances: np.ndarray
    """`[M, C]`, what the probe says of the images that are told of one by one."""
    untrained_chances: np.ndarray
    """`[M, C]`, what the probe of the randomly initialised control says of them."""
    nc1: Jackknifed
    axes: Jackknifed


@dataclass(frozen=True)
class Likeness:
    """How alike two neighbouring sites are."""

    cka: Jackknifed
    shuffled: float

    @property
    def estimate(self) -> Estimate:
        """CKA beside the largest one of shuffled examples."""
        return Estimate(self.cka.value, self.cka.lo, self.cka.hi, control=self.shuffled)


@dataclass(frozen=True)
class Reading:
    """What was read from the input, each hidden site and each block output, in their order."""

    task: Task
    reads: Sequence[Read]
    likenesses: Sequence[Likeness]
    """Of each site with the next one."""


def read_sites(
    subject: Subject, untrained: Subject, *, settings: Mechanism, progress: Progress
) -> Reading:
    """Read the class from each site with linear probes, and measure how its features lie.

    Probes are trained on the selection split and scored on the evaluation split.

    Parameters
    ----------
    subject
        The model under study.
    untrained
        The control: the same architecture with fresh weights.
    settings
        Settings of the lens.
    progress
        Told how many sites are done.

    References
    ----------
    Alain & Bengio 2016 (probes); Hewitt & Liang 2019 (control tasks); Song et al. 2012 and Murphy
    et al. 2024 (CKA); Papyan, Han & Donoho 2020 (NC1).
    """
    names = [INPUT, *(s.name for s in subject.all_sites if s.hidden or s.block)]
    task = _task(subject, settings)
    reads, likenesses, before = list[Read](), list[Likeness](), np.empty(0)
    for done, name in enumerate(names):
        progress("class information by site", done, len(names))
        read, products = _read(subject, untrained, name, task)
        if reads:
            likenesses.append(_likeness(before, products, task.seed))
        reads.append(read)
        before = products
    progress("class information by site", len(names), len(names))
    return Reading(task, reads, likenesses)


def flow(subject: Subject, reading: Reading) -> Finding:
    """Build `mechanism.flow`: one row for the input, each hidden site and each block output."""
    task, reads, likenesses = reading.task, reading.reads, reading.likenesses
    rows = [_row(task, reads, likenesses, i) for i in range(len(reads))]
    return Finding(
        schemas.FLOW,
        Table.from_rows(SiteFlow, rows),
        statements(subject, reading),
        caveats(reading),
    )


def _task(subject: Subject, settings: Mechanism) -> Task:
    seed = subject.seed
    selection, evaluation = (
        sampled(s, settings.probe_examples, seed=seed)
        for s in (subject.selection, subject.evaluation)
    )
    geometry = sampled(evaluation, settings.geometry_examples, seed=seed).indices
    labels = class_indices(selection), class_indices(evaluation)
    rng = np.random.default_rng(seed)
    return Task(
        selection=selection,
        evaluation=evaluation,
        cases=cases(subject),
        geometry=np.flatnonzero(np.isin(evaluation.indices, geometry)),
        labels=labels,
        shuffled=(rng.permutation(labels[0]), rng.permutation(labels[1])),
        most=settings.probe_features,
        penalty=settings.probe_penalty,
        seed=seed,
    )


def _read(subject: Subject, untrained: Subject, name: str, task: Task) -> tuple[Read, np.ndarray]:
    """Read one site; also the products `[N, N]` of its features over pairs of examples."""
    features = _features(subject, name, task)
    kept = features[1]
    x, labels = kept.values[task.geometry], task.labels[1][task.geometry]
    n, seed = len(x), task.seed
    own = _probe(features, task.labels, task.penalty)
    fresh = None
    if name != INPUT:
        fresh = _probe(_features(untrained, name, task), task.labels, task.penalty)
    chances = _chances(subject, name, task, own)
    read = Read(
        site=name,
        features=kept.values.shape[1],
        positions=kept.positions,
        whole=kept.whole,
        probe=own,
        control=_probe(features, task.shuffled, task.penalty),
        untrained=fresh,
        chances=chances,
        untrained_chances=_chances(untrained, name, task, fresh) if fresh else chances,
        nc1=jackknifed(
            lambda rows: collapse(x[rows], labels[rows]), n, limits=(0, np.inf), seed=seed
        ),
        axes=axes(x),
    )
    return read, gram(x)


def _chances(model: Subject, name: str, task: Task, reader: Probe) -> np.ndarray:
    """What a probe says of the images that are told of one by one, `[M, C]`."""
    images = site_features(model, name, task.cases.examples, most=task.most)
    return reader.chances(images.values, len(model.classes))


def _features(subject: Subject, name: str, task: Task) -> tuple[Features, Features]:
    selection, evaluation = (
        site_features(subject, name, s, most=task.most) for s in (task.selection, task.evaluation)
    )
    return selection, evaluation


@kept
def _probe(
    features: tuple[Features, Features], labels: tuple[np.ndarray, np.ndarray], penalty: float
) -> Probe:
    train, test = ((f.values, y) for f, y in zip(features, labels, strict=True))
    return probe(train, test, penalty=penalty)


@kept
def _likeness(before: np.ndarray, after: np.ndarray, seed: int) -> Likeness:
    def cka(rows: np.ndarray) -> float:
        chosen = np.ix_(rows, rows)
        return alignment(before[chosen], after[chosen])

    rng, n = np.random.default_rng(seed), len(before)
    orders = (rng.permutation(n) for _ in range(_SHUFFLES))
    shuffled = [alignment(before, after[np.ix_(order, order)]) for order in orders]
    return Likeness(jackknifed(cka, n, limits=(-1, 1), seed=seed), max(shuffled))


def _row(task: Task, reads: Sequence[Read], likenesses: Sequence[Likeness], i: int) -> SiteFlow:
    read, nan = reads[i], float("nan")
    lo, hi = wilson(read.probe.right.sum(), len(read.probe.right))
    return SiteFlow(
        site=read.site,
        probe_accuracy=Estimate(
            read.probe.accuracy, float(lo), float(hi), control=read.control.accuracy
        ),
        control_fit=read.control.fit,
        n_fit=len(task.labels[0]),
        untrained_accuracy=read.untrained.accuracy if read.untrained else nan,
        change=Estimate(*gain(reads[i - 1].probe if i else None, read.probe)),
        selectivity=Estimate(*gain(read.control, read.probe)),
        trained_gain=Estimate(*gain(read.untrained, read.probe)),
        n=len(read.probe.right),
        cka_to_next=likenesses[i].estimate if i < len(likenesses) else Estimate(nan),
        nc1=_jackknifed(read.nc1),
        participation_ratio=_jackknifed(read.axes),
        n_geometry=len(task.geometry),
        features=read.features,
        positions=read.positions,
    )


def _jackknifed(found: Jackknifed) -> Estimate:
    return Estimate(found.value, found.lo, found.hi)
