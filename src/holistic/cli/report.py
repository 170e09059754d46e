"""Write the report of a saved audit, without torch."""

from __future__ import annotations

from pathlib import Path

from holistic.cli.options import AsJson, Verbose
from holistic.cli.streams import print_json

__all__ = ["report"]


def report(
    folder: Path,
    *,
    out: Path | None = None,
    doctor: Path | None = None,
    json_: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write the HTML report of a saved audit again; no model, no data, no torch.

    Parameters
    ----------
    folder
        Folder of the audit.
    out
        File to write; `report.html` in the folder by default.
    doctor
        What `holistic doctor --json` printed: error rates stand beside verdicts from then on.
    json_
        Print one JSON document instead of text.
    verbose
        Print every sentence of every finding, too.
    """
    from holistic.report.saved import load
    from holistic.results.error_rates import keep

    audit = load(folder)
    for file in audit.files():  # also what nothing shows
        audit.check(file)
    if doctor is not None:
        keep(doctor, audit.path)
    path = audit.report(out)
    if json_:
        print_json({"report": str(path)})
        return
    if verbose:
        from rich.console import Console

        from holistic.report.terminal import everything

        Console(highlight=False).print(everything(audit))
    print(path)
