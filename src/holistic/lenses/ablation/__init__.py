"""Which neurons does each class depend on?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from holistic.errors import SettingError
from holistic.lens import Context, Lens

if TYPE_CHECKING:
    from holistic.findings import Finding
    from holistic.subject import Subject

__all__ = ["Ablation"]


@dataclass(frozen=True)
class Ablation(Lens):
    """Exact removal of every unit, of growing sets of units, and of pairs."""

    name: ClassVar[str] = "ablation"
    question: ClassVar[str] = "which neurons does each class depend on?"

    edit: Literal["mean", "zero", "resample"] = "mean"
    """What a removed unit holds instead: its class-balanced mean over the selection split, zero,
    or its values on random examples."""
    depth: int = 50
    """Most units that the removal curves go up to."""
    sets: int = 200
    """Random sets of units that each removal is compared with."""
    partners: int = 10
    """Units of each site whose pairs are measured for interactions."""
    budget: float = 80.0
    """Gigabytes of values that the curves of one site may replay; a site that needs more is
    measured at fewer sizes and on fewer evaluation examples, and says so."""

    def __post_init__(self) -> None:
        least = {"depth": 1, "sets": 20, "partners": 2, "budget": 0}
        for setting, low in least.items():
            if getattr(self, setting) < low:
                got = getattr(self, setting)
                raise SettingError(f"ablation: {setting} must be at least {low}, got {got}")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `ablation.units`, `ablation.topk` and `ablation.interactions`."""
        from holistic.lenses.ablation.interactions import find_interactions
        from holistic.lenses.ablation.topk import remove_sets
        from holistic.lenses.ablation.units import remove_units
        from holistic.sweeps import sweep

        chosen = sweep(subject, edit=self.edit, split="selection", progress=context.progress)
        yield remove_units(subject, self, chosen, context.progress)
        yield remove_sets(subject, self, chosen, context.progress)
        yield find_interactions(subject, self, chosen, context.progress)
