"""What does each site know of the class, and how does that change from site to site?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses._cases import Cases, cases
from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism._features import INPUT, Features, site_features
from holistic.lenses.mechanism._geometry import alignment, axes, collapse, gram
from holistic.lenses.mechanism._probes import Probe, gain, probe
from holistic.lenses.mechanism._values import class_indices, sampled
from holistic.lenses.mechanism.schemas import SiteFlow
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.stats.jackknife import Jackknifed, jackknifed
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.words import percent

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
    """`[M, C]`, what the probe of the untrained copy says of them."""
    nc1: Jackknifed
    axes: Jackknifed


@dataclass(frozen=True)
class Likeness:
    """How alike two neighbouring sites are."""

    cka: Jackknifed
    shuffled: float


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
    return Finding(
        schemas.FLOW,
        Table.from_rows(SiteFlow, [_row(task, reads, likenesses, i) for i in range(len(reads))]),
        _statements(subject, task, reads, likenesses),
        _caveats(task, reads),
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


def _probe(
    features: tuple[Features, Features], labels: tuple[np.ndarray, np.ndarray], penalty: float
) -> Probe:
    train, test = ((f.values, y) for f, y in zip(features, labels, strict=True))
    return probe(train, test, penalty=penalty)


def _likeness(before: np.ndarray, after: np.ndarray, seed: int) -> Likeness:
    def cka(rows: np.ndarray) -> float:
        chosen = np.ix_(rows, rows)
        return alignment(before[chosen], after[chosen])

    rng, n = np.random.default_rng(seed), len(before)
    orders = (rng.permutation(n) for _ in range(_SHUFFLES))
    shuffled = [alignment(before, after[np.ix_(order, order)]) for order in orders]
    return Likeness(jackknifed(cka, n, limits=(-1, 1), seed=seed), max(shuffled))


def _row(task: Task, reads: Sequence[Read], likenesses: Sequence[Likeness], i: int) -> SiteFlow:
    read = reads[i]
    like = likenesses[i] if i < len(likenesses) else None
    lo, hi = wilson(read.probe.right.sum(), len(read.probe.right))
    change = gain(reads[i - 1].probe if i else None, read.probe)
    beyond, trained = gain(read.control, read.probe), gain(read.untrained, read.probe)
    nan = float("nan")
    return SiteFlow(
        site=read.site,
        probe_accuracy=read.probe.accuracy,
        lo=float(lo),
        hi=float(hi),
        change=change[0],
        change_lo=change[1],
        change_hi=change[2],
        control_accuracy=read.control.accuracy,
        control_fit=read.control.fit,
        n_fit=len(task.labels[0]),
        selectivity=beyond[0],
        selectivity_lo=beyond[1],
        selectivity_hi=beyond[2],
        untrained_accuracy=read.untrained.accuracy if read.untrained else nan,
        trained_gain=trained[0],
        trained_gain_lo=trained[1],
        trained_gain_hi=trained[2],
        n=len(read.probe.right),
        cka_to_next=like.cka.value if like else nan,
        cka_lo=like.cka.lo if like else nan,
        cka_hi=like.cka.hi if like else nan,
        cka_shuffled=like.shuffled if like else nan,
        nc1=read.nc1.value,
        nc1_lo=read.nc1.lo,
        nc1_hi=read.nc1.hi,
        participation_ratio=read.axes.value,
        participation_lo=read.axes.lo,
        participation_hi=read.axes.hi,
        n_geometry=len(task.geometry),
        features=read.features,
        positions=read.positions,
    )


def _statements(
    subject: Subject, task: Task, reads: Sequence[Read], likenesses: Sequence[Likeness]
) -> tuple[str, ...]:
    first, last = reads[0], reads[-1]
    steps = [gain(a.probe, b.probe) for a, b in pairwise(reads)]
    rises, falls = sum(s[1] > 0 for s in steps), sum(s[2] < 0 for s in steps)
    right = subject.predict(task.evaluation.images).argmax(1) == task.evaluation.labels
    controls = [r.control.accuracy for r in reads]
    return (
        f"A linear probe tells the class from '{first.site}' in {_share(first.probe)} of the "
        f"evaluation examples and from '{last.site}' in {_share(last.probe)}: "
        f"{_points(gain(first.probe, last.probe))}, paired (n = {len(right):,}; the model itself: "
        f"{percent(float(right.double().mean()))}, probes of shuffled labels at most "
        f"{percent(max(controls))}). It rises in {rises} of the {len(steps)} steps "
        f"from site to site and falls in {falls} (intervals without 0).",
        f"Controls: trained on shuffled labels the probes reach {percent(min(controls))} to "
        f"{percent(max(controls))}; at '{last.site}' training adds "
        f"{_points(gain(last.untrained, last.probe))} to what the untrained copy gives.",
        *_geometry(task, reads, likenesses),
    )


def _geometry(task: Task, reads: Sequence[Read], likenesses: Sequence[Likeness]) -> Iterator[str]:
    """Say how the features lie at the sites where they lie apart."""
    varied = [read for read in reads if np.isfinite([read.nc1.value, read.axes.value]).all()]
    if len(varied) > 1:
        first, last = varied[0], varied[-1]
        yield (
            f"Scatter inside classes over that between them (NC1) changes by "
            f"{_bounded(last.nc1.minus(first.nc1))} from {_bounded(first.nc1)} to "
            f"{_bounded(last.nc1)}; the variance spreads over {_bounded(first.axes)} axes at "
            f"'{first.site}' and {_bounded(last.axes)} at '{last.site}' "
            f"(n = {len(task.geometry):,})."
        )
    known = [i for i, likeness in enumerate(likenesses) if np.isfinite(likeness.cka.value)]
    if known:
        least = min(known, key=lambda i: likenesses[i].cka.value)
        yield (
            f"Of {len(known)} {'step' if len(known) == 1 else 'steps'} representations change "
            f"most between '{reads[least].site}' and '{reads[least + 1].site}': debiased CKA "
            f"{_bounded(likenesses[least].cka)}, at most {likenesses[least].shuffled:.3f} when "
            "examples are shuffled."
        )
    flat = [f"'{read.site}'" for read in reads if np.isnan(read.axes.value)]
    if flat:
        yield (
            f"All units are constant at {', '.join(flat)}: there is no scatter, no axis and no CKA."
        )


def _share(probe: Probe) -> str:
    lo, hi = wilson(probe.right.sum(), len(probe.right))
    return percent(probe.accuracy, lo, hi)


def _points(gain: tuple[float, float, float]) -> str:
    return "{:+.1f} points [{:.1f}, {:.1f}]".format(*(100 * g for g in gain))


def _bounded(value: Jackknifed) -> str:
    return f"{value.value:.3g} [{value.lo:.3g}, {value.hi:.3g}]"


def _caveats(task: Task, reads: Sequence[Read]) -> tuple[str, ...]:
    caveats = [
        "Every image is an input of its own, so a control task can't be learnt, only memorised: "
        "control_fit says how much of it is.",
        "That a probe can read the class doesn't mean that the model uses what it reads.",
        "Beside the model stands one untrained copy; another one's probes would differ a little.",
    ]
    averaged = [f"'{r.site}' ({r.whole} to {r.positions})" for r in reads if r.positions < r.whole]
    if averaged:
        caveats.append(
            f"Neighbouring positions were averaged to keep {task.most:,} features or fewer, which "
            f"may hide from the probe what the site holds: {', '.join(averaged)} positions."
        )
    return tuple(caveats)
