"""What can be said of units where replacing each on every example would take too long?"""

from holistic.replacing.gradient import first_order
from holistic.replacing.race import Estimate, Estimates, Quality, top_units
from holistic.replacing.sample import affordable_sweep

__all__ = ["Estimate", "Estimates", "Quality", "affordable_sweep", "first_order", "top_units"]
