"""Lays what convolutions' channels hold over single images: `activation.maps`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.loops import batches
from holistic.graph.sites import Site
from holistic.lenses._cases import Cases, cases
from holistic.lenses.activation import Activation, schemas
from holistic.lenses.activation.schemas import MapRow
from holistic.pieces import kept
from holistic.replacing.gradient import first_order
from holistic.replacing.sweep import Pass
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.order import ordered
from holistic.study.subject import Subject

__all__ = ["maps_finding", "needs", "shown_units", "spatial"]

CELLS = 150_000
"""Numbers that all maps together may hold."""
_SIDE = 28
"""Rows and columns above which a map is made smaller."""
_FEWEST, _MOST = 4, 16
"""Channels of a site that are shown."""
_IMAGES = 20
_BATCH = 64


@dataclass(frozen=True)
class Usual:
    """What the channels of a site hold over positions and examples, `[U]` each."""

    mean: np.ndarray
    spread: np.ndarray
    n: int


def spatial(subject: Subject) -> list[Site]:
    """Hidden sites whose units repeat over a plane, as channels of convolutions do."""
    found = [s for s in subject.hidden_sites if s.layout.endswith("pixels")]
    return [s for s in found if min(s.positions) > 1] if subject.input_kind.pictures else []


def maps_finding(subject: Subject, lens: Activation) -> Finding:
    """Read the channels that classes need most, by a first-order estimate, on single images.

    Parameters
    ----------
    subject
        The model under study, with convolutions.
    lens
        How many examples usual values and estimates are of.
    """
    sites, chosen = spatial(subject), _few(subject)
    room = CELLS // sum(_cells(site) for site in sites)
    images = max(1, min(len(chosen.kinds), room // _FEWEST))
    count = max(_FEWEST, min(_MOST, room // images))
    part = chosen.examples.at(np.arange(images))
    values = subject.capture([s.name for s in sites], part.images)
    usual, need = _usual(subject, sites, lens.probes), needs(subject, sites, lens.probes)
    rows, arrays = list[MapRow](), dict[str, np.ndarray]()
    labels = part.labels.cpu().numpy()
    for i, site in enumerate(sites):
        units = shown_units(need[site.name], count)
        own = values[site.name][..., units].movedim(-1, 1).double()  # [M, K, h, w]
        rows += _rows(subject, site, (units, need[site.name]), (own, usual[site.name]), chosen)
        scale = np.where(usual[site.name].spread > 0, usual[site.name].spread, 1)[units]
        smaller = _pooled(own).cpu().numpy() / scale[:, None, None]
        arrays[f"activation.maps.{i}"] = smaller.astype(np.float32)
    return Finding(
        schemas.MAPS,
        Table.from_rows(MapRow, rows),
        statements=tuple(_statements(subject, sites, need, labels)),
        caveats=(
            f"Of each site up to {count} channels are shown, those that classes "
            "need most by a first-order estimate on the selection split; a map says where "
            "a channel answers, not that the model decides by it.",
            *_smaller_note(sites),
        ),
        arrays=arrays,
    )


def _smaller_note(sites: Sequence[Site]) -> tuple[str, ...]:
    """Say where maps were made smaller."""
    large = max(max(site.positions) for site in sites) > _SIDE
    return (f"Maps above {_SIDE} × {_SIDE} are means of neighbouring positions.",) * large


def _few(subject: Subject) -> Cases:
    """Typical images of the classes first, then mistaken and close ones, as many as are shown."""
    every = cases(subject)
    order = [i for kind in ("typical", "mistaken", "close")
             for i, own in enumerate(every.kinds) if own == kind][:_IMAGES]  # fmt: skip
    places = np.array(order, np.int64)
    kinds = tuple(every.kinds[i] for i in order)
    return Cases(every.examples.at(places), kinds, every.logits[torch.from_numpy(places)])


def _cells(site: Site) -> int:
    return int(np.prod([min(side, _SIDE) for side in site.positions]))


def _pooled(maps: Tensor) -> Tensor:
    """Make maps `[M, K, h, w]` fit."""
    height, width = (min(side, _SIDE) for side in maps.shape[2:])
    return torch.nn.functional.adaptive_avg_pool2d(maps, (height, width))


@kept
def _usual(subject: Subject, sites: Sequence[Site], count: int) -> dict[str, Usual]:
    """Mean and spread of every channel over positions and some evaluation examples."""
    sample = subject.evaluation.sample(count, seed=subject.seed)
    sums = {s.name: np.zeros((2, s.units)) for s in sites}
    for _, values in subject.capture_batches(list(sums), sample.images, _BATCH):
        for name, value in values.items():
            flat = value.double().flatten(0, -2)  # [B · P, U]
            sums[name] += torch.stack([flat.sum(0), flat.square().sum(0)]).cpu().numpy()
    found = dict[str, Usual]()
    for site in sites:
        mean, square = sums[site.name] / (len(sample) * np.prod(site.positions))
        found[site.name] = Usual(mean, np.sqrt(np.maximum(square - mean**2, 0)), len(sample))
    return found


@kept
def needs(subject: Subject, sites: Sequence[Site], count: int) -> dict[str, np.ndarray]:
    """Estimate each channel's effect on each class on some of the selection split, `[C, U]`."""
    sample = subject.selection.sample(count, seed=subject.seed)
    places = np.flatnonzero(np.isin(subject.selection.indices, sample.indices))
    labels = subject.selection.labels.cpu().numpy()[places]
    parts = [
        first_order(subject, Pass(sites, split="selection", rows=torch.from_numpy(places[some])))
        for some in batches(len(places), _BATCH)
    ]
    found = dict[str, np.ndarray]()
    for i, site in enumerate(sites):
        effect = torch.cat([part[i] for part in parts]).double().cpu().numpy()  # [N, U]
        own = [effect[labels == c] for c in range(len(subject.classes))]
        found[site.name] = np.stack([e.mean(0) if len(e) else np.zeros(site.units) for e in own])
    return found


