"""Draws grids of panels, signed matrices and names that can't be read as mathematics.

Matplotlib is imported when something is drawn: most reports draw nothing.
"""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.results.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUE", "GREY", "ORANGE", "data_uri", "drawn_sites", "grid", "names_of", "plain", "signed",
    "signed_colours",
]  # fmt: skip

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8c959f"
"""Colours that stay apart for colour-blind readers (Okabe & Ito 2008), and one for controls."""

_DPI = 110
_PANELS = 5000
"""A table that somebody edited may ask for as many as fill the memory."""
_SITES = 6
"""Sites with pictures of their own: a page stays readable however deep the model is."""


def names_of(table: Table, column: str = "site") -> list[str]:
    """Return the different values of a column in order of appearance."""
    return list(dict.fromkeys(table.cells(column)))


def drawn_sites(table: Table) -> list[str]:
    """Return the sites that get a picture of their own: all, or some over the whole depth."""
    sites = names_of(table)
    places = np.linspace(0, len(sites) - 1, min(_SITES, len(sites))).round().astype(int)
    return [sites[place] for place in places]


def plain(text: object, most: int = 24) -> str:
    """Keep matplotlib from reading a name as mathematics, and long names from filling a figure."""
    name = str(text)
    return (name if len(name) <= most else name[: most - 1] + "…").replace("$", r"\$")


def grid(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Make a figure of equal panels, each `width` × `height` inches, row by row."""
    if rows * columns > _PANELS:
        raise ValueError(f"a picture of {rows * columns:,} panels; {_PANELS:,} can be drawn")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height), dpi=_DPI, layout="constrained")
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, list(axes.flat)


def signed_colours() -> Any:
    """Colours from orange, below zero, over white to blue: those of the page."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [ORANGE, "white", BLUE])


def signed(
    axis: Axes,
    values: np.ndarray,
    *,
    rows: list[str],
    columns: list[str],
    limit: float | None = None,
) -> Any:
    """Draw a matrix of signed numbers, zero in the middle of the colours."""
    finite = values[np.isfinite(values)]
    bound = limit or (float(np.abs(finite).max()) if finite.size else 0.0) or 1.0
    image = axis.imshow(values, cmap=signed_colours(), vmin=-bound, vmax=bound, aspect="auto")
    upright = max(map(len, columns), default=0) > 3
    axis.set_xticks(range(len(columns)), [plain(c, 12) for c in columns], fontsize=8)
    axis.tick_params(axis="x", rotation=90 if upright else 0)
    axis.set_yticks(range(len(rows)), [plain(r, 12) for r in rows], fontsize=7)
    axis.spines[:].set_visible(False)
    return image


def data_uri(figure: Figure) -> str:
    """Encode a figure as a PNG inside a data URI."""
    from PIL import Image

    drawn, buffer = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", facecolor="white", metadata={"Software": None})
    # 256 colours are enough for a drawing, and a third of the bytes
    Image.open(drawn).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
