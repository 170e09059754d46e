"""Declares the findings of the lens `mechanism`: their rows, their arrays and their pages."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses._columns import KIND
from holistic.results.columns import Estimate, bound, col, ends, estimate, key
from holistic.results.schema import Array, Schema

__all__ = [
    "CLUSTERS",
    "EDGES",
    "FLOW",
    "PAIRS",
    "PATHS",
    "ClusteredUnit",
    "ImageSite",
    "SiteFlow",
    "UnitEdge",
    "UnitPair",
]

_QUANTILE = "97.5 % quantile of the same"
_PAIRED = ends(", the same examples")
_IN_COPIES = "control (95 % of pairs in randomly initialised controls)"


@dataclass(frozen=True)
class UnitPair:
    """Row of the finding `mechanism.pairs`: how two units vary together."""

    site_a: str = key("site of the first unit")
    unit_a: int = key("index of the first unit in its site", words="first unit")
    site_b: str = key("site of the second unit: the same, or a later one")
    unit_b: int = key("index of the second unit in its site", words="second unit")
    r: Estimate = estimate(
        "Pearson correlation of the units' position means over evaluation examples",
        words="correlation",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_r_lo", "control_hi": "control_r_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of r",
            "hi": "upper end of the 95 % interval of r",
            "control_lo": "2.5 % quantile of r over pairs of these sites in a randomly "
            "initialised control, mean over controls",
            "control_hi": _QUANTILE,
            "p": "two-sided p of no correlation, for r: the larger of that among shuffled values "
            "and of a robust t",
            "q": "Benjamini-Hochberg q of p over all pairs, listed or not",
        },
        called={
            "control_lo": _IN_COPIES,
            "p": "p (shuffles and robust t, two-sided)",
            "q": "q over all pairs",
        },
    )
    r_within: Estimate = estimate(
        "the same within classes: class means removed first",
        words="correlation within classes",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_r_within_lo", "control_hi": "control_r_within_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of r_within",
            "hi": "upper end of the 95 % interval of r_within",
            "control_lo": "2.5 % quantile of r_within in a randomly initialised control, mean over "
            "controls",
            "control_hi": _QUANTILE,
            "p": "the same for r_within, values shuffled inside classes",
            "q": "Benjamini-Hochberg q of r_within_p over all pairs, listed or not",
        },
        called={
            "control_lo": _IN_COPIES,
            "p": "p (shuffles in classes and robust t, two-sided)",
            "q": "q over all pairs",
        },
    )
    r_selection: Estimate = estimate(
        "r on the selection split: the same pair on other examples",
        words="correlation on the selection split",
        parts="n",
        names={"n": "n_selection"},
        meanings={"n": "selection examples"},
    )
    n: int = col("evaluation examples", unit="examples", role="n")


PAIRS = Schema(
    "mechanism.pairs",
    "Correlated pairs",
    UnitPair,
    lead="Which hidden units vary together over images, and which still do within classes?",
    arrays={
        "correlation": Array(
            "float32",
            "units units",
            "Pearson correlation of each two units of a site on the evaluation split",
            sites=True,
        ),
        "correlation_within": Array(
            "float32",
            "units units",
            "the same within classes: class means removed first",
            sites=True,
        ),
    },
    across="unit_a unit_b",
)


@dataclass(frozen=True)
class ClusteredUnit:
    """Row of the finding `mechanism.clusters`: the cluster of one unit."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    cluster: int | None = col(
        "cluster of the unit, 0 the largest of its site, chosen on the selection split; null "
        "where the site has no clusters, the unit joins none, or it was left out"
    )
    silhouette: Estimate = estimate(
        "how well the unit sits in its cluster, evaluation split; -1 to 1"
    )
    preferred_class: str | None = col("class that the cluster prefers on the selection split")
    specialisation: Estimate = estimate(
        "mean activation of the cluster's units on evaluation examples of its preferred class, "
        "above that on all examples",
        unit="standard deviations",
        words="activation on the preferred class above the mean",
        prefix="",
        parts="lo hi n control control_lo control_hi p q",
        names={
            "control": "random_specialisation",
            "control_lo": "random_specialisation_lo",
            "control_hi": "random_specialisation_hi",
        },
        meanings={
            "n": "evaluation examples of the preferred class",
            "control": "mean of random sets as large, each for the class that it prefers itself",
            "control_lo": "lower end of what 95 % of the random sets have",
            "control_hi": "upper end of the same",
            "p": "p of it among those of shuffled labels, (1 + b) / (1 + B)",
            "q": "Benjamini-Hochberg q of p over the clusters of all sites",
        },
        called={
            "control": "control (random sets of as many units)",
            "control_lo": "control (95 % of random sets)",
            "control_hi": "control (95 % of random sets)",
            "p": "p (labels shuffled, one-sided)",
            "q": "q over all clusters",
        },
    )
    shuffled_specialisation: float = col(
        "its mean when the labels of both splits are shuffled and the class is chosen anew",
        unit="standard deviations",
        of="specialisation",
        words="control (labels shuffled)",
        role="control",
    )
    k: int = col(
        "number of the site's clusters of two units or more; 1 means that there are none",
        words="clusters of the site",
        role="value",
    )
    k_lo: int | None = bound(
        "lo",
        "k",
        "2.5 % quantile of the numbers that resampled examples give, whether or not they stand",
    )
    k_hi: int | None = bound("hi", "k", _QUANTILE)
    untrained_k: float = col(
        "number with the largest mean silhouette in a randomly initialised control, mean over "
        "controls",
        of="k",
        words="control (randomly initialised)",
        role="control",
    )
    untrained_k_lo: float = col("2.5 % quantile of it over controls", of="k", role="control_lo")
    untrained_k_hi: float = col("97.5 % quantile of it over controls", of="k", role="control_hi")
    stability: Estimate = estimate(
        "mean adjusted Rand index of the site's partition with those of resampled examples",
        words="stability (adjusted Rand index)",
        meanings={
            "lo": "2.5 % quantile of it over the resamples",
            "hi": "97.5 % quantile of it over the resamples",
        },
    )
    site_silhouette: Estimate = estimate(
        "mean silhouette of the units in the site's clusters, evaluation split",
        words="mean silhouette of the site",
    )
    n_silhouette: int = col(
        "evaluation examples of the silhouettes",
        unit="examples",
        of="silhouette site_silhouette",
        role="n",
    )
    best_silhouette: Estimate = estimate(
        "largest mean silhouette over the numbers of clusters tried, selection split; a unit in no "
        "cluster counts 0",
        words="largest mean silhouette, selection split",
        parts="p q",
        names={"p": "null_p", "q": "null_q"},
        meanings={
            "p": "p of it among those of data without groups, (1 + b) / (1 + B)",
            "q": "Benjamini-Hochberg q of null_p over the sites",
        },
        called={"p": "p (data without groups, one-sided)", "q": "q over the sites"},
    )
    null_silhouette: float = col(
        "the same of data without groups: what units share beyond their common mean is shuffled "
        "away; mean over shuffles",
        of="best_silhouette site_silhouette",
        words="control (shuffled data)",
        role="control",
    )
    n_chosen: int = col(
        "selection examples that clusters were chosen on",
        unit="examples",
        of="best_silhouette stability k",
        role="n",
    )
    few_silhouette: Estimate = estimate(
        "largest mean silhouette on the examples of the selection split that randomly initialised "
        "controls were read on",
        words="largest mean silhouette, few examples",
        prefix="untrained_",
        parts="n control control_lo control_hi p q",
        names={
            "n": "n_few",
            "control": "untrained_silhouette",
            "control_lo": "untrained_silhouette_lo",
            "control_hi": "untrained_silhouette_hi",
        },
        meanings={
            "n": "examples that they were read on",
            "control": "the same in a randomly initialised control, mean over controls",
            "control_lo": "2.5 % quantile of it over controls",
            "control_hi": "97.5 % quantile of it over controls",
            "p": "p of it among those of the controls, (1 + b) / (1 + B)",
            "q": "Benjamini-Hochberg q of untrained_p over the sites",
        },
        called={
            "control": "control (randomly initialised)",
            "p": "p (randomly initialised controls, one-sided)",
            "q": "q over the sites",
        },
    )
    untrained_copies: int = col(
        "randomly initialised controls",
        unit="controls",
        of="few_silhouette k",
        words="control (number of randomly initialised controls)",
    )
    cluster_within: int | None = col(
        "cluster of the unit when class means are removed first; null as for `cluster`",
        words="cluster within classes",
    )
    order: int | None = col(
        "place of the unit when units of a cluster, and inside it alike ones, stand side by side; "
        "null for units that don't vary"
    )


