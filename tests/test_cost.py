"""What a run is going to take is told, cut to a time, and followed while it runs."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import holistic
from holistic import progress, starting
from holistic.attributing.method import Method
from holistic.attributing.registry import METHODS
from holistic.checking import cost, expected, fitting
from holistic.checking.cost import Cost, LensCost, cost_of
from holistic.checking.expected import expected_seconds
from holistic.checking.fitting import Cut, cut_settings, fitted, quick_cut, read_time, reductions
from holistic.errors import AuditError, Notice, SettingError
from holistic.lenses import lens_class
from holistic.lenses._contract import Lens, lens_names
from holistic.lenses._work import Scene
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._budget import Kind, measured_sites
from holistic.progress import WHOLE, WholeRun, silent
from holistic.replacing.pace import Pace, measure_pace
from holistic.showing import progress_shown
from holistic.study.part import on_sites

OWN = ("ablation", "activation", "attribution", "mechanism", "tracing", "agreement")


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1200, 1, 8, 8, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = [nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Linear(12, 3)).eval()
    with torch.no_grad():
        labels = model(images).argmax(1)
    return holistic.Subject(model, (images, labels), classes=["a", "b", "c"])


@pytest.fixture(scope="module")
def scene(subject: holistic.Subject) -> Scene:
    each = {site.name: 1e-5 for site in subject.hidden_sites}
    return Scene(subject, Pace(1e-5, 3e-5, each, each, 1.0))


def total(lens: Lens, scene: Scene) -> float:
    work = lens.work(scene)
    assert work
    return work.total


@pytest.mark.parametrize("name", OWN)
def test_lenses_count_their_work_by_settings_examples_and_pace(name: str, scene: Scene) -> None:
    lens = lens_class(name)()
    whole = total(lens, scene)
    assert total(cut_settings(lens), scene) < whole
    assert total(lens, scene.limited(200)) < whole
    assert total(lens, scene.at(["#-1"])) <= whole
    slower = replace(scene, pace=replace(scene.pace, arithmetic=2.0))
    assert whole < total(lens, slower) < 2 * whole
    work = lens.work(scene)
    assert work
    assert work.memory > 1e6
    code = "".join(p.read_text() for p in Path(str(lens_home(name))).glob("*.py"))
    code += (Path(holistic.__file__).parent / "replacing/sweep.py").read_text()
    code += (Path(holistic.__file__).parent / "lenses/tracing/_chosen.py").read_text()
    told = code.replace(Path(lens_home(name), "_work.py").read_text(), "")
    assert all(f'"{task}"' in told for task in work.seconds)


def lens_home(name: str) -> Path:
    return Path(holistic.__file__).parent / "lenses" / name


def test_passes_are_measured_in_little_time(subject: holistic.Subject) -> None:
    pace = measure_pace(subject)
    assert 0 < pace.forward < pace.backward
    assert pace.rows.keys() == pace.sets.keys() == {s.name for s in subject.hidden_sites}
    assert all(seconds > 0 for seconds in (*pace.rows.values(), *pace.sets.values()))
    assert pace.arithmetic > 0


def test_the_first_look_tells_time_memory_and_what_is_cheaper(
    subject: holistic.Subject, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "measure_pace", lambda _: scene.pace)
    monkeypatch.setattr(expected, "_PACES", {})
    look = subject.check()
    assert [one.lens for one in look.cost.lenses] == list(lens_names())
    assert look.cost.seconds == pytest.approx(2 + sum(one.seconds or 0 for one in look.cost.lenses))
    assert "ablation" in str(look).split("takes ")[1]
    json.dumps(look.record())
    monkeypatch.setattr(cost, "_LONG", 0.1)
    whole = cost_of(subject, [lens_class(name)() for name in OWN], most=1000)
    (way, seconds), *_ = whole.cheaper
    assert way == "--quick"
    assert seconds < (whole.seconds or 0)


def test_a_time_that_cant_be_told_stops_nothing(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("no clock")

    monkeypatch.setattr(cost, "scene_of", fails)
    assert cost_of(subject, []).words() == "time not known: RuntimeError: no clock"
    unknown = Cost((LensCost("mine", None), LensCost("ablation", 30.0, 1e9, {})))
    assert unknown.words() == "about 32 s, 1.0 GB of memory"
    assert "not known" in unknown.lines()[0]


@pytest.mark.parametrize(
    ("given", "seconds"), [(45, 45), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2 min", 120)]
)
def test_times_are_read(given: Any, seconds: float) -> None:
    assert read_time(given) == seconds


@pytest.mark.parametrize("given", ["", "soon", "-3", 0, True, "10x", None, "1e99"])
def test_what_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(SettingError, match="time must be seconds"):
        read_time(given)


def test_settings_are_cut_as_far_as_a_time_needs_it(
    subject: holistic.Subject, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "scene_of", lambda _: scene)
    lenses = [lens_class(name)() for name in OWN]
    own = replace(lenses[1], controls=60)  # pyright: ignore[reportCallIssue]
    lenses[1] = own
    whole, quick = (expected_seconds(scene, x) for x in (lenses, map(cut_settings, lenses)))
    assert fitted(subject, lenses, 2 * whole) == Cut(subject, tuple(lenses))
    middle = (whole * quick) ** 0.5
    cut = fitted(subject, lenses, middle).lenses
    assert quick < expected_seconds(scene, cut) <= fitting._SPARE * middle
    assert expected_seconds(scene, cut) > 0.7 * fitting._SPARE * middle
    assert cut[1].controls == 60  # pyright: ignore[reportAttributeAccessIssue]
    assert reductions(lenses).count("in place of") == 1
    assert "operations" in reductions(cut)


def test_what_settings_dont_save_fewer_sites_do(
    subject: holistic.Subject, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "scene_of", lambda of: replace(scene, subject=of))
    lenses = [lens_class(name)() for name in OWN]
    least = [replace(one, **_at_least(one)) for one in lenses]
    whole, last = (expected_seconds(one, least) for one in (scene, scene.at(["4"])))
    assert last < whole < expected_seconds(scene, map(cut_settings, lenses))
    between = fitted(subject, lenses, 1.01 * whole / fitting._SPARE)
    assert between.subject is subject
    assert not between.note
    cut = fitted(subject, lenses, (whole + last) / 2 / fitting._SPARE)
    assert [site.name for site in cut.subject.hidden_sites] == ["4"]
    assert cut.left_out == ("2",)
    assert cut.note.startswith("Of 2 hidden sites 1 is studied, since all would take too long: '4'")
    with pytest.warns(Notice, match="the shortest run takes about"):
        shortest = fitted(subject, lenses, 0.1 * last)
    assert shortest.lenses == tuple(least)
    named = on_sites(subject, ["2", "4"])
    with pytest.warns(Notice, match="the shortest run takes about"):
        assert fitted(named, lenses, (whole + last) / 2).subject is named


def _at_least(lens: Lens) -> dict[str, Any]:
    found = {one.name: one.metadata.get("least") for one in fields(lens)}
    return {name: value for name, value in found.items() if value is not None}


def test_a_costly_model_is_cut_the_same_on_every_machine(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    lenses = [lens_class(name)() for name in OWN]
    assert quick_cut(subject, lenses) == Cut(subject, tuple(map(cut_settings, lenses)))
    monkeypatch.setattr(fitting, "_QUICK", 0.0)
    cut, again = (quick_cut(subject, lenses) for _ in range(2))
    assert cut.left_out == again.left_out == ("2",)
    assert cut.lenses == again.lenses


def test_what_costs_too_much_even_on_the_fewest_examples_is_left_out(
    subject: holistic.Subject, tmp_path: Path
) -> None:
    small: dict[str, Any] = {"depth": 3, "sets": 20, "examples": 50, "fewest": 10}
    own = Ablation(extra=1e-9, overrun=1.0, **small)
    kinds: tuple[Kind, ...] = ("ablation values", "curves", "backups", "shares")
    for kind in kinds:
        sites, notes = measured_sites(subject, own, kind)
        assert [site.name for site in sites] == ["4"]
        assert notes[0].startswith("Not measured at '2': even on the fewest examples")
        assert measured_sites(subject, Ablation(**small), kind) == (subject.hidden_sites, ())
    audit = holistic.audit(subject, out=tmp_path, lenses=[own], progress=silent, anyway=True)
    for name in ("replacements", "curves", "areas", "shapley", "backup", "direct"):
        finding = audit.finding(f"ablation.{name}")
        assert set(finding.table.column("site")) == {"4"}
        assert any(line.startswith("Not measured at '2'") for line in finding.caveats)
    for name in ("units", "topk", "interactions", "scores"):
        assert set(audit[f"ablation.{name}"].column("site")) == {"2", "4"}
    assert (tmp_path / "report.html").exists()


def test_a_run_with_a_time_keeps_what_was_cut_when_it_goes_on(
    subject: holistic.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = iter([3, 2])

    def cut(_: object, lenses: Any, seconds: float, *, quick: bool) -> Any:
        assert (seconds, quick) == (60, False)
        few = tuple(replace(lens, pairs=next(pairs)) for lens in lenses)
        return Cut(on_sites(subject, ["4"]), few, ("2",))

    monkeypatch.setattr(starting, "fitted", cut)
    given: dict[str, Any] = {"out": tmp_path, "lenses": ["tracing"], "anyway": True}
    with pytest.warns(Notice, match="Of 2 hidden sites 1 is studied"):
        first = holistic.audit(subject, time="1m", progress=silent, **given)
    again = holistic.audit(subject, time="1m", progress=silent, **given)
    assert first.provenance["settings"]["tracing"]["pairs"] == 3
    assert again.provenance["settings"] == first.provenance["settings"]
    assert first.provenance["time"] == 60
    assert first.provenance["sites"] == ["4"]
    assert set(again["tracing.directions"].column("site")) == {"4"}
    assert any("tracing: pairs 3 in place of 8" in line for line in first.caveats)
    assert any(line.startswith("Of 2 hidden sites 1 is studied") for line in first.caveats)


def test_an_audit_of_other_sites_is_another_audit(
    subject: holistic.Subject, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"out": tmp_path, "lenses": ["activation"], "anyway": True}
    holistic.audit(subject, progress=silent, **given)
    with pytest.raises(AuditError, match="different computation, sites"):
        holistic.audit(on_sites(subject, ["4"]), progress=silent, **given)


def test_the_whole_runs_time_follows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = [0.0], list[tuple[str, int, int]]()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    run = WholeRun(
        lambda *step: told.append(step), {"one": {"a": 6.0, "b": 4.0}, "two": {"c": 20.0}}
    )
    run("one", 0, 1)
    assert run.left() == pytest.approx(30)
    now[0] = 6.0
    run("one: a", 1, 4)
    now[0] = 8.0
    run("one: a", 2, 4)
    assert run.left() == pytest.approx(2 + 4 + 20)
    now[0] = 20.0
    run("one: b", 4, 4)
    run("one", 1, 1)
    assert run.left() == pytest.approx(40)
    assert told[-2:] == [(WHOLE, 20, 60), ("one", 1, 1)]
    run("two", 0, 1)
    now[0] = 30.0
    run("two: c", 0, 10)
    assert run.left() == pytest.approx(40)
    run("unknown", 1, 1)
    run.end()
    assert told[-1] == (WHOLE, 30, 30)


def test_what_begins_with_its_first_task_is_followed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    run = WholeRun(silent, {f"seed {k}": {"learning": 4.0, "measuring": 6.0} for k in range(3)})
    run("seed 0: learning", 0, 10)
    assert run.left() == pytest.approx(30)
    now[0] = 6.0
    run("seed 0: learning", 5, 10)
    assert run.left() == pytest.approx(6 + 6 + 20)
    now[0] = 30.0
    run("seed 0: measuring", 9, 9)
    run("seed 0", 1, 1)
    assert run.left() == pytest.approx(60)
    run("seed 1: learning", 0, 10)
    now[0] = 60.0
    run("seed 1", 1, 1)
    assert run.left() == pytest.approx(30)


def test_lines_tell_how_much_of_the_run_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown() as shown:
        shown("lens", 0, 1)
        shown(WHOLE, 10, 100)
        shown("lens: part", 2, 2)
        shown("lens", 1, 1)
        shown(WHOLE, 12, 12)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("lens: part: 2 of 2 in")
    assert lines[1].endswith("; about 1 min 30 s of the run left")
    assert lines[2] == "whole run: done in 12 s"


def test_every_own_lens_declares_its_work() -> None:
    assert set(OWN) <= set(lens_names())
    assert all("work" in vars(lens_class(name)) for name in OWN)


def test_a_method_of_attribution_that_is_declared_is_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    lens = lens_class("attribution")()
    before = lens.work(scene)
    own = Method("own", lambda setup: setup.gradient, runs=lambda options: 320, audited=True)
    monkeypatch.setitem(METHODS, own.name, own)
    after = lens.work(scene)
    assert before
    assert after
    dearer = {task for task in after.seconds if after.seconds[task] > before.seconds[task]}
    assert dearer == {"attribution maps", "removing pixels", "further tests", "trust in maps"}
    plain = replace(own, runs=lambda options: 1)
    monkeypatch.setitem(METHODS, own.name, plain)
    cheap = lens.work(scene)
    assert cheap
    added, little = (w.seconds["attribution maps"] - before.seconds["attribution maps"]
                     for w in (after, cheap))  # fmt: skip
    assert added == pytest.approx(320 * little)
    assert after.memory > before.memory
