"""A self-test with known answers finds what is planted, and fails where a verdict is broken."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import holistic
from holistic import doctoring
from holistic.cli import main
from holistic.doctoring import engine as engine_module
from holistic.doctoring import verdicts as verdicts_module
from holistic.doctoring import zoo
from holistic.doctoring.coverage import coverage
from holistic.doctoring.engine import engine
from holistic.doctoring.grafted_directions import graft_directions
from holistic.doctoring.grafted_layers import graft_clusters, graft_edges
from holistic.doctoring.grafting import Grafted, graft, graft_pairs, graft_suppressors, grafts
from holistic.doctoring.rates import rates, shuffled
from holistic.doctoring.readings import Readings
from holistic.doctoring.truths import Tally, asked, tally, truths
from holistic.doctoring.zoo import TRUTHS
from holistic.doctoring.zoo.layouts import directions
from holistic.doctoring.zoo.pairs import standing_in
from holistic.graph.traced import TracedStage
from holistic.lenses.ablation import interactions
from holistic.report.terminal import summary
from holistic.stats.means import Means
from planted_report import audit as audit_of

QUICK = {
    "a suppressor holds its class back",
    "a unit helps half of a class and harms the other",
    "two units stand in for each other, or work only together",
    "a class is the exclusive or of two units",
    "a direction tells a class, and is read or not",
    "a shortcut in a corner decides",
    "a class goes through a circuit of three edges",
    "units respond to a class, and nothing reads them",
    "units tell a class as well as its carrier, and are hardly read",
    "what two units do adds up, though the margin bends",
    "an edge's source has a twin that nothing reads",
    "faint pixels decide, and bright edges don't",
}
"""Those that take a second or less; the others are asked by `holistic doctor` itself."""


@pytest.mark.parametrize("truth", [t for t in TRUTHS if t.name in QUICK], ids=lambda t: t.name)
def test_what_is_planted_is_found_and_decoys_are_left_alone(truth: zoo.Truth) -> None:
    for one in asked([truth], seed=1):
        assert one.found >= 0.9 * one.planted, one
        assert one.named <= 0.05 * one.decoys, one


def test_every_truth_has_claims_of_known_verdicts() -> None:
    assert {truth.name for truth in TRUTHS} >= QUICK
    assert len({truth.name for truth in TRUTHS}) == len(TRUTHS) == 21


def answering(monkeypatch: pytest.MonkeyPatch, verdict: str, answer: bool) -> None:
    """Break a verdict: it says the same of everything."""

    def names(table: holistic.Table, cells: Mapping[str, Any]) -> bool:
        return answer

    broken = dataclasses.replace(verdicts_module.VERDICTS[verdict], names=names)
    monkeypatch.setitem(verdicts_module.VERDICTS, verdict, broken)


@pytest.mark.parametrize("answer", [True, False], ids=["names all", "names none"])
def test_a_broken_verdict_is_said_with_what_it_means(
    monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    answering(monkeypatch, "synergistic", answer)
    planted = [dataclasses.replace(one, claims=one.claims * 4) for one in standing_in(0)]
    verdicts, per_truth = truths(tally(planted, "pairs", 0.0))
    row = dict(verdicts.table.where(verdict="synergistic").rows().__next__())
    assert not row["sound"]
    meaning = "may seem independent" if not answer else "may seem to work together"
    assert meaning in row["means"]
    assert verdicts.statements == (f"'synergistic' fails on built networks: {row['means']}",)
    assert per_truth.table.where(verdict="redundant").cells("sound") == [True]


def test_few_misses_are_no_failure() -> None:
    assert Tally("", "", planted=10, found=9, decoys=20, named=1).sound
    assert not Tally("", "", planted=10, found=5, decoys=20, named=0).sound
    assert not Tally("", "", planted=10, found=10, decoys=20, named=5).sound


def test_real_labels_are_no_twin_in_which_nothing_is() -> None:
    read = directions(0)[0].subject
    tests = ("specific to a class", "direction tells its class", "class can be read")
    twins = [("labels shuffled", shuffled(read, 0), tests), ("as it is", read, tests)]
    table = rates(twins).table
    assert all(table.where(twin="labels shuffled").cells("sound"))
    wrong = {row["test"] for row in table.where(twin="as it is").rows() if not row["sound"]}
    assert wrong == {*tests}


def test_an_untrained_twin_has_other_weights_and_labels_dealt_out_anew() -> None:
    read = directions(0)[0].subject
    twin = shuffled(read, 0, trained=False)
    assert not torch.equal(twin.model[1].weight, read.model[1].weight)
    assert torch.equal(twin.images, read.images)
    assert torch.equal(twin.labels.bincount(), read.labels.bincount())
    assert (twin.labels == read.labels).float().mean() < 0.5


def test_intervals_hold_the_truth_and_narrow_ones_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(coverage(0).table.cells("sound"))
    interval = Means.interval

    def narrow(self: Means, *, level: float = 0.95) -> Any:
        return interval(self, level=level / 1.4)

    monkeypatch.setattr(Means, "interval", narrow)
    finding = coverage(0)
    row = next(finding.table.where(number="effect of removing a unit").rows())
    assert not row["sound"]
    assert "'effect of removing a unit' hold the truth in" in finding.statements[0]


def small() -> holistic.Subject:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(80, 1, 4, 4, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 4))
    return holistic.Subject(model.eval(), (images, torch.arange(80) % 4), name="small")


def test_the_engines_agree_and_a_wrong_one_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = engine({"small": small()}).table.rows()
    assert (row["site"], row["units"], row["sound"]) == ("2", 12, True)
    right = TracedStage.units

    def wrong(self: TracedStage, units: Tensor, rows: Tensor) -> Tensor:
        return right(self, units, rows) * 1.01

    monkeypatch.setattr(TracedStage, "units", wrong)
    finding = engine({"small": small()})
    assert finding.table.cells("sound") == [False]
    assert "the fast engine differs by" in finding.statements[0]


def learnt(per_class: int = 60) -> holistic.Subject:
    """Three classes that some of twelve random units tell well."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3 * per_class) % 3
    images = torch.randn(len(labels), 6, generator=generator)
    images[:, :3] += 3 * torch.eye(3)[labels]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.Linear(8, 3))
    return holistic.Subject(model.eval(), (images, labels), name="own")


