"""Pictures in tar shards and in Parquet files are read with their labels, one after another."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from holistic.cli import main
from holistic.errors import DataError
from holistic.spool import spooled
from holistic.study.datasets import Preparation, load_data
from test_spool import small  # noqa: F401 - a fixture

PIXELS = np.random.default_rng(0).integers(0, 255, (60, 4, 4), dtype=np.uint8)
LABELS = np.arange(60) % 3
NAMES = ("cat", "dog", "fox")
NUMBERS = torch.from_numpy(PIXELS[:, None] / np.float32(255))


def png(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def shard(path: Path, files: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def labelled(place: int, names: Any = NAMES) -> dict[str, bytes]:
    label = names[LABELS[place]]
    as_json = {f"in/{place:04d}.json": json.dumps({"label": label, "width": 4}).encode()}
    beside = as_json if place % 2 else {f"in/{place:04d}.cls": f"{label}\n".encode()}
    return {f"in/{place:04d}.png": png(PIXELS[place]), **beside}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with shards and a Parquet file of the same pictures."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        own = {}
        for example in range(20 * number, 20 * number + 20):
            own |= labelled(example)
        shard(tmp_path / f"own-{number:03d}.tar", {**own, "README.md": b"about"})
    return tmp_path


def loaded(name: str, **settings: Any) -> Any:
    return load_data(name, divide=False, preparation=Preparation(**settings))


@pytest.mark.parametrize("pattern", ["own-*.tar", "own-{000..002}.tar", "own-00?.tar"])
def test_shards_are_read_in_their_order(place: Path, pattern: str) -> None:
    data = loaded(f"tar:{pattern}")
    assert data.classes == NAMES
    assert torch.equal(data.test.images, NUMBERS)
    assert data.test.labels.tolist() == LABELS.tolist()


def test_many_pictures_lie_in_a_file(place: Path, small: None) -> None:  # noqa: F811
    data = loaded("tar:own-*.tar")
    assert spooled(data.test.images)
    assert torch.equal(data.test.images, NUMBERS)
    data = load_data("tar:own-*.tar", divide=True)
    assert len(data.train) == len(data.test) == 30


def test_compressed_shards_indices_and_sizes(place: Path) -> None:
    files = {}
    for example in range(9):
        files |= labelled(example, names=(0, 1, 2))
    shard(place / "own.tar.gz", files, "w:gz")
    data = loaded("tar:own.tar.gz", size=(2, 2), first=6)
    assert data.classes == ()
    assert data.test.images.shape == (6, 1, 2, 2)
    assert data.test.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_a_column_of_pictures(place: Path) -> None:
    datasets = pytest.importorskip("datasets")
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=[*NAMES])}
    columns = {"image": [{"bytes": png(p), "path": None} for p in PIXELS], "label": LABELS.tolist()}
    whole = datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))
    whole.to_parquet(str(place / "own.parquet"))
    data = loaded("parquet:*.parquet")
    assert data.classes == NAMES
    assert torch.equal(data.test.images, NUMBERS)
    streamed = datasets.load_dataset(
        "parquet", data_files="own.parquet", streaming=True, split="train", cache_dir=str(place)
    )
    from holistic.study.given import read_given

    found = read_given(streamed)
    assert torch.equal(found.inputs, NUMBERS)
    assert tuple(found.classes) == NAMES
    cut = (place / "own.parquet").read_bytes()[:-100]
    (place / "cut.parquet").write_bytes(cut)
    with pytest.raises(DataError, match=r"'cut.parquet' is a damaged shard: .*; copy or make it"):
        loaded("parquet:cut.parquet")


def test_what_is_wrong_with_a_shard_is_told_in_one_line(place: Path, capsys: Any) -> None:
    whole = (place / "own-001.tar").read_bytes()
    cases = {
        "damaged shard: unexpected end of data": whole[: len(whole) // 3 + 300],
        "damaged shard: it ends early": whole[: 512 * (len(whole) // 1024)],
        "damaged shard": b"junk" * 2000,
    }
    for told, data in cases.items():
        (place / "bad.tar").write_bytes(data)
        with pytest.raises(DataError, match=told) as error:
            loaded("tar:bad.tar")
        assert "\n" not in str(error.value)
    one, two = png(PIXELS[0]), png(PIXELS[1][:3])
    for told, files in {
        "'1.png' in 'bad.tar' has no label; put 1.cls beside it": {"1.png": one},
        "'1' in 'bad.tar' has 0 pictures": {"1.cls": b"3"},
        "number 1 has 1 × 3 × 4": {"1.png": one, "1.cls": b"0", "2.png": two, "2.cls": b"1"},
        "'1.png' in 'bad.tar' is no picture": {"1.png": b"no", "1.cls": b"0"},
    }.items():
        shard(place / "bad.tar", files)
        with pytest.raises(DataError, match=told) as error:
            loaded("tar:bad.tar")
        assert "\n" not in str(error.value)
    with pytest.raises(DataError, match=r"no file 'no-\*.tar'; 'tar:PATTERN' needs a file or"):
        loaded("tar:no-*.tar")
    with pytest.raises(DataError, match="--first is for data that come one after another"):
        loaded("digits", first=3)
    assert main(["sites", "tar:none.tar"]) == 2
    assert capsys.readouterr().err.startswith("error: no file 'none.tar'")


def test_shards_are_studied_from_the_command_line(place: Path, capsys: Any) -> None:
    words = ["run", "tar:own-*.tar", "--out", "out", "--quick", "--lens", "activation", "--anyway"]
    assert main([*words, "--json"]) == 0
    facts = json.loads((place / "out/audit.json").read_text())["provenance"]
    assert facts["source"]["data"] == "tar:own-*.tar"
    assert facts["classes"] == [*NAMES]
