"""How do people measure a unit's effect today? One function per peer, all with the same answer.

Each takes a model, a module path, some of its units and images with labels, sets one unit at a time
to zero and returns how the margin of every image changes, `[units, B]`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from holistic.study.scores import score

Peer = Callable[[nn.Module, str, Sequence[int], Tensor, Tensor], Tensor]


def hook_loop(
    model: nn.Module, path: str, units: Sequence[int], images: Tensor, labels: Tensor
) -> Tensor:
    """One forward pass for each unit, with a forward hook that sets it to zero."""
    module, chosen = model.get_submodule(path), -1

    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[_index(output, chosen)] = 0
        return output

    with torch.no_grad():
        before = score(model(images), labels)
        handle = module.register_forward_hook(hook)
        effects = torch.empty(len(units), len(labels))
        for row, chosen in enumerate(units):  # noqa: B007 - the hook reads it
            effects[row] = score(model(images), labels) - before
        handle.remove()
    return effects


def captum(
    model: nn.Module, path: str, units: Sequence[int], images: Tensor, labels: Tensor
) -> Tensor:
    """Captum's `LayerFeatureAblation`, one feature group for each unit and one for the others.

    Captum ablates every group, so the time of its pass for the others is part of the measurement
    only where `units` isn't all of them.
    """
    from captum.attr import LayerFeatureAblation

    module, shape = model.get_submodule(path), list[tuple[int, ...]]()
    handle = module.register_forward_hook(lambda m, i, o: shape.append(tuple(o.shape)))
    with torch.no_grad():
        model(images[:1])
    handle.remove()
    groups = torch.full(shape[0], len(units))
    for number, unit in enumerate(units):
        groups[_index(groups, unit)] = number
    ablation = LayerFeatureAblation(lambda x: score(model(x), labels), module)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = ablation.attribute(images, layer_baselines=0, layer_mask=groups)
    assert isinstance(values, Tensor)
    return torch.stack([-_first(values, unit) for unit in units])


def nnsight(
    model: nn.Module, path: str, units: Sequence[int], images: Tensor, labels: Tensor
) -> Tensor:
    """One nnsight trace for each unit."""
    from nnsight import NNsight

    wrapped: Any = NNsight(model)
    place: Any = wrapped
    for name in path.split("."):
        place = place[int(name)] if name.isdigit() else getattr(place, name)
    effects = []
    with torch.no_grad():
        before = score(model(images), labels)
        for unit in units:
            with wrapped.trace(images):
                value = place.output.clone()
                value[_index(value, unit)] = 0
                place.output = value
                logits = wrapped.output.save()
            effects.append(score(logits, labels) - before)
    return torch.stack(effects)


PEERS: dict[str, Peer] = {"hook loop": hook_loop, "captum": captum, "nnsight": nnsight}


def _index(value: Tensor, unit: int) -> tuple[Any, ...]:
    """Channels of a feature map lie on axis 1, features of anything else on the last."""
    return (slice(None), unit) if value.dim() == 4 else (..., unit)


def _first(values: Tensor, unit: int) -> Tensor:
    """One position of a unit: Captum gives each of a group's entries the group's effect."""
    chosen = values[_index(values, unit)]  # [B, P…]
    return chosen.flatten(1)[:, 0] if chosen.dim() > 1 else chosen
