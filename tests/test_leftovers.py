"""Does a traced model leave nothing behind once it is gone, and others' graphs as they are?"""

from __future__ import annotations

import gc
import linecache
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.profiler import profile

import holistic
from holistic.lenses.tracing import Tracing
from holistic.replacing.budget import sample_stage
from holistic.study.subject import Subject


class Branching(nn.Module):
    """A model that can't be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        logits = self.last(self.act(self.first(x)))
        return logits + 1 if float(logits.sum()) == 1e9 else logits


class Leaving(Branching):
    """A model that leaves torch on the way, so that its source is read."""

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(torch.tensor(self.first(x).detach().numpy())))


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def used(make: type[nn.Module]) -> bool:
    subject = Subject(make(), (torch.zeros(12, 6), torch.arange(12) % 3))
    subject.predict()
    assert subject.fingerprint
    assert sample_stage(subject, subject.hidden_sites[0]).row_cost > 0
    return subject.traced


def held() -> tuple[Counter[str], int]:
    """What is alive of torch's bookkeeping, and how many objects there are in all."""
    for _ in range(3):  # what one round frees may be all that kept another circle
        gc.collect()
    there = gc.get_objects()
    kinds = Counter("sizes" for one in there if type(one) is ShapeEnv)
    kinds["sources"] = len(linecache.cache)
    return kinds, len(there)


@pytest.mark.parametrize(("make", "traced"), [(plain, True), (Branching, False), (Leaving, True)])
def test_nothing_is_kept_of_models_that_are_gone(make: type[nn.Module], traced: bool) -> None:
    for _ in range(2):
        assert used(make) == traced
    kinds, objects = held()
    for _ in range(8):
        used(make)
    kinds_after, objects_after = held()
    assert kinds_after["sources"] == kinds["sources"]
    # torch's caches that have an end hold some of the last; a leak is one or more a model
    assert kinds_after["sizes"] <= kinds["sizes"] + 4
    # some caches with an end fill up; torch took 700 objects a model
    assert objects_after - objects < 8 * 100


def test_graphs_of_others_stay_as_they_are() -> None:
    compiled = Counter[str]()

    def count(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> torch.fx.GraphModule:
        compiled["times"] += 1
        return graph

    model = plain()
    fast = torch.compile(model, backend=count, dynamic=True)
    x = torch.randn(5, 6)
    expected = fast(x)
    own = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    sources = set(linecache.cache)
    times = compiled["times"]
    assert used(plain)
    assert sources <= set(linecache.cache)
    torch.testing.assert_close(fast(x), expected)
    torch.testing.assert_close(fast(x[:3]), expected[:3])
    assert compiled["times"] == times, "nothing is compiled again"
    torch.testing.assert_close(own.module()(x[:3]), expected[:3])


def test_audits_of_models_of_ever_new_sizes_leave_little_behind(tmp_path: Path) -> None:
    lens = Tracing(pairs=2, controls=20, examples=20)

    def audited(width: int) -> None:
        images = torch.randn(40, 6, generator=torch.Generator().manual_seed(width))
        model = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 3))
        subject = Subject(model, (images, torch.arange(40) % 3))
        holistic.audit(subject, out=tmp_path / str(width), lenses=[lens], anyway=True)

    for width in (4, 5):
        audited(width)
    _, objects = held()
    for width in (6, 7):
        audited(width)
    # some dozens in torch's cache of shapes; torch's bookkeeping of one export are thousands
    assert held()[1] - objects < 2 * 150


def test_replays_of_small_layers_leave_no_prepared_shapes_behind() -> None:
    wide = nn.Sequential(nn.Linear(6, 512), nn.ReLU(), nn.Linear(512, 512), nn.Linear(512, 3))
    for model, prepared in ((plain(), False), (wide, True)):
        subject = Subject(model, (torch.randn(60, 6), torch.arange(60) % 3))
        [site] = subject.hidden_sites
        with profile() as found:
            stage = subject.stage(site.name, subject.images, torch.zeros(()))
            stage.units(torch.zeros(9, dtype=torch.long), torch.arange(9))
        # of each shape that oneDNN meets it keeps what it prepared
        assert any("mkldnn" in event.key for event in found.key_averages()) == prepared
