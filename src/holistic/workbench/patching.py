"""Puts a site's value on one image into the run of another, and finds a pair where that shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import SettingError
from holistic.graph.edits import Patch
from holistic.graph.engine import position_mean
from holistic.stats.order import ordered
from holistic.study.subject import Subject
from holistic.workbench.images import AMONG, SEARCHED, describe_logits

__all__ = ["first_pair", "patched"]

_CONTROLS, _PATCHES = 20, 200
_UNITS, _PAIRS = 10, 60
"""Units that the first patch takes at most, and pairs of images that are tried for it."""


def first_pair(subject: Subject, site: str) -> dict[str, Any]:
    """Find two images where patching a few units of a site moves the prediction far.

    Pairs are drawn among evaluation images of different classes that the model tells rightly; of
    each the units are taken that differ most between the two, in standard deviations over those
    images.

    Parameters
    ----------
    subject
        Model and data.
    site
        Name of the site.

    Returns
    -------
    dict
        `source`, `target` and `units` of the pair whose predicted class loses most probability;
        `tried`, how many pairs, and `changed`, of how many the prediction changes.

    Raises
    ------
    SettingError
        If the model tells images of one class only.
    """
    some = subject.evaluation.sample(min(AMONG, 4 * _affordable(subject)), seed=subject.seed)
    logits, labels = subject.predict(some.images), some.labels.cpu().numpy()
    sources, targets = _pairs(labels, logits.argmax(1).cpu().numpy(), subject.seed)
    given, own = (subject.capture([site], some.images[side])[site] for side in (sources, targets))
    chosen = _most_apart(given, own)
    mask = torch.zeros(len(chosen), own.shape[-1], dtype=torch.bool)
    mask[torch.arange(len(chosen))[:, None], torch.from_numpy(chosen)] = True
    mask = mask.to(own.device).view(len(chosen), *(1,) * (own.dim() - 2), -1)
    mixed = torch.where(mask, given, own)
    after = subject.predict(some.images[targets], [Patch(site, source=mixed)])
    class_ = torch.from_numpy(labels[targets]).to(after.device)[:, None]
    before = logits[targets].double().softmax(1).gather(1, class_)[:, 0]
    lost = before - after.double().softmax(1).gather(1, class_)[:, 0]
    best = int(lost.argmax())
    return {
        "source": int(some.indices[sources[best]]),
        "target": int(some.indices[targets[best]]),
        "units": sorted(int(u) for u in chosen[best]),
        "tried": len(chosen),
        "changed": int((after.argmax(1) != class_[:, 0]).sum()),
    }


def _pairs(labels: np.ndarray, predicted: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw places of images of two different classes, all told rightly: sources and targets."""
    drawn = np.random.default_rng([seed, 19]).permutation(np.flatnonzero(predicted == labels))
    others = np.roll(drawn, 1)
    apart = np.flatnonzero(labels[drawn] != labels[others])[:_PAIRS]
    if not len(apart):
        raise SettingError(
            "a patch needs images of two classes that the model tells rightly, and there are none "
            "among those that were looked at; choose two examples by their numbers"
        )
    return drawn[apart], others[apart]


def _most_apart(given: Tensor, own: Tensor) -> np.ndarray:
    """Units `[M, K]` that differ most between the images of each pair, in standard deviations."""
    sources, targets = (position_mean(value).double() for value in (given, own))  # [M, U]
    spread = torch.cat([sources, targets]).std(0)
    apart = (sources - targets).abs() / spread.clamp_min(1e-12)
    apart = torch.where(spread > 0, apart, 0.0).cpu().numpy()
    count = max(1, min(_UNITS, own.shape[-1] // 4))
    return np.stack([ordered(-row)[:count].copy() for row in apart])


def patched(
    subject: Subject, source: Tensor, target: Tensor, *, site: str, units: Sequence[int] | None
) -> dict[str, Any]:
    """Put a site's value on one image into the run of another.

    Parameters
    ----------
    subject
        Model and data.
    source, target
        `[1, …]`.
    site, units
        What is put in; None means the whole site.

    Returns
    -------
    dict
        `before` and `after`: what the model says of the target. `control`: the same from up to 200
        (`n`) other evaluation images, whose class and prediction are the class that the target is
        taken for, and how many of them leave the target's prediction as it was (`same`). `random`:
        as many random units of the site from the same source, up to 200 times; none for all units.
    """
    value = subject.capture([site], source)[site]
    before = describe_logits(subject.predict(target))
    prediction = before["prediction"]
    after = subject.predict(target, [Patch(site, units, source=value)])
    answer = {"before": before, "after": describe_logits(after), "control": {"n": 0, "same": 0}}
    others = _taken_for(subject, prediction, target)
    if len(others):
        values = subject.capture([site], others)[site]
        patches = Patch(site, units, source=values)
        answer["control"] = _unmoved(
            subject, target, patches, count=len(values), prediction=prediction
        )
    if units is not None:
        mixed = _random_units(subject, value, subject.capture([site], target)[site], len(units))
        patches = Patch(site, source=mixed)
        answer["random"] = _unmoved(
            subject, target, patches, count=len(mixed), prediction=prediction
        )
    return answer


def _unmoved(
    subject: Subject, target: Tensor, patches: Patch, *, count: int, prediction: int
) -> dict[str, int]:
    """Patch one image `n` times, a row of the source each: how often what is `prediction` stays."""
    images = target.expand(count, *target.shape[1:])
    predictions = subject.predict(images, [patches]).argmax(1)
    return {"n": count, "same": int((predictions == prediction).sum())}


def _random_units(subject: Subject, source: Tensor, target: Tensor, count: int) -> Tensor:
    """A site's value `[1, P…, U]` of the target with `count` random units of the source's."""
    rng, units = np.random.default_rng([subject.seed, 13]), source.shape[-1]
    drawn = [rng.permutation(units) < count for _ in range(_affordable(subject))]
    mask = torch.from_numpy(np.stack(drawn)).to(source.device)
    return torch.where(mask.view(-1, *(1,) * (source.dim() - 2), units), source, target)


def _affordable(subject: Subject) -> int:
    """How many patches stand beside one: 200, or 20 at least."""
    cost = max(1, subject.engine.row_operations(subject.all_sites[0]))
    return int(min(_PATCHES, max(_CONTROLS, SEARCHED / cost / 4)))


def _taken_for(subject: Subject, label: int, but: Tensor) -> Tensor:
    """Draw evaluation images `[N, …]` of a class that the model tells rightly, without one."""
    most = _affordable(subject)
    some = subject.evaluation.sample(AMONG, seed=subject.seed)
    own = some.images[some.labels == label]
    own = own[(own != but.to(own)).flatten(1).any(1)]
    rng = torch.Generator().manual_seed(subject.seed)
    own = own[torch.randperm(len(own), generator=rng)[: 2 * most].to(own.device)]
    return own[subject.predict(own).argmax(1) == label][:most] if len(own) else own
