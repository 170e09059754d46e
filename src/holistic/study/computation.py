"""Describes what a model computes, so that another one with the same weights is told apart."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.graph.engine import Engine
from holistic.graph.loops import batches
from holistic.graph.memory import full_precision
from holistic.graph.program import Program, Ref
from holistic.graph.traced import TracedEngine
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.study.structure import Teller, kind_of, parts

__all__ = ["Computation", "computation", "computes", "differing", "digest"]

_PROJECTIONS = 4
_CHUNK = 1 << 18
_OVERLOAD = type(torch.ops.aten.relu.default)


@dataclass(frozen=True)
class Computation:
    """What a model computes, beside the numbers in its state dict.

    Attributes
    ----------
    digest
        SHA-256 of its operations, their constants and its modules: the same in every process.
    probe
        By name of a tensor, `within` and some `numbers` of its values: of those outside of the
        state dict, and of the logits of a few examples. Another machine rounds them differently.
    """

    digest: str
    probe: Mapping[str, Mapping[str, Any]]


def computation(wrapped: Wrapped, engine: Engine, images: Tensor) -> Computation:
    """Tell what a model computes: by its graph where it could be traced, else by its code.

    Parameters
    ----------
    wrapped
        The model with its choice of logits.
    engine
        Runs it.
    images
        A few examples, `[B, …]`.
    """
    seen = _Seen(wrapped.model)
    if isinstance(engine, TracedEngine):
        lines = [_modules(wrapped.model), *_operations(engine.program, seen)]
    else:
        lines = _lasting(wrapped, images, seen)
    lines += [str((site.name, site.op, site.unit_axis, site.hidden)) for site in engine.sites]
    with torch.no_grad():
        logits = engine.run(images)[0]
    probe = {**seen.sketches, "logits": _sketch(logits, math.sqrt(_eps(logits)))}
    return Computation(hashlib.sha256(json.dumps(lines).encode()).hexdigest(), probe)


def computes(wrapped: Wrapped, images: Tensor, known: Computation) -> bool:
    """Say whether a model still gives the logits that it gave on the same few examples."""
    with torch.no_grad(), evaluating(wrapped), full_precision(images.device):
        logits = wrapped(images.clone())
    return _alike(known.probe["logits"], _sketch(logits, math.sqrt(_eps(logits))))


def differing(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the tensors in two probes whose numbers differ by more than rounding does."""
    return sorted(
        name for name in saved.keys() | now.keys() if not _alike(saved.get(name), now.get(name))
    )


def _alike(saved: Any, now: Any) -> bool:
    if not saved or not now or len(saved["numbers"]) != len(now["numbers"]):
        return False
    bound = now["within"] * max(saved["numbers"][0], now["numbers"][0])
    pairs = zip(saved["numbers"], now["numbers"], strict=True)
    return all(abs(a - b) <= bound for a, b in pairs)


_HASHED = 1 << 22
"""Numbers whose bytes are taken together."""


def digest(tensors: Iterable[tuple[str, Any]]) -> str:
    """Return the SHA-256 of named tensors' names, kinds, shapes and bytes."""
    whole = hashlib.sha256()
    for name, tensor in tensors:
        if not isinstance(tensor, Tensor):  # what a module adds to its state dict
            teller = Teller(lambda place, thing: f"{place} {digest([('', thing)])}")
            whole.update(f"{name} {teller.tell(tensor, name)}".encode())
            continue
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        for part in batches(len(plain), _HASHED):
            whole.update(plain[part].view(torch.uint8).numpy().data)
    return whole.hexdigest()


def _modules(model: nn.Module) -> str:
    return str([(path, kind_of(module)) for path, module in model.named_modules()])


def _operations(program: Program, seen: _Seen) -> list[str]:
    """Each operation of a graph with its constants and the tensors that it reads."""

    def tell(value: Any) -> str:
        return f"value {value.index}" if isinstance(value, Ref) else teller.tell(value, "constant")

    teller = Teller(seen.tell)
    lines = [str((program.input, program.output, *program.extras))]
    for node in program.nodes:
        if node.value is not None:
            lines.append(seen.tell(f"constant {node.index}", node.value))
        elif node.size is not None:
            expression, symbol = node.size
            lines.append(str(expression).replace(str(symbol), "B"))
        else:
            function = str(node.function) if isinstance(node.function, _OVERLOAD) else ""
            given = _mapped([*node.args, *sorted((node.kwargs or {}).items())], tell)
            lines.append(f"{node.op} {function} {given} {node.batch_axis} {node.fold}")
    return lines


def _mapped(value: Any, tell: Callable[[Any], str]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_mapped(v, tell) for v in value]  # pyright: ignore[reportUnknownVariableType]
    return tell(value)


def _lasting(wrapped: Wrapped, images: Tensor, seen: _Seen) -> list[str]:
    """What a model consists of, but for what a call changes: a counter, a value that is kept."""
    after = _Seen(wrapped.model)
    with torch.no_grad(), evaluating(wrapped):
        lines = _objects(wrapped, seen)
        wrapped(images.clone())
        lines = sorted(set(lines) & set(_objects(wrapped, after)))
    seen.sketches = {n: s for n, s in seen.sketches.items() if after.sketches.get(n) == s}
    return lines


def _objects(wrapped: Wrapped, seen: _Seen) -> list[str]:
    """What a model that can't be traced, and the function that picks its logits, consist of."""
    teller = Teller(seen.tell)
    inside = parts(wrapped.model, lambda part, name: teller.tell(part, str(name)))
    return [*(f"{name} {text}" for name, text in inside), teller.tell(wrapped.pick, "forward")]


@dataclass
class _Seen:
    """Tells tensors: those of the state dict by name, others by what their values look like."""

    model: nn.Module
    sketches: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def __post_init__(self) -> None:
        state = self.model.state_dict(keep_vars=True).items()
        self._names = {_place(t): n for n, t in reversed(list(state)) if isinstance(t, Tensor)}

    def tell(self, place: str, tensor: Tensor) -> str:
        """Write a tensor that stands at a place; its numbers are noted where they may be off."""
        if (name := self._names.get(_place(tensor))) is not None:
            return f"state {name}"
        if not tensor.is_floating_point():
            return digest([("", tensor)])
        self.sketches[place] = _sketch(tensor, 64 * _eps(tensor))
        odd = torch.nan_to_num(tensor.detach(), nan=2, posinf=1, neginf=-1)
        return digest([("", torch.where(tensor.isfinite(), 0, odd).to(torch.int8))]) + str(
            tensor.dtype
        )


def _place(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.device, tensor.data_ptr(), tuple(tensor.shape), tensor.stride()


def _sketch(tensor: Tensor, within: float) -> dict[str, Any]:
    """Size of a tensor's values, and sums of them with random weights, of that same size."""
    values = tensor.detach().flatten().double().cpu().numpy()
    values = np.where(np.isfinite(values), values, 0.0)
    rng, sums = np.random.default_rng(0), np.zeros(_PROJECTIONS)
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        sums += rng.standard_normal((_PROJECTIONS, len(part))) @ part
    root = math.sqrt(max(len(values), 1))
    size = float(np.linalg.norm(values)) / root
    return {"within": within, "numbers": [size, *(float(s) / root for s in sums)]}


def _eps(tensor: Tensor) -> float:
    return torch.finfo(tensor.dtype).eps
