"""Checks that a randomly initialised control is another network indeed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from holistic.errors import ModelError, listed
from holistic.graph.engine import position_mean
from holistic.graph.recorded import Recorder
from holistic.graph.traced import TracedEngine
from holistic.graph.wrapped import evaluating
from holistic.study.untrained import outside, same_weights, still_trained

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["check_control", "note_of"]

_EXAMPLES = 64
"""Examples on which copy and model are compared."""

_FEW = 5
"""Examples that a model which can't be traced is watched on."""

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
    if path := still_trained(trained.model, fresh.model, _used(fresh)):
        raise ModelError(
            f"a randomly initialised control of '{trained.name}' computes with a weight of the "
            f"trained model, '{path}', which can't be copied, so it is no control: hold it as a "
            "parameter of the module that uses it"
        )


def note_of(subject: Subject) -> str:
    """Say in one line which weights of a model no control draws anew; nothing where it draws all.

    Only a model that can be traced shows them.
    """
    if not isinstance(subject.engine, TracedEngine):
        return ""
    shapes = [tuple(one.shape) for one in outside(subject.model, _used(subject))]
    if not shapes:
        return ""
    return (
        f"The model computes with matrices that it doesn't hold as parameters ({listed(shapes, 3)}"
        "): randomly initialised controls keep them; if they were learnt, hold them as parameters."
    )


def _used(subject: Subject) -> Sequence[Tensor]:
    """Every floating tensor that a subject's model computes with and doesn't compute itself."""
    if isinstance(subject.engine, TracedEngine):
        return subject.engine.weights_before(None)
    images = subject.images[:_FEW].clone()
    recorder = Recorder(subject.wrapped, images)
    with torch.no_grad(), evaluating(subject.wrapped), recorder:
        program = recorder.program(subject.wrapped(images))
    nodes = program.nodes if program else ()
    return [n.value for n in nodes if n.value is not None and n.value.is_floating_point()]


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
