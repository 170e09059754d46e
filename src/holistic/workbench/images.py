"""Looks into one image: its maps, activations, neighbours, patches and steering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import SettingError
from holistic.graph.edits import Patch
from holistic.lenses._pictures import planes
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._maps import attributions
from holistic.stats.control import band
from holistic.stats.directions import random_directions
from holistic.stats.order import ordered
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["as_image", "known", "looked_at", "patched", "steered"]

_TOP, _NEAREST, _AMONG = 10, 8, 2000
_SEARCHED = 3e10
"""Operations that a search among more examples than that may take: about a second."""
_DOSES = tuple(float(d) for d in range(-6, 7))
_CONTROLS, _PATCHES = 20, 200


def as_image(subject: Subject, given: object) -> Tensor:
    """Return a posted image, or an example by its place, as `[1, …]`.

    Raises
    ------
    SettingError
        If it is neither finite numbers in the subject's input shape nor a place in its data.
    """
    shape = tuple(subject.images.shape[1:])
    if isinstance(given, int) and not isinstance(given, bool):
        if not 0 <= given < len(subject.images):
            raise SettingError(f"no example {given}; there are {len(subject.images)}")
        return subject.images[given : given + 1]
    values = _numbers(given)
    if values is None or values.shape != shape:
        got = "" if values is None else f", got {values.shape}"
        raise SettingError(f"an image is numbers of shape {shape}{got}")
    if not subject.images.is_floating_point():
        low, high = (int(end) for end in subject.images.aminmax())
        if (values != values.round()).any() or not ((low <= values) & (values <= high)).all():
            raise SettingError(f"an image is whole numbers from {low} to {high}, as in the data")
    image = torch.from_numpy(values)[None].to(subject.images)
    if not image.isfinite().all():
        raise SettingError(f"an image is numbers that fit {str(image.dtype).split('.')[1]}")
    return image


def _numbers(given: object) -> np.ndarray | None:
    """Numbers in lists in lists, all of one length, as an array; None of anything else."""
    level: list[Any] = [given]
    while level and isinstance(level[0], list):
        if not all(isinstance(part, list) for part in level):
            return None
        level = [one for part in level for one in part]
    if not all(type(one) in (int, float) for one in level):  # a truth value isn't one
        return None
    try:
        return np.array(given, dtype=np.float64)
    except (ValueError, OverflowError):  # lists of several lengths, more axes than there can be
        return None


def known(subject: Subject, given: object) -> dict[str, Any]:
    """Return an example's class (`label`) and `split` by its place; nothing of a drawing."""
    if not isinstance(given, int):
        return {}
    chosen = given in subject.selection_indices
    return {
        "label": int(subject.labels[given]),
        "split": "selection" if chosen else "evaluation",
    }


def looked_at(subject: Subject, image: Tensor, near: str | None) -> dict[str, Any]:
    """Say what the model makes of an image.

    Parameters
    ----------
    subject
        Model and data.
    image
        `[1, …]`.
    near
        Site in whose activations the nearest evaluation images are looked for; none without.

    Returns
    -------
    dict
        `logits` and `probabilities` `[C]`, `prediction`, by hidden site the ten largest units
        (mean over positions), the `nearest` images by Euclidean distance, `among` how many of how
        many evaluation examples they were looked for (2,000 where all would take long), and
        `maps`: by each method of the lens `attribution`, how the pixels speak for the
        prediction's logit, signed, channels added up, `[H, W]`; none for whole numbers.
    """
    sites = [site.name for site in subject.hidden_sites]
    logits, values = subject.downstream(image, (), sites)
    top: dict[str, list[dict[str, float]]] = {}
    for name in sites:
        units = values[name].reshape(-1, values[name].shape[-1]).mean(0)
        best = ordered(-units.cpu().numpy())[:_TOP]
        top[subject.site(name).called] = [{"unit": int(u), "value": float(units[u])} for u in best]
    answer = {**_describe_logits(logits), "top": top, "maps": _maps(subject, image, logits)}
    return answer if near is None else {**answer, **_nearest(subject, image, near)}


def _describe_logits(logits: Tensor) -> dict[str, Any]:
    return {
        "logits": logits[0].tolist(),
        "probabilities": logits[0].double().softmax(0).tolist(),
        "prediction": int(logits[0].argmax()),
    }


def _maps(subject: Subject, image: Tensor, logits: Tensor) -> dict[str, Any]:
    if subject.gradients.note or not image.is_floating_point():
        return {}
    one = Examples(np.zeros(1, np.int64), image, logits.argmax(1))
    with torch.enable_grad():
        found = attributions(subject, one, Attribution(), lambda _: None)
    return {name: planes(values)[0].sum(0).tolist() for name, values in found.items()}


