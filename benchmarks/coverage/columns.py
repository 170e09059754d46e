"""Which promise stands behind each interval, p and q that a finding declares."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PROMISES", "SPOKEN", "UNBOUND"]

_MEAN = "means"
_SHARE = "intervals.wilson"
_FLIPS = "agreement.removed: drop of"
_MCNEMAR = "tests.mcnemar"
_SETS = "tests.permutation"
_RANKS = "stats.agreement: order"
_TOPS = "stats.agreement: shared top"
_UNTRAINED = "activation.untrained"
_GAIN = "mechanism.flow: a gain of"

PROMISES: Mapping[str, Mapping[str, str]] = {
    "ablation.units": {_MEAN: "lo", _FLIPS: "accuracy_lo", _MCNEMAR: "p q"},
    "ablation.scores": {
        _MEAN: "lo p q",
        "ablation.scores: family-wise": "familywise",
        "ablation.scores: specific effect": "specific_lo",
        "ablation.scores: specific, labels shuffled": "specific_p specific_q shuffled_q",
    },
    "ablation.topk": {
        "ablation.averages: accuracy": "before_lo",
        _SHARE: "class_before_lo",
        "ablation.topk: accuracy lost": "lo class_lo",
        _SETS: "p",
        "ablation.topk: q,": "q",
        "ablation.topk: class_p": "class_p",
        "ablation.topk: class_q": "class_q",
        "ablation.topk: class_matched_p": "class_matched_p",
        "ablation.topk: class_matched_q": "class_matched_q",
    },
    "ablation.off_target": {
        _FLIPS: "lo",
        _MCNEMAR: "p q",
        "ablation.off_target: control_p": "control_p",
        "ablation.off_target: control_q": "control_q",
    },
    "ablation.confusion": {_SHARE: "lo"},
    "ablation.curves": {
        _SHARE: "lo",
        "ablation.curves: random_p": "random_p",
        "ablation.curves: random_q": "random_q",
        "ablation.curves: matched_p": "matched_p",
        "ablation.curves: matched_q": "matched_q",
    },
    "ablation.areas": {
        "ablation.areas: area": "lo",
        "ablation.areas: p,": "p",
        "ablation.areas: q,": "q",
        "ablation.areas: matched_p": "matched_p",
        "ablation.areas: matched_q": "matched_q",
        "ablation.areas: units to half": "half_lo",
    },
    "ablation.shapley": {"ablation.shapley": "lo", "means: groups of orders": "p q"},
    "ablation.images": {"ablation.images": "class_lo"},
    "ablation.interactions": {
        _MEAN: "effect_a_lo effect_b_lo p q",
        "ablation.interactions": "effect_ab_lo lo",
    },
    "ablation.backup": {
        "ablation.backup: effect": "effect_lo effect_gone_lo removed_effect_lo",
        "ablation.backup: growth": "lo",
        _MEAN: "p q",
    },
    "ablation.direct": {
        "ablation.direct: total": "total_lo",
        "ablation.direct: direct": "direct_lo",
        "ablation.direct: response": "lo",
        _MEAN: "p q",
    },
    "ablation.replacements": {
        "ablation.replacements: rank": "lo",
        "ablation.replacements: share": "overlap_lo",
        _RANKS: "p q",
        _TOPS: "overlap_p overlap_q",
    },
    "activation.units": {
        _MEAN: "mean_lo",
        "activation.units: share above zero": "active_lo saturated_lo",
        "activation.units: AUROC": "auroc_lo",
        "activation.units: average precision": "precision_lo",
        "activation.units: d'": "d_prime_lo",
        "activation.units: selectivity": "selectivity_lo",
        "means: class against": "margin_lo",
    },
    "activation.depth": {
        "activation.depth: median": "lo",
        "activation.depth: q over": "p q",
    },
    "activation.concepts": {
        "activation.concepts: correlation": "correlation_lo",
        "activation.concepts: F1": "f1_lo iou_lo",
        "activation.units: average precision": "precision_lo",
        "activation.concepts: p of words": "p",
        "activation.concepts: q of words": "q",
        _UNTRAINED: "learned_p learned_q",
    },
    "activation.tuning": {"activation.tuning": "lo tuning_lo", _UNTRAINED: "p q"},
    "agreement.lenses": {"agreement.lenses": "lo", _RANKS: "p q", _TOPS: "topk_p"},
    "agreement.pairs": {
        "agreement.pairs: median": "lo",
        "stats.agreement: median": "p",
        _RANKS: "q",
    },
    "agreement.units": {
        _MEAN: "ablation_lo attribution_lo redundancy_q",
        "activation.units: AUROC": "activation_lo",
        "activation.units: d'": "d_prime_lo",
        "agreement.units: mean AUROC": "mechanism_lo",
        "tracing.patching: share of a gap": "tracing_lo causal_lo",
        _FLIPS: "accuracy_lo",
        "agreement.units: any unit called causal": "causal_q accuracy_q",
        "ablation.interactions": "redundancy_lo",
    },
    "agreement.misled": {
        _MEAN: "loss_lo says_lo",
        "activation.units: AUROC": "says_lo",
        "agreement.units: mean AUROC": "says_lo",
        "tracing.patching: share of a gap": "says_lo",
    },
    "agreement.removed": {_FLIPS: "lo", _SETS: "p q"},
    "attribution.methods": {
        "attribution.methods: areas": "lo difference_lo",
        "attribution.methods: likeness": "lo",
        "attribution.methods: completeness": "lo",
        _MEAN: "p",
        "attribution.methods: any": "q",
    },
    "attribution.contrasts": {
        _MEAN: "lo plain_lo difference_lo beyond_lo p q",
    },
    "activation.attention": {_MEAN: "lo"},
    "attribution.evidence": {_MEAN: "lo p q"},
    "attribution.regions": {
        _MEAN: "lo difference_lo next_lo p next_p",
        "attribution.regions: any": "q next_q",
    },
    "attribution.shortcuts": {
        "attribution.shortcuts: accuracy lost": "lo",
        "attribution.shortcuts: exchanges": "p q",
    },
    "attribution.strategies": {
        _MEAN: "lo",
        "attribution.strategies: one peak": "separation_p separation_q",
        "attribution.strategies: own places": "difference_lo p q",
    },
    "attribution.labels": {
        "attribution.labels: probability": "probability_lo",
        "attribution.labels: share": "class_share_lo",
    },
    "attribution.response": {_MEAN: "lo"},
    "attribution.words": {_MEAN: "lo p q"},
    "mechanism.pairs": {
        "mechanism.pairs: r =": "lo",
        "mechanism.pairs: r_within =": "r_within_lo",
        "mechanism.pairs: r,": "p q",
        "mechanism.pairs: r_within,": "r_within_p r_within_q",
    },
    "mechanism.clusters": {
        "mechanism.clusters: silhouette of a unit": "silhouette_lo",
        "mechanism.clusters: silhouette of a site": "site_silhouette_lo",
        "mechanism.clusters: specialisation": "lo p q",
        "mechanism.clusters: data without groups": "null_p",
        "mechanism.clusters: randomly initialised": "untrained_p",
        _SETS: "null_q untrained_q",
    },
    "mechanism.flow": {
        _SHARE: "lo",
        _GAIN: "change_lo selectivity_lo trained_gain_lo",
        "mechanism.flow: CKA": "cka_lo",
        "mechanism.flow: NC1": "nc1_lo",
        "mechanism.flow: participation ratio": "participation_lo",
    },
    "mechanism.paths": {_SHARE: "lo"},
    "mechanism.edges": {
        "mechanism.edges: effect": "lo",
        "mechanism.edges: size": "size_lo",
        _MEAN: "p q",
    },
    "tracing.patching": {
        "tracing.patching: share of a gap": "lo",
        "tracing.patching: a share of nothing": "p q",
    },
    "tracing.geometry": {
        _MEAN: "x_lo y_lo",
        "tracing.geometry: share": "lo",
        "tracing.geometry: p of": "p",
        _SETS: "q",
    },
    "tracing.directions": {
        "tracing.directions: AUROC": "lo",
        _MEAN: "steer_lo",
        _FLIPS: "erase_lo",
        "tracing.directions: steer_p": "steer_p",
        "tracing.directions: p of erased": "p",
        "tracing.directions: q after": "steer_q q",
    },
}
"""By finding: a promise (its finding, or that and what its words begin with) and the columns that
rest on it. Of an interval's two ends the lower one stands for both; of a column p some promise of
its kind, or of q: in a family in which nothing is below 0.05 no p is far below."""

SPOKEN = (
    "ablation.averages: drop",
    "ablation.averages: numbers",
    "agreement.units: units called selective",
    "removable",
    "test",
)
"""Promises behind sentences, verdicts and answers to functions: no finding's column has them."""

UNBOUND: Mapping[str, str] = {
    "mechanism.clusters": "k_lo stability_lo",
    "attribution.trust": "lo",
}
"""Ends that say what resamples give, not where a truth lies."""
