"""Attention rollout: how much of each token reaches what is read at the end."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from holistic.attributing.cams import on_planes
from holistic.attributing.masked import spread_out
from holistic.attributing.method import Attribute, Batch, Method, Setup
from holistic.graph.attention import attending, attention_weights
from holistic.study.subject import Subject

__all__ = ["METHODS"]


def _no_attention(subject: Subject) -> str:
    """Say why no weights of attention lead from the input's tokens on."""
    sites = attending(subject.engine)
    if not sites:
        return "it has no attention whose weights can be read"
    shapes = {tuple(w.shape[-2:]) for w in _weights(subject, subject.probes[:1], sites)}
    if len(shapes) != 1 or len(set(next(iter(shapes)))) != 1:
        return f"its layers of attention have weights of different shapes, {sorted(shapes)}"
    tokens, length = next(iter(shapes))[0], subject.images.shape[1]
    if subject.input_kind.name == "tokens":
        return "" if tokens == length else f"it attends to {tokens} places of {length} tokens"
    if not subject.input_kind.pictures:
        return "its tokens have no places in the input"
    square = any(math.isqrt(tokens - n) ** 2 == tokens - n > 1 for n in (0, 1))
    return "" if square else f"its {tokens} tokens are no square of patches"


def _weights(subject: Subject, images: Tensor, sites: tuple[str, ...]) -> list[Tensor]:
    found = attention_weights(subject.engine, images, sites)
    return [found[name] for name in sites]  # [B, heads, T, T] each


def _rollout(given: Setup) -> Attribute:
    subject = given.subject
    sites = attending(subject.engine)

    def attribute(batch: Batch) -> Tensor:
        flow: Tensor | None = None
        for weights in _weights(subject, batch.images, sites):
            mean = weights.float().mean(1)
            own = (mean + torch.eye(mean.shape[-1], device=mean.device)) / 2  # [B, T, T]
            flow = own if flow is None else own @ flow
        assert flow is not None
        if subject.input_kind.name == "tokens":
            return flow.mean(1)
        tokens = flow.shape[-1]
        first = math.isqrt(tokens) ** 2 != tokens  # a class token comes before the patches
        read = flow[:, 0] if first else flow.mean(1)  # [B, T]
        return spread_out(on_planes(subject, read, batch.images), batch.images)

    return attribute


METHODS = (
    Method(
        "attention_rollout",
        _rollout,
        "product over layers of (mean of the heads' weights + identity) / 2",
        "Abnar & Zuidema 2020, section 3",
        "always as to the class: it is the same for each, has no sign, and sees only attention",
        needs=(_no_attention,),
    ),
)
