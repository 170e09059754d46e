"""What does each neuron respond to, layer by layer?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from holistic.errors import SettingError
from holistic.lens import Context, Lens

if TYPE_CHECKING:
    from holistic.findings import Finding
    from holistic.subject import Subject

__all__ = ["Activation"]

_FEWEST = {"top": 1, "quantiles": 0, "random": 0, "shuffles": 20, "most_examples": 4}


@dataclass(frozen=True)
class Activation(Lens):
    """Statistics of every unit in every class, how well it tells the class, and examples of it."""

    name: ClassVar[str] = "activation"
    question: ClassVar[str] = "what does each neuron respond to, layer by layer?"

    reduction: Literal["mean", "max"] = "mean"
    """How a unit's values over its positions become one number an example."""
    top: int = 9
    """Examples shown per unit with its largest values."""
    quantiles: int = 5
    """Examples shown per unit at evenly spaced quantiles of its values."""
    random: int = 9
    """Examples shown per unit that are drawn at random."""
    shuffles: int = 200
    """Shuffles of the labels behind the control of the AUROCs."""
    most_examples: int = 20_000
    """Examples of each split that are read at most; above that every class keeps its share."""

    def __post_init__(self) -> None:
        if self.reduction not in ("mean", "max"):
            raise SettingError(f"activation: reduction is 'mean' or 'max', got '{self.reduction}'")
        for setting, least in _FEWEST.items():
            got = getattr(self, setting)
            if got < least:
                raise SettingError(f"activation: {setting} must be at least {least}, got {got}")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `activation.units`, then `activation.examples`."""
        from holistic.lenses.activation.examples import examples_finding
        from holistic.lenses.activation.survey import survey
        from holistic.lenses.activation.units import units_finding

        found = survey(subject, self, context.progress)
        yield units_finding(subject, self, found)
        yield examples_finding(subject, self, found)
