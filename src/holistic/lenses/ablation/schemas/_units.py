"""Findings on single units: their effects in every score, on images, and their shares."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses._columns import KIND
from holistic.lenses.ablation.schemas._texts import CLASS
from holistic.results.columns import Estimate, col, ends, estimate, key
from holistic.results.schema import Schema
from holistic.results.unit_effect import UnitEffect

__all__ = [
    "IMAGES",
    "REPLACEMENTS",
    "SCORES",
    "SHAPLEY",
    "UNITS",
    "Agreement",
    "ImageUnit",
    "RemovedUnit",
    "ScoreEffect",
    "ShapleyValue",
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
        words="activation on the class beyond its ablation value",
        beyond=True,
    )


UNITS = Schema(
    "ablation.units",
    "One unit at a time",
    RemovedUnit,
    lead="Shows what each class loses, in score and in accuracy, when a single unit is removed.",
    across="unit class",
    cells=2_000_000,
)


@dataclass(frozen=True)
class ImageUnit:
    """Row of the finding `ablation.images`: what one image's decision owes to one unit."""

    example: int = key("place of the example in the data that the subject was given")
    kind: str = col(KIND)
    label: str = col("class of the image")
    prediction: str = col("class that the model says")
    site: str = key("site of the unit")
    unit: int = key("unit of the site")
    rank: int = col("place among the site's units by the size of the effect, from 1 on")
    effect: Estimate = estimate(
        "score of the image after minus before; negative = the unit speaks for its class",
        unit="score",
        words="effect of removing it on this image",
        parts="control",
        names={"control": "control_effect"},
        meanings={"control": "size of the effect of the site's median unit on the same image"},
        called={"control": "control (size for the site's median unit)"},
        worse=-1,
        signed=True,
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
        role="control",
    )
    control_searched: float | None = col(
        "share of the other classes' images of its kind whose largest effect of any unit of the "
        "hidden sites, searched for as here, would turn this image's prediction, too",
        unit="share",
        of="turned",
        words="control (as many units searched on other images)",
        role="control",
    )
    before: float = col(
        "score of the image with all units in place", unit="score", words="score with all units"
    )
    class_effect: Estimate = estimate(
        "mean effect of the unit on its class's evaluation examples",
        unit="score",
        words="effect on its class",
        prefix="class_",
        parts="lo hi n",
        meanings={"n": "examples behind the class's mean"},
        worse=-1,
        signed=True,
    )


IMAGES = Schema(
    "ablation.images",
    "Units that decide single images",
    ImageUnit,
    lead="Shows which single units decide a typical, a close and a mistaken image of each class.",
    examples=True,
    size="effect",
)


