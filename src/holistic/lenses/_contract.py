"""What is a lens, and which lenses are there?"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import math
import pkgutil
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import holistic
from holistic.errors import SettingError, listed, nearest
from holistic.graph.sites import SITES
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.schema import Schema

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = [
    "Context",
    "Lens",
    "as_lenses",
    "declared_schema",
    "lens_class",
    "lens_names",
    "schema_of",
    "setting",
]


@dataclass(frozen=True)
class Context:
    """What a running lens is given beside the subject: earlier findings, and where to say how far.

    Attributes
    ----------
    findings
        Findings of the lenses that ran before, by name (`ablation.units`).
    progress
        Called with the name of a task, the steps done and the steps in all.
    """

    findings: Mapping[str, Finding] = field(default_factory=dict[str, Finding])
    progress: Progress = silent


@dataclass(frozen=True)
class Lens:
    """One question about a subject; the fields of a lens are its settings.

    A lens is a frozen dataclass in `holistic/lenses/<name>.py` (or a folder of that name): its
    fields are the library's arguments, the command line's flags and the recorded provenance.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Lenses whose findings this one reads."""

    def __post_init__(self) -> None:
        """Check every setting by its type and the range that it declares.

        Raises
        ------
        SettingError
            If one is of another kind, or out of its range.
        """
        try:
            kinds = typing.get_type_hints(type(self))
        except NameError:  # a lens of somebody's own, with names that only checkers see
            kinds = dict[str, Any]()
        for one in dataclasses.fields(self):
            what = f"{self.name}.{one.name}"
            checked = _checked(getattr(self, one.name), what, kinds.get(one.name), one.metadata)
            object.__setattr__(self, one.name, checked)

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Answer the question, a finding at a time; the same seed gives the same bytes."""
        raise NotImplementedError


def setting(default: float, low: float, high: float, *, above: bool = False) -> Any:
    """Declare a number among the settings of a lens with the range that it must lie in.

    Parameters
    ----------
    default
        What it is unless told otherwise.
    low, high
        Smallest and largest value. What lies beyond would mean nothing, or take more memory or
        time than anybody has.
    above
        Whether it must be above `low`, not at it.
    """
    return field(default=default, metadata={"low": low, "high": high, "above": above})


def _checked(value: Any, what: str, kind: Any, bounds: Mapping[str, Any]) -> Any:
    """Return the value of a setting as its kind."""
    from holistic.arguments import described, number, whole

    low, high = bounds.get("low", -math.inf), bounds.get("high", math.inf)
    if kind is int:
        least = -(2**63) if math.isinf(low) else int(low)
        return whole(value, what, least, 2**63 - 1 if math.isinf(high) else int(high))
    if kind is float:
        found = number(value, what, low, high)
        if bounds.get("above") and found == low:
            raise SettingError(f"{what} must be above {low:g}, to {high:g}, got {found:g}")
        return found
    if kind is bool and not isinstance(value, bool):
        raise SettingError(f"{what} must be True or False, got {described(value)}")
    if typing.get_origin(kind) is Literal and value not in typing.get_args(kind):
        allowed = typing.get_args(kind)
        raise SettingError(
            f"{what} must be one of {listed(allowed)}, got {described(value)}"
            f"{nearest(str(value), map(str, allowed))}"
        )
    return value


def lens_names() -> tuple[str, ...]:
    """Names of all lenses in running order: a lens comes after those that it needs.

    >>> lens_names()
    ('ablation', 'activation', 'attribution', 'mechanism', 'tracing', 'agreement')
    """
    found = sorted(
        m.name
        for m in pkgutil.iter_modules([f"{p}/lenses" for p in holistic.__path__])
        if not m.name.startswith("_")
    )
    # `agreement` reads the others; it is the one lens that names what it needs.
    return tuple(sorted(found, key=lambda name: (name == "agreement", name)))


def lens_class(name: str) -> type[Lens]:
    """Import the lens of this name.

    Raises
    ------
    SettingError
        If there is no lens of this name.
    """
    if name not in lens_names():
        raise SettingError(
            f"no lens '{name}'{nearest(name, lens_names())}; there are {listed(lens_names())}"
        )
    module = importlib.import_module(f"holistic.lenses.{name}")
    return next(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Lens) and getattr(kind, "name", "") == name
    )


def as_lenses(given: Any) -> list[Lens]:
    """Return lenses that were given as names, classes or with their settings; one may stand alone.

    Raises
    ------
    SettingError
        If they are anything else, or there is no lens of a name.
    """
    from holistic.arguments import described

    if isinstance(given, (str, Lens, type)):
        given = [given]
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise SettingError(
            f"lenses must be a list of names or lenses, got {described(given)}; "
            f"there are {listed(lens_names())}"
        )
    return [_as_lens(one) for one in given]


def _as_lens(given: Any) -> Lens:
    from holistic.arguments import described

    if isinstance(given, str):
        return lens_class(given)()
    if isinstance(given, type) and issubclass(given, Lens):
        return given()
    if isinstance(given, Lens):
        return given
    raise SettingError(
        f"a lens must be a name or a lens with its settings, got {described(given)}; "
        f"there are {listed(lens_names())}"
    )


def declared_schema(finding: str) -> Schema | None:
    """What is declared of a finding, by its name; None where no lens here declares it."""
    lens = finding.split(".")[0]
    if lens == SITES.name:
        return SITES
    return _schemas(lens).get(finding) if lens in lens_names() else None


def schema_of(finding: str) -> Schema:
    """What is declared of a finding, or a bare schema of that name where no lens declares it."""
    return declared_schema(finding) or Schema(finding, finding)


@cache
def _schemas(lens: str) -> dict[str, Schema]:
    """By its name, what a lens declares: in its folder's `schemas`, or in its one file."""
    home = f"holistic.lenses.{lens}"
    if importlib.util.find_spec(f"{home}.schemas"):
        home += ".schemas"
    found = vars(importlib.import_module(home)).values()
    return {schema.name: schema for schema in found if isinstance(schema, Schema)}
