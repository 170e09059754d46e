"""Shows first which unit each class needs most, and what it loses without its top units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.results.folder import Folder
from holistic.results.highlights import Card, Head, Highlight, View
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS
from holistic.words import number, percent

__all__ = ["Needed", "Removed", "highlights", "least_p", "needed_units", "removed_sets"]

_READ = (
    "class k ranking class_accuracy_before class_accuracy_after class_drop class_lo class_hi "
    "class_n class_control_drop class_control_lo class_control_hi class_p class_q firing".split()
)
"""Columns of `ablation.topk` that a headline holds."""
_REMOVED = (
    "Accuracy of each class without its top k units (ranked by effect) of the site where the "
    "selection split says that it loses most, beside random sets of k"
)


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
    row, gap = next(rows.sort("rank").head(1).rows(), None), float("nan")
    if row is None or row["rank"] is None or row["effect"] is None:
        return Needed(name, "–", 0, effect=gap, lo=gap, hi=gap, n=0, median=gap, above=gap)
    # effects that rest on too few examples have no ends
    lo, hi, above = (gap if row.get(n) is None else row[n] for n in ("lo", "hi", "above"))
    return Needed(
        name,
        row["site"],
        row["unit"],
        effect=row["effect"],
        lo=lo,
        hi=hi,
        n=row["n"],
        median=float(np.nanmedian(rows.where(site=row["site"]).column("effect"))),
        above=above,
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
        ranked = ~np.isnan(table.column("rank").astype(float))
        named = Table(table.columns, table.data.filter(ranked))
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


def _removed(values: dict[str, Any]) -> Removed:
    # a class of which the data holds no example has no numbers
    row: dict[str, Any] = {n: float("nan") if v is None else v for n, v in values.items()}
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


def highlights(audit: Folder) -> Sequence[Highlight]:
    """Return the unit that each class needs most, and each class without its top units."""
    facts = audit.provenance
    least = least_p(audit)
    return (
        Highlight(
            "needed_units",
            "ablation.units",
            needed_units(audit),
            _needed_on_page(facts.get("score", "")),
            _needed_in_terminal(SCORE_UNITS.get(facts.get("score", "margin"), "")),
        ),
        Highlight(
            "removed_sets",
            "ablation.topk",
            removed_sets(audit),
            _removed_on_page(least),
            _removed_in_terminal(least),
            removed_sets(audit, every_site=True),
        ),
    )


def _needed_on_page(score: str) -> View:
    return View(
        "The unit that each class needs most, as the selection split says: change of the class's "
        f"{score} on the evaluation split without it",
        "Firing: more active on the class than what it holds once removed; silent: less active, "
        "so that removing it raises it.",
        (
            _class(),
            Head("site", lambda row: row.site, "name"),
            Head("unit", lambda row: _none(row, str(row.unit)),
                 card=lambda row: Card(site=row.site, unit=row.unit)),
            Head("needed", _way, "name"),
            Head("change", lambda row: number(row.effect, "+z.2f")),
            Head("95 % interval", _signed_ends),
            Head("median unit of the site", lambda row: number(row.median, "+z.2f")),
            Head("n", lambda row: str(row.n)),
        ),
    )  # fmt: skip


def _needed_in_terminal(unit: str) -> View:
    return View(
        "What each class needs most, as the selection split says: the change of its score "
        "without one unit, on the evaluation split",
        "firing: more active on the class than what it holds once removed; silent: less active, so "
        "that removing it raises it. median: the site's median unit.",
        (
            _class(),
            Head("site", lambda row: row.site, "name"),
            Head("unit", lambda row: str(row.unit)),
            Head("needed", _way, "name"),
            Head(f"change [{unit}]", lambda row: number(row.effect, "+z.2f")),
            Head("95 % interval", _signed_ends),
            Head("median", lambda row: number(row.median, "+z.2f")),
            Head("n", lambda row: str(row.n)),
        ),
    )


def _removed_on_page(least: str) -> View:
    return View(
        _REMOVED,
        "Firing: units of the k that fire on the class; the others are needed silent. "
        f"{_tests(least)}",
        (
            _class(),
            Head("site", lambda row: row.site, "name"),
            Head("k", lambda row: str(row.k)),
            Head("firing", lambda row: number(row.firing, ".0f")),
            Head("before", lambda row: _share(row.before)),
            Head("after", lambda row: _share(row.after), bold=True),
            Head("drop, points [95 % interval]", _drop),
            Head("random sets", lambda row: _share(row.random_after)),
            Head("95 % of the sets", lambda row: _ends(row.random_lo, row.random_hi)),
            Head("p", lambda row: number(row.p, ".3f")),
            Head("q", lambda row: number(row.q, ".3f")),
            Head("n", lambda row: str(row.n)),
        ),
    )


def _removed_in_terminal(least: str) -> View:
    return View(
        _REMOVED,
        _tests(least),
        (
            _class(),
            Head("site", lambda row: row.site, "name"),
            Head("k", lambda row: str(row.k)),
            Head("before", lambda row: percent(row.before)),
            Head("after", lambda row: percent(row.after), bold=True),
            Head("points [95 %]", _drop),
            Head("random", _random_drop),
            Head("p", lambda row: number(row.p, ".3f")),
            Head("q", lambda row: number(row.q, ".3f")),
            Head("n", lambda row: str(row.n)),
        ),
        tight=True,  # eighty columns are few for so many numbers
    )


def _tests(least: str) -> str:
    bound = f", at least {least}" if least else ""
    return (
        f"p: share of the random sets that lose as much{bound}; "
        "q: Benjamini-Hochberg over sites and classes."
    )


def _class() -> Head:
    return Head("class", lambda row: row.class_, "row", card=lambda row: Card(row.class_))


def _none(row: Needed, text: str) -> str:
    return text if np.isfinite(row.effect) else "–"


def _share(value: float) -> str:
    return f"{number(100 * value, '.1f')} %"


def _way(row: Needed) -> str:
    return "firing" if row.above > 0 else "silent" if row.above < 0 else "–"


def _signed_ends(row: Needed) -> str:
    return f"[{number(row.lo, '+z.2f')}, {number(row.hi, '+z.2f')}]"


def _drop(row: Removed) -> str:
    return f"{number(100 * row.drop, '.1f')} {_ends(row.lo, row.hi)}"


def _random_drop(row: Removed) -> str:
    lost = number(100 * (row.before - row.random_after), ".1f")
    return f"{lost} {_ends(row.before - row.random_hi, row.before - row.random_lo)}"


def _ends(lo: float, hi: float) -> str:
    return f"[{number(100 * lo, '.1f')}, {number(100 * hi, '.1f')}]"
