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
    found = [(one, _quality(subject, choosing, one)) for one in (_AS_GIVEN, *scalings)]
    leaders = sorted(found, key=lambda pair: pair[1], reverse=True)[:_AROUND]
    for move in moves:
        for scaling, _ in leaders:
            one = scaling.after(move)
            found.append((one, _quality(subject, choosing, one)))
    best, _ = max(found, key=lambda pair: pair[1])
    gain = gain_of(right, _right(subject, measuring, best)[0])
    return Fitting(best.words if gain.large else "", gain if gain.large else None, len(found) - 1)


def _quality(subject: Subject, examples: Examples, one: Conversion) -> tuple[float, float]:
    """Accuracy after a conversion, less a little for each step, and mean log-probability."""
    right, log_probability = _right(subject, examples, one)
    return float(right.mean()) - _STEP * one.steps, log_probability


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
