"""Draws what the lens `activation` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, drawn_sites, grid, names_of, plain
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "attention", "concepts", "depth", "examples", "maps", "tuning", "units", "visualisations",
]  # fmt: skip

_UNITS = 8
_ACROSS = 12
_ROWS = 4
"""Images that maps are drawn over."""
_KINDS = {"top": 6, "quantile": 5, "random": 4}


def units(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the distribution over units of the AUROC for the unit's best class, per site."""
    sites = names_of(finding.table)
    figure, (axis,) = grid(1, 1, 1.6 + 1.1 * len(sites), 3.0)
    values, bounds = list[np.ndarray](), list[float]()
    for site in sites:
        rows = finding.table.where(site=site)
        auroc = rows.column("auroc").reshape(-1, len(names_of(rows, "class")))[:, :-1]
        kept = auroc[np.isfinite(auroc).all(1)]
        values.append(kept.max(1) if len(kept) else np.array([0.5]))
        bounds.append(float(np.nanmax(rows.column("control_auroc_hi").astype(float))))
    axis.violinplot(values, showmedians=True)
    for place, bound in enumerate(bounds, 1):
        axis.plot([place - 0.35, place + 0.35], [bound, bound], color=GREY, lw=2)
    axis.set_xticks(range(1, len(sites) + 1), [plain(s) for s in sites])
    axis.set_ylabel("AUROC of the unit's best class")
    axis.set_xlabel("site, from input to logits")
    yield (
        figure,
        (
            "How well single units tell their best class apart, over the units of each site; grey: "
            "what shuffled labels reach."
        ),
    )


