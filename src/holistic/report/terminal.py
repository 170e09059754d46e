"""Shows in the terminal what a run found: the opening in at most 40 lines, or everything."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from holistic.report.claims import statements
from holistic.report.highlights import highlights
from holistic.report.opening import facts_line, opening
from holistic.results.folder import Folder
from holistic.results.highlights import Head, Highlight
from holistic.results.opening import Cell, ClassColumn, Panel
from holistic.words import number, percent

__all__ = ["as_json", "cut_middle", "everything", "summary"]


_WIDTH = 80
_LINES = 36
"""Lines of a summary; a run adds four, which say where everything is."""
_BAR = 16
_ROWS = 10
"""Classes that have a line of their own."""
_NAME = 14
_LONG = 130
"""Letters of a caveat that a summary has room for."""
_CAVEATS = 2
_LABEL = 12
"""Columns before the words of a panel."""


def summary(audit: Folder) -> RenderableType:
    """Build what is printed at the end of a run: at most 36 lines of 80 columns."""
    audit = audit.for_readers()
    found = opening(audit)
    facts = " · ".join(fact.words for fact in facts_line(audit))
    lines = [*_wrapped(f"{_model(audit)} · {facts}")]
    lines[0].stylize("bold", 0, len(_model(audit)))
    if found.headline:
        lines += [Text(), *_wrapped(found.headline.words, style="bold")]
    for column in found.columns:
        if column.short:
            lines += [Text(), *_bars(column)]
    caveats = list(_caveats(audit.caveats))
    lines += _panels(found.panels, _LINES - len(lines) - len(caveats))
    return Group(*lines, *caveats)


def _wrapped(words: str, width: int = _WIDTH, style: str = "") -> list[Text]:
    """Wrap a sentence; a number stays with its percent sign."""
    kept = words.replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(kept, width, break_on_hyphens=False) or [""]
    return [Text(line.replace("\N{NO-BREAK SPACE}", " "), style=style) for line in lines]


def _model(audit: Folder) -> str:
    facts = audit.provenance
    return f"{facts.get('model', 'model')} on {facts.get('data', 'data')}"


def _bars(column: ClassColumn) -> Iterator[Text]:
    """Draw what every class loses, those first that lose most."""
    cells = [(name, cell) for name, cell in column.cells.items() if cell.bar]
    cells.sort(key=lambda pair: -_lost(pair[1]))
    most = max((_lost(cell) for _, cell in cells), default=0.0)
    names = max((len(cut_middle(name, _NAME)) for name, _ in cells), default=0)
    head, room = column.short.upper(), max(names, 5) + 38
    sampled = ", ".join(filter(None, (head, column.sample)))
    fits = len(sampled) < room
    yield Text(f"{sampled if fits else head:<{room}}points lost  random", style="bold")
    if not fits:
        yield Text(f"  {column.sample}")
    for name, cell in cells[:_ROWS]:
        bar, lost = cell.bar, _lost(cell)
        if bar is None:
            continue
        blocks = "█" * round(_BAR * max(lost, 0.0) / most) if most > 0 else ""
        random = number(100 * (bar.before - bar.control), "z.1f")
        yield Text(
            f"  {cut_middle(name, _NAME):<{names}}  {cell.words:>16}  {blocks:<{_BAR}}  "
            f"{number(100 * lost, 'z.1f'):>8}{random:>8}"
        )
    if len(cells) > _ROWS:
        yield Text(f"  {len(cells) - _ROWS} more classes lose less")


def _lost(cell: Cell) -> float:
    return cell.bar.before - cell.bar.after if cell.bar else float("nan")


def _panels(panels: Sequence[Panel], room: int) -> Iterator[Text]:
    """Write panels' sentences beside their names; where room is short, of the longest fewer."""
    groups = dict[str, list[list[Text]]]()
    for panel in panels:
        own = groups.setdefault(panel.name, [])
        own += [_wrapped(line, _WIDTH - _LABEL) for line in panel.lines]
    while sum(map(_height, groups.values())) > room - 1 and any(
        len(own) > 1 for own in groups.values()
    ):
        longest = max((own for own in groups.values() if len(own) > 1), key=_height)
        longest.pop()
    if groups:
        yield Text()
    for name, own in groups.items():
        for i, part in enumerate(chain.from_iterable(own)):
            yield Text.assemble((f"{'' if i else name.upper():<{_LABEL}}", "bold"), part)


def _height(sentences: Sequence[Sequence[Text]]) -> int:
    return sum(map(len, sentences))


def _caveats(caveats: Sequence[str]) -> Iterator[Text]:
    if caveats:
        yield Text()
    for caveat in caveats[:_CAVEATS]:
        words = f"! {caveat}"
        if len(words) > _LONG:  # a list of what was cut, such as of settings
            words = f"{words[:_LONG].rsplit(' ', 1)[0]} … (--verbose says all)"
        yield from _wrapped(words, style="yellow")
    if len(caveats) > _CAVEATS:
        yield Text(f"! {len(caveats) - _CAVEATS} more with --verbose", style="yellow")


def cut_middle(name: str, width: int) -> str:
    """Cut a long name in its middle, so that names that end differently stay distinct.

    >>> cut_middle("american_robin_male", 12)
    'americ…_male'
    """
    if len(name) <= width:
        return name
    head = width // 2
    return f"{name[:head]}…{name[len(name) - (width - 1 - head) :]}"


def everything(audit: Folder) -> RenderableType:
    """Build all tables that lenses want seen first, and every sentence: at most 88 columns."""
    audit = audit.for_readers()
    parts: list[RenderableType] = [_header(audit)]
    for highlight in highlights(audit):
        if highlight.rows:
            parts += [Text(), _table(highlight)]
    parts += [Text(), *_spoken(audit)]
    for caveat in audit.caveats:
        parts.append(_line("! ", caveat, "yellow"))
    return Group(*parts)


def as_json(audit: Folder) -> dict[str, Any]:
    """Return the same as a document that JSON can hold."""
    audit = audit.kept_while_read()
    return {
        "provenance": dict(audit.provenance),
        "failed": dict(audit.failed),
        "says": [claim.record for claim in statements(audit)],
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
    line = Text(_model(audit), no_wrap=False)
    line.stylize("bold", 0, len(str(facts.get("model", "model"))))
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


def _spoken(audit: Folder) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for lens, entry in audit.lenses.items():
        spoken = [s for name in entry["findings"] for s in audit.finding(name).statements]
        if spoken:
            lines.append(Text(lens, style="bold"))
            lines += [_line("· ", statement, "") for statement in spoken]
    return lines


def _line(mark: str, text: str, style: str) -> Padding:
    return Padding(Text(mark + text, style=style), (0, 0, 0, 1))
