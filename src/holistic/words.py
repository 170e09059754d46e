"""How is a number written in a sentence?"""

from __future__ import annotations

from typing import SupportsFloat

__all__ = ["percent"]


def percent(
    share: SupportsFloat | None,
    lo: SupportsFloat | None = None,
    hi: SupportsFloat | None = None,
    *,
    decimals: int = 1,
) -> str:
    """Write a share, and the ends of its interval where there is one.

    >>> percent(0.9812)
    '98.1 %'
    >>> percent(0.975, 0.94, 0.99, decimals=0)
    '98 % [94, 99]'
    >>> percent(None)
    'not measured'
    """
    if share is None:
        return "not measured"

    def number(value: SupportsFloat) -> str:
        return f"{100 * float(value):z.{decimals}f}"

    ends = "" if lo is None or hi is None else f" [{number(lo)}, {number(hi)}]"
    return f"{number(share)} %{ends}"
