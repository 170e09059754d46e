"""Audits of a fake subject through fake lenses: order, resume, settings and provenance."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import holistic
from fakes import CALLS, LENSES, Early, digests, finding, register
from holistic.audits import audit, begin, preflight
from holistic.errors import AuditError, LensError, ModelError, SettingError
from holistic.graph.sites import SiteRow
from holistic.lenses._contract import Context, Lens
from holistic.results.findings import Finding
from holistic.results.input_kinds import KINDS, InputKind
from holistic.results.tables import Table
from holistic.starting import alone
from holistic.stats.intervals import wilson
from holistic.study.computation import Computation


@dataclass(frozen=True)
class Split:
    """Examples without indices."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class FakeSubject:
    """What `audit` asks of a subject, without a model."""

    seed: int = 0
    score: str = "margin"
    name: str = "fake"
    weights: str = "w0"
    classes: tuple[str, ...] = ("a", "b")
    backend_note: str = ""
    notes: tuple[str, ...] = ()
    computes: str = "c0"
    probes: tuple[float, ...] = (1.0, 2.0)
    device: str = "cpu"
    unit_axes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    vocabulary: ClassVar[dict[int, str]] = {}
    choices: ClassVar[SimpleNamespace] = SimpleNamespace(sites=())
    input_kind: ClassVar[InputKind] = KINDS["image"]

    images = torch.zeros(10, 1, 2, 2)
    labels = torch.tensor([0, 1] * 5)

    @property
    def fingerprint(self) -> dict[str, str]:
        return {"weights": self.weights, "computation": self.computes, "data": "d0"}

    @property
    def computation(self) -> Computation:
        probe = {"logits": {"within": 1e-3, "numbers": [*self.probes]}}
        return Computation(self.computes, probe)

    def site(self, name: str) -> SimpleNamespace:
        """A site whose last axis counts the units."""
        return SimpleNamespace(unit_axis=int(name))

    @property
    def selection(self) -> Split:
        return Split(self.images[:4], self.labels[:4])

    @property
    def evaluation(self) -> Split:
        return Split(self.images[4:], self.labels[4:])

    @property
    def sites(self) -> Table:
        site = SiteRow("1", "L1", "relu 1", "relu", 1, 3, 1, "", 0, 0, True, "")
        return Table.from_rows(SiteRow, [site])

    def check_finite(self) -> None:
        """Find nothing wrong."""

    def check_unchanged(self) -> None:
        """Find nothing changed."""

    def predict(self) -> torch.Tensor:
        """Call everything the first class: right in three of six."""
        return torch.tensor([[1.0, 0.0]]).repeat(6, 1)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    CALLS.clear()


def test_runs_all_lenses_in_order_and_saves_them(tmp_path: Path) -> None:
    run = audit(FakeSubject(), out=tmp_path / "a")
    assert CALLS == ["early", "middle", "late"]
    assert list(run.lenses) == ["sites", "early", "middle", "late"]
    assert run.names == (
        "sites",
        "sites.examples",
        "early.units",
        "middle.one",
        "middle.two",
        "late.units",
    )
    assert holistic.load(tmp_path / "a")["late.units"].column("effect").shape == (5,)
    assert (tmp_path / "a" / "report.html").read_text() == " ".join(run.names)
    assert not list(tmp_path.rglob("*.tmp"))


