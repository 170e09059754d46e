"""Which input pixels decide?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from holistic.errors import SettingError
from holistic.lens import Context, Lens

if TYPE_CHECKING:
    from holistic.findings import Finding
    from holistic.subject import Subject

__all__ = ["Attribution"]

_OBJECTIVES = ("logit", "margin", "log_prob")
_FEWEST = {"examples": 4, "steps": 2, "noise_draws": 1, "fractions": 2, "random_orders": 1}


@dataclass(frozen=True)
class Attribution(Lens):
    """Attribution maps by four methods, each put through tests that a wrong map would fail."""

    name: ClassVar[str] = "attribution"
    question: ClassVar[str] = "which input pixels decide?"

    objective: Literal["logit", "margin", "log_prob"] = "logit"
    """Number that is attributed to the pixels, for each example's own class."""
    examples: int = 200
    """Evaluation images that methods are tested on, as many of each class as can be."""
    steps: int = 32
    """Points on the way from the baseline at which integrated gradients takes a gradient."""
    noise: float = 0.15
    """Standard deviation of SmoothGrad's noise, as a share of the range of the inputs."""
    noise_draws: int = 16
    """Noisy copies of an image that SmoothGrad averages over."""
    fractions: int = 16
    """Steps in which all pixels are removed or put in."""
    random_orders: int = 5
    """Random orders of the pixels behind the control of removal."""
    tolerance: float = 0.05
    """Completeness fails where a map's sum misses the change of the objective by more."""
    similar: float = 0.5
    """A rank correlation with an untrained copy's map or with edges fails from here on."""

    def __post_init__(self) -> None:
        if self.objective not in _OBJECTIVES:
            raise SettingError(
                f"attribution: objective is 'logit', 'margin' or 'log_prob', got '{self.objective}'"
            )
        for setting, least in _FEWEST.items():
            got = getattr(self, setting)
            if got < least:
                raise SettingError(f"attribution: {setting} must be at least {least}, got {got}")
        for setting in ("noise", "tolerance", "similar"):
            got = getattr(self, setting)
            if not 0 < got <= 1:
                raise SettingError(f"attribution: {setting} must be above 0, to 1, got {got}")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `attribution.methods` and `attribution.contrasts`."""
        from holistic.lenses.attribution.contrasts import contrasts_finding
        from holistic.lenses.attribution.methods import methods_finding

        methods = methods_finding(subject, self, context.progress)
        yield methods
        yield contrasts_finding(subject, self, methods.table, context.progress)
