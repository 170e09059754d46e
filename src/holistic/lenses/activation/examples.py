"""Picks examples that stand for a unit: top, quantiles, random ones: `activation.examples`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from holistic.graph.sites import Site
from holistic.lenses._cases import cases
from holistic.lenses.activation import Activation, schemas
from holistic.lenses.activation._fields import seen_boxes
from holistic.lenses.activation._inputs import shown_inputs
from holistic.lenses.activation._values import Rows
from holistic.lenses.activation.schemas import ExampleRow
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import bootstrap_interval
from holistic.study.subject import Subject
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.activation._profiles import Profile, Survey

__all__ = ["Picks", "examples_finding", "pick"]

_BOX = (
    "The box is what the position with the unit's largest value can see at all, measured by "
    "gradients; inside it some pixels count more than others."
)
_MARK = "Marked is the place of the unit's largest value, where units repeat along the input."
_KINDS = ("top", "quantile", "random")


@dataclass(frozen=True)
class Picks:
    """Examples of all units of one site, R rows.

    Attributes
    ----------
    unit, kind, rank
        `[R]` int64: unit, place of the kind in (top, quantile, random), place from 1 on.
    example
        `[R]` int64, place in the subject's data.
    value
        `[R]` float64.
    peak
        `[R]` int64, position of the unit's largest value on the example; -1 where units don't
        repeat.
    """

    unit: np.ndarray
    kind: np.ndarray
    rank: np.ndarray
    example: np.ndarray
    value: np.ndarray
    peak: np.ndarray


def pick(site_rows: Rows, lens: Activation, *, seed: Sequence[int]) -> Picks:
    """Pick examples of every unit of a site.

    Parameters
    ----------
    site_rows
        What the units hold; non-finite values are never picked.
    lens
        How many of each kind.
    seed
        Decides the random examples, and which of equal values (the many zeros of a ReLU) come
        first.
    """
    rng = np.random.default_rng(seed)
    columns = list[np.ndarray]()
    for unit, x in enumerate(site_rows.values.T):
        order = np.lexsort((rng.random(len(x)), -x))  # largest first
        order = order[np.isfinite(x[order])]
        # no quantile repeats the ends, which the top and a mostly silent unit show already
        shares = (np.arange(lens.quantiles) + 0.5) / max(lens.quantiles, 1)
        rows = (
            order[: lens.top],
            order[np.floor(shares * len(order)).astype(np.int64)] if len(order) else order,
            order[np.sort(rng.permutation(len(order))[: lens.random])],
        )
        kind = np.repeat(np.arange(3), [len(r) for r in rows])
        rank = np.concatenate([np.arange(len(r)) for r in rows]) + 1
        chosen = np.concatenate(rows)
        columns.append(np.stack([np.full(len(kind), unit), kind, rank, chosen]))
    unit, kind, rank, chosen = np.concatenate(columns, axis=1)
    peak = np.full(len(unit), -1) if site_rows.peaks is None else site_rows.peaks[chosen, unit]
    value = site_rows.values[chosen, unit]
    return Picks(unit, kind, rank, site_rows.ids[chosen], value, peak.astype(np.int64))


def examples_finding(subject: Subject, lens: Activation, found: Survey) -> Finding:
    """Build `activation.examples` with the pictures that it refers to."""
    labels = subject.labels.cpu().numpy()
    table = _table(subject, found)
    return Finding(
        schemas.EXAMPLES,
        table,
        statements=tuple(
            _purity(found.profiles[i], found.picks[i], labels, subject.seed)
            for i in found.telling
            if not found.profiles[i].dead.all()
        ),
        caveats=(
            "Examples come from the evaluation split. The largest values alone can mislead about "
            "what a unit does (Geirhos et al. 2024), so quantiles and random examples stand beside "
            "them.",
            f"A unit's value is its {lens.reduction} over positions; of equal values a random one "
            "comes first.",
            _BOX if subject.input_kind.pictures else _MARK,
        ),
        arrays=_arrays(subject, table.column("example")),
    )


def _table(subject: Subject, found: Survey) -> Table:
    names = np.array(subject.classes, dtype=object)
    labels = subject.labels.cpu().numpy()
    sites = [profile.site.name for profile in found.profiles]
    joined = {
        name: np.concatenate([getattr(p, name) for p in found.picks])
        for name in ("unit", "kind", "rank", "example", "value")
    }
    boxes = np.concatenate(
        [
            seen_boxes(subject, profile.site, picks.peak)
            for profile, picks in zip(found.profiles, found.picks, strict=True)
        ]
    )
    return Table.build(
        ExampleRow,
        {
            **joined,
            "site": np.repeat(np.array(sites, dtype=object), [len(p.unit) for p in found.picks]),
            "kind": np.array(_KINDS, dtype=object)[joined["kind"]],
            "label": names[labels[joined["example"]]],
            **dict(zip(("top_edge", "left_edge", "height", "width"), boxes.T, strict=True)),
            "peak": np.concatenate(
                [
                    _along(profile.site, picks.peak)
                    for profile, picks in zip(found.profiles, found.picks, strict=True)
                ]
            ),
        },
    )


def _along(site: Site, peaks: np.ndarray) -> np.ndarray:
    """Places of the largest values `[R]` where units repeat along one axis; else NaN."""
    return np.where(peaks >= 0, peaks, np.nan) if len(site.positions) == 1 else peaks * np.nan


def _arrays(subject: Subject, examples: np.ndarray) -> Mapping[str, np.ndarray]:
    """Show each example that is referred to once, here or as a single case of other lenses."""
    single = cases(subject).examples
    ids = np.unique(np.concatenate([examples, single.indices]))
    rows = torch.from_numpy(ids)
    predicted = subject.predict(subject.images[rows]).argmax(1)
    return {
        **shown_inputs(subject, rows, single.indices),
        "activation.image_ids": ids.astype(np.int64),
        "activation.image_labels": subject.labels[rows].cpu().numpy().astype(np.int64),
        "activation.image_predictions": predicted.cpu().numpy().astype(np.int64),
    }


def _purity(profile: Profile, picks: Picks, labels: np.ndarray, seed: int) -> str:
    """Say how many of the top examples are of the class that the unit prefers."""
    alive = np.flatnonzero(~profile.dead)
    own = labels[picks.example] == profile.preferred[picks.unit]
    shares = list[str]()
    for kind in (_KINDS.index("top"), _KINDS.index("random")):
        chosen = (picks.kind == kind) & ~profile.dead[picks.unit]
        shown = np.bincount(picks.unit[chosen], minlength=len(profile.dead))[alive]
        hits = np.bincount(picks.unit[chosen & own], minlength=len(profile.dead))[alive]
        share = hits / np.maximum(shown, 1)
        lo, hi = bootstrap_interval(share, np.mean, seed=seed)
        shares.append(percent(share.mean(), lo, hi, decimals=0))
    return (
        f"Site '{profile.site.name}': of a unit's top examples {shares[0]} are of the class that "
        f"it prefers on the selection split, of random examples {shares[1]} "
        f"(means over {len(alive)} units that aren't dead, with intervals over units)."
    )
