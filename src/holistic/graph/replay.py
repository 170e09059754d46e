"""What are the logits when only what follows an edited value is computed again?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from holistic.graph.engine import Change, Given, Stage, native, units_last
from holistic.graph.linear import Carry, Mix, by_unit, carry, changed_units, mask_of
from holistic.graph.memory import budget, full_precision
from holistic.graph.naming import name_sites
from holistic.graph.program import select_rows
from holistic.graph.trace import Wrapped, trace
from holistic.sites import Site, with_axes

__all__ = ["CHUNK_BYTES", "TracedEngine", "TracedStage"]

CHUNK_BYTES = 8 << 20
"""Bytes of values that one chunk of replayed rows may hold: near the cache, far from the memory."""


_SHORT_RUN = 64
"""Stretches of fewer rows of one unit are gathered together: a step for each would cost more."""


BATCH_BYTES = 96 << 20
"""Bytes of values that the unedited run of one batch may hold."""

BATCH_PAIRS = 2 << 20
"""Pairs of units and examples of one site in one batch: a sweep keeps a number for each."""

BATCH_ROWS = 2048


@dataclass(frozen=True)
class _Run:
    """Neighbouring rows in which the same unit is replaced; `whole` if they are all examples."""

    unit: int
    part: slice
    whole: bool


class TracedEngine:
    """Runs the flat graph of a model (see `holistic.graph.engine.Engine`)."""

    note = ""

    def __init__(
        self, wrapped: Wrapped, images: Tensor, unit_axes: Mapping[str, int] | None = None
    ) -> None:
        self.program, owners, calls = trace(wrapped, images)
        sites, self.nodes = name_sites(self.program, owners, calls)
        self.device = images.device
        self.sites: tuple[Site, ...] = with_axes(sites, unit_axes or {})
        self._carries: dict[int, Carry] = {}

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
        program, by_name, changes = self.program, {s.name: s for s in self.sites}, changes or {}
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
        with full_precision(self.device):
            values = program.evaluate(
                {program.input: images.to(self.device), **given},
                [program.output, *nodes.values()],
                rows=len(images),
                edits=edits,
            )
        captured = {n: units_last(values[i], *self.axes(by_name[n])) for n, i in nodes.items()}
        return values[program.output], captured

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
        plan = self.program.plan({self.program.input}, kept)
        return 2 * self.program.row_bytes(plan, {self.program.input})

    def row_operations(self, site: Site) -> int:
        """Operations in the linear layers and convolutions behind a site."""
        return self.program.row_operations(self.carry(site).finish)

    def stage(
        self, images: Tensor, site: Site, replacement: Tensor, previous: Stage | None = None
    ) -> TracedStage:
        """Prepare a batch for replays of one site's units."""
        known = previous.known if isinstance(previous, TracedStage) else {}
        return TracedStage(self, images, site, replacement, known)

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
        given = {**known, program.input: images.to(self.device)}
        with full_precision(self.device):
            return program.evaluate(given, wanted, rows=len(images), owned=())

    def _wanted(self, carry: Carry, node: int) -> set[int]:
        known = {*carry.finish.reads, *carry.restart.reads, *carry.frontier, *carry.given}
        return known | {self.program.output, node}


