"""Which data does the page's script draw from, and how does it stand in the page?"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from holistic.lenses._contract import lens_class, lens_names
from holistic.report.damage import showing
from holistic.report.rows import held
from holistic.results.columns import Column
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS

__all__ = [
    "bundle", "digest", "embedded_arrays", "lacks_arrays", "numbers", "outline", "sheet",
    "site_names",
]  # fmt: skip

_IMAGE_BYTES = 2_400_000
_SHEET = "activation.image"
"""The examples' images stand in the page as one picture, not as an array."""
_ARRAY_BYTES = 700_000
_CASES = ("ablation.images", "mechanism.paths")
"""Findings that tell of single images: those have a place in the page before all others."""
_EXACT = 20_000
"""Elements up to which an array of numbers stands in the page to four digits, not in 8 bits."""
_MARKED = ("site", "site_a", "site_b", "backup_site")


def bundle(*, live: bool = False) -> tuple[str, str]:
    """Read the script and the styles that `make web` built; empty where they were not built."""
    folder = files("holistic.report").joinpath("_web")
    found = [folder.joinpath(name) for name in ("live.js" if live else "app.js", "app.css")]
    script, styles = (f.read_text(encoding="utf-8") if f.is_file() else "" for f in found)
    return script, styles


def digest(text: str) -> str:
    """Return the source expression by which a Content-Security-Policy allows this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def outline(audit: Folder, titles: Mapping[str, str]) -> str:
    """Write what the page's frame needs: names, columns and statements, as JSON."""
    return _json(_outline(audit, titles))


def numbers(audit: Folder) -> str:
    """Write tables, arrays and the examples' images as JSON: packed, or pages get heavy."""
    tables: dict[str, Any] = {}
    for name in audit.names:
        with showing(audit, name):
            tables[name] = _columns(audit.finding(name).table, name)
    arrays = {name: _array(values) for name, values in embedded_arrays(audit).items()}
    with showing(audit, "activation.examples"):
        images = _images(audit)
    text = _json({"tables": tables, "arrays": arrays, "images": images})
    packed = gzip.compress(text.encode(), mtime=0)
    return _json({"gzip": base64.b64encode(packed).decode()})


def embedded_arrays(audit: Folder) -> dict[str, np.ndarray]:
    """Choose the findings' arrays that the page has room for: the smallest first."""
    every = {n: a for name in audit.names for n, a in audit.finding(name).arrays.items()}
    room, chosen = _ARRAY_BYTES, dict[str, np.ndarray]()
    for name, values in sorted(every.items(), key=lambda pair: pair[1].size):
        room -= values.size
        if room >= 0 and not name.startswith(_SHEET):
            chosen[name] = values
    return chosen


def lacks_arrays(finding: Finding, held: Collection[str]) -> bool:
    """Tell whether the page had no room for an array that a picture of this finding needs."""
    return any(name not in held and not name.startswith(_SHEET) for name in finding.arrays)


def _array(values: np.ndarray) -> dict[str, Any]:
    """Encode an array: numbers to four digits, or bytes from -limit to +limit (0 to 255 as is)."""
    out: dict[str, Any] = {"shape": list(values.shape)}
    if values.dtype != np.uint8 and values.size <= _EXACT:
        return out | {"values": [_short(float(v)) for v in values.ravel()]}
    if values.dtype != np.uint8:
        limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        # -128 stands for a missing number
        steps = np.where(np.isfinite(values), np.round(values / limit * 127), -128)
        values = steps.astype(np.int8).view(np.uint8)
        out["limit"] = limit
    return out | {"bytes": base64.b64encode(values.tobytes()).decode()}


def site_names(audit: Folder) -> list[str]:
    """Names of the sites in the order of the model: a unit's address starts with an index here."""
    tables = [audit[name] for name in audit.names]
    own = [t.column(c).tolist() for t in tables for c in _MARKED if c in t.names]
    if "sites" in audit:
        own.insert(0, audit["sites"].column("site").tolist())
    return list(dict.fromkeys(s for names in own for s in names if isinstance(s, str)))


def _outline(audit: Folder, titles: Mapping[str, str]) -> dict[str, Any]:
    facts = audit.provenance
    return {
        "model": str(facts.get("model", "")),
        "data": str(facts.get("data", "")),
        "score": str(facts.get("score", "")),
        "classes": [str(c) for c in facts.get("classes", [])],
        "sites": site_names(audit),
        "lenses": [
            {
                "name": lens,
                "question": lens_class(lens).question if lens in lens_names() else "",
                "findings": list(entry["findings"]),
            }
            for lens, entry in audit.lenses.items()
        ],
        "findings": {name: _told(audit, name, titles.get(name, name)) for name in audit.names},
    }


