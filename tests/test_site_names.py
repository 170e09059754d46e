"""Readers see layers by number, and operations of no module by what produced them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.graph.sites import SITES
from holistic.report.page import rendered
from holistic.report.saved import Audit
from holistic.results.findings import Finding
from holistic.results.site_names import SiteNames


class Plain(nn.Module):
    """Convolutions whose activations no module owns, and an activation that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.conv3, self.act = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()
        self.bn, self.out = nn.BatchNorm2d(3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = self.act(self.bn(self.conv2(x)) + x)
        return self.out(self.act(self.conv3(x)).mean((2, 3)))


def _subject(model: nn.Module | None = None) -> holistic.Subject:
    torch.manual_seed(0)
    data = torch.rand(40, 1, 4, 4), torch.arange(40) % 2
    return holistic.Subject((model or Plain()).eval(), data)


def test_operations_go_by_what_produced_them() -> None:
    rows = {row["site"]: row for row in _subject().sites.rows()}
    shown = {site: (row["layer"], row["shown"]) for site, row in rows.items()}
    assert shown["conv1"] == ("", "conv1")
    assert shown["relu"] == ("L1", "conv1 · relu")
    assert shown["max_pool2d"] == ("", "conv1 · relu · max_pool2d")
    assert shown["act"] == ("L2", "bn · add · relu")  # its module is called again
    assert shown["act#2"][0] == "L3"
    assert rows["bn"]["op"] == "batch_norm"
    assert len({row["shown"] for row in rows.values()}) == len(rows)


def test_a_plain_layer_leads_to_the_activation_of_its_units_and_a_pool_back() -> None:
    same = {row["site"]: row["same_units"] for row in _subject().sites.rows()}
    assert (same["conv1"], same["max_pool2d"], same["relu"]) == ("relu", "relu", "")
    assert (same["conv2"], same["bn"], same["out"]) == ("act", "act", "")
    flat = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 2))
    rows = list(_subject(flat).sites.rows())
    assert [row["shown"] for row in rows] == ["view 0", "linear 1", "relu 2", "linear 3"]
    assert [row["same_units"] for row in rows] == ["", "2", "", ""]


def test_modules_that_are_hooked_have_names_as_well() -> None:
    class Forked(Plain):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if float(x.sum()) > -1e9 else super().forward(-x)

    subject = _subject(Forked())
    assert not subject.traced
    named = {row["site"]: (row["layer"], row["shown"]) for row in subject.sites.rows()}
    assert (named["conv1"], named["act"][0], named["act#2"][0]) == (("", "conv1"), "L1", "L2")


@pytest.mark.parametrize("name", ["relu", "conv1 · relu", "L1 (conv1 · relu)"])
def test_a_site_is_found_by_its_key_and_by_what_readers_see(name: str) -> None:
    assert _subject().site(name).name == "relu"


def test_sentences_and_tables_of_an_audit_show_the_names(tmp_path) -> None:
    subject = _subject()
    found = Finding(SITES, subject.sites, ("Of site 'relu' 2, of class 'relu' 3, of site 'x' 4.",))
    audit = Audit.create(tmp_path / "a", {"key": "1", "classes": ["0", "1"]})
    audit = audit.add("sites", [found], 0.0)
    told = audit.readers.in_finding(found).statements
    assert told == ("Of L1 (conv1 · relu) 2, of class 'relu' 3, of site 'x' 4.",)
    assert audit["sites"].column("site").tolist()[1] == "relu"
    seen = audit.for_readers()["sites"]
    assert seen.column("site").tolist()[1] == "L1 (conv1 · relu)"
    assert seen.column("key").tolist()[1] == "relu"
    assert seen.column("same_units").tolist()[0] == "L1 (conv1 · relu)"
    assert '"keys":["conv1","relu",' in rendered(audit)[0]


def test_an_audit_without_names_is_shown_by_its_keys() -> None:
    assert SiteNames().in_text("site 'relu#2'") == "site 'relu#2'"
