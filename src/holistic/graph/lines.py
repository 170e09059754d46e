"""Follows a model along straight lines between two batches: what is affine is computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from holistic.graph.kinds import BATCH_NORMS, MAX_POOLS
from holistic.graph.memory import full_precision
from holistic.graph.program import Program
from holistic.graph.rules import Called, dependent
from holistic.graph.traced import TracedEngine

__all__ = ["Lines", "along", "piecewise_linear"]

_BENT = frozenset("relu relu6 leaky_relu hardtanh abs threshold prelu clamp clamp_min".split())
"""Operations on single numbers that are linear between a few points."""

_WIDER = 2
"""So many times as many numbers as an input's at a cut cost more to move than they save."""


@dataclass(frozen=True, eq=False)
class Lines:
    """A program cut where it stops being affine in its input.

    On a straight line from one input to another, values at the cut move on straight lines too. So
    runs begin there, and what is averaged there is pulled back to the input once.

    Attributes
    ----------
    engine
        Whose program is followed.
    cut
        Nodes whose values are affine in the input and are read by what isn't.
    """

    engine: TracedEngine
    cut: tuple[int, ...]

    @classmethod
    def of(cls, engine: TracedEngine) -> Lines:
        """Find the cut: as far from the input as values stay affine, and few numbers."""
        program = engine.program
        called = dependent(program, program.input)
        affine = {program.input}
        for index, one in called.items():
            if _affine(one, affine):
                affine.add(index)
        cut = cls._cut(program, called, affine)
        while any(program.nodes[i].batch_axis != 0 or program.nodes[i].fold != 1 for i in cut):
            affine -= {i for i in cut if i != program.input}
            if affine == {program.input}:
                return cls(engine, (program.input,))
            cut = cls._cut(program, called, affine)
        sizes = [math.prod(program.nodes[i].shape or ()) for i in (*cut, program.input)]
        far = sum(sizes[:-1]) <= _WIDER * sizes[-1]
        return cls(engine, cut if far else (program.input,))

    @staticmethod
    def _cut(program: Program, called: Mapping[int, Called], affine: set[int]) -> tuple[int, ...]:
        read = {
            i for index, one in called.items() if index not in affine for i in one.node.inputs
        } | {program.output}
        return tuple(sorted(affine & read))

    @property
    def program(self) -> Program:
        """The program that is followed."""
        return self.engine.program

    def heads(self, images: Tensor) -> tuple[Tensor, ...]:
        """Values at the cut, `[B, …]` each."""
        with full_precision(self.engine.device):
            given = self.program.given(images)
            found = self.program.evaluate(given, self.cut, rows=len(images))
        return tuple(found[i] for i in self.cut)

    def logits(self, heads: tuple[Tensor, ...], images: Tensor) -> Tensor:
        """Logits `[B, C]` that follow from values at the cut; images for what they carry."""
        given = {**self.program.given(images), **dict(zip(self.cut, heads, strict=True))}
        with full_precision(self.engine.device):
            found = self.program.evaluate(given, [self.program.output], rows=len(heads[0]))
        return found[self.program.output]


def _affine(called: Called, affine: set[int]) -> bool:
    """Whether a value is affine in the input, given which others are."""
    if called.node.shape is None or called.node.op in BATCH_NORMS - {"batch_norm"}:
        return False
    if not called.linear:
        return False
    nodes = called.program.nodes
    return all(
        i in affine or nodes[i].constant or nodes[i].batch_axis is None for i in called.node.inputs
    )


def piecewise_linear(engine: TracedEngine) -> bool:
    """Whether the logits are affine in the input between changes of an activation's sign."""
    every = dependent(engine.program, engine.program.input).values()
    return all(
        one.linear or (one.pointwise and one.node.op in _BENT) or _pooled(one) for one in every
    )


def _pooled(called: Called) -> bool:
    return called.node.op in MAX_POOLS and called.dependent == (0,)


def along(values: Tensor, shares: Tensor) -> Tensor:
    """Bring shares `[R]` to the axes of values `[B, …]`: `[R, 1, …]`."""
    return shares.to(values).reshape(-1, *[1] * (values.dim() - 1))
