"""Says of which kind a subject's inputs are, and what an audit records of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holistic.graph.kinds import SEQUENCES
from holistic.graph.sites import Site
from holistic.results.input_kinds import KINDS, InputKind

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["input_kind", "inputs_record", "steps_first"]

_SERIES = SEQUENCES | {"conv1d", "conv_transpose1d"}
_PLANES = frozenset("conv2d conv3d convolution".split())
_COLOURS = (1, 3)


def input_kind(subject: Subject) -> InputKind:
    """Say what the inputs are, by their shape and by what the model does with them.

    Whole numbers in a row are tokens, other numbers in a row features. Of two axes, one is time
    where the model has a convolution over one axis or a recurrent layer, or where the other is
    shorter than 4; else they are a picture.
    """
    images, sites = subject.images, subject.all_sites
    shape = tuple(images.shape[1:])
    if not images.is_floating_point():
        return KINDS["tokens"] if len(shape) == 1 else KINDS["image"]
    if len(shape) < 2:
        return KINDS["features"]
    ops = {site.op for site in sites}
    if len(shape) == 2 and ((ops & _SERIES and not ops & _PLANES) or min(shape) < 4):
        return KINDS["series"]
    if len(shape) != 3:
        return KINDS["image"]
    first, _, last = shape
    channels = last if last in (1, 3, 4) and first not in (1, 3, 4) else first
    return KINDS["image" if channels in _COLOURS else "channels"]


def steps_first(sites: Sequence[Site], shape: Sequence[int]) -> bool:
    """Say whether the steps of a series `[…]` of this shape lie on its first axis."""
    ops = {site.op for site in sites}
    recurrent = bool(ops & SEQUENCES) and not ops & {"conv1d", "conv_transpose1d"}
    return recurrent or (not ops & _SERIES and shape[0] > shape[1])


def inputs_record(subject: Subject) -> dict[str, Any]:
    """Return what pages and tables must know of the inputs, in plain JSON values."""
    words = {str(number): word for number, word in subject.vocabulary.items()}
    return {
        "kind": subject.input_kind.name,
        "shape": list(subject.images.shape[1:]),
        **({"features": list(subject.feature_names)} if subject.feature_names else {}),
        **({"words": words} if words else {}),
    }
