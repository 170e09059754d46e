"""Gives each unit a label, and says how well it fits: `activation.concepts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses.activation import schemas
from holistic.lenses.activation.schemas import ConceptRow
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.families import least_q
from holistic.stats.intervals import bootstrap_interval, wilson
from holistic.stats.tests import benjamini_hochberg
from holistic.words import number, percent

if TYPE_CHECKING:
    from holistic.lenses.activation._untrained import Compared

__all__ = ["concepts_finding"]


_PROPERTIES = (
    "Properties are measured on the figure that Otsu's threshold separates from the ground; on "
    "photographs that needn't be the object."
)


def concepts_finding(compared: Compared, *, pictures: bool) -> Finding:
    """Build `activation.concepts`; `pictures` says whether the inputs are any."""
    parts = [_columns(compared, site.name) for site in compared.sites]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined["q"] = benjamini_hochberg(joined["p"])
    joined["learned_q"] = benjamini_hochberg(joined["learned_p"])
    statements = [_statement(joined, site.name, compared.copies) for site in compared.sites]
    return Finding(
        schemas.CONCEPTS,
        Table.build(ConceptRow, joined),
        statements=tuple(s for s in statements if s),
        caveats=(
            "The concept and the threshold are chosen on the selection split, all scores are of "
            "the evaluation split. A unit may code something that isn't in the list, or several "
            "things: low scores say that no one label fits.",
            f"A random network codes {'ink and size' if pictures else 'some labels'} too: `q` "
            "says that the label fits better than a shuffled one, `learned_q` that it fits better "
            "than labels fit randomly initialised units.",
            *_floor(joined, compared),
            *([_PROPERTIES] if pictures else []),
        ),
    )


def _floor(columns: dict[str, np.ndarray], compared: Compared) -> tuple[str, ...]:
    """Say where a unit by itself can't be told from randomly initialised ones."""
    floors = [compared.floor_of(site.name, "concept") for site in compared.sites]
    tests = int(np.isfinite(columns["learned_p"]).sum())
    least = least_q(float(np.nan_to_num(floors).max()), tests)
    if least < 0.05:
        return ()
    return (
        f"Beside the units of {compared.copies} randomly initialised controls a unit by itself "
        f"can't have a `learned_q` below {least:.2g} at the smallest site: there it takes several "
        "units that no randomly initialised one comes up to, or more `controls`.",
    )


def _columns(compared: Compared, site: str) -> dict[str, np.ndarray]:
    found, concepts = compared.matches[site], compared.concepts
    units = len(found.concept)
    own = compared.measures[site]["concept"]
    control = compared.control(site, "concept")
    control = control[np.isfinite(control)]
    names = np.array([*concepts.names, None], dtype=object)
    kinds = np.array([*concepts.kinds, None], dtype=object)
    return {
        "site": np.full(units, site, dtype=object),
        "unit": np.arange(units),
        "concept": names[found.concept],
        "kind": kinds[found.concept],
        "correlation": found.correlation,
        "correlation_lo": found.correlation_lo,
        "correlation_hi": found.correlation_hi,
        "threshold": found.threshold,
        "f1": found.f1,
        "f1_lo": found.f1_lo,
        "f1_hi": found.f1_hi,
        "iou": found.iou,
        "iou_lo": found.iou_lo,
        "iou_hi": found.iou_hi,
        "average_precision": found.precision,
        "precision_lo": found.precision_lo,
        "precision_hi": found.precision_hi,
        "control_f1": found.control_f1,
        "control_f1_hi": found.control_f1_hi,
        "p": found.p,
        "prevalence": found.prevalence,
        "n": np.full(units, len(concepts.present)),
        "untrained_correlation": np.full(units, np.median(control) if len(control) else np.nan),
        "learned_p": compared.p_of(site, "concept", own),
    }


def _statement(columns: dict[str, np.ndarray], site: str, copies: int) -> str:
    rows = (columns["site"] == site) & np.isfinite(columns["f1"])
    count = int(rows.sum())
    if not count:
        return ""
    of_class = int((columns["kind"][rows] == "class").sum())
    lo, hi = wilson(of_class, count)
    fits, learned = (int((columns[name][rows] < 0.05).sum()) for name in ("q", "learned_q"))
    f1, control = (float(np.median(columns[name][rows])) for name in ("f1", "control_f1"))
    low, high = bootstrap_interval(columns["f1"][rows], np.median, seed=0)
    return (
        f"Site '{site}': the label that fits best is a class for {of_class} of {count} units "
        f"({percent(of_class / count, lo, hi, decimals=0)}) and a property of the image for the "
        f"rest; the median F1 is {f1:.2f} [{number(low)}, {number(high)}] "
        f"(n = {int(columns['n'][rows][0])}), with the label shuffled {control:.2f}; "
        f"{fits} units beat the shuffles and {learned} the units of {copies} randomly initialised "
        "controls (q < 0.05)."
    )
