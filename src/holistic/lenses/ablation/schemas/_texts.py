"""Meanings that several columns of the lens `ablation` share."""

from __future__ import annotations

from holistic.results.columns import ends

__all__ = ["CLASS", "RANDOM_SETS", "RANKING", "WILSON_ENDS"]

CLASS = "class of the examples; 'all' for every example"
RANKING = "what ranked the units, on the selection split"
RANDOM_SETS = "control (random sets of as many units)"
WILSON_ENDS = ends(" (Wilson)")
