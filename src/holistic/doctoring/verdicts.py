"""The verdicts that are tried: where each stands in a finding, and what its failing means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.results.tables import Table

__all__ = ["VERDICTS", "Verdict"]

_LEVEL = 0.05
_BOTH_WAYS = 0.1
"""Share of a class's examples that a unit must turn each way."""
_HIGH = 0.5

Named = Callable[[Table, Mapping[str, Any]], bool]
"""Takes a finding's table and cells that pick rows; says whether the verdict names them."""


@dataclass(frozen=True)
class Verdict:
    """One verdict or test of a finding.

    Attributes
    ----------
    name
        What it is called here.
    finding
        Where it stands.
    rule
        When something counts as named.
    missing
        What a reader should know where it misses what is there.
    wrong
        What a reader should know where it names what isn't there.
    names
        Whether it names the rows with given cells.
    """

    name: str
    finding: str
    rule: str
    missing: str
    wrong: str
    names: Named


def _where(table: Table, cells: Mapping[str, Any]) -> Table:
    """Rows with these cells; `class` is a column that Python has no argument for."""
    return table.where(**{"class_" if name == "class" else name: v for name, v in cells.items()})


def _any(good: Callable[[dict[str, Any]], bool], **fixed: Any) -> Named:
    """Name what has a row for which something is so; `fixed` cells are the same for all."""

    def names(table: Table, cells: Mapping[str, Any]) -> bool:
        return any(good(row) for row in _where(table, {**cells, **fixed}).rows())

    return names


def _below(value: float | None) -> bool:
    return value is not None and value < _LEVEL


def _needed(table: Table, cells: Mapping[str, Any]) -> bool:
    """Whether removal does something to a class, in the direction of `sign`."""
    own = {name: value for name, value in cells.items() if name != "sign"}
    rows = _where(table, own).rows()
    return any(_below(row["q"]) and row["effect"] * cells["sign"] > 0 for row in rows)


def _together(table: Table, cells: Mapping[str, Any]) -> bool:
    """Whether two units are in one cluster."""
    here = table.where(site=cells["site"])
    [a], [b] = (here.where(unit=cells[name]).cells("cluster") for name in ("unit", "with"))
    return a is not None and a == b


def _windows(table: Table, cells: Mapping[str, Any]) -> bool:
    """Whether erasing some window that lies in a range of rows and columns harms a class."""
    rows = table.where(class_=cells["class"], kind="erase").rows()
    inside = (
        row
        for row in rows
        if all(
            low <= row[side] and row[side] + row[size] <= high
            for side, size in (("top", "height"), ("left", "width"))
            for low, high in (cells[side],)
        )
    )
    return any(_below(row["q"]) and row["effect"] < 0 for row in inside)


def _both_ways(row: Mapping[str, Any]) -> bool:
    return min(row["lost"], row["gained"]) >= _BOTH_WAYS * row["n"]


def _readable(row: Mapping[str, Any]) -> bool:
    return row["selectivity_lo"] > 0 and row["lo"] > np.nan_to_num(row["control_accuracy"])


_passed = _any(lambda row: bool(row["passed"]))
_UNNEEDED = "Units that a class does need may be passed off as not needed."

