"""What neurons respond to, layer by layer: edges and curves in the first, digits in the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses.activation import Activation
from holistic.lenses.activation._stimuli import CURVE, KINDS
from holistic.lenses.activation._untrained import Compared, compare
from holistic.progress import silent
from holistic.reproducing.measured import Measured, against
from holistic.study.subject import Subject

__all__ = ["layers"]

_SETTINGS = Activation(controls=39, probes=500)
_TUNING = "tuning "


def layers(subjects: Sequence[Subject]) -> list[Measured]:
    """Measure tuning to edges and curves and specificity for digits over the layers of networks.

    A neuron's tuning to edges is the largest of those to gratings, bars and edges, that to curves
    is how much it prefers arcs that bulge one way; of a layer it is the median. Beside each number
    stands that of networks with newly drawn weights.

    Parameters
    ----------
    subjects
        The networks: without the first of them there is nothing to a line.
    """
    found = list[Measured]()
    for place, subject in enumerate(subjects):
        compared = compare(subject, _SETTINGS, silent, (*KINDS, CURVE))
        found += _edges(compared, subject.name, first=place == 0)
        found += _curves(compared, subject.name)
        found += _digits(compared, subject.name, first=place == 0)
    return found


def _edges(compared: Compared, name: str, *, first: bool) -> Iterator[Measured]:
    begin, end = (_tuning(compared, compared.sites[place].name, KINDS) for place in (0, -1))
    n, nan = len(compared.concepts.present), float("nan")
    yield against(
        ("edges", "", f"first layer of {name}"),
        (begin[0], nan, n),
        begin[1],
        role="main" if first else "also",
    )
    yield against(
        ("edges", "", f"first layer of {name} over its last"),
        (begin[0] - end[0], nan, n),
        begin[1] - end[1],
        role="also",
    )


def _curves(compared: Compared, name: str) -> Iterator[Measured]:
    value, control = _tuning(compared, compared.sites[0].name, (CURVE,))
    measured = value, float("nan"), len(compared.concepts.present)
    yield against(("edges", "", f"first layer of {name}, curves"), measured, control, role="also")


def _tuning(compared: Compared, site: str, of: Sequence[str]) -> tuple[float, np.ndarray]:
    """Median tuning of a layer to kinds of stimuli, and that of each control `[copies]`."""
    kinds = [_TUNING + kind for kind in of if _TUNING + kind in compared.measures[site]]
    if not kinds:
        return float("nan"), np.empty(0)
    own = np.stack([compared.measures[site][kind] for kind in kinds])
    others = np.stack([compared.control(site, kind) for kind in kinds])
    return float(_middle(_largest(own))), _middle(_largest(others))


def _largest(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -np.inf, values).max(0)


def _middle(values: np.ndarray) -> np.ndarray:
    """Medians of the last axis, over what has a number."""
    return np.nanmedian(np.where(np.isfinite(values), values, np.nan), axis=-1)


def _digits(compared: Compared, name: str, *, first: bool) -> Iterator[Measured]:
    ends = [compared.sites[place].name for place in (0, -1)]
    for measure, called in (("auroc", "AUROC"), ("selectivity", "selectivity")):
        begin, end = (_middle(compared.measures[site][measure]) for site in ends)
        before, after = (_middle(compared.redrawn[site][measure]) for site in ends)
        control = [_middle(compared.control(site, measure)) for site in ends]
        measured = float(end - begin), float((after - before).std(ddof=1))
        yield against(
            ("digits", "", f"{called} of {name}"),
            (*measured, len(compared.concepts.present)),
            control[1] - control[0],
            role="main" if first and measure == "auroc" else "also",
        )
