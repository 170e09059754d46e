"""Follows a change of one unit through linear operations.

Downstream of a site every operation is one of three kinds. *Local* ones keep each unit apart
(ReLU, pooling, flatten, batch norm in evaluation mode, depthwise convolution): there the change of
a unit is the change of its own channel. *Mixing* ones are linear in a local input (linear,
convolution): there the change of a unit is a rank-1 term added to a value that is already known.
Everything after is *dense* and is run again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from holistic.graph.naming import NONLINEAR
from holistic.graph.program import Node, Plan, Program, Ref

__all__ = ["Carry", "Local", "Mix", "carry"]

_POINTWISE = (NONLINEAR - {"glu", "lstm", "gru", "rnn_tanh", "rnn_relu"}) | frozenset(
    "add sub mul div neg pow exp log sqrt rsqrt clamp clamp_min clamp_max minimum maximum "
    "clone contiguous detach alias dropout _to_copy to lift_fresh_copy".split()
)
_POOLS = frozenset(
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool2d upsample_nearest2d".split()
)
_VIEWS = frozenset("view reshape _unsafe_view flatten squeeze unsqueeze".split())
_CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})


@dataclass(frozen=True)
class Local:
    """A value in which unit u takes entries `u·block` to `(u+1)·block` of one axis, alone."""

    axis: int
    block: int = 1
    batch: int = 0


@dataclass(frozen=True)
class Mix:
    """A linear operation on a local value.

    Attributes
    ----------
    node
        The operation.
    source
        The local node that it reads.
    weight
        Its weight, `[O, U·block]` for linear, `[O, U, *kernel]` for a convolution.
    """

    node: Node
    source: int
    weight: Tensor

    @property
    def convolution(self) -> bool:
        """Whether it is a convolution, else linear."""
        return self.node.op in _CONVOLUTIONS

    def convolve(self, change: Tensor, unit: int) -> Tensor:
        """Convolve one unit's change `[R, P…]` with the unit's kernels: `[R, O, P'…]`."""
        stride, padding, dilation = (
            self.node.args[i] if len(self.node.args) > i else default
            for i, default in ((3, [1]), (4, [0]), (5, [1]))
        )
        kernel = self.weight[:, unit : unit + 1]
        assert self.node.function is not None
        return self.node.function(change[:, None], kernel, None, stride, padding, dilation)


@dataclass(frozen=True)
class Carry:
    """How changes at one site travel to the logits.

    Attributes
    ----------
    local
        Local nodes by index, the site's own among them.
    mixes
        The linear operations at which changes mix.
    dense
        Local nodes whose whole value a dense operation reads.
    alone
        Whether local values depend on the site alone, so that an ablation value which is the same
        for every example makes them the same.
    finish
        Steps from the mixed and dense values on to the logits.
    restart
        The same from the values of the local nodes at the frontier.
    """

    local: Mapping[int, Local]
    mixes: tuple[Mix, ...]
    dense: tuple[int, ...]
    alone: bool
    finish: Plan
    restart: Plan

    @property
    def frontier(self) -> tuple[int, ...]:
        """Local nodes that something other than a local node reads."""
        return tuple(sorted({*self.dense, *(mix.source for mix in self.mixes)}))

    @property
    def given(self) -> frozenset[int]:
        """Nodes whose values `finish` is given because they change."""
        return frozenset({*self.dense, *(mix.node.index for mix in self.mixes)})


def carry(program: Program, site: int, axis: int) -> Carry:
    """Work out how a change of single units of a node travels to the logits.

    Parameters
    ----------
    program
        The flat graph.
    site
        The node whose units change.
    axis
        The axis of its units, the batch axis counted.
    """
    changed = program.downstream(site) | {site}
    needed = {n.index for n, _ in program.plan({site, program.input}, {program.output}).steps}
    local: dict[int, Local] = {site: Local(axis, batch=program.nodes[site].batch_axis or 0)}
    mixes: list[Mix] = []
    dense_reads: set[int] = {site} & {program.output}
    for node in program.nodes[site + 1 :]:
        if node.index not in changed or node.index not in needed:
            continue
        sources = [i for i in node.inputs if i in changed]
        if all(i in local for i in sources):
            form = _local_form(node, [(program.nodes[i], local[i]) for i in sources], program)
            mix = None if form else _mix(node, sources, local, program)
            if form is not None:
                local[node.index] = form
                dense_reads |= {node.index} & {program.output}
                continue
            if mix is not None:
                mixes.append(mix)
                continue
        dense_reads |= set(sources) & set(local)
    return _planned(program, changed, local, tuple(mixes), tuple(sorted(dense_reads)))


def _planned(
    program: Program,
    changed: frozenset[int],
    local: Mapping[int, Local],
    mixes: tuple[Mix, ...],
    dense: tuple[int, ...],
) -> Carry:
    site = min(local)
    known = {
        n.index
        for n in program.nodes
        if n.index not in changed and n.shape is not None and n.selectable and not n.constant
    }
    mixed = {mix.node.index for mix in mixes}
    frontier = {*dense, *(mix.source for mix in mixes)}
    read = [program.nodes[i] for n in local for i in program.nodes[n].inputs if n != site]
    alone = all(n.index in local or n.constant or n.batch_axis is None for n in read)
    return Carry(
        alone=alone and all(form.batch == 0 for form in local.values()),
        local=local,
        mixes=mixes,
        dense=dense,
        finish=program.plan(known | mixed | set(dense), {program.output}),
        restart=program.plan(known | frontier, {program.output}),
    )


def _local_form(node: Node, sources: list[tuple[Node, Local]], program: Program) -> Local | None:
    """Form of a node's value if each of its units depends on one unit of the site alone."""
    source, form = sources[0]
    if form.batch != 0 or any(other != form for _, other in sources[1:]):
        return None
    if node.op == "_native_batch_norm_legit_no_training":
        return form if form.axis == 1 else None
    if node.op == "getitem":
        return form if source.op.startswith("_native_batch_norm") and node.args[1] == 0 else None
    if node.shape is None or node.batch_axis != 0 or node.fold != 1:
        return None
    if node.op in _POINTWISE:
        same = all(s.shape == node.shape for s, _ in sources)
        return form if same else None
    if len(sources) > 1 or source.shape is None:
        return None
    if node.op in _POOLS:
        return form if form.axis == 1 and len(node.shape) == len(source.shape) else None
    if node.op in _CONVOLUTIONS:
        return _depthwise(node, form, source.shape, program)
    return _moved(node, form, source.shape)


