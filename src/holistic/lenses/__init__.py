"""The questions that can be asked of a subject, and what a lens of one's own is written with."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Array": "results.schema",
    "Context": "lenses._contract",
    "Estimate": "results.columns",
    "Finding": "results.findings",
    "Lens": "lenses._contract",
    "Schema": "results.schema",
    "Table": "results.tables",
    "bound": "results.columns",
    "col": "results.columns",
    "estimate": "results.columns",
    "key": "results.columns",
    "lens_class": "lenses._contract",
    "lens_names": "lenses._contract",
    "setting": "lenses._contract",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from holistic.lenses._contract import Context as Context
    from holistic.lenses._contract import Lens as Lens
    from holistic.lenses._contract import lens_class as lens_class
    from holistic.lenses._contract import lens_names as lens_names
    from holistic.lenses._contract import setting as setting
    from holistic.results.columns import Estimate as Estimate
    from holistic.results.columns import bound as bound
    from holistic.results.columns import col as col
    from holistic.results.columns import estimate as estimate
    from holistic.results.columns import key as key
    from holistic.results.findings import Finding as Finding
    from holistic.results.schema import Array as Array
    from holistic.results.schema import Schema as Schema
    from holistic.results.tables import Table as Table


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holistic.lenses' has no attribute '{name}'")
    value = getattr(import_module(f"holistic.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
