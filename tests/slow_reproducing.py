"""Parts of digits found and grown the long way, pixel by pixel."""

import numpy as np
from skimage.morphology import skeletonize


def drawn(ink: np.ndarray) -> np.ndarray:
    return ink > 0.25 * ink.max()


def neighbours(at, shape, diagonal):
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            row, column = at[0] + dr, at[1] + dc
            near = (dr, dc) != (0, 0) and (diagonal or dr == 0 or dc == 0)
            if near and 0 <= row < shape[0] and 0 <= column < shape[1]:
                yield row, column


def filled(start, free) -> set:
    """All pixels that can be reached from one over free ones, by four neighbours."""
    found, waiting = {start}, [start]
    while waiting:
        for near in neighbours(waiting.pop(), free.shape, diagonal=False):
            if free[near] and near not in found:
                found.add(near)
                waiting.append(near)
    return found


def distance(at, others) -> float:
    return min(np.hypot(at[0] - r, at[1] - c) for r, c in others)


def width(mask: np.ndarray) -> float:
    """Twice the mean distance of the stroke's middle from the ground, which goes on outside."""
    padded = np.pad(mask, 1)
    ground = [tuple(at) for at in np.argwhere(~padded)]
    middle = [tuple(at) for at in np.argwhere(np.pad(skeletonize(mask), 1))]
    return max(1.0, 2 * float(np.mean([distance(at, ground) for at in middle])) - 1)


def loop(ink: np.ndarray) -> np.ndarray | None:
    mask = np.pad(drawn(ink), 1)
    left = {tuple(at) for at in np.argwhere(~mask)} - filled((0, 0), ~mask)
    holes = []
    while left:
        hole = filled(min(left), ~mask)
        holes.append(hole)
        left -= hole
    if not holes:
        return None
    hole = max(holes, key=len)
    near = np.zeros_like(mask)
    for at in map(tuple, np.argwhere(mask)):
        near[at] = distance(at, hole) <= width(mask[1:-1, 1:-1]) + 0.5
    return near[1:-1, 1:-1]


def bar(ink: np.ndarray) -> np.ndarray:
    mask = drawn(ink)
    rows = [r for r in range(len(mask)) if mask[r].any()]
    found = np.zeros_like(mask)
    for column in range(mask.shape[1]):
        own = [r for r in range(len(mask)) if mask[r, column]]
        for row in own:
            upper = row <= (rows[0] + rows[-1]) / 2
            found[row, column] = upper and row - own[0] <= width(mask)
    return found


def connected(ink: np.ndarray, part: np.ndarray, start) -> np.ndarray:
    """Relax the ways over ink until none gets shorter, then take pixels in their order."""
    mask, far = drawn(ink), {start: 0}
    for _ in range(mask.size):
        for at, steps in list(far.items()):
            for near in neighbours(at, mask.shape, diagonal=True):
                step = steps + (1000 if part[near] else 1)
                if mask[near] and step < far.get(near, np.inf):
                    far[near] = step
    order = sorted(far, key=lambda at: (far[at], at))
    sums = np.cumsum([ink[at] for at in order])
    # the first number of pixels from which on one more would be farther from as much ink
    gaps = np.abs(np.concatenate([[0.0], sums]) - ink[part].sum())
    count = next((k for k in range(len(order)) if gaps[k + 1] >= gaps[k]), len(order))
    found = np.zeros_like(part)
    for at in order[:count]:
        found[at] = True
    return found
