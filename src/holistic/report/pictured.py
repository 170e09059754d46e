"""Collects the pictures of examples that an audit's findings hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.report.damage import showing
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table

__all__ = ["SHOWN", "Pictured", "order_of", "pictured", "pictures_part"]

_NEEDED = ("ids", "labels")
"""Arrays without which examples can't be shown, beside their images or their values."""
SHOWN = "shown"
"""Part of an array of examples that are shown one by one: it is drawn from like any other array."""
_KINDS = {"top": 0, "quantile": 1, "random": 2}
"""Kinds of examples: of one rank, those of the first kind go before others."""


@dataclass(frozen=True, eq=False)
class Pictured:
    """Pictures of M examples, of all findings that hold some.

    Attributes
    ----------
    images
        uint8 `[M, H, W]` or `[M, H, W, 3]`; of examples that are no pictures their numbers,
        float32 `[M, channels, steps]`.
    ids, labels
        `[M]`, places in the data and class indices.
    predictions
        `[M]`, what the model says; None where it isn't recorded.
    plane
        Rows and columns of an input.
    table
        The first finding that holds some: its rows say which unit an example is shown for.
    ends
        What numbers are measured against, as `activation.examples` declares it; None without.
    """

    images: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray | None
    plane: tuple[int, int]
    table: Table
    ends: np.ndarray | None = None

    def row_of(self) -> dict[int, int]:
        """Row of each example's picture, by its place in the data."""
        return {int(example): row for row, example in enumerate(self.ids)}

    def of_unit(self, site: str, unit: int, count: int) -> list[int]:
        """Places in the data of the examples that drive a unit most, the largest first."""
        if not {"site", "unit", "kind", "rank", "example"} <= set(self.table.names):
            return []
        rows = self.table.where(site=site, unit=unit, kind="top").sort("rank").head(count).rows()
        return [int(row["example"]) for row in rows]

    def typical(self, label: int) -> int | None:
        """Place in the data of the picture that lies nearest to the mean of its class's."""
        own = self.labels == label
        if self.predictions is not None and (own & (self.predictions == label)).any():
            own &= self.predictions == label
        rows = np.flatnonzero(own)
        if not len(rows):
            return None
        flat = self.images[rows].reshape(len(rows), -1).astype(np.float32)
        return int(self.ids[rows[np.square(flat - flat.mean(0)).sum(1).argmin()]])


def pictures_part(finding: Finding, name: str) -> str:
    """What an array of a finding is to the pictures of examples; empty for any other array."""
    array = finding.schema.array(name)
    return array.pictures if array else ""


def pictured(audit: Folder, part: str = "images") -> Pictured | None:
    """Gather the pictures, each example's once; None where no finding holds any.

    Pictures of another size than the first finding's are left out. `part` is `images`, or `values`
    for the numbers of examples that are no pictures.
    """
    found: Pictured | None = None
    for name in audit.names:
        finding = audit.finding(name)
        parts = {pictures_part(finding, n): values for n, values in finding.arrays.items()}
        if {*_NEEDED, part} <= set(parts) and len(parts[part]):
            with showing(audit, name):
                found = _joined(found, _read(finding, parts, part))
    return found


def _read(finding: Finding, parts: dict[str, np.ndarray], part: str) -> Pictured:
    images = parts[part]
    plane = parts.get("plane", np.array(images.shape[1:3]))
    return Pictured(
        images,
        parts["ids"],
        parts["labels"],
        parts.get("predictions"),
        (int(plane[0]), int(plane[1])),
        finding.table,
        parts.get("ends"),
    )


def _joined(first: Pictured | None, more: Pictured) -> Pictured:
    if first is None:
        return more
    new = ~np.isin(more.ids, first.ids)
    if more.images.shape[1:] != first.images.shape[1:] or not new.any():
        return first
    predictions = None
    if first.predictions is not None and more.predictions is not None:
        predictions = np.concatenate([first.predictions, more.predictions[new]])
    return Pictured(
        np.concatenate([first.images, more.images[new]]),
        np.concatenate([first.ids, more.ids[new]]),
        np.concatenate([first.labels, more.labels[new]]),
        predictions,
        first.plane,
        first.table,
        first.ends,
    )


def order_of(found: Pictured, before: list[int]) -> list[int]:
    """Rows of the pictures, the most telling first: single examples, then rank 0 of every unit."""
    place, rows = found.row_of(), list[tuple[int, int]]()
    if {"rank", "kind", "example"} <= set(found.table.names):
        rows = [(r["rank"] + _KINDS.get(r["kind"], 2), r["example"]) for r in found.table.rows()]
    order = [*before, *(e for _, e in sorted(rows, key=lambda r: r[0]))]
    return list(dict.fromkeys([*(place[e] for e in order if e in place), *range(len(found.ids))]))
