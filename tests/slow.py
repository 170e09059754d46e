"""What do the definitions say, written as plainly as possible and as slowly as need be?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """Pick the logits from whatever a model returns."""
    output = model(images)
    if isinstance(output, Tensor):
        return output
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
