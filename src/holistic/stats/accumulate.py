"""The rule by which sums of powers of deviations from one mean become those from another.

Every streaming mean, variance and higher moment here merges by it.
"""

from __future__ import annotations

import numpy as np

__all__ = ["moved_powers"]


def moved_powers(
    count: np.ndarray, powers: tuple[np.ndarray, np.ndarray, np.ndarray], by: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sums of the 2nd, 3rd and 4th powers of deviations from values `by` below the means.

    Parameters
    ----------
    count
        Numbers behind each sum, any shape `[…]`.
    powers
        Their sums of the powers of the deviations from their own means, `[…]` each.
    by
        How far the means lie above what deviations are wanted from, `[…]`.

    References
    ----------
    Chan, Golub & LeVeque 1983, eq. 2.1; Pébay 2008, eqs. 2.1-2.9.

    Examples
    --------
    >>> two = (np.array(2.0), np.array(0.0), np.array(2.0))  # of the numbers 4 and 6
    >>> [float(p) for p in moved_powers(np.array(2), two, np.array(1.0))]  # from 4
    [4.0, 8.0, 16.0]
    """
    m2, m3, m4 = powers
    return (
        m2 + count * by**2,
        m3 + 3 * by * m2 + count * by**3,
        m4 + 4 * by * m3 + 6 * by**2 * m2 + count * by**4,
    )
