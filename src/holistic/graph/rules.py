"""Gives operations of a traced model other rules for what is passed back through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.graph.kinds import (
    ADDITIVE,
    BATCH_NORMS,
    FOLDS,
    IDENTITIES,
    MATRIX,
    MAX_POOLS,
    MOVES,
    POOLS,
    UNITWISE,
    pointwise,
)
from holistic.graph.program import Node, Program, Ref

__all__ = ["Called", "averaged", "dependent", "guided", "linear_in", "passing", "rescaled", "ruled"]

Rule = Callable[["Called"], Callable[..., Any] | None]
"""Takes an operation that depends on the input; returns what computes it, None to leave it."""

WEIGHTED = frozenset(
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d".split()
)
_PLAIN = (
    (MOVES | FOLDS | IDENTITIES | UNITWISE | POOLS | ADDITIVE)
    - MAX_POOLS
    - frozenset("grid_sampler grid_sampler_2d index gather".split())
) | frozenset("mean sum neg".split())
"""Linear in everything that depends on the input."""
_FIRST = WEIGHTED | BATCH_NORMS | MATRIX | frozenset("mul div convolution index gather".split())
"""Linear in one value where nothing else depends on the input."""
_POINTS = 24


@dataclass(frozen=True)
class Called:
    """An operation of a program, and which of its arguments depend on the input.

    Attributes
    ----------
    dependent
        Places of those among its arguments.
    axes
        Axis of the examples in each of these, and last in the value.
    """

    node: Node
    program: Program
    dependent: tuple[int, ...]
    axes: tuple[int | None, ...]

    @property
    def linear(self) -> bool:
        """Whether the value is affine in what depends on the input."""
        if self.node.op in _PLAIN:
            return True
        return self.node.op in _FIRST and self.dependent in ((0,), (1,) if self._turns else (0,))

    @property
    def _turns(self) -> bool:
        return self.node.op in MATRIX | {"mul"}

    @property
    def pooled(self) -> bool:
        """Whether it is a maximum over windows."""
        return self.node.op in MAX_POOLS and self.dependent == (0,)

    @property
    def pointwise(self) -> bool:
        """Whether each number depends on one number of one value."""
        return self.dependent == (0,) and pointwise(self.node, self.program)

    @property
    def weight(self) -> Tensor | None:
        """The weights of a linear layer or a convolution."""
        if self.node.op not in WEIGHTED or not isinstance(self.node.args[1], Ref):
            return None
        return self.program.nodes[self.node.args[1].index].value


def dependent(program: Program, start: int) -> dict[int, Called]:
    """Operations whose value depends on a node's, on the way to the output."""
    reached = program.downstream(start)
    found = dict[int, Called]()
    for node, _ in program.plan({*program.inputs, start}, {program.output}).steps:
        if node.index not in reached:
            continue
        own = tuple(
            place
            for place, argument in enumerate(node.args)
            if any(ref.index == start or ref.index in reached for ref in _refs(argument))
        )
        axes = tuple(_axis(program, node.args[place]) for place in own)
        found[node.index] = Called(node, program, own, (*axes, node.batch_axis))
    return found


def _refs(argument: Any) -> list[Ref]:
    if isinstance(argument, Ref):
        return [argument]
    if isinstance(argument, (list, tuple)):
        return [ref for part in argument for ref in _refs(part)]  # pyright: ignore[reportUnknownVariableType]
    return []


def _axis(program: Program, argument: Any) -> int | None:
    if not isinstance(argument, Ref):
        return None
    return program.nodes[argument.index].batch_axis


def ruled(program: Program, start: int, rule: Rule) -> Program:
    """Return the program with other rules for the operations that depend on a node."""
    nodes = list(program.nodes)
    for index, called in dependent(program, start).items():
        function = rule(called)
        if function is not None:
            nodes[index] = replace(nodes[index], function=function)
    return replace(program, nodes=tuple(nodes))


class _Backward(torch.autograd.Function):
    """Computes an operation as it is, and passes back what a rule says."""

    @staticmethod
    def forward(ctx: Any, call: Callable[..., Tensor], back: Any, *values: Tensor) -> Tensor:
        ctx.call, ctx.back = call, back
        ctx.save_for_backward(*values)
        with torch.no_grad():
            return call(*values)

    @staticmethod
    def backward(ctx: Any, *received: Tensor) -> Any:
        with torch.enable_grad():
            values = [value.detach().requires_grad_() for value in ctx.saved_tensors]
            passed = ctx.back(ctx.call, values, received[0])
        return None, None, *passed


Back = Callable[[Callable[..., Tensor], Sequence[Tensor], Tensor], Sequence[Tensor]]
"""Takes an operation, the values that it was given and what arrives at its value; returns what each
is passed."""


