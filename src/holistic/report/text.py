"""An audit in a page of plain text, written as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from holistic.report.briefs import brief
from holistic.report.highlights import highlights
from holistic.report.opening import opening
from holistic.results.folder import Folder
from holistic.results.highlights import Highlight
from holistic.words import percent

__all__ = ["as_text"]


def as_text(audit: Folder) -> str:
    """Write title, headline, a short sentence a finding, the tables that matter, and caveats."""
    audit = audit.for_readers()
    parts = [_head(audit)]
    if headline := opening(audit).headline:
        parts.append(f"**{_plain(headline.words)}**")
    parts += _sentences(audit)
    parts += [_table(one) for one in reversed(highlights(audit)) if one.rows]
    if audit.caveats:
        parts.append("## To be known\n\n" + "\n".join(f"- {c}" for c in audit.caveats))
    return "\n\n".join(parts) + "\n"


def _head(audit: Folder) -> str:
    facts = audit.provenance
    counts, accuracy = facts.get("counts", {}), facts.get("accuracy", {})
    lines = [f"# {_plain(facts.get('model', 'model'))} on {_plain(facts.get('data', 'data'))}", ""]
    if accuracy:
        right = percent(accuracy["value"], accuracy["lo"], accuracy["hi"])
        lines.append(f"Accuracy {right} (n = {accuracy.get('n', counts.get('evaluation', '?'))}).")
    lines.append(
        f"{counts.get('selection', '?')} examples to choose on, {counts.get('evaluation', '?')} to "
        f"measure on; seed {facts.get('seed', '?')}; holistic "
        f"{facts.get('versions', {}).get('holistic', '?')}."
    )
    return "\n".join(lines)


def _table(highlight: Highlight) -> str:
    view = highlight.terminal
    marks = ("---:" if head.kind == "number" else "---" for head in view.heads)
    rows = [[head.words for head in view.heads], list(marks)]
    rows += [[head.text(row) for head in view.heads] for row in highlight.rows]
    lines = "\n".join(_row(row) for row in rows)
    return f"## {view.title}\n\n{lines}" + (f"\n\n{view.caption}" if view.caption else "")


def _row(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: Any) -> str:
    """Write a name so that it stays in its cell and is no mark of Markdown."""
    return str(text).replace("\n", " ").replace("|", "\\|").replace("`", "'")


def _sentences(audit: Folder) -> Iterator[str]:
    """Say what each finding of a lens found, in short or else in its own first words."""
    for lens, entry in audit.lenses.items():
        found = [audit.finding(name) for name in entry["findings"]]
        spoken = [brief(one, audit) or next(iter(one.statements), "") for one in found]
        if any(spoken):
            yield f"## {lens}\n\n" + "\n".join(f"- {s}" for s in spoken if s)
