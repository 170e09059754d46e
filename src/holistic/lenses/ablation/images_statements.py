"""Sentences on single images: how many one unit turns, and how much the first unit does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._cases import Cases
from holistic.lenses.ablation.schemas import ImageUnit
from holistic.results.columns import Estimate
from holistic.stats.intervals import bootstrap_interval, wilson
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["image_statements"]


def image_statements(
    subject: Subject, chosen: Cases, found: Sequence[ImageUnit]
) -> tuple[str, ...]:
    """Say what the first unit does to typical images, and how many images one unit turns."""
    first = [row for row in found if row.kind == "typical" and row.rank == 1]
    if not first:
        return ()
    parts = list(_turned(subject, chosen, found))
    images = dict[int, list[Estimate]]()
    for row in first:
        images.setdefault(row.example, []).append(row.effect)
    own = [images[example] for example in sorted(images)]
    largest, usual = (
        _median(np.array([max(map(_size, sizes)) for sizes in every]), subject.seed)
        for every in (
            [[effect.value for effect in effects] for effects in own],
            [[effect.control for effect in effects] for effects in own],
        )
    )
    return (
        f"The unit that matters most to a class's typical image changes its {subject.score} by "
        f"{largest} {SCORE_UNITS[subject.score]}, the median unit of a site by {usual} at the most "
        f"(medians over n = {len(images)} images){'; ' if parts else ''}{'; '.join(parts)}.",
    )


def _turned(subject: Subject, chosen: Cases, found: Sequence[ImageUnit]) -> Iterator[str]:
    """Count the images of each kind that one unit turns, with the controls."""
    turned = {row.example for row in found if row.turned}
    every = sum(site.units for site in subject.hidden_sites)
    for kind, words in (
        ("close", "right by the smallest margin of their class, {} are told wrong"),
        ("mistaken", "told wrong by the widest margin of their class, {} are told right"),
    ):
        of_kind = chosen.examples.indices[np.array(chosen.kinds) == kind]
        if not len(of_kind):
            continue
        some = sum(int(e) in turned for e in of_kind)
        share, (lo, hi) = some / len(of_kind), wilson(some, len(of_kind))
        noun = "image" if len(of_kind) == 1 else "images"
        own = [row for row in found if row.kind == kind and row.rank == 1]
        random = _mean([row.control_turned for row in own])
        searched = _mean([row.control_searched for row in own])
        # with a single class of such images there is no other to search on
        elsewhere = (
            f"as large a change as the same search finds on such images of other classes would "
            f"turn {searched}, and "
        )
        yield (
            f"of {len(of_kind)} {noun} {words.format(some)} without one unit, searched for "
            f"among {every} ({percent(share, lo, hi)}; {elsewhere if searched != '–' else ''}"
            f"a random unit turns {random})"
        )


def _size(value: float | None) -> float:
    return np.nan if value is None else abs(value)


def _mean(shares: Sequence[float | None]) -> str:
    """Write the mean of the shares that are known."""
    values = np.array(shares, float)
    return percent(np.nanmean(values) if np.isfinite(values).any() else np.nan)


def _median(values: np.ndarray, seed: int) -> str:
    """Write a median of sizes with the bootstrap's 95 % interval, where there is more than one."""
    if len(values) == 1:
        return f"{values[0]:.3g}"
    lo, hi = bootstrap_interval(values, np.median, seed=seed)
    return f"{np.median(values):.3g} [{lo:.3g}, {hi:.3g}]"
