"""Reads pandas tables as numbers with the names of their columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from holistic.arguments import described, printable
from holistic.errors import DataError, listed, nearest

__all__ = ["features_and_target", "is_column", "is_frame", "labels_of", "table_of"]

TARGETS = ("label", "labels", "target", "targets", "class", "y")
"""How a column of labels is called."""


def is_frame(value: Any) -> bool:
    """Say whether that is a `DataFrame`, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_column(value: Any) -> bool:
    """Say whether that is a `Series` or a `Categorical`, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.Series, pandas.Categorical))


def features_and_target(frame: Any, target: Any = None) -> tuple[Any, Any]:
    """Take a table apart into its features and its column of labels.

    Parameters
    ----------
    frame
        One row an example.
    target
        Name of the column of labels; else the one that is called as such, or the only one that
        doesn't hold numbers.

    Raises
    ------
    DataError
        If there is no such column, or several may be meant.
    """
    columns = list(frame.columns)
    if target is None:
        target = _target(frame, columns)
    elif target not in columns:
        raise DataError(
            f"the table has no column '{target}'{nearest(str(target), map(str, columns))}; it has "
            f"{listed(columns)}"
        )
    return frame.drop(columns=[target]), frame[target]


def _target(frame: Any, columns: Sequence[Any]) -> Any:
    named = [name for name in columns if str(name).lower() in TARGETS]
    others = [name for name in columns if not named and _type(frame, name) is None]
    found = named or others
    if len(found) != 1:
        several = f"{listed(found)} may all be" if found else "none is named as"
        raise DataError(
            f"which column holds the labels? Of {listed(columns)} {several} that; name it: "
            "(df, 'species'), or pass (df.drop(columns='species').to_numpy(), df['species'])"
        )
    return found[0]


def table_of(frame: Any, features: Sequence[str] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a table's numbers `[N, F]`, in the widest kind of its columns, and the names `[F]`.

    Parameters
    ----------
    frame
        A `DataFrame`, or a `Series` as a table of one column.
    features
        Names that its columns must have, in the order in which they are returned.

    Raises
    ------
    DataError
        If a column holds no numbers, lacks some, or has a name that can't be shown.
    """
    frame = frame.to_frame() if is_column(frame) else frame
    names = tuple(str(name) for name in frame.columns)
    _check_names(names)
    order = range(len(names))
    if features:
        if set(names) != set(features):
            missing = [f for f in features if f not in names]
            more = [n for n in names if n not in features]
            what = f"lacks {listed(missing)}" if missing else f"has {listed(more)} beside them"
            raise DataError(
                f"the table must have the subject's columns {listed(features)}, it {what}"
            )
        order, names = [names.index(feature) for feature in features], tuple(features)
    kinds = [_checked_type(frame, place, name) for place, name in zip(order, names, strict=True)]
    numbers = np.empty((len(frame), len(names)), np.result_type(*kinds) if kinds else np.float32)
    for place, (column, name) in enumerate(zip(order, names, strict=True)):
        numbers[:, place] = _numbers(frame.iloc[:, column], name)
    return numbers, names


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"the table has {listed(twice)} more than once; rename one of each")
    for name in names:
        if not name.strip() or not printable(name):
            raise DataError(f"the column {name!r} has a name that can't be shown; rename it")


def _type(frame: Any, name: Any) -> np.dtype[Any] | None:
    """Return the kind of a column's numbers; None where it holds something else."""
    column = frame[name]
    return None if column.ndim != 1 else _kind(column.dtype)


def _kind(dtype: Any) -> np.dtype[Any] | None:
    own = getattr(dtype, "numpy_dtype", dtype)  # what an extension's numbers are stored as
    return own if isinstance(own, np.dtype) and own.kind in "biufc" else None


def _checked_type(frame: Any, place: int, name: str) -> np.dtype[Any]:
    column = frame.iloc[:, place]
    kind = _kind(column.dtype)
    if kind is None:
        raise DataError(
            f"the column '{name}' holds no numbers ({column.dtype}, as "
            f"{described(column.iloc[0]) if len(column) else 'nothing'}); encode it as for the "
            "model's training, as pd.get_dummies does, or drop it"
        )
    return kind


def _numbers(column: Any, name: str) -> Any:
    missing = int(column.isna().sum())
    if missing:
        raise DataError(
            f"the column '{name}' lacks {missing} of {len(column)} values (the first in row "
            f"{int(np.flatnonzero(column.isna())[0])}); fill them as for the model's training, or "
            "leave out the rows: df.dropna()"
        )
    return column.to_numpy(dtype=_kind(column.dtype))


def labels_of(column: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a column of labels, and the names of its classes where it is categorical.

    Raises
    ------
    DataError
        If a label is missing.
    """
    if not hasattr(column, "cat"):
        column = sys.modules["pandas"].Series(column)
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise DataError(
            f"the column of labels '{column.name}' lacks {len(missing)} of {len(column)} values "
            f"(the first in row {int(missing[0])}); leave out the examples without a class"
        )
    if hasattr(column, "cat"):
        return column.cat.codes.to_numpy().astype(np.int64), tuple(column.cat.categories)
    kind = _kind(column.dtype)
    return column.to_numpy(dtype=kind or object), ()
