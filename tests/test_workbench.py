"""Does the live page's server say what plain runs say, and only to its own page?"""

from __future__ import annotations

import html
import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.errors import HolisticError
from holistic.lenses._contract import Context
from holistic.lenses.ablation import Ablation
from holistic.progress import silent
from holistic.replacing.controls import random_sets
from holistic.report.page import rendered
from holistic.report.saved import Audit
from holistic.results.tables import Table
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.workbench.app import Answers
from holistic.workbench.jobs import Jobs, run_lens
from holistic.workbench.live import Live, Removal, Superseded, _bytes_of
from holistic.workbench.losses import describe_losses
from planted_live import turning
from planted_report import audit as planted_audit
from zoo import ZOO, make


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return turning()


@pytest.fixture(scope="module")
def live(subject: holistic.Subject) -> Live:
    return Live(subject)


def plainly(subject: holistic.Subject, units: dict[str, list[int]]) -> torch.Tensor:
    edits = [holistic.Mean(site, units=some) for site, some in units.items()]
    return subject.predict(edits=edits).argmax(1)


@pytest.mark.parametrize("units", [{"1": [0, 3]}, {"1": [2], "3": [1, 5]}, {}])
def test_removals_equal_plain_edits(
    subject: holistic.Subject, live: Live, units: dict[str, list[int]]
) -> None:
    labels = subject.evaluation.labels
    before, after = subject.predict().argmax(1), plainly(subject, units)
    told = live.remove(Removal({n: tuple(u) for n, u in units.items()}))
    assert told["n"] == len(labels)
    assert told["whole"]
    assert told["changes"] == int((before != after).sum())
    assert bool(told["changes"]) == bool(units)
    for c, row in enumerate(told["classes"][:-1]):
        own = labels == c
        assert row["n"] == int(own.sum())
        for name, said in (("before", before), ("after", after)):
            accuracy = float((said == labels)[own].float().mean())
            assert row[name]["value"] == pytest.approx(accuracy)
        assert row["drop"]["value"] == pytest.approx(row["before"]["value"] - row["after"]["value"])
        assert row["after"]["lo"] <= row["after"]["value"] <= row["after"]["hi"]
        counts = [int((after[own] == p).sum()) for p in range(3)]
        assert told["confusion"][c] == counts
    moved = (before != after).nonzero()[:, 0].tolist()
    assert [one["example"] for one in told["changed"]] == [
        int(subject.evaluation.indices[i]) for i in moved[:60]
    ]
    intact = [[int((before[labels == c] == p).sum()) for p in range(3)] for c in range(3)]
    assert told["intact"] == intact


def test_few_sets_are_all_of_them_and_q_is_over_the_classes(live: Live) -> None:
    few = live.remove(Removal({"1": (0,)}, controls=20))
    assert few["every"]
    assert few["classes"][-1]["random"]["sets"] == 7
    many = live.remove(Removal({"1": (0, 3), "3": (1, 2)}, controls=20))
    assert not many["every"]
    assert not live.remove(Removal({"1": (0,)}))["every"], "none were asked for"
    alone = live.remove(Removal({"1": tuple(range(8))}, controls=20))
    assert alone["every"]
    assert "random" not in alone["classes"][0], "there is no other set"
    for told in (few, many):
        p = np.array([row["random"]["p"] for row in told["classes"][:-1]])
        q = [row["random"]["q"] for row in told["classes"][:-1]]
        np.testing.assert_allclose(q, benjamini_hochberg(p))
        assert "q" not in told["classes"][-1]["random"]
        assert p.min() >= 1 / (1 + told["classes"][0]["random"]["sets"])


