"""Writes a reproduction for a terminal: each line of the origin beside ours, in 40 lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from rich.console import Group
from rich.text import Text

from holistic.report.opening import facts_line
from holistic.reproducing.origin import in_words, range_in_words
from holistic.reproducing.schemas import LineRow
from holistic.reproducing.verdicts import VERDICTS, summed
from holistic.results.folder import Folder

__all__ = ["printed"]

_WIDTH = 80
_STYLES: dict[str, str] = dict(zip(VERDICTS, ("red", "yellow", "green"), strict=True))
_HEADS = f"{'':2}{'':28}{'the origin':<13}{'ours':<15}{'in the next':<15}control"


def printed(audit: Folder) -> Group:
    """Build what is printed at the end: two lines for each result, under the names of lenses.

    Parameters
    ----------
    audit
        Holds `reproduce.lines`.
    """
    rows = list(audit["reproduce.lines"].rows(LineRow))
    facts = " · ".join(fact.words for fact in facts_line(audit))
    head = f"{audit.provenance['model']} on {audit.provenance['data']}"
    lines = [
        Text.assemble((head, "bold"), f" · {facts}"),
        Text(f"{summed([row.verdict for row in rows])}.", style="bold"),
        Text(_HEADS, style="dim"),
    ]
    for lens, own in groupby(rows, key=lambda row: row.lens):
        lines.append(Text(lens.upper(), style="bold"))
        for row in own:
            lines += _result(row)
    return Group(*lines)


def _result(row: LineRow) -> Iterator[Text]:
    """Write the numbers of a line, and below them the verdict and as much of its reason as fits."""
    word = "%" if row.unit == "share" else row.unit
    ours = in_words(row.ours.value, row.unit)
    ahead, control = (
        words.removesuffix(f" {word}")
        for words in (
            range_in_words(row.next_lo, row.next_hi, row.unit),
            in_words(row.ours.control, row.unit),
        )
    )
    yield Text(f"  {row.title:<28}{row.origin:<13}{ours:<15}{ahead:<15}{control}"[:_WIDTH])
    near = " (near its bound)" if row.near else ""
    why = textwrap.shorten(row.why, _WIDTH - 6 - len(row.verdict + near), placeholder=" …")
    yield Text.assemble("    ", (row.verdict, _STYLES[row.verdict]), f"{near}: {why}")
