"""Findings of the lens `agreement`: what each row, array and page of them says."""

from __future__ import annotations

from holistic.lenses.agreement.schemas._lenses import LENSES, PAIRS, LensPair, OverClasses
from holistic.lenses.agreement.schemas._misled import MISLED, Misled
from holistic.lenses.agreement.schemas._removed import REMOVED, RemovedTogether
from holistic.lenses.agreement.schemas._units import PLAYS, UNITS, VERDICTS, UnitVerdict

__all__ = [
    "LENSES",
    "MISLED",
    "PAIRS",
    "PLAYS",
    "REMOVED",
    "UNITS",
    "VERDICTS",
    "LensPair",
    "Misled",
    "OverClasses",
    "RemovedTogether",
    "UnitVerdict",
]