def test_order_is_that_of_the_registry_and_a_foreign_lens_comes_last(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Foreign(Early):
        name: ClassVar[str] = "foreign"

        def run(self, subject, context: Context) -> Iterator[Finding]:
            CALLS.append(self.name)
            yield finding("foreign.units", np.ones(1))

    audit(FakeSubject(), out=tmp_path / "a", lenses=[Foreign(), "middle", Early()])
    assert CALLS == ["early", "middle", "foreign"]


def test_provenance(tmp_path: Path) -> None:
    run = audit(FakeSubject(backend_note="hooked: no graph"), out=tmp_path, lenses=["early"])
    record = json.loads((tmp_path / "audit.json").read_text())["provenance"]
    assert record == run.provenance
    assert record["model"] == "fake"
    assert record["data"] == "10 examples of shape 1 × 2 × 2"
    assert (record["weights"], record["data_sha256"]) == ("w0", "d0")
    assert record["classes"] == ["a", "b"]
    assert (record["score"], record["seed"]) == ("margin", 0)
    assert record["versions"]["holistic"] == holistic.__version__
    assert record["versions"]["torch"] == str(torch.__version__)
    assert record["settings"] == {"early": {"draws": 5, "quantiles": [0.1, 0.9]}}
    assert record["counts"] == {"selection": 4, "evaluation": 6}
    lo, hi = wilson(3, 6)
    assert record["accuracy"] == {"value": 0.5, "lo": float(lo), "hi": float(hi), "n": 6}
    assert record["threads"] == torch.get_num_threads()
    assert record["created"].endswith("+00:00")
    assert record["backend_note"] == "hooked: no graph"
    assert "hooked: no graph" in record["caveats"]
    assert any("another training" in caveat for caveat in record["caveats"])


def test_key_depends_on_what_decides_the_numbers_and_not_on_the_clock(tmp_path: Path) -> None:
    class Clock:
        hour = 0

        @classmethod
        def now(cls, zone):
            import datetime

            cls.hour += 1
            return datetime.datetime(2000, 1, 1, cls.hour, tzinfo=zone)

    base = FakeSubject()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holistic.study.provenance.datetime", Clock)
        first = begin(base, out=tmp_path / "0", lenses=["early"])
        again = begin(base, out=tmp_path / "1", lenses=["early"])
    assert first.provenance["created"] != again.provenance["created"]
    assert first.provenance["key"] == again.provenance["key"]
    others = [
        begin(subject, out=tmp_path / f"{place}", lenses=lenses)
        for place, (subject, lenses) in enumerate(
            [
                (replace(base, seed=1), ["early"]),
                (replace(base, score="logit"), ["early"]),
                (replace(base, weights="w1"), ["early"]),
                (replace(base, classes=("a", "c")), ["early"]),
                (replace(base, computes="c1"), ["early"]),
                (replace(base, device="cuda"), ["early"]),
                (replace(base, unit_axes=("0",)), ["early"]),
                (replace(base, feature_names=("f",)), ["early"]),
                (base, [Early(draws=6)]),
                (base, ["early", "middle"]),
            ],
            start=2,
        )
    ]
    assert len({run.provenance["key"] for run in (first, *others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("breaks", "error"), [("stop", KeyboardInterrupt), ("full", OSError), ("bug", LensError)]
)
def test_a_run_that_broke_off_resumes_at_the_first_missing_lens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str, error: type[BaseException]
) -> None:
    whole = audit(FakeSubject(), out=tmp_path / "whole")
    CALLS.clear()
    monkeypatch.setenv("BREAKS", breaks)
    with pytest.raises(error):
        audit(FakeSubject(), out=tmp_path / "cut")
    assert list(holistic.load(tmp_path / "cut").lenses) == ["sites", "early"]
    monkeypatch.delenv("BREAKS")
    run = audit(FakeSubject(), out=tmp_path / "cut")
    assert CALLS == ["early", "middle", "middle", "late"]
    assert run.names == whole.names
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import pytest, sys; sys.path.insert(0, sys.argv[1]); import fakes, test_audits as t\n"
        "fakes.register(pytest.MonkeyPatch()); t.audit(t.FakeSubject(), out=sys.argv[2])"
    )
    out = tmp_path / "cut"
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(out)]
    killed = subprocess.run(command, env={**os.environ, "BREAKS": "kill"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(holistic.load(out).lenses) == ["sites", "early"]
    threads = holistic.load(out).provenance["threads"]
    assert threads == torch.get_num_threads()
    audit(FakeSubject(), out=out)
    assert CALLS == ["middle", "late"]
    audit(FakeSubject(), out=tmp_path / "whole")
    assert digests(out) == digests(tmp_path / "whole")


def test_what_a_kill_left_before_the_first_rename_takes_no_folder(tmp_path: Path) -> None:
    (tmp_path / ".audit.json.123.tmp").write_text("{")
    assert audit(FakeSubject(), out=tmp_path, lenses=["early"]).names[2:] == ("early.units",)


def test_the_next_run_removes_what_killed_ones_left_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "a"
    audit(FakeSubject(), out=out, lenses=["early"])
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (out / "experiments").mkdir()
    (tmp_path / "elsewhere").mkdir()
    left = [
        out / f"{place}.{name}.{pid}.tmp"
        for place, name in (("", "audit.json"), ("tables/", "a.parquet"), ("arrays/", "a.npy"))
        for pid in (dead.pid, os.getpid())
    ]
    kept = [
        out / f".report.html.{os.getppid()}.tmp",  # written by a process that lives
        out / f"experiments/.0.json.{dead.pid}.tmp",
        out / f"thesis.{dead.pid}.tmp",
        out / "tables" / ".notes.tmp",
        tmp_path / f".x.{dead.pid}.tmp",
        tmp_path / "elsewhere" / f".x.{dead.pid}.tmp",
    ]
    (out / "arrays").mkdir(exist_ok=True)
    for path in (*left, *kept):
        path.write_text("half")
    (out / "tables" / f".folder.{dead.pid}.tmp").mkdir()
    with alone(out):
        assert not any(path.exists() for path in left)
        left[0].write_text("half")
        with pytest.raises(AuditError, match="another run writes"):
            audit(FakeSubject(), out=out, lenses=["middle"])
        assert left[0].exists(), "who doesn't hold the folder removes nothing"
    audit(FakeSubject(), out=out, lenses=["middle"])
    assert not left[0].exists()
    assert all(path.exists() for path in (*kept, out / "tables" / f".folder.{dead.pid}.tmp"))


def test_a_lens_that_fails_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @dataclass(frozen=True)
    class Own(Early):
        name: ClassVar[str] = "own"

        def run(self, subject, context: Context) -> Iterator[Finding]:
            CALLS.append(self.name)
            yield finding("own.units", np.ones(2))

    lenses = ["early", "middle", "late", Own()]
    whole = audit(FakeSubject(), out=tmp_path / "whole", lenses=lenses)
    CALLS.clear()
    monkeypatch.setenv("BREAKS", "bug")
    with pytest.raises(LensError) as caught:
        audit(FakeSubject(), out=tmp_path / "a", lenses=lenses)
    assert CALLS == ["early", "middle", "own"]
    assert str(caught.value) == (
        "'middle' is missing: it failed: ZeroDivisionError; 'late' is missing: it reads the "
        f"findings of 'middle'; the other lenses (2) are saved in '{tmp_path / 'a'}', and the "
        "same command tries again"
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert capsys.readouterr().err == "lens 'middle' failed: ZeroDivisionError\n"
    held = holistic.load(tmp_path / "a")
    assert held == caught.value.audit
    assert held.finished == ("early", "own")
    assert held.failed == {
        "middle": "it failed: ZeroDivisionError",
        "late": "it reads the findings of 'middle'",
    }
    assert held.caveats[0] == "Lens 'middle' is missing: it failed: ZeroDivisionError"
    assert (held.path / "report.html").read_text() == "sites sites.examples early.units own.units"
    with pytest.raises(SettingError, match="'middle' is missing"):
        audit(FakeSubject(), out=tmp_path / "a", lenses=["late"])
    monkeypatch.delenv("BREAKS")
    CALLS.clear()
    run = audit(FakeSubject(), out=tmp_path / "a", lenses=lenses)
    assert CALLS == ["middle", "late"]
    assert not run.failed
    assert "failed" not in json.loads((tmp_path / "a" / "audit.json").read_text())
    assert digests(run.path) == digests(whole.path)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (holistic.errors.SiteError("no site 'x'"), "no site 'x'"),
        (ValueError("two\nlines \x1b[31m\ud800 \x00"), r"ValueError: two lines \[31m"),
        (MemoryError(), "not enough memory: the system gave no more; study fewer .*"),
        (RuntimeError("can't allocate memory"), "not enough memory: can't allocate memory; .*"),
        (SystemExit(0), r"it ended the program by sys.exit\(0\)"),
        (FileNotFoundError(2, "No such file", "a.txt"), "FileNotFoundError: .*'a.txt'"),
        (RecursionError("w" * 9999), "RecursionError: w{500}…"),
    ],
)
def test_an_error_of_any_kind_is_one_line(tmp_path: Path, error: BaseException, line: str) -> None:
    @dataclass(frozen=True)
    class Own(Early):
        name: ClassVar[str] = "own"

        def run(self, subject, context: Context) -> Iterator[Finding]:
            raise error
            yield

    with pytest.raises(LensError) as caught:
        audit(FakeSubject(), out=tmp_path, lenses=["early", Own()])
    assert str(caught.value).isprintable()
    assert re.fullmatch(f"it failed: {line} *", holistic.load(tmp_path).failed["own"])
    cause = caught.value.__cause__
    assert error in (cause, cause and cause.__cause__)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
def test_what_ends_the_program_ends_the_run(tmp_path: Path, error: BaseException) -> None:
    @dataclass(frozen=True)
    class Own(Early):
        name: ClassVar[str] = "own"

        def run(self, subject, context: Context) -> Iterator[Finding]:
            raise error
            yield

    with pytest.raises(type(error)):
        audit(FakeSubject(), out=tmp_path, lenses=["early", Own()])
    assert holistic.load(tmp_path).finished == ("early",)
    assert not holistic.load(tmp_path).failed


def test_all_causes_of_several_failures_are_kept(tmp_path: Path) -> None:
    def failing(name_: str, error: Exception) -> Lens:
        @dataclass(frozen=True)
        class Own(Early):
            name: ClassVar[str] = name_

            def run(self, subject, context: Context) -> Iterator[Finding]:
                raise error
                yield

        return Own()

    errors = (ValueError("one"), KeyError("two"))
    lenses = [failing("a", errors[0]), failing("b", errors[1])]
    with pytest.raises(LensError) as caught:
        audit(FakeSubject(), out=tmp_path, lenses=lenses)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.exceptions == errors


def test_who_is_told_of_the_progress_may_end_the_run(tmp_path: Path) -> None:
    def stop(task: str, done: int, total: int) -> None:
        if task == "early: draws":
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        audit(FakeSubject(), out=tmp_path, progress=stop)
    assert not holistic.load(tmp_path).failed


def test_a_model_that_is_refused_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FakeSubject) -> None:
        raise ModelError("it holds NaN")

    monkeypatch.setattr(FakeSubject, "check_finite", refuse)
    with pytest.raises(ModelError):
        audit(FakeSubject(), out=tmp_path / "deep" / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_finished_lens_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(FakeSubject(), out=tmp_path, lenses=["early"], source={"seed": 0})
    assert preflight(tmp_path, lenses=["early"], source={"seed": 0}) is not None
    assert preflight(tmp_path, lenses=["early"], source={"seed": 1}) is None
    monkeypatch.setenv("BREAKS", "bug")
    with pytest.raises(LensError):
        audit(FakeSubject(), out=tmp_path, lenses=["middle"])
    monkeypatch.delenv("BREAKS")
    other = FakeSubject(weights="w1", seed=1)
    run = audit(other, out=tmp_path, lenses=["early"])
    assert run.provenance["weights"] == "w1"
    assert run.provenance["settings"].keys() == {"early"}
    assert not run.failed
    with pytest.raises(AuditError, match="different weights, seed"):
        audit(FakeSubject(), out=tmp_path, lenses=["early"])


def test_a_folder_that_others_write_to_is_not_taken_over(tmp_path: Path) -> None:
    begin(FakeSubject(), out=tmp_path, lenses=["early"])
    before = (tmp_path / "audit.json").read_bytes()
    with alone(tmp_path), pytest.raises(AuditError, match="another run writes"):
        begin(FakeSubject(seed=1), out=tmp_path, lenses=["early"])
    assert (tmp_path / "audit.json").read_bytes() == before


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "folder"])
@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("tables/early.units.parquet", ["early", "late"]),
        ("arrays/early.units.npy", ["early", "late"]),
        ("tables/middle.two.parquet", ["middle", "late"]),
        ("tables/late.units.parquet", ["late"]),
        ("tables/sites.parquet", []),
    ],
)
def test_a_damaged_file_is_made_again_with_all_that_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, again: list[str], damage: str
) -> None:
    before = digests(audit(FakeSubject(), out=tmp_path).path)
    CALLS.clear()
    path = tmp_path / file
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
        with pytest.raises(AuditError, match=f"{file}' is a folder"):
            audit(FakeSubject(), out=tmp_path)
        path.rmdir()
        CALLS.clear()
        capsys.readouterr()
    elif damage != "missing":
        path.write_bytes({"changed": data[:-1] + b"x", "cut": data[:-9]}[damage])
    run = audit(FakeSubject(), out=tmp_path)
    assert again == CALLS
    told = capsys.readouterr().err
    assert (file in told) == bool(again)
    assert all(f"'{name}'" in told for name in again)
    assert digests(tmp_path) == before
    assert all(run.finding(name) for name in run.names)


