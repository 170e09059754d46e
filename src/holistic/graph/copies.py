"""Copies models that hold what Python can't copy."""

from __future__ import annotations

import copy
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    original, and so is what does something when it is deleted. Tensors that remember how they
    were computed are copied without that memory, random generators with their state; functions,
    weak references and objects that hold the model, or a part of it, hold the copy's instead.

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
    memo = _Memo()
    functions: list[tuple[types.FunctionType, types.FunctionType]] = []
    with torch.inference_mode(False), torch.no_grad():
        contents = list(everything(model))
        memo.later = _when_met(contents)
        for value in contents:
            if isinstance(value, types.FunctionType):
                twin = _twin(value)
                if twin is not None:
                    memo[id(value)] = twin
                    functions.append((value, twin))
            elif id(value) not in memo.later and (own := _own_copy(value)) is not None:
                memo[id(value)] = own
        double = _copied(model, contents, memo)
        for function, twin in functions:
            _fill(function, twin, memo)
    return double


class _Memo(dict[int, Any]):
    """What `deepcopy` has copied, and what it gets made when it first asks for it.

    A weak reference leads to what may be half copied, so its copy can't be made before.
    """

    later: Mapping[int, Callable[[_Memo], Any]] = {}

    def get(self, key: int, default: Any = None) -> Any:
        """Return a copy by the original's id."""
        if key not in self and key in self.later:
            self[key] = self.later[key](self)
        return super().get(key, default)

    def copy(self) -> _Memo:
        """Return a memo to try with."""
        again = _Memo(self)
        again.later = self.later
        return again


def _when_met(contents: Sequence[Any]) -> dict[int, Callable[[_Memo], Any]]:
    """Return what copies weak references, and objects that refuse to be copied, by their ids.

    Where these lead to a part of the model, the copy must lead to the copy's part.
    """
    parts = {id(value) for value in contents}
    later: dict[int, Callable[[_Memo], Any]] = {}
    for value in contents:
        if isinstance(value, weakref.ref):
            target = value()
            if id(target) in parts:
                later[id(value)] = lambda memo, t=target: weakref.ref(copy.deepcopy(t, memo))
        elif isinstance(value, weakref.WeakValueDictionary):
            later[id(value)] = lambda memo, v=value: weakref.WeakValueDictionary(
                {k: copy.deepcopy(x, memo) if id(x) in parts else x for k, x in v.items()}
            )
        elif isinstance(value, _KEEPING) and _leads_to_model(value):
            later[id(value)] = lambda memo, v=value: _kept_again(v, memo)
        elif _rebuildable(value) and _refuses(value) and _leads_to_model(value):
            later[id(value)] = lambda memo, v=value: _rebuilt(v, memo)
    return later


def _rebuildable(value: Any) -> bool:
    if isinstance(value, (nn.Module, types.FunctionType)) or _ends_with_it(value):
        return False
    try:
        return isinstance(value.__dict__, dict)
    except Exception:  # it has none, or whatever its class raises
        return False


def _rebuilt(value: Any, memo: _Memo) -> Any:
    """Copy an object attribute by attribute, whatever it says of being copied."""
    try:
        again = object.__new__(type(value))
    except TypeError:  # made by C, which alone knows what is inside
        return value
    memo[id(value)] = again
    again.__dict__.update(copy.deepcopy(vars(value), memo))
    return again


def _copied(model: nn.Module, contents: Sequence[Any], memo: _Memo) -> nn.Module:
    trial = memo.copy()
    try:
        double = copy.deepcopy(model, trial)
    except Exception:  # a class may refuse in any way: whatever does so alone is shared
        for value in reversed(contents):  # what is held comes before what holds it
            plain = type(value) in copy._deepcopy_dispatch  # pyright: ignore[reportAttributeAccessIssue]
            if id(value) not in memo and not plain and not isinstance(value, nn.Module):
                try:
                    copy.deepcopy(value, memo.copy())
                except Exception:
                    memo[id(value)] = _rebuilt(value, memo) if _rebuildable(value) else value
        trial = memo.copy()
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


def parts_of(value: Any) -> list[Any]:
    """Return what a value holds: entries, attributes, the cells and defaults of a function."""
    try:
        return list(_parts_of(value))
    except Exception:  # a class may raise anything when it is looked into
        return []


def _parts_of(value: Any) -> Iterator[Any]:
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
        yield from (value.__kwdefaults__ or {}).values()
    elif isinstance(value, nn.Module):
        yield value.__dict__
        # every module has a dozen of these, nearly all of them empty
        yield from (v for n, v in vars(value).items() if not _hooks(n, v) or v)
        return
    elif isinstance(getattr(value, "__dict__", None), dict):
        yield value.__dict__
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield getattr(value, name)


def _hooks(name: str, value: Any) -> bool:
    return "hooks" in name and isinstance(value, dict)


def _own_copy(value: Any) -> Any:
    """Return the copy of what `deepcopy` would fail on; None where it wouldn't."""
    if isinstance(value, Tensor):
        # a copy of what was computed would need the whole computation
        return None if value.is_leaf else value.detach().clone()
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, types.ModuleType):
        return value
    if isinstance(value, (dict, list, tuple, set, frozenset, deque)) and len(value) > _MOST:
        return copy.copy(value)
    if isinstance(value, nn.Module):
        return None
    return value if _ends_with_it(value) or _refuses(value) else None


def _ends_with_it(value: Any) -> bool:
    """Whether something outside ends with an object: a copy that is dropped would end it too."""
    return isinstance(getattr(type(value), "__del__", None), types.FunctionType)


def _refuses(value: Any) -> bool:
    if hasattr(type(value), "__deepcopy__") or isinstance(value, (nn.Module, partial)):
        return False
    if type(value) in copy._deepcopy_dispatch:  # pyright: ignore[reportAttributeAccessIssue]
        return False
    try:
        value.__reduce_ex__(4)
    except Exception:  # whatever a class raises that refuses to be copied
        return True
    return False


def _full(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _twin(function: types.FunctionType) -> types.FunctionType | None:
    """Return the function with an empty closure, where it holds a part of a model."""
    if not any(_leads_to_model(part) for part in parts_of(function)):
        return None
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    twin = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, cells or None
    )
    twin.__dict__.update(function.__dict__)
    return twin


_KEEPING = type(lru_cache(int))


def _kept_again(value: Any, memo: _Memo) -> Any:
    """Return a function that keeps its results, made of the copy's function, with none kept."""
    return lru_cache(**value.cache_parameters())(copy.deepcopy(value.__wrapped__, memo))


def _leads_to_model(value: Any) -> bool:
    parts = (nn.Module, nn.Parameter)
    return any(
        isinstance(part() if isinstance(part, weakref.ref) else part, parts)
        for part in everything(value)
    )


def _fill(function: types.FunctionType, twin: types.FunctionType, memo: _Memo) -> None:
    for old, new in zip(function.__closure__ or (), twin.__closure__ or (), strict=True):
        if _full(old):
            new.cell_contents = _following(old.cell_contents, memo)
    if function.__defaults__:
        twin.__defaults__ = tuple(_following(value, memo) for value in function.__defaults__)
    if function.__kwdefaults__:
        twin.__kwdefaults__ = {k: _following(v, memo) for k, v in function.__kwdefaults__.items()}


def _following(value: Any, memo: _Memo) -> Any:
    """Return what stands in the copy for what the original's function holds."""
    return copy.deepcopy(value, memo) if _leads_to_model(value) else memo.get(id(value), value)