CLUSTERS = Schema(
    "mechanism.clusters",
    "Clusters",
    ClusteredUnit,
    lead="Into which groups do the units of a site fall, and which class does each group prefer?",
    arrays={
        "profile": Array(
            "float32",
            "any classes",
            "mean standardised activation of each cluster of a site in each class, evaluation "
            "split",
            sites=True,
        ),
    },
)


@dataclass(frozen=True)
class SiteFlow:
    """Row of the finding `mechanism.flow`: what one site knows of the class."""

    site: str = key("site, in the order of the computation; 'input' are the images themselves")
    probe_accuracy: Estimate = estimate(
        "share of evaluation examples told right by a linear probe trained on the selection split",
        unit="share",
        words="accuracy of a linear probe",
        prefix="",
        parts="lo hi control",
        names={"control": "control_accuracy"},
        meanings={
            "control": "accuracy of the same probe trained and scored on shuffled labels",
        },
        called={"control": "control (labels shuffled)"},
    )
    control_fit: float = col(
        "share of its own training examples that this control tells right: what it memorises",
        unit="share",
        of="probe_accuracy",
        words="control (what it memorises)",
        role="control",
    )
    n_fit: int = col("its training examples", unit="examples", of="control_fit", role="n")
    untrained_accuracy: float = col(
        "probe accuracy in the randomly initialised control",
        unit="share",
        of="probe_accuracy",
        words="control (randomly initialised control)",
        role="control",
    )
    change: Estimate = estimate(
        "probe accuracy minus that at the site before",
        unit="share",
        words="probe accuracy beyond the site before",
        meanings=_PAIRED,
        signed=True,
        beyond=True,
    )
    selectivity: Estimate = estimate(
        "probe accuracy minus control accuracy",
        unit="share",
        words="probe accuracy beyond its control",
        meanings=_PAIRED,
        beyond=True,
    )
    trained_gain: Estimate = estimate(
        "probe accuracy minus that in the randomly initialised control",
        unit="share",
        words="probe accuracy beyond the randomly initialised control",
        meanings=_PAIRED,
        beyond=True,
    )
    n: int = col(
        "evaluation examples of the probes",
        unit="examples",
        of="probe_accuracy change selectivity trained_gain",
        role="n",
    )
    cka_to_next: Estimate = estimate(
        "debiased linear CKA with the next site; 1 = alike, 0 = unrelated",
        words="likeness to the next site (CKA)",
        prefix="cka_",
        parts="lo hi control",
        names={"control": "cka_shuffled"},
        meanings={
            "control": "largest CKA when the next site's examples are shuffled, 20 times",
        },
        called={"control": "control (examples shuffled: the largest of 20)"},
    )
    nc1: Estimate = estimate(
        "scatter inside classes over that between them, tr(Σ_W Σ_B⁺) / C, jackknife-corrected for "
        "n; 0 = classes collapsed",
        words="scatter within classes over between (NC1)",
    )
    participation_ratio: Estimate = estimate(
        "axes over which the variance spreads, (Σλ)² / Σλ², jackknife-corrected for n",
        unit="axes",
        words="axes that hold the variance (participation ratio)",
        prefix="participation_",
    )
    n_geometry: int = col(
        "evaluation examples of CKA, NC1 and participation ratio",
        unit="examples",
        of="cka_to_next nc1 participation_ratio",
        role="n",
    )
    features: int = col("features that all of these read", unit="features")
    positions: int = col("positions of the site that they keep; 1 = the position mean")