def test_carriers_are_planted_into_a_copy_of_a_model() -> None:
    subject = learnt()
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    [site] = [site for site in subject.hidden_sites if site.name == "1"]
    planted = graft(subject, site)
    assert not isinstance(planted, str)
    model = planted.subject.model
    assert isinstance(model, Grafted)
    read = model.read[0]
    carrying = (read - read.median(0).values).abs() > 0  # [C, U]
    assert carrying.sum(1).tolist() == [1, 1, 1]
    # a carrier decides its class alone; no other unit decides anything
    between = planted.subject.predict().diff(dim=1)
    for unit in range(12):
        edited = planted.subject.predict(edits=[holistic.Zero("model.1", units=[unit])])
        changed = (edited.diff(dim=1) - between).abs().max() > 1e-5
        assert changed == carrying[:, unit].any()
    answers = {one.verdict: one for one in tally([planted], "own", 0.0)}
    assert answers["causal"].found == answers["causal"].planted >= 2
    assert (answers["causal"].named, answers["causal"].decoys) == (0, 9)
    for name, value in subject.model.state_dict().items():
        assert torch.equal(value, before[name])
    assert not subject.model[1]._forward_hooks


def test_where_nothing_can_be_planted_it_is_said() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(80, 16, generator=generator)
    few = nn.Sequential(nn.Linear(16, 3), nn.ReLU(), nn.Linear(3, 4)).eval()
    subject = holistic.Subject(few, (images, torch.arange(80) % 4), name="few")
    notes = list(grafts(subject))
    assert all(isinstance(note, str) for note in notes)
    assert str(notes[0]).startswith(
        "Not planted in few: units of '1' carry classes, because it has"
    )
    assert "units that vary, and 4 classes need one each" in str(notes[0])
    assert "units that vary, and 4 classes need 2 each" in str(notes[-1])


def broad(count: int = 360) -> holistic.Subject:
    """Three classes that some of sixty units of the last hidden site tell well."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 3
    images = torch.randn(count, 40, generator=generator)
    images[:, :3] += 3 * torch.eye(3)[labels]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(40, 60), nn.ReLU(), nn.Linear(60, 3))
    with torch.no_grad():
        model[0].weight[:9] = torch.eye(40)[:3].repeat(3, 1)
    return holistic.Subject(model.eval(), (images, labels), name="broad")


@pytest.mark.parametrize(
    ("plant", "least"),
    [(graft_suppressors, {"harmed": 2}), (graft_directions, {"steers": 2, "decodable": 2}),
     (graft_edges, {"edge": 7}), (graft_clusters, {"same cluster": 45})],
)  # fmt: skip
def test_answers_of_every_kind_are_planted_into_a_copy(plant: Any, least: dict[str, int]) -> None:
    subject = broad()
    [site] = [site for site in subject.hidden_sites if site.name == "1"]
    planted = plant(subject, site)
    assert not isinstance(planted, str), planted
    copies = planted if isinstance(planted, tuple) else (planted,)
    answers = {one.verdict: one for one in tally(copies, "own", 0.0)}
    for verdict, count in least.items():
        assert answers[verdict].found >= count, answers
        assert answers[verdict].sound
    assert sum(one.decoys for one in answers.values()) > 0
    assert sum(one.named for one in answers.values()) == 0


def test_pairs_are_planted_into_a_copy_of_a_model() -> None:
    subject = learnt()
    [site] = [site for site in subject.hidden_sites if site.name == "1"]
    planted = graft_pairs(subject, site)
    assert not isinstance(planted, str)
    answers = {one.verdict: one for one in tally([planted], "own", 0.0)}
    assert answers["redundant"].found == answers["redundant"].planted >= 1
    assert answers["redundant"].named == answers["synergistic"].named == 0


def doctored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a command only what takes little time."""
    monkeypatch.setattr(zoo, "TRUTHS", [t for t in TRUTHS if t.plant is standing_in])
    monkeypatch.setattr(doctoring, "_twins", lambda like, seed: [])
    monkeypatch.setattr(engine_module, "reference_networks", lambda seed: {"small": small()})