@pytest.mark.parametrize("text", ["", '{"schema_', "[]\0", "cut", "number"])
def test_a_damaged_record_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    whole = digests(audit(FakeSubject(), out=tmp_path / "a").path)
    record = tmp_path / "a" / "audit.json"
    if text == "number":
        text = record.read_text().replace('"key": "', '"key": 3, "other": "')
    record.write_text(record.read_text()[:200] if text == "cut" else text)
    assert preflight(tmp_path / "a", source={}) is None
    CALLS.clear()
    run = audit(FakeSubject(), out=tmp_path / "a")
    assert CALLS == ["early", "middle", "late"]
    assert digests(run.path) == whole
    assert capsys.readouterr().err == f"'{record}' is damaged; all lenses are run again\n"


@pytest.mark.parametrize("other", ["notes.txt", "package.json", "tables.zip"])
def test_a_damaged_record_among_other_files_is_left(tmp_path: Path, other: str) -> None:
    audit(FakeSubject(), out=tmp_path, lenses=["early"])
    (tmp_path / "audit.json").write_text("{")
    (tmp_path / other).write_text("mine")
    with pytest.raises(AuditError, match=r"can't be read: .*; choose another folder with --out"):
        audit(FakeSubject(), out=tmp_path, lenses=["early"])
    assert (tmp_path / "audit.json").read_text() == "{"


