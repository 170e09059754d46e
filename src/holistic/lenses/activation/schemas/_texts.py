"""Meanings that several columns of the lens `activation` share."""

from __future__ import annotations

__all__ = ["LOGIT", "SITE", "UNIT", "WILSON"]

SITE = "name of the site"
UNIT = "unit of the site"
WILSON = {"lo": "lower bound, 95 % (Wilson)", "hi": "upper bound, 95 % (Wilson)"}
LOGIT = {"lo": "lower bound, 95 % (logit)", "hi": "upper bound, 95 % (logit)"}
