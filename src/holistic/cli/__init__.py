"""The command line: its commands, and how mistakes are shown there."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from holistic import __version__
from holistic.cli.configuration import check_numbers, read_configuration
from holistic.cli.logged import log_file, logging_to
from holistic.cli.signals import terminable
from holistic.cli.streams import WORDS, as_line, give_up_stdout, ready
from holistic.errors import HolisticError, explain_memory_errors
from holistic.usercode import reason_of

__all__ = ["app", "main"]

BROKEN_PIPE, USER_ERROR, INTERRUPTED, TERMINATED = 1, 2, 130, 143
"""Exit codes; the last two are what a shell reports for SIGINT and SIGTERM."""
_DEBUG = "--debug"
_SPINS = "1000"
"""Turns that an idle thread of OpenMP waits for work before it sleeps; 300,000 are usual, which
costs nothing on an idle machine, and makes runs some times slower on one that others use, too."""

app = App(
    name="holistic",
    help="Study a trained PyTorch classifier through five lenses and ask whether they agree.",
    help_epilogue="`holistic run` by itself trains a small model on bundled digits and audits it. "
    "With `--debug`, any command shows where an error comes from; with `--log-file FILE` it adds "
    "what it does to a file, a JSON object a line.",
    version=__version__,
    config=(read_configuration, check_numbers),
    default_parameter=Parameter(consume_multiple=True, negative_iterable=()),
    suppress_keyboard_interrupt=False,
)
# Named by strings, so that a command's module is imported only when it is asked for.
app.command(
    "holistic.cli.run:run",
    help="Study a model through all lenses and save an audit with its report.",
    help_epilogue="Settings: `holistic settings [LENS]`. A run that was cut off goes on if "
    "repeated.\n\n    holistic run mnist --model cnn --seeds 5\n\n"
    "    holistic run folder:photos --model mine:net --weights net.pt --quick",
    sort_key=1,
)
app.command(
    "holistic.cli.merge:merge",
    help="Make one audit of what the shards of a run have finished; no model, no data, no torch.",
    help_epilogue="    holistic merge runs/mnist-mlp-seed0",
    sort_key=5,
)
app.command(
    "holistic.cli.check:check",
    help="Look at a model and its data within seconds, before any work: accuracy, labels, inputs.",
    help_epilogue="    holistic check folder:photos --model mine:net --weights net.pt",
    sort_key=2,
)
app.command(
    "holistic.cli.settings:settings",
    help="List the settings of the lenses, which `run` takes as flags.",
    help_epilogue="    holistic settings ablation",
    sort_key=1,
)
app.command(
    "holistic.cli.sites:sites",
    help="List the places in a model that can be studied.",
    help_epilogue="    holistic sites --model mine:net",
    sort_key=3,
)
app.command(
    "holistic.cli.train:train",
    help="Train a reference model and save its weights.",
    help_epilogue="    holistic train mnist --model cnn --out cnn.safetensors",
    sort_key=4,
)
app.command(
    "holistic.cli.report:report",
    help="Write the report of a saved audit again; no model, no data, no torch.",
    help_epilogue="    holistic report runs/mnist-mlp-seed0 --verbose",
    sort_key=5,
)
app.command(
    "holistic.cli.verify:verify",
    help="Hash every file of a saved audit again: is it as the run left it? No torch.",
    help_epilogue="    holistic verify runs/mnist-mlp-seed0",
    sort_key=5,
)
app.command(
    "holistic.cli.ask:ask",
    help="Ask a saved audit: unit L2·57, class 7, image 123, layers, prune, shortcuts; no torch.",
    help_epilogue="    holistic ask runs/mnist-mlp-seed0 class 7",
    sort_key=5,
)
app.command(
    "holistic.cli.attribute:attribute",
    help="Map what speaks for a class in every example, by one method or many, into .npy files.",
    help_epilogue="    holistic attribute mnist --weights mlp.safetensors --methods gradients",
    sort_key=5,
)
app.command(
    "holistic.cli.repair:repair",
    help="Find shortcuts and take them out of a copy of a model; says what that does.",
    help_epilogue="    holistic repair folder:photos --model mine:net --weights net.pt",
    sort_key=6,
)
app.command(
    "holistic.cli.compare:compare",
    help="Compare saved audits: what replicates, which units come again; no torch.",
    help_epilogue="    holistic compare runs/seed0 runs/seed1 runs/seed2",
    sort_key=5,
)
app.command(
    "holistic.cli.reproduce:reproduce",
    help="Train the origin's network several times; set its results beside what comes out.",
    help_epilogue="    holistic reproduce --data digits --seeds 3",
    sort_key=6,
)
app.command(
    "holistic.cli.doctor:doctor",
    help="Test on this machine, with known answers, how often each verdict is right.",
    help_epilogue="    holistic doctor --like mlp digits",
    sort_key=5,
)
app.command(
    "holistic.cli.export:export",
    help="Write the tables and arrays of a saved audit as CSV, JSON or Zarr; no torch.",
    help_epilogue="    holistic export runs/mnist-mlp-seed0 --to csv --out tables",
    sort_key=5,
)
app.command(
    "holistic.cli.serve:serve",
    help="Serve the page of a saved audit on this machine, with live interventions on its model.",
    help_epilogue="    holistic serve runs/mnist-mlp-seed0",
    sort_key=6,
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
        0; 1 after a lens failed, or where nobody reads stdout any more; 2 after another error, 130
        after Ctrl-C and 143 after SIGTERM, each told in one line on stderr. With `--debug` among
        the words, an error's traceback comes first.
    """
    if arguments is None and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)  # before torch is loaded
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    debug = _DEBUG in words
    with ready(), terminable() as terminated:
        try:
            words, path = log_file([word for word in words if word != _DEBUG])
            with logging_to(path, words) as log:
                code, line = _ended(words, terminated, debug=debug)
                if log:
                    log.code = code
                    if line:
                        log.write("error", message=line)
                return code
        except (HolisticError, OSError) as error:  # of the log itself
            print(f"error: {as_line(_error_line(error))}", file=sys.stderr)
            return USER_ERROR


