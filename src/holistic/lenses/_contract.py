"""The contract of a lens: what it is, how its settings are checked, and when it is run."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import math
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from holistic.errors import SettingError, listed, nearest
from holistic.graph.sites import SITES
from holistic.lenses._places import Place, finding_places, lens_part, lens_places, taken_names
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.shared import EXAMPLES
from holistic.usercode import FAULTS, reason_of

if TYPE_CHECKING:
    from holistic.lenses._work import Scene, Work
    from holistic.study.subject import Subject

__all__ = [
    "Context", "Lens", "declared_schema", "declared_schemas", "in_order", "left_out", "lens_class",
    "lens_names", "question_of", "setting", "with_plain_numbers",
]  # fmt: skip


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

    A lens is a frozen dataclass in `holistic/lenses/<name>.py` (or a folder of that name), or in
    a package that names it as an entry point `holistic.lenses`: its fields are the library's
    arguments, the command line's flags and the recorded provenance.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Lenses whose findings this one reads: they are run before it."""

    def __post_init__(self) -> None:
        """Check every setting by its type and the range that it declares.

        Raises
        ------
        SettingError
            If one is of another kind, or out of its range.
        """
        _checked_settings(self)

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Answer the question, a finding at a time; the same seed gives the same bytes."""
        raise NotImplementedError

    def work(self, scene: Scene) -> Work | None:
        """Count what the lens is going to take with these settings; None where nobody knows."""
        return None


def setting(
    default: float,
    low: float,
    high: float,
    *,
    above: bool = False,
    quick: float | None = None,
    least: float | None = None,
) -> Any:
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
    quick
        What a quick run takes in place of the default, if it saves time.
    least
        What a quick run goes down to where the model is so costly that it would take minutes else;
        `quick` by default.
    """
    bounds = {"low": low, "high": high, "above": above}
    metadata = {**bounds, "quick": quick, "least": quick if least is None else least}
    return field(default=default, metadata=metadata)


Own = TypeVar("Own", bound=Lens)


def with_plain_numbers(lens: Own) -> Own:
    """Return the lens with Python's own numbers in place of another library's.

    >>> import numpy as np
    >>> with_plain_numbers(lens_class("ablation")(depth=np.int64(7))).depth
    7
    """
    return dataclasses.replace(lens, **_checked_settings(lens))


def _checked_settings(lens: Lens) -> dict[str, Any]:
    """Each setting as its type has it; an error where one is of another kind or out of range."""
    try:
        kinds = typing.get_type_hints(type(lens))
    except NameError:  # a lens of somebody's own, with names that only checkers see
        kinds = dict[str, Any]()
    return {
        one.name: _checked(
            getattr(lens, one.name), f"{lens.name}.{one.name}", kinds.get(one.name), one.metadata
        )
        for one in dataclasses.fields(lens)
        if one.init
    }


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

    Lenses of packages that can't be loaded are not among them; `left_out` says why.

    Raises
    ------
    SettingError
        If a lens of holistic's own needs what isn't there, or itself in a circle.
    """
    return in_order({kind.name: kind.needs for kind in _loading()[0]})


def left_out() -> tuple[str, ...]:
    """Say of each lens of a package that can't be used why, in one line each."""
    taken = (
        f"{called} is left out: another lens has that name{place.whose or ' in holistic itself'}"
        for called, place in taken_names().items()
    )
    return *taken, *_loading()[1]


def _loading() -> tuple[list[type[Lens]], list[str]]:
    """Every lens that can be loaded, and why others can't."""
    kinds, faults = list[type[Lens]](), list[str]()
    for name, place in lens_places().items():
        try:
            kinds.append(lens_class(name))
        except SettingError as error:
            if not place.package:
                raise
            faults.append(str(error))
    return kinds, faults


