"""A flat list of operations that turns an input into logits."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import Any

import sympy
import torch
from torch import Tensor
from torch.nn.functional import linear, max_pool2d

from holistic.graph.accompanied import apart, lacking

__all__ = ["Node", "Plan", "Program", "Ref", "select_rows"]


@dataclass(frozen=True)
class Ref:
    """Stands in an operation's arguments for the value of another node."""

    index: int


@dataclass(frozen=True)
class Node:
    """One operation of the flat graph.

    Attributes
    ----------
    op
        Name of the operation (`relu`, `linear`).
    function
        What computes the value; None for inputs, parameters and sizes.
    args, kwargs
        Its arguments, other nodes as `Ref`.
    inputs
        Nodes that it reads.
    size
        For a number that depends on the batch size alone: that dependence.
    value
        For a parameter or constant: the tensor, shared with the model.
    shape
        Shape of the value on the traced batch; None where it isn't one tensor.
    batch_axis
        Axis along which the examples lie; None where the value doesn't depend on them.
    fold
        How many entries of the batch axis belong to one example (tokens folded into the batch).
    selectable
        Whether rows of the value are the values of rows, as seen on a permuted batch.
    """

    index: int
    op: str
    function: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    inputs: tuple[int, ...] = ()
    size: tuple[sympy.Expr, sympy.Symbol] | None = None
    value: Tensor | None = None
    shape: tuple[int, ...] | None = None
    batch_axis: int | None = None
    fold: int = 1
    selectable: bool = True

    @property
    def constant(self) -> bool:
        """Whether the value is a parameter or constant of the model."""
        return self.value is not None


@dataclass(frozen=True)
class Plan:
    """Steps to run, each with the nodes whose values are no longer needed after it."""

    steps: tuple[tuple[Node, tuple[int, ...]], ...]
    reads: tuple[int, ...]
    """Nodes given from outside that the steps read."""


