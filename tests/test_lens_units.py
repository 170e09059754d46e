"""Are units read as their definition says, and once a split?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import holistic
from holistic.lenses import _units
from holistic.lenses._units import unit_batches, unit_values
from holistic.study.references import References
from test_sweeps import subject_of


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the batches that any subject reads."""
    seen = list[int]()
    plain = holistic.Subject.downstream

    def watched(self: holistic.Subject, *asked: object) -> object:
        seen.append(1)
        return plain(self, *asked)

    monkeypatch.setattr(holistic.Subject, "downstream", watched)
    return lambda: len(seen)


def test_values_are_means_over_positions(counted: Callable[[], int]) -> None:
    subject = subject_of("cnn")
    names, images = [site.name for site in subject.hidden_sites], subject.evaluation.images
    slow = subject.capture(names, images)
    done = list[int]()
    before = counted()
    values = unit_values(subject, names, images, progress=done.append)
    assert counted() > before
    assert done[-1] == len(images)
    some = np.array([5, 2, 9])
    for name in names:
        mean = slow[name].double().flatten(1, -2)
        mean = mean.mean(1) if slow[name].dim() > 2 else slow[name].double()
        np.testing.assert_allclose(values[name], mean, rtol=1e-6, atol=1e-9)
        read = unit_values(subject, [name], images, rows=some, batch=2)[name]
        np.testing.assert_allclose(read, mean[some], rtol=1e-5, atol=1e-7)
    parts = [part for part, _ in unit_batches(subject, names, images, batch=7)]
    assert [p.start for p in parts] == list(range(0, len(images), 7))


def test_a_split_is_read_once_while_there_is_room(
    counted: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = subject_of("mlp")
    first = unit_values(subject, ["2"], subject.selection.images)
    before = counted()
    assert unit_values(subject, ["2"], subject.selection.images) is first
    assert counted() == before
    # some images of a split and drawn weights are read anew; another reading is of the same values
    unit_values(subject, ["2"], subject.selection.images[:9])
    unit_values(subject, ["2"], subject.selection.images, reduce=lambda v: v.abs())
    subject.references = References(subject)  # as where weights are drawn anew
    assert unit_values(subject, ["2"], subject.selection.images) is not first
    assert counted() == before + 2
    monkeypatch.setattr(_units, "_KEPT_BYTES", 1)
    again = unit_values(subject, ["2"], subject.evaluation.images)
    assert unit_values(subject, ["2"], subject.evaluation.images) is not again
    assert not _units._KEPT[subject.references]
