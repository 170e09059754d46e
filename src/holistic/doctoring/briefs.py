"""Says in one short sentence what each finding of a self-test found."""

from __future__ import annotations

from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import counted

__all__ = ["coverage", "engine", "environment", "rates", "truths", "verdicts"]


def verdicts(finding: Finding, audit: Folder) -> str:
    """Say how much of what is planted all verdicts find, and what they name wrongly."""
    found, planted, named, decoys = (
        int(finding.table.column(name).sum()) for name in ("found", "planted", "named", "decoys")
    )
    return (
        f"Verdicts find {found:,} of {counted(planted, 'planted answer')}, and name {named:,} of "
        f"{counted(decoys, 'decoy')}."
    )


def truths(finding: Finding, audit: Folder) -> str:
    """Say in how many kinds of truths a verdict fails."""
    return _sound(finding, "planted truth", "verdict")


def rates(finding: Finding, audit: Folder) -> str:
    """Say how often something is found where nothing is."""
    found, tests = (int(finding.table.column(name).sum()) for name in ("found", "tests"))
    return f"Where nothing is, something is found in {found:,} of {counted(tests, 'test')}."


def coverage(finding: Finding, audit: Folder) -> str:
    """Say how often an interval holds the truth, at least."""
    least = float(finding.table.column("share").min())
    return f"95 % intervals hold the truth in {100 * least:.0f} % of draws, or more."


def engine(finding: Finding, audit: Folder) -> str:
    """Say how far the engines lie apart."""
    if not len(finding.table):
        return "Models that run under hooks alone have no fast engine to compare."
    most = float(finding.table.column("difference").max())
    return f"The fast engine and hooks differ by {most:.0e} of a logit's size, or less."


def environment(finding: Finding, audit: Folder) -> str:
    """Say whether numbers can be relied on here."""
    return finding.statements[0]


def _sound(finding: Finding, what: str, whose: str) -> str:
    sound = finding.table.cells("sound")
    wrong = len(sound) - sum(sound)
    if not wrong:
        return f"Every {whose} finds what it should in all {counted(len(sound), what)}."
    return f"{counted(wrong, whose)} of {len(sound)} {'fails' if wrong == 1 else 'fail'}."