def examples(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
                f"{site}: what the units that classes need most respond to. Only the first "
                "block is chosen for large values; the other two show what else the unit sees."
            ),
        )
        if plane is not None and _sees_parts(rows, plane):
            crops = [_strip(rows.where(unit=u), images, place, plane) for u in units]
            yield (
                _wall(crops, units),
                (
                    f"{site}: of the same examples only the part that the unit sees from "
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


def depth(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the median unit's class specificity at each site, and that of its controls."""
    measures = names_of(finding.table, "measure")
    figure, axes = grid(1, len(measures), 2.7, 2.9)
    for axis, measure in zip(axes, measures, strict=True):
        rows = finding.table.where(measure=measure)
        sites = [site for site in names_of(rows) if site != "all"]
        columns = ("value", "lo", "hi", "lower_quartile", "upper_quartile", "control",
                   "control_lo", "control_hi")  # fmt: skip
        kept = rows.column("site") != "all"
        value, lo, hi, first, third, control, least, most = (
            rows.column(name).astype(float)[kept] for name in columns
        )
        places = np.arange(len(sites))
        axis.fill_between(places, first, third, color=BLUE, alpha=0.15, lw=0)
        spread = np.clip(np.stack([value - lo, hi - value]), 0, None)
        axis.errorbar(places, value, spread, color=BLUE, marker="o", capsize=2, label="trained")
        axis.plot(places, control, "--", color=GREY, label="randomly initialised controls")
        axis.fill_between(places, least, most, color=GREY, alpha=0.3, lw=0)
        axis.set_xticks(places, [plain(s) for s in sites], rotation=45, ha="right", fontsize=7)
        axis.set_title(plain(measure), fontsize=9)
    axes[0].legend(fontsize=7, frameon=False)
    yield (
        figure,
        (
            "The median unit of each site with its 95 % interval (bars) and the middle half of the "
            "units (band): how specific it is to its preferred class, and how well it follows an "
            "image property. Grey: the median of randomly initialised controls and 95 % of them."
        ),
    )


def concepts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw which labels fit the units of each site, and how many beat their controls."""
    sites = drawn_sites(finding.table)
    figure, axes = grid(1, len(sites), 3.0, 3.4)
    for axis, site in zip(axes, sites, strict=True):
        rows = finding.table.where(site=site)
        labels, learned = rows.column("concept"), rows.column("learned_q").astype(float)
        names, counts = np.unique([name for name in labels if name is not None], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_ACROSS][::-1]
        beyond = [int(((labels == names[i]) & (learned < 0.05)).sum()) for i in order]
        axis.barh(range(len(order)), counts[order], color=GREY, label="best of the labels")
        axis.barh(
            range(len(order)),
            beyond,
            color=ORANGE,
            label="fits better than randomly initialised units",
        )
        axis.set_yticks(range(len(order)), [plain(names[i]) for i in order], fontsize=7)
        axis.set_title(plain(site), fontsize=9)
        axis.set_xlabel("units", fontsize=8)
    axes[0].legend(fontsize=6, frameon=False)
    yield figure, "How many units each label fits best, and how many of them at q < 0.05 (orange)."


def tuning(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw tuning curves of the first site, and the weights of the first layer."""
    site = names_of(finding.table)[0]
    kinds = names_of(finding.table, "stimulus")
    figure, axes = grid(1, len(kinds), 2.9, 2.6)
    for axis, kind in zip(axes, kinds, strict=True):
        curves = finding.arrays[f"activation.tuning.0.{kind}"]
        sharp = finding.table.where(site=site, stimulus=kind).column("tuning").astype(float)
        # Sharpness alone would pick units that respond to one picture, and hardly.
        depth_of_curve = np.nan_to_num(sharp, nan=-1) * curves.mean(1)
        order = np.argsort(-depth_of_curve, kind="stable")[:4]
        degrees = np.arange(curves.shape[1]) * 180 / curves.shape[1]
        for unit in order[np.isfinite(sharp[order])]:
            axis.plot(degrees, curves[unit], marker=".", lw=1, label=f"unit {unit}")
        axis.set_title(kind, fontsize=9)
        axis.set_xlabel("orientation (degrees)", fontsize=8)
        axis.set_xticks([0, 45, 90, 135])
        axis.legend(fontsize=6, frameon=False)
    axes[0].set_ylabel("value", fontsize=8)
    yield (
        figure,
        (
            f"{plain(site)}: response to stimuli of every orientation, of the four units "
            "whose response changes most with the orientation of each kind."
        ),
    )
    weights = finding.arrays.get("activation.weights")
    if weights is not None:
        yield (
            _weights(weights[: 4 * _ACROSS]),
            "Weights of the first layer, one picture a unit; several channels of the input stand "
            "side by side.",
        )


def _weights(weights: np.ndarray) -> Figure:
    """Draw weights `[U, H, W]` side by side, zero in the middle of the greys."""
    rows = -(-len(weights) // _ACROSS)
    figure, axes = grid(rows, _ACROSS, 0.62, 0.62)
    for unit, axis in enumerate(axes):
        axis.set_axis_off()
        if unit < len(weights):
            bound = float(np.abs(weights[unit]).max()) or 1.0
            axis.imshow(weights[unit], cmap="gray", vmin=-bound, vmax=bound)
    return figure


def visualisations(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the feature visualisations of each site: a row a unit, a column a start."""
    images = finding.arrays.get("activation.visualisations")
    if images is None:
        return
    sites = drawn_sites(finding.table)
    units = {site: names_of(finding.table.where(site=site), "unit") for site in sites}
    starts = int(finding.table.column("start").max())
    most = max(map(len, units.values()))
    figure, axes = grid(most, starts * len(sites), 0.85, 0.95)
    for axis in axes:
        axis.set_axis_off()
    for place, site in enumerate(sites):
        rows = finding.table.where(site=site)
        for row in rows.rows():
            line = units[site].index(row["unit"])
            axis = axes[line * starts * len(sites) + place * starts + row["start"] - 1]
            axis.imshow(images[row["picture"]], cmap="gray", vmin=0, vmax=255)
            if row["start"] == 1:
                axis.set_title(f"{plain(site, 10)} · {row['unit']}", fontsize=6)
    yield (
        figure,
        (
            "Feature visualisations, made by gradient ascent and shown to nobody in training: what "
            f"drives the most class-specific units of each site, from {starts} random starts each "
            "(site · unit)."
        ),
    )


def _pictures(audit: Folder) -> dict[int, np.ndarray]:
    """The pictures of the examples that the audit holds, by their places in the data."""
    if "activation.examples" not in audit:
        return {}
    arrays = audit.finding("activation.examples").arrays
    images, ids = arrays.get("activation.images"), arrays.get("activation.image_ids")
    return {} if images is None or ids is None else dict(zip(ids.tolist(), images, strict=True))


def _over(axis: Axes, image: np.ndarray | None, values: np.ndarray) -> None:
    """Lay a map over an image: blue above zero, orange below, nothing at zero."""
    from matplotlib.colors import to_rgb

    axis.set_axis_off()
    place = (0.0, 1.0, 0.0, 1.0)
    if image is not None:
        axis.imshow(image, cmap="gray", vmin=0, vmax=255, extent=place)
    limit = float(np.abs(values).max()) or 1.0
    colours = np.where(values[..., None] < 0, to_rgb(ORANGE), to_rgb(BLUE))
    opaque = 0.85 * np.abs(values)[..., None] / limit
    axis.imshow(np.concatenate([colours, opaque], -1), extent=place, interpolation="nearest")


def maps(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the channels that the class of each of some images needs most, over the image."""
    pictures, shown = _pictures(audit), drawn_sites(finding.table)
    cases = names_of(finding.table, "example")
    for place, site in enumerate(names_of(finding.table)):
        values = finding.arrays.get(f"activation.maps.{place}")
        if values is None or site not in shown:
            continue
        rows = finding.table.where(site=site)
        across, down = min(values.shape[1], _UNITS), min(len(cases), _ROWS)
        figure, axes = grid(down, across, 0.85, 0.95)
        for line, example in enumerate(cases[:down]):
            own = rows.where(example=example)
            order = np.argsort(own.column("rank"), kind="stable")[:across]
            for column, k in enumerate(order):
                axis = axes[line * across + column]
                _over(axis, pictures.get(int(example)), values[line, k])
                axis.set_title(str(own.column("unit")[k]), fontsize=6)
        yield (
            figure,
            f"{plain(site)}: what channels hold over {down} single images (rows), those in front "
            "that the image's class needs most by a first-order estimate; full colour at a map's "
            "largest value. Numbers of one image have no interval.",
        )


def attention(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw where each head looks on one image, and the attention of all layers multiplied out."""
    values = finding.arrays.get("activation.attention")
    cases = finding.arrays.get("activation.attention_cases")
    if values is None or cases is None or not len(cases):
        return
    image = _pictures(audit).get(int(cases[0]))
    sites = names_of(finding.table)
    heads = max(len(finding.table.where(site=site)) for site in sites)
    figure, axes = grid(len(sites), heads, 0.95, 1.1)
    for axis in axes:
        axis.set_axis_off()
    seen = dict.fromkeys(sites, 0)
    for place, row in enumerate(finding.table.rows()):
        line, column = sites.index(row["site"]), seen[row["site"]]
        seen[row["site"]] += 1
        axis = axes[line * heads + column]
        _over(axis, image, values[0, place])
        name = plain(row["site"], 10) if row["unit"] is None else f"head {row['unit']}"
        axis.set_title(f"{name}: {row['focus']:.2f} ({row['control']:.2f})", fontsize=6)
    yield (
        figure,
        f"Attention on the patches of image {int(cases[0])}, a row a layer, last the rollout. "
        "Numbers: distance from even attention, mean over examples, and in brackets that of a "
        "randomly initialised control; the table has their intervals.",
    )
