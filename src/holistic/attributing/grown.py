"""Grows connected parts of a picture, so that as much can be erased elsewhere as in a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["connected", "drawn", "gathered", "grown", "outside", "with_rim"]

_INK = 0.25
"""Share of the brightest pixel from which on one is ink."""
_FAR = 1000
"""Steps outside of the region that one inside of it counts as."""
_BRIDGE = 30
"""Steps that one over a pixel without weight counts as."""
_AROUND = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]


def drawn(ink: np.ndarray) -> np.ndarray:
    """Say where an image `[H, W]` holds ink: `[H, W]` bool."""
    return ink > _INK * max(float(ink.max()), 1e-9)


def connected(ink: np.ndarray, part: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Grow a connected part from a pixel, outside of another part, until it has as much ink.

    Parameters
    ----------
    ink
        `[H, W]`, an image of one digit.
    part
        `[H, W]` bool, the part to match.
    start
        Row and column of the first pixel.
    """
    return grown(ink, drawn(ink), part, np.array([start]), float(ink[part].sum()))[0]


def grown(
    weights: np.ndarray,
    among: np.ndarray,
    part: np.ndarray,
    starts: np.ndarray,
    wanted: float,
) -> np.ndarray:
    """Grow connected parts from single pixels, outside of another part, to a weight.

    Pixels join in the order of the way to them, among their eight neighbours; one inside of the
    other part only where nothing is left outside. Those without weight are passed over, where they
    may, and don't join. Of two numbers of pixels the one whose weight is nearer counts.

    Parameters
    ----------
    weights
        `[H, W]`.
    among
        `[H, W]` bool, pixels that may join.
    part
        `[H, W]` bool, the part to stay out of.
    starts
        `[S, 2]`, rows and columns of the first pixels, which are among them.
    wanted
        Sum of the weights to reach.

    Returns
    -------
    np.ndarray
        `[S, H, W]` bool.
    """
    from scipy.sparse.csgraph import dijkstra

    found = np.zeros((len(starts), among.size), bool)
    places = np.flatnonzero(among)  # nodes of a graph, by rows
    first = np.searchsorted(places, np.ravel_multi_index(tuple(starts.T), among.shape))
    cost = np.where(part, _FAR, np.where(weights > 0, 1, _BRIDGE))
    far = dijkstra(_steps(among, cost), indices=first)  # [S, nodes]
    values = weights.ravel()[places]
    for one, away in zip(found, far, strict=True):
        order = np.argsort(away, kind="stable")[: np.isfinite(away).sum()]
        order = order[values[order] > 0]
        missing = np.abs(np.cumsum(np.concatenate([[0.0], values[order]])) - wanted)
        worse = np.flatnonzero(missing[1:] >= missing[:-1])
        one[places[order[: worse[0] if len(worse) else len(order)]]] = True
    return found.reshape(len(starts), *among.shape)


def _steps(among: np.ndarray, cost: np.ndarray) -> csr_array:
    """Steps between neighbours among some pixels, at the cost `[H, W]` of where they lead."""
    from scipy.sparse import csr_array

    rows, columns = among.shape
    number = np.full((rows + 2, columns + 2), -1)
    number[1:-1, 1:-1][among] = np.arange(among.sum())
    inner = number[1:-1, 1:-1]
    tails, heads, costs = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for down, across in _AROUND:
        near = number[1 + down : rows + 1 + down, 1 + across : columns + 1 + across]
        pair = (inner >= 0) & (near >= 0)
        tails.append(near[pair])
        heads.append(inner[pair])
        costs.append(cost[pair])
    size = int(among.sum())
    edges = np.concatenate(tails), np.concatenate(heads)
    return csr_array((np.concatenate(costs).astype(float), edges), shape=(size, size))


def with_rim(ink: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Add the faint pixels around parts `[…, H, W]`, which would show their outline.

    Each faint pixel goes with the pixel of ink that is nearest to it.
    """
    return part | (part[..., *_nearest(ink)] & (ink > 0) & ~drawn(ink))


def gathered(ink: np.ndarray) -> np.ndarray:
    """Give each pixel of ink that of the faint ones which go with it, `[H, W]`; others have none.

    >>> gathered(np.array([[0.0, 0.125, 1.0, 0.125, 0.0]])).tolist()
    [[0.0, 0.0, 1.25, 0.0, 0.0]]
    """
    found = np.zeros(ink.shape)
    np.add.at(found, _nearest(ink), ink)
    return found


def _nearest(ink: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows and columns of the pixel of ink that is nearest to each pixel."""
    from scipy.ndimage import distance_transform_edt

    nearest: np.ndarray = distance_transform_edt(
        ~drawn(ink), return_distances=False, return_indices=True
    )  # pyright: ignore[reportAssignmentType]
    return tuple(nearest)


def outside(ink: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Pixels `[S, 2]` outside of a part from which others may grow; its own where all is in it.

    They lie in pieces of ink that have as much as the part, or in the largest where none has.
    """
    from skimage.measure import label

    pieces = np.asarray(label(drawn(ink) & ~part, connectivity=2))
    sums = np.bincount(pieces.ravel(), weights=ink.ravel())
    sums[0] = 0
    enough = sums >= min(float(ink[part].sum()), float(sums.max()))
    found = np.argwhere((pieces > 0) & enough[pieces])
    return found if len(found) else np.argwhere(part)
