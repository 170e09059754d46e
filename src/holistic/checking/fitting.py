"""Cuts what a run does until it fits into a time: settings of lenses, and sites to study."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from holistic.checking.expected import expected_seconds, nominal_scene_of, scene_of
from holistic.errors import SettingError, listed, notice
from holistic.lenses._contract import Lens
from holistic.lenses._work import Scene
from holistic.words import duration

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["Cut", "cut_settings", "fitted", "quick_cut", "read_time", "reductions"]

_STEPS = 10
_SPARE = 0.75
"""Share of the time that is planned with: runs take up to a third longer than is expected."""
_QUICK, _WORTH = 280.0, 30.0
"""Seconds of one core of known speed: from which on a quick run leaves sites out, and below which
it isn't cut further than any quick run."""
_FULL, _AS_QUICK, _LEAST = 0.0, 1.0, 2.0
"""How far settings are cut: not at all, as those of any quick run, as far as they go."""
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

Own = TypeVar("Own", bound=Lens)


@dataclass(frozen=True)
class Cut:
    """What a run is cut to.

    Attributes
    ----------
    subject
        What is studied, with the sites that are.
    lenses
        With their settings.
    left_out
        Names of hidden sites that would take too long.
    """

    subject: Subject
    lenses: tuple[Lens, ...]
    left_out: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """Say which sites are studied and which aren't; empty where all are."""
        if not self.left_out:
            return ""
        studied = [site.name for site in self.subject.hidden_sites]
        return (
            f"Of {len(studied) + len(self.left_out)} hidden sites {len(studied)} "
            f"{'are' if len(studied) > 1 else 'is'} studied, since all would take too long: "
            f"{listed(studied, 20)}. "
            "Name others with --sites (sites= in Python)."
        )


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


def fitted(subject: Subject, lenses: Sequence[Lens], seconds: float, *, quick: bool = False) -> Cut:
    """Cut settings, and sites where that isn't enough, as far as a time needs it.

    Parameters
    ----------
    subject
        What is going to be studied. Sites that somebody has named stay.
    lenses
        With their settings; one that somebody has set otherwise than by default stays.
    seconds
        Time that the run may take.
    quick
        Whether settings are those of a quick run at most.
    """
    scene, first = scene_of(subject), _AS_QUICK if quick else _FULL
    planned = seconds * _SPARE
    cut, takes = _reduced(scene, lenses, (planned, planned), first)
    if takes > planned:
        notice(
            f"the shortest run takes about {duration(takes / _SPARE)}, more than the "
            f"{duration(seconds)} allowed: study fewer sites (--sites '#-3:') or examples (--limit)"
        )
    return cut


def quick_cut(subject: Subject, lenses: Sequence[Lens]) -> Cut:
    """Cut settings as a quick run does, further towards a tenth of the whole run, and then sites.

    Parameters
    ----------
    subject, lenses
        As for `fitted`.
    """
    scene = nominal_scene_of(subject)
    tenth = max(_WORTH, expected_seconds(scene, lenses) / 10)
    return _reduced(scene, lenses, (min(tenth, _QUICK), _QUICK), _AS_QUICK)[0]


def _reduced(
    scene: Scene, lenses: Sequence[Lens], limits: tuple[float, float], first: float
) -> tuple[Cut, float]:
    """Cut settings as little as fits, or as far as they go; with the seconds of what is left.

    `limits` are the seconds that are aimed at, and those from which on sites are left out.
    """
    aim, most = limits
    if (takes := expected_seconds(scene, _cut(lenses, _AS_QUICK))) <= aim:
        return Cut(scene.subject, _least_cut(scene, lenses, aim, (first, _AS_QUICK))), takes
    some, takes = scene, math.inf
    for names in _fewer(scene):
        some = scene.at(names) if len(names) < len(scene.sites) else scene
        takes = expected_seconds(some, _cut(lenses, _LEAST))
        if takes <= most:
            break
    aim = aim if some is scene else most
    cut = _least_cut(some, lenses, aim, (_AS_QUICK, _LEAST))
    studied = {site.name for site in some.sites}
    gone = tuple(site.name for site in scene.sites if site.name not in studied)
    return Cut(some.subject, cut, gone), takes


def _fewer(scene: Scene) -> Iterator[list[str]]:
    """Sites that are studied, from all to the last alone; those that somebody has named stay."""
    names = [site.name for site in scene.sites]
    counts = [len(names)] if scene.subject.choices.sites else range(len(names), 0, -1)
    for count in counts:
        yield [names[math.ceil((k + 1) * len(names) / count) - 1] for k in range(count)]


def _least_cut(
    scene: Scene, lenses: Sequence[Lens], seconds: float, levels: tuple[float, float]
) -> tuple[Lens, ...]:
    """Cut settings as little as fits, between two levels; as far as the higher one if none does."""
    low, high = levels
    if low == high or expected_seconds(scene, _cut(lenses, low)) <= seconds:
        return _cut(lenses, low)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        fits = expected_seconds(scene, _cut(lenses, middle)) <= seconds
        low, high = (low, middle) if fits else (middle, high)
    return _cut(lenses, high)


def _cut(lenses: Sequence[Lens], level: float) -> tuple[Lens, ...]:
    return tuple(cut_settings(lens, level) for lens in lenses)


def cut_settings(lens: Own, level: float = _AS_QUICK) -> Own:
    """Move settings from their defaults (0) to those of a quick run (1), and on to the least (2).

    What somebody has set otherwise than by default stays.

    >>> from holistic.lenses.attribution import Attribution
    >>> cut_settings(Attribution(steps=64)).steps, cut_settings(Attribution()).examples
    (64, 50)
    """
    changed = {
        one.name: _at_level(one, level)
        for one in _cuttable(lens)
        if getattr(lens, one.name) == one.default
    }
    return dataclasses.replace(lens, **changed)


def _cuttable(lens: Lens) -> Iterator[dataclasses.Field[Any]]:
    for one in dataclasses.fields(lens):
        if one.metadata.get("quick") is not None:
            yield one


def _at_level(one: dataclasses.Field[Any], level: float) -> float:
    default, quick, least = one.default, one.metadata["quick"], one.metadata["least"]
    start, end, share = (
        (default, quick, level) if level <= _AS_QUICK else (quick, least, level - _AS_QUICK)
    )
    value = start * (end / start) ** share if start else start
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