def test_a_damaged_file_of_a_lens_that_is_not_run_is_told(tmp_path: Path) -> None:
    audit(FakeSubject(), out=tmp_path, lenses=["early"])
    (tmp_path / "tables" / "early.units.parquet").unlink()
    with pytest.raises(AuditError, match=r"early\.units\.parquet' is missing; run lens 'early'"):
        audit(FakeSubject(), out=tmp_path, lenses=["middle"])
    audit(FakeSubject(), out=tmp_path, lenses=["early", "middle"])


def test_a_run_goes_on_with_the_threads_that_it_was_begun_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = list[int]()

    @dataclass(frozen=True)
    class Counting(Early):
        def run(self, subject, context: Context) -> Iterator[Finding]:
            seen.append(torch.get_num_threads())
            yield from super().run(subject, context)

    now = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        begin(FakeSubject(), out=tmp_path, lenses=[Counting()])
        key = holistic.load(tmp_path).provenance["key"]
        torch.set_num_threads(2)
        run = audit(FakeSubject(), out=tmp_path, lenses=[Counting()])
        assert torch.get_num_threads() == 2, "put back"
    finally:
        torch.set_num_threads(now)
    assert seen == [3]
    assert (run.provenance["threads"], run.provenance["key"]) == (3, key)
    assert capsys.readouterr().err == (
        "computing with 3 threads, as the audit was begun with, not with 2\n"
    )