def _depthwise(node: Node, form: Local, shape: tuple[int, ...], program: Program) -> Local | None:
    groups = node.args[6] if len(node.args) > 6 else 1
    if form != Local(1) or groups != shape[1] or node.shape is None:
        return None
    return Local(1, node.shape[1] // shape[1]) if _weight(node, 1, program) is not None else None


def _moved(node: Node, form: Local, shape: tuple[int, ...]) -> Local | None:
    """Form after an operation that moves entries, or reduces axes other than the units'."""
    assert node.shape is not None
    rank = len(shape)
    if node.op in _VIEWS:
        return _viewed(form, shape, node.shape)
    if node.op == "permute":
        return Local([a % rank for a in node.args[1]].index(form.axis), form.block)
    if node.op == "transpose":
        first, second = (a % rank for a in node.args[1:3])
        return Local({first: second, second: first}.get(form.axis, form.axis), form.block)
    if node.op == "slice" and node.shape == shape:
        return form
    if node.op in {"select", "slice"}:
        axis = (node.args[1] if len(node.args) > 1 else 0) % rank
        if axis in (0, form.axis):
            return None
        return Local(form.axis - (node.op == "select" and axis < form.axis), form.block)
    if node.op in {"mean", "sum", "amax"} and len(node.args) > 1:
        axes = {a % rank for a in node.args[1] or range(rank)}
        if 0 in axes or form.axis in axes:
            return None
        kept = len(node.args) > 2 and node.args[2]
        return Local(form.axis - (0 if kept else sum(a < form.axis for a in axes)), form.block)
    return None


def _viewed(form: Local, old: tuple[int, ...], new: tuple[int, ...]) -> Local | None:
    """Form after a reshape that merges the units' axis with those behind it, or splits it."""
    before, size = math.prod(old[: form.axis]), old[form.axis]
    merged = [math.prod(old[form.axis + 1 : j]) for j in range(form.axis + 1, len(old) + 1)]
    for axis in range(1, len(new)):
        if math.prod(new[:axis]) != before:
            continue
        if new[axis] == size:
            return Local(axis, form.block)
        if new[axis] % size == 0 and new[axis] // size in merged:
            return Local(axis, form.block * (new[axis] // size))
        if form.block > 1 and new[axis] * form.block == size:
            return Local(axis)
    return None


def _mix(
    node: Node, sources: list[int], local: Mapping[int, Local], program: Program
) -> Mix | None:
    """Recognise a linear operation with constant weights on one local input."""
    source = program.nodes[sources[0]]
    form = local[source.index]
    reads_first = node.args and node.args[0] == Ref(source.index)
    if len(sources) > 1 or not reads_first or source.shape is None or form.batch != 0:
        return None
    weight = _weight(node, 1, program)
    if weight is None or node.shape is None or node.fold != 1:
        return None
    if node.op == "linear" and form.axis == len(source.shape) - 1:
        return Mix(node, source.index, weight)
    groups = node.args[6] if len(node.args) > 6 else 1
    if node.op in _CONVOLUTIONS and form == Local(1) and groups == 1:
        return Mix(node, source.index, weight)
    return None


def _weight(node: Node, position: int, program: Program) -> Tensor | None:
    if len(node.args) <= position or not isinstance(node.args[position], Ref):
        return None
    return program.nodes[node.args[position].index].value


def by_unit(value: Tensor, form: Local, units: int) -> Tensor:
    """Bring a local value into the order `[U, B, …, block…]`, units first (a view)."""
    batch = form.batch + (form.batch > form.axis)
    return value.unflatten(form.axis, (units, form.block)).movedim((form.axis, batch), (0, 1))


def mask_of(units: Tensor, form: Local, rank: int) -> Tensor:
    """Spread a mask of units `[G, U]` over a local value's entries, `[G, 1…, U·block, 1…]`."""
    spread = units.repeat_interleave(form.block, 1)
    shape = [len(units)] + [1] * rank
    shape[form.axis + 1] = spread.shape[1]
    return spread.reshape(shape)


def changed_units(base: Tensor, new: Tensor, form: Local, units: int) -> Tensor:
    """Where a unit's entries differ on an example, `[B, U]`."""
    differs = by_unit(base != new, form, units)  # [U, B, …]
    return differs.flatten(2).any(2).T if differs.dim() > 2 else differs.T
