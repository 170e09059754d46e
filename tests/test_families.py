"""Is every q of an audit that of the family which its column names, recomputed from its p?"""

from __future__ import annotations

import numpy as np
import pytest

import slow_stats
from holistic.report.saved import Audit

FAMILIES = {
    "ablation.units": {"q": ("p", ())},
    "ablation.scores": {"q": ("p", ("score",)), "specific_q": ("specific_p", ())},
    "ablation.replacements": {"q": ("p", ()), "overlap_q": ("overlap_p", ())},
    "ablation.topk": {
        "q": ("p", ("k", "ranking")),
        "class_q": ("class_p", ("k", "ranking")),
        "class_matched_q": ("class_matched_p", ("k", "ranking")),
    },
    "ablation.off_target": {"q": ("p", ()), "control_q": ("control_p", ("site",))},
    "ablation.curves": {
        "random_q": ("random_p", ("kind", "k")),
        "matched_q": ("matched_p", ("kind", "k")),
    },
    "ablation.areas": {"q": ("p", ("site", "kind")), "matched_q": ("matched_p", ("site", "kind"))},
    "ablation.interactions": {"q": ("p", ())},
    "ablation.direct": {"q": ("p", ())},
    "ablation.backup": {"q": ("p", ())},
    "ablation.shapley": {"q": ("p", ())},
    "activation.concepts": {"q": ("p", ()), "learned_q": ("learned_p", ())},
    "activation.tuning": {"q": ("p", ())},
    "attribution.methods": {"q": ("p", ())},
    "attribution.contrasts": {"q": ("p", ())},
    "attribution.evidence": {"q": ("p", ())},
    "attribution.regions": {"q": ("p", ()), "next_q": ("next_p", ())},
    "attribution.strategies": {"q": ("p", ())},
    "mechanism.edges": {"q": ("p", ("kind",))},
    "tracing.directions": {"q": ("p", ()), "steer_q": ("steer_p", ())},
    "agreement.lenses": {"q": ("p", ())},
    "agreement.pairs": {"q": ("p", ())},
    "agreement.removed": {"q": ("p", ())},
}
"""For each q its p, and the columns whose values part the rows into families."""

ELSEWHERE = {
    "ablation.scores": {"shuffled_q"},  # of a shuffle that the table doesn't hold
    "activation.depth": {"q"},  # the largest of a family, not a false discovery rate
    "mechanism.pairs": {"q", "r_within_q"},  # over pairs that aren't listed, too
    "mechanism.clusters": {"q", "null_q", "untrained_q"},  # one test a cluster or site, many rows
    "attribution.shortcuts": {"q"},  # over suspects that aren't listed, too
    "attribution.strategies": {"separation_q"},  # over classes that aren't listed, too
    "tracing.patching": {"q"},  # whole sites, and units
    "tracing.geometry": {"q"},  # one test a site, many rows
    # of classes that the table doesn't name, and of pairs that stand in another
    "agreement.units": {"causal_q", "accuracy_q", "redundancy_q"},
}
"""What the tests of the lenses hold, since the table alone doesn't give it."""


def test_every_q_has_a_family_that_some_test_holds(small_audit: Audit) -> None:
    known = {f: set(columns) | ELSEWHERE.get(f, set()) for f, columns in FAMILIES.items()}
    known = ELSEWHERE | known
    for name in small_audit.names:
        told = {c for c in small_audit[name].names if c == "q" or c.endswith("_q")}
        assert told == known.pop(name, set()), name
    assert not known


@pytest.mark.parametrize("finding", FAMILIES)
def test_q_is_that_of_its_family(small_audit: Audit, finding: str) -> None:
    table = small_audit[finding]
    for q, (p, keys) in FAMILIES[finding].items():
        tests = table.column(p).astype(float)
        parts = np.zeros(len(table), int)
        for key in keys:
            column = np.unique(table.column(key), return_inverse=True)[1]
            parts = np.unique(np.stack([parts, column]), axis=1, return_inverse=True)[1].ravel()
        expected = np.full(len(table), np.nan)
        for part in np.unique(parts):
            expected[parts == part] = slow_stats.benjamini_hochberg(tests[parts == part].tolist())
        np.testing.assert_allclose(table.column(q).astype(float), expected, rtol=1e-9)
        if keys and np.isfinite(tests).any():
            pooled = slow_stats.benjamini_hochberg(tests.tolist())
            assert not np.allclose(expected, pooled, equal_nan=True), (q, "no row tells families")
