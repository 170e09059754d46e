"""Says where the cards of classes and units lie on a page."""

from __future__ import annotations

from collections.abc import Callable

from holistic.report.embedded import site_names
from holistic.results.folder import Folder
from holistic.results.highlights import Card

__all__ = ["addresses"]


def addresses(audit: Folder) -> Callable[[Card | None], str]:
    """Return the function that gives a card's address; empty for none, and for unknown places."""
    classes = {str(name): i for i, name in enumerate(audit.provenance.get("classes", []))}
    sites = {name: i for i, name in enumerate(site_names(audit))}

    def address(card: Card | None) -> str:
        if card and card.site:
            return f"#/unit/{sites[card.site]}/{card.unit}" if card.site in sites else ""
        return f"#/class/{classes[card.label]}" if card and card.label in classes else ""

    return address
