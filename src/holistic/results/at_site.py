"""Takes the rows of one site out of a finding, with what belongs to them in its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from holistic.errors import SettingError, listed, nearest
from holistic.results.columns import of_sites
from holistic.results.drawing import names_of
from holistic.results.findings import Finding

__all__ = ["at_site"]


def at_site(finding: Finding, site: str) -> Finding:
    """Return the finding as if it told of one site alone.

    Parameters
    ----------
    finding
        Stays as it is.
    site
        Its key, or a name that readers see, such as `L2`. Where rows tell of two sites, those of
        which either is it are kept.

    Raises
    ------
    SettingError
        If no row tells of this site.
    """
    table = finding.table
    columns = [c.name for c in table.columns if of_sites(c)]
    name = next((n for n in columns if table.site(n, site) in table.cells(n)), "")
    known = list(dict.fromkeys(cell for n in columns for cell in names_of(table, n) if cell))
    if not name:
        what = f"it tells of {listed(known)}" if known else "it tells of no single site"
        raise SettingError(
            f"'{finding.name}' has no row at site '{site}'{nearest(site, known)}; {what}"
        )
    key = table.site(name, site)
    either = columns if "site" not in columns else ["site"]
    kept = np.any([table.column(n) == key for n in either], axis=0)
    place = names_of(table, either[0]).index(key) if key in table.cells(either[0]) else -1
    return replace(
        finding,
        table=replace(table, data=table.data.filter(kept)),
        arrays=_arrays(finding, kept, place),
    )


def _arrays(finding: Finding, kept: np.ndarray, place: int) -> Mapping[str, np.ndarray]:
    """Arrays of other sites are left out, and axes of rows have those that are kept."""
    found = dict[str, np.ndarray]()
    for name, values in finding.arrays.items():
        declared = finding.schema.array(name)
        if declared is None:
            continue
        if declared.sites:
            lens, own, index, *rest = name.split(".")
            if index == str(place):
                found[".".join((lens, own, "0", *rest))] = values
            continue
        for axis, word in enumerate(declared.axes.split()):
            values = values.compress(kept, axis) if word == "rows" else values
        found[name] = values
    return found
