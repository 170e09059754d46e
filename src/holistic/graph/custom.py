"""An edit that is a function of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.arguments import described
from holistic.errors import SettingError
from holistic.graph.editing import Edit, Reference
from holistic.graph.elsewhere import Elsewhere
from holistic.graph.sites import Site
from holistic.usercode import running

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Custom"]


@dataclass(frozen=True)
class Custom(Edit):
    """Set units to what a function of your own makes of the site's value `[B, P…, U]`."""

    function: Callable[[Tensor], Tensor] | None = None

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit after checking that its function can be called."""
        if not callable(self.function):
            raise SettingError(
                f"Custom at '{site.name}' needs a function of the site's value [B, P…, U], got "
                f"{described(self.function)}"
            )
        return super().checked(site, count)

    def elsewhere(self, draw: Elsewhere) -> Edit:
        """Return it at other units; of a whole site, the function sees its units dealt out anew."""
        moved = super().elsewhere(draw)
        if moved is not self or (draw.order == np.arange(len(draw.order))).all():
            return moved
        return replace(self, function=_Reordered(self.function, tuple(draw.order.tolist())))

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return what the function makes of a copy of the value.

        Raises
        ------
        SettingError
            If it fails, or returns something else than values of that shape.
        """
        with running(f"the function that edits '{self.site}' failed", SettingError):
            found: Any = self.function(value.clone())  # pyright: ignore[reportOptionalCall]
        if not hasattr(found, "expand_as") or not _broadcasts(found.shape, value.shape):
            raise SettingError(
                f"the function that edits '{self.site}' must return a tensor of shape "
                f"{tuple(value.shape)} [B, P…, U], got {described(found)}; keep every axis"
            )
        return found


@dataclass(frozen=True)
class _Reordered:
    """A function of a site's value that sees other units in each unit's place."""

    function: Any
    order: tuple[int, ...]

    def __call__(self, value: Tensor) -> Tensor:
        """Return what the function makes of the value, every unit back in its own place."""
        made: Any = self.function(value[..., list(self.order)])
        if not hasattr(made, "expand_as") or not _broadcasts(made.shape, value.shape):
            return made  # refused by whoever asked
        return made.expand_as(value)[..., np.argsort(self.order).tolist()]


def _broadcasts(shape: Sequence[int], whole_shape: Sequence[int]) -> bool:
    ends = zip(reversed(shape), reversed(whole_shape), strict=False)
    return len(shape) <= len(whole_shape) and all(own in (1, size) for own, size in ends)