VERDICTS = {
    verdict.name: verdict
    for verdict in (
        Verdict(
            "causal",
            "agreement.units",
            "the unit's class is the one that depends on it",
            _UNNEEDED,
            "Classes may be said to depend on units that nothing reads.",
            _any(lambda row: bool(row["causal"])),
        ),
        Verdict(
            "harmed",
            "agreement.units",
            "the unit's class is harmed by it",
            "Units that hold a class back may go unnamed.",
            "Units may be said to harm a class that they don't touch.",
            _any(lambda row: row["needs_it"] == "harmed"),
        ),
        Verdict(
            "selective",
            "agreement.units",
            "the unit tells its class better than untrained units do",
            "Units that respond to a class may go unnamed.",
            "Units may be said to respond to a class that are noise.",
            _any(lambda row: bool(row["selective"])),
        ),
        Verdict(
            "selective, not causal",
            "agreement.units",
            "this verdict",
            "Responding may be taken for deciding.",
            "Units that decide a class may be said to respond to it only.",
            _any(lambda row: row["verdict"] == "selective, not causal"),
        ),
        Verdict(
            "needed",
            "ablation.units",
            "removal costs the class score, and accuracy at q < 0.05",
            _UNNEEDED,
            "Classes may seem to need units that they don't.",
            _needed,
        ),
        Verdict(
            "turns both ways",
            "ablation.units",
            "removal turns a tenth of a class right, and a tenth wrong",
            "Effects of both signs in a class may cancel without notice.",
            "Units may seem to turn examples that they don't touch.",
            _any(_both_ways),
        ),
        Verdict(
            "specific",
            "ablation.scores",
            "removal costs this class more than others, q < 0.05",
            "Losses that are a class's own may seem general.",
            "Losses may seem a class's own that aren't.",
            _any(lambda row: _below(row["specific_q"]) and row["specific"] < 0, score="margin"),
        ),
        Verdict(
            "top set",
            "ablation.topk",
            "a class's best units, of some number, cost more than random ones, q < 0.05",
            "A class's most needed units may seem no better than random ones.",
            "Random units may seem a class's most needed.",
            _any(lambda row: _below(row["class_q"]) and row["class_drop"] > 0, ranking="effect"),
        ),
        Verdict(
            "redundant",
            "ablation.interactions",
            "this verdict, of all examples",
            "Units that stand in for each other may seem unneeded.",
            "Independent units may seem to stand in for each other.",
            _any(lambda row: row["verdict"] == "redundant"),
        ),
        Verdict(
            "synergistic",
            "ablation.interactions",
            "this verdict, of all examples",
            "Units that work only together may seem independent.",
            "Independent units may seem to work together.",
            _any(lambda row: row["verdict"] == "synergistic"),
        ),
        Verdict(
            "steps in",
            "ablation.backup",
            "the unit helps more once the other is gone",
            "Backups may go unnamed.",
            "Units may seem backups that aren't.",
            _any(lambda row: bool(row["backup"])),
        ),
        Verdict(
            "patched",
            "tracing.patching",
            "another class's value takes decision away, q < 0.05",
            "Units that carry a decision may seem to carry none.",
            "Units may seem to carry a decision that nothing reads.",
            _any(
                lambda row: _below(row["q"]) and row["recovery"] > 0,
                corrupt="all",
                direction="noise",
            ),
        ),
        Verdict(
            "decodable",
            "tracing.directions",
            "the direction tells its class beyond 97.5 % of random ones",
            "Directions that tell a class may seem random.",
            "Random directions may seem to tell a class.",
            _any(lambda row: row["auroc"] > row["control_auroc_hi"]),
        ),
        Verdict(
            "erased",
            "tracing.directions",
            "erasing costs the class more than random directions do, q < 0.05",
            "Directions that a class needs may seem unneeded.",
            "Directions may seem needed that nothing reads.",
            _any(lambda row: _below(row["q"]) and row["erase_drop"] > 0),
        ),
        Verdict(
            "steers",
            "tracing.directions",
            "steering moves the class more than random directions do, q < 0.05",
            "Directions that steer may seem not to.",
            "Directions may seem to steer that nothing reads.",
            _any(lambda row: _below(row["steer_q"]) and row["steer_slope"] > 0),
        ),
        Verdict(
            "correlated",
            "mechanism.pairs",
            "correlation within classes above 0.5, q < 0.05",
            "Units that vary together may seem independent.",
            "Independent units may seem to vary together.",
            _any(lambda row: _below(row["r_within_q"]) and abs(row["r_within"]) > _HIGH),
        ),
        Verdict(
            "same cluster",
            "mechanism.clusters",
            "both units are in one cluster of their site",
            "Groups of units may be torn apart.",
            "Groups may be seen where there are none.",
            _together,
        ),
        Verdict(
            "edge",
            "mechanism.edges",
            "replacing the first unit changes the second",
            "Edges of a circuit may be missing.",
            "Edges may be drawn where there is no weight.",
            _any(lambda row: (row["size_lo"] or 0) > 0),
        ),
        Verdict(
            "readable",
            "mechanism.flow",
            "a linear probe reads the class beyond its control",
            "A layer may seem not to know a class that it knows.",
            "A layer may seem to know a class that it doesn't.",
            _any(_readable),
        ),
        Verdict(
            "made plain",
            "mechanism.flow",
            "a probe reads the class better than at the site before",
            "Where a class becomes known may go unseen.",
            "A class may seem to become known where it doesn't.",
            _any(lambda row: (row["change_lo"] or 0) > 0),
        ),
        Verdict(
            "evidence",
            "attribution.evidence",
            "erasing some window there costs the class score, q < 0.05",
            "Evidence that a class rests on may go unseen, a shortcut among it.",
            "Places may seem evidence that nothing reads.",
            _windows,
        ),
        Verdict(
            "finds pixels",
            "attribution.methods",
            "removing pixels in the map's order harms sooner than at random",
            "Maps that find what decides may be shown as failing.",
            "Maps may seem to find what decides that see no model.",
            _passed,
        ),
        Verdict(
            "adds up",
            "attribution.methods",
            "a map's sum comes within 5 % of the change of the logit",
            "Maps that add up to the logit may be shown as failing.",
            "Maps may seem to add up to the logit that don't.",
            _passed,
        ),
        Verdict(
            "sees what was learnt",
            "attribution.methods",
            "the map changes with weights drawn afresh",
            "Maps that show what was learnt may be shown as failing.",
            "Maps may seem to show what was learnt that don't change with it.",
            _passed,
        ),
    )
}
"""By name."""
