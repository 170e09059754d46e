"""Puts what the tests of the maps say into sentences, one or two for each test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._maps import display_name
from holistic.lenses.attribution.schemas import CONTROLS, MethodRow
from holistic.words import number, percent

__all__ = ["statements"]


def statements(rows: Sequence[MethodRow], lens: Attribution) -> tuple[str, ...]:
    """Summarise the table, a sentence or two per metric."""
    lines = (
        _removal(rows, "deletion_auc", "pixels are removed", "removed"),
        _removal(rows, "insertion_auc", "pixels are put into the mean image", "put in"),
        _completeness(rows, lens),
        _similarity(
            rows,
            "randomisation",
            f"Maps that hardly change when all weights are drawn afresh (rank correlation from "
            f"{lens.similar:g} on, or not negligible and no less than between two randomly "
            "initialised controls) say little about what was learnt",
            "between two randomly initialised controls",
        )
        # a map that is multiplied by the input is zero wherever the image is
        + _second_metric(
            rows, "randomisation_nonzero", "over the pixels that aren't zero in the image"
        ),
        _similarity(
            rows,
            "edge_similarity",
            "Rank correlation of the maps with a Sobel edge filter that sees no model",
            "with another image's edges",
        ),
        _similarity(
            rows,
            "cascading",
            "Maps whose signed values hardly change when the last layers alone are redrawn don't "
            "say what those layers make of the input",
            "between two networks that were redrawn so",
        ),
        _similarity(
            rows,
            "infidelity",
            "Share of what blanking windows changes that sums of the map don't foresee",
            "maps of random numbers",
        ),
        _moved(rows),
        _dependence(rows),
    )
    return tuple(sentence for sentence in lines if sentence)


def _of(rows: Iterable[MethodRow], metric: str) -> dict[str, MethodRow]:
    return {row.method: row for row in rows if row.metric == metric and row.n}


def _number(row: MethodRow) -> str:
    of = row.value
    value, lo, hi = (number(part, "z.2f") for part in (of.value, of.lo, of.hi))
    return f"{value} [{lo}, {hi}]"


def _listed(rows: Iterable[MethodRow]) -> str:
    return ", ".join(display_name(row.method) for row in rows)


def _removal(rows: Sequence[MethodRow], metric: str, doing: str, done: str) -> str:
    found = _of(rows, metric)
    methods = [row for name, row in found.items() if name not in CONTROLS]
    if not methods or "random" not in found:
        return ""
    sign = 1 if metric == "deletion_auc" else -1
    best = min(methods, key=lambda row: sign * (row.value.value or 0.0))
    edge = f", an edge filter's {_number(found['edge'])}" if "edge" in found else ""
    failed = [row for row in methods if not row.passed]
    verdict = (
        f"no better than the random order: {_listed(failed)}"
        if failed
        else "all methods are better than the random order"
        if len(methods) > 1
        else "it is better than the random order"
    )
    blind = (
        " The edge filter, which sees no model, is better than a random order too: that alone says "
        "nothing of the model."
        if _passes(found, "edge")
        else ""
    )
    rank = f", the best of {len(methods)} methods on these images" if len(methods) > 1 else ""
    return (
        f"While {doing} in the order of {display_name(best.method)}{rank}, the mean probability of "
        f"the own class is {_number(best)} over all shares {done} (a random order's "
        f"{_number(found['random'])}{edge}; n = {best.n}); "
        f"{verdict}.{blind}"
    )


def _passes(found: dict[str, MethodRow], method: str) -> bool:
    return method in found and bool(found[method].passed)


def _completeness(rows: Sequence[MethodRow], lens: Attribution) -> str:
    found = _of(rows, "completeness").values()
    if not found:
        return ""
    each = ", ".join(
        f"{display_name(row.method)} by {percent(row.value.value, row.value.lo, row.value.hi)}"
        f"{'' if row.passed else ' (fails)'}"
        for row in found
    )
    first = next(iter(found))
    return (
        f"Sums of attributions miss the change of the {lens.objective} from an image of zeros: "
        f"{each}; for another image's change {percent(first.value.control, decimals=0)} "
        f"(n = {first.n}, at most {percent(lens.tolerance, decimals=0)} passes)."
    )


def _similarity(rows: Sequence[MethodRow], metric: str, lead: str, control: str) -> str:
    found = _of(rows, metric).values()
    if not found:
        return ""
    each = ", ".join(
        f"{display_name(row.method)} {_number(row)}{'' if row.passed else ' (fails)'}"
        for row in found
    )
    controls = _controls(found)
    return f"{lead}: {each}; {control} {controls} (n = {max(row.n for row in found)})."


def _each(found: Iterable[MethodRow]) -> str:
    return ", ".join(f"{display_name(row.method)} {_number(row)}" for row in found)


def _moved(rows: Sequence[MethodRow]) -> str:
    found = _of(rows, "sensitivity").values()
    if not found:
        return ""
    return (
        "How far maps move, in their own length, under noise of 2 % of the inputs' range: "
        f"{_each(found)} (n = {max(row.n for row in found)}); a map that moves much is one of this "
        "image alone."
    )


def _dependence(rows: Sequence[MethodRow]) -> str:
    found = _of(rows, "baseline_dependence").values()
    if not found:
        return ""
    return (
        "How far maps depend on what stands for nothing (0 not at all; 1: maps from two baselines "
        f"share nothing): {_each(found)}; maps of two images {_controls(found)} "
        f"(n = {max(row.n for row in found)})."
    )


def _second_metric(rows: Sequence[MethodRow], metric: str, where: str) -> str:
    """Add the values of a second metric to a sentence about the same methods."""
    found = _of(rows, metric).values()
    if not found:
        return ""
    values = ", ".join(
        f"{number(row.value.value, 'z.2f')}{'' if row.passed else ' (fails)'}" for row in found
    )
    return f" Only {where}: {values}; control {_controls(found)}."


def _controls(found: Iterable[MethodRow]) -> str:
    return ", ".join(number(row.value.control, "z.2f") for row in found)
