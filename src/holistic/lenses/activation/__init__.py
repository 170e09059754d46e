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

_FEWEST = {
    "top": 1, "quantiles": 0, "random": 0, "shuffles": 20, "most_examples": 4,
    "copies": 19, "probes": 20, "synthesised": 0, "steps": 1, "starts": 1,
}  # fmt: skip


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

    copies: int = 99
    """Untrained copies that trends, tuning and concepts are compared with.

    No p of `depth` can fall below 1 / (copies + 1)."""
    probes: int = 500
    """Examples of each split that concepts and trends are measured on, also in the copies."""
    synthesised: int = 4
    """Units of each site for which inputs are synthesised; 0 turns that off, as do huge inputs."""
    steps: int = 96
    """Steps of gradient ascent of a synthesised input."""
    starts: int = 3
    """Inputs synthesised per unit, each from its own random start."""

    def __post_init__(self) -> None:
        if self.reduction not in ("mean", "max"):
            raise SettingError(f"activation: reduction is 'mean' or 'max', got '{self.reduction}'")
        for setting, least in _FEWEST.items():
            got = getattr(self, setting)
            if got < least:
                raise SettingError(f"activation: {setting} must be at least {least}, got {got}")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield the findings `units`, `examples`, `depth`, `concepts`, `tuning`, `synthetic`.

        The last two are there for pictures only.
        """
        from holistic.lenses.activation.copies import MEASURES, compare
        from holistic.lenses.activation.depth import depth_finding
        from holistic.lenses.activation.examples import examples_finding
        from holistic.lenses.activation.labels import concepts_finding
        from holistic.lenses.activation.stimuli import drawable
        from holistic.lenses.activation.survey import survey
        from holistic.lenses.activation.synthetic import synthetic_finding
        from holistic.lenses.activation.tuning import tuning_finding
        from holistic.lenses.activation.units import units_finding

        found = survey(subject, self, context.progress)
        yield units_finding(subject, self, found)
        yield examples_finding(subject, self, found)
        compared = compare(subject, self, context.progress, fresh=found.fresh)
        shown = ("tuning grating",) if compared.stimuli else ()
        yield depth_finding(compared, measures=(*MEASURES, *shown), seed=subject.seed)
        yield concepts_finding(compared)
        if drawable(subject.images):
            yield tuning_finding(subject, compared)
            if self.synthesised:
                yield synthetic_finding(subject, self, found, context.progress)
