"""Checks that what an audit's folder holds has the shape that it must have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from holistic.errors import listed
from holistic.results.columns import Column
from holistic.results.schema import Schema

__all__ = ["arrays_fault", "record_fault", "table_fault"]


@dataclass(frozen=True)
class Kind:
    """A JSON value without parts, and what it is called."""

    words: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Group:
    """A JSON object: its known names, those that it must hold, and what any other name holds."""

    known: Mapping[str, Shape] = field(default_factory=dict[str, "Shape"])
    needed: tuple[str, ...] = ()
    others: Shape | None = None
    empty: bool = False
    """Whether it may hold nothing at all instead."""


Shape = Kind | Group


def _whole(value: Any, least: int = 0, most: int = 2**63 - 1) -> bool:
    return type(value) is int and least <= value <= most


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(v) in (int, float) for v in value)


def _objects(value: Any, kinds: Mapping[str, type]) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and all(type(one.get(k)) is kind for k, kind in kinds.items())
        for one in value
    )


_LINES = {"name": str, "words": str, "warns": bool}
_FACT = {"words": str, "why": str}


_TEXT = Kind("a text", lambda value: isinstance(value, str))
_LINE = Kind("a line of text", lambda value: isinstance(value, str) and value.isprintable())
_TEXTS = Kind("a list of texts", _texts)
_WHOLE = Kind("a whole number of at least 0", _whole)
_THREADS = Kind("a whole number from 1 to 4096", lambda value: _whole(value, 1, 4096))
_NUMBER = Kind("a number", lambda value: type(value) in (int, float))
_NUMBERS = Kind("a list of numbers, at least one", _numbers)
_ANY = Kind("a value", lambda value: True)

_FACTS = Kind("a list of facts with words and why", lambda value: _objects(value, _FACT))
_LOOK = Kind("a list of lines with name, words and warns", lambda value: _objects(value, _LINES))

_SOURCE = Group({
    "data": _TEXT, "model": _TEXT, "seed": _WHOLE, "split_seed": _WHOLE, "score": _TEXT,
    "unit_axis": _TEXTS,
    "sites": _TEXTS,
    "weights": Kind("a text or null", lambda value: value is None or isinstance(value, str)),
    "limit": Kind("a whole number or null", lambda value: value is None or _whole(value)),
})  # fmt: skip
_PROVENANCE = Group(
    {
        "key": _TEXT, "model": _TEXT, "data": _TEXT, "weights": _TEXT, "computation": _TEXT,
        "data_sha256": _TEXT, "splits_sha256": _TEXT, "device": _TEXT,
        "unit_axes": Group(others=_WHOLE),
        "probe": Group(others=Group({"within": _NUMBER, "numbers": _NUMBERS}, ("numbers",))),
        "classes": _TEXTS, "score": _TEXT, "seed": _WHOLE, "threads": _THREADS,
        "versions": Group(others=_TEXT),
        "settings": Group(others=Group(others=_ANY)),
        "counts": Group({"selection": _WHOLE, "evaluation": _WHOLE}),
        "accuracy": Group(
            {"value": _NUMBER, "lo": _NUMBER, "hi": _NUMBER, "n": _WHOLE},
            ("value", "lo", "hi", "n"),
            empty=True,
        ),
        "created": _TEXT, "backend_note": _TEXT, "caveats": _TEXTS, "source": _SOURCE,
        "check": Group({"lines": _LOOK}), "facts": _FACTS,
    },
    ("key",),
)  # fmt: skip
_FILE = Group({"path": _LINE, "sha256": _LINE}, ("path", "sha256"))
_YES = Kind("true or false", lambda value: isinstance(value, bool))
_ARRAY = Group(
    {"kind": _LINE, "axes": _LINE, "meaning": _TEXT, "sites": _YES, "pictures": _LINE},
    ("kind", "axes"),
)
_SCHEMA = Group({
    "title": _TEXT, "lead": _TEXT, "view": _LINE, "across": _LINE, "answers": _YES,
    "examples": _YES, "size": _LINE, "cells": _WHOLE, "apart": _YES,
    "arrays": Group(others=_ARRAY),
})  # fmt: skip
_FINDING = Group(
    {
        "table": _FILE, "arrays": Group(others=_FILE), "statements": _TEXTS, "caveats": _TEXTS,
        "schema": _SCHEMA,
    },
    ("table", "arrays", "statements", "caveats", "schema"),
)  # fmt: skip
_LENS = Group({"seconds": _NUMBER, "findings": Group(others=_FINDING)}, ("findings",))
_RECORD = Group(
    {"provenance": _PROVENANCE, "lenses": Group(others=_LENS), "failed": Group(others=_LINE)},
    ("provenance", "lenses"),
)

_DIGITS = 19
"""Digits that no size has: a schema that came with an audit may say anything."""
_ALL_KINDS = ("string", "int64", "float64", "bool")


def record_fault(record: Mapping[str, Any]) -> str:
    """Say what in an `audit.json` isn't as this program writes it; nothing where all is."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return "it holds half of a character, or too many levels"
    if fault := _fault(record, _RECORD, ()):
        return fault
    for entry in record["lenses"].values():
        for name, finding in entry["findings"].items():
            files = {f"tables/{name}.parquet": finding["table"]}
            files |= {f"arrays/{array}.npy": file for array, file in finding["arrays"].items()}
            for path, file in files.items():
                if file["path"] != path:
                    return f"it names '{file['path']}', outside of the place {path!r}"
                if path.count("/") > 1 or "\\" in path:
                    return f"it names '{path}', outside of its folders"
    return ""


