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
    "edge_similarity": "the map resembles an edge filter's, which sees no model",
}
"""What a method that fails a test was found to do; `randomisation_nonzero` is the same test on some
of the pixels."""
IN_SHORT = {
    "randomisation": "untrained networks give nearly the same map",
    "edge_similarity": "an edge filter, which sees no model, gives nearly the same map",
    "completeness": "the map's sum misses the change that it explains",
    "deletion_auc": "removing what the map names costs no more than random parts",
    "insertion_auc": "putting in what the map names brings no more than random parts",
}
"""What failing a test means in few words, those first that say most about a map."""


def failures(rows: Iterable[MethodRow]) -> dict[str, list[str]]:
    """List the tests that methods fail, each once however many rows ask it.

    Controls, which see no model, are asked nothing.
    """
    found = dict[str, list[str]]()
    for row in rows:
        test, own = row.metric.removesuffix("_nonzero"), found.setdefault(row.method, [])
        if row.passed is False and row.method not in CONTROLS and test not in own:
            own.append(test)
    return found
