"""Meanings that several columns of the lens `mechanism` share."""

from __future__ import annotations

__all__ = ["QUANTILE"]

QUANTILE = "97.5 % quantile of the same"
