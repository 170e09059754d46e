"""Orders numbers so that rounding decides no ties."""

from __future__ import annotations

import numpy as np

__all__ = ["ordered"]

_ROUNDING = 1e-6
"""Of the largest number: some ten times what sums of float32 in another order differ by."""


def ordered(values: np.ndarray) -> np.ndarray:
    """Return places along the last axis, the smallest number in front and NaN at the end.

    Numbers that differ by a millionth of the largest one, or by less, count as equal, and of equals
    the one that stands first comes first. The order of sums depends on processor, threads and batch
    sizes, and would decide otherwise: two copies of one unit could change places.

    Parameters
    ----------
    values
        `[…, N]`.

    Returns
    -------
    np.ndarray
        Places `[…, N]`.

    Examples
    --------
    >>> ordered(np.array([3.0, 1.0 + 1e-9, float("nan"), 1.0])).tolist()
    [1, 3, 0, 2]
    """
    rows = values.reshape(-1, max(1, values.shape[-1]))
    return np.array([_ordered(row) for row in rows], dtype=np.intp).reshape(values.shape)


def _ordered(row: np.ndarray) -> np.ndarray:
    order = np.argsort(row, kind="stable")
    finite = row[np.isfinite(row)]
    if not len(finite):
        return order
    room = _ROUNDING * np.abs(finite).max()
    ascending = row[order]
    with np.errstate(invalid="ignore"):  # of two infinite ones
        near = np.flatnonzero((np.diff(ascending) <= room) | (ascending[1:] == ascending[:-1]))
    end = 0
    for start in near.tolist():
        if start < end:
            continue
        # all that lie within the room of the first: a long chain of neighbours isn't one number
        end = int(
            np.searchsorted(ascending, max(ascending[start] + room, ascending[start]), side="right")
        )
        order[start:end] = np.sort(order[start:end])
    return order
