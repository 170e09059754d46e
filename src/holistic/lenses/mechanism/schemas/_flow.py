"""Declares `mechanism.flow`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, ends, estimate, key
from holistic.results.schema import Schema

__all__ = ["FLOW", "SiteFlow"]

_PAIRED = ends(", the same examples")


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
