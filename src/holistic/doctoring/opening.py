"""Shows first whether verdicts can be believed, and how often each is right."""

from __future__ import annotations

from dataclasses import fields

from holistic.doctoring.briefs import coverage, engine, rates, verdicts
from holistic.doctoring.schemas import COVERAGE, ENGINE, RATES, VERDICTS
from holistic.results.error_rates import ErrorRate
from holistic.results.folder import Folder
from holistic.results.opening import Headline, Opening, Panel

__all__ = ["opening"]

_MOST = 8


def opening(audit: Folder) -> Opening:
    """Return the sentence on top, what fails, how often each verdict is right, and the rest."""
    if VERDICTS.name not in audit:
        return Opening()
    finding = audit.finding(VERDICTS.name)
    headline = Headline(verdicts(finding, audit), finding.name, 1.0)
    rows = [*finding.table.rows()]
    worst = sorted(rows, key=lambda row: min(row["sensitivity"] or 1, row["specificity"] or 1))
    names = [field.name for field in fields(ErrorRate) if field.name in finding.table.names]
    lines = tuple(f"{ErrorRate(**{n: row[n] for n in names})}." for row in worst[:_MOST])
    failed = tuple(f"'{row['verdict']}': {row['means']}" for row in rows if not row["sound"])
    panels = [Panel("fails", "What fails, and what that means", failed, finding.name, 0)]
    panels = [] if not failed else panels
    panels.append(
        Panel("verdicts", "How often each is right", lines, finding.name, 1, bare=True, listed=True)
    )
    others = [
        Panel(
            name.removeprefix("doctor."),
            title,
            (say(audit.finding(name), audit),),
            name,
            place,
            bare=True,
        )
        for place, (name, title, say) in enumerate(
            (
                (RATES.name, "Is something found where nothing is?", rates),
                (COVERAGE.name, "Do intervals hold the truth?", coverage),
                (ENGINE.name, "Is the fast engine exact?", engine),
            ),
            10,
        )
        if name in audit
    ]
    return Opening(headline, panels=(*panels, *others), picture=VERDICTS.name)
