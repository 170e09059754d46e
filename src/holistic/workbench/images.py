"""Looks into one image: its maps, activations and neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.lenses._pictures import planes
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._maps import attributions, chosen_methods
from holistic.lenses.attribution._tokens import blank, occluded
from holistic.stats.order import ordered
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.workbench.inputs import words_of

__all__ = ["AMONG", "SEARCHED", "describe_logits", "looked_at"]

_TOP, _NEAREST, AMONG = 10, 8, 2000
SEARCHED = 3e10
"""Operations that a search among more examples than that may take: about a second."""


def looked_at(
    subject: Subject, image: Tensor, near: str | None, methods: str = "usual"
) -> dict[str, Any]:
    """Say what the model makes of an image.

    Parameters
    ----------
    subject
        Model and data.
    image
        `[1, …]`.
    near
        Site in whose activations the nearest evaluation images are looked for; none without.
    methods
        Attribution methods whose maps are made, as the lens's setting of this name has them.

    Returns
    -------
    dict
        `logits` and `probabilities` `[C]`, `prediction`, by hidden site the ten largest units
        (mean over positions), the `nearest` images by Euclidean distance, `among` how many of how
        many evaluation examples they were looked for (2,000 where all would take long), and
        `maps`: by each method of the lens `attribution`, how the pixels speak for the
        prediction's logit, signed, channels added up, `[H, W]`; `methods`, names of all that can
        be asked for. Of a text `words`, and one map: by how much the score falls without each
        token.
    """
    sites = [site.name for site in subject.hidden_sites]
    logits, values = subject.downstream(image, (), sites)
    top: dict[str, list[dict[str, float]]] = {}
    for name in sites:
        units = values[name].reshape(-1, values[name].shape[-1]).mean(0)
        best = ordered(-units.cpu().numpy())[:_TOP]
        top[subject.site(name).called] = [{"unit": int(u), "value": float(units[u])} for u in best]
    maps = _maps(subject, image, logits, Attribution(methods=methods))
    answer = {
        **describe_logits(logits),
        "top": top,
        "maps": maps,
        "methods": _known_methods(subject) if maps else [],
        **words_of(subject, image),
    }
    return answer if near is None else {**answer, **_nearest(subject, image, near)}


def describe_logits(logits: Tensor) -> dict[str, Any]:
    """Say in `logits` and `probabilities` `[C]` and `prediction` what one run `[1, C]` gives."""
    return {
        "logits": logits[0].tolist(),
        "probabilities": logits[0].double().softmax(0).tolist(),
        "prediction": int(logits[0].argmax()),
    }


def _maps(subject: Subject, image: Tensor, logits: Tensor, lens: Attribution) -> dict[str, Any]:
    one = Examples(np.zeros(1, np.int64), image, logits.argmax(1))
    if subject.input_kind.name == "tokens":
        lost = -occluded(subject, one, blank(subject))  # [1, T], NaN where nothing can be taken out
        return {"without_the_token": [[None if np.isnan(x) else float(x) for x in lost[0]]]}
    if subject.gradients.note or not image.is_floating_point():
        return {}
    with torch.enable_grad():
        found = attributions(subject, one, lens, lambda _: None)
    return {name: planes(values)[0].sum(0).tolist() for name, values in found.items()}


def _known_methods(subject: Subject) -> list[str]:
    """Names of the methods that a model can be asked for; a text has one map in any case."""
    if subject.input_kind.name == "tokens":
        return []
    return [method.name for method in chosen_methods(subject, Attribution(methods="all"))]


def _nearest(subject: Subject, image: Tensor, site: str) -> dict[str, Any]:
    own = subject.capture([site], image)[site].reshape(1, -1).double()
    whole, engine = subject.evaluation, subject.engine
    affordable = SEARCHED / max(1, engine.row_operations(subject.all_sites[0]))
    some = whole.sample(max(AMONG, int(affordable)), seed=subject.seed)
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
