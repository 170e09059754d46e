"""Does a gate pass what it should pass, and nothing else?"""

from __future__ import annotations

import numpy as np

from holistic.lenses.attribution.checks import completeness, resemblance


def test_a_map_must_resemble_an_untrained_one_less_than_two_of_them_do() -> None:
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal(50)

    def passed(metric: str, value: float, control: float) -> bool | None:
        return resemblance("a", metric, value + noise, control + noise[::-1], 0.5).passed

    for metric in ("randomisation", "randomisation_nonzero"):
        assert not passed(metric, 0.4, 0.4)
        assert not passed(metric, 0.4, 0.2)
        assert not passed(metric, 0.4, np.nan)
        assert not passed(metric, 0.6, 0.8)
        assert passed(metric, 0.3, 0.4)
        assert passed(metric, 0.05, 0.0)
    assert passed("edge_similarity", 0.2, 0.2)


def test_a_sum_must_fit_its_own_change_better_than_anothers() -> None:
    changes = 1 + 0.001 * np.arange(30)
    alike = completeness("a", changes * 1.01, changes, tolerance=0.05, seed=0)
    assert alike.hi is not None
    assert alike.hi < 0.05
    assert not alike.passed
    apart = np.arange(1.0, 31.0)
    assert completeness("a", apart * 1.01, apart, tolerance=0.05, seed=0).passed
