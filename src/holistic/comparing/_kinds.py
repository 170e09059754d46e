"""Puts statements together that differ only in the class or the layer that they are about."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.comparing.schemas import Statement
from holistic.results.folder import Folder
from holistic.words import joined, named

__all__ = ["Kind", "kinds"]

_SHOWN = 4
"""Classes or layers that a line names."""


@dataclass(frozen=True)
class Kind:
    """Statements of one kind and one verdict.

    Attributes
    ----------
    words
        What they state, of any class and layer.
    rows
        The statements.
    of
        How many statements of this kind there are, of any verdict.
    """

    words: str
    rows: tuple[Statement, ...]
    of: int

    def line(self, layers: dict[str, str]) -> str:
        """Write them as one sentence, with the classes or layers that they are about."""
        about = list(dict.fromkeys(filter(None, (_about(row, layers) for row in self.rows))))
        chooses = any(row.answers for row in self.rows)
        split = any(0 < row.audits < row.asked for row in self.rows)
        if len(self.rows) == 1 and not (chooses or split):
            return self.rows[0].about
        if len(self.rows) == self.of and not (chooses or split):
            return f"{self.words} (all {self.of})."
        shown = 2 if chooses else _SHOWN
        more = [f"{len(about) - shown} more"] if len(about) > shown else []
        parts = [*about[:shown], *more]
        if chooses or split:
            return f"{self.words}: {'; '.join(filter(None, parts))}."
        return f"{self.words} ({joined(parts)} of {self.of})."


def kinds(audit: Folder, verdict: str) -> list[Kind]:
    """Return the kinds of statements with a verdict: first of all classes, then of each."""
    found = dict[str, list[Statement]]()
    for row in audit["compare.statements"].rows(Statement):
        found.setdefault(row.kind, []).append(row)
    own = [
        Kind(words, mine, len(every))
        for words, every in found.items()
        if (mine := tuple(row for row in every if row.verdict == verdict))
    ]
    return sorted(own, key=lambda kind: (bool(kind.rows[0].class_), -len(kind.rows)))


def _about(row: Statement, layers: dict[str, str]) -> str:
    """The class and the layer that a statement is about, and its answers where it has any."""
    layer = layers.get(row.site, row.site)
    place = " at ".join(filter(None, (named(row.class_) if row.class_ else "", layer)))
    if row.answers:
        return f"{place}: {row.answers}"
    return f"{place} {row.audits} of {row.asked}".strip() if 0 < row.audits < row.asked else place
