"""Finds the regions of a class on the selection split: what its images hold, what it can't lose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.erasing import Eraser, without
from holistic.graph.accompanied import apart
from holistic.graph.loops import batches
from holistic.lenses.attribution._sample import balanced
from holistic.pieces import kept
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Ranked", "parts_of", "ranked_regions"]

_BLOCKS, _STRETCHES = 7, 14
"""Blocks along a side of a plane, and along a row, that are erased one by one."""
_LOW = 0.25
"""Share of a map's largest value below which nothing is part of a region."""
_VALLEY = 0.25
"""Share of the largest value by which a peak lies above the valley to a higher one at least."""
_WHOLE = 0.4
"""Share of a map's whole, or of the plane, that one region holds at most."""
_HALVED = 3
_SURE = 2.0
"""Standard errors by which erasing a block must cost."""
_APART = 4.0
"""Standard errors by which a class's images must differ from others'."""
_ALIKE = 0.5
"""Share of the smaller of two regions that both share, from which on they are one."""
_SHOWN, _COSTLY = 6, 4
"""Regions of what a class's images hold, and of what erasing costs, that are ranked."""
_BYTES = 128 << 20
"""Bytes of selection images that are compared."""
_MADE = 32 << 20
"""Bytes of inputs that are made at a time."""
_FEATURES = 64
"""Features that are ranked one by one; of more, those that tell the class best."""
_TOGETHER = 0.7
"""Correlation within classes from which on features are taken out as a group, too."""


@dataclass(frozen=True)
class Ranked:
    """A region `[H, W]` of a class, and what erasing it changes on selection images."""

    region: np.ndarray
    change: float


