"""Loads the images and labels that a model is studied on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.arguments import described
from holistic.errors import DataError, listed, nearest, notice
from holistic.study.idx import IDX_SETS, read_set
from holistic.study.pictures import read_folder
from holistic.study.splits import divided
from holistic.usercode import called, imported

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DATA_SETS", "Data", "Labelled", "load_data"]

DATA_SETS = ("digits", *IDX_SETS)
_MOST_CLASSES = 1_000_000


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

    def as_floats(self) -> Labelled:
        """Return them with whole numbers as fractions."""
        return Labelled(self.images.float(), self.labels)


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

    def as_floats(self) -> Data:
        """Return it with whole numbers as fractions, which the reference models need."""
        return replace(self, train=self.train.as_floats(), test=self.test.as_floats())


def load_data(name: str, *, data_dir: str | Path | None = None, seed: int = 0) -> Data:
    """Load a data set by name.

    Parameters
    ----------
    name
        `digits`, `mnist`, `fashion-mnist`, `folder:PATH` (one folder of pictures per class, which
        may hold further folders) or `module:callable`, which returns (images, labels) to divide,
        or ((images, labels) to train on, (images, labels) to study).
    data_dir
        Folder with `mnist/*.gz` and the like; `$HOLISTIC_DATA` by default, a download without it.
    seed
        Decides the train/test split where a data set has none of its own.

    Raises
    ------
    DataError
        If there is no such data set, or a file of it is missing or not what it should be.

    Warns
    -----
    Notice
        Where pictures were turned, or files left out.
    """
    if name == "digits":
        return _digits(seed)
    if name in IDX_SETS:
        return _idx_data(name, data_dir or os.environ.get("HOLISTIC_DATA"))
    kind, _, rest = name.partition(":")
    if kind == "folder" and rest:
        return _folder(name, Path(rest), seed)
    if rest:
        return _called(name, seed)
    allowed = (*DATA_SETS, "folder:PATH", "module:callable")
    raise DataError(f"no data set '{name}'{nearest(name, DATA_SETS)}; there are {listed(allowed)}")


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
    train, test = (torch.from_numpy(i) for i in divided(labels, 0.5, seed))
    return Data(
        name,
        classes,
        Labelled(images[train], targets[train]),
        Labelled(images[test], targets[test]),
    )


def _idx_data(name: str, data_dir: str | Path | None) -> Data:
    import torch

    sides = [
        Labelled(
            torch.from_numpy(images).float()[:, None] / 255,  # [N, 1, H, W]
            torch.from_numpy(labels.astype(np.int64)),
        )
        for images, labels in read_set(name, data_dir)
    ]
    return Data(name, IDX_SETS[name], *sides)


def _folder(name: str, path: Path, seed: int) -> Data:
    import torch

    found = read_folder(path)
    for note in found.notes:
        notice(note)
    return _split_data(name, found.classes, torch.from_numpy(found.pixels), found.labels, seed)


def _called(name: str, seed: int) -> Data:
    result = called(name, imported(name, DataError), DataError)
    if isinstance(result, Data):
        return result
    first, second = _two(name, result)
    if not isinstance(first, (tuple, list)) or len(first) != 2 or not _is_pair(second):
        side = _labelled(name, (first, second))
        classes = _class_numbers(name, side)
        return _split_data(name, classes, side.images, side.labels.cpu().numpy(), seed)
    sides = _labelled(name, first), _labelled(name, second)
    return Data(name, _class_numbers(name, *sides), *sides)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2


def _two(name: str, result: Any) -> tuple[Any, Any]:
    if not _is_pair(result):
        raise DataError(
            f"'{name}' must return (images, labels), or ((images, labels) to train on, "
            f"(images, labels) to study), got {described(result)}"
        )
    return result


def _labelled(name: str, pair: Any) -> Labelled:
    """Check images and labels of a callable: fractions and bytes become float32, unscaled."""
    from holistic.study.inputs import as_float32, checked_pair

    try:
        images, labels = checked_pair(pair)
    except DataError as error:
        raise DataError(f"'{name}' returned what can't be studied: {error}") from None
    return Labelled(as_float32(images), labels)


def _class_numbers(name: str, *sides: Labelled) -> tuple[str, ...]:
    low = min(int(side.labels.min()) for side in sides)
    high = max(int(side.labels.max()) for side in sides)
    if low < 0 or high >= _MOST_CLASSES:
        raise DataError(
            f"'{name}' returned labels from {low} to {high}; they must count the classes from 0 on"
        )
    return tuple(str(c) for c in range(high + 1))
