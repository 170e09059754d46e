"""Findings of the lens `ablation`: what each row, array and page of them says."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses._columns import KIND
from holistic.results.columns import col
from holistic.results.schema import Schema
from holistic.results.unit_effect import UnitEffect

__all__ = [
    "AREAS",
    "BACKUP",
    "COLLATERAL",
    "CONFUSION",
    "CURVES",
    "DIRECT",
    "IMAGES",
    "INTERACTIONS",
    "REPLACEMENTS",
    "SCORES",
    "SHAPLEY",
    "TOPK",
    "UNITS",
    "Agreement",
    "Backup",
    "Collateral",
    "Confusion",
    "CurveArea",
    "CurvePoint",
    "Direct",
    "ImageUnit",
    "Interaction",
    "RemovedUnit",
    "ScoreEffect",
    "ShapleyValue",
    "TopK",
]


@dataclass(frozen=True)
class RemovedUnit(UnitEffect):
    """Row of `ablation.units`: what replacing one unit does to one class, and what chose it."""

    rank: int | None = col(
        "place among the units of all hidden sites by the effect on the class on the selection "
        "split, which chooses the units that are told of; 1 = the class loses most",
        words="rank on the selection split",
    )
    above: float | None = col(
        "mean activation on the class minus what the unit holds once it is removed, on the "
        "selection split; positive = it fires on the class, negative = it is silent there, so that "
        "removing it raises it",
        words="activation on the class beyond its replacement",
    )


UNITS = Schema(
    "ablation.units",
    "One unit at a time",
    RemovedUnit,
    cells=2_000_000,
)


@dataclass(frozen=True)
class Confusion:
    """Row of `ablation.confusion`: examples of a class that the whole model takes for another."""

    class_: str = col("class of the examples", name="class", words="class of the examples")
    prediction: str = col("class that the model takes them for", words="class that the model says")
    count: int = col("evaluation examples of the class with this prediction", unit="examples")
    share: float = col(
        "share of the class's evaluation examples",
        unit="share",
        words="share of the class's examples",
    )
    lo: float = col("lower end of the 95 % interval of the share (Wilson)", unit="share")
    hi: float = col("upper end of the 95 % interval of the share (Wilson)", unit="share")
    n: int = col("evaluation examples of the class", unit="examples")
    control_share: float = col(
        "share of all examples with this prediction: what a class would have if predictions had "
        "nothing to do with classes",
        unit="share",
        of="share",
        words="control (share of all examples)",
    )


CONFUSION = Schema(
    "ablation.confusion",
    "What is taken for what",
    Confusion,
)


@dataclass(frozen=True)
class ImageUnit:
    """Row of the finding `ablation.images`: what one image's decision owes to one unit."""

    example: int = col("place of the example in the data that the subject was given")
    kind: str = col(KIND)
    label: str = col("class of the image")
    prediction: str = col("class that the model says")
    site: str = col("site of the unit")
    unit: int = col("unit of the site")
    rank: int = col("place among the site's units by the size of the effect, from 1 on")
    effect: float = col(
        "score of the image after minus before; negative = the unit speaks for its class",
        unit="score",
        words="effect of removing it on this image",
    )
    control_effect: float = col(
        "size of the effect of the site's median unit on the same image",
        unit="score",
        of="effect",
        words="control (size for the site's median unit)",
    )
    turned: int = col(
        "-1 = right only with the unit, 1 = right only without it, 0 = neither",
        words="turns the prediction",
    )
    control_turned: float = col(
        "units of the site without which the prediction turns as much",
        unit="share",
        of="turned",
        words="control (share of the site's units that turn it)",
    )
    control_searched: float | None = col(
        "share of the other classes' images of its kind whose largest effect of any unit of the "
        "hidden sites, searched for as here, would turn this image's prediction, too",
        unit="share",
        of="turned",
        words="control (as many units searched on other images)",
    )
    before: float = col(
        "score of the image with all units in place", unit="score", words="score with all units"
    )
    class_effect: float = col(
        "mean effect of the unit on its class's evaluation examples",
        unit="score",
        words="effect on its class",
    )
    class_lo: float = col("lower end of its 95 % interval", unit="score")
    class_hi: float = col("upper end of its 95 % interval", unit="score")
    class_n: int = col("examples behind the class's mean", unit="examples", of="class_effect")


