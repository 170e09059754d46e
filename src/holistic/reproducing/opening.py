"""Shows first how many of the origin's results came again, and which."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.reproducing.briefs import lines
from holistic.reproducing.origin import in_words
from holistic.reproducing.schemas import LineRow
from holistic.reproducing.verdicts import IN_KIND, NOT, YES
from holistic.results.folder import Folder
from holistic.results.opening import Headline, Opening, Panel
from holistic.words import sentence

__all__ = ["opening"]

_FINDING = "reproduce.lines"
_HEADS = {
    YES: "Comes again, number and all",
    IN_KIND: "Is so, but the number or a part of it is another",
    NOT: "Is no more than its control shows",
}


def opening(audit: Folder) -> Opening:
    """Return the sentence on top, and a panel for each verdict."""
    if _FINDING not in audit:
        return Opening()
    headline = Headline(lines(audit.finding(_FINDING), audit), _FINDING, 1.0)
    panels = tuple(_panels(list(audit[_FINDING].rows(LineRow))))
    return Opening(headline, panels=panels, picture=_FINDING)


def _panels(rows: list[LineRow]) -> Iterator[Panel]:
    for place, (verdict, title) in enumerate(_HEADS.items()):
        own = [row for row in rows if row.verdict == verdict]
        if own:
            evidence = "; ".join(f"{row.title}: {row.why}" for row in own)
            words = tuple(_line(row) for row in own)
            yield Panel(
                verdict, title, words, _FINDING, place, evidence=evidence, bare=True, listed=True
            )


def _line(row: LineRow) -> str:
    """Set our number beside the origin's, or beside the control where the origin has none."""
    ours = in_words(row.ours.value, row.unit)
    other = f"the origin {row.origin}"
    if row.origin == "yes":
        other = f"control {in_words(row.ours.control, row.unit)}"
    near = ", near its rule's bound" if row.near else ""
    return f"{sentence(row.title)}: {ours}, {other}{near}."
