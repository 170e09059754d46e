"""Gathers what an audit's findings claim, so that other audits can be asked for the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from holistic.errors import LacksColumn
from holistic.report.damage import showing
from holistic.report.places import brought
from holistic.results.answers import Line
from holistic.results.claims import Claim
from holistic.results.folder import Folder

__all__ = ["claims", "conflicts", "statements"]


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


def conflicts(audit: Folder) -> Iterator[Claim]:
    """Yield where two findings say opposite things about one question.

    Each claim has the one that it is `against`. A lens declares them in its module `conflicts`, as
    a function of that name.
    """
    for lens in audit.lenses:
        if make := brought(lens, "conflicts", "conflicts"):
            with showing(audit), suppress(LacksColumn):
                yield from make(audit)


def statements(audit: Folder, site: str = "", unit: int | None = None) -> Iterator[Claim]:
    """Yield all that the audit says: what holds, what contradicts itself, and what units do.

    Of one unit that is asked for, this is what `holistic ask` answers, too: what isn't settled of
    it as well, and numbers that would be too many of all units.

    Parameters
    ----------
    audit
        What is read.
    site, unit
        The unit that is asked for; of all units those are named of which something stands out.
    """
    if unit is not None:
        yield from _of_unit(audit, site, unit)
        return
    yield from (claim for claim in claims(audit) if claim.holds)
    yield from conflicts(audit)
    yield from _of_units(audit)


def _of_units(audit: Folder) -> Iterator[Claim]:
    for lens in audit.lenses:
        if make := brought(lens, "claims", "of_units"):
            with showing(audit), suppress(LacksColumn):
                yield from make(audit)


def _of_unit(audit: Folder, site: str, unit: int) -> Iterator[Claim]:
    """The lines that answer for a unit as claims, and of the other ones those about it."""
    answered = set[str]()
    for lens in audit.lenses:
        if make := brought(lens, "answers", "unit"):
            with showing(audit), suppress(LacksColumn):
                for line in make(audit, site, unit):
                    answered.add(line.finding)
                    rests = _rows_of(audit, line, site, unit)
                    yield Claim(
                        line.words, line.finding, True, value=line.value, where=rests, site=site,
                        of_unit=unit,
                    )  # fmt: skip
    for claim in _of_units(audit):
        if (claim.site, claim.of_unit) == (site, unit) and claim.finding not in answered:
            yield claim


def _rows_of(audit: Folder, line: Line, site: str, unit: int) -> dict[str, Any]:
    """What the rows behind a line have: the unit, as far as the table names it so."""
    names = audit[line.finding].names if line.finding in audit else ()
    return {name: v for name, v in (("site", site), ("unit", unit)) if name in names}
