"""Findings of the lens `attribution`: what each row, array and page of them says."""

from __future__ import annotations

from holistic.lenses.attribution.schemas._evidence import (
    EVIDENCE,
    RESPONSE,
    EvidenceRow,
    ResponseRow,
)
from holistic.lenses.attribution.schemas._labels import LABELS, LabelRow
from holistic.lenses.attribution.schemas._methods import (
    CONTRASTS,
    CONTROLS,
    METHODS,
    ContrastRow,
    MethodRow,
)
from holistic.lenses.attribution.schemas._regions import REGIONS, RegionRow
from holistic.lenses.attribution.schemas._shortcuts import SHORTCUTS, ShortcutRow
from holistic.lenses.attribution.schemas._strategies import STRATEGIES, StrategyRow
from holistic.lenses.attribution.schemas._trust import TRUST, TrustRow
from holistic.lenses.attribution.schemas._words import TOKENS, WORDS, TokenRow, WordRow

__all__ = [
    "CONTRASTS",
    "CONTROLS",
    "EVIDENCE",
    "LABELS",
    "METHODS",
    "REGIONS",
    "RESPONSE",
    "SHORTCUTS",
    "STRATEGIES",
    "TOKENS",
    "TRUST",
    "WORDS",
    "ContrastRow",
    "EvidenceRow",
    "LabelRow",
    "MethodRow",
    "RegionRow",
    "ResponseRow",
    "ShortcutRow",
    "StrategyRow",
    "TokenRow",
    "TrustRow",
    "WordRow",
]
