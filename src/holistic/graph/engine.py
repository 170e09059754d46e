"""What every engine offers: runs with edits, and stages for many unit sets on one batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from holistic.graph.sites import Site

__all__ = [
    "Change",
    "Engine",
    "Given",
    "Stage",
    "native",
    "outcomes",
    "position_mean",
    "units_last",
]

Change = Callable[[Tensor], Tensor]
"""Takes a site's value, `[B, P…, U]`, and returns the edited one."""


@dataclass(frozen=True, eq=False)
class Given:
    """The change that puts a known value `[B, P…, U]` in place of whatever the site would hold.

    An engine that knows it doesn't compute what only that site reads.
    """

    value: Tensor

    def __call__(self, value: Tensor) -> Tensor:
        """Return the known value."""
        return self.value


class Stage(Protocol):
    """One batch, ready for replays in which units of one site hold their ablation value.

    Attributes
    ----------
    base
        Logits without any edit, `[B, C]`.
    changed
        `[B, U]`, whether a unit's ablation value differs from what the rest of the model reads;
        where it doesn't the outcome is `base`, exactly.
    chunk
        How many rows one call of `units` should replay.
    copies
        How many orders are followed at once.
    row_cost
        What one replayed row costs: bytes written, and a tenth of its floating-point operations.
    """

    @property
    def base(self) -> Tensor: ...

    @property
    def changed(self) -> Tensor: ...

    @property
    def chunk(self) -> int: ...

    @property
    def copies(self) -> int: ...

    @property
    def row_cost(self) -> float: ...

    def units(self, units: Tensor, rows: Tensor) -> Tensor:
        """Replace unit `units[r]` on example `rows[r]` for each r: logits `[R, C]`.

        Equal units should stand side by side; the indices lie on the processor.
        """
        ...

    def order_cost(self, length: int, sizes: int) -> float:
        """Cost of one example in one order of `length` units with logits at so many sizes."""
        ...

    def sets(self, masks: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Replace the units of each mask `[G, U]`: slices of masks with `[G', B, C]`."""
        ...

    def orders(
        self, orders: Tensor, sizes: Collection[int] | None = None
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Replace units one after another, in each of the given orders `[O, K]`.

        Parameters
        ----------
        orders
            No unit twice in a row of them.
        sizes
            Numbers of units at which logits are wanted; 1 to K by default.

        Yields
        ------
        k, chosen, logits
            The number of units replaced, the slice of orders, `[O', B, C]`.
        """
        ...

    def right(
        self, orders: Tensor, labels: Tensor, sizes: Collection[int] | None = None
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Say which examples are right without the first units of each order.

        Like `orders`, for labels `[B]`: yields `[O', B]` bool in place of logits, and computes
        those only where the outcome can have changed.
        """
        ...


class Engine(Protocol):
    """Runs a model on batches, reads its sites and edits them.

    Attributes
    ----------
    sites
        All sites from input to logits.
    input
        What the model is given, as a site that isn't among those.
    note
        Empty for the traced engine; else one line that says why and at what cost.
    """

    @property
    def sites(self) -> tuple[Site, ...]: ...

    @property
    def input(self) -> Site: ...

    @property
    def note(self) -> str: ...

    def studying(self, sites: Sequence[str]) -> Engine:
        """Return the engine with those of its hidden sites alone, of names or patterns."""
        ...

    def run(
        self,
        images: Tensor,
        wanted: Sequence[str] = (),
        changes: Mapping[str, Change] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute logits `[B, C]` and the values `[B, P…, U]` of the wanted sites, under changes.

        Differentiable where gradients are enabled.
        """
        ...

    def batch_rows(self, sites: Sequence[Site]) -> int:
        """How many examples one batch of stages at these sites should hold."""
        ...

    def row_operations(self, site: Site) -> int:
        """Floating-point operations that one replay of one example takes at a site."""
        ...

    def unit_norms(self, site: Site) -> Tensor | None:
        """Norm of the weights that lead to each unit of a site, `[U]`; None where not known."""
        ...

    def stage(
        self, images: Tensor, site: Site, replacement: Tensor, previous: Stage | None = None
    ) -> Stage:
        """Prepare a batch for replays of one site's units.

        Parameters
        ----------
        images
            The batch, `[B, …]`.
        site
            Where units are replaced.
        replacement
            What they hold; broadcasts to the site's value `[B, P…, U]`.
        previous
            A stage of the same images, whose values needn't be computed again.
        """
        ...


def outcomes(
    replayed: Iterator[tuple[int, slice, Tensor]], labels: Tensor
) -> Iterator[tuple[int, slice, Tensor]]:
    """Say which examples `[O', B]` are right by their logits `[O', B, C]`."""
    for k, chosen, logits in replayed:
        yield k, chosen, logits.argmax(2) == labels


def units_last(value: Tensor, batch_axis: int, unit_axis: int) -> Tensor:
    """Bring a native value into the order `[B, P…, U]` (a view)."""
    return value.movedim((batch_axis, unit_axis), (0, -1))


def position_mean(value: Tensor) -> Tensor:
    """Average a site's value `[B, P…, U]` over its positions: `[B, U]`."""
    return value.flatten(1, -2).mean(1) if value.dim() > 2 else value


def native(value: Tensor, batch_axis: int, unit_axis: int) -> Tensor:
    """Bring `[B, P…, U]` back into the native order (a view)."""
    return value.movedim((0, -1), (batch_axis, unit_axis))
