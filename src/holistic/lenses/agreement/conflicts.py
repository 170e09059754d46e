"""Says where two lenses rank the units of a layer in opposite order."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._parts import known, significant
from holistic.lenses.agreement.schemas import OverClasses
from holistic.results.claims import Claim
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.words import number, sentence

__all__ = ["conflicts"]

_PAIRS = "agreement.pairs"


def conflicts(audit: Folder) -> Iterator[Claim]:
    """Two lenses of which the units that the one ranks first are those that the other ranks last.

    Surely so, over the classes: beyond shuffled units (q < 0.05) and with an interval below 0.
    """
    if _PAIRS not in audit:
        return
    layers = layer_names(audit)
    for row in audit[_PAIRS].rows(OverClasses):
        if significant(row.median) and known(row.median.hi) < 0:
            where = {"site": row.site, "lens_a": row.lens_a, "lens_b": row.lens_b}
            place = layers.get(row.site, row.site)
            other = f"{sentence(row.lens_b)} ranks units of {place} the other way round."
            yield Claim(
                f"{sentence(row.lens_a)} and {row.lens_b} rank units of {place} in opposite order "
                f"({number(row.median.value, '+.2f')}): don't take one for the other.",
                _PAIRS,
                True,
                value=row.median,
                where=where,
                site=row.site,
                against=Claim(other, _PAIRS, True, value=row.median, where=where, site=row.site),
            )