def _ended(words: Sequence[str], terminated: Sequence[int], *, debug: bool) -> tuple[int, str]:
    """Run a command line; its exit code, and the line that told an error."""
    try:
        return _run(words), ""
    except BrokenPipeError:
        give_up_stdout()
        return BROKEN_PIPE, ""
    except KeyboardInterrupt as stop:
        line = str(stop) or "interrupted"
        print(line, file=sys.stderr)
        return (TERMINATED if terminated else INTERRUPTED), line
    except BaseException as error:  # somebody's own code may raise anything
        left = isinstance(error.__context__, BrokenPipeError)
        if isinstance(error, SystemExit) and left:  # rich ends the program then
            give_up_stdout()
            return BROKEN_PIPE, ""
        if isinstance(error, OSError) and error.filename is None:  # stdout can't be written
            give_up_stdout()
        if debug:
            traceback.print_exception(error)
        line = as_line(_error_line(error))
        print(f"error: {line}", file=sys.stderr)
        return getattr(error, "exit_code", USER_ERROR), line


def _run(words: Sequence[str]) -> int:
    WORDS.set(tuple(words))
    with explain_memory_errors():
        code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    sys.stdout.flush()
    return code or 0


def _error_line(error: BaseException) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, CycloptsError):
        error.verbose = False
        return str(error)
    if isinstance(error, HolisticError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": '{error.filename}'" if error.filename else "")
    if isinstance(error, SystemExit):
        return "code of the model, the data or a lens ended the program by sys.exit; take that out"
    return (
        f"unexpected {reason_of(error)}; the same command with {_DEBUG} shows where it comes from"
    )
