"""The lens `activation` says what each neuron responds to, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context, Lens, setting

if TYPE_CHECKING:
    from holistic.lenses._work import Scene, Work
    from holistic.results.findings import Finding
    from holistic.study.subject import Subject

__all__ = ["Activation"]


@dataclass(frozen=True)
class Activation(Lens):
    """Statistics of every unit in every class, how well it tells the class, and examples of it."""

    name: ClassVar[str] = "activation"
    question: ClassVar[str] = "what does each neuron respond to, layer by layer?"

    reduction: Literal["mean", "max"] = "mean"
    """How a unit's values over its positions become one number an example."""
    top: int = setting(9, 1, 1000)
    """Examples shown per unit with its largest values."""
    quantiles: int = setting(5, 0, 1000)
    """Examples shown per unit at evenly spaced quantiles of its values."""
    random: int = setting(9, 0, 1000)
    """Examples shown per unit that are drawn at random."""
    shuffles: int = setting(200, 20, 100_000, quick=50)
    """Shuffles of the labels behind the control of the AUROCs."""
    most_examples: int = setting(20_000, 4, 10_000_000, quick=2000)
    """Examples of each split that are read at most; above that every class keeps its share."""

    controls: int = setting(99, 19, 10_000, quick=19)
    """Randomly initialised controls that trends, tuning and concepts are compared with.

    No p of `depth` can fall below 1 / (controls + 1)."""
    probes: int = setting(500, 20, 10_000_000, quick=100, least=40)
    """Examples of each split that concepts and trends are measured on, also in the controls."""
    phases: int = setting(8, 4, 1000, quick=8, least=4)
    """Gratings, bars and edges of each orientation that tuning is measured with, also there: half
    of them choose, half measure."""
    visualised: int = setting(4, 0, 1000, quick=1)
    """Units of each site whose features are visualised; 0 turns that off, as do huge inputs."""
    steps: int = setting(96, 1, 100_000, quick=32, least=24)
    """Steps of gradient ascent of a feature visualisation."""
    starts: int = setting(3, 1, 1000, quick=1)
    """Feature visualisations per unit, each from its own random start."""

    @settled(gradients=True)
    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `units`, `examples`, `depth`, `concepts`, for pictures more.

        These are `tuning` and `visualisations`, `maps` of models with convolutions, and `attention`
        of models that attend to patches.
        """
        from holistic.lenses.activation._profiles import survey
        from holistic.lenses.activation._stimuli import drawable
        from holistic.lenses.activation._untrained import MEASURES, compare
        from holistic.lenses.activation.attention import attention_finding
        from holistic.lenses.activation.concepts import concepts_finding
        from holistic.lenses.activation.depth import depth_finding
        from holistic.lenses.activation.examples import examples_finding
        from holistic.lenses.activation.maps import maps_finding, spatial
        from holistic.lenses.activation.tuning import tuning_finding
        from holistic.lenses.activation.units import units_finding
        from holistic.lenses.activation.visualisations import visualise_units

        found = survey(subject, self, context.progress)
        yield units_finding(subject, self, found)
        yield examples_finding(subject, self, found)
        compared = compare(subject, self, context.progress)
        shown = ("tuning grating",) if compared.stimuli else ()
        yield depth_finding(compared, measures=(*MEASURES, *shown), seed=subject.seed)
        yield concepts_finding(compared, pictures=subject.input_kind.pictures)
        context.progress("maps over images", 0, 2)
        if spatial(subject):
            yield maps_finding(subject, self)
        context.progress("maps over images", 1, 2)
        if (looks := attention_finding(subject, self)) is not None:
            yield looks
        context.progress("maps over images", 2, 2)
        if subject.input_kind.pictures and drawable(subject.images):
            yield tuning_finding(subject, compared)
            if self.visualised:
                yield visualise_units(subject, self, found, context.progress)

    def work(self, scene: Scene) -> Work:
        """Count what the lens is going to take with these settings."""
        from holistic.lenses.activation._work import work

        return work(scene, self)