def test_a_random_set_has_a_small_q_no_more_often_than_q_says() -> None:
    """Of sets that are as random as their controls, one in twenty may have any q below 0.05."""
    rng, count, trials = np.random.default_rng(5), 240, 300
    labels = torch.arange(count) % 6
    before = labels.numpy()
    examples = Examples(np.arange(count), torch.zeros(count, 1), labels)
    harm = rng.uniform(0, 0.3, (400, 6))[:, labels]  # each set has its own loss of each class
    after = np.where(rng.random((400, count)) < harm, (before + 1) % 6, before)
    small = 0
    for _ in range(trials):
        chosen = rng.choice(400, 200, replace=False)
        rows = describe_losses(examples, list("abcdef"), before, after[chosen])["classes"][:-1]
        p, q = (np.array([row["random"][name] for row in rows]) for name in "pq")
        np.testing.assert_allclose(q, benjamini_hochberg(p))
        small += q.min() < 0.05
    assert 0 < small / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


def test_changed_examples_that_were_right_come_first(subject: holistic.Subject) -> None:
    labels = subject.labels.clone()
    labels[::2] = (labels[::2] + 1) % 3
    noisy = holistic.Subject(subject.model, (subject.images, labels))
    places, labels = noisy.evaluation.indices, noisy.evaluation.labels
    before, after = noisy.predict().argmax(1), plainly(noisy, {"1": [0]})
    moved = (before != after).nonzero()[:, 0].tolist()
    lost = [i for i in moved if before[i] == labels[i]]
    assert 0 < len(lost) < min(60, len(moved))
    assert Live(noisy).remove(Removal({"1": (0,)}))["changed"] == [
        {
            "example": int(places[i]),
            "label": int(labels[i]),
            "before": int(before[i]),
            "after": int(after[i]),
        }
        for i in [*lost, *(i for i in moved if i not in lost)][:60]
    ]


def test_the_units_that_a_class_needs_most_cost_what_the_lens_says(
    subject: holistic.Subject, live: Live
) -> None:
    found = dict[str, Table]()
    for finding in Ablation(depth=3, sets=20).run(subject, Context()):
        found[finding.name] = finding.table
        if finding.name == "ablation.topk":
            break
    for held in found["ablation.topk"].where(ranking="effect", k=3).rows():
        own = found["ablation.units"].where(site=held["site"], class_=held["class"])
        units = tuple(own.sort("rank").head(3).column("unit").tolist())
        told = live.remove(Removal({held["site"]: units}))
        row = told["classes"][subject.classes.index(held["class"])]
        assert row["drop"]["value"] == pytest.approx(held["class_drop"])
        assert row["drop"]["lo"] == pytest.approx(held["class_lo"])


def test_the_second_answer_comes_from_kept_stages_and_is_the_same(live: Live) -> None:
    removal = Removal({"3": (0, 2)}, edit="zero")
    assert live.remove(removal) == live.remove(removal)
    assert ("3", "zero", "all") in live._stages