def test_the_command_says_healthy_and_saves_what_it_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctored(monkeypatch)
    out = tmp_path / "doctor"
    assert main(["doctor", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "redundant                         3 of 3         0 of 28" in printed
    assert "\nhealthy: " in printed
    assert len(printed.splitlines()) <= 40
    audit = holistic.load(out)
    assert audit.finding("doctor.verdicts").brief.startswith("Verdicts find 12 of 12 planted")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "redundant: of 3 planted in built networks it found 3, of 28 decoys it" in page
    record = json.loads((out / "doctor.json").read_text(encoding="utf-8"))
    assert record["healthy"] is True
    assert {row["verdict"] for row in record["findings"]["doctor.verdicts"]} == {
        "redundant", "synergistic", "steps in",
    }  # fmt: skip


def test_the_command_fails_where_a_lens_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doctored(monkeypatch)

    def always(columns: Mapping[str, Any]) -> np.ndarray:
        return np.full(len(columns["p"]), "redundant")

    monkeypatch.setattr(interactions, "kinds_of", always)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "synergistic                       0 of 3         0 of 28  FAILS" in printed
    assert "2 sound verdicts left out" in printed
    assert printed.splitlines()[-2:] == [
        "not healthy: 1 thing failed.",
        "- 'synergistic' fails on built networks: Units that work only together may seem "
        "independent.",
    ]


def test_error_rates_stand_beside_verdicts_of_an_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = Readings(small())["agreement.units"]
    audit = audit_of(tmp_path / "audit").add("agreement", [verdicts], 0.0)
    row = {"verdict": "causal", "finding": "agreement.units", "network": "a copy of mlp",
           "planted": 100, "found": 97, "decoys": 80, "named": 3}  # fmt: skip
    null = {"twin": "untrained", "test": "causal", "finding": "agreement.units", "found": 1,
            "tests": 400, "share": 0.0025, "lo": 0.0004, "hi": 0.0139}  # fmt: skip
    other = {**row, "network": "built networks", "found": 1}
    file = tmp_path / "printed.json"
    found = {"doctor.verdicts": [row, other], "doctor.rates": [null]}
    file.write_text(json.dumps({"findings": found}))
    words = (
        "causal: of 100 planted in a copy of mlp it found 97, of 80 decoys it named 3; untrained: "
        "1 of 400 [0.0, 1.4 %]"
    )
    assert words not in " ".join(audit.finding("agreement.units").caveats)
    assert main(["report", str(audit.path), "--doctor", str(file)]) == 0
    assert words in (audit.path / "report.html").read_text(encoding="utf-8")
    assert words in audit.finding("agreement.units").caveats[0]
    assert not any(words in caveat for caveat in audit.finding("ablation.units").caveats)
    console = Console(width=80, force_terminal=False)
    with console.capture() as printed:
        console.print(summary(audit))
    assert words in " ".join(printed.get().split())


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"findings": {"doctor.verdicts": [{"verdict": "causal"}]}}',
     '{"findings": {"doctor.verdicts": 1}}'],
)  # fmt: skip
def test_what_is_no_self_test_is_refused(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = audit_of(tmp_path / "audit")
    file = tmp_path / "other.json"
    file.write_text(content)
    assert main(["report", str(audit.path), "--doctor", str(file)]) == 2
    assert "holds no self-test; write one with 'holistic doctor" in capsys.readouterr().err
    assert not (audit.path / "doctor.json").exists()


OWN = """
import torch
from torch import nn

def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3)).eval()

def data():
    labels = torch.arange(180) % 3
    images = torch.randn(180, 6, generator=torch.Generator().manual_seed(0))
    images[:, :3] += 3 * torch.eye(3)[labels]
    return images, labels
"""


def test_the_command_plants_into_copies_of_a_model_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctored(monkeypatch)
    (tmp_path / "own_doctored.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    given = ["own_doctored:data", "--like", "own_doctored:net"]
    assert main(["doctor", *given, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["subject"] == "own_doctored:net and built networks"
    first = record["findings"]["doctor.verdicts"][0]
    assert (first["network"], first["verdict"]) == ("a copy of own_doctored:net", "causal")
    assert first["found"] == first["planted"] >= 2
    assert (first["named"], first["decoys"]) == (0, 9)
    assert {row["network"] for row in record["findings"]["doctor.engine"]} == {given[2]}
    assert main(["doctor", "--repeats", "0"]) == 2
    assert "repeats must be" in capsys.readouterr().err
    with pytest.raises(holistic.HolisticError, match="Subject"):
        holistic.doctor("mlp")  # type: ignore[arg-type]
