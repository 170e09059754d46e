"""Matches the units of every two audits, and asks whether partners do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from holistic.comparing._compared import Compared, Pair
from holistic.comparing._partners import Partners, partners
from holistic.comparing.schemas import MATCHING, UNITS, Matching, UnitMatch
from holistic.comparing.similarity import Alike
from holistic.report.saved import Audit
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import Control, band
from holistic.stats.intervals import midranks, wilson

__all__ = ["matching_and_units"]

_EFFECTS, _VERDICTS = "ablation.units", "agreement.units"
_DRAWS = 200
_TOP = 10
_FEWEST = 4
"""Partners that a rank correlation needs."""


@dataclass(frozen=True)
class _Roles:
    """What units of one site do: `effects` `[U, C]`, and `verdicts` `[U]` in words."""

    effects: np.ndarray
    whole: np.ndarray
    verdicts: list[str]


def matching_and_units(compared: Compared, alike: Alike, *, seed: int) -> tuple[Finding, Finding]:
    """Return `compare.matching` and `compare.units`.

    Parameters
    ----------
    compared
        The audits.
    alike
        By pair of audits and site of the first, the site of the second that is compared with it.
    seed
        Decides halves, shuffles and draws.
    """
    whole, single = list[Matching](), list[UnitMatch]()
    for pair in compared.pairs:
        ours, theirs = compared.hidden(pair.first), compared.hidden(pair.second)
        for place, site in enumerate(ours):
            other = alike.get((*pair.names, site), "")
            if not other:
                continue
            found = partners(*pair.values(place, theirs.index(other)), seed=seed)
            if found is not None:
                row, rows = _of_site(pair, (site, other), found, seed)
                whole.append(row)
                single += rows
    return (
        Finding(MATCHING, Table.from_rows(Matching, whole), caveats=_CAVEATS),
        Finding(UNITS, Table.from_rows(UnitMatch, single)),
    )


_CAVEATS = (
    "Partners are chosen on one half of the shared examples and measured on the other; a unit is "
    "its mean over positions.",
)


def _of_site(
    pair: Pair, sites: tuple[str, str], found: Partners, seed: int
) -> tuple[Matching, list[UnitMatch]]:
    ours, theirs = _roles(pair.first, sites[0]), _roles(pair.second, sites[1])
    sure = int(found.sure.sum())
    lo, hi = wilson(sure, len(found.units))
    rng = np.random.default_rng(seed)
    matched = Estimate(
        sure / len(found.units), float(lo), float(hi), len(found.units), found.chance
    )
    row = Matching(
        *pair.names,
        pair.places[0][sites[0]],
        pair.places[1][sites[1]],
        matched,
        float(np.median(found.r)),
        _effects(ours, theirs, found, rng) if ours and theirs else Estimate(None),
        _top(ours, theirs, found, rng) if ours and theirs else Estimate(None),
        _same_verdicts(ours, theirs, found, rng) if ours and theirs else Estimate(None),
    )
    return row, list(_rows(pair, sites, found, (ours, theirs)))


def _roles(audit: Audit, site: str) -> _Roles | None:
    """What an audit says of the units of a site; None without `ablation.units`."""
    if _EFFECTS not in audit:
        return None
    table = audit[_EFFECTS].where(site=site)
    classes = [str(name) for name in audit.provenance.get("classes", [])]
    units = int(table.column("unit").max(initial=-1)) + 1
    effects, whole = np.full((units, len(classes)), np.nan), np.full(units, np.nan)
    place = {name: i for i, name in enumerate(classes)}
    for unit, name, value in zip(
        table.cells("unit"), table.cells("class"), table.cells("effect"), strict=True
    ):
        if name in place:
            effects[unit, place[name]] = np.nan if value is None else value
        elif name == "all":
            whole[unit] = np.nan if value is None else value
    verdicts = [""] * units
    if _VERDICTS in audit:
        own = audit[_VERDICTS].where(site=site)
        for unit, verdict in zip(own.cells("unit"), own.cells("verdict"), strict=True):
            verdicts[unit] = verdict
    return _Roles(effects, whole, verdicts)


def _drawn(
    statistic: Callable[[np.ndarray], float], others: np.ndarray, rng: np.random.Generator
) -> tuple[float, Control]:
    """A statistic of partners, beside the same of partners at random."""
    value = statistic(others)
    draws = np.array([statistic(rng.permutation(others)) for _ in range(_DRAWS)])
    return value, Control.of(draws[np.isfinite(draws)], value)


def _effects(ours: _Roles, theirs: _Roles, found: Partners, rng: np.random.Generator) -> Estimate:
    """Rank correlation of partners' effects on each class."""
    mine, other = ours.effects[found.units], theirs.effects[found.others]
    kept = np.isfinite(mine).all(1) & np.isfinite(other).all(1)
    if kept.sum() < _FEWEST:
        return Estimate(None)
    # giving units other partners shuffles the ranks and leaves them as they are
    a, b = (midranks(x[kept].ravel()).reshape(x[kept].shape) for x in (mine, other))
    a, b = a - a.mean(), b - b.mean()
    count, scale = len(a), np.sqrt((a**2).sum() * (b**2).sum())
    if scale == 0:
        return Estimate(None)
    value = float((a * b).sum() / scale)
    draws = [float((a * rng.permutation(b)).sum() / scale) for _ in range(_DRAWS)]
    control = Control.of(draws, value)
    again = [_correlation(a[rows], b[rows]) for rows in rng.integers(0, count, (_DRAWS, count))]
    lo, hi = band(np.array(again))
    ends = float(lo), float(hi), None, None, float(control.lo), float(control.hi)
    return Estimate(value, *ends, float(control.p))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _top(ours: _Roles, theirs: _Roles, found: Partners, rng: np.random.Generator) -> Estimate:
    """How many of a class's most needed units have partners that are needed most."""
    k = min(_TOP, len(found.units) // 2)
    if k < 1:
        return Estimate(None)
    mine, other = _first(ours.effects[found.units], k), theirs.effects

    def overlap(others: np.ndarray) -> float:
        return float((mine & _first(other[others], k)).sum(0).mean() / k)

    value, control = _drawn(overlap, found.others, rng)
    return Estimate(
        value, None, None, None, float(control.mean), float(control.lo), float(control.hi),
        float(control.p),
    )  # fmt: skip


def _first(effects: np.ndarray, k: int) -> np.ndarray:
    """Which units are among the k whose removal costs each class most, `[M, C]`."""
    order = np.argsort(np.where(np.isnan(effects), np.inf, effects), axis=0, kind="stable")
    top = np.zeros(effects.shape, bool)
    np.put_along_axis(top, order[:k], values=True, axis=0)
    return top


def _same_verdicts(
    ours: _Roles, theirs: _Roles, found: Partners, rng: np.random.Generator
) -> Estimate:
    """Share of partners with one verdict."""
    mine = np.array(ours.verdicts)[found.units]
    other = np.array(theirs.verdicts)
    if not (mine.astype(bool).any() and other.astype(bool).any()):
        return Estimate(None)

    def same(others: np.ndarray) -> float:
        return float((mine == other[others]).mean())

    value, control = _drawn(same, found.others, rng)
    lo, hi = wilson(value * len(mine), len(mine))
    return Estimate(value, float(lo), float(hi), None, float(control.mean))


def _rows(
    pair: Pair,
    sites: tuple[str, str],
    found: Partners,
    roles: tuple[_Roles | None, _Roles | None],
) -> Iterator[UnitMatch]:
    lo, hi = found.interval()
    ours, theirs = roles
    for i, (unit, other) in enumerate(zip(found.units, found.others, strict=True)):
        verdicts = [own.verdicts[u] if own else "" for own, u in ((ours, unit), (theirs, other))]
        yield UnitMatch(
            *pair.names,
            pair.places[0][sites[0]],
            int(unit),
            pair.places[1][sites[1]],
            int(other),
            Estimate(
                float(found.r[i]), float(lo[i]), float(hi[i]), found.n, p=float(found.p[i]),
                q=float(found.q[i]),
            ),
            float(ours.whole[unit]) if ours else np.nan,
            float(theirs.whole[other]) if theirs else np.nan,
            verdicts[0],
            verdicts[1],
            verdicts[0] != verdicts[1] if all(verdicts) and found.sure[i] else None,
        )  # fmt: skip
