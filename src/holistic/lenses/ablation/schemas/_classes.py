"""Findings on classes: what they are taken for, and what they lose without sets of units."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.ablation.schemas._texts import RANDOM_SETS, RANKING, WILSON_ENDS
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["CONFUSION", "OFF_TARGET", "TOPK", "Confusion", "OffTarget", "TopK"]


@dataclass(frozen=True)
class Confusion:
    """Row of `ablation.confusion`: examples of a class that the whole model takes for another."""

    class_: str = key("class of the examples", name="class", words="class of the examples")
    prediction: str = key("class that the model takes them for", words="class that the model says")
    count: int = col("evaluation examples of the class with this prediction", unit="examples")
    share: Estimate = estimate(
        "share of the class's evaluation examples",
        unit="share",
        words="share of the class's examples",
        prefix="",
        parts="lo hi n control",
        names={"control": "control_share"},
        meanings={
            "lo": "lower end of the 95 % interval of the share (Wilson)",
            "hi": "upper end of the 95 % interval of the share (Wilson)",
            "n": "evaluation examples of the class",
            "control": "share of all examples with this prediction: what a class would have if "
            "predictions had nothing to do with classes",
        },
        called={"control": "control (share of all examples)"},
    )


CONFUSION = Schema(
    "ablation.confusion",
    "What is taken for what",
    Confusion,
    lead="Shows which class the whole model takes each class for while nothing is removed.",
)


@dataclass(frozen=True)
class TopK:
    """Row of `ablation.topk`: a site without the k units that a ranking puts first for a class."""

    site: str = key("site whose units are removed")
    class_: str = key(
        "class that the units were ranked for, on the selection split", name="class", words="class"
    )
    ranking: str = key(RANKING, words="units ranked by")
    k: int = key("units removed", along=True, unit="units", words="k, units removed")
    rank: int | None = col(
        "place of the site among the hidden sites by what the class loses there on the selection "
        "split, at the k that is spoken of; 1 = loses most; missing elsewhere",
        words="rank of the site on the selection split",
    )
    firing: int = col(
        "of the k units, those that are more active on the class than what they hold once removed "
        "(selection split); the others are needed silent",
        unit="units",
        words="of them firing on the class",
    )
    accuracy_before: Estimate = estimate(
        "accuracy on all evaluation examples",
        unit="share",
        words="accuracy before",
        prefix="before_",
        meanings=WILSON_ENDS,
    )
    accuracy_after: float = col(
        "accuracy without the k units", unit="share", words="accuracy after"
    )
    drop: Estimate = estimate(
        "accuracy before minus after; positive = the units help",
        unit="share",
        words="accuracy lost on all classes",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_drop"},
        meanings={
            "lo": "lower end of the 95 % interval of the drop",
            "hi": "upper end of the 95 % interval of the drop",
            "control": "mean drop over random sets of k units of the site",
            "control_lo": "2.5 % quantile of the drop over the random sets",
            "control_hi": "97.5 % quantile of the drop over the random sets",
            "p": "share of random sets that drop as much, (1 + b) / (1 + B); of all sets where all "
            "are tried; missing where nothing or everything is removed",
            "q": "Benjamini-Hochberg q of p over sites and classes, at this k and ranking",
        },
        called={
            "control": RANDOM_SETS,
            "control_lo": "95 % of the sets",
            "p": "p (random sets, one-sided)",
            "q": "q over sites and classes, at this k",
        },
        worse=1,
        signed=True,
    )
    n: int = col(
        "evaluation examples",
        unit="examples",
        of="drop accuracy_before accuracy_after",
        role="n",
    )
    class_accuracy_before: Estimate = estimate(
        "accuracy on the class's own examples",
        unit="share",
        words="accuracy on the class before",
        prefix="class_before_",
        meanings=WILSON_ENDS,
    )
    class_accuracy_after: float = col(
        "the same without the k units", unit="share", words="accuracy on the class after"
    )
    class_drop: Estimate = estimate(
        "accuracy on the class before minus after",
        unit="share",
        words="accuracy lost on the class",
        prefix="class_",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "class_control_drop"},
        meanings={
            "lo": "lower end of the 95 % interval of the class's drop",
            "hi": "upper end of the 95 % interval of the class's drop",
            "control": "mean class drop over random sets of k units",
            "control_lo": "2.5 % quantile over the random sets",
            "control_hi": "97.5 % quantile over the random sets",
            "p": "share of random sets that drop the class as much, as p",
            "q": "Benjamini-Hochberg q of class_p over sites and classes, at this k and ranking",
        },
        called={
            "control": RANDOM_SETS,
            "control_lo": "95 % of the sets",
            "p": "p (random sets, one-sided)",
            "q": "q over sites and classes, at this k",
        },
        worse=1,
        signed=True,
    )
    sets: int = col("sets behind class_p", unit="sets", of="class_p", words="sets behind the p")
    least_p: float | None = col(
        "least p that so many sets allow", of="class_p", words="p at the least, with so many sets"
    )
    activation: Estimate = estimate(
        "mean activation of the k units over the selection split, classes weighing the same",
        words="mean activation of the units",
        parts="control",
        names={"control": "matched_activation"},
        meanings={"control": "the same of the sets matched on it"},
        called={"control": "control (mean activation of matched sets)"},
    )
    class_matched_drop: float | None = col(
        "mean class drop over sets matched on mean activation",
        unit="share",
        of="class_drop",
        words="control (sets of like activation)",
        role="control",
    )
    class_matched_lo: float | None = col(
        "2.5 % quantile over the matched sets",
        unit="share",
        of="class_drop",
        words="95 % of those sets",
        role="control_lo",
    )
    class_matched_hi: float | None = col(
        "97.5 % quantile over the matched sets", unit="share", of="class_drop", role="control_hi"
    )
    class_matched_p: float | None = col(
        "share of distinct matched sets that drop the class as much, (1 + b) / (1 + B)",
        of="class_drop",
        words="p (sets of like activation, one-sided)",
        role="p",
    )
    class_matched_q: float | None = col(
        "Benjamini-Hochberg q of it over sites and classes, at this k and ranking",
        of="class_drop",
        words="q over sites and classes, at this k",
        role="q",
    )
    class_matched_sets: int = col(
        "distinct sets behind class_matched_p, each counted once",
        unit="sets",
        of="class_matched_p",
        words="sets of like activation",
    )
    class_n: int = col(
        "evaluation examples of the class",
        unit="examples",
        of="class_drop class_accuracy_before class_accuracy_after",
        role="n",
    )


TOPK = Schema(
    "ablation.topk",
    "Growing sets of units",
    TopK,
    lead="Shows how each class's accuracy falls as more of its top units are removed, compared "
    "with random sets of as many units.",
    answers=True,
    size="drop",
)


@dataclass(frozen=True)
class OffTarget:
    """Row of `ablation.off_target`: one class without the units that another depends on."""

    site: str = key("site whose units are removed")
    removed_for: str = key(
        "class whose top units, by effect on the selection split, are removed",
        words="class whose top units are removed",
    )
    class_: str = key("class of the examples", name="class", words="class of the examples")
    k: int = col("units removed", unit="units", words="k, units removed")
    drop: Estimate = estimate(
        "accuracy on the class before minus after",
        unit="share",
        words="accuracy lost",
        prefix="",
        parts="lo hi n control control_lo control_hi p q",
        names={"control": "control_drop"},
        meanings={
            "lo": "lower end of the 95 % interval of the drop",
            "hi": "upper end of the 95 % interval of the drop",
            "n": "evaluation examples of the class",
            "control": "mean drop over random sets of k units of the site",
            "control_lo": "2.5 % quantile over the random sets",
            "control_hi": "97.5 % quantile over the random sets",
            "p": "exact two-sided McNemar p of lost against gained",
            "q": "Benjamini-Hochberg q over all sites and pairs of classes",
        },
        called={
            "control": RANDOM_SETS,
            "control_lo": "95 % of the sets",
            "p": "p (exact McNemar, two-sided)",
            "q": "q over all sites and pairs of classes",
        },
        worse=1,
        signed=True,
    )
    lost: int = col(
        "examples that were right before and wrong after",
        unit="examples",
        of="drop",
        words="right before and wrong after",
    )
    gained: int = col(
        "examples that were wrong before and right after",
        unit="examples",
        of="drop",
        words="wrong before and right after",
    )
    control_p: float | None = col(
        "share of random sets that drop the class as much, (1 + b) / (1 + B)",
        of="drop",
        words="p (random sets, one-sided)",
        role="p",
    )
    control_q: float | None = col(
        "Benjamini-Hochberg q of control_p over the pairs of classes of the site",
        of="drop",
        words="q over pairs of classes of the site",
        role="q",
    )


OFF_TARGET = Schema(
    "ablation.off_target",
    "Off-target effects on other classes",
    OffTarget,
    lead="Shows which other classes lose accuracy when the units go that one class depends on.",
    across="removed_for class",
)
