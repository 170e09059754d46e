"""Checks that a randomly initialised control is another network indeed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from holistic.errors import ModelError
from holistic.graph.engine import position_mean
from holistic.graph.traced import TracedEngine
from holistic.study.untrained import same_weights

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["check_control"]

_EXAMPLES = 64
"""Examples on which copy and model are compared."""

_ALIKE = 0.9999
"""A unit whose correlation with the trained one is at least this is the trained one."""


def check_control(trained: Subject, fresh: Subject) -> None:
    """Refuse a randomly initialised control whose logits, or all units of a site, are the trained
    ones.

    Parameters
    ----------
    trained
        What is under study.
    fresh
        The copy, of the same data.

    Raises
    ------
    ModelError
        If it computes the same, although weights come before that.
    """
    names = [site.name for site in trained.all_sites if site.hidden]
    images = trained.selection.sample(_EXAMPLES, seed=trained.seed).images
    mine, theirs = (_means(subject, names, images) for subject in (trained, fresh))
    for name in mine:
        if _alike(mine[name], theirs[name]) and _weights_before(trained, fresh, name):
            raise ModelError(
                f"a randomly initialised control of '{trained.name}' computes the same as the "
                f"trained model at {repr(name) if name else 'the logits'}, so it is no control: "
                "weights before it lie outside of the model, where they can't be drawn anew; hold "
                "them as parameters of the module that uses them"
            )


def _means(subject: Subject, sites: Sequence[str], images: Tensor) -> dict[str, Tensor]:
    """Means over positions of sites' values, `[N, U]` each, and the logits under no name."""
    parts: dict[str, list[Tensor]] = {name: [] for name in sites}
    for _, values in subject.capture_batches(sites, images) if sites else ():
        for name in sites:
            parts[name].append(position_mean(values[name]))
    found = {name: torch.cat(part) for name, part in parts.items()}
    return {**found, "": subject.predict(images)}


def _alike(trained: Tensor, fresh: Tensor) -> bool:
    """Whether every unit `[N, U]` that varies is the trained one, up to scale and offset."""
    a, b = (x.double() - x.double().mean(0) for x in (trained, fresh))
    spread = a.norm(dim=0)
    varies = spread > 1e-6 * trained.double().abs().amax()
    if len(a) < 3 or not bool(varies.any()):
        return False
    r = (a * b).sum(0) / (spread * b.norm(dim=0)).clamp_min(1e-300)
    return bool((r[varies] >= _ALIKE).all())


def _weights_before(trained: Subject, fresh: Subject, site: str) -> bool:
    """Whether weights that were to be drawn anew come before a site; a fixed filter has none."""
    engines = trained.engine, fresh.engine
    if not all(isinstance(engine, TracedEngine) for engine in engines):
        return True
    before = [e.weights_before(site or None) for e in engines if isinstance(e, TracedEngine)]
    return same_weights(*before)
