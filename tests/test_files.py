"""Does a result replace files alone, stay in its folder, and never wait for a pipe?"""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import holistic
from holistic.cli import main
from holistic.errors import AuditError, ModelError
from holistic.report.saved import Audit
from holistic.results.files import check_target, opened, remove_unfinished, sha256, write_whole
from holistic.starting import alone
from holistic.study.weights import load_weights, read_provenance, save_weights
from made import a_finding
from test_tables import small

KEY = {"key": "k", "model": "m", "seed": 0}


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    """End a test that waits for a pipe."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError("it waits for something")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    made = Audit.create(tmp_path / "audit", KEY)
    arrays = {"one.units.map": np.arange(6.0).reshape(2, 3)}
    return made.add("one", [a_finding("one.units", small(1.0, 2.0), arrays=arrays)], 0)


def _link(path: Path) -> None:
    outside = path.parent / "outside"
    outside.write_text("mine")
    path.symlink_to(outside)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may have a hundred letters
        made.bind(path.name)
        os.chdir(here)


def _device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))  # as /dev/null
    except PermissionError:
        pytest.skip("only root makes devices")


KINDS: dict[str, Callable[[Path], object]] = {
    "a link": _link,
    "a broken link": lambda path: path.symlink_to("nowhere"),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a device": _device,
}


@pytest.fixture(params=KINDS)
def taken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A path at which something else than a file is, and must be afterwards."""
    path = tmp_path / "taken"
    KINDS[request.param](path)
    before = path.lstat()
    yield path
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    if request.param == "a link":
        assert (tmp_path / "outside").read_text() == "mine"
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_file_comes_whole_and_replaces_files(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / f"{'x' * 250}.txt"
    for text in ("first", "second"):
        write_whole(path, lambda temporary, text=text: temporary.write_text(text))
        assert path.read_text() == text
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode, "as the user's mask says"


def test_results_replace_nothing_but_files(taken: Path, audit: Audit) -> None:
    writers: list[Callable[[], object]] = [
        lambda: write_whole(taken, lambda path: path.write_text("new")),
        lambda: audit.report(taken),
        lambda: save_weights(nn.Linear(2, 2), taken, {}),
    ]
    for write in writers:
        with pytest.raises(AuditError, match=r"'.*taken' is a (link|folder|pipe|socket|device)"):
            write()


@pytest.mark.parametrize("command", ["report", "train"])
def test_commands_replace_nothing_but_files(
    taken: Path,
    audit: Audit,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "holistic.study.models.train", lambda *a, **k: pytest.fail("it trained first")
    )
    words = [command, *([str(audit.path)] if command == "report" else [])]
    assert main([*words, "--out", str(taken)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "taken' is a" in shown.err


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"a link"}))
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    KINDS[kind](tmp_path / "taken")
    with pytest.raises(OSError, match=r"no file|No such file"):
        sha256(tmp_path / "taken")
    with pytest.raises(OSError, match=r"no file|No such file"), opened(tmp_path / "taken"):
        pytest.fail("it was opened")


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device", "a folder"])
def test_an_audit_with_something_else_than_files_is_told(
    tmp_path: Path, audit: Audit, kind: str
) -> None:
    for file in ("arrays/one.units.map.npy", "tables/one.units.parquet", "audit.json"):
        (audit.path / file).unlink()
        KINDS[kind](audit.path / file)
        with pytest.raises(AuditError, match=r"is missing|can't be read"):
            holistic.load(audit.path).finding("one.units")
    for way in (holistic.load, Audit.find, lambda path: Audit.create(path, KEY)):
        with pytest.raises(AuditError, match="can't be read"):
            way(audit.path)


def test_weights_that_are_a_pipe_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="is no regular file"):
        load_weights(nn.Linear(2, 2), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="is no regular file"):
        read_provenance(tmp_path / "w.safetensors")


def test_a_full_disk_says_which_file_it_has_no_room_for(tmp_path: Path) -> None:
    def fill(place: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"No space left on device: '.*a\.html'"):
        write_whole(tmp_path / "a.html", fill)
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_words_alone_keeps_them(tmp_path: Path) -> None:
    def fill(place: Path) -> None:
        raise OSError("no space left on the server")

    with pytest.raises(OSError, match=r"^no space left on the server$"):
        write_whole(tmp_path / "a.html", fill)


