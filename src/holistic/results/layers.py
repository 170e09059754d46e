"""Short names of layers, so that none can be taken for a class or a unit: L1, L2 and so on."""

from __future__ import annotations

from holistic.results.folder import Folder

__all__ = ["layer_names", "unit_name"]


def layer_names(audit: Folder) -> dict[str, str]:
    """Name the hidden sites of the model by their depth, and other studied sites by their path.

    Returns
    -------
    dict of str to str
        `L1` for the first hidden site, by the site's own name.
    """
    rows = list(audit["sites"].sort("depth").rows()) if "sites" in audit else []
    hidden = [row["site"] for row in rows if row["hidden"]]
    others = [row["site"] for row in rows if not row["hidden"]]
    short = {site: f"L{place}" for place, site in enumerate(hidden, 1)}
    return short | {site: site for site in others}


def unit_name(layers: dict[str, str], site: str, unit: int) -> str:
    """Name a unit by its layer.

    >>> unit_name({"fc1.relu": "L1"}, "fc1.relu", 40)
    'L1·40'
    """
    return f"{layers.get(site, site)}·{unit}"
