"""What changes can be made to a site's value?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import described, number, whole
from holistic.errors import SettingError, SiteError, listed, nearest
from holistic.graph.sites import Site

__all__ = [
    "Constant",
    "Edit",
    "Erase",
    "Mean",
    "Optimal",
    "Patch",
    "Reference",
    "Replacement",
    "Resample",
    "Steer",
    "Zero",
    "changes_of",
    "checked_edits",
    "checked_replacement",
]

Replacement = Literal["mean", "zero", "resample", "optimal"]
"""Names of the replacements that a sweep knows."""


def checked_replacement(name: str) -> Replacement:
    """Return the name of a replacement after checking it.

    Raises
    ------
    SettingError
        If there is no such replacement.
    """
    known = get_args(Replacement)
    if not isinstance(name, str) or name not in known:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingError(
            f"no replacement {described(name)}{nearest(str(name), known)}; "
            f"there are {listed(known)}"
        )
    return name  # pyright: ignore[reportReturnType]


class Reference(Protocol):
    """Values of the selection split that some edits draw from, units last."""

    def mean(self, site: str) -> Tensor:
        """Return the class-balanced mean value of a site, `[P…, U]`."""
        ...

    def draw(self, site: str, places: Tensor, seed: int) -> Tensor:
        """Return a site's values on random examples, one for each place `[B]`: `[B, P…, U]`."""
        ...

    def optimal(self, site: str) -> Tensor:
        """Return each unit's optimal constant, `[P…, U]`."""
        ...


@dataclass(frozen=True)
class Edit:
    """A change made to a site's value.

    Attributes
    ----------
    site
        Name of the site.
    units
        Units that are changed: indices, or a mask of the site's units; None for all.
    positions
        Positions that are changed, as indices into the flattened positions, or a mask of them;
        None for all.
    """

    site: str
    units: Sequence[int] | Tensor | np.ndarray | None = None
    positions: Sequence[int] | Tensor | np.ndarray | None = None

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit with its arguments in plain form, before it is applied to any batch.

        Parameters
        ----------
        site
            Where it is applied.
        count
            To how many examples in all.

        Raises
        ------
        SiteError
            If the site has no such unit or position.
        SettingError
            If its value isn't what the edit needs there.
        """
        units = None if self.units is None else site.checked_units(self.units)
        chosen = self.positions
        positions = None if chosen is None else site.checked_positions(chosen).tolist()
        return replace(self, units=units, positions=positions)

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return what the whole site would hold, `[B, P…, U]`, before units are picked.

        Parameters
        ----------
        value
            Present value, `[B, P…, U]`.
        reference
            Values of the selection split.
        """
        raise NotImplementedError

    def sliced(self, part: slice) -> Edit:
        """Return the edit for a slice of the examples; most edits are the same for all."""
        return self

    def apply(self, value: Tensor, site: Site, reference: Reference) -> Tensor:
        """Return the edited value, `[B, P…, U]`; the given one stays as it is.

        Raises
        ------
        SiteError
            If the site has no such unit or position.
        """
        new = self.new_value(value, reference).to(value.dtype).expand_as(value)
        if self.units is None and self.positions is None:
            return new.clone()
        changed = torch.zeros(value.shape[1:], dtype=torch.bool, device=value.device)
        flat = changed.view(-1, site.units)  # [P, U]
        units = range(site.units) if self.units is None else site.checked_units(self.units)
        positions = site.checked_positions(self.positions)
        flat[positions[:, None], torch.tensor(list(units), dtype=torch.long)] = True
        return torch.where(changed, new, value)


@dataclass(frozen=True)
class Zero(Edit):
    """Set units to zero."""

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(value)


@dataclass(frozen=True)
class Mean(Edit):
    """Set units to their class-balanced mean over the selection split."""

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the mean, the same for every example."""
        return reference.mean(self.site)


@dataclass(frozen=True)
class Resample(Edit):
    """Set units to their values on random examples of the selection split."""

    seed: int = 0
    start: int = 0

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit after checking its seed."""
        seed = whole(self.seed, f"the seed of Resample at '{site.name}'", 0, 2**63 - 1)
        return replace(super().checked(site, count), seed=seed)  # pyright: ignore[reportCallIssue]

    def sliced(self, part: slice) -> Edit:
        """Return the edit with draws of its own for a slice of the examples."""
        return replace(self, start=self.start + part.start)

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return one draw for each example."""
        places = torch.arange(self.start, self.start + len(value))
        return reference.draw(self.site, places, self.seed)


@dataclass(frozen=True)
class Optimal(Edit):
    """Set units to the constants that cost the model least (see `holistic.study.optimal`)."""

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
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
        value = _numbers(self.value, f"the value of Constant at '{site.name}'")
        whole_shape = (*site.positions, site.units)
        fits = len(value.shape) == len(whole_shape) and all(
            own in (1, size) for own, size in zip(value.shape, whole_shape, strict=True)
        )
        if value.dim() and tuple(value.shape) != (site.units,) and not fits:
            raise SettingError(
                f"Constant at '{site.name}' needs a number, or values of shape "
                f"{_either((site.units,), whole_shape)}, got {tuple(value.shape)}; "
                "values of one example each are a Patch"
            )
        edit = super().checked(site, count)
        return replace(edit, value=value)  # pyright: ignore[reportCallIssue]

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the constant."""
        return torch.as_tensor(self.value, dtype=value.dtype, device=value.device)