@kept
def ranked_regions(
    subject: Subject, label: int, eraser: Eraser, images: int, most: int
) -> list[Ranked]:
    """Regions of one class, the one whose erasure costs most first.

    Parameters
    ----------
    subject
        Model and data; only the selection split is looked at.
    label
        Class index.
    eraser
        How regions are erased.
    images
        Selection images of the class that they are erased of.
    most
        Regions to return at most.
    """
    each = subject.images[0].numel() * 8
    everyone = balanced(subject.selection, max(200, _BYTES // each), subject.seed)
    own = (everyone.labels == label).cpu().numpy()
    if not own.any():
        return []
    some = balanced(everyone.at(np.flatnonzero(own)), images, subject.seed)
    if eraser.plane.kind == "features":
        found = list(_of_features(eraser, everyone, own))
    else:
        costs = _block_costs(subject, some, eraser)
        image = _shown(eraser, everyone, own)
        weights = image if eraser.fill.background else np.ones_like(image)
        shown = parts_of(image, _SHOWN, ink=eraser.fill.background)
        found = [*shown, *_further(shown, parts_of(costs, _COSTLY), weights)]
    changes = [float(change.mean()) for change in _changes(subject, some, eraser, found)]
    order = np.argsort(changes, kind="stable")[:most]
    return [Ranked(found[i], changes[i]) for i in order]


def _changes(
    subject: Subject, some: Examples, eraser: Eraser, regions: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Score of each image without each region minus score before, `[n]` each."""

    def scores(images: Tensor) -> np.ndarray:
        labels = some.labels.repeat(len(images) // len(some))
        return subject.score_of(subject.predict(images), labels).double().cpu().numpy()

    before, blank = scores(some.images), eraser.fill.value
    found, each = list[np.ndarray](), 4 * some.images.numel()
    for part in batches(len(regions), max(1, _MADE // each)):
        gone = [without(eraser.plane, some.images, region, blank) for region in regions[part]]
        found += list(scores(torch.cat(gone)).reshape(len(gone), -1) - before)
    return found


def _block_costs(subject: Subject, some: Examples, eraser: Eraser) -> np.ndarray:
    """What erasing each block surely costs, laid out `[H, W]`; zero where it may cost nothing."""
    height, width = eraser.plane.size
    rows = np.arange(height) * min(height, _BLOCKS) // height
    sides = min(width, _BLOCKS if height > 1 else _STRETCHES)
    numbers = rows[:, None] * sides + np.arange(width) * sides // width  # [H, W]
    blocks = [numbers == block for block in range(int(numbers.max()) + 1)]
    found = np.zeros((height, width))
    for block, change in zip(blocks, _changes(subject, some, eraser, blocks), strict=True):
        error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.inf
        found[block] = max(0.0, -change.mean() if -change.mean() > _SURE * error else 0.0)
    return found


def _shown(eraser: Eraser, everyone: Examples, own: np.ndarray) -> np.ndarray:
    """What a class's images hold, `[H, W]`: on a background, or unlike other classes' images."""
    if eraser.fill.background:
        return eraser.ink(everyone.at(np.flatnonzero(own)).images).mean(0)
    return _apart(eraser.plane.laid(apart(everyone.images)[0]), own).max(0)


def _apart(values: Tensor, own: np.ndarray) -> np.ndarray:
    """Standard deviations by which a class's mean is off the others', `[channels, H, W]`.

    Zero where it may be by chance.
    """
    mine = torch.from_numpy(own).to(values.device)
    a, b = values[mine].double(), values[~mine].double()
    if min(len(a), len(b)) < 2:
        return np.zeros(tuple(values.shape[1:]))
    spread = ((len(a) - 1) * a.var(0) + (len(b) - 1) * b.var(0)) / (len(a) + len(b) - 2)
    far = ((a.mean(0) - b.mean(0)).abs() / spread.sqrt().clamp(min=1e-12)).clamp(max=1e3)
    sure = far > _APART * (1 / len(a) + 1 / len(b)) ** 0.5
    return torch.where(sure, far, 0).cpu().numpy()


def parts_of(values: np.ndarray, most: int, *, ink: bool = False) -> list[np.ndarray]:
    """Cut a map `[H, W]` of what is not negative into connected parts around its peaks.

    A part that holds too much of the whole is cut in two across its long side, so that as much
    can be erased elsewhere.

    Parameters
    ----------
    values
        The map.
    most
        Parts to return at most, those that hold most.
    ink
        Whether as much of what the map counts is to be left elsewhere; else only of the plane.

    Returns
    -------
    list[np.ndarray]
        `[H, W]` bool each.

    References
    ----------
    Beucher & Lantuéjoul 1979 (watersheds).
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import label
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    if not values.max() > 0:
        return []
    wide = [max(1.0, n / 28) if n > 1 else 0.0 for n in values.shape]
    smooth = gaussian_filter(values.astype(float), wide, mode="constant")
    inside = (smooth >= _LOW * smooth.max()) & (values > 0)
    peaks = np.asarray(label(h_maxima(smooth, _VALLEY * smooth.max()) * inside, connectivity=2))
    numbered = watershed(-smooth, peaks, mask=inside)
    parts = [numbered == k for k in range(1, int(peaks.max()) + 1)]
    weights = values / values.sum() if ink else np.full(values.shape, 1 / values.size)
    halves = [half for part in parts for half in _halved(part, weights, _HALVED)]
    return sorted(halves, key=lambda part: -float(values[part].sum()))[:most]


def _halved(part: np.ndarray, share: np.ndarray, times: int) -> Iterator[np.ndarray]:
    """Cut a part across its long side until it has little enough of the whole, `[H, W]` shares."""
    weights, places = share[part], np.argwhere(part)
    if times == 0 or len(places) < 2 or max(weights.sum(), part.mean()) <= _WHOLE:
        yield part
        return
    away = places - np.average(places, 0, weights)
    spread = (away * weights[:, None]).T @ away
    along = away @ np.linalg.eigh(spread)[1][:, -1]
    for side in (along < 0, along >= 0):
        half = np.zeros_like(part)
        half[tuple(places[side].T)] = True
        if half.any():
            yield from _halved(_largest(half), share, times - 1)


def _largest(part: np.ndarray) -> np.ndarray:
    from skimage.measure import label

    pieces = np.asarray(label(part, connectivity=2))
    return pieces == np.bincount(pieces[part]).argmax()


def _further(
    known: Sequence[np.ndarray], found: Sequence[np.ndarray], weights: np.ndarray
) -> list[np.ndarray]:
    """Those that aren't one of the known ones: that share little of the weight `[H, W]` in them."""

    def shared(one: np.ndarray, other: np.ndarray) -> float:
        least = min(weights[one].sum(), weights[other].sum())
        return float(weights[one & other].sum() / max(least, 1e-12))

    return [one for one in found if all(shared(one, other) < _ALIKE for other in known)]


def _of_features(eraser: Eraser, everyone: Examples, own: np.ndarray) -> Iterator[np.ndarray]:
    """Single features, and groups of features that go together within classes, `[1, F]` bool."""
    from scipy.sparse.csgraph import connected_components

    values = eraser.plane.laid(apart(everyone.images)[0])[:, 0, 0].double().cpu().numpy()
    far = _apart(torch.from_numpy(values), own)
    ones = np.eye(values.shape[1], dtype=bool)
    for feature in np.sort(np.argsort(-far, kind="stable")[:_FEATURES]):
        yield ones[feature][None]
    labels = everyone.labels.cpu().numpy()
    within = values - np.stack([values[labels == label].mean(0) for label in labels])
    with np.errstate(invalid="ignore", divide="ignore"):
        close = np.abs(np.nan_to_num(np.corrcoef(within.T))) >= _TOGETHER
    groups = connected_components(np.atleast_2d(close), directed=False)[1]
    for group in np.unique(groups):
        if 2 <= (groups == group).sum() <= len(groups) / 2:
            yield (groups == group)[None]
