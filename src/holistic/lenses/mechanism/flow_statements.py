"""Writes the sentences of `mechanism.flow`: what each site knows of the class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses.mechanism._probes import Probe, gain
from holistic.stats.intervals import wilson
from holistic.stats.jackknife import Jackknifed
from holistic.study.subject import Subject
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.mechanism.flow import Reading

__all__ = ["caveats", "statements"]


def statements(subject: Subject, reading: Reading) -> tuple[str, ...]:
    """Say how much more the last site tells of the class than the first, beside the controls."""
    task, reads = reading.task, reading.reads
    first, last = reads[0], reads[-1]
    steps = [gain(a.probe, b.probe) for a, b in pairwise(reads)]
    rises, falls = sum(s[1] > 0 for s in steps), sum(s[2] < 0 for s in steps)
    right = subject.predict(task.evaluation.images).argmax(1) == task.evaluation.labels
    controls = [r.control.accuracy for r in reads]
    return (
        f"A linear probe tells the class from site '{first.site}' in {_share(first.probe)} of the "
        f"evaluation examples and from site '{last.site}' in {_share(last.probe)}: "
        f"{_points(gain(first.probe, last.probe))}, paired (n = {len(right):,}; the model itself: "
        f"{percent(float(right.double().mean()))}, probes of shuffled labels at most "
        f"{percent(max(controls))}). It rises in {rises} of the {len(steps)} steps "
        f"from site to site and falls in {falls} (intervals without 0).",
        f"Controls: trained on shuffled labels the probes reach {percent(min(controls))} to "
        f"{percent(max(controls))}; at site '{last.site}' training adds "
        f"{_points(gain(last.untrained, last.probe))} to what the randomly initialised control "
        "gives.",
        *_geometry(reading),
    )


def _geometry(reading: Reading) -> Iterator[str]:
    """Say how the features lie at the sites where they lie apart."""
    task, reads, likenesses = reading.task, reading.reads, reading.likenesses
    varied = [read for read in reads if np.isfinite([read.nc1.value, read.axes.value]).all()]
    if len(varied) > 1:
        first, last = varied[0], varied[-1]
        yield (
            f"Scatter inside classes over that between them (NC1) changes by "
            f"{_bounded(last.nc1.minus(first.nc1))} from {_bounded(first.nc1)} to "
            f"{_bounded(last.nc1)}; the variance spreads over {_bounded(first.axes)} axes at "
            f"site '{first.site}' and {_bounded(last.axes)} at site '{last.site}' "
            f"(n = {len(task.geometry):,})."
        )
    known = [i for i, likeness in enumerate(likenesses) if np.isfinite(likeness.cka.value)]
    if known:
        least = min(known, key=lambda i: likenesses[i].cka.value)
        yield (
            f"Of {len(known)} {'step' if len(known) == 1 else 'steps'} representations change "
            f"most between site '{reads[least].site}' and site '{reads[least + 1].site}': debiased "
            f"CKA {_bounded(likenesses[least].cka)}, at most {likenesses[least].shuffled:.3f} when "
            "examples are shuffled."
        )
    flat = [f"site '{read.site}'" for read in reads if np.isnan(read.axes.value)]
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


def caveats(reading: Reading) -> tuple[str, ...]:
    """Say what probes can't tell, and where positions were averaged for them."""
    task, reads = reading.task, reading.reads
    lines = [
        "Every image is an input of its own, so a control task can't be learnt, only memorised: "
        "control_fit says how much of it is.",
        "That a probe can read the class doesn't mean that the model uses what it reads.",
        "Beside the model stands one randomly initialised control; another one's probes would "
        "differ a little.",
    ]
    averaged = [
        f"site '{r.site}' ({r.whole} to {r.positions})" for r in reads if r.positions < r.whole
    ]
    if averaged:
        lines.append(
            f"Neighbouring positions were averaged to keep {task.most:,} features or fewer, which "
            f"may hide from the probe what the site holds: {', '.join(averaged)} positions."
        )
    return tuple(lines)