@dataclass(frozen=True)
class Patch(Edit):
    """Set units to their values in another run: a tensor `[N, P…, U]` from `Subject.capture`."""

    source: Tensor | np.ndarray | None = None

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit after checking that its source has a value for each example."""
        needed = (count, *site.positions, site.units)
        shape = getattr(self.source, "shape", None)
        got = type(self.source).__name__ if shape is None else tuple(shape)
        if got != needed:
            raise SettingError(
                f"Patch at '{site.name}' needs a source of shape {needed}, got {got}; "
                "take it from subject.capture on as many examples"
            )
        source = _numbers(self.source, f"the source of Patch at '{site.name}'")
        edit = super().checked(site, count)
        return replace(edit, source=source)  # pyright: ignore[reportCallIssue]

    def sliced(self, part: slice) -> Edit:
        """Return the edit with the source's values for a slice of the examples."""
        return self if self.source is None else replace(self, source=self.source[part])

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the source."""
        return torch.as_tensor(self.source, device=value.device)


@dataclass(frozen=True)
class Steer(Edit):
    """Add `amount` times a direction `[U]` at every position."""

    direction: Tensor | Sequence[float] | np.ndarray | None = None
    amount: float = 1.0

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit with its direction as a tensor and its amount as a number."""
        amount = number(self.amount, f"the amount of Steer at '{site.name}'")
        direction = _checked_direction(self.direction, site)
        edit = super().checked(site, count)
        return replace(edit, direction=direction, amount=amount)  # pyright: ignore[reportCallIssue]

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the value moved along the direction."""
        return value + self.amount * torch.as_tensor(self.direction).to(value)


@dataclass(frozen=True)
class Erase(Edit):
    """Set the component along a direction `[U]` to that of the selection split's mean.

    Projection onto the orthogonal complement of the direction, through the mean, so that a value
    that already lies at the mean along the direction is left alone.
    """

    direction: Tensor | Sequence[float] | np.ndarray | None = None

    def checked(self, site: Site, count: int) -> Edit:
        """Return the edit with its direction as a tensor."""
        direction = _checked_direction(self.direction, site)
        return replace(super().checked(site, count), direction=direction)  # pyright: ignore[reportCallIssue]

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the value without its deviation along the direction."""
        direction = torch.as_tensor(self.direction).to(value.device, torch.float64)
        unit = (direction / direction.norm()).to(value)
        deviation = (value - reference.mean(self.site)) @ unit  # [B, P…]
        return value - deviation[..., None] * unit


def checked_edits(edits: Any) -> list[Edit]:
    """Return a list of edits, also of a single one.

    Raises
    ------
    SettingError
        If something among them is no edit.
    """
    several = isinstance(edits, Iterable) and not isinstance(
        edits, (type, str, Mapping, Tensor, np.ndarray)
    )
    found: list[Any] = list(edits) if several else [edits]
    for edit in found:
        if not isinstance(edit, Edit):
            raise SettingError(
                f"edits must be edits such as holistic.Zero('SITE', units=[4]), "
                f"got {described(edit)}"
            )
        if not isinstance(edit.site, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise SiteError(
                f"an edit's site must be the name of one, got {described(edit.site)}; "
                "make an edit for each site"
            )
    return found


def changes_of(
    edits: Sequence[Edit], site_of: Callable[[str], Site], reference: Reference
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return by name of a site what its edits, one after another, make of its value."""
    by_site: dict[str, list[Edit]] = {}
    for edit in edits:
        by_site.setdefault(edit.site, []).append(edit)

    def change_of(name: str) -> Callable[[Tensor], Tensor]:
        def change(value: Tensor) -> Tensor:
            for edit in by_site[name]:
                value = edit.apply(value, site_of(name), reference)
            return value

        return change

    return {name: change_of(name) for name in by_site}


def _either(*shapes: tuple[int, ...]) -> str:
    return " or ".join(str(shape) for shape in dict.fromkeys(shapes))


def _numbers(values: Any, what: str) -> Tensor:
    """Make a tensor of finite real numbers.

    Raises
    ------
    SettingError
        If they aren't.
    """
    try:
        tensor = torch.as_tensor(values).detach()
        usable = not tensor.is_complex() and tensor.dtype != torch.bool
    except (TypeError, ValueError, RuntimeError, OverflowError):
        tensor, usable = torch.zeros(()), False
    if not usable:
        raise SettingError(f"{what} must be real numbers, got {described(values)}")
    if not bool(tensor.isfinite().all()):
        raise SettingError(
            f"{what} must be finite, got NaN or infinity among {tensor.numel():,} numbers; "
            "check where they come from"
        )
    return tensor


def _checked_direction(direction: Any, site: Site) -> Tensor:
    """Return a direction `[U]` after checking that it points somewhere."""
    try:
        shape = None if direction is None else tuple(np.shape(direction))
    except ValueError:  # rows of different lengths
        shape = None
    if shape != (site.units,):
        raise SettingError(
            f"a direction at '{site.name}' needs shape {(site.units,)} (one number a unit), "
            f"got {shape}"
        )
    found = _numbers(direction, f"a direction at '{site.name}'")
    if not bool(found.any()):
        raise SettingError(
            f"a direction at '{site.name}' can't be all zeros; give one that points somewhere"
        )
    return found
