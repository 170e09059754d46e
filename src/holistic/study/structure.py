"""Describes Python objects by what they compute, the same in every process."""

from __future__ import annotations

import collections
import enum
import functools
import hashlib
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

__all__ = ["Teller", "kind_of", "parts"]

_DEEP = 12
_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis))
_DESCRIBED_BY_NAME = (torch.dtype, torch.device, torch.layout, torch.memory_format, enum.Enum)
_ROWS = (list, tuple, set, frozenset, collections.deque)
_VERSIONED = sys.stdlib_module_names - {"__main__"} | {"torch", "numpy"}
"""Packages whose code their versions tell."""
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_OWN = frozenset(vars(nn.Module()))
"""What every module holds: modules and tensors, which are told one by one, and bookkeeping."""


class Teller:
    """Writes objects as text without addresses, and without whatever else one process has.

    Parameters
    ----------
    tensor
        Writes a tensor, given its place.
    """

    def __init__(self, tensor: Callable[[str, Tensor], str]) -> None:
        self._tensor = tensor
        self._digests: dict[int, str] = {}
        self._kept: list[Any] = []  # of a released object the address could come again

    def tell(self, value: Any, place: str, depth: int = 0) -> str:
        """Write one object that stands at a place: small ones as they are, others as a digest."""
        if isinstance(value, _PLAIN):
            return repr(value)
        if isinstance(value, (*_DESCRIBED_BY_NAME, np.generic)):
            return f"{type(value).__qualname__} {value}"
        if isinstance(value, Tensor):
            return self._tensor(place, value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return self._tensor(place, torch.from_numpy(np.ascontiguousarray(value)))
        if id(value) not in self._digests:
            self._digests[id(value)] = "itself, or too deep"
            self._kept.append(value)
            if depth < _DEEP:
                self._digests[id(value)] = self._digest(value, place, depth)
        return self._digests[id(value)]

    def _digest(self, value: Any, place: str, depth: int) -> str:
        def inner(part: Any, name: object) -> str:
            return self.tell(part, f"{place}.{name}", depth + 1)

        text = f"{_kind(value)} {_compound(value, inner)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


Inner = Callable[[Any, object], str]
"""Writes a part of an object, given its name in it."""


def _compound(value: Any, inner: Inner) -> Any:
    if isinstance(value, Mapping):
        return [(inner(k, "key"), inner(v, k)) for k, v in value.items()]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, _ROWS):
        inner_items = [inner(v, i) for i, v in enumerate(value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return sorted(inner_items) if isinstance(value, (set, frozenset)) else inner_items
    if isinstance(value, functools.partial):
        return [inner(v, "partial") for v in (value.func, value.args, value.keywords)]  # pyright: ignore[reportUnknownMemberType]
    if isinstance(value, types.MethodType):
        return inner(value.__func__, "code"), inner(value.__self__, "self")
    if isinstance(value, types.CodeType):
        constants = [inner(constant, "constant") for constant in value.co_consts]
        return value.co_code.hex(), value.co_names, constants
    if isinstance(value, nn.Module):
        return [*parts(value, inner)]
    return _other(value, inner)


def _other(value: Any, inner: Inner) -> Any:
    """Tell of a function, a class, or an object of a class of somebody's own."""
    if _versioned(value) or isinstance(value, types.ModuleType):
        return getattr(value, "__module__", ""), _kind(value)
    if isinstance(value, types.FunctionType):
        outside = {n: value.__globals__[n] for n in _names(value.__code__, value.__globals__)}
        cells = [_content(cell) for cell in value.__closure__ or ()]
        whole = (value.__code__, value.__defaults__, value.__kwdefaults__, cells, outside)
        return [inner(part, "of") for part in whole]
    if isinstance(value, type):
        return [(name, inner(part, name)) for name, part in _methods(value)]
    return inner(type(value), "class"), inner(dict(getattr(value, "__dict__", {})), "of")


def parts(model: nn.Module, inner: Inner) -> Iterator[tuple[str, str]]:
    """Yield what a model's modules are and hold, in their order: name and text.

    Parameters
    ----------
    model
        Its modules are told with their kinds, code, attributes, hooks and tensors.
    inner
        Writes one of these, given its name.
    """
    for path, module in model.named_modules():
        at = path or "model"
        yield at, kind_of(module) + inner(type(module), at)
        own = {n: v for n, v in sorted(vars(module).items()) if n not in _OWN}
        hooks = {n: [*getattr(module, n, {}).values()] for n in _HOOKS}
        tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, attribute in {**own, **hooks, **dict(tensors)}.items():
            yield f"{at}.{name}", inner(attribute, f"{at}.{name}")
    everywhere = [[*getattr(torch_module, f"_global{name}", {}).values()] for name in _HOOKS]
    yield "hooks of all modules", inner(everywhere, "hooks")


def kind_of(module: nn.Module) -> str:
    """Write a module's kind with what it says of itself, without addresses."""
    try:
        settings = module.extra_repr()
    except Exception:  # the user's code
        settings = ""
    return f"{type(module).__qualname__}({re.sub(r' at 0x[0-9a-fA-F]+', '', settings)})"


def _methods(kind: type) -> list[tuple[str, Any]]:
    """Functions and plain values that a class and its bases define, the nearest of each name."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        found |= {} if _versioned(base) else vars(base)
    called = {n: getattr(v, "fget", getattr(v, "__func__", v)) for n, v in found.items()}
    return [
        (name, value)
        for name, value in sorted(called.items())
        if name != "__init__" and (isinstance(value, types.FunctionType) or name[:2] != "__")
    ]


def _names(code: types.CodeType, there: Mapping[str, Any]) -> list[str]:
    """Names outside of a function that its code, and functions within it, may read."""
    found = {name for name in code.co_names if name in there}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= set(_names(constant, there))
    return sorted(found)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it has none yet
        return None


def _kind(value: Any) -> str:
    """What an object is called, where it has a name of its own, else what its class is called."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return name if isinstance(name, str) else type(value).__qualname__


def _versioned(value: Any) -> bool:
    """Whether a function, a class or an object's class comes from a package with a version."""
    module = getattr(value, "__module__", None) or type(value).__module__
    return str(module).partition(".")[0] in _VERSIONED
