"""Networks in which we decided what every unit does, with data on which it can be seen."""

from __future__ import annotations

from holistic.doctoring.zoo.carriers import CARRIERS
from holistic.doctoring.zoo.circuits import CIRCUITS
from holistic.doctoring.zoo.decoys import DECOYS
from holistic.doctoring.zoo.helpers import HELPERS
from holistic.doctoring.zoo.layouts import LAYOUTS
from holistic.doctoring.zoo.maps import MAPS
from holistic.doctoring.zoo.pairs import PAIRS
from holistic.doctoring.zoo.planting import Truth

__all__ = ["TRUTHS"]

TRUTHS: tuple[Truth, ...] = (
    *CARRIERS, *DECOYS, *HELPERS, *PAIRS, *LAYOUTS, *CIRCUITS, *MAPS,
)  # fmt: skip
"""Every planted truth."""
