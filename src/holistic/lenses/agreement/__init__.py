"""The lens `agreement`: whether the other lenses agree about the units, and where one misleads."""

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

__all__ = ["Agreement"]


@dataclass(frozen=True)
class Agreement(Lens):
    """Rank correlations between what the five lenses say of the units, and a verdict per unit."""

    name: ClassVar[str] = "agreement"
    question: ClassVar[str] = "do the lenses agree, and where does one mislead?"
    needs: ClassVar[tuple[str, ...]] = (
        "ablation",
        "activation",
        "attribution",
        "mechanism",
        "tracing",
    )

    shuffles: int = setting(1000, 99, 1_000_000, quick=200)
    """Shuffles of the units that every rank correlation is compared with."""
    examples: int = setting(2000, 1, 10_000_000, quick=200, least=60)
    """Most evaluation images that the units' attributions are averaged over."""
    attributed_by: Literal[
        "taylor", "conductance", "internal_gradient", "gradient_x_activation"
    ] = "taylor"
    """How units are attributed to: to first order what setting them to their mean costs, or by the
    slopes on the line from zeros to the image."""
    controls: int = setting(3, 1, 1000, quick=1)
    """Randomly initialised controls whose units set the bound for calling a unit selective."""

    pairs: int = setting(8, 1, 10_000, quick=2)
    """Pairs of selection images of every two classes on which it is chosen which class a unit
    carries."""
    rivals: int = setting(9, 1, 10_000, quick=3, least=1)
    """With how many others each class is paired there."""
    operations: float = setting(3e12, 0, 1e24, quick=1e11, least=2e10)
    """Floating-point operations that the removal of single units on the selection split may
    take."""
    fewest: int = setting(50, 20, 10_000_000, quick=50, least=20)
    """Fewest units that are removed there whatever it takes, on two fifths as many examples of each
    class."""

    @settled(gradients=True)
    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `agreement.lenses`, `agreement.pairs`, `agreement.units`, `agreement.removed`."""
        from holistic.lenses.agreement._scores import unit_scores
        from holistic.lenses.agreement.lenses import compare_lenses
        from holistic.lenses.agreement.removed import remove_together
        from holistic.lenses.agreement.units import judge_units

        scores = unit_scores(subject, self, context)
        yield from compare_lenses(subject, self, scores)
        verdicts = judge_units(subject, self, scores, context)
        yield verdicts
        yield remove_together(subject, verdicts.table, context)

    def work(self, scene: Scene) -> Work:
        """Count what the lens is going to take with these settings."""
        from holistic.lenses.agreement._work import work

        return work(scene, self)
