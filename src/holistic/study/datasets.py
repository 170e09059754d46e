"""Loads the images and labels that a model is studied on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.errors import DataError, listed, nearest, notice
from holistic.graph.accompanied import apart, rows_of, with_each
from holistic.study.classes import names_in_order
from holistic.study.given import Given, read_given, sides
from holistic.study.idx import IDX_SETS, read_set
from holistic.study.labels import in_models_order
from holistic.study.pictures import FEWEST, read_folder
from holistic.study.splits import divided
from holistic.study.streams import reading_first
from holistic.usercode import called, findable, imported

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DATA_SETS", "Data", "Labelled", "Preparation", "load_data"]

DATA_SETS = ("digits", *IDX_SETS)
_PACKED = ("tar", "parquet")
_PATHS = ("folder:PATH", "tar:PATTERN", "parquet:PATTERN")
_MOST_CLASSES = 1_000_000


@dataclass(frozen=True)
class Labelled:
    """Inputs with their class indices.

    Attributes
    ----------
    images
        float32 `[N, channels, H, W]` in 0 to 1; as they were given for a user's own data, with what
        else that has for each example.
    labels
        int64 `[N]`.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def as_floats(self) -> Labelled:
        """Return them with whole numbers as fractions, in single precision."""
        import torch

        if self.images.dtype == torch.float32:
            return self
        return Labelled(with_each(self.images, lambda x: x.float()), self.labels)


@dataclass(frozen=True)
class Data:
    """A data set: what a reference model is trained on, and what it is studied on.

    Attributes
    ----------
    name
        Name that it was asked for by.
    classes
        Names of the classes; empty where they have none.
    train
        For training reference models only; None where all is studied.
    test
        For studying: a subject splits it into selection and evaluation.
    features
        Names of a table's columns; empty where there are none.
    vocabulary
        What the numbers of tokens stand for; empty where nothing says it.
    """

    name: str
    classes: tuple[str, ...]
    train: Labelled | None
    test: Labelled
    features: tuple[str, ...] = ()
    vocabulary: Any = ()

    @property
    def sides(self) -> tuple[Labelled, ...]:
        """What there is to train on and to study."""
        return (self.test,) if self.train is None else (self.train, self.test)

    @property
    def count(self) -> int:
        """How many classes there are: as many as names, or as labels reach."""
        return len(self.classes) or 1 + max(int(side.labels.max()) for side in self.sides)

    def as_floats(self) -> Data:
        """Return it with whole numbers as fractions, which the reference models need."""
        return self._with(lambda side: side.as_floats())

    def called_as(self, classes: Any) -> Data:
        """Return it with the names of a model's classes, labels in their order.

        Parameters
        ----------
        classes
            Names in the order of the logits; none for those that it has.
        """
        names = names_in_order(classes)
        if not names:
            return self
        ordered = self._with(
            lambda side: Labelled(side.images, in_models_order(side.labels, self.classes, names)[0])
        )
        return replace(ordered, classes=tuple(map(str, names)))

    def normalised(self, preparation: Preparation, *, owned: bool) -> Data:
        """Return it with each channel's mean taken away and divided by its deviation.

        Parameters
        ----------
        preparation
            Has the numbers.
        owned
            Whether nobody else holds the inputs, so that no copy is needed.
        """
        if not preparation.normalise:
            return self
        return self._with(lambda side: preparation.normalised(side, owned=owned))

    def _with(self, change: Callable[[Labelled], Labelled]) -> Data:
        train = None if self.train is None else change(self.train)
        return replace(self, train=train, test=change(self.test))


