"""Draws what the lens `attribution` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, grid, names_of, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["contrasts", "evidence", "labels", "methods", "regions", "shortcuts", "strategies"]

_COLUMNS = 12


def methods(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the gates, maps of typical images, mean maps of the classes, and removal curves."""
    methods = names_of(finding.table, "method")
    yield (
        _gates(finding.table, methods),
        (
            "Tests of the methods: ✓ on blue = passed, ✗ on orange = failed, with the control "
            f"below. {_failing(finding.table)} What a failed test says stands with the finding; it "
            "isn't a verdict on the map."
        ),
    )
    shown = finding.arrays.get("attribution.example_images")
    examples = finding.arrays.get("attribution.example_maps")
    classes = [str(c) for c in audit.provenance.get("classes", [])]
    of = [classes[i] for i in finding.arrays.get("attribution.example_labels", ()) if classes]
    if shown is not None and examples is not None:
        wide = min(_COLUMNS, len(set(of)))  # typical images stand before all others
        yield (
            _map_grid(list(shown[:wide]), list(examples[:, :wide]), methods, of),
            (
                "One rightly classified image of each class, of middling margin, and under it what "
                "each method says: orange speaks for the class, blue against it."
            ),
        )
    class_maps = finding.arrays.get("attribution.class_maps")
    if class_maps is not None:
        yield (
            _map_grid([], list(class_maps[:, :_COLUMNS]), methods, classes),
            ("Mean magnitude of the attributions over the images of each class."),
        )
    spread = finding.arrays.get("attribution.class_spread")
    if spread is not None:
        counts = finding.arrays.get("attribution.class_counts", np.zeros(0))
        some = f" ({counts.min()} to {counts.max()} images a class)" if len(counts) else ""
        yield (
            _map_grid([], list(spread[:, :_COLUMNS]), methods, classes),
            f"How far those maps vary over a class's images{some}: dark where they don't agree.",
        )
    curves = finding.arrays.get("attribution.curves")
    if curves is not None:
        yield (
            _curves(curves, methods),
            (
                "Score of the images' class as pixels are removed, or put back, in the order of "
                "each method's attributions; grey: random order. A useful method falls faster "
                "(left) and rises faster (right)."
            ),
        )


def _failing(table: Table) -> str:
    """Say which methods fail which tests, each once however many rows ask it."""
    found = dict[str, dict[str, None]]()
    for row in table.where(passed=False).rows():
        if row["method"] not in ("edge", "random"):
            test = row["metric"].removesuffix("_nonzero").replace("_", " ")
            found.setdefault(row["method"].replace("_", " "), {})[test] = None
    if not found:
        return "No method fails."
    each = (f"{method} ({', '.join(tests)})" for method, tests in found.items())
    return f"Failing: {'; '.join(each)}."


