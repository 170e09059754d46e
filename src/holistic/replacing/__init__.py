"""Measures or estimates what replacing every unit does to every class."""

from holistic.replacing.estimates import Estimates, Quality, RacedUnit
from holistic.replacing.gradient import first_order
from holistic.replacing.race import top_units
from holistic.replacing.sample import affordable_sweep

__all__ = ["Estimates", "Quality", "RacedUnit", "affordable_sweep", "first_order", "top_units"]
