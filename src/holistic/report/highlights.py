"""Which few numbers of an audit does a reader want first?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holistic.results.folder import Folder
from holistic.results.tables import Table

__all__ = ["Needed", "Removed", "least_p", "needed_units", "plain", "removed_sets"]

_READ = (
    "class k ranking class_accuracy_before class_accuracy_after class_drop class_lo class_hi "
    "class_n class_control_drop class_control_lo class_control_hi class_p class_q firing".split()
)
"""Columns of `ablation.topk` that a headline holds."""


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
    above: float
    """Activation on the class beyond what the unit holds once removed: below 0, it is needed
    silent."""


@dataclass(frozen=True)
class Removed:
    """A class without its own top units, beside random sets of as many.

    `lo` and `hi` bound the drop (before minus after), `random_lo` and `random_hi` hold 95 % of the
    random sets; `q` is Benjamini-Hochberg's over sites and classes. `firing` of the k units fire on
    the class, the others are needed silent; `rank` is the place of the site for the class.
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
    firing: float
    rank: float


def needed_units(audit: Folder) -> list[Needed]:
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
        return Needed(name, "–", 0, effect=gap, lo=gap, hi=gap, n=0, median=gap, above=gap)
    above = row.get("above")
    return Needed(
        name,
        row["site"],
        row["unit"],
        effect=row["effect"],
        lo=row["lo"],
        hi=row["hi"],
        n=row["n"],
        median=float(np.nanmedian(rows.where(site=row["site"]).column("effect"))),
        above=float("nan") if above is None else above,
    )


def removed_sets(audit: Folder, *, every_site: bool = False) -> list[Removed]:
    """One row per class, of the site that the selection split names for it, or of all sites.

    None where nothing says what chose the site.
    """
    if "ablation.topk" not in audit or "rank" not in audit["ablation.topk"].names:
        return []
    table = audit["ablation.topk"]
    for name in _READ:
        table.column(name)  # says it where a column is missing
    named = table.where(rank=1)
    if every_site:
        told = ~np.isnan(table.column("rank").astype(float))
        named = Table(table.columns, table.data.filter(told))
    order = {name: i for i, name in enumerate(audit.provenance.get("classes", []))}
    rows = [_removed(row) for row in named.rows()]
    return rows if every_site else sorted(rows, key=lambda row: order.get(row.class_, len(order)))


def least_p(audit: Folder) -> str:
    """Say how small a p can be at all, beside so many random sets; empty where nothing says it."""
    if "ablation.topk" not in audit or "least_p" not in audit["ablation.topk"].names:
        return ""
    least = audit["ablation.topk"].where(rank=1).column("least_p").astype(float)
    least = np.unique(np.rint(1 / least[~np.isnan(least)])).astype(int).tolist()
    return f"{' or '.join(f'1/{most}' for most in least)}, by the sets tried" if least else ""


def _removed(told: dict[str, Any]) -> Removed:
    # a class of which the data holds no example has no numbers
    row: dict[str, Any] = {n: float("nan") if v is None else v for n, v in told.items()}
    before = row["class_accuracy_before"]
    return Removed(
        class_=row["class"],
        site=row["site"],
        k=row["k"],
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
        q=row["class_q"],
        firing=row["firing"],
        rank=row["rank"],
    )


def plain(row: Needed | Removed) -> dict[str, Any]:
    """Return a row as a dict that JSON can hold: missing numbers are None."""
    return {
        name.rstrip("_"): None if isinstance(v, float) and not np.isfinite(v) else v
        for name, v in asdict(row).items()
    }
