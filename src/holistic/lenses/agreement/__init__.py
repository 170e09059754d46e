"""Do the lenses agree about the units, and where does one mislead?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from holistic.errors import SettingError
from holistic.lens import Context, Lens

if TYPE_CHECKING:
    from holistic.findings import Finding
    from holistic.subject import Subject

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

    shuffles: int = 1000
    """Shuffles of the units that every rank correlation is compared with."""
    examples: int = 2000
    """Most evaluation images that the units' attributions are averaged over."""
    copies: int = 3
    """Untrained copies whose units set the bound for calling a unit selective."""

    def __post_init__(self) -> None:
        least = {"shuffles": 99, "examples": 1, "copies": 1}
        for setting, low in least.items():
            if getattr(self, setting) < low:
                got = getattr(self, setting)
                raise SettingError(f"agreement: {setting} must be at least {low}, got {got}")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `agreement.lenses`, `agreement.pairs`, `agreement.units`, `agreement.removed`."""
        from holistic.lenses.agreement.rankings import compare_lenses
        from holistic.lenses.agreement.removed import remove_together
        from holistic.lenses.agreement.scores import unit_scores
        from holistic.lenses.agreement.verdicts import judge_units

        scores = unit_scores(subject, self, context)
        yield from compare_lenses(subject, self, scores)
        verdicts = judge_units(subject, self, scores, context)
        yield verdicts
        yield remove_together(subject, verdicts.table, context)
