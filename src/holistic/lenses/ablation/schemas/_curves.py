"""Findings on whole curves: a class's accuracy from no unit to all, and its area."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.ablation.schemas._texts import RANDOM_SETS, RANKING, WILSON_ENDS
from holistic.results.columns import Estimate, col, ends, estimate, key
from holistic.results.schema import Schema

__all__ = ["AREAS", "CURVES", "CurveArea", "CurvePoint"]


@dataclass(frozen=True)
class CurvePoint:
    """Row of `ablation.curves`: a class without, or with only, k units of a site."""

    site: str = key("site of the units")
    class_: str = key("class of the examples and of the ranking", name="class", words="class")
    kind: str = key(
        "'remove_top': without the first k units of the ranking, 'remove_bottom': without the "
        "last k, 'keep_top': with the first k alone",
        words="what is removed or kept",
    )
    ranking: str = key(RANKING, words="units ranked by")
    k: int = key(
        "units removed, or kept", along=True, unit="units", words="k, units removed or kept"
    )
    accuracy: Estimate = estimate(
        "accuracy on the class",
        unit="share",
        words="accuracy on the class",
        prefix="random_",
        parts="lo hi n control control_lo control_hi p q",
        names={
            "lo": "lo",
            "hi": "hi",
            "n": "n",
            "control": "random",
            "control_lo": "random_lo",
            "control_hi": "random_hi",
        },
        meanings={
            **WILSON_ENDS,
            "n": "evaluation examples of the class",
            "control": "mean accuracy with random sets of k; missing between sizes",
            "control_lo": "2.5 % quantile over the random sets",
            "control_hi": "97.5 % quantile over the random sets",
            "p": "share of random sets with an accuracy as low (removing top) or as high (removing "
            "bottom, keeping top), (1 + b) / (1 + B); missing where nothing or everything is "
            "removed",
            "q": "Benjamini-Hochberg q of it over sites and classes, at this kind and k",
        },
        called={
            "control": RANDOM_SETS,
            "control_lo": "95 % of the sets",
            "p": "p (random sets, one-sided)",
            "q": "q over sites and classes, at this k",
        },
    )
    matched: float | None = col(
        "mean accuracy with sets of like activation",
        unit="share",
        of="accuracy",
        words="control (sets of like activation)",
        role="control",
    )
    matched_lo: float | None = col(
        "2.5 % quantile over the sets of like activation",
        unit="share",
        of="accuracy",
        words="95 % of those sets",
        role="control_lo",
    )
    matched_hi: float | None = col(
        "97.5 % quantile over the sets of like activation",
        unit="share",
        of="accuracy",
        role="control_hi",
    )
    matched_p: float | None = col(
        "as random_p, among the sets of like activation",
        of="accuracy",
        words="p (sets of like activation, one-sided)",
        role="p",
    )
    matched_q: float | None = col(
        "Benjamini-Hochberg q of it over sites and classes, at this kind and k",
        of="accuracy",
        words="q over sites and classes, at this k",
        role="q",
    )


CURVES = Schema(
    "ablation.curves",
    "From no unit to all",
    CurvePoint,
    lead="Shows each class's accuracy from no unit removed to all, with its best and worst units "
    "in front, compared with random orders.",
)


@dataclass(frozen=True)
class CurveArea:
    """Row of `ablation.areas`: one whole curve against its controls."""

    site: str = key("site of the units")
    class_: str = key("class of the examples and of the ranking", name="class")
    kind: str = key(
        "'remove_top' or 'keep_top', as in ablation.curves; 'remove_bottom' has the area of "
        "'keep_top', since removing the last units keeps the first",
        words="what is removed or kept",
    )
    ranking: str = key(RANKING, words="units ranked by")
    area: Estimate = estimate(
        "mean distance between curve and random sets over all k; positive = the ranking tells: "
        "removing top hurts more, keeping top hurts less",
        unit="share",
        words="accuracy between curve and random sets, mean over k",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={
            "control": "matched_area",
            "control_lo": "matched_lo",
            "control_hi": "matched_hi",
        },
        meanings={
            **ends(" over examples"),
            "control": "the same against orders of like activation",
            "control_lo": "lower end of its 95 % interval over examples",
            "control_hi": "upper end of its 95 % interval over examples",
            "p": "share of random orders as far to that side, (1 + b) / (1 + B)",
            "q": "Benjamini-Hochberg q of it over the classes of the site, at this kind",
        },
        called={
            "control": "control (the same against orders of like activation)",
            "p": "p (random orders, one-sided)",
            "q": "q over the classes of the site",
        },
        worse=1,
        beyond=True,
    )
    matched_p: float | None = col(
        "share of orders of like activation as far to that side",
        of="area matched_area",
        words="p (orders of like activation, one-sided)",
        role="p",
    )
    matched_q: float | None = col(
        "Benjamini-Hochberg q of it over the classes of the site, at this kind",
        of="area matched_area",
        words="q over the classes of the site",
        role="q",
    )
    half: Estimate = estimate(
        "fewest units whose removal halves the class's accuracy, or that alone keep half of it; "
        "missing if none do",
        unit="units",
        words="units that half the accuracy hangs on",
        parts="lo hi control",
        names={"control": "half_random"},
        meanings={
            "lo": "lower end of its 95 % interval (bootstrap)",
            "hi": "upper end of its 95 % interval; missing: none do",
            "control": "median of it over random orders, at their sizes",
        },
        called={"control": "control (median of random orders)"},
    )
    n: int = col("evaluation examples of the class", unit="examples", role="n")


AREAS = Schema(
    "ablation.areas",
    "Whole curves against chance",
    CurveArea,
    lead="Shows how far each whole curve lies from those of random orders, and on how few units "
    "half the accuracy depends.",
)
