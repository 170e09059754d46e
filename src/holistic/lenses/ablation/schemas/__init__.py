"""Findings of the lens `ablation`: what each row, array and page of them says."""

from __future__ import annotations

from holistic.lenses.ablation.schemas._classes import (
    CONFUSION,
    OFF_TARGET,
    TOPK,
    Confusion,
    OffTarget,
    TopK,
)
from holistic.lenses.ablation.schemas._curves import AREAS, CURVES, CurveArea, CurvePoint
from holistic.lenses.ablation.schemas._pairs import (
    BACKUP,
    DIRECT,
    INTERACTIONS,
    Backup,
    Direct,
    Interaction,
)
from holistic.lenses.ablation.schemas._units import (
    IMAGES,
    REPLACEMENTS,
    SCORES,
    SHAPLEY,
    UNITS,
    Agreement,
    ImageUnit,
    RemovedUnit,
    ScoreEffect,
    ShapleyValue,
)

__all__ = [
    "AREAS",
    "BACKUP",
    "CONFUSION",
    "CURVES",
    "DIRECT",
    "IMAGES",
    "INTERACTIONS",
    "OFF_TARGET",
    "REPLACEMENTS",
    "SCORES",
    "SHAPLEY",
    "TOPK",
    "UNITS",
    "Agreement",
    "Backup",
    "Confusion",
    "CurveArea",
    "CurvePoint",
    "Direct",
    "ImageUnit",
    "Interaction",
    "OffTarget",
    "RemovedUnit",
    "ScoreEffect",
    "ShapleyValue",
    "TopK",
]
