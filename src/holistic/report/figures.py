"""Finds who draws a finding: the function of its name in its lens's module `figures`."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.report.places import brought
from holistic.results.findings import Finding
from holistic.results.folder import Folder

__all__ = ["figures_of"]


def figures_of(finding: Finding, audit: Folder) -> Iterator[tuple[str, str]]:
    """Draw a finding's pictures: data URI and caption each; none where nobody draws it."""
    from holistic.results.drawing import data_uri

    draw = brought(finding.lens, "figures", finding.name.partition(".")[2])
    if draw is not None and len(finding.table):
        for figure, caption in draw(finding, audit):
            yield data_uri(figure), caption
