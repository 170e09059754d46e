"""What does a reader see in the terminal when a run ends?"""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from holistic.findings import Audit
from holistic.report.highlights import (
    Needed,
    Removed,
    least_p,
    needed_units,
    plain,
    removed_from,
    removed_sets,
)
from holistic.words import number, percent

__all__ = ["as_json", "summary"]

_UNITS = {"margin": "logits", "logit": "logits", "log_prob": "nats", "accuracy": "share"}


def summary(audit: Audit) -> RenderableType:
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


def as_json(audit: Audit) -> dict[str, Any]:
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


def _header(audit: Audit) -> Text:
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


def _needed_table(rows: list[Needed], audit: Audit) -> RichTable:
    unit = _UNITS.get(audit.provenance.get("score", "margin"), "")
    table = _plain_table(
        "What each class needs most, as the selection split says: the change of its score "
        "without one unit, on the evaluation split"
    )
    for name in ("class", "site", "unit", f"change [{unit}]", "95 % interval", "median unit", "n"):
        table.add_column(name, justify="left" if name in ("class", "site") else "right")
    for row in rows:
        table.add_row(
            Text(row.class_),
            Text(row.site, overflow="ellipsis"),
            str(row.unit),
            number(row.effect, "+z.2f"),
            f"[{number(row.lo, '+z.2f')}, {number(row.hi, '+z.2f')}]",
            number(row.median, "+z.2f"),
            str(row.n),
        )
    return table


def _removed_table(rows: list[Removed], audit: Audit) -> RichTable:
    first, least = rows[0], least_p(audit)
    table = _plain_table(
        f"Accuracy of each class without its top {first.k} units of site '{first.site}' "
        f"(ranked by effect), the points that it falls by, beside random sets of {first.k}"
    )
    table.caption = (
        f"The site: {removed_from(audit)[1]}. p: share of the random sets that lose as much"
        f"{f', at least {least}' if least else ''}; q: Benjamini-Hochberg over these classes."
    )
    table.caption_justify = "left"
    for name in (
        "class",
        "before",
        "after",
        "points [95 %]",
        "random",
        "95 % of sets",
        "p",
        "q",
        "n",
    ):
        table.add_column(name, justify="left" if name == "class" else "right")
    for row in rows:
        table.add_row(
            Text(row.class_),
            percent(row.before),
            Text(percent(row.after), style="bold"),
            " ".join((number(100 * row.drop, ".1f"), _ends(row.lo, row.hi))),
            percent(row.random_after),
            _ends(row.random_lo, row.random_hi),
            number(row.p, ".3f"),
            number(row.q, ".3f"),
            str(row.n),
        )
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


def _statements(audit: Audit) -> list[RenderableType]:
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
