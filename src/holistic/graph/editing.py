"""What an edit of a site's value is, and the registry of those that have a name.

Nothing here imports torch before an edit is made, so that names are known without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from holistic.arguments import described
from holistic.errors import SettingError, SiteError, listed
from holistic.graph.elsewhere import Elsewhere
from holistic.graph.sites import Site
from holistic.named import check_fields

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "REGISTERED",
    "Edit",
    "Reference",
    "changes_of",
    "check_whole",
    "checked_at",
    "checked_edits",
]

REGISTERED: dict[str, type[Edit]] = {}
"""The registered edits by name, in the order in which they are defined."""


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

    def statistic(self, site: str, name: str, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what `reduce` makes of a site's values `[N, P…, U]`, computed once a name."""
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

    name: ClassVar[str] = ""
    """What sweeps and settings call it; empty where more is needed than a site and units."""
    words: ClassVar[str] = ""
    """What a unit holds under it, for sentences: "its …"."""

    def __new__(cls, *_: Any, **given: Any) -> Self:
        """Refuse arguments that the edit doesn't have."""
        check_fields(cls, given)
        return super().__new__(cls)

    def __init_subclass__(cls, *, name: str = "", **more: Any) -> None:
        """Register the class under a name.

        Raises
        ------
        SettingError
            If another class has the name already.
        """
        super().__init_subclass__(**more)
        cls.name = name
        if not cls.__dict__.get("words"):
            cls.words = f"value under the edit '{name}'"
        existing = REGISTERED.get(name)
        # a notebook's cell that is run again defines its class again
        same = existing and (existing.__module__, existing.__qualname__) == (
            cls.__module__,
            cls.__qualname__,
        )
        if existing and not same:
            raise SettingError(
                f"an edit '{name}' is registered already ({existing.__module__}."
                f"{existing.__qualname__}); there are {listed(REGISTERED)}; take another name"
            )
        if name:
            REGISTERED[name] = cls

    @classmethod
    def draws(cls, site: str, seed: int, count: int) -> tuple[Edit, ...]:
        """Return the edits of a site whose effects are averaged: one, or `count` random ones."""
        return (cls(site),)

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

    def values(self, reference: Reference, places: Tensor) -> Tensor | None:
        """Return what units hold whatever they held before, `[P…, U]` or `[B, P…, U]`.

        Parameters
        ----------
        reference
            Values of the selection split.
        places
            Places of the examples in their split, `[B]`.

        Returns
        -------
        Tensor or None
            None, as here, where that depends on the present value: see `new_value`.
        """
        return None

    def new_value(self, value: Tensor, reference: Reference) -> Tensor:
        """Return what the whole site would hold, `[B, P…, U]`, before units are picked.

        Parameters
        ----------
        value
            Present value, `[B, P…, U]`.
        reference
            Values of the selection split.
        """
        import torch

        found = self.values(reference, torch.arange(len(value)))
        if found is None:
            raise NotImplementedError(f"{type(self).__name__} needs `values` or `new_value`")
        return found

    def usual(self, by_class: np.ndarray, overall: np.ndarray, reference: Reference) -> np.ndarray:
        """Return what each unit holds on average over examples and positions, `[U]`.

        Parameters
        ----------
        by_class, overall
            Mean activations before: by class `[C, U]`, and over all examples `[U]`.
        reference
            Values of the selection split.
        """
        import torch

        found = self.values(reference, torch.arange(1))
        if found is None:  # it depends on the present value
            found = reference.statistic(
                self.site, f"{self.name} mean", lambda v: self.new_value(v, reference).mean(0)
            )
        constant = np.atleast_1d(found.double().cpu().numpy())
        return np.broadcast_to(constant.reshape(-1, constant.shape[-1]).mean(0), overall.shape)

    def sliced(self, part: slice) -> Edit:
        """Return the edit for a slice of the examples; most edits are the same for all."""
        return self

    def elsewhere(self, draw: Elsewhere) -> Edit:
        """Return the same edit, once checked, in another place of its site.

        Where an edit has no other place of its size, it returns itself, as here for whole sites.
        """
        places = dict[str, Any]()
        if self.units is not None:
            places["units"] = draw.units(self.units)
        if self.positions is not None:
            places["positions"] = draw.positions(self.positions)
        return replace(self, **places) if places else self

    def apply(self, value: Tensor, site: Site, reference: Reference) -> Tensor:
        """Return the edited value, `[B, P…, U]`; the given one stays as it is.

        Raises
        ------
        SiteError
            If the site has no such unit or position.
        """
        import torch

        found = self.new_value(value, reference)
        check_whole(found, value, site.name, type(self).__name__)
        new = found.to(value).expand_as(value)
        if self.units is None and self.positions is None:
            return new.clone()
        changed = torch.zeros(value.shape[1:], dtype=torch.bool, device=value.device)
        flat = changed.view(-1, site.units)  # [P, U]
        units = range(site.units) if self.units is None else site.checked_units(self.units)
        positions = site.checked_positions(self.positions)
        flat[positions[:, None], torch.tensor(list(units), dtype=torch.long)] = True
        return torch.where(changed, new, value)


def check_whole(new: Tensor, value: Tensor, site: str, what: str) -> None:
    """Refuse fractions where a site holds whole numbers, such as tokens.

    Raises
    ------
    SettingError
        If they would be cut off.
    """
    if value.is_floating_point() or not new.is_floating_point():
        return
    if bool((new.trunc() != new).any()):
        raise SettingError(
            f"'{site}' holds whole numbers, and {what} would put fractions there; use Resample, "
            "Patch, or a whole number"
        )


def checked_edits(edits: Any) -> list[Edit]:
    """Return a list of edits, also of a single one.

    Raises
    ------
    SettingError
        If something among them is no edit.
    """
    single = isinstance(edits, (type, str, Mapping, np.ndarray)) or hasattr(edits, "shape")
    found: list[Any] = [edits] if single or not isinstance(edits, Iterable) else list(edits)
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


def checked_at(edit: Edit, site: Site, count: int) -> Edit:
    """Return an edit with its arguments in plain form, at the site's own name.

    The user may have written another one that readers see, and edits at one value are applied one
    after another.
    """
    found = edit.checked(site, count)
    return found if found.site == site.name else replace(found, site=site.name)


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
