"""What changes can be made to a site's value?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from holistic.errors import SettingError, listed
from holistic.sites import Site

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
    if name not in get_args(Replacement):
        raise SettingError(f"no replacement '{name}'; there are {listed(get_args(Replacement))}")
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
        Units that are changed; None for all.
    positions
        Positions that are changed, as indices into the flattened positions; None for all.
    """

    site: str
    units: Sequence[int] | None = None
    positions: Sequence[int] | None = None

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
        flat[positions[:, None], torch.tensor(list(units))] = True
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

    def sliced(self, part: slice) -> Edit:
        """Return the edit with draws of its own for a slice of the examples."""
        return replace(self, start=self.start + part.start)

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return one draw for each example."""
        places = torch.arange(self.start, self.start + len(value))
        return reference.draw(self.site, places, self.seed)


@dataclass(frozen=True)
class Optimal(Edit):
    """Set units to the constants that cost the model least (see `holistic.constants`)."""

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the optimal constants, the same for every example."""
        return reference.optimal(self.site)


@dataclass(frozen=True)
class Constant(Edit):
    """Set units to a given value: a number, or a tensor that broadcasts to `[P…, U]`."""

    value: float | Tensor = 0.0

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the constant."""
        return torch.as_tensor(self.value, dtype=value.dtype, device=value.device)


@dataclass(frozen=True)
class Patch(Edit):
    """Set units to their values in another run: a tensor `[B, P…, U]` from `Subject.capture`."""

    source: Tensor | None = None

    def sliced(self, part: slice) -> Edit:
        """Return the edit with the source's values for a slice of the examples."""
        return self if self.source is None else replace(self, source=self.source[part])

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the source."""
        if self.source is None or self.source.shape != value.shape:
            got = None if self.source is None else tuple(self.source.shape)
            raise SettingError(
                f"Patch at '{self.site}' needs a source of shape {tuple(value.shape)}, got {got}; "
                "take it from subject.capture on as many examples"
            )
        return self.source.to(value.device)


@dataclass(frozen=True)
class Steer(Edit):
    """Add `amount` times a direction `[U]` at every position."""

    direction: Tensor | None = None
    amount: float = 1.0

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the value moved along the direction."""
        return value + self.amount * _checked_direction(self.direction, value, self.site)


@dataclass(frozen=True)
class Erase(Edit):
    """Set the component along a direction `[U]` to that of the selection split's mean.

    Projection onto the orthogonal complement of the direction, through the mean, so that a value
    that already lies at the mean along the direction is left alone.
    """

    direction: Tensor | None = None

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return the value without its deviation along the direction."""
        direction = _checked_direction(self.direction, value, self.site)
        unit = direction / direction.norm()
        deviation = (value - reference.mean(self.site)) @ unit  # [B, P…]
        return value - deviation[..., None] * unit


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


def _checked_direction(direction: Tensor | None, value: Tensor, site: str) -> Tensor:
    if direction is None or direction.shape != value.shape[-1:]:
        got = None if direction is None else tuple(direction.shape)
        raise SettingError(
            f"a direction at '{site}' needs shape {tuple(value.shape[-1:])} (one number a unit), "
            f"got {got}"
        )
    return direction.to(value)
