"""Draws one number of a finding on a pair of axes, in the form that its columns' roles ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.errors import SettingError, listed, nearest
from holistic.results.columns import Column
from holistic.results.drawing import BLUE, GREY, ORANGE, names_of, plain, signed_colours
from holistic.results.schema import Schema
from holistic.results.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["drawable", "figure_of", "plot", "standing_out"]

_ROWS, _COLUMNS, _LINES = 24, 20, 6
"""Most rows of a picture, columns of a map, and curves: those that stand out most."""
_FILLED = 0.3
"""Share of a map's cells that have a number, below which it is no map."""
_CELLS = 8
"""Cells of a map among several, below which all of them are drawn as dots."""
_MARKED = 12
"""Points of a curve from which on they have no marks."""
_LETTERS = 11
"""Letters of an upright line by inches of the figure's height."""
_COLOURS = (ORANGE, BLUE, "#009e73", "#cc79a7", "#56b4e9", "#8a6d00")
"""Okabe & Ito 2008, the yellow darker."""


def plot(schema: Schema, table: Table, ax: Axes | None, value: str, where: dict[str, Any]) -> Axes:
    """Draw a number of a table: see `Finding.plot`."""
    drawn = _chosen(schema, table, value, {k.rstrip("_"): v for k, v in where.items()})
    if ax is None:
        from matplotlib import pyplot

        ax = _sized(drawn, pyplot.figure).subplots()
    return _draw(drawn, ax)


def figure_of(schema: Schema, table: Table) -> Figure:
    """Draw the number that matters most in a figure of its own, which pyplot doesn't know."""
    from matplotlib.figure import Figure

    drawn = _chosen(schema, table, "", {})
    figure = _sized(drawn, Figure)
    _draw(drawn, figure.subplots())
    return figure


def standing_out(schema: Schema, table: Table, count: int) -> Table:
    """The rows whose number lies farthest from the one that says nothing."""
    if not drawable(table):
        return table.head(count)
    drawn = _Drawn(table, _number(schema, table, ""), "dots", (), {})
    order = np.argsort(-drawn.away, kind="stable")[:count]
    return replace(table, data=table.data.take(order))


def _draw(drawn: _Drawn, axis: Axes) -> Axes:
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    _FORMS[drawn.form](axis, drawn)
    if drawn.slice:
        named = (f"{_spoken(k)} {'–' if v is None else v}" for k, v in drawn.slice.items())
        axis.set_title(plain(" · ".join(named), 80), fontsize=8, loc="left", color="#444")
    return axis


def drawable(table: Table) -> bool:
    """Whether a table has rows with numbers."""
    return len(table) > 0 and bool(_numbers(table))


@dataclass(frozen=True)
class _Drawn:
    """What is drawn.

    Attributes
    ----------
    table
        The rows that are drawn.
    of
        The number.
    form
        `map`, `curve` or `dots`.
    keys
        Columns that name rows: of a map rows and columns, of a curve its lines, if any, and axis.
    slice
        Values that name this picture among others.
    """

    table: Table
    of: Column
    form: str
    keys: tuple[str, ...]
    slice: Mapping[str, Any]

    @cached_property
    def values(self) -> np.ndarray:
        """The numbers, `[R]`, NaN where there is none."""
        return self.table.column(self.of.name).astype(float)

    @cached_property
    def away(self) -> np.ndarray:
        """How far they lie from the number that says nothing, `[R]`; -1 where there is none."""
        return np.nan_to_num(np.abs(self.values - self.of.neutral), nan=-1.0)

    def part(self, role: str) -> np.ndarray | None:
        """The column of a role that belongs to the number, `[R]`, where there is one."""
        for column in self.table.columns:
            if column.role == role and self.of.name in column.of.split():
                return self.table.column(column.name).astype(float)
        return None

    def names(self, key: str) -> list[Any]:
        """Different values of a key column, in order of appearance."""
        return names_of(self.table, key)


