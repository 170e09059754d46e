"""Says what attributions belong to, pixels, features or tokens' embeddings, and scores it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from holistic.graph.sites import Site
from holistic.study.scores import score
from holistic.study.subject import Subject
from holistic.study.vocabulary import BLANKS

__all__ = ["Points", "blank_token", "embedding_of", "target_scores"]


@dataclass(frozen=True)
class Points:
    """What attributions belong to: the inputs themselves, or what tokens are embedded in.

    Attributes
    ----------
    subject
        Model and data.
    objective
        What is attributed: a `logit` (or the difference of two), a `margin`, a `log_prob`.
    site
        Site of the embeddings; empty where inputs have gradients of their own.
    note
        Why there is no gradient; empty where there is one.
    """

    subject: Subject
    objective: str
    site: str = ""
    note: str = ""

    @classmethod
    def of(cls, subject: Subject, objective: str) -> Points:
        """Find out what a subject's attributions belong to."""
        if subject.input_kind.name != "tokens":
            return cls(subject, objective, note=subject.gradients.note)
        site = embedding_of(subject)
        note = "no embedding of the tokens can be reached" if site is None else ""
        if site is None or (note := subject.gradients.at(site.name)):
            return cls(subject, objective, note=note)
        return cls(subject, objective, site.name)

    def values(self, images: Tensor) -> Tensor:
        """The points of images `[B, …]`."""
        if not self.site:
            return images.detach()
        with torch.no_grad():
            return self.subject.downstream(images, (), [self.site])[1][self.site]

    def scores(self, points: Tensor, targets: Tensor, images: Tensor | None = None) -> Tensor:
        """Score each point for its target, `[B]` float32, differentiable in the points.

        Parameters
        ----------
        points
            `[B, …]`.
        targets
            `[B]`, or `[B, 2]` for differences.
        images
            The tokens behind embeddings.
        """
        if self.site:
            assert images is not None
            logits = self.subject.logits_from(images, {self.site: points})
        else:
            logits = self.subject.logits(points.to(self.subject.images.dtype))
        return self.scored(logits, targets)

    def scored(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Score logits `[B, C]` for their targets, `[B]` float32."""
        return target_scores(logits, targets, self.objective).float()

    @torch.no_grad()
    def scores_of(self, images: Tensor, targets: Tensor) -> Tensor:
        """Score images `[B, …]` for their targets without a gradient, float64 `[B]`."""
        logits = self.subject.downstream(images, (), ())[0].double()
        return target_scores(logits, targets, self.objective).cpu()

    def placed(self, values: Tensor, images: Tensor) -> Tensor:
        """Bring attributions of points to the images' shape: tokens add their embeddings up."""
        return values.sum(-1) if values.dim() > images.dim() else values


def target_scores(logits: Tensor, targets: Tensor, objective: str) -> Tensor:
    """Score logits `[B, C]` for classes `[B]`, or one class's logit against another's `[B, 2]`."""
    targets = targets.to(logits.device)
    if targets.dim() == 2:
        pair = logits.gather(1, targets)
        return pair[:, 0] - pair[:, 1]
    return score(logits, targets, objective)  # pyright: ignore[reportArgumentType]


def embedding_of(subject: Subject) -> Site | None:
    """The first site that has a vector for each token."""
    length = subject.images.shape[1]
    for site in subject.all_sites:
        if site.op == "embedding" and site.positions == (length,):
            return site
    return None


def blank_token(subject: Subject) -> int:
    """The token that says least: a mask, unknown or padding, else the commonest one."""
    for name in BLANKS:
        for number, word in subject.vocabulary.items():
            if word == name:
                return number
    numbers, counts = torch.unique(subject.selection.images, return_counts=True)
    return int(numbers[counts.argmax()])
