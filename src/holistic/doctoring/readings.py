"""Computes single findings of a subject with small settings, each when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.lenses.activation import Activation
from holistic.lenses.agreement import Agreement
from holistic.lenses.attribution import Attribution
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.tracing import Tracing
from holistic.progress import silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism._columns import Columns
    from holistic.lenses.mechanism._untrained import Copies

__all__ = ["FINDINGS", "Readings"]

_ABLATION = Ablation(
    depth=10,
    sets=50,
    partners=10,
    all_pairs=64,
    familywise=0,
    operations=1e12,
    budget=1.0,
    extra=1.0,
)
_ACTIVATION = Activation(shuffles=50)
_AGREEMENT = Agreement(controls=2, examples=200, operations=1e11)
_ATTRIBUTION = Attribution(
    evidence_images=20, examples=80, steps=32, noise_draws=8, fractions=8, random_orders=3
)
_MECHANISM = Mechanism(shuffles=1, draws=20, edge_units=16)
_TRACING = Tracing(controls=100, examples=200, operations=3e10)


class Readings(Mapping[str, Finding]):
    """Findings of one subject by name."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._kept: dict[str, Finding] = {}

    @settled(gradients=True)
    def __getitem__(self, name: str) -> Finding:
        if name not in self._kept:
            self._kept[name] = FINDINGS[name](self)
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(FINDINGS)

    def __len__(self) -> int:
        return len(FINDINGS)


def _chosen(readings: Readings) -> Table:
    """What choosing goes by: the removal of single units on the selection split."""
    from holistic.replacing import affordable_sweep

    return affordable_sweep(
        readings.subject,
        "mean",
        operations=_ABLATION.operations,
        split="selection",
        fewest=_ABLATION.fewest,
    )[0]


def _units(readings: Readings) -> Finding:
    from holistic.lenses.ablation.units import remove_units

    return remove_units(readings.subject, _ABLATION, _chosen(readings), silent)


def _scores(readings: Readings) -> Finding:
    from holistic.lenses.ablation.scores import score_units

    return score_units(readings.subject, _ABLATION, silent)


def _topk(readings: Readings) -> Finding:
    from holistic.lenses.ablation.topk import remove_sets

    return next(remove_sets(readings.subject, _ABLATION, _chosen(readings), silent))


def _interactions(readings: Readings) -> Finding:
    from holistic.lenses.ablation.interactions import find_interactions

    return find_interactions(readings.subject, _ABLATION, _chosen(readings), silent)


def _backup(readings: Readings) -> Finding:
    from holistic.lenses.ablation.backup import find_backups

    *_, backup = find_backups(readings.subject, _ABLATION, _chosen(readings), silent)
    return backup


def _responses(readings: Readings) -> Finding:
    from holistic.lenses.activation._profiles import survey
    from holistic.lenses.activation.units import units_finding

    found = survey(readings.subject, _ACTIVATION, silent)
    return units_finding(readings.subject, _ACTIVATION, found)


def _patching(readings: Readings) -> Finding:
    from holistic.lenses.tracing.patching import patch_sites

    return patch_sites(readings.subject, _TRACING)


def _directions(readings: Readings) -> Finding:
    from holistic.lenses.tracing._fitted_directions import collect
    from holistic.lenses.tracing.directions import find_directions

    features = collect(readings.subject, silent)
    return find_directions(readings.subject, _TRACING, features, silent)


def _correlated(readings: Readings) -> Finding:
    from holistic.lenses.mechanism.pairs import pairs

    columns, control = _controlled(readings)
    return pairs(readings.subject, columns, control, settings=_MECHANISM, progress=silent)


def _clusters(readings: Readings) -> Finding:
    from holistic.lenses.mechanism.clusters import clusters

    control = _controlled(readings)[1]
    return clusters(readings.subject, control, settings=_MECHANISM, progress=silent)


def _controlled(readings: Readings) -> tuple[Columns, Copies]:
    from holistic.lenses.mechanism._columns import columns_of
    from holistic.lenses.mechanism._untrained import copies, copies_of

    subject = readings.subject
    columns = columns_of(subject, _MECHANISM.most_units)
    drawn = copies(subject, settings=_MECHANISM)
    control = copies_of(subject, drawn, columns, settings=_MECHANISM, progress=silent)
    return columns, control


def _edges(readings: Readings) -> Finding:
    from holistic.lenses.mechanism.edges import edges

    return edges(readings.subject, settings=_MECHANISM, progress=silent)


def _flow(readings: Readings) -> Finding:
    from holistic.lenses.mechanism.flow import flow, read_sites

    subject = readings.subject
    fresh = subject.untrained(subject.seed)
    return flow(subject, read_sites(subject, fresh, settings=_MECHANISM, progress=silent))


def _evidence(readings: Readings) -> Finding:
    from holistic.lenses.attribution.evidence import evidence_finding

    return evidence_finding(readings.subject, _ATTRIBUTION, silent)


def _methods(readings: Readings) -> Finding:
    from holistic.lenses.attribution.methods import methods_finding

    return methods_finding(readings.subject, _ATTRIBUTION, silent)


def _verdicts(readings: Readings) -> Finding:
    from holistic.lenses.agreement._scores import unit_scores
    from holistic.lenses.agreement.units import judge_units

    context = Context(_read(readings))
    scores = unit_scores(readings.subject, _AGREEMENT, context)
    return judge_units(readings.subject, _AGREEMENT, scores, context)


def _read(readings: Readings) -> dict[str, Finding]:
    """What verdicts read; no verdict goes by clusters, so that there are none."""
    from holistic.lenses.mechanism.schemas import CLUSTERS, ClusteredUnit

    names = ("ablation.units", "activation.units", "tracing.patching")
    found = {name: readings[name] for name in names}
    return {**found, "mechanism.clusters": Finding(CLUSTERS, Table.from_rows(ClusteredUnit, []))}


FINDINGS: dict[str, Callable[[Readings], Finding]] = {
    "ablation.units": _units,
    "ablation.scores": _scores,
    "ablation.topk": _topk,
    "ablation.interactions": _interactions,
    "ablation.backup": _backup,
    "activation.units": _responses,
    "agreement.units": _verdicts,
    "attribution.evidence": _evidence,
    "attribution.methods": _methods,
    "mechanism.clusters": _clusters,
    "mechanism.edges": _edges,
    "mechanism.flow": _flow,
    "mechanism.pairs": _correlated,
    "tracing.directions": _directions,
    "tracing.patching": _patching,
}
"""What makes each finding that a verdict stands in."""