IMAGES = Schema(
    "ablation.images",
    "Units that decide single images",
    ImageUnit,
    examples=True,
)


@dataclass(frozen=True)
class TopK:
    """Row of `ablation.topk`: a site without the k units that a ranking puts first for a class."""

    site: str = col("site whose units are removed")
    class_: str = col(
        "class that the units were ranked for, on the selection split", name="class", words="class"
    )
    ranking: str = col("what ranked the units, on the selection split", words="units ranked by")
    k: int = col("units removed", unit="units", words="k, units removed")
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
    accuracy_before: float = col(
        "accuracy on all evaluation examples", unit="share", words="accuracy before"
    )
    before_lo: float = col("lower end of its 95 % interval (Wilson)", unit="share")
    before_hi: float = col("upper end of its 95 % interval (Wilson)", unit="share")
    accuracy_after: float = col(
        "accuracy without the k units", unit="share", words="accuracy after"
    )
    drop: float = col(
        "accuracy before minus after; positive = the units help",
        unit="share",
        words="accuracy lost on all classes",
    )
    lo: float = col("lower end of the 95 % interval of the drop", unit="share")
    hi: float = col("upper end of the 95 % interval of the drop", unit="share")
    control_drop: float = col(
        "mean drop over random sets of k units of the site",
        unit="share",
        of="drop",
        words="control (random sets of as many units)",
    )
    control_lo: float = col(
        "2.5 % quantile of the drop over the random sets", unit="share", words="95 % of the sets"
    )
    control_hi: float = col("97.5 % quantile of the drop over the random sets", unit="share")
    p: float | None = col(
        "share of random sets that drop as much, (1 + b) / (1 + B); of all sets where all are "
        "tried; missing where nothing or everything is removed",
        of="drop",
        words="p (random sets, one-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q of p over sites and classes, at this k and ranking",
        of="drop",
        words="q over sites and classes, at this k",
    )
    n: int = col("evaluation examples", unit="examples", of="drop accuracy_before accuracy_after")
    class_accuracy_before: float = col(
        "accuracy on the class's own examples", unit="share", words="accuracy on the class before"
    )
    class_before_lo: float = col("lower end of its 95 % interval (Wilson)", unit="share")
    class_before_hi: float = col("upper end of its 95 % interval (Wilson)", unit="share")
    class_accuracy_after: float = col(
        "the same without the k units", unit="share", words="accuracy on the class after"
    )
    class_drop: float = col(
        "accuracy on the class before minus after", unit="share", words="accuracy lost on the class"
    )
    class_lo: float = col("lower end of the 95 % interval of the class's drop", unit="share")
    class_hi: float = col("upper end of the 95 % interval of the class's drop", unit="share")
    class_control_drop: float = col(
        "mean class drop over random sets of k units",
        unit="share",
        of="class_drop",
        words="control (random sets of as many units)",
    )
    class_control_lo: float = col(
        "2.5 % quantile over the random sets", unit="share", words="95 % of the sets"
    )
    class_control_hi: float = col("97.5 % quantile over the random sets", unit="share")
    class_p: float | None = col(
        "share of random sets that drop the class as much, as p",
        of="class_drop",
        words="p (random sets, one-sided)",
    )
    class_q: float | None = col(
        "Benjamini-Hochberg q of class_p over sites and classes, at this k and ranking",
        of="class_drop",
        words="q over sites and classes, at this k",
    )
    sets: int = col("sets behind class_p", unit="sets", of="class_p", words="sets behind the p")
    least_p: float | None = col(
        "least p that so many sets allow", of="class_p", words="p at the least, with so many sets"
    )
    activation: float | None = col(
        "mean activation of the k units over the selection split, classes weighing the same",
        words="mean activation of the units",
    )
    matched_activation: float | None = col(
        "the same of the sets matched on it",
        of="activation",
        words="control (mean activation of matched sets)",
    )
    class_matched_drop: float | None = col(
        "mean class drop over sets matched on mean activation",
        unit="share",
        of="class_drop",
        words="control (sets of like activation)",
    )
    class_matched_lo: float | None = col(
        "2.5 % quantile over the matched sets", unit="share", words="95 % of those sets"
    )
    class_matched_hi: float | None = col("97.5 % quantile over the matched sets", unit="share")
    class_matched_p: float | None = col(
        "share of matched sets that drop the class as much",
        of="class_drop",
        words="p (sets of like activation, one-sided)",
    )
    class_matched_q: float | None = col(
        "Benjamini-Hochberg q of it over sites and classes, at this k and ranking",
        of="class_drop",
        words="q over sites and classes, at this k",
    )
    class_n: int = col(
        "evaluation examples of the class",
        unit="examples",
        of="class_drop class_accuracy_before class_accuracy_after",
    )


