"""Draws pictures that hold one oriented feature and nothing else: grating, bar, edge or curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.accompanied import extras_of
from holistic.lenses._pictures import are_pictures, flat_planes, planes
from holistic.spool import ends

__all__ = ["CURVE", "KINDS", "Stimuli", "drawable", "oriented"]

KINDS = ("grating", "bar", "edge")
CURVE = "curve"
"""An arc; its orientation is half the angle that it bulges to, since arcs come again at 360°."""
_RADIUS = 0.3
"""Of an arc, in sides of the picture."""
_ORIENTATIONS = 12
_FREQUENCIES = 4
_MOST = 1 << 16
"""Numbers of one input up to which stimuli are drawn."""
_SHORTEST = 4.0
"""Pixels of the shortest period: below it a grating looks different at different angles."""


@dataclass(frozen=True)
class Stimuli:
    """Pictures of one kind, in the order orientation, frequency, repeat.

    Attributes
    ----------
    kind
        One of `KINDS`, or `CURVE`.
    orientations
        `[O]` degrees in [0, 180), counter-clockwise from horizontal, of the lines in the picture.
    frequencies
        `[F]` cycles per picture; one NaN for bars and edges.
    repeats
        Pictures of each, which differ in phase, place or polarity; the first half is for choosing.
    images
        `[O * F * repeats, …]`, like the subject's inputs.
    """

    kind: str
    orientations: np.ndarray
    frequencies: np.ndarray
    repeats: int
    images: Tensor

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Bring values `[O * F * T, U]` into the axes `[O, F, T, U]`."""
        counts = len(self.orientations), len(self.frequencies), self.repeats
        return values.reshape(*counts, values.shape[1])


def drawable(images: Tensor) -> bool:
    """Say whether inputs are pictures, and all that the model is given, so stimuli can be drawn."""
    return (
        not extras_of(images)
        and are_pictures(images)
        and images[0].numel() <= _MOST
        and min(_plane(images)) >= 8
    )


def _plane(images: Tensor) -> tuple[int, int]:
    rows, columns = planes(images[:1]).shape[2:]
    return rows, columns


def oriented(images: Tensor, kind: str, *, seed: int, repeats: int = 8) -> Stimuli:
    """Draw the stimuli of one kind in the range of the data.

    Everything lies in a disc with a soft border on the middle grey, so that the frame of the
    picture favours no orientation. Phases, places and polarities are drawn evenly with a random
    start, the same for all orientations, so that orientation is all that differs between them.

    Parameters
    ----------
    images
        `[N, …]`, the data; only shape, type and range matter.
    kind
        One of `KINDS`, or `CURVE`.
    seed
        Decides the phases and places.
    repeats
        Phases, or places and polarities, of each orientation.
    """
    rng = np.random.default_rng([seed, (*KINDS, CURVE).index(kind)])
    rows, columns = _plane(images)
    side = min(rows, columns)
    theta = np.arange(_ORIENTATIONS) * 180 / _ORIENTATIONS
    longest = side / _SHORTEST
    cycles = np.geomspace(min(2.0, longest), longest, _FREQUENCIES)
    frequencies = cycles if kind == "grating" else np.array([np.nan])
    # Interleaved, so that each half covers the phases and places evenly.
    even = (np.arange(repeats) + rng.random()) / repeats
    phase = np.concatenate([even[::2], even[1::2]])
    polarity = np.where(np.arange(repeats) % 2, -1.0, 1.0)
    across, inside = _across(rows, columns, theta)  # [O, H, W], [H, W]
    across = across[:, None, None] / side  # in sides of the picture
    offset = (phase - 0.5)[:, None, None] * 0.5
    if kind == CURVE:
        across, offset = _beyond(rows, columns, 2 * theta, offset * side) / side, np.zeros(1)
    if kind == "grating":
        wave = 2 * np.pi * (frequencies[:, None, None, None] * across + phase[:, None, None])
        drawn = np.sin(wave)
    elif kind in ("bar", CURVE):
        width = max(1.5 / side, 1 / 12)
        drawn = polarity[:, None, None] * _soft(width - np.abs(across - offset), side)
    else:
        drawn = polarity[:, None, None] * (2 * _soft(across - offset, side) - 1)
    drawn = (drawn * inside).reshape(-1, 1, rows, columns)
    low, high = (float(end) for end in ends(images))
    levels = torch.from_numpy((low + high) / 2 + (high - low) / 2 * drawn).to(images)
    channels = planes(images[:1]).shape[1]
    shaped = flat_planes(levels.expand(-1, channels, -1, -1), images.shape[1:])
    return Stimuli(kind, theta, frequencies, repeats, shaped.contiguous())


def _across(rows: int, columns: int, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance in pixels across lines of the orientations `[O, H, W]`, and the disc `[H, W]`."""
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    y, x = (rows - 1) / 2 - y, x - (columns - 1) / 2  # y upwards
    angle = np.deg2rad(theta)[:, None, None]
    radius = min(rows, columns) / 2
    disc = np.clip((radius - np.hypot(x, y)) / (0.2 * radius), 0, 1)
    return -x * np.sin(angle) + y * np.cos(angle), disc


def _beyond(rows: int, columns: int, bulge: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Distance in pixels outward from arcs that bulge to some angles, `[O, 1, T, H, W]`.

    An arc's top lies at an offset `[T, 1, 1]` from the middle of the picture, to where it bulges.
    """
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    y, x = (rows - 1) / 2 - y, x - (columns - 1) / 2
    radius, angle = _RADIUS * min(rows, columns), np.deg2rad(bulge)[:, None, None, None, None]
    away = offset[None, None] - radius
    return np.hypot(x - away * np.cos(angle), y - away * np.sin(angle)) - radius


def _soft(signed: np.ndarray, side: int) -> np.ndarray:
    """Step from 0 to 1 over one pixel, at zero; distances are in sides of the picture."""
    return np.clip(signed * side + 0.5, 0, 1)
