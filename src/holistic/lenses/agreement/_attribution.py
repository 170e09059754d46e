"""Attributes a class's score to each unit by gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.units import attribute_site
from holistic.graph.loops import batches
from holistic.graph.sites import Site
from holistic.pieces import kept
from holistic.progress import Progress, silent
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = ["attribute_units"]

_BATCH = 256
_STEPS = 16
"""Points of the line along which units are attributed to, where the method takes one."""
TAYLOR = "taylor"


def attribute_units(
    subject: Subject,
    site: Site,
    rows: np.ndarray,
    progress: Progress = silent,
    method: str = TAYLOR,
) -> np.ndarray:
    """Multiply each unit's deviation from its mean with the gradient of each example's score.

    To first order this is what the score loses when the unit is set to its mean, the negative of
    the effect that `ablation.units` measures. Where the subject's score is the accuracy, which has
    no gradient, the margin stands in.

    Parameters
    ----------
    subject
        The model under study.
    site
        Site of the units.
    rows
        Places in the evaluation split.
    progress
        Told how many examples are done.
    method
        `taylor` as above, or one of `holistic.attributing.units`.

    Returns
    -------
    np.ndarray
        `[U, N]` float32, for each example, summed over positions, in the unit of the score; NaN
        where there are no gradients.

    References
    ----------
    Molchanov et al. 2017, eq. 7 (first-order Taylor estimate of pruning).
    """
    if subject.gradients.at(site.name):
        return np.full((site.units, len(rows)), np.nan, np.float32)
    mean, parts = subject.mean(site.name), list[np.ndarray]()
    for some in batches(len(rows), _BATCH):
        part = torch.from_numpy(rows[some])
        images, labels = subject.evaluation.images[part], subject.evaluation.labels[part]
        if method == TAYLOR:
            parts.append(_terms(subject, site, images, labels, mean))
        else:
            parts.append(_along(subject, site.name, images, labels, method))
        progress("attributing units", some.stop, len(rows))
    return np.concatenate(parts, axis=1)


@kept
def _along(subject: Subject, site: str, images: Tensor, labels: Tensor, method: str) -> np.ndarray:
    """Attributions of `holistic.attributing.units`, summed over positions, `[U, B]` float32."""
    terms = attribute_site(subject, site, images, labels, method, _STEPS).double()
    terms = terms.flatten(1, -2).sum(1) if terms.dim() > 2 else terms  # [B, U]
    return terms.T.float().cpu().numpy()


@kept
def _terms(
    subject: Subject, site: Site, images: Tensor, labels: Tensor, mean: Tensor
) -> np.ndarray:
    """Deviations times gradients, summed over positions, `[U, B]` float32."""
    value = subject.capture([site.name], images)[site.name].requires_grad_()  # [B, P…, U]
    gradient = _gradient(subject, site, images, labels, value)
    terms = (gradient * (value.detach() - mean)).double()
    terms = terms.flatten(1, -2).sum(1) if terms.dim() > 2 else terms  # [B, U]
    return terms.T.float().cpu().numpy()


def _gradient(
    subject: Subject, site: Site, images: Tensor, labels: Tensor, value: Tensor
) -> Tensor:
    """Gradient of each example's score in the site's value, `[B, P…, U]`."""
    with torch.enable_grad():
        logits = subject.logits_from(images, {site.name: value})
        name = "margin" if subject.score == "accuracy" else subject.score
        total = score(logits, labels, name).sum()
        if not total.requires_grad:
            return torch.zeros_like(value)
        (gradient,) = torch.autograd.grad(total, value)
    return gradient
