"""What does the audit look like as one HTML file that needs nothing else?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holistic.lenses._contract import lens_class, lens_names
from holistic.report.damage import showing
from holistic.report.embedded import (
    bundle,
    digest,
    embedded_arrays,
    lacks_arrays,
    numbers,
    outline,
    site_names,
)
from holistic.report.highlights import least_p, needed_units, removed_sets
from holistic.results.columns import Column
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import number

__all__ = ["rendered", "write_report"]

_ROWS = 12
_LIVE = (
    "ablation.units",
    "ablation.confusion",
    "ablation.images",
    "ablation.scores",
    "ablation.shapley",
    "ablation.replacements",
    "ablation.collateral",
    "ablation.interactions",
    "ablation.direct",
    "ablation.backup",
    "ablation.topk",
    "ablation.curves",
    "activation.units",
    "activation.examples",
    "activation.depth",
    "activation.concepts",
    "activation.tuning",
    "activation.synthetic",
    "attribution.methods",
    "attribution.contrasts",
    "agreement.lenses",
    "agreement.units",
    "mechanism.pairs",
    "mechanism.clusters",
    "mechanism.edges",
    "mechanism.flow",
    "mechanism.paths",
    "tracing.patching",
    "tracing.geometry",
    "tracing.directions",
)
"""Findings whose pictures the script draws: one that stands in the page too would weigh twice."""
_LEADS = (
    "ablation.topk",
    "activation.units",
    "attribution.methods",
    "mechanism.edges",
    "tracing.directions",
    "agreement.lenses",
)
"""Findings that answer their lens's question in one sentence with its interval and its control."""
_TITLES = {
    "ablation.units": "One unit at a time",
    "ablation.confusion": "What is taken for what",
    "ablation.images": "Units that decide single images",
    "ablation.topk": "Growing sets of units",
    "ablation.scores": "One unit at a time, in every score",
    "ablation.replacements": "What a removed unit holds instead",
    "ablation.collateral": "Collateral damage to other classes",
    "ablation.curves": "From no unit to all",
    "ablation.areas": "Whole curves against chance",
    "ablation.interactions": "Pairs of units",
    "ablation.direct": "Direct effects and the network's answer",
    "ablation.backup": "Units that step in",
    "ablation.shapley": "Shares in the score",
    "activation.units": "Units and classes",
    "activation.examples": "What units see",
    "activation.depth": "From general to class-specific",
    "activation.concepts": "Words for units",
    "activation.tuning": "Tuning to oriented stimuli",
    "activation.synthetic": "Synthetic inputs",
    "attribution.methods": "Methods and their gates",
    "attribution.contrasts": "One class rather than another",
    "mechanism.pairs": "Correlated pairs",
    "mechanism.clusters": "Clusters",
    "mechanism.flow": "Information over depth",
    "mechanism.paths": "Single images on their way",
    "mechanism.edges": "Influence between units",
    "tracing.patching": "Activation patching",
    "tracing.geometry": "How classes lie to each other",
    "tracing.directions": "Class directions",
    "agreement.lenses": "Lens against lens",
    "agreement.pairs": "Lens against lens, over the classes",
    "agreement.units": "Verdicts",
    "agreement.removed": "Units removed together",
    "sites": "Sites of the model",
}


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
        return _rendered(audit, live=live)


def _rendered(audit: Folder, *, live: bool) -> tuple[str, str]:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("holistic.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    script, styles = bundle(live=live)
    sections = list(_sections(audit, _LIVE if script else ()))
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
        **_headlines(audit),
        provenance=list(_flat(audit.provenance)),
        script=Markup(script),
        styles=Markup(styles),
        outline=Markup(outline(audit, _TITLES) if script else ""),
        numbers=Markup(numbers(audit) if script else ""),
        policy=Markup(policy),
        live=live,
    )
    return text, policy


def _headlines(audit: Folder) -> dict[str, Any]:
    """What both headline tables hold, and where their classes and sites have cards."""
    classes = [str(c) for c in audit.provenance.get("classes", [])]
    removed = removed_sets(audit)
    return {
        "needed": needed_units(audit),
        "removed": removed,
        "least_p": least_p(audit),
        "places": {
            "classes": {name: i for i, name in enumerate(classes)},
            "sites": {name: i for i, name in enumerate(site_names(audit))},
        },
    }


def _facts(audit: Folder) -> dict[str, Any]:
    facts = audit.provenance
    names = ("model", "data", "seed", "score", "backend_note", "created")
    return {
        **{name: facts.get(name, "") for name in names},
        "accuracy": facts.get("accuracy"),
        "counts": facts.get("counts", {}),
        "caveats": audit.caveats,
        "classes": facts.get("classes", []),
    }


def _sections(audit: Folder, live: Sequence[str]) -> Iterator[dict[str, Any]]:
    held = embedded_arrays(audit)
    for lens, entry in audit.lenses.items():
        question = lens_class(lens).question if lens in lens_names() else ""
        parts = list[Part]()
        for name in entry["findings"]:
            finding = audit.finding(name)
            with showing(audit, name):
                drawn = name not in live or lacks_arrays(finding, held)
                parts.append(_part(audit, finding, drawn=drawn))
        told = [p for p in parts if p.statements]
        lead = next((p for p in told if p.name in _LEADS), next(iter(told), None))
        rest = [p for p in told if p is not lead]
        yield {"name": lens, "question": question, "parts": parts, "lead": lead, "rest": rest}


def _part(audit: Folder, finding: Finding, *, drawn: bool) -> Part:
    from holistic.report.figures import figures_of

    figures = figures_of(finding, audit) if drawn else ()
    shown = finding.table.head(_ROWS)
    return Part(
        name=finding.name,
        title=_TITLES.get(finding.name, finding.name),
        statements=finding.statements,
        caveats=finding.caveats,
        pictures=tuple(Picture(uri, caption) for uri, caption in figures),
        columns=shown.columns,
        rows=tuple(tuple(_shown(v) for v in row.values()) for row in shown.rows()),
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
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