def _told(audit: Folder, name: str, title: str) -> dict[str, Any]:
    finding = audit.finding(name)
    # where rows are of several scores, each has its own unit
    score = "" if "score" in finding.table.names else str(audit.provenance.get("score", ""))
    unit = SCORE_UNITS.get(score, "score")
    return {
        "title": title,
        "total": len(finding.table),
        "held": held(finding.table, name)[1],
        "units": {} if score else dict(SCORE_UNITS),
        "statements": list(finding.statements),
        "columns": [
            {
                "name": c.name,
                "kind": c.kind,
                "unit": unit + c.unit[5:] if c.unit.startswith("score") else c.unit,
                "meaning": c.meaning,
                "of": c.of,
                "words": c.words,
            }
            for c in finding.table.columns
        ],
    }


def _columns(table: Table, name: str) -> list[dict[str, Any]]:
    """Encode a table column by column; of a long one the rows that say most, in their order."""
    kept, _ = held(table, name)
    return [_encoded(c, kept.data[c.name].to_pylist()) for c in kept.columns]


def _encoded(column: Column, cells: Sequence[Any]) -> dict[str, Any]:
    """Names once, numbers to four digits, and runs of equal values by their length."""
    out: dict[str, Any] = {}
    values: list[Any] = list(cells)
    if column.kind == "string":
        names = list(dict.fromkeys(v for v in values if v is not None))
        place = {v: i for i, v in enumerate(names)}
        out["names"] = names
        values = [None if v is None else place[v] for v in values]
    elif column.kind == "float64":
        values = [_short(v) for v in values]
    runs: list[list[Any]] = []
    for value in values:
        if runs and runs[-1][0] == value and type(runs[-1][0]) is type(value):
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    if 2 * len(runs) < len(values):
        out["runs"] = [v for run in runs for v in run]
    else:
        out["values"] = values
    return out


def _short(value: float | None) -> float | None:
    if value is None or not np.isfinite(value):
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def _images(audit: Folder) -> dict[str, Any] | None:
    """Put the examples of the units into one picture, the most telling ones first."""
    if "activation.examples" not in audit:
        return None
    finding = audit.finding("activation.examples")
    pictures = finding.arrays.get("activation.images")
    ids = finding.arrays.get("activation.image_ids")
    labels = finding.arrays.get("activation.image_labels")
    said = finding.arrays.get("activation.image_predictions")
    if pictures is None or ids is None or labels is None or not len(pictures):
        return None
    limit = max(1, _IMAGE_BYTES // int(np.prod(pictures.shape[1:])))
    told = [int(e) for name in _CASES if name in audit for e in audit[name].column("example")]
    chosen = _shown_first(finding.table, [int(i) for i in ids], told)[:limit]
    height, width = (int(n) for n in pictures.shape[1:3])
    across = max(1, min(len(chosen), 2048 // width))
    return {
        "height": height,
        "width": width,
        "across": across,
        "plane": finding.arrays.get("activation.image_plane", np.array([height, width])).tolist(),
        "examples": [int(ids[i]) for i in chosen],
        "labels": [int(labels[i]) for i in chosen],
        "predictions": [int(said[i]) for i in chosen] if said is not None else None,
        "sheet": sheet(pictures[chosen], across),
    }


def sheet(pictures: np.ndarray, across: int) -> str:
    """Lay pictures `[M, H, W]` or `[M, H, W, 3]` out in rows: one PNG as a data URI."""
    from PIL import Image

    height, width = pictures.shape[1:3]
    down = -(-len(pictures) // across)
    whole = np.zeros((down * height, across * width, *pictures.shape[3:]), np.uint8)
    for n, picture in enumerate(pictures):
        top, left = height * (n // across), width * (n % across)
        whole[top : top + height, left : left + width] = picture
    out = io.BytesIO()
    Image.fromarray(whole).save(out, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def _shown_first(table: Table, ids: list[int], told: list[int]) -> list[int]:
    """Order the images' places: those told of one by one, then rank 0 of every unit before 1."""
    place = {example: i for i, example in enumerate(ids)}
    kinds = {"top": 0, "quantile": 1, "random": 2}
    rows = [(r["rank"] + kinds.get(r["kind"], 2), r["example"]) for r in table.rows()]
    order = [*told, *(e for _, e in sorted(rows, key=lambda r: r[0]))]
    return list(dict.fromkeys([*(place[e] for e in order if e in place), *range(len(ids))]))


def _json(value: Any) -> str:
    """Write JSON that can't end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
