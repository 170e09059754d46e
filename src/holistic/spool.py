"""Keeps what is too much for memory in a file without a name, which ends with the program."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast
from weakref import WeakValueDictionary, finalize

import numpy as np

from holistic.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IN_MEMORY", "Spool", "changed", "ends", "release", "scratch", "spooled", "taken"]

IN_MEMORY = 32 << 20
"""Bytes of examples that are held in memory; what is more lies in a file."""
_STEP = 16 << 20
_LEAST = 256 << 20
"""Bytes that a disk is left with."""
_MAPS: WeakValueDictionary[int, mmap.mmap] = WeakValueDictionary()
"""By address, the files that arrays are read from."""


class Spool:
    """Rows `[N, …]` of one shape, written one after another, then read at any place.

    Attributes
    ----------
    shape, kind
        Of one row.
    count
        Rows so far.
    """

    def __init__(self, shape: tuple[int, ...], kind: np.dtype) -> None:
        self.shape, self.kind, self.count = shape, kind, 0
        self._folder = _folder()
        self._file = scratch()
        finalize(self, self._file.close)
        self._checked = 0

    @property
    def nbytes(self) -> int:
        """Bytes so far."""
        return self.count * self._row

    @property
    def _row(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.kind.itemsize

    def add(self, rows: np.ndarray) -> None:
        """Write rows `[B, …]` behind the others.

        Raises
        ------
        DataError
            If the disk has no room for them.
        """
        size = self._row * len(rows)
        self._checked -= size
        if self._checked < 0:
            self._check_room(size)
            self._checked = _STEP
        self._file.write(np.ascontiguousarray(rows, self.kind).data)
        self.count += len(rows)

    def _check_room(self, size: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < size + _STEP + _LEAST:
            self._file.close()
            raise DataError(
                f"the data has given {self.count:,} examples ({self.nbytes / 1e9:.1f} GB), and "
                f"'{self._folder}', where they are kept while they are studied, has "
                f"{free / 1e9:.1f} GB left; set TMPDIR to a folder with more, or read fewer: "
                "--first N, itertools.islice(data, N)"
            )

    def retyped(self, kind: np.dtype) -> Spool:
        """Return the same rows as numbers of another kind."""
        other = Spool(self.shape, kind)
        rows = self.whole()
        for part in _parts(len(rows), self._row):
            other.add(rows[part].astype(kind))
        return other

    def whole(self) -> np.ndarray:
        """Return all rows `[N, …]` as an array that is read from the file where it is used."""
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), max(1, self.nbytes))
        self._file.close()
        rows = np.frombuffer(mapped, self.kind).reshape(self.count, *self.shape)
        _MAPS[rows.ctypes.data] = mapped
        return rows


def scratch() -> BinaryIO:
    """Open an empty file without a name, on a disk with room; it's gone once it is closed."""
    return cast("BinaryIO", tempfile.TemporaryFile(dir=_folder()))


def _folder() -> str:
    """Where files of this size belong: `$TMPDIR`, or what lies on a disk rather than in memory."""
    usual = "/var/tmp"
    own = os.environ.get("TMPDIR") or not os.access(usual, os.W_OK)
    return tempfile.gettempdir() if own else usual


def _parts(count: int, row: int) -> Iterator[slice]:
    """Cut rows of so many bytes into parts that are small in memory."""
    step = max(1, _STEP // max(1, row))
    for start in range(0, count, step):
        yield slice(start, start + step)
        release()


def release() -> None:
    """Let go of the memory that was filled from the files; it is read again where it is used."""
    for mapped in list(_MAPS.values()):
        if hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def spooled(rows: Tensor) -> bool:
    """Say whether a tensor lies in a file."""
    return rows.device.type == "cpu" and rows.untyped_storage().data_ptr() in _MAPS


def taken(rows: Tensor, places: np.ndarray) -> Tensor:
    """Return rows `[M, …]` of a tensor; of one in a file, those that are many in a file too.

    Parameters
    ----------
    rows
        `[N, …]`.
    places
        `[M]`, which ones.
    """
    import torch

    size = len(places) * rows[:1].numel() * rows.element_size()
    if not spooled(rows) or size <= IN_MEMORY:
        found = rows[torch.from_numpy(places)]
        release()
        return found
    return _written(rows, places, lambda some: some)


def ends(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the smallest and the largest number of a tensor, NaN where there is one.

    Parameters
    ----------
    rows
        `[N, …]`, gone through part by part where it lies in a file.
    """
    import torch

    if not spooled(rows):
        return torch.aminmax(rows)
    parts = _parts(len(rows), rows[:1].numel() * rows.element_size())
    found = [torch.stack(torch.aminmax(rows[part])) for part in parts]
    return torch.aminmax(torch.stack(found))


def changed(rows: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what a change of each row `[…]` makes of a tensor; of one in a file, in a file too.

    Parameters
    ----------
    rows
        `[N, …]`.
    change
        From rows `[B, …]` to as many.
    """
    if not spooled(rows):
        return change(rows)
    return _written(rows, np.arange(len(rows)), change)


def _written(rows: Tensor, places: np.ndarray, change: Callable[[Tensor], Tensor]) -> Tensor:
    import torch

    spool = None
    for part in _parts(len(places), rows[:1].numel() * rows.element_size()):
        some = change(rows[torch.from_numpy(places[part])]).numpy()
        spool = spool or Spool(some.shape[1:], some.dtype)
        spool.add(some)
    return rows[:0] if spool is None else torch.from_numpy(spool.whole())
