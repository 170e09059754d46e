"""Sites of a computation: where a value can be read or edited, and what its units are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from holistic.arguments import described, indices, whole
from holistic.errors import SettingError, SiteError, listed, nearest
from holistic.results.columns import col, key
from holistic.results.schema import Schema
from holistic.results.site_names import called

__all__ = [
    "INPUT",
    "SITES",
    "Site",
    "SiteRow",
    "checked_axes",
    "ends_of",
    "find_site",
    "input_name",
    "site_names",
    "site_notes",
    "with_axes",
]

INPUT = "input"
"""What edits call the images themselves, or whatever else the model is given."""
_ENDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0)}
_HEADS = frozenset({"scaled_dot_product_attention", "matmul", "bmm"})


@dataclass(frozen=True)
class Site:
    """One call of one operation whose value can be read and edited.

    Attributes
    ----------
    name
        Module path, `#2` for the second call of a reused module; `path.relu` for an operation
        that no module owns.
    op
        Name of the operation (`relu`, `linear`, `add`).
    depth
        Rank among the sites of the model, from the input on.
    shape
        Shape of one example's value, the batch axis left out.
    unit_axis
        Which axis of `shape` counts the units.
    hidden
        Whether the lenses use it unless told otherwise.
    block
        Whether it is the output of a block of several operations.
    parameters
        Number of parameters of the operation itself.
    guessed
        Whether `unit_axis` is a guess, because nothing says what the axes of the value are.
    stand_in
        Whether it is hidden only because no activation can be reached.
    ends
        Values that the operation can't leave and at which its gradient vanishes; infinite where
        there is none on that side, None where there is none at all.
    shown
        The name that readers see: an operation of no module goes by what produced it
        (`conv2 · relu`).
    layer
        Place among the hidden sites of the whole model, L1 for the first, also where a lens studies
        only some of them; empty for the others.
    same_units
        The hidden site whose units are the same one for one, where this one isn't hidden: what
        follows a plain convolution.
    same_value
        The site that is the same value under another name, and is studied for both; empty for
        most.
    """

    name: str
    op: str
    depth: int
    shape: tuple[int, ...]
    unit_axis: int
    hidden: bool
    block: bool = False
    parameters: int = 0
    guessed: bool = False
    stand_in: bool = False
    ends: tuple[float, float] | None = None
    shown: str = ""
    layer: str = ""
    same_units: str = ""
    same_value: str = ""

    @property
    def called(self) -> str:
        """What readers see: the layer, and the name beside it."""
        return called(self.layer, self.shown or self.name)

    @property
    def units(self) -> int:
        """Number of units."""
        return self.shape[self.unit_axis]

    @property
    def positions(self) -> tuple[int, ...]:
        """Shape of the positions at which each unit repeats; empty for one value a unit."""
        return self.shape[: self.unit_axis] + self.shape[self.unit_axis + 1 :]

    @property
    def layout(self) -> str:
        """What the positions are: pixels of a map, tokens of a sequence, features of a head."""
        sizes = self.positions
        if len(sizes) == 2 and self.op in _HEADS:
            return f"{sizes[0]} tokens × {sizes[1]} features"
        if len(sizes) == 2:
            return f"{sizes[0]} × {sizes[1]} pixels"
        if len(sizes) == 1:
            return f"{sizes[0]} {'steps' if self.unit_axis == 0 else 'tokens'}"
        return " × ".join(str(size) for size in sizes)

    @property
    def row(self) -> SiteRow:
        """Its row of the finding `sites`."""
        return SiteRow(
            self.name,
            self.layer,
            self.shown or self.name,
            self.op,
            self.depth,
            self.units,
            math.prod(self.positions),
            self.layout,
            self.unit_axis,
            self.parameters,
            self.hidden,
            self.same_units,
            self.same_value,
        )

    def checked_units(self, units: Any) -> tuple[int, ...]:
        """Return unit indices after checking them.

        Parameters
        ----------
        units
            One index, several of them, or a mask `[U]`.

        Raises
        ------
        SiteError
            If the site has no such unit, or they aren't indices.
        """
        where = f"at site '{self.name}'"
        return tuple(indices(units, "unit", self.units, where=where, error=SiteError).tolist())

    def checked_positions(self, positions: Any) -> np.ndarray:
        """Return indices into the flattened positions after checking them; None means all.

        Parameters
        ----------
        positions
            One index, several of them, or a mask of the flattened positions or of their shape.

        Raises
        ------
        SiteError
            If the site has no such position, or they aren't indices.
        """
        count = math.prod(self.positions)
        if positions is None:
            return np.arange(count)
        kind, shape = str(getattr(positions, "dtype", "")), getattr(positions, "shape", ())
        mask = "bool" in kind and tuple(shape) == self.positions
        where = f"at site '{self.name}', whose positions are {self.positions or (1,)}"
        chosen = positions.reshape(-1) if mask else positions
        return indices(chosen, "position", count, where=where, error=SiteError)


@dataclass(frozen=True)
class SiteRow:
    """Row of the finding `sites`."""

    site: str = key("name of the site: module path, or path and operation")
    layer: str = col("place among the hidden sites, from the input on; empty for the others")
    shown: str = col("the name that readers see; operations of no module go by what produced them")
    op: str = col("operation that computes the value")
    depth: int = col("rank among the sites of the model, from the input on")
    units: int = col("number of units (features, channels, attention heads)")
    positions: int = col("number of positions at which each unit repeats")
    layout: str = col("what the positions are; empty for one value a unit")
    unit_axis: int = col("which axis of an example's value counts the units")
    parameters: int = col("number of parameters of the operation itself")
    hidden: bool = col("whether the lenses use the site unless told otherwise")
    same_units: str = col(
        "hidden site that has the same units one for one, where this one isn't hidden itself"
    )
    same_value: str = col(
        "site that is the same value, and is studied for both; empty where there is none"
    )


SITES = Schema(
    "sites",
    "Sites of the model",
    SiteRow,
    lead="Where can the model's computation be read and edited, and what are the units there?",
    size="units",
)


def input_name(sites: Sequence[Site]) -> str:
    """Return the input's name as a site: `input`, or `input#0` where a module is called so."""
    return f"{INPUT}#0" if any(site.name == INPUT for site in sites) else INPUT


