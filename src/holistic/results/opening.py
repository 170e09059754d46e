"""The opening: one sentence, a row for each class and a few pictures, made by the lenses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from holistic.results.highlights import Card

__all__ = [
    "Bar",
    "Cell",
    "ClassColumn",
    "Example",
    "Headline",
    "Opening",
    "Panel",
    "Plane",
    "Strip",
]


@dataclass(frozen=True)
class Example:
    """An example to look at, by its place in the data."""

    place: int


@dataclass(frozen=True, eq=False)
class Plane:
    """Signed numbers that lie as the input does, to be drawn in two colours.

    Attributes
    ----------
    values
        `[H, W]` float; a row of features is `[1, F]`. Negative costs the class.
    words
        What is seen, for those who can't see it.
    """

    values: np.ndarray
    words: str


@dataclass(frozen=True)
class Bar:
    """A share before and after a change, beside the same change made at random.

    Attributes
    ----------
    before, after, control
        Shares from 0 to 1; `control` is what is left after the random change.
    """

    before: float
    after: float
    control: float


@dataclass(frozen=True)
class Cell:
    """What the row of a class shows in one column.

    Attributes
    ----------
    words
        What is written; a terminal shows nothing else.
    evidence
        The same with interval, n, control, p and q: shown on demand.
    plane, bar
        What is drawn.
    card
        What it leads to. A unit's card brings the examples that drive it most along.
    """

    words: str = ""
    evidence: str = ""
    plane: Plane | None = None
    bar: Bar | None = None
    card: Card | None = None


@dataclass(frozen=True)
class ClassColumn:
    """One column of the rows of classes.

    Attributes
    ----------
    head
        What stands above it.
    finding
        The finding that it is from.
    cells
        By the class's name; a class may have none.
    place
        Columns stand in the order of their places.
    short
        What a terminal writes above it; columns without it stay on pages.
    sample
        On how many of the examples it was measured, where not on all.
    """

    head: str
    finding: str
    cells: Mapping[str, Cell]
    place: int
    short: str = ""
    sample: str = ""


@dataclass(frozen=True)
class Strip:
    """Pictures side by side: of examples, or those of a unit that `card` names."""

    label: str
    examples: tuple[Example, ...] = ()
    card: Card | None = None


@dataclass(frozen=True)
class Panel:
    """One answer with its pictures, beside the rows of the classes.

    Attributes
    ----------
    name
        One word that a terminal writes before it.
    title
        The answer in a few words.
    lines
        Sentences of at most 25 words and two numbers, mostly one.
    evidence
        The same with interval, n and control: shown on demand.
    finding
        The finding that it is from.
    place
        Panels stand in the order of their places.
    strips
        What is seen; a page shows no panel without any, unless `bare`.
    bare
        Whether a page shows it without pictures, too.
    listed
        Whether each sentence has a line of its own on a page, too.
    pictured
        Whether a page shows its pictures without the sentences.
    """

    name: str
    title: str
    lines: tuple[str, ...]
    finding: str
    place: int
    evidence: str = ""
    strips: tuple[Strip, ...] = ()
    bare: bool = False
    listed: bool = False
    pictured: bool = False


@dataclass(frozen=True)
class Headline:
    """The most important thing that a lens found, as one sentence.

    Attributes
    ----------
    words
        The sentence.
    finding
        The finding that it is from.
    weight
        How much of a class's accuracy hangs on it, from 0 to 1; the heaviest is shown.
    """

    words: str
    finding: str
    weight: float


@dataclass(frozen=True)
class Opening:
    """What a reader sees first; `picture` names a finding whose figure stands in place of rows."""

    headline: Headline | None = None
    columns: tuple[ClassColumn, ...] = field(default=())
    panels: tuple[Panel, ...] = field(default=())
    picture: str = ""
