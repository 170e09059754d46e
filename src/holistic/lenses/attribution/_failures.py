"""Says which tests an attribution method fails, and what failing one means."""

from __future__ import annotations

from collections.abc import Iterable

from holistic.lenses.attribution.schemas import CONTROLS, MethodRow

__all__ = ["FAILURES", "IN_SHORT", "failures"]

FAILURES = {
    "deletion_auc": "removing the pixels that it names costs no more than removing random ones",
    "insertion_auc": "putting in the pixels that it names brings no more than random ones",
    "completeness": "its sum misses the change of the objective",
    "randomisation": "the map hardly changes in a randomly initialised network",
    "cascading": "the map hardly changes where the last layers are redrawn",
    "edge_similarity": "the map resembles an edge filter's, which sees no model",
    "infidelity": "its sums foresee no better than random numbers what blanking a window changes",
}
"""What a method that fails a test was found to do; `randomisation_nonzero` is the same test on some
of the pixels, and removal with other fills is failed where every fill fails."""
IN_SHORT = {
    "randomisation": "untrained networks give nearly the same map",
    "cascading": "redrawing the last layers gives nearly the same map",
    "edge_similarity": "an edge filter, which sees no model, gives nearly the same map",
    "completeness": "the map's sum misses the change that it explains",
    "infidelity": "its sums don't foresee what blanking a part changes",
    "deletion_auc": "removing what the map names costs no more than random parts",
    "insertion_auc": "putting in what the map names brings no more than random parts",
}
"""What failing a test means in few words, those first that say most about a map."""


_VARIANTS = ("_nonzero", "_blur", "_road")


def failures(rows: Iterable[MethodRow]) -> dict[str, list[str]]:
    """List the tests that methods fail, each once however many rows ask it.

    Controls, which see no model, are asked nothing.
    """
    asked = dict[str, dict[str, list[bool]]]()
    for row in rows:
        tests = asked.setdefault(row.method, {})
        if row.passed is not None and row.method not in CONTROLS:
            tests.setdefault(_test(row.metric), []).append(row.passed)
    return {
        method: [name for name, passed in tests.items() if _fails(name, passed)]
        for method, tests in asked.items()
    }


def _test(metric: str) -> str:
    for suffix in _VARIANTS:
        metric = metric.removesuffix(suffix)
    return metric


def _fails(test: str, passed: list[bool]) -> bool:
    return not (any(passed) if test.endswith("_auc") else all(passed))