TOPK = Schema(
    "ablation.topk",
    "Growing sets of units",
    TopK,
    answers=True,
)


@dataclass(frozen=True)
class ScoreEffect:
    """Row of `ablation.scores`: what replacing one unit does to one class in one score."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    score: str = col("'margin' and 'logit' in logits, 'log_prob' in nats, 'accuracy' as a share")
    effect: float = col(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
    )
    lo: float | None = col("lower end of the 95 % interval of the effect", unit="score")
    hi: float | None = col("upper end of the 95 % interval of the effect", unit="score")
    control_effect: float | None = col(
        "effect of the site's median unit on the class",
        unit="score",
        of="effect",
        words="control (the site's median unit)",
    )
    control_lo: float | None = col(
        "effect that 2.5 % of the site's units fall below",
        unit="score",
        words="95 % of the site's units",
    )
    control_hi: float | None = col("effect that 2.5 % of the site's units exceed", unit="score")
    n: int = col("evaluation examples, each scored before and after", unit="examples")
    lost: int = col(
        "examples that were right before and wrong after",
        unit="examples",
        words="right before and wrong after",
    )
    gained: int = col(
        "examples that were wrong before and right after",
        unit="examples",
        words="wrong before and right after",
    )
    p: float | None = col(
        "two-sided p of no effect: exact McNemar for accuracy, else as the interval says",
        of="effect",
        words="p (mean of zero; accuracy: McNemar; two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q over all sites, units and classes, for each score",
        of="effect",
        words="q over all sites, units and classes",
    )
    familywise: float | None = col(
        "p of the effect among the largest of the whole family under random signs (max-T)",
        of="effect",
        words="p (largest of the family under random signs)",
    )
    specific: float | None = col(
        "effect on the class's score beyond the mean of all labels' scores: mean over the class's "
        "examples minus mean over the rest; negative = the unit helps the class where it is right "
        "to, 0 expected under shuffled labels; for 'all', the classes' average by examples",
        unit="score",
        words="effect on this class beyond the others'",
    )
    specific_lo: float | None = col(
        "lower end of its 95 % interval (two samples of examples)", unit="score"
    )
    specific_hi: float | None = col(
        "upper end of its 95 % interval (two samples of examples)", unit="score"
    )
    specific_p: float | None = col(
        "share of the statistics of all units and classes under shuffled labels that stand out as "
        "far, (1 + b) / (1 + B)",
        of="specific",
        words="p (shuffled labels, two-sided)",
    )
    specific_q: float | None = col(
        "Benjamini-Hochberg q of it, over all scores",
        of="specific",
        words="q over all scores, sites, units and classes",
    )
    shuffled: float | None = col(
        "mean of it over shuffled labels: the control",
        unit="score",
        of="specific",
        words="control (labels shuffled)",
    )
    shuffled_lo: float | None = col("2.5 % quantile over the shuffles", unit="score")
    shuffled_hi: float | None = col("97.5 % quantile over the shuffles", unit="score")
    shuffled_q: float | None = col(
        "Benjamini-Hochberg q of one shuffle as if it were the labels, over all scores",
        of="specific",
        words="q of one shuffle",
    )


SCORES = Schema(
    "ablation.scores",
    "One unit at a time, in every score",
    ScoreEffect,
)


@dataclass(frozen=True)
class Agreement:
    """Row of `ablation.replacements`: two replacements' effects of one site's units on a class."""

    site: str = col("site of the units")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    replacement_a: str = col(
        "what removed units hold instead on the one side", words="removed units hold"
    )
    replacement_b: str = col("what they hold on the other side", words="or hold")
    spearman: float = col(
        "rank correlation of the units' effects; 1 = the same ranking",
        words="rank correlation of the effects",
    )
    lo: float | None = col(
        "lower end of its 95 % interval over images: what as many others would give (bootstrap)"
    )
    hi: float | None = col(
        "upper end of its 95 % interval over images: what as many others would give (bootstrap)"
    )
    spearman_chance_lo: float = col(
        "2.5 % quantile of rank correlations of shuffled units",
        of="spearman",
        words="control (95 % of shuffled units)",
    )
    spearman_chance_hi: float = col("97.5 % quantile of the same", of="spearman")
    n: int = col("units ranked", unit="units", of="spearman")
    p: float = col(
        "two-sided p of no rank correlation (shuffled units)",
        of="spearman",
        words="p (shuffled units, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over all rows", of="spearman", words="q over all rows"
    )
    k: int = col(
        "units that the class loses most by, compared as a set",
        unit="units",
        of="overlap",
        words="k, units compared",
    )
    overlap: float = col(
        "share of these k that both replacements name",
        unit="share",
        words="share of the top k in both",
    )
    overlap_lo: float | None = col("lower end of its 95 % interval over images", unit="share")
    overlap_hi: float | None = col("upper end of its 95 % interval over images", unit="share")
    overlap_chance: float = col(
        "overlap of two random choices of k",
        unit="share",
        of="overlap",
        words="control (two random choices)",
    )
    overlap_p: float = col(
        "probability that random choices share as many (hypergeometric)",
        of="overlap",
        words="p (hypergeometric, one-sided)",
    )
    overlap_q: float = col(
        "Benjamini-Hochberg q over all rows", of="overlap", words="q over all rows"
    )
    examples: int = col("evaluation examples that the effects are means of", unit="examples")


REPLACEMENTS = Schema(
    "ablation.replacements",
    "What a removed unit holds instead",
    Agreement,
)


@dataclass(frozen=True)
class Collateral:
    """Row of `ablation.collateral`: one class without the units that another depends on."""

    site: str = col("site whose units are removed")
    removed_for: str = col(
        "class whose top units, by effect on the selection split, are removed",
        words="class whose top units are removed",
    )
    class_: str = col("class of the examples", name="class", words="class of the examples")
    k: int = col("units removed", unit="units", words="k, units removed")
    drop: float = col(
        "accuracy on the class before minus after", unit="share", words="accuracy lost"
    )
    lo: float = col("lower end of the 95 % interval of the drop", unit="share")
    hi: float = col("upper end of the 95 % interval of the drop", unit="share")
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
    n: int = col("evaluation examples of the class", unit="examples")
    p: float = col(
        "exact two-sided McNemar p of lost against gained",
        of="drop",
        words="p (exact McNemar, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q over all sites and pairs of classes",
        of="drop",
        words="q over all sites and pairs of classes",
    )
    control_drop: float = col(
        "mean drop over random sets of k units of the site",
        unit="share",
        of="drop",
        words="control (random sets of as many units)",
    )
    control_lo: float = col(
        "2.5 % quantile over the random sets", unit="share", words="95 % of the sets"
    )
    control_hi: float = col("97.5 % quantile over the random sets", unit="share")
    control_p: float = col(
        "share of random sets that drop the class as much, (1 + b) / (1 + B)",
        of="drop",
        words="p (random sets, one-sided)",
    )
    control_q: float = col(
        "Benjamini-Hochberg q of control_p over the pairs of classes of the site",
        of="drop",
        words="q over pairs of classes of the site",
    )


COLLATERAL = Schema(
    "ablation.collateral",
    "Collateral damage to other classes",
    Collateral,
)


@dataclass(frozen=True)
class CurvePoint:
    """Row of `ablation.curves`: a class without, or with only, k units of a site."""

    site: str = col("site of the units")
    class_: str = col("class of the examples and of the ranking", name="class", words="class")
    kind: str = col(
        "'remove_top': without the first k units of the ranking, 'remove_bottom': without the "
        "last k, 'keep_top': with the first k alone",
        words="what is removed or kept",
    )
    ranking: str = col("what ranked the units, on the selection split", words="units ranked by")
    k: int = col("units removed, or kept", unit="units", words="k, units removed or kept")
    accuracy: float = col("accuracy on the class", unit="share", words="accuracy on the class")
    lo: float = col("lower end of its 95 % interval (Wilson)", unit="share")
    hi: float = col("upper end of its 95 % interval (Wilson)", unit="share")
    n: int = col("evaluation examples of the class", unit="examples")
    random: float | None = col(
        "mean accuracy with random sets of k; missing between sizes",
        of="accuracy",
        words="control (random sets of as many units)",
    )
    random_lo: float | None = col(
        "2.5 % quantile over the random sets", unit="share", words="95 % of the sets"
    )
    random_hi: float | None = col("97.5 % quantile over the random sets", unit="share")
    random_p: float | None = col(
        "share of random sets with an accuracy as low (removing top) or as high (removing bottom, "
        "keeping top), (1 + b) / (1 + B); missing where nothing or everything is removed",
        of="accuracy",
        words="p (random sets, one-sided)",
    )
    random_q: float | None = col(
        "Benjamini-Hochberg q of it over sites and classes, at this kind and k",
        of="accuracy",
        words="q over sites and classes, at this k",
    )
    matched: float | None = col(
        "mean accuracy with sets of like activation",
        unit="share",
        of="accuracy",
        words="control (sets of like activation)",
    )
    matched_lo: float | None = col(
        "2.5 % quantile over the sets of like activation", unit="share", words="95 % of those sets"
    )
    matched_hi: float | None = col("97.5 % quantile over the sets of like activation", unit="share")
    matched_p: float | None = col(
        "as random_p, among the sets of like activation",
        of="accuracy",
        words="p (sets of like activation, one-sided)",
    )
    matched_q: float | None = col(
        "Benjamini-Hochberg q of it over sites and classes, at this kind and k",
        of="accuracy",
        words="q over sites and classes, at this k",
    )


CURVES = Schema(
    "ablation.curves",
    "From no unit to all",
    CurvePoint,
)


@dataclass(frozen=True)
class CurveArea:
    """Row of `ablation.areas`: one whole curve against its controls."""

    site: str = col("site of the units")
    class_: str = col("class of the examples and of the ranking", name="class")
    kind: str = col(
        "'remove_top' or 'keep_top', as in ablation.curves; 'remove_bottom' has the area of "
        "'keep_top', since removing the last units keeps the first",
        words="what is removed or kept",
    )
    ranking: str = col("what ranked the units, on the selection split", words="units ranked by")
    area: float = col(
        "mean distance between curve and random sets over all k; positive = the ranking tells: "
        "removing top hurts more, keeping top hurts less",
        unit="share",
        words="accuracy between curve and random sets, mean over k",
    )
    lo: float | None = col("lower end of its 95 % interval over examples", unit="share")
    hi: float | None = col("upper end of its 95 % interval over examples", unit="share")
    p: float | None = col(
        "share of random orders as far to that side, (1 + b) / (1 + B)",
        of="area",
        words="p (random orders, one-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q of it over the classes of the site, at this kind",
        of="area",
        words="q over the classes of the site",
    )
    matched_area: float = col(
        "the same against orders of like activation",
        unit="share",
        of="area",
        words="control (the same against orders of like activation)",
    )
    matched_lo: float | None = col("lower end of its 95 % interval over examples", unit="share")
    matched_hi: float | None = col("upper end of its 95 % interval over examples", unit="share")
    matched_p: float | None = col(
        "share of orders of like activation as far to that side",
        of="area matched_area",
        words="p (orders of like activation, one-sided)",
    )
    matched_q: float | None = col(
        "Benjamini-Hochberg q of it over the classes of the site, at this kind",
        of="area matched_area",
        words="q over the classes of the site",
    )
    half: float | None = col(
        "fewest units whose removal halves the class's accuracy, or that alone keep half of it; "
        "missing if none do",
        unit="units",
        words="units that half the accuracy hangs on",
    )
    half_lo: float | None = col("lower end of its 95 % interval (bootstrap)", unit="units")
    half_hi: float | None = col("upper end of its 95 % interval; missing: none do", unit="units")
    half_random: float | None = col(
        "median of it over random orders, at their sizes",
        unit="units",
        of="half",
        words="control (median of random orders)",
    )
    n: int = col("evaluation examples of the class", unit="examples")


AREAS = Schema(
    "ablation.areas",
    "Whole curves against chance",
    CurveArea,
)


@dataclass(frozen=True)
class Interaction:
    """Row of `ablation.interactions`: two units removed together against one at a time."""

    site: str = col("site of both units")
    unit_a: int = col("index of the first unit", words="first unit")
    unit_b: int = col("index of the second unit", words="second unit")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    kind: str = col(
        "'top' for pairs of the units with the largest effects on the selection split, 'random' "
        "for the control pairs, 'other' for all further pairs, over all examples only",
        words="pairs chosen as",
    )
    effect_a: float = col(
        "mean score change without the first unit", unit="score", words="effect without the first"
    )
    effect_a_lo: float | None = col("lower end of its 95 % interval", unit="score")
    effect_a_hi: float | None = col("upper end of its 95 % interval", unit="score")
    effect_b: float = col(
        "mean score change without the second unit", unit="score", words="effect without the second"
    )
    effect_b_lo: float | None = col("lower end of its 95 % interval", unit="score")
    effect_b_hi: float | None = col("upper end of its 95 % interval", unit="score")
    effect_ab: float = col(
        "mean score change without both", unit="score", words="effect without both"
    )
    effect_ab_lo: float | None = col("lower end of its 95 % interval", unit="score")
    effect_ab_hi: float | None = col("upper end of its 95 % interval", unit="score")
    interaction: float = col(
        "effect_ab - effect_a - effect_b; where both help, negative = they stand in for each other "
        "(redundancy), positive = they work only together (synergy); where both harm, the reverse",
        unit="score",
        words="effect of both beyond the sum",
    )
    lo: float | None = col("lower end of the 95 % interval of the interaction", unit="score")
    hi: float | None = col("upper end of the 95 % interval of the interaction", unit="score")
    control_interaction_lo: float = col(
        "2.5 % quantile of the interactions of the site's random pairs",
        unit="score",
        of="interaction",
        words="control (95 % of the site's random pairs)",
    )
    control_interaction_hi: float = col(
        "97.5 % quantile of the same", unit="score", of="interaction"
    )
    n: int = col("evaluation examples", unit="examples")
    p: float | None = col(
        "two-sided p of no interaction, as its interval says",
        of="interaction",
        words="p (mean of zero, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q over all pairs and classes",
        of="interaction",
        words="q over all pairs and classes",
    )
    verdict: str = col(
        "where q < 0.05: 'redundant' if removing both does more of what each does than the sum, "
        "'synergistic' if less, 'mixed' if one unit helps and the other harms; else 'none'"
    )


INTERACTIONS = Schema(
    "ablation.interactions",
    "Pairs of units",
    Interaction,
)


@dataclass(frozen=True)
class Direct:
    """Row of `ablation.direct`: a unit's effect with what follows free, and frozen."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    kind: str = col(
        "'top' for the largest effects on the selection split, 'random' for controls",
        words="units chosen as",
    )
    path: str = col(
        "how the direct effect is carried: 'frozen', with every later hidden site held at its "
        "unedited value; 'gates', where no change passes those, along the tangent of the network "
        "at the unedited run (later units keep their slopes)",
        words="direct path held by",
    )
    total: float = col(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
    )
    total_lo: float | None = col("lower end of its 95 % interval", unit="score")
    total_hi: float | None = col("upper end of its 95 % interval", unit="score")
    direct: float = col(
        "the same along the direct path only", unit="score", words="direct effect of removing it"
    )
    direct_lo: float | None = col("lower end of its 95 % interval", unit="score")
    direct_hi: float | None = col("upper end of its 95 % interval", unit="score")
    response: float = col(
        "total minus direct: the answer of what follows; against the sign of direct = self-repair",
        unit="score",
        words="answer of what follows (total − direct)",
    )
    lo: float | None = col("lower end of the 95 % interval of the response", unit="score")
    hi: float | None = col("upper end of the 95 % interval of the response", unit="score")
    control_response_lo: float = col(
        "2.5 % quantile of the responses to the site's random units",
        unit="score",
        of="response",
        words="control (95 % of the site's random units)",
    )
    control_response_hi: float = col("97.5 % quantile of the same", unit="score", of="response")
    n: int = col("evaluation examples", unit="examples")
    p: float | None = col(
        "two-sided p of no response, as its interval says",
        of="response",
        words="p (mean of zero, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q over all rows", of="response", words="q over all rows"
    )


