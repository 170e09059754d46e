"""Gathers the opening that lenses make, and lays it out as a page shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.errors import LacksColumn
from holistic.lenses._places import lens_places
from holistic.report.claims import conflicts
from holistic.report.damage import showing
from holistic.report.drawn import figures
from holistic.report.embedded import sheet
from holistic.report.pictured import pictured
from holistic.report.places import brought
from holistic.report.sketches import drawing, text
from holistic.results.drawing import data_uri
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.opening import Cell, Opening, Panel, Plane, Strip
from holistic.words import percent

__all__ = ["Fact", "facts_line", "opening", "page_of"]

_CLASSES = 10
"""Rows of classes that a first screen has room for."""
_IMAGES = 4
"""Examples that stand beside a unit in a row."""
_TEXTS = 2
"""The same of texts."""
_LAST = 100
"""Place of panels of lenses that make none."""
_OPPOSED = 1
"""Contradictions that a first screen has room for."""
_SIDE = 64
"""Pixels of a side above which pictures are made smaller for the first screen."""


@dataclass(frozen=True)
class Image:
    """A picture as a page shows it: a data URI, what it shows in words, and what it leads to.

    A text has no URI but `text`, which is written.
    """

    uri: str
    words: str
    address: str = ""
    text: str = ""


def opening(audit: Folder) -> Opening:
    """Join what the audit's lenses want to be seen first; of headlines the heaviest.

    A lens whose tables another version made, without columns that it needs, shows nothing.

    Raises
    ------
    AuditError
        If the audit holds what it can't be made of.
    """
    found = list[Opening]()
    for lens in dict.fromkeys([*lens_places(), *audit.lenses]):
        if make := brought(lens, "opening", "opening"):
            with showing(audit), suppress(LacksColumn):
                found.append(make(audit))
        elif lens in audit.lenses:
            found.append(_first_words(audit, lens))
    if opposed := tuple(_opposed(audit)):
        found.append(Opening(panels=opposed))
    heads = [part.headline for part in found if part.headline]
    return Opening(
        max(heads, key=lambda head: head.weight, default=None),
        tuple(sorted((c for part in found for c in part.columns), key=lambda c: c.place)),
        tuple(sorted((p for part in found for p in part.panels), key=lambda p: p.place)),
        next((part.picture for part in found if part.picture), ""),
    )


def _opposed(audit: Folder) -> Iterator[Panel]:
    """Say first where two findings contradict each other, so that no reader has to notice."""
    found = list(conflicts(audit))
    if found:
        lines = tuple(audit.readers.in_text(one.about) for one in found[:_OPPOSED])
        title = "Findings that disagree"
        yield Panel("conflict", title, lines, found[0].finding, 55, bare=True, listed=True)


def _first_words(audit: Folder, lens: str) -> Opening:
    """Show the first sentence of a lens that makes no opening of its own."""
    for name in audit.lenses[lens]["findings"]:
        if statements := audit.finding(name).statements:
            title = audit.schema(name).title
            return Opening(panels=(Panel(lens, title, statements[:1], name, _LAST, bare=True),))
    return Opening()


def page_of(audit: Folder, address: Callable[[Card | None], str]) -> dict[str, Any]:
    """Lay the opening out for the page's template: pictures as data URIs, cards as addresses.

    Parameters
    ----------
    audit
        What to tell.
    address
        Says where a card leads.
    """
    return _Page(audit, address).laid_out(opening(audit))


class _Page:
    """Turns examples, units and planes into pictures, each drawn once."""

    def __init__(self, audit: Folder, address: Callable[[Card | None], str]) -> None:
        self.classes = [str(c) for c in audit.provenance.get("classes", [])]
        self._address = address
        self._found = pictured(audit) or pictured(audit, "values")
        self._inputs = dict(audit.provenance.get("inputs", {}))
        self._audit = audit
        self._rows = self._found.row_of() if self._found else {}
        self._drawn = dict[int, Image]()

    def laid_out(self, found: Opening) -> dict[str, Any]:
        shown = self._shown(found)
        heads = [
            {
                "words": ", ".join(filter(None, (c.head, c.sample))),
                "finding": c.finding,
                "bar": any(x.bar for x in c.cells.values()),
            }
            for c in found.columns
        ]
        least = _least(found)
        rows = [
            {
                "name": name,
                "address": self._address(Card(name)),
                "typical": self._typical(place),
                "cells": [self._cell(c.cells.get(name, Cell()), least) for c in found.columns],
            }
            for place, name in shown
        ]
        panels = [
            {"panel": panel, "strips": [self._strip(strip) for strip in panel.strips]}
            for panel in found.panels
            if panel.strips or panel.bare
        ]
        return {
            "headline": found.headline,
            "heads": heads,
            "rows": rows,
            "left": len(self.classes) - len(rows) if rows else 0,
            "panels": panels,
            "picture": self._figure(found.picture) if found.picture else None,
            "drawn": self._found is not None and self._found.images.dtype != np.uint8,
            "least": least,
        }

    def _figure(self, name: str) -> Image | None:
        """The first figure of a finding; it leads to the finding."""
        pairs = figures(self._audit.finding(name), self._audit)
        drawn = next(((data_uri(figure), caption) for figure, caption in pairs), None)
        return drawn and Image(*drawn, f"#{name}")

    def _shown(self, found: Opening) -> list[tuple[int, str]]:
        """Classes of the rows: all, or those that lose most where there are many."""
        named = {name for column in found.columns for name in column.cells}
        places = [(i, name) for i, name in enumerate(self.classes) if name in named]
        bars = {n: c.bar for column in found.columns for n, c in column.cells.items() if c.bar}
        if len(places) > _CLASSES:
            lost = {name: bar.before - bar.after for name, bar in bars.items()}
            order = sorted(places, key=lambda p: -lost.get(p[1], -1.0))[:_CLASSES]
            places = sorted(order)
        return places

    def _typical(self, label: int) -> Image | None:
        example = self._found.typical(label) if self._found and not self._texts else None
        return None if example is None else self._image(example)

    @property
    def _texts(self) -> bool:
        return self._inputs.get("kind") == "tokens"

    def _image(self, example: int, place: int | None = None, span: int = 1) -> Image | None:
        if self._found is None or example not in self._rows:
            return None
        if example in self._drawn and place is None:
            return self._drawn[example]
        row = self._rows[example]
        label = int(self._found.labels[row])
        name = self.classes[label] if label < len(self.classes) else str(label)
        uri, words = self._look(self._found.images[row], place, span)
        image = Image(uri, f"example {example}, class {name}", f"#/image/{example}", words)
        if place is None:
            self._drawn[example] = image
        return image

    def _look(self, values: np.ndarray, place: int | None, span: int) -> tuple[str, str]:
        """An example as a data URI, or as the words of a text."""
        if values.dtype == np.uint8:
            return sheet(_small(values)[None], 1), ""
        if self._texts:
            return "", text(values, self._inputs.get("words", {}), place, span)
        ends = self._found.ends if self._found else None
        return drawing(values, ends, series=self._inputs.get("kind") == "series"), ""

    def _cell(self, cell: Cell, least: float) -> dict[str, Any]:
        return {
            "cell": cell,
            "plane": _plane(cell.plane),
            "address": self._address(cell.card),
            "images": self._of_unit(cell.card, _IMAGES),
            "bar": cell.bar and {
                name: 100 * (value - least) / (1 - least)
                for name, value in vars(cell.bar).items()
                if np.isfinite(value)
            },
        }  # fmt: skip

    def _strip(self, strip: Strip) -> dict[str, Any]:
        examples = strip.examples
        if self._texts:  # texts are read, not glanced at
            examples = examples[:: max(1, (len(examples) - 1) // 2)]
        images = [self._image(e.place) for e in examples] or self._of_unit(strip.card, 2 * _IMAGES)
        return {
            "label": strip.label,
            "address": self._address(strip.card),
            "images": [image for image in images if image],
        }

    def _of_unit(self, card: Card | None, count: int) -> list[Image]:
        if self._found is None or card is None or not card.site:
            return []
        examples = self._found.of_unit(card.site, card.unit, count)
        if not self._texts:
            return [image for image in map(self._image, examples) if image]
        images = [self._image(e, *self._marked(card, e)) for e in examples]
        return list({image.text: image for image in images if image}.values())[:_TEXTS]

    def _marked(self, card: Card, example: int) -> tuple[int | None, int]:
        """Where in a text a unit's value is largest, and how many tokens it sees from there."""
        assert self._found is not None
        rows = self._found.table.where(site=card.site, unit=card.unit, example=example)
        peak = next(rows.rows(), {}).get("peak")
        sites = self._audit["sites"].where(site=card.site) if "sites" in self._audit else None
        about = next(sites.rows(), None) if sites is not None else None
        if peak is None or about is None:
            return None, 1
        steps = self._found.images.shape[2]
        stride = max(1, steps // about["positions"])
        return int(peak) * stride, max(1, steps - stride * (about["positions"] - 1))


def _least(found: Opening) -> float:
    """Where the bars' axis begins: a tenth below all that is drawn."""
    ends = [
        value
        for column in found.columns
        for cell in column.cells.values()
        if cell.bar
        for value in vars(cell.bar).values()
        if np.isfinite(value)
    ]
    return max(0.0, min(0.9, np.floor(10 * min(ends)) / 10)) if ends else 0.0


def _small(picture: np.ndarray) -> np.ndarray:
    """Make a picture `[H, W]` or `[H, W, 3]` fit the first screen."""
    from PIL import Image as Pillow

    if max(picture.shape[:2]) <= _SIDE:
        return picture
    scale = _SIDE / max(picture.shape[:2])
    size = tuple(max(1, round(scale * side)) for side in picture.shape[1::-1])
    return np.asarray(Pillow.fromarray(picture).resize((size[0], size[1]), Pillow.Resampling.BOX))


def _plane(plane: Plane | None) -> Image | None:
    """Draw signed numbers: orange below 0, blue above, transparent at 0."""
    if plane is None:
        return None
    values = np.nan_to_num(plane.values)
    limit = float(np.abs(values).max()) or 1.0
    rgba = np.zeros((*values.shape, 4), np.uint8)
    rgba[..., :3] = np.where(values[..., None] < 0, _ORANGE, _BLUE)
    rgba[..., 3] = np.round(255 * np.abs(values) / limit)
    return Image(sheet(rgba[None], 1), plane.words)


_ORANGE, _BLUE = (213, 94, 0), (0, 114, 178)


@dataclass(frozen=True)
class Fact:
    """One fact of the audit's head, and what stands behind it."""

    words: str
    why: str = ""


def facts_line(audit: Folder) -> list[Fact]:
    """Say on what the audit rests, in few words; what is no audit of one model says it itself."""
    facts = audit.provenance
    if "facts" in facts:
        return [Fact(one["words"], one["why"]) for one in facts["facts"]]
    counts, accuracy = facts.get("counts", {}), facts.get("accuracy") or {}
    found = list[Fact]()
    if accuracy:
        found.append(
            Fact(
                f"{percent(accuracy['value'])} right on {accuracy['n']:,} evaluation examples",
                f"accuracy {percent(accuracy['value'], accuracy['lo'], accuracy['hi'])}, "
                f"n = {accuracy['n']:,}",
            )
        )
    hidden = [row for row in audit["sites"].rows() if row["hidden"]] if "sites" in audit else []
    units = sum(row["units"] for row in hidden)
    if hidden:
        found.append(Fact(f"{units:,} units in {len(hidden)} layer{'s' * (len(hidden) != 1)}"))
    found.append(
        Fact(
            f"seed {facts.get('seed', '?')}",
            f"units were chosen on {counts.get('selection', '?')} examples and effects measured on "
            f"{counts.get('evaluation', '?')} others; score: {facts.get('score', '')}",
        )
    )
    return found