def shown_units(need: np.ndarray, count: int) -> np.ndarray:
    """Choose the channels that classes need most: every class's first, then its second, and so on.

    >>> shown_units(np.array([[-3.0, 0.0, -1.0], [-2.0, 0.0, -5.0]]), 2)
    array([0, 2])
    """
    order = np.stack([ordered(row) for row in need])  # [C, U], the most needed first
    units = list(dict.fromkeys(order.T.ravel().tolist()))[:count]
    return np.sort(np.array(units, np.int64))


def _rows(
    subject: Subject,
    site: Site,
    needed: tuple[np.ndarray, np.ndarray],
    over: tuple[Tensor, Usual],
    chosen: Cases,
) -> Iterator[MapRow]:
    units, need = needed
    maps, usual = over
    predicted = chosen.logits.argmax(1).cpu().numpy()
    means, peaks = maps.mean((2, 3)).cpu().numpy(), maps.amax((2, 3)).cpu().numpy()
    for i, label in enumerate(chosen.examples.labels.cpu().numpy()[: len(maps)]):
        rank = np.empty(len(units), np.int64)
        rank[ordered(need[label, units])] = np.arange(len(units)) + 1
        for k, unit in enumerate(units):
            yield MapRow(
                site=site.name,
                unit=int(unit),
                example=int(chosen.examples.indices[i]),
                kind=chosen.kinds[i],
                label=subject.classes[int(label)],
                prediction=subject.classes[int(predicted[i])],
                rank=int(rank[k]),
                mean=Estimate(float(means[i, k]), control=float(usual.mean[unit]), n=usual.n),
                peak=float(peaks[i, k]),
                spread=float(usual.spread[unit]),
            )


def _statements(
    subject: Subject, sites: Sequence[Site], need: dict[str, np.ndarray], labels: np.ndarray
) -> Iterator[str]:
    """Say for each site which channel most classes need first."""
    classes = np.unique(labels)
    for site in sites:
        first = need[site.name][classes].argmin(1)
        unit, times = max(zip(*np.unique(first, return_counts=True), strict=True),
                          key=lambda pair: (pair[1], -pair[0]))  # fmt: skip
        yield (
            f"Site '{site.name}': by a first-order estimate on the selection split channel {unit} "
            f"is needed most by {times} of the {len(classes)} classes that are shown."
        )
