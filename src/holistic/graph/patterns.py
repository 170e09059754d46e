"""Reads which sites are meant: a name, a pattern of names, or places among the hidden sites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from holistic.arguments import WRITTEN
from holistic.errors import SiteError, listed
from holistic.graph.sites import Site, find_site

__all__ = ["matching", "narrowed"]

_PLACES = re.compile(rf"#({WRITTEN})?(:)?({WRITTEN})?")


def matching(sites: Sequence[Site], patterns: Sequence[str]) -> tuple[Site, ...]:
    """Return the sites that are meant, each once, in the order in which they are named.

    Parameters
    ----------
    sites
        All sites of a model.
    patterns
        A name stands for its site. A pattern (`layer3.*`) stands for the hidden sites that it
        fits, `*` for any letters and `?` for one. `#-1` is the last hidden site, `#-3:` the last
        three, `#:2` the first two, as in Python's slices.

    Raises
    ------
    SiteError
        If one stands for nothing.
    """
    hidden = [site for site in sites if site.hidden]
    names = {site.name for site in sites}
    found = dict[str, Site]()
    for pattern in patterns:
        places = _PLACES.fullmatch(pattern)
        if pattern in names or not (places or set("*?") & set(pattern)):
            some = [find_site(sites, pattern)]
        elif places:
            some = _at(hidden, places)
        else:
            some = [site for site in hidden if fnmatchcase(site.name, pattern.replace("[", "[[]"))]
        if not some:
            raise SiteError(
                f"'{pattern}' stands for none of the {len(hidden)} hidden sites, "
                f"{listed(site.name for site in hidden)}; other sites are named in full"
            )
        found.update((site.name, site) for site in some)
    return tuple(found.values())


def narrowed(sites: Sequence[Site], patterns: Sequence[str]) -> tuple[Site, ...]:
    """Make hidden what the patterns stand for, and nothing else; layers keep their numbers.

    Without any pattern the same sites stay hidden.
    """
    if not patterns:
        return tuple(sites)
    meant = {site.name for site in matching(sites, patterns)}
    return tuple(
        replace(site, hidden=site.name in meant, block=site.block and site.name in meant)
        for site in sites
    )


def _at(hidden: list[Site], places: re.Match[str]) -> list[Site]:
    first, colon, last = places.groups()
    start, stop = (None if end is None else int(end) for end in (first, last))
    if colon:
        return hidden[start:stop]
    if start is None or stop is not None or not -len(hidden) <= start < len(hidden):
        return []
    return [hidden[start]]