@dataclass(frozen=True)
class ScoreEffect:
    """Row of `ablation.scores`: what replacing one unit does to one class in one score."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    class_: str = key(CLASS, name="class")
    score: str = key("'margin' and 'logit' in logits, 'log_prob' in nats, 'accuracy' as a share")
    effect: Estimate = estimate(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_effect"},
        meanings={
            "lo": "lower end of the 95 % interval of the effect",
            "hi": "upper end of the 95 % interval of the effect",
            "control": "effect of the site's median unit on the class",
            "control_lo": "effect that 2.5 % of the site's units fall below",
            "control_hi": "effect that 2.5 % of the site's units exceed",
            "p": "two-sided p of no effect: exact McNemar for accuracy, else as the interval says",
            "q": "Benjamini-Hochberg q over all sites, units and classes, for each score",
        },
        called={
            "control": "control (the site's median unit)",
            "control_lo": "95 % of the site's units",
            "p": "p (mean of zero; accuracy: McNemar; two-sided)",
            "q": "q over all sites, units and classes",
        },
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation examples, each scored before and after", unit="examples", role="n")
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
    familywise: float | None = col(
        "p of the effect among the largest of the whole family under random signs (max-T)",
        of="effect",
        words="p (largest of the family under random signs)",
        role="p",
    )
    specific: Estimate = estimate(
        "effect on the class's score beyond the mean of all labels' scores: mean over the class's "
        "examples minus mean over the rest; negative = the unit helps the class where it is right "
        "to, 0 expected under shuffled labels; for 'all', the classes' average by examples",
        unit="score",
        words="effect on this class beyond the others'",
        parts="lo hi control control_lo control_hi p q",
        names={
            "control": "shuffled",
            "control_lo": "shuffled_lo",
            "control_hi": "shuffled_hi",
        },
        meanings={
            **ends(" (two samples of examples)"),
            "control": "mean of it over shuffled labels: the control",
            "control_lo": "2.5 % quantile over the shuffles",
            "control_hi": "97.5 % quantile over the shuffles",
            "p": "share of the statistics of all units and classes under shuffled labels that "
            "stand out as far, (1 + b) / (1 + B)",
            "q": "Benjamini-Hochberg q of it, over all scores",
        },
        called={
            "control": "control (labels shuffled)",
            "p": "p (shuffled labels, two-sided)",
            "q": "q over all scores, sites, units and classes",
        },
        worse=-1,
        signed=True,
        beyond=True,
    )
    shuffled_q: float | None = col(
        "Benjamini-Hochberg q of one shuffle as if it were the labels, over all scores",
        of="specific",
        words="q of one shuffle",
        role="q",
    )


SCORES = Schema(
    "ablation.scores",
    "One unit at a time, in every score",
    ScoreEffect,
    lead="Shows whether removing a unit hurts a class in every score, and whether the loss is "
    "about that class.",
    across="unit class",
)


@dataclass(frozen=True)
class Agreement:
    """Row of `ablation.replacements`: what two ablation values give for a class."""

    site: str = key("site of the units")
    class_: str = key(CLASS, name="class")
    replacement_a: str = key(
        "what removed units hold instead on the one side", words="removed units hold"
    )
    replacement_b: str = key("what they hold on the other side", words="or hold")
    spearman: Estimate = estimate(
        "rank correlation of the units' effects; 1 = the same ranking",
        words="rank correlation of the effects",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "spearman_chance_lo", "control_hi": "spearman_chance_hi"},
        meanings={
            "lo": "lower end of its 95 % interval over images: what as many others would give "
            "(bootstrap)",
            "hi": "upper end of its 95 % interval over images: what as many others would give "
            "(bootstrap)",
            "control_lo": "2.5 % quantile of rank correlations of shuffled units",
            "control_hi": "97.5 % quantile of the same",
            "p": "two-sided p of no rank correlation (shuffled units)",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={
            "control_lo": "control (95 % of shuffled units)",
            "p": "p (shuffled units, two-sided)",
            "q": "q over all rows",
        },
    )
    n: int = col("units ranked", unit="units", of="spearman", role="n")
    k: int = col(
        "units that the class loses most by, compared as a set",
        unit="units",
        of="overlap",
        words="k, units compared",
    )
    overlap: Estimate = estimate(
        "share of these k that both ablation values name",
        unit="share",
        words="share of the top k in both",
        parts="lo hi control p q",
        names={"control": "overlap_chance"},
        meanings={
            **ends(" over images"),
            "control": "overlap of two random choices of k",
            "p": "probability that random choices share as many (hypergeometric)",
            "q": "Benjamini-Hochberg q over all rows",
        },
        called={
            "control": "control (two random choices)",
            "p": "p (hypergeometric, one-sided)",
            "q": "q over all rows",
        },
    )
    examples: int = col("evaluation examples that the effects are means of", unit="examples")


REPLACEMENTS = Schema(
    "ablation.replacements",
    "What a removed unit holds instead",
    Agreement,
    lead="Shows whether the units of a site rank alike whatever value a removed unit holds "
    "instead.",
    across="replacement_a replacement_b",
)


@dataclass(frozen=True)
class ShapleyValue:
    """Row of `ablation.shapley`: one unit's share in a class's score."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    class_: str = key(CLASS, name="class")
    shapley: Estimate = estimate(
        "mean score that the unit adds to the units still in place when the site's units are "
        "removed in random order; positive = the unit helps",
        unit="score",
        words="Shapley value, score that it adds",
        prefix="",
        parts="lo hi n control p q",
        names={"control": "shapley_expected"},
        meanings={
            "lo": "lower end of the 95 % interval, over orders and examples: each group of orders "
            "sees examples of its own",
            "hi": "upper end of the 95 % interval",
            "n": "evaluation examples of the class that the orders saw in turn",
            "control": "the share of each unit if all had the same",
            "p": "two-sided p of no share, over groups of orders and examples",
            "q": "Benjamini-Hochberg q over all sites, units and classes",
        },
        called={
            "control": "control (an equal share for every unit)",
            "p": "p (groups of orders and examples, two-sided)",
            "q": "q over all sites, units and classes",
        },
        worse=1,
        signed=True,
    )
    se: float | None = col(
        "standard error, over orders and examples",
        unit="score",
        of="shapley",
        words="standard error",
    )
    effect: float | None = col(
        "effect of removing it alone, from ablation.units",
        unit="score",
        words="effect of removing it alone",
        worse=-1,
        signed=True,
    )
    orders: int = col("random orders of removal", of="shapley", words="random orders")
    truncated: float = col(
        "share of removals cut off because nothing was left to lose",
        unit="share",
        of="shapley",
        words="share of removals cut off",
    )


SHAPLEY = Schema(
    "ablation.shapley",
    "Shares in the score",
    ShapleyValue,
    lead="Shows what share of each class's score each unit adds, averaged over random orders of "
    "removal.",
    across="unit class",
)
