"""What do the definitions say, written as plainly as possible and as slowly as need be?"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from holistic.graph.sites import Site


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """Pick the logits from whatever a model returns."""
    output = model(images)
    if isinstance(output, Tensor):
        return output
    if hasattr(output, "logits"):
        return output.logits
    return output["logits"] if isinstance(output, dict) else output[0]


def hooked_logits(
    model: nn.Module, images: Tensor, path: str, call: int, change: Callable[[Tensor], Tensor]
) -> Tensor:
    """Run the user's model with one hook that changes what one call of one module returns."""
    calls = 0

    def hook(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return change(output.clone()) if calls == call else output

    handle = model.get_submodule(path).register_forward_hook(hook)
    try:
        with torch.no_grad():
            return logits_of(model, images.clone())
    finally:
        handle.remove()


def ablated_logits(
    model: nn.Module, images: Tensor, site: str, units: list[int], value: float, unit_axis: int
) -> Tensor:
    """Set units of a module's output to a number, the whole model run again."""
    path, _, call = site.partition("#")

    def change(output: Tensor) -> Tensor:
        output.select(unit_axis, 0)  # fails early where the axis isn't there
        index = torch.tensor(units, dtype=torch.long)
        return output.index_fill(unit_axis, index, value)

    return hooked_logits(model, images, path, int(call or 1), change)


def margin(logits: list[float], label: int) -> float:
    """Logit of the label minus the best other one."""
    return logits[label] - max(v for c, v in enumerate(logits) if c != label)


def unit_effects(
    model: nn.Module,
    images: Tensor,
    labels: list[int],
    *,
    site: str,
    units: int,
    values: list[float],
) -> list[dict[int, list[float]]]:
    """Per unit and class, each example's change of margin when the unit holds `values[unit]`."""
    with torch.no_grad():
        before = logits_of(model, images).tolist()
    effects: list[dict[int, list[float]]] = []
    for unit in range(units):
        after = ablated_logits(model, images, site, [unit], values[unit], 1).tolist()
        by_class: dict[int, list[float]] = {}
        for old, new, label in zip(before, after, labels, strict=True):
            by_class.setdefault(label, []).append(margin(new, label) - margin(old, label))
        effects.append(by_class)
    return effects


def first_order_effects(
    model: nn.Module, images: Tensor, labels: Tensor, site: Site, new: Tensor
) -> Tensor:
    """Slope of each example's margin on the way of one unit to its new value: `[B, U]`.

    By a central difference in float64, one unit and one example at a time.
    """
    model = copy.deepcopy(model).double()
    images = images.double() if images.is_floating_point() else images
    path, _, call = site.name.partition("#")
    slopes = torch.zeros(len(images), site.units)
    step = 1e-6

    def moved(unit: int, share: float) -> Callable[[Tensor], Tensor]:
        def change(output: Tensor) -> Tensor:
            last = output.movedim(site.unit_axis + 1, -1)  # [1, P…, U]
            target = new.double().expand_as(last)
            last[..., unit] += share * (target - last)[..., unit]
            return last.movedim(-1, site.unit_axis + 1)

        return change

    for i, label in enumerate(labels.tolist()):
        for unit in range(site.units):
            ends = [
                margin(
                    hooked_logits(
                        model, images[i : i + 1], path, int(call or 1), moved(unit, share)
                    )[0].tolist(),
                    label,
                )
                for share in (-step, step)
            ]
            slopes[i, unit] = (ends[1] - ends[0]) / (2 * step)
    return slopes
