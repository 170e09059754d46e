"""Where else in its site an edit could have been made: what controls are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.graph.sites import Site

__all__ = ["Elsewhere"]

_SHIFTS = 8
"""A region that can be moved to fewer other places is compared with scattered positions."""


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """One draw of other units, places and directions of a site.

    Attributes
    ----------
    site
        The site.
    order
        Which unit takes each unit's part, `[U]`; the same for all edits of the site.
    rng
        What the rest is drawn by.
    direction
        Makes a direction of length 1 in which the site's value varies, `[U]`.
    examples
        How many examples are edited.
    """

    site: Site
    order: np.ndarray
    rng: np.random.Generator
    direction: Callable[[], np.ndarray]
    examples: int

    def units(self, units: Any) -> tuple[int, ...]:
        """Return as many other units, sorted."""
        return tuple(int(unit) for unit in np.sort(self.order[list(units)]))

    def positions(self, positions: Any) -> tuple[int, ...]:
        """Return the same region somewhere else, or as many random positions.

        A region is moved as a whole, so that it keeps its shape: scattered pixels would be another
        edit. Where it is so large that it hardly moves, positions are drawn one by one.
        """
        shape = self.site.positions or (1,)
        count = int(np.prod(shape))
        places = np.stack(np.unravel_index(np.asarray(positions), shape))  # [axes, K]
        low, high = -places.min(1), np.array(shape) - places.max(1)
        if np.prod(high - low) > _SHIFTS:
            moved = places + self.rng.integers(low, high)[:, None]
            found = np.ravel_multi_index(tuple(moved), shape)
        else:
            found = self.rng.permutation(count)[: places.shape[1]]
        return tuple(int(place) for place in np.sort(found))