def _gates(table: Table, methods: list[str]) -> Figure:
    """One cell for each method and metric: value, control, and whether it passed."""
    metrics = names_of(table, "metric")
    figure, (axis,) = grid(1, 1, 1.6 + 1.15 * len(metrics), 0.6 + 0.34 * len(methods))
    for row in table.rows():
        x, y, passed = metrics.index(row["metric"]), methods.index(row["method"]), row["passed"]
        if passed is not None:
            axis.barh(y, 0.96, left=x - 0.48, height=0.9, color=BLUE if passed else ORANGE,
                      alpha=0.3)  # fmt: skip
        mark = {True: "✓ ", False: "✗ ", None: ""}[passed]
        value, control = (f"{row[n]:.3g}" if row[n] is not None else "–"
                          for n in ("value", "control"))  # fmt: skip
        axis.text(x, y - 0.16, mark + value, ha="center", va="center", fontsize=8)
        axis.text(x, y + 0.24, f"control {control}", ha="center", va="center", fontsize=6)
    axis.set_xticks(range(len(metrics)), [plain(m.replace("_", " ")) for m in metrics])
    axis.set_yticks(range(len(methods)), [plain(m.replace("_", " ")) for m in methods])
    axis.set(xlim=(-0.5, len(metrics) - 0.5), ylim=(len(methods) - 0.5, -0.5))
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def _map_grid(
    first: list[np.ndarray], rows: list[np.ndarray], methods: list[str], heads: list[str]
) -> Figure:
    """Draw the images, if any, above a row of maps for each method; a head over each column."""
    count = len(rows[0])
    lines = [first, *rows] if first else rows
    names = (["image"] if first else []) + [m.replace("_", " ") for m in methods[: len(rows)]]
    figure, axes = grid(len(lines), count, 0.8, 0.82)
    for i, line in enumerate(lines):
        for j, pixels in enumerate(line):
            axis = axes[i * count + j]
            if i == 0 and first:
                axis.imshow(pixels, cmap="gray", interpolation="nearest")
            elif first and any((one < 0).any() for one in line):
                signed(axis, -pixels, rows=[], columns=[])  # as evidence: orange is what it needs
                axis.set_aspect("equal")
            else:
                axis.imshow(pixels, cmap="gray_r", interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
            if i == 0 and j < len(heads):
                axis.set_title(plain(heads[j], 9), fontsize=7)
            if j == 0:
                axis.set_ylabel(plain(names[i]), fontsize=7, rotation=0, ha="right", va="center")
    return figure


def _curves(curves: np.ndarray, methods: list[str]) -> Figure:
    figure, axes = grid(1, 2, 4.0, 2.9)
    share = np.linspace(0, 1, curves.shape[-1])
    styles = ["-", "--", "-.", ":"]
    for side, (axis, title) in enumerate(zip(axes, ("deletion", "insertion"), strict=True)):
        for i, curve in enumerate(curves[:-1, side]):
            name = methods[i].replace("_", " ") if i < len(methods) else str(i)
            colour = (BLUE, ORANGE)[i % 2]
            axis.plot(share, curve, styles[i // 2 % 4], color=colour, lw=1.5, label=plain(name))
        axis.plot(share, curves[-1, side], color=GREY, lw=2, label="random")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("share of pixels")
    axes[0].set_ylabel("mean score")
    axes[1].legend(fontsize=7, frameon=False)
    return figure


def evidence(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each class's maps: what erasing and adding change, and the control."""
    table = finding.table
    classes = names_of(table, "class")[:_COLUMNS]
    maps = [(kind, kind, "effect") for kind in names_of(table, "kind")]
    maps.append(("erase, randomly initialised", "erase", "control"))
    figure, axes = grid(len(maps), len(classes), 0.9, 0.95)
    for i, (name, kind, column) in enumerate(maps):
        for j, label in enumerate(classes):
            axis, rows = axes[i * len(classes) + j], table.where(kind=kind, **{"class": label})
            signed(axis, _laid_out(rows, column), rows=[], columns=[])
            axis.set_xticks([])
            axis.set_yticks([])
            if i == 0:
                axis.set_title(plain(label, 9), fontsize=7)
            if j == 0:
                axis.set_ylabel(plain(name, 30), fontsize=7, rotation=0, ha="right", va="center")
    yield (
        figure,
        (
            "Change of each class's score where a window is erased or filled: orange where it "
            "costs the class, blue where it gains; each map has its own scale."
        ),
    )


def _laid_out(table: Table, column: str) -> np.ndarray:
    """A column's values where their windows lie, `[rows, columns]`."""
    down, i = np.unique(table.column("top").astype(int), return_inverse=True)
    across, j = np.unique(table.column("left").astype(int), return_inverse=True)
    values = np.full((len(down), len(across)), np.nan)
    values[i, j] = table.column(column).astype(float)
    return values


def contrasts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw what three sets of pixels are worth to each class rather than its rival."""
    rows = list(finding.table.rows())
    figure, (axis,) = grid(1, 1, 6.2, 0.8 + 0.34 * len(rows))
    places = np.arange(len(rows))
    for i, (stem, name, colour, mark) in enumerate((
        ("", "contrast map", BLUE, "o"),
        ("plain_", "map of the one logit", ORANGE, "^"),
        ("control_", "random pixels", GREY, "s"),
    )):  # fmt: skip
        value, lo, hi = (
            finding.table.column(f"{stem}{n}").astype(float) for n in ("change", "lo", "hi")
        )
        spread = np.clip(np.stack([value - lo, hi - value]), 0, None)
        axis.errorbar(value, places + 0.22 * (i - 1), xerr=spread, fmt=mark, color=colour, ms=4,
                      lw=1.2, label=name)  # fmt: skip
    names = [f"{plain(r['class'], 12)} rather than {plain(r['rival'], 12)}" for r in rows]
    axis.set_yticks(places, names, fontsize=8)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.axvline(0, color=GREY, lw=0.7)
    axis.set_xlabel("change of logit(class) - logit(rival)", fontsize=8)
    axis.legend(fontsize=7, frameon=False)
    yield (
        figure,
        (
            "Evaluation images without a tenth of their pixels: how far the class's logit falls "
            "against its rival's when those go that the contrast of both, the map of the class's "
            "logit, or chance points at. Bars: 95 % intervals over images."
        ),
    )


def regions(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each class's regions over its mean image, by how far they count beyond others."""
    masks = finding.arrays.get("attribution.region_masks")
    classes = names_of(finding.table, "class")
    if masks is None or not classes:
        return
    shown, images = classes[:_COLUMNS], _mean_images(audit)
    figure, axes = grid(1, len(shown), 1.1, 1.4)
    names = finding.table.cells("class")
    beyond = finding.table.column("difference").astype(float)
    for axis, label in zip(axes, shown, strict=True):
        own = np.array([name == label for name in names])
        most = float(np.nanmax(np.abs(beyond[own]), initial=0.0)) or 1.0
        image = images.get(label, np.full(masks.shape[1:], 237, np.uint8))
        axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest", extent=_UNIT)
        for mask, value in zip(masks[own], np.nan_to_num(beyond[own]), strict=True):
            _outlined(axis, mask, ORANGE if value < 0 else BLUE, filled=0.7 * abs(value) / most)
        axis.set_aspect("auto" if masks.shape[1] == 1 else masks.shape[1] / masks.shape[2])
        axis.spines[:].set_visible(False)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(plain(label, 9), fontsize=8)
    yield (
        figure,
        (
            "Regions of each class over its mean image: orange where erasing one costs more than "
            "as much elsewhere on the same images, blue where less; each class has its own scale."
        ),
    )


def _mean_images(audit: Folder) -> dict[str, np.ndarray]:
    """Mean images of the classes by their names, where inputs are drawn as pictures."""
    if "attribution.methods" not in audit:
        return {}
    images = audit.finding("attribution.methods").arrays.get("attribution.class_images")
    if images is None or images.shape[1] == 1:
        return {}
    return dict(zip(map(str, audit.provenance.get("classes", [])), images, strict=False))


_UNIT = (0, 1, 1, 0)
"""Where pictures lie, so that outlines of other sizes fit."""


def _outlined(axis: Axes, mask: np.ndarray, colour: str, *, filled: float = 0.0) -> None:
    """Draw the outline of a mask `[H, W]` over the unit square, and fill it as far as asked."""
    if mask.min() == mask.max():
        return
    from matplotlib.colors import to_rgb

    if filled:
        area = np.zeros((*mask.shape, 4))
        area[mask > 0] = (*to_rgb(colour), filled)
        axis.imshow(area, interpolation="nearest", extent=_UNIT)
    fine = np.pad(np.kron(mask, np.ones((4, 4))), 1)
    across, down = ((np.arange(-1, 4 * n + 1) + 0.5) / (4 * n) for n in mask.shape[::-1])
    axis.contour(across, down, fine, levels=[0.5], colors=[colour], linewidths=1.5)


def shortcuts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each shortcut's mask over the mean image that carries it."""
    rows = list(finding.table.rows())[:_COLUMNS]
    if not rows:
        return
    figure, axes = grid(1, len(rows), 1.3, 1.5)
    for axis, row, mask, image in zip(
        axes, rows, finding.arrays["masks"], finding.arrays["typical"], strict=False
    ):
        _marked(axis, image, mask, f"{row['class']}: {row['kind']}")
    yield (
        figure,
        "Mean selection image that carries the shortcut, and in orange where it lies.",
    )


def _marked(axis: Axes, image: np.ndarray, mask: np.ndarray, title: str) -> None:
    """Draw an image with the outline of a mask."""
    axis.imshow(image, cmap="gray", interpolation="nearest", extent=_UNIT)
    _outlined(axis, mask, ORANGE)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.set_title(plain(title, 14), fontsize=8)


def strategies(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each strategy's place over the mean image of those that are of it."""
    rows = list(finding.table.rows())[:_COLUMNS]
    if not rows:
        return
    figure, axes = grid(1, len(rows), 1.3, 1.5)
    masks, images = finding.arrays["strategy_masks"], finding.arrays["strategy_images"]
    for axis, row, mask, image in zip(axes, rows, masks, images, strict=False):
        _marked(axis, image, mask, f"{row['class']}: {row['share']:.0%}")
    yield (
        figure,
        "Mean selection image of each strategy of a class, with the share of the class's "
        "evaluation images that are of it, and in orange where it looks.",
    )


def labels(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the examples whose labels are doubted most."""
    images = finding.arrays.get("attribution.label_images", np.zeros(0))
    rows = list(finding.table.rows())[: min(2 * _COLUMNS, len(images))]
    if not rows:
        return
    across = min(_COLUMNS, len(rows))
    figure, axes = grid(-(-len(rows) // across), across, 1.1, 1.5)
    for axis in axes:
        axis.set_axis_off()
    for axis, row, image in zip(axes, rows, images, strict=False):
        axis.imshow(image, cmap="gray", interpolation="nearest")
        names = f"{plain(row['class'], 9)} → {plain(row['suggested'], 9)}"
        axis.set_title(f"{row['example']}\n{names}", fontsize=7)
    yield (
        figure,
        "Images whose labels are doubted most: place in the data, the label that was given, and "
        "after the arrow the class that it looks like.",
    )
