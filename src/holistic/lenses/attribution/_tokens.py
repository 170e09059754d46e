"""Takes tokens out of texts, and reads the gradient at what they are embedded in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.accompanied import accompanied, extras_of
from holistic.graph.loops import batches
from holistic.graph.sites import Site
from holistic.study.examples import Examples
from holistic.study.scores import score
from holistic.study.subject import Subject
from holistic.study.vocabulary import BLANKS, word_of

__all__ = ["Blank", "blank", "embedding_gradients", "occluded"]

_ROWS = 1024
"""Texts in one run."""


@dataclass(frozen=True)
class Blank:
    """The token that stands for one that is taken out, and what it is in words."""

    number: int
    what: str


def blank(subject: Subject) -> Blank:
    """Choose the token that says least: a mask, unknown or padding, else the commonest one."""
    for name in BLANKS:
        for number, word in subject.vocabulary.items():
            if word == name:
                return Blank(number, f"'{word}'")
    numbers, counts = torch.unique(subject.selection.images, return_counts=True)
    number = int(numbers[counts.argmax()])
    word = word_of(subject.vocabulary, number)
    return Blank(number, f"'{word}', the commonest of the selection split")


def occluded(subject: Subject, examples: Examples, fill: Blank) -> np.ndarray:
    """Change of each text's score when one token is taken out: `[n, T]`, NaN where it is blank.

    References
    ----------
    Li et al. 2016, Understanding neural networks through representation erasure, section 2.
    """
    images, labels = examples.images, examples.labels
    before = _scores(subject, images, labels)
    found = np.full(tuple(images.shape), np.nan)
    rows, places = (images != fill.number).nonzero(as_tuple=True)
    for part in batches(len(rows), _ROWS):
        own, at = rows[part], places[part]
        changed = images[own].clone()
        changed[torch.arange(len(own)), at] = fill.number
        changed = accompanied(changed, extras_of(images[own]))
        change = _scores(subject, changed, labels[own]) - before[own.cpu().numpy()]
        found[own.cpu().numpy(), at.cpu().numpy()] = change
    return found


def _scores(subject: Subject, images: Tensor, labels: Tensor) -> np.ndarray:
    return subject.score_of(subject.predict(images), labels).double().cpu().numpy()


def embedding_gradients(subject: Subject, examples: Examples) -> np.ndarray | None:
    """Multiply each token's embedding with the gradient there: `[n, T]`; None where that can't be.

    References
    ----------
    Li et al. 2016, Visualizing and understanding neural models in NLP, section 4 (first-derivative
    saliency); Shrikumar et al. 2016 (input × gradient).
    """
    site = _embedding(subject, examples.images.shape[1])
    if site is None or subject.gradients.at(site.name):
        return None
    value = subject.capture([site.name], examples.images)[site.name].requires_grad_()  # [n, T, U]
    name = "margin" if subject.score == "accuracy" else subject.score
    with torch.enable_grad():
        total = score(
            subject.logits_from(examples.images, {site.name: value}), examples.labels, name
        ).sum()
        if not total.requires_grad:
            return None
        (gradient,) = torch.autograd.grad(total, value)
    return (gradient * value.detach()).sum(-1).double().cpu().numpy()


def _embedding(subject: Subject, length: int) -> Site | None:
    """The first site that has a vector for each token."""
    for site in subject.all_sites:
        if site.op == "embedding" and site.positions == (length,):
            return site
    return None
