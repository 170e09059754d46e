"""Which images and labels is the model studied on?"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import os
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.errors import DataError, listed, nearest

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DATA_SETS", "Data", "Labelled", "load_data", "split", "stratified_sample"]

DATA_SETS = ("digits", "mnist", "fashion-mnist")

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
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class Labelled:
    """Images with their class indices.

    Attributes
    ----------
    images
        float32 `[N, channels, H, W]` in 0 to 1 (other shapes for a user's own data).
    labels
        int64 `[N]`.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """A data set: what a reference model is trained on, and what it is studied on.

    Attributes
    ----------
    name
        Name that it was asked for by.
    classes
        Names of the classes.
    train
        For training reference models only.
    test
        For studying: a subject splits it into selection and evaluation.
    """

    name: str
    classes: tuple[str, ...]
    train: Labelled
    test: Labelled


def load_data(name: str, *, data_dir: str | Path | None = None, seed: int = 0) -> Data:
    """Load a data set by name.

    Parameters
    ----------
    name
        `digits`, `mnist`, `fashion-mnist`, `folder:PATH` (one folder of pictures per class) or
        `module:callable`.
    data_dir
        Folder with `mnist/*.gz` and the like; `$HOLISTIC_DATA` by default, a download without it.
    seed
        Decides the train/test split where a data set has none of its own.

    Raises
    ------
    DataError
        If there is no such data set, or a file of it is missing or not what it should be.
    """
    if name == "digits":
        return _digits(seed)
    if name in ("mnist", "fashion-mnist"):
        return _idx_data(name, data_dir or os.environ.get("HOLISTIC_DATA"))
    kind, _, rest = name.partition(":")
    if kind == "folder" and rest:
        return _folder(name, Path(rest), seed)
    if rest:
        return _called(name, kind, rest, seed)
    allowed = (*DATA_SETS, "folder:PATH", "module:callable")
    raise DataError(f"no data set '{name}'{nearest(name, DATA_SETS)}; there are {listed(allowed)}")


def split(labels: Tensor, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Halve every class at random: selection and evaluation indices, disjoint and sorted.

    Parameters
    ----------
    labels
        `[N]`.
    seed
        Decides who goes where.

    Raises
    ------
    DataError
        If a class has a single example, which can't be on both sides.
    """
    classes, counts = np.unique(labels.cpu().numpy(), return_counts=True)
    if (counts < 2).any():
        lone = ", ".join(str(c) for c in classes[counts < 2][:5])
        raise DataError(
            f"class {lone} has one example; each class needs at least 2, one to select on and one "
            "to evaluate on"
        )
    return _divided(labels.cpu().numpy(), 0.5, seed)


def _divided(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Put a share of each class on the first side, the rest on the second."""
    rng = np.random.default_rng(seed)
    first: list[np.ndarray] = []
    second: list[np.ndarray] = []
    for value in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == value))
        cut = round(share * len(places))
        first.append(places[:cut])
        second.append(places[cut:])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def stratified_sample(labels: Tensor, count: int, *, seed: int) -> np.ndarray:
    """Choose about `count` places with every class in its share (at least 2 of it), sorted.

    Raises
    ------
    DataError
        If `count` is too small for 2 of each class.
    """
    values, sizes = np.unique(labels.cpu().numpy(), return_counts=True)
    if count < 2 * len(values):
        raise DataError(
            f"a limit of {count} is too small for {len(values)} classes; "
            f"at least {2 * len(values)} examples are needed"
        )
    rng = np.random.default_rng(seed)
    shares = sizes * min(1.0, count / sizes.sum())
    chosen = [
        rng.permutation(np.flatnonzero(labels.cpu().numpy() == value))[: max(2, round(share))]
        for value, share in zip(values, shares, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _digits(seed: int) -> Data:
    import torch
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images).float()[:, None] / 16  # [N, 1, 8, 8]
    return _split_data("digits", tuple("0123456789"), images, bunch.target, seed)


def _split_data(
    name: str, classes: tuple[str, ...], images: Tensor, labels: np.ndarray, seed: int
) -> Data:
    import torch

    targets = torch.from_numpy(labels.astype(np.int64))
    train, test = (torch.from_numpy(i) for i in _divided(labels, 0.5, seed))
    return Data(
        name,
        classes,
        Labelled(images[train], targets[train]),
        Labelled(images[test], targets[test]),
    )


def _idx_data(name: str, data_dir: str | Path | None) -> Data:
    import torch

    arrays: list[np.ndarray] = []
    for stem in _IDX_FILES:
        path = _find(name, stem, Path(data_dir)) if data_dir else _download(name, stem)
        content = _content(path)
        if name == "mnist":
            _check_sha256(content, _MNIST_SHA256[stem], path)
        arrays.append(read_idx(content, path, dimensions=3 if "images" in stem else 1))
    sides: list[Labelled] = []
    for images, labels in (arrays[:2], arrays[2:]):
        if len(images) != len(labels):
            raise DataError(f"{name}: {len(images)} images but {len(labels)} labels")
        if labels.max() > 9:
            raise DataError(f"{name}: labels must lie in 0 to 9, got {labels.max()}")
        pixels = torch.from_numpy(images).float()[:, None] / 255  # [N, 1, H, W]
        sides.append(Labelled(pixels, torch.from_numpy(labels.astype(np.int64))))
    classes = tuple("0123456789") if name == "mnist" else _FASHION_CLASSES
    return Data(name, classes, *sides)


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
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"'{path}' can't be read: {error}; fetch the file again") from None


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


