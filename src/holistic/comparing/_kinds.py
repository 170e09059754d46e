"""Puts statements together that differ only in the class or the layer that they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holistic.comparing.schemas import Statement
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
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
        if len(self.rows) == 1:
            return self.rows[0].about
        about = list(dict.fromkeys(_about(row, layers) for row in self.rows))
        if len(self.rows) == self.of:
            return f"{self.words} (all {self.of})."
        more = [f"{len(about) - _SHOWN} more"] if len(about) > _SHOWN else []
        return f"{self.words} ({joined([*about[:_SHOWN], *more])} of {self.of})."


def kinds(rows: Iterable[Statement], audit: Folder, verdict: str) -> list[Kind]:
    """Return the kinds of statements with a verdict, those of most statements first."""
    layers, found = layer_names(audit), dict[str, list[Statement]]()
    for row in rows:
        found.setdefault(_blanked(row, layers), []).append(row)
    own = [
        Kind(words, mine, len(every))
        for words, every in found.items()
        if (mine := tuple(row for row in every if row.verdict == verdict))
    ]
    return sorted(own, key=lambda kind: -len(kind.rows))


def _blanked(row: Statement, layers: dict[str, str]) -> str:
    """What is stated, without the class and the layer."""
    words = row.about.removesuffix(".")
    if row.class_:
        words = (
            words.replace(named(row.class_), "A class", 1)
            if words.startswith(named(row.class_))
            else words.replace(named(row.class_), "a class")
        )
    if row.site:
        words = words.replace(layers.get(row.site, row.site), "a layer")
    return words


def _about(row: Statement, layers: dict[str, str]) -> str:
    parts = [named(row.class_)] if row.class_ else []
    parts += (
        [f"at {layers.get(row.site, row.site)}" if parts else layers.get(row.site, row.site)]
        if row.site
        else []
    )
    return " ".join(parts)
