"""Pages through the rows of a finding, filtered and sorted."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from holistic.errors import SettingError, listed
from holistic.report.saved import Audit

__all__ = ["page_of"]

_MOST = 500
_TRUTHS = {"true": True, "false": False}
"""As they are typed."""


def page_of(audit: Audit, asked: Any) -> dict[str, Any]:
    """Read some rows of a finding, with the sites' names that readers see.

    Parameters
    ----------
    audit
        The audit.
    asked
        `finding`, its name; `equal`, values of columns; `sort`, a column, and `descending`;
        `offset` and `limit` (500 at most).

    Returns
    -------
    dict
        `columns`, `rows` and `total`, the number of rows that fit `equal`.

    Raises
    ------
    SettingError
        If there is no such finding or column, or a value is of another kind.
    """
    import duckdb

    if not isinstance(asked, dict) or asked.get("finding") not in audit.names:
        raise SettingError(f"no such finding; this audit has {listed(audit.names, 40)}")
    name = asked["finding"]
    table = audit.for_readers()[name]
    columns = table.names
    equal, sort = asked.get("equal", {}), asked.get("sort")
    offset, limit = asked.get("offset", 0), asked.get("limit", 100)
    if not isinstance(equal, dict) or not set(equal) <= set(columns):
        raise SettingError(f"'equal' names columns; there are {listed(columns, 40)}")
    types = table.data.schema
    equal = {column: _fitting(column, types.field(column).type, equal[column]) for column in equal}
    if sort is not None and sort not in columns:
        raise SettingError(f"'sort' names a column; there are {listed(columns, 40)}")
    if not all(type(v) is int and v >= 0 for v in (offset, limit)):
        raise SettingError("'offset' and 'limit' are whole numbers from 0 on")
    if limit > _MOST:
        raise SettingError(
            f"'limit' is up to {_MOST} rows, got {limit}; ask for the next by 'offset'"
        )
    offset = min(offset, 1 << 62)  # no table is as long
    where = " and ".join(f"{_quoted(c)} = ?" for c in equal) or "true"
    # names of columns can't be parameters of a query; they were found among the table's own
    order = ""
    if sort is not None:
        order = (
            f" order by {_quoted(sort)} {'desc' if asked.get('descending') else 'asc'} nulls last"
        )
    values = list(equal.values())
    with duckdb.connect(":memory:") as base:
        base.register("found", table.data)
        counted = base.execute(f"select count(*) from found where {where}", values).fetchone()
        rows = base.execute(
            f"select * from found where {where}{order} limit ? offset ?",
            [*values, limit, offset],
        ).fetchall()
    return {
        "columns": list(columns),
        "rows": [[_finite(value) for value in row] for row in rows],
        "total": counted[0] if counted else 0,
    }


def _fitting(column: str, kind: Any, value: Any) -> str | int | float | bool:
    """Return what a column of this arrow type is compared with; truth may be typed."""
    if pa.types.is_boolean(kind):
        value, allowed = _TRUTHS.get(value, value) if isinstance(value, str) else value, (bool,)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        allowed = (int, float)
    else:
        allowed = (str,)
    if type(value) not in allowed:
        words = {bool: "true or false", int: "a number", str: "a text"}[allowed[0]]
        raise SettingError(f"'equal' compares '{column}' with {words}")
    return value


def _finite(value: Any) -> Any:
    """What isn't there is null: JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
