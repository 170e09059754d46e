"""How are the operations of a graph called, and where are their units?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from holistic.graph.program import Node, Program
from holistic.sites import Site, ends_of

__all__ = ["Call", "name_sites"]

NONLINEAR = frozenset(
    "relu relu6 gelu silu tanh sigmoid elu selu celu leaky_relu prelu rrelu softplus mish "
    "hardswish hardsigmoid hardtanh softsign log_sigmoid threshold square abs glu "
    "lstm gru rnn_tanh rnn_relu".split()
)
_MOVES = frozenset(
    "view reshape _unsafe_view permute transpose t clone expand slice select unbind getitem "
    "unfold unsqueeze squeeze flatten contiguous detach alias copy split chunk split_with_sizes "
    "_to_copy to lift_fresh_copy dropout zeros ones full arange zeros_like".split()
)
_LAST_AXIS = frozenset("linear layer_norm native_layer_norm embedding matmul addmm mm bmm".split())
_CHANNEL_AXIS = frozenset(
    "conv1d conv2d conv3d convolution conv_transpose2d _native_batch_norm_legit_no_training "
    "batch_norm group_norm native_group_norm instance_norm".split()
)


@dataclass(frozen=True)
class Call:
    """One call of one module, as the trace saw it.

    Attributes
    ----------
    path
        Path of the module in the model; empty for the model itself.
    leaf
        Whether the module has no modules inside.
    parameters
        Number of parameters that the module owns.
    """

    path: str
    leaf: bool
    parameters: int
    number: int = 1
    nodes: list[int] = field(default_factory=list[int])

    @property
    def name(self) -> str:
        """Path with the number of the call where it isn't the first."""
        return self.path if self.number == 1 else f"{self.path}#{self.number}"


def name_sites(
    program: Program, owners: Mapping[int, Call], calls: Sequence[Call]
) -> tuple[tuple[Site, ...], dict[str, int]]:
    """Name every value that can be read or edited.

    Parameters
    ----------
    program
        The flat graph.
    owners
        By node, the innermost module call that it belongs to.
    calls
        All module calls.

    Returns
    -------
    sites, nodes
        The sites from input to logits, and the node of each by name.
    """
    users = _users(program)
    outputs = {id(call): _call_output(call, users, program) for call in calls}
    axes = unit_axes(program)
    hidden = _hidden_nodes(program, owners, outputs, axes)
    found: list[tuple[int, Site]] = []
    counted: Counter[str] = Counter()
    for node in program.nodes:
        call = owners.get(node.index)
        if call is None or not _is_value(node, axes):
            continue
        owned = call.leaf and outputs[id(call)] == node.index
        if node.op in _MOVES and not owned:
            continue
        name = call.name if owned else _functional_name(call, node, counted)
        site = _site(node, name, axes[node.index], hidden=node.index in hidden)
        parameters = call.parameters if owned else 0
        found.append((node.index, replace(site, parameters=parameters)))
    found += _block_sites(calls, outputs, program, axes, {s.name for _, s in found})
    found.sort(key=lambda pair: (pair[0], pair[1].block))
    sites = tuple(replace(site, depth=depth) for depth, (_, site) in enumerate(found))
    return sites, {site.name: index for index, site in found}


def _functional_name(call: Call, node: Node, counted: Counter[str]) -> str:
    base = f"{call.path}.{node.op}" if call.path else node.op
    counted[base] += 1
    return base if counted[base] == 1 else f"{base}#{counted[base]}"


def _site(node: Node, name: str, axis: int, *, hidden: bool, block: bool = False) -> Site:
    assert node.shape is not None
    assert node.batch_axis is not None
    shape = tuple(s for i, s in enumerate(node.shape) if i != node.batch_axis)
    return Site(
        name=name,
        op=node.op,
        depth=0,
        shape=shape,
        unit_axis=axis - (axis > node.batch_axis),
        hidden=hidden,
        block=block,
        ends=ends_of(node.op, [float(a) for a in node.args[1:3]] if node.op == "hardtanh" else []),
    )


