"""Finds the logits among what a model returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from holistic.errors import ModelError
from holistic.graph.axes import computed_by
from holistic.graph.kinds import MOVES
from holistic.graph.recorded import Recorder
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.usercode import FAULTS, running

__all__ = ["Reading", "called", "read_outputs"]

Forward = Callable[..., Any]
Form = Literal["logits", "probabilities", "one logit", "one probability"]

_PART = 5
"""Examples in one run."""

_DEPTH = 3
"""How deep a tensor may lie in what a model returns."""

_ROUNDED = 1e-2
"""How far the probabilities of an example may be from adding up to 1."""
_AWAY = "pass forward= to choose, as in forward=lambda model, images: model(images){}"


@dataclass(frozen=True)
class Reading:
    """How logits `[B, C]` are read from what a model returns; called with model and images.

    Attributes
    ----------
    forward
        What the user gave to call the model with; None: the model itself is called.
    path
        Keys, places and names of fields on the way to the tensor.
    form
        What the tensor holds: `logits`, `probabilities` of which the logarithm is taken, or one
        number an example, which becomes two classes.
    notes
        What a reader has to know of this choice, one line each.
    """

    forward: Forward | None = None
    path: tuple[str | int, ...] = ()
    form: Form = "logits"
    notes: tuple[str, ...] = ()

    def __call__(self, model: nn.Module, images: Tensor, **extras: Tensor) -> Tensor:
        """Run the model on images and what it is given beside them: its logits, `[B, C]`."""
        output = (self.forward or called)(model, images, **extras)
        return _in_form(_picked(output, self.path), self.form)


def called(model: nn.Module, images: Tensor, **extras: Tensor) -> Any:
    """Call a model on images and what it is given beside them, by name of its argument."""
    return model(images, **extras)


def read_outputs(
    wrapped: Wrapped,
    images: Tensor,
    labels: Tensor,
    *,
    classes: int = 0,
    forward: Forward | None = None,
) -> Reading:
    """Find the logits in what a model returns, and see what they are.

    A tensor is taken as it is, `.logits` and `["logits"]` before all else, and else the one tensor
    that has a number for each class. Probabilities become their logarithms, which are logits that
    give these probabilities; one number an example, a logit or a probability of class 1, becomes
    the logits 0 and z of two classes.

    Parameters
    ----------
    wrapped
        Any model, with the user's choice or the call of it; run in evaluation mode.
    images
        Some examples, `[B, …]`: what holds of all of them is believed.
    labels
        Of all examples, `[N]`.
    classes
        Number of classes that the user named; 0 where they have no names.
    forward
        The user's choice.

    Raises
    ------
    ModelError
        If there is no such tensor, more than one, or one that answers another question.
    """
    if isinstance(forward, Reading):
        return forward
    whole = Reading(forward)
    try:
        output = _run(wrapped, images[:_PART])
    except FAULTS:  # whatever the user's code raises, the preflight tells of it
        return whole
    found = _chosen(list(_tensors(output, len(images[:_PART]))), output, labels, classes)
    if found is None:
        return whole  # what it returns is told of by the preflight
    path, note = found
    value = _flat(_picked(output, path))
    notes = (note,) if note else ()
    if value is None or not value.is_floating_point() or not bool(value.isfinite().all()):
        return Reading(forward, path, "logits", notes)
    if _within(value):  # rare, so more examples are asked
        with running("the model runs on some images, but not on others", ModelError):
            parts = [_run(wrapped, part) for part in images.split(_PART)]
        value = torch.cat([_flat(_picked(part, path), required=True) for part in parts])
    form, more = _form_of(value, labels, lambda: _ends_in_sigmoid(wrapped, path, images))
    return Reading(forward, path, form, (*notes, *more))


def _run(wrapped: Wrapped, images: Tensor) -> Any:
    with torch.no_grad(), evaluating(wrapped):
        return wrapped(images.clone())


def _tensors(
    value: Any, rows: int, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Tensor]]:
    """Yield the tensors in what a model returns that hold a number, or several, an example."""
    if isinstance(value, Tensor):
        flat = value.is_floating_point() and value.dim() > 0 and value.shape[0] == rows
        if flat and _flat(value) is not None:
            yield path, value
    elif len(path) < _DEPTH:
        for name, part in _parts(value):
            yield from _tensors(part, rows, (*path, name))


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        yield from ((name, part) for name, part in value.items() if isinstance(name, str | int))
    elif isinstance(value, (tuple, list)):
        yield from enumerate(value)  # pyright: ignore[reportUnknownArgumentType]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    elif (logits := getattr(value, "logits", None)) is not None:
        yield "logits", logits


def _picked(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        keyed = isinstance(value, (Mapping, tuple, list))
        value = value[step] if keyed else getattr(value, str(step))
    return value


def _flat(value: Tensor, *, required: bool = False) -> Any:
    """Return `[B, …]` with at most one axis of more than one entry as `[B, C]`, else None."""
    wide = [size for size in value.shape[1:] if size != 1]
    if len(wide) > 1 and not required:
        return None
    return value if value.dim() == 2 else value.reshape(value.shape[0], -1)


def _chosen(
    found: list[tuple[tuple[str | int, ...], Tensor]], output: Any, labels: Tensor, classes: int
) -> tuple[tuple[str | int, ...], str] | None:
    """Choose the logits' path, with a line where there were others."""
    if isinstance(output, Tensor):
        return ((), "") if found else None
    for path, _ in found:
        if path == ("logits",):
            return path, ""
    count = classes or int(labels.max()) + 1
    sizes = {path: _flat(value).shape[1] for path, value in found}
    fitting = [p for p, size in sizes.items() if size == count or (size == 1 and count <= 2)]
    if not fitting and not classes:
        fitting = [path for path, size in sizes.items() if size > count]
    fitting = _unnormalised(fitting, dict(found))
    shapes = ", ".join(
        f"{_describe_output(path, output)} {tuple(value.shape)}" for path, value in found
    )
    if not fitting:
        raise ModelError(
            f"the model must return logits [B, {count}], a number for each class, got "
            f"{type(output).__name__} {f'with {shapes}' if shapes else 'without such a tensor'}; "
            + _AWAY.format("...")
        )
    if len(fitting) > 1:
        raise ModelError(
            f"the model returns several tensors that may be the logits of {count} classes: "
            f"{shapes}; " + _AWAY.format(_describe_output(fitting[0], output))
        )
    others = [_describe_output(path, output) for path, _ in found if path != fitting[0]]
    if not others:
        return fitting[0], ""
    chosen = _describe_output(fitting[0], output)
    return fitting[0], (
        f"Of what the model returns, {chosen} {tuple(dict(found)[fitting[0]].shape[1:])} is taken "
        f"as the logits and {' and '.join(others)} left out; {_AWAY.format(others[0])}."
    )


