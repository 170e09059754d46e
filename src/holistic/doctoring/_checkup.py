"""What a self-test found: whether all is sound, and what that means where it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holistic.doctoring.schemas import (
    COVERAGE,
    ENGINE,
    ENVIRONMENT,
    NETWORKS,
    RATES,
    TRUTHS,
    VERDICTS,
    VerdictRow,
)
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.words import counted, duration

__all__ = ["Checkup"]

_PARTS = {
    RATES.name: "false positives",
    COVERAGE.name: "intervals",
    ENGINE.name: "fast engine",
    ENVIRONMENT.name: "this machine",
}
_WIDTH = 24
_ROWS = 26
"""Verdicts that are listed one by one; of more those on built networks are added up."""
_LINES = 38
"""Lines that are printed, besides where the report lies."""


@dataclass(frozen=True)
class Checkup:
    """What a self-test found; `print` it to read it.

    Attributes
    ----------
    findings
        By name: `doctor.verdicts`, `.truths`, `.rates`, `.coverage`, `.engine`, `.environment`.
    subject
        What it was done on, in words.
    seconds
        What it took.
    notes
        What couldn't be done, and why.
    """

    findings: Mapping[str, Finding] = field(repr=False)
    subject: str
    seconds: float
    notes: Sequence[str] = ()

    def __getitem__(self, name: str) -> Table:
        return self.findings[name].table

    @property
    def failures(self) -> list[str]:
        """What isn't as it should be, and what that means for a reader, a line each."""
        return [
            line
            for name, finding in self.findings.items()
            if name != TRUTHS.name and not all(finding.table.cells("sound"))
            for line in finding.statements
        ]

    @property
    def healthy(self) -> bool:
        """Whether every verdict, test, interval and engine does as it should."""
        return not self.failures

    def __str__(self) -> str:
        lines = [*self._lines()]
        room = _LINES - len(lines)
        failures = [f"- {line}" for line in self.failures]
        if failures and len(failures) > room:
            failures = failures[: max(1, room - 1)]
            failures.append(f"- … and {len(self.failures) - len(failures)} more, in the JSON.")
        return "\n".join([*lines, *failures])

    def record(self) -> dict[str, Any]:
        """Return all of it for other programs, as JSON has it."""
        return {
            "subject": self.subject,
            "healthy": self.healthy,
            "failures": self.failures,
            "notes": [*self.notes],
            "seconds": round(self.seconds, 1),
            "findings": {name: [*finding.table.rows()] for name, finding in self.findings.items()},
        }

    def _lines(self) -> Iterator[str]:
        yield f"self-test of holistic on {self.subject}, {duration(self.seconds)}"
        yield ""
        if VERDICTS.name in self.findings:
            rows = [*self[VERDICTS.name].rows(VerdictRow)]
            yield from _table(rows, all_sound=all(row.sound for row in rows))
        for name, words in _PARTS.items():
            if name in self.findings:
                finding = self.findings[name]
                yield f"{words:<{_WIDTH - 6}}{finding.statements[0]}"
        yield from (f"{'note':<{_WIDTH - 6}}{note}" for note in self.notes)
        yield ""
        if self.healthy:
            yield "healthy: on this machine verdicts are right as often as they should be."
            return
        yield f"not healthy: {counted(len(self.failures), 'thing')} failed."


def _table(rows: Sequence[VerdictRow], *, all_sound: bool) -> Iterator[str]:
    """Lay out what was found of what was planted, by network; where some fail, those alone."""
    for network in dict.fromkeys(row.network for row in rows):
        own = [row for row in rows if row.network == network]
        shown = [row for row in own if all_sound or not row.sound]
        yield f"{network:<{_WIDTH}}{'planted, found':>16}{'decoys, named':>16}"
        if all_sound and len(rows) > _ROWS and network == NETWORKS:
            yield _sum(own)
            continue
        yield from map(_line, shown)
        if len(shown) < len(own):
            yield f"{counted(len(own) - len(shown), 'sound verdict')} left out"
        yield ""


def _sum(rows: Sequence[VerdictRow]) -> str:
    """Add up the verdicts of a network, where there are too many to list."""
    found, planted = (
        sum(n) for n in zip(*((r.found, r.sensitivity.n or 0) for r in rows), strict=True)
    )
    named, decoys = (
        sum(n) for n in zip(*((r.named, r.specificity.n or 0) for r in rows), strict=True)
    )
    words = f"{found:,} of {planted:,}", f"{named:,} of {decoys:,}"
    return f"{counted(len(rows), 'verdict'):<{_WIDTH}}{words[0]:>16}{words[1]:>16}\n"


def _line(row: VerdictRow) -> str:
    planted = f"{row.found} of {row.sensitivity.n}" if row.sensitivity.n else "-"
    decoys = f"{row.named} of {row.specificity.n}" if row.specificity.n else "-"
    fault = "" if row.sound else "  FAILS"
    return f"{row.verdict:<{_WIDTH}}{planted:>16}{decoys:>16}{fault}"
