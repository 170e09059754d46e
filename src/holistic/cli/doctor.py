"""The command `doctor`: a self-test with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holistic.cli.options import AsJson
from holistic.cli.streams import kept_apart, print_json
from holistic.showing import progress_shown

__all__ = ["doctor"]

_FAILED = 1


def doctor(
    *,
    repeats: Annotated[int, Parameter(show_default=False)] = 1,
    seed: Annotated[int, Parameter(show_default=False)] = 0,
    out: Path | None = None,
    json_: AsJson = False,
) -> int:
    """Ask every verdict about networks whose answers are known; exit code 1 where one fails.

    Parameters
    ----------
    repeats
        How often each truth is planted anew; once by default.
    seed
        Decides data, weights and draws; 0 by default.
    out
        Folder to save the findings in, with a report and doctor.json.
    json_
        Print one JSON document instead of text.
    """
    from holistic.doctoring import doctor as examine

    with kept_apart(), progress_shown() as progress:
        checkup = examine(seed=seed, repeats=repeats, out=out, progress=progress)
    if json_:
        print_json(checkup.record(), indent=1)
    else:
        print(checkup)
        if out is not None:
            print(f"\nreport            {out / 'report.html'}")
    return 0 if checkup.healthy else _FAILED
