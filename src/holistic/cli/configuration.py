"""Which settings come from a file?"""

from __future__ import annotations

from cyclopts import App, ArgumentCollection, CycloptsError
from cyclopts.config import Toml

__all__ = ["read_configuration"]


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
            path = argument.tokens[0].value
            source = Toml(path, must_exist=True, use_commands_as_keys=False, source=path)
            try:
                source(app, commands, arguments)
            except CycloptsError as error:
                if error.msg is not None:
                    error.msg = f"'{path}' can't be read: {error.msg}"
                raise
