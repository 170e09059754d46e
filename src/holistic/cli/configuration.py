"""Reads settings from a TOML file."""

from __future__ import annotations

import re
from pathlib import Path

from cyclopts import App, ArgumentCollection, CycloptsError
from cyclopts.config import Toml

from holistic.errors import shortened

__all__ = ["check_numbers", "read_configuration"]

_WHOLE = re.compile(r"[+-]?([0-9][0-9_]{0,40}(\.0*)?|0[xob][0-9a-f_]{1,40})", re.IGNORECASE)


def read_configuration(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Fill in what the command line leaves open from the TOML file named by `--config`.

    Parameters
    ----------
    app, commands
        The application and the words that chose the command.
    arguments
        The command's arguments; those that got no value on the command line are filled in.

    Raises
    ------
    CycloptsError
        If the file isn't valid TOML, or names a setting that the command doesn't have.
    """
    for argument in list(arguments):
        if argument.name == "--config" and argument.tokens:
            path = argument.tokens[-1].value
            _check_file(path)
            source = Toml(path, must_exist=True, use_commands_as_keys=False, source=path)
            try:
                source(app, commands, arguments)
            except CycloptsError as error:
                if error.msg is not None:
                    error.msg = f"'{path}' can't be read: {error.msg}"
                raise


def _check_file(path: str) -> None:
    """Refuse what would be read without end, or can't be read."""
    if Path(path).exists() and not Path(path).is_file():
        kind = "a folder" if Path(path).is_dir() else "no regular file"
        raise CycloptsError(msg=f"'{path}' is {kind}; --config needs a TOML file")


def check_numbers(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse fractions where whole numbers are needed: they would be rounded without a word.

    Digits are those of ASCII, so that nobody is read as having meant a number.

    Raises
    ------
    CycloptsError
        If there is one.
    """
    for argument in arguments:
        whole = argument.hint in (int, int | None)
        numbers = whole or argument.hint in (float, float | None)
        for token in argument.tokens if numbers else ():
            text = str(token.value).strip()
            if not (_WHOLE.fullmatch(text) if whole else text.isascii()):
                kind = "a whole number" if whole else "a number"
                raise CycloptsError(msg=f"{argument.name} needs {kind}, got '{shortened(text)}'")
