"""What several lenses need is traced, drawn or read once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import holistic
import planted_tracing as planted
from holistic.graph.traced import TracedEngine
from holistic.lenses._cases import cases
from holistic.lenses._untrained import fresh_control
from holistic.lenses.activation import Activation
from holistic.lenses.agreement._untrained_bounds import untrained_bounds
from holistic.lenses.attribution import Attribution
from holistic.lenses.mechanism import Mechanism
from holistic.study.captured import split_batches


@pytest.fixture
def subject() -> holistic.Subject:
    return planted.carried(count=120)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that engines run from now on."""
    sizes, run = list[int](), TracedEngine.run

    def noted(engine: TracedEngine, images: torch.Tensor, *rest: object) -> object:
        sizes.append(len(images))
        return run(engine, images, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(TracedEngine, "run", noted)
    return sizes


def test_controls_share_a_graph_and_have_the_weights_of_their_seeds(
    subject: holistic.Subject,
) -> None:
    first = fresh_control(subject, 3)
    engine, logits = first.engine, first.predict()
    second = fresh_control(subject, 4)
    assert second.engine is engine
    assert not torch.equal(second.predict(), logits)
    torch.testing.assert_close(fresh_control(subject, 3).predict(), subject.untrained(3).predict())
    assert fresh_control(planted.carried(count=120), 3).engine is not engine


def test_lenses_trace_one_control_between_them(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked, untrained = list[object](), holistic.Subject.untrained

    def noted(one: holistic.Subject, seed: int, *, reuse: holistic.Subject | None = None) -> object:
        asked.append(reuse)
        return untrained(one, seed, reuse=reuse)

    monkeypatch.setattr(holistic.Subject, "untrained", noted)
    lenses = [
        Activation(controls=19, probes=20, phases=4, visualised=0, shuffles=20),
        Attribution(examples=4, steps=2, noise_draws=1, fractions=2, evidence_images=2),
        Mechanism(control_examples=20, draws=20, most_clusters=2),
    ]
    holistic.audit(subject, out=tmp_path / "audit", lenses=lenses, anyway=True)
    untrained_bounds(subject, 2)
    assert len(asked) > 40
    assert asked.count(None) == 1


def test_a_split_is_read_once_and_what_is_read_is_nobody_elses(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [site.name for site in subject.hidden_sites]
    images = subject.selection.images
    wanted = subject.capture(names, images)
    sizes = counted(monkeypatch)
    for _ in range(2):
        for name in names:
            read = [values[name] for _, values in split_batches(subject, [name], images, 7)]
            torch.testing.assert_close(torch.cat(read), wanted[name])
            read[0].zero_()
    assert sum(sizes) == len(images)
    assert max(part.stop - part.start for part, _ in split_batches(subject, names, images, 7)) == 7
    other = [values[names[0]] for _, values in split_batches(subject, names[:1], images[:5])]
    assert len(torch.cat(other)) == 5


def test_single_images_are_chosen_once(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, sizes = cases(subject), counted(monkeypatch)
    assert cases(subject) is first
    assert not sizes


def test_images_with_large_maps_are_run_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv2d(1, 128, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128 * 676, 2))
    subject = holistic.Subject(model.eval(), (torch.rand(300, 1, 28, 28), torch.arange(300) % 2))
    sizes = counted(monkeypatch)
    assert len(subject.predict(subject.images)) == 300
    assert sum(sizes) == 300
    assert max(sizes) < 200
