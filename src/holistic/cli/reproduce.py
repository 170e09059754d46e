"""The command `reproduce`: the origin's results beside what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holistic.cli.options import AsJson, Verbose
from holistic.cli.streams import kept_apart, print_json

__all__ = ["reproduce"]

_Own = Parameter(show_default=False)


def reproduce(
    *,
    data: Annotated[str, _Own] = "mnist",
    seeds: Annotated[int, _Own] = 5,
    epochs: Annotated[int | None, _Own] = None,
    out: Path | None = None,
    data_dir: Path | None = None,
    json_: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train the origin's network several times, and set its results beside what comes out.

    A run that was cut off goes on where it stopped when the same command is given again.

    Parameters
    ----------
    data
        mnist (default), or digits, which needs no files.
    seeds
        How many trainings there are; 5 by default.
    epochs
        Passes over the training images; 3 by default.
    out
        Folder to write; runs/reproduce-DATA by default.
    data_dir
        Folder of mnist/*.gz; $HOLISTIC_DATA by default.
    json_
        Print one JSON document instead of text.
    verbose
        Print every sentence of every finding, too.
    """
    import shlex

    from holistic import reproducing
    from holistic.report import as_json, everything

    out = out or reproducing.usual_folder(data)
    with kept_apart():
        try:
            audit = reproducing.reproduce(
                data, seeds=seeds, epochs=epochs, out=out, data_dir=data_dir
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted; what was finished is kept in '{out}', and the same command goes on "
                "there"
            ) from None
    page = audit.path / "report.html"
    if json_:
        lines = audit["reproduce.lines"].rows()
        document = {"reproduction": str(audit.path), "report": str(page), "lines": [*lines]}
        print_json({**document, **as_json(audit)}, indent=1)
        return
    from rich.console import Console

    from holistic.reproducing.printed import printed

    Console(highlight=False).print(everything(audit) if verbose else printed(audit))
    weights = audit.path / "models" / "mlp-seed0.safetensors"
    print(f"report  {page}; why in full: holistic report {shlex.quote(str(audit.path))} --verbose")
    print(f"more    holistic run {data} --weights {shlex.quote(str(weights))} --lens NAME")
