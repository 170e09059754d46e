"""What does a row of `mechanism.flow`, `mechanism.clusters` and `mechanism.edges` say?"""

from __future__ import annotations

from dataclasses import dataclass

from holistic.tables import col

__all__ = ["ClusteredUnit", "SiteFlow", "UnitEdge"]


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
    selectivity: float = col(
        "probe accuracy minus control accuracy",
        unit="share",
        words="probe accuracy beyond its control",
    )
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


@dataclass(frozen=True)
class ClusteredUnit:
    """Row of the finding `mechanism.clusters`: the cluster of one unit."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    cluster: int | None = col(
        "cluster of the unit, 0 the largest of its site, chosen on the selection split; null "
        "where the site has no clusters or the unit was left out"
    )
    silhouette: float = col("how well the unit sits in its cluster, evaluation split; -1 to 1")
    stability: float = col(
        "mean adjusted Rand index of the site's best partition with those of resampled examples",
        words="stability (adjusted Rand index)",
    )
    preferred_class: str | None = col("class that the cluster prefers on the selection split")
    specialisation: float = col(
        "mean activation of the cluster's units on evaluation examples of its preferred class, "
        "above that on all examples",
        unit="standard deviations",
        words="activation on the preferred class above the mean",
    )
    lo: float = col("lower end of its 95 % interval", unit="standard deviations")
    hi: float = col("upper end of its 95 % interval", unit="standard deviations")
    random_specialisation: float = col(
        "mean of random sets as large",
        unit="standard deviations",
        of="specialisation",
        words="control (random sets of as many units)",
    )
    p: float = col(
        "p of it among those of the random sets, (1 + b) / (1 + B)",
        of="specialisation",
        words="p (random sets, one-sided)",
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
        "number of clusters of the site; 1 means that there are none", words="clusters of the site"
    )
    site_silhouette: float = col(
        "mean silhouette of the site's clusters, evaluation split",
        words="mean silhouette of the site",
    )
    null_silhouette: float = col(
        "best mean silhouette of data without groups: what units share beyond their common mean "
        "is shuffled away; mean over shuffles",
        of="site_silhouette",
        words="control (shuffled data)",
    )
    untrained_k: int = col(
        "number of clusters of the site in the untrained copy",
        of="k",
        words="control (untrained copy)",
    )
    untrained_silhouette: float = col(
        "mean silhouette of those", of="site_silhouette", words="control (untrained copy)"
    )
    cluster_within: int | None = col(
        "cluster of the unit when class means are removed first; null as for `cluster`",
        words="cluster within classes",
    )
    order: int | None = col(
        "place of the unit when units of a cluster, and inside it alike ones, stand side by side; "
        "null for units that don't vary"
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
    spread: float = col(
        "standard deviation of unit_b over all examples, to compare with",
        unit="activation",
        of="effect",
        words="standard deviation of that unit",
    )
    p: float = col(
        "two-sided p of no mean change (paired t)", of="effect", words="p (paired t, two-sided)"
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
