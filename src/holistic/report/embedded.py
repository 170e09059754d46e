"""Packs tables, arrays and pictures of examples into the page, for its script to draw from."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Collection, Sequence
from importlib.resources import files
from operator import ne
from typing import Any

import numpy as np

from holistic.lenses._contract import question_of
from holistic.report.damage import showing
from holistic.report.pictured import SHOWN, Pictured, order_of, pictured, pictures_part
from holistic.report.rows import fitting
from holistic.results.columns import Column
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.study.scores import SCORE_UNITS

__all__ = [
    "bundle", "digest", "embedded_arrays", "lacks_arrays", "numbers", "outline", "sheet",
    "site_names",
]  # fmt: skip

_IMAGE_BYTES = 2_400_000
_ARRAY_BYTES = 700_000
_EXACT = 20_000
"""Elements up to which an array of numbers stands in the page to four digits, not in 8 bits."""
_MARKED = ("site", "site_a", "site_b", "backup_site")


def bundle(*, live: bool = False) -> tuple[str, str]:
    """Read the script and the styles that `make web` built; empty where they were not built."""
    folder = files("holistic.report").joinpath("_web")
    page = "live" if live else "app"
    found = [folder.joinpath(f"{page}.{kind}") for kind in ("js", "css")]
    script, styles = (f.read_text(encoding="utf-8") if f.is_file() else "" for f in found)
    return script, styles


def digest(text: str) -> str:
    """Return the source expression by which a Content-Security-Policy allows this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def outline(audit: Folder) -> str:
    """Write what the page's frame needs: names, columns and statements, as JSON."""
    return _json(_outline(audit))


def numbers(audit: Folder) -> str:
    """Write tables, arrays and the examples' images as JSON: packed, or pages get heavy."""
    tables: dict[str, Any] = {}
    for name in audit.names:
        with showing(audit, name):
            tables[name] = _columns(audit.finding(name))
    arrays = {name: _array(values) for name, values in embedded_arrays(audit).items()}
    images = _images(audit)
    text = _json({"tables": tables, "arrays": arrays, "images": images})
    packed = gzip.compress(text.encode(), 6, mtime=0)  # 9 takes five times as long for 2 %
    return _json({"gzip": base64.b64encode(packed).decode()})


def embedded_arrays(audit: Folder) -> dict[str, np.ndarray]:
    """Choose the findings' arrays that the page has room for: the smallest first."""
    every = {n: a for name in audit.names for n, a in _drawn_from(audit.finding(name)).items()}
    room, chosen = _ARRAY_BYTES, dict[str, np.ndarray]()
    for name, values in sorted(every.items(), key=lambda pair: pair[1].size):
        room -= values.size
        if room >= 0:
            chosen[name] = values
    return chosen


def lacks_arrays(finding: Finding, embedded: Collection[str]) -> bool:
    """Tell whether the page had no room for an array that a picture of this finding needs."""
    return any(name not in embedded for name in _drawn_from(finding))


def _drawn_from(finding: Finding) -> dict[str, np.ndarray]:
    """Its arrays without the examples' images, which stand in the page as one picture."""
    return {n: a for n, a in finding.arrays.items() if pictures_part(finding, n) in ("", SHOWN)}


def _array(values: np.ndarray) -> dict[str, Any]:
    """Encode an array: numbers to four digits, or bytes from -limit to +limit (0 to 255 as is)."""
    out: dict[str, Any] = {"shape": list(values.shape)}
    if values.dtype != np.uint8 and values.size <= _EXACT:
        return out | {"values": _shortened(values.ravel())}
    if values.dtype != np.uint8:
        limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        # -128 stands for a missing number
        steps = np.where(np.isfinite(values), np.round(values / limit * 127), -128)
        values = steps.astype(np.int8).view(np.uint8)
        out["limit"] = limit
    return out | {"bytes": base64.b64encode(values.tobytes()).decode()}


def _exact(values: np.ndarray) -> dict[str, Any]:
    """Encode an array with whole numbers as they are: tokens are told by theirs."""
    cells = values.ravel()
    exact = [
        int(v) if float(v).is_integer() else s
        for v, s in zip(cells, _shortened(cells), strict=True)
    ]
    return {"shape": list(values.shape), "values": exact}


def site_names(audit: Folder) -> list[str]:
    """Names of the sites in the order of the model: a unit's address starts with an index here."""
    tables = [audit[name] for name in audit.names]
    own = [t.data[c].unique().to_pylist() for t in tables for c in _MARKED if c in t.names]
    if "sites" in audit:
        own.insert(0, audit["sites"].cells("site"))
    return list(dict.fromkeys(s for names in own for s in names if isinstance(s, str)))


