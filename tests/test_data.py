"""Are data sets read whole, checked, and split without overlap?"""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from holistic.errors import DataError
from holistic.study.datasets import Data, Labelled, load_data
from holistic.study.idx import read_idx
from holistic.study.splits import limited, split, stratified_sample

FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """A small, well-formed set of IDX files under a name whose content isn't fixed."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for stem in FILES:
        shape = (12, 5, 4) if "images" in stem else (12,)
        array = rng.integers(0, 255 if "images" in stem else 10, shape).astype(np.uint8)
        (folder / f"{stem}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


def test_digits(digits: Data) -> None:
    assert digits.train.images.shape[1:] == (1, 8, 8)
    assert len(digits.train) + len(digits.test) == 1797
    assert float(digits.train.images.min()) == 0
    assert float(digits.train.images.max()) == 1
    again = load_data("digits")
    assert torch.equal(again.test.images, digits.test.images)
    assert not torch.equal(load_data("digits", seed=1).test.labels, digits.test.labels)


def test_digits_train_and_test_are_disjoint(digits: Data) -> None:
    """The same scan may occur twice in the source; positions may not be shared."""
    from sklearn.datasets import load_digits

    whole = torch.cat([digits.train.images, digits.test.images]).flatten(1)
    source = torch.from_numpy(load_digits().images).float().flatten(1) / 16
    assert torch.equal(whole.sort(0).values, source.sort(0).values)


@pytest.mark.mnist
def test_mnist(mnist: Data) -> None:
    assert mnist.train.images.shape == (60_000, 1, 28, 28)
    assert mnist.test.images.shape == (10_000, 1, 28, 28)
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.classes == tuple("0123456789")
    assert abs(float(mnist.train.images.mean()) - 0.1307) < 1e-3


@given(st.lists(st.integers(2, 9), min_size=1, max_size=6), st.integers(0, 9))
def test_split_halves_every_class(sizes: list[int], seed: int) -> None:
    labels = torch.tensor([c for c, size in enumerate(sizes) for _ in range(size)])
    first, second = split(labels, seed=seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    for c, size in enumerate(sizes):
        counts = int((labels[first] == c).sum()), int((labels[second] == c).sum())
        assert min(counts) >= size // 2
        assert sum(counts) == size
    again = split(labels, seed=seed)
    assert np.array_equal(again[0], first)


def test_split_needs_two_of_each_class() -> None:
    with pytest.raises(DataError, match="class 1 has one example"):
        split(torch.tensor([0, 0, 1]), seed=0)


def test_stratified_sample_keeps_shares() -> None:
    labels = torch.tensor([0] * 80 + [1] * 20)
    chosen = stratified_sample(labels, 50, seed=1)
    assert np.bincount(labels[chosen]).tolist() == [40, 10]
    assert np.array_equal(chosen, np.unique(chosen))
    assert len(stratified_sample(labels, 10_000, seed=1)) == 100
    with pytest.raises(DataError, match="limit of 3 is too small"):
        limited(labels, 3, seed=1)


def test_idx_files_are_read(fashion: Path) -> None:
    data = load_data("fashion-mnist", data_dir=fashion)
    assert data.train.images.shape == (12, 1, 5, 4)
    assert data.classes[9] == "Ankle boot"
    plain = fashion / "fashion-mnist" / "t10k-labels-idx1-ubyte"
    packed = plain.with_name(plain.name + ".gz")
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    again = load_data("fashion-mnist", data_dir=fashion / "fashion-mnist")
    assert torch.equal(again.test.labels, data.test.labels)


BROKEN = {
    "cut off": lambda raw: raw[:-3],
    "has bytes to spare": lambda raw: raw + b"x",
    "starts with 0x00000802": lambda raw: raw[:3] + b"\x02" + raw[4:],
    "its header alone has": lambda raw: raw[:5],
    "holds no examples": lambda raw: raw[:4] + bytes(4) + raw[8:16],
    "12 images but 11 labels|11 images but 12 labels": None,
}


@pytest.mark.parametrize("message", BROKEN)
def test_broken_idx_files_are_refused(fashion: Path, message: str) -> None:
    file = fashion / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    raw, change = gzip.decompress(file.read_bytes()), BROKEN[message]
    if change is None:
        file.write_bytes(gzip.compress(idx(np.zeros((11, 5, 4), np.uint8))))
    else:
        file.write_bytes(gzip.compress(change(raw)))
    with pytest.raises(DataError, match=message) as error:
        load_data("fashion-mnist", data_dir=fashion)
    assert "\n" not in str(error.value)


def test_other_broken_files_are_refused(fashion: Path) -> None:
    labels = fashion / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(idx(np.full(12, 17, np.uint8))))
    with pytest.raises(DataError, match=r"labels must lie in 0 to 9, got 17"):
        load_data("fashion-mnist", data_dir=fashion)
    labels.write_bytes(labels.read_bytes()[:-6])
    with pytest.raises(DataError, match="can't be read"):
        load_data("fashion-mnist", data_dir=fashion)
    labels.unlink()
    with pytest.raises(DataError, match=r"no 'train-labels-idx1-ubyte.gz' in"):
        load_data("fashion-mnist", data_dir=fashion)
    with pytest.raises(DataError, match="no folder"):
        load_data("fashion-mnist", data_dir=fashion / "nowhere")


def test_small_files_that_unpack_to_gigabytes_are_refused(
    fashion: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as far as the limit, here a smaller one: the rest is never unpacked."""
    monkeypatch.setattr("holistic.study.idx.LEAST", 1 << 20)
    file = fashion / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(idx(np.zeros((60_000, 28, 28), np.uint8))))
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more than 1,048,576 bytes"):
        load_data("fashion-mnist", data_dir=fashion)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_files_that_only_claim_to_be_mnist_are_refused(fashion: Path) -> None:
    (fashion / "fashion-mnist").rename(fashion / "mnist")
    with pytest.raises(DataError, match="isn't the MNIST file of that name: SHA-256"):
        load_data("mnist", data_dir=fashion)


