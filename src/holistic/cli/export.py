"""The command `export`: an audit's tables and arrays for other programs, without torch."""

from __future__ import annotations

from pathlib import Path

from holistic.cli.options import AsJson
from holistic.cli.streams import print_json

__all__ = ["export"]


def export(
    folder: Path,
    *,
    to: str = "csv",
    out: Path | None = None,
    json_: AsJson = False,
) -> None:
    """Write the tables and arrays of a saved audit for other programs; no torch.

    Parameters
    ----------
    folder
        Folder of the audit.
    to
        `csv`, `json` or `zarr`.
    out
        Folder to write, which must not be there yet; `FOLDER-TO` by default.
    json_
        Print one JSON document instead of text.
    """
    from holistic.report.saved import load

    audit = load(folder)
    path = audit.export(folder.with_name(f"{folder.name}-{to}") if out is None else out, to=to)
    if json_:
        print_json({"export": str(path), "to": to})
    else:
        print(path)
