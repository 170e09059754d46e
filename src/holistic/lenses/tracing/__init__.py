"""The lens `tracing` follows the decision through sites and along class directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context, Lens, setting

if TYPE_CHECKING:
    from holistic.lenses._work import Scene, Work
    from holistic.results.findings import Finding
    from holistic.study.subject import Subject

__all__ = ["Tracing"]


@dataclass(frozen=True)
class Tracing(Lens):
    """Activation patching between real images of two classes, and class directions put to use."""

    name: ClassVar[str] = "tracing"
    question: ClassVar[str] = (
        "through which sites does the decision flow, and along which directions?"
    )

    pairs: int = setting(8, 1, 10_000, quick=2)
    """Pairs of evaluation images that are drawn for every two classes."""
    rivals: int = setting(9, 1, 10_000, quick=3, least=1)
    """With how many others each class is paired; with more classes the most confused are taken."""
    guard: float = setting(0.1, 0, 0.999_999)
    """Pairs whose gap is below this share of the median gap are excluded."""
    controls: int = setting(200, 20, 10_000, quick=30, least=20)
    """Random directions that steering and erasing are compared with, per site."""
    examples: int = setting(512, 20, 10_000_000, quick=100, least=20)
    """Most evaluation images that dose curves are measured on (eight times as many for erasing)."""
    operations: float = setting(2e11, 0, 1e24, quick=2e11, least=3e10)
    """Multiplications that a site's random directions may cost: of a dearer model fewer images are
    steered and erased, and fewer directions are drawn again."""

    @settled(gradients=True)
    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `tracing.patching`, `tracing.geometry` and `tracing.directions`."""
        from holistic.lenses.tracing._fitted_directions import collect
        from holistic.lenses.tracing.directions import find_directions
        from holistic.lenses.tracing.geometry import geometry
        from holistic.lenses.tracing.patching import patch_sites

        yield patch_sites(subject, self, context.progress)
        features = collect(subject, context.progress)
        yield geometry(subject, features)
        yield find_directions(subject, self, features, context.progress)

    def work(self, scene: Scene) -> Work:
        """Count what the lens is going to take with these settings."""
        from holistic.lenses.tracing._work import work

        return work(scene, self)
