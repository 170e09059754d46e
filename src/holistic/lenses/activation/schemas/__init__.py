"""Findings of the lens `activation`: what each row, array and page of them says."""

from __future__ import annotations

from holistic.lenses.activation.schemas._attention import ATTENTION, ROLLOUT, HeadRow
from holistic.lenses.activation.schemas._concepts import CONCEPTS, ConceptRow
from holistic.lenses.activation.schemas._depth import DEPTH, DepthRow
from holistic.lenses.activation.schemas._examples import EXAMPLES, ExampleRow
from holistic.lenses.activation.schemas._maps import MAPS, MapRow
from holistic.lenses.activation.schemas._tuning import TUNING, TuningRow
from holistic.lenses.activation.schemas._units import UNITS, UnitRow
from holistic.lenses.activation.schemas._visualisations import VISUALISATIONS, Visualisation

__all__ = [
    "ATTENTION",
    "CONCEPTS",
    "DEPTH",
    "EXAMPLES",
    "MAPS",
    "ROLLOUT",
    "TUNING",
    "UNITS",
    "VISUALISATIONS",
    "ConceptRow",
    "DepthRow",
    "ExampleRow",
    "HeadRow",
    "MapRow",
    "TuningRow",
    "UnitRow",
    "Visualisation",
]