def _unnormalised(
    paths: list[tuple[str | int, ...]], values: Mapping[tuple[str | int, ...], Tensor]
) -> list[tuple[str | int, ...]]:
    """Leave out the probabilities of logits that are there too."""
    flat = {path: _flat(values[path]).double() for path in paths}
    kept = list[tuple[str | int, ...]]()
    for path, value in sorted(flat.items(), key=lambda item: _sums_to_one(item[1])):
        shares = value if _sums_to_one(value) else value.softmax(1)
        alike = (flat[k] if _sums_to_one(flat[k]) else flat[k].softmax(1) for k in kept)
        if value.shape[1] == 1 or not any(torch.allclose(shares, x, atol=1e-5) for x in alike):
            kept.append(path)
    return kept


def _describe_output(path: Sequence[str | int], output: Any) -> str:
    """Write a path as it stands in Python."""
    text = ""
    for step in path:
        keyed = isinstance(output, (Mapping, tuple, list))
        text += f"[{step!r}]" if keyed else f".{step}"
        output = _picked(output, (step,))
    return text


def _within(value: Tensor) -> bool:
    return bool(((value >= 0) & (value <= 1)).all())


def _sums_to_one(value: Tensor) -> bool:
    # also those that were rounded, or computed in 16 bits: logits don't add up to 1 in every row
    return _within(value) and bool(((value.double().sum(1) - 1).abs() < _ROUNDED).all())


