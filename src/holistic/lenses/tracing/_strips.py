"""Picks examples in order along the direction of each class, as a film strip shows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from holistic.lenses._cases import spread
from holistic.lenses._pictures import drawn_as_pictures, pictures, shown_values
from holistic.lenses.tracing._fitted_directions import Features, Fitted
from holistic.study.subject import Subject

__all__ = ["strip_arrays", "strips"]

_STEPS = 11
"""Examples of a strip, from the least to the most along the direction."""


def strips(features: Features, fitted: Fitted, shown: Sequence[int], steps: int) -> np.ndarray:
    """Pick evaluation examples at equal steps of rank along class mean differences.

    Parameters
    ----------
    features
        Of the site.
    fitted
        Its directions.
    shown
        Classes that get a strip.
    steps
        Examples of a strip; fewer where the split has fewer.

    Returns
    -------
    np.ndarray
        `[C, steps]` int64, rows of the evaluation split; -1 for classes without a strip.
    """
    count = len(features.evaluation)
    ranks = np.linspace(0, count - 1, min(steps, count)).round().astype(np.int64)
    found = np.full((len(fitted.vectors), len(ranks)), -1, np.int64)
    for label in shown:
        along = features.evaluation @ fitted.vectors[label, 0]
        if np.isfinite(along).all():
            found[label] = np.argsort(along, kind="stable")[ranks]
    return found


def strip_arrays(subject: Subject, features: Features, fitted: Fitted) -> dict[str, np.ndarray]:
    """Build the arrays of the film strips of one site, with the examples' pictures."""
    rows = strips(features, fitted, spread(len(subject.classes)).tolist(), _STEPS)
    indices = np.asarray(subject.evaluation.indices)
    chosen = np.where(rows < 0, -1, indices[rows])
    found = {"tracing.strips": chosen.astype(np.int64)}
    ids = np.unique(chosen[chosen >= 0])
    seen = drawn_as_pictures(subject)
    if not len(ids) or (subject.input_kind.pictures and not seen):
        return found
    at = torch.from_numpy(ids)
    images = subject.images[at]
    predicted = subject.predict(images).argmax(1)
    look = (
        {"tracing.strip_images": pictures(images, subject.studied)}
        if seen
        else {"tracing.strip_inputs": shown_values(subject, images)}
    )
    return (
        found
        | look
        | {
            "tracing.strip_ids": ids.astype(np.int64),
            "tracing.strip_labels": subject.labels[at].cpu().numpy().astype(np.int64),
            "tracing.strip_predictions": predicted.cpu().numpy().astype(np.int64),
        }
    )