def _outline(audit: Folder) -> dict[str, Any]:
    facts = audit.provenance
    return {
        "model": str(facts.get("model", "")),
        "data": str(facts.get("data", "")),
        "score": str(facts.get("score", "")),
        "classes": [str(c) for c in facts.get("classes", [])],
        "inputs": _inputs(audit),
        "sites": (sites := site_names(audit)),
        "keys": [audit.seen.sites.key(name) for name in sites],
        "lenses": [
            {
                "name": lens,
                "question": audit.seen.in_text(question_of(lens)),
                "findings": list(entry["findings"]),
            }
            for lens, entry in audit.lenses.items()
        ],
        "findings": {name: _described(audit, name) for name in audit.names},
    }


def _inputs(audit: Folder) -> dict[str, Any]:
    """What the page must know of the inputs, and the words for them."""
    record, kind = dict(audit.provenance.get("inputs", {})), audit.seen.inputs
    words = {n: getattr(kind, n) for n in ("part", "parts", "example", "examples")}
    return {"features": [], **record, "kind": kind.name, **words}


def _described(audit: Folder, name: str) -> dict[str, Any]:
    """What a view of a finding needs beside its numbers."""
    finding = audit.finding(name)
    schema, table = finding.schema, finding.table
    # where rows are of several scores, each has its own unit
    score = "" if "score" in table.names else str(audit.provenance.get("score", ""))
    unit = SCORE_UNITS.get(score, "score")
    look = {n: getattr(schema, n) for n in ("view", "across", "lead", "size")}
    return {
        "title": schema.title,
        "total": len(table),
        "kept": fitting(table, schema)[1],
        "units": {} if score else dict(SCORE_UNITS),
        "statements": list(finding.statements),
        **{name: words for name, words in look.items() if words},
        "columns": [_column(c, unit) for c in table.columns],
    }


def _column(column: Column, unit: str) -> dict[str, Any]:
    """What was declared of a column; its role and look where they are set, to keep pages small."""
    score = column.unit.startswith("score")
    about: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "unit": unit + column.unit[5:] if score else column.unit,
        "meaning": column.meaning,
        "of": column.of,
        "words": column.words,
    }
    return about | ({"role": column.role} if column.role else {}) | column.look


def _columns(finding: Finding) -> list[dict[str, Any]]:
    """Encode a table column by column; of a long one the rows that say most, in their order."""
    kept, _ = fitting(finding.table, finding.schema)
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
        values = _shortened(values)
    starts = [0, *(np.flatnonzero(list(map(ne, values[1:], values))) + 1).tolist()]
    if 2 * len(starts) < len(values):
        ends = [*starts[1:], len(values)]
        runs = zip(starts, ends, strict=True)
        out["runs"] = [v for start, end in runs for v in (values[start], end - start)]
    else:
        out["values"] = values
    return out


def _shortened(values: Sequence[float | None] | np.ndarray) -> list[float | None]:
    """Numbers to four digits, whole ones without a point, and None for what isn't finite."""
    exact = np.array(values, dtype=float)
    known = np.flatnonzero(np.isfinite(exact))
    short = np.fromstring("%.4g " * len(known) % tuple(exact[known].tolist()), sep=" ")
    cells = np.full(len(exact), None, dtype=object)
    cells[known] = short
    whole = known[short == np.rint(short)]
    cells[whole] = [int(v) for v in cells[whole]]
    return cells.tolist()


def _images(audit: Folder) -> dict[str, Any] | None:
    """Put the examples into one picture, or their numbers into one list, the most telling first."""
    found = pictured(audit) or pictured(audit, "values")
    if found is None:
        return None
    limit = max(1, _IMAGE_BYTES // max(1, found.images[0].nbytes))
    single = [name for name in audit.names if audit.schema(name).examples]
    tables = [table for table in map(audit.__getitem__, single) if "example" in table.names]
    before = [int(e) for table in tables for e in table.column("example")]
    findings = map(audit.finding, audit.names)
    arrays = [a for f in findings for n, a in f.arrays.items() if pictures_part(f, n) == SHOWN]
    before += [int(e) for values in arrays for e in values.ravel()]
    chosen = order_of(found, before)[:limit]
    predictions = found.predictions
    return {
        **(_on_a_sheet if found.images.dtype == np.uint8 else _as_numbers)(found, chosen),
        "examples": [int(found.ids[i]) for i in chosen],
        "labels": [int(found.labels[i]) for i in chosen],
        "predictions": None if predictions is None else [int(predictions[i]) for i in chosen],
    }


def _as_numbers(found: Pictured, chosen: list[int]) -> dict[str, Any]:
    """Examples that are no pictures, as they are."""
    ends = {} if found.ends is None else {"ends": _exact(found.ends)}
    return {"values": _exact(found.images[chosen]), **ends}


def _on_a_sheet(found: Pictured, chosen: list[int]) -> dict[str, Any]:
    """The pictures as one, with what the page must know to cut them out."""
    height, width = (int(n) for n in found.images.shape[1:3])
    across = max(1, min(len(chosen), 2048 // width))
    return {
        "height": height,
        "width": width,
        "across": across,
        "plane": list(found.plane),
        "sheet": sheet(found.images[chosen], across),
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


def _json(value: Any) -> str:
    """Write JSON that can't end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
