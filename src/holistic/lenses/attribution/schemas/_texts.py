"""Meanings that several columns of the lens `attribution` share."""

from __future__ import annotations

__all__ = ["CONTROL", "CONTROL_CALLED"]

CONTROL = {
    "control": "the same in a randomly initialised network, on its own scale",
    "control_lo": "lower end of the control's 95 % interval over examples",
    "control_hi": "upper end of the control's 95 % interval over examples",
}
CONTROL_CALLED = {
    "control": "control (randomly initialised)",
    "control_lo": "95 % interval",
}
