"""What a first look at a model and its data says, as text, as a table in a notebook, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from textwrap import fill
from typing import Any

from holistic.checking.cost import Cost
from holistic.study.standing import Accuracy
from holistic.words import as_html, duration, percent, sentence

__all__ = ["Check", "Inputs", "Labels", "Line", "Recall"]

_COLUMNS = 88
_NAMED = 5
"""Classes that one line names at most."""
_HIGH = 0.98
"""Mean accuracy above which single classes aren't told."""


@dataclass(frozen=True)
class Line:
    """One line of what is shown; `warns` where something looks wrong."""

    name: str
    words: str
    warns: bool = False


@dataclass(frozen=True)
class Recall:
    """Share of one class's examples that the model is right on."""

    label: str
    accuracy: Accuracy


@dataclass(frozen=True)
class Labels:
    """An order of the labels with which the model does far better.

    Attributes
    ----------
    moved
        Pairs of a label's class and the class that the model means by it.
    order
        `[C]`, the output for each label: `order[labels]` are the labels in the model's order.
    accuracy
        With the labels in that order.
    """

    moved: tuple[tuple[str, str], ...]
    order: tuple[int, ...]
    accuracy: Accuracy


@dataclass(frozen=True)
class Inputs:
    """The inputs as given, and the usual conversion that fits the model far better.

    Attributes
    ----------
    shape
        Of one example.
    low, high, mean, spread
        Smallest and largest value, their mean and standard deviation.
    better
        The conversion in words; empty where none fits better.
    accuracy
        Under that conversion.
    tried
        Number of conversions that it was chosen from; 0 where accuracy left nothing to look for.
    """

    shape: tuple[int, ...]
    low: float
    high: float
    mean: float
    spread: float
    better: str = ""
    accuracy: Accuracy | None = None
    tried: int = 0


@dataclass(frozen=True)
class Check:
    """A first look at a model and its data.

    Attributes
    ----------
    model
        Name of the model.
    accuracy
        On examples of the evaluation split.
    usual
        Accuracy of always telling the most frequent class.
    by_chance
        Whether the accuracy is no better than chance.
    recalls
        Of each class that there are examples of.
    never
        Classes that the model never tells.
    weights
        Where the weights come from, as far as known.
    drawn
        Whether they look newly drawn; looked for where the accuracy is no better than chance.
    labels
        The better order of the labels; None where there is none.
    inputs
        The inputs and their best conversion.
    examples
        Numbers of examples: `selection`, `evaluation`, `unused`.
    sites
        Units of each hidden site.
    lenses
        Names of the lenses that are going to run.
    cost
        What they are going to take.
    """

    model: str
    accuracy: Accuracy
    usual: float
    by_chance: bool
    recalls: tuple[Recall, ...]
    never: tuple[str, ...]
    weights: str
    drawn: bool
    labels: Labels | None
    inputs: Inputs
    examples: dict[str, int]
    sites: dict[str, int]
    lenses: tuple[str, ...]
    cost: Cost = field(default_factory=Cost)

    def __str__(self) -> str:
        lines = [*self.lines(), *self.cost_lines()]
        width = max(len(line.name) for line in lines)
        return "\n".join(
            fill(
                f"{'!' if line.warns else ' '} {line.name:<{width}}  {line.words}",
                _COLUMNS,
                subsequent_indent=" " * (width + 4),
                break_long_words=False,
            )
            if line.name
            else " " * (width + 4) + line.words
            for line in lines
        )

    def _repr_html_(self) -> str:
        return as_html((line.name, line.words) for line in (*self.lines(), *self.cost_lines()))

    def record(self) -> dict[str, Any]:
        """Return it in plain JSON values, and the lines that are shown of it."""
        cost = {**asdict(self.cost), "seconds": self.cost.seconds}
        return {**asdict(self), "cost": cost, "lines": [asdict(line) for line in self.lines()]}

    def lines(self) -> Iterator[Line]:
        """What is shown, one line each."""
        yield Line("accuracy", self._accuracy(), self.by_chance)
        if recalls := self._recalls():
            yield Line("classes", recalls)
        if self.never:
            yield Line("never predicted", _some(self.never), True)
        if self.labels:
            yield Line("labels", _relabelled(self.labels), True)
        yield Line("inputs", self._inputs(), bool(self.inputs.better))
        newly = ", and they look newly drawn" if self.drawn else ""
        yield Line("weights", self.weights + newly, self.drawn)
        yield Line("examples", self._examples())
        units, places = sum(self.sites.values()), len(self.sites)
        lenses = ", ".join(self.lenses) if len(self.lenses) < 4 else f"{len(self.lenses)} lenses"
        yield Line(
            "will run", f"{lenses} over {units:,} units at {places} site" + "s" * (places > 1)
        )

    def cost_lines(self) -> Iterator[Line]:
        """What the run is going to take, and what would make that less."""
        yield Line("takes", self.cost.words())
        for line in self.cost.lines():
            yield Line("", line)
        for way, seconds in self.cost.cheaper:
            yield Line("cheaper", f"{way} takes about {duration(seconds)}")

    @property
    def remedy(self) -> str:
        """What would mend the accuracy, or what may be wrong, in one part of a sentence."""
        if self.inputs.better and self.inputs.accuracy:
            return f"inputs {self.inputs.better} give {percent(self.inputs.accuracy.value)}"
        if self.labels:
            return f"labels in another order give {percent(self.labels.accuracy.value)}"
        if self.drawn:
            return "its weights look newly drawn: pass the trained ones"
        return "check weights, inputs and labels"

    def _accuracy(self) -> str:
        accuracy = percent(self.accuracy.value, self.accuracy.lo, self.accuracy.hi)
        verdict = "no better than chance" if self.by_chance else "the most frequent class alone"
        return f"{accuracy} of {self.accuracy.n:,}; {verdict}: {percent(self.usual)}"

    def _recalls(self) -> str:
        if self.accuracy.value >= _HIGH:
            return ""
        lowest = sorted(self.recalls, key=lambda one: one.accuracy.value)[:_NAMED]
        fewest = ", ".join(
            f"{one.label} {percent(one.accuracy.value, decimals=0)}" for one in lowest
        )
        return f"fewest right: {fewest}" if len(self.recalls) > _NAMED else f"right: {fewest}"

    def _inputs(self) -> str:
        i = self.inputs
        shape = " × ".join(map(str, i.shape))
        shown = f"{shape}, {i.low:.3g} to {i.high:.3g}, mean {i.mean:.2g}, deviation {i.spread:.2g}"
        if i.better and i.accuracy:
            right = percent(i.accuracy.value, i.accuracy.lo, i.accuracy.hi)
            return f"{shown}. {sentence(i.better)} they give {right} (best of {i.tried} tried)"
        return shown + (f"; none of {i.tried} conversions fits better" if i.tried else "")

    def _examples(self) -> str:
        e = self.examples
        unused = f"; {e['unused']:,} unused" if e["unused"] else ""
        return f"{e['selection']:,} to choose on, {e['evaluation']:,} others to measure on{unused}"


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _relabelled(labels: Labels) -> str:
    pairs = _some(tuple(f"{mine}→{theirs}" for mine, theirs in labels.moved))
    right = percent(labels.accuracy.value, labels.accuracy.lo, labels.accuracy.hi)
    return f"your classes look permuted: {pairs}; with them accuracy is {right}"
