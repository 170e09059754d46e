"""Says which sites of several audits are one place, and names them so that none is mistaken."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from holistic.report.saved import Audit
from holistic.results.claims import Claim
from holistic.results.columns import of_sites
from holistic.results.findings import Finding
from holistic.results.tables import Table

__all__ = ["common_sites", "in_common", "joined_sites"]

Places = Mapping[str, str]
"""By a site's name in one audit its name in the comparison."""


def common_sites(audits: Sequence[Audit], names: Sequence[str]) -> tuple[Places, ...]:
    """Name each audit's sites so that one name is one place in all audits.

    Audits whose hidden sites are of the same operations and sizes, in the same order, are of one
    architecture: their hidden sites go by the names of the first. Otherwise sites of one name are
    one place only where operation, size and layer are the same; others get their audit's name.
    """
    found = list[dict[str, str]]()
    taken = dict[tuple[Any, ...], str]()
    tables = [_rows(audit) for audit in audits]
    hidden = [[row for row in rows if row["hidden"]] for rows in tables]
    builds = [[_size(row) for row in rows] for rows in hidden]
    for i, rows in enumerate(tables):
        same = builds.index(builds[i])
        own = {
            str(row["site"]): found[same][str(first["site"])]
            for row, first in zip(hidden[i], hidden[same], strict=True)
            if same < i
        }
        for row in rows:
            name, known = str(row["site"]), (row["site"], row.get("layer"), *_size(row))
            if name not in own:
                fresh = f"{name} ({names[i]})" if name in taken.values() else name
                own[name] = taken.get(known, fresh)
            taken.setdefault(known, own[name])
        found.append(own)
    return tuple(found)


def _rows(audit: Audit) -> list[dict[str, Any]]:
    return list(audit["sites"].sort("depth").rows()) if "sites" in audit else []


def _size(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["op"], row["units"], row["positions"]


def joined_sites(
    audits: Sequence[Audit], places: Sequence[Places], names: Sequence[str]
) -> Finding | None:
    """Put the sites of all audits into one finding; a layer that some lack says whose it is."""
    import pyarrow as pa

    having = [i for i, audit in enumerate(audits) if "sites" in audit]
    if not having:
        return None
    first, seen = audits[having[0]].finding("sites"), set[str]()
    parts, owners = list[Any](), list[str]()
    for i in having:
        data = _renamed(audits[i]["sites"], places[i])
        new = [place for place, site in enumerate(data["site"].to_pylist()) if site not in seen]
        seen.update(data["site"].to_pylist())
        parts.append(data.take(pa.array(new, pa.int64())))
        owners += [names[i]] * len(new)
    data = pa.concat_tables(parts, promote_options="default").select(first.table.names)
    shared = set.intersection(*(set(places[i].values()) for i in having))
    data = _owned(data, owners, shared)
    return replace(first, table=Table(first.table.columns, data), say=None)


def _owned(data: Any, owners: Sequence[str], shared: set[str]) -> Any:
    """Put the audit's name before the layers of sites that not all audits have."""
    if "layer" not in data.column_names:
        return data
    layers, sites = (data[name].to_pylist() for name in ("layer", "site"))
    cells = [
        f"{owner} {layer}" if layer and site not in shared else layer
        for owner, layer, site in zip(owners, layers, sites, strict=True)
    ]
    place = data.column_names.index("layer")
    return data.set_column(place, data.schema.field(place), [cells])


def _renamed(table: Table, places: Places) -> Any:
    data = table.data
    for column in filter(of_sites, table.columns):
        cells = [places.get(cell, cell) for cell in data[column.name].to_pylist()]
        place = data.column_names.index(column.name)
        data = data.set_column(place, data.schema.field(column.name), [cells])
    return data


def in_common(
    claim: Claim, places: Places, own: Mapping[str, str], layers: Mapping[str, str]
) -> Claim:
    """Put an audit's claim on a layer in the names that all audits share.

    Parameters
    ----------
    claim
        What one audit claims.
    places
        The names of its sites in the comparison.
    own, layers
        Names of layers, by site, in that audit and in the comparison.
    """
    if not claim.site:
        return claim
    site = places.get(claim.site, claim.site)
    words, shared = own.get(claim.site, claim.site), layers.get(site, site)
    about = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", lambda _: shared, claim.about)
    return replace(claim, about=about, site=site)
