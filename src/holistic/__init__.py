"""One command studies a trained PyTorch classifier through five lenses and asks if they agree."""

from __future__ import annotations

import random
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Audit": "report.saved",
    "Constant": "graph.edits",
    "Custom": "graph.edits",
    "Edit": "graph.editing",
    "Erase": "graph.edits",
    "Finding": "results.findings",
    "HolisticError": "errors",
    "Mean": "graph.edits",
    "Optimal": "graph.edits",
    "Patch": "graph.edits",
    "Resample": "graph.edits",
    "Site": "graph.sites",
    "Steer": "graph.edits",
    "Subject": "study.subject",
    "Table": "results.tables",
    "Zero": "graph.edits",
    "attribute": "attributing",
    "audit": "audits",
    "baseline_dependence": "attributing",
    "check": "checking",
    "compare": "comparing",
    "doctor": "doctoring",
    "load": "report.saved",
    "merge": "merging",
    "region": "attributing.region",
    "removable": "replacing.removal",
    "repair": "repairing",
    "reproduce": "reproducing",
    "serve": "workbench.serving",
    "sweep": "replacing.sweep",
    "test": "replacing.asked",
    "top_units": "replacing",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from holistic.attributing import attribute as attribute
    from holistic.attributing import baseline_dependence as baseline_dependence
    from holistic.attributing.region import region as region
    from holistic.audits import audit as audit
    from holistic.checking import check as check
    from holistic.comparing import compare as compare
    from holistic.doctoring import doctor as doctor
    from holistic.errors import HolisticError as HolisticError
    from holistic.graph.editing import Edit as Edit
    from holistic.graph.edits import Constant as Constant
    from holistic.graph.edits import Custom as Custom
    from holistic.graph.edits import Erase as Erase
    from holistic.graph.edits import Mean as Mean
    from holistic.graph.edits import Optimal as Optimal
    from holistic.graph.edits import Patch as Patch
    from holistic.graph.edits import Resample as Resample
    from holistic.graph.edits import Steer as Steer
    from holistic.graph.edits import Zero as Zero
    from holistic.graph.sites import Site as Site
    from holistic.merging import merge as merge
    from holistic.repairing import repair as repair
    from holistic.replacing import top_units as top_units
    from holistic.replacing.asked import test as test
    from holistic.replacing.removal import removable as removable
    from holistic.replacing.sweep import sweep as sweep
    from holistic.report.saved import Audit as Audit
    from holistic.report.saved import load as load
    from holistic.reproducing import reproduce as reproduce
    from holistic.results.findings import Finding as Finding
    from holistic.results.tables import Table as Table
    from holistic.study.subject import Subject as Subject
    from holistic.workbench.serving import serve as serve


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holistic' has no attribute '{name}'")
    state = random.getstate()  # libraries draw from it while they are imported
    value = getattr(import_module(f"holistic.{_HOMES[name]}"), name)
    random.setstate(state)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
