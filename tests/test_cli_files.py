"""Does the command line tell files that aren't what they should be, and keep a log?"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import holistic
from holistic.cli import main
from holistic.report.saved import Audit


@pytest.fixture
def copied(carried_audit: Audit, tmp_path: Path) -> Path:
    """Return a copy of an audit, with its report."""
    folder = tmp_path / "audit"
    shutil.copytree(carried_audit.path, folder)
    holistic.load(folder).report()
    return folder


def test_a_whole_audit_is_verified(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = holistic.load(copied).verify()
    assert found
    assert found.files == len([*copied.glob("tables/*"), *copied.glob("arrays/*")])
    assert found.sha256 == hashlib.sha256((copied / "audit.json").read_bytes()).hexdigest()
    assert main(["verify", str(copied), "--expect-sha256", found.sha256.upper()]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{copied}: all {found.files} tables and arrays are as the run left them"
    assert second == f"sha256 of audit.json: {found.sha256}"
    assert main(["verify", str(copied), "--expect-sha256", "0" * 64]) == 1
    for wrong in ("", "sha256", "0" * 63):
        assert main(["verify", str(copied), "--expect-sha256", wrong]) == 2
    assert "isn't the one that is expected" in capsys.readouterr().out


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("file", "harm", "says"),
    [
        ("tables/ablation.units.parquet", changed, "was changed after the run"),
        ("tables/sites.parquet", Path.unlink, "is missing"),
        ("report.html", changed, "was changed, or another version wrote it"),
    ],
)
def test_every_file_that_was_harmed_is_named(
    copied: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    harm: Callable[[Path], None],
    says: str,
) -> None:
    harm(copied / file)
    (copied / "tables" / "stray.parquet").touch()
    assert main(["verify", str(copied)]) == 1
    shown = capsys.readouterr().out
    assert f"'{copied / file}' {says}" in shown
    assert f"{copied}: 1 fault\n" in shown
    assert "not of this audit, and not read: tables/stray.parquet" in shown
    assert main(["verify", str(copied), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["whole"], len(found["faults"])) == (False, 1)


def the_error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_weights_that_are_not_the_expected_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "w.safetensors", tmp_path / "out"
    file.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    for command in ("run", "check"):
        words = [command, "--weights", str(file), "--out", str(out), "--expect-sha256"]
        assert main([*words, "0" * 64]) == 2
        assert f"its SHA-256 is {right}, not {'0' * 64}" in the_error(capsys)
        assert main([*words, "abc"]) == 2
        assert "64 hexadecimal digits, got 'abc'" in the_error(capsys)
        assert main([*words, right, right]) == 2
        assert "names 2 sums and --weights 1 files" in the_error(capsys)
        assert main([*words, right]) == 2
        assert "expected" not in the_error(capsys)  # it goes on, and finds no weights in there
    assert not out.exists()


def test_a_log_tells_what_was_done_and_holds_no_data(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    assert main(["verify", str(copied), "--log-file", str(log)]) == 0
    assert main(["report", str(tmp_path / "no"), f"--log-file={log}"]) == 2
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["start", "end", "start", "error", "end"]
    assert lines[0]["words"] == ["verify", str(copied)]
    assert [lines[i]["code"] for i in (1, 4)] == [0, 2]
    assert lines[3]["message"] in capsys.readouterr().err
    assert main(["verify", str(copied), "--log-file"]) == 2
    assert "--log-file takes a file" in the_error(capsys)
    assert main(["verify", str(copied), "--log-file", str(tmp_path / "no" / "a")]) == 2
    assert "No such file or directory" in the_error(capsys)


@pytest.mark.skipif(os.name == "nt", reason="no such signal")
def test_sigterm_ends_a_run_in_one_line_and_the_next_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["run", "digits", "--limit", "60", "--lens", "tracing", "--quick", "--out", str(out)]
    command = [sys.executable, "-m", "holistic", *words]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    end = time.monotonic() + 240
    while not (out / "audit.json").exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143
    assert told.splitlines()[-1].startswith("interrupted; ")
    assert "Traceback" not in told
    assert main(words) == 0
    assert holistic.load(out).verify()
