"""Do units get more class-specific with depth, and more so than in untrained networks?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.findings import Finding
from holistic.stats.agreement import Spearman, spearman
from holistic.stats.intervals import bootstrap_interval
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.tables import Table, col

if TYPE_CHECKING:
    from holistic.lenses.activation.copies import Compared

__all__ = ["DepthRow", "depth_finding", "trend"]

_WORDS = {
    "auroc": "AUROC of the preferred class",
    "d_prime": "d' of the preferred class",
    "selectivity": "selectivity for the preferred class",
    "property": "correlation with the best image property",
}


@dataclass(frozen=True)
class DepthRow:
    """Row of the finding `activation.depth`."""

    measure: str = col(
        "auroc, d_prime or selectivity of the preferred class, or property: correlation with the "
        "image property that fits best; larger is more"
    )
    site: str = col("name of the site; 'all' for the trend over the sites")
    depth: int | None = col("rank of the site among all sites; missing for the trend")
    n: int = col("units that have the measure", unit="units")
    value: float | None = col(
        "median over the units; for the trend Spearman's r with depth",
        words="median over the units",
    )
    lo: float | None = col("lower bound, 95 %")
    hi: float | None = col("upper bound, 95 %")
    lower_quartile: float | None = col("first quartile over the units", words="first quartile")
    upper_quartile: float | None = col("third quartile over the units", words="third quartile")
    control: float | None = col(
        "median of the same number over untrained copies",
        of="value",
        words="control (untrained copies, median)",
    )
    control_lo: float | None = col("2.5 % point of the copies", words="95 % of them")
    control_hi: float | None = col("97.5 % point of the copies")
    p: float | None = col(
        "two-sided, of the number among those of the copies",
        of="value",
        words="p (untrained copies, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg, over the trends or over the rows of the sites",
        of="value",
        words="q over the rows",
    )


def depth_finding(compared: Compared, *, measures: tuple[str, ...], seed: int) -> Finding:
    """Build `activation.depth`."""
    rows, statements = list[dict[str, object]](), list[str]()
    for measure in measures:
        rows += [_site_row(compared, measure, site.name, seed) for site in compared.sites]
        found, row = _trend_row(compared, measure)
        rows.append(row)
        if not np.isnan(found.r):
            statements.append(_statement(measure, found, row, compared.copies))
    p = np.array([row["p"] for row in rows], np.float64)
    of_trend = np.array([row["site"] == "all" for row in rows])
    q = np.empty_like(p)
    for family in (of_trend, ~of_trend):
        q[family] = benjamini_hochberg(p[family])
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return Finding(
        "activation.depth",
        Table.build(DepthRow, {**columns, "q": q}),
        statements=tuple(statements),
        caveats=(
            f"The control is {compared.copies} copies with freshly drawn weights on the same "
            "examples: a trend that they show too comes with the architecture and isn't learned. "
            "Units of one site share what they read, so units aren't shuffled between sites.",
            "Measured on the examples of the setting `probes`, so medians differ a little from "
            "those of `activation.units`, which reads all; the bounds take units as independent "
            "draws, p doesn't.",
            "One trained model: how much another training run would differ isn't in the bounds.",
        ),
    )


def trend(by_site: list[np.ndarray]) -> Spearman:
    """Correlate a number of each unit `[U]` with the place of its site, in order of depth."""
    place = np.concatenate([np.full(len(v), float(i)) for i, v in enumerate(by_site)])
    return spearman(place, np.concatenate(by_site))


def _site_row(compared: Compared, measure: str, site: str, seed: int) -> dict[str, object]:
    values = compared.measures[site][measure]
    values = values[np.isfinite(values)]
    null = np.array([_middle(copy) for copy in compared.control(site, measure)])
    value = _middle(values)
    lo, hi = bootstrap_interval(values, np.median, seed=seed) if len(values) else (np.nan, np.nan)
    quartiles = np.quantile(values, [0.25, 0.75]) if len(values) else (np.nan, np.nan)
    depth = next(s.depth for s in compared.sites if s.name == site)
    return {
        "measure": measure, "site": site, "depth": depth, "n": len(values),
        "value": value, "lo": float(lo), "hi": float(hi),
        "lower_quartile": float(quartiles[0]), "upper_quartile": float(quartiles[1]),
        **_control(value, null),
    }  # fmt: skip


def _trend_row(compared: Compared, measure: str) -> tuple[Spearman, dict[str, object]]:
    names = [site.name for site in compared.sites]
    found = trend([compared.measures[name][measure] for name in names])
    null = np.array(
        [
            trend([compared.control(name, measure)[copy] for name in names]).r
            for copy in range(compared.copies)
        ]
    )
    return found, {
        "measure": measure, "site": "all", "depth": None, "n": found.n,
        "value": found.r, "lo": found.lo, "hi": found.hi,
        "lower_quartile": float("nan"), "upper_quartile": float("nan"),
        **_control(found.r, null),
    }  # fmt: skip


def _control(value: float, null: np.ndarray) -> dict[str, object]:
    finite = null[np.isfinite(null)]
    points = np.quantile(finite, [0.5, 0.025, 0.975]) if len(finite) else np.full(3, np.nan)
    names = ("control", "control_lo", "control_hi")
    p = permutation_p(value, finite, alternative="two-sided") if len(finite) else np.nan
    return {**dict(zip(names, map(float, points), strict=True)), "p": float(p)}


def _middle(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _statement(measure: str, found: Spearman, row: dict[str, object], copies: int) -> str:
    return (
        f"Over the {found.n} units that have one, the {_WORDS[measure]} has a rank correlation of "
        f"{found.r:+.2f} [{found.lo:+.2f}, {found.hi:+.2f}] with depth; in {copies} "
        f"untrained copies {row['control']:+.2f} (95 % of them in [{row['control_lo']:+.2f}, "
        f"{row['control_hi']:+.2f}]; p = {row['p']:.3f})."
    )
