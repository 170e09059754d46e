"""Turns what was measured of maps into a probability, as calibrated on data with known answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

__all__ = ["Calibration", "calibration", "parted"]

_PLACE = Path(__file__).parent / "trust_calibration.json"
_FAR = 3.0


@dataclass(frozen=True)
class Calibration:
    """Weights of measures; the first set is of all families, the others of draws of families.

    Attributes
    ----------
    names
        F measures.
    centre, scale
        `[2F]`, of the data calibrated on: how far a method's measure lies from the mean over the
        model's methods, and that mean.
    weights
        `[B, 2F]`.
    offsets
        `[B]`.
    slopes, starts
        `[B]`: the probability's log odds are `slope * precision + start`.
    """

    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    slopes: np.ndarray
    starts: np.ndarray

    def standard(
        self, names: tuple[str, ...], values: np.ndarray, seeing: np.ndarray
    ) -> np.ndarray:
        """Bring means over images, `[…, M, F]`, to the calibration's order and scale, `[…, M, 2F]`.

        `seeing` says which of the M methods see the model.
        """
        return self.scaled(parted(values[..., [names.index(one) for one in self.names]], seeing))

    def scaled(self, parts: np.ndarray) -> np.ndarray:
        """Bring parts of measures, `[…, 2F]`, to the calibration's scale."""
        return np.clip((parts - self.centre) / self.scale, -_FAR, _FAR)

    def precisions(self, standard: np.ndarray, sets: np.ndarray) -> np.ndarray:
        """Predict precisions, `[S, M]`, of `[S, M, 2F]`, by one set of weights each."""
        return np.einsum("smf,sf->sm", standard, self.weights[sets]) + self.offsets[sets, None]

    def chances(self, precisions: np.ndarray, sets: np.ndarray) -> np.ndarray:
        """Probability that half or more is true, `[S, M]`."""
        odds = self.slopes[sets, None] * precisions + self.starts[sets, None]
        return 1 / (1 + np.exp(-odds))


def parted(values: np.ndarray, seeing: np.ndarray) -> np.ndarray:
    """Part measures `[…, M, F]` into how far each lies from the methods' mean, and that mean.

    Methods that don't see the model count in no mean.
    """
    middle = values[..., seeing, :].mean(-2, keepdims=True)
    return np.concatenate([values - middle, np.broadcast_to(middle, values.shape)], -1)


@cache
def calibration() -> Calibration:
    """Read the calibration; `python -m benchmarks.trust` makes it."""
    read = json.loads(_PLACE.read_text(encoding="utf-8"))
    arrays = (
        np.array(read[name], float)
        for name in ("centre", "scale", "weights", "offsets", "slopes", "starts")
    )
    return Calibration(tuple(read["names"]), *arrays)
