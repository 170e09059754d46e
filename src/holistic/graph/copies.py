"""Copies models that hold what Python can't copy."""

from __future__ import annotations

import copy
import types
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from holistic.errors import ModelError

__all__ = ["copied", "everything", "parts_of"]

_MOST = 10_000
"""Longest container that is looked into: what is longer holds data, not parts of a model."""

_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, torch.dtype, torch.device)


def copied(model: nn.Module) -> nn.Module:
    """Copy a model with all that it holds; share what can't be copied.

    Open files, locks, streams, and whatever else Python refuses to copy are shared with the
    original. Tensors that remember how they were computed are copied without that memory, random
    generators with their state, and functions that hold the model, or a part of it, hold the
    copy's instead.

    Parameters
    ----------
    model
        Left as it is.

    Returns
    -------
    nn.Module
        The same class; no parameter, buffer or tensor in common.

    Raises
    ------
    ModelError
        If one of its modules refuses to be copied.
    """
    memo: dict[int, Any] = {}
    functions: list[tuple[types.FunctionType, types.FunctionType]] = []
    with torch.inference_mode(False), torch.no_grad():
        contents = list(everything(model))
        for value in contents:
            if isinstance(value, types.FunctionType):
                twin = _twin(value)
                if twin is not None:
                    memo[id(value)] = twin
                    functions.append((value, twin))
            elif (own := _own_copy(value)) is not None:
                memo[id(value)] = own
        memo |= {id(value): again for value in contents if (again := _cached_again(value, memo))}
        double = _copied(model, contents, memo)
        for function, twin in functions:
            _fill(function, twin, memo)
    return double


def _copied(model: nn.Module, contents: Sequence[Any], memo: dict[int, Any]) -> nn.Module:
    trial = dict(memo)
    try:
        double = copy.deepcopy(model, trial)
    except Exception:  # a class may refuse in any way: whatever does so alone is shared
        for value in reversed(contents):  # what is held comes before what holds it
            plain = type(value) in copy._deepcopy_dispatch  # pyright: ignore[reportAttributeAccessIssue]
            if id(value) not in memo and not plain and not isinstance(value, nn.Module):
                try:
                    copy.deepcopy(value, dict(memo))
                except Exception:
                    memo[id(value)] = value
        trial = dict(memo)
        try:
            double = copy.deepcopy(model, trial)
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(
                f"{type(model).__name__} can't be copied, as a control or another device needs: "
                f"{type(error).__name__}: {reason}; take out what refuses to be copied"
            ) from error
    memo.update(trial)
    return double


def everything(model: nn.Module) -> Iterator[Any]:
    """Yield all that a model holds, however deep, each thing once and before its parts."""
    seen: dict[int, Any] = {}
    stack: list[Any] = [model]
    while stack:
        value = stack.pop()
        if isinstance(value, _ATOMS) or id(value) in seen:
            continue
        seen[id(value)] = value
        yield value
        stack.extend(parts_of(value))


def parts_of(value: Any) -> Iterator[Any]:
    """Yield what a value holds: entries, attributes, the cells of a closure."""
    if isinstance(value, (Tensor, types.ModuleType)):
        return
    if isinstance(value, (dict, list, tuple, set, frozenset, deque)):
        # a module's own attributes are yielded by the module
        if len(value) <= _MOST and not (isinstance(value, dict) and "_parameters" in value):
            yield from value
            yield from value.values() if isinstance(value, dict) else ()
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, types.MethodType):
        yield value.__self__
    elif isinstance(value, types.CellType):
        yield value.cell_contents
    elif isinstance(value, types.FunctionType):
        yield from (cell for cell in value.__closure__ or () if _full(cell))
        yield from value.__defaults__ or ()
    elif isinstance(value, nn.Module):
        yield value.__dict__
        # every module has a dozen of these, nearly all of them empty
        yield from (v for n, v in vars(value).items() if "hooks" not in n or v != {})
        return
    elif isinstance(getattr(value, "__dict__", None), dict):
        yield value.__dict__
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield getattr(value, name)


def _own_copy(value: Any) -> Any:
    """Return the copy of what `deepcopy` would fail on; None where it wouldn't."""
    if isinstance(value, Tensor):
        # a copy of what was computed would need the whole computation
        return None if value.is_leaf else value.detach().clone()
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, types.ModuleType):
        return value
    if hasattr(value, "__deepcopy__") or isinstance(value, (nn.Module, partial)):
        return None
    if type(value) in copy._deepcopy_dispatch:  # pyright: ignore[reportAttributeAccessIssue]
        return None
    try:
        value.__reduce_ex__(4)
    except Exception:  # whatever a class raises that refuses to be copied
        return value
    return None


def _full(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _twin(function: types.FunctionType) -> types.FunctionType | None:
    """Return the function with an empty closure, where the closure holds a part of a model."""
    contents = [cell.cell_contents for cell in function.__closure__ or () if _full(cell)]
    if not any(_holds_model(value) for value in contents):
        return None
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    twin = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, cells
    )
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__dict__.update(function.__dict__)
    return twin


def _cached_again(value: Any, memo: Mapping[int, Any]) -> Any:
    """Return a function that keeps its results, made of the copy's function, with none kept."""
    if not isinstance(value, _KEEPING) or id(value.__wrapped__) not in memo:
        return None
    return lru_cache(**value.cache_parameters())(memo[id(value.__wrapped__)])


_KEEPING = type(lru_cache(int))


def _holds_model(value: Any) -> bool:
    if isinstance(value, (nn.Module, nn.Parameter)):
        return True
    within = (
        types.CellType,
        types.MethodType,
        types.FunctionType,
        list,
        tuple,
        dict,
        partial,
        _KEEPING,
    )
    if isinstance(value, within):
        return any(_holds_model(part) for part in parts_of(value))
    return False


def _fill(function: types.FunctionType, twin: types.FunctionType, memo: dict[int, Any]) -> None:
    for old, new in zip(function.__closure__ or (), twin.__closure__ or (), strict=True):
        if _full(old):
            new.cell_contents = _following(old.cell_contents, memo)


def _following(value: Any, memo: dict[int, Any]) -> Any:
    """Return what stands in the copy for what the original's closure holds."""
    return copy.deepcopy(value, memo) if _holds_model(value) else memo.get(id(value), value)