def test_several_sites_are_run_from_the_first_on_and_the_answer_is_the_same(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.graph.traced.BATCH_ROWS", 300)
    removal = Removal({"3": (0, 2), "1": (5,)}, controls=20)
    live, ran = Live(subject), list[int]()
    real = subject.engine.run
    monkeypatch.setattr(
        subject.engine, "run", lambda images, *rest: ran.append(len(rest)) or real(images, *rest)
    )
    first = live.remove(removal)
    ran.clear()
    assert first == live.remove(removal)
    labels = subject.evaluation.labels
    assert ran == [2] * -(-len(labels) // 300) * 21, "the unedited runs are kept"
    said = plainly(subject, {"1": [5], "3": [0, 2]})
    assert first["classes"][-1]["after"]["value"] == pytest.approx((said == labels).double().mean())


def test_the_same_question_is_worked_on_once(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, worked = Live(subject), list[Removal]()
    real = live.remove
    monkeypatch.setattr(live, "remove", lambda *asked: worked.append(asked[0]) or real(*asked))
    asked = [
        Removal({"1": (0,), "3": (1,)}),
        Removal({"3": (1,), "1": (0,)}),
        Removal({"1": (0,), "3": (1,)}, "zero"),
        Removal({"1": (0,), "3": (1,)}, controls=20),
    ]
    told = [live.answered(one, lambda: None) for one in asked]
    assert told == [real(one) for one in asked]
    assert worked == [asked[0], *asked[2:]]
    monkeypatch.setattr("holistic.workbench.live._MOST_CELLS", 2 * 3**2)
    live.answered(asked[0], lambda: None)
    assert len(live._answers) == 2
    live.answered(asked[0], lambda: None)
    assert len(worked) == 3, "latest used last"
    older = live.ask("s", 1)
    live.ask("s", 2)
    with pytest.raises(Superseded):
        live.answered(asked[0], older)


@pytest.mark.parametrize("most", [0, 20_000, 200_000, 1 << 30])
def test_stages_are_kept_within_bounds_and_whole(
    subject: holistic.Subject, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.workbench.live._KEPT_BYTES", most)
    monkeypatch.setattr("holistic.graph.traced.BATCH_ROWS", 64)
    removals = [Removal({site: (0,)}, edit=edit) for site in "13" for edit in ("mean", "zero")]
    crowded = Live(subject)
    for removal in removals:
        told = Live(subject).remove(removal)
        for _ in range(2):
            assert crowded.remove(removal) == told
            assert sum(map(_bytes_of, crowded._stages.values())) <= most
    assert (len(crowded._stages) == 4) == (most == 1 << 30)


def test_warming_prepares_the_first_answers(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.workbench.live._AT_ONCE", 60.0)
    warmed = Live(subject)
    warmed.warm()
    kept = {(site.name, "mean", part) for site in subject.hidden_sites for part in ("first", "all")}
    assert kept == set(warmed._stages)
    assert warmed.remove(Removal({"1": (2,)}, examples="first"))["whole"]


def test_models_that_take_long_are_not_warmed(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.workbench.live._WARMING", 10.0)
    cold = Live(subject)
    cold.warm()
    assert not cold._stages


def test_the_first_thousand_are_stratified_and_say_so(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.workbench.live._AT_ONCE", 0.0)
    told = live.remove(Removal({"1": (1,)}, examples="first"))
    assert told["n"] == pytest.approx(1000, abs=3)
    assert not told["whole"]
    counts = np.bincount(live.subject.evaluation.labels, minlength=3)
    shares = [row["n"] / told["n"] for row in told["classes"][:-1]]
    np.testing.assert_allclose(shares, counts / counts.sum(), atol=0.01)


def test_random_sets_are_as_large_and_their_range_holds_them(live: Live) -> None:
    told = live.remove(Removal({"1": (0, 1, 2), "3": (4,)}, controls=20))
    random = told["classes"][-1]["random"]
    assert random["sets"] == 20
    assert random["lo"] <= random["value"] <= random["hi"]
    drawn = live._random_sets(Removal({"1": (0, 1, 2), "3": (4,)}, controls=20))
    assert {(len(s["1"]), len(s["3"])) for s in drawn} == {(3, 1)}
    labels = live.subject.evaluation.labels
    said = [plainly(live.subject, {n: list(u) for n, u in units.items()}) for units in [{}, *drawn]]
    before, *after = [float((one == labels).float().mean()) for one in said]
    assert random["value"] == pytest.approx(before - np.mean(after), abs=1e-6)
    ends = np.quantile(before - np.array(after), [0.025, 0.975])
    assert [random["lo"], random["hi"]] == pytest.approx(ends, abs=1e-6)
    own = told["classes"][-1]["drop"]["value"]
    beyond = sum(before - one >= own - 1e-6 for one in after)
    assert random["p"] == pytest.approx((1 + beyond) / 21)


def test_where_sites_have_few_sets_all_others_are_tried() -> None:
    """Each once, so that their p is the share of all sets that do as much; of all units none."""
    sites = {"a": SimpleNamespace(units=4), "b": SimpleNamespace(units=3)}

    def others(count: int, **units: list[int]) -> list[dict[str, tuple[int, ...]]]:
        return random_sets(units, sites.__getitem__, count, 0)

    assert [one["a"] for one in others(20, a=[2, 0])] == [(0, 1), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert len(others(20, a=[2, 0], b=[1])) == 17
    assert others(20, a=[0, 1, 2, 3]) == others(0, a=[1]) == []
    drawn = others(4, a=[2, 0])
    assert len(drawn) == 4
    assert all(len(set(one["a"])) == 2 for one in drawn)


def test_random_sets_are_as_many_as_some_seconds_allow(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.workbench.live._CONTROL_SECONDS", 1e9)
    many, few = {"1": (1, 2, 5), "3": (1, 2)}, {"3": (1, 2)}
    live.remove(Removal(many))
    live.remove(Removal(few))
    assert live.remove(Removal(many, controls=200))["classes"][-1]["random"]["sets"] == 200
    # 21 pairs of 7 units, this one aside
    assert live.remove(Removal(few, controls=200))["classes"][-1]["random"]["sets"] == 20
    monkeypatch.setattr("holistic.workbench.live._CONTROL_SECONDS", 0.0)
    assert live.remove(Removal(many, controls=200))["classes"][-1]["random"]["sets"] == 20


class _Held(Exception):
    """Somebody takes the lock."""


class _Lock:
    def __enter__(self) -> None:
        raise _Held

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("question", ["remove", "look", "patch", "steer"])
def test_one_question_at_a_time_has_the_model(
    audit: Audit, subject: holistic.Subject, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(subject)
    monkeypatch.setattr(live, "busy", _Lock())
    asked = {"session": "s", "number": 1, "units": [["1", 0]], "image": 0, "source": 0, "target": 1}
    with pytest.raises(_Held):
        Answers(audit.path, live).begun(question, asked)()


def test_a_lens_on_a_model_with_hooks_has_it_alone(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, alone in (("mlp", False), ("data-dependent", True)):
        case = ZOO[name]
        hooked = holistic.Subject(make(case), (case.images(24), torch.arange(24) % 4))
        assert bool(hooked.engine.note) == alone
        live = Live(hooked)
        monkeypatch.setattr(live, "busy", _Lock())
        monkeypatch.setattr("holistic.workbench.app.run_lens", lambda *_: lambda *_: "done")
        answers = Answers(audit.path, live)
        if alone:
            with pytest.raises(_Held):
                answers._run("ablation", silent)
        else:
            assert answers._run("ablation", silent) == "done"


def test_a_newer_question_of_the_session_ends_the_older(live: Live) -> None:
    older = live.ask("s", 1)
    other = live.ask("another", 1)
    newer = live.ask("s", 2)
    with pytest.raises(Superseded):
        live.remove(Removal({"1": (0,)}), older)
    live.remove(Removal({"1": (0,)}), newer)
    live.remove(Removal({"1": (0,)}), other)
    with pytest.raises(Superseded):
        live.ask("s", 1)()  # one that was overtaken on its way


@pytest.mark.parametrize(
    "told",
    [
        None,
        {"units": "all"},
        {"units": [["1", 99]]},
        {"units": [["nowhere", 0]]},
        {"units": [["1", "0"]]},
        {"units": [["1", True]]},
        {"units": [[1, 0]]},
        {"units": [], "edit": "os.system"},
        {"units": [], "examples": 10**9},
        {"units": [], "controls": 10**9},
    ],
)
def test_questions_that_are_none_are_refused(subject: holistic.Subject, told: Any) -> None:
    with pytest.raises(HolisticError):
        Removal.read(told, subject)


def test_pictures_are_those_of_the_data() -> None:
    case = ZOO["gated"]
    images = case.images(40)
    live = Live(holistic.Subject(make(case), (images, torch.arange(40) % 4)))
    told = live.pictures([3, 8])
    assert (told["height"], told["width"]) == tuple(images.shape[2:])
    assert told["sheet"].startswith("data:image/png;base64,")
    for wrong in ([], [40], [-1], list(range(40)) * 2):
        with pytest.raises(HolisticError):
            live.pictures(wrong)


def test_jobs_tell_their_progress_stop_when_asked_and_survive_a_reload() -> None:
    begun, go = threading.Event(), threading.Event()

    def work(lens: str, progress: Any) -> None:
        progress("half", 1, 2)
        begun.set()
        go.wait(10)
        progress("whole", 2, 2)
        if lens == "tracing":
            raise RuntimeError(f"secret at {Path.home()}")

    jobs = Jobs(work)
    first = jobs.start("ablation")
    begun.wait(10)
    assert jobs.listed()[0]["task"] == "half"
    with pytest.raises(HolisticError, match="running"):
        jobs.start("tracing")
    with pytest.raises(HolisticError):
        jobs.start("no such lens")
    jobs.cancel(first["id"])
    go.set()
    jobs._threads[0].join(10)
    assert jobs.listed()[0]["state"] == "cancelled"
    jobs.start("tracing")
    jobs.close()
    assert [job["state"] for job in jobs.listed()] == ["cancelled", "failed"]
    assert "secret" not in jobs.listed()[1]["error"]


def test_a_lens_that_is_saved_already_is_not_told_as_cancelled() -> None:
    def work(lens: str, progress: Any) -> None:
        jobs.cancel(jobs.listed()[0]["id"])
        progress(lens, 1, 1)

    jobs = Jobs(work)
    jobs.start("ablation")
    jobs._threads[0].join(10)
    assert jobs.listed()[0]["state"] == "done"


def test_a_removal_that_leaves_no_numbers_is_refused() -> None:
    """The largest of logits that aren't numbers would be the first class."""

    class Dividing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.act, self.last = nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            held = self.act(self.first(x))
            return self.last((held - held) / held)

    torch.manual_seed(0)
    images, labels = torch.rand(60, 4), torch.arange(60) % 3
    live = Live(holistic.Subject(Dividing(), (images, labels), name="dividing"))
    assert live.remove(Removal({"act": (0,)}))["n"] > 0
    with pytest.raises(HolisticError, match="aren't numbers"):
        live.remove(Removal({"act": (0,)}, "zero"))


def test_a_lens_is_added_to_a_real_audit_whole_or_not_at_all(
    subject: holistic.Subject, tmp_path: Path
) -> None:
    folder = tmp_path / "audit"
    subject = holistic.Subject(subject.model, (subject.images[:600], subject.labels[:600]))
    holistic.audit(subject, out=folder, lenses=["attribution"])

    def kept() -> dict[Path, bytes]:
        """What the audit holds beside the finished pieces of a lens that was stopped."""
        files = (p for p in sorted(folder.rglob("*")) if p.is_file())
        return {p: p.read_bytes() for p in files if ".unfinished" not in p.parts}

    before = kept()
    jobs = Jobs(run_lens(subject, folder))
    first = jobs.start("tracing")["id"]
    while jobs.listed()[0]["state"] == "running" and jobs.listed()[0]["done"] < 1:
        time.sleep(0.01)
    jobs.cancel(first)
    jobs.close(60)
    assert jobs.listed()[0]["state"] == "cancelled"
    assert kept() == before
    jobs.start("tracing")
    while jobs.listed()[1]["state"] == "running":
        time.sleep(0.05)
    assert jobs.listed()[1] | {"id": ""} == jobs.listed()[1] | {
        "id": "",
        "state": "done",
        "error": "",
    }
    assert not (folder / ".unfinished").exists()
    whole = holistic.audit(subject, out=tmp_path / "whole", lenses=["attribution", "tracing"])
    found = holistic.load(folder)
    assert list(found.lenses) == list(whole.lenses)
    for name in whole.names:
        assert found[name].data.equals(whole[name].data)


def test_a_notebook_shows_the_report_in_a_frame_of_its_own(audit: Audit) -> None:
    shown = audit.show(height=300)._repr_html_()
    assert shown.count("<iframe") == 1
    assert "allow-same-origin" not in shown
    assert 'height="300"' in shown
    [page] = re.findall(r'srcdoc="([^"]*)"', shown)
    assert html.unescape(page) == rendered(audit)[0]
    assert not (audit.path / "report.html").exists(), "showing writes nothing"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_audit(tmp_path_factory.mktemp("served"))
