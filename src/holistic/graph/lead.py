"""Bounds how far units can move a class's lead: what can't turn needn't be computed."""

from __future__ import annotations

import torch
from torch import Tensor

from holistic.graph.linear import Carry, Mix
from holistic.graph.program import Node, Program, Ref

__all__ = ["lead", "lead_bounds"]

_SLOPES = {"relu": 1.0, "relu6": 1.0, "hardtanh": 1.0, "tanh": 1.0, "sigmoid": 0.25}
"""The steepest slopes of activations that act on each entry by itself."""

_SAME = frozenset({"clone", "detach", "alias", "contiguous", "dropout"})
_ROUNDING = 1e-4
"""Replays equal the whole model to this share of the largest logit."""
_MOST = 2e9
"""Multiplications that the bounds may take; beyond, every outcome is computed."""


def lead(logits: Tensor, labels: Tensor) -> Tensor:
    """By how much the label is ahead of all others, or behind the first of them: `[B]`, `[R, C]`.

    What rounding may do to it is taken off, so that it says what is sure.
    """
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return (own - others).abs() - _ROUNDING * logits.abs().amax(1)


def lead_bounds(program: Program, carry: Carry) -> Tensor | None:
    """Bound what one entry of a site's value can do to the lead of each class.

    Parameters
    ----------
    program, carry
        The flat graph, and how changes at the site travel through it.

    Returns
    -------
    Tensor | None
        `[U·block, C]`: where an entry of what the linear layer behind the site reads changes by 1,
        no class's logit less any other's changes by more. None where between site and logits
        there is anything but linear layers and activations with a known slope, or where the
        bounds would take too long.

    References
    ----------
    Weng et al. 2018, Towards Fast Computation of Certified Robustness for ReLU Networks: products
    of absolute weights.
    """
    nodes = _chain(program, carry)
    if nodes is None:
        return None
    if len(nodes) == 1:
        return torch.stack([(carry.mixes[0].weight - w).abs().amax(0)
                            for w in carry.mixes[0].weight.unbind()], 1)  # fmt: skip
    reach = carry.mixes[0].weight.abs().T  # [U·block, H]
    for node in nodes[1:-1]:
        if node.op == "linear":
            reach = reach @ _weight(program, node).abs().T
        else:
            reach = reach * _SLOPES.get(node.op, 1.0)
    last = _weight(program, nodes[-1])  # [C, H]
    if reach.numel() * len(last) ** 2 > _MOST:
        return None
    return torch.stack([(reach @ (last - own).abs().T).amax(1) for own in last], 1)


def _chain(program: Program, carry: Carry) -> list[Node] | None:
    """The linear layer behind the site and all that follows, if nothing else has a part in it."""
    mix = carry.mixes[0] if len(carry.mixes) == 1 and not carry.dense else None
    if mix is None or not _plain(program, mix):
        return None
    nodes = [mix.node]
    if mix.node.index != program.output:
        for node, _ in carry.finish.steps:
            known = node.op in _SLOPES or node.op in _SAME or node.op == "linear"
            read = [i for i in node.inputs if not program.nodes[i].constant]
            if not known or read != [nodes[-1].index] or node.args[0] != Ref(read[0]):
                return None
            nodes.append(node)
    return nodes if nodes[-1].op == "linear" and all(_usual(program, n) for n in nodes) else None


def _plain(program: Program, mix: Mix) -> bool:
    """Whether it is a linear layer of features without positions."""
    shape = program.nodes[mix.source].shape
    exact = mix.weight.dtype in (torch.float32, torch.float64)
    return not mix.convolution and shape is not None and len(shape) == 2 and exact


def _usual(program: Program, node: Node) -> bool:
    """Whether a linear layer has constant weights; other operations have none."""
    if node.op != "linear":
        return True
    weight = node.args[1]
    return isinstance(weight, Ref) and program.nodes[weight.index].constant


def _weight(program: Program, node: Node) -> Tensor:
    weight = program.nodes[node.args[1].index].value
    assert weight is not None
    return weight
