"""What can be asked from a terminal, and how is a mistake told there?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from holistic import __version__
from holistic.cli.configuration import read_configuration
from holistic.errors import HolisticError

__all__ = ["app", "main"]

BROKEN_PIPE, USER_ERROR, INTERRUPTED = 1, 2, 130
"""Exit codes; the last is what a shell reports for SIGINT."""

app = App(
    name="holistic",
    help="Study a trained PyTorch classifier through five lenses and ask whether they agree.",
    help_epilogue="`holistic run` by itself trains a small model on bundled digits and audits it.",
    version=__version__,
    config=read_configuration,
    default_parameter=Parameter(consume_multiple=True, negative_iterable=()),
    suppress_keyboard_interrupt=False,
)
# Named by strings, so that a command's module is imported only when it is asked for.
app.command(
    "holistic.cli.run:run",
    help="Study a model through all lenses and save an audit with its report.\n\n"
    "A run that was cut off goes on where it stopped when the same command is given again.",
    sort_key=1,
)
app.command(
    "holistic.cli.sites:sites",
    help="List the places in a model that can be studied.",
    sort_key=2,
)
app.command(
    "holistic.cli.train:train",
    help="Train a reference model and save its weights.",
    sort_key=3,
)
app.command(
    "holistic.cli.report:report",
    help="Write the report of a saved audit again; no model, no data, no torch.",
    sort_key=4,
)
app.command(
    "holistic.cli.serve:serve",
    help="Serve the page of a saved audit on this machine, with live interventions on its model.",
    sort_key=5,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Parameters
    ----------
    arguments
        Words of the command line after the program's name; those of the process by default.

    Returns
    -------
    int
        0, 1 after a lens failed, 2 after a user's mistake and 130 after Ctrl-C, each told in one
        line on stderr.
    """
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return code or 0
    except CycloptsError as error:
        error.verbose = False
        return _told(error, USER_ERROR)
    except HolisticError as error:
        return _told(error, error.exit_code)
    except BrokenPipeError:
        # the interpreter flushes stdout once more at its end, and would complain there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _told(error, USER_ERROR)
    except KeyboardInterrupt as stop:
        print(str(stop) or "interrupted", file=sys.stderr)
        return INTERRUPTED


def _told(error: Exception, code: int) -> int:
    line = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        place = f": '{error.filename}'" if error.filename else ""
        line = f"{error.strerror}{place}"
    print(f"error: {line}", file=sys.stderr)
    return code
