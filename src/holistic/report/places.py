"""Finds what a lens brings for reports, by its place: a module of a known name in its folder."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from holistic.lenses._contract import lens_class, lens_names

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
    if lens not in lens_names():
        return None
    home = lens_class(lens).__module__
    spec = importlib.util.find_spec(home)
    if spec is None or spec.submodule_search_locations is None:
        return None  # a lens of one file
    if importlib.util.find_spec(f"{home}.{module}") is None:
        return None
    found = importlib.import_module(f"{home}.{module}")
    return getattr(found, function) if function in found.__all__ else None
