"""Lays attention over the image, head by head and multiplied out: `activation.attention`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.attention import attending, attention_weights
from holistic.graph.loops import batches
from holistic.lenses._cases import cases
from holistic.lenses._pictures import planes
from holistic.lenses._untrained import fresh_control
from holistic.lenses.activation import Activation, schemas
from holistic.lenses.activation.schemas import ROLLOUT, HeadRow
from holistic.pieces import kept
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.words import number

__all__ = ["Grid", "attention_finding", "grid_of", "looks", "rollout"]

CELLS = 120_000
"""Numbers that the maps of single examples may hold, and the control's as many."""
_IMAGES = 20
_BATCH = 64
_COPY = 15_485_863
"""Added to the subject's seed for the randomly initialised control."""
_EXTRAS = (0, 1, 2)
"""Tokens before the patches: none, a class token, and one for distillation."""


@dataclass(frozen=True)
class Grid:
    """How the tokens lie on the image: so many before the patches, and rows by columns of them."""

    extras: int
    rows: int
    columns: int

    @property
    def query(self) -> str:
        """Whose attention is shown."""
        return "class token" if self.extras else "mean"


def grid_of(subject: Subject, tokens: int) -> Grid | None:
    """Find how so many tokens lie on the image; None where they can't be patches of it.

    The plane of a convolution that has as many positions says it, else patches that are as high as
    they are wide.
    """
    convolved = [s.positions for s in subject.all_sites if s.layout.endswith("pixels")]
    for extras in _EXTRAS:
        for plane in convolved:
            if math.prod(plane) == tokens - extras and min(plane) > 1:
                return Grid(extras, plane[0], plane[1])
    height, width = planes(subject.images[:1]).shape[2:]
    for extras in _EXTRAS:
        rows = round(math.sqrt((tokens - extras) * height / width))
        fits = rows > 1 and (tokens - extras) % rows == 0
        columns = (tokens - extras) // rows if fits else 0
        if fits and height * columns == width * rows and height % rows == 0:
            return Grid(extras, rows, columns)
    return None


def attention_finding(subject: Subject, lens: Activation) -> Finding | None:
    """Read the attention of every head on patches of images; None where no model has such heads.

    Parameters
    ----------
    subject
        The model under study.
    lens
        On how many examples the distance from even attention is measured.

    References
    ----------
    Abnar & Zuidema 2020, section 3 (attention rollout).
    """
    sites = attending(subject.engine)
    if not sites or not subject.input_kind.pictures:
        return None
    shapes = attention_weights(subject.engine, subject.images[:1], sites)
    tokens = shapes[sites[0]].shape[-1]
    grid = grid_of(subject, tokens)
    sites = tuple(s for s in sites if shapes[s].shape[-2:] == (tokens, tokens))
    if grid is None:
        return None
    control = fresh_control(subject, subject.seed + _COPY)
    sample = subject.evaluation.sample(lens.probes, seed=subject.seed)
    found = {
        "model": _focus(subject, sites, grid, sample),
        "control": _focus(control, sites, grid, sample),
    }
    rows = _rows(sites, grid, shapes, found)
    few = _few(subject, len(rows) * grid.rows * grid.columns)
    maps = [looks(s, sites, grid, few.images).astype(np.float32) for s in (subject, control)]
    return Finding(
        schemas.ATTENTION,
        Table.from_rows(HeadRow, rows),
        statements=_statements(rows),
        caveats=(
            "Attention says where a head takes values from, not what they are used for: what "
            "removing the head costs stands in the lens of ablation.",
            "The rollout takes the mean of a layer's heads and the residual stream in equal parts, "
            "and leaves out what lies between layers.",
        ),
        arrays={
            "activation.attention": maps[0],
            "activation.attention_control": maps[1],
            "activation.attention_cases": few.indices.astype(np.int64),
        },
    )


def _few(subject: Subject, cells: int) -> Examples:
    """Typical examples first, then others of the single ones, as many as there is room for."""
    single = cases(subject).examples
    return single.at(np.arange(max(1, min(len(single), _IMAGES, CELLS // cells))))


def looks(subject: Subject, sites: Sequence[str], grid: Grid, images: Tensor) -> np.ndarray:
    """Where each head looks, site by site, and last the rollout: `[B, rows, grid rows, columns]`.

    Shares of the attention on patches, of the class token or the mean query; they add up to 1.
    """
    weights = attention_weights(subject.engine, images, sites)
    every = [weights[s].double() for s in sites]
    heads = torch.cat([*every, rollout(every)[:, None]], 1)  # [B, heads, Q, K]
    seen = heads[:, :, 0] if grid.extras else heads.mean(2)
    patches = seen[..., grid.extras :]
    shares = patches / patches.sum(-1, keepdim=True).clamp_min(1e-12)
    return shares.unflatten(-1, (grid.rows, grid.columns)).cpu().numpy()


def rollout(weights: Sequence[Tensor]) -> Tensor:
    """Multiply out the attention of layers, each `[B, heads, T, T]`: `[B, T, T]`."""
    own = torch.eye(weights[0].shape[-1], dtype=weights[0].dtype, device=weights[0].device)
    total = own.expand(len(weights[0]), -1, -1)
    for layer in weights:
        total = (layer.mean(1) + own) / 2 @ total
    return total


@kept
def _focus(subject: Subject, sites: Sequence[str], grid: Grid, sample: Examples) -> np.ndarray:
    """Distance of each head's attention from even attention on each example, `[rows, N]`."""
    even = 1 / (grid.rows * grid.columns)
    parts = [
        np.abs(looks(subject, sites, grid, sample.images[some]) - even).sum((2, 3)) / 2
        for some in batches(len(sample), _BATCH)
    ]
    return np.concatenate(parts).T


def _rows(
    sites: Sequence[str],
    grid: Grid,
    weights: Mapping[str, Tensor],
    found: Mapping[str, np.ndarray],
) -> list[HeadRow]:
    own, control = (Means.of(found[who]) for who in ("model", "control"))
    (lo, hi), (control_lo, control_hi) = own.interval(), control.interval()
    names = [(s, h) for s in sites for h in range(weights[s].shape[1])]
    return [
        HeadRow(
            site=site,
            unit=unit,
            query=grid.query,
            focus=Estimate(
                float(own.mean[i]),
                float(lo[i]),
                float(hi[i]),
                int(own.count[i]),
                control=float(control.mean[i]),
                control_lo=float(control_lo[i]),
                control_hi=float(control_hi[i]),
            ),
        )
        for i, (site, unit) in enumerate([*names, (ROLLOUT, None)])
    ]


def _statements(rows: Sequence[HeadRow]) -> tuple[str, ...]:
    """Say how far from even heads look, beside a randomly initialised control."""
    heads = [row for row in rows if row.unit is not None]
    more = sum((row.focus.lo or 0) > (row.focus.control_hi or np.inf) for row in heads)
    narrow = max(heads, key=lambda row: row.focus.value or 0)
    words = "; ".join(
        f"{what} {number(of.value)} [{number(of.lo)}, {number(of.hi)}], randomly initialised "
        f"{number(of.control)} [{number(of.control_lo)}, {number(of.control_hi)}]"
        for what, of in (
            (f"head {narrow.unit} of site '{narrow.site}', the furthest,", narrow.focus),
            ("the rollout", rows[-1].focus),
        )
    )
    return (
        f"{more} of {len(heads)} heads look further from evenly than in a randomly initialised "
        f"control (intervals apart). Distance from even attention over the patches: {words}; n = "
        f"{narrow.focus.n}.",
    )