DIRECT = Schema(
    "ablation.direct",
    "Direct effects and the network's answer",
    Direct,
)


@dataclass(frozen=True)
class Backup:
    """Row of `ablation.backup`: a unit's effect with another unit in place, and with it gone."""

    site: str = col("site of the unit that is gone")
    unit: int = col("the unit that is gone", words="unit removed")
    kind: str = col(
        "'top' for the largest effects on the selection split, 'random' for controls",
        words="units chosen as",
    )
    backup_site: str = col(
        "site of the unit that may step in", words="site of the unit that may step in"
    )
    backup_unit: int = col("the unit that may step in", words="unit that may step in")
    effect: float = col(
        "its effect with the other in place; negative = it helps",
        unit="score",
        words="its effect with the other in place",
    )
    effect_lo: float | None = col("lower end of its 95 % interval", unit="score")
    effect_hi: float | None = col("upper end of its 95 % interval", unit="score")
    effect_gone: float = col(
        "its effect with the other gone", unit="score", words="its effect with the other gone"
    )
    effect_gone_lo: float | None = col("lower end of its 95 % interval", unit="score")
    effect_gone_hi: float | None = col("upper end of its 95 % interval", unit="score")
    removed_effect: float = col(
        "effect of removing the other, alone; positive = the other harms",
        unit="score",
        words="effect of removing the other",
    )
    removed_effect_lo: float | None = col("lower end of its 95 % interval", unit="score")
    removed_effect_hi: float | None = col("upper end of its 95 % interval", unit="score")
    growth: float = col(
        "effect_gone - effect; negative = it helps more, or harms less, once the other is gone",
        unit="score",
        words="change of its effect once the other is gone",
    )
    lo: float | None = col("lower end of the 95 % interval of the growth", unit="score")
    hi: float | None = col("upper end of the 95 % interval of the growth", unit="score")
    control_growth_lo: float = col(
        "2.5 % quantile of the growths once one of the site's random units is gone",
        unit="score",
        of="growth",
        words="control (95 % for random units that go)",
    )
    control_growth_hi: float = col("97.5 % quantile of the same", unit="score", of="growth")
    n: int = col("evaluation examples", unit="examples")
    p: float | None = col(
        "two-sided p of no growth, as its interval says",
        of="growth",
        words="p (mean of zero, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q over all rows", of="growth", words="q over all rows"
    )
    backup: bool = col(
        "whether it steps in: it helps more once the other is gone (q < 0.05 and negative growth), "
        "it does help then (effect_gone_hi below 0), and the other is none that harms "
        "(removed_effect_lo not above 0)",
        words="steps in",
    )


