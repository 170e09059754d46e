"""Findings of the lens `mechanism`: what each row, array and page of them says."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses._columns import KIND
from holistic.results.columns import col
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


@dataclass(frozen=True)
class UnitPair:
    """Row of the finding `mechanism.pairs`: how two units vary together."""

    site_a: str = col("site of the first unit")
    unit_a: int = col("index of the first unit in its site", words="first unit")
    site_b: str = col("site of the second unit: the same, or a later one")
    unit_b: int = col("index of the second unit in its site", words="second unit")
    r: float = col(
        "Pearson correlation of the units' position means over evaluation examples",
        words="correlation",
    )
    lo: float = col("lower end of the 95 % interval of r")
    hi: float = col("upper end of the 95 % interval of r")
    control_r_lo: float = col(
        "2.5 % quantile of r over pairs of these sites in an untrained copy, mean over copies",
        of="r",
        words="control (95 % of pairs in untrained copies)",
    )
    control_r_hi: float = col("97.5 % quantile of the same", of="r")
    r_within: float = col(
        "the same within classes: class means removed first", words="correlation within classes"
    )
    r_within_lo: float = col("lower end of the 95 % interval of r_within")
    r_within_hi: float = col("upper end of the 95 % interval of r_within")
    control_r_within_lo: float = col(
        "2.5 % quantile of r_within in an untrained copy, mean over copies",
        of="r_within",
        words="control (95 % of pairs in untrained copies)",
    )
    control_r_within_hi: float = col("97.5 % quantile of the same", of="r_within")
    r_selection: float = col(
        "r on the selection split: the same pair on other examples",
        words="correlation on the selection split",
    )
    n_selection: int = col("selection examples", unit="examples", of="r_selection")
    p: float = col(
        "two-sided p of no correlation, for r: the larger of that among shuffled values and of a "
        "robust t",
        of="r",
        words="p (shuffles and robust t, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over all pairs, listed or not", of="r", words="q over all pairs"
    )
    r_within_p: float = col(
        "the same for r_within, values shuffled inside classes",
        of="r_within",
        words="p (shuffles in classes and robust t, two-sided)",
    )
    r_within_q: float = col(
        "Benjamini-Hochberg q of r_within_p over all pairs, listed or not",
        of="r_within",
        words="q over all pairs",
    )
    n: int = col("evaluation examples", unit="examples")


PAIRS = Schema(
    "mechanism.pairs",
    "Correlated pairs",
    UnitPair,
    arrays={
        "correlation": Array("float32", "units units", sites=True),
        "correlation_within": Array("float32", "units units", sites=True),
    },
)


@dataclass(frozen=True)
class ClusteredUnit:
    """Row of the finding `mechanism.clusters`: the cluster of one unit."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    cluster: int | None = col(
        "cluster of the unit, 0 the largest of its site, chosen on the selection split; null "
        "where the site has no clusters, the unit joins none, or it was left out"
    )
    silhouette: float = col("how well the unit sits in its cluster, evaluation split; -1 to 1")
    silhouette_lo: float = col("lower end of its 95 % interval")
    silhouette_hi: float = col("upper end of its 95 % interval")
    preferred_class: str | None = col("class that the cluster prefers on the selection split")
    specialisation: float = col(
        "mean activation of the cluster's units on evaluation examples of its preferred class, "
        "above that on all examples",
        unit="standard deviations",
        words="activation on the preferred class above the mean",
    )
    lo: float = col("lower end of its 95 % interval", unit="standard deviations")
    hi: float = col("upper end of its 95 % interval", unit="standard deviations")
    shuffled_specialisation: float = col(
        "its mean when the labels of both splits are shuffled and the class is chosen anew",
        unit="standard deviations",
        of="specialisation",
        words="control (labels shuffled)",
    )
    random_specialisation: float = col(
        "mean of random sets as large, each for the class that it prefers itself",
        unit="standard deviations",
        of="specialisation",
        words="control (random sets of as many units)",
    )
    random_specialisation_lo: float = col(
        "lower end of what 95 % of the random sets have",
        unit="standard deviations",
        of="specialisation",
        words="control (95 % of random sets)",
    )
    random_specialisation_hi: float = col(
        "upper end of the same",
        unit="standard deviations",
        of="specialisation",
        words="control (95 % of random sets)",
    )
    p: float = col(
        "p of it among those of shuffled labels, (1 + b) / (1 + B)",
        of="specialisation",
        words="p (labels shuffled, one-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over the clusters of all sites",
        of="specialisation",
        words="q over all clusters",
    )
    n: int | None = col(
        "evaluation examples of the preferred class", unit="examples", of="specialisation"
    )
    k: int = col(
        "number of the site's clusters of two units or more; 1 means that there are none",
        words="clusters of the site",
    )
    k_lo: int | None = col(
        "2.5 % quantile of the numbers that resampled examples give, whether or not they stand",
        of="k",
    )
    k_hi: int | None = col("97.5 % quantile of the same", of="k")
    untrained_k: float = col(
        "number with the largest mean silhouette in an untrained copy, mean over copies",
        of="k",
        words="control (untrained copies)",
    )
    untrained_k_lo: float = col("2.5 % quantile of it over copies", of="k")
    untrained_k_hi: float = col("97.5 % quantile of it over copies", of="k")
    stability: float = col(
        "mean adjusted Rand index of the site's partition with those of resampled examples",
        words="stability (adjusted Rand index)",
    )
    stability_lo: float = col("2.5 % quantile of it over the resamples")
    stability_hi: float = col("97.5 % quantile of it over the resamples")
    site_silhouette: float = col(
        "mean silhouette of the units in the site's clusters, evaluation split",
        words="mean silhouette of the site",
    )
    site_silhouette_lo: float = col("lower end of its 95 % interval")
    site_silhouette_hi: float = col("upper end of its 95 % interval")
    n_silhouette: int = col(
        "evaluation examples of the silhouettes",
        unit="examples",
        of="silhouette site_silhouette",
    )
    best_silhouette: float = col(
        "largest mean silhouette over the numbers of clusters tried, selection split; a unit in no "
        "cluster counts 0",
        words="largest mean silhouette, selection split",
    )
    null_silhouette: float = col(
        "the same of data without groups: what units share beyond their common mean is shuffled "
        "away; mean over shuffles",
        of="best_silhouette site_silhouette",
        words="control (shuffled data)",
    )
    null_p: float = col(
        "p of it among those of data without groups, (1 + b) / (1 + B)",
        of="best_silhouette",
        words="p (data without groups, one-sided)",
    )
    null_q: float = col(
        "Benjamini-Hochberg q of null_p over the sites",
        of="best_silhouette",
        words="q over the sites",
    )
    n_chosen: int = col(
        "selection examples that clusters were chosen on",
        unit="examples",
        of="best_silhouette stability k",
    )
    few_silhouette: float = col(
        "largest mean silhouette on the examples of the selection split that untrained copies "
        "were read on",
        words="largest mean silhouette, few examples",
    )
    untrained_silhouette: float = col(
        "the same in an untrained copy, mean over copies",
        of="few_silhouette",
        words="control (untrained copies)",
    )
    untrained_silhouette_lo: float = col("2.5 % quantile of it over copies", of="few_silhouette")
    untrained_silhouette_hi: float = col("97.5 % quantile of it over copies", of="few_silhouette")
    untrained_p: float = col(
        "p of it among those of the copies, (1 + b) / (1 + B)",
        of="few_silhouette",
        words="p (untrained copies, one-sided)",
    )
    untrained_q: float = col(
        "Benjamini-Hochberg q of untrained_p over the sites",
        of="few_silhouette",
        words="q over the sites",
    )
    n_few: int = col("examples that they were read on", unit="examples", of="few_silhouette")
    untrained_copies: int = col(
        "untrained copies",
        unit="copies",
        of="few_silhouette k",
        words="control (number of untrained copies)",
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
    arrays={
        "profile": Array("float32", "any classes", sites=True),
    },
)