FLOW = Schema(
    "mechanism.flow",
    "Information over depth",
    SiteFlow,
    lead="How well can a linear probe read the class at each site, and how do its features lie?",
)


@dataclass(frozen=True)
class ImageSite:
    """Row of the finding `mechanism.paths`: what a linear probe reads of one image at one site."""

    example: int = key("place of the example in the data that the subject was given")
    kind: str = col(KIND)
    label: str = col("class of the image")
    prediction: str = col("class that the model says")
    site: str = col(
        "site, in the order of the computation; 'input' is the image itself, 'output' the model's "
        "own answer"
    )
    depth: int = key("place of the site on the way, 0 for the input", along=True)
    read: str = col("class that the probe of the site says", words="read as")
    label_probability: Estimate = estimate(
        "probability that it gives the image's class",
        unit="share",
        words="probability of its class",
        parts="control",
        names={"control": "control_label_probability"},
        meanings={
            "control": "probability that a probe of the randomly initialised control gives the "
            "image's class"
        },
        called={"control": "control (its class, randomly initialised control)"},
    )
    prediction_probability: float = col(
        "probability that it gives the class that the model says",
        unit="share",
        words="probability of what the model says",
    )
    accuracy: Estimate = estimate(
        "share of the evaluation examples that the probe tells right",
        unit="share",
        words="accuracy of the site's probe",
        prefix="",
        parts="lo hi n",
        meanings={"n": "evaluation examples behind its accuracy"},
    )


