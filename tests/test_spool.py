"""A stream of many examples lies in a file, and gives the same numbers as one in memory."""

from __future__ import annotations

import gc
import itertools
import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import holistic
from holistic import spool
from holistic.cli import main
from holistic.errors import DataError
from holistic.progress import silent
from holistic.spool import Spool, changed, ends, release, spooled, taken
from holistic.study import streams
from holistic.study.given import read_given
from holistic.study.streams import reading_first

X = torch.randn(240, 1, 4, 4, generator=torch.Generator().manual_seed(0))
Y = torch.arange(240) % 3


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return zip(X, Y, strict=True)


class Bytes(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return zip((X * 20 + 100).to(torch.uint8), Y, strict=True)


FORMS = {
    "batches": lambda: ((X[i : i + 7], Y[i : i + 7]) for i in range(0, 240, 7)),
    "examples": Stream,
    "loader": lambda: DataLoader(Stream(), batch_size=9),
    "bytes": Bytes,
    "dictionaries": lambda: [
        {"image": x, "label": y, "mask": m} for x, y, m in zip(X, Y.tolist(), X > 0, strict=True)
    ],
    "mixed": lambda: ((x.double() if i > 99 else x, Y[i]) for i, x in enumerate(X)),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold next to nothing in memory."""
    monkeypatch.setattr(spool, "IN_MEMORY", 1000)
    monkeypatch.setattr(streams, "IN_MEMORY", 1000)
    monkeypatch.setattr(spool, "_STEP", 500)


@pytest.mark.filterwarnings("ignore::holistic.errors.Notice")
@pytest.mark.parametrize("form", FORMS)
def test_what_lies_in_a_file_gives_the_same_numbers(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = holistic.Subject(network(), FORMS[form]())
    assert not spooled(held.images)
    small.__wrapped__(monkeypatch)
    filed = holistic.Subject(network(), FORMS[form]())
    assert spooled(filed.images)
    assert filed.fingerprint == held.fingerprint
    for one, other in ((held.selection, filed.selection), (held.evaluation, filed.evaluation)):
        assert spooled(other.images)
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
    release()  # pages are read again
    assert torch.equal(held.predict(), filed.predict())


def test_an_audit_of_a_file_is_that_of_memory(tmp_path: Any, monkeypatch: Any) -> None:
    audits = []
    for place in ("held", "filed"):
        if place == "filed":
            small.__wrapped__(monkeypatch)
        subject = holistic.Subject(network(), FORMS["batches"]())
        out = tmp_path / place
        settings = {"lenses": ["mechanism"], "quick": True, "anyway": True, "progress": silent}
        holistic.audit(subject, out=out, **settings)
        audits.append({f.name: f.read_bytes() for f in (out / "tables").iterdir()})
    assert audits[0] == audits[1] != {}


def test_normalised_and_limited_data_of_the_command_line(
    small: None, tmp_path: Any, monkeypatch: Any, capsys: Any
) -> None:
    code = "from test_spool import FORMS, network\ndata = FORMS['batches']\n"
    (tmp_path / "streamed_data.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    from holistic.cli.options import Plan, Source
    from holistic.cli.subjects import load_source, whole_subject

    source = Source("streamed_data:data", model="streamed_data:network", normalise="0.5,2")
    data = load_source(source)
    assert spooled(data.test.images)
    assert torch.equal(data.test.images, (X - 0.5) / 2)
    subject = whole_subject(network(), data, source, Plan(limit=90))
    assert spooled(subject.images)
    assert len(subject.labels) == 90
    first = ("check", source.data, "--model", source.model, "--first", "30", "--anyway")
    assert main([*first, "--json"]) in (0, 1)
    assert "30" in capsys.readouterr().out
    assert main([*first[:-2], "0"]) == 2
    assert "--first needs a number of examples from 1 on" in capsys.readouterr().err


def test_the_first_of_a_stream_without_end_are_read() -> None:
    for endless in (itertools.cycle([(X[:7], Y[:7])]), ((X[0], i % 3) for i in itertools.count())):
        with reading_first(25):
            found = read_given(endless)
        assert len(found.labels) == len(found.inputs) == 25


def test_a_full_disk_is_told_in_one_line(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(DataError, match=r"has 0.0 GB left; set TMPDIR .*: --first N") as error:
        read_given(FORMS["batches"]())
    assert "\n" not in str(error.value)


def test_shapes_that_differ_are_told_after_the_file_was_begun(small: None) -> None:
    with pytest.raises(DataError, match="number 100 has 1 × 3 × 4, those before it 1 × 4 × 4"):
        read_given((X[i][:, : 3 if i == 100 else 4], Y[i]) for i in range(240))


def test_a_file_ends_with_what_reads_it(small: None) -> None:
    kept = Spool((3,), np.dtype("f4"))
    kept.add(np.arange(6, dtype="f4").reshape(2, 3))
    rows = torch.from_numpy(kept.whole())
    assert spooled(rows)
    assert not spooled(rows[1:].clone())
    assert taken(rows, np.array([1, 0])).tolist() == [[3, 4, 5], [0, 1, 2]]
    assert spooled(changed(rows, lambda some: some + 1))
    place = rows.data_ptr()
    assert place in spool._MAPS
    del rows, kept
    gc.collect()
    assert place not in spool._MAPS


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("odd", [None, float("nan"), float("inf")])
def test_both_ends_are_found_part_by_part(odd: float | None) -> None:
    rows = X.clone()
    if odd is not None:
        rows[200, 0, 1, 2] = odd
    lying = Spool((1, 4, 4), np.dtype(np.float32))
    lying.add(rows.numpy())
    there = torch.from_numpy(lying.whole())
    assert spooled(there)
    for found, expected in zip(ends(there), torch.aminmax(rows), strict=True):
        assert torch.equal(found, expected) or (found.isnan() and expected.isnan())
