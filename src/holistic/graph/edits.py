"""The edits that there are, each a class: Mean, Zero, Resample, Constant, Patch and others.

A class that is given a name (`class Mean(Edit, name="mean")`) is known by it to sweeps, lenses, the
command line and the live page. This file imports no torch, so that its names are known without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from holistic.arguments import described, indices, number, whole
from holistic.errors import SettingError, listed, nearest
from holistic.graph.custom import Custom
from holistic.graph.editing import REGISTERED, Edit, Reference
from holistic.graph.elsewhere import Elsewhere
from holistic.graph.sites import Site

if TYPE_CHECKING:
    from torch import Tensor

    Name = str
    """Name of a registered edit."""

__all__ = [
    "Constant",
    "Custom",
    "Edit",
    "EditKind",
    "Erase",
    "Mean",
    "Optimal",
    "Patch",
    "Reference",
    "Resample",
    "Steer",
    "Zero",
    "checked_kind",
    "edit_class",
    "edit_names",
    "edits_at",
]

_SEED_STEP = 1_000_003


def __getattr__(name: str) -> Any:
    """Make `Name`, the type of a setting that names an edit: its choices are what is registered."""
    if name == "Name":
        return Literal[tuple(REGISTERED)]  # pyright: ignore[reportInvalidTypeForm]
    raise AttributeError(f"module 'holistic.graph.edits' has no attribute '{name}'")


@dataclass(frozen=True)
class Mean(Edit, name="mean"):
    """Set units to their class-balanced mean over the selection split."""

    words: ClassVar[str] = "class-balanced mean over the selection split"

    def values(self, reference: Reference, places: Tensor) -> Tensor:
        """Return the mean, the same for every example."""
        return reference.mean(self.site)

    def usual(self, by_class: np.ndarray, overall: np.ndarray, reference: Reference) -> np.ndarray:
        """Return the mean over the classes."""
        return np.nanmean(by_class, 0)


@dataclass(frozen=True)
class Zero(Edit, name="zero"):
    """Set units to zero."""

    words: ClassVar[str] = "value zero"

    def values(self, reference: Reference, places: Tensor) -> Tensor:
        """Return a zero."""
        import torch

        return torch.zeros(())

    def usual(self, by_class: np.ndarray, overall: np.ndarray, reference: Reference) -> np.ndarray:
        """Return zeros."""
        return 0 * overall


@dataclass(frozen=True)
class Resample(Edit, name="resample"):
    """Set units to their values on random examples of the selection split."""

    seed: int = 0
    start: int = 0

    words: ClassVar[str] = "values on random examples of the selection split"

    @classmethod
    def draws(cls, site: str, seed: int, count: int) -> tuple[Edit, ...]:
        """Return edits with a seed each."""
        return tuple(cls(site, seed=seed + _SEED_STEP * (draw + 1)) for draw in range(count))

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit after checking its seed."""
        seed = whole(self.seed, f"the seed of Resample at '{site.name}'", 0, 2**63 - 1)
        return replace(super().checked(site, count), seed=seed)  # pyright: ignore[reportCallIssue]

    def sliced(self, part: slice) -> Edit:
        """Return the edit with draws of its own for a slice of the examples."""
        return replace(self, start=self.start + part.start)

    def values(self, reference: Reference, places: Tensor) -> Tensor:
        """Return one draw for each place."""
        return reference.draw(self.site, places + self.start, self.seed)

    def usual(self, by_class: np.ndarray, overall: np.ndarray, reference: Reference) -> np.ndarray:
        """Return the mean over the examples."""
        return overall


@dataclass(frozen=True)
class Optimal(Edit, name="optimal"):
    """Set units to the constants that cost the model least (see `holistic.study.optimal`)."""

    words: ClassVar[str] = "optimal constant on the selection split"

    def values(self, reference: Reference, places: Tensor) -> Tensor:
        """Return the optimal constants, the same for every example."""
        return reference.optimal(self.site)


@dataclass(frozen=True)
class Constant(Edit):
    """Set units to a given value: a number, one for each unit `[U]`, or `[P…, U]`.

    An axis of `[P…, U]` may be 1 long, for the same value all along it.
    """

    value: float | Tensor | Sequence[float] | np.ndarray = 0.0

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit with its value as a tensor."""
        from holistic.graph.edit_arguments import either, real_numbers

        value = real_numbers(self.value, f"the value of Constant at '{site.name}'")
        whole_shape = (*site.positions, site.units)
        fits = len(value.shape) == len(whole_shape) and all(
            own in (1, size) for own, size in zip(value.shape, whole_shape, strict=True)
        )
        if value.dim() and tuple(value.shape) != (site.units,) and not fits:
            raise SettingError(
                f"Constant at '{site.name}' needs a number, or values of shape "
                f"{either((site.units,), whole_shape)}, got {tuple(value.shape)}; "
                "values of one example each are a Patch"
            )
        edit = super().checked(site, count)
        return replace(edit, value=value)  # pyright: ignore[reportCallIssue]

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the constant."""
        import torch

        return torch.as_tensor(self.value, device=value.device)


