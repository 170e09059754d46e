"""Make one audit of what the shards of a run have finished."""

from __future__ import annotations

from pathlib import Path

from holistic.cli.options import AsJson, Verbose

__all__ = ["merge"]


def merge(
    folder: Path,
    *more: Path,
    out: Path | None = None,
    json_: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make one audit of what the shards of a run have finished; no model, no data, no torch.

    Parameters
    ----------
    folder, more
        Folders that shards were given with --out: one where they share it.
    out
        Folder of the whole audit; the first of them by default.
    json_
        Print one JSON document instead of text.
    verbose
        Print every sentence of every finding.
    """
    from holistic.cli.run import show
    from holistic.merging import merge as merged

    show(merged(folder, *more, out=out), report_json=json_, verbose=verbose)
