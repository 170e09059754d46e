"""Gathers the small tables that lenses want a reader to see first."""

from __future__ import annotations

from holistic.lenses._places import lens_places
from holistic.report.damage import showing
from holistic.report.places import brought
from holistic.results.folder import Folder
from holistic.results.highlights import Highlight

__all__ = ["highlights"]


def highlights(audit: Folder) -> list[Highlight]:
    """Return the highlights of all lenses, the most important last, where a terminal ends.

    They have no rows where the audit lacks what they are made of.

    Raises
    ------
    AuditError
        If the audit holds what they can't be made of.
    """
    found = list[Highlight]()
    for lens in lens_places():
        if make := brought(lens, "highlights", "highlights"):
            with showing(audit):
                found += make(audit)
    return found