@dataclass(frozen=True)
class Program:
    """The flat graph of a model: nodes in the order of execution, from input to logits.

    Attributes
    ----------
    input, output
        The nodes of the images and of the logits.
    extras
        The nodes of what the model is given beside the images.
    """

    nodes: tuple[Node, ...]
    input: int
    output: int
    extras: tuple[int, ...] = ()

    @property
    def inputs(self) -> frozenset[int]:
        """Nodes that every run is given."""
        return frozenset({self.input, *self.extras})

    def given(self, images: Tensor) -> dict[int, Tensor]:
        """Return the values of these nodes: the images, `[B, …]`, and what they carry.

        Raises
        ------
        ModelError
            If they don't carry what the model needs.
        """
        if not self.extras:
            return {self.input: images}
        images, carried = apart(images)
        if len(carried) != len(self.extras):
            raise lacking(tuple(carried) or ("further inputs",))
        return {self.input: images, **dict(zip(self.extras, carried.values(), strict=True))}

    @cached_property
    def _plans(self) -> dict[Any, Plan]:
        return {}

    @cached_property
    def _in_place(self) -> dict[int, Callable[..., Any]]:
        """By node, what computes it over its first input, where nothing else reads that."""
        users = Counter(i for node in self.nodes for i in node.inputs)
        found: dict[int, Callable[..., Any]] = {}
        for node in self.nodes:
            if node.op not in _OVERWRITING or not isinstance(node.args[0], Ref) or node.kwargs:
                continue
            first = self.nodes[node.args[0].index]
            shapes = {self.nodes[i].shape for i in node.inputs} | {node.shape}
            if first.op in _FRESH and users[first.index] == 1 and len(shapes) == 1:
                found[node.index] = _OVERWRITING[node.op]
        return found

    def plan(self, given: Iterable[int], wanted: Iterable[int]) -> Plan:
        """Find the fewest steps that compute `wanted` from `given` values (cached)."""
        key = (frozenset(given), frozenset(wanted))
        if key not in self._plans:
            self._plans[key] = self._make_plan(*key)
        return self._plans[key]

    def _make_plan(self, given: frozenset[int], wanted: frozenset[int]) -> Plan:
        needed, stack, reads = set[int](), list(wanted), set[int]()
        while stack:
            index = stack.pop()
            if index in given:
                reads.add(index)
            elif index not in needed and not self.nodes[index].constant:
                needed.add(index)
                stack.extend(self.nodes[index].inputs)
        order = sorted(needed)
        last_use = {i: n for n in order for i in self.nodes[n].inputs}
        released: dict[int, list[int]] = {}
        for index, user in last_use.items():
            if index not in wanted and not self.nodes[index].constant:
                released.setdefault(user, []).append(index)
        steps = tuple((self.nodes[n], tuple(released.get(n, ()))) for n in order)
        return Plan(steps, tuple(sorted(reads)))

    def evaluate(
        self,
        given: Mapping[int, Any],
        wanted: Iterable[int],
        *,
        rows: int,
        edits: Mapping[int, Callable[[Any], Any]] | None = None,
        owned: Collection[int] | None = None,
    ) -> dict[int, Any]:
        """Compute the values of `wanted` nodes for a batch of `rows` examples.

        Parameters
        ----------
        given
            Known values by node; nothing before them is computed.
        wanted
            Nodes whose values are returned.
        rows
            Number of examples.
        edits
            By node, what is done to its value before anything reads it.
        owned
            Nodes among the given whose tensors may be overwritten; None where nothing may be,
            not even values computed here (gradients and edits may hold on to them).
        """
        wanted = tuple(wanted)
        edits = edits or {}
        values = dict(given)
        for node, released in self.plan(given, wanted).steps:
            function = node.function
            if owned is not None and node.index in self._in_place:
                first = node.inputs[0]
                if first in released and (first in owned or first not in given):
                    function = self._in_place[node.index]
            elif owned is not None and node.op == "linear":
                function = _linear
            elif node.op == "max_pool2d" and not torch.is_grad_enabled():
                function = _max_pool
            value = self._compute(node, values, rows, function)
            edit = edits.get(node.index)
            values[node.index] = value if edit is None else edit(value)
            for index in released:
                values.pop(index, None)
        return {i: self._read(i, values) for i in wanted}

    def _read(self, index: int, values: Mapping[int, Any]) -> Any:
        node = self.nodes[index]
        return node.value if node.constant else values[index]

    def _compute(
        self,
        node: Node,
        values: Mapping[int, Any],
        rows: int,
        function: Callable[..., Any] | None,
    ) -> Any:
        if node.size is not None:
            return _size(*node.size, rows)
        if function is None:
            raise RuntimeError(f"the value of node {node.index} must be given")
        args = [self._fill(a, values) for a in node.args]
        if not node.kwargs:
            return function(*args)
        return function(*args, **{k: self._fill(v, values) for k, v in node.kwargs.items()})

    def _fill(self, argument: Any, values: Mapping[int, Any]) -> Any:
        if isinstance(argument, Ref):
            return self._read(argument.index, values)
        if isinstance(argument, (list, tuple)):
            return [self._fill(a, values) for a in argument]  # pyright: ignore[reportUnknownVariableType]
        return argument

    def downstream(self, index: int) -> frozenset[int]:
        """Nodes whose value depends on this node's, itself left out."""
        reached = {index}
        for node in self.nodes[index + 1 :]:
            if not reached.isdisjoint(node.inputs):
                reached.add(node.index)
        return frozenset(reached - {index})

    def row_bytes(self, plan: Plan, given: Iterable[int]) -> int:
        """Most bytes that one example's values take at once while a plan runs."""
        live_bytes = {i: self._bytes(i) for i in given}
        peak = sum(live_bytes.values())
        for node, released in plan.steps:
            live_bytes[node.index] = self._bytes(node.index)
            peak = max(peak, sum(live_bytes.values()))
            for index in released:
                live_bytes.pop(index, None)
        return max(peak, 1)

    def row_cost(self, plan: Plan) -> float:
        """Bytes that a plan's steps write for one example; a byte stands for ten operations too."""
        written = sum(self._bytes(node.index) for node, _ in plan.steps if node.op not in _MOVES)
        return written + self.row_operations(plan) / 10

    def row_operations(self, plan: Plan) -> int:
        """Floating-point operations for one example in a plan's linear layers and convolutions."""
        return sum(self._operations(node) for node, _ in plan.steps)

    def _operations(self, node: Node) -> int:
        if node.op not in _PRODUCTS or node.shape is None or node.batch_axis is None:
            return 0
        weight = node.args[1]
        value = self.nodes[weight.index].value if isinstance(weight, Ref) else None
        outputs = math.prod(node.shape) // node.shape[node.batch_axis] * node.fold
        return 0 if value is None else 2 * outputs * (value.numel() // value.shape[0])

    def _bytes(self, index: int) -> int:
        node = self.nodes[index]
        if node.shape is None or node.batch_axis is None:
            return 0
        count = 1
        for axis, size in enumerate(node.shape):
            count *= node.fold if axis == node.batch_axis else size
        return 4 * count


def _linear(value: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer without gradients, by oneDNN where that is faster than the BLAS."""
    # oneDNN reads a bias as if it lay in one piece, whatever its strides say
    plain = bias is None or (bias.shape == weight.shape[:1] and bias.is_contiguous())
    usual = weight.dim() == 2 and value.shape[-1:] == weight.shape[1:] and weight.numel() > 0
    same = value.dtype == weight.dtype == torch.float32 and (
        bias is None or bias.dtype == value.dtype
    )
    large = value.numel() * len(weight) >= _LARGE
    if value.is_cuda or not (_ONEDNN and plain and usual and same and large):
        return linear(value, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(value, weight, bias, "none", [], "")


def _max_pool(
    value: Tensor,
    kernel: list[int],
    stride: list[int] | None = None,
    padding: int | list[int] = 0,
    *others: Any,
) -> Tensor:
    """Pool `[B, …, H, W]` by the larger of neighbours, an axis at a time, without gradients.

    PyTorch's own looks at one number after another on the processor, and takes ten times as long.
    """
    if value.is_cuda or padding not in (0, [0, 0]) or others:
        return max_pool2d(value, kernel, stride or None, padding, *others)
    for axis, size, step in zip((-2, -1), kernel, stride or kernel, strict=True):
        value = reduce(torch.maximum, value.unfold(axis, size, step).unbind(-1))
    return value


def _add_(value: Tensor, other: Any) -> Tensor:
    """Add over the first value, where the sum is of its type."""
    same = not isinstance(other, Tensor) or other.dtype == value.dtype
    return value.add_(other) if same else value + other


@lru_cache(maxsize=4096)
def _size(expression: sympy.Expr, symbol: sympy.Symbol, rows: int) -> int:
    return int(expression.xreplace({symbol: sympy.Integer(rows)}))  # pyright: ignore[reportArgumentType]


def select_rows(node: Node, value: Any, rows: Tensor) -> Any:
    """Take the examples `rows` `[R]` out of a node's value; values without examples stay."""
    if node.batch_axis is None or not isinstance(value, Tensor):
        return value
    if node.fold == 1:
        return value.index_select(node.batch_axis, rows)
    folded = value.unflatten(node.batch_axis, (-1, node.fold))
    return folded.index_select(node.batch_axis, rows).flatten(node.batch_axis, node.batch_axis + 1)


_ONEDNN = hasattr(torch.ops.mkldnn, "_linear_pointwise")
_LARGE = 1 << 22
"""Multiplications from which oneDNN is faster. It prepares each shape anew, which takes half a
millisecond, and keeps 0.1 MB of it; and replays have as many rows as there are examples to run."""

_MOVES = frozenset(
    "view reshape _unsafe_view flatten unflatten squeeze unsqueeze permute transpose t select "
    "slice expand detach alias getitem split chunk unbind split_batch join_batch".split()
)
_PRODUCTS = frozenset({"linear", "conv1d", "conv2d", "conv3d"})
_OVERWRITING: Mapping[str, Callable[..., Any]] = {
    **{n: getattr(torch.ops.aten, f"{n}_") for n in ("relu", "gelu", "silu", "sigmoid", "tanh")},
    "add": _add_,
}
_FRESH = frozenset({"linear", "conv1d", "conv2d", "conv3d", "add"})
"""Operations whose value shares no memory with anything else."""

GETITEM = operator.getitem
VIEWS = {torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default}
