"""Meanings that several columns of the lens `ablation` share."""

from __future__ import annotations

__all__ = ["CLASS", "ITS_ENDS", "RANDOM_SETS", "RANKING", "WILSON_ENDS"]

CLASS = "class of the examples; 'all' for every example"
RANKING = "what ranked the units, on the selection split"
RANDOM_SETS = "control (random sets of as many units)"
ITS_ENDS = {"lo": "lower end of its 95 % interval", "hi": "upper end of its 95 % interval"}
WILSON_ENDS = {name: f"{text} (Wilson)" for name, text in ITS_ENDS.items()}
