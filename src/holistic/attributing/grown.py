"""Grows connected parts of a picture, so that as much can be erased elsewhere as in a region."""

from __future__ import annotations

import numpy as np

__all__ = ["connected", "drawn", "gathered", "grown", "outside", "with_rim"]

_INK = 0.25
"""Share of the brightest pixel from which on one is ink."""
_FAR = 1000
"""Steps outside of the region that one inside of it counts as."""
_BRIDGE = 30
"""Steps that one over a pixel without weight counts as."""
_PIXELS = 1 << 18
"""Pixels, in all copies of images, in which parts grow at once."""
_AROUND = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]


def drawn(ink: np.ndarray) -> np.ndarray:
    """Say where images `[…, H, W]` hold ink: `[…, H, W]` bool."""
    return ink > _INK * np.maximum(ink.max((-2, -1), keepdims=True), 1e-9)


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
    wanted = np.array([float(ink[part].sum())])
    starts = np.array([[start]])
    return grown(ink[None], drawn(ink)[None], part[None], starts, wanted)[0, 0]


def grown(
    weights: np.ndarray,
    among: np.ndarray,
    part: np.ndarray,
    starts: np.ndarray,
    wanted: np.ndarray,
) -> np.ndarray:
    """Grow connected parts of images from single pixels, outside of another part, to a weight.

    Pixels join in the order of the way to them, among their eight neighbours; one inside of the
    other part only where nothing is left outside. Those without weight are passed over, where they
    may, and don't join. Of two numbers of pixels the one whose weight is nearer counts.

    Parameters
    ----------
    weights
        `[N, H, W]`.
    among
        `[N, H, W]` bool, pixels that may join.
    part
        `[N, H, W]` bool, the part to stay out of.
    starts
        `[N, S, 2]`, rows and columns of the first pixels, which are among them.
    wanted
        `[N]`, sums of the weights to reach.

    Returns
    -------
    np.ndarray
        `[N, S, H, W]` bool.
    """
    found = np.zeros((*starts.shape[:2], *among.shape[1:]), bool)
    size = max(1, _PIXELS // max(1, found[0].size))
    for at in range(0, len(found), size):
        some = slice(at, at + size)
        found[some] = _grown(weights[some], among[some], part[some], starts[some], wanted[some])
    return found


def _grown(
    weights: np.ndarray,
    among: np.ndarray,
    part: np.ndarray,
    starts: np.ndarray,
    wanted: np.ndarray,
) -> np.ndarray:
    """The same, all images at once: each start has a plane of its own."""
    several, shape = starts.shape[1], among.shape[1:]
    cost = np.where(part, _FAR, np.where(weights > 0, 1, _BRIDGE))
    weights, among, cost, wanted = (
        np.repeat(of, several, 0) for of in (weights, among, cost, wanted)
    )
    far = _ways(among, cost, starts.reshape(-1, 2))
    far = np.where(weights > 0, far, np.inf).reshape(len(far), -1)  # [N * S, P]
    order = np.argsort(far, 1, kind="stable")
    reached = np.isfinite(np.take_along_axis(far, order, 1))
    each = np.where(reached, np.take_along_axis(weights.reshape(far.shape), order, 1), 0.0)
    sums = np.cumsum(np.concatenate([np.zeros((len(far), 1)), each], 1), 1)
    missing = np.abs(sums - wanted[:, None])
    nearer = np.logical_and.accumulate(missing[:, 1:] < missing[:, :-1], 1)
    found = np.zeros(far.shape, bool)
    np.put_along_axis(found, order, nearer, 1)
    return found.reshape(-1, several, *shape)


def _ways(among: np.ndarray, cost: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Costs of the ways from one pixel `[N, 2]` of each plane to the others, `[N, H, W]`.

    Ways lead over neighbours `among` some pixels, at the cost `[N, H, W]` of each that is entered.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    planes, rows, columns = among.shape
    number = np.full((planes, rows + 2, columns + 2), -1)
    inner = number[:, 1:-1, 1:-1]
    inner[among] = np.arange(among.sum())  # nodes of a graph
    tails, heads, costs = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for down, across in _AROUND:
        near = number[:, 1 + down : rows + 1 + down, 1 + across : columns + 1 + across]
        pair = (inner >= 0) & (near >= 0)
        tails.append(near[pair])
        heads.append(inner[pair])
        costs.append(cost[pair])
    edges = np.concatenate(tails), np.concatenate(heads)
    size = int(among.sum())
    graph = csr_array((np.concatenate(costs).astype(float), edges), shape=(size, size))
    found = np.full(among.shape, np.inf)
    first = inner[np.arange(planes), *starts.T]
    found[among] = dijkstra(graph, indices=first, min_only=True)
    return found


def with_rim(ink: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Add the faint pixels around parts `[…, H, W]` of an image, which would show their outline.

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