@pytest.mark.parametrize("name", ["mnits", "folder:", "nonsense"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="no data set"):
        load_data(name)


def test_folder_of_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for i in range(6):
            pixels = rng.integers(0, 255, (7, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{i}.png")
    data = load_data(f"folder:{tmp_path}")
    assert data.classes == ("cat", "dog")
    assert data.train.images.shape == (6, 1, 7, 9)
    assert sorted(data.test.labels.tolist()) == [0, 0, 0, 1, 1, 1]
    Image.fromarray(np.zeros((7, 8), np.uint8)).save(tmp_path / "dog" / "9.png")
    with pytest.raises(DataError, match="all must have one size"):
        load_data(f"folder:{tmp_path}")
    (tmp_path / "dog" / "9.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no picture that can be read"):
        load_data(f"folder:{tmp_path}")
    with pytest.raises(DataError, match="no folder"):
        load_data(f"folder:{tmp_path / 'none'}")


def test_data_from_a_callable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_data_set.py").write_text(
        "import numpy as np\n"
        "def one(): return np.zeros((8, 3)), np.arange(8) % 2\n"
        "def two(): return one(), (np.ones((4, 3)), np.arange(4) % 2)\n"
        "def bad(): return np.zeros((8, 3)), np.arange(7)\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    assert len(load_data("own_data_set:one").test) == 4
    assert float(load_data("own_data_set:two").test.images.mean()) == 1
    with pytest.raises(DataError, match="must be as many"):
        load_data("own_data_set:bad")
    with pytest.raises(DataError, match="must be callable"):
        load_data("own_data_set:number")
    with pytest.raises(DataError, match="can't be imported"):
        load_data("own_data_set:missing")
    with pytest.raises(DataError, match="can't be imported"):
        load_data("no_such_module:one")


@given(st.binary(max_size=40))
def test_no_bytes_make_the_reader_fail_otherwise(content: bytes) -> None:
    for dimensions in (1, 3):
        try:
            array = read_idx(content, Path("x"), dimensions=dimensions)
        except DataError:
            continue
        assert array.ndim == dimensions


def test_labelled_has_a_length() -> None:
    assert len(Labelled(torch.zeros(3, 1), torch.zeros(3).long())) == 3
