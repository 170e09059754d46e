"""Finds what a lens brings for reports, by its place: a module of a known name in its folder."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from holistic.errors import notice
from holistic.lenses._places import finding_places, lens_part
from holistic.usercode import FAULTS, reason_of

__all__ = ["brought"]


def brought(lens: str, module: str, function: str) -> Callable[..., Any] | None:
    """Return a function that a lens brings; None where it brings none.

    Only what the module's `__all__` lists is one: names come from audits, and these from anywhere.

    Parameters
    ----------
    lens
        Name of the lens.
    module
        Name of the module within the lens's folder.
    function
        Name of the function.
    """
    if not (home := lens_part(lens, module)):
        return None
    try:
        found = importlib.import_module(home)
    except FAULTS as fault:
        if not finding_places()[lens].package:
            raise
        notice(f"'{home}' can't be loaded: {reason_of(fault)}")
        return None
    return getattr(found, function) if function in getattr(found, "__all__", ()) else None