@dataclass(frozen=True)
class Patch(Edit):
    """Set units to their values in another run: a tensor `[N, P…, U]` from `Subject.capture`.

    With `rows` `[N]`, example i takes those of row `rows[i]` of the source, which may be of any
    number of examples.
    """

    source: Tensor | np.ndarray | None = None
    rows: Sequence[int] | Tensor | np.ndarray | None = None

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit after checking that its source has a value for each example."""
        from holistic.graph.edit_arguments import real_numbers

        shape = getattr(self.source, "shape", None)
        given = len(self.source) if self.rows is not None and shape else count  # pyright: ignore[reportArgumentType]
        needed = (given, *site.positions, site.units)
        got = type(self.source).__name__ if shape is None else tuple(shape)
        if got != needed:
            raise SettingError(
                f"Patch at '{site.name}' needs a source of shape {needed}, got {got}; "
                "take it from subject.capture on as many examples"
            )
        source = real_numbers(self.source, f"the source of Patch at '{site.name}'")
        rows = self._checked_rows(site, count)
        edit = super().checked(site, count)
        return replace(edit, source=source, rows=rows)  # pyright: ignore[reportCallIssue]

    def _checked_rows(self, site: Site, count: int) -> np.ndarray | None:
        if self.rows is None:
            return None
        source: Any = self.source
        where = f"of the source of Patch at '{site.name}'"
        rows = indices(self.rows, "row", len(source), where=where, error=SettingError)
        if len(rows) != count:
            raise SettingError(
                f"rows {where} must be {count}, one for each example, got {len(rows)}"
            )
        return rows

    def sliced(self, part: slice) -> Edit:
        """Return the edit with the source's values for a slice of the examples."""
        if self.source is None:
            return self
        rows = part if self.rows is None else self.rows[part]
        return replace(self, source=self.source[rows], rows=None)

    def elsewhere(self, draw: Elsewhere) -> Edit:
        """Return it at other units or places; of a whole site, with the sources dealt out anew."""
        if self.units is not None or self.positions is not None:
            return super().elsewhere(draw)
        rows = np.arange(draw.examples) if self.rows is None else np.asarray(self.rows)
        return replace(self, rows=draw.rng.permutation(rows))

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the source."""
        import torch

        return torch.as_tensor(self.source, device=value.device)


@dataclass(frozen=True)
class Steer(Edit):
    """Add `amount` times a direction `[U]` at every position."""

    direction: Tensor | Sequence[float] | np.ndarray | None = None
    amount: float = 1.0

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit with its direction as a tensor and its amount as a number."""
        from holistic.graph.edit_arguments import checked_direction

        amount = number(self.amount, f"the amount of Steer at '{site.name}'")
        direction = checked_direction(self.direction, site)
        edit = super().checked(site, count)
        return replace(edit, direction=direction, amount=amount)  # pyright: ignore[reportCallIssue]

    def elsewhere(self, draw: Elsewhere) -> Edit:
        """Return it along a random direction of the same length."""
        return _redirected(super().elsewhere(draw), self.units, draw)

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the value moved along the direction."""
        import torch

        direction = torch.as_tensor(self.direction).to(value.device)
        return value + self.amount * (
            direction.to(value) if value.is_floating_point() else direction
        )


@dataclass(frozen=True)
class Erase(Edit):
    """Set the component along a direction `[U]` to that of the selection split's mean.

    Projection onto the orthogonal complement of the direction, through the mean, so that a value
    that already lies at the mean along the direction is left alone.
    """

    direction: Tensor | Sequence[float] | np.ndarray | None = None

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit with its direction as a tensor."""
        from holistic.graph.edit_arguments import checked_direction

        direction = checked_direction(self.direction, site)
        return replace(super().checked(site, count), direction=direction)  # pyright: ignore[reportCallIssue]

    def elsewhere(self, draw: Elsewhere) -> Edit:
        """Return it along a random direction."""
        return _redirected(super().elsewhere(draw), self.units, draw)

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the value without its deviation along the direction."""
        import torch

        direction = torch.as_tensor(self.direction).to(value.device, torch.float64)
        unit = (direction / direction.norm()).to(value)
        deviation = (value - reference.mean(self.site)) @ unit  # [B, P…]
        return value - deviation[..., None] * unit


EditKind = str | type[Edit] | Callable[["Tensor"], "Tensor"]
"""How sweeps replace units: a registered name, a class, or a function of the site's value."""


def edit_names() -> tuple[str, ...]:
    """Return the names of the registered edits.

    >>> edit_names()[:4]
    ('mean', 'zero', 'resample', 'optimal')
    """
    return tuple(REGISTERED)


def edit_class(name: Any) -> type[Edit]:
    """Return the class that is registered under a name.

    Raises
    ------
    SettingError
        If there is none.
    """
    if not isinstance(name, str) or name not in REGISTERED:
        raise SettingError(
            f"no edit {described(name)}{nearest(str(name), REGISTERED)}; there are "
            f"{listed(REGISTERED)}; in Python also a class derived from holistic.Edit, or a "
            "function of the site's value"
        )
    return REGISTERED[name]


def checked_kind(edit: Any) -> Any:
    """Return the class of edits, or the function, that replaces units.

    Raises
    ------
    SettingError
        If it is no registered name, no class of edits and no function.
    """
    if isinstance(edit, type):
        return edit if issubclass(edit, Edit) else edit_class(edit)
    return edit if callable(edit) else edit_class(edit)


def edits_at(edit: EditKind, site: str, seed: int, count: int) -> tuple[Edit, ...]:
    """Return the edits of a whole site whose effects are averaged, `count` where it is random.

    Raises
    ------
    SettingError
        If there is no such edit.
    """
    kind = checked_kind(edit)
    if isinstance(kind, type):
        return kind.draws(site, seed, count)
    return (Custom(site, function=kind),)


def _redirected(edit: Any, units: Any, draw: Elsewhere) -> Edit:
    """Turn an edit's direction to a random one that is as long at the units that it changes."""
    old, new = np.asarray(edit.direction, np.float64), draw.direction()
    before, after = (slice(None) if u is None else list(u) for u in (units, edit.units))
    length, drawn = (float(np.linalg.norm(d)) for d in (old[before], new[after]))
    return replace(edit, direction=new * (length / drawn)) if drawn > 0 else edit