def _chosen(schema: Schema, table: Table, value: str, where: dict[str, Any]) -> _Drawn:
    """Choose number, form and slice; the slice that holds what stands out most."""
    rows = table.where(**where)
    if not len(rows):
        words = " and ".join(f"{k} = {v!r}" for k, v in where.items())
        raise SettingError(
            f"no row of '{schema.name}' has {words}" if where else f"'{schema.name}' has no rows"
        )
    of = _number(schema, rows, value)
    every = [c for c in rows.columns if c.role in ("key", "along")]
    own = [c.name for c in every if len(names_of(rows, c.name)) > 1 or len(rows) == 1]
    form, keys = _form(schema, rows, own, [c.name for c in every if c.role == "along"])
    along = keys[-1] if form == "curve" else ""
    free = [n for n in own if n not in keys and not (along and _follows(rows, n, along))]
    named = dict(where)
    if form == "dots":
        return _Drawn(rows, of, form, (*free, *keys), named)
    drawn = _Drawn(rows, of, form, keys, named)
    for name in free:
        named = named | {name: drawn.table.data[name][int(drawn.away.argmax())].as_py()}
        some = drawn.table.where(**{name: named[name]})
        drawn = _Drawn(some, of, form, keys, named)
    if form == "map" and len(drawn.table) < _CELLS and free:
        return _Drawn(rows, of, "dots", (*free, *keys), dict(where))
    return drawn


def _number(schema: Schema, rows: Table, value: str) -> Column:
    """The column that is drawn: the one asked for, the declared size, or the first number."""
    numbers = _numbers(rows)
    names = [c.name for c in numbers]
    if value and value not in names:
        raise SettingError(
            f"'{schema.name}' has no number '{value}'{nearest(value, names)}; it has "
            f"{listed(names, 30)}"
        )
    if not numbers:
        raise SettingError(f"'{schema.name}' has no number that could be drawn")
    bounded = {of for c in rows.columns if c.role == "lo" for of in c.of.split()}
    wanted = [value or schema.size, *(name for name in names if name in bounded), names[0]]
    return next(c for name in wanted for c in numbers if c.name == name)


def _numbers(table: Table) -> list[Column]:
    """Columns that can be drawn: numbers that were measured, or others where there are none."""
    numbers = [c for c in table.columns if c.kind in ("float64", "int64")]
    measured = [c for c in numbers if c.role == "value"]
    return measured or [c for c in numbers if not c.role]


def _form(
    schema: Schema, rows: Table, own: list[str], alongs: list[str]
) -> tuple[str, tuple[str, ...]]:
    """The form that suits the rows, and the keys that its axes stand for."""
    along = next((name for name in alongs if name in own), "")
    if along and schema.view in ("", "curve"):
        others = [name for name in own if name != along and not _follows(rows, name, along)]
        lines = [name for name in others if _makes_lines(rows, name, along)]
        return "curve", (*lines[-1:], along)
    if len(own) > 1 and schema.view in ("", "heat"):
        pair = [name for name in schema.across.split() if name in own]
        pair = pair if len(pair) == 2 else own[-2:]
        if _is_map(rows, own, pair):
            across, down = pair
            larger = len(names_of(rows, across)) > len(names_of(rows, down))
            turned = larger if not schema.across else _is_unit(across) and not _is_unit(down)
            return "map", (across, down) if turned else (down, across)
    return "dots", tuple(own[-1:])


def _follows(rows: Table, name: str, along: str) -> bool:
    """Whether a key says no more than the axis of a curve does, as a site and its depth."""
    pairs = zip(rows.cells(name), rows.cells(along), strict=True)
    return len(set(pairs)) == len(names_of(rows, along))


def _makes_lines(rows: Table, name: str, along: str) -> bool:
    """Whether each value of a key has several points along the axis, and there are few of them."""
    names = names_of(rows, name)
    return len(names) <= _LINES and all(
        len(names_of(rows.where(**{name: one}), along)) > 1 for one in names
    )