def _nearest(subject: Subject, image: Tensor, site: str) -> dict[str, Any]:
    own = subject.capture([site], image)[site].reshape(1, -1).double()
    whole, engine = subject.evaluation, subject.engine
    affordable = _SEARCHED / max(1, engine.row_operations(subject.all_sites[0]))
    some = whole.sample(max(_AMONG, int(affordable)), seed=subject.seed)
    images = some.images
    distances = torch.cat(
        [
            (values[site].flatten(1).double() - own).norm(dim=1)
            for _, values in subject.capture_batches([site], images)
        ]
    )
    others = (images != image.to(images)).flatten(1).any(1).to(distances.device).nonzero()[:, 0]
    others = others.cpu().numpy()
    order = others[ordered(distances.cpu().numpy()[others])[:_NEAREST]]
    nearest = [
        {
            "place": int(some.indices[int(i)]),
            "label": int(some.labels[i]),
            "distance": float(distances[i]),
        }
        for i in order
    ]
    return {"nearest": nearest, "among": [len(some), len(whole)]}


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
    before = _describe_logits(subject.predict(target))
    prediction = before["prediction"]
    after = subject.predict(target, [Patch(site, units, source=value)])
    answer = {"before": before, "after": _describe_logits(after), "control": {"n": 0, "same": 0}}
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
    return int(min(_PATCHES, max(_CONTROLS, _SEARCHED / cost / 4)))


def _taken_for(subject: Subject, label: int, but: Tensor) -> Tensor:
    """Draw evaluation images `[N, …]` of a class that the model tells rightly, without one."""
    most = _affordable(subject)
    some = subject.evaluation.sample(_AMONG, seed=subject.seed)
    own = some.images[some.labels == label]
    own = own[(own != but.to(own)).flatten(1).any(1)]
    rng = torch.Generator().manual_seed(subject.seed)
    own = own[torch.randperm(len(own), generator=rng)[: 2 * most].to(own.device)]
    return own[subject.predict(own).argmax(1) == label][:most] if len(own) else own


def steered(subject: Subject, image: Tensor, *, site: str, label: int) -> dict[str, Any]:
    """Move a site along a class's mean difference on one image `[1, …]`.

    Parameters
    ----------
    subject, image, site
        What is run, and where it is moved. The direction is the mean of the class minus the mean of
        the others, over at most 2,000 examples of the selection split, stratified, averaged over
        positions.
    label
        Index of the class.

    Returns
    -------
    dict
        `doses` `[A]` in standard deviations of the examples' projections, `logits` `[A, C]`, and
        `control`, `control_lo` and `control_hi` `[A, C]`: the mean of 20 random directions along
        which the examples vary, moved by the same lengths, and the range of 95 % of them.

    Raises
    ------
    SettingError
        If the selection split has no example of the class, or nothing else.
    """
    some = subject.selection.sample(_AMONG, seed=subject.seed)
    own = some.labels == label
    if not own.any() or own.all():
        raise SettingError("a direction needs examples of the class and of others")
    parts = subject.capture_batches([site], some.images)
    values = torch.cat([_averaged(found[site]) for _, found in parts])  # [N, U]
    way = values[own].mean(0) - values[~own].mean(0)
    way = way / way.norm().clamp_min(1e-12)
    spread = float((values @ way).std())
    drawn = np.nan_to_num(random_directions(values.cpu().numpy(), _CONTROLS, subject.seed))
    ways = torch.cat([way[None], torch.from_numpy(drawn).to(way)])  # [1 + R, U]
    value = subject.capture([site], image)[site]  # [1, P…, U]
    steps = spread * torch.tensor(_DOSES).to(way)[:, None, None] * ways  # [A, 1 + R, U]
    moved = value + steps.flatten(0, 1).view(-1, *(1,) * (value.dim() - 2), len(way)).to(value)
    same = image.expand(len(moved), *image.shape[1:])
    logits = subject.predict(same, [Patch(site, source=moved)])
    moved = logits.double().view(len(_DOSES), len(ways), -1).cpu().numpy()  # [A, 1 + R, C]
    low, high = band(moved[:, 1:], 1)
    return {
        "doses": list(_DOSES),
        "logits": moved[:, 0].tolist(),
        "control": moved[:, 1:].mean(1).tolist(),
        "control_lo": low.tolist(),
        "control_hi": high.tolist(),
    }


def _averaged(value: Tensor) -> Tensor:
    """A site's value `[B, P…, U]`, averaged over positions: `[B, U]`."""
    return value.flatten(1, -2).mean(1).double() if value.dim() > 2 else value.double()
