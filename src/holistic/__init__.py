"""One command studies a trained PyTorch classifier through five lenses and asks if they agree."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Audit": "findings",
    "Constant": "edits",
    "Erase": "edits",
    "Finding": "findings",
    "HolisticError": "errors",
    "Mean": "edits",
    "Optimal": "edits",
    "Patch": "edits",
    "Resample": "edits",
    "Site": "sites",
    "Steer": "edits",
    "Subject": "subject",
    "Table": "tables",
    "Zero": "edits",
    "audit": "audits",
    "load": "findings",
    "serve": "workbench.serving",
    "sweep": "sweeps",
    "top_units": "estimates",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from holistic.audits import audit as audit
    from holistic.edits import Constant as Constant
    from holistic.edits import Erase as Erase
    from holistic.edits import Mean as Mean
    from holistic.edits import Optimal as Optimal
    from holistic.edits import Patch as Patch
    from holistic.edits import Resample as Resample
    from holistic.edits import Steer as Steer
    from holistic.edits import Zero as Zero
    from holistic.errors import HolisticError as HolisticError
    from holistic.estimates import top_units as top_units
    from holistic.findings import Audit as Audit
    from holistic.findings import Finding as Finding
    from holistic.findings import load as load
    from holistic.sites import Site as Site
    from holistic.subject import Subject as Subject
    from holistic.sweeps import sweep as sweep
    from holistic.tables import Table as Table
    from holistic.workbench.serving import serve as serve


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holistic' has no attribute '{name}'")
    value = getattr(import_module(f"holistic.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