@dataclass(frozen=True)
class Preparation:
    """What is done to inputs before a model is given them.

    Attributes
    ----------
    size
        Height and width that the pictures of a folder are brought to; their own where None.
    normalise
        A mean and a standard deviation, or the means of all channels and then their deviations.
    first
        Examples that are read at most, of data that come one after another; all where None.
    """

    size: tuple[int, int] | None = None
    normalise: tuple[float, ...] = ()
    first: int | None = None

    def check(self, name: str) -> None:
        """Refuse what isn't done to data of this name.

        Raises
        ------
        DataError
            If something is asked for that it doesn't have.
        """
        kind = name.partition(":")[0]
        if self.size is not None and kind not in ("folder", *_PACKED):
            raise DataError(
                "--resize is for the pictures of a folder:PATH, tar:PATTERN or parquet:PATTERN, "
                f"got '{name}'"
            )
        if self.first is not None and (kind == "folder" or name in DATA_SETS):
            raise DataError(
                f"--first is for data that come one after another, got '{name}'; --limit studies "
                "fewer of it"
            )

    def normalised(self, side: Labelled, *, owned: bool) -> Labelled:
        """Return inputs with each channel's mean taken away and divided by its deviation.

        Raises
        ------
        DataError
            If there aren't as many numbers as the channels need.
        """
        import torch

        images, kind = side.images, torch.promote_types(side.images.dtype, torch.float32)
        channels = images.shape[1] if images.dim() > 1 else 1
        if len(self.normalise) not in (2, 2 * channels):
            raise DataError(
                f"--normalise needs a mean and a deviation, or {channels} means and then "
                f"{channels} deviations, got {len(self.normalise)} numbers"
            )
        both = torch.tensor(self.normalise, dtype=kind).reshape(2, -1)
        axes = [1] * max(0, images.dim() - 2)
        mean, deviation = (part.reshape(-1, *axes) for part in both)

        def normal(some: Tensor) -> Tensor:
            own = some.to(kind)
            return (own.sub_(mean) if owned or own is not some else own.sub(mean)).div_(deviation)

        return Labelled(with_each(images, normal), side.labels)


def load_data(
    name: str,
    *,
    data_dir: str | Path | None = None,
    seed: int = 0,
    divide: bool = True,
    classes: Any = (),
    preparation: Preparation = Preparation(),
    prepare: Callable[[Any], Given] | None = None,
) -> Data:
    """Load a data set by name.

    Parameters
    ----------
    name
        `digits`, `mnist`, `fashion-mnist`, `folder:PATH` (one folder of pictures per class, which
        may hold further folders), `tar:PATTERN` and `parquet:PATTERN` (shards of pictures with
        labels), or `module:callable`, which returns examples in any of the forms of docs/data.md,
        or two of them: to train on, and to study.
    data_dir
        Folder with `mnist/*.gz` and the like; `$HOLISTIC_DATA` by default, a download without it.
    seed
        Decides the train/test split where a data set has none of its own.
    divide
        Whether half of such a data set is set aside to train on; else all is studied.
    classes
        Names of the model's classes in the order of the logits; labels follow the data's own names
        to their places there.
    preparation
        What is done to the inputs.
    prepare
        What turns texts into numbers, if anything does.

    Raises
    ------
    DataError
        If there is no such data set, or a file of it is missing or not what it should be.

    Warns
    -----
    Notice
        Where pictures were turned or stretched, or something left out.
    """
    kind, _, rest = name.partition(":")
    preparation.check(name)
    share = seed if divide else None
    if name == "digits":
        data = _digits(seed)
    elif name in IDX_SETS:
        data = _idx_data(name, data_dir or os.environ.get("HOLISTIC_DATA"))
    elif kind == "folder" and rest:
        data = _folder(name, Path(rest), share, preparation.size)
    elif kind in _PACKED and rest:
        data = _of_given(name, _packed(kind, rest, classes, preparation), share)
        return data.normalised(preparation, owned=True)
    elif kind and rest:
        _check_kind(name, kind)
        with reading_first(preparation.first):
            data = _called(name, share, classes, prepare)
        return data.normalised(preparation, owned=False)
    else:
        allowed = (*DATA_SETS, *_PATHS, "module:callable")
        raise DataError(
            f"no data set '{name}'{nearest(name, DATA_SETS)}; there are {listed(allowed)}"
        )
    return data.called_as(classes).normalised(preparation, owned=True)


