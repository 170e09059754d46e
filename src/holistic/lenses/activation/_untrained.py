"""Measures the same of the model and of randomly initialised controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from holistic.graph.sites import Site
from holistic.lenses._units import unit_values
from holistic.lenses._untrained import Drawn
from holistic.lenses.activation import Activation
from holistic.lenses.activation._matching import (
    Concepts,
    Match,
    chosen_concepts,
    concepts_of,
    correlations,
    match,
    middles,
    properties,
)
from holistic.lenses.activation._profiles import selectivity, separation
from holistic.lenses.activation._stimuli import KINDS, Stimuli, drawable, oriented
from holistic.lenses.activation._values import reduced
from holistic.lenses.activation.tuning import Tuning, tuned
from holistic.pieces import every, kept
from holistic.progress import Progress
from holistic.stats.intervals import class_auroc
from holistic.stats.moments import Moments
from holistic.stats.tests import p_of_count
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["MEASURES", "Compared", "Probe", "compare", "specificity"]

MEASURES = ("auroc", "d_prime", "selectivity", "property")
"""What is followed over depth."""
_DRAWS = 25
"""How often the evaluation examples are drawn again: the intervals of `depth` are over images."""
_FIRST = 104_729
"""Added to the subject's seed, so that no control has the weights that the model started from."""


@dataclass(frozen=True)
class Probe:
    """What the network and each control are shown.

    Attributes
    ----------
    selection, evaluation
        Some examples of both splits, every class with its share.
    concepts
        What is true of them, in this order.
    stimuli
        By kind; empty where the inputs aren't pictures.
    """

    selection: Examples
    evaluation: Examples
    concepts: tuple[Concepts, Concepts]
    stimuli: Mapping[str, Stimuli]


@dataclass(frozen=True)
class Compared:
    """Numbers of all units of the hidden sites, and the same of randomly initialised controls.

    Attributes
    ----------
    sites
        In order of depth.
    copies
        Number of randomly initialised controls.
    measures
        By site and measure `[U]`: `MEASURES`, `concept`, and `tuning <kind>`.
    controls
        The same of each control, `[copies, U]`.
    redrawn
        Those of `MEASURES` of the subject on evaluation examples drawn again, `[D, U]`.
    matches, tunings
        By site, the best concepts, and by kind of stimuli the tuning.
    concepts
        Of the examples that the scores are of.
    stimuli
        By kind.
    """

    sites: tuple[Site, ...]
    copies: int
    measures: Mapping[str, Mapping[str, np.ndarray]]
    controls: Mapping[str, Mapping[str, np.ndarray]]
    redrawn: Mapping[str, Mapping[str, np.ndarray]]
    matches: Mapping[str, Match]
    tunings: Mapping[str, Mapping[str, Tuning]]
    concepts: Concepts
    stimuli: Mapping[str, Stimuli]

    def control(self, site: str, measure: str) -> np.ndarray:
        """Return what the controls' units have, `[copies, U]`."""
        return self.controls[site][measure]

    def p_of(self, site: str, measure: str, values: np.ndarray) -> np.ndarray:
        """Return the p of units `[U]`: the share of the controls' units of the site as large."""
        control = self.control(site, measure).ravel()
        control = np.sort(control[np.isfinite(control)])
        larger = len(control) - np.searchsorted(control, np.nan_to_num(values) - 1e-12)
        p = p_of_count(larger, len(control))
        return np.where(np.isnan(values) | (len(control) == 0), np.nan, p)

    def floor_of(self, site: str, measure: str, largest: float = np.inf) -> float:
        """Return the least p that a unit of a site can have, where no number exceeds `largest`."""
        return float(self.p_of(site, measure, np.array([largest]))[0])


def compare(
    subject: Subject, lens: Activation, progress: Progress, kinds: Sequence[str] = KINDS
) -> Compared:
    """Measure the subject and randomly initialised controls on the same examples and stimuli."""
    probe = _probe(subject, lens, kinds)
    sites = subject.hidden_sites
    task, total = "randomly initialised controls", lens.controls + 1
    values = _values(subject, sites, probe, lens.reduction)
    measures = {site.name: _measured(values[site.name], probe, subject) for site in sites}
    progress(task, 1, total)
    drawn = list[dict[str, dict[str, np.ndarray]]]()
    controls = (Drawn(subject, subject.seed + _FIRST + copy) for copy in range(lens.controls))
    asked = ((control, sites, probe, lens.reduction) for control in controls)
    for done, one in enumerate(every(_of_control, asked), 2):
        drawn.append(one)
        progress(task, done, total)
    return Compared(
        sites=sites,
        copies=lens.controls,
        measures=measures,
        controls={
            name: {measure: np.stack([copy[name][measure] for copy in drawn]) for measure in found}
            for name, found in measures.items()
        },
        redrawn={site.name: _redrawn(values[site.name], probe, subject) for site in sites},
        matches={site.name: _matched(values[site.name], probe) for site in sites},
        tunings={site.name: _tunings(values[site.name], probe) for site in sites},
        concepts=probe.concepts[1],
        stimuli=probe.stimuli,
    )


@kept
def _of_control(
    control: Drawn, sites: Sequence[Site], probe: Probe, reduction: str
) -> dict[str, dict[str, np.ndarray]]:
    """What is measured of one control, by site and measure: `[U]` each."""
    fresh = control.made()
    captured = _values(fresh, sites, probe, reduction)
    return {site.name: _measured(captured[site.name], probe, fresh) for site in sites}


