"""Writes the numbers that stand behind a line of an answer."""

from __future__ import annotations

from holistic.results.columns import Estimate
from holistic.words import number

__all__ = ["evidence"]


def evidence(of: Estimate, what: str, *, scale: float = 1.0, spec: str = "+z.2f") -> str:
    """Write an estimate with interval, n, control, p and q, as far as it has them.

    >>> evidence(Estimate(0.1, 0.05, 0.15, 40, 0.01, q=0.004), "share lost", scale=100, spec=".1f")
    'share lost 10.0 [5.0, 15.0], n = 40, control 1.0, q = 0.004'
    """

    def written(value: float | None) -> str:
        return number(None if value is None else scale * value, spec)

    parts = [f"{what} {written(of.value)}"]
    if of.lo is not None and of.hi is not None:
        parts[0] += f" [{written(of.lo)}, {written(of.hi)}]"
    if of.n is not None:
        parts.append(f"n = {of.n:,}")
    if of.control is not None:
        parts.append(f"control {written(of.control)}")
    elif of.control_lo is not None and of.control_hi is not None:
        parts.append(f"controls {written(of.control_lo)} to {written(of.control_hi)}")
    tests = (("p", of.p), ("q", of.q))
    parts += [f"{name} = {number(value, '.2g')}" for name, value in tests if value is not None]
    return ", ".join(parts)