class TracedStage:
    """One batch, ready for replays of one site's units (see `holistic.graph.engine.Stage`)."""

    def __init__(
        self,
        engine: TracedEngine,
        images: Tensor,
        site: Site,
        replacement: Tensor,
        known: Mapping[int, Tensor],
    ) -> None:
        images = images.to(engine.device)
        self.program, self.site, self.rows = engine.program, site, len(images)
        self.carry = engine.carry(site)
        node, axes = engine.nodes[site.name], engine.axes(site)
        with torch.no_grad():
            self.known: dict[int, Tensor] = engine.base_values(images, site, known)
            self.base: Tensor = self.known[self.program.output]
            value = units_last(self.known[node], *axes)
            self._new = self._replaced_values(images, node, replacement.to(value), axes)
            self.changed = self._changed()
        self.row_bytes = self._row_bytes()
        self._room = budget(self.base.device, CHUNK_BYTES, share=16)
        self.chunk = max(1, self._room // self.row_bytes)

    def _replaced_values(
        self, images: Tensor, node: int, replacement: Tensor, axes: tuple[int, int]
    ) -> dict[int, Tensor]:
        """Values of the local nodes when every unit holds its replacement at once."""
        value = units_last(self.known[node], *axes)
        program, frontier = self.program, self.carry.frontier
        alike = replacement.dim() < value.dim() or replacement.shape[0] == 1
        if not (alike and self.carry.alone):
            new = native(replacement.expand_as(value), *axes)
            given = {**self.known, program.input: images, node: new}
            # what the unedited run holds behind the site isn't what it holds under replacement
            given = {i: v for i, v in given.items() if i == node or i not in self.carry.local}
            return program.evaluate(given, frontier, rows=self.rows)
        # the same for every example and read together with nothing else: once is enough
        new = native(replacement.expand(1, *value.shape[1:]), *axes)
        found = program.evaluate({node: new}, frontier, rows=1)
        forms = self.carry.local
        return {i: _repeated(v, forms[i].batch, self.rows) for i, v in found.items()}

    def _changed(self) -> Tensor:
        changed = torch.zeros(self.rows, self.site.units, dtype=torch.bool, device=self.base.device)
        for i in self.carry.frontier:
            form = self.carry.local[i]
            changed |= changed_units(self.known[i], self._new[i], form, self.site.units)
        return changed

    def _row_bytes(self) -> int:
        scale = self.base.element_size() / 4
        finish = self.program.row_bytes(self.carry.finish, self.carry.finish.reads)
        return max(1, int(scale * finish))

    @cached_property
    def _changes(self) -> dict[int, Tensor]:
        """By mixing node, each unit's change where it mixes: `[U, B, P…, block]`, or no block."""
        changes: dict[int, Tensor] = {}
        for mix in self.carry.mixes:
            form = self.carry.local[mix.source]
            difference = self._new[mix.source] - self.known[mix.source]
            change = by_unit(difference, form, self.site.units)
            if mix.convolution or form.block == 1:
                change = change.squeeze(form.axis + 1)
            changes[mix.node.index] = change.contiguous()
        return changes

    @cached_property
    def _columns(self) -> dict[int, Tensor]:
        """By linear mixing node, each unit's column of the weight: `[U, O]` or `[U, block, O]`."""
        columns: dict[int, Tensor] = {}
        for mix in self.carry.mixes:
            if not mix.convolution:
                block = self.carry.local[mix.source].block
                column = mix.weight.T.unflatten(0, (-1, block))
                columns[mix.node.index] = (column[:, 0] if block == 1 else column).contiguous()
        return columns

    @torch.no_grad()
    def units(self, units: Tensor, rows: Tensor) -> Tensor:
        """Replace unit `units[r]` on example `rows[r]`: `[R, C]`."""
        if len(rows) == 0:
            return self.base[:0]
        # stretches are found where the indices lie: an accelerator isn't waited for
        runs = _runs(units, rows, self.rows)
        units, rows = (t.to(self.base.device, non_blocking=True) for t in (units, rows))
        mixed = {mix.node.index: mix for mix in self.carry.mixes}
        values: dict[int, Tensor] = {}
        for index in self.carry.finish.reads:
            if index in mixed:
                values[index] = self._mixed(mixed[index], units, rows, runs)
            else:
                values[index] = self._rows_of(index, rows)
        for index in self.carry.dense:
            values[index] = self._written(index, values[index], units, rows)
        logits = self._finish(values, len(rows), owned=True)
        spaces = {space.untyped_storage().data_ptr() for space in self._spaces.values()}
        return logits.clone() if logits.untyped_storage().data_ptr() in spaces else logits

    def _rows_of(self, index: int, rows: Tensor) -> Tensor:
        return select_rows(self.program.nodes[index], self.known[index], rows)

    def _finish(self, values: Mapping[int, Tensor], rows: int, *, owned: bool) -> Tensor:
        output = self.program.output
        if output in values:
            return values[output] if owned else values[output].clone()
        mine = self.carry.given if owned else ()
        with full_precision(self.base.device):
            return self.program.evaluate(values, [output], rows=rows, owned=mine)[output]

    def _mixed(self, mix: Mix, units: Tensor, rows: Tensor, runs: Sequence[_Run]) -> Tensor:
        """Rows of a mixing node's value after the change that each row's unit makes."""
        base = self.known[mix.node.index]
        if len(units) < _SHORT_RUN * len(runs):
            value = base.index_select(0, rows)
            return self._add_change(mix, value, units, rows)
        value = self._space(mix.node.index, len(rows))
        for run in runs:
            part = value[run.part]
            if run.whole:
                self._add_run(mix, base, run, None, out=part)
            else:
                chosen = rows[run.part]
                torch.index_select(base, 0, chosen, out=part)
                self._add_run(mix, part, run, chosen, out=part)
        return value

    def _space(self, index: int, rows: int) -> Tensor:
        """Memory for rows of a node: taken anew for each chunk, it costs more than filling it."""
        if index not in self._spaces or len(self._spaces[index]) < rows:
            base = self.known[index]
            self._spaces[index] = base.new_empty(max(rows, self.chunk), *base.shape[1:])
        return self._spaces[index][:rows]

    @cached_property
    def _spaces(self) -> dict[int, Tensor]:
        return {}

    def _add_run(
        self, mix: Mix, value: Tensor, run: _Run, rows: Tensor | None, *, out: Tensor
    ) -> None:
        """Write `value` plus the change that one unit makes on rows (None: all) into `out`."""
        change = self._changes[mix.node.index][run.unit]  # [B, P…] or [B, P…, block]
        change = change if rows is None else change.index_select(0, rows)
        if mix.convolution:
            torch.add(value, mix.convolve(change, run.unit), out=out)
        elif self.carry.local[mix.source].block == 1:
            column = self._columns[mix.node.index][run.unit]  # [O]
            torch.addcmul(value, change[..., None], column, out=out)
        else:
            torch.add(value, change @ self._columns[mix.node.index][run.unit], out=out)

    def _add_change(self, mix: Mix, value: Tensor, units: Tensor, rows: Tensor) -> Tensor:
        """Add the change that unit `units[r]` makes on example `rows[r]` to row r, in place."""
        if not mix.convolution and self.carry.local[mix.source].block == 1:
            changes = self._changes[mix.node.index].flatten(0, 1)
            change = changes.index_select(0, units * self.rows + rows)  # [R, P…]
            column = self._columns[mix.node.index].index_select(0, units)  # [R, O]
            column = column.reshape(len(rows), *[1] * (value.dim() - 2), -1)
            return value.addcmul_(change[..., None], column)
        for run in _runs(units, rows, self.rows):
            part = value[run.part]
            self._add_run(mix, part, run, rows[run.part], out=part)
        return value

    def _written(self, index: int, value: Tensor, units: Tensor, rows: Tensor) -> Tensor:
        """Write each row's unit into a local node's rows."""
        form = self.carry.local[index]
        new = by_unit(self._new[index], form, self.site.units)[units, rows]
        target = by_unit(value, form, self.site.units)
        target[units, torch.arange(len(rows), device=rows.device)] = new
        return value

    @torch.no_grad()
    def sets(self, masks: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Replace the units of each mask `[G, U]`: slices of masks with `[G', B, C]`."""
        plan = self.carry.restart
        masks = masks.to(self.base.device)
        size = max(1, self._room // (self.program.row_bytes(plan, plan.reads) * self.rows))
        frontier = self.carry.frontier
        for start in range(0, len(masks), size):
            chosen = masks[start : start + size]
            rows = torch.arange(self.rows, device=self.base.device).repeat(len(chosen))
            values = {i: self._rows_of(i, rows) for i in plan.reads if i not in frontier}
            for i in frontier:
                form = self.carry.local[i]
                mask = mask_of(chosen, form, self.known[i].dim())
                whole = torch.where(mask, self._new[i], self.known[i])  # [G', …, B, …]
                values[i] = whole.movedim(0, form.batch).flatten(form.batch, form.batch + 1)
            logits = self._finish(values, len(rows), owned=True) if frontier else self.base[rows]
            yield slice(start, start + len(chosen)), logits.unflatten(0, (len(chosen), self.rows))

    @torch.no_grad()
    def orders(
        self, orders: Tensor, sizes: Collection[int] | None = None
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Replace units one after another in each order `[O, K]`."""
        size = max(1, self.chunk // self.rows)
        wanted = range(1, orders.shape[1] + 1) if sizes is None else sizes
        for start in range(0, len(orders), size):
            chosen = slice(start, min(start + size, len(orders)))
            for k, logits in self._one_by_one(orders[chosen], wanted):
                yield k, chosen, logits

    def _one_by_one(self, orders: Tensor, wanted: Collection[int]) -> Iterator[tuple[int, Tensor]]:
        count, listed = len(orders), orders.tolist()
        orders = orders.to(self.base.device)
        rows = torch.arange(self.rows, device=self.base.device).repeat(count)
        values = {i: self._rows_of(i, rows) for i in self.carry.finish.reads}
        for k in range(max(wanted, default=0)):
            units = orders[:, k].repeat_interleave(self.rows)
            for mix in self.carry.mixes:
                if mix.node.index in values:
                    self._add_whole(mix, values[mix.node.index], [order[k] for order in listed])
            for index in self.carry.dense:
                self._written(index, values[index], units, rows)
            if k + 1 in wanted:
                logits = self._finish(values, len(rows), owned=False)
                yield k + 1, logits.unflatten(0, (count, self.rows))

    def _add_whole(self, mix: Mix, value: Tensor, units: Sequence[int]) -> None:
        """Add one unit's change on every example to each copy of the batch, in place."""
        for copy, unit in enumerate(units):
            part = value[copy * self.rows : (copy + 1) * self.rows]
            self._add_run(mix, part, _Run(unit, slice(None), True), None, out=part)


def _repeated(value: Tensor, axis: int, count: int) -> Tensor:
    """Repeat a value of one example along its batch axis (a view)."""
    shape = list(value.shape)
    shape[axis] = count
    return value.expand(shape)


def _runs(units: Tensor, rows: Tensor, count: int) -> list[_Run]:
    """Stretches of equal units; `count` is the number of examples in the batch."""
    values, counts = torch.unique_consecutive(units, return_counts=True)
    ends = counts.cumsum(0)
    # rows of one unit are distinct and in order, so as many as there are examples are all of them
    starts, stops = (ends - counts).tolist(), ends.tolist()
    return [
        _Run(unit, slice(start, stop), stop - start == count and int(rows[start]) == 0)
        for unit, start, stop in zip(values.tolist(), starts, stops, strict=True)
    ]