def _fault(value: Any, shape: Shape, place: tuple[str, ...]) -> str:
    """The first fault of a value that stands at a place."""
    at = repr(".".join(place)) if place else "it"
    if isinstance(shape, Kind):
        return "" if shape.fits(value) else f"{at} is {_shown(value)}, and must be {shape.words}"
    if not isinstance(value, dict):
        return f"{at} is {_shown(value)}, and must be an object"
    if shape.empty and not value:
        return ""
    if lacking := [name for name in shape.needed if name not in value]:
        return f"{at} lacks {listed(lacking)}"
    inner = ((name, shape.known.get(name, shape.others)) for name in value)
    faults = (_fault(value[name], own, (*place, name)) for name, own in inner if own)
    return next(filter(None, faults), "")


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def table_fault(schema: Schema | None, columns: Sequence[Column]) -> str:
    """Say what in a table isn't as its schema declares it; nothing where all is.

    Columns may be missing or more, as an older audit lacks newer ones, and a newer has some that
    aren't known here: whoever reads one says so.

    Parameters
    ----------
    schema
        What was declared; of None, columns may have any of the four kinds.
    columns
        Columns of its table, as they were read.
    """
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        return (
            f"it has the same column twice: {listed(n for n in set(names) if names.count(n) > 1)}"
        )
    kinds = {column.name: (column.kind,) for column in schema.columns} if schema else {}
    for name, kind in ((column.name, column.kind) for column in columns):
        allowed = kinds.get(name, _ALL_KINDS)
        if kind not in allowed:
            return f"column {name!r} holds {kind}, and must hold {' or '.join(allowed)}"
    return ""


def arrays_fault(schema: Schema, arrays: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> str:
    """Say what in a finding's arrays isn't as its schema declares it; nothing where all is.

    Parameters
    ----------
    schema
        What was declared; an array that it doesn't name may have any shape.
    arrays
        All arrays of one finding.
    sizes
        Sizes that are known beside them: `rows` of the table, and `classes`.
    """
    known = dict(sizes)
    for name, values in arrays.items():
        if values.dtype.kind not in "buif":
            return f"array '{name}' holds {values.dtype}, and must hold numbers"
        if (declared := schema.array(name)) is None:
            continue
        kind, axes = declared.kind, declared.axes.split()
        if axes[-1:] == ["rgb"]:
            axes[-1:] = ["3"] if values.ndim == len(axes) else []
        # sizes that belong to one site are known by that site's index
        site = name.rpartition(".")[2] if declared.sites else ""
        bits = values.dtype == "uint8" if kind == "uint8" else values.dtype.kind == kind[:1]
        if not (bits and _fits(values.shape, axes, site, known)):
            return (
                f"array '{name}' holds {values.dtype} of shape {values.shape}, and must hold "
                f"{kind} of shape {' × '.join(axes)}, with sizes as in the other arrays"
            )
    return ""


def _fits(shape: Sequence[int], axes: Sequence[str], site: str, known: dict[str, int]) -> bool:
    """Say whether sizes are those that are known by their words; the first of a word is noted."""
    for size, axis in zip(shape, axes, strict=False):
        word = axis if axis in known else axis + site
        wanted = size if axis == "any" else known.get(word, size)
        if axis.isdecimal() and len(axis) < _DIGITS:
            wanted = int(axis)
        if size != wanted:
            return False
        known[word] = size
    return len(shape) == len(axes)
