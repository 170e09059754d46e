"""Which few numbers of an audit does a reader want first?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holistic.findings import Audit
from holistic.stats.tests import benjamini_hochberg
from holistic.tables import Table

__all__ = ["Needed", "Removed", "least_p", "needed_units", "removed_from", "removed_sets"]

HEADLINE_RANKING = "effect"
HEADLINE_SIZE = 10


@dataclass(frozen=True)
class Needed:
    """The unit that a class needs most, as the selection split says, on the evaluation split.

    Beside it the median unit of the same site.
    """

    class_: str
    site: str
    unit: int
    effect: float
    lo: float
    hi: float
    n: int
    median: float


@dataclass(frozen=True)
class Removed:
    """A class without its own top units, beside random sets of as many.

    `lo` and `hi` bound the drop (before minus after), `random_lo` and `random_hi` hold 95 % of the
    random sets; `q` is Benjamini-Hochberg's over the classes of the site.
    """

    class_: str
    site: str
    k: int
    ranking: str
    before: float
    after: float
    drop: float
    lo: float
    hi: float
    n: int
    random_after: float
    random_lo: float
    random_hi: float
    p: float
    q: float


def needed_units(audit: Audit) -> list[Needed]:
    """One row per class, in the order of the classes; none where nothing says what chose them."""
    if "ablation.units" not in audit:
        return []
    table = audit["ablation.units"]
    if "rank" not in table.names:
        return []
    return [_needed(table, name) for name in audit.provenance.get("classes", [])]


def _needed(table: Table, name: str) -> Needed:
    rows = table.where(class_=name)
    row = next(rows.sort("rank").head(1).rows(), None)
    if row is None or row["rank"] is None or row["effect"] is None:
        gap = float("nan")
        return Needed(name, "–", 0, effect=gap, lo=gap, hi=gap, n=0, median=gap)
    return Needed(
        name,
        row["site"],
        row["unit"],
        effect=row["effect"],
        lo=row["lo"],
        hi=row["hi"],
        n=row["n"],
        median=float(np.nanmedian(rows.where(site=row["site"]).column("effect"))),
    )


def removed_sets(audit: Audit, *, every_site: bool = False) -> list[Removed]:
    """One row per class for the site that `removed_from` names, or for all sites."""
    if "ablation.topk" not in audit:
        return []
    table = audit["ablation.topk"].where(ranking=HEADLINE_RANKING)
    named = removed_from(audit)[0]
    sites = dict.fromkeys(table.column("site").tolist()) if every_site else [named]
    held = list(audit["sites"].rows()) if "sites" in audit else []
    half = {row["site"]: row["units"] // 2 for row in held}
    return [
        row
        for site in sites
        for row in _removed(table.where(site=site), half.get(site, HEADLINE_SIZE))
    ]


def removed_from(audit: Audit) -> tuple[str, str]:
    """Name the site whose sets are shown first, and say why: the selection split decides."""
    sites = list(dict.fromkeys(audit["ablation.topk"].column("site").tolist()))
    if "ablation.units" not in audit or "rank" not in audit["ablation.units"].names:
        site = (sites[1:2] or sites or [""])[0]
        return site, "shown for every model alike: its second hidden site"
    units = audit["ablation.units"]
    needed = (units.column("rank") <= HEADLINE_SIZE) & (units.column("class") != "all")
    found = Counter(units.column("site")[needed].tolist())
    site = max(sites, key=lambda name: found[name], default="")
    return site, (
        f"it holds {found[site]} of the {found.total()} units that the classes need most, "
        f"up to {HEADLINE_SIZE} each, as the selection split ranks them"
    )


def least_p(audit: Audit) -> str:
    """Say how small a p can be at all, beside so many random sets; empty where nothing says it."""
    sets = audit.provenance.get("settings", {}).get("ablation", {}).get("sets")
    return f"1/{sets + 1}, the least that {sets} sets allow" if isinstance(sets, int) else ""


def _removed(table: Table, half: int) -> Iterator[Removed]:
    """Read the rows of ten units, but of no more than half of the site's."""
    sizes = table.column("k")
    size = int(sizes[sizes <= max(1, min(HEADLINE_SIZE, half))].max(initial=1))
    rows = table.where(k=size)
    q = benjamini_hochberg(rows.column("class_p"))
    for told, own_q in zip(rows.rows(), q.tolist(), strict=True):
        # a class of which the data holds no example has no numbers
        row: dict[str, Any] = {n: float("nan") if v is None else v for n, v in told.items()}
        before = row["class_accuracy_before"]
        yield Removed(
            class_=row["class"],
            site=row["site"],
            k=size,
            ranking=row["ranking"],
            before=before,
            after=row["class_accuracy_after"],
            drop=row["class_drop"],
            lo=row["class_lo"],
            hi=row["class_hi"],
            n=row["class_n"],
            random_after=before - row["class_control_drop"],
            random_lo=before - row["class_control_hi"],
            random_hi=before - row["class_control_lo"],
            p=row["class_p"],
            q=own_q,
        )


def plain(row: Needed | Removed) -> dict[str, Any]:
    """Return a row as a dict that JSON can hold: missing numbers are None."""
    return {
        name.rstrip("_"): None if isinstance(v, float) and not np.isfinite(v) else v
        for name, v in asdict(row).items()
    }