def _is_map(rows: Table, own: list[str], pair: Sequence[str]) -> bool:
    """Whether a cell has one number at most, enough cells have one, and the sides are no nest.

    Unit 3 of one site has nothing in common with unit 3 of another.
    """
    if {"site", "unit"} <= {word for name in pair for word in name.split("_")}:
        return False
    columns = {n: np.unique(rows.column(n).astype(str), return_inverse=True)[1] for n in own}
    if len(np.unique(np.stack(list(columns.values())), axis=1).T) < len(rows):
        return False
    rest = [columns[n] for n in own if n not in pair] or [np.zeros(len(rows), int)]
    slices = np.unique(np.stack(rest), axis=1, return_inverse=True)[1].reshape(-1)
    cells = 0
    for one in np.unique(slices):
        a, b = (len(np.unique(columns[name][slices == one])) for name in pair)
        cells += a * b
    return len(rows) >= _FILLED * cells


def _sized(drawn: _Drawn, make: Callable[..., Figure]) -> Figure:
    """Make a figure that is as large as what it holds."""
    rows = len(drawn.names(drawn.keys[0])) if drawn.form == "map" else len(drawn.table)
    height = 3.4 if drawn.form == "curve" else max(2.4, 1.3 + 0.19 * min(_ROWS, rows))
    return make(figsize=(6.2, height), dpi=110, layout="constrained")


