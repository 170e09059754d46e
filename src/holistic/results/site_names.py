"""What readers see in place of a site's key: its layer and the name that the graph gave it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from holistic.results.columns import of_sites
from holistic.results.tables import Table

__all__ = ["SiteNames", "called"]

_IN_WORDS = re.compile(r"\b[Ss]ite '([^']*)'")
"""How sentences name a site: the word, and the key in quotes."""
_KEY = "name to type in commands and in code"


def called(layer: str, shown: str) -> str:
    """Write a site as readers see it.

    >>> called("L2", "conv2 · relu"), called("", "conv2")
    ('L2 (conv2 · relu)', 'conv2')
    """
    return f"{layer} ({shown})" if layer else shown


@dataclass(frozen=True)
class SiteNames:
    """By a site's key, what readers see.

    Examples
    --------
    >>> names = SiteNames({"relu#2": "L2 (conv2 · relu)"})
    >>> names.in_text("Of the 8 units of site 'relu#2', 3 of class 'relu#2' and 2 of 'relu#2'")
    "Of the 8 units of L2 (conv2 · relu), 3 of class 'relu#2' and 2 of 'relu#2'"
    """

    of: Mapping[str, str] = field(default_factory=dict[str, str])
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    """By what may be typed in place of a key: the layer, the graph's name, and both."""

    @classmethod
    def read(cls, sites: Table) -> Self:
        """Read them from the table `sites`; one that has no such names gives none."""
        if not {"layer", "shown"} <= set(sites.names):
            return cls()
        columns = [sites.column(name).tolist() for name in ("site", "layer", "shown")]
        of, typed = dict[str, str](), dict[str, str]()
        for key, layer, shown in zip(*columns, strict=True):
            of[key] = called(layer, shown)
            for name in filter(None, (layer, shown, of[key])):
                typed.setdefault(name, key)
        return cls(of, {name: key for name, key in typed.items() if name not in of})

    def key(self, name: str) -> str:
        """Return the key of what a reader sees; what is no such name is a key already."""
        return self.typed.get(name, name)

    def in_text(self, text: str) -> str:
        """Put the names into a sentence that says `site 'key'`."""

        def seen(found: re.Match[str]) -> str:
            return self.of.get(found[1], "the input" if found[1] == "input" else found[0])

        return _IN_WORDS.sub(seen, text) if self.of else text

    def in_table(self, table: Table) -> Table:
        """Put the names into the columns of sites; of the table `sites` the key is kept beside."""
        places = [n for n, c in enumerate(table.columns) if self.of and of_sites(c)]
        columns, data = list(table.columns), table.data
        if self.of and {"layer", "shown"} <= set(table.names):
            place = table.names.index("shown")
            columns[place] = replace(columns[place], name="key", meaning=_KEY)
            data = data.set_column(place, "key", data["site"])
        for place in places:
            cells = [self.of.get(cell, cell) for cell in data.column(place).to_pylist()]
            data = data.set_column(place, columns[place].name, [cells])
        return replace(table, columns=tuple(columns), data=data)
