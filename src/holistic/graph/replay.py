"""Computes logits again from an edited value on, and nothing before it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from holistic.graph.engine import native, outcomes, units_last
from holistic.graph.lead import lead, lead_bounds
from holistic.graph.linear import Mix, by_unit, changed_units, mask_of
from holistic.graph.memory import budget, full_precision
from holistic.graph.program import select_rows
from holistic.graph.sites import Site
from holistic.graph.tiles import Run, runs_of, tiles

if TYPE_CHECKING:
    from holistic.graph.traced import TracedEngine

__all__ = ["TracedStage"]

_TILE_BYTES = 8 << 20
"""Bytes of values that rows replayed together may hold: near the cache, far from the memory."""

_TILES = 16
"""Tiles in a chunk: the work beside replays, such as scores, is done once for each chunk."""

_KEPT = 4
"""Tiles' worth of bytes that a stage keeps of what single units do to convolutions."""

_SCORING = 4
"""How many times over the logits are read and written by whoever scores them."""


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
        given = (self.known[i][0] for i in self.carry.given)
        self._step_cost = sum(value.nbytes for value in given)
        scored = _SCORING * self.base[0].nbytes
        self.row_cost = self._step_cost + self.program.row_cost(self.carry.finish) + scored
        self._room = budget(self.base.device, _TILE_BYTES, share=16)
        self._tile = max(1, self._room // self._row_bytes())
        self.chunk = _TILES * self._tile
        self.copies = max(1, self._tile // self.rows)
        self._spaces: dict[int, Tensor] = {}
        self._kept: dict[tuple[int, int], Tensor] = {}
        self.piece_key = site.name, self.base, images, replacement

    def _replaced_values(
        self, images: Tensor, node: int, replacement: Tensor, axes: tuple[int, int]
    ) -> dict[int, Tensor]:
        """Values of the local nodes when every unit holds its ablation value at once."""
        value = units_last(self.known[node], *axes)
        program, frontier = self.program, self.carry.frontier
        alike = replacement.dim() < value.dim() or replacement.shape[0] == 1
        if not (alike and self.carry.alone):
            new = native(replacement.expand_as(value), *axes)
            given = {**self.known, **program.given(images), node: new}
            # what the unedited run holds behind the site isn't what it holds with the edit
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
        """By mixing node, each unit's change where it mixes: `[U, B, P…, block]`.

        Convolutions mix units of one entry at each position: `[U, B, P…]`.
        """
        changes: dict[int, Tensor] = {}
        for mix in self.carry.mixes:
            form = self.carry.local[mix.source]
            difference = self._new[mix.source] - self.known[mix.source]
            change = by_unit(difference, form, self.site.units)
            change = change.squeeze(form.axis + 1) if mix.convolution else change
            changes[mix.node.index] = change.contiguous()
        return changes

    @cached_property
    def _columns(self) -> dict[int, Tensor]:
        """By linear mixing node, each unit's columns of its weight, `[U, block, O]`."""
        linear = (mix for mix in self.carry.mixes if not mix.convolution)
        shape = (self.site.units, -1)
        return {m.node.index: m.weight.T.contiguous().unflatten(0, shape) for m in linear}

    @cached_property
    def _tables(self) -> dict[int, Tensor]:
        """By linear mixing node, its value before, then the columns of its weight, `[·, O]`."""
        return {
            mix.node.index: torch.cat([self.known[mix.node.index].flatten(0, -2), mix.weight.T])
            for mix in self.carry.mixes
            if not mix.convolution
        }

    @torch.no_grad()
    def units(self, units: Tensor, rows: Tensor) -> Tensor:
        """Replace unit `units[r]` on example `rows[r]`: `[R, C]`."""
        # stretches are found where the indices lie: an accelerator isn't waited for
        convolutions = any(mix.convolution for mix in self.carry.mixes)
        runs = tiles(runs_of(units, rows), self._tile) if convolutions else []
        units, rows = (t.to(self.base.device, non_blocking=True) for t in (units, rows))
        linear = (mix for mix in self.carry.mixes if not mix.convolution)
        sums = {mix.node.index: self._sum(mix, units[:, None], rows) for mix in linear}
        logits = self.base.new_empty(len(rows), self.base.shape[1])
        for number, start in enumerate(range(0, len(rows), self._tile)):
            part = slice(start, start + self._tile)
            values: dict[int, Tensor] = {}
            for mix in self.carry.mixes:
                index = mix.node.index
                if mix.convolution:
                    values[index] = self._convolved(mix, rows[part], runs[number])
                else:
                    values[index] = self._summed(index, sums[index], part)
            for index in self.carry.finish.reads:
                if index not in values:
                    values[index] = self._rows_of(index, rows[part])
            for index in self.carry.dense:
                values[index] = self._written(index, values[index], units[part], rows[part])
            logits[part] = self._finish(values, len(rows[part]), owned=True)
        return logits

    def _rows_of(self, index: int, rows: Tensor, value: Tensor | None = None) -> Tensor:
        value = self.known[index] if value is None else value
        return select_rows(self.program.nodes[index], value, rows)

    def _finish(self, values: Mapping[int, Tensor], rows: int, *, owned: bool | None) -> Tensor:
        """Logits from the mixed and dense values, which may be overwritten if they are `owned`.

        None: computed by the usual operations. Those for large batches prepare anew for each
        number of rows.
        """
        output = self.program.output
        if output in values:
            return values[output].clone() if owned is False else values[output]
        mine = None if owned is None else self.carry.given if owned else ()
        with full_precision(self.base.device):
            return self.program.evaluate(values, [output], rows=rows, owned=mine)[output]

    def _convolved(self, mix: Mix, rows: Tensor, runs: Sequence[Run]) -> Tensor:
        """Rows of a convolution's value after the change that each row's unit makes."""
        base, changes = self.known[mix.node.index], self._changes[mix.node.index]
        value = self._space(mix.node.index, len(rows))
        for run in runs:
            part, chosen = value[run.part], rows[run.part]
            if run.source is None:
                torch.index_select(base, 0, chosen, out=part)
                change = changes[run.unit].index_select(0, chosen)
                part += mix.convolve(change, run.unit)
            else:
                change = mix.convolve(changes[run.unit, run.source], run.unit)
                torch.add(base[run.source], change, out=part)
        return value

    def _sum(self, mix: Mix, units: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Which entries of a linear layer's table add up to its rows, and with what weights.

        Each row's are the value before, and the columns of the layer's weight of its units
        `[R, G]` with the units' changes: `[R, P, 1 + G·block]` both.
        """
        changes = self._changes[mix.node.index]
        changes = changes.reshape(*changes.shape[:2], -1, changes.shape[-1])  # [U, B, P, block]
        _, count, positions, block = changes.shape
        entries = rows.new_empty(len(rows), positions, 1 + units.shape[1] * block)
        places, columns = (torch.arange(n, device=rows.device) for n in (positions, block))
        entries[..., 0] = rows[:, None] * positions + places
        own = units[..., None] * block + columns  # [R, G, block]
        entries[..., 1:] = own.flatten(1)[:, None] + count * positions
        weights = changes.new_ones(entries.shape)
        change = changes.flatten(0, 1)[units * count + rows[:, None]]  # [R, G, P, block]
        weights[..., 1:] = change.movedim(1, -2).flatten(-2)
        return entries, weights

    def _summed(self, index: int, parts: tuple[Tensor, Tensor], rows: slice) -> Tensor:
        """Rows of a linear layer's value after the change that each row's unit makes."""
        entries, weights = (part[rows].flatten(0, 1) for part in parts)
        table = self._tables[index]
        value = embedding_bag(entries, table, mode="sum", per_sample_weights=weights)
        return value.reshape(-1, *self.known[index].shape[1:])

    def _space(self, index: int, rows: int) -> Tensor:
        """Memory for rows of a node: taken anew for each chunk, it costs more than filling it."""
        if index not in self._spaces or len(self._spaces[index]) < rows:
            base = self.known[index]
            self._spaces[index] = base.new_empty(max(rows, self._tile), *base.shape[1:])
        return self._spaces[index][:rows]

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
        wanted = range(1, orders.shape[1] + 1) if sizes is None else sizes
        whole = self._whole(wanted)
        for start in range(0, len(orders), self.copies):
            chosen = slice(start, min(start + self.copies, len(orders)))
            found = self._at_once if whole else self._one_by_one
            for k, logits in found(orders[chosen], wanted):
                yield k, chosen, logits

    def order_cost(self, length: int, sizes: int) -> float:
        """Cost of one example in one order of `length` units with logits at so many sizes."""
        whole = sizes * self.program.row_cost(self.carry.restart)
        return min(whole, self._stepping_cost(length, sizes))

    def _whole(self, wanted: Collection[int]) -> bool:
        """Whether replacing units anew for each size costs less than one after another."""
        if not self.carry.dense and not any(mix.convolution for mix in self.carry.mixes):
            return False  # all units between two sizes are one product, a part of the whole one
        stepping = self._stepping_cost(max(wanted, default=0), len(wanted))
        return stepping > len(wanted) * self.program.row_cost(self.carry.restart)

    def _stepping_cost(self, length: int, sizes: int) -> float:
        return length * self._step_cost + sizes * self.row_cost

    def _at_once(self, orders: Tensor, wanted: Collection[int]) -> Iterator[tuple[int, Tensor]]:
        """Replace the first units of each order together, anew for each size."""
        count, length = orders.shape
        place = torch.full((count, self.site.units), length)
        place.scatter_(1, orders.cpu(), torch.arange(length).expand(count, -1))
        for k in sorted(wanted):
            yield k, torch.cat([logits for _, logits in self.sets(place < k)])

    def _one_by_one(self, orders: Tensor, wanted: Collection[int]) -> Iterator[tuple[int, Tensor]]:
        last = max(wanted, default=0)  # nothing builds on its values
        for k, values in self._followed(orders, wanted):
            logits = self._finish(values, len(orders) * self.rows, owned=k == last)
            yield k, logits.unflatten(0, (len(orders), self.rows))

    def _followed(
        self, orders: Tensor, wanted: Collection[int]
    ) -> Iterator[tuple[int, dict[int, Tensor]]]:
        """Values that logits follow from, without the first units of each order, at each size."""
        count, before = len(orders), 0
        orders = orders.to(self.base.device)
        rows = torch.arange(self.rows, device=self.base.device).repeat(count)
        values = {i: self._rows_of(i, rows) for i in self.carry.finish.reads}
        for k in sorted(wanted):
            for mix in self.carry.mixes:
                if mix.node.index in values:
                    self._add_whole(mix, values[mix.node.index], orders[:, before:k])
            for index in self.carry.dense:
                for j in range(before, k):
                    units = orders[:, j].repeat_interleave(self.rows)
                    self._written(index, values[index], units, rows)
            before = k
            yield k, values

    def _add_whole(self, mix: Mix, value: Tensor, units: Tensor) -> None:
        """Add the changes of units `[O', G]` on every example to copies of the batch, in place."""
        changes, copies = self._changes[mix.node.index], value.unflatten(0, (-1, self.rows))
        if mix.convolution:
            for copy, some in zip(copies, units.tolist(), strict=True):
                for unit in some:
                    copy += self._convolved_whole(mix, unit)
            return
        columns = self._columns[mix.node.index]  # [U, block, O]
        most = max(1, self._room // (units.shape[1] * changes[0].nbytes))
        for copy, some in zip(copies.split(most), units.split(most), strict=True):
            change = changes[some].movedim(1, -2).flatten(-2)  # [O', B, P…, G·block]
            copy.flatten(1, -2).baddbmm_(change.flatten(1, -2), columns[some].flatten(1, 2))

    def _convolved_whole(self, mix: Mix, unit: int) -> Tensor:
        """What a unit's change does to a convolution's value on every example, kept where small."""
        key = mix.node.index, unit
        if key in self._kept:
            return self._kept[key]
        found = mix.convolve(self._changes[mix.node.index][unit], unit)
        small = (len(self._kept) + 1) * found.nbytes <= _KEPT * self._room
        return self._kept.setdefault(key, found) if small else found

    @torch.no_grad()
    def right(
        self, orders: Tensor, labels: Tensor, sizes: Collection[int] | None = None
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Replace units one after another, and say which examples are right `[O', B]`."""
        reach, wanted = self._reach(labels), sizes or range(1, orders.shape[1] + 1)
        if reach is None or (len(wanted) > 1 and self._whole(wanted)):
            yield from outcomes(self.orders(orders, sizes), labels)
            return
        for start in range(0, len(orders), self.copies):
            chosen = slice(start, min(start + self.copies, len(orders)))
            for k, right in self._turned(orders[chosen], labels, wanted, reach):
                yield k, chosen, right

    def _turned(
        self, orders: Tensor, labels: Tensor, wanted: Collection[int], reach: Tensor
    ) -> Iterator[tuple[int, Tensor]]:
        """Compute logits only where the units' `reach` `[U, B]` is more than what a lead holds."""
        count, before, many = len(orders), 0, labels.repeat(len(orders))
        sure = lead(self.base, labels).repeat(count)  # [O'·B]
        right = (self.base.argmax(1) == labels).repeat(count)
        # of a single size sums are made where they are needed; of many, each builds on the last
        followed = self._followed(orders, wanted) if len(wanted) > 1 else ((k, {}) for k in wanted)
        for k, values in followed:
            for unit in orders[:, before:k].T.to(reach.device):
                sure -= reach[unit].flatten()
            due = (~(sure > 0)).nonzero()[:, 0]  # what isn't a number is never sure
            some = {i: self._rows_of(i, due, v) for i, v in values.items()}
            logits = self._finish(some or self._sums(orders[:, :k], due), len(due), owned=None)
            sure[due], right[due] = lead(logits, many[due]), logits.argmax(1) == many[due]
            before = k
            yield k, right.unflatten(0, (count, self.rows)).clone()

    def _sums(self, orders: Tensor, due: Tensor) -> dict[int, Tensor]:
        """Values without all units of each order at the places `due` among orders × examples."""
        mix = self.carry.mixes[0]
        units, rows = orders.to(due.device)[due // self.rows], due % self.rows
        changes = self._changes[mix.node.index][0, 0].numel()
        size = max(1, self._room // (16 * (1 + orders.shape[1] * changes)))
        parts = (
            self._summed(mix.node.index, self._sum(mix, *some), slice(None))
            for some in zip(units.split(size), rows.split(size), strict=True)
        )
        return {mix.node.index: torch.cat(tuple(parts))}

    def _reach(self, labels: Tensor) -> Tensor | None:
        """How far each unit's change can move the lead on each example, `[U, B]`."""
        if self._bounds is None:
            return None
        changes = self._changes[self.carry.mixes[0].node.index]  # [U, B, block]
        bounds = self._bounds.unflatten(0, (self.site.units, -1))[:, :, labels]  # [U, block, B]
        return torch.einsum("ubk,ukb->ub", changes.abs(), bounds)

    @cached_property
    def _bounds(self) -> Tensor | None:
        return lead_bounds(self.program, self.carry)


def _repeated(value: Tensor, axis: int, count: int) -> Tensor:
    """Repeat a value of one example along its batch axis (a view)."""
    shape = list(value.shape)
    shape[axis] = count
    return value.expand(shape)
