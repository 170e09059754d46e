"""Which pictures belong to a finding?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from holistic.results.findings import Finding
from holistic.results.folder import Folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figures_of"]

Draw = Callable[[Finding, Folder], "Iterator[tuple[Figure, str]]"]


def _drawings() -> dict[str, Draw]:
    """By finding, the function that draws its pictures, each with a caption."""
    from holistic.report.figures import effects, images, removal, structure, units

    return {
        "ablation.units": effects.unit_effects,
        "ablation.topk": effects.removal_curves,
        "ablation.interactions": effects.interactions,
        "ablation.curves": removal.whole_curves,
        "ablation.collateral": removal.collateral,
        "ablation.direct": removal.direct,
        "ablation.shapley": removal.shares,
        "activation.units": effects.selectivity,
        "activation.examples": images.walls,
        "activation.depth": units.depth,
        "activation.concepts": units.concepts,
        "activation.tuning": units.tuning,
        "activation.synthetic": units.synthetic,
        "attribution.methods": images.maps,
        "attribution.contrasts": images.contrasts,
        "mechanism.clusters": structure.clusters,
        "mechanism.flow": structure.flow,
        "mechanism.pairs": structure.correlations,
        "tracing.patching": structure.patching,
        "tracing.directions": structure.directions,
        "agreement.lenses": structure.agreement,
        "agreement.units": structure.verdicts,
    }


def figures_of(finding: Finding, audit: Folder) -> Iterator[tuple[str, str]]:
    """Draw a finding's pictures: data URI and caption each; none where nobody drew it yet."""
    from holistic.report.figures.drawing import data_uri

    draw = _drawings().get(finding.name)
    if draw is not None and len(finding.table):
        for figure, caption in draw(finding, audit):
            yield data_uri(figure), caption