def in_order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Put names behind those that they need, and else in the order that they are given in.

    Parameters
    ----------
    needs
        By each name, what comes before it; what isn't among the names doesn't count.

    Raises
    ------
    SettingError
        If some need each other in a circle.

    Examples
    --------
    >>> in_order({"a": (), "b": ("d",), "c": (), "d": ("a",)})
    ('a', 'c', 'd', 'b')
    """
    order, left = list[str](), dict(needs)
    while left:
        ready = (name for name in left if left.keys().isdisjoint(left[name]))
        if (name := next(ready, None)) is None:
            raise SettingError(f"lenses need each other in a circle: {listed(left)}")
        order.append(name)
        del left[name]
    return tuple(order)


def lens_class(name: str) -> type[Lens]:
    """Import the lens of this name.

    Raises
    ------
    SettingError
        If there is no lens of this name, it can't be loaded, or what it needs isn't there.
    """
    if name not in lens_places():
        raise SettingError(
            f"no lens '{name}'{nearest(name, lens_places())}; there are {listed(lens_names())}"
        )
    kind = _loaded(name)
    _check_needs(kind, (name,))
    return kind


def _check_needs(kind: type[Lens], way: tuple[str, ...]) -> None:
    """Refuse needs that are no lenses, can't be loaded, or lead back to a lens on the way."""
    for need in kind.needs:
        if need in way:
            raise SettingError(f"lenses need each other in a circle: {listed([*way, need])}")
        if need not in lens_places():
            whose = lens_places()[kind.name].whose
            raise SettingError(
                f"lens '{kind.name}'{whose} needs lens '{need}', and there is none"
                f"{nearest(need, lens_places())}"
            )
        _check_needs(_loaded(need), (*way, need))


@cache
def _loaded(name: str) -> type[Lens]:
    place = lens_places()[name]
    if not place.package:
        return _lens_in(importlib.import_module(place.module), name)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            kind = _lens_at(place, name)
            typing.get_type_hints(kind)  # the command line's flags are made of them
            kind()
        return kind
    except FAULTS as fault:
        raise SettingError(
            f"lens '{name}'{place.whose} can't be loaded: {reason_of(fault)}; "
            "mend the package or uninstall it"
        ) from fault


def _lens_at(place: Place, name: str) -> type[Lens]:
    """Import a lens of a package and check that it is one, and of this name."""
    if not name.isidentifier() or name == SITES.name:
        raise ValueError(f"a lens can't be named '{name}'; use letters, digits and _")
    module = importlib.import_module(place.module)
    if not place.attribute:
        return _lens_in(module, name)
    kind: Any = getattr(module, place.attribute)
    if not (isinstance(kind, type) and issubclass(kind, Lens)):
        raise TypeError(f"'{place.attribute}' is no class that derives from holistic.lenses.Lens")
    if getattr(kind, "name", "") != name:
        raise ValueError(f"'{place.attribute}' names itself '{getattr(kind, 'name', '')}'")
    return kind


def _lens_in(module: Any, name: str) -> type[Lens]:
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Lens) and getattr(kind, "name", "") == name:
            return kind
    raise ValueError(f"module '{module.__name__}' defines no lens of this name")


def question_of(lens: str) -> str:
    """The question that a lens asks; empty where there is no such lens, or it can't be loaded.

    What makes findings without being a lens says its own in `QUESTION` of its `schemas`.
    """
    try:
        if lens in lens_places():
            return _loaded(lens).question
    except SettingError:
        return ""
    home = lens_part(lens, "schemas")
    return str(getattr(importlib.import_module(home), "QUESTION", "")) if home else ""


def declared_schema(finding: str) -> Schema | None:
    """What is declared of a finding, by its name; None where no lens here declares it."""
    lens = finding.split(".")[0]
    if lens == SITES.name:
        return {SITES.name: SITES, EXAMPLES.name: EXAMPLES}.get(finding)
    return declared_schemas(lens).get(finding) if lens in finding_places() else None


@cache
def declared_schemas(lens: str) -> dict[str, Schema]:
    """By its name, what a lens declares: in a module `schemas` beside it, or in its own."""
    place = finding_places()[lens]
    try:
        if home := lens_part(lens, "schemas"):
            found = _schemas_in(vars(importlib.import_module(home)).values(), lens)
            if found:
                return found
        return _schemas_in(vars(importlib.import_module(place.module)).values(), lens)
    except FAULTS:
        if not place.package:
            raise
        return {}  # an audit carries what was declared when it was made


def _schemas_in(values: Iterable[Any], lens: str) -> dict[str, Schema]:
    return {s.name: s for s in values if isinstance(s, Schema) and s.lens == lens}
