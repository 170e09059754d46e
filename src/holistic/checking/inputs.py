"""Tries the usual conversions of inputs and says which one fits the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from holistic.checking.labels import Gain, gain_of
from holistic.stats.tests import mcnemar

if TYPE_CHECKING:
    from holistic.study.examples import Examples
    from holistic.study.subject import Subject

__all__ = ["Conversion", "Fitting", "conversions", "fitting_conversion"]

_AROUND = 3
"""Scalings that are tried with each change of the pixels."""
_STEP = 0.01
"""Accuracy that a further step of a conversion must win to be preferred."""
_BYTES = 2.0
"""Inputs with larger values than this are taken as bytes, 0 to 255."""
_DIFFERENT = 0.05
"""Largest p of two conversions, on the same examples, that differ for sure."""

_KNOWN = {
    3: {
        "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    },
    1: {"MNIST": ((0.1307,), (0.3081,)), "Fashion-MNIST": ((0.2860,), (0.3530,))},
}
"""Means and standard deviations of channels from 0 to 1, as the data sets' examples give them."""


@dataclass(frozen=True)
class Conversion:
    """Another form of the inputs.

    Attributes
    ----------
    words
        What is done, as a part of a sentence.
    apply
        Does it to inputs `[B, …]`.
    steps
        How many things it does.
    """

    words: str
    apply: Callable[[Tensor], Tensor]
    steps: int = 1

    def after(self, other: Conversion) -> Conversion:
        """Do another one first."""
        words = " and ".join(part for part in (other.words, self.words) if part)
        steps = self.steps + other.steps
        return Conversion(words, lambda x: self.apply(other.apply(x)), steps)


@dataclass(frozen=True)
class Fitting:
    """What came of trying conversions.

    Attributes
    ----------
    words
        The one that fits far better than the inputs as given; empty where none does.
    gain
        What it gives, on examples that it wasn't chosen on; None where none was tried.
    tried
        Number of conversions that it was chosen from.
    """

    words: str = ""
    gain: Gain | None = None
    tried: int = 0


_AS_GIVEN = Conversion("", lambda x: x, 0)


def conversions(inputs: Tensor) -> tuple[list[Conversion], list[Conversion]]:
    """Return the scalings and the changes of pixels that make sense for inputs `[N, …]`.

    Tables (`[N, F]`) and series are scaled, pictures have their channels and axes moved as well.
    """
    return list(_scalings(inputs)), list(_moves(inputs))


def fitting_conversion(
    subject: Subject, choosing: Examples, measuring: Examples, *, right: np.ndarray
) -> Fitting:
    """Choose the best conversion on some examples and measure it on others.

    Of conversions that aren't surely worse than the best one, the one with fewest steps is chosen.

    Parameters
    ----------
    subject
        Its model is run on converted inputs.
    choosing, measuring
        Examples of the selection and of the evaluation split.
    right
        `[N]`, which of the measuring ones are right as they are.
    """
    if not choosing.images.is_floating_point():
        return Fitting()
    scalings, moves = conversions(choosing.images)
    found = [_tried(subject, choosing, one) for one in (_AS_GIVEN, *scalings)]
    leaders = sorted(found, key=lambda one: one.quality, reverse=True)[:_AROUND]
    for move in moves:
        found += [_tried(subject, choosing, one.conversion.after(move)) for one in leaders]
    best = _simplest(found)
    gain = gain_of(right, _right(subject, measuring, best)[0])
    return Fitting(best.words if gain.large else "", gain if gain.large else None, len(found) - 1)


@dataclass(frozen=True)
class _Tried:
    """A conversion, which examples `[N]` are right after it, and their mean log-probability."""

    conversion: Conversion
    right: np.ndarray
    log_probability: float

    @property
    def quality(self) -> tuple[float, float]:
        """Accuracy, less a little for each step, and the mean log-probability."""
        return float(self.right.mean()) - _STEP * self.conversion.steps, self.log_probability


def _tried(subject: Subject, examples: Examples, one: Conversion) -> _Tried:
    return _Tried(one, *_right(subject, examples, one))


def _simplest(found: Sequence[_Tried]) -> Conversion:
    """Return the best, or one of fewer steps that isn't surely different on the same examples."""
    best = max(found, key=lambda one: one.quality)
    # inputs as given are what it is measured against, so they are no rival of it
    rivals = [one for one in found if one.conversion.steps and _alike(one.right, best.right)]
    fewest = min((one.conversion.steps for one in rivals), default=0)
    if best.conversion.steps <= fewest:
        return best.conversion
    simple = (one for one in rivals if one.conversion.steps == fewest)
    return max(simple, key=lambda one: one.quality).conversion


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return float(mcnemar((one & ~other).sum(), (other & ~one).sum())) >= _DIFFERENT


def _right(subject: Subject, examples: Examples, one: Conversion) -> tuple[np.ndarray, float]:
    """Which examples are right after a conversion, and the mean log-probability of their classes.

    Where the model gives no numbers, none is.
    """
    logits = subject.downstream(one.apply(examples.images), (), ())[0].double()
    labels = examples.labels.to(logits.device)
    right = (logits.argmax(1) == labels) & logits.isfinite().all(1)
    mean = -float(cross_entropy(logits, labels))
    return right.cpu().numpy(), mean if np.isfinite(mean) else -np.inf


def _scalings(inputs: Tensor) -> Iterator[Conversion]:
    low, high = float(inputs.min()), float(inputs.max())
    if high > _BYTES:
        yield Conversion("divided by 255", lambda x: x / 255)
    elif low >= 0:
        yield Conversion("multiplied by 255", lambda x: x * 255)
    part = 255.0 if high > _BYTES else 1.0
    if low >= 0:
        yield Conversion("scaled to -1 to 1", lambda x: x / part * 2 - 1)
    elif low >= -1 and high <= 1:
        yield Conversion("scaled from -1 to 1 to 0 to 1", lambda x: (x + 1) / 2)
    yield _standardised(inputs, "standardised with the data's own mean and deviation")
    if inputs.dim() != 4:
        return
    for name, (mean, spread) in _KNOWN.get(inputs.shape[1], {}).items():
        m, s = (inputs.new_tensor(v).reshape(1, -1, 1, 1) for v in (mean, spread))
        if low >= 0:
            yield Conversion(f"normalised as {name} is", lambda x, m=m, s=s: (x / part - m) / s)
        else:
            yield Conversion(
                f"with {name}'s normalisation taken back", lambda x, m=m, s=s: x * s + m
            )


def _standardised(inputs: Tensor, words: str) -> Conversion:
    """By channel, or by feature of a table."""
    axes = [0, *range(2, inputs.dim())]
    mean = inputs.double().mean(axes, keepdim=True)
    spread = inputs.double().std(axes, correction=0, keepdim=True)
    spread = torch.where(spread > 0, spread, 1.0)
    return Conversion(words, lambda x: ((x - mean) / spread).to(x.dtype))


def _moves(inputs: Tensor) -> Sequence[Conversion]:
    if inputs.dim() != 4:
        return []
    low, high = inputs.min(), inputs.max()
    moves = [Conversion("inverted", lambda x: low + high - x)]
    if inputs.shape[1] == 3:
        moves.append(Conversion("with red and blue swapped", lambda x: x.flip(1)))
    if inputs.shape[2] == inputs.shape[3]:
        moves.append(
            Conversion("with rows and columns swapped", lambda x: x.transpose(2, 3).contiguous())
        )
    return moves
