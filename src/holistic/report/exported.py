"""Writes an audit's tables and arrays for other programs: CSV, JSON or Zarr."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from holistic.errors import AuditError, SettingError, listed, nearest
from holistic.results.columns import Column
from holistic.results.files import naming, unfinished_path
from holistic.results.findings import Finding
from holistic.results.folder import Folder

__all__ = ["FORMATS", "export"]


def export(audit: Folder, path: Path, to: str) -> Path:
    """Write all findings into a new folder, columns with their units and meanings.

    Parameters
    ----------
    audit
        What is written.
    path
        The folder, which must not be there yet.
    to
        `csv`, `json` or `zarr`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SettingError
        If there is no such format, or what writes it isn't installed.
    AuditError
        If something is at the path already, or a file of the audit is damaged.
    """
    if to not in FORMATS:
        raise SettingError(
            f"no format '{to}'{nearest(str(to), FORMATS)}; there are {listed(FORMATS)}"
        )
    if to == "zarr" and find_spec("zarr") is None:
        raise SettingError(
            "the format 'zarr' needs zarr; install it with: "
            "pip install 'holistic-interpretability[zarr]'"
        )
    if path.is_symlink() or path.exists():
        raise AuditError(f"'{path}' is there already; choose a new folder, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished_path(path)
    try:
        temporary.mkdir()
        with naming(path):
            FORMATS[to](audit, temporary)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def _about(finding: Finding) -> dict[str, Any]:
    """What a finding says of itself beside its numbers."""
    return {
        "name": finding.name,
        "title": finding.schema.title,
        "lead": finding.schema.lead,
        "statements": list(finding.statements),
        "caveats": list(finding.caveats),
        "columns": [_column(column) for column in finding.table.columns],
        "arrays": {name: _array(finding, name) for name in finding.arrays},
    }


def _column(column: Column) -> dict[str, str]:
    about = {n: getattr(column, n) for n in ("name", "kind", "unit", "meaning", "role", "of")}
    return {name: text for name, text in about.items() if text}


def _array(finding: Finding, name: str) -> dict[str, Any]:
    values, declared = finding.arrays[name], finding.schema.array(name)
    about = {"shape": list(values.shape), "kind": str(values.dtype)}
    return about | ({"axes": declared.axes, "meaning": declared.meaning} if declared else {})


def _facts(audit: Folder) -> dict[str, Any]:
    return {"provenance": dict(audit.provenance), "failed": dict(audit.failed)}


def _written(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _arrays(finding: Finding, folder: Path) -> None:
    for name, values in finding.arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)


def _csv(audit: Folder, folder: Path) -> None:
    """A file a finding, missing numbers empty; `audit.json` says what the columns are."""
    described = list[dict[str, Any]]()
    for name in audit.names:
        finding = audit.finding(name)
        described.append(_about(finding))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(finding.table.names)
            columns = finding.table.data.to_pydict().values()
            writer.writerows(zip(*columns, strict=True))
        _arrays(finding, folder)
    _written(folder / "audit.json", {**_facts(audit), "findings": described})


def _json(audit: Folder, folder: Path) -> None:
    """A file a finding with its rows; large arrays lie beside as `.npy`."""
    for name in audit.names:
        finding = audit.finding(name)
        document = {**_about(finding), "rows": list(finding.table.rows())}
        _written(folder / f"{name}.json", document)
        _arrays(finding, folder)
    _written(folder / "audit.json", {**_facts(audit), "findings": list(audit.names)})


def _zarr(audit: Folder, folder: Path) -> None:
    """A group a finding, with an array for each column and each large array, for xarray."""
    import zarr

    root = zarr.open_group(str(folder), mode="w", zarr_format=2)
    root.attrs.update(_facts(audit))
    for name in audit.names:
        finding = audit.finding(name)
        about, group = _about(finding), root.create_group(name)
        group.attrs.update({k: v for k, v in about.items() if k not in ("columns", "arrays")})
        for column in about["columns"]:
            values = _plain(finding.table.column(column["name"]), column["kind"])
            more = {k: v for k, v in column.items() if k != "name"}
            _put(group, column["name"], values, ["row"], more)
        for own, attributes in about["arrays"].items():
            values = finding.arrays[own]
            _put(group, own, values, _axes(attributes, values), attributes)
    zarr.consolidate_metadata(str(folder), zarr_format=2)


def _put(
    group: Any, name: str, values: np.ndarray, axes: list[str], attributes: Mapping[str, Any]
) -> None:
    made = group.create_array(name, shape=values.shape, dtype=values.dtype)
    made[...] = values
    made.attrs.update({**attributes, "_ARRAY_DIMENSIONS": axes})


def _axes(attributes: Mapping[str, Any], values: np.ndarray) -> list[str]:
    """Names of an array's axes, all different, as xarray wants them."""
    words = str(attributes.get("axes", "")).split()
    found = list[str]()
    for place in range(values.ndim):
        word = words[place] if len(words) == values.ndim else "axis"
        own = f"{word}_{values.shape[place]}" if word in ("any", "axis") or word.isdigit() else word
        found.append(own if own not in found else f"{own}_{place}")
    return found


def _plain(values: np.ndarray, kind: str) -> np.ndarray:
    """Texts in letters of one width; numbers and truth values as they are."""
    if kind == "string":
        return np.array(["" if v is None else str(v) for v in values.tolist()], dtype=np.str_)
    return values.astype(float) if values.dtype == object else values


FORMATS: dict[str, Callable[[Folder, Path], None]] = {"csv": _csv, "json": _json, "zarr": _zarr}
"""What an audit can be written as."""
