"""How do example images, attribution maps and contrasts look?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from holistic.report.figures.drawing import BLUE, GREY, ORANGE, grid, plain
from holistic.report.figures.effects import drawn_sites, names_of
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table

__all__ = ["contrasts", "maps", "walls"]

_UNITS = 8
_COLUMNS = 12
_KINDS = {"top": 6, "quantile": 5, "random": 4}


def walls(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the examples of the units that depend on one class most."""
    images = finding.arrays.get("activation.images")
    if images is None:
        return
    place = {int(i): n for n, i in enumerate(finding.arrays["activation.image_ids"])}
    plane = finding.arrays.get("activation.image_plane")
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site)
        units = _most_needed(audit, site) or names_of(rows, "unit")[:_UNITS]
        yield (
            _wall([_strip(rows.where(unit=u), images, place) for u in units], units),
            (
                f"Site “{site}”: what the units that classes need most respond to. Only the first "
                "block is chosen for large values; the other two show what else the unit sees."
            ),
        )
        if plane is not None and _sees_parts(rows, plane):
            crops = [_strip(rows.where(unit=u), images, place, plane) for u in units]
            yield (
                _wall(crops, units),
                (
                    f"Site “{site}”: of the same examples only the part that the unit sees from "
                    "the position at which its value is largest, enlarged."
                ),
            )


def _sees_parts(rows: Table, plane: np.ndarray) -> bool:
    """Whether units see less than the whole input from one position."""
    height, width = (rows.column(name).astype(np.float64) for name in ("height", "width"))
    return bool(((height < plane[0]) | (width < plane[1])).any())


def _wall(strips: list[np.ndarray], units: Sequence[object]) -> Figure:
    figure, (axis,) = grid(1, 1, 8.6, 0.5 + 0.48 * len(strips))
    _picture(axis, np.concatenate(strips))
    height = strips[0].shape[0]
    axis.set_yticks([height * (i + 0.5) for i in range(len(units))], [str(u) for u in units])
    width = strips[0].shape[1] / (sum(_KINDS.values()) + len(_KINDS) - 1)
    starts = np.cumsum([0, *(n + 1 for n in _KINDS.values())])[:-1]
    middle = [width * (s + n / 2) for s, n in zip(starts, _KINDS.values(), strict=True)]
    axis.set_xticks(middle, ["largest values", "quantiles of the values", "random examples"])
    axis.set_ylabel("unit")
    return figure


def _most_needed(audit: Folder, site: str) -> list[int]:
    if "ablation.units" not in audit:
        return []
    rows = audit["ablation.units"].where(site=site)
    rows = rows.sort("rank") if "rank" in rows.names else rows
    return list(dict.fromkeys(rows.column("unit").tolist()))[:_UNITS]


def _framed(images: np.ndarray) -> np.ndarray:
    """Put a thin white frame on the right of and below each picture."""
    width = max(1, images.shape[1] // 14)
    sides = [(0, 0), (0, width), (0, width)] + [(0, 0)] * (images.ndim - 3)
    return np.pad(images, sides, constant_values=255)


def _strip(
    rows: Table, images: np.ndarray, place: dict[int, int], plane: np.ndarray | None = None
) -> np.ndarray:
    """One unit's examples side by side, a white gap between the kinds; with `plane`, crops."""
    gap = np.full_like(_framed(images[:1])[0], 255)
    parts: list[np.ndarray] = []
    for kind, count in _KINDS.items():
        chosen = rows.where(kind=kind).sort("rank").head(count)
        found = list[np.ndarray]()
        for row in chosen.rows():
            if row["example"] in place:
                shown = images[place[row["example"]]]
                if plane is not None and row["height"] is not None:
                    shown = _crop(shown, row, plane)
                found.append(_framed(shown[None])[0])
        found += [gap] * (count - len(found))
        parts += [*found, gap]
    return np.concatenate(parts[:-1], axis=1)


def _crop(image: np.ndarray, row: dict[str, Any], plane: np.ndarray) -> np.ndarray:
    """Enlarge the row's box to the size of the picture, nearest pixels."""
    sides = list[np.ndarray]()
    for axis, (first, size) in enumerate((("top_edge", "height"), ("left_edge", "width"))):
        pixels = image.shape[axis]
        steps = (np.arange(pixels) + 0.5) / pixels
        seen = (row[first] + steps * max(row[size], 1)) * pixels / plane[axis]
        sides.append(np.clip(seen.astype(int), 0, pixels - 1))
    return image[np.ix_(*sides)]


def _picture(axis: Axes, pixels: np.ndarray) -> None:
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="equal")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=8)


def maps(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
                "One rightly classified image of each class, of middling margin, and the "
                "magnitude of each method's attributions (one scale per map)."
            ),
        )
    class_maps = finding.arrays.get("attribution.class_maps")
    if class_maps is not None:
        yield (
            _map_grid([], list(class_maps[:, :_COLUMNS]), methods, classes),
            ("Mean magnitude of the attributions over the images of each class."),
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
            grey = i == 0 and bool(first)
            axis.imshow(pixels, cmap="gray" if grey else "inferno", interpolation="nearest")
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
