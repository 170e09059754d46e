"""Says in one short sentence what a finding found."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from holistic.errors import LacksColumn
from holistic.report.damage import showing
from holistic.report.places import brought
from holistic.results.findings import Finding
from holistic.results.folder import Folder

__all__ = ["brief"]


def brief(finding: Finding, audit: Folder) -> str:
    """Return the sentence that the finding's lens makes, or its first one if that is short.

    A lens brings it as a function of the finding's own name in its module `briefs`: it is given
    the finding and the audit. Empty where there is none.
    """
    lens, _, own = finding.name.partition(".")
    if make := brought(lens, "briefs", own or lens):
        with showing(audit, finding.name), suppress(LacksColumn):
            return audit.readers.in_text(str(make(finding, audit)))
    return replace(finding, say=None).brief
