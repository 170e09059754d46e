"""Reads what an audit keeps so that audits of other trainings can be compared with it.

Examples are known by their content, so that audits with other splits, seeds and limits share them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from holistic.graph.engine import position_mean
from holistic.graph.loops import batches
from holistic.graph.torch_settings import settled
from holistic.results.findings import Finding
from holistic.results.shared import EXAMPLES, VALUES, SharedExample
from holistic.results.tables import Table
from holistic.study.scores import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from holistic.study.subject import Subject

__all__ = ["shared_examples"]

_ROWS = 20_000
"""Examples that have a row at most."""
_BYTES = 2**23
"""What the units' values may take; they are kept of at least `_FEWEST` examples."""
_FEWEST, _MOST = 200, 1000
_AT_ONCE = 1000


@settled()
def shared_examples(subject: Subject) -> Finding:
    """Return the finding `sites.examples`: predictions of examples, and units' values on some.

    Rows begin with one example of each class, then another of each, in the order of their digests:
    the same examples come first in every audit of the same data.

    Parameters
    ----------
    subject
        What is studied.
    """
    places, digests = _ordered(subject)
    labels = subject.labels[places]
    parts = batches(len(places), _AT_ONCE)
    logits = torch.cat([subject.predict(subject.images[places[part]]) for part in parts])
    margins = score(logits, labels, "margin").double().cpu().numpy()
    predicted, chosen = logits.argmax(1).cpu().numpy(), set(subject.selection_indices.tolist())
    rows = [
        SharedExample(
            int(place),
            digests[i],
            subject.classes[int(labels[i])],
            subject.classes[int(predicted[i])],
            float(margins[i]),
            "selection" if int(place) in chosen else "evaluation",
        )
        for i, place in enumerate(places)
    ]
    table = Table.from_rows(SharedExample, rows)
    return Finding(EXAMPLES, table, arrays=_values(subject, places))


def _ordered(subject: Subject) -> tuple[np.ndarray, list[str]]:
    """Places and digests of the examples: by turns one of each class, in the digests' order."""
    studied = np.sort(np.concatenate([subject.selection_indices, subject.evaluation_indices]))
    if len(studied) > _ROWS:
        studied = studied[np.linspace(0, len(studied) - 1, _ROWS).astype(int)]
    labels = subject.labels.cpu().numpy()[studied]
    digests = np.array(
        [
            _digest(subject.images[int(place)], int(label))
            for part in batches(len(studied), _AT_ONCE)
            for place, label in zip(studied[part], labels[part], strict=True)
        ]
    )
    turns = np.empty(len(labels), int)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        turns[own[np.argsort(digests[own], kind="stable")]] = np.arange(len(own))
    order = np.lexsort((labels, turns))
    return studied[order], digests[order].tolist()


def _digest(image: Tensor, label: int) -> str:
    numbers = image.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(numbers + f" {label}".encode()).hexdigest()[:16]


def _values(subject: Subject, places: np.ndarray) -> dict[str, np.ndarray]:
    """What the units of each hidden site hold on the first of the examples: `[V, U]` each."""
    sites = subject.hidden_sites
    room = _BYTES // (4 * sum(site.units for site in sites))
    some = places[: min(max(room, _FEWEST), _MOST)]
    names = [site.name for site in sites]
    parts: list[dict[str, np.ndarray]] = [
        {name: position_mean(values[name].double()).float().cpu().numpy() for name in names}
        for _, values in subject.capture_batches(names, subject.images[some])
    ]
    return {f"{VALUES}.{i}": _joined(parts, name) for i, name in enumerate(names)}


def _joined(parts: Sequence[dict[str, np.ndarray]], name: str) -> np.ndarray:
    return np.concatenate([part[name] for part in parts])
