"""Follows how class-specific units are over depth: `activation.depth`.

Randomly initialised controls are measured alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses._briefs import too_few, untold
from holistic.lenses._parts import known, significant
from holistic.lenses.activation import schemas
from holistic.lenses.activation.schemas import DepthRow
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.agreement import Spearman, spearman
from holistic.stats.control import middle
from holistic.stats.families import familywise
from holistic.stats.intervals import bootstrap_interval
from holistic.stats.tests import p_of_count
from holistic.words import number

if TYPE_CHECKING:
    from holistic.lenses.activation._untrained import Compared

__all__ = ["depth_finding", "over_images", "trend"]

_WORDS = {
    "auroc": "AUROC of the preferred class",
    "d_prime": "d' of the preferred class",
    "selectivity": "selectivity for the preferred class",
    "property": "correlation with the best image property",
    "tuning grating": "sharpness of tuning to gratings",
}


def depth_finding(compared: Compared, *, measures: tuple[str, ...], seed: int) -> Finding:
    """Build `activation.depth`."""
    rows, nulls = list[DepthRow](), list[np.ndarray]()
    for measure in measures:
        for site in compared.sites:
            rows.append(_site_row(compared, measure, site.name, seed))
            nulls.append(np.array([_middle(c) for c in compared.control(site.name, measure)]))
        rows.append(_trend_row(compared, measure))
        nulls.append(_trend_null(compared, measure))
    rows = _with_controls(rows, np.stack(nulls, 1))
    return Finding(
        schemas.DEPTH,
        Table.from_rows(DepthRow, rows),
        statements=tuple(
            _statement(row, compared.copies)
            for row in rows
            if row.site == "all" and not np.isnan(known(row.value.value))
        ),
        caveats=(
            f"The control is {compared.copies} copies with freshly drawn weights on the same "
            "examples: a trend that they show too comes with the architecture and isn't learned. "
            "Units of one site share what they read, so units aren't shuffled between sites.",
            "Measured on the examples of the setting `probes`, so medians differ a little from "
            "those of `activation.units`, which reads all. Tuning is measured on drawn stimuli: "
            "its intervals are over units.",
            "One trained model: how much another training run would differ isn't in the bounds.",
            *_floor(compared.copies),
        ),
    )


def _floor(copies: int) -> tuple[str, ...]:
    if not too_few(copies):
        return ()
    least = float(p_of_count(0, copies))
    return (f"With {copies} controls no q can be below {least:.2g}: take more `controls`.",)


def trend(by_site: list[np.ndarray]) -> Spearman:
    """Correlate a number of each unit `[U]` with the place of its site, in order of depth."""
    place = np.concatenate([np.full(len(v), float(i)) for i, v in enumerate(by_site)])
    return spearman(place, np.concatenate(by_site))


def _with_controls(rows: Sequence[DepthRow], null: np.ndarray) -> list[DepthRow]:
    """Add the controls and tests of rows by what the controls have, `[copies, rows]`."""
    p, q = familywise(np.array([known(row.value.value) for row in rows], np.float64), null)
    found = list[DepthRow]()
    for row, copies, *tests in zip(rows, null.T, p.tolist(), q.tolist(), strict=True):
        control, lo, hi = _points(copies).tolist()
        more = {"control": control, "control_lo": lo, "control_hi": hi}
        value = replace(row.value, **more, p=tests[0], q=tests[1])
        found.append(replace(row, value=value))
    return found


def _site_row(compared: Compared, measure: str, site: str, seed: int) -> DepthRow:
    values = compared.measures[site][measure]
    values = values[np.isfinite(values)]
    value, again = _middle(values), compared.redrawn[site].get(measure)
    if again is None and len(values):
        lo, hi = map(float, bootstrap_interval(values, np.median, seed=seed))
    else:
        lo, hi = over_images(value, [] if again is None else [_middle(draw) for draw in again])
    quartiles = np.quantile(values, [0.25, 0.75]) if len(values) else (np.nan, np.nan)
    return DepthRow(
        measure=measure,
        site=site,
        depth=next(s.depth for s in compared.sites if s.name == site),
        n=len(values),
        value=Estimate(value, lo, hi),
        interval_over="units" if again is None else "images",
        lower_quartile=float(quartiles[0]),
        upper_quartile=float(quartiles[1]),
    )


def _trend_row(compared: Compared, measure: str) -> DepthRow:
    names = [site.name for site in compared.sites]
    found = trend([compared.measures[name][measure] for name in names])
    lo, hi, over = found.lo, found.hi, "units"
    again = [compared.redrawn[name].get(measure) for name in names]
    drawn = [draws for draws in again if draws is not None]
    if len(drawn) == len(names):
        trends = [trend([draws[d] for draws in drawn]).r for d in range(len(drawn[0]))]
        lo, hi = (float(np.clip(end, -1, 1)) for end in over_images(found.r, trends))
        over = "images"
    value = Estimate(found.r, lo, hi)
    return DepthRow(measure, "all", None, found.n, value, over, None, None)


def _trend_null(compared: Compared, measure: str) -> np.ndarray:
    """Trends of the controls, `[copies]`."""
    controls = [compared.control(site.name, measure) for site in compared.sites]
    return np.array([trend([c[copy] for c in controls]).r for copy in range(compared.copies)])


def over_images(value: float, drawn: Sequence[float]) -> tuple[float, float]:
    """Bound a number by the spread of its values on images drawn again; none without any spread.

    References
    ----------
    Efron & Tibshirani 1993, sect. 12.3 (bootstrap standard errors with Student's t).
    """
    from scipy.special import stdtrit

    count = len(drawn)
    if count < 2 or not np.isfinite(drawn).all():
        return float("nan"), float("nan")
    half = float(stdtrit(count - 1, 0.975) * np.std(drawn, ddof=1))
    # the same in every draw, but for rounding
    return (value - half, value + half) if half > 1e-9 else (float("nan"), float("nan"))


def _points(null: np.ndarray) -> np.ndarray:
    """Median of the controls and what 95 % of them lie between, `[3]`."""
    return middle(null[np.isfinite(null)])


def _middle(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _statement(row: DepthRow, copies: int) -> str:
    of = row.value
    low, high, control, least, most = (
        number(part, "+.2f") for part in (of.lo, of.hi, of.control, of.control_lo, of.control_hi)
    )
    limit = ""
    if too_few(copies) and not significant(of):
        limit = " " + untold(copies, "training does that")
    return (
        f"Over the {row.n} units that have one, the {_WORDS[row.measure]} has a rank "
        f"correlation of {of.value:+.2f} [{low}, {high}] with depth (interval over "
        f"{row.interval_over}); in {copies} randomly initialised controls {control} "
        f"(95 % of them in [{least}, {most}]; q = {number(of.q, '.2g')}).{limit}"
    )