BACKUP = Schema(
    "ablation.backup",
    "Units that step in",
    Backup,
)


@dataclass(frozen=True)
class ShapleyValue:
    """Row of `ablation.shapley`: one unit's share in a class's score."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    shapley: float = col(
        "mean score that the unit adds to the units still in place when the site's units are "
        "removed in random order; positive = the unit helps",
        unit="score",
        words="Shapley value, score that it adds",
    )
    se: float | None = col(
        "standard error, over orders and examples",
        unit="score",
        of="shapley",
        words="standard error",
    )
    lo: float | None = col(
        "lower end of the 95 % interval, over orders and examples: each group of orders sees "
        "examples of its own",
        unit="score",
    )
    hi: float | None = col("upper end of the 95 % interval", unit="score")
    shapley_expected: float = col(
        "the share of each unit if all had the same",
        unit="score",
        of="shapley",
        words="control (an equal share for every unit)",
    )
    p: float | None = col(
        "two-sided p of no share, over groups of orders and examples",
        of="shapley",
        words="p (groups of orders and examples, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q over all sites, units and classes",
        of="shapley",
        words="q over all sites, units and classes",
    )
    effect: float = col(
        "effect of removing it alone, from ablation.units",
        unit="score",
        words="effect of removing it alone",
    )
    orders: int = col("random orders of removal", of="shapley", words="random orders")
    truncated: float = col(
        "share of removals cut off because nothing was left to lose",
        unit="share",
        of="shapley",
        words="share of removals cut off",
    )
    n: int = col(
        "evaluation examples of the class that the orders saw in turn",
        unit="examples",
        of="shapley",
    )


SHAPLEY = Schema(
    "ablation.shapley",
    "Shares in the score",
    ShapleyValue,
)