def linear_in(called: Called, back: Back) -> Callable[..., Any]:
    """Replace what an operation passes back."""
    places = called.dependent
    function = called.node.function
    assert function is not None

    def compute(*args: Any, **kwargs: Any) -> Any:
        def call(*values: Tensor) -> Tensor:
            filled = list(args)
            for place, value in zip(places, values, strict=True):
                filled[place] = value
            value = function(*filled, **kwargs)
            return value if isinstance(value, Tensor) else value[0]

        value = _Backward.apply(call, back, *[args[place] for place in places])
        # of several values, such as a normalisation's beside its statistics, the first is read on
        return value if called.node.shape is not None else (value,)

    return compute


def guided(
    call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor
) -> Sequence[Tensor]:
    """Pass a ReLU's gradient on where both it and the value are above zero."""
    return (received.clamp(min=0) * (values[0] > 0),)


def passing(
    call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor
) -> Sequence[Tensor]:
    """Pass everything on as it is."""
    return (received,)


def rescaled(called: Called) -> Callable[..., Any]:
    """Pass back changes over changes, of a batch of examples and then of their baselines.

    Operations on single numbers pass on how much the value changes for a change of what it is given
    (the rescale rule); a maximum passes its change to where it was and to where it is; any other
    operation, its mean derivative on the line from one to the other.

    References
    ----------
    Shrikumar et al. 2017, section 3.5.1; Ancona et al. 2018, section 3.
    """
    if called.pointwise:
        return linear_in(called, _rescale(called))
    if called.pooled:
        return linear_in(called, _largest(called))
    return averaged(called)


def _halves(value: Tensor, axis: int | None) -> tuple[Tensor, Tensor]:
    if axis is None:
        return value, value
    first, second = value.chunk(2, axis)
    return first, second


def _rescale(called: Called) -> Back:
    axis = called.axes[0]

    def back(
        call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor
    ) -> Sequence[Tensor]:
        (value,) = values
        out = call(value)
        (slope,) = torch.autograd.grad(out.sum(), value)
        here, there = _halves(value.detach(), axis)
        after, before = _halves(out.detach(), called.axes[-1])
        change = here - there
        still = change.abs() < 1e-6 * here.abs().clamp(min=1.0)
        factor = torch.where(
            still, _halves(slope, axis)[0], (after - before) / torch.where(still, 1.0, change)
        )
        first, second = _halves(received, called.axes[-1])
        return (torch.cat([first * factor, torch.zeros_like(second)], axis or 0),)

    return back


def _largest(called: Called) -> Back:
    axis = called.axes[0]

    def back(
        call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor
    ) -> Sequence[Tensor]:
        (value,) = values
        out = call(value)
        after, before = _halves(out.detach(), called.axes[-1])
        first, _ = _halves(received, called.axes[-1])
        most = torch.maximum(after, before)
        parts = torch.cat([first * (most - before), first * (after - most)], called.axes[-1] or 0)
        (placed,) = torch.autograd.grad(out, value, parts)
        here, there = _halves(value.detach(), axis)
        change = here - there
        still = change.abs() < 1e-7
        total = sum(_halves(placed, axis))
        factor = torch.where(still, 0.0, total / torch.where(still, 1.0, change))
        return (torch.cat([factor, torch.zeros_like(factor)], axis or 0),)

    return back


@cache
def _line() -> tuple[tuple[float, float], ...]:
    """Places from 0 to 1 and their weights, close together at the ends: a norm is steep at zero."""
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    t = (nodes + 1) / 2
    places, dense = t**3 * (10 - 15 * t + 6 * t**2), 30 * t**2 * (1 - t) ** 2
    return tuple(zip(places.tolist(), (weights / 2 * dense).tolist(), strict=True))


def averaged(called: Called) -> Callable[..., Any]:
    """Pass back the mean derivative on the line from the second half's values to the first's."""
    line = _line()
    axes, out_axis = called.axes[:-1], called.axes[-1]

    def back(
        call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor
    ) -> Sequence[Tensor]:
        halves = [_halves(v.detach(), axis) for v, axis in zip(values, axes, strict=True)]
        first, _ = _halves(received, out_axis)
        totals = [torch.zeros_like(here) for here, _ in halves]
        for place, weight in line:
            points = [(there + place * (here - there)).requires_grad_() for here, there in halves]
            # an operation that is written for the whole batch is given it
            both = [
                p if axis is None else torch.cat([p, p], axis)
                for p, axis in zip(points, axes, strict=True)
            ]
            out = _halves(call(*both), out_axis)[0]
            slopes = torch.autograd.grad(
                out, points, first, allow_unused=True, materialize_grads=True
            )
            for total, slope in zip(totals, slopes, strict=True):
                total += weight * slope
        return [
            total if axis is None else torch.cat([total, torch.zeros_like(total)], axis)
            for total, axis in zip(totals, axes, strict=True)
        ]

    return linear_in(called, back)
