"""Turns arrays, tensors and frozen dataclasses of them into bytes and back, without pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from holistic.graph.accompanied import apart
from holistic.spool import release

__all__ = ["Unpackable", "digest", "pack", "size_of", "unpack"]

_OWN = "holistic."
"""Only dataclasses of modules of this package are made again from bytes."""
_HASHED = 1 << 22
"""Numbers whose bytes are taken together."""
_PLAIN = (bool, int, float, str)
_DIGESTS: Any = WeakIdKeyDictionary()
"""Digests of tensors that are asked for again and again: address, version, digest."""


class Unpackable(Exception):
    """Something isn't made of arrays, tensors, plain values and frozen dataclasses alone."""


def pack(value: object) -> bytes:
    """Write a value as bytes: equal values in memory of the same order come back from them."""
    blobs = list[bytes]()
    text = json.dumps(_packed(value, blobs)).encode()
    return b"".join((b"%d " % len(text), text, *blobs))


def unpack(content: bytes) -> Any:
    """Make again what `pack` wrote.

    Raises
    ------
    Unpackable, ValueError, KeyError, TypeError, AttributeError, ImportError
        If it is something else.
    """
    size, rest = content.split(b" ", 1)
    text, blobs = rest[: int(size)], memoryview(rest)[int(size) :]
    at = 0

    def take(count: int) -> bytearray:
        nonlocal at
        part, at = bytearray(blobs[at : at + count]), at + count
        if len(part) != count:
            raise ValueError("the end is missing")
        return part

    return _unpacked(json.loads(text), take)


def _packed(value: Any, blobs: list[bytes]) -> Any:
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Tensor):
        plain, extras = apart(value)
        if extras or plain.is_sparse or plain.is_quantized or plain.requires_grad:
            raise Unpackable(type(value).__name__)
        order = _order(plain.stride())
        dense = plain.permute(order).contiguous()
        blobs.append(_bytes_of(dense))
        shape = list(dense.shape)
        return {"tensor": [str(plain.dtype), shape, order, str(plain.device), len(blobs[-1])]}
    if isinstance(value, np.generic):
        return {"scalar": _packed(np.asarray(value), blobs)}
    if isinstance(value, np.ndarray):
        return _packed_array(value, blobs)
    if isinstance(value, (tuple, list)):
        items = cast("list[Any]", value)
        return {type(value).__name__: [_packed(item, blobs) for item in items]}
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return {"dict": [[_packed(k, blobs), _packed(v, blobs)] for k, v in pairs]}
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        if kind.__module__.startswith(_OWN) and "<" not in kind.__qualname__:
            own = {f.name: _packed(getattr(value, f.name), blobs) for f in fields(value)}
            return {"record": [kind.__module__, kind.__qualname__, own]}
    raise Unpackable(type(value).__name__)


def _packed_array(value: np.ndarray, blobs: list[bytes]) -> Any:
    if value.dtype.hasobject:
        return {"objects": [list(value.shape), [_packed(v, blobs) for v in value.ravel().tolist()]]}
    if value.dtype.fields or type(value) is not np.ndarray:
        raise Unpackable(str(value.dtype))
    order = _order(value.strides)
    dense = np.ascontiguousarray(value.transpose(order))
    blobs.append(dense.tobytes())
    shape = list(value.transpose(order).shape)
    return {"array": [value.dtype.str, shape, order, len(blobs[-1])]}


def _order(strides: tuple[int, ...]) -> list[int]:
    """Axes from the slowest in memory to the fastest: sums depend on it in their last bits."""
    return sorted(range(len(strides)), key=lambda axis: -abs(strides[axis]))


def _bytes_of(dense: Tensor) -> bytes:
    return dense.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()