def site_names(sites: Any, *, fewest: int = 0) -> list[str]:
    """Return names of sites, each once, of one name or site or several of them.

    Raises
    ------
    SiteError
        If something among them is no name, or there are too few.

    Examples
    --------
    >>> site_names("10"), site_names(["1", "3", "1"])
    (['10'], ['1', '3'])
    """
    several = isinstance(sites, Iterable) and not isinstance(sites, (str, bytes, Mapping))
    found: list[Any] = list(sites) if several else [sites]
    for name in found:
        if not isinstance(name, (str, Site)):
            raise SiteError(
                f"sites must be names of sites, got {described(name)}; write them as in the "
                "column 'site' of subject.sites"
            )
    if len(found) < fewest:
        raise SiteError(
            f"sites must name at least {fewest}, got none; 'holistic sites' and subject.sites list "
            "them"
        )
    return list(dict.fromkeys(n.name if isinstance(n, Site) else n for n in found))


def checked_axes(axes: Any) -> dict[str, int]:
    """Return axes of units by name of a site after checking that they are whole numbers.

    Raises
    ------
    SettingError
        If they aren't.
    """
    if axes is None:
        return {}
    if not isinstance(axes, Mapping) or not all(isinstance(name, str) for name in axes):
        raise SettingError(
            f"unit_axes must map names of sites to axes, as {{'conv1': 0}}, got {described(axes)}"
        )
    return {n: whole(axis, f"the axis of units at '{n}'", -99, 99) for n, axis in axes.items()}


def with_axes(sites: Sequence[Site], axes: Mapping[str, int]) -> tuple[Site, ...]:
    """Return sites with the axes of units that a user names in place of the inferred ones.

    Parameters
    ----------
    sites
        All sites.
    axes
        By name of the site, the axis of one example's value that counts the units; negative ones
        count from the end.

    Raises
    ------
    SiteError
        If there is no such site.
    SettingError
        If a site has no such axis.
    """
    given = dict[str, int]()
    for name, axis in axes.items():
        site = find_site(sites, name)
        shape, given[site.name] = site.shape, axis
        if not -len(shape) <= axis < len(shape):
            raise SettingError(
                f"no axis {axis} at site '{name}', whose values have shape {shape} for one "
                f"example; axes are {-len(shape)} to {len(shape) - 1}"
            )
    return tuple(
        replace(site, unit_axis=given[name] % len(site.shape), guessed=False)
        if (name := site.same_value or site.name) in given
        else site
        for site in sites
    )


def site_notes(sites: Sequence[Site]) -> tuple[str, ...]:
    """Say what isn't known of the hidden sites, one line each."""
    notes = list[str]()
    stand_ins = [site.name for site in sites if site.stand_in]
    if stand_ins:
        notes.append(
            "No activation between input and logits can be read as a site, so outputs of layers "
            f"stand in for hidden units: {listed(stand_ins, 4)}."
        )
    guessed = [site for site in sites if site.hidden and site.guessed]
    if guessed:
        first = guessed[0]
        notes.append(
            f"Which axis counts the units isn't known at {listed([s.name for s in guessed], 4)}; "
            f"of shape {first.shape}, axis {first.unit_axis} is taken. Another is named with "
            f"unit_axes={{{first.name!r}: AXIS}} or --unit-axis {first.name}=AXIS."
        )
    return tuple(notes)


def ends_of(op: str, limits: Sequence[float] = ()) -> tuple[float, float] | None:
    """Return the ends of a nonlinearity; a clip at zero is a unit that is off, not saturated.

    Parameters
    ----------
    op
        Name of the operation.
    limits
        Where `hardtanh` clips; -1 and 1 by default.

    Examples
    --------
    >>> ends_of("sigmoid"), ends_of("hardtanh", [0.0, 6.0]), ends_of("relu")
    ((0.0, 1.0), (-inf, 6.0), None)
    """
    if op in ("hardtanh", "relu6"):
        usual = (0.0, 6.0) if op == "relu6" else (-1.0, 1.0)
        low, high = limits if len(limits) == 2 else usual
        return low or -math.inf, high
    return _ENDS.get(op)


def find_site(sites: Sequence[Site], name: str) -> Site:
    """Return the site of this name, or of one that readers see (`conv2 · relu`, `L2`).

    Where several names are one value, it is the site that is studied for all of them.

    Raises
    ------
    SiteError
        If the model has no such site.
    """
    found = [site for site in sites if site.name == name]
    found += [s for s in sites if name and name in (s.shown, s.called, s.layer)]
    if found:
        studied = found[0].same_value
        return next((site for site in sites if site.name == studied), found[0])
    names = [s.name for s in sites if s.hidden] or [s.name for s in sites]
    raise SiteError(
        f"no site '{name}'{nearest(name, [s.name for s in sites])}; "
        f"this model has {listed(names)}; list them all with 'holistic sites'"
    )