def _check_kind(name: str, kind: str) -> None:
    """Refuse what is no module and seems to be a slip of the pen."""
    meant = nearest(f"{kind}:", [path.partition(":")[0] + ":" for path in _PATHS])
    if meant and not findable(kind):
        raise DataError(
            f"no such data '{kind}:'{meant}; there are {listed((*DATA_SETS, *_PATHS))}, and "
            f"'module:callable', of which there is no module '{kind}'"
        )


def _digits(seed: int) -> Data:
    import torch
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images).float()[:, None] / 16  # [N, 1, 8, 8]
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    return _of_given("digits", Given(images, labels, tuple("0123456789")), seed)


def _folder(name: str, path: Path, share: int | None, size: tuple[int, int] | None) -> Data:
    found = read_folder(path, size=size, fewest=0 if share is None else FEWEST)
    for note in found.notes:
        notice(note)
    return _of_given(name, read_given(Given(found.pixels, found.labels, found.classes)), share)


def _packed(kind: str, pattern: str, classes: Any, preparation: Preparation) -> Given:
    from holistic.study.archives import read_packed

    with reading_first(preparation.first):
        return read_given(read_packed(kind, pattern, preparation.size), classes)


def _of_given(name: str, given: Given, seed: int | None) -> Data:
    """Name checked examples; a seed halves each class, one half to train on."""
    whole = Labelled(given.inputs, given.labels)
    names = tuple(str(name) for name in names_in_order(given.classes))
    if seed is None:
        return Data(name, names, None, whole, given.features, given.vocabulary)
    halves = divided(whole.labels.cpu().numpy(), 0.5, seed)
    train, test = (Labelled(rows_of(whole.images, rows), whole.labels[rows]) for rows in halves)
    train = Labelled(apart(train.images)[0], train.labels)  # what is trained here takes no more
    return Data(name, names, train, test, given.features, given.vocabulary)


def _idx_data(name: str, data_dir: str | Path | None) -> Data:
    import torch

    sides = [
        Labelled(
            torch.from_numpy(images).float()[:, None] / 255,  # [N, 1, H, W]
            torch.from_numpy(labels.astype(np.int64)),
        )
        for images, labels in read_set(name, data_dir)
    ]
    train, test = sides
    return Data(name, IDX_SETS[name], train, test)


def _called(
    name: str, seed: int | None, classes: Any, prepare: Callable[[Any], Given] | None
) -> Data:
    """Read what a user's function returns: examples in any form, or two lots of them."""
    result = called(name, imported(name, DataError), DataError)
    if isinstance(result, Data):
        return result.called_as(classes)
    pair = sides(result)
    if pair is None:
        return _of_given(name, _checked(name, result, classes, prepare), seed)
    train, test = (_checked(name, side, classes, prepare) for side in pair)
    if [*train.classes] != [*test.classes] or train.features != test.features:
        raise DataError(
            f"'{name}' returned two sets that name their classes or columns differently; give both "
            "the same names in the same order"
        )
    plain = Labelled(apart(train.inputs)[0], train.labels)
    return replace(_of_given(name, test, None), train=plain)


def _checked(name: str, given: Any, classes: Any, prepare: Callable[[Any], Given] | None) -> Given:
    """Check examples of a callable, whose labels count the classes from 0 on."""
    try:
        found = read_given(given, classes, prepare)
    except DataError as error:
        raise DataError(f"'{name}' returned what can't be studied: {error}") from None
    low, high = int(found.labels.min()), int(found.labels.max())
    if low < 0 or high >= _MOST_CLASSES:
        raise DataError(
            f"'{name}' returned labels from {low} to {high}; they must count the classes from 0 on"
        )
    return found