@dataclass(frozen=True)
class SiteFlow:
    """Row of the finding `mechanism.flow`: what one site knows of the class."""

    site: str = col("site, in the order of the computation; 'input' are the images themselves")
    probe_accuracy: float = col(
        "share of evaluation examples told right by a linear probe trained on the selection split",
        unit="share",
        words="accuracy of a linear probe",
    )
    lo: float = col("lower end of its 95 % interval", unit="share")
    hi: float = col("upper end of its 95 % interval", unit="share")
    change: float = col(
        "probe accuracy minus that at the site before",
        unit="share",
        words="probe accuracy beyond the site before",
    )
    change_lo: float = col("lower end of its 95 % interval, the same examples", unit="share")
    change_hi: float = col("upper end of its 95 % interval, the same examples", unit="share")
    control_accuracy: float = col(
        "accuracy of the same probe trained and scored on shuffled labels",
        unit="share",
        of="probe_accuracy",
        words="control (labels shuffled)",
    )
    control_fit: float = col(
        "share of its own training examples that this control tells right: what it memorises",
        unit="share",
        of="probe_accuracy",
        words="control (what it memorises)",
    )
    n_fit: int = col("its training examples", unit="examples", of="control_fit")
    selectivity: float = col(
        "probe accuracy minus control accuracy",
        unit="share",
        words="probe accuracy beyond its control",
    )
    selectivity_lo: float = col("lower end of its 95 % interval, the same examples", unit="share")
    selectivity_hi: float = col("upper end of its 95 % interval, the same examples", unit="share")
    untrained_accuracy: float = col(
        "probe accuracy in the untrained copy",
        unit="share",
        of="probe_accuracy",
        words="control (untrained copy)",
    )
    trained_gain: float = col(
        "probe accuracy minus that in the untrained copy",
        unit="share",
        words="probe accuracy beyond the untrained copy",
    )
    trained_gain_lo: float = col("lower end of its 95 % interval, the same examples", unit="share")
    trained_gain_hi: float = col("upper end of its 95 % interval, the same examples", unit="share")
    n: int = col(
        "evaluation examples of the probes",
        unit="examples",
        of="probe_accuracy change selectivity trained_gain",
    )
    cka_to_next: float = col(
        "debiased linear CKA with the next site; 1 = alike, 0 = unrelated",
        words="likeness to the next site (CKA)",
    )
    cka_lo: float = col("lower end of its 95 % interval")
    cka_hi: float = col("upper end of its 95 % interval")
    cka_shuffled: float = col(
        "largest CKA when the next site's examples are shuffled, 20 times",
        of="cka_to_next",
        words="control (examples shuffled: the largest of 20)",
    )
    nc1: float = col(
        "scatter inside classes over that between them, tr(Σ_W Σ_B⁺) / C, jackknife-corrected for "
        "n; 0 = classes collapsed",
        words="scatter within classes over between (NC1)",
    )
    nc1_lo: float = col("lower end of its 95 % interval")
    nc1_hi: float = col("upper end of its 95 % interval")
    participation_ratio: float = col(
        "axes over which the variance spreads, (Σλ)² / Σλ², jackknife-corrected for n",
        unit="axes",
        words="axes that hold the variance (participation ratio)",
    )
    participation_lo: float = col("lower end of its 95 % interval", unit="axes")
    participation_hi: float = col("upper end of its 95 % interval", unit="axes")
    n_geometry: int = col(
        "evaluation examples of CKA, NC1 and participation ratio",
        unit="examples",
        of="cka_to_next nc1 participation_ratio",
    )
    features: int = col("features that all of these read", unit="features")
    positions: int = col("positions of the site that they keep; 1 = the position mean")


