"""What the sixth lens computes, written from its papers, as slowly as need be."""

from __future__ import annotations

import random

from scipy.stats import chi2
from scipy.stats import t as student


def assurance(
    share: float, half: float, n: float, bound: float, size: float, level: float, tries: int = 4000
) -> float:
    """Chance that `size` examples settle a share: draw a truth, measure it anew, and look."""
    rng = random.Random(0)
    error = half / student.ppf(0.975, n - 1) * ((n - 1) / chi2.ppf(0.5, n - 1)) ** 0.5
    less = error * (n / size) ** 0.5
    within = bound - student.ppf(0.975, size - 1) * less
    beyond = max(bound, student.ppf(1 - level / 2, size - 1) * less)
    truths = share + error * student.rvs(n - 1, size=tries, random_state=0)
    again = [abs(rng.gauss(truth, less)) for truth in truths]
    return sum(value < within or value > beyond for value in again) / tries
