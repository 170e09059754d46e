"""Finds where the logits' gradients are known, and which engine has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from holistic.graph.engine import Change, Engine
from holistic.graph.hooked import HookedEngine
from holistic.graph.wrapped import Wrapped

__all__ = ["Gradients", "gradients_of"]

_TOLERANCE = 1e-3
"""Largest relative difference of gradients that are the same; a kink may lie within rounding."""


@dataclass(frozen=True)
class Gradients:
    """Where a model has gradients, and the engine that computes the model's own.

    Attributes
    ----------
    engine
        Runs whose gradients are the model's: the traced engine where its gradients are, else the
        hooked one.
    note
        Why the logits have no gradient with respect to the images; empty where they have one.
    absent
        By name of a site, why they have none with respect to its value.
    """

    engine: Engine
    note: str
    absent: Mapping[str, str]

    def at(self, site: str) -> str:
        """Why the logits have no gradient with respect to a site's value; empty where they have."""
        return self.absent.get(site, "")


def gradients_of(engine: Engine, wrapped: Wrapped, images: Tensor) -> Gradients:
    """Compare an engine's gradients with the model's own on a few images `[B, …]`.

    A graph keeps operations and not what the model says of their gradients, such as a
    straight-through estimator's.
    """
    names = [site.name for site in engine.sites]
    own = engine
    if not isinstance(engine, HookedEngine):
        own = HookedEngine.probe(wrapped, images, "")
        shapes = {site.name: site.shape for site in own.sites}
        # the same units along the same axis, whichever engine is asked
        own = replace(own, sites=tuple(s for s in engine.sites if shapes.get(s.name) == s.shape))
    common = [site.name for site in own.sites]
    try:
        wanted = _pulled(own, images, common)
    except Exception as error:  # whatever autograd or the user's own backward raises
        reason = f"the model's gradients fail: {' '.join(str(error).split())[:120]}"
        return Gradients(own, reason, dict.fromkeys(names, reason))
    found = wanted if own is engine else _tried(engine, images, names)
    alike = found is not None and all(
        _alike(found[name], own_one) for name, own_one in wanted.items() if name in found
    )
    by_site, chosen = (found, engine) if found is not None and alike else (wanted, own)
    owned = {site.name for site in chosen.sites}
    absent = {name: _UNOWNED.format(name) for name in names if name not in owned}
    for name, gradient in by_site.items():
        if name and gradient is None:
            absent[name] = _CUT
        elif name and gradient is not None and _endless(gradient):
            absent[name] = f"the gradients are {_ENDLESS}"
    return Gradients(chosen, _note(images, wanted[""]), absent)


_CUT = "something behind it cuts gradients off (detach, no_grad, inference mode, NumPy)"
_ENDLESS = "NaN or infinite, as those of a root or a quotient at zero are"
_UNOWNED = "no module owns '{}', and the graph's gradients aren't the model's"


def _note(images: Tensor, gradient: Tensor | None) -> str:
    if not images.is_floating_point():
        return f"inputs of type {images.dtype} have no gradient"
    if gradient is None:
        return "the model cuts gradients off its input (detach, no_grad, inference mode, NumPy)"
    if _endless(gradient):
        return f"the model's gradients are {_ENDLESS}"
    return ""


def _endless(gradient: Tensor) -> bool:
    """Whether no example has a finite gradient; those that have none are left out of maps."""
    return not bool(gradient.flatten(1).isfinite().all(1).any())


def _tried(
    engine: Engine, images: Tensor, names: Collection[str]
) -> dict[str, Tensor | None] | None:
    try:
        return _pulled(engine, images, names)
    except Exception:  # an operation of the graph that has no gradient
        return None


def _pulled(engine: Engine, images: Tensor, names: Collection[str]) -> dict[str, Tensor | None]:
    """Gradients of a fixed random sum of the logits in the images ("") and the sites' values.

    None where there are none; two sites that are one value have one entry.
    """
    values: dict[str, Tensor] = {}
    found: dict[str, Tensor | None] = {"": None}

    def watched(name: str) -> Change:
        def change(value: Tensor) -> Tensor:
            found[name] = None
            if value.is_inference():
                return value
            values[name] = value if value.requires_grad else value.detach().requires_grad_()
            return values[name].clone()

        return change

    with torch.inference_mode(False), torch.enable_grad():
        point = images.detach().clone().requires_grad_(images.is_floating_point())
        logits = engine.run(point, (), {name: watched(name) for name in names})[0]
        if not logits.requires_grad:
            return found
        places = {**({"": point} if point.requires_grad else {}), **values}
        weights = torch.rand(logits.shape, generator=torch.Generator().manual_seed(0)) + 0.5
        total = (logits * weights.to(logits)).sum()
        pulled = torch.autograd.grad(total, list(places.values()), allow_unused=True)
    return {**found, **dict(zip(places, pulled, strict=True))}


def _alike(got: Tensor | None, own: Tensor | None) -> bool:
    """Whether two gradients are the same; none is the same as zeros."""
    if own is None:
        return got is None or not bool(got.any())
    got = torch.zeros_like(own) if got is None else got
    if got.shape != own.shape:
        return False
    largest = float(own[own.isfinite()].abs().max()) if bool(own.isfinite().any()) else 0.0
    bound = max(_TOLERANCE, 16 * torch.finfo(own.dtype).eps) * largest
    return bool(torch.isclose(got, own, rtol=0, atol=bound, equal_nan=True).all())
