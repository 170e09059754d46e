"""A run that is cut off inside a lens goes on there, and ends with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import holistic
from holistic.errors import AuditError
from holistic.lenses.ablation import Ablation
from holistic.packed import Unpackable, digest, pack, unpack
from holistic.pieces import keep_in, once
from holistic.shards import FOLDER, Shards, finished_pieces
from holistic.stats.means import Means

LENS = Ablation(sets=20, permutations=20, familywise=50)


def subject() -> holistic.Subject:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(120, 1, 3, 4, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    with torch.no_grad():
        labels = model(images).argmax(1)
    return holistic.Subject(model, (images, labels), classes=["a", "b", "c"])


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.zeros((0, 3), np.int64),
        np.float32(0.1),
        np.array(["one", None, 3.5], dtype=object),
        torch.arange(6).reshape(2, 3).T,
        torch.rand(2, 3, dtype=torch.bfloat16),
        torch.zeros(0, 2),
        (1, [2.5, float("inf")], {"a": np.array(["x", "yz"])}, None),
        Means.of(np.arange(6.0).reshape(2, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_come_back_with_their_bytes_and_their_order_in_memory(value: Any) -> None:
    again = unpack(pack(value))
    assert type(again) is type(value)
    assert pack(again) == pack(value)
    if hasattr(value, "strides") and value.size:
        assert again.strides == value.strides


def test_what_says_nothing_of_itself_is_no_key_and_no_piece() -> None:
    for strange in (lambda: 1, np.random.default_rng(0), torch.Generator(), object()):
        with pytest.raises(Unpackable):
            digest(("name", strange))
        with pytest.raises(Unpackable):
            pack(strange)


def test_the_digest_of_a_tensor_follows_what_it_holds() -> None:
    values = torch.zeros(3)
    before = digest(values)
    assert digest(torch.zeros(3)) == before
    values[1] = 1
    assert digest(values) != before
    one = subject()
    assert digest(one) == digest(subject())
    assert digest(one) != digest(one.untrained(5))


def computed(folder: Path, name: str, work: Callable[[], Any]) -> tuple[Any, bool]:
    """Ask for a piece in a run of its own; also whether it was computed."""
    done = list[bool]()
    with finished_pieces(folder, "lens", "k" * 64) as shards:
        value = once((name,), lambda: (done.append(True), work())[1])
        shards.write()
    return value, bool(done)


def test_a_finished_piece_is_read_by_the_next_run_unless_it_is_damaged(tmp_path: Path) -> None:
    assert computed(tmp_path, "one", lambda: np.arange(3)) == (pytest.approx(np.arange(3)), True)
    value, again = computed(tmp_path, "one", lambda: 1 / 0)
    assert list(value) == [0, 1, 2]
    assert not again
    (path,) = (tmp_path / FOLDER / "lens").iterdir()
    whole = path.read_bytes()
    for damage in (whole[:-1], whole[:30], b"", whole[:-5] + b"xxxxx"):
        for old in path.parent.iterdir():
            old.unlink()
        path.write_bytes(damage)
        value, again = computed(tmp_path, "one", lambda: np.arange(3))
        assert list(value) == [0, 1, 2]
        assert again


def test_pieces_of_another_key_are_removed_and_links_are_refused(tmp_path: Path) -> None:
    computed(tmp_path, "one", lambda: 1)
    with finished_pieces(tmp_path, "lens", "other" * 13):
        assert once(("one",), lambda: 2) == 2
    assert not list((tmp_path / FOLDER / "lens").glob("kkk*"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / FOLDER / "linked").symlink_to(elsewhere)
    with (
        pytest.raises(AuditError, match="leads out of the audit"),
        finished_pieces(tmp_path, "linked", "k" * 64),
    ):
        pass


def test_a_larger_piece_takes_the_place_of_those_within(tmp_path: Path) -> None:
    shards = Shards(tmp_path / FOLDER / "lens", tmp_path, "k" * 64)

    def outer() -> int:
        inner = [once(("inner", i), lambda i=i: i) for i in range(3)]
        shards.write()
        return sum(inner)

    with keep_in(shards):
        assert once(("outer",), outer) == 3
        shards.write()
    assert len(shards._places) == 1
    assert len(list(shards.folder.iterdir())) == 1


def tables(out: Path) -> dict[str, bytes]:
    found = [*out.glob("tables/*"), *out.glob("arrays/*")]
    return {path.name: path.read_bytes() for path in found}


class _Cut(BaseException):
    pass


def cut_after(pieces: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """End the run once so many pieces were computed; the list counts them."""
    count, compute = [0], Shards.once

    def counted(self: Shards, key: Any, work: Any) -> Any:
        def one() -> Any:
            if count[0] >= pieces:
                raise _Cut
            value = work()
            count[0] += 1
            return value

        return compute(self, key, one)

    monkeypatch.setattr(Shards, "once", counted)
    return count


def test_a_run_that_is_cut_off_anywhere_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick: dict[str, Any] = {"lenses": [LENS, "mechanism"], "quick": True, "anyway": True}
    counts = cut_after(10**9, monkeypatch)
    holistic.audit(subject(), out=tmp_path / "whole", **quick)
    every = counts[0]
    assert every > 50
    out, done = tmp_path / "cut", 0
    for pieces in (every // 4, every // 3):
        monkeypatch.undo()
        counts = cut_after(pieces, monkeypatch)
        with pytest.raises(_Cut):
            holistic.audit(subject(), out=out, **quick)
        done += counts[0]
        assert list((out / FOLDER).iterdir())
    monkeypatch.undo()
    counts = cut_after(10**9, monkeypatch)
    holistic.audit(subject(), out=out, **quick)
    done += counts[0]
    assert tables(out) == tables(tmp_path / "whole")
    assert not (out / FOLDER).exists()
    assert done <= every * 1.1


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from test_shards import ending_run
ending_run(sys.argv[1], int(sys.argv[3]))
"""


def ending_run(out: str, kind: int) -> None:
    """Run until some pieces lie on disk, and have a signal end it there."""
    from holistic import shards

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    shards._EVERY = 0.0
    before = Shards.once

    def once(self: Shards, key: Any, compute: Any) -> Any:
        if list(Path(out).glob(f"{FOLDER}/*/*.pieces")):
            os.kill(os.getpid(), kind)
        return before(self, key, compute)

    Shards.once = once
    holistic.audit(subject(), out=out, lenses=[LENS], quick=True, anyway=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of a run that nothing cut off."""
    out = tmp_path_factory.mktemp("whole")
    holistic.audit(subject(), out=out, lenses=[LENS], quick=True, anyway=True)
    return tables(out)


@pytest.mark.skipif(os.name == "nt", reason="no such signals")
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_loses_little(
    tmp_path: Path, kind: signal.Signals, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", SCRIPT, str(out), str(Path(__file__).parent), str(int(kind))]
    ended = subprocess.run(command, stderr=subprocess.DEVNULL, timeout=400)
    assert ended.returncode
    assert list(out.glob(f"{FOLDER}/*/*.pieces"))
    holistic.audit(subject(), out=out, lenses=[LENS], quick=True, anyway=True)
    assert tables(out) == whole
