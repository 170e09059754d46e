"""Readers see layers by number, and operations of no module by what produced them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.errors import SettingError
from holistic.graph.sites import SITES
from holistic.report.page import rendered
from holistic.report.saved import Audit
from holistic.results.at_site import at_site
from holistic.results.columns import col, key
from holistic.results.findings import Finding
from holistic.results.schema import Array, Schema
from holistic.results.site_names import SiteNames
from holistic.results.tables import Table


@dataclass(frozen=True)
class Row:
    """A number of a site."""

    site: str = key("site")
    value: float = col("number", role="value")


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


def _names_asked(subject: holistic.Subject) -> dict[str, object]:
    """What a layer's name leads to wherever a site's key does."""
    zero = subject.predict(edits=holistic.Zero("L2"))
    return {
        "captured": subject.capture("L2")["L2"],
        "batches": next(iter(subject.capture_batches(["L2"])))[1]["L2"],
        "edited": zero,
        "mean": subject.mean("L2"),
        "drawn": subject.draw("L2", torch.arange(3), 0),
        "replaced": subject.logits_from(subject.images[:2], {"L2": torch.zeros(2, 2, 2, 3)}),
    }


def test_layers_names_are_taken_wherever_keys_are() -> None:
    subject, renamed = _subject(), _subject()
    found = _names_asked(subject)
    key = subject.site("L2").name
    assert torch.equal(found["captured"], renamed.capture(key)[key])  # pyright: ignore
    assert torch.equal(found["edited"], renamed.predict(edits=holistic.Zero(key)))  # pyright: ignore
    assert torch.equal(found["mean"], renamed.mean(key))  # pyright: ignore
    data = subject.images, subject.labels
    narrow = holistic.Subject(subject.model, data, sites="L2", unit_axes={"L3": 1})
    assert [(s.name, s.layer) for s in narrow.hidden_sites] == [(key, "L2")]
    assert narrow.site("L3").unit_axis == 1
    assert len(holistic.sweep(subject, "L2").where(site="L2")) == 9
    assert len(subject.sites.where(site="L2")) == 1


def _two_sites(tmp_path: Path) -> Audit:
    subject = _subject()
    schema = Schema("x.units", "Units", Row, arrays={
        "each": Array("float32", "rows any"), "own": Array("float32", "any", sites=True)
    })  # fmt: skip
    table = Table.from_rows(Row, [Row("relu", 1.0), Row("act", 2.0), Row("act", 3.0)])
    arrays = {
        "x.each": np.arange(6, dtype=np.float32).reshape(3, 2),
        "x.own.0": np.zeros(1, np.float32),
        "x.own.1": np.ones(1, np.float32),
    }
    audit = Audit.create(tmp_path / "a", {"key": "1", "classes": ["0", "1"]})
    audit = audit.add("sites", [Finding(SITES, subject.sites)], 0.0)
    return audit.add("x", [Finding(schema, table, arrays=arrays)], 0.0)


@pytest.mark.parametrize("name", ["act", "L2", "bn · add · relu", "L2 (bn · add · relu)"])
def test_rows_and_figures_are_found_by_each_name_of_a_site(name: str, tmp_path: Path) -> None:
    audit = _two_sites(tmp_path)
    for one in (audit, audit.for_readers()):
        rows = one["x.units"].where(site=name)
        assert rows.column("value").tolist() == [2.0, 3.0]
        assert len(rows.sort("value").where(site=name).head(1).where(site=name)) == 1
        alone = at_site(one.finding("x.units"), name)
        assert alone.table.column("value").tolist() == [2.0, 3.0]
        assert alone.arrays["x.each"].tolist() == [[2, 3], [4, 5]]
        assert {n: a.tolist() for n, a in alone.arrays.items() if "own" in n} == {"x.own.0": [1]}
    assert len(audit.figure("x.units", site=name).figures) == 1
    assert not len(audit["x.units"].where(site="L3"))


def test_a_site_that_a_finding_tells_nothing_of_is_refused_with_the_known_ones(
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingError, match=r"no row at site 'L3'.*'L1 \(conv1 · relu\)', 'L2"):
        _two_sites(tmp_path).figure("x.units", site="L3")