def _folder(name: str, path: Path, seed: int) -> Data:
    import torch

    if not path.is_dir():
        raise DataError(f"no folder '{path}'; 'folder:PATH' needs one folder of pictures per class")
    classes = sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(classes) < 2:
        raise DataError(f"'{path}' holds {len(classes)} class folders; at least 2 are needed")
    images: list[np.ndarray] = []
    labels: list[int] = []
    for label, kind in enumerate(classes):
        files = sorted(f for f in (path / kind).iterdir() if f.suffix.lower() in _PICTURES)
        if len(files) < 4:
            raise DataError(f"'{path / kind}' holds {len(files)} pictures; at least 4 are needed")
        for file in files:
            images.append(_picture(file, images[0].shape if images else None))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(images)).float() / 255
    return _split_data(name, tuple(classes), pixels, np.array(labels), seed)


def _picture(file: Path, shape: tuple[int, ...] | None) -> np.ndarray:
    """Read one picture as `[channels, H, W]`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            grey = picture.mode in ("1", "L", "I", "I;16", "F", "LA")
            pixels = np.asarray(picture.convert("L" if grey else "RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"'{file}' is no picture that can be read: {error}") from None
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if shape is not None and pixels.shape != shape:
        raise DataError(
            f"'{file}' has shape {pixels.shape}, the pictures before it {shape}; "
            "all must have one size and one number of channels"
        )
    return pixels


def _called(name: str, module: str, attribute: str, seed: int) -> Data:
    import torch

    result = imported(name, module, attribute, DataError)()
    if isinstance(result, Data):
        return result
    try:
        first, second = result
        pairs = [first, second] if isinstance(first, (tuple, list)) else [(first, second)]
        sides = [Labelled(torch.as_tensor(x).float(), torch.as_tensor(y).long()) for x, y in pairs]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"'{name}' must return (images, labels), or ((images, labels) to train on, "
            f"(images, labels) to study): {error}"
        ) from None
    for side in sides:
        if len(side.images) != len(side.labels) or len(side) == 0 or side.labels.dim() != 1:
            raise DataError(
                f"'{name}' returned images {tuple(side.images.shape)} and labels "
                f"{tuple(side.labels.shape)}; they must be as many, labels of shape [N]"
            )
    classes = tuple(str(c) for c in range(max(int(s.labels.max()) for s in sides) + 1))
    if len(sides) == 1:
        return _split_data(name, classes, sides[0].images, sides[0].labels.cpu().numpy(), seed)
    return Data(name, classes, *sides)


def imported(name: str, module: str, attribute: str, error: type[Exception]) -> Callable[[], Any]:
    """Import `attribute` of a user's module, the current folder on the path.

    Raises
    ------
    error
        If there is no such module or attribute, or it can't be called.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as cause:
        raise error(
            f"'{name}' can't be imported: {cause}; 'module:callable' needs a module of the "
            "current folder or an installed one"
        ) from cause
    if not callable(found):
        raise error(f"'{name}' is a {type(found).__name__}, it must be callable")
    return found
