"""Cuts the settings of lenses until a run fits into a time."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from holistic.checking.cost import expected_seconds, scene_of
from holistic.errors import SettingError, notice
from holistic.lenses._contract import Lens
from holistic.words import duration

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["fitted", "read_time", "reductions"]

_STEPS = 10
_SPARE = 0.95
"""Share of the time that is planned with."""
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def read_time(given: object) -> float:
    """Read a time: seconds, or `90s`, `10m`, `1h`, `1h30m`.

    Raises
    ------
    SettingError
        If it is something else.

    Examples
    --------
    >>> read_time("10m"), read_time("1h30m"), read_time(45)
    (600.0, 5400.0, 45.0)
    """
    text = str(given).strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|[smh]?)", text)
    whole = re.fullmatch(r"(?:\d+(?:\.\d+)?\s*(?:min|[smh]?)\s*)+", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts) if whole else 0.0
    if isinstance(given, bool) or not 0 < seconds < 1e8:
        raise SettingError(f"time must be seconds, or such as '90s', '10m' or '1h', got {given!r}")
    return seconds


def fitted(subject: Subject, lenses: Sequence[Lens], seconds: float) -> tuple[Lens, ...]:
    """Cut what a quick run cuts, as far as the time needs it, and no further than a quick run does.

    Parameters
    ----------
    subject
        What is going to be studied.
    lenses
        With their settings; one that somebody has set otherwise than by default stays.
    seconds
        Time that the run may take.
    """
    scene = scene_of(subject)
    least = _cut(lenses, 1.0)
    if (quickest := expected_seconds(scene, least)) > seconds:
        notice(
            f"a quick run takes about {duration(quickest)}, more than the {duration(seconds)} "
            "allowed: study fewer sites (--sites '#-3:') or examples (--limit)"
        )
        return least
    if expected_seconds(scene, lenses) <= seconds * _SPARE:
        return tuple(lenses)
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        fits = expected_seconds(scene, _cut(lenses, middle)) <= seconds * _SPARE
        low, high = (low, middle) if fits else (middle, high)
    return _cut(lenses, high)


def _cut(lenses: Sequence[Lens], share: float) -> tuple[Lens, ...]:
    """Move every setting that has one from its default towards that of a quick run."""
    return tuple(
        dataclasses.replace(
            lens,
            **{
                one.name: _between(one.default, one.metadata["quick"], share)
                for one in _cuttable(lens)
                if getattr(lens, one.name) == one.default
            },
        )
        for lens in lenses
    )


def _cuttable(lens: Lens) -> Iterator[dataclasses.Field[Any]]:
    for one in dataclasses.fields(lens):
        if one.metadata.get("quick") is not None:
            yield one


def _between(default: Any, quick: float, share: float) -> float:
    value = default * (quick / default) ** share
    return round(value) if isinstance(default, int) else float(f"{value:.3g}")


def reductions(lenses: Sequence[Lens]) -> str:
    """Say which settings are below their defaults as a quick run's are; nothing where none is."""
    parts = list[str]()
    for lens in lenses:
        cut = [
            f"{one.name} {getattr(lens, one.name):,g} in place of {one.default:,g}"
            for one in _cuttable(lens)
            if getattr(lens, one.name) < one.default
        ]
        if cut:
            parts.append(f"{lens.name}: {', '.join(cut)}")
    if not parts:
        return ""
    return (
        "This run measured less than the defaults do, so intervals are wider and p can't be as "
        f"small: {'; '.join(parts)}."
    )
