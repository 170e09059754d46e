"""Moves a site along a class's direction on one image, and says which examples lie there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import number
from holistic.errors import SettingError
from holistic.graph.edits import Patch
from holistic.graph.engine import position_mean
from holistic.stats.control import band
from holistic.stats.directions import random_directions
from holistic.study.subject import Subject
from holistic.workbench.images import AMONG, SEARCHED

__all__ = ["checked_doses", "steered"]

_FURTHEST = 6.0
"""Standard deviations that a site is moved by at most: no example lies further from another."""
_CONTROLS = 20
_SITES = 8
"""Sites whose values are kept for further questions."""
_FRAME = 0.5
"""A frame shows an example whose own projection is no further from its place, in SD."""


@dataclass(frozen=True, eq=False)
class _Read:
    """What a site holds on some examples, averaged over positions: `[N, U]` of either split."""

    selection: Tensor
    labels: Tensor
    evaluation: Tensor
    places: np.ndarray
    classes: np.ndarray


_read: WeakKeyDictionary[Subject, dict[str, _Read]] = WeakKeyDictionary()


def checked_doses(given: Any) -> tuple[float, ...] | None:
    """Return doses after checking them; None where none were asked for.

    Raises
    ------
    SettingError
        If they aren't one to 50 numbers from -6 to 6.
    """
    if given is None:
        return None
    if not isinstance(given, list) or not 0 < len(given) <= 50:
        raise SettingError(
            "'doses' are 1 to 50 numbers of standard deviations; left out, 25 are taken"
        )
    return tuple(number(dose, "a dose", -_FURTHEST, _FURTHEST) for dose in given)


def steered(
    subject: Subject,
    image: Tensor,
    *,
    site: str,
    label: int,
    doses: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Move a site along a class's mean difference on one image `[1, …]`.

    Parameters
    ----------
    subject, image, site
        What is run, and where it is moved. The direction is the mean of the class minus the mean of
        the others, over at most 2,000 examples of the selection split, stratified, averaged over
        positions.
    label
        Index of the class.
    doses
        How far, in standard deviations of the examples' projections; from -6 to 6 by default.

    Returns
    -------
    dict
        `doses` `[A]`, `logits` `[A, C]`, and `control`, `control_lo` and `control_hi` `[A, C]`: the
        mean of 20 random directions along which the examples vary, moved by the same lengths, and
        the range of 95 % of them. `own`: where the image lies along the direction, in standard
        deviations from the examples' mean. `strip`: at each whole dose, the evaluation example
        (`place`, `label`) that lies there by itself; `place` is None where none does. `ends`: the
        doses between which all of those examples lie.

    Raises
    ------
    SettingError
        If the selection split has no example of the class, or nothing else.
    """
    read = _read_site(subject, site)
    own, values = read.labels == label, read.selection
    if not own.any() or own.all():
        raise SettingError("a direction needs examples of the class and of others; choose another")
    if doses is None:
        doses = _usual(subject)
    way = values[own].mean(0) - values[~own].mean(0)
    way = way / way.norm().clamp_min(1e-12)
    spread = float((values @ way).std())
    drawn = np.nan_to_num(random_directions(values.cpu().numpy(), _CONTROLS, subject.seed))
    ways = torch.cat([way[None], torch.from_numpy(drawn).to(way)])  # [1 + R, U]
    value = subject.capture([site], image)[site]  # [1, P…, U]
    steps = spread * torch.tensor(list(doses)).to(way)[:, None, None] * ways  # [A, 1 + R, U]
    moved = value + steps.flatten(0, 1).view(-1, *(1,) * (value.dim() - 2), len(way)).to(value)
    same = image.expand(len(moved), *image.shape[1:])
    logits = subject.predict(same, [Patch(site, source=moved)])
    moved = logits.double().view(len(doses), len(ways), -1).cpu().numpy()  # [A, 1 + R, C]
    low, high = band(moved[:, 1:], 1)
    return {
        "doses": list(doses),
        "logits": moved[:, 0].tolist(),
        "control": moved[:, 1:].mean(1).tolist(),
        "control_lo": low.tolist(),
        "control_hi": high.tolist(),
        **_strip(read, way, spread, float(position_mean(value).double()[0] @ way), doses),
    }


def _usual(subject: Subject) -> tuple[float, ...]:
    """Doses half a standard deviation apart, or a whole one where a run costs much."""
    cost = max(1, subject.engine.row_operations(subject.all_sites[0]))
    step = 0.5 if 25 * (1 + _CONTROLS) * cost <= SEARCHED else 1.0
    return tuple(float(d) for d in np.arange(-_FURTHEST, _FURTHEST + step / 2, step))


def _strip(
    read: _Read, way: Tensor, spread: float, own: float, doses: Sequence[float]
) -> dict[str, Any]:
    """Which evaluation examples lie where the image is moved to."""
    spread = spread or 1.0
    at = (read.evaluation @ way).cpu().numpy() / spread  # [N]
    here, middle = own / spread, float((read.selection @ way).mean()) / spread
    frames = list[dict[str, Any]]()
    for dose in (d for d in doses if float(d).is_integer()):
        nearest = int(np.abs(at - here - dose).argmin())
        there = abs(float(at[nearest]) - here - dose) <= _FRAME
        frames.append(
            {
                "dose": dose,
                "place": int(read.places[nearest]) if there else None,
                "label": int(read.classes[nearest]) if there else None,
            }
        )
    ends = [float(at.min()) - here, float(at.max()) - here]
    return {"own": here - middle, "strip": frames, "ends": ends}


def _read_site(subject: Subject, site: str) -> _Read:
    kept = _read.setdefault(subject, {})
    if site not in kept:
        chosen = subject.selection.sample(AMONG, seed=subject.seed)
        others = subject.evaluation.sample(AMONG, seed=subject.seed)
        sides = [
            torch.cat([position_mean(found[site]).double()
                       for _, found in subject.capture_batches([site], some.images)])
            for some in (chosen, others)
        ]  # fmt: skip
        places, classes = others.indices, others.labels.cpu().numpy()
        kept[site] = _Read(sides[0], chosen.labels.to(sides[0].device), sides[1], places, classes)
        while len(kept) > _SITES:
            del kept[next(iter(kept))]
    return kept[site]
