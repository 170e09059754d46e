"""Are sites found by name, by pattern and by place, in every function that takes sites?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.errors import SiteError
from holistic.graph.patterns import matching, narrowed
from holistic.graph.shown import layered
from holistic.graph.sites import Site

NAMES = {"layer1.conv": False, "layer1.relu": True, "layer1.relu#2": True, "layer2.relu": True,
         "layer3.relu": True, "head": False}  # fmt: skip
SITES = [Site(name, "op", i, (4,), 0, hidden, block=not hidden)
         for i, (name, hidden) in enumerate(NAMES.items())]  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "meant"),
    [
        (["layer1.*"], ["layer1.relu", "layer1.relu#2"]),
        (["layer?.relu"], ["layer1.relu", "layer2.relu", "layer3.relu"]),
        (["#-2:"], ["layer2.relu", "layer3.relu"]),
        (["#:1"], ["layer1.relu"]),
        (["#1:3"], ["layer1.relu#2", "layer2.relu"]),
        (["#-1"], ["layer3.relu"]),
        (["#0", "#-1", "layer3.*"], ["layer1.relu", "layer3.relu"]),
        (["layer1.relu#2"], ["layer1.relu#2"]),
        (["layer1.conv"], ["layer1.conv"]),
    ],
)
def test_a_pattern_stands_for_hidden_sites(patterns: list[str], meant: list[str]) -> None:
    assert [site.name for site in matching(SITES, patterns)] == meant


@pytest.mark.parametrize("pattern", ["layer9.*", "#9", "#4:", "#", "layer1.c*"])
def test_a_pattern_for_nothing_is_an_error_that_names_the_hidden_sites(pattern: str) -> None:
    with pytest.raises(SiteError, match=r"none of the 4 hidden sites, 'layer1\.relu'"):
        matching(SITES, [pattern])


@pytest.mark.parametrize("place", ["#-0", "#-00", "#0:-0", "#\u0660", "#\uff11", "#" + "9" * 5000])
def test_what_is_no_place_is_no_site(place: str) -> None:
    """Digits of other scripts, -0, and more digits than Python reads."""
    with pytest.raises(SiteError, match="no site '#"):
        matching(SITES, [place])


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(SiteError, match=r"no site 'layer2.rely' \(did you mean 'layer2.relu'"):
        matching(SITES, ["layer2.rely"])


def test_only_what_is_meant_is_hidden_or_a_block() -> None:
    found = narrowed(SITES, ["layer1.conv", "#-1"])
    assert [s.name for s in found if s.hidden] == ["layer1.conv", "layer3.relu"]
    assert [s.name for s in found if s.block] == ["layer1.conv"]
    assert [s.layer for s in narrowed(layered(SITES), ["#-1"]) if s.hidden] == ["L4"]
    assert [s.hidden for s in narrowed(SITES, ())] == [s.hidden for s in SITES]


class Branching(nn.Module):
    """Control flow that depends on the data: can't be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 3)
        self.one, self.two = nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.b(self.one(self.a(x))))
        if float(x.sum()) > 1e9:
            x = x * 2
        return self.head(x)


def plain() -> nn.Module:
    layers = [nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(("build", "last"), [(plain, "3"), (Branching, "two")])
def test_a_subject_of_some_sites_has_no_others(build: type[nn.Module], last: str) -> None:
    torch.manual_seed(0)
    data = (torch.randn(30, 6), torch.arange(30) % 3)
    model = build()
    whole, some = (holistic.Subject(model, data, sites=sites) for sites in (None, "#-1"))
    assert [site.name for site in some.hidden_sites] == [last]
    assert [site.name for site in some.untrained(1).hidden_sites] == [last]
    assert whole.fingerprint["computation"] != some.fingerprint["computation"]
    assert whole.fingerprint["weights"] == some.fingerprint["weights"]
    table = holistic.sweep(whole, sites="#-1")
    assert set(table.column("site").tolist()) == {last}
    rest = holistic.sweep(some)
    assert (table.column("effect") == rest.column("effect")).all()
