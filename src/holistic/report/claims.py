"""Gathers what an audit's findings claim, so that other audits can be asked for the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from holistic.errors import LacksColumn
from holistic.report.damage import showing
from holistic.report.places import brought
from holistic.results.claims import Claim
from holistic.results.folder import Folder

__all__ = ["claims"]


def claims(audit: Folder) -> Iterator[Claim]:
    """Yield what each finding's lens says that it claims, or could have.

    A lens brings claims as functions of the findings' own names in its module `claims`: they are
    given the finding and the audit. A finding of another version, without columns that are
    needed, claims nothing.
    """
    for name in audit.names:
        lens, _, own = name.partition(".")
        if make := brought(lens, "claims", own or lens):
            with showing(audit, name), suppress(LacksColumn):
                yield from make(audit.finding(name), audit)
