"""Runs the whole model again with hooks: the slow twin of the traced engine.

It is the engine for models that can't be traced, and the oracle that `holistic.graph.traced` is
tested against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from holistic.errors import ModelError
from holistic.graph.accompanied import accompanied, apart
from holistic.graph.engine import Change, Stage, native, outcomes, units_last
from holistic.graph.modules import Output, input_module_site, module_sites
from holistic.graph.patterns import narrowed
from holistic.graph.recorded import Recorder
from holistic.graph.rounding import close
from holistic.graph.shown import layered
from holistic.graph.sites import Site, with_axes
from holistic.graph.sizes import Sizes
from holistic.graph.torch_settings import settled
from holistic.graph.wrapped import Wrapped, evaluating

__all__ = ["HookedEngine", "HookedStage"]

_ROWS = 512


@dataclass(frozen=True)
class HookedEngine:
    """Runs the user's module itself, with hooks at module boundaries, at full cost.

    Attributes
    ----------
    wrapped
        The model with its choice of logits.
    sites
        Outputs of module calls; operations that no module owns can't be seen.
    input
        What the model is given, as a site.
    note
        Why this engine is used, which sites are missing, and what it costs.
    device
        Where the model is.
    sizes
        Batches that are known to be right.
    """

    wrapped: Wrapped
    sites: tuple[Site, ...]
    input: Site
    note: str
    device: torch.device
    sizes: Sizes

    @classmethod
    def probe(
        cls,
        wrapped: Wrapped,
        images: Tensor,
        reason: str,
        unit_axes: Mapping[str, int] | None = None,
        studied: Sequence[str] = (),
    ) -> HookedEngine:
        """Find the sites by running the model once on a few images `[B, …]`."""
        sites = _recorded_sites(wrapped, images)
        own = input_module_site(sites, images.shape)
        *named, own = with_axes((*layered(sites), own), unit_axes or {})
        chosen, note = narrowed(tuple(named), studied), f"{reason}; {_COST}"
        return cls(wrapped, chosen, own, note, images.device, Sizes(len(images)))

    def studying(self, sites: Sequence[str]) -> HookedEngine:
        """Return the engine with those of its hidden sites alone."""
        return replace(self, sites=narrowed(self.sites, sites))

    def run(
        self,
        images: Tensor,
        wanted: Sequence[str] = (),
        changes: Mapping[str, Change] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute logits and wanted values under changes."""
        by_name = {site.name: site for site in self.sites}
        captured: dict[str, Tensor] = {}
        changes = changes or {}
        images = self._given(images, changes)
        if self.input.name in wanted:
            own = apart(images)[0]
            captured[self.input.name] = units_last(own, 0, self.input.unit_axis + 1).clone()

        count = len(images)
        double = count == 1 and not self.wrapped.single

        def visit(name: str, module: nn.Module, value: Tensor) -> Tensor:
            if name not in changes and name not in wanted:
                return value
            axis = by_name[name].unit_axis + 1
            own = _by_example(value[: len(value) // 2] if double else value, by_name[name])
            if len(own) != count:
                raise ModelError(
                    f"module '{name}' is given {len(own)} of {count} images at once: the model "
                    "takes its batch apart, and what a unit holds can't be told image by image; "
                    "let it run on the batch as a whole"
                )
            if name in changes:
                own = native(changes[name](units_last(own, 0, axis)), 0, axis)
                whole = own.reshape(-1, *value.shape[1:])
                value = torch.cat([whole, whole]) if double else whole
            if name in wanted:
                captured[name] = units_last(own, 0, axis).clone()
            return value

        with _hooks(self.wrapped, visit):
            logits = self.wrapped.logits(images.to(self.device))
        if not changes:
            self.sizes.check(images, logits, self._logits)
        return logits, captured

    def _given(self, images: Tensor, changes: Mapping[str, Change]) -> Tensor:
        """The images as a change of the input leaves them."""
        if self.input.name not in changes:
            return images
        axis, (own, extras) = self.input.unit_axis + 1, apart(images)
        changed = native(changes[self.input.name](units_last(own, 0, axis)), 0, axis)
        # a model may read its input by a view, which wants it in one piece
        return accompanied(changed.contiguous(), extras)

    @torch.no_grad()
    def _logits(self, images: Tensor) -> Tensor:
        with evaluating(self.wrapped):
            return self.wrapped.logits(images.to(self.device))

    def batch_rows(self, sites: Sequence[Site]) -> int:
        """How many examples one forward pass takes."""
        return _ROWS

    def row_operations(self, site: Site) -> int:
        """Multiplications with the model's parameters, each counted once: a lower bound."""
        return 2 * sum(p.numel() for p in self.wrapped.parameters())

    def unit_norms(self, site: Site) -> Tensor | None:
        """None: which layer leads to a site isn't known."""
        return None

    def stage(
        self, images: Tensor, site: Site, replacement: Tensor, previous: Stage | None = None
    ) -> HookedStage:
        """Prepare a batch for replays of one site's units."""
        return HookedStage(self, images, site, replacement)


_COST = (
    "falling back to hooks: only module outputs can be studied (functional operations are missing) "
    "and each replay costs a whole forward pass"
)


class HookedStage:
    """One batch, ready for replays of one site's units (see `holistic.graph.engine.Stage`)."""

    chunk = _ROWS
    copies = 1

    def __init__(
        self, engine: HookedEngine, images: Tensor, site: Site, replacement: Tensor
    ) -> None:
        self.engine, self.images, self.site = engine, images, site
        with torch.no_grad():
            self.base, captured = engine.run(images, [site.name])
        value = captured[site.name]
        self.row_cost = 64.0 * images[0].numel() * images.element_size()
        self._new = replacement.to(value).expand_as(value)  # [B, P…, U]
        differs = (self._new != value).flatten(1, -2) if value.dim() > 2 else self._new != value
        self.changed: Tensor = differs.any(1) if value.dim() > 2 else differs
        self.piece_key = site.name, self.base, images, replacement

    def _replayed(self, masks: Tensor, rows: Tensor) -> Tensor:
        """Logits `[R, C]` of rows in which the masked units `[R, U]` are replaced."""
        shape = (len(rows), *[1] * (self._new.dim() - 2), self.site.units)

        def change(value: Tensor) -> Tensor:
            return torch.where(masks.to(value.device).reshape(shape), self._new[rows], value)

        return self.engine.run(self.images[rows], changes={self.site.name: change})[0]

    @torch.no_grad()
    def units(self, units: Tensor, rows: Tensor) -> Tensor:
        """Replace unit `units[r]` on example `rows[r]`: `[R, C]`."""
        if len(rows) == 0:
            return self.base[:0]
        masks = torch.arange(self.site.units, device=units.device) == units[:, None]
        return self._replayed(masks, rows)

    def order_cost(self, length: int, sizes: int) -> float:
        """Cost of one example in one order of `length` units with logits at so many sizes."""
        return sizes * self.row_cost

    @torch.no_grad()
    def sets(self, masks: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Replace the units of each mask `[G, U]`: slices of masks with `[G', B, C]`."""
        rows = torch.arange(len(self.images), device=masks.device)
        for g in range(len(masks)):
            logits = self._replayed(masks[g].expand(len(rows), -1), rows)
            yield slice(g, g + 1), logits[None]

    @torch.no_grad()
    def orders(
        self, orders: Tensor, sizes: Collection[int] | None = None
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Replace units one after another in each order `[O, K]`."""
        wanted = range(1, orders.shape[1] + 1) if sizes is None else sorted(sizes)
        for o, order in enumerate(orders):
            masks = torch.zeros(len(wanted), self.site.units, dtype=torch.bool)
            for mask, k in zip(masks, wanted, strict=True):
                mask[order[:k]] = True
            for k, (_, logits) in zip(wanted, self.sets(masks.to(orders.device)), strict=True):
                yield k, slice(o, o + 1), logits

    def right(
        self, orders: Tensor, labels: Tensor, sizes: Collection[int] | None = None
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Replace units one after another, and say which examples are right `[O', B]`."""
        return outcomes(self.orders(orders, sizes), labels)


@contextmanager
def _hooks(wrapped: Wrapped, visit: Callable[[str, nn.Module, Tensor], Tensor]) -> Generator[None]:
    """Call `visit` on each tensor that a module call returns, in evaluation mode.

    Of a tuple (a recurrent layer's sequence and state) it is the first.

    Handles are removed one by one, so that hooks of the user stay.
    """
    numbers: Counter[str] = Counter()
    visit = settled()(visit)  # the model's settings are not those of what is done to its values

    def hook_of(path: str) -> Callable[..., Any]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
            numbers[path] += 1
            name = path if numbers[path] == 1 else f"{path}#{numbers[path]}"
            if isinstance(output, Tensor):
                return visit(name, module, output)
            if type(output) is tuple and output and isinstance(output[0], Tensor):
                return (visit(name, module, output[0]), *output[1:])
            return None

        return hook

    # what `visit` keeps isn't the model's to be put back: it is hooked after that is noted
    with evaluating(wrapped):
        handles = []
        try:
            for path, module in wrapped.model.named_modules():
                if path and not isinstance(module, torch.jit.ScriptModule):  # takes no hooks
                    handles.append(module.register_forward_hook(hook_of(path)))
            yield
        finally:
            for handle in handles:
                handle.remove()


def _recorded_sites(wrapped: Wrapped, images: Tensor) -> tuple[Site, ...]:
    """Run the model and note what its modules return, and by which operations."""
    more = {output.name: output.value for output in _seen(wrapped, _and_one(images))[0]}
    given = images.clone()
    recorder = Recorder(wrapped, given)
    try:
        outputs, logits = _seen(wrapped, given, recorder)
        program = recorder.program(logits)
    except Exception:  # a model may refuse to be watched in any way, and runs well without
        (outputs, logits), program = _seen(wrapped, images), None
    others = (o for o in outputs if o.value is not logits)
    folds = [(o, _fold(o.value, more.get(o.name), len(given))) for o in others]
    return module_sites([replace(o, fold=fold) for o, fold in folds if fold], program)


def _and_one(images: Tensor) -> Tensor:
    return torch.cat([images, images[:1]])


def _seen(
    wrapped: Wrapped, images: Tensor, recorder: Recorder | None = None
) -> tuple[list[Output], Tensor]:
    """What each module call returns on a few images, and the logits."""
    seen = list[Output]()

    def record(name: str, module: nn.Module, value: Tensor) -> Tensor:
        place, after = (recorder.place(value), len(recorder)) if recorder else (None, 0)
        seen.append(Output(name, module, value, place, after=after))
        return value

    with torch.no_grad(), _hooks(wrapped, record), recorder or nullcontext():
        logits = wrapped.logits(images)
    return seen, logits


def _fold(value: Tensor, more: Tensor | None, count: int) -> int:
    """How many entries in a row each image has, seen on a batch and on one more image; 0: none."""
    if more is None or value.is_nested or more.is_nested or not value.is_floating_point():
        return 0
    if value.dim() < 2 or not value.shape.numel() or len(value) % count:  # of a part of the batch
        return 0
    fold = len(value) // count
    if tuple(more.shape) != ((count + 1) * fold, *value.shape[1:]):
        return 0
    return fold if fold == 1 or close(more[: len(value)], value) else 0


def _by_example(value: Tensor, site: Site) -> Tensor:
    """Give the examples an axis of their own in a site's value."""
    folded = value.dim() == len(site.shape) and len(value) % site.shape[0] == 0
    return value.unflatten(0, (-1, site.shape[0])) if folded else value
