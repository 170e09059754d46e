"""What the model loses without sets of units of one size that were chosen in different ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from holistic.graph.editing import Edit
from holistic.graph.engine import position_mean
from holistic.replacing.outcomes import checked_variants, edited_logits
from holistic.replacing.together import Together, Units
from holistic.results.columns import Estimate, col, estimate, key
from holistic.stats.flips import Flips
from holistic.study.subject import Subject

__all__ = [
    "Pruned", "Removed", "activation_sizes", "pruned_rows", "smallest", "weight_norms",
]  # fmt: skip


@dataclass(frozen=True)
class Removed:
    """Row of the units that can go together."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    place: int = col("how many went before it")


@dataclass(frozen=True)
class Pruned:
    """Row of a comparison: as many units of the same sites, chosen in one way."""

    chosen: str = key(
        "how the units were chosen: 'together', 'one by one' (least needed with all others in "
        "place), 'weights' (smallest norm of what leads to them), 'activations' (smallest mean "
        "size)",
        words="units chosen by",
    )
    removed: int = col("units that are removed", unit="units", of="drop")
    accuracy_before: float = col("accuracy with all units", unit="share")
    accuracy_after: float = col("accuracy without these", unit="share")
    drop: Estimate = estimate(
        "accuracy before minus after on the evaluation split",
        unit="share",
        words="accuracy lost without them",
        prefix="",
        parts="lo hi control control_lo control_hi p",
        names={"control": "control_drop"},
        meanings={
            "lo": "lower end of its 95 % interval (Tango, paired)",
            "hi": "upper end of its 95 % interval (Tango, paired)",
            "control": "mean over random sets of as many units of the same sites",
            "control_lo": "2.5 % quantile of the random sets",
            "control_hi": "97.5 % quantile of the random sets",
            "p": "share of the random sets that cost as little, (1+b)/(1+B)",
        },
        called={
            "control": "control (random units)",
            "control_lo": "95 % of the random sets",
            "p": "p (random sets, one-sided)",
        },
        worse=1,
        signed=True,
    )
    n: int = col("evaluation examples", unit="examples", role="n")
    sets: int = col("random sets that it is compared with", unit="sets", of="drop")


def pruned_rows(
    subject: Subject, chosen: Mapping[str, Sequence[Edit]], random: Sequence[Sequence[Edit]]
) -> list[Pruned]:
    """Measure sets of edits on the evaluation split, each beside the random ones."""
    examples = subject.evaluation
    variants = [checked_variants(subject, v, len(examples)) for v in (*chosen.values(), *random)]
    before, after = list[np.ndarray](), list[np.ndarray]()
    for rows, base, found in edited_logits(subject, variants, examples.images):
        own = examples.labels[rows]
        before.append((base.argmax(1) == own).cpu().numpy())
        after.append((torch.cat(list(found)).argmax(2) == own).cpu().numpy())
    right, now = np.concatenate(before), np.concatenate(after, 1)
    every = [np.full(len(right), True)]
    controls = now[len(chosen) :]
    flips = [Flips.of(right, np.stack([own, *controls]), every) for own in now[: len(chosen)]]
    rows = zip(chosen.items(), flips, strict=True)
    return [_row(name, sum(len(e.units or ()) for e in v), f) for (name, v), f in rows]


def _row(name: str, removed: int, flips: Flips) -> Pruned:
    random, (lo, hi) = flips.controls(alternative="less"), flips.bounds()
    parts = (flips.drop, lo, hi, random.mean, random.lo, random.hi, random.p)
    value, low, high, control, control_lo, control_hi, p = (float(part[0]) for part in parts)
    return Pruned(
        name,
        removed,
        float(flips.before[0]),
        float(flips.after[0]),
        Estimate(value, low, high, control=control, control_lo=control_lo,
                 control_hi=control_hi, p=p),
        int(flips.n[0]),
        len(flips.control),
    )  # fmt: skip


def smallest(units: Units, sizes: np.ndarray, like: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return places of the smallest units, as many of each site as `like` has."""
    found = list[np.ndarray]()
    for site, start in zip(units.sites, units.starts, strict=False):
        own = sizes[start : start + site.units]
        found.append(start + np.argsort(own, kind="stable")[: len(like.get(site.name, ()))])
    return np.concatenate(found)


def activation_sizes(together: Together, units: Units) -> np.ndarray:
    """Return the mean size of each unit's value over examples and positions, `[U]`."""
    subject, images = together.subject, together.examples.images
    names = [site.name for site in units.sites]
    sums = {site.name: np.zeros(site.units) for site in units.sites}
    for _, values in subject.capture_batches(names, images):
        for name, value in values.items():
            sums[name] += position_mean(value.double().abs()).sum(0).cpu().numpy()
    return np.concatenate([sums[name] for name in names]) / len(images)


def weight_norms(subject: Subject, units: Units) -> np.ndarray | None:
    """Return the norm of the weights that lead to each unit, `[U]`; None where one isn't known."""
    found = [subject.engine.unit_norms(site) for site in units.sites]
    known = [norms.double().cpu().numpy() for norms in found if norms is not None]
    return np.concatenate(known) if len(known) == len(found) else None
