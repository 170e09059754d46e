"""Compares saved audits, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holistic.cli.options import AsJson, Verbose
from holistic.cli.streams import print_json

__all__ = ["compare"]


def compare(
    *folders: Path,
    names: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    out: Path | None = None,
    seed: Annotated[int, Parameter(show_default=False)] = 0,
    json_: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Compare saved audits: what replicates, which units come again, and how accuracy differs.

    Parameters
    ----------
    folders
        Audits of the same data and classes: of other seeds, checkpoints or architectures.
    names
        What they are called; their folders' names by default.
    out
        Folder to write; `compared` beside the first audit by default.
    seed
        Decides shuffles and draws; 0 by default.
    json_
        Print one JSON document instead of text.
    verbose
        Print every sentence of every finding, too.
    """
    from holistic import comparing
    from holistic.report import as_json, everything, summary

    audit = comparing.compare(folders, out=out, names=names, seed=seed)
    page = audit.path / "report.html"
    if json_:
        print_json({"comparison": str(audit.path), "report": str(page), **as_json(audit)}, indent=1)
        return
    from rich.console import Console

    Console(highlight=False).print(everything(audit) if verbose else summary(audit))
    print(f"\nreport    {page}")
    if not verbose:
        print(f"more      holistic report {audit.path} --verbose")
