"""Findings of the lens `mechanism`: what each row, array and page of them says."""

from __future__ import annotations

from holistic.lenses.mechanism.schemas._clusters import CLUSTERS, ClusteredUnit
from holistic.lenses.mechanism.schemas._edges import EDGES, UnitEdge
from holistic.lenses.mechanism.schemas._flow import FLOW, SiteFlow
from holistic.lenses.mechanism.schemas._pairs import LISTED, NOT_ALL, PAIRS, UnitPair
from holistic.lenses.mechanism.schemas._paths import PATHS, ImageSite

__all__ = [
    "CLUSTERS",
    "EDGES",
    "FLOW",
    "LISTED",
    "NOT_ALL",
    "PAIRS",
    "PATHS",
    "ClusteredUnit",
    "ImageSite",
    "SiteFlow",
    "UnitEdge",
    "UnitPair",
]
