"""Keeps finished pieces of a lens's work in files, until the lens itself is saved."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from holistic.packed import Unpackable, digest, pack, size_of, unpack
from holistic.pieces import Call, keep_in
from holistic.results.files import check_target, opened, write_whole

__all__ = ["FOLDER", "Shards", "finished_pieces", "index"]

T = TypeVar("T")

FOLDER = ".unfinished"
"""Folder in an audit's folder."""
_EVERY = 2.0
"""Seconds between two files."""
_RATE = 4e6
"""Bytes that a second of work may leave: what is written faster is computed as fast."""
_SMALL = 1 << 14
_MARK = b"holistic pieces 1\n"
_log = logging.getLogger("holistic")


@dataclass
class Counts:
    """What became of the pieces of one run.

    Attributes
    ----------
    computed, loaded
        Pieces that no other piece encloses.
    seconds
        Time that the computed ones took.
    """

    computed: int = 0
    loaded: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Place:
    """Where in a file a piece lies, and the SHA-256 of its bytes."""

    path: Path
    start: int
    size: int
    sum: str


@dataclass(eq=False)
class Shards:
    """Pieces by the digest of what decides them; those that are finished lie in files.

    Attributes
    ----------
    folder
        Where the files are; made when there is something to write.
    within
        Folder of the audit.
    key
        What decides all pieces: the files of another key are removed.
    counts
        What became of the pieces.
    rhythm
        Seconds between two files.
    """

    folder: Path
    within: Path
    key: str
    rhythm: float = field(default_factory=lambda: _EVERY)
    counts: Counts = field(default_factory=Counts)
    _places: dict[str, _Place] = field(default_factory=dict[str, _Place], repr=False)
    _waiting: dict[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    """Pieces that aren't written yet."""
    _open: list[list[str]] = field(default_factory=list[list[str]], repr=False)
    """For each piece that is being computed, the pieces that were kept within it."""
    _written: float = field(default_factory=time.monotonic, repr=False)
    _number: int = 0

    def load(self) -> None:
        """Find out what an earlier run has left; what is damaged counts as never computed."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            return
        for path in sorted(self.folder.iterdir()):
            named = re.fullmatch(rf"{self.key[:16]}-(\d{{1,9}})\.pieces", path.name)
            places = index(path) if named else None
            if named is None or places is None:
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            self._number = max(self._number, int(named[1]) + 1)
            self._places.update(places)

    def once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """Return what was computed under this key before, else compute it and keep it."""
        try:
            name = digest(key)
        except Unpackable:
            return compute()
        if (found := self._known(name)) is not None:
            self.counts.loaded += not self._open
            return found[0]
        self._open.append([])
        start = time.perf_counter()
        try:
            value = compute()
        finally:
            inner = self._open.pop()
        self._finish(name, value, inner, time.perf_counter() - start)
        return value

    def each(self, calls: Iterable[Call[T]]) -> Iterator[T]:
        """Yield pieces in their order, each computed when it is asked for."""
        for key, compute in calls:
            yield self.once(key, compute)

    def has(self, name: str) -> bool:
        """Say whether a piece was finished before."""
        return name in self._waiting or name in self._places

    def _finish(self, name: str, value: object, inner: list[str], seconds: float) -> None:
        """Keep a piece in place of those within it."""
        if not self._open:
            self.counts.computed += 1
            self.counts.seconds += seconds
        if self._kept(name, value, seconds):
            for one in inner:
                self._waiting.pop(one, None)
                self._places.pop(one, None)
            inner = [name]
        if self._open:
            self._open[-1].extend(inner)
        if time.monotonic() - self._written > self.rhythm:
            self.write()

    def _kept(self, name: str, value: object, seconds: float) -> bool:
        """Keep a piece unless it is so large that computing it again costs as much."""
        try:
            if size_of(value) > max(_SMALL, _RATE * seconds):
                return False
            self._waiting[name] = pack(value)
        except Unpackable:
            return False
        return True

    def _known(self, name: str) -> tuple[Any] | None:
        """A piece that was computed before, alone in a tuple."""
        content = self._waiting.get(name)
        if content is None and name in self._places:
            content = _read(self._places[name])
        if content is None:
            return None
        try:
            return (unpack(content),)
        except (Unpackable, ValueError, KeyError, TypeError, AttributeError, ImportError):
            return None

    def write(self) -> None:
        """Write what waits into a file of its own, and remove files that nobody needs any more."""
        self._written = time.monotonic()
        if not self._waiting:
            return
        path = self.folder / f"{self.key[:16]}-{self._number}.pieces"
        content, places = _joined(path, self._waiting)
        try:
            write_whole(path, lambda place: place.write_bytes(content), within=self.within)
            self._places.update(places)
            needed = {place.path for place in self._places.values()}
            for old in self.folder.glob("*.pieces"):
                if old not in needed:
                    old.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("finished work can't be kept in '%s': %s", self.folder, error)
        self._number += 1
        self._waiting.clear()
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove all files: what they were for is saved."""
        self._waiting.clear()
        self._places.clear()
        if self.folder.is_symlink() or not self.folder.is_dir():
            return
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()
            self.folder.parent.rmdir()


@contextmanager
def finished_pieces(
    audit: Path, lens: str, key: str, store: Callable[[Path, Path, str], Shards] = Shards
) -> Generator[Shards]:
    """Keep the pieces of a lens's work beside its audit, until the lens itself is saved.

    Parameters
    ----------
    audit
        Folder of the audit.
    lens
        Name of the lens.
    key
        Digest of all that decides its findings.
    store
        Makes what keeps them, of its folder, the audit's and the key.
    """
    folder = audit / FOLDER / lens
    check_target(folder / "0.pieces", within=audit)
    shards = store(folder, audit, key)
    shards.load()
    try:
        with keep_in(shards):
            yield shards
    except BaseException:
        shards.write()
        raise


def _joined(path: Path, pieces: Mapping[str, bytes]) -> tuple[bytes, dict[str, _Place]]:
    """The bytes of a file of some pieces: first where each is, and then the pieces."""
    starts, at = dict[str, list[Any]](), 0
    for name, content in pieces.items():
        starts[name] = [at, len(content), hashlib.sha256(content).hexdigest()]
        at += len(content)
    head = json.dumps(starts).encode()
    first = _MARK + f"{hashlib.sha256(head).hexdigest()} {len(head)}\n".encode()
    return b"".join((first, head, *pieces.values())), _placed(path, starts, len(first) + len(head))


def _placed(path: Path, starts: Mapping[str, Any], offset: int) -> dict[str, _Place]:
    return {
        name: _Place(path, start + offset, size, s) for name, (start, size, s) in starts.items()
    }


def index(path: Path) -> dict[str, _Place] | None:
    """Where the pieces of a file are; None where it is damaged."""
    try:
        with opened(path) as file:
            if file.readline(100) != _MARK:
                return None
            line = file.readline(200)
            named, size = line.split()
            head = file.read(min(int(size), path.stat().st_size))
        if hashlib.sha256(head).hexdigest().encode() != named:
            return None
        return _placed(path, json.loads(head), len(_MARK) + len(line) + len(head))
    except (OSError, ValueError, TypeError):
        return None


def _read(place: _Place) -> bytes | None:
    """The bytes of a piece; None where they aren't what was written."""
    try:
        with opened(place.path) as file:
            file.seek(place.start)
            content = file.read(place.size)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == place.sum else None
