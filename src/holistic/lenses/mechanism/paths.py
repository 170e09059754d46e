"""Follows single images through the sites, by what linear probes read of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism.flow import Reading
from holistic.lenses.mechanism.paths_statements import statements
from holistic.lenses.mechanism.schemas import ImageSite
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.study.subject import Subject

__all__ = ["paths"]


@dataclass(frozen=True)
class Stop:
    """What a probe, or last the model itself, says at one place on the way.

    Attributes
    ----------
    site
        Its name.
    chances
        `[M, C]`, probabilities of the images that are followed.
    control
        `[M, C]`, those by the control's probe; None where training changes nothing.
    right
        `[N]` bool, which evaluation examples are told right.
    """

    site: str
    chances: np.ndarray
    control: np.ndarray | None
    right: np.ndarray

    @property
    def accuracy(self) -> Estimate:
        """Share of the evaluation examples that are told right."""
        n = len(self.right)
        return Estimate(float(self.right.mean()), *map(float, wilson(self.right.sum(), n)), n=n)


def paths(subject: Subject, reading: Reading) -> Finding:
    """Follow single images through the sites, by what linear probes read of them.

    References
    ----------
    Alain & Bengio 2016, section 4 (probes along the depth of a network).
    """
    chosen, stops = reading.task.cases, _stops(subject, reading)
    labels = chosen.examples.labels.cpu().numpy()
    answers = stops[-1].chances.argmax(1)  # [M]
    accuracies = [stop.accuracy for stop in stops]
    rows = [
        ImageSite(
            example=int(chosen.examples.indices[i]),
            kind=chosen.kinds[i],
            label=subject.classes[label],
            prediction=subject.classes[answer],
            site=stop.site,
            depth=depth,
            read=subject.classes[int(stop.chances[i].argmax())],
            label_probability=Estimate(
                float(stop.chances[i, label]),
                control=None if stop.control is None else float(stop.control[i, label]),
            ),
            prediction_probability=float(stop.chances[i, answer]),
            accuracy=accuracies[depth],
        )
        for i, (label, answer) in enumerate(zip(labels.tolist(), answers.tolist(), strict=True))
        for depth, stop in enumerate(stops)
    ]
    return Finding(
        schemas.PATHS,
        Table.from_rows(ImageSite, rows),
        statements=statements(stops, labels, np.array(chosen.kinds)),
        caveats=(
            "A probe says what could be read at a site, not what the model uses there.",
            "Images were chosen by their margins on the evaluation split; one image's numbers have "
            "no interval. How far a probe can be trusted, its accuracy on all examples says.",
        ),
    )


def _stops(subject: Subject, reading: Reading) -> list[Stop]:
    task = reading.task
    stops = [
        Stop(r.site, r.chances, None if r.untrained is None else r.untrained_chances, r.probe.right)
        for r in reading.reads
    ]
    right = subject.predict(task.evaluation.images).argmax(1).cpu().numpy() == task.labels[1]
    return [
        *stops,
        Stop("output", task.cases.logits.double().softmax(1).cpu().numpy(), None, right),
    ]