def _block_sites(
    calls: Sequence[Call],
    outputs: Mapping[int, int | None],
    program: Program,
    axes: Mapping[int, int],
    taken: set[str],
) -> list[tuple[int, Site]]:
    """Outputs of modules that hold several operations, under the module's own path."""
    found: list[tuple[int, Site]] = []
    for call in calls:
        index = outputs[id(call)]
        if call.leaf or not call.path or index is None or call.name in taken:
            continue
        node = program.nodes[index]
        if index != program.output and _is_value(node, axes):
            found.append((index, _site(node, call.name, axes[index], hidden=False, block=True)))
            taken.add(call.name)
    return found


def _users(program: Program) -> dict[int, list[int]]:
    users: dict[int, list[int]] = {}
    for node in program.nodes:
        for index in node.inputs:
            users.setdefault(index, []).append(node.index)
    return users


def _call_output(call: Call, users: Mapping[int, Sequence[int]], program: Program) -> int | None:
    """Find the last node of the call that something outside of it reads."""
    inside = set(call.nodes)
    for index in sorted(inside, reverse=True):
        if index == program.output or any(u not in inside for u in users.get(index, ())):
            return index
    return None


def _is_value(node: Node, axes: Mapping[int, int]) -> bool:
    return (
        node.function is not None
        and node.index in axes
        and node.fold == 1
        and node.selectable
        and node.shape is not None
        and len(node.shape) >= 2
    )


def _hidden_nodes(
    program: Program,
    owners: Mapping[int, Call],
    outputs: Mapping[int, int | None],
    axes: Mapping[int, int],
) -> set[int]:
    """Outputs of nonlinearities and attention heads, before the logits."""
    hidden: set[int] = set()
    for node in program.nodes:
        if node.index == program.output or node.function is None:
            continue
        if node.op in NONLINEAR:
            call = owners.get(node.index)
            output = outputs[id(call)] if call is not None and call.leaf else None
            chosen = node.index if output is None else output
            if chosen != program.output:
                hidden.add(chosen)
        elif _is_heads(node, program):
            hidden.add(node.index)
    return {index for index in hidden if index in axes}


def _is_heads(node: Node, program: Program) -> bool:
    """Whether a node holds the mixed values of attention heads, `[B, U, P, D]`."""
    if node.op == "scaled_dot_product_attention":
        return node.shape is not None and len(node.shape) == 4
    if node.op not in {"matmul", "bmm"} or node.shape is None or len(node.shape) != 4:
        return False
    weights = program.nodes[node.inputs[0]]
    while weights.op in _MOVES and weights.inputs:
        weights = program.nodes[weights.inputs[0]]
    return weights.op in {"softmax", "_softmax"}


def unit_axes(program: Program) -> dict[int, int]:
    """Infer for each node with examples along which axis its units lie."""
    axes: dict[int, int] = {}
    for node in program.nodes:
        if node.shape is None or node.batch_axis is None or len(node.shape) < 2:
            continue
        axis = _unit_axis(node, program, axes)
        if axis != node.batch_axis:
            axes[node.index] = axis
    return axes


def _unit_axis(node: Node, program: Program, axes: Mapping[int, int]) -> int:
    assert node.shape is not None
    rank = len(node.shape)
    source = next((program.nodes[i] for i in node.inputs if i in axes), None)
    if _is_heads(node, program) or (node.op in _CHANNEL_AXIS):
        return 1
    if node.op in _LAST_AXIS or source is None or source.shape is None:
        return 1 if rank >= 4 and node.op not in _LAST_AXIS else rank - 1
    axis = axes[source.index]
    if node.op == "permute":
        order = [a % rank for a in node.args[1]]
        return order.index(axis)
    if node.op == "transpose":
        first, second = (a % rank for a in node.args[1:3])
        return {first: second, second: first}.get(axis, axis)
    if node.op in {"view", "reshape", "_unsafe_view"}:
        before, size = math.prod(source.shape[:axis]), source.shape[axis]
        kept = [j for j in range(rank) if math.prod(node.shape[:j]) == before]
        return next((j for j in kept if node.shape[j] == size), rank - 1)
    if len(source.shape) == rank:
        return axis
    if node.op in {"mean", "sum", "amax"} and len(source.shape) > rank:
        return 1 if axis == 1 else rank - 1
    return rank - 1
