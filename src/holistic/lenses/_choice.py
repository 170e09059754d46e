"""Chooses the lenses of a run, puts them in order, and reads their settings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from holistic.arguments import described
from holistic.errors import SettingError, listed
from holistic.lenses._contract import Lens, in_order, lens_class, lens_names, with_plain_numbers

__all__ = ["check_needs", "chosen_lenses", "settings_of"]


def chosen_lenses(lenses: Sequence[Lens | str] | None) -> tuple[Lens, ...]:
    """Return the lenses in running order; one that isn't registered comes after all others."""
    names = lens_names()
    given = [with_plain_numbers(one) for one in _as_lenses(names if lenses is None else lenses)]
    twice = {lens.name for lens in given if sum(lens.name == o.name for o in given) > 1}
    if twice:
        raise SettingError(f"lenses are given twice: {listed(sorted(twice))}; give each once")
    rank = {name: place for place, name in enumerate(names)}
    ranked = {o.name: o for o in sorted(given, key=lambda lens: rank.get(lens.name, len(rank)))}
    return tuple(ranked[name] for name in in_order({n: o.needs for n, o in ranked.items()}))


def _as_lenses(given: Any) -> list[Lens]:
    """Return lenses that were given as names, classes or with their settings; one may stand alone.

    Raises
    ------
    SettingError
        If they are anything else, or there is no lens of a name.
    """
    if isinstance(given, (str, Lens, type)):
        given = [given]
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise SettingError(
            f"lenses must be a list of names or lenses, got {described(given)}; "
            f"there are {listed(lens_names())}"
        )
    return [_as_lens(one) for one in given]


def _as_lens(given: Any) -> Lens:
    if isinstance(given, str):
        return lens_class(given)()
    if isinstance(given, type) and issubclass(given, Lens):
        return given()
    if isinstance(given, Lens):
        return given
    raise SettingError(
        f"a lens must be a name or a lens with its settings, got {described(given)}; "
        f"there are {listed(lens_names())}"
    )


def check_needs(chosen: Sequence[Lens], finished: Collection[str]) -> None:
    """Refuse lenses that read the findings of others which neither run before nor are finished.

    Raises
    ------
    SettingError
        If there is one.
    """
    there = {lens.name for lens in chosen} | set(finished)
    for lens in chosen:
        missing = [name for name in lens.needs if name not in there]
        if missing:
            raise SettingError(
                f"lens '{lens.name}' reads the findings of {listed(lens.needs)}, and "
                f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing; "
                "run them as well, or before into the same folder"
            )


def settings_of(lens: Lens) -> dict[str, Any]:
    """Return the fields of a lens as they read back from JSON."""
    return json.loads(json.dumps(dataclasses.asdict(lens), default=str, allow_nan=False))