FLOW = Schema(
    "mechanism.flow",
    "Information over depth",
    SiteFlow,
)


@dataclass(frozen=True)
class ImageSite:
    """Row of the finding `mechanism.paths`: what a linear probe reads of one image at one site."""

    example: int = col("place of the example in the data that the subject was given")
    kind: str = col(KIND)
    label: str = col("class of the image")
    prediction: str = col("class that the model says")
    site: str = col(
        "site, in the order of the computation; 'input' is the image itself, 'output' the model's "
        "own answer"
    )
    depth: int = col("place of the site on the way, 0 for the input")
    read: str = col("class that the probe of the site says", words="read as")
    label_probability: float = col(
        "probability that it gives the image's class",
        unit="share",
        words="probability of its class",
    )
    prediction_probability: float = col(
        "probability that it gives the class that the model says",
        unit="share",
        words="probability of what the model says",
    )
    control_label_probability: float | None = col(
        "probability that a probe of the untrained copy gives the image's class",
        unit="share",
        of="label_probability",
        words="control (its class, untrained copy)",
    )
    accuracy: float = col(
        "share of the evaluation examples that the probe tells right",
        words="accuracy of the site's probe",
    )
    lo: float = col("lower end of its 95 % interval", unit="share")
    hi: float = col("upper end of its 95 % interval", unit="share")
    n: int = col("evaluation examples behind its accuracy", unit="examples", of="accuracy")


PATHS = Schema(
    "mechanism.paths",
    "Single images on their way",
    ImageSite,
    examples=True,
)


@dataclass(frozen=True)
class UnitEdge:
    """Row of the finding `mechanism.edges`: what replacing a unit does to one of the next site."""

    site_a: str = col("site of the unit that is replaced by its mean", words="from site")
    unit_a: int = col("index of that unit in its site", words="from unit")
    site_b: str = col("next hidden site", words="to site")
    unit_b: int = col("index of the unit that is watched there", words="to unit")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    effect: float = col(
        "mean activation of unit_b (position mean) with unit_a replaced minus without",
        unit="activation",
        words="change of the second unit's activation",
    )
    lo: float = col("lower end of the 95 % interval of the effect", unit="activation")
    hi: float = col("upper end of the 95 % interval of the effect", unit="activation")
    size: float = col(
        "root mean square of the change over these examples, whatever its sign",
        unit="activation",
    )
    size_lo: float = col("lower end of its 95 % interval", unit="activation")
    size_hi: float = col("upper end of its 95 % interval", unit="activation")
    spread: float = col(
        "standard deviation of unit_b over all examples, to compare with",
        unit="activation",
        of="effect",
        words="standard deviation of that unit",
    )
    p: float = col(
        "two-sided p of no mean change (paired, by the larger of Student's and Hall's)",
        of="effect",
        words="p (paired, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over the rows of the same kind",
        of="effect",
        words="q over the rows of a kind",
    )
    n: int = col("evaluation examples, each without and with the replacement", unit="examples")
    kind: str = col("'top' = chosen on the selection split; 'random' = the control, drawn")
    rank: int | None = col(
        "place among the chosen edges, over all sites, by the effect on the class on the selection "
        "split in standard deviations of unit_b; 1 = the largest either way; none for random edges"
    )


EDGES = Schema(
    "mechanism.edges",
    "Influence between units",
    UnitEdge,
    answers=True,
)
