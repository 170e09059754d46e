"""Reads the files of MNIST and its like, and downloads them with a checksum."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np

from holistic.errors import DataError
from holistic.unpacked import LEAST

__all__ = ["IDX_SETS", "read_idx", "read_set"]

_IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
              "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # fmt: skip
_MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the decompressed files of LeCun, Cortes & Burges."""
_SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
}
_FASHION_MD5 = {
    "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""MD5 of the compressed files, from the data set's README (Xiao, Rasul & Vollgraf 2017)."""
_FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_DIGITS = tuple("0123456789")
IDX_SETS = {"mnist": _DIGITS, "fashion-mnist": _FASHION_CLASSES}
"""Names of the data sets, and of their classes."""


def read_set(name: str, data_dir: str | Path | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read images `[N, H, W]` and labels `[N]`, bytes: those to train on, then those to study.

    Raises
    ------
    DataError
        If a file is missing, damaged or another than its name says.
    """
    arrays: list[np.ndarray] = []
    for stem in _IDX_FILES:
        path = _find(name, stem, Path(data_dir)) if data_dir else _download(name, stem)
        content = _content(path)
        if name == "mnist":
            _check_sha256(content, _MNIST_SHA256[stem], path)
        arrays.append(read_idx(content, path, dimensions=3 if "images" in stem else 1))
    sides = [(arrays[0], arrays[1]), (arrays[2], arrays[3])]
    for images, labels in sides:
        if len(images) != len(labels):
            raise DataError(f"{name}: {len(images)} images but {len(labels)} labels")
        if labels.max() > 9:
            raise DataError(f"{name}: labels must lie in 0 to 9, got {labels.max()}")
    return sides


def _find(name: str, stem: str, data_dir: Path) -> Path:
    if not data_dir.is_dir():
        raise DataError(f"no folder '{data_dir}' to take {name} from; check --data-dir")
    for folder in (data_dir / name, data_dir):
        for file in (folder / f"{stem}.gz", folder / stem):
            if file.is_file():
                return file
    raise DataError(
        f"no '{stem}.gz' in '{data_dir / name}'; put the four {name} files there, "
        "or leave --data-dir and HOLISTIC_DATA out to download them"
    )


def _download(name: str, stem: str) -> Path:
    import pooch

    # decompressed files of MNIST are checked against their SHA-256 after reading
    known = None if name == "mnist" else f"md5:{_FASHION_MD5[stem]}"
    try:
        return Path(
            pooch.retrieve(
                f"{_SOURCES[name]}/{stem}.gz",
                known_hash=known,
                path=pooch.os_cache("holistic") / name,
                fname=f"{stem}.gz",
            )
        )
    except Exception as error:  # requests raises many unrelated kinds
        raise DataError(
            f"can't download {name}: {type(error).__name__}; "
            f"put its files into a folder '{name}' and name the folder above with --data-dir"
        ) from error


def _content(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LEAST + 1)  # a small file may unpack to more than there is memory
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"'{path}' can't be read: {error}; fetch the file again") from None
    if len(content) > LEAST:
        raise DataError(
            f"'{path}' holds more than {LEAST:,} bytes, five times as many as the largest file of "
            "its kind; fetch the file again"
        )
    return content


def _check_sha256(content: bytes, expected: str, path: Path) -> None:
    got = hashlib.sha256(content).hexdigest()
    if got != expected:
        raise DataError(
            f"'{path}' isn't the MNIST file of that name: SHA-256 of its content is {got[:12]}…, "
            f"expected {expected[:12]}…; fetch the file again"
        )


def read_idx(content: bytes, path: Path, *, dimensions: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes: `[N, H, W]` images or `[N]` labels.

    Raises
    ------
    DataError
        If the magic number, the sizes or the length don't fit.
    """
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(f"'{path}' is cut off: {len(content)} bytes, its header alone has {header}")
    magic = struct.unpack(">I", content[:4])[0]
    if magic != 0x0800 + dimensions:
        raise DataError(
            f"'{path}' starts with {magic:#010x}, an IDX file of {dimensions} dimensions of bytes "
            f"starts with {0x0800 + dimensions:#010x}"
        )
    sizes = struct.unpack(f">{dimensions}I", content[4:header])
    expected = header + int(np.prod([int(s) for s in sizes], dtype=object))
    if len(content) != expected:
        kind = "is cut off" if len(content) < expected else "has bytes to spare"
        raise DataError(f"'{path}' {kind}: {len(content)} bytes, its header says {expected}")
    if sizes[0] == 0:
        raise DataError(f"'{path}' holds no examples")
    return np.frombuffer(content, np.uint8, offset=header).reshape(sizes).copy()