def _draw_map(axis: Axes, drawn: _Drawn) -> None:
    """Draw a map, what stands out most first; a dot where the interval holds nothing's number."""
    sides = [_by_size(drawn, n, m) for n, m in zip(drawn.keys, (_ROWS, _COLUMNS), strict=True)]
    places = [{name: k for k, name in enumerate(names)} for names in sides]
    cells, unsure = (np.full(tuple(map(len, sides)), np.nan) for _ in range(2))
    low, high, nothing = drawn.part("lo"), drawn.part("hi"), drawn.of.neutral
    at = zip(*(drawn.table.cells(n) for n in drawn.keys), strict=True)
    for row, (i, j) in enumerate(at):
        if i in places[0] and j in places[1]:
            place = places[0][i], places[1][j]
            cells[place] = drawn.values[row]
            if low is not None and high is not None:
                unsure[place] = low[row] <= nothing <= high[row]
    bound = float(np.nanmax(np.abs(cells - nothing), initial=0.0)) or 1.0
    mesh = axis.pcolormesh(cells, cmap=signed_colours(), vmin=nothing - bound, vmax=nothing + bound)
    rows, columns = np.nonzero(unsure == 1)
    axis.plot(columns + 0.5, rows + 0.5, ".", ms=1.5, color=GREY)
    names = [[plain("–" if n is None else n, 16) for n in side] for side in sides]
    axis.set_yticks(np.arange(len(names[0])) + 0.5, names[0], fontsize=7)
    axis.set_xticks(np.arange(len(names[1])) + 0.5, names[1], fontsize=8)
    axis.tick_params(axis="x", rotation=90 if max(map(len, names[1])) > 3 else 0)
    axis.invert_yaxis()
    axis.set_ylabel(_counted(drawn, drawn.keys[0], len(sides[0])), fontsize=8)
    axis.set_xlabel(_counted(drawn, drawn.keys[1], len(sides[1])), fontsize=8)
    bar = axis.figure.colorbar(mesh, ax=axis)
    dots = f"\n· its interval holds {nothing:g}" if len(rows) else ""
    letters = int(_LETTERS * axis.figure.bbox.height / axis.figure.dpi)
    bar.set_label(fill(_with_unit(drawn.of), letters) + dots, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _draw_curve(axis: Axes, drawn: _Drawn) -> None:
    """Draw a number along its axis, with its interval and the range of its control."""
    *line, along = drawn.keys
    names: list[Any] = drawn.names(line[0])[:_LINES] if line else [None]
    x, shaded = drawn.table.column(along).astype(float), list[np.ndarray]()
    interval, control = (
        [drawn.part(role) for role in ends] for ends in (("lo", "hi"), ("control_lo", "control_hi"))
    )
    for name, colour in zip(names, _COLOURS, strict=False):
        own = np.flatnonzero(drawn.table.column(line[0]) == name) if line else np.arange(len(x))
        own = own[np.argsort(x[own], kind="stable")]
        label = plain(name, 30) if line else None
        marks = {"marker": "o" if len(own) < _MARKED else "", "ms": 3, "lw": 1.4}
        axis.plot(x[own], drawn.values[own], color=colour, label=label, **marks)  # pyright: ignore[reportArgumentType]
        _band(axis, x[own], interval, own, colour)
        lower = np.full(len(own), np.nan) if control[0] is None else control[0][own]
        if not any(np.array_equal(lower, other, equal_nan=True) for other in shaded):
            words = "95 % of the control" if not shaded else None
            _band(axis, x[own], control, own, GREY, words)
            shaded.append(lower)
    axis.set_xlabel(_with_unit(_named(drawn.table, along)), fontsize=8)
    letters = int(_LETTERS * axis.figure.bbox.height / axis.figure.dpi)
    axis.set_ylabel(fill(_with_unit(drawn.of), letters), fontsize=8)
    _legend(axis, _spoken(line[0]) if line else None)


def _band(
    axis: Axes,
    x: np.ndarray,
    ends: Sequence[np.ndarray | None],
    own: np.ndarray,
    colour: str,
    label: str | None = None,
) -> None:
    low, high = ends
    if low is not None and high is not None:
        axis.fill_between(x, low[own], high[own], color=colour, alpha=0.2, lw=0, label=label)


def _draw_dots(axis: Axes, drawn: _Drawn) -> None:
    """Draw a dot a row, those that stand out most, with interval and control."""
    order = np.arange(len(drawn.away))
    if len(order) > _ROWS:
        order = np.argsort(-drawn.away, kind="stable")[:_ROWS]
    low, high = drawn.part("lo"), drawn.part("hi")
    least, most = drawn.part("control_lo"), drawn.part("control_hi")
    control, y = drawn.part("control"), np.arange(len(order))
    if least is not None and most is not None:
        bars, words = most[order] - least[order], "95 % of the control"
        axis.barh(y, bars, left=least[order], height=0.7, color=GREY, alpha=0.3, label=words)
    if control is not None:
        axis.plot(control[order], y, "|", ms=9, color=GREY, label="control")
    if low is not None and high is not None:
        axis.hlines(y, low[order], high[order], color=BLUE, lw=1.2)
    axis.plot(drawn.values[order], y, "o", ms=4, color=BLUE)
    axis.axvline(drawn.of.neutral, color=GREY, lw=0.7)
    cells = [drawn.table.data[name].take(order).to_pylist() for name in drawn.keys]
    names = [
        " · ".join(plain("–" if c is None else c, 18) for c in row)
        for row in zip(*cells, strict=True)
    ]
    axis.set_yticks(y, names or [""] * len(y), fontsize=7)
    axis.invert_yaxis()
    rest = f" ({len(order)} of {len(drawn.away):,})" if len(order) < len(drawn.away) else ""
    axis.set_ylabel(" · ".join(map(_spoken, drawn.keys)) + rest, fontsize=8)
    axis.set_xlabel(_with_unit(drawn.of), fontsize=8)
    _legend(axis)


_FORMS = {"map": _draw_map, "curve": _draw_curve, "dots": _draw_dots}


def _legend(axis: Axes, title: str | None = None) -> None:
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, title_fontsize=7, frameon=False, title=title)


def _by_size(drawn: _Drawn, name: str, most: int) -> list[Any]:
    """Names of a map's side: few that are no units in order, else what stands out most first."""
    names, found = drawn.names(name), drawn.table.cells(name)
    if not _is_unit(name) and len(names) <= most:
        return sorted(names) if _named(drawn.table, name).kind == "int64" else names
    farthest = dict.fromkeys(names, -1.0)
    for one, away in zip(found, drawn.away.tolist(), strict=True):
        farthest[one] = max(farthest[one], away)
    return sorted(names, key=lambda one: -farthest[one])[:most]


def _is_unit(name: str) -> bool:
    return "unit" in name.split("_")


def _counted(drawn: _Drawn, name: str, shown: int) -> str:
    every = len(drawn.names(name))
    return _spoken(name) + (f" ({shown} of {every:,})" if shown < every else "")


def _named(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _with_unit(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return _spoken(column.words or column.name) + unit


def _spoken(name: str) -> str:
    return name.replace("_", " ")
