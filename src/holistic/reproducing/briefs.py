"""Says in one short sentence what each finding of a reproduction found."""

from __future__ import annotations

from collections import defaultdict

from holistic.reproducing.schemas import LineRow, PartRow, PictureRow, TrainingRow
from holistic.reproducing.verdicts import summed
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import joined, percent

__all__ = ["lines", "parts", "pictures", "trainings"]


def lines(finding: Finding, audit: Folder) -> str:
    """Say how many lines of the origin came out how."""
    return summed([row.verdict for row in finding.table.rows(LineRow)]) + "."


def parts(finding: Finding, audit: Folder) -> str:
    """Say how many aspects beat their control in every training."""
    rows = [row for row in finding.table.rows(PartRow) if row.role != "remark"]
    every = sum(row.beaten == row.trainings for row in rows)
    return f"{every} of {len(rows)} numbers behind the lines beat their control in every training."


def trainings(finding: Finding, audit: Folder) -> str:
    """Say how often trainings disagree."""
    answers = defaultdict[tuple[str, str, str], set[bool]](set)
    for row in finding.table.rows(TrainingRow):
        answers[row.line, row.way, row.aspect].add(row.beats)
    split = sum(len(own) > 1 for own in answers.values())
    return (
        f"In {split} of {len(answers)} numbers some trainings beat their control and others don't."
    )


def pictures(finding: Finding, audit: Folder) -> str:
    """Say in how many images each part was found."""
    shares = {
        row.line: row.found / row.looked for row in finding.table.rows(PictureRow) if row.looked
    }
    if not shares:
        return "No image has a part that could be erased."
    found = joined([f"a {line} in {percent(share, decimals=0)}" for line, share in shares.items()])
    return f"Found {found} of the digit's images."
