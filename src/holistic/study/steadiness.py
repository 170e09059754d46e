"""Refuses models whose logits depend on the batch, on chance or on a counter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from holistic.errors import ModelError
from holistic.graph.draws import KINDS, drawn, forced, generators
from holistic.graph.rounding import beyond_rounding
from holistic.graph.wrapped import Wrapped, evaluating

__all__ = ["check_batches", "check_repeats"]

_LARGEST = 2048
"""Images in the largest batch that is tried, the most that a sweep takes at once."""
_SECONDS = 1.0
"""Time that one larger batch may take; slower models are tried on smaller ones."""
_ALONE = 8
"""Images that are tried alone."""


def check_repeats(wrapped: Wrapped, images: Tensor) -> None:
    """Ask for the same logits several times.

    Where the model draws random numbers, they come out extreme in some of the runs, so that a
    branch that is hardly ever taken is.

    Raises
    ------
    ModelError
        If the logits differ.
    """
    sources = generators(wrapped)
    with torch.no_grad(), evaluating(wrapped):
        moved = drawn(sources)
        first = wrapped.logits(images)
        random = moved()
        for draw in _draws(sources, random):
            draw()
            again = wrapped.logits(images)
            if not torch.equal(first, again):
                raise ModelError(_unsteady(wrapped, images[:5], draw, random))


def _draws(sources: Sequence[Any], random: bool) -> Iterator[Callable[[], None]]:
    """Yield what is done to the random generators before each further run."""
    yield lambda: None
    if not random:
        return
    for kind in KINDS:
        for seed in range(3 if kind == "mixed" else 1):
            yield lambda kind=kind, seed=seed: forced(sources, kind, seed)
    for _ in range(4):
        yield lambda: None


def check_batches(wrapped: Wrapped, images: Tensor) -> None:
    """Compare the logits of images in one batch with theirs in parts, alone, and in larger ones.

    A model that can't be run on one image alone is noted in `wrapped.single`.

    Parameters
    ----------
    wrapped
        The model with its choice of logits.
    images
        Real images of as many kinds as there are, `[B, …]`, B ≥ 5.

    Raises
    ------
    ModelError
        If the logits differ by more than rounding, or other numbers of images can't be run.
    """
    with torch.no_grad(), evaluating(wrapped):
        single = _runs_alone(wrapped, images[:1])
    wrapped.single = single
    with torch.no_grad(), evaluating(wrapped):
        start = perf_counter()
        whole = wrapped.logits(images)
        each = (perf_counter() - start) / len(images)
        for rows in _batches(len(images), each):
            part = images[rows]
            try:
                got = wrapped.logits(part)
            except Exception as error:  # whatever the user's code raises
                reason = " ".join(str(error).split())[:160]
                raise ModelError(
                    f"the model runs on {len(images)} images at once and not on {len(rows)}: "
                    f"{type(error).__name__}: {reason}; make it take any number of images"
                ) from error
            if got.shape != (len(rows), whole.shape[1]):
                raise ModelError(
                    f"the model returns logits of shape {tuple(got.shape)} for {len(rows)} images; "
                    f"it must return {(len(rows), whole.shape[1])}: make it take any number"
                )
            if beyond_rounding(wrapped, images, got, whole[rows]):
                if not torch.equal(wrapped.logits(images), whole):
                    raise ModelError(_unsteady(wrapped, images[:5], lambda: None, False))
                raise ModelError(_mixing(wrapped, images, rows, (got - whole[rows]).abs()))


def _runs_alone(wrapped: Wrapped, image: Tensor) -> bool:
    try:
        return tuple(wrapped(image.clone()).shape[:1]) == (1,) and wrapped(image).dim() == 2
    except Exception:  # whatever the user's code raises
        return False


def _batches(count: int, each: float) -> Iterator[Tensor]:
    """Yield places of the images that are run together: parts, single ones, larger batches."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0), device="cpu")
    for size in (count // 2 + 1, 3, 2):
        yield from (part for part in order.split(size)[: 2 if size > 3 else 1])
    yield order
    for row in order[: max(2, min(_ALONE, int(_SECONDS / max(each * 4, 1e-9))))]:
        yield row[None]
    size = 2 * count + 1
    while size < _LARGEST and size * each < _SECONDS:
        yield order.repeat(size // count + 1)[:size]
        size = 4 * size + 1
    if _LARGEST * each < _SECONDS:
        yield order.repeat(_LARGEST // count + 1)[:_LARGEST]


def _mixing(wrapped: Wrapped, images: Tensor, rows: Tensor, difference: Tensor) -> str:
    """Say that an image's logits depend on its batch, and which operation makes them."""
    place = int(difference.flatten(1).amax(1).argmax())
    whole = _recorded(wrapped, images, int(rows[place]))
    part = _recorded(wrapped, images[rows], place)
    found = _first_difference(whole, part, _near)
    where = "" if found is None else f", from {found} on"
    return (
        "the logits of an image depend on the other images of its batch: among "
        f"{len(images)} and among {len(rows)} they differ by up to {float(difference.max()):.2g}"
        f"{where}; each image must be told by itself: give batch norm its running statistics, and "
        "take no mean, no order and no number over a batch in evaluation mode"
    )


@dataclass(frozen=True)
class _Step:
    """One operation of a run, the module that it is in, and what it gives for one image."""

    name: str
    path: str
    value: Tensor | None

    @property
    def place(self) -> str:
        """Name with the module's path."""
        return f"('{self.name}'{f' in {self.path!r}' if self.path else ''})"


class _Recorder(TorchDispatchMode):
    """Keeps every operation that runs, with one image's part of its value, or the whole."""

    def __init__(self, count: int, row: int | None) -> None:
        super().__init__()
        self.count, self.row = count, row
        self.within: list[str] = []
        self.steps: list[_Step] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and note what it gives."""
        value = func(*args, **(kwargs or {}))
        first = value[0] if isinstance(value, tuple) and value else value  # pyright: ignore[reportUnknownVariableType]
        path = self.within[-1] if self.within else ""
        self.steps.append(_Step(func.__name__.partition(".")[0], path, self._part(first)))
        return value

    def _part(self, value: Any) -> Tensor | None:
        if not isinstance(value, Tensor) or value.is_nested:
            return None
        if self.row is None:
            return value.detach().clone()
        each = value.dim() > 0 and value.shape[0] == self.count
        return value.detach()[self.row].clone() if each else None


def _recorded(wrapped: Wrapped, images: Tensor, row: int | None = None) -> list[_Step]:
    """Record the operations of a run; values of one image, or all."""
    recorder, handles = _Recorder(len(images), row), list[Any]()
    images = images.clone()
    for path, module in wrapped.model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):  # takes no hooks
            continue

        def entered(module: nn.Module, inputs: Any, path: str = path) -> None:
            recorder.within.append(path)

        def left(module: nn.Module, inputs: Any, output: Any) -> None:
            recorder.within.pop()

        handles += [
            module.register_forward_pre_hook(entered),
            module.register_forward_hook(left),
        ]
    try:
        with recorder:
            wrapped(images)
    finally:
        for handle in handles:
            handle.remove()
    return recorder.steps


def _first_difference(first: Sequence[_Step], second: Sequence[_Step], same: _Same) -> str | None:
    """Name the first operation of two runs that isn't the same or doesn't give the same."""
    for one, two in zip(first, second, strict=False):
        if one.name != two.name:
            return f"a branch before the operation {two.place}"
        if one.name.startswith("empty") or one.value is None or two.value is None:
            continue
        if one.value.shape != two.value.shape or not same(one.value, two.value):
            random = any(word in one.name for word in ("dropout", "bernoulli", "rand"))
            return f"{'active randomness' if random else 'the operation'} {one.place}"
    if len(first) != len(second):
        longer = max(first, second, key=len)
        return f"a branch before the operation {longer[min(len(first), len(second))].place}"
    return None


_Same = Callable[[Tensor, Tensor], bool]


def _near(one: Tensor, two: Tensor) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, two)
    scale = float(one.abs().nan_to_num().max()) if one.numel() else 0.0
    bound = scale * 16 * torch.finfo(one.dtype).eps
    return bool(torch.isclose(one, two, rtol=0, atol=bound, equal_nan=True).all())


def _unsteady(wrapped: Wrapped, images: Tensor, draw: Callable[[], None], random: bool) -> str:
    """Say that logits differ from run to run, and which operation makes them."""
    first = _recorded(wrapped, images)
    draw()
    found = _first_difference(first, _recorded(wrapped, images), torch.equal)
    cause = found or "a value that the model keeps from one call to the next"
    if random and "randomness" not in cause:
        at = "" if found is None else f" (first seen at {found})"
        cause = f"random numbers that it draws{at}"
    return (
        f"the same images gave different logits twice, because of {cause}; "
        "make the model deterministic in evaluation mode"
    )
