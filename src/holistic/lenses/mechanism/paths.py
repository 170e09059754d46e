"""Where on its way through the network does a single image become what the model says it is?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism.flow import Reading
from holistic.lenses.mechanism.schemas import ImageSite
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.study.subject import Subject

__all__ = ["paths"]

_TOLD = 5
"""Sites that a sentence names at most."""


@dataclass(frozen=True)
class _Stop:
    """What is said at one place on the way.

    Attributes
    ----------
    site
        Its name.
    chances
        `[M, C]`, probabilities of the images that are told of.
    control
        `[M, C]`, those by the probe of the untrained copy; None where training changes nothing.
    right
        `[N]` bool, which evaluation examples are told right.
    """

    site: str
    chances: np.ndarray
    control: np.ndarray | None
    right: np.ndarray


def paths(subject: Subject, reading: Reading) -> Finding:
    """Follow single images through the sites, by what linear probes read of them.

    References
    ----------
    Alain & Bengio 2016, section 4 (probes along the depth of a network).
    """
    chosen, stops = reading.task.cases, _stops(subject, reading)
    labels = chosen.examples.labels.cpu().numpy()
    said = stops[-1].chances.argmax(1)  # [M]
    each = [(int(label), int(answer)) for label, answer in zip(labels, said, strict=True)]
    rows = [
        ImageSite(
            example=int(chosen.examples.indices[i]),
            kind=chosen.kinds[i],
            label=subject.classes[label],
            prediction=subject.classes[answer],
            depth=depth,
            **_told(subject, stop, i, label, answer),
        )
        for i, (label, answer) in enumerate(each)
        for depth, stop in enumerate(stops)
    ]
    return Finding(
        schemas.PATHS,
        Table.from_rows(ImageSite, rows),
        statements=_statements(stops, labels, np.array(chosen.kinds)),
        caveats=(
            "A probe says what could be read at a site, not what the model uses there.",
            "Images were chosen by their margins on the evaluation split; one image's numbers have "
            "no interval. How far a probe can be trusted, its accuracy on all examples says.",
        ),
    )


def _stops(subject: Subject, reading: Reading) -> list[_Stop]:
    task = reading.task
    stops = [
        _Stop(
            r.site, r.chances, None if r.untrained is None else r.untrained_chances, r.probe.right
        )
        for r in reading.reads
    ]
    right = subject.predict(task.evaluation.images).argmax(1).cpu().numpy() == task.labels[1]
    return [
        *stops,
        _Stop("output", task.cases.logits.double().softmax(1).cpu().numpy(), None, right),
    ]


def _told(subject: Subject, stop: _Stop, image: int, label: int, answer: int) -> dict[str, Any]:
    lo, hi = wilson(stop.right.sum(), len(stop.right))
    return {
        "site": stop.site,
        "read": subject.classes[int(stop.chances[image].argmax())],
        "label_probability": float(stop.chances[image, label]),
        "prediction_probability": float(stop.chances[image, answer]),
        "control_label_probability": (
            None if stop.control is None else float(stop.control[image, label])
        ),
        "accuracy": float(stop.right.mean()),
        "lo": float(lo),
        "hi": float(hi),
        "n": len(stop.right),
    }


def _statements(stops: Sequence[_Stop], labels: np.ndarray, kinds: np.ndarray) -> tuple[str, ...]:
    """Say of each kind of image how many are read right on the way, at a few places."""
    *probes, output = stops
    places = np.unique(np.linspace(0, len(probes) - 1, _TOLD).round().astype(int))
    said = list[str]()
    for kind in dict.fromkeys(kinds.tolist()):
        own = kinds == kind

        def count(chances: np.ndarray, own: np.ndarray = own) -> int:
            return int((chances.argmax(1) == labels)[own].sum())

        parts = [
            f"{count(stop.chances)} at '{stop.site}'"
            + ("" if stop.control is None else f" (untrained copy: {count(stop.control)})")
            for stop in (probes[i] for i in places)
        ]
        noun = "image" if own.sum() == 1 else "images"
        said.append(
            f"Of {own.sum()} {kind} {noun} linear probes tell right {', '.join(parts)}; the model "
            f"{count(output.chances)}."
        )
    return tuple(said)
