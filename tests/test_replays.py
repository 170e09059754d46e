"""What replays of orders of units share, and the faster twins of PyTorch's own operations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

import holistic
from holistic.graph.program import Program
from holistic.graph.replay import TracedStage

CONVOLUTIONS = (nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.ReLU(), nn.Flatten())


def _subject(*layers: nn.Module, shape: tuple[int, ...]) -> holistic.Subject:
    torch.manual_seed(0)
    model = nn.Sequential(*layers, nn.LazyLinear(3))
    images = torch.randn(200, *shape)
    model(images)
    return holistic.Subject(model.eval(), (images, torch.arange(200) % 3))


def _stage(subject: holistic.Subject) -> TracedStage:
    name, images = subject.hidden_sites[0].name, subject.evaluation.images
    stage = subject.stage(name, images, torch.tensor(0.25))
    assert isinstance(stage, TracedStage)
    return stage


@pytest.mark.parametrize("window", [(2, 2, 0), (3, 2, 0), (2, 1, 0), (3, 2, 1)])
def test_pooled_maxima_are_pytorchs(window: tuple[int, int, int]) -> None:
    subject = _subject(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(*window), nn.Flatten(), shape=(1, 11, 9)
    )
    program: Program = subject.engine.program  # pyright: ignore[reportAttributeAccessIssue]
    node = next(n for n in program.nodes if n.op == "max_pool2d")
    value = torch.randn(7, 4, 9, 7)
    value[0, 0, 3, 3] = torch.nan
    given = {node.inputs[0]: value}
    with torch.no_grad():
        found = program.evaluate(given, [node.index], rows=7)[node.index]
    torch.testing.assert_close(found, max_pool2d(value, *window), rtol=0, atol=0, equal_nan=True)
    value = torch.zeros(1, 4, 9, 7, requires_grad=True)
    pooled = program.evaluate({node.inputs[0]: value}, [node.index], rows=1)[node.index]
    [own] = torch.autograd.grad(pooled.sum(), value)
    [usual] = torch.autograd.grad(max_pool2d(value, *window).sum(), value)
    assert torch.equal(own, usual)  # among equal ones too


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_changes_of_convolutions_are_kept_within_their_bytes(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = _stage(_subject(*CONVOLUTIONS, shape=(1, 8, 8)))
    orders = torch.stack([torch.randperm(6) for _ in range(5)])
    expected = _logits(stage, orders)
    monkeypatch.setattr("holistic.graph.replay._KEPT", 1)
    again = _stage(_subject(*CONVOLUTIONS, shape=(1, 8, 8)))
    size = again.known[again.carry.mixes[0].node.index].nbytes
    again._room = kept * size
    assert torch.equal(_logits(again, orders), expected)
    assert len(again._kept) == kept


def _logits(stage: TracedStage, orders: Tensor) -> Tensor:
    return torch.cat([logits.flatten(0, 1) for _, _, logits in stage.orders(orders)])


def test_a_unit_that_does_nothing_adds_nothing_to_another() -> None:
    subject = _subject(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), shape=(6,))
    with torch.no_grad():
        subject.model[2].weight[:, 4] = 0.0
    stage = _stage(subject)
    others = torch.tensor([unit for unit in range(12) if unit != 4])[:, None]
    pairs = torch.cat([others, torch.full_like(others, 4)], 1)
    [(_, alone)], [(_, both)] = stage._followed(others, [1]), stage._followed(pairs, [2])
    for index, value in alone.items():
        assert torch.equal(both[index], value)


@pytest.mark.parametrize("sizes", [[4], [1, 4, 5, 9], list(range(1, 10))])
def test_outcomes_are_the_same_in_however_many_pieces(sizes: list[int]) -> None:
    subject = _subject(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), shape=(6,))
    orders = torch.stack([torch.randperm(12)[:9] for _ in range(7)])
    found = list[Tensor]()
    for room in (1, 8 << 20):
        stage = _stage(subject)
        stage._room = room
        steps = stage.right(orders, subject.evaluation.labels, sizes)
        found.append(torch.cat([right for _, _, right in steps]))
    assert torch.equal(*found)
