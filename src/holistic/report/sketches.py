"""Draws examples that are no pictures in small: features as bars, series as curves, texts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["drawing", "text"]

_HIGH, _BEYOND = 28, 3.0
"""Height of a drawing, and the standard deviations from its mean at which a bar ends."""
_BAR, _WIDE = (2, 6), 64
"""A bar is so wide at least and at most, and a curve so long."""
_FEATURES = 48
"""Features that a drawing has room for."""
_UP, _DOWN = "#0072b2", "#d55e00"
_LINES = (_UP, _DOWN, "#009e73", "#cc79a7", "#8c959f")
_PADS = frozenset({"[PAD]", "<pad>", "PAD"})
_WORDS, _MARKED = 5, 4
"""Words of a text that are shown, and of the place that a unit marks."""


def drawing(values: np.ndarray, ends: np.ndarray | None, *, series: bool) -> str:
    """Draw an example `[channels, steps]` as an SVG in a data URI.

    Parameters
    ----------
    values
        Steps of a series in a row for each channel, or features in one row.
    ends
        `[2, …]`: the least and the largest of each channel; mean and standard deviation of each
        feature.
    series
        Whether it is a series.
    """
    body, width = _curves(values, ends) if series else _bars(values.ravel(), ends)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HIGH}" '
        f'viewBox="0 0 {width} {_HIGH}">{body}</svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _bars(values: np.ndarray, ends: np.ndarray | None) -> tuple[str, int]:
    """Each feature's distance from its mean, up where it lies above."""
    mean, spread = (0.0, 1.0) if ends is None else ends.reshape(2, -1)
    away = np.nan_to_num((values - mean) / np.where(np.equal(spread, 0), 1.0, spread))
    away = np.clip(away, -_BEYOND, _BEYOND)[:_FEATURES]
    wide = int(np.clip(_WIDE // len(away), *_BAR))
    half = _HIGH / 2
    bars = [
        f'<rect x="{wide * i}" width="{max(1, wide - 1)}" y="{half - max(0.0, z) * half / 3:.1f}" '
        f'height="{abs(z) * half / 3:.1f}" fill="{_UP if z > 0 else _DOWN}"/>'
        for i, z in enumerate(away.tolist())
    ]
    width = wide * len(away)
    axis = f'<path d="M0 {half}H{width}" stroke="#8c959f" stroke-width=".5"/>'
    return axis + "".join(bars), width


def _curves(values: np.ndarray, ends: np.ndarray | None) -> tuple[str, int]:
    """A line for each channel, each on its own scale."""
    low, top = (values.min(1), values.max(1)) if ends is None else ends.reshape(2, -1)
    lines = list[str]()
    for channel, (row, least, most) in enumerate(zip(values, low, top, strict=True)):
        share = np.nan_to_num((row - least) / ((most - least) or 1.0))
        places = np.linspace(0, _WIDE, len(row))
        points = " ".join(
            f"{x:.1f},{_HIGH - 1 - (_HIGH - 2) * y:.1f}" for x, y in zip(places, share, strict=True)
        )
        colour = _LINES[channel % len(_LINES)]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
    return "".join(lines), _WIDE


def text(
    values: np.ndarray, words: Mapping[str, str], place: int | None = None, span: int = 1
) -> str:
    """Write the beginning of a text, or the words that a unit marks in it.

    >>> words = {"0": "<pad>", "3": "not", "4": "##hing", "5": "good"}
    >>> text(np.array([3.0, 4.0, 5.0, 0.0]), words), text(np.array([3.0, 4.0, 5.0]), words, 2)
    ('nothing good', 'good')
    """
    every = [words.get(str(int(number)), f"#{int(number)}") for number in values.ravel()]
    kept = _unpadded(every)
    if place is not None and place < len(kept):
        return _spelt(kept[place : place + min(span, _MARKED)])
    return _spelt(kept[:_WORDS]) + (" …" if len(kept) > _WORDS else "")


def _unpadded(words: Sequence[str]) -> Sequence[str]:
    last = max((i for i, word in enumerate(words) if word not in _PADS), default=0)
    return words[: last + 1]


def _spelt(words: Sequence[str]) -> str:
    """Words as they stand in a text: parts of words hang together."""
    joined = "".join(w[2:] if w.startswith("##") else f" {w.lstrip('Ġ▁')}" for w in words)
    return joined.strip()
