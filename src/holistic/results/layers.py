"""Short names of layers, so that none can be taken for a class or a unit: L1, L2 and so on."""

from __future__ import annotations

from holistic.results.folder import Folder
from holistic.results.tables import Table

__all__ = ["layer_names", "layers_of", "unit_name"]


def layer_names(audit: Folder) -> dict[str, str]:
    """Name sites by their layer, as the table `sites` numbers them, and others by their path.

    Returns
    -------
    dict of str to str
        `L1` for the first hidden site of the whole model, by the site's own name.
    """
    return layers_of(audit["sites"]) if "sites" in audit else {}


def layers_of(sites: Table) -> dict[str, str]:
    """Name the sites of a table `sites`, as `layer_names` does."""
    rows = list(sites.sort("depth").rows())
    if not any(row.get("layer") for row in rows):  # an audit of an older version has no numbers
        hidden = [str(row["site"]) for row in rows if row["hidden"]]
        ranks = {site: f"L{place}" for place, site in enumerate(hidden, 1)}
        return {site: ranks.get(site, site) for site in (str(row["site"]) for row in rows)}
    return {str(row["site"]): str(row.get("layer") or row["site"]) for row in rows}


def unit_name(layers: dict[str, str], site: str, unit: int) -> str:
    """Name a unit by its layer.

    >>> unit_name({"fc1.relu": "L1"}, "fc1.relu", 40)
    'L1·40'
    """
    return f"{layers.get(site, site)}·{unit}"
