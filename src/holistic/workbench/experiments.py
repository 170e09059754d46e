"""Keeps the sets of units that somebody named."""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import holistic
from holistic.errors import SettingError
from holistic.results.files import write_whole

__all__ = ["experiments", "forget_experiment", "save_experiment"]

_MOST, _LETTERS = 1000, 120
_ID = re.compile(r"[0-9a-f]{16}")


def save_experiment(folder: Path, name: Any, asked: Any, found: Any) -> str:
    """Keep a question and its answer in the audit's folder, under an id that says nothing.

    Parameters
    ----------
    folder
        The audit's folder.
    name
        What a person calls it; text of any kind, up to 120 characters.
    asked, found
        The question and the answer, as JSON.

    Returns
    -------
    str
        Its id.

    Raises
    ------
    SettingError
        If the name is no such text, the folder holds a thousand of them already, or it is no
        audit's (any more).
    """
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LETTERS:
        raise SettingError(f"an experiment needs a name of up to {_LETTERS} characters")
    place = folder / "experiments"
    if not (folder / "audit.json").is_file():
        raise SettingError("the audit's folder is gone: nothing is kept")
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise SettingError("'experiments' in the audit's folder is no folder: nothing is kept")
    if len(list(place.glob("*.json"))) >= _MOST:
        raise SettingError(f"this audit holds {_MOST} experiments; delete some of them")
    ident = secrets.token_hex(8)
    made = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "holistic": holistic.__version__,
        "split": "evaluation",
    }
    record = {"name": name.strip(), "asked": asked, "found": found, "made": made}
    text = json.dumps(record, allow_nan=False)
    write_whole(place / f"{ident}.json", lambda path: path.write_text(text, encoding="utf-8"))
    return ident


def forget_experiment(folder: Path, ident: Any) -> None:
    """Delete one that was kept.

    Raises
    ------
    SettingError
        If there is none of this id.
    """
    known = {one["id"] for one in experiments(folder)}
    if not isinstance(ident, str) or ident not in known:
        raise SettingError("no such experiment is kept here")
    (folder / "experiments" / f"{ident}.json").unlink(missing_ok=True)


def experiments(folder: Path) -> list[dict[str, Any]]:
    """Return all that were kept, oldest first; files that aren't experiments are passed over."""
    found, place = list[tuple[float, dict[str, Any]]](), folder / "experiments"
    for path in () if place.is_symlink() else place.glob("*.json"):
        if not _ID.fullmatch(path.stem) or path.is_symlink() or not path.is_file():
            continue
        try:
            one = _checked(json.loads(path.read_text(encoding="utf-8")))
            found.append((path.stat().st_mtime, {"id": path.stem, **one}))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _checked(record: Any) -> dict[str, Any]:
    """Return an experiment that a file tells of; a `ValueError` or the like where it is none."""
    one = {key: record[key] for key in ("name", "asked", "found")}
    json.dumps(one, ensure_ascii=False, allow_nan=False).encode()  # can it be sent?
    units = [(str, int) == (type(site), type(unit)) for site, unit in one["asked"]["units"]]
    if not (all(units) and all(isinstance(t, str) for t in (one["name"], one["asked"]["edit"]))):
        raise ValueError("no experiment")
    return {**one, "created": _created(record), "overall": _overall(one["found"])}


def _created(record: dict[str, Any]) -> str:
    """The day on which it was kept; nothing where the file doesn't say."""
    made = record.get("made")
    created = made.get("created") if isinstance(made, dict) else None
    return created[:10] if isinstance(created, str) else ""


def _overall(found: Any) -> dict[str, Any]:
    """What all examples together lose, with intervals and random sets, as far as it is told."""
    try:
        row = found["classes"][-1]
        summary = {
            name: {end: float(row[name][end]) for end in ("value", "lo", "hi")}
            for name in ("before", "after", "drop", "random")
            if name in row
        }
        if "random" in summary:
            summary["random"]["sets"] = int(row["random"]["sets"])
        return {"n": int(row["n"]), **summary} if "drop" in summary else {}
    except (IndexError, KeyError, TypeError, ValueError):
        return {}
