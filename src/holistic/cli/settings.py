"""List the settings of the lenses, which `run` takes as flags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from cyclopts import App, Parameter

from holistic.cli.options import settings_class
from holistic.errors import SettingError, listed, nearest
from holistic.lenses._contract import lens_class, lens_names

__all__ = ["flags_of", "settings"]


def settings(lens: str = "") -> None:
    """List the settings of the lenses.

    Parameters
    ----------
    lens
        Name of one lens; all by default.

    Raises
    ------
    SettingError
        If there is no such lens.
    """
    names = lens_names()
    if lens and lens not in names:
        raise SettingError(
            f"no lens '{lens}'{nearest(lens, names)}; there are {listed(names)}, and 'holistic "
            "settings' lists the settings of all"
        )
    flags_of([lens] if lens else names).help_print([])


def flags_of(lenses: Iterable[str]) -> App:
    """Return a command of which the settings of these lenses are the flags."""
    kinds = settings_class(map(lens_class, lenses), shown=True)
    flags = App(name="holistic run", help_flags=(), version_flags=(), default_parameter=_PLAIN)

    default = kinds()

    def run(*, settings: object = default) -> None:
        """Flags of `holistic run`; in a file for `--config`: `[ablation]`, `depth = 20`."""

    run.__annotations__["settings"] = Annotated[kinds, Parameter(name="*")]
    flags.default(run)
    return flags


_PLAIN = Parameter(negative=())