def _probe(subject: Subject, lens: Activation, kinds: Sequence[str]) -> Probe:
    """Draw examples of both splits, measure their properties, and draw the stimuli."""
    sides = [
        e.sample(lens.probes, seed=subject.seed) for e in (subject.selection, subject.evaluation)
    ]
    measured = [properties(side.images, sides[0].images) for side in sides]
    middle = None if measured[0] is None else middles(measured[0])
    concepts = [
        concepts_of(side.labels.cpu().numpy(), subject.classes, found, middle)
        for side, found in zip(sides, measured, strict=True)
    ]
    pictures = subject.input_kind.pictures and drawable(subject.images)
    drawn = partial(oriented, subject.images, seed=subject.seed, repeats=lens.phases)
    stimuli = {kind: drawn(kind) for kind in kinds} if pictures else {}
    return Probe(sides[0], sides[1], (concepts[0], concepts[1]), stimuli)


def _values(
    subject: Subject, sites: Sequence[Site], probe: Probe, reduction: str
) -> dict[str, dict[str, np.ndarray]]:
    """Read all that is shown, by site and by what it is: `[N, U]` float64 each."""
    shown: dict[str, Tensor] = {
        "selection": probe.selection.images,
        "evaluation": probe.evaluation.images,
        **{kind: stimuli.images for kind, stimuli in probe.stimuli.items()},
    }
    names, reduce = [site.name for site in sites], partial(reduced, reduction=reduction)
    by_site: dict[str, dict[str, np.ndarray]] = {name: {} for name in names}
    for key, images in shown.items():
        for name, values in unit_values(subject, names, images, reduce=reduce).items():
            by_site[name][key] = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    return by_site


def _measured(
    values: Mapping[str, np.ndarray], probe: Probe, subject: Subject
) -> dict[str, np.ndarray]:
    """Reduce what the units of a site hold to one number a unit and measure, `[U]` each."""
    sides = values["selection"], values["evaluation"]
    labels = [e.labels.cpu().numpy() for e in (probe.selection, probe.evaluation)]
    present = [concepts.present for concepts in probe.concepts]
    found = _specific(sides, (labels[0], labels[1]), (present[0], present[1]), probe, subject)
    spread = sides[1].std(0)
    for kind, shown in probe.stimuli.items():
        found[f"tuning {kind}"] = tuned(values[kind], shown, spread, bounded=False).tuning
    return found


def _specific(
    sides: tuple[np.ndarray, np.ndarray],
    labels: tuple[np.ndarray, np.ndarray],
    present: tuple[np.ndarray, np.ndarray],
    probe: Probe,
    subject: Subject,
) -> dict[str, np.ndarray]:
    """How specific units are to a class, to a property of the image, and to either: `[U]` each."""
    found = specificity(sides, labels, len(subject.classes))
    kinds = np.array(probe.concepts[0].kinds)
    for name, own in (("property", kinds == "property"), ("concept", kinds != "")):
        found[name] = _best(sides, (present[0][:, own], present[1][:, own]))
    return found


def _redrawn(
    values: Mapping[str, np.ndarray], probe: Probe, subject: Subject
) -> dict[str, np.ndarray]:
    """Measure units on evaluation examples drawn again, with replacement, `[D, U]`."""
    labels = [e.labels.cpu().numpy() for e in (probe.selection, probe.evaluation)]
    present = [concepts.present for concepts in probe.concepts]
    rng, count = np.random.default_rng(subject.seed), len(labels[1])
    parts = list[dict[str, np.ndarray]]()
    for rows in rng.integers(0, count, (_DRAWS, count)):
        sides = values["selection"], values["evaluation"][rows]
        both = present[0], present[1][rows]
        parts.append(_specific(sides, (labels[0], labels[1][rows]), both, probe, subject))
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _best(
    sides: tuple[np.ndarray, np.ndarray], present: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Correlation on the evaluation split with the concept chosen on the selection split, `[U]`."""
    units = sides[0].shape[1]
    if not present[0].shape[1]:
        return np.full(units, np.nan)
    chosen = chosen_concepts(sides[0], present[0])
    r = correlations(sides[1], present[1])[chosen, np.arange(units)]
    return np.where(chosen < 0, np.nan, r)


def specificity(
    sides: tuple[np.ndarray, np.ndarray], labels: tuple[np.ndarray, np.ndarray], classes: int
) -> dict[str, np.ndarray]:
    """Measure how specific units are to the class that they prefer on the selection split.

    Parameters
    ----------
    sides
        Units `[N, U]` of the selection and of the evaluation split.
    labels
        Classes `[N]` of both.
    classes
        Number of classes.

    Returns
    -------
    dict[str, np.ndarray]
        `auroc`, `d_prime` and `selectivity` of the evaluation split, `[U]` each; NaN for units
        that are constant on it.
    """
    chosen = Moments.of(sides[0], labels[0], classes).mean
    chosen = np.where(np.isnan(chosen), -np.inf, chosen).argmax(0)[None]
    moments = Moments.of(sides[1], labels[1], classes)
    negative = np.minimum(sides[0].min(0), sides[1].min(0)) < 0
    numbers = {
        "auroc": class_auroc(sides[1], labels[1], classes).T,
        "d_prime": separation(moments),
        "selectivity": selectivity(moments.mean, negative),
    }
    flat = np.ptp(sides[1], axis=0) == 0
    return {
        name: np.where(flat, np.nan, np.take_along_axis(by_class, chosen, 0)[0])
        for name, by_class in numbers.items()
    }


def _matched(values: Mapping[str, np.ndarray], probe: Probe) -> Match:
    before, after = (concepts.present for concepts in probe.concepts)
    return match((values["selection"], before), (values["evaluation"], after))


def _tunings(values: Mapping[str, np.ndarray], probe: Probe) -> dict[str, Tuning]:
    spread = values["evaluation"].std(0)
    return {kind: tuned(values[kind], shown, spread) for kind, shown in probe.stimuli.items()}
