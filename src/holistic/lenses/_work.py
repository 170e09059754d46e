"""What a lens is going to take: counted from its settings, timed by a few passes of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from holistic.study.part import on_examples, on_sites

if TYPE_CHECKING:
    from holistic.graph.sites import Site
    from holistic.replacing.pace import Pace
    from holistic.study.subject import Subject

__all__ = ["Scene", "Work"]

MEGABYTE = 1e6


@dataclass(frozen=True)
class Work:
    """What a lens takes.

    Attributes
    ----------
    seconds
        By task, named as its progress is told.
    memory
        Bytes that it holds at a time beside model and data.
    """

    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    memory: float = 0.0

    @property
    def total(self) -> float:
        """Seconds of all tasks."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Scene:
    """A subject with the pace of its passes: what lenses count their work by.

    Attributes
    ----------
    subject, pace
        What is studied, and how long passes of it take.
    """

    subject: Subject
    pace: Pace

    @property
    def sites(self) -> Sequence[Site]:
        """The sites that are studied."""
        return self.subject.hidden_sites

    def at(self, sites: Sequence[str]) -> Scene:
        """Return the scene with these hidden sites alone."""
        return replace(self, subject=on_sites(self.subject, sites))

    def limited(self, count: int) -> Scene:
        """Return the scene with so many examples at most."""
        return replace(self, subject=on_examples(self.subject, count))

    @property
    def units(self) -> int:
        """Units of all of them."""
        return sum(site.units for site in self.sites)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.subject.classes)

    @property
    def counts(self) -> tuple[int, int]:
        """Examples of the selection and of the evaluation split."""
        return len(self.subject.selection), len(self.subject.evaluation)

    def replayed(self, site: Site, rows: float) -> float:
        """Seconds for replays of one unit on one example, so many times."""
        return rows * self.pace.rows[site.name]

    def rerun(self, site: Site, rows: float) -> float:
        """Seconds for running so many examples from a site's whole value on."""
        return rows * self.pace.sets[site.name]

    def forward(self, examples: float) -> float:
        """Seconds for running so many examples."""
        return examples * self.pace.forward

    def backward(self, examples: float) -> float:
        """Seconds for so many examples forth and back."""
        return examples * self.pace.backward

    def sums(self, seconds: float) -> float:
        """Seconds here for work beside the model, given those where its constants come from."""
        return seconds * self.pace.arithmetic
