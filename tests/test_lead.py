"""What is sure isn't computed: bounds of leads hold, and nothing that can turn is left out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.graph.lead import lead, lead_bounds
from holistic.graph.program import Program
from holistic.graph.replay import TracedStage

CLASSES, IMAGES = 4, 48


def _tail(kind: str) -> nn.Sequential:
    """Models whose site '1' is followed by more and more layers."""
    tails: dict[str, list[nn.Module]] = {
        "logits": [nn.Linear(12, CLASSES)],
        "one": [nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, CLASSES)],
        "two": [nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 7), nn.Sigmoid(), nn.Linear(7, CLASSES)],
        "no activation": [nn.Linear(12, 9), nn.Dropout(0.3), nn.Linear(9, CLASSES)],
    }
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), *tails[kind])


def _blocks() -> nn.Sequential:
    """Channels that have four entries each where they mix."""
    tail = [nn.Flatten(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, CLASSES)]
    return nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.MaxPool2d(1), *tail)


def _subject(model: nn.Module, shape: tuple[int, ...] = (6,)) -> holistic.Subject:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(IMAGES, *shape, generator=generator)
    labels = torch.arange(IMAGES) % CLASSES
    return holistic.Subject(model, (images, labels), seed=0)


def _stage(subject: holistic.Subject) -> tuple[TracedStage, Tensor]:
    stage = subject.stage("1", subject.evaluation.images, torch.tensor(0.5))
    assert isinstance(stage, TracedStage)
    return stage, subject.evaluation.labels


KINDS = ["logits", "one", "two", "no activation", "blocks"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_no_set_of_units_moves_a_lead_by_more_than_its_units_reach(kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    model, shape = (_blocks(), (1, 3, 3)) if kind == "blocks" else (_tail(kind), (6,))
    subject = _subject(model, shape)
    stage, labels = _stage(subject)
    reach = stage._reach(labels)
    assert reach is not None
    assert float(reach.max()) > 0
    units = stage.changed.shape[1]
    masks = torch.rand(64, units) < torch.linspace(0.1, 1, 64)[:, None]
    others = torch.nn.functional.one_hot(labels, CLASSES) == 0
    before = stage.base.gather(1, labels[:, None]) - stage.base
    for chosen, logits in stage.sets(masks):
        for mask, after in zip(masks[chosen], logits, strict=True):
            moved = (after.gather(1, labels[:, None]) - after - before).abs()[others]
            most = reach[mask].sum(0)[:, None].expand_as(others)[others]
            assert (moved <= most + 1e-5).all()


def test_the_reach_of_a_unit_is_the_largest_difference_of_its_weights() -> None:
    model = _tail("logits")
    with torch.no_grad():
        model[2].weight.copy_(torch.tensor([[3.0], [1.0], [0.0], [-1.0]]).expand(CLASSES, 12))
    stage, _ = _stage(_subject(model))
    bounds = lead_bounds(stage.program, stage.carry)
    assert bounds is not None
    assert torch.equal(bounds, torch.tensor([4.0, 2.0, 3.0, 4.0]).expand(12, CLASSES))


def test_a_lead_is_what_is_left_of_it_after_rounding() -> None:
    logits = torch.tensor([[5.0, 3.0, -10.0], [1.0, 4.0, 0.0], [torch.nan, 1.0, 2.0]])
    found = lead(logits, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(found[:2], torch.tensor([2 - 1e-3, 3 - 4e-4]))
    assert found[2].isnan()


class _Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 12), nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x).relu()
        return self.last(hidden) * hidden.mean(1, keepdim=True)


def _between(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 9), layer, nn.Linear(9, 4))


@pytest.mark.parametrize(
    "model",
    [
        _between(nn.GELU()),
        _between(nn.Softmax(1)),
        _between(nn.LayerNorm(9)),
        nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 4), nn.Tanh()),
        _Skips(),
    ],
    ids=["gelu", "softmax", "norm", "ends in tanh", "gated"],
)
def test_where_no_bound_is_known_all_is_computed(model: nn.Module) -> None:
    subject = _subject(model.eval())
    site = subject.hidden_sites[0]
    stage = subject.stage(site.name, subject.evaluation.images, torch.tensor(0.5))
    assert isinstance(stage, TracedStage)
    assert lead_bounds(stage.program, stage.carry) is None


def _rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rows, evaluate = list[int](), Program.evaluate

    def noted(self: Program, given: Any, wanted: Any, **settings: Any) -> Any:
        rows.append(settings["rows"])
        return evaluate(self, given, wanted, **settings)

    monkeypatch.setattr(Program, "evaluate", noted)
    return rows


@pytest.mark.parametrize("sizes", [[4], list(range(1, 7))])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_outcomes_are_those_of_the_logits(
    sizes: list[int], scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    model = _tail("one")
    with torch.no_grad():  # small weights: units that matter little beside the bias
        model[2].weight.mul_(scale)
    stage, labels = _stage(_subject(model))
    orders = torch.stack([torch.randperm(12)[:6] for _ in range(20)])
    expected = {
        (k, o): logits[o - chosen.start].argmax(1) == labels
        for k, chosen, logits in stage.orders(orders, sizes)
        for o in range(len(orders))[chosen]
    }
    monkeypatch.setattr(stage, "_whole", lambda wanted: False)
    rows = _rows(monkeypatch)
    for k, chosen, right in stage.right(orders, labels, sizes):
        for o in range(len(orders))[chosen]:
            assert torch.equal(right[o - chosen.start], expected.pop((k, o)))
    assert not expected
    every = len(orders) * len(sizes) * len(labels)
    assert sum(rows) < (0.2 * every if scale == 0.01 else 1.01 * every)


def test_what_is_no_number_is_never_sure() -> None:
    torch.manual_seed(2)
    subject = _subject(_tail("one"))
    stage = subject.stage("1", subject.evaluation.images, torch.tensor(torch.nan))
    labels, orders = subject.evaluation.labels, torch.tensor([[0, 1]])
    for sizes in ([2], [1, 2]):
        for _, _, right in stage.right(orders, labels, sizes):
            # NaN counts as the largest logit, and the first of them is class 0
            assert torch.equal(right[0], labels == 0)
