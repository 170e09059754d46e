"""Random directions that point where a site's values vary."""

from __future__ import annotations

import numpy as np

__all__ = ["random_directions"]


def random_directions(values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw directions in which a site's values vary as they do over some examples.

    Random mixtures of the examples' deviations from their mean have exactly the sample's
    covariance, so a control direction is as likely along a strong axis of variation as the data
    are. An isotropic one would mostly point where nothing varies and would be beaten by anything.

    Parameters
    ----------
    values
        Position means of the examples, `[N, U]`: those of the selection split.
    count
        Number of directions.
    seed
        Seed of the draws.

    Returns
    -------
    np.ndarray
        `[B, U]` of length 1; NaN where the site doesn't vary.
    """
    rng = np.random.default_rng(seed)
    deviation = values - values.mean(0)
    drawn = rng.standard_normal((count, len(deviation))) @ deviation
    norm = np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.where(norm > 0, drawn / np.where(norm > 0, norm, 1), np.nan)
