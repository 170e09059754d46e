"""Is a value that has several names studied once, and does every one of its names lead to it?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism.flow import read_sites
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing.patching import patch_sites
from holistic.progress import silent
from holistic.study.subject import Subject


class Residual(nn.Module):
    """A way around two layers; dropout is the last that the one way goes through."""

    def __init__(self, skips_dropout: bool = False) -> None:
        super().__init__()
        self.inner, self.outer, self.drop = nn.Linear(6, 6), nn.Linear(6, 6), nn.Dropout(0.2)
        self.act, self.skips_dropout = nn.ReLU(), skips_dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, 6]` to `[B, 6]`."""
        y = self.outer(self.act(self.inner(x)))
        return x + self.drop(y) + (y.tanh() if self.skips_dropout else 0)


class Blocks(nn.Module):
    """Residual blocks in a row, which may decide by what they are given how they run."""

    def __init__(self, *blocks: nn.Module, hooked: bool = False) -> None:
        super().__init__()
        self.blocks, self.head, self.hooked = nn.Sequential(*blocks), nn.Linear(6, 3), hooked

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, 6]` to `[B, 3]`."""
        if self.hooked and float(x.sum()) < -1e9:
            x = -x
        return self.head(self.blocks(x))


def activated(hooked: bool) -> nn.Module:
    """Blocks that end with an activation, a dropout and an identity."""
    return Blocks(
        nn.Sequential(nn.Linear(6, 6), nn.ReLU()),
        nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Dropout(), nn.Identity()),
        hooked=hooked,
    )


def subject_of(model: nn.Module) -> Subject:
    images = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
    return Subject(model.eval(), (images, torch.arange(60) % 3))


FORMS = {
    "one block": (lambda hooked: Blocks(Residual(), hooked=hooked), {"blocks": "blocks.0"}),
    "two blocks": (
        lambda hooked: Blocks(Residual(), Residual(), hooked=hooked),
        {"blocks": "blocks.1", "blocks.0.drop": "blocks.0.outer"},
    ),
    "activations": (
        activated,
        {"blocks.0": "blocks.0.1", "blocks": "blocks.1.1", "blocks.1.2": "blocks.1.1"},
    ),
    "a way before dropout": (lambda hooked: Blocks(Residual(True), hooked=hooked), {}),
}


@pytest.mark.parametrize("hooked", [False, True], ids=["traced", "hooked"])
@pytest.mark.parametrize("form", FORMS)
def test_each_value_is_studied_once_and_every_name_leads_to_it(form: str, hooked: bool) -> None:
    make, expected = FORMS[form]
    subject = subject_of(make(hooked))
    assert subject.traced != hooked
    studied = [s.name for s in subject.all_sites if s.hidden or s.block]
    values = subject.capture(studied)
    for i, name in enumerate(studied):
        assert not any(torch.equal(values[name], values[other]) for other in studied[:i]), name
    told = {row["site"]: row["same_value"] for row in subject.sites.rows()}
    for other, name in expected.items():
        assert (subject.site(other).name, told[other], told[name]) == (name, name, "")
    for other, name in ((o, n) for o, n in told.items() if n):
        own = subject.capture([other, name])
        assert torch.equal(own[other], own[name])
        edited = [subject.predict(edits=[holistic.Zero(n, units=[0])]) for n in (other, name)]
        assert torch.equal(*edited)


@pytest.mark.parametrize("hooked", [False, True], ids=["traced", "hooked"])
def test_what_is_read_beside_a_dropout_is_another_place(hooked: bool) -> None:
    subject = subject_of(Blocks(Residual(True), hooked=hooked))
    told = {row["site"]: row["same_value"] for row in subject.sites.rows()}
    assert (told["blocks.0.drop"], told["blocks.0.outer"]) == ("", "")
    edited = [
        subject.predict(edits=[holistic.Zero(f"blocks.0.{n}", units=[0])])
        for n in ("drop", "outer")
    ]
    assert not torch.equal(*edited)


def test_edits_at_two_names_of_a_value_are_made_one_after_another() -> None:
    subject = subject_of(Blocks(Residual(), Residual()))
    layer = subject.hidden_sites[0]
    for names in (("blocks.0", "blocks.0.add"), (layer.name, layer.layer)):
        both = [holistic.Zero(name, units=[unit]) for unit, name in enumerate(names)]
        whole = subject.predict(edits=[holistic.Zero(names[0], units=[0, 1])])
        assert torch.equal(subject.predict(edits=both), whole)
        assert list(subject.capture(names[1])) == [names[1]]


def test_the_names_of_one_value_are_swept_once() -> None:
    subject = subject_of(activated(False))
    table = holistic.sweep(subject, sites=["blocks.0", "blocks.0.1"])
    assert set(table.column("site")) == {"blocks.0.1"}
    chosen = Subject(subject.model, (subject.images, subject.labels), sites="blocks")
    assert [site.name for site in chosen.hidden_sites] == ["blocks.1.1"]


def test_an_axis_of_units_may_be_named_at_any_name() -> None:
    model = nn.Sequential(
        nn.Sequential(nn.Conv1d(2, 4, 1), nn.ReLU()), nn.Flatten(), nn.Linear(12, 3)
    )
    images = torch.randn(60, 2, 3, generator=torch.Generator().manual_seed(0))
    subject = Subject(model.eval(), (images, torch.arange(60) % 3), unit_axes={"0": 1})
    assert {s.name: s.units for s in subject.all_sites if s.name.startswith("0")} == {
        "0.0": 4, "0.1": 3, "0": 3,
    }  # fmt: skip


def test_patching_and_probes_have_a_row_for_each_value() -> None:
    subject = subject_of(activated(False))
    table = patch_sites(subject, Tracing(pairs=2, controls=20, examples=20), silent).table
    assert list(dict.fromkeys(table.column("site"))) == ["blocks.0.1", "blocks.1.1"]
    reading = read_sites(subject, subject.untrained(1), settings=Mechanism(), progress=silent)
    assert [read.site for read in reading.reads] == ["input", "blocks.0.1", "blocks.1.1"]
