"""Draws the pictures of a finding as pages hold them."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.report.drawn import figures
from holistic.results.findings import Finding
from holistic.results.folder import Folder

__all__ = ["figures_of"]


def figures_of(finding: Finding, audit: Folder) -> Iterator[tuple[str, str]]:
    """Draw a finding's pictures: data URI and caption each; none where nobody draws it."""
    from holistic.results.drawing import data_uri

    for figure, caption in figures(finding, audit):
        yield data_uri(figure), caption
