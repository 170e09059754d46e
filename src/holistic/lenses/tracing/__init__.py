"""Through which sites does the decision flow, and along which directions?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from holistic.errors import SettingError
from holistic.lens import Context, Lens

if TYPE_CHECKING:
    from holistic.findings import Finding
    from holistic.subject import Subject

__all__ = ["Tracing"]


@dataclass(frozen=True)
class Tracing(Lens):
    """Activation patching between real images of two classes, and class directions put to use."""

    name: ClassVar[str] = "tracing"
    question: ClassVar[str] = (
        "through which sites does the decision flow, and along which directions?"
    )

    pairs: int = 8
    """Pairs of evaluation images that are drawn for every two classes."""
    rivals: int = 9
    """With how many others each class is paired; with more classes the most confused are taken."""
    guard: float = 0.1
    """Pairs whose gap is below this share of the median gap are excluded."""
    controls: int = 200
    """Random directions that steering and erasing are compared with, per site."""
    examples: int = 512
    """Most evaluation images that dose curves are measured on (eight times as many for erasing)."""

    def __post_init__(self) -> None:
        least = {"pairs": 1, "rivals": 1, "controls": 20, "examples": 20}
        for setting, low in least.items():
            if getattr(self, setting) < low:
                got = getattr(self, setting)
                raise SettingError(f"tracing: {setting} must be at least {low}, got {got}")
        if not 0 <= self.guard < 1:
            raise SettingError(f"tracing: guard must be from 0 to below 1, got {self.guard}")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `tracing.patching`, `tracing.geometry` and `tracing.directions`."""
        from holistic.lenses.tracing.directions import collect
        from holistic.lenses.tracing.geometry import geometry
        from holistic.lenses.tracing.patching import patch_sites
        from holistic.lenses.tracing.readout import find_directions

        yield patch_sites(subject, self, context.progress)
        features = collect(subject, context.progress)
        yield geometry(subject, features)
        yield find_directions(subject, self, features, context.progress)
