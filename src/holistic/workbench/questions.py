"""Reads what a request asks for, and writes the answer as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from holistic.errors import ModelError, SettingError

__all__ = ["read", "written"]

_DIGITS = 40
"""As much of a number is quoted."""


def read(body: bytes) -> dict[str, Any]:
    """Read a question, whose numbers are finite and, where whole, fit 64 bits.

    What works with numbers (arrays, tables, indices) holds no others, so they end here.

    Raises
    ------
    SettingError
        If it is no such JSON object.

    Examples
    --------
    >>> read(b'{"unit": 3}')
    {'unit': 3}
    """
    try:
        asked = json.loads(
            body or b"{}",
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
            object_pairs_hook=_once,
        )
        json.dumps(asked, ensure_ascii=False).encode()  # half of a pair can't be sent back
    except (ValueError, RecursionError):
        raise SettingError("that isn't JSON") from None
    if not isinstance(asked, dict):
        raise SettingError("a question is a JSON object")
    return asked


def written(answer: dict[str, Any]) -> bytes:
    """Write an answer as JSON, which knows finite numbers only.

    Raises
    ------
    ModelError
        If it holds others.
    """
    try:
        return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise ModelError(
            "what the model says to this isn't finite numbers (NaN or infinite); "
            "ask with other values"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; one that says something twice may mean either."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SettingError(f"a question says each thing once, got '{_quoted(twice)}' twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise SettingError(
            f"a whole number of a question fits 64 bits, got {_quoted(digits)}; ask with a smaller"
        )
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise SettingError(f"a number of a question is finite, got {_quoted(digits)}")
    return value


def _quoted(digits: str) -> str:
    return digits if len(digits) <= _DIGITS else f"{digits[:_DIGITS]}…"