def test_weights_and_folders_that_moved_are_no_other_source(tmp_path: Path) -> None:
    source = {"data": "folder:a", "weights": "a.safetensors", "seed": 0}
    begin(FakeSubject(), out=tmp_path, lenses=["early"], source=source)
    audit(FakeSubject(), out=tmp_path, lenses=["early"])
    moved = {"data": "folder:b/a", "weights": "b/a.safetensors", "seed": 0}
    assert preflight(tmp_path, source=moved) is not None
    begin(FakeSubject(), out=tmp_path, lenses=["early", "middle"], source=moved)
    for other in ({"data": "digits"}, {"weights": None}, {"seed": 1}):
        with pytest.raises(AuditError, match=f"different {next(iter(other))}"):
            preflight(tmp_path, source={**moved, **other})
    with pytest.raises(AuditError, match="different weights"):
        begin(FakeSubject(weights="w1"), out=tmp_path, lenses=["early"], source=moved)


def test_a_finished_audit_is_not_run_again(tmp_path: Path) -> None:
    audit(FakeSubject(), out=tmp_path)
    before = (tmp_path / "audit.json").read_bytes()
    CALLS.clear()
    audit(FakeSubject(), out=tmp_path)
    assert CALLS == []
    assert (tmp_path / "audit.json").read_bytes() == before


def test_lenses_may_be_run_one_after_another_into_one_folder(tmp_path: Path) -> None:
    audit(FakeSubject(), out=tmp_path, lenses=[Early(draws=3)])
    audit(FakeSubject(), out=tmp_path, lenses=["middle"])
    run = audit(FakeSubject(), out=tmp_path, lenses=["late"])
    assert CALLS == ["early", "middle", "late"]
    assert run.provenance["settings"]["early"]["draws"] == 3
    assert set(run.provenance["settings"]) == set(LENSES)
    assert holistic.load(tmp_path).provenance == run.provenance
    whole = audit(FakeSubject(), out=tmp_path / "whole", lenses=[Early(draws=3), "middle", "late"])
    assert whole.provenance["key"] == run.provenance["key"]