def _form_of(
    value: Tensor, labels: Tensor, ends_in_sigmoid: Callable[[], bool]
) -> tuple[Form, tuple[str, ...]]:
    """Say what a tensor `[B, C]` holds, with what to know of it."""
    if value.shape[1] == 1:
        return _two_classes(value, labels)
    if not _within(value):
        return "logits", ()
    if _sums_to_one(value):
        note = (
            "The model returns probabilities; their logarithms are taken as logits, which give "
            "the same probabilities."
        )
        return "probabilities", (note, *_lost(value, (value == 0).any(1)))
    if ends_in_sigmoid():
        raise ModelError(
            f"the model returns {value.shape[1]} separate yes-or-no probabilities (sigmoid) an "
            "example, and the lenses study one class an example; if the largest is its answer, "
            "pass forward=lambda model, images: torch.logit(model(images))"
        )
    note = (
        "All numbers that the model returns lie between 0 and 1 without adding up to 1; they are "
        "taken as logits. If they are probabilities, pass forward= to return logits."
    )
    return "logits", (note,)


def _two_classes(value: Tensor, labels: Tensor) -> tuple[Form, tuple[str, ...]]:
    """Say what one number an example is."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > 1:
        raise ModelError(
            f"the model returns one number an example, for classes 0 and 1, and labels go from "
            f"{low} to {high}; logits of at least 2 classes must have shape [B, C]"
        )
    if not _within(value):
        note = (
            "The model returns one number an example: it is taken as the logit z of class 1 "
            "against class 0, so the logits are 0 and z."
        )
        return "one logit", (note,)
    note = (
        "The model returns one number between 0 and 1 an example: it is taken as the probability "
        "p of class 1, so the logits are 0 and log(p / (1 - p))."
    )
    return "one probability", (note, *_lost(value, ((value == 0) | (value == 1)).any(1)))


def _lost(value: Tensor, saturated: Tensor) -> tuple[str, ...]:
    """Tell of probabilities that say nothing of how sure the model was."""
    count = int(saturated.sum())
    if not count:
        return ()
    return (
        f"On {count} of {len(value)} examples looked at, probabilities are exactly 0 or 1 as "
        f"{str(value.dtype).removeprefix('torch.')}: how sure the model was is lost there, and "
        "effects are too small. Pass forward= to return the logits before the probabilities.",
    )


def _ends_in_sigmoid(wrapped: Wrapped, path: Sequence[str | int], images: Tensor) -> bool:
    """Whether the last operation before the output is a sigmoid."""
    given = images[:_PART].clone()
    recorder = Recorder(wrapped, given)
    with torch.no_grad(), evaluating(wrapped), recorder:
        value = _picked(wrapped(given), path)
    program = recorder.program(value)
    index = -1 if program is None else program.output
    while program is not None and index >= 0:
        node = computed_by(program.nodes[index], program)
        if node.op in {"sigmoid", "hardsigmoid"}:
            return True
        if node.op not in MOVES or not node.inputs:
            return False
        index = node.inputs[0]
    return False


def _in_form(value: Any, form: Form) -> Any:
    """Turn what the model returned into logits; what is no tensor is told of by the preflight."""
    if not isinstance(value, Tensor):
        return value
    flat = _flat(value) if value.dim() > 2 or form.startswith("one") else value
    value = value if flat is None else flat
    if form == "logits":
        return value
    tiny = torch.finfo(value.dtype).tiny
    if form == "probabilities":
        return value.clamp_min(tiny).log()
    if form == "one probability":
        least = torch.finfo(value.dtype).eps / 2
        value = value.clamp_min(tiny).log() - (1 - value).clamp_min(least).log()
    return torch.cat([torch.zeros_like(value), value], 1)
