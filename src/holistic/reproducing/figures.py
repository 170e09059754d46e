"""Draws what a reproduction found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from holistic.reproducing.origin import LINES, Line
from holistic.reproducing.schemas import LineRow, PartRow, PictureRow, TrainingRow
from holistic.results.columns import Estimate
from holistic.results.drawing import BLUE, GREY, ORANGE, grid, plain
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["lines", "parts", "pictures"]

_COLUMNS = 3
_SCALES = {"share": (100.0, "%"), "points": (100.0, "points")}
_KEY = (
    "Blue: mean over the trainings, and where a further one should be; grey: what 95 % of the "
    "control lie between; orange: the origin's number, where it gives one."
)


def lines(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw every line of the origin: trainings, control, and the origin's number."""
    rows = list(finding.table.rows(LineRow))
    each = dict[tuple[str, str, str], list[float]]()
    for one in audit["reproduce.trainings"].rows(TrainingRow):
        each.setdefault((one.line, one.way, one.aspect), []).append(_number(one.value.value))
    figure, axes = grid(-(-len(rows) // _COLUMNS), _COLUMNS, 3.2, 1.15)
    for axis, row in zip(axes, rows, strict=False):
        scale, unit = _SCALES.get(row.unit, (1.0, row.unit))
        values = each.get((row.line, row.way, row.measured), [])
        _strip(axis, 0.0, row.ours, (row.next_lo, row.next_hi), scale)
        axis.scatter(scale * np.array(values), np.zeros(len(values)), s=16, color=BLUE, zorder=3)
        _origin(axis, row.line, scale)
        axis.locator_params(axis="x", nbins=5)
        axis.set_yticks([])
        axis.set_ylim(-0.6, 0.6)
        axis.set_title(plain(f"{row.title}: {row.verdict}", 60), fontsize=8, loc="left")
        axis.set_xlabel(unit, fontsize=7, labelpad=1)
    for axis in axes[len(rows) :]:
        axis.set_visible(False)
    yield figure, f"{_KEY} Dots are single trainings."


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _origin(axis: Axes, line: str, scale: float) -> None:
    if (value := _claimed(line).value) is not None:
        axis.axvline(scale * value, color=ORANGE, linewidth=1.5)


def _claimed(line: str) -> Line:
    """What the origin says; nothing where another version knew a line that this one doesn't."""
    return next((one for one in LINES if one.key == line), Line(line, "", line, line))


def _strip(
    axis: Axes,
    place: float,
    number: Estimate,
    ahead: tuple[float | None, float | None],
    scale: float,
) -> None:
    """Draw mean, range of a further training, and control at one height."""
    lo, hi = _number(number.control_lo), _number(number.control_hi)
    axis.plot([scale * lo, scale * hi], [place, place], color=GREY, linewidth=7, alpha=0.5,
              solid_capstyle="butt")  # fmt: skip
    axis.plot(scale * _number(number.control), place, "|", color=GREY, markersize=9)
    ends = [scale * _number(end) for end in ahead]
    axis.plot(ends, [place, place], color=BLUE, linewidth=1)
    axis.plot(scale * _number(number.value), place, "|", color=BLUE, markersize=9)


def parts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the lines that were measured in several ways."""
    rows = [row for row in finding.table.rows(PartRow) if row.role != "remark"]
    for line in dict.fromkeys(row.line for row in rows):
        own = [row for row in rows if row.line == line]
        if len(own) > 1:
            yield _ways(line, own), f"{sentence(_claimed(line).title)}. {_KEY}"


def _ways(line: str, rows: Sequence[PartRow]) -> Figure:
    """Draw one panel for each unit, and in it one height for each number."""
    units = list(dict.fromkeys(row.unit for row in rows))
    most = max(sum(row.unit == unit for row in rows) for unit in units)
    figure, axes = grid(len(units), 1, 7.2, 0.7 + 0.24 * most)
    for axis, unit in zip(axes, units, strict=True):
        own = [row for row in rows if row.unit == unit]
        scale, name = _SCALES.get(unit, (1.0, unit))
        for place, row in enumerate(own):
            _strip(axis, -place, row.value, (row.next_lo, row.next_hi), scale)
        if unit == _claimed(line).unit:
            _origin(axis, line, scale)
        labels = [plain(": ".join(filter(None, (row.way, row.aspect))), 60) for row in own]
        axis.set_yticks([-place for place in range(len(own))], labels, fontsize=7)
        axis.set_ylim(-len(own) + 0.4, 0.6)
        axis.set_xlabel(name, fontsize=8)
    return figure


def pictures(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each image whole, without the named part, and without another of as much ink."""
    rows, images = list(finding.table.rows(PictureRow)), finding.arrays["reproduce.erased"]
    for line in dict.fromkeys(row.line for row in rows):
        places = [i for i, row in enumerate(rows) if row.line == line]
        figure, axes = grid(3, len(places), 0.75, 0.75)
        for axis, (kind, place) in zip(axes, np.ndindex(3, len(places)), strict=True):
            axis.imshow(images[places[place], kind], cmap="gray", vmin=0, vmax=255)
            axis.set_axis_off()
        shares = np.array([[rows[i].ink, rows[i].overlap] for i in places]).mean(0)
        yield (
            figure,
            f"Above: the images; middle: without the {line} ({100 * shares[0]:.0f} % of the ink); "
            f"below: without another connected part with as much ink, {100 * shares[1]:.0f} % of "
            f"which lies in the {line}.",
        )
