"""One run in several processes: whoever does what and whoever is killed, its bytes are the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import holistic
from holistic.errors import AuditError, SettingError
from holistic.lenses.ablation import Ablation
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.tracing import Tracing
from holistic.merging import begun, merge
from holistic.pieces import each, every, keep_in, kept
from holistic.results.parts import Shard, fellows, shard_of, shards_in
from holistic.shards import FOLDER, Shards
from holistic.sharing import Elsewhere, Shared, next_lens, turns
from test_shards import _Cut, cut_after, subject, tables

LENSES = (
    Ablation(sets=20, permutations=20, familywise=50),
    Mechanism(shuffles=1, draws=20),
    Tracing(pairs=2, controls=20, examples=20),
)
QUICK: dict[str, Any] = {"lenses": LENSES, "quick": True, "anyway": True}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Audit of a run in one process."""
    out = tmp_path_factory.mktemp("whole") / "audit"
    holistic.audit(subject(), out=out, **QUICK)
    return out


@given(count=st.integers(0, 60), shards=st.integers(1, 9))
def test_every_shard_comes_to_every_piece_and_begins_with_its_own(count: int, shards: int) -> None:
    orders = [turns(count, Shard(shards, number)) for number in range(1, shards + 1)]
    assert all(sorted(order) == list(range(count)) for order in orders)
    owns = [order[: len(range(i, count, shards))] for i, order in enumerate(orders)]
    assert sorted(place for own in owns for place in own) == list(range(count))


@pytest.mark.parametrize("text", ["3/2", "0/2", "2", "1/0", "-1/2", "1/2/3", "١/٢", "", "1/99999"])
def test_a_shard_that_cant_be_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(SettingError, match=r"--shard must be one of so many.*got"):
        Shard.read(text)


def test_folders_tell_their_shards(tmp_path: Path) -> None:
    one, two = (Shard(2, number).folder(tmp_path) for number in (1, 2))
    for path in (two, one):
        path.mkdir(parents=True)
    (tmp_path / ".shards" / "notes").mkdir()
    assert list(shards_in(tmp_path)) == [Shard(2, 1), Shard(2, 2)]
    assert fellows(one) == (tmp_path, two)
    assert fellows(tmp_path) == (one, two)
    assert shard_of(tmp_path) is None


def store(home: Path, shard: Shard) -> Shared:
    """What keeps a shard's pieces."""
    own = shard.folder(home)
    made = Shared(
        own / FOLDER / "lens", own, "k" * 64,
        others=fellows(own), shard=shard, lens="lens", run="key",
    )  # fmt: skip
    made.load()
    return made


@kept
def _square(number: int) -> np.ndarray:
    _DONE.append(number)
    return np.full(3, float(number**2))


_DONE = list[int]()


def test_a_shard_takes_what_others_have_finished_and_yields_all_in_order(tmp_path: Path) -> None:
    first, second = Shard(2, 1), Shard(2, 2)
    one = store(tmp_path, first)
    _DONE.clear()
    with keep_in(one):
        assert [v[0] for v in every(_square, ((n,) for n in range(4)))] == [0, 1, 4, 9]
        assert _DONE == [0, 2, 3, 1]
        one.write()
    two = store(tmp_path, second)
    with keep_in(two):
        values = list(every(_square, ((n,) for n in range(6))))
    assert [v[0] for v in values] == [0, 1, 4, 9, 16, 25]
    assert sorted(_DONE[4:]) == [4, 5]


def test_what_others_have_removed_or_damaged_is_computed_again(tmp_path: Path) -> None:
    one = store(tmp_path, Shard(2, 1))
    with keep_in(one):
        list(every(_square, ((n,) for n in range(4))))
        one.write()
    two = store(tmp_path, Shard(2, 2))
    for path in one.folder.iterdir():
        path.write_bytes(path.read_bytes()[:-30])
    shutil.rmtree(one.folder)
    with keep_in(two):
        assert [v[0] for v in every(_square, ((n,) for n in range(4)))] == [0, 1, 4, 9]


def test_what_cant_be_kept_is_computed_once_by_each(tmp_path: Path) -> None:
    made = list[int]()

    def call(number: int) -> tuple[tuple[str, int], Callable[[], object]]:
        return ("odd", number), lambda: (made.append(number), {number})[1]

    with keep_in(store(tmp_path, Shard(2, 2))):
        assert list(each(call(n) for n in range(5))) == [{n} for n in range(5)]
    assert sorted(made) == list(range(5))


