"""The command line: what it prints and where, its exit codes, and its one-line errors."""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import holistic
import holistic.cli
from fakes import CALLS, digests, finding, register
from holistic.cli import app
from holistic.lenses._contract import lens_class, lens_names
from holistic.report.saved import Audit
from holistic.showing import progress_shown
from holistic.study.models import RECIPES, Recipe

SMALL = ("fakes:patterns", "--model", "fakes:network")
Terminal = Callable[..., int]


def reloaded() -> None:
    """Read the lenses anew: the flags of `run` are made when its module is imported."""
    sys.modules.pop("holistic.cli.run", None)
    importlib.reload(holistic.cli)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Terminal]:
    """Run a command line in an empty folder, with fake lenses."""

    with monkeypatch.context() as patch:
        register(patch)
        patch.setitem(RECIPES, "mlp", Recipe(epochs=1, batch=128, rate=2e-3, steps=40))
        patch.chdir(tmp_path)
        CALLS.clear()
        reloaded()
        yield lambda *words: holistic.cli.main([str(word) for word in words])
    reloaded()


def the_error(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a mistake must be told in."""
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 1, shown.err
    assert lines[0].startswith("error: ")
    return lines[0]


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_run_saves_an_audit_where_it_is_expected(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal("run", *SMALL, "--seed", 3) == 0
    audit = holistic.load(tmp_path / "runs" / "fakes-patterns-fakes-network-seed3")
    assert list(audit.lenses) == ["sites", "early", "middle", "late"]
    assert (audit.provenance["data"], audit.provenance["model"]) == SMALL[::2]
    assert audit.provenance["seed"] == 3
    assert audit.provenance["counts"] == {"selection": 60, "evaluation": 60}
    assert (audit.path / "report.html").exists()
    assert not (audit.path / "model.safetensors").exists()
    shown = capsys.readouterr()
    assert "runs/fakes-patterns-fakes-network-seed3/report.html" in shown.out.replace("\n", "")
    told = shown.err.splitlines()
    look = [" ".join(line.split()) for line in told]
    assert look[0].startswith("! accuracy 33.3 % [22.7, 45.9] of 60")  # first of all
    assert "will run early, middle, late over 6 units at 1 site" in look
    assert [line.rsplit(" in ")[0] for line in told[-4:]] == [
        "early: draws: 5 of 5",
        "early: done",
        "middle: done",
        "late: done",
    ]


def test_run_trains_the_mlp_on_digits_when_nothing_is_said(
    terminal: Terminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BREAKS", "stop")
    assert terminal("run") == 130
    out = tmp_path / "runs" / "digits-mlp-seed0"
    assert "training: 40 of 40" in capsys.readouterr().err
    assert (out / "model.safetensors").exists()
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.delenv("BREAKS")
    assert terminal("run") == 0
    assert "training" not in capsys.readouterr().err
    assert CALLS == ["early", "middle", "middle", "late"]
    assert holistic.load(out).provenance["accuracy"]["value"] > 0.5
    assert terminal("run", "--weights", out / "model.safetensors", "--out", "again") == 0
    assert digests(out) == digests(tmp_path / "again")


def test_sites_and_a_quick_run_are_recorded(terminal: Terminal, tmp_path: Path) -> None:
    words = ("--lens", "early", "--sites", "#-1", "--quick", "--out", "a")
    assert terminal("run", *SMALL, *words) == 0
    source = holistic.load(tmp_path / "a").provenance["source"]
    assert (source["sites"], source["limit"]) == (["#-1"], 1000)
    assert terminal("run", *SMALL, "--lens", "early", "--quick", "--out", "a") == 2  # other sites


def test_json_is_one_document_on_stdout_and_nothing_else(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal("run", *SMALL, "--json", "--out", "a") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["provenance"]["model"] == "fakes:network"


def test_an_interrupted_run_says_what_it_keeps_and_goes_on(
    terminal: Terminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert terminal("run", *SMALL, "--out", "whole") == 0
    CALLS.clear()
    capsys.readouterr()
    monkeypatch.setenv("BREAKS", "stop")
    assert terminal("run", *SMALL, "--out", "cut") == 130
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1] == (
        "interrupted; the finished lenses (1) are kept in 'cut', and the same command goes on there"
    )
    monkeypatch.delenv("BREAKS")
    assert terminal("run", *SMALL, "--out", "cut") == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("going on in 'cut'; finished before: early\n")
    assert "will run middle, late" in " ".join(shown.err.split())
    assert "explore   holistic serve cut --trust" in shown.out.splitlines()  # own code
    assert CALLS == ["early", "middle", "middle", "late"]
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")


def test_an_interrupt_before_the_first_lens_leaves_nothing(
    terminal: Terminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("holistic.study.models.train", stopped)
    assert terminal("run") == 130
    assert capsys.readouterr().err == "interrupted; nothing was saved\n"
    assert everything(tmp_path) == []


def test_a_full_disk_is_told_in_one_line_and_the_run_goes_on_later(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREAKS", "full")
    assert terminal("run", *SMALL, "--out", "a") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: 'a' can't be written: No space left on device; the finished lenses (1) are kept "
        "in 'a', and the same command goes on there"
    )
    monkeypatch.delenv("BREAKS")
    assert terminal("run", *SMALL, "--out", "a") == 0


def test_a_lens_that_fails_is_told_and_all_else_is_shown(
    terminal: Terminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BREAKS", "bug")
    assert terminal("run", *SMALL, "--out", "a") == 1
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1] == (
        "error: 'middle' is missing: it failed: ZeroDivisionError; 'late' is missing: it reads the "
        "findings of 'middle'; the other lenses (1) are saved in 'a', and the same command tries "
        "again"
    )
    for part in ("it says so", "Lens 'middle' is missing: it failed", "report    a/report.html"):
        assert part in shown.out
    assert terminal("run", *SMALL, "--out", "a", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["failed"]["late"] == "it reads the findings of 'middle'"


def test_a_bug_is_one_line_and_debug_shows_where_it_is(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object, **settings: object) -> None:
        raise ZeroDivisionError("mine")

    monkeypatch.setattr("holistic.cli.sites.load_source", broken)
    for words in (["sites"], ["sites", "--debug"]):
        assert terminal(*words) == 2
        *before, last = capsys.readouterr().err.splitlines()
        assert last.startswith("error: unexpected ZeroDivisionError: mine; the same command with")
        assert ("Traceback" in "".join(before)) == ("--debug" in words)


def test_a_report_tells_of_lenses_that_failed(tmp_path: Path) -> None:
    run = Audit.create(tmp_path, {"key": "k", "model": "m"})
    run = run.add("early", [finding("early.units", np.ones(2))], 0)
    page = run.lacking("middle", "it failed: <b>ValueError</b>").report().read_text("utf-8")
    assert "Lens &#39;middle&#39; is missing: it failed: &lt;b&gt;ValueError" in page


def test_weights_that_were_damaged_are_learnt_again(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREAKS", "stop")
    assert terminal("run", "--out", "a") == 130
    monkeypatch.delenv("BREAKS")
    own = tmp_path / "a" / "model.safetensors"
    whole = own.read_bytes()
    for damaged in (whole[:-9], whole[:-9] + b"\xff" * 9):
        own.write_bytes(damaged)
        assert terminal("run", "--out", "a", "--lens", "early", "middle") == 0
        assert own.read_bytes() == whole


def test_weights_may_move(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("train", "--out", "w.safetensors") == 0
    assert terminal("run", "--weights", "w.safetensors", "--out", "a", "--lens", "early") == 0
    (tmp_path / "moved").mkdir()
    (tmp_path / "w.safetensors").rename(tmp_path / "moved" / "w.safetensors")
    words = ("--weights", "moved/w.safetensors", "--out", "a")
    assert terminal("run", *words, "--lens", "early", "middle") == 0
    assert CALLS == ["early", "middle"]
    source = holistic.load(tmp_path / "a").provenance["source"]
    assert source["weights"] == "moved/w.safetensors"


def test_a_refused_model_leaves_no_folder(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal("run", "fakes:patterns", "--model", "fakes:linear", "--out", "a") == 2
    assert "no hidden units" in the_error(capsys)
    assert everything(tmp_path) == []


def test_settings_of_lenses_are_flags(terminal: Terminal, tmp_path: Path) -> None:
    words = ("--early.draws", 7, "--early.quantiles", 0.2, 0.5)
    assert terminal("run", *SMALL, "--lens", "early", "middle", "--out", "a", *words) == 0
    assert CALLS == ["early", "middle"]
    audit = holistic.load(tmp_path / "a")
    assert audit.provenance["settings"] == {
        "early": {"draws": 7, "quantiles": [0.2, 0.5]},
        "middle": {},
    }
    assert len(audit["early.units"]) == 7


def test_settings_may_come_from_a_file_and_flags_win(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        'data = "fakes:patterns"\nmodel = "fakes:network"\nseed = 5\nlens = ["early"]\n'
        'out = "a"\nlimit = 30\n[early]\ndraws = 3\nquantiles = [0.5]\n'
    )
    assert terminal("run", "--config", "settings.toml", "--early.draws", 4) == 0
    provenance = holistic.load(tmp_path / "a").provenance
    assert provenance["settings"] == {"early": {"draws": 4, "quantiles": [0.5]}}
    assert provenance["seed"] == 5
    assert provenance["counts"] == {"selection": 15, "evaluation": 15}
    assert provenance["source"]["limit"] == 30


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nope"], "nope"),
        (["run", "--nope"], "--nope"),
        (["run", "--seed", "x"], "--seed"),
        (["run", "--seed"], "--seed"),
        (["run", "a", "b"], "b"),
        (["run", "digitz"], "did you mean 'digits'"),
        (["run", "--model", "mpl"], "did you mean 'mlp'"),
        (["run", "--model", "nope:make"], "nope"),
        (["run", *SMALL, "--score", "f1"], "'margin'"),
        (["run", *SMALL, "--lens", "nope"], "no lens 'nope'"),
        (["run", *SMALL, "--lens", "late"], "'early', 'middle' are missing"),
        (["run", *SMALL, "--early.draws", "x"], "--early.draws"),
        (["run", *SMALL, "--limit", "0"], "too small"),
        (["run", *SMALL, "--weights", "none.safetensors"], "none.safetensors"),
        (["run", *SMALL, "--config", "none.toml"], "'none.toml'"),
        (["run", *SMALL, "--config", "bad.toml"], "'bad.toml' can't be read"),
        (["run", *SMALL, "--config", "pears.toml"], "pears"),
        (["run", *SMALL, "--out", "file.txt"], "taken by other files"),
        (["run", *SMALL, "--out", "file.txt/deep/down"], "no folder that can be written"),
        (["run", *SMALL, "--out", "full"], "taken by other files"),
        (
            ["run", "digits", "--model", "fakes:network"],
            "can't be run on inputs of shape (1, 8, 8)",
        ),
        (["sites", "digitz"], "did you mean 'digits'"),
        (["sites", "mnist", "--data-dir", "none"], "no folder 'none'"),
        (["train", "--model", "fakes:network"], "can't be trained here"),
        (["train", "--out", "full"], "is a folder"),
        (["train", "--out", "file.txt/w.safetensors"], "no folder that can be written"),
        (["report", "full"], "no audit in 'full'"),
        (["report"], "requires an argument"),
        (["export", "full"], "no audit in 'full'"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_leaves_nothing(
    terminal: Terminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: Sequence[str],
    told: str,
) -> None:
    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "bad.toml").write_text("x = [")
    (tmp_path / "pears.toml").write_text("[early]\npears = 3\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    before = everything(tmp_path)
    assert terminal(*words) == 2
    assert told in the_error(capsys)
    assert everything(tmp_path) == before


def test_a_folder_of_another_run_is_refused_before_any_training(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal("run", *SMALL, "--out", "a") == 0
    capsys.readouterr()
    assert terminal("run", "--out", "a", "--seed", 1) == 2
    assert "different data, model, seed" in the_error(capsys)


def test_sites_lists_the_sites_of_a_model(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert terminal("sites", *SMALL) == 0
    assert "relu" in capsys.readouterr().out
    assert terminal("sites", *SMALL, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["traced"] is True
    hidden = [site for site in document["sites"] if site["hidden"]]
    assert [(site["site"], site["units"]) for site in hidden] == [("2", 6)]
    assert everything(tmp_path) == []


def test_train_saves_weights_and_says_how_good_they_are(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert terminal("train", "--out", "deep/w.safetensors", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["accuracy"]["lo"] < document["accuracy"]["value"] < document["accuracy"]["hi"]
    assert document["accuracy"]["n"] == 899
    assert everything(tmp_path) == ["deep", "deep/w.safetensors"]
    assert terminal("sites", "--weights", "deep/w.safetensors") == 0


@pytest.mark.parametrize("command", ["train", "run"])
def test_a_file_that_cannot_be_written_is_told_in_one_line(
    terminal: Terminal,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        assert terminal(command, "--out", "there") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "File too large" in line
    assert not list(tmp_path.rglob("*.tmp"))
    assert not list(tmp_path.rglob("*.safetensors"))
    assert terminal(command, "--out", "there") == 0


def test_report_is_written_again_on_a_machine_without_torch(
    terminal: Terminal, tmp_path: Path
) -> None:
    assert terminal("run", *SMALL, "--out", "a") == 0
    (tmp_path / "a" / "report.html").unlink()
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from holistic.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    for words in (["report", "a"], ["report", "a", "--out", "there.html", "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True, check=False, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        shown = done.stdout.strip()
        page = Path(json.loads(shown)["report"] if "--json" in words else shown)
        assert "early.units" in (tmp_path / page).read_text(encoding="utf-8")
    assert everything(tmp_path)[-1] == "there.html"
    assert (tmp_path / "a" / "report.html").exists()


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_without_work_sleep_soon_unless_the_user_says_otherwise(
    given: dict[str, str], spins: str
) -> None:
    code = (
        "import os, sys; from holistic.cli import main; sys.argv = ['holistic', '--version']; "
        "main(); print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    apart = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=apart | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == spins


def test_main_module_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holistic", "--version"], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == holistic.__version__


@pytest.mark.parametrize("printed", ["by rich", "by print"])
def test_a_reader_that_went_away_is_no_error(printed: str) -> None:
    code = (
        "import sys; from holistic.cli import app, main\n"
        "app.command(lambda: print('something'), name='say')\n"
        f"sys.exit(main([{('--version' if printed == 'by rich' else 'say')!r}]))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b""
    assert done.returncode == 1


def test_lines_tell_each_finished_task_once(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown() as progress:
        for done in (0, 1, 2, 2):
            progress("counting", done, 2)
        progress("never finished", 1, 2)
        progress("lens", 1, 1)
        for done in (1, 2):
            progress("counting", done, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.rsplit(" in ")[0] for line in shown.err.splitlines()] == [
        "counting: 2 of 2",
        "lens: done",
        "counting: 2 of 2",
    ]


def test_bars_are_shown_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setenv("TERM", "xterm")
    with progress_shown() as progress:
        for done in range(3):
            progress("counting", done, 3)
    assert "counting" in screen.getvalue()
    assert "2/3" in screen.getvalue()


@pytest.mark.parametrize("command", sorted(c for c in app if not c.startswith("-")))
def test_help_fits_a_screen_and_ends_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert holistic.cli.main([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 46
    assert max(map(len, lines)) <= 80
    assert lines[-1].strip().startswith("holistic ")


def test_every_setting_of_every_lens_is_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert holistic.cli.main(["settings"]) == 0
    shown = re.sub(r"[\s│]", "", capsys.readouterr().out)
    for name in lens_names():
        for setting in dataclasses.fields(lens_class(name)):
            assert f"--{name}.{setting.name.replace('_', '-')}" in shown


def test_the_settings_of_one_lens_are_listed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert holistic.cli.main(["settings", "tracing"]) == 0
    shown = capsys.readouterr().out
    assert "--tracing.pairs" in shown
    assert "ablation." not in shown
    assert holistic.cli.main(["settings", "tracking"]) == 2
    assert "no lens 'tracking' (did you mean 'tracing'?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--seed", "\u0663"),
        ("--seed", "9" * 5000),
        ("--normalise", "\u0660,\u0661"),
        ("--normalise", "1_0,1"),
        ("--resize", "\u0663\u0662"),
        ("--unit-axis", "1=" + "9" * 5000),
        ("--unit-axis", "1=\u0660"),
        ("--unit-axis", "1=-0"),
    ],
)
def test_numbers_are_written_in_digits_that_one_meaning_has(
    capsys: pytest.CaptureFixture[str], flag: str, text: str
) -> None:
    assert holistic.cli.main(["sites", "digits", flag, text]) == 2
    assert f"error: {flag} needs " in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "\u0663"])
def test_a_port_is_refused_before_any_work(capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert holistic.cli.main(["serve", "no/such/folder", "--port", port]) == 2
    assert "--port " in capsys.readouterr().err
