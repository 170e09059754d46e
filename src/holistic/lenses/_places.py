"""Finds where lenses lie: holistic's own by their file, others by an entry point; imports none."""

from __future__ import annotations

import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

import holistic

__all__ = ["GROUP", "Place", "finding_places", "lens_part", "lens_places", "taken_names"]

GROUP = "holistic.lenses"
"""Group of entry points under which a package names its lenses."""


@dataclass(frozen=True)
class Place:
    """Where a lens is defined.

    Attributes
    ----------
    module
        Name of the module.
    attribute
        Name of the class in it; empty to take the lens that has the name looked for.
    package
        Installed package that brings it; empty for holistic's own.
    """

    module: str
    attribute: str = ""
    package: str = ""

    @property
    def whose(self) -> str:
        """What an error adds to the lens's name."""
        return f" of package '{self.package}'" if self.package else ""


_ROOMS = {
    "compare": Place("holistic.comparing"),
    "doctor": Place("holistic.doctoring"),
    "reproduce": Place("holistic.reproducing"),
}
"""What makes findings without being a lens: they are of several audits, or of none."""


@cache
def lens_places() -> dict[str, Place]:
    """Place of every lens by its name: holistic's own first, then those of packages, by name."""
    own = sorted(
        m.name
        for m in pkgutil.iter_modules([f"{p}/lenses" for p in holistic.__path__])
        if not m.name.startswith("_")
    )
    places = {name: Place(f"holistic.lenses.{name}") for name in own}
    for name, place in _entries():
        if name not in _ROOMS:
            places.setdefault(name, place)
    return places


def finding_places() -> dict[str, Place]:
    """Place of all that makes findings: of the lenses, and of what studies several audits."""
    return {**_ROOMS, **lens_places()}


def taken_names() -> dict[str, Place]:
    """Lenses of packages whose name belongs to another lens, by what an error calls them."""
    places = finding_places()
    lost = [(name, place) for name, place in _entries() if places[name] != place]
    return {f"lens '{name}'{place.whose}": places[name] for name, place in lost}


def _entries() -> list[tuple[str, Place]]:
    found = {
        (
            entry.name,
            Place(*entry.value.replace(" ", "").partition(":")[::2], package=_whose(entry)),
        )
        for entry in entry_points(group=GROUP)
    }
    return sorted(found, key=lambda one: (one[0], one[1].package))


def _whose(entry: object) -> str:
    distribution = getattr(entry, "dist", None)
    return str(distribution.name) if distribution else "unknown"


def lens_part(lens: str, part: str) -> str:
    """Name of the module of a lens's `schemas` or `figures`; empty where there is none.

    It is looked for in the lens's own folder, and next to its file in a package of somebody else.

    Parameters
    ----------
    lens
        Name of the lens.
    part
        Name of the module within the folder.
    """
    if (place := finding_places().get(lens)) is None:
        return ""
    homes = [place.module]
    if place.package:
        homes.append(place.module.rpartition(".")[0])
    for home in filter(None, homes):
        spec = importlib.util.find_spec(home)
        is_folder = spec is not None and spec.submodule_search_locations is not None
        if is_folder and importlib.util.find_spec(f"{home}.{part}"):
            return f"{home}.{part}"
    return ""
