"""Shows in the terminal what a run found: numbers first, then each finding's first sentence."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from holistic.report.highlights import highlights, leading_statements
from holistic.results.folder import Folder
from holistic.results.highlights import Head, Highlight
from holistic.words import percent

__all__ = ["as_json", "summary"]


def summary(audit: Folder) -> RenderableType:
    """Build what is printed at the end of a run: at most 88 columns, numbers before words."""
    audit = audit.for_readers()
    parts: list[RenderableType] = [_header(audit)]
    for highlight in highlights(audit):
        if highlight.rows:
            parts += [Text(), _table(highlight)]
    parts += [Text(), *_statements(audit)]
    for caveat in audit.caveats:
        parts.append(_line("! ", caveat, "yellow"))
    return Group(*parts)


def as_json(audit: Folder) -> dict[str, Any]:
    """Return the same as a document that JSON can hold."""
    audit = audit.kept_while_read()
    return {
        "provenance": dict(audit.provenance),
        "failed": dict(audit.failed),
        **{highlight.name: highlight.records for highlight in highlights(audit)},
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
        f" · {counts.get('selection', '?')} {audit.seen.inputs.examples} to select, "
        f"{counts.get('evaluation', '?')} to evaluate · seed {facts.get('seed', '?')}"
    )
    return line


def _table(highlight: Highlight) -> RichTable:
    view = highlight.terminal
    table = RichTable(
        title=Text(view.title, style="bold"),
        title_justify="left",
        caption=view.caption,
        caption_justify="left",
        box=None,
        padding=(0, 1 if view.tight else 2, 0, 0),
        pad_edge=False,
    )
    for head in view.heads:
        number = head.kind == "number"
        table.add_column(head.words, justify="right" if number else "left",
                         no_wrap=view.tight and number)  # fmt: skip
    for row in highlight.rows:
        table.add_row(*(_cell(head, row, tight=view.tight) for head in view.heads))
    return table


def _cell(head: Head, row: Any, *, tight: bool) -> Text:
    style, text = "bold" if head.bold else "", head.text(row)
    if head.kind == "number":
        return Text(text, style=style)
    return Text(text, style=style, overflow="ellipsis", no_wrap=tight or None)


def _statements(audit: Folder) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for lens, spoken in leading_statements(audit):
        lines.append(Text(lens, style="bold"))
        lines += [_line("· ", statement, "") for statement in spoken]
    return lines


def _line(mark: str, text: str, style: str) -> Padding:
    return Padding(Text(mark + text, style=style), (0, 0, 0, 1))
