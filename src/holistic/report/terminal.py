"""What does a reader see in the terminal when a run ends?"""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from holistic.report.highlights import (
    Needed,
    Removed,
    least_p,
    needed_units,
    plain,
    removed_sets,
)
from holistic.results.folder import Folder
from holistic.words import number, percent

__all__ = ["as_json", "summary"]

_UNITS = {"margin": "logits", "logit": "logits", "log_prob": "nats", "accuracy": "share"}


def summary(audit: Folder) -> RenderableType:
    """Build what is printed at the end of a run: at most 88 columns, numbers before words."""
    parts: list[RenderableType] = [_header(audit)]
    needed, removed = needed_units(audit), removed_sets(audit)
    if needed:
        parts += [Text(), _needed_table(needed, audit)]
    if removed:
        parts += [Text(), _removed_table(removed, audit)]
    parts += [Text(), *_statements(audit)]
    for caveat in audit.caveats:
        parts.append(_line("! ", caveat, "yellow"))
    return Group(*parts)


def as_json(audit: Folder) -> dict[str, Any]:
    """Return the same as a document that JSON can hold."""
    return {
        "provenance": dict(audit.provenance),
        "failed": dict(audit.failed),
        "needed_units": [plain(row) for row in needed_units(audit)],
        "removed_sets": [plain(row) for row in removed_sets(audit, every_site=True)],
        "findings": {
            name: {
                "rows": len(finding.table),
                "statements": list(finding.statements),
                "caveats": list(finding.caveats),
            }
            for name in audit.names
            for finding in [audit.finding(name)]
        },
    }


def _header(audit: Folder) -> Text:
    facts = audit.provenance
    counts, accuracy = facts.get("counts", {}), facts.get("accuracy", {})
    line = Text(no_wrap=False)
    line.append(f"{facts.get('model', 'model')}", style="bold")
    line.append(f" on {facts.get('data', 'data')}")
    if accuracy:
        line.append(f" · accuracy {percent(accuracy['value'], accuracy['lo'], accuracy['hi'])}")
    line.append(
        f" · {counts.get('selection', '?')} images to select, {counts.get('evaluation', '?')} to "
        f"evaluate · seed {facts.get('seed', '?')}"
    )
    return line


def _needed_table(rows: list[Needed], audit: Folder) -> RichTable:
    unit = _UNITS.get(audit.provenance.get("score", "margin"), "")
    table = _plain_table(
        "What each class needs most, as the selection split says: the change of its score "
        "without one unit, on the evaluation split"
    )
    names = ("class", "site", "unit", "needed", f"change [{unit}]", "95 % interval", "median", "n")
    for name in names:
        table.add_column(name, justify="left" if name in ("class", "site", "needed") else "right")
    for row in rows:
        table.add_row(
            Text(row.class_),
            Text(row.site, overflow="ellipsis"),
            str(row.unit),
            "firing" if row.above > 0 else "silent" if row.above < 0 else "–",
            number(row.effect, "+z.2f"),
            f"[{number(row.lo, '+z.2f')}, {number(row.hi, '+z.2f')}]",
            number(row.median, "+z.2f"),
            str(row.n),
        )
    table.caption = (
        "firing: more active on the class than what it holds once removed; silent: less active, so "
        "that removing it raises it. median: the site's median unit."
    )
    table.caption_justify = "left"
    return table


def _removed_table(rows: list[Removed], audit: Folder) -> RichTable:
    least = least_p(audit)
    table = _plain_table(
        "Accuracy of each class without its top k units (ranked by effect) of the site where the "
        "selection split says that it loses most, beside random sets of k"
    )
    table.padding = (0, 1, 0, 0)  # eighty columns are few for so many numbers
    table.caption = (
        f"p: share of the random sets that lose as much{f', at least {least}' if least else ''}; "
        "q: Benjamini-Hochberg over sites and classes."
    )
    table.caption_justify = "left"
    names = (
        "class",
        "site",
        "k",
        "before",
        "after",
        "points [95 %]",
        "random",
        "p",
        "q",
        "n",
    )
    for name in names:
        words = name in ("class", "site")  # names give way to numbers
        table.add_column(name, justify="left" if words else "right", no_wrap=not words)
    for row in rows:
        table.add_row(
            Text(row.class_, overflow="ellipsis", no_wrap=True),
            Text(row.site, overflow="ellipsis", no_wrap=True),
            str(row.k),
            percent(row.before),
            Text(percent(row.after), style="bold"),
            " ".join((number(100 * row.drop, ".1f"), _ends(row.lo, row.hi))),
            " ".join((number(100 * (row.before - row.random_after), ".1f"),
                      _ends(row.before - row.random_hi, row.before - row.random_lo))),
            number(row.p, ".3f"),
            number(row.q, ".3f"),
            str(row.n),
        )  # fmt: skip
    return table


def _ends(lo: float, hi: float) -> str:
    return f"[{number(100 * lo, '.1f')}, {number(100 * hi, '.1f')}]"


def _plain_table(title: str) -> RichTable:
    return RichTable(
        title=Text(title, style="bold"),
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )


def _statements(audit: Folder) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for lens in audit.lenses:
        spoken = [
            s for name in audit.lenses[lens]["findings"] for s in audit.finding(name).statements[:1]
        ]
        if spoken:
            lines.append(Text(lens, style="bold"))
        lines += [_line("· ", statement, "") for statement in spoken]
    return lines


def _line(mark: str, text: str, style: str) -> Padding:
    return Padding(Text(mark + text, style=style), (0, 0, 0, 1))