def test_planted_temporary_names_lead_nowhere(audit: Audit, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    for name in ("report.html", "audit.json", "tables/two.units.parquet"):
        place = audit.path / name
        (place.parent / f".{place.name}.{os.getpid()}.tmp").symlink_to(outside)
    audit.add("two", [a_finding("two.units", small(3.0))], 0).report()
    assert outside.read_text() == "mine"
    assert "two.units" in holistic.load(audit.path)
    assert (audit.path / "report.html").read_text().startswith("<!doctype html>")


def test_a_temporary_file_that_is_exchanged_is_not_published(tmp_path: Path) -> None:
    def write(temporary: Path) -> None:
        temporary.unlink()
        temporary.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(AuditError, match="was exchanged"):
        write_whole(tmp_path / "a", write)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["tables", "arrays"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_an_audit_is_written_in_its_own_folders(
    audit: Audit, tmp_path: Path, place: str, kind: str
) -> None:
    (tmp_path / "outside").mkdir()
    (audit.path / place).rename(tmp_path / "before")
    if kind == "link":
        (audit.path / place).symlink_to(tmp_path / "outside", target_is_directory=True)
    else:
        (audit.path / place).write_text("mine")
    new = a_finding("two.units", small(3.0), arrays={"two.units.map": np.ones(2)})
    with pytest.raises(AuditError, match=rf"{place}' is a link|a file on the way"):
        audit.add("two", [new], 0)
    assert list((tmp_path / "outside").iterdir()) == []
    assert holistic.load(audit.path).names == ("one.units",)


@pytest.mark.parametrize("name", ["audit.json", "report.html", "tables/two.units.parquet"])
def test_links_in_an_audit_are_not_followed(audit: Audit, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    path = audit.path / name
    outside.write_bytes(path.read_bytes() if path.exists() else b"mine")
    before = outside.read_bytes()
    path.unlink(missing_ok=True)
    path.symlink_to(outside)
    with pytest.raises(AuditError, match="is a link"):
        audit.add("two", [a_finding("two.units", small(3.0))], 0).report()
    assert outside.read_bytes() == before
    assert path.is_symlink()


def test_the_lock_is_no_link(audit: Audit, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (audit.path / ".lock").symlink_to(outside)
    with pytest.raises(AuditError, match=r"\.lock' is a link"), alone(audit.path):
        pytest.fail("it was entered")
    assert outside.read_text() == "mine"


def test_an_audit_may_be_reached_through_a_link(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(audit.path, target_is_directory=True)
    reached = holistic.load(tmp_path / "link").add("two", [a_finding("two.units", small(3.0))], 0)
    reached.report()
    assert holistic.load(audit.path).names == ("one.units", "two.units")
    check_target(tmp_path / "link" / "other.html")


def test_what_is_unfinished_is_removed_where_it_is_a_file(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    names = [f".a.{os.getpid()}.tmp", f".b.c.{os.getpid()}.{'0' * 16}.tmp"]
    for name in names:
        (tmp_path / name).write_text("half")
    (tmp_path / f".link.{os.getpid()}.tmp").symlink_to(outside)
    os.mkfifo(tmp_path / f".pipe.{os.getpid()}.tmp")
    (tmp_path / f".folder.{os.getpid()}.tmp").mkdir()
    remove_unfinished(tmp_path)
    left = {path.name.split(".")[1] for path in tmp_path.glob(".*.tmp")}
    assert left == {"link", "pipe", "folder"}
    assert outside.read_text() == "mine"


def test_a_found_report_is_never_shown(audit: Audit) -> None:
    assert not audit.reported
    page = audit.report()
    assert audit.reported
    assert not list(audit.path.glob("*.tmp"))
    page.write_text("somebody else's")
    assert not audit.reported
    assert "somebody else's" not in audit.show()._repr_html_()
    page.unlink()
    os.mkfifo(page)
    assert not audit.reported
    assert "<iframe" in audit.show()._repr_html_()
