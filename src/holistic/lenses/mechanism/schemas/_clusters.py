"""Declares `mechanism.clusters`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.mechanism.schemas._texts import QUANTILE
from holistic.results.columns import Estimate, bound, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["CLUSTERS", "ClusteredUnit"]


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
    k_hi: int | None = bound("hi", "k", QUANTILE)
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
    controls: int = col(
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
