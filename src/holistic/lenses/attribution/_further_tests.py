"""Puts maps through the tests that remake them or blank parts of images, on fewer images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.registry import METHODS
from holistic.lenses._pictures import drawn_as_pictures, planes
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._checks import foreseen, removed, resemblance, steadied
from holistic.lenses.attribution._maps import (
    attributions,
    chosen_methods,
    edges,
    finite_maps,
    magnitude,
)
from holistic.lenses.attribution._removal import Fill, area, grid, mean_image, order, removal
from holistic.lenses.attribution._robustness import cascading, infidelity, maps_again, sensitivity
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution.schemas import MethodRow
from holistic.progress import Progress
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["further_rows"]

_FILLS: tuple[Fill, ...] = ("blur", "road")
_STEPS = 8
_RANDOM = 5017
_BLIND = 8
"""Maps of random numbers behind the control of infidelity: one foresees something by chance."""


def further_rows(subject: Subject, lens: Attribution, progress: Progress) -> list[MethodRow]:
    """Test every method's maps by infidelity, sensitivity, cascading randomisation and fills."""
    methods = chosen_methods(subject, lens)
    sample = balanced(subject.evaluation, lens.further_images, subject.seed)
    maps = attributions(subject, sample, lens, lambda _: None, methods)
    kept = torch.stack([finite_maps(values) for values in maps.values()]).all(0).numpy()
    if not kept.any():
        return []
    sample = sample.at(np.flatnonzero(kept))
    maps = {name: values[kept] for name, values in maps.items()}
    again = maps_again(lens, methods)
    rows, steps = list[MethodRow](), 3 + 2 * drawn_as_pictures(subject)
    away = (sample.images - mean_image(subject).to(sample.images)).cpu()
    sums = {name: v * away if METHODS[name].slope else v for name, v in maps.items()}
    generator = torch.Generator().manual_seed(subject.seed + _RANDOM)
    shape = next(iter(maps.values())).shape
    blind = {f"random {i}": torch.rand(shape, generator=generator) - 0.5 for i in range(_BLIND)}
    unseen = infidelity(subject, sample, sums | blind, lens)
    control = np.mean([unseen[name] for name in blind], 0)
    rows += [foreseen(name, unseen[name], control) for name in maps]
    progress("further tests", 1, steps)
    moved = sensitivity(subject, sample, maps, again)
    rows += [steadied(name, moved[name]) for name in maps]
    progress("further tests", 2, steps)
    followed = cascading(subject, sample, maps, again)
    rows += [resemblance(name, "cascading", *followed[name], lens.similar) for name in followed]
    progress("further tests", 3, steps)
    if drawn_as_pictures(subject):
        sizes = {name: magnitude(values) for name, values in maps.items()}
        sizes["edge"] = edges(sample.images)
        for place, fill in enumerate(_FILLS):
            rows += _filled(subject, sample, sizes, fill)
            progress("further tests", 4 + place, steps)
    return rows


def _filled(
    subject: Subject, sample: Examples, sizes: Mapping[str, Tensor], fill: Fill
) -> list[MethodRow]:
    """Areas under removal curves where what goes is filled otherwise than by the mean image."""
    rng = np.random.default_rng([subject.seed, _RANDOM])
    pixels = planes(sample.images)[0, 0].numel()
    counts = grid(pixels, _STEPS)
    flat = {name: v.flatten(1).double().cpu().numpy() for name, v in sizes.items()}
    flat["random"] = np.zeros((len(sample), pixels))
    curves = {
        name: removal(subject, sample, order(values, rng), counts, fill)
        for name, values in flat.items()
    }
    rows = list[MethodRow]()
    for side in ("deletion", "insertion"):
        areas = {name: area(getattr(one, side), counts) for name, one in curves.items()}
        blind = areas["random"]
        rows += [
            removed(name, f"{side}_auc_{fill}", own, None if name == "random" else blind)
            for name, own in areas.items()
        ]
    return rows
