"""Writes an audit as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holistic.lenses._contract import question_of
from holistic.report.addresses import addresses
from holistic.report.briefs import brief
from holistic.report.damage import showing
from holistic.report.embedded import (
    bundle,
    digest,
    embedded_arrays,
    lacks_arrays,
    numbers,
    outline,
)
from holistic.report.highlights import highlights
from holistic.report.opening import facts_line, page_of
from holistic.results.columns import Column
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.highlights import Card, Highlight
from holistic.words import number

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["rendered", "rendered_opening", "write_report"]

_ROWS = 12
_ELSEWHERE = ("check", "caveats", "inputs.words")
"""What of the provenance its section leaves out: the page has it elsewhere, or it is too long."""


@dataclass(frozen=True)
class Picture:
    """A drawn figure as a data URI, with what it shows in words."""

    uri: str
    caption: str


@dataclass(frozen=True)
class Part:
    """One finding as the page shows it."""

    name: str
    title: str
    lead: str
    answers: bool
    brief: str
    statements: tuple[str, ...]
    caveats: tuple[str, ...]
    pictures: tuple[Picture, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int


def write_report(audit: Folder, path: Path) -> None:
    """Write the report: no requests, and readable without its script, offline, in mail, in print.

    Parameters
    ----------
    audit
        What to tell.
    path
        HTML file to write.
    """
    path.write_text(rendered(audit)[0], encoding="utf-8", newline="\n")


def rendered(audit: Folder, *, live: bool = False) -> tuple[str, str]:
    """Render the page and the policy that it runs under.

    Parameters
    ----------
    audit
        What to tell.
    live
        Whether the page is served by the workbench, which its script may ask.

    Returns
    -------
    tuple
        HTML, and its Content-Security-Policy.

    Raises
    ------
    AuditError
        If the audit holds what can't be shown.
    """
    with showing(audit):
        return _rendered(audit.for_readers(), live=live)


def rendered_opening(audit: Folder) -> str:
    """Render what a reader sees first as a small page without scripts, for notebooks.

    Raises
    ------
    AuditError
        If the audit holds what can't be shown.
    """
    from markupsafe import Markup

    with showing(audit):
        audit, environment = audit.for_readers(), _environment()
        return environment.get_template("small.html").render(
            facts=_facts(audit),
            opening=page_of(audit, addresses(audit)),
            styles=Markup(environment.get_template("report.css").render()),
        )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("holistic.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment


def _rendered(audit: Folder, *, live: bool) -> tuple[str, str]:
    from markupsafe import Markup

    environment = _environment()
    script, styles = bundle(live=live)
    address = addresses(audit)
    sections = list(_sections(audit, drawn=bool(script)))
    styles = environment.get_template("report.css").render() + styles
    connect = "connect-src 'self'; " if live else ""
    scripts = f"script-src {digest(script)}; " if script else ""
    policy = (
        f"default-src 'none'; {scripts}style-src {digest(styles)}; img-src data: blob:; "
        f"{connect}base-uri 'none'; form-action 'none'"
    )
    text = environment.get_template("report.html").render(
        facts=_facts(audit),
        sections=sections,
        opening=page_of(audit, address),
        highlights=list(_highlights(audit, address)),
        provenance=list(_flat(audit.provenance)),
        script=Markup(script),
        styles=Markup(styles),
        outline=Markup(outline(audit) if script else ""),
        numbers=Markup(numbers(audit) if script else ""),
        policy=Markup(policy),
        live=live,
    )
    return text, policy


def _highlights(audit: Folder, address: Callable[[Card | None], str]) -> Iterator[dict[str, Any]]:
    """The highlights as the page's template shows them, the most important first."""
    for highlight in reversed(highlights(audit)):
        if highlight.rows:
            yield _highlight(highlight, address)


def _highlight(highlight: Highlight, address: Callable[[Card | None], str]) -> dict[str, Any]:
    view = highlight.page
    rows = [[(h, h.text(row), address(h.card(row))) for h in view.heads] for row in highlight.rows]
    return {"finding": highlight.finding, "view": view, "rows": rows}


def _facts(audit: Folder) -> dict[str, Any]:
    facts = audit.provenance
    names = ("model", "data", "backend_note")
    return {
        **{name: facts.get(name, "") for name in names},
        "line": facts_line(audit),
        "caveats": audit.caveats,
        "classes": facts.get("classes", []),
        "look": facts.get("check", {}).get("lines", []),
    }


def _sections(audit: Folder, *, drawn: bool) -> Iterator[dict[str, Any]]:
    """What the page says of each lens; `drawn` where its script draws the pictures."""
    embedded = embedded_arrays(audit)
    for lens, entry in audit.lenses.items():
        question = audit.seen.in_text(question_of(lens))
        parts = list[Part]()
        for name in entry["findings"]:
            finding = audit.finding(name)
            with showing(audit, name):
                still = not drawn or finding.schema.view == "still"
                still = still or lacks_arrays(finding, embedded)
                parts.append(_part(audit, finding, still=still))
        parts.sort(key=lambda part: not part.answers)  # the answer stands first
        spoken = [p for p in parts if p.statements]
        lead = next((p for p in spoken if p.answers), next(iter(spoken), None))
        rest = [p for p in spoken if p is not lead]
        yield {"name": lens, "question": question, "parts": parts, "lead": lead, "rest": rest}


def _part(audit: Folder, finding: Finding, *, still: bool) -> Part:
    from holistic.report.figures import figures_of

    figures = figures_of(finding, audit) if still else ()
    first = finding.table.head(_ROWS)
    return Part(
        name=finding.name,
        title=finding.schema.title,
        lead=finding.schema.lead,
        answers=finding.schema.answers,
        brief=brief(finding, audit),
        statements=finding.statements,
        caveats=finding.caveats,
        pictures=tuple(Picture(uri, caption) for uri, caption in figures),
        columns=first.columns,
        rows=tuple(tuple(_shown(v) for v in row.values()) for row in first.rows()),
        total=len(finding.table),
    )


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Provenance as lines of name and value."""
    for name, value in record.items():
        if f"{prefix}{name}" in _ELSEWHERE:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{name}", str(value)
