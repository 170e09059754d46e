"""Fits what was measured of maps to how true they are, and judges it on families left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from benchmarks.trust.measured import Measured
from holistic.lenses.attribution._trust_calibration import Calibration, parted

__all__ = ["Verdict", "as_json", "fitted", "verdict", "verdict_apart"]

_TRUE = 0.5
_STRENGTH = 300.0
_DRAWS = 40
_FIRST = 0


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a network and a method, with what was measured and what is true."""

    names: tuple[str, ...]
    values: np.ndarray  # [N, 2F]
    precision: np.ndarray  # [N]
    family: np.ndarray  # [N]
    case: np.ndarray  # [N]

    def at(self, kept: np.ndarray) -> _Pairs:
        return _Pairs(
            self.names,
            self.values[kept],
            self.precision[kept],
            self.family[kept],
            self.case[kept],
        )


@dataclass(frozen=True)
class Verdict:
    """How well probabilities foresee which maps are true, on families left out of the fit.

    Attributes
    ----------
    auroc
        Chance that a true map has a higher probability than another.
    ratio
        Mean precision of the recommended methods over that of each network's best.
    error
        Mean gap of probability and share of true maps, over ten equal parts (expected calibration
        error).
    reliability
        For each of five parts: mean probability, share of true maps, and how many.
    pairs, cases, families
        How many.
    fixed
        By method: what always choosing it would get, as `ratio`.
    """

    auroc: float
    ratio: float
    error: float
    reliability: list[tuple[float, float, int]]
    pairs: int
    cases: int
    families: int
    fixed: dict[str, float]


def _pairs(all_measured: Sequence[Measured]) -> _Pairs:
    counts = [len(m.methods) for m in all_measured]
    return _Pairs(
        all_measured[0].names,
        np.concatenate(
            [parted(m.values.mean(1), np.ones(len(m.methods), bool)) for m in all_measured]
        ),
        np.concatenate([m.precision for m in all_measured]),
        np.repeat([m.case.ask.family for m in all_measured], counts),
        np.repeat(np.arange(len(all_measured)), counts),
    )


def fitted(all_measured: Sequence[Measured]) -> Calibration:
    """Calibrate on networks, with as many draws of families as intervals need."""
    return _fitted(_pairs(all_measured), _DRAWS)


def _fitted(pairs: _Pairs, draws: int) -> Calibration:
    centre, scale = pairs.values.mean(0), pairs.values.std(0) + 1e-6
    plain = Calibration(pairs.names, centre, scale, *(np.zeros(0) for _ in range(4)))
    x = plain.scaled(pairs.values)
    foreseen, families = np.zeros(len(x)), np.unique(pairs.family)
    for family in families:
        out = pairs.family == family
        foreseen[out] = _ridge(x[~out], pairs.precision[~out]).predict(x[out])
    rng, found = np.random.default_rng(_FIRST), list[tuple[Any, ...]]()
    for draw in range(draws + 1):
        taken = rng.multinomial(len(families), np.full(len(families), 1 / len(families)))
        weight = taken[np.searchsorted(families, pairs.family)] if draw else np.ones(len(x))
        line = _ridge(x, pairs.precision, weight)
        odds = LogisticRegression(C=10.0).fit(
            foreseen[:, None], pairs.precision >= _TRUE, sample_weight=weight
        )
        found.append((line.coef_, line.intercept_, odds.coef_[0, 0], odds.intercept_[0]))
    weights, offsets, slopes, starts = (np.array(part) for part in zip(*found, strict=True))
    return Calibration(pairs.names, centre, scale, weights, offsets, slopes, starts)


def _ridge(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Ridge:
    return Ridge(_STRENGTH).fit(x, y, sample_weight=weight)


def verdict(all_measured: Sequence[Measured]) -> Verdict:
    """Judge the calibration on each family in turn, fitted to all others."""
    pairs = _pairs(all_measured)
    chance = np.zeros(len(pairs.values))
    for family in np.unique(pairs.family):
        out = pairs.family == family
        chance[out] = _foreseen(_fitted(pairs.at(~out), 0), pairs.values[out])
    return _judged(pairs, chance, np.concatenate([m.methods for m in all_measured]))


def verdict_apart(known: Calibration, all_measured: Sequence[Measured]) -> Verdict:
    """Judge a calibration on families that it wasn't made with."""
    pairs = _pairs(all_measured)
    methods = np.concatenate([m.methods for m in all_measured])
    return _judged(pairs, _foreseen(known, pairs.values), methods)


def _foreseen(known: Calibration, parts: np.ndarray) -> np.ndarray:
    first = np.array([0])
    return known.chances(known.precisions(known.scaled(parts)[None], first), first)[0]


def _judged(pairs: _Pairs, chance: np.ndarray, methods: np.ndarray) -> Verdict:
    true, parts = pairs.precision >= _TRUE, np.array_split(np.argsort(chance), 5)
    return Verdict(
        float(roc_auc_score(true, chance)),
        _ratio(pairs, chance),
        _error(chance, true),
        [(float(chance[p].mean()), float(true[p].mean()), len(p)) for p in parts],
        len(true),
        len(np.unique(pairs.case)),
        len(np.unique(pairs.family)),
        {str(m): _ratio(pairs, (methods == m).astype(float)) for m in np.unique(methods)},
    )


def _ratio(pairs: _Pairs, score: np.ndarray) -> float:
    """Precision of each network's highest score, over that of its best method, in sum."""
    got, best = 0.0, 0.0
    for case in np.unique(pairs.case):
        own = pairs.case == case
        got += pairs.precision[own][np.argmax(score[own])]
        best += pairs.precision[own].max()
    return got / best


def _error(chance: np.ndarray, true: np.ndarray) -> float:
    parts = np.array_split(np.argsort(chance), 10)
    gaps = [abs(chance[p].mean() - true[p].mean()) * len(p) for p in parts]
    return float(np.sum(gaps) / len(true))


def as_json(known: Calibration) -> dict[str, Any]:
    """What the package's file holds, with four digits."""
    arrays = ("centre", "scale", "weights", "offsets", "slopes", "starts")
    rounded = {name: _rounded(getattr(known, name)) for name in arrays}
    return {"made_by": "python -m benchmarks.trust --write", "names": known.names, **rounded}


def _rounded(values: np.ndarray) -> Any:
    return [float(f"{v:.4g}") if np.ndim(v) == 0 else _rounded(v) for v in values]
