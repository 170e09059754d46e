"""What do the verdicts say, in sentences?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holistic.lenses.agreement.schemas import VERDICTS
from holistic.results.tables import Table
from holistic.words import number, percent

__all__ = ["verdict_statements"]


def verdict_statements(table: Table, unit: str) -> Iterator[str]:
    """Count the verdicts of each site, and name what misleads: rows of `agreement.units`.

    `unit` is that of the score.
    """
    rows = list(table.rows())
    for site in dict.fromkeys(row["site"] for row in rows):
        here = [row for row in rows if row["site"] == site]
        counts = [(v, sum(row["verdict"] == v for row in here)) for v in VERDICTS]
        yield (
            f"The {len(here)} units of '{site}' by verdict: "
            + "; ".join(f"{count} {verdict}" for verdict, count in counts if count)
            + f" ({_selective(here[0])}; causal: {_causal(here[0])})."
        )
    apart = [row for row in rows if row["verdict"] == VERDICTS[1]]
    if apart:
        yield _apart(apart)
    yield _misleading([row for row in rows if row["verdict"] == VERDICTS[2]], unit)


def _selective(row: dict[str, Any]) -> str:
    bound = number(row["selective_bound"], ".3f")
    if row["selective_by"] == "AUROC":
        return f"selective: AUROC above {bound}"
    return (
        f"selective: d′ above {number(row['d_prime_bound'])}, as untrained units reach an AUROC of "
        f"{bound} too and none can be told by it"
    )


def _causal(row: dict[str, Any]) -> str:
    if row["causal_bound"] is None:
        return "its accuracy at q < 0.05; no pair of images could be patched"
    bound = _share(row["causal_bound"])
    return f"more than {bound} of a class's decision at q < 0.05, or its accuracy"


def _share(share: float) -> str:
    """In per cent, a small one to two digits: a bound isn't nothing."""
    return percent(share) if abs(share) >= 0.01 else f"{100 * share:.2g} %"


def _apart(rows: list[dict[str, Any]]) -> str:
    """Name the unit that another class than the one that it prefers depends on most."""
    worst = max(rows, key=lambda row: abs(row["causal_share"] or 0.0))
    share = ", ".join(number(worst[end], ".3f") for end in ("causal_lo", "causal_hi"))
    return (
        f"{len(rows)} selective units are causal for another class than the one that they prefer: "
        f"{worst['unit']} of '{worst['site']}' is selective for {worst['preferred_class']} and "
        f"causal for {worst['causal_class']}, of whose decision it takes away "
        f"{number(worst['causal_share'], '.3f')} [{share}] (n = {worst['causal_n']})."
    )


def _misleading(rows: list[dict[str, Any]], unit: str) -> str:
    """Name the unit whose response promises most and whose removal costs least."""
    if not rows:
        return "No selective unit is without effect: here what responds to a class also drives one."
    worst = max(rows, key=lambda row: (row["activation"], row["d_prime"] or 0.0))
    ends = ", ".join(number(worst[end], ".3f") for end in ("activation_lo", "activation_hi"))
    cost = ", ".join(number(worst[end], ".3g") for end in ("ablation_lo", "ablation_hi"))
    ablation = (
        ""
        if worst["ablation"] is None
        else f" removing it costs that class {worst['ablation']:z.3g} {unit} [{cost}]; and"
    )
    return (
        f"Of the {len(rows)} selective units that aren't causal the most selective is "
        f"{worst['unit']} of '{worst['site']}': it tells class {worst['preferred_class']} from the "
        f"rest with an AUROC of {worst['activation']:.3f} [{ends}] (n = {worst['activation_n']}), "
        f"but{ablation}{_taken_away(worst)}."
    )


def _taken_away(row: dict[str, Any]) -> str:
    if row["causal_share"] is None:
        return " no class's accuracy changes (q ≥ 0.05)"
    small = row["causal_bound"] is None or abs(row["causal_share"]) <= row["causal_bound"]
    beside = "no more than" if small else "not significantly (q ≥ 0.05) beside"
    return (
        f" another class's value takes away {_share(row['causal_share'])} of the decision for "
        f"{row['told_class']}, {beside} the {_share(row['causal_bound'] or 0.0)} that 95 % of the "
        "site's units stay below where the value comes from the same class"
    )