def test_a_lens_says_what_it_needs_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError,
        match=r"'late' reads the findings of 'early', 'middle', and "
        r"'early', 'middle' are missing",
    ):
        audit(FakeSubject(), out=tmp_path / "a", lenses=["late"])
    assert not (tmp_path / "a").exists()
    with pytest.raises(SettingError, match="'middle' is missing"):
        audit(FakeSubject(), out=tmp_path / "a", lenses=["late", "early"])


@pytest.mark.parametrize(
    ("subject", "lenses", "told"),
    [
        (FakeSubject(seed=1), ["early"], "different seed"),
        (FakeSubject(weights="w1"), ["early"], "different weights"),
        (FakeSubject(score="logit"), ["early"], "different score"),
        (FakeSubject(computes="c1"), ["early"], "different computation"),
        (FakeSubject(probes=(1.0, 2.1)), ["early"], "different computation"),
        (FakeSubject(device="cuda:1"), ["early"], "different device"),
        (FakeSubject(unit_axes=("1",)), ["early"], "different unit_axes"),
        (FakeSubject(), [Early(draws=9)], "different settings"),
    ],
)
def test_a_folder_of_another_run_is_refused(
    tmp_path: Path, subject: FakeSubject, lenses: list[Lens | str], told: str
) -> None:
    audit(FakeSubject(), out=tmp_path, lenses=["early"])
    before = digests(tmp_path)
    with pytest.raises(AuditError, match=told):
        audit(subject, out=tmp_path, lenses=lenses)
    assert digests(tmp_path) == before


def test_a_taken_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(AuditError, match="taken by other files"):
        audit(FakeSubject(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_lens_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="given twice: 'early'"):
        audit(FakeSubject(), out=tmp_path, lenses=["early", Early(draws=2)])


@pytest.mark.parametrize("lenses", ["early", Early(), Early, ["early"], ("early",), {"early"}])
def test_one_lens_may_standalone(tmp_path: Path, lenses: Any) -> None:
    assert audit(FakeSubject(), out=tmp_path, lenses=lenses).finished == ("early",)


@pytest.mark.parametrize("lenses", [5, {"early": 1}, [5], [None], [int], int, b"early"])
def test_what_is_no_lens_is_refused(tmp_path: Path, lenses: Any) -> None:
    with pytest.raises(SettingError, match=r"lens.*, got .*; there are 'early'"):
        audit(FakeSubject(), out=tmp_path, lenses=lenses)


def test_a_lens_may_not_name_findings_of_another(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Thief(Early):
        name: ClassVar[str] = "thief"

    with pytest.raises(LensError, match=r"'early\.units'"):
        audit(FakeSubject(), out=tmp_path, lenses=[Thief()])
    assert holistic.load(tmp_path).names == ("sites", "sites.examples")


def test_progress_is_told_for_each_lens_and_its_tasks(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    audit(
        FakeSubject(),
        out=tmp_path,
        lenses=[Early(draws=2), "middle"],
        progress=lambda task, done, total: told.append((task, done, total)),
    )
    assert told == [
        ("early", 0, 1),
        ("early: draws", 1, 2),
        ("early: draws", 2, 2),
        ("early", 1, 1),
        ("middle", 0, 1),
        ("middle", 1, 1),
    ]


def test_source_is_recorded_and_names_the_data(tmp_path: Path) -> None:
    begin(FakeSubject(), out=tmp_path, lenses=["early"], source={"data": "digits", "limit": None})
    run = audit(FakeSubject(), out=tmp_path, lenses=["early"])
    assert run.provenance["data"] == "digits"
    assert run.provenance["source"] == {"data": "digits", "limit": None}


def test_two_runs_at_once_do_not_lose_a_lens(tmp_path: Path) -> None:
    """Each would publish the record that it read: the second is refused while the first runs."""
    refused = list[str]()

    def meanwhile(task: str, done: int, total: int) -> None:
        if task == "early" and not done:
            with pytest.raises(AuditError, match="another run writes") as error:
                audit(FakeSubject(), out=tmp_path / "a", lenses=["early"])
            refused.append(str(error.value))

    audit(FakeSubject(), out=tmp_path / "a", lenses=["early"], progress=meanwhile)
    assert len(refused) == 1
    assert "middle" in audit(FakeSubject(), out=tmp_path / "a", lenses=["middle"]).lenses