def _unpacked(tree: Any, take: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, given),) = cast("dict[str, Any]", tree).items()
    if kind == "array":
        dtype, shape, order, size = given
        flat = np.frombuffer(take(size), np.dtype(dtype))
        return flat.reshape(shape).transpose(np.argsort(order)) if shape else flat.reshape(())
    if kind == "tensor":
        return _unpacked_tensor(given, take)
    if kind == "scalar":
        return _unpacked(given, take)[()]
    if kind == "objects":
        array = np.empty(int(np.prod(given[0])), dtype=object)
        array[:] = [_unpacked(item, take) for item in given[1]]
        return array.reshape(given[0])
    if kind == "dict":
        return {_unpacked(k, take): _unpacked(v, take) for k, v in given}
    if kind in ("tuple", "list"):
        items = [_unpacked(item, take) for item in given]
        return tuple(items) if kind == "tuple" else items
    return _unpacked_record(given, take)


def _unpacked_tensor(given: Any, take: Any) -> Tensor:
    name, shape, order, device, size = given
    dtype = getattr(torch, name.removeprefix("torch."))
    if not size:
        return torch.empty(shape, dtype=dtype, device=device).permute(np.argsort(order).tolist())
    flat = torch.frombuffer(take(size), dtype=torch.uint8).view(dtype)
    return flat.reshape(shape).permute(np.argsort(order).tolist()).to(device)


def _unpacked_record(given: Any, take: Any) -> Any:
    module, name, own = given
    kind: Any = import_module(module) if module.startswith(_OWN) else None
    for part in name.split("."):
        kind = getattr(kind, part)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise Unpackable(name)
    if {f.name for f in fields(kind)} != own.keys():
        raise Unpackable(name)
    made = object.__new__(kind)
    for field, value in own.items():
        object.__setattr__(made, field, _unpacked(value, take))
    return made


def size_of(value: object) -> int:
    """Return about how many bytes `pack` makes."""
    if isinstance(value, (Tensor, np.ndarray)):
        return value.nbytes
    if isinstance(value, (tuple, list)):
        return sum(map(size_of, cast("list[Any]", value)))
    if isinstance(value, dict):
        return sum(map(size_of, cast("dict[Any, Any]", value).values()))
    if is_dataclass(value) and not isinstance(value, type):
        return sum(size_of(getattr(value, f.name)) for f in fields(value))
    return 16


def digest(key: object) -> str:
    """Return the SHA-256 of what decides a piece.

    Raises
    ------
    Unpackable
        If any of it says nothing of what it holds: a function, a generator of random numbers.
    """
    whole = hashlib.sha256()
    for part in _parts(key):
        whole.update(part)
    return whole.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if value is None or isinstance(value, (*_PLAIN, slice, np.generic)):
        yield f"{type(value).__name__} {value!r};".encode()
    elif isinstance(value, Tensor):
        yield _tensor_digest(value)
    elif isinstance(value, np.ndarray):
        yield f"array {value.dtype} {value.shape} {_order(value.strides)};".encode()
        if value.dtype.hasobject:
            yield from _parts(value.ravel().tolist())
        else:
            yield value.tobytes()
    elif isinstance(value, (tuple, list)):
        items = cast("list[Any]", value)
        yield f"{len(items)} items;".encode()
        for item in items:
            yield from _parts(item)
    elif isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        yield from _parts([part for pair in pairs for part in pair])
    elif isinstance(value, type):
        yield f"{value.__module__}.{value.__qualname__};".encode()
    elif hasattr(value, "piece_key"):
        yield f"{type(value).__qualname__};".encode()
        yield from _parts(value.piece_key)
    elif is_dataclass(value):
        yield f"{type(value).__qualname__};".encode()
        yield from _parts([getattr(value, f.name) for f in fields(value)])
    else:
        raise Unpackable(type(value).__name__)


def _tensor_digest(value: Tensor) -> bytes:
    """Digest of a tensor's numbers, and of what it carries; known as long as nobody changes it."""
    known = _DIGESTS.get(value)
    state = value.data_ptr(), value._version  # pyright: ignore[reportPrivateUsage]
    if known is not None and known[:2] == state:
        return known[2]
    plain, extras = apart(value)
    whole = hashlib.sha256(f"{plain.dtype} {tuple(plain.shape)} {plain.stride()}".encode())
    for part in plain.contiguous().reshape(-1).split(_HASHED):
        whole.update(_bytes_of(part) if len(part) else b"")
        release()
    for part in _parts(dict(extras)):
        whole.update(part)
    _DIGESTS[value] = (*state, whole.digest())
    return whole.digest()
