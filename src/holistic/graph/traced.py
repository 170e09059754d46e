"""The traced engine: runs a graph whole or edited, and reads its sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

import torch
from torch import Tensor

from holistic.graph.engine import Change, Given, Stage, native, units_last
from holistic.graph.kinds import BATCH_NORMS, POOLS, pointwise
from holistic.graph.linear import Carry, carry
from holistic.graph.memory import budget, full_precision
from holistic.graph.naming import input_site, name_sites
from holistic.graph.patterns import narrowed
from holistic.graph.program import Ref
from holistic.graph.replay import TracedStage
from holistic.graph.shown import layered
from holistic.graph.sites import Site, with_axes
from holistic.graph.sizes import Sizes
from holistic.graph.trace import SIZES, trace
from holistic.graph.wrapped import Wrapped

__all__ = ["TracedEngine"]

BATCH_BYTES = 96 << 20
"""Bytes of values that the unedited run of one batch may hold."""

BATCH_PAIRS = 2 << 20
"""Pairs of units and examples of one site in one batch: a sweep keeps a number for each."""

BATCH_ROWS = 2048
_WEIGHTED = frozenset({"linear", "conv1d", "conv2d", "conv3d"})


class TracedEngine:
    """Runs the flat graph of a model (see `holistic.graph.engine.Engine`)."""

    note = ""

    def __init__(
        self,
        wrapped: Wrapped,
        images: Tensor,
        unit_axes: Mapping[str, int] | None = None,
        studied: Sequence[str] = (),
    ) -> None:
        self.program, owners, calls = trace(wrapped, images)
        sites, self.nodes = name_sites(self.program, owners, calls)
        self.device = images.device
        every = (*layered(sites), input_site(self.program, sites))
        *named, given = with_axes(every, unit_axes or {})
        self.sites: tuple[Site, ...] = narrowed(tuple(named), studied)
        self.input: Site = given
        self.nodes[given.name] = self.program.input
        self._carries: dict[int, Carry] = {}
        self._sizes = Sizes(max(SIZES))

    def studying(self, sites: Sequence[str]) -> TracedEngine:
        """Return the engine with those of its hidden sites alone."""
        other = copy(self)
        other.sites = narrowed(self.sites, sites)
        return other

    def axes(self, site: Site) -> tuple[int, int]:
        """Batch axis and unit axis of a site's native value."""
        node = self.program.nodes[self.nodes[site.name]]
        batch_axis = node.batch_axis or 0
        return batch_axis, site.unit_axis + (site.unit_axis >= batch_axis)

    def run(
        self,
        images: Tensor,
        wanted: Sequence[str] = (),
        changes: Mapping[str, Change] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute logits and wanted values under changes."""
        program, changes = self.program, changes or {}
        by_name = {s.name: s for s in (*self.sites, self.input)}
        edits = {
            self.nodes[n]: self._native_change(by_name[n], c)
            for n, c in changes.items()
            if not isinstance(c, Given)
        }
        given = {
            self.nodes[n]: native(c.value, *self.axes(by_name[n]))
            for n, c in changes.items()
            if isinstance(c, Given)
        }
        nodes = {name: self.nodes[name] for name in wanted}
        start = program.given(images.to(self.device))
        if program.input in edits:
            start[program.input] = edits.pop(program.input)(start[program.input]).contiguous()
        with full_precision(self.device):
            values = program.evaluate(
                {**start, **given},
                [program.output, *nodes.values()],
                rows=len(images),
                edits=edits,
            )
        if not changes:
            self._sizes.check(images, values[program.output], self._logits)
        captured = {n: units_last(values[i], *self.axes(by_name[n])) for n, i in nodes.items()}
        return values[program.output], captured

    @torch.no_grad()
    def _logits(self, images: Tensor) -> Tensor:
        given = self.program.given(images.to(self.device))
        return self.program.evaluate(given, [self.program.output], rows=len(images))[
            self.program.output
        ]

    def _native_change(self, site: Site, change: Change) -> Change:
        axes = self.axes(site)
        return lambda value: native(change(units_last(value, *axes)), *axes)

    def batch_rows(self, sites: Sequence[Site]) -> int:
        """How many examples fill the byte budget of a batch, at most."""
        most = max(self._row_bytes(site) for site in sites)
        units = max(site.units for site in sites)
        room = budget(self.device, BATCH_BYTES, share=8)
        return max(16, min(room // most, BATCH_PAIRS // units, BATCH_ROWS))

    def _row_bytes(self, site: Site) -> int:
        """Bytes of one example in the run that a stage starts from, and in what it keeps."""
        kept = self._wanted(self.carry(site), self.nodes[site.name])
        plan = self.program.plan(self.program.inputs, kept)
        return 2 * self.program.row_bytes(plan, self.program.inputs)

    def row_operations(self, site: Site) -> int:
        """Operations in the linear layers and convolutions behind a site."""
        return self.program.row_operations(self.carry(site).finish)

    def unit_norms(self, site: Site) -> Tensor | None:
        """Norm of the weights that lead to each unit of a site, `[U]`; None where not known.

        They are those of the linear layer or convolution from which only pools, batch norms and
        elementwise operations lead to the site.
        """
        node = self.program.nodes[self.nodes[site.name]]
        while node.op not in _WEIGHTED:
            passing = node.op in BATCH_NORMS | POOLS or pointwise(node, self.program)
            sources = [i for i in node.inputs if self.program.nodes[i].batch_axis is not None]
            if not passing or len(sources) != 1:
                return None
            node = self.program.nodes[sources[0]]
        reference = node.args[1]
        weight = self.program.nodes[reference.index].value if isinstance(reference, Ref) else None
        usable = weight is not None and len(weight) == site.units
        return weight.flatten(1).norm(dim=1) if usable else None  # pyright: ignore[reportOptionalMemberAccess]

    def stage(
        self, images: Tensor, site: Site, replacement: Tensor, previous: Stage | None = None
    ) -> TracedStage:
        """Prepare a batch for replays of one site's units."""
        known = previous.known if isinstance(previous, TracedStage) else {}
        return TracedStage(self, images, site, replacement, known)

    def weights_before(self, site: str | None) -> tuple[Tensor, ...]:
        """Floating parameters and constants that a site's value depends on; None: the logits'."""
        node = self.program.output if site is None else self.nodes[site]
        steps = self.program.plan(self.program.inputs, {node}).steps
        read = sorted({i for step, _ in steps for i in step.inputs})
        values = [self.program.nodes[i].value for i in read]
        return tuple(v for v in values if v is not None and v.is_floating_point())

    def carry(self, site: Site) -> Carry:
        """How changes at a site travel to the logits."""
        node = self.nodes[site.name]
        if node not in self._carries:
            self._carries[node] = carry(self.program, node, self.axes(site)[1])
        return self._carries[node]

    def base_values(
        self, images: Tensor, site: Site, known: Mapping[int, Tensor]
    ) -> dict[int, Tensor]:
        """Every value of the unedited run that replays at a site may read."""
        program = self.program
        wanted = self._wanted(self.carry(site), self.nodes[site.name])
        given = {**known, **program.given(images.to(self.device))}
        with full_precision(self.device):
            values = program.evaluate(given, wanted, rows=len(images), owned=())
            self._sizes.check(images, values[program.output], self._logits)
        return values

    def _wanted(self, carry: Carry, node: int) -> set[int]:
        known = {*carry.finish.reads, *carry.restart.reads, *carry.frontier, *carry.given}
        return known | {self.program.output, node}