def shared(home: Path, shard: Shard, **more: Any) -> holistic.Audit:
    """Do a shard of the run of `whole`."""
    return holistic.audit(subject(), out=shard.folder(home), **{**QUICK, **more})


@pytest.mark.parametrize("count", [1, 2, 4])
def test_shards_that_are_killed_again_and_again_end_with_the_same_bytes(
    tmp_path: Path, whole: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, shards = tmp_path / "audit", [Shard(count, n) for n in range(1, count + 1)]
    for turn in range(3 * count):
        cut_after(30 + turn, monkeypatch)
        with suppress(_Cut):
            shared(home, shards[turn % count])
        monkeypatch.undo()
    for shard in shards:
        shared(home, shard)
    run = merge(home)
    assert tables(home) == tables(whole)
    assert list(run.lenses) == list(holistic.load(whole).lenses)
    assert not (home / ".shards").exists()
    assert (home / "report.html").exists()


def test_a_run_without_shards_goes_on_with_what_shards_have_left(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = cut_after(10**9, monkeypatch)
    holistic.audit(subject(), out=tmp_path / "alone", **QUICK)
    every = counts[0]
    monkeypatch.undo()
    home = tmp_path / "audit"
    for number in (1, 2):
        cut_after(every // 3, monkeypatch)
        with pytest.raises(_Cut):
            shared(home, Shard(2, number))
        monkeypatch.undo()
    counts = cut_after(10**9, monkeypatch)
    holistic.audit(subject(), out=home, **QUICK)
    assert tables(home) == tables(whole)
    assert counts[0] < 0.6 * every
    assert not (home / ".shards").exists()


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_sharing import slowly
slowly(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[4]))
"""


def slowly(home: Path, number: int, count: int) -> None:
    """Do a shard in which every piece takes a while, and write down how many were computed."""
    before, made = Shards.once, [0]

    def once(self: Shards, key: Any, compute: Any) -> Any:
        def one() -> Any:
            made[0] += 1
            time.sleep(0.02)
            return compute()

        return before(self, key, one)

    Shards.once = once
    shared(home, Shard(count, number))
    (home.parent / f"made-{number}").write_text(str(made[0]))


def start(home: Path, number: int, count: int) -> subprocess.Popen[bytes]:
    words = [str(home), str(number), str(Path(__file__).parent), str(count)]
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *words], stderr=subprocess.DEVNULL)


def test_two_processes_at_once_share_the_work_and_one_may_be_killed(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "audit"
    processes = [start(home, number, 3) for number in (1, 2, 3)]
    deadline = time.monotonic() + 240
    while not list(home.glob(f".shards/3-of-3/{FOLDER}/*/*.pieces")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    processes[2].kill()
    assert [process.wait(300) for process in processes[:2]] == [0, 0]
    processes[2].wait()
    merge(home)
    assert tables(home) == tables(whole)
    made = [int((tmp_path / f"made-{number}").read_text()) for number in (1, 2)]
    counts = cut_after(10**9, monkeypatch)
    holistic.audit(subject(), out=tmp_path / "alone", **QUICK)
    assert max(made) < 0.85 * counts[0]


def test_whoever_computes_what_another_has_finished_stops(tmp_path: Path, whole: Path) -> None:
    home = tmp_path / "audit"
    one, two = Shard(2, 1), Shard(2, 2)
    shutil.copytree(whole, one.folder(home))
    key = holistic.load(whole).provenance["key"]
    made = Shared(
        two.folder(home) / FOLDER / "tracing", two.folder(home), "k" * 64,
        others=(one.folder(home),), shard=two, lens="tracing", run=key,
    )  # fmt: skip
    with pytest.raises(Elsewhere):
        made.load()
    made.run = "of another audit"
    made.load()


def test_each_lens_is_the_first_of_one_shard_and_free_ones_come_before_begun_ones(
    tmp_path: Path, whole: Path
) -> None:
    run, home = holistic.load(whole), tmp_path / "audit"
    from dataclasses import replace

    firsts = list[str]()
    for number in (1, 2, 3):
        own = Shard(3, number).folder(home)
        own.mkdir(parents=True)
        firsts.append(next_lens(replace(run, path=own), LENSES).name)
    assert sorted(firsts) == sorted(lens.name for lens in LENSES)
    (Shard(3, 1).folder(home) / FOLDER / firsts[1]).mkdir(parents=True)
    again = next_lens(replace(run, path=Shard(3, 2).folder(home)), LENSES)
    assert again.name != firsts[1]


def halves(home: Path, whole: Path) -> tuple[Path, Path]:
    """Folders of two shards, each with a part of the lenses of an audit."""
    found = list[Path]()
    for number, names in ((1, ("sites", "ablation")), (2, ("sites", "mechanism", "tracing"))):
        path = Shard(2, number).folder(home)
        shutil.copytree(whole, path)
        record = json.loads((path / "audit.json").read_text())
        record["lenses"] = {name: record["lenses"][name] for name in names}
        (path / "audit.json").write_text(json.dumps(record))
        found.append(path)
    return found[0], found[1]


def test_shards_in_folders_of_their_own_are_merged(tmp_path: Path, whole: Path) -> None:
    one, two = halves(tmp_path / "both", whole)
    for number, path in ((1, one), (2, two)):
        target = Shard(2, number).folder(tmp_path / f"own{number}")
        target.parent.mkdir(parents=True)
        path.rename(target)
    merge(tmp_path / "own1", tmp_path / "own2", out=tmp_path / "audit")
    assert tables(tmp_path / "audit") == tables(whole)


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((path / "audit.json").read_text())
    change(record)
    (path / "audit.json").write_text(json.dumps(record))


def _other(record: dict[str, Any]) -> None:
    record["provenance"]["key"] = "f" * 64
    record["provenance"]["threads"] = 7


def test_shards_that_dont_belong_together_are_refused_in_a_line(
    tmp_path: Path, whole: Path
) -> None:
    home = tmp_path / "audit"
    with pytest.raises(AuditError, match="no shards in"):
        merge(home)
    one, two = halves(home, whole)
    changed(two, _other)
    with pytest.raises(AuditError, match=r"1/2 and 2/2 can't be merged \(different threads\)"):
        merge(home)
    shutil.rmtree(two)
    with pytest.raises(AuditError, match=r"shard 2/2 is missing, and lenses 'mechanism', 'tracing"):
        merge(home)
    one.rename(one.with_name("1-of-3"))
    halves(home, whole)
    with pytest.raises(AuditError, match="of different divisions of the run"):
        merge(home)
    assert one.exists()


def test_a_shard_that_never_began_is_named_where_others_did_its_part(
    tmp_path: Path, whole: Path
) -> None:
    shutil.copytree(whole, Shard(2, 1).folder(tmp_path / "audit"))
    with pytest.warns(UserWarning, match="shard 2/2 is missing; others have done all"):
        merge(tmp_path / "audit")
    assert tables(tmp_path / "audit") == tables(whole)


def test_shards_arent_merged_into_the_audit_of_another_run(tmp_path: Path, whole: Path) -> None:
    home = tmp_path / "audit"
    shutil.copytree(whole, home)
    changed(home, _other)
    halves(home, whole)
    with pytest.raises(AuditError, match=r"is another than the shards' \(different threads\)"):
        merge(home)


def test_a_file_that_was_changed_is_not_merged(tmp_path: Path, whole: Path) -> None:
    one, _ = halves(tmp_path, whole)
    path = one / "tables" / "ablation.units.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(AuditError, match=r"was changed after the run"):
        merge(tmp_path)


def run(words: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command line."""
    return subprocess.run(
        [sys.executable, "-m", "holistic", *words],
        capture_output=True, text=True, timeout=500, env={**os.environ, **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--shard", "3/2"], "--shard must be one of so many"),
        (["--shard", "1/2", "--workers", "2"], "leave out --workers"),
        (["--shard", "1/2", "--time", "1m"], "--time measures this machine"),
        (["--workers", "-1"], "--workers must be a whole number from 1"),
        (["--workers", "2", "--seeds", "2"], "--workers shares one run"),
    ],
)  # fmt: skip
def test_flags_that_dont_go_together_get_a_line(words: list[str], line: str) -> None:
    from holistic.cli import main

    with pytest.MonkeyPatch.context() as patch:
        lines = list[str]()
        patch.setattr(sys.stderr, "write", lambda text: (lines.append(text), len(text))[1])
        assert main(["run", *words]) == 2
    assert line in "".join(lines)
    assert "".join(lines).count("\n") == 1


def test_begun_knows_an_audit_by_its_key(tmp_path: Path, whole: Path) -> None:
    key = holistic.load(whole).provenance["key"]
    assert begun(whole, key) is not None
    assert begun(whole, "another") is None
    assert begun(tmp_path, key) is None