PATHS = Schema(
    "mechanism.paths",
    "Single images on their way",
    ImageSite,
    lead="At which site does a single image become what the model says it is?",
    examples=True,
)


@dataclass(frozen=True)
class UnitEdge:
    """Row of the finding `mechanism.edges`: what replacing a unit does to one of the next site."""

    site_a: str = key("site of the unit that is replaced by its mean", words="from site")
    unit_a: int = key("index of that unit in its site", words="from unit")
    site_b: str = key("next hidden site", words="to site")
    unit_b: int = key("index of the unit that is watched there", words="to unit")
    class_: str = key("class of the examples; 'all' for every example", name="class")
    effect: Estimate = estimate(
        "mean activation of unit_b (position mean) with unit_a replaced minus without",
        unit="activation",
        words="change of the second unit's activation",
        prefix="",
        parts="lo hi p q",
        meanings={
            "lo": "lower end of the 95 % interval of the effect",
            "hi": "upper end of the 95 % interval of the effect",
            "p": "two-sided p of no mean change (paired, by the larger of Student's and Hall's)",
            "q": "Benjamini-Hochberg q of p over the rows of the same kind",
        },
        called={"p": "p (paired, two-sided)", "q": "q over the rows of a kind"},
        signed=True,
    )
    size: Estimate = estimate(
        "root mean square of the change over these examples, whatever its sign",
        unit="activation",
    )
    spread: float = col(
        "standard deviation of unit_b over all examples, to compare with",
        unit="activation",
        of="effect",
        words="standard deviation of that unit",
    )
    n: int = col(
        "evaluation examples, each without and with the replacement", unit="examples", role="n"
    )
    kind: str = col("'top' = chosen on the selection split; 'random' = the control, drawn")
    rank: int | None = col(
        "place among the chosen edges, over all sites, by the effect on the class on the selection "
        "split in standard deviations of unit_b; 1 = the largest either way; none for random edges"
    )


EDGES = Schema(
    "mechanism.edges",
    "Influence between units",
    UnitEdge,
    lead="Which units of the next site change when a unit is replaced by its mean?",
    across="unit_a unit_b",
    answers=True,
)
